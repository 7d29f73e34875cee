# The contract between the Python side and the engine: every code is defined here or in
# formulas.pxd, and nowhere else. `cpdef` gives Python the same names.

from libc.stdint cimport int64_t

from fastgd._core.formulas cimport *

cpdef enum Op:
    OP_DENSE = 1      # target = kind(source @ kernel + bias)
    OP_ACTIVATION     # target = kind(source)
    OP_COPY           # columns of source become columns of target; settings: first columns
    OP_MERGE          # target = kind(source, second)
    OP_GATHER         # target[j] = source[settings[j]], column by column
    OP_AFFINE         # target = kind(source), column by column and by fixed numbers
    OP_NOISE          # target = kind(source, random numbers); settings: see noise.pxi
    OP_BATCH_NORM     # settings: epsilon, momentum, groups; state: moving mean, then variance
    OP_LAYER_NORM     # settings: epsilon, groups
    OP_UNIT_NORM      # settings: epsilon, groups
    OP_PRELU          # kernel: the slopes; settings: see prelu.pxi
    OP_EMBEDDING      # rows of kernel, named by the columns of source; settings: their number
    OP_SPLIT          # target = kind(source), mirrored in some columns: see split.pxi
    OP_ORDERED        # columns that ascend; settings: whether the first one is negative

cpdef enum Merge:     # of two buffers; one of width 1 combines with every column of the other
    MERGE_ADD = 1, MERGE_SUBTRACT, MERGE_MULTIPLY, MERGE_MAXIMUM, MERGE_MINIMUM
    MERGE_DOT         # the inner product of each row, (n, 1)

cpdef enum Affine:
    AFFINE_RESCALE = 1    # settings: scales, offsets
    AFFINE_NORMALIZE      # settings: see affine.pxi
    AFFINE_RESTORE        # the inverse

cpdef enum Noise:         # see noise.pxi
    NOISE_MASK = 1        # dropout
    NOISE_ADDED           # added normal noise
    NOISE_FACTOR          # normal noise as a factor

cpdef enum Moments:       # of a batch normalisation
    MOMENTS_BATCH = 1     # of the batch in training, moving ones otherwise
    MOMENTS_MOVING        # moving ones always

# The losses of linear models, of a row's decision z and its target y: see linear_losses.pxi.
cpdef enum LinearLoss:
    LINEAR_SQUARED_ERROR = 1            # those up to LINEAR_QUANTILE: y is any number;
    LINEAR_POISSON                      # at least 0 here
    LINEAR_GAMMA                        # above 0
    LINEAR_TWEEDIE                      # at least 0; setting: the power, between 1 and 2
    LINEAR_HUBER                        # setting: epsilon
    LINEAR_EPSILON_INSENSITIVE          # setting: epsilon
    LINEAR_SQUARED_EPSILON_INSENSITIVE  # setting: epsilon
    LINEAR_QUANTILE                     # setting: the quantile
    LINEAR_LOG_LOSS                     # y is -1 or 1 from here on
    LINEAR_HINGE, LINEAR_SQUARED_HINGE, LINEAR_PERCEPTRON, LINEAR_MODIFIED_HUBER
    LINEAR_MULTINOMIAL                  # y is a class number, z one number a class

# The learning rates of per-sample gradient descent, see linear_rates.pxi.
cpdef enum Rate:
    RATE_CONSTANT = 1, RATE_OPTIMAL, RATE_INVSCALING, RATE_ADAPTIVE, RATE_PA1, RATE_PA2

cpdef enum Update:    # for its slots see its formula in weights.pxi or variables.pxi
    UPDATE_SGD = 1    # settings: momentum, nesterov
    UPDATE_RMSPROP    # settings: rho, momentum, epsilon, centered
    UPDATE_ADAM       # settings: beta_1, beta_2, epsilon, amsgrad
    UPDATE_ADAMAX     # settings: beta_1, beta_2, epsilon
    UPDATE_NADAM      # settings: beta_1, beta_2, epsilon
    UPDATE_ADAGRAD    # settings: epsilon
    UPDATE_ADADELTA   # settings: rho, epsilon
    UPDATE_FTRL       # settings: learning_rate_power, l1, l2, l2 shrinkage, beta
    UPDATE_LION       # settings: beta_1, beta_2
    UPDATE_LAMB       # settings: beta_1, beta_2, epsilon
    UPDATE_ADAFACTOR  # settings: beta_2_decay, epsilon_1, epsilon_2, clip_threshold, relative

cpdef enum Status:
    STATUS_FINE = 0
    STATUS_LOSS         # the loss of a batch is not finite; nothing was updated
    STATUS_GRADIENT     # a gradient is not finite; nothing was updated
    STATUS_UPDATE       # a weight would not be finite after the update; it keeps its value

