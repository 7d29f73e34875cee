# Losses: the value of each row, and the gradient of their mean over the rows of a batch.
#
# A loss of points is a function of one prediction and one target, and a row's loss is the mean
# over its points; a loss of rows looks at a whole row at once. The value of a row depends on
# that row alone, so that no figure depends on the batch a row stands in. The gradient of row i is
# multiplied by numerators[i * step] / denominator (step 0: one numerator for all), into which
# the builder puts the row's weight and the size of the batch.

# Keras keeps probabilities this far away from 0 and 1 before it takes their logarithm.
cdef extern from *:
    """
    #define PROBABILITY_MARGIN 1e-7
    """
    const double PROBABILITY_MARGIN


cdef inline real clipped(real p) noexcept nogil:
    cdef real low = <real>PROBABILITY_MARGIN
    cdef real high = <real>1 - low
    p = low if p < low else p  # NaN stays NaN
    return high if p > high else p


cdef inline real point_value(const int64_t loss, real p, real y) noexcept nogil:
    """The loss of prediction p for target y."""
    cdef real d = p - y
    if loss == LOSS_MEAN_SQUARED_ERROR:
        return d * d
    elif loss == LOSS_MEAN_ABSOLUTE_ERROR:
        return absolute(d)
    elif loss == LOSS_BINARY_CROSSENTROPY:
        p = clipped(p)
        return -(y * logarithm(p) + (<real>1 - y) * logarithm(<real>1 - p))
    else:  # LOSS_BINARY_CROSSENTROPY_LOGITS: log(1 + exp(p)) - p y
        return softplus(p) - p * y


cdef inline real point_slope(const int64_t loss, real p, real y) noexcept nogil:
    """The derivative of point_value with respect to p."""
    cdef real d = p - y
    cdef real q
    if loss == LOSS_MEAN_SQUARED_ERROR:
        return d + d
    elif loss == LOSS_MEAN_ABSOLUTE_ERROR:
        q = <real>1 if d > 0 else <real>0
        return <real>-1 if d < 0 else q
    elif loss == LOSS_BINARY_CROSSENTROPY:
        q = clipped(p)
        d = (q - y) / (q * (<real>1 - q))
        return d if q == p else <real>0
    else:
        return sigmoid(p) - y


cdef inline void point_rows(
    const int64_t loss, int64_t rows, int64_t width, int64_t stride, const real* p,
    const real* y, int64_t y_stride, const real* numerators, int64_t step, real denominator,
    real* values, real* d_p, real* line,
) noexcept nogil:
    cdef int64_t i, j
    cdef real factor = <real>1 / (denominator * <real>width)
    cdef real scale
    cdef const real* p_row
    cdef const real* y_row
    cdef real* d_row
    if width == 1:
        for i in range(rows):
            values[i] = point_value(loss, p[i * stride], y[i * y_stride])
        if d_p != NULL:
            for i in range(rows):
                d_p[i * stride] = (numerators[i * step] * factor) * point_slope(
                    loss, p[i * stride], y[i * y_stride])
        return
    for i in range(rows):
        p_row = p + i * stride
        y_row = y + i * y_stride
        for j in range(width):
            line[j] = point_value(loss, p_row[j], y_row[j])
        values[i] = row_sum(width, line) / <real>width
        if d_p != NULL:
            d_row = d_p + i * stride
            scale = numerators[i * step] * factor
            for j in range(width):
                d_row[j] = scale * point_slope(loss, p_row[j], y_row[j])


