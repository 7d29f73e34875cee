# A step of an optimizer, of which each member of a team takes a share. It begins with the sums over
# all weights (`check_gradients`), then for each run of weights that are treated alike:
#
#     mean of accumulated gradients, clipping, weight decay | the formula | averaged weights
#
# If none of these options is on, optimizer.segments is NULL, and a step is update_weights alone.

cdef inline bint is_small(double clip) noexcept nogil:
    """Return whether gradients are clipped to numbers with finite squares in both types."""
    return 0 < clip < 2.0**60


cdef inline bint needs_squares(const Optimizer* optimizer) noexcept nogil:
    """Return whether the squares of the gradients go into the slots: they have to be finite, too.

    Otherwise the slots would be infinite and, without an error, no weight would ever move again.
    """
    cdef const Options* options = optimizer.options
    if (optimizer.kind == UPDATE_SGD or optimizer.kind == UPDATE_ADAMAX
            or optimizer.kind == UPDATE_LION):
        return False
    return optimizer.segments == NULL or not (
        is_small(options.clipnorm) or is_small(options.clipvalue)
        or is_small(options.global_clipnorm))


cdef bint check_gradients(const Optimizer* optimizer, int64_t iteration, int64_t begin, int64_t end,
                          int64_t size, int64_t rank, real* g) noexcept nogil:
    """Return whether the gradients from begin to end are finite, and their squares where they are
    needed; compute the sums for update_share.

    All members have to finish this before the first of them calls update_share.
    """
    cdef const Segment* segment
    cdef bint fine = True, squares = needs_squares(optimizer)
    cdef int64_t s, first, last
    if optimizer.segments == NULL:
        if squares:
            return all_squares_finite(end - begin, <const real*>g + begin)
        return all_finite(end - begin, <const real*>g + begin)
    if optimizer.segment_count == 0:
        return True
    for s in range(optimizer.segment_count):
        segment = optimizer.segments + s
        first = max(begin, segment.offset)
        last = min(end, segment.offset + segment.size)
        if first < last:
            fine = fine and (
                all_squares_finite(last - first, <const real*>g + first) if squares
                else all_finite(last - first, <const real*>g + first))
    if (
        (optimizer.options.clipnorm > 0 or optimizer.options.global_clipnorm > 0)
        and is_update_step(optimizer, iteration)
    ):
        sum_squares(optimizer, size, rank, g)
    return fine


cdef void add_to_sums(int64_t n, const real* g, real* sums) noexcept nogil:
    cdef int64_t i
    for i in range(n):
        sums[i] += g[i]


cdef void take_mean(int64_t n, real accumulation, real* g, real* sums) noexcept nogil:
    """Compute g = (sums + g) / accumulation, and reset the sums."""
    cdef int64_t i
    for i in range(n):
        g[i] = (sums[i] + g[i]) / accumulation
        sums[i] = 0


cdef void scale_gradients(int64_t n, real factor, real* g) noexcept nogil:
    cdef int64_t i
    for i in range(n):
        g[i] *= factor


cdef void clip_gradients(int64_t n, real limit, real* g) noexcept nogil:
    cdef int64_t i
    for i in range(n):
        g[i] = select(g[i] > limit, limit, select(g[i] < -limit, -limit, g[i]))


cdef bint decay_weights(int64_t n, real share, real* w) noexcept nogil:
    """Subtract share w from w; return whether all of it stayed finite."""
    cdef bint fine = True
    cdef real decayed
    cdef int64_t i
    for i in range(n):
        decayed = fmadd(-share, w[i], w[i])
        fine = fine and is_finite(decayed)
        w[i] = select(is_finite(decayed), decayed, w[i])
    return fine


cdef void average_weights(int64_t n, real momentum, real rest, bint overwrite, real* w,
                          real* average) noexcept nogil:
    """Compute average = momentum average + rest w, and with `overwrite` then w = average."""
    cdef int64_t i
    for i in range(n):
        average[i] = fmadd(momentum, average[i], rest * w[i])
    if overwrite:
        for i in range(n):
            w[i] = average[i]


