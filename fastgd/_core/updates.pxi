# One step of an optimizer over flat vectors, with Keras' formulas.
#
# An optimizer is the function of one weight: it takes the weight w, its gradient g and what is
# kept of it (its slots, changed in place), and returns where the weight moves to. What depends on
# the step alone is computed once for all weights (`step_scale`), and its other numbers are
# rounded once (`rounded_settings`). A weight that would leave the finite numbers keeps its value.

cdef enum:
    UPDATE_LANES = 16       # weights that are worked on at once
    SLOT_LIMIT = 3
    CONSTANT_LIMIT = 8
    SCALE_STEPS = 64        # steps whose scales are computed at once


cdef struct Optimizer:
    int64_t kind            # an Update
    const double* settings
    double[2] log_settings  # the logarithms of the first two settings
    void* slots             # rows of slot_size elements
    int64_t slot_size
    int64_t* iterations     # the steps taken so far


cdef inline bint all_zero(real* s) noexcept nogil:
    """Whether 16 numbers, of which each is 0 or NaN, are 0."""
    cdef int j
    for j in range(8):
        s[j] += s[j + 8]
    for j in range(4):
        s[j] += s[j + 4]
    return (s[0] + s[2]) + (s[1] + s[3]) == 0


cdef bint all_finite(int64_t n, const real* x) noexcept nogil:
    """Whether every element is finite: x * 0 is 0 then, and NaN otherwise."""
    cdef real[2][16] s
    cdef int64_t i = 0
    cdef int j, k
    for k in range(2):
        for j in range(16):
            s[k][j] = 0
    while i + 32 <= n:
        for k in range(2):
            for j in range(16):
                s[k][j] = fmadd(x[i + 16 * k + j], 0, s[k][j])
        i += 32
    while i + 4 <= n:
        for j in range(4):
            s[0][j] = fmadd(x[i + j], 0, s[0][j])
        i += 4
    while i < n:
        s[0][0] = fmadd(x[i], 0, s[0][0])
        i += 1
    for j in range(16):
        s[0][j] += s[1][j]
    return all_zero(s[0])


# ---------------------------------------------------------------- the step's own numbers

cdef inline double one_minus_power(double log_base, double exponent) noexcept nogil:
    """1 - base**exponent, by an own function: libm's differ between machines."""
    return 1 - exponential(exponent * log_base)


cdef void step_scales(
    const Optimizer* optimizer, int64_t iteration, const double* rates, bint one_rate,
    int count, double* scales,
) noexcept nogil:
    """What the steps `iteration` ... scale their moves by: the rate, and for Adam with it

        rate sqrt(1 - beta_2^t) / (1 - beta_1^t),    t = iteration + 1.
    """
    cdef double first = <double>(iteration + 1)
    cdef double t
    cdef int i
    for i in range(count):
        scales[i] = rates[0] if one_rate else rates[i]
    if optimizer.kind == UPDATE_ADAM:
        for i in range(count):
            t = first + <double>i
            scales[i] = (
                scales[i] * square_root(one_minus_power(optimizer.log_settings[1], t))
                / one_minus_power(optimizer.log_settings[0], t)
            )


cdef inline void rounded_settings(
    const Optimizer* optimizer, double scale, real* c,
) noexcept nogil:
    """The numbers c that the functions below take: c[0] is the scale, then the settings."""
    cdef const double* settings = optimizer.settings
    c[0] = <real>scale
    c[1] = <real>settings[0]
    c[2] = <real>settings[1]
    if optimizer.kind == UPDATE_RMSPROP:
        c[3] = <real>settings[2]
        c[4] = <real>(1 - settings[0])
    elif optimizer.kind == UPDATE_ADAM:
        c[1] = <real>(1 - settings[0])
        c[2] = <real>(1 - settings[1])
        c[3] = <real>settings[2]


# ---------------------------------------------------------------- the functions of one weight

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
    return PLAIN_ADAM


cdef inline int slots_of(const int variant) noexcept nogil:
    if variant == PLAIN_SGD:
        return 0
    elif variant == MOMENTUM_SGD or variant == NESTEROV_SGD or variant == PLAIN_RMSPROP:
        return 1
    elif variant == CENTERED_MOMENTUM_RMSPROP:
        return 3
    return 2


cdef inline real sgd(
    const int variant, real w, real g, real* velocity, const real* c,
) noexcept nogil:
    """velocity = momentum velocity - rate g;  w + velocity,
    or with nesterov  w + momentum velocity - rate g.     c: rate, momentum"""
    if variant == PLAIN_SGD:
        return fmadd(-c[0], g, w)
    velocity[0] = fmadd(c[1], velocity[0], -c[0] * g)
    if variant == NESTEROV_SGD:
        return w + fmadd(c[1], velocity[0], -c[0] * g)
    return w + velocity[0]


cdef inline real rmsprop(
    const int variant, real w, real g, real* square, real* second, real* third, const real* c,
) noexcept nogil:
    """v = rho v + (1 - rho) g^2;  step = rate g / sqrt(v + epsilon);  w - step,
    where v - (mean of g)^2 stands for v if centered, and momentum adds up the steps.

    The slots: v, then the momentum and the mean of g where they are in use, in this order.
    c: rate, rho, momentum, epsilon, 1 - rho
    """
    cdef real* mean = second if variant == CENTERED_RMSPROP else third
    cdef real v = fmadd(c[1], square[0], c[4] * (g * g))
    cdef real step
    square[0] = v
    if variant == CENTERED_RMSPROP or variant == CENTERED_MOMENTUM_RMSPROP:
        mean[0] = fmadd(c[1], mean[0], c[4] * g)
        v = v - mean[0] * mean[0]
    step = c[0] * g / square_root(v + c[3])
    if variant == MOMENTUM_RMSPROP or variant == CENTERED_MOMENTUM_RMSPROP:
        step = fmadd(c[2], second[0], step)
        second[0] = step
    return w - step


