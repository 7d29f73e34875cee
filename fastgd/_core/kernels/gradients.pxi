# The gradients of the parameters, summed over the rows of a batch.

cdef void parameter_gradients(LayerRows* job, const int64_t* flags, const real* x,
                              real* gradients) noexcept nogil:
    """Compute the gradients of the parameters, summed over some rows, from those of the buffers.

    Of job.size members each takes some inputs or rows of every kernel, and small parameters go to
    one member: no sum is split. Parameters that rows share go to the same member, since their
    gradients add up.
    """
    cdef const Network* net = job.net
    cdef void* spare = <char*>job.panel + net.spare_start
    cdef void* out
    cdef int64_t i
    for i in range(net.row_count - 1, -1, -1):
        if not flags[i] & FLAG_PARAMETERS:
            continue
        take_row(job, i, x)
        job.flags = flags[i]
        job.takes_small = job.rank == (0 if flags[i] & FLAG_SHARED else i % job.size)
        job.sums = NULL
        out = gradients
        if flags[i] & FLAG_ADD_PARAMETERS:
            job.sums = gradients
            out = spare
        operation_of(job.row.op, <real>0).parameter_gradients(
            job, deltas_at(job, job.row.target, <real>0), out)


cdef void share_gradients(const Network* net, const Batch* batch, const int64_t* flags,
                          const real* x, void* scratch, int64_t size, int64_t rank) noexcept nogil:
    """Compute a member's share of the parameters' gradients over a whole batch."""
    cdef LayerRows job = layer_rows(net, batch, 0, batch.rows, x, scratch)
    job.size = size
    job.rank = rank
    parameter_gradients(&job, flags, x, <real*>net.gradients)


cdef void chunk_gradients(const Network* net, const Batch* batch, const int64_t* flags,
                          const real* x, void* scratch, int64_t chunks, int64_t chunk,
                          int64_t last_chunk) noexcept nogil:
    """Compute the parameters' gradients of the chunks chunk ... last_chunk - 1 into their sums."""
    cdef LayerRows job = layer_rows(net, batch, 0, 0, x, scratch)
    job.size = 1
    job.rank = 0
    while chunk < last_chunk:
        job.first_row = chunk_begin(batch.rows, chunks, chunk)
        job.rows = chunk_begin(batch.rows, chunks, chunk + 1) - job.first_row
        parameter_gradients(&job, flags, x, <real*>net.chunks + chunk * net.chunk_size)
        chunk += 1


cdef void add_chunks(const Network* net, int64_t chunks, int64_t begin, int64_t end,
                     real* gradients) noexcept nogil:
    """Set gradients[begin:end] to the sum of the chunks' gradients, in their order."""
    cdef const real* sums = <const real*>net.chunks
    cdef int64_t i, chunk
    for i in range(begin, end):
        gradients[i] = sums[i] + sums[net.chunk_size + i]
    for chunk in range(2, chunks):
        sums = <const real*>net.chunks + chunk * net.chunk_size
        for i in range(begin, end):
            gradients[i] = gradients[i] + sums[i]
