# Stochastic gradient descent for linear models: a row, or a batch of rows, after the other. What
# a step of a sparse row costs depends on its non-zeros only, see Head. The mathematics is that of
# L. Bottou, "Stochastic gradient descent tricks" (2012), and, for L1, of Y. Tsuruoka, J. Tsujii,
# S. Ananiadou, "Stochastic gradient descent training for L1-regularized log-linear models with
# cumulative penalty" (ACL 2009).

cdef void settle(Head* head, int64_t d) noexcept nogil:
    """Bring the scale into the weights, and what the average lacks into its vector."""
    cdef int64_t j
    cdef double a = head.average_a
    cdef double b = 1 / head.average_b
    if head.average != NULL and not (a == 0 and b == 1):
        for j in range(d):
            head.average[j] = b * fmadd(a, head.w[j], head.average[j])
        head.average_a = 0
        head.average_b = 1
    if head.scale != 1:
        for j in range(d):
            head.w[j] *= head.scale
        head.absolute_norm *= head.scale
        head.bound *= head.scale
        head.scale = 1
        head.inverse = 1


cdef inline bint is_averaging(const Course* course, const Head* head) noexcept nogil:
    return 0 < course.average and <double>course.average <= head.t


# ---------------------------------------------------------------- the objective

cdef void lose_waiting(const Course* course, Head* head) noexcept nogil:
    """Add the losses of the rows that wait to the total, in their order."""
    cdef double[BLOCK] values
    cdef int64_t i
    linear_values(
        course.loss, course.setting, head.waiting, head.waiting_z, head.waiting_y, values)
    for i in range(head.waiting):
        head.total = fmadd(head.waiting_weight[i], values[i], head.total)
    head.waiting = 0


cdef inline void add_loss(
    const Course* course, Head* head, double z, double y, double weight,
) noexcept nogil:
    head.waiting_z[head.waiting] = z
    head.waiting_y[head.waiting] = y
    head.waiting_weight[head.waiting] = weight
    head.waiting += 1
    if head.waiting == BLOCK:
        lose_waiting(course, head)


cdef inline double penalty_of(const Course* course, const Head* head) noexcept nogil:
    """What the objective has besides losses."""
    if course.rate >= RATE_PA1:
        return 0
    return fmadd(0.5 * course.l2, head.square_norm,
                 course.l1 * (head.scale * head.absolute_norm))


# |w|_1 in the penalty: a dense step computes it anew, before its own L1 penalty, as scikit-learn
# does; a sparse one adds what has changed. |w|^2 changes by a (2 w.x + a x.x).

cdef inline double touched(const Course* course, const Head* head, const Line* line) noexcept nogil:
    """What the weights of a sparse row are of |w|_1, in units of the scale."""
    if course.l1 > 0 and course.objective and course.rows.sparse:
        return line_work(LINE_ABSOLUTE, course.rows, line, 0, 0, head.w, NULL)
    return 0


cdef inline void count_absolute(const Course* course, Head* head, const Line* line) noexcept nogil:
    """|w|_1 after a dense row was added."""
    if course.l1 > 0 and course.objective and not course.rows.sparse:
        head.absolute_norm = dense_work(
            LINE_ABSOLUTE, line.n, <const double*>NULL, 0, 0, head.w, NULL)


# ---------------------------------------------------------------- the parts of a step

cdef inline double shrink(const Course* course, Head* head, double eta) noexcept nogil:
    """The L2 penalty; what it multiplies the weights by."""
    cdef double factor = fmadd(-eta, course.l2, 1.0)
    if course.l2 == 0:
        return 1
    factor = factor if factor > 0 else 0.0
    head.scale *= factor
    head.square_norm *= factor * factor
    head.inverse = 1 / head.scale
    if head.scale < 1e-9:
        settle(head, course.rows.d)
    return factor


