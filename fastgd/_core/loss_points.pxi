# Losses of points: a function of one prediction and one target; a row's loss is the mean over its
# points. Their numbers, as the plan's settings have them: delta for Huber, the power for Tweedie,
# the label smoothing for the binary cross-entropies, and for the focal ones also gamma, alpha and
# whether to balance the classes.

# Keras keeps probabilities this far away from 0 and 1 before it takes their logarithm.
cdef extern from *:
    """
    #define PROBABILITY_MARGIN 1e-7
    #define LOG_2 0.6931471805599453
    """
    const double PROBABILITY_MARGIN
    const double LOG_2

cdef enum:
    LOSS_SETTINGS = 5


cdef inline real clipped(real p) noexcept nogil:
    cdef real low = <real>PROBABILITY_MARGIN
    cdef real high = <real>1 - low
    p = low if p < low else p  # NaN stays NaN
    return high if p > high else p


cdef inline real lifted(real p) noexcept nogil:
    """p, but not below the margin."""
    return <real>PROBABILITY_MARGIN if p < <real>PROBABILITY_MARGIN else p


cdef inline real power_of(real m, real exponent) noexcept nogil:
    """m^exponent for m >= 0; at m = 0 it is 1 for the exponent 0, and else 0."""
    cdef real at_zero = <real>1 if exponent == 0 else <real>0
    cdef real found = exponential(exponent * logarithm(m))
    return at_zero if m == 0 else found


cdef void point_settings(const int64_t loss, const double* settings, real* c) noexcept nogil:
    """The settings in the form in which the functions below take them."""
    if loss == LOSS_HUBER:
        c[0] = <real>settings[0]
    elif loss == LOSS_TWEEDIE or loss == LOSS_TWEEDIE_LOG:
        c[0] = <real>(1 - settings[0])
        c[1] = <real>(2 - settings[0])
    elif (loss == LOSS_BINARY_CROSSENTROPY or loss == LOSS_BINARY_CROSSENTROPY_LOGITS
            or loss == LOSS_BINARY_FOCAL_CROSSENTROPY
            or loss == LOSS_BINARY_FOCAL_CROSSENTROPY_LOGITS):
        c[0] = <real>(1 - settings[0])
        c[1] = <real>(settings[0] / 2)
    if (loss == LOSS_BINARY_FOCAL_CROSSENTROPY
            or loss == LOSS_BINARY_FOCAL_CROSSENTROPY_LOGITS):
        c[2] = <real>settings[1]
        # a target's weight, y alpha + (1 - y) (1 - alpha) or 1, is c[3] y + c[4]
        c[3] = <real>(2 * settings[2] - 1 if settings[3] != 0 else 0.0)
        c[4] = <real>(1 - settings[2] if settings[3] != 0 else 1.0)


cdef inline real point_target(const int64_t loss, const real* c, real y) noexcept nogil:
    """What a target is taken for: smoothed where it is a probability, 0 as -1 for a margin."""
    if (loss == LOSS_BINARY_CROSSENTROPY or loss == LOSS_BINARY_CROSSENTROPY_LOGITS
            or loss == LOSS_BINARY_FOCAL_CROSSENTROPY
            or loss == LOSS_BINARY_FOCAL_CROSSENTROPY_LOGITS):
        return fmadd(y, c[0], c[1])
    elif loss == LOSS_HINGE or loss == LOSS_SQUARED_HINGE:
        return <real>-1 if y == 0 else y
    return y


cdef inline real log_cosh(real d) noexcept nogil:
    """log(cosh(d)) = |d| + log(1 + e^(-2 |d|)) - log 2, and near 0, where that would cancel,
    log(1 + t^2 / (2 (1 + t))) with t = e^-|d| - 1."""
    cdef real a = absolute(d)
    cdef real t = exp_minus_one(-a)
    cdef real near = log_one_plus(t * t / (<real>2 * (<real>1 + t)))
    cdef real far = a + (log_one_plus(exponential(<real>-2 * a)) - <real>LOG_2)
    return near if a < 1 else far


