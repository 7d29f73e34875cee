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

cpdef enum Update:
    UPDATE_SGD = 1    # settings: momentum, nesterov;                 slots: velocity
    UPDATE_RMSPROP    # settings: rho, momentum, epsilon, centered;   slots: see updates.pxi
    UPDATE_ADAM       # settings: beta_1, beta_2, epsilon;            slots: m, v

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
