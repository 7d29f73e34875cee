# The layer table at work: forward, loss and metrics, backward. See types.pxd for a row.
#
# Buffer 0 is the input, which stays where it is. Every other buffer holds `capacity` rows of its
# width, at a stride rounded up to whole tiles, so that a product never has to store half a tile;
# what stands in that padding is never read as a value.
#
# The functions that take `first_row` and `rows` work on those rows of a batch and touch no other,
# so that the members of a team can share a batch out. x and y are the whole batch.

cdef struct Network:
    const Row* rows
    int64_t row_count
    const char* gated           # for each row, whether its ReLU's gradient is its consumer's job
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
    void* chunks                # the parameters' gradients of each chunk of a batch,
    int64_t chunk_size          # so many elements apart
    void* row_values            # `capacity` losses of rows, then as many of each metric
    void* scratch               # of each member of a team: a panel, then a line
    int64_t scratch_size        # of one member, in bytes
    int64_t line_start          # in bytes
    Penalties penalties
    Constraints constraints


cdef inline int64_t padded_stride(int64_t width, int64_t itemsize) noexcept nogil:
    """Whole tiles, and not a multiple of 512 bytes: rows must not all fall into one set of the
    cache."""
    cdef int64_t stride
    if width == 1:
        return 1
    stride = (width + HALF - 1) // HALF * HALF
    return stride + HALF if stride * itemsize % 512 == 0 else stride


cdef inline real* buffer_at(const Network* net, real* buffers, int64_t buffer) noexcept nogil:
    return buffers + net.start[buffer] * net.capacity


cdef void forward(
    const Network* net, int64_t row_count, int64_t first_row, int64_t rows, const real* x,
    int64_t x_stride, void* scratch,
) noexcept nogil:
    """Run the first `row_count` rows of the table on rows of x."""
    cdef const real* parameters = <const real*>net.parameters
    cdef const real* source
    cdef const real* bias
    cdef real* target
    cdef int64_t i, source_stride, width, stride
    cdef const Row* row
    for i in range(row_count):
        row = &net.rows[i]
        width = net.width[row.target]
        stride = net.stride[row.target]
        target = buffer_at(net, <real*>net.values, row.target) + first_row * stride
        if row.source == 0:
            source = x
            source_stride = x_stride
        else:
            source = buffer_at(net, <real*>net.values, row.source)
            source_stride = net.stride[row.source]
        source += first_row * source_stride
        if row.op == OP_DENSE:
            bias = parameters + row.bias if row.bias >= 0 else NULL
            dense_forward(
                row.kind, rows, net.width[row.source], width, source, source_stride,
                parameters + row.kernel, bias, target, stride, <real*>scratch)
        elif source_stride == stride:
            activate(row.kind, rows, width, stride, source, target)
        else:
            activate_rows(row.kind, rows, width, source, source_stride, target, stride)


cdef void backward(
    const Network* net, int64_t row_count, int64_t first_row, int64_t rows, real* d_x,
    void* scratch,
) noexcept nogil:
    """Take the gradient of the last of `row_count` rows' target back to all buffers.

    d_x: out, dense rows for the whole batch, or NULL where it is not asked for.
    """
    cdef const real* parameters = <const real*>net.parameters
    cdef const real* output
    cdef const real* gate
    cdef real* d_target
    cdef real* d_source
    cdef int64_t i, width, source_width, stride, d_stride
    cdef const Row* row
    for i in range(row_count - 1, -1, -1):
        row = &net.rows[i]
        width = net.width[row.target]
        stride = net.stride[row.target]
        output = buffer_at(net, <real*>net.values, row.target) + first_row * stride
        d_target = buffer_at(net, <real*>net.deltas, row.target) + first_row * stride
        if row.op == OP_DENSE and row.kind != ACTIVATION_LINEAR and not net.gated[i]:
            activation_gradient(
                row.kind, rows, width, stride, output, <const real*>d_target, d_target)
        source_width = net.width[row.source]
        gate = NULL
        if row.source != 0:
            d_source = buffer_at(net, <real*>net.deltas, row.source)
            d_stride = net.stride[row.source]
            if i > 0 and net.gated[i - 1]:
                gate = buffer_at(net, <real*>net.values, row.source) + first_row * d_stride
        elif d_x != NULL:
            d_source = d_x
            d_stride = source_width
        else:
            continue
        d_source += first_row * d_stride
        if row.op == OP_DENSE:
            dense_source_gradient(
                rows, source_width, width, parameters + row.kernel, <const real*>d_target, stride,
                d_source, d_stride, row.source != 0 and source_width > 1, gate, <real*>scratch)
        elif d_stride == stride:
            activation_gradient(
                row.kind, rows, width, stride, output, <const real*>d_target, d_source)
        else:
            activation_gradient_rows(
                row.kind, rows, width, output, <const real*>d_target, stride, d_source, d_stride)


cdef enum:
    MOST_CHUNKS = 8
    CHUNK_ROWS = 128            # at least
    CHUNKED_PARAMETERS = 32768  # at most


