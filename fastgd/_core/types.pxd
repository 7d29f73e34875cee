# The contract between the builder and the engines: every code is written here and only here.
# `cpdef` gives Python the same names.

from libc.stdint cimport int64_t

cpdef enum Op:
    OP_DENSE = 1      # target = kind(source @ kernel + bias)
    OP_ACTIVATION     # target = kind(source); source and target may be one buffer

cpdef enum Activation:
    ACTIVATION_LINEAR = 0
    ACTIVATION_RELU
    ACTIVATION_SIGMOID
    ACTIVATION_TANH
    ACTIVATION_SOFTMAX

cpdef enum Loss:
    LOSS_NONE = 0
    LOSS_MEAN_SQUARED_ERROR
    LOSS_MEAN_ABSOLUTE_ERROR
    LOSS_BINARY_CROSSENTROPY                      # of probabilities
    LOSS_BINARY_CROSSENTROPY_LOGITS
    LOSS_CATEGORICAL_CROSSENTROPY
    LOSS_CATEGORICAL_CROSSENTROPY_LOGITS
    LOSS_SPARSE_CATEGORICAL_CROSSENTROPY
    LOSS_SPARSE_CATEGORICAL_CROSSENTROPY_LOGITS

cpdef enum Metric:
    METRIC_MEAN_SQUARED_ERROR = 1
    METRIC_MEAN_ABSOLUTE_ERROR
    METRIC_BINARY_ACCURACY
    METRIC_CATEGORICAL_ACCURACY
    METRIC_SPARSE_CATEGORICAL_ACCURACY

cpdef enum Update:                                                    # its slots:
    UPDATE_SGD = 1    # settings: momentum, nesterov;                 velocity
    UPDATE_RMSPROP    # settings: rho, momentum, epsilon, centered;   see rmsprop in weights.pxi
    UPDATE_ADAM       # settings: beta_1, beta_2, epsilon, amsgrad;   m, v, with amsgrad largest v
    UPDATE_ADAMAX     # settings: beta_1, beta_2, epsilon;            m, u
    UPDATE_NADAM      # settings: beta_1, beta_2, epsilon;            m, v
    UPDATE_ADAGRAD    # settings: epsilon;                            accumulator
    UPDATE_ADADELTA   # settings: rho, epsilon;                       squares of g, of moves
    UPDATE_FTRL       # settings: learning_rate_power, l1, l2, l2 shrinkage, beta;
                      #                                               accumulator, linear
    UPDATE_LION       # settings: beta_1, beta_2;                     m
    UPDATE_LAMB       # settings: beta_1, beta_2, epsilon;            m, v
    UPDATE_ADAFACTOR  # settings: beta_2_decay, epsilon_1, epsilon_2, clip_threshold,
                      #           relative_step;                      see adafactor in variables.pxi

cpdef enum Status:
    STATUS_FINE = 0
    STATUS_LOSS         # the loss of a batch is not finite; nothing was updated
    STATUS_GRADIENT     # a gradient is not finite; nothing was updated
    STATUS_UPDATE       # an update would have left the finite numbers; those weights stay

# One row of the layer table. A row names its buffers, so that branches are rows too.
cdef struct Row:
    int64_t op        # an Op
    int64_t kind      # an Activation
    int64_t source    # the buffer it reads
    int64_t target    # the buffer it writes
    int64_t kernel    # where its parameters start in the flat vector,
    int64_t bias      # or -1

# A variable that is trained: where it lies in the flat vector, and what depends on all of it.
cdef struct Segment:
    int64_t offset
    int64_t size
    int64_t rows      # of the matrix it is, or of each of the matrices; 0 for a vector
    int64_t columns
    int64_t decayed   # whether weight decay applies to it
    int64_t block     # the number of its first block of NORM_BLOCK elements, counting through

# What any optimizer may do beyond its own formula; 0 where it does not.
cdef struct Options:
    double weight_decay
    double clipnorm
    double clipvalue
    double global_clipnorm
    double other_squares      # of the gradients that global_clipnorm counts in from elsewhere
    double ema_momentum
    int64_t use_ema           # the slot after the optimizer's own is the average
    int64_t ema_frequency
    int64_t accumulation      # steps whose mean gradient is one update: at least 1. If more, the
                              # last slot is the sum of gradients
