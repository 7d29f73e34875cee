# One step of an optimizer over flat vectors, with Keras' formulas.
#
# w: parameters, g: gradients, s0 ...: the optimizer's slots, each as long as w. A weight that
# would leave the finite numbers keeps its value, and the call returns 1.

cdef struct Optimizer:
    int64_t kind            # an Update
    const double* settings
    double[2] log_settings  # the logarithms of the first two settings
    void* slots             # rows of slot_size elements
    int64_t slot_size
    int64_t* iterations     # the steps taken so far


cdef inline real kept_finite(real candidate, real w) noexcept nogil:
    return candidate if is_finite(candidate) else w


cdef bint all_finite(int64_t n, const real* x) noexcept nogil:
    """Whether every element is finite: x * 0 is 0 then, and NaN otherwise."""
    cdef real[16] s
    cdef real total
    cdef int64_t i = 0
    cdef int j
    for j in range(16):
        s[j] = 0
    while i + 16 <= n:
        for j in range(16):
            s[j] = fmadd(x[i + j], 0, s[j])
        i += 16
    total = 0
    while i < n:
        total = fmadd(x[i], 0, total)
        i += 1
    for j in range(16):
        total += s[j]
    return total == 0


cdef inline double one_minus_power(double log_base, int64_t exponent) noexcept nogil:
    """1 - base**exponent, by an own function: libm's differ between machines."""
    return 1 - exponential(<double>exponent * log_base)


cdef int sgd(
    int64_t n, real* w, const real* g, real* s0, double rate, const double* settings,
) noexcept nogil:
    """velocity = momentum velocity - rate g;  w += velocity,
    or with nesterov  w += momentum velocity - rate g."""
    cdef real lr = <real>rate
    cdef real momentum = <real>settings[0]
    cdef bint nesterov = settings[1] != 0
    cdef real velocity, moved
    cdef bint bad = False
    cdef int64_t i
    if momentum == 0:
        for i in range(n):
            moved = fmadd(-lr, g[i], w[i])
            bad |= not is_finite(moved)
            w[i] = kept_finite(moved, w[i])
    elif nesterov:
        for i in range(n):
            velocity = fmadd(momentum, s0[i], -lr * g[i])
            s0[i] = velocity
            moved = w[i] + fmadd(momentum, velocity, -lr * g[i])
            bad |= not is_finite(moved)
            w[i] = kept_finite(moved, w[i])
    else:
        for i in range(n):
            velocity = fmadd(momentum, s0[i], -lr * g[i])
            s0[i] = velocity
            moved = w[i] + velocity
            bad |= not is_finite(moved)
            w[i] = kept_finite(moved, w[i])
    return bad


cdef int rmsprop(
    int64_t n, real* w, const real* g, real* s0, real* s1, real* s2,
    double rate, const double* settings,
) noexcept nogil:
    """v = rho v + (1 - rho) g^2;  step = rate g / sqrt(v + epsilon),
    where v - (mean of g)^2 stands for v if centered; slots: v, then the momentum and the mean
    of g where they are in use, in this order."""
    cdef real lr = <real>rate
    cdef real rho = <real>settings[0]
    cdef real left = <real>(1 - settings[0])
    cdef real momentum = <real>settings[1]
    cdef real epsilon = <real>settings[2]
    cdef bint centered = settings[3] != 0
    cdef real* mean = s2 if momentum > 0 else s1
    cdef real v, step, moved
    cdef bint bad = False
    cdef int64_t i
    for i in range(n):
        v = fmadd(rho, s0[i], left * (g[i] * g[i]))
        s0[i] = v
        if centered:
            mean[i] = fmadd(rho, mean[i], left * g[i])
            v = v - mean[i] * mean[i]
        step = lr * g[i] / square_root(v + epsilon)
        if momentum > 0:
            step = fmadd(momentum, s1[i], step)
            s1[i] = step
        moved = w[i] - step
        bad |= not is_finite(moved)
        w[i] = kept_finite(moved, w[i])
    return bad


cdef int adam(
    int64_t n, real* w, const real* g, real* s0, real* s1,
    double rate, const double* settings, const double* log_settings, int64_t step,
) noexcept nogil:
    """m += (1 - beta_1)(g - m);  v += (1 - beta_2)(g^2 - v);
    w -= rate sqrt(1 - beta_2^t) / (1 - beta_1^t) m / (sqrt(v) + epsilon), t = step + 1.

    Kingma and Ba 2015, in the order of the end of their section 2: epsilon is their
    "epsilon hat", added to the root of the uncorrected v, as in Keras.
    """
    cdef real a1 = <real>(1 - settings[0])
    cdef real a2 = <real>(1 - settings[1])
    cdef real epsilon = <real>settings[2]
    cdef real alpha = <real>(
        rate * square_root(one_minus_power(log_settings[1], step + 1))
        / one_minus_power(log_settings[0], step + 1)
    )
    cdef real m, v, moved
    cdef bint bad = False
    cdef int64_t i
    for i in range(n):
        m = fmadd(a1, g[i] - s0[i], s0[i])
        v = fmadd(a2, fmadd(g[i], g[i], -s1[i]), s1[i])
        s0[i] = m
        s1[i] = v
        moved = w[i] - alpha * m / (square_root(v) + epsilon)
        bad |= not is_finite(moved)
        w[i] = kept_finite(moved, w[i])
    return bad


cdef int step_optimizer(
    int64_t n, real* w, const real* g, const Optimizer* optimizer, double rate,
) noexcept nogil:
    """The next step of an optimizer: a Status. Counts it unless nothing was updated."""
    cdef real* slots = <real*>optimizer.slots
    cdef int64_t size = optimizer.slot_size
    cdef const double* settings = optimizer.settings
    cdef int bad = 0
    if not all_finite(n, g):
        return STATUS_GRADIENT
    if optimizer.kind == UPDATE_SGD:
        bad = sgd(n, w, g, slots, rate, settings)
    elif optimizer.kind == UPDATE_RMSPROP:
        bad = rmsprop(n, w, g, slots, slots + size, slots + 2 * size, rate, settings)
    else:  # UPDATE_ADAM
        bad = adam(n, w, g, slots, slots + size, rate, settings, optimizer.log_settings,
                   optimizer.iterations[0])
    optimizer.iterations[0] += 1
    return STATUS_UPDATE if bad else STATUS_FINE
