# Cross-entropies of a choice among categories. Settings: the label smoothing s, which replaces a
# target y of n categories by (1 - s) y + s / n; for the focal loss then gamma, the number of
# alphas, 1 or n, and the alphas; for labels whether one of them is ignored, and which.

from libc.math cimport NAN

from fastgd._core.scalar cimport log_one_plus

# In the place of a label.
cdef enum:
    IGNORED = -1
    NO_CLASS = -2       # a metric's targets may be unchecked

# A row, or a block of narrow rows: p, y and d_p have element k of row r at k * lanes + r, the rest
# one element a row.
cdef struct CategoryRows:
    int64_t width
    const void* p           # probabilities or logits
    const void* y           # the targets before smoothing; NULL for logits stands for 1 at `label`
    const void* label
    double keep             # smoothed targets are keep y + share
    double share
    const void* scale       # of the slopes
    void* values            # out
    void* d_p               # out, or NULL
    void* line              # out: room laid out as p


cdef inline void categorical_logits(const int lanes, const CategoryRows* s,
                                    real of_type) noexcept nogil:
    """Compute -sum of y_i log softmax(z)_i, by log-sum-exp, and the slope softmax(z) sum(y) - y."""
    cdef int64_t n = s.width, k
    cdef const real* z = <const real*>s.p
    cdef const real* y = <const real*>s.y
    cdef const real* label = <const real*>s.label
    cdef const real* scale = <const real*>s.scale
    cdef real keep = <real>s.keep, share = <real>s.share
    cdef real* values = <real*>s.values
    cdef real* d_z = <real*>s.d_p
    cdef real* line = <real*>s.line
    cdef real[NARROW] top, total, log_total, weight
    cdef real slope
    cdef int r
    maxima_of(lanes, n, z, top)
    for k in range(n):
        for r in range(lanes):
            line[k * lanes + r] = exponential(z[k * lanes + r] - top[r])
    sums_of(lanes, n, <const real*>line, total)
    for r in range(lanes):
        log_total[r] = logarithm(total[r])
        values[r] = 0
    if y == NULL:
        if lanes == 1:
            values[0] = log_total[0] - (z[<int64_t>label[0]] - top[0])
        else:
            for k in range(n):
                for r in range(lanes):
                    values[r] = select(label[r] == <real>k,
                                       log_total[r] - (z[k * lanes + r] - top[r]), values[r])
        if d_z == NULL:
            return
        for r in range(lanes):
            weight[r] = <real>1 / total[r]
        for k in range(n):
            for r in range(lanes):
                slope = scale[r] * (line[k * lanes + r] * weight[r])
                if lanes > 1:
                    slope = select(label[r] == <real>k, slope - scale[r], slope)
                d_z[k * lanes + r] = slope
        if lanes == 1:
            d_z[<int64_t>label[0]] = d_z[<int64_t>label[0]] - scale[0]
        return
    for k in range(n):
        for r in range(lanes):
            values[r] = values[r] + fmadd(y[k * lanes + r], keep, share) * (
                log_total[r] - (z[k * lanes + r] - top[r]))
    if d_z == NULL:
        return
    sums_of(lanes, n, y, weight)
    for r in range(lanes):
        weight[r] = fmadd(weight[r], keep, <real>n * share) / total[r]
    for k in range(n):
        for r in range(lanes):
            d_z[k * lanes + r] = scale[r] * (
                line[k * lanes + r] * weight[r] - fmadd(y[k * lanes + r], keep, share))


cdef inline void categorical(const int lanes, const CategoryRows* s, real of_type) noexcept nogil:
    """Compute -sum of y_i log(p_i / sum p), p / sum p kept off 0 and 1, and the slope; not with
    labels."""
    cdef int64_t n = s.width, k
    cdef const real* p = <const real*>s.p
    cdef const real* y = <const real*>s.y
    cdef const real* scale = <const real*>s.scale
    cdef real keep = <real>s.keep, share = <real>s.share
    cdef real* values = <real*>s.values
    cdef real* d_p = <real*>s.d_p
    cdef real[NARROW] total, inside
    cdef real q, target
    cdef int r
    sums_of(lanes, n, p, total)
    for r in range(lanes):
        total[r] = <real>1 if total[r] == 0 else total[r]  # all shares of 0 are 0
        inside[r] = 0
        values[r] = 0
    for k in range(n):
        for r in range(lanes):
            target = fmadd(y[k * lanes + r], keep, share)
            q = p[k * lanes + r] / total[r]
            values[r] = values[r] - target * logarithm(clipped(q))
            inside[r] = select(clipped(q) == q, inside[r] + target, inside[r])
    if d_p == NULL:
        return
    for k in range(n):
        for r in range(lanes):
            target = fmadd(y[k * lanes + r], keep, share)
            q = p[k * lanes + r] / total[r]
            d_p[k * lanes + r] = scale[r] * (
                inside[r] / total[r]
                - select(clipped(q) == q, target / p[k * lanes + r], <real>0))


