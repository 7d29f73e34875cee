# How far a step of per-sample gradient descent goes.

cdef enum:
    BLOCK = 32              # rows whose losses are computed at once

cdef struct Course:
    # the data of a run
    const RowTable* rows
    const double* y
    int64_t y_stride            # 0: y are class numbers, and a head's own is its positive one
    const double* weights       # of rows, or NULL
    const int64_t* order        # the rows to visit, or NULL for all of them in turn
    # what is minimised: loss + l1 |w|_1 + l2 / 2 |w|^2
    int64_t loss
    double setting
    double l1
    double l2
    bint fit_intercept
    # how
    int64_t rate                # a Rate
    double alpha                # of RATE_OPTIMAL
    double eta0
    double power_t
    double optimal_start        # the time at which RATE_OPTIMAL begins
    double intercept_decay
    int64_t average             # the step with which averaging begins, from 1 on; 0: never
    int64_t batch
    bint objective              # whether the sum of what is minimised is wanted
    int64_t outputs
    double deadline             # seconds on the monotonic clock
    int64_t looks               # steps between two looks at the clock
    double largest              # absolute value of x
    const double* squares       # |x|^2 of each row, where the objective needs them, or NULL

# The sum of losses so far, and rows whose losses are to come.
cdef struct Waiting:
    int64_t n
    double total
    double[BLOCK] z
    double[BLOCK] y
    double[BLOCK] weight

# One output: the weights w scale, so that L2 shrinks all of them by one product. Their average
# over the steps is (average + average_a w) / average_b: W. Xu, "Towards optimal one pass large
# scale learning with averaged stochastic gradient descent", arXiv:1107.2490 (2011), section 6.
cdef struct Head:
    int64_t output
    double* w
    double* intercept_place     # where intercept is shown
    double intercept
    double* average             # or NULL
    double* average_intercept
    double* owed                # the L1 penalty that each weight has had, or NULL
    double* room                # for the slopes of a batch, and a decision an output
    double bound                # no |w| is larger
    double scale
    double inverse              # 1 / scale
    double square_norm          # |w scale|^2 and |w|_1, where the objective needs them
    double absolute_norm
    double average_a
    double average_b
    double owed_total           # the L1 penalty that each weight is due so far
    double t                    # the number of the next step, from 1 on
    double eta                  # the rate of RATE_CONSTANT and RATE_ADAPTIVE
    double positive             # weights of targets above 0, and of others
    double negative
    int64_t position
    double penalties            # their total over rows
    double total_weight         # of these rows, 1 for each where a step is a row
    int status
    Waiting* waiting

cdef double MAX_SLOPE = 1e12    # of a loss


cdef inline double rate_of(const Course* course, const Head* head) noexcept nogil:
    """The rate of the next step."""
    if course.rate == RATE_OPTIMAL:
        return 1 / (course.alpha * (course.optimal_start + head.t - 1))
    elif course.rate == RATE_INVSCALING:
        return course.eta0 * exponential(-course.power_t * logarithm(head.t))
    return head.eta


cdef double optimal_start(int64_t loss, double setting, double alpha) noexcept nogil:
    """The time at which RATE_OPTIMAL begins, due to L. Bottou: the first step is then as large
    as weights are expected to be, over the slope of the loss at such weights."""
    cdef double typical = square_root(1 / square_root(alpha))
    cdef double slope = 1
    if loss != LINEAR_MULTINOMIAL:
        slope = linear_slope(loss, setting, -typical, 1)
    return (slope if slope > 1 else 1.0) / (typical * alpha)


cdef inline double target_of(const Course* course, const Head* head, int64_t row) noexcept nogil:
    if course.y_stride == 0:
        return 1.0 if course.y[row] == <double>head.output else -1.0
    return course.y[row * course.y_stride + head.output]


cdef inline double weight_of(
    const Course* course, const Head* head, int64_t row, double y,
) noexcept nogil:
    cdef double weight = head.positive if y > 0 else head.negative
    return weight if course.weights == NULL else weight * course.weights[row]


cdef inline double passive_step(
    const Course* course, double z, double y, double square,
) noexcept nogil:
    """The change of z per x.x that Crammer et al. (2006) take: PA-I or PA-II, eta0 their C."""
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
