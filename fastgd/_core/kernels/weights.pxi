# The functions of one weight, with Keras' formulas. Each takes the weight w, its gradient g, its
# slots, changed in place, and the step's numbers c of rounded_settings, and returns the new weight.

cdef inline real sgd(const int variant, real w, real g, real* velocity,
                     const real* c) noexcept nogil:
    """Return, with velocity = momentum velocity - rate g,  w + velocity, or with nesterov  w +
    momentum velocity - rate g.     c: rate, momentum"""
    if variant == PLAIN_SGD:
        return fmadd(-c[0], g, w)
    velocity[0] = fmadd(c[1], velocity[0], -c[0] * g)
    if variant == NESTEROV_SGD:
        return w + fmadd(c[1], velocity[0], -c[0] * g)
    return w + velocity[0]


cdef inline real rmsprop(const int variant, real w, real g, real* square, real* second, real* third,
                         const real* c) noexcept nogil:
    """Return w - step, with v = rho v + (1 - rho) g^2;  step = rate g / sqrt(v + epsilon),
    where v - (mean of g)^2 stands for v if centered, and momentum adds up the steps.

    The slots: v, then the momentum and the mean of g where they are in use, in this order. c: rate,
    rho, momentum, epsilon, 1 - rho
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


cdef inline real adam(const int variant, real w, real g, real* m, real* v, real* largest,
                      const real* c) noexcept nogil:
    """Return, with m += (1 - beta_1)(g - m);  v += (1 - beta_2)(g^2 - v),
    w - rate sqrt(1 - beta_2^t) / (1 - beta_1^t) m / (sqrt(v) + epsilon).

    Kingma and Ba 2015, in the order of the end of their section 2: epsilon is their "epsilon hat",
    added to the root of the uncorrected v, as in Keras. With amsgrad (Reddi et al. 2018) the
    largest v so far stands for v in the last line. c: the scale with the corrections, 1 - beta_1, 1
    - beta_2, epsilon
    """
    m[0] = fmadd(c[1], g - m[0], m[0])
    v[0] = fmadd(c[2], fmadd(g, g, -v[0]), v[0])
    if variant == AMSGRAD_ADAM:
        largest[0] = select(v[0] > largest[0], v[0], largest[0])
        return w - c[0] * m[0] / (square_root(largest[0]) + c[3])
    return w - c[0] * m[0] / (square_root(v[0]) + c[3])


cdef inline real adamax(real w, real g, real* m, real* u, const real* c) noexcept nogil:
    """Return, with m += (1 - beta_1)(g - m);  u = max(beta_2 u, |g|),
    w - rate / (1 - beta_1^t) m / (u + epsilon).

    Kingma and Ba 2015, section 7.1; epsilon as in Keras. c: the scale with the correction, 1 -
    beta_1, beta_2, epsilon
    """
    cdef real faded = c[2] * u[0], size = absolute(g)
    m[0] = fmadd(c[1], g - m[0], m[0])
    u[0] = select(faded > size, faded, size)
    return w - c[0] * m[0] / (u[0] + c[3])


cdef inline real nadam(real w, real g, real* m, real* v, const real* c) noexcept nogil:
    """Return, with m and v as Adam's,  w - (c[0] m + c[4] g) / (sqrt(v) c[5] + epsilon).

    Dozat 2016, with mu_t = beta_1 (1 - 0.96^t / 2) and their product P_t = mu_1 ... mu_t:
    c: rate mu_t+1 / (1 - P_t+1), 1 - beta_1, 1 - beta_2, epsilon, rate (1 - mu_t) / (1 - P_t), 1 /
    sqrt(1 - beta_2^t)
    """
    m[0] = fmadd(c[1], g - m[0], m[0])
    v[0] = fmadd(c[2], fmadd(g, g, -v[0]), v[0])
    return w - fmadd(c[0], m[0], c[4] * g) / fmadd(square_root(v[0]), c[5], c[3])


cdef inline real adagrad(real w, real g, real* squares, const real* c) noexcept nogil:
    """Return, with a += g^2,  w - rate g / sqrt(a + epsilon).     c: rate, epsilon

    Duchi, Hazan and Singer 2011; epsilon as in Keras.
    """
    squares[0] = fmadd(g, g, squares[0])
    return w - c[0] * g / square_root(squares[0] + c[1])


cdef inline real adadelta(real w, real g, real* squares, real* moves, const real* c) noexcept nogil:
    """Return w - rate move, with a = rho a + (1 - rho) g^2;
    move = sqrt(b + epsilon) / sqrt(a + epsilon) g;  b = rho b + (1 - rho) move^2.

    Zeiler 2012, algorithm 1. c: rate, rho, 1 - rho, epsilon
    """
    cdef real move
    squares[0] = fmadd(c[1], squares[0], c[2] * (g * g))
    move = square_root(moves[0] + c[3]) * g / square_root(squares[0] + c[3])
    moves[0] = fmadd(c[1], moves[0], c[2] * (move * move))
    return fmadd(-c[0], move, w)


cdef inline real ftrl(const int variant, real w, real g, real* squares, real* linear,
                      const real* c) noexcept nogil:
    """Return, with b = a + g^2;  linear += g + 2 shrinkage w - (b^p - a^p) w / rate;  a = b,
    (clip(linear, -l1, l1) - linear) / (a^p / rate + 2 l2 + beta / rate),    p = -rate's power.

    McMahan et al. 2013, algorithm 1, as Keras has it. The difference of roots is written without
    the digits it would cancel, that of other powers is taken in double precision. A divisor of 0
    means that all gradients were 0 so far, and w stays. c: 1 / rate, 2 shrinkage, l1, 2 l2 + beta /
    rate, p
    """
    cdef real more = fmadd(g, g, squares[0])
    cdef real power_of_more, difference, divisor, clipped, roots
    cdef double double_power
    if variant == ROOT_FTRL:
        power_of_more = square_root(more)
        roots = power_of_more + square_root(squares[0])
        difference = select(roots > 0, g * g / roots, <real>0)
    else:
        double_power = power(<double>more, <double>c[4])
        power_of_more = <real>double_power
        difference = <real>(double_power - power(<double>squares[0], <double>c[4]))
    linear[0] = fmadd(-difference * c[0], w, linear[0] + fmadd(c[1], w, g))
    squares[0] = more
    divisor = fmadd(power_of_more, c[0], c[3])
    clipped = select(linear[0] > c[2], c[2], select(linear[0] < -c[2], -c[2], linear[0]))
    return select(divisor > 0, (clipped - linear[0]) / divisor, w)


cdef inline real lion(real w, real g, real* m, const real* c) noexcept nogil:
    """Return w - rate sign(beta_1 m + (1 - beta_1) g);  m = beta_2 m + (1 - beta_2) g.

    Chen et al. 2023. c: rate, beta_1, 1 - beta_1, beta_2, 1 - beta_2
    """
    cdef real direction = fmadd(c[1], m[0], c[2] * g)
    m[0] = fmadd(c[3], m[0], c[4] * g)
    return w - select(direction > 0, c[0], select(direction < 0, -c[0], <real>0))


cdef inline real moved(const int variant, real w, real g, real* s0, real* s1, real* s2,
                       const real* c) noexcept nogil:
    if variant <= NESTEROV_SGD:
        return sgd(variant, w, g, s0, c)
    elif variant <= CENTERED_MOMENTUM_RMSPROP:
        return rmsprop(variant, w, g, s0, s1, s2, c)
    elif variant == ADAMAX:
        return adamax(w, g, s0, s1, c)
    elif variant == NADAM:
        return nadam(w, g, s0, s1, c)
    elif variant == ADAGRAD:
        return adagrad(w, g, s0, c)
    elif variant == ADADELTA:
        return adadelta(w, g, s0, s1, c)
    elif variant == ROOT_FTRL or variant == POWER_FTRL:
        return ftrl(variant, w, g, s0, s1, c)
    elif variant == LION:
        return lion(w, g, s0, c)
    return adam(variant, w, g, s0, s1, s2, c)
