# The loops that apply the function of a weight to flat vectors. A weight that would not be finite
# keeps its value; one whose slots would not be keeps both.

cdef inline bint all_zero(real* s) noexcept nogil:
    """Return whether 16 numbers, of which each is 0 or NaN, are 0."""
    cdef int j
    for j in range(8):
        s[j] += s[j + 8]
    for j in range(4):
        s[j] += s[j + 4]
    return (s[0] + s[2]) + (s[1] + s[3]) == 0


cdef inline real number_or_square(const bint squared, real x) noexcept nogil:
    return x * x if squared else x


cdef inline bint finite_run(const bint squared, int64_t n, const real* x) noexcept nogil:
    """Return whether every element, or its square, is finite: times 0 it is 0 then, else NaN."""
    cdef real[2][16] s
    cdef int64_t i = 0
    cdef int j, k
    for k in range(2):
        for j in range(16):
            s[k][j] = 0
    while i + 32 <= n:
        for k in range(2):
            for j in range(16):
                s[k][j] = fmadd(number_or_square(squared, x[i + 16 * k + j]), 0, s[k][j])
        i += 32
    if i < n and n >= 32:
        # a block that overlaps with the one before
        for k in range(2):
            for j in range(16):
                s[k][j] = fmadd(number_or_square(squared, x[n - 32 + 16 * k + j]), 0, s[k][j])
        i = n
    while i + 4 <= n:
        for j in range(4):
            s[0][j] = fmadd(number_or_square(squared, x[i + j]), 0, s[0][j])
        i += 4
    while i < n:
        s[0][0] = fmadd(number_or_square(squared, x[i]), 0, s[0][0])
        i += 1
    for j in range(16):
        s[0][j] += s[1][j]
    return all_zero(s[0])


cdef bint all_finite(int64_t n, const real* x) noexcept nogil:
    return finite_run(False, n, x)


cdef bint all_squares_finite(int64_t n, const real* x) noexcept nogil:
    return finite_run(True, n, x)


cdef inline void update_some(const int variant, const int lanes, real* w, const real* g,
                             real* slots, int64_t slot_size, const real* c,
                             real* check) noexcept nogil:
    """Update `lanes` weights, a constant; check stays 0 if all of them moved."""
    cdef real[UPDATE_LANES] old, new, fine
    cdef real[SLOT_LIMIT][UPDATE_LANES] kept
    cdef int j, k
    for k in range(slots_of(variant)):
        for j in range(lanes):
            kept[k][j] = slots[k * slot_size + j]
    for j in range(lanes):
        old[j] = w[j]
    for j in range(lanes):
        new[j] = moved(variant, old[j], g[j], &kept[0][j], &kept[1][j], &kept[2][j], c)
    if slots_may_overflow(variant):
        for j in range(lanes):
            fine[j] = 0
        for k in range(slots_of(variant)):
            for j in range(lanes):
                fine[j] = fmadd(kept[k][j], 0, fine[j])
        for k in range(slots_of(variant)):
            for j in range(lanes):
                kept[k][j] = select(fine[j] == 0, kept[k][j], slots[k * slot_size + j])
    for k in range(slots_of(variant)):
        for j in range(lanes):
            slots[k * slot_size + j] = kept[k][j]
    if slots_may_overflow(variant):
        for j in range(lanes):
            fine[j] = fmadd(new[j], 0, fine[j])
            w[j] = select(fine[j] == 0, new[j], old[j])
            check[j] += fine[j]
    else:
        for j in range(lanes):
            w[j] = new[j] if is_finite(new[j]) else old[j]
            check[j] = fmadd(new[j], 0, check[j])


cdef void take_few(int64_t n, const real* x, real* lanes) noexcept nogil:
    """Copy n < UPDATE_LANES elements to lanes; others repeat the first element."""
    cdef int j
    for j in range(UPDATE_LANES):
        lanes[j] = x[0]
    copy_part(n, x, lanes)


cdef void give_few(int64_t n, const real* lanes, real* x) noexcept nogil:
    """Copy n < UPDATE_LANES lanes back."""
    copy_part(n, lanes, x)


cdef inline void take_lanes(int64_t n, const real* x, real* lanes) noexcept nogil:
    """Copy n elements to UPDATE_LANES lanes."""
    cdef int j
    if n < UPDATE_LANES:
        take_few(n, x, lanes)
        return
    for j in range(UPDATE_LANES):
        lanes[j] = x[j]


cdef inline void give_lanes(int64_t n, const real* lanes, real* x) noexcept nogil:
    """Copy n of UPDATE_LANES lanes back."""
    cdef int j
    if n < UPDATE_LANES:
        give_few(n, lanes, x)
        return
    for j in range(UPDATE_LANES):
        x[j] = lanes[j]


cdef inline bint update_run(const int variant, int64_t n, real* w, const real* g, real* slots,
                            int64_t slot_size, const real* c) noexcept nogil:
    """Update n weights; return whether all of them moved."""
    cdef real[UPDATE_LANES] check
    cdef int64_t i = 0
    cdef int j
    if slots_of(variant) > 0:
        return update_blocks(variant, n, w, g, slots, slot_size, c)
    for j in range(UPDATE_LANES):
        check[j] = 0
    while i + UPDATE_LANES <= n:
        update_some(variant, UPDATE_LANES, w + i, g + i, slots, slot_size, c, check)
        i += UPDATE_LANES
    while i + 4 <= n:
        update_some(variant, 4, w + i, g + i, slots, slot_size, c, check)
        i += 4
    while i < n:
        update_some(variant, 1, w + i, g + i, slots, slot_size, c, check)
        i += 1
    return all_zero(check)