cdef inline bint move(
    const Course* course, Head* head, const Line* line, double a, double product, double square,
) noexcept nogil:
    """w += a x, b += a; False, and nothing, if that would not be finite. product and square: w.x
    and x.x."""
    cdef double step = a * head.inverse
    cdef double intercept = fmadd(a, course.intercept_decay, head.intercept[0])
    cdef double before
    if a == 0:
        return True
    head.bound = fmadd(absolute(step), course.largest, head.bound)
    if not is_finite(intercept):
        return False
    # the bound of a run that goes well is never near the end of the numbers
    if not head.bound < 1e300 and line_work(
            LINE_CHECK, course.rows, line, step, 0, head.w, NULL) != 0:
        return False
    if course.fit_intercept:
        head.intercept[0] = intercept
    head.square_norm = fmadd(a, fmadd(a, square, 2 * product), head.square_norm)
    before = touched(course, head, line)
    line_add(course.rows, line, step, head.w)
    head.absolute_norm += touched(course, head, line) - before
    count_absolute(course, head, line)
    if is_averaging(course, head):
        line_add(course.rows, line, -head.average_a * step, head.average)
    return True


cdef inline void end_step(const Course* course, Head* head, double eta) noexcept nogil:
    """Take the weights into their average, and the step's L1 penalty into what is due."""
    cdef double count = head.t - <double>course.average + 1
    if is_averaging(course, head):
        if count > 1:
            head.average_b /= 1 - 1 / count
        head.average_a += head.average_b * head.scale / count
        head.average_intercept[0] += (head.intercept[0] - head.average_intercept[0]) / count
    head.owed_total += eta * course.l1
    head.t += 1


cdef inline void pay(const Course* course, Head* head, const Line* line) noexcept nogil:
    """The L1 penalty of the weights of a row."""
    cdef double before
    if course.l1 == 0:
        return
    before = touched(course, head, line)
    # the averages so far are of the weights before
    if head.average_a != 0:
        line_work(LINE_MIX, course.rows, line, head.average_a, 0, head.w, head.average)
    line_work(LINE_PAY, course.rows, line, head.owed_total, head.scale, head.w, head.owed)
    if head.average_a != 0:
        line_work(LINE_MIX, course.rows, line, -head.average_a, 0, head.w, head.average)
    head.absolute_norm += touched(course, head, line) - before


cdef inline double clipped_slope(double slope) noexcept nogil:
    slope = MAX_SLOPE if slope > MAX_SLOPE else slope
    return -MAX_SLOPE if slope < -MAX_SLOPE else slope


# ---------------------------------------------------------------- steps

cdef inline int64_t row_at(const Course* course, int64_t position) noexcept nogil:
    return position if course.order == NULL else course.order[position]


cdef inline bint row_step(const Course* course, Head* head, int64_t position) noexcept nogil:
    """A step for one row and one output; False if its weights would not stay finite."""
    cdef int64_t row = row_at(course, position)
    cdef Line line = line_of(course.rows, row)
    cdef double eta = rate_of(course, head)
    cdef double y = target_of(course, head, row)
    cdef double product = head.scale * line_dot(course.rows, &line, head.w)
    cdef double z = product + head.intercept[0]
    cdef double square = 0
    cdef double a
    if course.squares != NULL:
        square = course.squares[row]
    if course.objective:
        add_loss(course, head, z, y, 1)
        head.total += penalty_of(course, head)
        head.total_weight += 1
    if course.rate >= RATE_PA1:
        a = line_work(LINE_SQUARE, course.rows, &line, 0, 0, NULL, NULL)
        if course.rate == RATE_PA1 and a == 0:
            return True
        a = passive_step(course, z, y, a)
    else:
        a = -eta * clipped_slope(linear_slope(course.loss, course.setting, z, y))
    a *= weight_of(course, head, row, y)
    if not is_finite(a):
        return False
    product *= shrink(course, head, eta)
    if not move(course, head, &line, a, product, square):
        return False
    end_step(course, head, eta)
    pay(course, head, &line)
    return True