cdef inline real gamma_deviance(real ratio, real log_ratio, real difference) noexcept nogil:
    """2 (r - 1 - log r) for r = y / mean; difference is r - 1."""
    cdef real near = difference - log_one_plus(difference)
    cdef real far = difference - log_ratio
    return <real>2 * (near if absolute(difference) < <real>0.5 else far)


cdef inline real tweedie_deviance(
    const real* c, real y, real log_mean, real mean, real mean_power,
) noexcept nogil:
    """2 (y^b / (a b) - y m^a / a + m^b / b), a = 1 - power, b = 2 - power; mean_power: m^a.

    With u = log(m / y) it is 2 y^b ((e^(b u) - 1) / b - (e^(a u) - 1) / a), which cancels less.
    """
    cdef real u = log_mean - logarithm(y)
    cdef real y_power = power_of(y, c[1])
    cdef real near = y_power * (exp_minus_one(c[1] * u) / c[1] - exp_minus_one(c[0] * u) / c[0])
    cdef real far = (y_power / (c[0] * c[1]) - y * mean_power / c[0]) + mean * mean_power / c[1]
    return <real>2 * (near if u < 16 else far)


cdef inline real focal_value(const real* c, real y, real miss, real entropy) noexcept nogil:
    return fmadd(c[3], y, c[4]) * (power_of(miss, c[2]) * entropy)


cdef inline real focal_slope(
    const real* c, real y, real miss, real d_miss, real entropy, real d_entropy,
) noexcept nogil:
    """The derivative of focal_value: of w miss^gamma entropy."""
    cdef real factor = power_of(miss, c[2])
    cdef real first = (c[2] * factor * entropy / miss) * d_miss
    first = <real>0 if miss == 0 else first
    return fmadd(c[3], y, c[4]) * fmadd(factor, d_entropy, first)


cdef inline real binary_entropy(real q, real y) noexcept nogil:
    """Of a probability that is off 0 and 1."""
    return -(y * logarithm(q) + (<real>1 - y) * logarithm(<real>1 - q))


cdef inline real binary_entropy_logits(real z, real y) noexcept nogil:
    """-y log(sigmoid(z)) - (1 - y) log(1 - sigmoid(z)), in which nothing cancels."""
    cdef real least = softplus(-absolute(z))
    cdef real above = (z if z > 0 else <real>0) + least
    cdef real below = (<real>0 if z > 0 else -z) + least
    return y * below + (<real>1 - y) * above


cdef inline real miss_of(real y, real p, real q) noexcept nogil:
    """1 - (y p + (1 - y) q), where q = 1 - p."""
    return y * q + (<real>1 - y) * p


