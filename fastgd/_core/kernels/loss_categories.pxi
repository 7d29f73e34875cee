# Cross-entropies of a choice among categories. Settings: the label smoothing s, which replaces a
# target y of n categories by (1 - s) y + s / n; for the focal loss then gamma, the number of
# alphas, 1 or n, and the alphas; for labels whether one of them is ignored, and which.

from libc.math cimport NAN

from fastgd._core.scalar cimport log_one_plus

cdef inline real categorical_logits(int64_t n, const real* z, const real* y, real keep, real share,
                                    int64_t label, real* line) noexcept nogil:
    """Return -sum of y_i log softmax(z)_i, by log-sum-exp; y NULL stands for 1 at `label`.

    y_i is keep y_i + share. Leaves exp(z - max z) in line.
    """
    cdef real top = row_maximum(n, z)
    cdef real log_total
    cdef int64_t i
    for i in range(n):
        line[i] = exponential(z[i] - top)
    log_total = logarithm(row_sum(n, line))
    if y == NULL:
        return log_total - (z[label] - top)
    cdef real value = 0
    for i in range(n):
        value = value + fmadd(y[i], keep, share) * (log_total - (z[i] - top))
    return value


cdef inline void categorical_logits_slope(int64_t n, const real* y, real keep, real share,
                                          int64_t label, const real* line, real scale,
                                          real* d_z) noexcept nogil:
    """Compute softmax(z) - y, where y sums to 1 (in general softmax(z) sum(y) - y)."""
    cdef real total = row_sum(n, line)
    cdef real weight = 1
    cdef int64_t i
    if y != NULL:
        weight = fmadd(row_sum(n, y), keep, <real>n * share)
    weight = weight / total
    if y == NULL:
        for i in range(n):
            d_z[i] = scale * (line[i] * weight)
        d_z[label] = d_z[label] - scale
    else:
        for i in range(n):
            d_z[i] = scale * (line[i] * weight - fmadd(y[i], keep, share))


cdef inline real category_target(const real* y, real keep, real share, int64_t label,
                                 int64_t i) noexcept nogil:
    if y == NULL:
        return <real>1 if i == label else <real>0
    return fmadd(y[i], keep, share)


cdef inline real categorical(int64_t n, const real* p, const real* y, real keep, real share,
                             int64_t label, real scale, real* d_p) noexcept nogil:
    """Return -sum of y_i log(p_i / sum p), p / sum p kept off 0 and 1; write d_p unless NULL."""
    cdef real total = row_sum(n, p)
    cdef real value = 0, inside = 0, q, y_i
    cdef int64_t i
    total = <real>1 if total == 0 else total  # all shares of 0 are 0
    for i in range(n):
        y_i = category_target(y, keep, share, label, i)
        q = p[i] / total
        value = value - y_i * logarithm(clipped(q))
        if clipped(q) == q:
            inside = inside + y_i
    if d_p != NULL:
        for i in range(n):
            y_i = category_target(y, keep, share, label, i)
            q = p[i] / total
            d_p[i] = inside / total
            if clipped(q) == q:
                d_p[i] = d_p[i] - y_i / p[i]
            d_p[i] = scale * d_p[i]
    return value


cdef void category_rows(bint logits, bint sparse, const LossRows* job,
                        const real* p) noexcept nogil:
    cdef const double* settings = job.settings
    cdef int64_t rows = job.rows, width = job.width, stride = job.stride
    cdef const real* y = <const real*>job.y
    cdef int64_t y_stride = job.y_stride
    cdef const real* numerators = <const real*>job.numerators
    cdef int64_t step = job.step
    cdef real* values = <real*>job.values
    cdef real* d_p = <real*>job.d_p
    cdef real* line = <real*>job.line
    cdef int64_t i, label = 0
    cdef real factor = <real>1 / <real>job.denominator, keep = 1, share = 0, scale
    cdef const real* y_row = NULL
    cdef real* d_row = NULL
    if not sparse:
        keep = <real>(1 - settings[0])
        share = <real>(settings[0] / <double>width)
    for i in range(rows):
        if d_p != NULL:
            d_row = d_p + i * stride
        if sparse:
            label = <int64_t>y[i * y_stride]
            if settings[0] != 0 and label == <int64_t>settings[1]:
                values[i] = 0
                if d_p != NULL:
                    fill_columns(1, width, <real>0, d_row, stride)
                continue
            if not 0 <= label < width or <real>label != y[i * y_stride]:
                # no class: a metric's targets may be unchecked
                values[i] = <real>NAN
                if d_p != NULL:
                    fill_columns(1, width, <real>0, d_row, stride)
                continue
        else:
            y_row = y + i * y_stride
        scale = numerators[i * step] * factor
        if logits:
            values[i] = categorical_logits(
                width, p + i * stride, y_row, keep, share, label, line)
            if d_p != NULL:
                categorical_logits_slope(
                    width, y_row, keep, share, label, line, scale, d_row)
        else:
            values[i] = categorical(
                width, p + i * stride, y_row, keep, share, label, scale, d_row)


