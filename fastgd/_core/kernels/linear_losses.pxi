# The losses of linear models, functions of the decision z of a row and its target y: values, slopes
# (derivatives with respect to z) and curvatures (second derivatives; 0 at kinks). `c` is the loss's
# setting, see LinearLoss. `loss` never changes in a loop, so its branches cost nothing.

# Those with a log link and powers of the mean, gamma and Tweedie, are functions of their own: where
# rows come one by one, they would only make the loops of the others longer.

cdef inline double mean_value(int64_t loss, double c, double z, double y) noexcept nogil:
    cdef double[2] powers
    if loss == LINEAR_GAMMA:
        return 0.5 * gamma_log_value(z, y)
    powers[0] = 1 - c
    powers[1] = 2 - c
    return 0.5 * tweedie_log_value(powers, z, y)


cdef inline double mean_slope(int64_t loss, double c, double z, double y) noexcept nogil:
    cdef double[2] powers
    if loss == LINEAR_GAMMA:
        return 0.5 * gamma_log_slope(z, y)
    powers[0] = 1 - c
    powers[1] = 2 - c
    return 0.5 * tweedie_log_slope(powers, z, y)


cdef inline double mean_curvature(int64_t loss, double c, double z, double y) noexcept nogil:
    if loss == LINEAR_GAMMA:
        return y * exponential(-z)
    return fmadd(2 - c, exponential((2 - c) * z), (c - 1) * y * exponential((1 - c) * z))


cdef double rare_value(int64_t loss, double c, double z, double y) noexcept nogil:
    return mean_value(loss, c, z, y)


cdef double rare_slope(int64_t loss, double c, double z, double y) noexcept nogil:
    return mean_slope(loss, c, z, y)


cdef inline double linear_value(int64_t loss, double c, double z, double y) noexcept nogil:
    cdef double r = z - y, m = z * y, a
    if loss == LINEAR_LOG_LOSS:
        return softplus(-m)
    elif loss == LINEAR_SQUARED_ERROR:
        return 0.5 * r * r
    elif loss == LINEAR_POISSON:
        return exponential(z) - m
    elif loss == LINEAR_GAMMA or loss == LINEAR_TWEEDIE:
        return rare_value(loss, c, z, y)
    elif loss == LINEAR_HUBER:
        a = absolute(r)
        return 0.5 * r * r if a <= c else c * (a - 0.5 * c)
    elif loss == LINEAR_EPSILON_INSENSITIVE:
        a = absolute(r) - c
        return a if a > 0 else 0.0
    elif loss == LINEAR_SQUARED_EPSILON_INSENSITIVE:
        a = absolute(r) - c
        return a * a if a > 0 else 0.0
    elif loss == LINEAR_QUANTILE:
        return (1 - c) * r if r > 0 else -c * r
    elif loss == LINEAR_HINGE:
        return 1 - m if m <= 1 else 0.0
    elif loss == LINEAR_SQUARED_HINGE:
        return (1 - m) * (1 - m) if m <= 1 else 0.0
    elif loss == LINEAR_PERCEPTRON:
        return -m if m <= 0 else 0.0
    # modified Huber
    if m >= 1:
        return 0.0
    return (1 - m) * (1 - m) if m >= -1 else -4 * m


cdef inline double linear_slope(int64_t loss, double c, double z, double y) noexcept nogil:
    cdef double r = z - y, m = z * y
    if loss == LINEAR_LOG_LOSS:
        return -y * sigmoid(-m)
    elif loss == LINEAR_SQUARED_ERROR:
        return r
    elif loss == LINEAR_POISSON:
        return exponential(z) - y
    elif loss == LINEAR_GAMMA or loss == LINEAR_TWEEDIE:
        return rare_slope(loss, c, z, y)
    elif loss == LINEAR_HUBER:
        return c if r > c else (-c if r < -c else r)
    elif loss == LINEAR_EPSILON_INSENSITIVE:
        return 1.0 if r > c else (-1.0 if r < -c else 0.0)
    elif loss == LINEAR_SQUARED_EPSILON_INSENSITIVE:
        return 2 * (r - c) if r > c else (2 * (r + c) if r < -c else 0.0)
    elif loss == LINEAR_QUANTILE:
        return 1 - c if r > 0 else (-c if r < 0 else 0.0)
    elif loss == LINEAR_HINGE:
        return -y if m <= 1 else 0.0
    elif loss == LINEAR_SQUARED_HINGE:
        return -2 * y * (1 - m) if m <= 1 else 0.0
    elif loss == LINEAR_PERCEPTRON:
        return -y if m <= 0 else 0.0
    # modified Huber
    if m >= 1:
        return 0.0
    return -2 * y * (1 - m) if m >= -1 else -4 * y


cdef double bounded_margin(double m) noexcept nogil:
    m = 709.0 if m > 709.0 else m       # NaN stays
    return -708.0 if m < -708.0 else m