cdef inline real point_value(
    const int64_t loss, const real* c, real p, real y,
) noexcept nogil:
    """The loss of prediction p for target y."""
    cdef real d = p - y
    cdef real m
    if loss == LOSS_MEAN_SQUARED_ERROR:
        return d * d
    elif loss == LOSS_MEAN_ABSOLUTE_ERROR:
        return absolute(d)
    elif loss == LOSS_BINARY_CROSSENTROPY:
        return binary_entropy(clipped(p), y)
    elif loss == LOSS_BINARY_CROSSENTROPY_LOGITS:  # log(1 + exp(p)) - p y
        return softplus(p) - p * y
    elif loss == LOSS_MEAN_ABSOLUTE_PERCENTAGE_ERROR:
        return <real>100 * (absolute(d) / lifted(absolute(y)))
    elif loss == LOSS_MEAN_SQUARED_LOGARITHMIC_ERROR:
        d = log_one_plus(lifted(p)) - log_one_plus(lifted(y))
        return d * d
    elif loss == LOSS_HUBER:
        m = c[0] * (absolute(d) - <real>0.5 * c[0])
        return <real>0.5 * (d * d) if absolute(d) <= c[0] else m
    elif loss == LOSS_LOG_COSH:
        return log_cosh(d)
    elif loss == LOSS_HINGE:
        m = <real>1 - y * p
        return <real>0 if m < 0 else m
    elif loss == LOSS_SQUARED_HINGE:
        m = <real>1 - y * p
        m = <real>0 if m < 0 else m
        return m * m
    elif loss == LOSS_POISSON:
        return p - y * logarithm(p + <real>PROBABILITY_MARGIN)
    elif loss == LOSS_POISSON_LOG:
        return exponential(p) - y * p
    elif loss == LOSS_GAMMA:
        m = lifted(p)
        return gamma_deviance(y / m, logarithm(y / m), (y - m) / m)
    elif loss == LOSS_GAMMA_LOG:
        m = y * exponential(-p)
        return gamma_deviance(m, logarithm(y) - p, m - <real>1)
    elif loss == LOSS_TWEEDIE:
        m = lifted(p)
        return tweedie_deviance(c, y, logarithm(m), m, power_of(m, c[0]))
    elif loss == LOSS_TWEEDIE_LOG:
        return tweedie_deviance(c, y, p, exponential(p), exponential(c[0] * p))
    elif loss == LOSS_BINARY_FOCAL_CROSSENTROPY:
        return focal_value(c, y, miss_of(y, p, <real>1 - p), binary_entropy(clipped(p), y))
    else:  # LOSS_BINARY_FOCAL_CROSSENTROPY_LOGITS
        m = miss_of(y, sigmoid(p), sigmoid(-p))
        return focal_value(c, y, m, binary_entropy_logits(p, y))


cdef inline real sign(real d) noexcept nogil:
    """-1, 0 or 1."""
    cdef real above = <real>1 if d > 0 else <real>0
    return <real>-1 if d < 0 else above


cdef inline real entropy_slope(real p, real y) noexcept nogil:
    """Of binary_entropy(clipped(p), y)."""
    cdef real q = clipped(p)
    cdef real d = (q - y) / (q * (<real>1 - q))
    return d if q == p else <real>0


cdef inline real point_slope(
    const int64_t loss, const real* c, real p, real y,
) noexcept nogil:
    """The derivative of point_value with respect to p."""
    cdef real d = p - y
    cdef real q, m
    if loss == LOSS_MEAN_SQUARED_ERROR:
        return d + d
    elif loss == LOSS_MEAN_ABSOLUTE_ERROR:
        return sign(d)
    elif loss == LOSS_BINARY_CROSSENTROPY:
        return entropy_slope(p, y)
    elif loss == LOSS_BINARY_CROSSENTROPY_LOGITS:
        return sigmoid(p) - y
    elif loss == LOSS_MEAN_ABSOLUTE_PERCENTAGE_ERROR:
        return <real>100 * (sign(d) / lifted(absolute(y)))
    elif loss == LOSS_MEAN_SQUARED_LOGARITHMIC_ERROR:
        q = lifted(p)
        d = log_one_plus(q) - log_one_plus(lifted(y))
        d = (d + d) / (<real>1 + q)
        return d if q == p else <real>0
    elif loss == LOSS_HUBER:
        m = c[0] * sign(d)
        return d if absolute(d) <= c[0] else m
    elif loss == LOSS_LOG_COSH:
        return hyperbolic_tangent(d)
    elif loss == LOSS_HINGE:
        return -y if <real>1 - y * p > 0 else <real>0
    elif loss == LOSS_SQUARED_HINGE:
        m = <real>1 - y * p
        return <real>-2 * (m * y) if m > 0 else <real>0
    elif loss == LOSS_POISSON:
        return <real>1 - y / (p + <real>PROBABILITY_MARGIN)
    elif loss == LOSS_POISSON_LOG:
        return exponential(p) - y
    elif loss == LOSS_GAMMA:
        m = lifted(p)
        d = <real>2 * ((m - y) / m / m)
        return d if m == p else <real>0
    elif loss == LOSS_GAMMA_LOG:
        return <real>2 * (<real>1 - y * exponential(-p))
    elif loss == LOSS_TWEEDIE:
        m = lifted(p)
        d = <real>2 * (power_of(m, c[0]) * ((m - y) / m))
        return d if m == p else <real>0
    elif loss == LOSS_TWEEDIE_LOG:
        return <real>2 * (exponential(c[1] * p) - y * exponential(c[0] * p))
    elif loss == LOSS_BINARY_FOCAL_CROSSENTROPY:
        m = miss_of(y, p, <real>1 - p)
        return focal_slope(c, y, m, <real>1 - (y + y), binary_entropy(clipped(p), y),
                           entropy_slope(p, y))
    else:  # LOSS_BINARY_FOCAL_CROSSENTROPY_LOGITS
        q = sigmoid(-p)
        p, d = sigmoid(p), binary_entropy_logits(p, y)
        m = miss_of(y, p, q)
        return focal_slope(c, y, m, (<real>1 - (y + y)) * (p * q), d,
                           (<real>1 - y) * p - y * q)


