# What a call from Python runs without the interpreter: a span of training steps, or of rows to
# evaluate or predict. A span ends at its last step or row, or at its deadline, so that Python can
# answer Ctrl-C, show progress and call back; where it is cut does not change a bit, nor does how
# many threads share it.
#
# A member reads the span before its first barrier; rank 0 writes where it stopped after its last.

cdef inline double now() noexcept nogil:
    cdef timespec t
    clock_gettime(CLOCK_MONOTONIC, &t)
    return <double>t.tv_sec + 1e-9 * <double>t.tv_nsec


cdef enum:
    BLOCK_ROWS = 128        # rows that evaluate and predict take at a time stay in the cache

# What the members of a team tell each other. A flag is read only after a barrier that comes before
# the next place where it may be raised: so all members see the same.
cdef enum:
    INTERRUPT_FLAG = 16     # raised before the first barrier of a step
    LOSS_FLAG = 1           # between the first and the second
    GRADIENT_FLAG = 2       # between the second and the third
    UPDATE_FLAG = 4         # between the third and the fourth
    END_FLAG = 8            # the span ends here: before the last


cdef enum SpanKind:
    TRAIN
    EVALUATE
    PREDICT


cdef struct Span:
    SpanKind kind
    bint single             # float or double
    const Network* net
    const void* x           # of the data
    const void* y
    void* out
    int64_t rows
    int64_t batch_size
    int64_t step            # where to start; afterwards, where it stopped
    int64_t last_step
    int64_t* order          # of the rows, or NULL for their own
    const int64_t* places   # of the rows in x, or NULL for their own
    const double* rates     # one a step, or one
    bint one_rate
    uint64_t key            # of the epoch's random numbers
    double* totals
    double deadline         # seconds on the monotonic clock
    const Optimizer* optimizer
    int status


# Signals are Python's: a step that takes long asks for them, between blocks of its rows.
cdef extern from *:
    """
    static inline int fastgd_pending_error(void) { return PyErr_Occurred() ? -1 : 0; }
    """
    int PyErr_CheckSignals() noexcept
    int raise_pending "fastgd_pending_error"() except -1

cdef enum:
    STEP_BLOCK_ROWS = 1024          # rows at least, and
    STEP_BLOCK_WORK = 1 << 28       # about so many multiply-adds, between two looks at the clock

cdef double SIGNAL_SECONDS = 0.03


cdef bint is_interrupted() noexcept with gil:
    """Whether a signal's handler has raised an exception; it is then pending."""
    return PyErr_CheckSignals() != 0


