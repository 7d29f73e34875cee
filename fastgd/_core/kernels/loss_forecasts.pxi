# Losses of forecasts of a distribution. They take sixteen rows at a time, column by column, so that
# vector lanes run over the rows. Settings: the probability of the quantile for Fissler and Ziegel's
# loss, the lowest scale for the CRPS.

from fastgd._core.errorfunction cimport error_function

cdef extern from *:
    """
    #define ROOT_1_OVER_2 0.7071067811865476
    #define ROOT_1_OVER_PI 0.5641895835477563
    """
    const double ROOT_1_OVER_2
    const double ROOT_1_OVER_PI


cdef inline void take_column(int64_t rows, const real* x, int64_t stride,
                             real* column) noexcept nogil:
    """Copy a column of a block's rows; the last row fills the lanes beyond."""
    cdef int64_t r
    for r in range(rows):
        column[r] = x[r * stride]
    for r in range(rows, NARROW):
        column[r] = column[rows - 1]


cdef inline void give_scaled(int64_t rows, const real* scales, const real* column, real* x,
                             int64_t stride) noexcept nogil:
    """Write the rows of a block's column, times the scale of each."""
    cdef int64_t r
    for r in range(rows):
        x[r * stride] = scales[r] * column[r]


# The columns of a block: what is given, and what is computed. One array, so that the compiler sees
# that they do not overlap.
cdef enum:
    FIRST = 0                   # the mean, or the shortfall
    SECOND = NARROW             # the raw scale, or the quantile
    TARGET = 2 * NARROW
    VALUE = 3 * NARROW          # to which the loss is added
    D_FIRST = 4 * NARROW
    D_SECOND = 5 * NARROW
    FORECAST_BLOCK = 6 * NARROW


cdef void fissler_ziegel_block(real share, real* block) noexcept nogil:
    """Add the FZ0 loss of a block, (v - (v - y)+ / alpha) / e + log(-e) - 1; compute its slopes.

    share: 1 / alpha. A forecast e of the shortfall that is not below 0 has no loss: it is not
    finite.
    """
    cdef real hit, quotient, inverse, v, y
    cdef int r
    for r in range(NARROW):
        v = block[SECOND + r]
        y = block[TARGET + r]
        hit = share if y <= v else <real>0
        inverse = <real>1 / block[FIRST + r]
        quotient = (v - hit * (v - y)) * inverse
        block[VALUE + r] += quotient + logarithm(-block[FIRST + r]) - <real>1
        block[D_FIRST + r] = (<real>1 - quotient) * inverse
        block[D_SECOND + r] = (<real>1 - hit) * inverse


cdef void crps_block(real floor, real* block) noexcept nogil:
    """Add the CRPS of normal distributions to the values of a block, and compute its slopes.

    s (z erf(z / sqrt 2) + 2 phi(z) - 1 / sqrt pi) with s = softplus(raw) + floor and
    z = (y - mean) / s, where phi is the normal density.
    """
    cdef real s, z, inner, spread
    cdef int r
    for r in range(NARROW):
        block[D_SECOND + r] = softplus(block[SECOND + r]) + floor
    for r in range(NARROW):
        s = block[D_SECOND + r]
        z = (block[TARGET + r] - block[FIRST + r]) / s
        inner = error_function(z * <real>ROOT_1_OVER_2)
        spread = fmadd(<real>(2 * ROOT_1_OVER_2 * ROOT_1_OVER_PI),
                       exponential(<real>-0.5 * z * z), <real>-ROOT_1_OVER_PI)
        block[VALUE + r] = fmadd(s, fmadd(z, inner, spread), block[VALUE + r])
        block[D_FIRST + r] = -inner
        block[D_SECOND + r] = spread
    for r in range(NARROW):
        block[D_SECOND + r] *= sigmoid(block[SECOND + r])


cdef void forecast_rows(int64_t loss, const LossRows* job, const real* p) noexcept nogil:
    """Compute the losses block by block: p has two columns for each target, first all means (or
    shortfalls), then all scales (or quantiles)."""
    cdef const real* y = <const real*>job.y
    cdef const real* numerators = <const real*>job.numerators
    cdef real* values = <real*>job.values
    cdef real* d_p = <real*>job.d_p
    cdef int64_t targets = job.width // 2, stride = job.stride, first, rows, k, r
    cdef real factor = <real>1 / (<real>job.denominator * <real>targets)
    cdef real setting = <real>(
        1 / job.settings[0] if loss == LOSS_FISSLER_ZIEGEL else job.settings[0])
    cdef real[FORECAST_BLOCK] block
    cdef real[NARROW] scales
    first = 0
    while first < job.rows:
        rows = min(job.rows - first, <int64_t>NARROW)
        take_column(rows, numerators + first * job.step, job.step, scales)
        for r in range(NARROW):
            block[VALUE + r] = 0
            scales[r] *= factor
        for k in range(targets):
            take_column(rows, p + first * stride + k, stride, block + FIRST)
            take_column(rows, p + first * stride + targets + k, stride, block + SECOND)
            take_column(rows, y + first * job.y_stride + k, job.y_stride, block + TARGET)
            if loss == LOSS_FISSLER_ZIEGEL:
                fissler_ziegel_block(setting, block)
            else:
                crps_block(setting, block)
            if d_p != NULL:
                give_scaled(rows, scales, block + D_FIRST, d_p + first * stride + k, stride)
                give_scaled(
                    rows, scales, block + D_SECOND, d_p + first * stride + targets + k, stride)
        for r in range(rows):
            values[first + r] = block[VALUE + r] / <real>targets
        first += rows
