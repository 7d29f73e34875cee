# The layer table at work: forward, and backward to the buffers. See types.pxd for a row.
#
# The functions that take `first_row` and `rows` work on those rows of a batch and touch no other,
# so that the members of a team can share a batch out.

cdef void forward(
    const Network* net, const Batch* batch, bint everything, int64_t first_row, int64_t rows,
    const real* x, void* scratch,
) noexcept nogil:
    """Run the table on rows of x: everything, or what the losses depend on."""
    cdef const real* parameters = <const real*>net.parameters
    cdef const double* settings
    cdef const real* source
    cdef const real* bias
    cdef real* target
    cdef int64_t i, source_stride, source_width, width, stride
    cdef const Row* row
    for i in range(net.row_count):
        if not (everything or net.flags[i] & FLAG_RUNS):
            continue
        row = &net.rows[i]
        settings = net.settings + row.settings
        width = net.width[row.target]
        stride = net.stride[row.target]
        target = buffer_at(net, <real*>net.values, row.target) + first_row * stride
        source_width = net.width[row.source]
        source_stride = net.stride[row.source]
        source = values_at(net, x, row.source, first_row)
        if row.op == OP_DENSE:
            bias = parameters + row.bias if row.bias >= 0 else NULL
            dense_forward(
                row.kind, rows, source_width, width, source, source_stride,
                parameters + row.kernel, bias, target, stride, <real*>scratch)
        elif row.op == OP_ACTIVATION:
            if row.kind == CALL_FUNCTION:
                call_activation(net, row, rows, source, target)
            elif source_stride == stride:
                activate(row.kind, settings, rows, width, stride, source, target)
            else:
                activate_rows(row.kind, settings, rows, width, source, source_stride, target,
                              stride)
        elif row.op == OP_COPY:
            copy_columns(
                rows, min(source_width, width), source + <int64_t>settings[0], source_stride,
                target + <int64_t>settings[1], stride)
        elif row.op == OP_MERGE:
            merge(row.kind, rows, source_width, source, source_stride, net.width[row.second],
                  values_at(net, x, row.second, first_row), net.stride[row.second], target, stride)
        elif row.op == OP_GATHER:
            gather_columns(rows, width, settings, source, source_stride, target, stride)
        elif row.op == OP_AFFINE:
            affine_forward(net, row, first_row, rows, x, scratch)
        elif row.op == OP_NOISE:
            noise_forward(net, batch, row, first_row, rows, x)
        elif row.op == OP_BATCH_NORM:
            batch_norm_forward(net, batch, row, first_row, rows, x, scratch)
        elif row.op == OP_LAYER_NORM:
            layer_norm_forward(net, row, first_row, rows, x, scratch)
        elif row.op == OP_UNIT_NORM:
            unit_norm_forward(net, row, first_row, rows, x)
        elif row.op == OP_PRELU:
            prelu_forward(net, row, rows, source, source_stride, target, stride)
        else:  # OP_EMBEDDING
            embedding_forward(net, row, first_row, rows, x)


cdef void backward(
    const Network* net, const Batch* batch, const int64_t* flags, int64_t first_row, int64_t rows,
    const real* x, real* d_x, void* scratch,
) noexcept nogil:
    """Take the gradients of the buffers back through the table.

    flags: net.flags, or net.tape_flags. d_x: out, dense rows for the whole batch, or NULL where it
    is not asked for.
    """
    cdef real* deltas = <real*>net.deltas
    cdef const real* output
    cdef real* d_target
    cdef int64_t i, width, stride, source_width, source_stride
    cdef const Row* row
    for i in range(net.row_count - 1, -1, -1):
        if not flags[i] & FLAG_BACK:
            continue
        row = &net.rows[i]
        width = net.width[row.target]
        stride = net.stride[row.target]
        d_target = buffer_at(net, deltas, row.target) + first_row * stride
        if (row.op == OP_DENSE and row.kind != ACTIVATION_LINEAR
                and not flags[i] & FLAG_GATED):
            output = values_at(net, x, row.target, first_row)
            activation_gradient(
                row.kind, net.settings, rows, width, stride, output, output,
                <const real*>d_target, d_target)
        if (row.op == OP_DENSE and row.source > 0
                and flags[i] & (FLAG_SOURCE | FLAG_ADD_SOURCE) == FLAG_SOURCE):
            # what most networks are made of takes the short way
            source_width = net.width[row.source]
            source_stride = net.stride[row.source]
            dense_source_gradient(
                rows, source_width, width, <const real*>net.parameters + row.kernel,
                <const real*>d_target, stride,
                buffer_at(net, deltas, row.source) + first_row * source_stride, source_stride,
                source_width > 1,
                values_at(net, x, row.source, first_row) if flags[i] & FLAG_GATES
                else <const real*>NULL, <real*>scratch)
        elif flags[i] & FLAG_SOURCE:
            pass_back(net, batch, flags[i], row, False, first_row, rows, x, d_target, d_x, scratch)
        if flags[i] & FLAG_SECOND:
            pass_back(net, batch, flags[i], row, True, first_row, rows, x, d_target, d_x, scratch)


