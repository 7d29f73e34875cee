# Counts of positives and negatives between thresholds, for ROC and precision-recall curves and the
# entries of confusion matrices.
#
# The settings: [thresholds, how many go to a unit of p if they are evenly spaced (else 0), the
# column to look at or -1, how many of the largest predictions of a row count or 0, whether each
# column has separate counts, whether there are weights of columns; the thresholds in rising order;
# the weights].
# The totals: for each column with separate counts, and for each number of thresholds that a
# prediction exceeds, from 0 on, the weight of positives and that of negatives.

cdef enum:
    COUNTS_THRESHOLDS, COUNTS_SCALE, COUNTS_COLUMN, COUNTS_TOP, COUNTS_APART, COUNTS_WEIGHTED
    COUNTS_SETTINGS     # their number, before the thresholds

# The value of predictions that are not among a row's largest, as in Keras.
cdef extern from *:
    """
    #define BELOW_ALL -1e10
    """
    const double BELOW_ALL


cdef inline int64_t thresholds_below(real p, int64_t count, const double* thresholds,
                                     double scale) noexcept nogil:
    """Return how many of the thresholds, rounded to its type, p exceeds; 0 for NaN."""
    cdef int64_t low = 0, half
    if scale > 0:
        if not p > <real>thresholds[0]:
            return 0
        if p > <real>thresholds[count - 1]:
            return count
        # A guess, which the comparisons correct.
        low = min(<int64_t>((p - thresholds[0]) * scale), count - 1)
        while low > 0 and not p > <real>thresholds[low - 1]:
            low -= 1
        while low < count and p > <real>thresholds[low]:
            low += 1
        return low
    # Bisection without a branch, which would be mispredicted half of the time.
    while count > 0:
        half = (count + 1) >> 1
        low += half * (p > <real>thresholds[low + half - 1])
        count -= half
    return low


cdef inline void mark_top(int64_t k, int64_t n, const real* p, real* marks) noexcept nogil:
    """Set marks to 1 for the k largest of n values, the first of equals first, and to 0 for the
    others."""
    cdef int64_t i, j, best
    for j in range(n):
        marks[j] = 0
    for i in range(min(k, n)):
        best = -1
        for j in range(n):
            if marks[j] == 0 and (best < 0 or p[j] > p[best]):
                best = j
        marks[best] = 1


cdef void collect_counts(const LossRows* job, const real* p, const real* y,
                         double* totals) noexcept nogil:
    cdef real* line = <real*>job.line
    cdef int64_t count = <int64_t>job.settings[COUNTS_THRESHOLDS]
    cdef int64_t top = <int64_t>job.settings[COUNTS_TOP]
    cdef bint weighted = job.settings[COUNTS_WEIGHTED] != 0
    cdef const double* thresholds = job.settings + COUNTS_SETTINGS
    cdef const double* column_weights = thresholds + count
    cdef int64_t begin = max(<int64_t>job.settings[COUNTS_COLUMN], 0)
    cdef int64_t end = job.width if job.settings[COUNTS_COLUMN] < 0 else begin + 1
    cdef int64_t apart = 2 * (count + 1) if job.settings[COUNTS_APART] != 0 else 0
    cdef int64_t i, j
    cdef double weight, scaled = 1
    cdef double* sums
    cdef real value
    for i in range(job.rows):
        weight = weight_at(job, i, <real>0)
        if weight == 0:
            continue
        scaled = weight
        if top > 0:
            mark_top(top, job.width, p + i * job.stride, line)
        for j in range(begin, end):
            value = p[i * job.stride + j]
            if top > 0 and line[j] == 0:
                value = <real>BELOW_ALL
            if weighted:
                scaled = weight * column_weights[j]
            sums = totals + j * apart + 2 * thresholds_below(
                value, count, thresholds, job.settings[COUNTS_SCALE])
            sums[y[i * job.y_stride + j] == 0] += scaled
