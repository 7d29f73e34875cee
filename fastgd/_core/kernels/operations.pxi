# The operations of the layer table: the computation of a row forward, and backward to its sources
# and to its parameters. Each Op is a row of another table, see enter_operations.

# Some rows of a batch at a row of the layer table. `void` stands for the network's type.
cdef struct LayerRows:
    const Network* net
    const Batch* batch
    const Row* row
    const double* settings      # the numbers of the row
    int64_t flags               # of the row, backward
    int64_t first_row           # in the batch
    int64_t rows
    int64_t width               # of the target
    int64_t stride
    int64_t source_width
    int64_t source_stride
    const void* x               # buffer 0
    const void* source          # from first_row on
    void* target
    void* panel                 # room for a product,
    void* line                  # and for LINES rows of the widest buffer
    # backward to a source
    bint second                 # whether to the second source
    bint padded                 # whether rows of its gradient are padded to whole tiles
    int64_t d_stride            # of that gradient
    # backward to the parameters
    int64_t size                # of the members, each of which takes some inputs of a kernel
    int64_t rank
    bint takes_small            # whether this member takes the small parameters
    void* sums                  # the gradients to add to, or NULL

# Forward: from the source to the target. Backward: from the gradient of the target to that of a
# source, or to those of the parameters, which have the same places in the flat vector `out` as in
# `net`.
ctypedef void (*ForwardFunction)(
    const LayerRows* job, const void* source, void* target) noexcept nogil
ctypedef void (*BackwardFunction)(
    const LayerRows* job, const void* d_target, void* out) noexcept nogil

cdef struct Operation:
    ForwardFunction forward
    BackwardFunction source_gradient
    BackwardFunction parameter_gradients    # NULL where there are no parameters
    BackwardFunction finish_gradient        # NULL, or runs before both: in place, back through
    #                                         the last operation of `forward` on the target

cdef enum:
    MOST_OPERATIONS = 16

cdef Operation[2][MOST_OPERATIONS] operations       # of float, then of double


cdef void enter_operations(Operation* table, real of_type) noexcept:
    """Enter a row for each Op."""
    table[<int>OP_DENSE] = Operation(
        <ForwardFunction>dense_forward[real], <BackwardFunction>dense_source_gradient[real],
        <BackwardFunction>dense_parameters[real], <BackwardFunction>dense_finish_gradient[real])
    table[<int>OP_ACTIVATION] = Operation(
        <ForwardFunction>activation_forward[real],
        <BackwardFunction>activation_source_gradient[real], NULL, NULL)
    table[<int>OP_COPY] = Operation(
        <ForwardFunction>copy_forward[real], <BackwardFunction>copy_gradient[real], NULL, NULL)
    table[<int>OP_MERGE] = Operation(
        <ForwardFunction>merge_forward[real], <BackwardFunction>merge_gradient[real], NULL, NULL)
    table[<int>OP_GATHER] = Operation(
        <ForwardFunction>gather_forward[real], <BackwardFunction>gather_gradient[real], NULL, NULL)
    table[<int>OP_AFFINE] = Operation(
        <ForwardFunction>affine_forward[real], <BackwardFunction>affine_gradient[real], NULL, NULL)
    table[<int>OP_NOISE] = Operation(
        <ForwardFunction>noise_forward[real], <BackwardFunction>noise_gradient[real], NULL, NULL)
    table[<int>OP_BATCH_NORM] = Operation(
        <ForwardFunction>batch_norm_forward[real], <BackwardFunction>batch_norm_gradient[real],
        <BackwardFunction>batch_norm_parameters[real], NULL)
    table[<int>OP_LAYER_NORM] = Operation(
        <ForwardFunction>layer_norm_forward[real], <BackwardFunction>layer_norm_gradient[real],
        <BackwardFunction>layer_norm_parameters[real], NULL)
    table[<int>OP_UNIT_NORM] = Operation(
        <ForwardFunction>unit_norm_forward[real], <BackwardFunction>unit_norm_gradient[real],
        NULL, NULL)
    table[<int>OP_PRELU] = Operation(
        <ForwardFunction>prelu_forward[real], <BackwardFunction>prelu_gradient[real],
        <BackwardFunction>prelu_parameters[real], NULL)
    table[<int>OP_EMBEDDING] = Operation(
        <ForwardFunction>embedding_forward[real], <BackwardFunction>embedding_gradient[real],
        <BackwardFunction>embedding_parameters[real], NULL)
    table[<int>OP_SPLIT] = Operation(
        <ForwardFunction>split_forward[real], <BackwardFunction>split_gradient[real], NULL, NULL)
    table[<int>OP_ORDERED] = Operation(
        <ForwardFunction>ordered_forward[real], <BackwardFunction>ordered_gradient[real], NULL,
        NULL)


cdef inline const Operation* operation_of(int64_t op, real of_type) noexcept nogil:
    return &operations[0 if real is float else 1][op]


cdef inline real* kept_rows(const LayerRows* job, real of_type) noexcept nogil:
    """Return the rows of the buffer where an operation keeps values for its gradient."""
    return (buffer_at(job.net, <real*>job.net.values, job.row.keep)
            + job.first_row * job.net.stride[job.row.keep])


cdef inline const real* kernel_of(const LayerRows* job, real of_type) noexcept nogil:
    return <const real*>job.net.parameters + job.row.kernel


cdef inline const real* bias_of(const LayerRows* job, real of_type) noexcept nogil:
    """Return the bias, or NULL."""
    if job.row.bias < 0:
        return NULL
    return <const real*>job.net.parameters + job.row.bias


cdef inline void add_shared(const LayerRows* job, int64_t begin, int64_t n,
                            const real* out) noexcept nogil:
    """Add out[begin:begin + n] to the gradients of other rows, if there are any."""
    if job.sums != NULL:
        add_columns(1, n, out + begin, 0, <real*>job.sums + begin, 0)
