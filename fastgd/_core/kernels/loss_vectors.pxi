# Losses of whole rows of numbers. Settings: the number of quantiles and the quantiles; the lowest
# scale for the Gaussian likelihood.

cdef inline real cosine_row(int64_t n, const real* p, const real* y, real scale,
                            real* d_p) noexcept nogil:
    """Return -cos of the angle between p and y, whose norms count as the margin at least."""
    cdef real p_norm = square_root(row_dot(n, p, p))
    cdef real p_length = lifted(p_norm)
    cdef real y_length = lifted(square_root(row_dot(n, y, y)))
    cdef real value = -(row_dot(n, y, p) / p_length / y_length)
    cdef real along
    cdef int64_t i
    if d_p != NULL:
        # the length of p changes with p, unless it was lifted
        along = value / p_length if p_norm == p_length else <real>0
        scale = scale / p_length
        for i in range(n):
            d_p[i] = -scale * fmadd(along, p[i], y[i] / y_length)
    return value


cdef inline real probability(real p) noexcept nogil:
    """Return p between the margin and 1."""
    p = lifted(p)
    return <real>1 if p > 1 else p


cdef inline real divergence_row(int64_t n, const real* p, const real* y, real scale, real* d_p,
                                real* line) noexcept nogil:
    """Return the sum of y log(y / p), where both are kept between the margin and 1."""
    cdef real q, t
    cdef int64_t i
    for i in range(n):
        t = probability(y[i])
        line[i] = t * logarithm(t / probability(p[i]))
    if d_p != NULL:
        for i in range(n):
            q = probability(p[i])
            d_p[i] = -scale * (probability(y[i]) / q) if q == p[i] else <real>0
    return row_sum(n, line)


cdef inline real categorical_hinge_row(int64_t n, const real* p, const real* y, real scale,
                                       real* d_p, real* line) noexcept nogil:
    """Return max(0, 1 + max of (1 - y) p - sum of y p)."""
    cdef real value
    cdef int64_t i, top
    for i in range(n):
        line[i] = (<real>1 - y[i]) * p[i]
    top = row_argmax(n, line)
    value = line[top] - row_dot(n, y, p) + <real>1
    if d_p != NULL:
        scale = scale if value > 0 else <real>0
        for i in range(n):
            d_p[i] = -scale * y[i]
        d_p[top] = d_p[top] + scale * (<real>1 - y[top])
    return <real>0 if value < 0 else value


cdef inline real quantile_row(const double* settings, int64_t n, const real* p, const real* y,
                              real scale, real* d_p, real* line) noexcept nogil:
    """Return the mean of max(q (y - p), (q - 1) (y - p)): for each target its quantiles in turn."""
    cdef int64_t count = <int64_t>settings[0]
    cdef real share = scale / <real>n, d, q
    cdef int64_t i
    for i in range(n):
        q = <real>settings[1 + i % count]
        d = y[i // count] - p[i]
        line[i] = (q - <real>1) * d if d < 0 else q * d
        if d_p != NULL:
            q = <real>1 - q if d < 0 else -q
            d_p[i] = share * (<real>0 if d == 0 else q)
    return row_sum(n, line) / <real>n


cdef inline real gaussian_row(const double* settings, int64_t n, const real* p, const real* y,
                              real scale, real* d_p, real* line) noexcept nogil:
    """Return the mean of log s + ((y - m) / s)^2 / 2 + log(2 pi) / 2 over the targets.

    p holds the means m, then as many raw scales: s = softplus(raw) + floor.
    """
    cdef int64_t count = n // 2
    cdef real share = scale / <real>count, s, t
    cdef int64_t i
    for i in range(count):
        s = softplus(p[count + i]) + <real>settings[0]
        t = (y[i] - p[i]) / s
        line[i] = logarithm(s) + fmadd(<real>0.5 * t, t, <real>HALF_LOG_2_PI)
        if d_p != NULL:
            d_p[i] = -share * (t / s)
            d_p[count + i] = share * ((<real>1 - t * t) / s * sigmoid(p[count + i]))
    return row_sum(count, line) / <real>count


cdef extern from *:
    """
    #define HALF_LOG_2_PI 0.9189385332046727
    """
    const double HALF_LOG_2_PI


cdef void vector_rows(int64_t loss, const LossRows* job, const real* p) noexcept nogil:
    cdef const double* settings = job.settings
    cdef int64_t rows = job.rows, width = job.width, stride = job.stride
    cdef const real* y = <const real*>job.y
    cdef int64_t y_stride = job.y_stride
    cdef const real* numerators = <const real*>job.numerators
    cdef int64_t step = job.step
    cdef real* values = <real*>job.values
    cdef real* d_p = <real*>job.d_p
    cdef real* line = <real*>job.line
    cdef real factor = <real>1 / <real>job.denominator, scale
    cdef const real* p_row
    cdef const real* y_row
    cdef real* d_row = NULL
    cdef int64_t i
    for i in range(rows):
        p_row = p + i * stride
        y_row = y + i * y_stride
        scale = numerators[i * step] * factor
        if d_p != NULL:
            d_row = d_p + i * stride
        if loss == LOSS_COSINE_SIMILARITY:
            values[i] = cosine_row(width, p_row, y_row, scale, d_row)
        elif loss == LOSS_KL_DIVERGENCE:
            values[i] = divergence_row(width, p_row, y_row, scale, d_row, line)
        elif loss == LOSS_CATEGORICAL_HINGE:
            values[i] = categorical_hinge_row(width, p_row, y_row, scale, d_row, line)
        elif loss == LOSS_QUANTILE:
            values[i] = quantile_row(settings, width, p_row, y_row, scale, d_row, line)
        else:  # LOSS_GAUSSIAN_NEGATIVE_LOG_LIKELIHOOD
            values[i] = gaussian_row(settings, width, p_row, y_row, scale, d_row, line)