# What all rows of a batch share.
cdef struct CategoryJob:
    const LossRows* rows
    bint logits
    bint sparse
    double keep
    double share


cdef inline real label_of(real width, real ignored, real y) noexcept nogil:
    """Return the label y of a row, or why it has none."""
    cdef bint is_class = (y >= 0) & (y < width) & (<real><int32_t>y == y)
    return select(y == ignored, <real>IGNORED, select(is_class, y, <real>NO_CLASS))


cdef inline void give_one_hot(const int lanes, int64_t n, const real* label,
                              real* y) noexcept nogil:
    """Compute y[k, r] = 1 where k is the label of row r, else 0."""
    cdef int64_t k
    cdef int r
    for k in range(n):
        for r in range(lanes):
            y[k * lanes + r] = select(label[r] == <real>k, <real>1, <real>0)


cdef inline void category_part(const int lanes, const CategoryJob* part, int64_t first,
                               int64_t count, real of_type) noexcept nogil:
    """Compute the `count` rows from `first` on, with lanes = 1 a single one."""
    cdef const LossRows* job = part.rows
    cdef int64_t width = job.width, stride = job.stride, r
    cdef const real* p = <const real*>job.p + first * stride
    cdef const real* y = <const real*>job.y + first * job.y_stride
    cdef const real* numerators = <const real*>job.numerators + first * job.step
    cdef real* values = <real*>job.values + first
    cdef real* d_p = <real*>job.d_p
    cdef real factor = <real>1 / <real>job.denominator
    cdef real ignored = <real>job.settings[1] if part.sparse and job.settings[0] != 0 else <real>NAN
    cdef bint odd = False
    cdef real[NARROW * NARROW] p_block, y_block, d_block
    cdef real[NARROW] label, scale, of_rows
    cdef CategoryRows s
    if d_p != NULL:
        d_p += first * stride
    for r in range(lanes):
        scale[r] = numerators[min(r, count - 1) * job.step] * factor
        label[r] = y[min(r, count - 1) * job.y_stride]
    if part.sparse:
        for r in range(lanes):
            label[r] = label_of(<real>width, ignored, label[r])
            odd |= label[r] < 0
    s.width = width
    s.p = p
    s.y = y
    s.label = label
    s.keep = part.keep
    s.share = part.share
    s.scale = scale
    s.values = of_rows
    s.d_p = d_p
    s.line = job.line
    if lanes > 1:
        take_narrow(count, width, p, stride, p_block)
        s.p = p_block
        s.line = d_block
        if d_p != NULL:
            s.d_p = d_block
        if not part.sparse:
            take_narrow(count, width, y, job.y_stride, y_block)
            s.y = y_block
    if part.sparse:
        s.y = NULL
        if not part.logits:
            s.y = y_block if lanes > 1 else job.line
            give_one_hot(lanes, width, label, <real*>s.y)
    if lanes > 1 or not odd:
        if part.logits:
            categorical_logits(lanes, &s, of_type)
        else:
            categorical(lanes, &s, of_type)
    if lanes > 1 and d_p != NULL:
        give_narrow(count, width, d_block, d_p, stride)
    copy_row(count, of_rows, values)
    if not odd:
        return
    for r in range(count):
        if label[r] < 0:
            values[r] = <real>0 if label[r] == <real>IGNORED else <real>NAN
            if d_p != NULL:
                fill_columns(1, width, <real>0, d_p + r * stride, stride)


cdef void category_row(const CategoryJob* part, int64_t first, real of_type) noexcept nogil:
    category_part(1, part, first, 1, of_type)


cdef void category_block(const CategoryJob* part, int64_t first, int64_t count,
                         real of_type) noexcept nogil:
    category_part(NARROW, part, first, count, of_type)


cdef void category_rows(bint logits, bint sparse, const LossRows* job,
                        const real* p) noexcept nogil:
    cdef CategoryJob part = CategoryJob(
        rows=job, logits=logits, sparse=sparse, keep=1, share=0)
    cdef int64_t i = 0, count
    if not sparse:
        part.keep = 1 - job.settings[0]
        part.share = job.settings[0] / <double>job.width
    while i < job.rows:
        count = rows_at_once(job.rows - i, job.width)
        if count == 1:
            category_row(&part, i, <real>0)
        else:
            category_block(&part, i, count, <real>0)
        i += count


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
