# Counts of true and predicted classes.

cdef inline double class_number(bint sparse, int64_t n, const real* x, int64_t j) noexcept nogil:
    """Return element j of a row as a class number, or, unless sparse, the index of the row's
    largest."""
    return x[j] if sparse else <double>row_argmax(n, x)


cdef void collect_confusion(const LossRows* job, const real* p, const real* y,
                            double* totals) noexcept nogil:
    """Add to the totals: a matrix of classes, true by predicted, of the weights of the rows of each
    pair.

    The settings: [classes, a true class to leave out or NaN, whether targets and predictions are
    class numbers, a threshold from which on a prediction is of class 1 and below it of class 0, or
    NaN]. Anything but a class number is left out.
    """
    cdef double classes = job.settings[0], left_out = job.settings[1]
    cdef bint sparse_y = job.settings[2] != 0, sparse_p = job.settings[3] != 0
    cdef double threshold = job.settings[4]
    cdef int64_t elements = min(job.width, job.columns) if sparse_y and sparse_p else 1
    cdef double weight, is_true, predicted
    cdef int64_t i, j
    for i in range(job.rows):
        weight = weight_at(job, i, <real>0)
        if weight == 0:
            continue
        for j in range(elements):
            is_true = class_number(sparse_y, job.columns, y + i * job.y_stride, j)
            if threshold == threshold:
                predicted = p[i * job.stride + j] >= <real>threshold
            else:
                predicted = class_number(sparse_p, job.width, p + i * job.stride, j)
            if (-1 < is_true < classes and -1 < predicted < classes
                    and <int64_t>is_true != left_out):
                totals[<int64_t>is_true * <int64_t>classes + <int64_t>predicted] += weight


cdef void collect_class_counts(const LossRows* job, const real* p, const real* y,
                               double* totals) noexcept nogil:
    """Add to the totals: for each column the weights of true positives, false positives and false
    negatives.

    Predicted is what exceeds the threshold or, where that is NaN, is the largest of its row and not
    0.
    """
    cdef double threshold = job.settings[0], weight, target
    cdef double* sums
    cdef real top = 0, value
    cdef bint predicted
    cdef int64_t i, j
    for i in range(job.rows):
        weight = weight_at(job, i, <real>0)
        if weight == 0:
            continue
        top = row_maximum(job.width, p + i * job.stride)
        for j in range(job.width):
            value = p[i * job.stride + j]
            target = y[i * job.y_stride + j]
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
