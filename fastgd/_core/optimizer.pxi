# What an optimizer is to the engine: its arrays, and the numbers that a step takes.
#
# What depends on the step alone is computed once for all weights: for many steps at once
# (`step_scales`), and then rounded to the network's data type (`rounded_settings`).

cdef enum:
    UPDATE_LANES = 16       # weights that are worked on at once
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
    """The updates that were made in so many steps: fewer, if gradients are accumulated."""
    if optimizer.segments == NULL:
        return iteration
    return iteration // optimizer.options.accumulation


cdef inline bint is_update_step(const Optimizer* optimizer, int64_t iteration) noexcept nogil:
    """Whether the step after so many makes an update."""
    return (iteration + 1) % optimizer.options.accumulation == 0


# ---------------------------------------------------------------- the variants

# Each variant of an optimizer is a loop of its own; these are the variants.
cdef enum:
    PLAIN_SGD
    MOMENTUM_SGD
    NESTEROV_SGD
    PLAIN_RMSPROP
    MOMENTUM_RMSPROP
    CENTERED_RMSPROP
    CENTERED_MOMENTUM_RMSPROP
    PLAIN_ADAM
    AMSGRAD_ADAM
    ADAMAX
    NADAM
    ADAGRAD
    ADADELTA
    ROOT_FTRL               # learning_rate_power is -1/2
    POWER_FTRL
    LION
    LAMB                    # from here on, what a weight does depends on its whole variable
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


# ---------------------------------------------------------------- the step's own numbers

cdef inline double one_minus_power(double log_base, double exponent) noexcept nogil:
    """1 - base**exponent, by an own function: libm's differ between machines."""
    return 1 - exponential(exponent * log_base)


cdef double power(double base, double exponent) noexcept nogil:
    """base**exponent for base >= 0; 0**0 = 1."""
    return select(exponent == 0, 1.0, exponential(exponent * logarithm(base)))


cdef void step_scales(
    const Optimizer* optimizer, int64_t iteration, const double* rates, bint one_rate,
    int count, double* scales,
) noexcept nogil:
    """What takes long to compute of the steps `iteration` ...: mostly the rate, and with it

        for Adam    rate sqrt(1 - beta_2^t) / (1 - beta_1^t),    t = updates_before + 1,
        for Adamax  rate / (1 - beta_1^t),
        for Nadam   not the rate, but (1 - 0.96 / 2) (1 - 0.96^2 / 2) ... (1 - 0.96^t / 2).
    """
    cdef double first = <double>(updates_before(optimizer, iteration) + 1)
    cdef double[SCALE_STEPS] t
    cdef double at = 0
    cdef double decay = 1
    cdef double product = 1
    cdef int i
    for i in range(count):
        scales[i] = rates[0] if one_rate else rates[i]
        t[i] = first + <double>i
    if optimizer.segments != NULL and optimizer.options.accumulation > 1:
        for i in range(count):
            t[i] = <double>(updates_before(optimizer, iteration + i) + 1)
    if optimizer.kind == UPDATE_ADAM:
        for i in range(count):
            scales[i] = (
                scales[i] * square_root(one_minus_power(optimizer.log_settings[1], t[i]))
                / one_minus_power(optimizer.log_settings[0], t[i])
            )
    elif optimizer.kind == UPDATE_ADAMAX:
        for i in range(count):
            scales[i] = scales[i] / one_minus_power(optimizer.log_settings[0], t[i])
    elif optimizer.kind == UPDATE_NADAM:
        for i in range(count):
            while at < t[i] and at < NADAM_STEPS:
                at += 1
                decay *= 0.96
                product *= 1 - 0.5 * decay
            scales[i] = product


cdef inline void rounded_settings(
    const Optimizer* optimizer, double rate, double scale, double t, real* c,
) noexcept nogil:
    """The numbers c that the functions of a weight take: c[0] is the scale, then the settings."""
    cdef const double* settings = optimizer.settings
    cdef double log_decay = -0.040821994520255166  # the logarithm of 0.96
    cdef double now_u, next_u, product
    c[0] = <real>scale
    c[1] = <real>settings[0]
    if optimizer.kind == UPDATE_ADAGRAD:
        return  # that was its only setting
    c[2] = <real>settings[1]
    if optimizer.kind == UPDATE_RMSPROP:
        c[3] = <real>settings[2]
        c[4] = <real>(1 - settings[0])
    elif optimizer.kind == UPDATE_ADAM:
        c[1] = <real>(1 - settings[0])
        c[2] = <real>(1 - settings[1])
        c[3] = <real>settings[2]
    elif optimizer.kind == UPDATE_ADAMAX:
        c[1] = <real>(1 - settings[0])
        c[3] = <real>settings[2]
    elif optimizer.kind == UPDATE_NADAM:
        now_u = settings[0] * (1 - 0.5 * exponential(t * log_decay))
        next_u = settings[0] * (1 - 0.5 * exponential((t + 1) * log_decay))
        product = scale * exponential(t * optimizer.log_settings[0])
        c[0] = <real>(rate * next_u / (1 - product * next_u))
        c[1] = <real>(1 - settings[0])
        c[2] = <real>(1 - settings[1])
        c[3] = <real>settings[2]
        c[4] = <real>(rate * (1 - now_u) / (1 - product))
        c[5] = <real>(1 / square_root(one_minus_power(optimizer.log_settings[1], t)))
    elif optimizer.kind == UPDATE_ADADELTA:
        c[2] = <real>(1 - settings[0])
        c[3] = <real>settings[1]
    elif optimizer.kind == UPDATE_FTRL:
        c[0] = <real>(1 / rate)
        c[1] = <real>(2 * settings[3])
        c[2] = <real>settings[1]
        c[3] = <real>(2 * settings[2] + settings[4] / rate)
        c[4] = <real>-settings[0]
    elif optimizer.kind == UPDATE_LION:
        c[2] = <real>(1 - settings[0])
        c[3] = <real>settings[1]
        c[4] = <real>(1 - settings[1])
    elif optimizer.kind == UPDATE_LAMB:
        c[0] = <real>(1 / one_minus_power(optimizer.log_settings[0], t))
        c[1] = <real>(1 - settings[0])
        c[2] = <real>(1 - settings[1])
        c[3] = <real>settings[2]
        c[4] = <real>(1 / square_root(one_minus_power(optimizer.log_settings[1], t)))
