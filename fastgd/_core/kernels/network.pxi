# The layer table: forward, and backward to the buffers. See types.pxd for a row.
#
# The functions that take `first_row` and `rows` compute those rows of a batch and touch no other,
# so that the members of a team can share a batch out.

cdef inline LayerRows layer_rows(const Network* net, const Batch* batch, int64_t first_row,
                                 int64_t rows, const real* x, void* scratch) noexcept nogil:
    """Return the fields that all rows of the table share."""
    cdef LayerRows job
    job.net = net
    job.batch = batch
    job.first_row = first_row
    job.rows = rows
    job.x = x
    job.panel = scratch
    job.line = <char*>scratch + net.line_start
    return job


cdef inline void take_row(LayerRows* job, int64_t i, const real* x) noexcept nogil:
    """Go to row i of the table; x is job.x."""
    cdef const Network* net = job.net
    cdef const Row* row = &net.rows[i]
    job.row = row
    job.settings = net.settings + row.settings
    job.width = net.width[row.target]
    job.stride = net.stride[row.target]
    job.source_width = net.width[row.source]
    job.source_stride = net.stride[row.source]
    job.source = values_at(net, x, row.source, job.first_row)
    job.target = buffer_at(net, <real*>net.values, row.target) + job.first_row * job.stride


cdef void forward(const Network* net, const Batch* batch, bint everything, int64_t first_row,
                  int64_t rows, const real* x, void* scratch) noexcept nogil:
    """Run the table on rows of x: all of it, or the rows on which the losses depend."""
    cdef LayerRows job = layer_rows(net, batch, first_row, rows, x, scratch)
    cdef int64_t i
    for i in range(net.row_count):
        if everything or net.flags[i] & FLAG_RUNS:
            take_row(&job, i, x)
            operation_of(job.row.op, <real>0).forward(&job, job.source, job.target)


cdef void backward(const Network* net, const Batch* batch, const int64_t* flags, int64_t first_row,
                   int64_t rows, const real* x, real* d_x, void* scratch) noexcept nogil:
    """Compute the gradients of the buffers, back through the table.

    flags: net.flags, or net.tape_flags. d_x: out, dense rows for the whole batch, or NULL.
    """
    cdef LayerRows job = layer_rows(net, batch, first_row, rows, x, scratch)
    cdef const Operation* operation
    cdef real* d_target
    cdef int64_t i
    for i in range(net.row_count - 1, -1, -1):
        if not flags[i] & FLAG_BACK:
            continue
        take_row(&job, i, x)
        job.flags = flags[i]
        operation = operation_of(job.row.op, <real>0)
        d_target = deltas_at(&job, job.row.target, <real>0)
        if operation.finish_gradient != NULL:
            operation.finish_gradient(&job, d_target, d_target)
        if flags[i] & FLAG_SOURCE:
            job.second = False
            pass_back(&job, operation, <const real*>d_target, d_x)
        if flags[i] & FLAG_SECOND:
            job.second = True
            pass_back(&job, operation, <const real*>d_target, d_x)


cdef inline real* deltas_at(const LayerRows* job, int64_t buffer, real of_type) noexcept nogil:
    """Return the rows of a buffer's gradients."""
    return (buffer_at(job.net, <real*>job.net.deltas, buffer)
            + job.first_row * job.net.stride[buffer])


cdef inline void pass_back(LayerRows* job, const Operation* operation, const real* d_target,
                           real* d_x) noexcept nogil:
    """Write, or add, the gradient of a row's source, or of its second one."""
    cdef const Network* net = job.net
    cdef int64_t buffer = job.row.second if job.second else job.row.source
    cdef int64_t stride = net.stride[buffer]
    cdef real* d_buffer
    cdef real* spare
    job.d_stride = stride
    job.padded = buffer > 0 and net.width[buffer] > 1
    if buffer > 0:
        d_buffer = deltas_at(job, buffer, <real>0)
    elif d_x != NULL:
        d_buffer = d_x + job.first_row * stride
    else:
        return
    if not job.flags & (FLAG_ADD_SECOND if job.second else FLAG_ADD_SOURCE):
        operation.source_gradient(job, d_target, d_buffer)
        return
    spare = <real*>net.deltas + net.row_width * net.capacity + job.first_row * stride
    operation.source_gradient(job, d_target, spare)
    add_columns(job.rows, net.width[buffer], <const real*>spare, stride, d_buffer, stride)


cdef inline void copy_row(int64_t n, const real* x, real* out) noexcept nogil:
    """Copy out[:n] = x[:n] in pieces of eight, the last of which may overlap the one before."""
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


cdef void gather(int64_t first, int64_t end, const int64_t* order, const int64_t* rows,
                 int64_t width, const real* x, real* out) noexcept nogil:
    """Copy out[i - first] = x[rows[order[i]]], for i from first to end - 1."""
    cdef int64_t i
    if width == 1 and rows == NULL:
        for i in range(end - first):
            out[i] = x[first + i] if order == NULL else x[order[first + i]]
        return
    for i in range(first, end):
        copy_row(width, x + row_at(order, rows, i) * width, out + (i - first) * width)


cdef void point(int64_t first, int64_t end, const int64_t* order, const int64_t* rows,
                int64_t width, const real* x, const void** out) noexcept nogil:
    """Point out[i - first] to row rows[order[i]] of x, for i from first to end - 1."""
    cdef int64_t i
    if order != NULL and rows == NULL:
        for i in range(end - first):
            out[i] = x + order[first + i] * width
        return
    for i in range(first, end):
        out[i - first] = x + row_at(order, rows, i) * width


cdef void copy_outputs(const Network* net, int64_t row, int64_t row_end, const real* x,
                       real* out) noexcept nogil:
    """Copy the rows row ... row_end - 1 of the output buffers, side by side and without padding."""
    cdef int64_t i, k, width
    cdef int64_t all_width = output_width(net)
    for k in range(net.output_count):
        width = net.width[net.outputs[k]]
        for i in range(row, row_end):
            copy_row(width, values_at(net, x, net.outputs[k], i), out + i * all_width)
        out += width


cdef void take_output_gradients(const Network* net, int64_t rows, const real* d_out) noexcept nogil:
    """Copy the gradients of the outputs, which lie side by side, to those of their buffers."""
    cdef int64_t i, k, width, stride
    cdef int64_t all_width = output_width(net)
    cdef real* d_output
    for k in range(net.output_count):
        width = net.width[net.outputs[k]]
        stride = net.stride[net.outputs[k]]
        d_output = buffer_at(net, <real*>net.deltas, net.outputs[k])
        for i in range(rows):
            copy_row(width, d_out + i * all_width, d_output + i * stride)
        d_out += width