cdef inline bint update_blocks(const int variant, int64_t n, real* w, const real* g, real* slots,
                               int64_t slot_size, const real* c) noexcept nogil:
    """Do update_run by blocks of UPDATE_LANES weights.

    A rest would be slow, root by root and division by division. So, if there is one, the last
    UPDATE_LANES weights come first, copied, and are stored at the end: where they overlap with the
    block before, both give the same.
    """
    cdef real[UPDATE_LANES] check, last_w, last_g
    cdef real[SLOT_LIMIT][UPDATE_LANES] last_slots
    cdef bint rest = n % UPDATE_LANES != 0
    cdef int64_t blocks = n // UPDATE_LANES + rest
    cdef int64_t count = min(n, <int64_t>UPDATE_LANES), last = n - count
    cdef real* at_w = w
    cdef const real* at_g = g
    cdef real* at_slots = slots
    cdef int64_t at_size = slot_size
    cdef int j, k
    for j in range(UPDATE_LANES):
        check[j] = 0
    if rest:
        take_lanes(count, <const real*>w + last, last_w)
        take_lanes(count, g + last, last_g)
        for k in range(slots_of(variant)):
            take_lanes(count, <const real*>slots + k * slot_size + last, last_slots[k])
        at_w = last_w
        at_g = last_g
        at_slots = &last_slots[0][0]
        at_size = UPDATE_LANES
    while blocks > 0:
        update_some(variant, UPDATE_LANES, at_w, at_g, at_slots, at_size, c, check)
        blocks -= 1
        if at_w == last_w:
            at_w = w
            at_g = g
            at_slots = slots
            at_size = slot_size
        else:
            at_w += UPDATE_LANES
            at_g += UPDATE_LANES
            at_slots += UPDATE_LANES
    if rest:
        give_lanes(count, <const real*>last_w, w + last)
        for k in range(slots_of(variant)):
            give_lanes(count, <const real*>last_slots[k], slots + k * slot_size + last)
    return all_zero(check)


cdef bint update_by_another(int variant, int64_t n, real* w, const real* g, real* slots,
                            int64_t size, const real* c) noexcept nogil:
    """Update by the variants that are neither SGD nor kinds of Adam, see update_weights."""
    if variant == PLAIN_RMSPROP:
        return update_run(PLAIN_RMSPROP, n, w, g, slots, size, c)
    elif variant == MOMENTUM_RMSPROP:
        return update_run(MOMENTUM_RMSPROP, n, w, g, slots, size, c)
    elif variant == CENTERED_RMSPROP:
        return update_run(CENTERED_RMSPROP, n, w, g, slots, size, c)
    elif variant == CENTERED_MOMENTUM_RMSPROP:
        return update_run(CENTERED_MOMENTUM_RMSPROP, n, w, g, slots, size, c)
    elif variant == ADAGRAD:
        return update_run(ADAGRAD, n, w, g, slots, size, c)
    elif variant == ADADELTA:
        return update_run(ADADELTA, n, w, g, slots, size, c)
    elif variant == ROOT_FTRL:
        return update_run(ROOT_FTRL, n, w, g, slots, size, c)
    elif variant == POWER_FTRL:
        return update_run(POWER_FTRL, n, w, g, slots, size, c)
    return update_run(LION, n, w, g, slots, size, c)


cdef int update_weights(const Optimizer* optimizer, const Step* step, int64_t first, int64_t last,
                        real* w, const real* g) noexcept nogil:
    """Take one step of the weights first ... last - 1: return a Status."""
    cdef real[CONSTANT_LIMIT] c
    cdef real* slots = <real*>optimizer.slots + first
    cdef int64_t size = optimizer.slot_size, n = last - first
    cdef int variant = variant_of(optimizer)
    cdef bint fine
    if optimizer.kind == UPDATE_FTRL and step.rate == 0:
        return STATUS_FINE  # its formula divides by the rate
    w += first
    g += first
    rounded_settings(
        optimizer, step.rate, step.scale,
        <double>(updates_before(optimizer, step.iteration) + 1), c)
    if variant == PLAIN_ADAM:
        fine = update_run(PLAIN_ADAM, n, w, g, slots, size, c)
    elif variant == PLAIN_SGD:
        fine = update_run(PLAIN_SGD, n, w, g, slots, size, c)
    elif variant == MOMENTUM_SGD:
        fine = update_run(MOMENTUM_SGD, n, w, g, slots, size, c)
    elif variant == NESTEROV_SGD:
        fine = update_run(NESTEROV_SGD, n, w, g, slots, size, c)
    elif variant == AMSGRAD_ADAM:
        fine = update_run(AMSGRAD_ADAM, n, w, g, slots, size, c)
    elif variant == ADAMAX:
        fine = update_run(ADAMAX, n, w, g, slots, size, c)
    elif variant == NADAM:
        fine = update_run(NADAM, n, w, g, slots, size, c)
    else:
        fine = update_by_another(variant, n, w, g, slots, size, c)
    return STATUS_FINE if fine else STATUS_UPDATE