cdef int update_range(const Optimizer* optimizer, const Step* step, double factor,
                      const Segment* segment, int64_t first, int64_t last, real* w,
                      real* g) noexcept nogil:
    """Take a step of the weights first ... last - 1, in segments that are treated alike.

    factor: of their gradients.
    """
    cdef const Options* options = optimizer.options
    cdef int variant = variant_of(optimizer)
    cdef double updates = <double>updates_before(optimizer, step.iteration)
    cdef int64_t n = last - first
    cdef real* sums = sums_of_gradients(optimizer, g)
    cdef real* average = <real*>optimizer.slots + slots_of(variant) * optimizer.slot_size
    cdef double momentum
    cdef bint fine = True
    if options.accumulation > 1:
        take_mean(n, <real>options.accumulation, g + first, sums + first)
    if factor != 1:
        scale_gradients(n, <real>factor, g + first)
    if options.clipvalue > 0:
        clip_gradients(n, <real>options.clipvalue, g + first)
    if options.weight_decay != 0 and segment.decayed:
        fine = decay_weights(n, <real>(options.weight_decay * step.rate), w + first)
    if variant >= LAMB:
        fine = update_variable(optimizer, segment, step.rate, updates + 1, w, g) and fine
    else:
        fine = update_weights(optimizer, step, first, last, w,
                              <const real*>g) == STATUS_FINE and fine
    if options.use_ema:
        momentum = options.ema_momentum if updates > 0 else 0
        average_weights(
            n, <real>momentum, <real>(1 - momentum),
            options.ema_frequency > 0
            and (<int64_t>updates + 1) % options.ema_frequency == 0,
            w + first, average + first)
    return STATUS_FINE if fine else STATUS_UPDATE


cdef int update_segments(const Optimizer* optimizer, const Step* step, int64_t begin, int64_t end,
                         int64_t rank, real* w, real* g) noexcept nogil:
    cdef const Segment* segments = optimizer.segments
    cdef int64_t count = optimizer.segment_count
    cdef const Options* options = optimizer.options
    cdef bint whole = variant_of(optimizer) >= LAMB, apart = whole or options.clipnorm > 0
    cdef double factor = 1, norm
    cdef int status = STATUS_FINE
    cdef int64_t s = 0, t, first, last
    if count == 0:
        return status
    if whole:  # the first member takes all of it
        begin = 0
        end = segments[count - 1].offset + segments[count - 1].size if rank == 0 else 0
    if not is_update_step(optimizer, step.iteration):
        for s in range(count):
            first = max(begin, segments[s].offset)
            last = min(end, segments[s].offset + segments[s].size)
            if first < last:
                add_to_sums(last - first, <const real*>g + first,
                            sums_of_gradients(optimizer, g) + first)
        return status
    if options.global_clipnorm > 0:
        norm = norm_of(optimizer, 0, count, options.other_squares)
        factor = options.global_clipnorm / max(norm, options.global_clipnorm)
    while s < count:
        t = s + 1
        last = segments[s].offset + segments[s].size
        while (
            not apart and t < count and segments[t].offset == last
            and segments[t].decayed == segments[s].decayed
        ):
            last += segments[t].size
            t += 1
        first = max(begin, segments[s].offset)
        last = min(end, last)
        if first < last:
            if options.clipnorm > 0:
                norm = norm_of(optimizer, s, t, 0)
                factor = options.clipnorm / max(norm, options.clipnorm)
            if update_range(optimizer, step, factor, segments + s, first, last, w,
                            g) != STATUS_FINE:
                status = STATUS_UPDATE
        s = t
    return status


cdef inline int update_share(const Optimizer* optimizer, const Step* step, int64_t begin,
                             int64_t end, int64_t rank, real* w, real* g) noexcept nogil:
    """Take a member's share of a step, the weights begin ... end - 1: return a Status.

    Gradients may be changed. See update_weights.
    """
    if optimizer.segments == NULL:
        return update_weights(optimizer, step, begin, end, w, <const real*>g)
    return update_segments(optimizer, step, begin, end, rank, w, g)
