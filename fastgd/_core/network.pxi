# The layer table at work: forward, loss and metrics, backward. See types.pxd for a row.
#
# Buffer 0 is the input, which stays where it is. Every other buffer holds `capacity` rows of its
# width, at a stride rounded up to whole tiles, so that a product never has to store half a tile;
# what stands in that padding is never read as a value.

cdef struct Network:
    const Row* rows
    int64_t row_count
    int64_t loss_row_count      # the rows that the loss depends on; the rest is for metrics
    const int64_t* width        # of each buffer
    const int64_t* stride
    const int64_t* start        # of each buffer, in elements per row of capacity
    int64_t capacity            # rows
    int64_t output              # a buffer
    int64_t loss                # a Loss
    int64_t loss_source         # the buffer of the predictions or logits it takes
    int64_t target_width
    const int64_t* metrics
    int64_t metric_count
    int64_t parameter_count
    void* parameters
    void* gradients
    void* values                # the buffers,
    void* deltas                # and the gradients of the loss with respect to them
    void* batch                 # gathered rows of x, then of y
    void* row_values            # the loss of each row, then each metric
    void* panel                 # scratch of a product
    void* line                  # scratch of a row


cdef inline int64_t padded_stride(int64_t width) noexcept nogil:
    return width if width == 1 else (width + HALF - 1) // HALF * HALF


cdef void forward(
    const Network* net, int64_t row_count, int64_t rows, const real* x, int64_t x_stride,
) noexcept nogil:
    """Run the first `row_count` rows of the table on `rows` rows of x."""
    cdef const real* parameters = <const real*>net.parameters
    cdef real* values = <real*>net.values
    cdef const real* source
    cdef const real* bias
    cdef real* target
    cdef int64_t i, source_stride, width, stride
    cdef const Row* row
    for i in range(row_count):
        row = &net.rows[i]
        width = net.width[row.target]
        stride = net.stride[row.target]
        target = values + net.start[row.target] * net.capacity
        source = x
        source_stride = x_stride
        if row.source != 0:
            source = values + net.start[row.source] * net.capacity
            source_stride = net.stride[row.source]
        if row.op == OP_DENSE:
            bias = NULL
            if row.bias >= 0:
                bias = parameters + row.bias
            product(rows, width, net.width[row.source], source, source_stride, 1,
                    parameters + row.kernel, width, 1, bias, 0,
                    target, stride, width > 1, <real*>net.panel)
        elif source_stride == stride:
            activate(row.kind, rows, width, stride, source, target)
        else:
            activate_rows(row.kind, rows, width, source, source_stride, target, stride)


cdef void backward(
    const Network* net, int64_t row_count, int64_t rows, const real* x, int64_t x_stride,
    real* d_x,
) noexcept nogil:
    """Take the gradient of the last of `row_count` rows' target back to parameters and input.

    d_x: out, dense rows, or NULL where the gradient of the input is not asked for.
    """
    cdef const real* parameters = <const real*>net.parameters
    cdef real* gradients = <real*>net.gradients
    cdef const real* values = <const real*>net.values
    cdef real* deltas = <real*>net.deltas
    cdef const real* source
    cdef const real* d_target
    cdef real* d_source
    cdef int64_t i, source_stride, d_stride, width, source_width, stride
    cdef const Row* row
    for i in range(row_count - 1, -1, -1):
        row = &net.rows[i]
        width = net.width[row.target]
        stride = net.stride[row.target]
        d_target = deltas + net.start[row.target] * net.capacity
        source_width = net.width[row.source]
        if row.source == 0:
            source = x
            source_stride = x_stride
            d_source = d_x
            d_stride = source_width
        else:
            source = values + net.start[row.source] * net.capacity
            source_stride = net.stride[row.source]
            d_source = deltas + net.start[row.source] * net.capacity
            d_stride = source_stride
        if row.op == OP_DENSE:
            if width == 1 and row.source != 0:
                # lanes run over the inputs; a row of a buffer may be read past its end
                product(1, source_width, rows, d_target, 1, stride, source, source_stride, 1,
                        NULL, 0, gradients + row.kernel, source_width, False, <real*>net.panel)
            else:
                product(source_width, width, rows, source, 1, source_stride, d_target, stride, 1,
                        NULL, 0, gradients + row.kernel, width, False, <real*>net.panel)
            if row.bias >= 0:
                sum_columns(rows, width, d_target, stride, gradients + row.bias)
            if d_source != NULL:
                # the kernel transposed: element (n, k) of the factor is kernel[k, n]
                product(rows, source_width, width, d_target, stride, 1,
                        parameters + row.kernel, 1, width, NULL, 0, d_source, d_stride,
                        row.source != 0 and source_width > 1, <real*>net.panel)
        elif d_source != NULL:
            if d_stride == stride:
                activation_gradient(
                    row.kind, rows, width, stride,
                    values + net.start[row.target] * net.capacity, d_target, d_source)
            else:
                activation_gradient_rows(
                    row.kind, rows, width, values + net.start[row.target] * net.capacity,
                    d_target, stride, d_source, d_stride)


cdef int score(
    const Network* net, int64_t rows, const real* y, bint slopes, double* totals,
) noexcept nogil:
    """Add the loss and the metrics of a batch to `totals`: [loss, metrics ..., rows].

    With `slopes`, also write the gradient of the mean loss into the deltas; then a loss that is
    not finite is not added: STATUS_LOSS. The sums run in double precision over the rows in their
    order, so that they do not depend on the batch size.
    """
    cdef const real* p = <const real*>net.values + net.start[net.loss_source] * net.capacity
    cdef real* values = <real*>net.row_values
    cdef real* d_p = NULL
    cdef int64_t width = net.width[net.loss_source]
    cdef int64_t stride = net.stride[net.loss_source]
    cdef double total = totals[0]
    cdef int64_t i, k
    if slopes:
        d_p = <real*>net.deltas + net.start[net.loss_source] * net.capacity
    loss_rows(net.loss, rows, width, stride, p, y, values, d_p, <real*>net.line)
    for i in range(rows):
        total += values[i]
    if slopes and not is_finite(total):
        return STATUS_LOSS
    totals[0] = total
    p = <const real*>net.values + net.start[net.output] * net.capacity
    for k in range(net.metric_count):
        metric_rows(net.metrics[k], rows, width, stride, p, y, values, <real*>net.line)
        total = totals[1 + k]
        for i in range(rows):
            total += values[i]
        totals[1 + k] = total
    totals[1 + net.metric_count] += <double>rows
    return STATUS_FINE


cdef inline void copy_row(int64_t n, const real* x, real* out) noexcept nogil:
    """out[:n] = x[:n] in pieces of eight, the last of which may overlap the one before."""
    cdef int64_t i
    cdef int j
    if n < 8:
        for i in range(n):
            out[i] = x[i]
        return
    i = 0
    while i + 8 <= n:
        for j in range(8):
            out[i + j] = x[i + j]
        i += 8
    for j in range(8):
        out[n - 8 + j] = x[n - 8 + j]


cdef inline void gather(
    int64_t rows, const int64_t* order, int64_t width, const real* x, real* out,
) noexcept nogil:
    """out[i] = x[order[i]]."""
    cdef int64_t i
    for i in range(rows):
        copy_row(width, x + order[i] * width, out + i * width)