cdef enum:
    PIECE = 64              # targets that are gathered at once where they do not lie side by side


cdef inline void point_rows(
    const int64_t loss, const double* settings, int64_t rows, int64_t width, int64_t stride,
    const real* p, const real* y, int64_t y_stride, const real* numerators, int64_t step,
    real denominator, real* values, real* d_p, real* line,
) noexcept nogil:
    """A line of points after the other: a row, or, of a single output, as many rows as can be.

    The formulas stand in one loop each: they are most of the machine code.
    """
    cdef int64_t i, j, n
    cdef bint weighted = width == 1 and step != 0   # the rows of a line by themselves
    cdef real factor = <real>1 / (denominator * <real>width)
    cdef real scale
    cdef real[LOSS_SETTINGS] c
    cdef real[PIECE] gathered
    cdef const real* p_line
    cdef const real* y_line
    cdef real* out
    cdef real* d_line
    point_settings(loss, settings, c)
    i = 0
    while i < rows:
        p_line = p + i * stride
        y_line = y + i * y_stride
        n = width
        out = line
        if width == 1:
            # rows of one prediction lie side by side, see padded_stride
            n = rows - i
            out = values + i
            if y_stride != 1:
                n = min(n, <int64_t>PIECE)
                for j in range(n):
                    gathered[j] = y_line[j * y_stride]
                y_line = gathered
        for j in range(n):
            out[j] = point_value(loss, c, p_line[j], point_target(loss, c, y_line[j]))
        if width > 1:
            values[i] = row_sum(width, line) / <real>width
        if d_p != NULL:
            d_line = d_p + i * stride
            scale = <real>1 if weighted else numerators[i * step] * factor
            for j in range(n):
                d_line[j] = scale * point_slope(
                    loss, c, p_line[j], point_target(loss, c, y_line[j]))
            if weighted:
                for j in range(n):
                    d_line[j] = numerators[(i + j) * step] * factor * d_line[j]
        i += n if width == 1 else 1


# A loss of the user's, compiled: the addresses of double f(double y, double p).
ctypedef double (*PointFunction)(double, double) noexcept nogil


cdef void compiled_rows(
    PointFunction value, PointFunction slope, int64_t rows, int64_t width, int64_t stride,
    const real* p, const real* y, int64_t y_stride, const real* numerators, int64_t step,
    real denominator, real* values, real* d_p, real* line,
) noexcept nogil:
    cdef int64_t i, j
    cdef real factor = <real>1 / (denominator * <real>width)
    cdef real scale
    cdef const real* p_row
    cdef const real* y_row
    for i in range(rows):
        p_row = p + i * stride
        y_row = y + i * y_stride
        for j in range(width):
            line[j] = <real>value(<double>y_row[j], <double>p_row[j])
        values[i] = row_sum(width, line) / <real>width
        if d_p != NULL:
            scale = numerators[i * step] * factor
            for j in range(width):
                d_p[i * stride + j] = scale * <real>slope(<double>y_row[j], <double>p_row[j])
