# Losses of real targets, see loss_points.pxi.

from fastgd._core.scalar cimport exp_minus_one, log_one_plus

cdef inline real log_cosh(real d) noexcept nogil:
    """Return log(cosh(d)) = |d| + log(1 + e^(-2 |d|)) - log 2, and near 0, where that would cancel,
    log(1 + t^2 / (2 (1 + t))) with t = e^-|d| - 1."""
    cdef real a = absolute(d), t = exp_minus_one(-a)
    cdef real near = log_one_plus(t * t / (<real>2 * (<real>1 + t)))
    cdef real far = a + (log_one_plus(exponential(<real>-2 * a)) - <real>LOG_2)
    return near if a < 1 else far


cdef inline real gamma_deviance(real ratio, real log_ratio, real difference) noexcept nogil:
    """Return 2 (r - 1 - log r) for r = y / mean; difference is r - 1."""
    cdef real near = difference - log_one_plus(difference), far = difference - log_ratio
    return <real>2 * (near if absolute(difference) < <real>0.5 else far)


cdef inline real tweedie_deviance(const real* c, real y, real log_mean, real mean,
                                  real mean_power) noexcept nogil:
    """Return 2 (y^b / (a b) - y m^a / a + m^b / b), a = 1 - power, b = 2 - power; mean_power: m^a.

    With u = log(m / y) it is 2 y^b ((e^(b u) - 1) / b - (e^(a u) - 1) / a), which cancels less.
    """
    cdef real u = log_mean - logarithm(y)
    cdef real y_power = power_of(y, c[1])
    cdef real near = y_power * (exp_minus_one(c[1] * u) / c[1] - exp_minus_one(c[0] * u) / c[0])
    cdef real far = (y_power / (c[0] * c[1]) - y * mean_power / c[0]) + mean * mean_power / c[1]
    return <real>2 * (near if u < 16 else far)


# The same, and their slopes, for the logarithm p of the mean: linear models use half of them.

cdef inline real gamma_log_value(real p, real y) noexcept nogil:
    cdef real ratio = y * exponential(-p)
    return gamma_deviance(ratio, logarithm(y) - p, ratio - <real>1)


cdef inline real gamma_log_slope(real p, real y) noexcept nogil:
    return <real>2 * (<real>1 - y * exponential(-p))


cdef inline real tweedie_log_value(const real* c, real p, real y) noexcept nogil:
    return tweedie_deviance(c, y, p, exponential(p), exponential(c[0] * p))


cdef inline real tweedie_log_slope(const real* c, real p, real y) noexcept nogil:
    return <real>2 * (exponential(c[1] * p) - y * exponential(c[0] * p))


cdef void mean_squared_error_values(const real* c, int64_t n, const real* p, const real* y,
                                    real* out) noexcept nogil:
    cdef real d
    cdef int64_t i
    for i in range(whole(n)):
        d = p[i] - y[i]
        out[i] = d * d


cdef void mean_squared_error_slopes(const real* c, int64_t n, const real* p, const real* y,
                                    real* out) noexcept nogil:
    cdef real d
    cdef int64_t i
    for i in range(whole(n)):
        d = p[i] - y[i]
        out[i] = d + d


cdef void mean_absolute_error_values(const real* c, int64_t n, const real* p, const real* y,
                                     real* out) noexcept nogil:
    cdef real d
    cdef int64_t i
    for i in range(whole(n)):
        d = p[i] - y[i]
        out[i] = absolute(d)


cdef void mean_absolute_error_slopes(const real* c, int64_t n, const real* p, const real* y,
                                     real* out) noexcept nogil:
    cdef real d
    cdef int64_t i
    for i in range(whole(n)):
        d = p[i] - y[i]
        out[i] = sign(d)


cdef void mean_absolute_percentage_error_values(const real* c, int64_t n, const real* p,
                                                const real* y, real* out) noexcept nogil:
    cdef real d
    cdef int64_t i
    for i in range(whole(n)):
        d = p[i] - y[i]
        out[i] = <real>100 * (absolute(d) / lifted(absolute(y[i])))


cdef void mean_absolute_percentage_error_slopes(const real* c, int64_t n, const real* p,
                                                const real* y, real* out) noexcept nogil:
    cdef real d
    cdef int64_t i
    for i in range(whole(n)):
        d = p[i] - y[i]
        out[i] = <real>100 * (sign(d) / lifted(absolute(y[i])))


cdef void mean_squared_logarithmic_error_values(const real* c, int64_t n, const real* p,
                                                const real* y, real* out) noexcept nogil:
    cdef real d
    cdef int64_t i
    for i in range(whole(n)):
        d = log_one_plus(lifted(p[i])) - log_one_plus(lifted(y[i]))
        out[i] = d * d


