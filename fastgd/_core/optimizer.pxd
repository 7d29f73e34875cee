# An optimizer in the engine: its arrays, and the loop that it runs.

from libc.stdint cimport int64_t

from fastgd._core.types cimport *

cdef enum:
    UPDATE_LANES = 16       # weights that are updated at once
    SLOT_LIMIT = 3
    CONSTANT_LIMIT = 8
    SCALE_STEPS = 64        # steps whose scales are computed at once
    NADAM_STEPS = 1000      # after which a factor of Nadam's product is 1 in double precision


cdef struct Optimizer:
    int64_t kind            # an Update
    const double* settings
    double[2] log_settings  # the logarithms of the first two settings
    void* slots             # rows of slot_size elements
    int64_t slot_size
    int64_t* iterations     # the steps taken so far
    const Segment* segments  # what is updated; NULL: all, and by the optimizer's formula alone
    int64_t segment_count
    const Options* options  # NULL if segments is
    double* squares         # room for the sum of squares of each block of the segments


cdef inline int64_t updates_before(const Optimizer* optimizer, int64_t iteration) noexcept nogil:
    """Return the number of updates in the first `iteration` steps: fewer if gradients are
    accumulated."""
    if optimizer.segments == NULL:
        return iteration
    return iteration // optimizer.options.accumulation


cdef inline bint is_update_step(const Optimizer* optimizer, int64_t iteration) noexcept nogil:
    """Return whether the step after the first `iteration` makes an update."""
    return (iteration + 1) % optimizer.options.accumulation == 0


# ---------------------------------------------------------------- the variants

# Each variant of an optimizer has a loop of its own.
cdef enum:
    PLAIN_SGD, MOMENTUM_SGD, NESTEROV_SGD
    PLAIN_RMSPROP, MOMENTUM_RMSPROP, CENTERED_RMSPROP, CENTERED_MOMENTUM_RMSPROP
    PLAIN_ADAM, AMSGRAD_ADAM, ADAMAX, NADAM, ADAGRAD, ADADELTA
    ROOT_FTRL               # learning_rate_power is -1/2
    POWER_FTRL, LION
    LAMB                    # from here on, an update depends on the whole variable
    ADAFACTOR


cdef inline int variant_of(const Optimizer* optimizer) noexcept nogil:
    cdef const double* settings = optimizer.settings
    if optimizer.kind == UPDATE_SGD:
        if settings[0] == 0:
            return PLAIN_SGD
        return NESTEROV_SGD if settings[1] != 0 else MOMENTUM_SGD
    elif optimizer.kind == UPDATE_RMSPROP:
        if settings[3] != 0:
            return CENTERED_MOMENTUM_RMSPROP if settings[1] > 0 else CENTERED_RMSPROP
        return MOMENTUM_RMSPROP if settings[1] > 0 else PLAIN_RMSPROP
    elif optimizer.kind == UPDATE_ADAM:
        return AMSGRAD_ADAM if settings[3] != 0 else PLAIN_ADAM
    elif optimizer.kind == UPDATE_FTRL:
        return ROOT_FTRL if settings[0] == -0.5 else POWER_FTRL
    elif optimizer.kind == UPDATE_ADAMAX:
        return ADAMAX
    elif optimizer.kind == UPDATE_NADAM:
        return NADAM
    elif optimizer.kind == UPDATE_ADAGRAD:
        return ADAGRAD
    elif optimizer.kind == UPDATE_ADADELTA:
        return ADADELTA
    elif optimizer.kind == UPDATE_LION:
        return LION
    elif optimizer.kind == UPDATE_LAMB:
        return LAMB
    return ADAFACTOR


cdef inline int slots_of(const int variant) noexcept nogil:
    if variant == PLAIN_SGD:
        return 0
    elif (
        variant == MOMENTUM_SGD or variant == NESTEROV_SGD or variant == PLAIN_RMSPROP
        or variant == ADAGRAD or variant == LION
    ):
        return 1
    elif variant == CENTERED_MOMENTUM_RMSPROP or variant == AMSGRAD_ADAM:
        return 3
    return 2


cdef inline bint slots_may_overflow(const int variant) noexcept nogil:
    """Return whether slots may be infinite although the squares of all gradients are finite."""
    return (
        variant == MOMENTUM_SGD or variant == NESTEROV_SGD or variant == MOMENTUM_RMSPROP
        or variant == CENTERED_MOMENTUM_RMSPROP or variant == ADAGRAD or variant == ADADELTA
        or variant == ROOT_FTRL or variant == POWER_FTRL
    )


# One step: its learning rate, its scale by step_scales, and the number of steps before it.
cdef struct Step:
    double rate
    double scale
    int64_t iteration