cdef void pass_back(
    const Network* net, const Batch* batch, int64_t flags, const Row* row, bint second,
    int64_t first_row, int64_t rows, const real* x, const real* d_target, real* d_x, void* scratch,
) noexcept nogil:
    """Write, or add, the gradient of a row's source, or of its second one."""
    cdef int64_t buffer = row.second if second else row.source
    cdef int64_t width = net.width[buffer]
    cdef int64_t stride = net.stride[buffer]
    cdef bint adds = flags & (FLAG_ADD_SECOND if second else FLAG_ADD_SOURCE) != 0
    cdef real* d_buffer
    cdef real* d_out
    if buffer > 0:
        d_buffer = buffer_at(net, <real*>net.deltas, buffer)
    elif d_x != NULL:
        d_buffer = d_x
    else:
        return
    d_out = d_buffer + first_row * stride
    if adds:
        d_out = <real*>net.deltas + net.row_width * net.capacity + first_row * stride
    row_gradient(net, batch, flags, row, second, buffer, first_row, rows, x, d_target, d_out,
                 scratch)
    if adds:
        add_columns(rows, width, <const real*>d_out, stride, d_buffer + first_row * stride, stride)


cdef void row_gradient(
    const Network* net, const Batch* batch, int64_t flags, const Row* row, bint second,
    int64_t buffer, int64_t first_row, int64_t rows, const real* x, const real* d_target,
    real* d_out, void* scratch,
) noexcept nogil:
    """d_out = the gradient of the buffer that a row reads, as far as it comes from that row."""
    cdef const real* parameters = <const real*>net.parameters
    cdef const double* settings = net.settings + row.settings
    cdef int64_t width = net.width[row.target]
    cdef int64_t stride = net.stride[row.target]
    cdef int64_t source_width = net.width[row.source]
    cdef int64_t source_stride = net.stride[row.source]
    cdef const real* source = values_at(net, x, row.source, first_row)
    cdef const real* output = values_at(net, x, row.target, first_row)
    cdef int64_t d_stride = net.stride[buffer]
    if row.op == OP_DENSE:
        dense_source_gradient(
            rows, source_width, width, parameters + row.kernel, d_target, stride, d_out, d_stride,
            buffer != 0 and source_width > 1, source if flags & FLAG_GATES else <const real*>NULL,
            <real*>scratch)
    elif row.op == OP_ACTIVATION:
        if row.kind == CALL_FUNCTION:
            call_activation_gradient(net, row, rows, source, d_target, d_out)
        elif d_stride == stride:
            activation_gradient(row.kind, settings, rows, width, stride, source, output, d_target,
                                d_out)
        else:
            activation_gradient_rows(row.kind, settings, rows, width, source, source_stride,
                                     output, d_target, stride, d_out)
    elif row.op == OP_COPY:
        if width < source_width:
            fill_columns(rows, source_width, <real>0, d_out, d_stride)
        copy_columns(
            rows, min(source_width, width), d_target + <int64_t>settings[1], stride,
            d_out + <int64_t>settings[0], d_stride)
    elif row.op == OP_MERGE:
        merge_gradient(
            row.kind, second, rows, source_width, source, source_stride, net.width[row.second],
            values_at(net, x, row.second, first_row), net.stride[row.second], d_target, stride,
            d_out, d_stride, <real*>(<char*>scratch + net.line_start))
    elif row.op == OP_GATHER:
        gather_columns_gradient(rows, width, settings, d_target, stride, source_width, d_out,
                                d_stride)
    elif row.op == OP_AFFINE:
        affine_gradient(net, row, rows, d_target, d_out, d_stride, scratch)
    elif row.op == OP_NOISE:
        noise_gradient(net, batch, row, first_row, rows, x, d_target, d_out, d_stride)
    elif row.op == OP_BATCH_NORM:
        batch_norm_gradient(net, batch, row, first_row, rows, x, d_target, d_out, d_stride, scratch)
    elif row.op == OP_LAYER_NORM:
        layer_norm_gradient(net, row, first_row, rows, x, d_target, d_out, d_stride, scratch)
    elif row.op == OP_UNIT_NORM:
        unit_norm_gradient(net, row, first_row, rows, x, d_target, d_out, d_stride)
    elif row.op == OP_PRELU:
        prelu_gradient(net, row, rows, source, source_stride, d_target, stride, d_out, d_stride)
    else:  # OP_EMBEDDING: numbers of rows have no gradient
        fill_columns(rows, source_width, <real>0, d_out, d_stride)


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


cdef void gather(
    int64_t first, int64_t end, const int64_t* order, const int64_t* rows, int64_t width,
    const real* x, real* out,
) noexcept nogil:
    """out[i - first] = x[rows[order[i]]], for i from first to end - 1."""
    cdef int64_t i
    if width == 1:
        for i in range(first, end):
            out[i - first] = x[row_at(order, rows, i)]
        return
    for i in range(first, end):
        copy_row(width, x + row_at(order, rows, i) * width, out + (i - first) * width)


cdef void copy_outputs(
    const Network* net, int64_t row, int64_t row_end, const real* x, real* out,
) noexcept nogil:
    """The rows row ... row_end - 1 of the output buffers, side by side and without padding."""
    cdef int64_t i, k, width
    cdef int64_t all_width = output_width(net)
    for k in range(net.output_count):
        width = net.width[net.outputs[k]]
        for i in range(row, row_end):
            copy_row(width, values_at(net, x, net.outputs[k], i), out + i * all_width)
        out += width


cdef void take_output_gradients(const Network* net, int64_t rows, const real* d_out) noexcept nogil:
    """Take the gradients of the outputs, which lie side by side, into those of their buffers."""
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