cdef bint take_rows(
    const Network* net, const Batch* batch, bint everything, int64_t row, int64_t row_end,
    const real* x, const real* y, void* scratch, const Team* team, int64_t rank,
) noexcept nogil:
    """Forward, losses and gradients of the buffers for the rows row ... row_end - 1 of a batch.

    Returns whether rank 0 was interrupted; the others may leave off when it was.
    """
    cdef int64_t block = max(<int64_t>STEP_BLOCK_ROWS, STEP_BLOCK_WORK // (1 + net.parameter_count))
    cdef int64_t rows
    cdef double next_look = 0
    if net.coupled or net.functions != NULL:
        block = row_end - row
    while row < row_end:
        rows = min(block, row_end - row)
        forward(net, batch, everything, row, rows, x, scratch)
        score(net, batch, row, rows, y, x, True, scratch)
        backward(net, batch, net.flags, row, rows, x, <real*>NULL, scratch)
        row += rows
        if has_failed(net):
            return True
        if rank > 0:
            if flags(team) & INTERRUPT_FLAG:
                break
        elif row < row_end:
            if next_look == 0:
                next_look = now() + SIGNAL_SECONDS
            elif now() > next_look:
                if is_interrupted():
                    return True
                next_look = now() + SIGNAL_SECONDS
    return False


cdef inline int64_t steps_between_looks(const Network* net, int64_t rows) noexcept nogil:
    """How many steps of `rows` rows take about a millisecond: so often the clock is read."""
    return 1 + 1000000 // (1000 + net.parameter_count * rows)


cdef void train_steps(
    Span* span, Team* team, int64_t rank, const real* x, const real* y,
) noexcept nogil:
    """Train from span.step on, until span.last_step or the deadline.

    A step is two parts between barriers. In the first each member takes some rows of the batch
    forward and back, and adds up the parameters' gradients over whole chunks of them, if there are
    such; in the second it takes some of the parameters, whose gradients are sums over all rows.
    """
    cdef const Network* net = span.net
    cdef void* scratch = <char*>net.scratch + rank * net.scratch_size
    cdef real* parameters = <real*>net.parameters
    cdef real* gradients = <real*>net.gradients
    cdef int64_t size = team.size
    cdef int64_t met = 0
    cdef int64_t x_width = net.width[0]
    cdef int64_t y_width = net.target_width
    cdef bint everything = net.metric_count > 0 or net.coupled
    cdef Batch batch
    cdef int64_t looks = steps_between_looks(net, span.batch_size)
    cdef int64_t next_look = span.step + looks
    cdef int64_t iteration = span.optimizer.iterations[0]
    cdef int64_t step = span.step
    cdef int64_t begin = share_begin(net.parameter_count, UPDATE_LANES, size, rank)
    cdef int64_t end = share_begin(net.parameter_count, UPDATE_LANES, size, rank + 1)
    cdef int64_t first, rows, row, row_end, chunks
    cdef int64_t chunk = 0
    cdef int64_t last_chunk = 0
    cdef int64_t trouble = 0
    cdef double penalty = 0
    cdef double share = 1
    cdef real* batch_x = <real*>net.batch
    cdef real* batch_y = batch_x + net.capacity * x_width
    cdef const double* rates
    cdef double[SCALE_STEPS] scales
    cdef int scaled = SCALE_STEPS
    batch.training = True
    while step < span.last_step and not trouble:
        if scaled == SCALE_STEPS:
            rates = span.rates if span.one_rate else span.rates + step
            step_scales(span.optimizer, iteration, rates, span.one_rate,
                        <int>min(<int64_t>SCALE_STEPS, span.last_step - step), scales)
            scaled = 0
        first = step * span.batch_size
        rows = min(span.batch_size, span.rows - first)
        chunks = chunk_count(net, rows)
        if chunks > 1:
            chunk = share_begin(chunks, 1, size, rank)
            last_chunk = share_begin(chunks, 1, size, rank + 1)
            row = chunk_begin(rows, chunks, chunk)
            row_end = chunk_begin(rows, chunks, last_chunk)
        else:
            row = share_begin(rows, ROWS, size, rank)
            row_end = share_begin(rows, ROWS, size, rank + 1)
        if span.order == NULL and span.places == NULL:
            batch_x = <real*>x + first * x_width
        else:
            gather(first + row, first + row_end, span.order, span.places, x_width, x,
                   batch_x + row * x_width)
        if span.order == NULL:
            batch_y = <real*>y + first * y_width
        else:
            gather(first + row, first + row_end, span.order, <const int64_t*>NULL, y_width, y,
                   batch_y + row * y_width)
            if net.counts_rows:
                meet(team, &met)  # a row's loss asks for the others' targets
        batch.x = batch_x
        batch.y = batch_y
        batch.rows = rows
        batch.key = draw(span.key, step)
        if take_rows(net, &batch, everything, row, row_end, <const real*>batch_x,
                     <const real*>batch_y, scratch, team, rank):
            raise_flag(team, INTERRUPT_FLAG)
        elif chunks > 1:
            chunk_gradients(net, &batch, net.flags, rows, <const real*>batch_x, scratch, chunks,
                            chunk, last_chunk)
        meet(team, &met)
        trouble = flags(team) & INTERRUPT_FLAG
        if trouble:
            break
        if net.penalties.count:
            share = batch_share(net, &batch, <const real*>batch_y)
        if rank == 0:
            if net.penalties.count:
                penalty = penalty_value(&net.penalties, share, <const real*>parameters, scratch)
            if add_scores(net, &batch, <const real*>batch_x, <const real*>batch_y, True,
                          penalty, span.totals) != STATUS_FINE:
                raise_flag(team, LOSS_FLAG)
        if chunks > 1:
            add_chunks(net, chunks, begin, end, gradients)
        else:
            parameter_gradients(net, &batch, net.flags, 0, rows, <const real*>batch_x, gradients,
                                scratch, size, rank)
        meet(team, &met)
        if net.penalties.count:
            add_penalty_gradients(
                &net.penalties, share, begin, end, <const real*>parameters, gradients)
            meet(team, &met)  # norms are sums over the others' shares, too
        if not flags(team) & LOSS_FLAG and not look_at_gradients(
                span.optimizer, iteration, begin, end, size, rank, gradients):
            raise_flag(team, GRADIENT_FLAG)
        meet(team, &met)
        trouble = flags(team) & (LOSS_FLAG | GRADIENT_FLAG)
        if trouble:
            break
        if update_share(span.optimizer, span.rates[0 if span.one_rate else step], scales[scaled],
                        iteration, begin, end, rank, parameters, gradients) != STATUS_FINE:
            raise_flag(team, UPDATE_FLAG)
        if net.coupled and settle(net, <const real*>batch_x) != STATUS_FINE:
            raise_flag(team, UPDATE_FLAG)
        if net.constraints.count:
            meet(team, &met)
            constrain_variables(&net.constraints, parameters, size, rank)
        scaled += 1
        iteration += 1
        step += 1
        if rank == 0 and (step >= next_look or has_failed(net)):
            next_look = step + looks
            if now() > span.deadline or has_failed(net):
                raise_flag(team, END_FLAG)
        meet(team, &met)
        # An interruption would be one of the next step, whose first barrier all must reach.
        trouble = flags(team) & (UPDATE_FLAG | END_FLAG)
    if rank == 0:
        span.optimizer.iterations[0] = iteration
        span.status = STATUS_FINE
        if trouble & LOSS_FLAG:
            span.status = STATUS_LOSS
        elif trouble & GRADIENT_FLAG:
            span.status = STATUS_GRADIENT
        elif trouble & UPDATE_FLAG:
            span.status = STATUS_UPDATE
            step -= 1
        span.step = step


cdef void apply_steps(
    Span* span, Team* team, int64_t rank, const real* x, const real* y, real* out,
) noexcept nogil:
    """Evaluate, or predict, the batches from span.step on.

    Losses and metrics are added to the totals; outputs are written into out. One of y and out is
    NULL.
    """
    cdef const Network* net = span.net
    cdef void* scratch = <char*>net.scratch + rank * net.scratch_size
    cdef int64_t met = 0
    cdef int64_t step = span.step
    cdef int64_t first, row, row_end
    cdef Batch batch
    cdef const real* batch_x = <const real*>net.batch
    cdef const real* batch_y = NULL
    batch.training = False
    batch.key = 0
    while step < span.last_step:
        first = step * span.batch_size
        batch.rows = min(span.batch_size, span.rows - first)
        row = share_begin(batch.rows, ROWS, team.size, rank)
        row_end = share_begin(batch.rows, ROWS, team.size, rank + 1)
        if span.places == NULL:
            batch_x = x + first * net.width[0]
        else:
            gather(first + row, first + row_end, <const int64_t*>NULL, span.places,
                   net.width[0], x, <real*>net.batch + row * net.width[0])
        forward(net, &batch, True, row, row_end - row, batch_x, scratch)
        if out == NULL:
            batch_y = y + first * net.target_width
            score(net, &batch, row, row_end - row, batch_y, batch_x, False, scratch)
        else:
            copy_outputs(net, row, row_end, batch_x, out + first * output_width(net))
        step += 1
        meet(team, &met)
        if rank == 0:
            if out == NULL:
                add_scores(net, &batch, batch_x, batch_y, False, 0, span.totals)
            if has_failed(net) or step < span.last_step and now() > span.deadline:
                raise_flag(team, END_FLAG)
        meet(team, &met)
        if flags(team):
            break
    if rank == 0:
        span.step = step


cdef void run_member(void* job, Team* team, int64_t rank) noexcept nogil:
    cdef Span* span = <Span*>job
    if span.kind == TRAIN and team.size == 1 and is_unit_span(span.net, span):
        if span.single:
            train_unit(span, <const float*>span.x, <const float*>span.y)
        else:
            train_unit(span, <const double*>span.x, <const double*>span.y)
    elif span.kind == TRAIN:
        if span.single:
            train_steps(span, team, rank, <const float*>span.x, <const float*>span.y)
        else:
            train_steps(span, team, rank, <const double*>span.x, <const double*>span.y)
    elif span.single:
        apply_steps(span, team, rank, <const float*>span.x, <const float*>span.y,
                    <float*>span.out)
    else:
        apply_steps(span, team, rank, <const double*>span.x, <const double*>span.y,
                    <double*>span.out)


cdef void outputs_of(
    const Network* net, const Batch* batch, const real* x, real* out,
) noexcept nogil:
    """The outputs for x; the values of all buffers stay."""
    forward(net, batch, True, 0, batch.rows, x, net.scratch)
    copy_outputs(net, 0, batch.rows, x, out)


cdef int gradients_of(
    const Network* net, const Batch* batch, const real* x, const real* y, double* totals,
) noexcept nogil:
    """The gradients of what is minimised over all rows of a batch: a Status."""
    cdef int status
    cdef double penalty = 0
    cdef double share = 1
    if take_rows(net, batch, True, 0, batch.rows, x, y, net.scratch, <const Team*>NULL, 0):
        return STATUS_FINE
    if net.penalties.count:
        share = batch_share(net, batch, y)
        penalty = penalty_value(&net.penalties, share, <const real*>net.parameters, net.scratch)
    status = add_scores(net, batch, x, y, True, penalty, totals)
    if status == STATUS_FINE:
        batch_gradients(net, batch, net.flags, batch.rows, x)
        add_penalty_gradients(&net.penalties, share, 0, net.parameter_count,
                              <const real*>net.parameters, <real*>net.gradients)
    return status


cdef void backward_from(
    const Network* net, const Batch* batch, const real* x, const real* d_out, real* d_x,
) noexcept nogil:
    """From the gradient of the outputs to those of the parameters and, unless NULL, of x."""
    cdef int64_t i, k, width, stride
    cdef int64_t all_width = output_width(net)
    cdef real* d_output
    for k in range(net.output_count):
        width = net.width[net.outputs[k]]
        stride = net.stride[net.outputs[k]]
        d_output = buffer_at(net, <real*>net.deltas, net.outputs[k])
        for i in range(batch.rows):
            copy_row(width, d_out + i * all_width, d_output + i * stride)
        d_out += width
    backward(net, batch, net.tape_flags, 0, batch.rows, x, d_x, net.scratch)
    batch_gradients(net, batch, net.tape_flags, batch.rows, x)