# ------------------------------------------------------------------------------- focal

cdef inline double alpha_of(const double* settings, int64_t i) noexcept nogil:
    return settings[3 + (i if settings[2] > 1 else 0)]


cdef inline real focal_row(bint logits, const double* settings, int64_t n, const real* p,
                           const real* y, real scale, real* d_p, real* line) noexcept nogil:
    """Return the sum of alpha_i y_i (1 - q_i)^gamma (-log q_i), where q = softmax(p), or p / sum p
    kept off 0 and 1."""
    cdef real gamma = <real>settings[1], keep = <real>(1 - settings[0])
    cdef real share = <real>(settings[0] / <double>n)
    cdef int64_t top = row_argmax(n, p)
    cdef real total, q, miss, entropy, weight, factor, by_miss, rest = 0, log_total = 0, value = 0
    cdef real all_slopes = 0
    cdef int64_t i
    if logits:
        for i in range(n):
            line[i] = exponential(p[i] - p[top])
        line[top] = 0
        rest = row_sum(n, line)     # of all but the largest, so that its 1 - q does not cancel
        line[top] = 1
        total = <real>1 + rest
        log_total = log_one_plus(rest)
    else:
        total = row_sum(n, p)
        total = <real>1 if total == 0 else total
    for i in range(n):
        if logits:
            q = line[i] / total
            miss = rest / total if i == top else <real>1 - q
            entropy = log_total - (p[i] - p[top])
        else:
            q = clipped(p[i] / total)
            miss = <real>1 - q
            entropy = -logarithm(q)
        weight = <real>alpha_of(settings, i) * fmadd(y[i], keep, share)
        factor = power_of(miss, gamma)
        value = value + weight * (factor * entropy)
        if d_p == NULL:
            continue
        # the slope by log q, with (1 - q)^(gamma - 1) as a quotient where 1 - q is not 0
        by_miss = (gamma * factor * entropy) * (q / miss) if miss != 0 else <real>0
        d_p[i] = -weight * (factor + by_miss)
        if not logits:
            if q != p[i] / total:
                d_p[i] = 0
        all_slopes = all_slopes + d_p[i]
    if d_p != NULL:
        for i in range(n):
            if logits:
                q = line[i] / total
                miss = rest / total if i == top else <real>1 - q
                d_p[i] = scale * (d_p[i] * miss - q * (all_slopes - d_p[i]))
            else:
                q = clipped(p[i] / total)
                d_p[i] = scale * ((d_p[i] / q - all_slopes) / total)
    return value


cdef void focal_rows(bint logits, const LossRows* job, const real* p) noexcept nogil:
    cdef const double* settings = job.settings
    cdef int64_t rows = job.rows, width = job.width, stride = job.stride
    cdef const real* y = <const real*>job.y
    cdef int64_t y_stride = job.y_stride
    cdef const real* numerators = <const real*>job.numerators
    cdef int64_t step = job.step
    cdef real* values = <real*>job.values
    cdef real* d_p = <real*>job.d_p
    cdef real* line = <real*>job.line
    cdef real factor = <real>1 / <real>job.denominator
    cdef int64_t i
    for i in range(rows):
        values[i] = focal_row(
            logits, settings, width, p + i * stride, y + i * y_stride,
            numerators[i * step] * factor, d_p + i * stride if d_p != NULL else <real*>NULL, line)
