# The kernels of one instruction set, as the engine calls them: computations are compiled for each
# instruction set and data type, the orchestration is compiled once. `void` stands for the type of a
# network's numbers.

from libc.stdint cimport int64_t, uint32_t, uint64_t

from fastgd._core.linear cimport *
from fastgd._core.network cimport *
from fastgd._core.optimizer cimport Optimizer, Step

cdef struct Span
cdef struct Privacy
cdef struct LeastSquaresDescent
cdef struct PoissonSample
cdef struct RankParts

# ---------------------------------------------------------------- networks

ctypedef void (*ForwardKernel)(
    const Network* net, const Batch* batch, bint everything, int64_t first_row, int64_t rows,
    const void* x, void* scratch) noexcept nogil
ctypedef void (*BackwardKernel)(
    const Network* net, const Batch* batch, const int64_t* flags, int64_t first_row, int64_t rows,
    const void* x, void* d_x, void* scratch) noexcept nogil
ctypedef void (*ClipRowsKernel)(
    const Network* net, const Batch* batch, const int64_t* flags, int64_t first_row, int64_t rows,
    const void* x, double* norms, void* scratch) noexcept nogil
ctypedef void (*ScoreKernel)(
    const Network* net, const Batch* batch, int64_t first_row, int64_t rows, const void* y,
    const void* x, bint slopes, void* scratch) noexcept nogil
ctypedef int (*AddScoresKernel)(
    const Network* net, const Batch* batch, const void* x, const void* y, bint must_be_finite,
    double penalty, double* totals) noexcept nogil
ctypedef void (*ShareGradientsKernel)(
    const Network* net, const Batch* batch, const int64_t* flags, const void* x, void* scratch,
    int64_t size, int64_t rank) noexcept nogil
ctypedef void (*ChunkGradientsKernel)(
    const Network* net, const Batch* batch, const int64_t* flags, const void* x, void* scratch,
    int64_t chunks, int64_t chunk, int64_t last_chunk) noexcept nogil
ctypedef int64_t (*ChainBytesKernel)(const Network* net) noexcept nogil
ctypedef void (*BeginChainKernel)(
    const Network* net, int64_t rows, const void* x, void* scratch) noexcept nogil
ctypedef void (*ChainStepKernel)(
    const Network* net, const Batch* batch, const ChainPart* part, const void* y,
    void* scratch) noexcept nogil
ctypedef void (*AddChunksKernel)(
    const Network* net, int64_t chunks, int64_t begin, int64_t end, void* gradients,
) noexcept nogil
ctypedef double (*BatchShareKernel)(
    const Network* net, const Batch* batch, const void* y) noexcept nogil
ctypedef double (*PenaltyKernel)(
    const Penalties* penalties, double share, const void* parameters, void* panel) noexcept nogil
ctypedef void (*AddPenaltyGradientsKernel)(
    const Penalties* penalties, double share, int64_t begin, int64_t end, const void* parameters,
    void* gradients) noexcept nogil
ctypedef int (*MoveMomentsKernel)(const Network* net, const void* x) noexcept nogil
ctypedef void (*ConstrainKernel)(
    const Constraints* constraints, void* parameters, int64_t size, int64_t rank) noexcept nogil
ctypedef void (*GatherKernel)(
    int64_t first, int64_t end, const int64_t* order, const int64_t* rows, int64_t width,
    const void* x, void* out) noexcept nogil
ctypedef void (*PointKernel)(
    int64_t first, int64_t end, const int64_t* order, const int64_t* rows, int64_t width,
    const void* x, const void** out) noexcept nogil
ctypedef void (*CopyOutputsKernel)(
    const Network* net, int64_t row, int64_t row_end, const void* x, void* out) noexcept nogil
ctypedef void (*TakeGradientsKernel)(
    const Network* net, int64_t rows, const void* d_out) noexcept nogil
ctypedef bint (*CheckGradientsKernel)(
    const Optimizer* optimizer, int64_t iteration, int64_t begin, int64_t end, int64_t size,
    int64_t rank, void* g) noexcept nogil
