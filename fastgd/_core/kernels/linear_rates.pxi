# The lengths of the steps of per-sample gradient descent.

cdef double MAX_SLOPE = 1e12    # of a loss


cdef inline double clipped_slope(double slope) noexcept nogil:
    slope = MAX_SLOPE if slope > MAX_SLOPE else slope
    return -MAX_SLOPE if slope < -MAX_SLOPE else slope


cdef void fill_rates(double eta0, double power_t, double t, Waiting* waiting) noexcept nogil:
    """Compute the rates of RATE_INVSCALING of the steps t ... t + BLOCK - 1.

    It takes no Course, which would have to lie in memory for it.
    """
    cdef int i
    for i in range(BLOCK):
        waiting.rates[i] = eta0 * exponential(-power_t * logarithm(t + i))
    waiting.rates_end = t + BLOCK


cdef inline double rate_of(const Course* course, const Head* head) noexcept nogil:
    """Return the rate of the next step."""
    if course.rate == RATE_OPTIMAL:
        return 1 / (course.alpha * (course.optimal_start + head.t - 1))
    elif course.rate == RATE_INVSCALING:
        if not 0 < head.waiting.rates_end - head.t <= BLOCK:
            fill_rates(course.eta0, course.power_t, head.t, head.waiting)
        return head.waiting.rates[BLOCK - <int64_t>(head.waiting.rates_end - head.t)]
    return head.eta


cdef double optimal_start(int64_t loss, double setting, double alpha) noexcept nogil:
    """Return the time at which RATE_OPTIMAL begins, due to L. Bottou: the first step is then as
    large as weights are expected to be, over the slope of the loss at such weights."""
    cdef double typical = square_root(1 / square_root(alpha)), slope = 1
    if loss != LINEAR_MULTINOMIAL:
        slope = linear_slope(loss, setting, -typical, 1)
    return (slope if slope > 1 else 1.0) / (typical * alpha)


cdef inline double target_of(const Course* course, const Head* head, int64_t row) noexcept nogil:
    if course.y_stride == 0:
        return select(course.y[row] == <double>head.output, <double>1, <double>-1)
    return course.y[row * course.y_stride + head.output]


cdef inline double weight_of(const Course* course, const Head* head, int64_t row,
                             double y) noexcept nogil:
    # not a branch, which could not be predicted
    cdef double weight = select(y > 0, head.positive, head.negative)
    return weight if course.weights == NULL else weight * course.weights[row]


cdef inline double passive_step(const Course* course, double z, double y,
                                double square) noexcept nogil:
    """Return the change of z per x.x by Crammer et al. (2006): PA-I or PA-II, eta0 their C."""
    cdef double loss = linear_value(course.loss, course.setting, z, y)
    cdef double size
    if course.rate == RATE_PA1:
        size = loss / square if square > 0 else 0.0
        size = course.eta0 if size > course.eta0 else size
    else:
        size = loss / (square + 0.5 / course.eta0)
    if course.loss == LINEAR_HINGE or course.loss == LINEAR_PERCEPTRON:
        return size * y
    return -size if y < z else size