# Where the ranks of a training meet, see ranks.pxi.
cpdef enum Place:
    PLACE_BEGIN, PLACE_RESTORE, PLACE_STEP, PLACE_TRAINED, PLACE_END

cpdef enum Penalty:
    PENALTY_L1L2 = 1            # first sum |w| + second sum w^2
    PENALTY_ORTHOGONAL_ROWS     # first times the mean |cosine| of two rows of w
    PENALTY_ORTHOGONAL_COLUMNS
    PENALTY_GIVEN               # first; the gradient is given too: see PenaltyRow
    PENALTY_SHARED              # PENALTY_L1L2, divided by the rows of the batch: see penalties.pxi

cpdef enum Constraint:
    CONSTRAINT_NON_NEGATIVE = 1     # max(w, 0)
    CONSTRAINT_NORM                 # norms between low and high: see constraints.pxi
    CONSTRAINT_NON_POSITIVE         # min(w, 0)

# Replaces an Activation, Loss or Metric for a user-defined function; the first setting is its
# number among the plan's functions.
cpdef enum Call:
    CALL_FUNCTION = 1000

# How the losses of a batch's rows become one number.
cpdef enum Reduction:
    REDUCTION_MEAN = 0       # sum of weight loss / rows
    REDUCTION_SUM            # sum of weight loss
    REDUCTION_WEIGHTED_MEAN  # sum of weight loss / sum of weights

# One row of the layer table. A row names its buffers, so that branches are rows too. A buffer is
# written by one row, or by copies side by side, and may be read by many.
cdef struct Row:
    int64_t op        # an Op
    int64_t kind      # an Activation, Merge ...
    int64_t source    # the buffer it reads
    int64_t second    # a second one, or -1
    int64_t target    # the buffer it writes
    int64_t kernel    # where its parameters start in the flat vector,
    int64_t bias      # or -1
    int64_t state     # where its parameters without a gradient start, or -1
    int64_t settings  # where its numbers start in the plan's settings
    int64_t keep      # a buffer where it keeps values for its gradient, or -1
    int64_t work      # where its room for a whole batch starts (see Plan.work_size), or -1
    int64_t trains    # whether the gradients of its parameters are wanted

# One term of the objective: the loss of one output.
cdef struct LossTerm:
    int64_t kind            # a Loss
    int64_t source          # the buffer of its predictions or logits
    int64_t y_column        # where its targets start in a row of y,
    int64_t columns         # and how many they are
    int64_t weight_column   # the column of y with the row's weight, or -1
    int64_t settings        # where its numbers start in the plan's settings
    int64_t reduction       # a Reduction
    double weight           # the factor of the term
    int64_t value           # of LOSS_COMPILED, the addresses of double f(double y, double p)
    int64_t slope           # and of its derivative with respect to p; else 0
    int64_t totals          # where the sums of a loss of whole batches start in the totals; else 0

# One metric of one output.
cdef struct MetricTerm:
    int64_t kind            # a Metric
    int64_t source, y_column, columns, weight_column, settings
    int64_t totals          # where its sums start in the totals

# A penalty on a variable of the flat vector, which is added to the loss of each batch. The
# gradients of all but PENALTY_L1L2 and PENALTY_SHARED pass through a separate flat vector.
cdef struct PenaltyRow:
    int64_t kind      # a Penalty
    int64_t offset    # where the variable starts
    int64_t rows, columns   # its shape; a vector is one row
    double first, second

# A constraint, which a variable satisfies after each update. The variable has the shape (outer,
# count, inner); its vectors run along the middle axis.
cdef struct ConstraintRow:
    int64_t kind      # a Constraint
    int64_t offset, outer, count, inner
    double low, high
    double rate       # how far a norm moves towards the interval
    double epsilon    # added to a norm before it divides

# A trained variable: its place in the flat vector, and the quantities that depend on all of it.
cdef struct Segment:
    int64_t offset, size
    int64_t rows, columns   # of the matrix, or of each of the matrices; 0 for a vector
    int64_t decayed   # whether weight decay applies to it
    int64_t block     # the number of its first block of NORM_BLOCK elements, over all variables

# The options of any optimizer beyond its formula; 0 turns one off.
cdef struct Options:
    double weight_decay, clipnorm, clipvalue, global_clipnorm
    double other_squares      # of gradients elsewhere that global_clipnorm includes
    double ema_momentum
    int64_t use_ema           # the slot after those of the formula is the average
    int64_t ema_frequency
    int64_t accumulation      # steps whose mean gradient is one update; above 1 a slot sums up
