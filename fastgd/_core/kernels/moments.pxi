# Weighted moments of targets and predictions, column by column, for R2 and correlations over rows;
# and the bins of a calibration curve.

cdef enum:
    MOMENT_SUMS = 9         # of each column, see below


cdef void collect_moments(const LossRows* job, const real* p, const real* y,
                          double* totals) noexcept nogil:
    """Add to the totals: the number of rows, then for each column, with the weights w of rows, [y0,
    p0, sum w, sum w b, sum w a, sum w b^2, sum w a^2, sum w a b, sum w (y - p)^2].

    a = p - p0 and b = y - y0 are differences from the first row's values, so that a mean that is
    large beside the spread costs no digits. Rows of weight 0 do not count.
    """
    cdef double weight, a, b, d
    cdef double* sums
    cdef int64_t i, j
    for i in range(job.rows):
        weight = weight_at(job, i, <real>0)
        if weight == 0:
            continue
        for j in range(job.width):
            sums = totals + 1 + MOMENT_SUMS * j
            if totals[0] == 0:
                sums[0] = y[i * job.y_stride + j]
                sums[1] = p[i * job.stride + j]
            b = y[i * job.y_stride + j] - sums[0]
            a = p[i * job.stride + j] - sums[1]
            d = <double>y[i * job.y_stride + j] - p[i * job.stride + j]
            sums[2] += weight
            sums[3] += weight * b
            sums[4] += weight * a
            sums[5] += weight * (b * b)
            sums[6] += weight * (a * a)
            sums[7] += weight * (a * b)
            sums[8] += weight * (d * d)
        totals[0] += 1


cdef void collect_calibration(const LossRows* job, const real* p, const real* y,
                              double* totals) noexcept nogil:
    """Add to the totals: for each bin of [0, 1] the weights of its rows, and these times the
    predicted probability, and times the truth.

    Of one column, p is the probability of the truth y; of several, the largest is that of its
    column, which is the true one or not.
    """
    cdef int64_t bins = <int64_t>job.settings[0]
    cdef double weight, probability, truth
    cdef double* sums
    cdef int64_t i, best, bin
    for i in range(job.rows):
        weight = weight_at(job, i, <real>0)
        if weight == 0:
            continue
        if job.width == 1:
            probability = p[i * job.stride]
            truth = y[i * job.y_stride]
        else:
            best = row_argmax(job.width, p + i * job.stride)
            probability = p[i * job.stride + best]
            if job.columns == 1:
                truth = best == <int64_t>y[i * job.y_stride]
            else:
                truth = best == row_argmax(job.columns, y + i * job.y_stride)
        bin = 0
        if probability > 0:
            bin = <int64_t>(min(probability, 1.0) * bins)
        sums = totals + 3 * min(bin, bins - 1)
        sums[0] += weight
        sums[1] += weight * probability
        sums[2] += weight * truth
