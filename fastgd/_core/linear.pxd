# The rows of a matrix, dense (C-contiguous) or sparse (CSR), and the passes of linear models over
# them, as the engine gives them to the kernels. The format is checked for each row; branches that
# always go the same way cost next to nothing beside its work.

from libc.stdint cimport int32_t, int64_t

from fastgd._core.types cimport *

cdef struct RowTable:
    int64_t n, d
    bint single             # values: float or double
    bint sparse
    bint wide               # columns and starts: int64 or int32
    const void* values
    const void* columns
    const void* starts      # (n + 1,): row i has the values starts[i] ... starts[i + 1] - 1
    int64_t rank, ranks     # of the processes that share out the sums over the rows

# One row: n values, and their columns if it is sparse.
cdef struct Line:
    int64_t n
    const void* values
    const void* columns

cdef extern from *:
    """
    #if defined(__GNUC__)
    #define fastgd_prefetch(p) __builtin_prefetch(p)
    #else
    #define fastgd_prefetch(p) ((void)0)
    #endif
    """
    void prefetch "fastgd_prefetch"(const void*) noexcept nogil

cdef enum:
    PREFETCHED = 16         # cache lines of a row, at most; the hardware fetches those behind

ctypedef fused index_type:
    int32_t
    int64_t


cdef inline int64_t start_of(const RowTable* rows, int64_t i) noexcept nogil:
    if rows.wide:
        return (<const int64_t*>rows.starts)[i]
    return (<const int32_t*>rows.starts)[i]


cdef inline Line line_of(const RowTable* rows, int64_t i) noexcept nogil:
    """Return row i."""
    cdef Line line
    cdef int64_t first
    cdef int64_t value_size = 4 if rows.single else 8
    if not rows.sparse:
        line.n = rows.d
        line.values = <const char*>rows.values + i * rows.d * value_size
        line.columns = NULL
    else:
        first = start_of(rows, i)
        line.n = start_of(rows, i + 1) - first
        line.values = <const char*>rows.values + first * value_size
        line.columns = <const char*>rows.columns + first * (8 if rows.wide else 4)
    return line


cdef inline void prefetch_line(const RowTable* rows, int64_t i) noexcept nogil:
    """Prefetch row i, which is used some steps later; the start of a sparse row must be in the
    cache."""
    cdef Line line = line_of(rows, i)
    # a row may reach into one more cache line than its size says
    cdef int64_t lines = (line.n * (4 if rows.single else 8) + 126) // 64
    cdef int64_t j
    for j in range(min(lines, <int64_t>PREFETCHED)):
        prefetch(<const char*>line.values + 64 * j)
    if rows.sparse:
        lines = (line.n * (8 if rows.wide else 4) + 126) // 64
        for j in range(min(lines, <int64_t>PREFETCHED)):
            prefetch(<const char*>line.columns + 64 * j)


cdef inline void prefetch_start(const RowTable* rows, int64_t i) noexcept nogil:
    """Prefetch the start of a sparse row."""
    if rows.sparse:
        prefetch(<const char*>rows.starts + i * (8 if rows.wide else 4))


# ---------------------------------------------------------------- stochastic gradient descent

cdef enum:
    BLOCK = 32              # rows whose losses, and steps whose rates, are computed at once

cdef struct Course:
    # the data of a run
    const RowTable* rows
    const double* y
    int64_t y_stride            # 0: y are class numbers, and a head's output is its positive one
    const double* weights       # of rows, or NULL
    const double* offset        # of rows, added to their decisions, or NULL
    const int64_t* order        # the rows to visit, or NULL for all of them in turn
