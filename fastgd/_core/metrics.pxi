# Metrics of rows: one value a row, averaged by the caller.

cdef inline real squared_difference(real p, real y) noexcept nogil:
    return (p - y) * (p - y)


cdef inline real absolute_difference(real p, real y) noexcept nogil:
    return absolute(p - y)


cdef inline real same_side(real p, real y) noexcept nogil:
    """1 where the prediction is on the target's side of one half."""
    cdef real side = <real>1 if p > <real>0.5 else <real>0
    return <real>1 if side == y else <real>0


cdef inline real point_metric(const int64_t metric, real p, real y) noexcept nogil:
    if metric == METRIC_MEAN_SQUARED_ERROR:
        return squared_difference(p, y)
    elif metric == METRIC_MEAN_ABSOLUTE_ERROR:
        return absolute_difference(p, y)
    else:
        return same_side(p, y)


cdef inline void point_metric_rows(
    const int64_t metric, int64_t rows, int64_t width, int64_t stride,
    const real* p, const real* y, int64_t y_stride, real* values, real* line,
) noexcept nogil:
    cdef int64_t i, j
    if width == 1:
        for i in range(rows):
            values[i] = point_metric(metric, p[i * stride], y[i * y_stride])
        return
    for i in range(rows):
        for j in range(width):
            line[j] = point_metric(metric, p[i * stride + j], y[i * y_stride + j])
        values[i] = row_sum(width, line) / <real>width


cdef void metric_rows(
    int64_t metric, const double* settings, int64_t rows, int64_t width, int64_t stride,
    const real* p, const real* y, int64_t y_stride, real* values, real* line,
) noexcept nogil:
    """The metric of each row; arguments as in loss_rows."""
    cdef int64_t i
    if metric == METRIC_MEAN_SQUARED_ERROR:
        point_metric_rows(METRIC_MEAN_SQUARED_ERROR, rows, width, stride, p, y, y_stride, values,
                          line)
    elif metric == METRIC_MEAN_ABSOLUTE_ERROR:
        point_metric_rows(METRIC_MEAN_ABSOLUTE_ERROR, rows, width, stride, p, y, y_stride, values,
                          line)
    elif metric == METRIC_BINARY_ACCURACY:
        point_metric_rows(METRIC_BINARY_ACCURACY, rows, width, stride, p, y, y_stride, values,
                          line)
    elif metric == METRIC_CATEGORICAL_ACCURACY:
        for i in range(rows):
            values[i] = (
                row_argmax(width, p + i * stride) == row_argmax(width, y + i * y_stride))
    else:  # METRIC_SPARSE_CATEGORICAL_ACCURACY
        for i in range(rows):
            values[i] = row_argmax(width, p + i * stride) == <int64_t>y[i * y_stride]