cdef inline real categorical_logits(
    int64_t n, const real* z, const real* y, int64_t label, real* line,
) noexcept nogil:
    """-sum of y_i log softmax(z)_i, by log-sum-exp; y NULL stands for 1 at `label`.

    Leaves exp(z - max z) in line.
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
        value = value + y[i] * (log_total - (z[i] - top))
    return value


cdef inline void categorical_logits_slope(
    int64_t n, const real* y, int64_t label, const real* line, real scale, real* d_z,
) noexcept nogil:
    """softmax(z) - y, where y sums to 1 (in general softmax(z) sum(y) - y)."""
    cdef real total = row_sum(n, line)
    cdef real weight = 1
    cdef int64_t i
    if y != NULL:
        weight = row_sum(n, y)
    weight = weight / total
    if y == NULL:
        for i in range(n):
            d_z[i] = scale * (line[i] * weight)
        d_z[label] = d_z[label] - scale
    else:
        for i in range(n):
            d_z[i] = scale * (line[i] * weight - y[i])


cdef inline real categorical(
    int64_t n, const real* p, const real* y, int64_t label, real scale, real* d_p,
) noexcept nogil:
    """-sum of y_i log(p_i / sum p), with p / sum p kept off 0 and 1; writes d_p unless NULL."""
    cdef real total = row_sum(n, p)
    cdef real value = 0
    cdef real inside = 0
    cdef real q, y_i
    cdef int64_t i
    for i in range(n):
        if y == NULL:
            y_i = <real>1 if i == label else <real>0
        else:
            y_i = y[i]
        q = p[i] / total
        value = value - y_i * logarithm(clipped(q))
        if clipped(q) == q:
            inside = inside + y_i
    if d_p != NULL:
        for i in range(n):
            if y == NULL:
                y_i = <real>1 if i == label else <real>0
            else:
                y_i = y[i]
            q = p[i] / total
            d_p[i] = inside / total
            if clipped(q) == q:
                d_p[i] = d_p[i] - y_i / p[i]
            d_p[i] = scale * d_p[i]
    return value


cdef inline void category_rows(
    const bint logits, const bint sparse, int64_t rows, int64_t width, int64_t stride,
    const real* p, const real* y, int64_t y_stride, const real* numerators, int64_t step,
    real denominator, real* values, real* d_p, real* line,
) noexcept nogil:
    cdef int64_t i
    cdef int64_t label = 0
    cdef real factor = <real>1 / denominator
    cdef real scale
    cdef const real* y_row = NULL
    cdef real* d_row = NULL
    for i in range(rows):
        if sparse:
            label = <int64_t>y[i * y_stride]
        else:
            y_row = y + i * y_stride
        scale = numerators[i * step] * factor
        if d_p != NULL:
            d_row = d_p + i * stride
        if logits:
            values[i] = categorical_logits(width, p + i * stride, y_row, label, line)
            if d_p != NULL:
                categorical_logits_slope(width, y_row, label, line, scale, d_row)
        else:
            values[i] = categorical(width, p + i * stride, y_row, label, scale, d_row)


cdef void loss_rows(
    int64_t loss, const double* settings, int64_t rows, int64_t width, int64_t stride,
    const real* p, const real* y, int64_t y_stride, const real* numerators, int64_t step,
    real denominator, real* values, real* d_p, real* line,
) noexcept nogil:
    """The loss of each row, and its gradient with respect to the predictions.

    settings: the loss's numbers. p: predictions (or logits), `rows` rows of `width`, `stride`
    apart. y: targets, rows that are y_stride apart: `width` values, or one label for the sparse
    losses. values: out, one a row. d_p: out, laid out as p, or NULL. line: room for `width`.
    """
    # One loop is compiled for each loss: its code is a constant in each of these calls.
    if loss == LOSS_MEAN_SQUARED_ERROR:
        point_rows(LOSS_MEAN_SQUARED_ERROR, rows, width, stride, p, y, y_stride, numerators, step,
                   denominator, values, d_p, line)
    elif loss == LOSS_MEAN_ABSOLUTE_ERROR:
        point_rows(LOSS_MEAN_ABSOLUTE_ERROR, rows, width, stride, p, y, y_stride, numerators,
                   step, denominator, values, d_p, line)
    elif loss == LOSS_BINARY_CROSSENTROPY:
        point_rows(LOSS_BINARY_CROSSENTROPY, rows, width, stride, p, y, y_stride, numerators,
                   step, denominator, values, d_p, line)
    elif loss == LOSS_BINARY_CROSSENTROPY_LOGITS:
        point_rows(LOSS_BINARY_CROSSENTROPY_LOGITS, rows, width, stride, p, y, y_stride,
                   numerators, step, denominator, values, d_p, line)
    elif loss == LOSS_CATEGORICAL_CROSSENTROPY:
        category_rows(False, False, rows, width, stride, p, y, y_stride, numerators, step,
                      denominator, values, d_p, line)
    elif loss == LOSS_CATEGORICAL_CROSSENTROPY_LOGITS:
        category_rows(True, False, rows, width, stride, p, y, y_stride, numerators, step,
                      denominator, values, d_p, line)
    elif loss == LOSS_SPARSE_CATEGORICAL_CROSSENTROPY:
        category_rows(False, True, rows, width, stride, p, y, y_stride, numerators, step,
                      denominator, values, d_p, line)
    elif loss == LOSS_SPARSE_CATEGORICAL_CROSSENTROPY_LOGITS:
        category_rows(True, True, rows, width, stride, p, y, y_stride, numerators, step,
                      denominator, values, d_p, line)
