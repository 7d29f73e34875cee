# The gradients of a network's outputs with respect to its inputs, for many rows: see
# Program.input_gradients. No gradient of a parameter is computed, and blocks of rows stay in the
# cache.

cdef enum:
    BLOCK_ROWS = 128      # that a member takes at a time (benchmarks/test_explain.py)

# Rows whose gradients are wanted. A member reads it before its first barrier; rank 0 writes where
# it stopped after its last.
cdef struct GradientSpan:
    const NetworkKernels* kernels
    const Network* net
    const char* x
    const void* d_out       # the gradient of the outputs, the same for all rows
    char* d_x
    int64_t rows            # all of them
    int64_t row             # where to start; afterwards, where it stopped
    int64_t block           # rows that the team takes at a time
    double deadline         # seconds on the monotonic clock


cdef void give_output_gradients(const Network* net, int64_t row, int64_t row_end,
                                const real* d_out, real* d_x) noexcept nogil:
    """Copy d_out to the gradients of the output buffers in some rows of a block.

    An output may be the input itself; the others then add to that part of d_x.
    """
    cdef int64_t i, j, k, width, stride
    cdef real* d_output
    for k in range(net.output_count):
        width = net.width[net.outputs[k]]
        stride = net.stride[net.outputs[k]]
        d_output = d_x
        if net.outputs[k] > 0:
            d_output = buffer_at(net, <real*>net.deltas, net.outputs[k])
        for i in range(row, row_end):
            for j in range(width):
                d_output[i * stride + j] = d_out[j]
        d_out += width


cdef void input_gradients_of(const GradientSpan* span, const Batch* batch, int64_t row,
                             int64_t row_end, void* d_x, void* scratch) noexcept nogil:
    """Compute the gradients of some rows of a block; d_x: those of the whole block."""
    cdef const Network* net = span.net
    span.kernels.forward(net, batch, False, row, row_end - row, batch.x, scratch)
    if net.single:
        give_output_gradients(net, row, row_end, <const float*>span.d_out, <float*>d_x)
    else:
        give_output_gradients(net, row, row_end, <const double*>span.d_out, <double*>d_x)
    span.kernels.backward(net, batch, net.flags, row, row_end - row, batch.x, d_x, scratch)


cdef void gradients_member(void* job, Team* team, int64_t rank) noexcept nogil:
    """Compute gradients block by block, as a member of a team, until the deadline."""
    cdef GradientSpan* span = <GradientSpan*>job
    cdef const Network* net = span.net
    cdef int64_t bytes = net.width[0] * itemsize(net), at = span.row, met = 0
    cdef void* scratch = <char*>net.scratch + rank * net.scratch_size
    cdef Batch batch
    batch.training = False
    batch.key = 0
    batch.y = NULL
    while at < span.rows:
        batch.rows = min(span.block, span.rows - at)
        batch.x = span.x + at * bytes
        input_gradients_of(
            span, &batch, share_begin(batch.rows, span.kernels.rows, team.size, rank),
            share_begin(batch.rows, span.kernels.rows, team.size, rank + 1),
            span.d_x + at * bytes, scratch)
        at += batch.rows
        meet(team, &met)
        if rank == 0 and (has_failed(net) or now() > span.deadline):
            raise_flag(team, END_FLAG)
        meet(team, &met)
        if flags(team):
            break
    if rank == 0:
        span.row = at
