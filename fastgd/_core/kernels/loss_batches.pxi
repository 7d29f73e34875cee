# Losses of a whole batch, whose rows follow one another in time: the mean return of a strategy in
# units of its risk, negative. Settings: the cost of turnover, and the factor of the ratio.
#
# Positions p in some assets, whose returns are y, give a row the return
# R = sum over assets of p y - cost |p - p of the row before|; before the first row all positions
# are 0. The sums of R and of its squares, about the first R so that they do not cancel, run in
# double precision over the rows in their order. `evaluate` keeps them in the totals: so it does not
# depend on how rows are cut into batches.

cdef enum:
    RETURN_COUNT, FIRST_RETURN, RETURN_SUM, RISK_SUM
    LAST_POSITIONS      # one for each asset

cdef double LEAST_VARIANCE = 1e-9


cdef inline void asset_returns(int64_t rows, const real* p, int64_t stride, const real* y,
                               int64_t y_stride, real cost, real last, real* out) noexcept nogil:
    """Add the returns of the positions in one asset; last: the position before the first row."""
    cdef int64_t i
    for i in range(rows):
        out[i] = fmadd(p[i * stride], y[i * y_stride], out[i])
    if cost != 0:
        out[0] = fmadd(-cost, absolute(p[0] - last), out[0])
        for i in range(1, rows):
            out[i] = fmadd(-cost, absolute(p[i * stride] - p[(i - 1) * stride]), out[i])


cdef inline void asset_slopes(int64_t rows, const real* p, int64_t stride, const real* y,
                              int64_t y_stride, real cost, const real* d_returns,
                              real* d_p) noexcept nogil:
    """Compute the slopes of the positions in one asset from those of the returns."""
    cdef int64_t i
    for i in range(rows):
        d_p[i * stride] = d_returns[i] * y[i * y_stride]
    if cost != 0:
        d_p[0] = fmadd(-cost * d_returns[0], sign(p[0]), d_p[0])
        for i in range(1, rows):
            d_p[i * stride] = fmadd(
                -cost * d_returns[i], sign(p[i * stride] - p[(i - 1) * stride]), d_p[i * stride])
        for i in range(rows - 1):
            d_p[i * stride] = fmadd(
                cost * d_returns[i + 1], sign(p[(i + 1) * stride] - p[i * stride]),
                d_p[i * stride])


cdef void returns_of(const LossRows* job, const real* p, const double* before,
                     real* out) noexcept nogil:
    """Compute the return of each row; before: the positions before the first one, or NULL for 0."""
    cdef const real* y = <const real*>job.y
    cdef real cost = <real>job.settings[0], last
    cdef int64_t i, a
    for i in range(job.rows):
        out[i] = 0
    for a in range(job.width):
        last = <real>0 if before == NULL else <real>before[a]
        if job.stride == 1 and job.y_stride == 1:  # constants: then its loops are vector loops
            asset_returns(job.rows, p, 1, y, 1, cost, last, out)
        else:
            asset_returns(job.rows, p + a, job.stride, y + a, job.y_stride, cost, last, out)


cdef void add_returns(int64_t loss, int64_t rows, const real* returns,
                      double* sums) noexcept nogil:
    """Add the returns of some rows to the sums."""
    cdef double total = sums[RETURN_SUM], risk = sums[RISK_SUM], d, first
    cdef int64_t i
    if sums[RETURN_COUNT] == 0:
        sums[FIRST_RETURN] = 0 if loss == LOSS_SORTINO else returns[0]
    first = sums[FIRST_RETURN]
    sums[RETURN_COUNT] += <double>rows
    if loss == LOSS_SORTINO:
        for i in range(rows):
            d = returns[i]
            total += d
            d = 0 if d > 0 else d
            risk += d * d
    else:
        for i in range(rows):
            d = returns[i] - first
            total += d
            risk += d * d
    sums[RETURN_SUM] = total
    sums[RISK_SUM] = risk


cdef double ratio_of(int64_t loss, const double* settings, const double* sums, double* mean,
                     double* risk) noexcept nogil:
    """Return the loss of the returns that were added, and compute their mean and their risk."""
    cdef double n = sums[RETURN_COUNT], shift = sums[RETURN_SUM] / n, variance = sums[RISK_SUM] / n
    if loss != LOSS_SORTINO:
        variance -= shift * shift
        variance = 0 if variance < 0 else variance
    mean[0] = sums[FIRST_RETURN] + shift
    risk[0] = square_root(variance + LEAST_VARIANCE)
    return -settings[1] * (mean[0] / risk[0])


cdef void batch_loss(int64_t loss, const LossRows* job, const real* p) noexcept nogil:
    """Compute the loss of a batch, as that of each of its rows, and its slopes."""
    cdef const real* y = <const real*>job.y
    cdef real* values = <real*>job.values
    cdef real* d_p = <real*>job.d_p
    cdef real cost = <real>job.settings[0]
    cdef int64_t rows = job.rows, i, a
    cdef double[LAST_POSITIONS] sums
    cdef double mean, risk, value, slope, curve, slope_shift, most, d
    for i in range(LAST_POSITIONS):
        sums[i] = 0
    returns_of(job, p, NULL, values)
    add_returns(loss, rows, <const real*>values, sums)
    value = ratio_of(loss, job.settings, sums, &mean, &risk)
    slope = -job.settings[1] * (<const real*>job.numerators)[0] / (<double>rows * risk)
    curve = -slope * mean / (risk * risk)
    # the slopes of the returns
    slope_shift = 0 if loss == LOSS_SORTINO else mean
    most = 0 if loss == LOSS_SORTINO else INFINITY
    for i in range(rows):
        d = values[i] - slope_shift
        d = most if d > most else d
        values[i] = <real>(slope + curve * d)
    for a in range(job.width):
        if job.stride == 1 and job.y_stride == 1:
            asset_slopes(rows, p, 1, y, 1, cost, <const real*>values, d_p)
        else:
            asset_slopes(rows, p + a, job.stride, y + a, job.y_stride, cost,
                         <const real*>values, d_p + a)
    for i in range(rows):
        values[i] = <real>value


cdef double collected_loss(int64_t loss, const LossRows* job, const real* p,
                           double* sums) noexcept nogil:
    """Add the rows of a batch to the sums, and return the loss of all rows so far."""
    cdef real* returns = <real*>job.values
    cdef double mean, risk
    cdef int64_t a
    returns_of(job, p, sums + LAST_POSITIONS, returns)
    add_returns(loss, job.rows, <const real*>returns, sums)
    for a in range(job.width):
        sums[LAST_POSITIONS + a] = p[(job.rows - 1) * job.stride + a]
    return ratio_of(loss, job.settings, sums, &mean, &risk)
