# A block of rows of a linear model: decisions, losses and slopes, and a part of the gradient.
# z[o][i] is the decision of output o for row i, so that losses run over rows in vectors, whatever
# the number of outputs.
#
# A single output has separate kernels, which read rows in place, float or double. They read whole
# chunks of columns: theta's padding is zero and x is finite, so the numbers behind a row, the start
# of the next one, add nothing. Several outputs are products of matrices.

cdef inline void decide_group(const int group, int64_t chunks, const real* x, int64_t stride,
                              const double* theta, double intercept, double* z) noexcept nogil:
    """Compute z[i] = x[i] . theta + intercept for a constant number of rows."""
    cdef double[BATCH_GROUP][BATCH_LANES] s
    cdef int64_t c
    cdef int i, j
    for i in range(group):
        for j in range(BATCH_LANES):
            s[i][j] = 0
    for c in range(chunks):
        for i in range(group):
            for j in range(BATCH_LANES):
                s[i][j] = fmadd(
                    <double>x[i * stride + c * BATCH_LANES + j], theta[c * BATCH_LANES + j],
                    s[i][j])
    for i in range(group):
        z[i] = (((s[i][0] + s[i][4]) + (s[i][2] + s[i][6]))
                + ((s[i][1] + s[i][5]) + (s[i][3] + s[i][7]))) + intercept


cdef inline void decide_block(int64_t rows, int64_t d, const real* x, int64_t stride,
                              const double* theta, double intercept, double* z) noexcept nogil:
    cdef int64_t chunks = (d + BATCH_LANES - 1) // BATCH_LANES, i = 0
    while i + BATCH_GROUP <= rows:
        decide_group(BATCH_GROUP, chunks, x + i * stride, stride, theta, intercept, z + i)
        i += BATCH_GROUP
    while i < rows:
        decide_group(1, chunks, x + i * stride, stride, theta, intercept, z + i)
        i += 1


cdef inline void add_slope_columns(const int lanes, int64_t rows, int64_t columns, const real* x,
                                   int64_t stride, const double* slopes,
                                   double* total) noexcept nogil:
    """Add the sum of slopes[i] x[i][j] to total[j] for the first `columns` of `lanes` columns."""
    cdef double[BATCH_CHUNK] acc
    cdef double slope
    cdef int64_t i
    cdef int j
    for j in range(lanes):
        acc[j] = 0
    for i in range(rows):
        slope = slopes[i]
        for j in range(lanes):
            acc[j] = fmadd(slope, <double>x[i * stride + j], acc[j])
    for j in range(columns):
        total[j] += acc[j]


cdef inline void add_block(int64_t rows, int64_t d, const real* x, int64_t stride,
                           const double* slopes, double* total) noexcept nogil:
    cdef int64_t c = 0
    while d - c > 16:
        add_slope_columns(BATCH_CHUNK, rows, min(<int64_t>BATCH_CHUNK, d - c), x + c, stride,
                          slopes, total + c)
        c += BATCH_CHUNK
    if d - c > 8:
        add_slope_columns(16, rows, d - c, x + c, stride, slopes, total + c)
    elif d - c > 0:
        add_slope_columns(8, rows, d - c, x + c, stride, slopes, total + c)


cdef inline void copy_block(int64_t rows, int64_t d, const real* x, int64_t stride,
                            double* out) noexcept nogil:
    """Copy rows to double, at a stride, with zeros behind each."""
    cdef int64_t i, j
    for i in range(rows):
        for j in range(d):
            out[i * stride + j] = x[i * d + j]
        for j in range(d, stride):
            out[i * stride + j] = 0


# ---------------------------------------------------------------- losses of a block

cdef inline void log_loss_block(int64_t rows, const double* y, double* z, double* values,
                                double* curvatures) noexcept nogil:
    """Compute point_block; value, slope and curvature share their exponential."""
    cdef double m, t, f, q
    cdef int64_t i
    for i in range(rows):
        m = z[i] * y[i]
        t = exponential(-absolute(m))
        q = 1 / (1 + t)
        f = select(t > 0.41421356, 0.5 * t - 0.5, t)
        values[i] = select(m < 0, -m, 0.0) + log_of_parts(
            select(t > 0.41421356, 1.0, 0.0), f)
        curvatures[i] = t * (q * q)
        z[i] = -y[i] * select(m < 0, q, t * q)


cdef inline void point_block(const int64_t loss, double c, int64_t rows, const double* y, double* z,
                             double* values, double* curvatures) noexcept nogil:
    """Compute values and curvatures of a block of rows; slopes replace the decisions."""
    cdef int64_t i
    if loss == LINEAR_LOG_LOSS:
        log_loss_block(rows, y, z, values, curvatures)
        return
    if loss == LINEAR_GAMMA or loss == LINEAR_TWEEDIE:
        for i in range(rows):
            values[i] = mean_value(loss, c, z[i], y[i])
            curvatures[i] = mean_curvature(loss, c, z[i], y[i])
            z[i] = mean_slope(loss, c, z[i], y[i])
        return
    for i in range(rows):
        values[i] = linear_value(loss, c, z[i], y[i])
        curvatures[i] = linear_curvature(loss, c, z[i], y[i])
        z[i] = linear_slope(loss, c, z[i], y[i])


cdef void multinomial_block(int64_t k, int64_t rows, const double* y, double* z, double* values,
                            double* curvatures, int64_t stride) noexcept nogil:
    """Compute values of a block; slopes replace the decisions z (k, BATCH_ROWS).

    curvatures: (k, stride), to be filled with probabilities, or NULL.
    """
    cdef double[BATCH_ROWS] top, total, others
    cdef double* line
    cdef double p
    cdef int64_t o, i
    for i in range(rows):
        top[i] = z[i]
        total[i] = 0
        others[i] = 0
    for o in range(1, k):
        line = z + o * BATCH_ROWS
        for i in range(rows):
            top[i] = select(line[i] > top[i], line[i], top[i])
    for i in range(rows):
        values[i] = top[i] - z[<int64_t>y[i] * BATCH_ROWS + i]
    for o in range(k):
        line = z + o * BATCH_ROWS
        for i in range(rows):
            line[i] = exponential(line[i] - top[i])
            total[i] += line[i]
    for i in range(rows):
        values[i] += logarithm(total[i])
        total[i] = 1 / total[i]
    for o in range(k):
        line = z + o * BATCH_ROWS
        for i in range(rows):
            p = line[i] * total[i]
            line[i] = p
            others[i] += select(y[i] == o, 0.0, p)
        if curvatures != NULL:
            for i in range(rows):
                curvatures[o * stride + i] = line[i]
    for i in range(rows):
        # the sum of the others, where 1 - p would cancel
        z[<int64_t>y[i] * BATCH_ROWS + i] = -others[i]
