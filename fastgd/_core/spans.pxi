# What a call from Python runs without the interpreter: a span of training steps, or of rows to
# evaluate or predict. A span ends at its last step or row, or at its deadline, so that Python can
# answer Ctrl-C, show progress and call back; where it is cut does not change a bit.

cdef inline double now() noexcept nogil:
    cdef timespec t
    clock_gettime(CLOCK_MONOTONIC, &t)
    return <double>t.tv_sec + 1e-9 * <double>t.tv_nsec


# Rows that evaluate and predict take at a time: their buffers stay in the cache.
cdef enum:
    BLOCK_ROWS = 128


cdef struct Span:
    int64_t rows            # of the data
    int64_t batch_size
    int64_t step            # where to start; afterwards, where it stopped
    int64_t last_step
    int64_t* order          # of the rows, or NULL for their own
    const double* rates     # one a step, or one
    int64_t rate_count
    double* totals
    double deadline         # seconds on the monotonic clock


cdef inline int64_t steps_between_looks(const Network* net, int64_t rows) noexcept nogil:
    """How many steps of `rows` rows take about a millisecond: so often the clock is read."""
    return 1 + 1000000 // (1000 + net.parameter_count * rows)


cdef int train_steps(
    const Network* net, const real* x, const real* y, Span* span, const Optimizer* optimizer,
) noexcept nogil:
    """Train from span.step on, until span.last_step or the deadline: a Status."""
    cdef int64_t x_width = net.width[0]
    cdef int64_t x_stride = x_width
    cdef int64_t y_width = net.target_width
    cdef int64_t row_count = net.row_count if net.metric_count else net.loss_row_count
    cdef int64_t looks = steps_between_looks(net, span.batch_size)
    cdef int64_t next_look = span.step + looks
    cdef int64_t first, rows
    cdef double rate = span.rates[0]
    cdef real* batch_x = <real*>net.batch
    cdef real* batch_y = batch_x + net.capacity * x_stride
    cdef const real* x_rows
    cdef const real* y_rows
    cdef int status
    while span.step < span.last_step:
        first = span.step * span.batch_size
        rows = min(span.batch_size, span.rows - first)
        if span.order != NULL:
            gather(rows, span.order + first, x_width, x, batch_x)
            gather(rows, span.order + first, y_width, y, batch_y)
            x_rows = batch_x
            y_rows = batch_y
        else:
            x_rows = x + first * x_width
            y_rows = y + first * y_width
        forward(net, row_count, rows, x_rows, x_stride)
        status = score(net, rows, y_rows, True, span.totals)
        if status != STATUS_FINE:
            return status
        backward(net, net.loss_row_count, rows, x_rows, x_stride, <real*>NULL)
        if span.rate_count > 1:
            rate = span.rates[span.step]
        status = step_optimizer(
            net.parameter_count, <real*>net.parameters, <const real*>net.gradients, optimizer,
            rate)
        if status != STATUS_FINE:
            return status
        span.step += 1
        if span.step >= next_look:
            if now() > span.deadline:
                break
            next_look = span.step + looks
    return STATUS_FINE


cdef int64_t evaluate_rows(
    const Network* net, const real* x, const real* y, int64_t row, int64_t last_row,
    double* totals, double deadline,
) noexcept nogil:
    """Add loss and metrics of the rows from `row` on to totals; returns the row reached."""
    cdef int64_t rows
    while row < last_row:
        rows = min(<int64_t>BLOCK_ROWS, last_row - row)
        forward(net, net.row_count, rows, x + row * net.width[0], net.width[0])
        score(net, rows, y + row * net.target_width, False, totals)
        row += rows
        if now() > deadline:
            break
    return row


cdef int64_t predict_rows(
    const Network* net, int64_t block, const real* x, real* out, int64_t row, int64_t last_row,
    double deadline,
) noexcept nogil:
    """Write the outputs of the rows from `row` on into out, `block` rows at a time.

    Returns the row reached.
    """
    cdef int64_t width = net.width[net.output]
    cdef int64_t stride = net.stride[net.output]
    cdef const real* output = <const real*>net.values + net.start[net.output] * net.capacity
    cdef int64_t i, j, rows
    while row < last_row:
        rows = min(block, last_row - row)
        forward(net, net.row_count, rows, x + row * net.width[0], net.width[0])
        for i in range(rows):
            for j in range(width):
                out[(row + i) * width + j] = output[i * stride + j]
        row += rows
        if row < last_row and now() > deadline:
            break
    return row


cdef int gradients_of(
    const Network* net, const real* x, const real* y, int64_t rows, double* totals,
) noexcept nogil:
    cdef int status
    forward(net, net.row_count, rows, x, net.width[0])
    status = score(net, rows, y, True, totals)
    if status == STATUS_FINE:
        backward(net, net.loss_row_count, rows, x, net.width[0], <real*>NULL)
    return status


cdef void backward_from(
    const Network* net, const real* x, const real* d_out, real* d_x, int64_t rows,
) noexcept nogil:
    cdef int64_t width = net.width[net.output]
    cdef int64_t stride = net.stride[net.output]
    cdef real* d_output = <real*>net.deltas + net.start[net.output] * net.capacity
    cdef int64_t i, j
    for i in range(rows):
        for j in range(width):
            d_output[i * stride + j] = d_out[i * width + j]
    backward(net, net.row_count, rows, x, net.width[0], d_x)