cdef double batch_slopes(
    const Course* course, Head* heads, int64_t k, int64_t position, int64_t count,
) noexcept nogil:
    """The slopes of a batch's rows times their weights, to heads.room (count, k); the sum of the
    weights. The rows' objectives are added, each as often as its weight says."""
    cdef double* slopes = heads.room
    cdef double* z = slopes + course.batch * k
    cdef double total = 0
    cdef double y, weight, loss
    cdef int64_t j, h, row
    cdef Line line
    for j in range(count):
        row = row_at(course, position + j)
        line = line_of(course.rows, row)
        for h in range(k):
            z[h] = fmadd(
                heads[h].scale, line_dot(course.rows, &line, heads[h].w), heads[h].intercept[0])
        if course.loss == LINEAR_MULTINOMIAL:
            weight = 1.0 if course.weights == NULL else course.weights[row]
            loss = multinomial_slopes(k, z, course.y[row], slopes + j * k)
            heads.total = fmadd(weight, loss, heads.total)
        else:
            y = target_of(course, heads, row)
            weight = weight_of(course, heads, row, y)
            slopes[j * k] = clipped_slope(linear_slope(course.loss, course.setting, z[0], y))
            if course.objective:
                add_loss(course, heads, z[0], y, weight)
        for h in range(k):
            slopes[j * k + h] *= weight
            heads.total = fmadd(weight, penalty_of(course, heads + h), heads.total)
        total += weight
    heads.total_weight += total
    return total


cdef bint batch_step(
    const Course* course, Head* heads, int64_t k, int64_t position, int64_t count,
) noexcept nogil:
    """A step for a batch of rows and k outputs that belong together."""
    cdef double eta = rate_of(course, heads)
    cdef double total = batch_slopes(course, heads, k, position, count)
    cdef double factor, a
    cdef double product = 0
    cdef double square = 0
    cdef int64_t j, h
    cdef Line line
    if course.batch == 1:       # a single row's weight is how far it goes
        total = 1
    factor = -eta / total if total > 0 else 0.0
    for h in range(k):
        shrink(course, heads + h, eta)
    for j in range(count):
        line = line_of(course.rows, row_at(course, position + j))
        if course.squares != NULL:
            square = course.squares[row_at(course, position + j)]
        for h in range(k):
            a = factor * heads.room[j * k + h]
            if course.squares != NULL:
                product = heads[h].scale * line_dot(course.rows, &line, heads[h].w)
            if not (is_finite(a) and move(course, heads + h, &line, a, product, square)):
                return False
    for h in range(k):
        end_step(course, heads + h, eta)
    for j in range(count):
        line = line_of(course.rows, row_at(course, position + j))
        for h in range(k):
            pay(course, heads + h, &line)
    return True


cdef void run_heads(const Course* course, Head* heads, int64_t k, int64_t last) noexcept nogil:
    """Step from heads.position to last, or to the deadline."""
    cdef int64_t next_look = heads.position + course.looks
    cdef int64_t count
    cdef int64_t i
    cdef bint fine = True
    while heads.position < last:
        if course.order != NULL:
            for i in range(heads.position, min(last, heads.position + course.batch)):
                if i + 16 < last:
                    prefetch_start(course.rows, course.order[i + 16])
                if i + 6 < last:
                    prefetch_line(course.rows, course.order[i + 6])
        if course.batch == 1 and k == 1:
            count = 1
            fine = row_step(course, heads, heads.position)
        else:
            count = min(course.batch, last - heads.position)
            fine = batch_step(course, heads, k, heads.position, count)
        if not fine:
            heads.status = STATUS_UPDATE
            break
        heads.position += count
        if heads.position >= next_look:
            next_look = heads.position + course.looks
            if now() > course.deadline:
                break
    if heads.waiting > 0:
        lose_waiting(course, heads)
