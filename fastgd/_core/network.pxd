# A network as the engine gives it to the kernels, and what both read of it.
#
# Buffer 0 is the input, which is not copied. Every other buffer holds `capacity` rows of its width,
# at a stride rounded up to whole tiles, so that a product never stores half a tile; the padding is
# never read as a value.

from libc.stdint cimport int64_t, uint64_t

from fastgd._core.scalar cimport real
from fastgd._core.types cimport *

cdef enum:
    TERM_START = 2      # of the totals: types.TERM_TOTALS

# The work on a row of the table when a gradient is wanted (see flags.pxi).
cdef enum Flag:
    FLAG_RUNS = 1               # the loss depends on it
    FLAG_BACK = 2               # its gradient leads to that of some parameter
    FLAG_PARAMETERS = 4         # it has such parameters,
    FLAG_ADD_PARAMETERS = 8     # shared with a row whose gradient is there already
    FLAG_SOURCE = 16            # its source wants a gradient
    FLAG_ADD_SOURCE = 32        # and has a part of it already
    FLAG_SECOND = 64            # the same for its second source
    FLAG_ADD_SECOND = 128
    FLAG_GATED = 256            # its reader computes the gradient of its ReLU
    FLAG_GATES = 512            # it is such a reader
    FLAG_SHARED = 1024          # other rows have its parameters, too
    # what the rows of a chain may have, see chain.pxi
    CHAIN_FLAGS = FLAG_RUNS | FLAG_BACK | FLAG_PARAMETERS | FLAG_SOURCE | FLAG_GATED | FLAG_GATES


cdef struct Penalties:
    const PenaltyRow* rows
    int64_t count
    void* gradients         # a flat vector; only where a penalty is not elementwise
    void* workspace         # see orthogonal_room


cdef struct Constraints:
    const ConstraintRow* rows
    int64_t count


# A matrix whose rows are `stride` elements apart.
cdef struct Matrix:
    int64_t rows, width, stride
    void* data


cdef struct Network


# User-defined functions, written in Python, by their numbers in the plan. An exception that one of
# them raises is kept, and ends the span.
ctypedef void (*ActivationCall)(
    const Network* net, int64_t number, const Matrix* z, const Matrix* y) noexcept nogil
ctypedef void (*ActivationGradientCall)(
    const Network* net, int64_t number, const Matrix* z, const Matrix* d_y, const Matrix* d_z,
) noexcept nogil
ctypedef void (*LossCall)(
    const Network* net, const LossTerm* term, const Matrix* y, const Matrix* p,
    const Matrix* values, const Matrix* slopes) noexcept nogil
ctypedef void (*MetricCall)(
    const Network* net, const MetricTerm* metric, const Matrix* y, const Matrix* p,
    const Matrix* weights) noexcept nogil

cdef struct Calls:
    ActivationCall activation                   # y = function(z)
    ActivationGradientCall activation_gradient  # d_z = d_y function'(z)
    LossCall loss               # the loss of each row and, unless NULL, the slopes of their sum
    MetricCall metric           # take in the rows of a batch; weights: one column, or NULL
    void* functions             # the Python side of the calls
    int64_t failed              # whether one of them has raised an exception


cdef struct Network:
    bint single                 # float or double
    const Row* rows
    int64_t row_count
    const int64_t* flags        # of each row, when the losses are minimised,
    const int64_t* tape_flags   # and when the gradient of the outputs is given
    const double* settings      # the numbers that rows, losses and metrics refer to
    const int64_t* width        # of each buffer
    const int64_t* stride
    const int64_t* start        # of each buffer, in elements per row of capacity
    int64_t capacity            # rows
    int64_t row_width           # of all buffers together
    const int64_t* outputs      # the buffers of the outputs
    int64_t output_count
    const LossTerm* terms
    int64_t term_count
    const int64_t* term_adds    # whether a term adds to a gradient that is there already
    const MetricTerm* metrics
    int64_t metric_count
    int64_t target_width        # of a row of y
    bint coupled                # whether a training step combines the rows of a batch
    bint couples_rows           # whether a loss is one of whole batches
    bint counts_rows            # whether the loss of a row depends on the others' targets
    bint scatters               # whether a gradient is scattered into the rows of a kernel
    const Calls* calls          # into Python, if a plan has user-defined functions, or NULL
    int64_t parameter_count
    void* parameters
    void* gradients
    void* values                # the buffers, then room that rows share for a whole batch,
    void* deltas                # the gradients of the loss with respect to them, then a spare one
    void* batch                 # gathered rows of x, then of y
    void* chunks                # the parameters' gradients of each chunk of a batch,
    int64_t chunk_size          # so many elements apart
    void* row_values            # `capacity` losses of rows for each term, then for each metric
    double* sums                # one for each term
    bint is_chain               # see chain.pxi
    const void** pointers       # to the rows of x in a batch of a chain
    void* scratch               # of each member of a team: a panel, a line, a numerator a row,
    int64_t scratch_size        # parameters' gradients, and a chain; in bytes
    int64_t line_start
    int64_t numerators_start
    int64_t spare_start
    int64_t chain_start
    Penalties penalties
    Constraints constraints


