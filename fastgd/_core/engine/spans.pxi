# Spans of training steps, or of rows to evaluate or predict, by a team: see Span in kernels.pxd. A
# member reads the span before its first barrier; rank 0 writes where it stopped after its last.

cdef enum:
    BLOCK_ROWS = 128        # that evaluate and predict take at a time: they stay in the cache

# Flags between the members of a team. A flag is read only after a barrier that comes before the
# next place where it may be raised: so all members see the same.
cdef enum:
    INTERRUPT_FLAG = 16     # raised before the first barrier of a step
    LOSS_FLAG = 1           # between the first and the second
    GRADIENT_FLAG = 2       # between the second and the third
    UPDATE_FLAG = 4         # between the third and the fourth
    END_FLAG = 8            # the span ends here: before the last


# Python handles signals: a long step checks for them between blocks of its rows.
cdef extern from *:
    """
    static inline int fastgd_pending_error(void) { return PyErr_Occurred() ? -1 : 0; }
    """
    int PyErr_CheckSignals() noexcept
    int raise_pending "fastgd_pending_error"() except -1

cdef enum:
    STEP_BLOCK_ROWS = 1024          # rows at least, and
    STEP_BLOCK_WORK = 1 << 28       # about as many multiply-adds, between two looks at the clock

cdef double SIGNAL_SECONDS = 0.03


cdef bint is_interrupted() noexcept with gil:
    """Return whether a signal's handler has raised an exception; it is then pending."""
    return PyErr_CheckSignals() != 0


# A member's part of a batch: its rows, and its scratch.
cdef struct Part:
    int64_t row
    int64_t row_end
    void* scratch
    const Team* team    # may be NULL for rank 0
    int64_t rank