cdef inline double log_loss_step(double m, double y, double size) noexcept nogil:
    """Return -size times the slope of the log loss for y = 1 or -1 and the margin m = z y: size y /
    (1 + e^m), to some units in the last place.

    A step waits for this, so that latency counts, not the number of operations: the series of
    ``exponential_series`` is summed up by pairs, and one division ends it.
    """
    cdef double shifted, n, r, r2, r4, q, power
    if not -708.0 <= m <= 709.0:
        m = bounded_margin(m)   # a call, so that this is a branch, which no step waits for
    shifted = shifted_exponent(m, <double>1023)
    n = unshifted(shifted, <double>1023)
    r = subtract_low(reduced_high(m, n), n)
    r2 = r * r
    r4 = r2 * r2
    q = fmadd(
        r4,
        fmadd(
            r4, fmadd(r, 2.4977957263639925e-08, 2.762533780481589e-07),
            fmadd(r2, fmadd(r, 2.7557642892541182e-06, 2.480150833430115e-05),
                  fmadd(r, 0.00019841269463342386, 0.001388888892704673))),
        fmadd(r2, fmadd(r, 0.00833333333350155, 0.04166666666660341),
              fmadd(r, 0.1666666666666643, 0.5)))
    power = power_of_two(shifted)
    return size * y / fmadd(power, fmadd(r2, q, r), 1 + power)


cdef inline double linear_curvature(int64_t loss, double c, double z, double y) noexcept nogil:
    cdef double r = absolute(z - y), m = z * y
    cdef double p
    if loss == LINEAR_LOG_LOSS:
        p = sigmoid(-absolute(m))
        return p * (1 - p)
    elif loss == LINEAR_SQUARED_ERROR:
        return 1.0
    elif loss == LINEAR_POISSON:
        return exponential(z)
    elif loss == LINEAR_GAMMA or loss == LINEAR_TWEEDIE:
        return mean_curvature(loss, c, z, y)
    elif loss == LINEAR_HUBER:
        return 1.0 if r <= c else 0.0
    elif loss == LINEAR_SQUARED_EPSILON_INSENSITIVE:
        return 2.0 if r > c else 0.0
    elif loss == LINEAR_SQUARED_HINGE:
        return 2.0 if m <= 1 else 0.0
    elif loss == LINEAR_MODIFIED_HUBER:
        return 2.0 if -1 <= m < 1 else 0.0
    return 0.0


cdef inline double multinomial_slopes(int64_t k, const double* z, double y,
                                      double* slopes) noexcept nogil:
    """Compute slopes = softmax(z) - one-hot(y) of one row; return log(sum of e^z) - z[y]."""
    cdef double top = row_maximum(k, z)
    cdef double total = 0
    cdef int64_t own = <int64_t>y, j
    for j in range(k):
        slopes[j] = exponential(z[j] - top)
        total += slopes[j]
    for j in range(k):
        slopes[j] /= total
    # the sum of the others, where 1 - p would cancel
    cdef double others = 0
    for j in range(k):
        others += slopes[j] if j != own else 0.0
    slopes[own] = -others
    return logarithm(total) + (top - z[own])


cdef inline void point_losses(const int64_t loss, double c, int64_t n, const double* z,
                              const double* y, double* values) noexcept nogil:
    cdef int64_t i
    for i in range(n):
        values[i] = linear_value(loss, c, z[i], y[i])


cdef void linear_values(int64_t loss, double c, int64_t n, const double* z, const double* y,
                        double* values) noexcept nogil:
    """Compute the losses of n rows, each loss in a separate loop that becomes vectors."""
    if loss == LINEAR_LOG_LOSS:
        point_losses(LINEAR_LOG_LOSS, c, n, z, y, values)
    elif loss == LINEAR_SQUARED_ERROR:
        point_losses(LINEAR_SQUARED_ERROR, c, n, z, y, values)
    elif loss == LINEAR_POISSON:
        point_losses(LINEAR_POISSON, c, n, z, y, values)
    elif loss == LINEAR_HINGE:
        point_losses(LINEAR_HINGE, c, n, z, y, values)
    else:
        point_losses(loss, c, n, z, y, values)


cdef void linear_losses(int64_t loss, double c, int64_t n, const double* z, const double* y,
                        double* out) noexcept nogil:
    """Fill out (3, n) with values, slopes and curvatures."""
    cdef int64_t i
    linear_values(loss, c, n, z, y, out)
    for i in range(n):
        out[n + i] = linear_slope(loss, c, z[i], y[i])
        out[2 * n + i] = linear_curvature(loss, c, z[i], y[i])


cdef void lose_waiting(int64_t loss, double setting, Waiting* waiting) noexcept nogil:
    """Add the losses of the waiting rows to their total, in their order."""
    cdef double[BLOCK] values
    cdef int64_t i
    linear_values(loss, setting, waiting.n, waiting.z, waiting.y, values)
    for i in range(waiting.n):
        waiting.total = fmadd(waiting.weight[i], values[i], waiting.total)
    waiting.n = 0


cdef inline void add_loss(const Course* course, Head* head, double z, double y,
                          double weight) noexcept nogil:
    cdef Waiting* waiting = head.waiting
    waiting.z[waiting.n] = z
    waiting.y[waiting.n] = y
    waiting.weight[waiting.n] = weight
    waiting.n += 1
    if waiting.n == BLOCK:
        lose_waiting(course.loss, course.setting, waiting)