# the objective: loss + l1 |w|_1 + l2 / 2 |w|^2
    int64_t loss
    double setting
    double l1, l2
    bint fit_intercept
    # the steps
    int64_t rate                # a Rate
    double alpha                # of RATE_OPTIMAL
    double eta0, power_t
    double optimal_start        # the time at which RATE_OPTIMAL begins
    double intercept_decay
    int64_t average             # the step with which averaging begins, from 1 on; 0: never
    int64_t batch
    bint objective              # whether the sum of the objective is wanted
    int64_t outputs
    double deadline             # seconds on the monotonic clock
    int64_t looks               # steps between two looks at the clock
    double largest              # absolute value of x
    const double* squares       # |x|^2 of each row, where the objective needs them, or NULL

# The sum of losses so far, rows whose losses are computed later, and the rates of steps to come.
cdef struct Waiting:
    int64_t n
    double total
    double[BLOCK] z, y, weight
    double[BLOCK] rates         # of RATE_INVSCALING, of the BLOCK steps before rates_end
    double rates_end

# One output: the weights w scale, so that L2 shrinks all of them by one product. Their average
# over the steps is (average + average_a w) / average_b: W. Xu, "Towards optimal one pass large
# scale learning with averaged stochastic gradient descent", arXiv:1107.2490 (2011), section 6.
cdef struct Head:
    int64_t output
    double* w
    double* intercept_place     # where the intercept is written
    double intercept
    double* average             # or NULL
    double* average_intercept
    double* owed                # the L1 penalty applied to each weight so far, or NULL
    double* room                # for the slopes of a batch, and a decision an output
    double bound                # no |w| is larger
    double scale
    double inverse              # 1 / scale
    double square_norm, absolute_norm   # |w scale|^2 and |w|_1, where the objective needs them
    double average_a, average_b
    double owed_total           # the L1 penalty due to each weight so far
    double t                    # the number of the next step, from 1 on
    double eta                  # the rate of RATE_CONSTANT and RATE_ADAPTIVE
    double positive, negative   # weights of targets above 0, and of others
    int64_t position
    double penalties            # their total over rows
    double total_weight         # of these rows, 1 for each where a step is a row
    int status
    Waiting* waiting


# ---------------------------------------------------------------- the objective

cdef enum:
    BATCH_ROWS = 64         # of a block, at most
    BATCH_GROUP = 4         # rows whose decisions are computed at once
    BATCH_LANES = 8         # columns, of a decision
    BATCH_CHUNK = 32        # columns, of a gradient; less than this is read behind a row

cdef enum:
    BATCH_ROOM = 16384      # elements of a block, about at most
    BATCH_SUMS = 8
    BATCH_END_FLAG = 1      # the time is over


# ---------------------------------------------------------------- Gram matrices

cdef enum:
    GRAM_ROWS = 64          # of a block; its LANES columns in double fill at most a panel
    GRAM_SUMS = 32          # at most so many sums,
    GRAM_ROOM = 32768       # and so many elements in all, which stay in the second-level cache
    GRAM_STEP = 32          # columns, as they are counted for that: a full tile of any build


cdef inline int64_t gram_sums_for(int64_t n, int64_t d, int64_t k) noexcept nogil:
    """Return the number of sums over which the blocks of n rows are shared out."""
    cdef int64_t width = (d + k + GRAM_STEP - 1) // GRAM_STEP * GRAM_STEP
    cdef int64_t blocks = (n + GRAM_ROWS - 1) // GRAM_ROWS
    return max(<int64_t>1, min(min(<int64_t>GRAM_SUMS, blocks), GRAM_ROOM // (width * width)))


# Gradient descent by a Gram matrix: theta - alpha (G theta - b).
cdef struct GramDescent:
    int64_t d, k
    const double* gram          # G: rows at `stride`
    int64_t stride
    const double* moments       # b, (k, d)
    double* theta               # (k, d)
    double* gradient            # (k, gradient_stride)
    int64_t gradient_stride
    double alpha
    double limit                # of an element of theta
    int64_t iteration           # where to start; afterwards, where it stopped
    int64_t last
    double deadline
    double* panel


cdef struct Coordinates:
    int64_t n
    const double* gram          # (n, n), symmetric
    const double* moments       # b
    const double* l1            # (n,)
    double* w
    double* left                # r
    double tol