cdef void mean_squared_logarithmic_error_slopes(const real* c, int64_t n, const real* p,
                                                const real* y, real* out) noexcept nogil:
    cdef real d, q
    cdef int64_t i
    for i in range(whole(n)):
        q = lifted(p[i])
        d = log_one_plus(q) - log_one_plus(lifted(y[i]))
        d = (d + d) / (<real>1 + q)
        out[i] = d if q == p[i] else <real>0


cdef void huber_values(const real* c, int64_t n, const real* p, const real* y,
                       real* out) noexcept nogil:
    cdef real d, m
    cdef int64_t i
    for i in range(whole(n)):
        d = p[i] - y[i]
        m = c[0] * (absolute(d) - <real>0.5 * c[0])
        out[i] = <real>0.5 * (d * d) if absolute(d) <= c[0] else m


cdef void huber_slopes(const real* c, int64_t n, const real* p, const real* y,
                       real* out) noexcept nogil:
    cdef real d, m
    cdef int64_t i
    for i in range(whole(n)):
        d = p[i] - y[i]
        m = c[0] * sign(d)
        out[i] = d if absolute(d) <= c[0] else m


cdef void log_cosh_values(const real* c, int64_t n, const real* p, const real* y,
                          real* out) noexcept nogil:
    cdef real d
    cdef int64_t i
    for i in range(whole(n)):
        d = p[i] - y[i]
        out[i] = log_cosh(d)


cdef void log_cosh_slopes(const real* c, int64_t n, const real* p, const real* y,
                          real* out) noexcept nogil:
    cdef real d
    cdef int64_t i
    for i in range(whole(n)):
        d = p[i] - y[i]
        out[i] = hyperbolic_tangent(d)


cdef void poisson_values(const real* c, int64_t n, const real* p, const real* y,
                         real* out) noexcept nogil:
    cdef int64_t i
    for i in range(whole(n)):
        out[i] = p[i] - y[i] * logarithm(p[i] + <real>PROBABILITY_MARGIN)


cdef void poisson_slopes(const real* c, int64_t n, const real* p, const real* y,
                         real* out) noexcept nogil:
    cdef int64_t i
    for i in range(whole(n)):
        out[i] = <real>1 - y[i] / (p[i] + <real>PROBABILITY_MARGIN)


cdef void poisson_log_values(const real* c, int64_t n, const real* p, const real* y,
                             real* out) noexcept nogil:
    cdef int64_t i
    for i in range(whole(n)):
        out[i] = exponential(p[i]) - y[i] * p[i]


cdef void poisson_log_slopes(const real* c, int64_t n, const real* p, const real* y,
                             real* out) noexcept nogil:
    cdef int64_t i
    for i in range(whole(n)):
        out[i] = exponential(p[i]) - y[i]


cdef void gamma_values(const real* c, int64_t n, const real* p, const real* y,
                       real* out) noexcept nogil:
    cdef real m
    cdef int64_t i
    for i in range(whole(n)):
        m = lifted(p[i])
        out[i] = gamma_deviance(y[i] / m, logarithm(y[i] / m), (y[i] - m) / m)


cdef void gamma_slopes(const real* c, int64_t n, const real* p, const real* y,
                       real* out) noexcept nogil:
    cdef real d, m
    cdef int64_t i
    for i in range(whole(n)):
        m = lifted(p[i])
        d = <real>2 * ((m - y[i]) / m / m)
        out[i] = d if m == p[i] else <real>0


cdef void gamma_log_values(const real* c, int64_t n, const real* p, const real* y,
                           real* out) noexcept nogil:
    cdef int64_t i
    for i in range(whole(n)):
        out[i] = gamma_log_value(p[i], y[i])


cdef void gamma_log_slopes(const real* c, int64_t n, const real* p, const real* y,
                           real* out) noexcept nogil:
    cdef int64_t i
    for i in range(whole(n)):
        out[i] = gamma_log_slope(p[i], y[i])


cdef void tweedie_values(const real* c, int64_t n, const real* p, const real* y,
                         real* out) noexcept nogil:
    cdef real m
    cdef int64_t i
    for i in range(whole(n)):
        m = lifted(p[i])
        out[i] = tweedie_deviance(c, y[i], logarithm(m), m, power_of(m, c[0]))


cdef void tweedie_slopes(const real* c, int64_t n, const real* p, const real* y,
                         real* out) noexcept nogil:
    cdef real d, m
    cdef int64_t i
    for i in range(whole(n)):
        m = lifted(p[i])
        d = <real>2 * (power_of(m, c[0]) * ((m - y[i]) / m))
        out[i] = d if m == p[i] else <real>0


cdef void tweedie_log_values(const real* c, int64_t n, const real* p, const real* y,
                             real* out) noexcept nogil:
    cdef int64_t i
    for i in range(whole(n)):
        out[i] = tweedie_log_value(c, p[i], y[i])


cdef void tweedie_log_slopes(const real* c, int64_t n, const real* p, const real* y,
                             real* out) noexcept nogil:
    cdef int64_t i
    for i in range(whole(n)):
        out[i] = tweedie_log_slope(c, p[i], y[i])