ctypedef int (*UpdateKernel)(
    const Optimizer* optimizer, const Step* step, int64_t begin, int64_t end, int64_t rank,
    void* w, void* g) noexcept nogil
ctypedef void (*StepScalesKernel)(
    const Optimizer* optimizer, int64_t iteration, const double* rates, bint one_rate, int count,
    double* scales) noexcept nogil
ctypedef double (*LogarithmKernel)(double x) noexcept nogil
ctypedef void (*PermuteKernel)(uint64_t key, int64_t n, int64_t* order) noexcept nogil
ctypedef void (*AddNoiseKernel)(
    const uint32_t* key, uint64_t step, double deviation, double divisor, int64_t begin,
    int64_t end, void* g) noexcept nogil
ctypedef void (*DrawSampleKernel)(const PoissonSample* job) noexcept nogil
ctypedef void (*TrainUnitKernel)(Span* span, const void* x, const void* y) noexcept nogil
ctypedef bint (*FiniteKernel)(int64_t n, const void* x) noexcept nogil
ctypedef int64_t (*NonfiniteKernel)(
    int64_t n, int64_t pieces, const int64_t* places, const void* x) noexcept nogil
ctypedef bint (*TargetsKernel)(
    int64_t n, const void* y, double low, double high, int64_t classes) noexcept nogil
ctypedef void (*DescentSumsKernel)(
    const LeastSquaresDescent* job, int64_t sum_begin, int64_t sum_end, const void* x,
    const void* y, const void* theta, void* gradient) noexcept nogil
ctypedef bint (*DescentStepKernel)(
    const LeastSquaresDescent* job, int64_t size, void* theta) noexcept nogil

# The kernels for networks, and for least squares on data of their type.
cdef struct NetworkKernels:
    int64_t half                # columns of a narrow tile: strides are whole ones
    int64_t lanes               # of a full tile
    int64_t rows                # of a full tile of float
    int64_t panel_bytes         # of scratch, for a product
    int64_t orthogonal_block    # see orthogonal
    ForwardKernel forward
    BackwardKernel backward
    ClipRowsKernel clip_rows
    ScoreKernel score
    AddScoresKernel add_scores
    ShareGradientsKernel share_gradients
    ChunkGradientsKernel chunk_gradients
    AddChunksKernel add_chunks
    ChainBytesKernel chain_bytes
    BeginChainKernel begin_chain
    ChainStepKernel chain_step
    BatchShareKernel batch_share
    PenaltyKernel penalty_value
    AddPenaltyGradientsKernel add_penalty_gradients
    MoveMomentsKernel move_moments
    ConstrainKernel constrain
    GatherKernel gather
    PointKernel point
    CopyOutputsKernel copy_outputs
    TakeGradientsKernel take_output_gradients
    CheckGradientsKernel check_gradients
    UpdateKernel update
    StepScalesKernel step_scales
    LogarithmKernel logarithm
    PermuteKernel permute
    AddNoiseKernel add_noise
    DrawSampleKernel draw_sample
    TrainUnitKernel train_unit
    FiniteKernel all_finite
    TargetsKernel all_between
    NonfiniteKernel find_nonfinite
    DescentSumsKernel descent_sums
    DescentStepKernel descent_step

# A span of training steps, or of rows to evaluate or predict, which a call from Python runs without
# the interpreter. It ends at its last step or row, or at its deadline, so that Python can handle
# Ctrl-C, show progress and call back. The bits depend neither on where it is cut nor on how many
# threads share it.
cdef enum SpanKind:
    TRAIN, EVALUATE, PREDICT


cdef struct Span:
    SpanKind kind
    const NetworkKernels* kernels
    const Network* net
    const void* x           # of the data
    const void* y
    void* out
    int64_t rows, batch_size
    int64_t step            # where to start; afterwards, where it stopped
    int64_t last_step
    int64_t* order          # of the rows, or NULL to keep theirs
    const int64_t* places   # of the rows in x, or NULL for all in turn
    const double* rates     # one a step, or one
    bint one_rate
    uint64_t key            # of the epoch's random numbers
    double* totals
    double deadline         # seconds on the monotonic clock
    const Optimizer* optimizer
    int status
    Privacy* privacy        # of private training, or NULL
    int64_t shards          # that a batch is cut into, or 0 for as many as the shapes say
    const RankParts* ranks  # that share each step, or NULL