# A batch on its way through the table.
cdef struct Batch:
    const void* x
    const void* y
    int64_t rows
    bint training       # whether layers such as dropout are active
    uint64_t key        # of its random numbers
    double clip         # of the norm of each row's gradient, or 0 for a plain step


# A member's part of a step of a chain: some rows of the batch, and its chunks of them.
cdef struct ChainPart:
    int64_t row
    int64_t row_end
    int64_t chunks              # of the whole batch
    int64_t chunk
    int64_t last_chunk


cdef inline real* buffer_at(const Network* net, real* buffers, int64_t buffer) noexcept nogil:
    return buffers + net.start[buffer] * net.capacity


cdef inline const real* values_at(const Network* net, const real* x, int64_t buffer,
                                  int64_t row) noexcept nogil:
    """Return the values of a buffer from a row on; x is buffer 0."""
    if buffer == 0:
        return x + row * net.stride[0]
    return buffer_at(net, <real*>net.values, buffer) + row * net.stride[buffer]


cdef inline int64_t row_at(const int64_t* order, const int64_t* rows, int64_t i) noexcept nogil:
    """Return rows[order[i]]; either may be NULL, for i itself."""
    if order != NULL:
        i = order[i]
    return i if rows == NULL else rows[i]


cdef inline int64_t output_width(const Network* net) noexcept nogil:
    """Return the width of all outputs side by side."""
    cdef int64_t k, width = 0
    for k in range(net.output_count):
        width += net.width[net.outputs[k]]
    return width


cdef inline bint has_failed(const Network* net) noexcept nogil:
    """Return whether a user-defined function has raised an exception."""
    return net.calls != NULL and net.calls.failed != 0


cdef enum:
    MOST_CHUNKS = 8
    CHUNK_ROWS = 128            # at least
    CHUNKED_PARAMETERS = 32768  # at most
    CHAIN_ROWS = 1024           # of a batch, at most: a chain's step looks for no signal


cdef inline int64_t chunk_count(const Network* net, int64_t rows) noexcept nogil:
    """Return into how many chunks of rows the sums over a batch are cut.

    Each member of a team takes the chunks whose rows it has just computed, and need not fetch the
    others' rows. The number depends on the batch and the network alone. It is 1 where a chunk of
    sums would cost more than that saves: with many parameters, or with sums that most rows do not
    touch. A coupled step has one member.
    """
    if net.parameter_count > CHUNKED_PARAMETERS or net.scatters or net.coupled:
        return 1
    return max(<int64_t>1, min(<int64_t>MOST_CHUNKS, rows // CHUNK_ROWS))


cdef inline int64_t chunk_begin(int64_t rows, int64_t chunks, int64_t chunk) noexcept nogil:
    """Return the first row of a chunk."""
    if chunks == 1:
        return rows * chunk
    return min(rows, (rows + 7) // 8 * chunk // chunks * 8)


cdef inline bint couples_rows(int64_t loss) noexcept nogil:
    """Return whether a loss is one of whole batches: then one member computes it."""
    return loss == LOSS_SHARPE or loss == LOSS_SORTINO


cdef inline bint ignores_rows(const LossTerm* term, const double* settings) noexcept nogil:
    """Return whether a loss ignores the rows of some label."""
    return (
        (term.kind == LOSS_SPARSE_CATEGORICAL_CROSSENTROPY
         or term.kind == LOSS_SPARSE_CATEGORICAL_CROSSENTROPY_LOGITS)
        and settings[0] != 0
    )


cdef inline int64_t itemsize(const Network* net) noexcept nogil:
    """Return the bytes of one of a network's numbers."""
    return sizeof(float) if net.single else sizeof(double)


cdef inline const void* element(const Network* net, const void* data, int64_t i) noexcept nogil:
    """Return the address of element i of a network's numbers."""
    return <const char*>data + i * itemsize(net)
