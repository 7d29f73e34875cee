# The numbers of an optimizer's step that depend on the step alone. They are computed once for all
# weights: for many steps at once (`step_scales`), and then rounded to the network's data type
# (`rounded_settings`).

cdef inline double one_minus_power(double log_base, double exponent) noexcept nogil:
    """Return 1 - base**exponent, without libm, which differs between machines."""
    return 1 - exponential(exponent * log_base)


cdef double power(double base, double exponent) noexcept nogil:
    """Return base**exponent for base >= 0; 0**0 = 1."""
    return select(exponent == 0, 1.0, exponential(exponent * logarithm(base)))


cdef void step_scales(const Optimizer* optimizer, int64_t iteration, const double* rates,
                      bint one_rate, int count, double* scales) noexcept nogil:
    """Compute the expensive part of the steps `iteration` ...: mostly the rate, and with it

        for Adam    rate sqrt(1 - beta_2^t) / (1 - beta_1^t),    t = updates_before + 1,
        for Adamax  rate / (1 - beta_1^t),
        for Nadam   not the rate, but (1 - 0.96 / 2) (1 - 0.96^2 / 2) ... (1 - 0.96^t / 2).
    """
    cdef double first = <double>(updates_before(optimizer, iteration) + 1)
    cdef double[SCALE_STEPS] t
    cdef double at = 0, decay = 1, product = 1
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


cdef inline void rounded_settings(const Optimizer* optimizer, double rate, double scale, double t,
                                  real* c) noexcept nogil:
    """Compute the numbers c for the functions of a weight: c[0] is the scale, then the settings."""
    cdef const double* settings = optimizer.settings
    cdef double log_decay = -0.040821994520255166  # the logarithm of 0.96
    cdef double now_u, next_u, product
    c[0] = <real>scale
    c[1] = <real>settings[0]
    if optimizer.kind == UPDATE_ADAGRAD:
        return  # which has one setting
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