# The ranks that train a network together, see ranks.pxi.
cdef struct RankParts:
    int64_t rank, size
    void* exchange          # the StepExchange


# The rows of the steps of an epoch in private training, see private_sample.pxi.
cdef struct PoissonSample:
    const uint32_t* key     # 8 words
    uint64_t epoch
    double rate             # in (0, 1]: the probability of a row in a step
    int64_t n               # rows, at least 1; n steps < 2^61
    int64_t steps
    int64_t most            # rows of a step, at most
    int64_t room            # rows in `order`, at most
    int64_t* starts         # (steps + 1,): out, where the rows of each step begin in `order`
    int64_t* order          # (room,): out, the rows, ascending in each step


# Private training: an epoch's steps take random rows, clip their gradients and add noise.
cdef struct Privacy:
    double clip                 # of the norm of a row's gradient
    double deviation            # of the noise in the sum of the clipped gradients
    double divisor              # of that sum: the batch size that was asked for
    const uint32_t* noise_key
    int64_t first               # the number of the epoch's step 0 under these keys
    int64_t drawn               # that of the epoch whose rows have been drawn
    PoissonSample sample        # its `order` is the span's
    const int64_t* trained      # begin, end ... of the parameters that are trained
    int64_t trained_count


# Batch gradient descent for least squares, see descent.pxi.
cdef enum:
    DESCENT_BLOCK = 256     # rows
    DESCENT_GROUP = 4       # rows that are processed at once
    DESCENT_CHUNK = 8       # columns
    DESCENT_SUMS = 32       # at most


cdef struct LeastSquaresDescent:
    const NetworkKernels* kernels
    const void* x           # (n, d)
    const void* y           # (n, k)
    void* theta             # (k, d padded to chunks)
    int64_t n, d, k
    double alpha
    int64_t iteration       # where to start; afterwards, where it stopped
    int64_t last
    int64_t count           # of the sums
    double* sums            # (count, k, d padded)
    char* scratch           # of all members
    int64_t scratch_size    # of one: a gradient, a group of rows and a chunk
    double deadline         # seconds on the monotonic clock
    int status

# ---------------------------------------------------------------- linear models

cdef struct LinearKernels

cdef struct Decision:
    const LinearKernels* kernels
    const RowTable* rows
    int64_t first, last, outputs
    const double* coef          # (outputs, d)
    const double* intercept     # (outputs,)
    double* out                 # (n, outputs)


cdef struct Objective:
    const LinearKernels* kernels
    const RowTable* rows
    int64_t loss
    double setting
    int64_t k
    int64_t targets         # columns of y: k if each output has one, else 1
    const double* y         # (n, targets)
    const double* weights   # (n,) or NULL
    const double* offset    # (n,), added to the decisions of a single output, or NULL
    int64_t stride          # of theta and of a gradient: d in whole chunks
    const double* theta     # (k, stride)
    const double* intercept  # (k,)
    double* curvatures      # (k, n) or NULL
    int64_t row             # where to start; afterwards, where it stopped
    int64_t block           # rows
    int64_t count           # of the sums
    double* sums            # (count, 1 + k (d + 1)): the loss, for each output w's and b's
    char* scratch           # of all members
    int64_t scratch_size    # of one: z, values, a gradient, a panel, a block of rows
    double deadline


cdef struct WeightedGram:
    const LinearKernels* kernels
    const RowTable* rows
    const double* weights       # (n,) or NULL
    const double* shift         # (d,) or NULL
    const double* targets       # (n, k)
    int64_t k
    int64_t width               # d + 1 + k
    int64_t row                 # where to start; afterwards, where it stopped
    int64_t count               # of the sums
    double* sums                # (count, d, width)
    double* scratch             # of all members
    int64_t scratch_size        # of one: the product of two tiles, and a block in tiles
    double deadline