cdef inline int64_t chunk_count(const Network* net, int64_t rows) noexcept nogil:
    """Into how many chunks of rows the sums over a batch are cut.

    The members of a team can each take the chunks whose rows they have just worked on, which
    saves them from fetching the others' rows. It depends on the batch and the network alone. Where
    there are many parameters a chunk of sums would cost more than that saves.
    """
    if net.parameter_count > CHUNKED_PARAMETERS:
        return 1
    return max(<int64_t>1, min(<int64_t>MOST_CHUNKS, rows // CHUNK_ROWS))


cdef inline int64_t chunk_begin(int64_t rows, int64_t chunks, int64_t chunk) noexcept nogil:
    """The first row of a chunk."""
    return min(rows, (rows + 7) // 8 * chunk // chunks * 8)


cdef void parameter_gradients(
    const Network* net, int64_t row_count, int64_t first_row, int64_t rows, const real* x,
    int64_t x_stride, real* gradients, void* scratch, int64_t size, int64_t rank,
) noexcept nogil:
    """From the gradients of the buffers to those of the parameters, summed over some rows.

    Of `size` members each takes some inputs of every kernel: no sum is split.
    """
    cdef const real* source
    cdef const real* d_target
    cdef int64_t i, source_stride, inputs, units
    cdef const Row* row
    for i in range(row_count):
        row = &net.rows[i]
        if row.op != OP_DENSE:
            continue
        inputs = net.width[row.source]
        units = net.width[row.target]
        if row.source == 0:
            source = x
            source_stride = x_stride
        else:
            source = buffer_at(net, <real*>net.values, row.source)
            source_stride = net.stride[row.source]
        source += first_row * source_stride
        d_target = (buffer_at(net, <real*>net.deltas, row.target)
                    + first_row * net.stride[row.target])
        dense_kernel_gradient(
            rows, share_begin(inputs, 4, size, rank), share_begin(inputs, 4, size, rank + 1),
            units, source, source_stride, d_target, net.stride[row.target],
            gradients + row.kernel, <real*>scratch)
        if row.bias >= 0 and i % size == rank:
            sum_columns(rows, units, d_target, net.stride[row.target], gradients + row.bias)


cdef void chunk_gradients(
    const Network* net, int64_t row_count, int64_t rows, const real* x, int64_t x_stride,
    void* scratch, int64_t chunks, int64_t chunk, int64_t last_chunk,
) noexcept nogil:
    """The parameters' gradients of the chunks chunk ... last_chunk - 1, each into its sums."""
    cdef int64_t begin
    while chunk < last_chunk:
        begin = chunk_begin(rows, chunks, chunk)
        parameter_gradients(
            net, row_count, begin, chunk_begin(rows, chunks, chunk + 1) - begin, x, x_stride,
            <real*>net.chunks + chunk * net.chunk_size, scratch, 1, 0)
        chunk += 1


cdef void add_chunks(
    const Network* net, int64_t chunks, int64_t begin, int64_t end, real* gradients,
) noexcept nogil:
    """gradients[begin:end] = the sum of the chunks' gradients, in their order."""
    cdef const real* sums = <const real*>net.chunks
    cdef int64_t i, chunk
    for i in range(begin, end):
        gradients[i] = sums[i] + sums[net.chunk_size + i]
    for chunk in range(2, chunks):
        sums = <const real*>net.chunks + chunk * net.chunk_size
        for i in range(begin, end):
            gradients[i] = gradients[i] + sums[i]


cdef void batch_gradients(
    const Network* net, int64_t row_count, int64_t rows, const real* x,
) noexcept nogil:
    """The parameters' gradients over a whole batch, by one thread."""
    cdef int64_t chunks = chunk_count(net, rows)
    cdef real* gradients = <real*>net.gradients
    if chunks == 1:
        parameter_gradients(net, row_count, 0, rows, x, net.width[0], gradients,
                            net.scratch, 1, 0)
    else:
        chunk_gradients(
            net, row_count, rows, x, net.width[0], net.scratch, chunks, 0, chunks)
        add_chunks(net, chunks, 0, net.parameter_count, gradients)


cdef void score(
    const Network* net, int64_t first_row, int64_t rows, int64_t batch_rows, const real* y,
    bint slopes, void* scratch,
) noexcept nogil:
    """The loss and the metrics of rows of a batch, each by itself, into net.row_values.

    With `slopes`, also the gradient of the batch's mean loss into the deltas.
    """
    cdef real* line = <real*>(<char*>scratch + net.line_start)
    cdef real* row_values = <real*>net.row_values + first_row
    cdef int64_t width = net.width[net.loss_source]
    cdef int64_t stride = net.stride[net.loss_source]
    cdef const real* p = buffer_at(net, <real*>net.values, net.loss_source) + first_row * stride
    cdef real* d_p = NULL
    cdef int64_t k
    y += first_row * net.target_width
    if slopes:
        d_p = buffer_at(net, <real*>net.deltas, net.loss_source) + first_row * stride
    loss_rows(net.loss, rows, batch_rows, width, stride, p, y, row_values, d_p, line)
    if net.metric_count == 0:
        return
    stride = net.stride[net.output]
    p = buffer_at(net, <real*>net.values, net.output) + first_row * stride
    for k in range(net.metric_count):
        row_values += net.capacity
        metric_rows(net.metrics[k], rows, width, stride, p, y, row_values, line)


cdef int add_scores(
    const Network* net, int64_t rows, const real* row_values, bint must_be_finite, double penalty,
    double* totals,
) noexcept nogil:
    """Add what `score` found for a batch to `totals`: [loss, metrics ..., rows].

    penalty: what each row's loss has on top.

    The sums run in double precision over the rows in their order, so that they do not depend on
    the batch size. A loss that must be finite and is not adds nothing: STATUS_LOSS.
    """
    cdef double total
    cdef int64_t i, k
    for k in range(1 + net.metric_count):
        total = totals[k]
        for i in range(rows):
            total += row_values[k * net.capacity + i]
        if k == 0:
            total += penalty * <double>rows
        if k == 0 and must_be_finite and not is_finite(total):
            return STATUS_LOSS
        totals[k] = total
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