cdef bint forward_backward(const NetworkKernels* kernels, const Network* net, const Batch* batch,
                           bint everything, const Part* part) noexcept nogil:
    """Compute outputs, losses and the gradients of the buffers for some rows of a batch.

    Returns whether rank 0 was interrupted; the others may stop when it was.
    """
    cdef int64_t block = max(<int64_t>STEP_BLOCK_ROWS, STEP_BLOCK_WORK // (1 + net.parameter_count))
    cdef int64_t row = part.row, rows
    cdef double next_look = 0
    if net.coupled or net.couples_rows or net.calls != NULL:
        block = part.row_end - row
    while row < part.row_end:
        rows = min(block, part.row_end - row)
        kernels.forward(net, batch, everything, row, rows, batch.x, part.scratch)
        kernels.score(net, batch, row, rows, batch.y, batch.x, True, part.scratch)
        kernels.backward(net, batch, net.flags, row, rows, batch.x, NULL, part.scratch)
        if batch.clip > 0:
            kernels.clip_rows(net, batch, net.flags, row, rows, batch.x, NULL, part.scratch)
        row += rows
        if has_failed(net):
            return True
        if part.rank > 0:
            if flags(part.team) & INTERRUPT_FLAG:
                break
        elif row < part.row_end:
            if next_look == 0:
                next_look = now() + SIGNAL_SECONDS
            elif now() > next_look:
                if is_interrupted():
                    return True
                next_look = now() + SIGNAL_SECONDS
    return False


# Whether dense chains have a step of their own: the tests switch it off.
cdef bint chains = True


def use_chains(bint used):
    """Let dense chains train by a step of their own, or by the general one: the bits are equal."""
    global chains
    chains = used


cdef inline int64_t steps_between_looks(const Network* net, int64_t rows) noexcept nogil:
    """Return how many steps of `rows` rows take about a millisecond: the clock is read as often."""
    return 1 + 1000000 // (1000 + net.parameter_count * rows)


cdef void train_steps(Span* span, Team* team, int64_t rank) noexcept nogil:
    """Train from span.step on, until span.last_step or the deadline.

    A step is two parts between barriers. In the first each member takes some rows of the batch
    forward and back, and adds up the parameters' gradients over whole chunks of them, if there are
    chunks; in the second it takes some of the parameters, whose gradients are sums over all rows.
    """
    cdef const NetworkKernels* kernels = span.kernels
    cdef const Network* net = span.net
    cdef int64_t size = team.size, met = passed(team)
    cdef int64_t x_width = net.width[0], y_width = net.target_width
    cdef bint everything = net.metric_count > 0 or net.coupled
    cdef int64_t looks = steps_between_looks(net, span.batch_size)
    cdef int64_t next_look = span.step + looks, at = span.step
    cdef int64_t begin = share_begin(net.parameter_count, UPDATE_LANES, size, rank)
    cdef int64_t end = share_begin(net.parameter_count, UPDATE_LANES, size, rank + 1)
    cdef int64_t first, y_row, y_end, chunks, chunk = 0, last_chunk = 0, trouble = 0
    cdef double penalty = 0, share = 1
    cdef const Privacy* privacy = span.privacy
    cdef int64_t x_bytes = x_width * itemsize(net), y_bytes = y_width * itemsize(net)
    cdef const char* batch_x = <const char*>net.batch
    cdef const char* batch_y = batch_x + net.capacity * x_bytes
    cdef double[SCALE_STEPS] scales
    cdef int scaled = SCALE_STEPS
    cdef bint points = net.is_chain and net.width[net.rows[0].target] > 1, chained = False
    cdef Batch batch
    cdef Step step
    cdef Part part
    cdef ChainPart links
    part.scratch = <char*>net.scratch + rank * net.scratch_size
    if net.is_chain:
        kernels.begin_chain(
            net, min(most_rows(span), <int64_t>CHAIN_ROWS), batch_x, part.scratch)
    part.team = team
    part.rank = rank
    batch.training = True
    batch.clip = 0 if privacy == NULL else privacy.clip
    step.iteration = span.optimizer.iterations[0]
    while at < span.last_step and not trouble:
        if scaled == SCALE_STEPS:
            kernels.step_scales(
                span.optimizer, step.iteration, span.rates if span.one_rate else span.rates + at,
                span.one_rate, <int>min(<int64_t>SCALE_STEPS, span.last_step - at), scales)
            scaled = 0
        if privacy == NULL:
            first = at * span.batch_size
            batch.rows = min(span.batch_size, span.rows - first)
        else:
            first = privacy.sample.starts[at]
            batch.rows = privacy.sample.starts[at + 1] - first
            if batch.rows == 0:
                clear(net, begin, end)
        batch.key = draw(span.key, at)
        chunks = shard_count(span, batch.rows)
        if chunks > 1:
            own_chunks(span, chunks, team, rank, &chunk, &last_chunk)
            part.row = chunk_begin(batch.rows, chunks, chunk)
            part.row_end = chunk_begin(batch.rows, chunks, last_chunk)
        else:
            chunk, last_chunk = 0, 1
            part.row = share_begin(batch.rows, kernels.rows, size, rank)
            part.row_end = share_begin(batch.rows, kernels.rows, size, rank + 1)
        batch.x = batch_x
        batch.y = batch_y
        chained = chains and net.is_chain and (size == 1 or chunks > 1) and (
            batch.rows <= CHAIN_ROWS)
        if chained and points:
            kernels.point(first + part.row, first + part.row_end, span.order, span.places,
                          x_width, span.x, net.pointers + part.row)
        elif not chained and span.order == NULL and span.places == NULL:
            batch.x = <const char*>span.x + first * x_bytes
        else:
            kernels.gather(first + part.row, first + part.row_end, span.order, span.places,
                           x_width, span.x, <void*>(batch_x + part.row * x_bytes))
        if span.order == NULL and not chained:
            batch.y = <const char*>span.y + first * y_bytes
        else:
            y_row, y_end = part.row, part.row_end
            if span.ranks != NULL:  # whose scores are those of all rows
                y_row = share_begin(batch.rows, 1, size, rank)
                y_end = share_begin(batch.rows, 1, size, rank + 1)
            kernels.gather(first + y_row, first + y_end, span.order, NULL, y_width,
                           span.y, <void*>(batch_y + y_row * y_bytes))
            if net.counts_rows or span.ranks != NULL:
                meet(team, &met)  # a row's loss needs the others' targets
        if batch.rows == 0:
            pass
        elif chained:
            links = ChainPart(
                row=part.row, row_end=part.row_end, chunks=chunks, chunk=chunk,
                last_chunk=last_chunk)
            kernels.chain_step(net, &batch, &links, batch.y, part.scratch)
        elif forward_backward(kernels, net, &batch, everything, &part):
            raise_flag(team, INTERRUPT_FLAG)
        elif chunks > 1:
            kernels.chunk_gradients(
                net, &batch, net.flags, batch.x, part.scratch, chunks, chunk, last_chunk)
        meet(team, &met)
        if span.ranks != NULL:
            if rank == 0 and (flags(team) & INTERRUPT_FLAG or exchange_step(
                    span, &batch, chunks, step.iteration)):
                raise_flag(team, INTERRUPT_FLAG)
            meet(team, &met)
        trouble = flags(team) & INTERRUPT_FLAG
        if trouble:
            break
        if privacy != NULL:
            share = 1 / privacy.divisor
        elif net.penalties.count:
            share = kernels.batch_share(net, &batch, batch.y)
        if rank == 0:
            if net.penalties.count:
                penalty = kernels.penalty_value(
                    &net.penalties, share, net.parameters, part.scratch)
            # without rows there is nothing to add, and no metric in Python is called
            if batch.rows > 0 and kernels.add_scores(
                    net, &batch, batch.x, batch.y, privacy == NULL, penalty,
                    span.totals) != STATUS_FINE:
                raise_flag(team, LOSS_FLAG)
        if chunks > 1:
            kernels.add_chunks(net, chunks, begin, end, net.gradients)
        elif not chained and batch.rows > 0:
            kernels.share_gradients(net, &batch, net.flags, batch.x, part.scratch, size, rank)
        meet(team, &met)
        if privacy != NULL:
            finish_sum(kernels, net, privacy, at, begin, end)
        if net.penalties.count:
            kernels.add_penalty_gradients(
                &net.penalties, share, begin, end, net.parameters, net.gradients)
        if net.penalties.count or privacy != NULL:
            meet(team, &met)  # norms are sums over the others' shares too
        if not flags(team) & LOSS_FLAG and not kernels.check_gradients(
                span.optimizer, step.iteration, begin, end, size, rank, net.gradients):
            raise_flag(team, GRADIENT_FLAG)
        meet(team, &met)
        trouble = flags(team) & (LOSS_FLAG | GRADIENT_FLAG)
        if trouble:
            break
        step.rate = span.rates[0 if span.one_rate else at]
        step.scale = scales[scaled]
        if kernels.update(span.optimizer, &step, begin, end, rank, net.parameters,
                          net.gradients) != STATUS_FINE:
            raise_flag(team, UPDATE_FLAG)
        if net.coupled and kernels.move_moments(net, batch.x) != STATUS_FINE:
            raise_flag(team, UPDATE_FLAG)
        if net.constraints.count:
            meet(team, &met)
            kernels.constrain(&net.constraints, net.parameters, size, rank)
        scaled += 1
        step.iteration += 1
        at += 1
        if rank == 0 and (at >= next_look or has_failed(net)):
            next_look = at + looks
            if now() > span.deadline or has_failed(net):
                raise_flag(team, END_FLAG)
        meet(team, &met)
        # An interruption belongs to the next step, whose first barrier all must reach.
        trouble = flags(team) & (UPDATE_FLAG | END_FLAG)
    if rank == 0:
        span.optimizer.iterations[0] = step.iteration
        span.status = STATUS_FINE
        if trouble & LOSS_FLAG:
            span.status = STATUS_LOSS
        elif trouble & GRADIENT_FLAG:
            span.status = STATUS_GRADIENT
        elif trouble & UPDATE_FLAG:
            span.status = STATUS_UPDATE
            at -= 1
        span.step = at


cdef void apply_steps(Span* span, Team* team, int64_t rank) noexcept nogil:
    """Evaluate or predict the batches from span.step on: add to the totals, or write span.out."""
    cdef const NetworkKernels* kernels = span.kernels
    cdef const Network* net = span.net
    cdef void* scratch = <char*>net.scratch + rank * net.scratch_size
    cdef int64_t met = 0, step = span.step, x_width = net.width[0], first, row, row_end
    cdef Batch batch
    batch.training = False
    batch.key = 0
    batch.clip = 0
    batch.x = net.batch
    batch.y = NULL
    while step < span.last_step:
        first = step * span.batch_size
        batch.rows = min(span.batch_size, span.rows - first)
        row = share_begin(batch.rows, kernels.rows, team.size, rank)
        row_end = share_begin(batch.rows, kernels.rows, team.size, rank + 1)
        if span.places == NULL:
            batch.x = element(net, span.x, first * x_width)
        else:
            kernels.gather(first + row, first + row_end, NULL, span.places, x_width, span.x,
                           <void*>element(net, net.batch, row * x_width))
        kernels.forward(net, &batch, True, row, row_end - row, batch.x, scratch)
        if span.kind == EVALUATE:
            batch.y = element(net, span.y, first * net.target_width)
            kernels.score(net, &batch, row, row_end - row, batch.y, batch.x, False, scratch)
        else:
            kernels.copy_outputs(net, row, row_end, batch.x,
                                 <void*>element(net, span.out, first * output_width(net)))
        step += 1
        meet(team, &met)
        if rank == 0:
            if span.kind == EVALUATE:
                kernels.add_scores(net, &batch, batch.x, batch.y, False, 0, span.totals)
            if has_failed(net) or step < span.last_step and now() > span.deadline:
                raise_flag(team, END_FLAG)
        meet(team, &met)
        if flags(team):
            break
    if rank == 0:
        span.step = step


cdef inline bint smooths(const LossTerm* term, const double* settings) noexcept nogil:
    """Return whether a cross-entropy smoothes its targets."""
    return term.kind >= LOSS_BINARY_CROSSENTROPY and settings[0] != 0


cdef bint is_unit_span(const Network* net, const Span* span) noexcept nogil:
    """Return whether a span trains one linear unit by plain SGD on a loss of points, row by row."""
    cdef const Row* row = net.rows
    cdef const LossTerm* term = net.terms
    if (span.privacy != NULL or span.ranks != NULL or span.batch_size != 1
            or net.row_count == 0 or net.metric_count > 0
            or net.term_count != 1 or term.kind > LOSS_BINARY_CROSSENTROPY_LOGITS
            or term.weight != 1 or term.weight_column >= 0 or term.source != row.target
            or term.reduction != REDUCTION_MEAN or smooths(term, net.settings + term.settings)
            or variant_of(span.optimizer) != PLAIN_SGD or span.optimizer.segments != NULL):
        return False
    return (
        net.penalties.count == 0 and net.constraints.count == 0
        and row.op == OP_DENSE and row.kind == ACTIVATION_LINEAR and row.source == 0
        and net.flags[0] & FLAG_PARAMETERS and net.width[row.target] == 1
        and net.parameter_count == net.width[0] + (row.bias >= 0)
    )


cdef void run_member(void* job, Team* team, int64_t rank) noexcept nogil:
    cdef Span* span = <Span*>job
    if span.kind != TRAIN:
        apply_steps(span, team, rank)
    elif team.size == 1 and is_unit_span(span.net, span):
        span.kernels.train_unit(span, span.x, span.y)
    else:
        train_steps(span, team, rank)


cdef void batch_gradients(const NetworkKernels* kernels, const Network* net, const Batch* batch,
                          const int64_t* flags) noexcept nogil:
    """Compute the parameters' gradients over a whole batch, by one thread."""
    cdef int64_t chunks = chunk_count(net, batch.rows)
    if chunks == 1:
        kernels.share_gradients(net, batch, flags, batch.x, net.scratch, 1, 0)
    else:
        kernels.chunk_gradients(net, batch, flags, batch.x, net.scratch, chunks, 0, chunks)
        kernels.add_chunks(net, chunks, 0, net.parameter_count, net.gradients)


cdef void outputs_of(const NetworkKernels* kernels, const Network* net, const Batch* batch,
                     void* out) noexcept nogil:
    """Compute the outputs for a batch; all buffers keep their values."""
    kernels.forward(net, batch, True, 0, batch.rows, batch.x, net.scratch)
    kernels.copy_outputs(net, 0, batch.rows, batch.x, out)


cdef int gradients_of(const NetworkKernels* kernels, const Network* net, const Batch* batch,
                      double* totals) noexcept nogil:
    """Compute the gradients of the objective over all rows of a batch: return a Status."""
    cdef int status
    cdef double penalty = 0, share = 1
    cdef Part part
    part.row = 0
    part.row_end = batch.rows
    part.scratch = net.scratch
    part.team = NULL
    part.rank = 0
    if forward_backward(kernels, net, batch, True, &part):
        return STATUS_FINE
    if net.penalties.count:
        share = kernels.batch_share(net, batch, batch.y)
        penalty = kernels.penalty_value(&net.penalties, share, net.parameters, net.scratch)
    status = kernels.add_scores(net, batch, batch.x, batch.y, True, penalty, totals)
    if status == STATUS_FINE:
        batch_gradients(kernels, net, batch, net.flags)
        kernels.add_penalty_gradients(
            &net.penalties, share, 0, net.parameter_count, net.parameters, net.gradients)
    return status


cdef void backward_from(const NetworkKernels* kernels, const Network* net, const Batch* batch,
                        const void* d_out, void* d_x) noexcept nogil:
    """Compute the gradients of the parameters and, unless NULL, of x from that of the outputs."""
    kernels.take_output_gradients(net, batch.rows, d_out)
    kernels.backward(
        net, batch, net.tape_flags, 0, batch.rows, batch.x, d_x, net.scratch)
    batch_gradients(kernels, net, batch, net.tape_flags)
