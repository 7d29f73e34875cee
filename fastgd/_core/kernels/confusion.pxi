# Counts of classes: which was predicted where which was true.

cdef inline double class_number(bint sparse, int64_t n, const real* x, int64_t j) noexcept nogil:
    """Element j of a row as a class number, or, unless sparse, the place of the row's largest."""
    return x[j] if sparse else <double>row_argmax(n, x)


cdef void collect_confusion(
    const double* settings, int64_t rows, int64_t width, int64_t stride, const real* p,
    int64_t columns, const real* y, int64_t y_stride, const real* weights, double* totals,
) noexcept nogil:
    """The totals: a matrix of classes, true by predicted, of the weights of what was found so.

    The settings: [classes, a true class to leave out or NaN, whether targets and predictions are
    class numbers, a threshold from which on a prediction is of class 1 and below it of class 0, or
    NaN]. What is not a class number is left out.
    """
    cdef double classes = settings[0]
    cdef double left_out = settings[1]
    cdef bint sparse_y = settings[2] != 0
    cdef bint sparse_p = settings[3] != 0
    cdef double threshold = settings[4]
    cdef int64_t elements = min(width, columns) if sparse_y and sparse_p else 1
    cdef double weight = 1
    cdef double is_true, predicted
    cdef int64_t i, j
    for i in range(rows):
        if weights != NULL:
            weight = weights[i * y_stride]
            if weight == 0:
                continue
        for j in range(elements):
            is_true = class_number(sparse_y, columns, y + i * y_stride, j)
            if threshold == threshold:
                predicted = p[i * stride + j] >= <real>threshold
            else:
                predicted = class_number(sparse_p, width, p + i * stride, j)
            if (-1 < is_true < classes and -1 < predicted < classes
                    and <int64_t>is_true != left_out):
                totals[<int64_t>is_true * <int64_t>classes + <int64_t>predicted] += weight


cdef void collect_class_counts(
    const double* settings, int64_t rows, int64_t width, int64_t stride, const real* p,
    const real* y, int64_t y_stride, const real* weights, double* totals,
) noexcept nogil:
    """The totals: for each column the weights of true positives, false positives and false
    negatives.

    Predicted is what exceeds the threshold or, where that is NaN, is the largest of its row and
    not 0.
    """
    cdef double threshold = settings[0]
    cdef double weight = 1
    cdef double target
    cdef double* sums
    cdef real top = 0
    cdef real value
    cdef bint predicted
    cdef int64_t i, j
    for i in range(rows):
        if weights != NULL:
            weight = weights[i * y_stride]
            if weight == 0:
                continue
        top = row_maximum(width, p + i * stride)
        for j in range(width):
            value = p[i * stride + j]
            target = y[i * y_stride + j]
            if threshold == threshold:
                predicted = value > <real>threshold
            else:
                predicted = value >= top and absolute(value) > <real>1e-9
            sums = totals + 3 * j
            if predicted:
                sums[0] += weight * target
                sums[1] += weight * (1 - target)
            else:
                sums[2] += weight * target
