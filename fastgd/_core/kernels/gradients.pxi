# The gradients of the parameters, summed over the rows of a batch.

cdef void parameter_gradients(
    const Network* net, const Batch* batch, const int64_t* flags, int64_t first_row, int64_t rows,
    const real* x, real* gradients, void* scratch, int64_t size, int64_t rank,
) noexcept nogil:
    """From the gradients of the buffers to those of the parameters, summed over some rows.

    Of `size` members each takes some inputs or rows of every kernel, and small parameters go to
    one member: no sum is split. Those that rows share go to the same one, since they add up.
    """
    cdef real* spare = <real*>(<char*>scratch + net.spare_start)
    cdef const real* source
    cdef const real* d_target
    cdef real* out
    cdef int64_t i, inputs, units, first, last
    cdef const Row* row
    cdef bint mine
    for i in range(net.row_count - 1, -1, -1):
        if not flags[i] & FLAG_PARAMETERS:
            continue
        row = &net.rows[i]
        out = spare if flags[i] & FLAG_ADD_PARAMETERS else gradients
        mine = rank == (0 if flags[i] & FLAG_SHARED else i % size)
        units = net.width[row.target]
        source = values_at(net, x, row.source, first_row)
        d_target = (buffer_at(net, <real*>net.deltas, row.target)
                    + first_row * net.stride[row.target])
        if row.op == OP_DENSE:
            inputs = net.width[row.source]
            first = share_begin(inputs, 4, size, rank)
            last = share_begin(inputs, 4, size, rank + 1)
            dense_kernel_gradient(
                rows, first, last, units, source, net.stride[row.source], d_target,
                net.stride[row.target], out + row.kernel, <real*>scratch)
            if out == spare:
                add_part(row.kernel + first * units, (last - first) * units, spare, gradients)
            if row.bias >= 0 and mine:
                sum_columns(rows, units, d_target, net.stride[row.target], out + row.bias)
                if out == spare:
                    add_part(row.bias, units, spare, gradients)
        elif row.op == OP_EMBEDDING:
            inputs = <int64_t>net.settings[row.settings]
            units = units // net.width[row.source]
            first = share_begin(inputs, 1, size, rank)
            last = share_begin(inputs, 1, size, rank + 1)
            embedding_kernel_gradient(net, row, rows, source, d_target, first, last,
                                      out + row.kernel)
            if out == spare:
                add_part(row.kernel + first * units, (last - first) * units, spare, gradients)
        elif mine:
            if row.op == OP_BATCH_NORM:
                units = channel_count(net, row)
                batch_norm_parameters(net, batch, flags[i], row, first_row, rows, x, d_target,
                                      out, scratch)
            elif row.op == OP_PRELU:
                prelu_parameters(net, row, rows, source, net.stride[row.source], d_target,
                                 net.stride[row.target], out)
                units = <int64_t>net.settings[row.settings + units]
            else:  # OP_LAYER_NORM
                units = units // <int64_t>net.settings[row.settings + 1]
                layer_norm_parameters(net, row, first_row, rows, x, d_target, out, scratch)
            if out == spare and row.kernel >= 0:
                add_part(row.kernel, units, spare, gradients)
            if out == spare and row.bias >= 0:
                add_part(row.bias, units, spare, gradients)


cdef inline void add_part(
    int64_t begin, int64_t n, const real* more, real* gradients,
) noexcept nogil:
    """gradients[begin:begin + n] += more[begin:begin + n]."""
    add_columns(1, n, more + begin, 0, gradients + begin, 0)


cdef void share_gradients(
    const Network* net, const Batch* batch, const int64_t* flags, const real* x, void* scratch,
    int64_t size, int64_t rank,
) noexcept nogil:
    """A member's share of the parameters' gradients over a whole batch."""
    parameter_gradients(
        net, batch, flags, 0, batch.rows, x, <real*>net.gradients, scratch, size, rank)


cdef void chunk_gradients(
    const Network* net, const Batch* batch, const int64_t* flags, const real* x, void* scratch,
    int64_t chunks, int64_t chunk, int64_t last_chunk,
) noexcept nogil:
    """The parameters' gradients of the chunks chunk ... last_chunk - 1, each into its sums."""
    cdef int64_t begin
    while chunk < last_chunk:
        begin = chunk_begin(batch.rows, chunks, chunk)
        parameter_gradients(
            net, batch, flags, begin, chunk_begin(batch.rows, chunks, chunk + 1) - begin, x,
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