ctypedef void (*DecideKernel)(const Decision* task, int64_t begin, int64_t end) noexcept nogil
ctypedef double (*DotKernel)(
    const RowTable* rows, const Line* line, const double* w) noexcept nogil
ctypedef void (*LinearLossesKernel)(
    int64_t loss, double setting, int64_t n, const double* z, const double* y, double* out,
) noexcept nogil
ctypedef double (*MultinomialKernel)(
    int64_t k, const double* z, double y, double* slopes) noexcept nogil
ctypedef void (*RowSquaresKernel)(const RowTable* rows, double* out) noexcept nogil
ctypedef double (*LargestKernel)(int64_t n, const void* values, bint single) noexcept nogil
ctypedef void (*RunHeadsKernel)(
    const Course* course, Head* heads, int64_t k, int64_t last) noexcept nogil
ctypedef bint (*RowStepKernel)(
    const Course* course, Head* head, int64_t row, const Line* line) noexcept nogil
ctypedef bint (*BatchStepKernel)(
    const Course* course, Head* heads, int64_t k, int64_t position, int64_t count) noexcept nogil
ctypedef void (*HeadKernel)(Head* head, int64_t d) noexcept nogil
ctypedef double (*HeadDecisionKernel)(
    const RowTable* rows, const Line* line, const Head* head) noexcept nogil
ctypedef double (*OptimalStartKernel)(int64_t loss, double setting, double alpha) noexcept nogil
ctypedef void (*ObjectiveKernel)(
    const Objective* job, int64_t row, int64_t rows, double* total, double* scratch) noexcept nogil
ctypedef void (*DenseGramKernel)(
    const WeightedGram* job, int64_t row, int64_t rows, double* total, double* scratch,
    int64_t first, int64_t last) noexcept nogil
ctypedef void (*SparseGramKernel)(
    const WeightedGram* job, int64_t row, int64_t last, int64_t begin, int64_t end) noexcept nogil
ctypedef int (*GramDescentKernel)(GramDescent* job) noexcept nogil
ctypedef double (*SweepKernel)(const Coordinates* c) noexcept nogil
ctypedef void (*CoordinatesKernel)(const Coordinates* c) noexcept nogil
ctypedef bint (*CoordinatesEndKernel)(const Coordinates* c, double largest) noexcept nogil

ctypedef void (*RowProductsKernel)(
    int64_t m, int64_t n, int64_t k, const double* a, const double* b, double* out) noexcept nogil
ctypedef double (*CholeskyKernel)(int64_t n, double* a, double* room) noexcept nogil
ctypedef void (*CholeskySolveKernel)(
    int64_t n, int64_t k, const double* lower, double* right) noexcept nogil
ctypedef bint (*EigenvaluesKernel)(
    int64_t n, double* a, double* d, double* vectors, double* room) noexcept nogil

# The kernels for linear models.
ctypedef void (*SigmoidsKernel)(int64_t n, const double* x, double* out) noexcept nogil


cdef struct LinearKernels:
    int64_t lanes               # columns of a tile
    int64_t panel_bytes
    DecideKernel decide
    DotKernel dot
    LinearLossesKernel losses
    MultinomialKernel multinomial_slopes
    RowSquaresKernel row_squares
    RowSquaresKernel column_scales
    LargestKernel largest
    RunHeadsKernel run_heads
    RowStepKernel row_step
    BatchStepKernel batch_step
    HeadDecisionKernel head_decision
    HeadKernel begin_head
    HeadKernel settle_head
    OptimalStartKernel optimal_start
    ObjectiveKernel objective_block
    DenseGramKernel dense_gram
    SparseGramKernel sparse_gram
    GramDescentKernel gram_descent
    CoordinatesKernel form_left
    SweepKernel coordinate_sweep
    CoordinatesEndKernel coordinates_end
    RowProductsKernel row_products
    CholeskyKernel cholesky
    CholeskySolveKernel cholesky_solve
    EigenvaluesKernel eigenvalues
    SigmoidsKernel sigmoids


cdef struct Kernels:
    NetworkKernels[2] network   # of float, then of double
    LinearKernels linear