cdef inline real adam(real w, real g, real* m, real* v, const real* c) noexcept nogil:
    """m += (1 - beta_1)(g - m);  v += (1 - beta_2)(g^2 - v);
    w - rate sqrt(1 - beta_2^t) / (1 - beta_1^t) m / (sqrt(v) + epsilon).

    Kingma and Ba 2015, in the order of the end of their section 2: epsilon is their
    "epsilon hat", added to the root of the uncorrected v, as in Keras.
    c: the scale with the corrections, 1 - beta_1, 1 - beta_2, epsilon
    """
    m[0] = fmadd(c[1], g - m[0], m[0])
    v[0] = fmadd(c[2], fmadd(g, g, -v[0]), v[0])
    return w - c[0] * m[0] / (square_root(v[0]) + c[3])


cdef inline real moved(
    const int variant, real w, real g, real* s0, real* s1, real* s2, const real* c,
) noexcept nogil:
    if variant <= NESTEROV_SGD:
        return sgd(variant, w, g, s0, c)
    elif variant <= CENTERED_MOMENTUM_RMSPROP:
        return rmsprop(variant, w, g, s0, s1, s2, c)
    return adam(w, g, s0, s1, c)


# ---------------------------------------------------------------- the loops

cdef inline void update_some(
    const int variant, const int lanes, real* w, const real* g, real* slots, int64_t slot_size,
    const real* c, real* check,
) noexcept nogil:
    """Update `lanes` weights, a constant; check stays 0 if all of them moved."""
    cdef real[UPDATE_LANES] old
    cdef real[UPDATE_LANES] new
    cdef real[SLOT_LIMIT][UPDATE_LANES] kept
    cdef int j, k
    for k in range(slots_of(variant)):
        for j in range(lanes):
            kept[k][j] = slots[k * slot_size + j]
    for j in range(lanes):
        old[j] = w[j]
    for j in range(lanes):
        new[j] = moved(variant, old[j], g[j], &kept[0][j], &kept[1][j], &kept[2][j], c)
    for k in range(slots_of(variant)):
        for j in range(lanes):
            slots[k * slot_size + j] = kept[k][j]
    for j in range(lanes):
        w[j] = new[j] if is_finite(new[j]) else old[j]
        check[j] = fmadd(new[j], 0, check[j])


cdef inline bint update_run(
    const int variant, int64_t n, real* w, const real* g, real* slots, int64_t slot_size,
    const real* c,
) noexcept nogil:
    """Update n weights; returns whether all of them moved."""
    cdef real[UPDATE_LANES] check
    cdef int64_t i = 0
    cdef int j
    for j in range(UPDATE_LANES):
        check[j] = 0
    while i + UPDATE_LANES <= n:
        update_some(variant, UPDATE_LANES, w + i, g + i, slots + i, slot_size, c, check)
        i += UPDATE_LANES
    while i + 4 <= n:
        update_some(variant, 4, w + i, g + i, slots + i, slot_size, c, check)
        i += 4
    while i < n:
        update_some(variant, 1, w + i, g + i, slots + i, slot_size, c, check)
        i += 1
    return all_zero(check)


cdef int update_weights(
    const Optimizer* optimizer, double scale, int64_t first, int64_t last, real* w, const real* g,
) noexcept nogil:
    """Take the weights first ... last - 1 one step further: a Status."""
    cdef real[CONSTANT_LIMIT] c
    cdef real* slots = <real*>optimizer.slots + first
    cdef int64_t size = optimizer.slot_size
    cdef int64_t n = last - first
    cdef int variant = variant_of(optimizer)
    cdef bint fine
    w += first
    g += first
    rounded_settings(optimizer, scale, c)
    if variant == PLAIN_SGD:
        fine = update_run(PLAIN_SGD, n, w, g, slots, size, c)
    elif variant == MOMENTUM_SGD:
        fine = update_run(MOMENTUM_SGD, n, w, g, slots, size, c)
    elif variant == NESTEROV_SGD:
        fine = update_run(NESTEROV_SGD, n, w, g, slots, size, c)
    elif variant == PLAIN_RMSPROP:
        fine = update_run(PLAIN_RMSPROP, n, w, g, slots, size, c)
    elif variant == MOMENTUM_RMSPROP:
        fine = update_run(MOMENTUM_RMSPROP, n, w, g, slots, size, c)
    elif variant == CENTERED_RMSPROP:
        fine = update_run(CENTERED_RMSPROP, n, w, g, slots, size, c)
    elif variant == CENTERED_MOMENTUM_RMSPROP:
        fine = update_run(CENTERED_MOMENTUM_RMSPROP, n, w, g, slots, size, c)
    else:
        fine = update_run(PLAIN_ADAM, n, w, g, slots, size, c)
    return STATUS_FINE if fine else STATUS_UPDATE


cdef int single_step(
    const Optimizer* optimizer, double rate, int64_t n, real* w, const real* g,
) noexcept nogil:
    """One step by itself: a Status. Counts it unless nothing was updated."""
    cdef double scale
    if not all_finite(n, g):
        return STATUS_GRADIENT
    step_scales(optimizer, optimizer.iterations[0], &rate, True, 1, &scale)
    optimizer.iterations[0] += 1
    return update_weights(optimizer, scale, 0, n, w, g)
