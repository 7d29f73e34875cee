# Metrics of rows: one value a row, averaged by the caller.

cdef inline real same_side(real threshold, real p, real y) noexcept nogil:
    """Return 1 where the prediction is on the target's side of a threshold."""
    cdef real side = <real>1 if p > threshold else <real>0
    return <real>1 if side == y else <real>0


cdef void side_rows(real threshold, const LossRows* job, const real* p) noexcept nogil:
    cdef int64_t width = job.width
    cdef const real* y = <const real*>job.y
    cdef real* values = <real*>job.values
    cdef real* line = <real*>job.line
    cdef int64_t i, j
    if width == 1:
        for i in range(job.rows):
            values[i] = same_side(threshold, p[i * job.stride], y[i * job.y_stride])
        return
    for i in range(job.rows):
        for j in range(width):
            line[j] = same_side(threshold, p[i * job.stride + j], y[i * job.y_stride + j])
        values[i] = row_sum(width, line) / <real>width


cdef void choice_rows(bint sparse, const LossRows* job, const real* p) noexcept nogil:
    """Compute 1 for each row whose largest prediction is that of the true class, else 0."""
    cdef const real* y = <const real*>job.y
    cdef real* values = <real*>job.values
    cdef real[NARROW] chosen, label
    cdef int64_t i = 0, r, n, width = job.width
    while i < job.rows:
        n = rows_at_once(job.rows - i, width)
        if n == 1:
            values[0] = row_argmax(width, p) == (
                <int64_t>y[0] if sparse else row_argmax(width, y))
        else:
            narrow_argmax(n, width, p, job.stride, chosen)
            if sparse:
                for r in range(n):
                    label[r] = <real><int32_t>y[r * job.y_stride]
            else:
                narrow_argmax(n, width, y, job.y_stride, label)
            for r in range(n):
                values[r] = chosen[r] == label[r]
        p += n * job.stride
        y += n * job.y_stride
        values += n
        i += n


cdef inline real share_of_equals(int64_t width, const real* p, const real* y) noexcept nogil:
    cdef int64_t j, equal = 0
    for j in range(width):
        equal += p[j] == y[j]
    return <real>equal / <real>width


cdef inline real is_among_top(int64_t k, bint sparse, bint ids, int64_t width, const real* p,
                              int64_t columns, const real* y) noexcept nogil:
    """Return 1 where fewer than k predictions are larger than that of the true class.

    ids: p holds class numbers, the likeliest first, and the true one must be one of the first k.
    """
    cdef int64_t j, above = 0
    cdef int64_t label = <int64_t>y[0] if sparse else row_argmax(columns, y)
    if ids:
        for j in range(min(k, width)):
            if p[j] == <real>label:
                return <real>1
        return <real>0
    if not 0 <= label < width:
        return <real>0
    for j in range(width):
        above += p[j] > p[label]
    return <real>1 if above < k else <real>0


cdef inline real brier_score(int64_t width, const real* p, int64_t columns, const real* y,
                             real* line) noexcept nogil:
    """Return the sum of (p - y)^2; one column of y for several of p is a class number."""
    cdef int64_t j
    cdef real d
    for j in range(width):
        d = p[j]
        if columns == width:
            d = d - y[j]
        elif j == <int64_t>y[0]:
            d = d - <real>1
        line[j] = d * d
    return row_sum(width, line)


cdef inline real row_correlation(const bint concordance, int64_t width, const real* p,
                                 const real* y) noexcept nogil:
    """Return Pearson's or Lin's correlation along a row; 0 where one of them has no variance.

    Differences from the first element, so that a row of equal values has a variance of exactly 0.
    """
    cdef double n = <double>width, p_mean = 0, y_mean = 0, pp = 0
    cdef double yy = 0, py = 0, a, b
    cdef int64_t j
    for j in range(width):
        p_mean += (<double>p[j] - p[0]) / n
        y_mean += (<double>y[j] - y[0]) / n
    for j in range(width):
        a = (<double>p[j] - p[0]) - p_mean
        b = (<double>y[j] - y[0]) - y_mean
        pp += a * a
        yy += b * b
        py += a * b
    if concordance:
        a = (p_mean - y_mean) + (<double>p[0] - y[0])
        pp = pp + yy + n * a * a
        return <real>(2 * py / pp) if pp > 0 else <real>0
    if not (pp > 0 and yy > 0):
        return <real>0
    return <real>(py / (square_root(pp) * square_root(yy)))


cdef void metric_rows(const MetricTerm* metric, const LossRows* job, const real* p) noexcept nogil:
    """Compute the metric of each row. Of job it uses no numerators and no gradient."""
    cdef const double* settings = job.settings
    cdef int64_t kind = metric.kind, width = job.width, columns = job.columns
    cdef const real* y = <const real*>job.y
    cdef real* values = <real*>job.values
    cdef real* line = <real*>job.line
    cdef real one = 1
    cdef int64_t i
    cdef const real* p_row
    cdef const real* y_row
    cdef LossTerm loss
    cdef LossRows of_loss
    if kind == METRIC_LOSS:
        loss.kind = <int64_t>settings[0]
        of_loss = job[0]
        of_loss.settings = settings + 1
        of_loss.numerators = &one
        of_loss.step = 0
        of_loss.denominator = 1
        of_loss.d_p = NULL
        loss_rows(&loss, &of_loss, p)
        return
    if kind == METRIC_BINARY_ACCURACY:
        side_rows(<real>settings[0], job, p)
        return
    if kind == METRIC_CATEGORICAL_ACCURACY or kind == METRIC_SPARSE_CATEGORICAL_ACCURACY:
        choice_rows(kind == METRIC_SPARSE_CATEGORICAL_ACCURACY, job, p)
        return
    for i in range(job.rows):
        p_row = p + i * job.stride
        y_row = y + i * job.y_stride
        if kind == METRIC_ACCURACY:
            values[i] = share_of_equals(width, p_row, y_row)
        elif kind == METRIC_TOP_K:
            values[i] = is_among_top(
                <int64_t>settings[0], settings[1] != 0, settings[2] != 0, width, p_row, columns,
                y_row)
        elif kind == METRIC_BRIER_SCORE:
            values[i] = brier_score(width, p_row, columns, y_row, line)
        elif kind == METRIC_PEARSON:
            values[i] = row_correlation(False, width, p_row, y_row)
        else:  # METRIC_CONCORDANCE
            values[i] = row_correlation(True, width, p_row, y_row)
