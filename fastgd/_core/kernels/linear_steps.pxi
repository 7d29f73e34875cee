# Stochastic gradient descent for linear models: one row, or one batch of rows, after the other. The
# cost of a step of a sparse row depends on its non-zeros only, see Head. The mathematics is that of
# L. Bottou, "Stochastic gradient descent tricks" (2012), and, for L1, of Y. Tsuruoka, J. Tsujii, S.
# Ananiadou, "Stochastic gradient descent training for L1-regularized log-linear models with
# cumulative penalty" (ACL 2009).

cdef void scale_vectors(int64_t d, double* w, double scale, double* average, double a,
                        double b) noexcept nogil:
    """Compute average = b (average + a w), if there is one, and w *= scale."""
    cdef int64_t j
    if average != NULL and not (a == 0 and b == 1):
        for j in range(d):
            average[j] = b * fmadd(a, w[j], average[j])
    for j in range(d):
        w[j] *= scale


cdef void settle_head(Head* head, int64_t d) noexcept nogil:
    """Multiply the weights by the scale, and complete the vector of the average."""
    scale_vectors(
        d, head.w, head.scale, head.average, head.average_a, 1 / head.average_b)
    head.average_a = 0
    head.average_b = 1
    head.absolute_norm *= head.scale
    head.bound *= head.scale
    head.scale = 1
    head.inverse = 1
    head.intercept_place[0] = head.intercept


cdef void begin_head(Head* head, int64_t d) noexcept nogil:
    """Begin with weights that no step has changed yet: compute their norms and bound."""
    head.scale = head.inverse = head.average_b = 1
    head.bound = find_largest(d, <const double*>head.w)
    head.square_norm = dense_dot(d, <const double*>head.w, <const double*>head.w)
    head.absolute_norm = dense_work(
        LINE_ABSOLUTE, d, <const double*>NULL, 0, 0, head.w, NULL)


cdef double head_decision(const RowTable* rows, const Line* line, const Head* head) noexcept nogil:
    return fmadd(head.scale, line_dot(rows, line, head.w), head.intercept)


# The row after the one of a step, and w.x of it, if the step found it.
cdef struct Ahead:
    Line line
    double product
    bint known


cdef inline bint is_averaging(const Course* course, const Head* head) noexcept nogil:
    return 0 < course.average and <double>course.average <= head.t


# ---------------------------------------------------------------- the objective

cdef inline double penalty_of(const Course* course, const Head* head) noexcept nogil:
    """Return the penalties of the objective."""
    if course.rate >= RATE_PA1:
        return 0
    return fmadd(0.5 * course.l2, head.square_norm,
                 course.l1 * (head.scale * head.absolute_norm))


# |w|_1 in the penalty: a dense step computes it anew, before its own L1 penalty, as scikit-learn
# does; a sparse one adds what has changed. |w|^2 changes by a (2 w.x + a x.x).

cdef inline double touched(const Course* course, const Head* head, const Line* line) noexcept nogil:
    """Return the part of |w|_1 of a sparse row's weights, in units of the scale."""
    if course.l1 > 0 and course.objective and course.rows.sparse:
        return rare_work(LINE_ABSOLUTE, course.rows, line, 0, 0, head.w, NULL)
    return 0


cdef inline void count_absolute(const Course* course, Head* head, const Line* line) noexcept nogil:
    """Compute |w|_1 after a dense row was added."""
    if course.l1 > 0 and course.objective and not course.rows.sparse:
        head.absolute_norm = dense_work(
            LINE_ABSOLUTE, line.n, <const double*>NULL, 0, 0, head.w, NULL)


# ---------------------------------------------------------------- the parts of a step

cdef inline double shrink(const Course* course, Head* head, double eta) noexcept nogil:
    """Apply the L2 penalty; return the factor of the weights."""
    cdef double factor = fmadd(-eta, course.l2, 1.0)
    if course.l2 == 0:
        return 1
    factor = factor if factor > 0 else 0.0
    head.scale *= factor
    head.square_norm *= factor * factor
    head.inverse = 1 / head.scale
    if head.scale < 1e-9:
        settle_head(head, course.rows.d)
    return factor


cdef inline bint move(const Course* course, Head* head, const Line* line, double a, double product,
                      double square, Ahead* ahead) noexcept nogil:
    """Add a x to w and a to b, and return True; do nothing and return False if a result would not
    be finite. product and square: w.x and x.x; ahead: NULL or the next row."""
    cdef double step = a * head.inverse
    cdef double intercept = fmadd(a, course.intercept_decay, head.intercept)
    cdef double before
    if a == 0:
        return True
    head.bound = fmadd(absolute(step), course.largest, head.bound)
    if not is_finite(intercept):
        return False
    # the bound of a stable run is never near the end of the numbers
    if not head.bound < 1e300 and rare_work(
            LINE_CHECK, course.rows, line, step, 0, head.w, NULL) != 0:
        return False
    if course.fit_intercept:
        head.intercept = intercept
    head.square_norm = fmadd(a, fmadd(a, square, 2 * product), head.square_norm)
    before = touched(course, head, line)
    # not with L1, which changes w once more, and of floats gcc makes halves of vectors: no gain
    if ahead != NULL and not (course.rows.sparse or course.rows.single or course.l1 > 0):
        ahead.product = dense_move(line.n, step, <const double*>line.values,
                                   <const double*>ahead.line.values, head.w)
        ahead.known = True
    else:
        line_add(course.rows, line, step, head.w)
    head.absolute_norm += touched(course, head, line) - before
    count_absolute(course, head, line)
    if is_averaging(course, head):
        line_add(course.rows, line, -head.average_a * step, head.average)
    return True


cdef inline void end_step(const Course* course, Head* head, double eta) noexcept nogil:
    """Add the weights to their average, and the step's L1 penalty to the total that is due."""
    cdef double count = head.t - <double>course.average + 1
    if is_averaging(course, head):
        if count > 1:
            head.average_b /= 1 - 1 / count
        head.average_a += head.average_b * head.scale / count
        head.average_intercept[0] += (head.intercept - head.average_intercept[0]) / count
    head.owed_total += eta * course.l1
    head.t += 1


cdef inline void pay(const Course* course, Head* head, const Line* line) noexcept nogil:
    """Apply the L1 penalty to the weights of a row."""
    cdef double before
    if not course.l1 > 0:  # head.owed is NULL then
        return
    before = touched(course, head, line)
    # the averages so far are of the weights before
    if head.average_a != 0:
        rare_work(LINE_MIX, course.rows, line, head.average_a, 0, head.w, head.average)
    rare_work(LINE_PAY, course.rows, line, head.owed_total, head.scale, head.w, head.owed)
    if head.average_a != 0:
        rare_work(LINE_MIX, course.rows, line, -head.average_a, 0, head.w, head.average)
    head.absolute_norm += touched(course, head, line) - before


# ---------------------------------------------------------------- steps

cdef inline int64_t visited_row(const Course* course, int64_t position) noexcept nogil:
    return position if course.order == NULL else course.order[position]


cdef inline void prefetch_row(const Course* course, int64_t position, int64_t last) noexcept nogil:
    """Prefetch the data of some later steps."""
    cdef int64_t row
    if course.order == NULL:
        return
    if position + 16 < last:
        prefetch_start(course.rows, course.order[position + 16])
    if position + 12 < last:
        row = course.order[position + 12]
        prefetch_line(course.rows, row)
        prefetch(course.y + row * course.y_stride)
        if course.squares != NULL:
            prefetch(course.squares + row)


cdef inline bint step_from(const Course* course, Head* head, int64_t row, const Line* line,
                           double product, Ahead* ahead) noexcept nogil:
    """Take a step for one row and one output; return False if its weights would not stay finite.

    A row of weight 0 is none. product: w.x; ahead: see move.
    """
    cdef double y = target_of(course, head, row)
    cdef double weight = weight_of(course, head, row, y)
    if weight == 0:
        return True
    cdef double eta = rate_of(course, head)
    cdef double z = fmadd(head.scale, product, head.intercept)
    # with y = 1 or -1 exactly z y, without waiting for z
    cdef double margin = fmadd(head.scale * y, product, head.intercept * y)
    cdef double square = 0, norm = 0, a
    if course.offset != NULL:
        z += course.offset[row]
        margin = z * y
    if course.squares != NULL:
        square = course.squares[row]
    if course.objective:
        add_loss(course, head, z, y, 1)
        head.penalties += penalty_of(course, head)
        head.total_weight += 1
    if course.rate >= RATE_PA1:
        norm = rare_work(LINE_SQUARE, course.rows, line, 0, 0, NULL, NULL)
        if norm == 0 and course.rate == RATE_PA1:
            return True
    if course.rate >= RATE_PA1:
        a = passive_step(course, z, y, norm) * weight
    elif course.loss == LINEAR_LOG_LOSS:
        a = log_loss_step(margin, y, eta * weight)
    else:
        a = -eta * clipped_slope(linear_slope(course.loss, course.setting, z, y)) * weight
    if not is_finite(a):
        return False
    product *= head.scale
    product *= shrink(course, head, eta)
    if not move(course, head, line, a, product, square, ahead):
        return False
    end_step(course, head, eta)
    pay(course, head, line)
    return True


cdef bint row_step(const Course* course, Head* head, int64_t row, const Line* line) noexcept nogil:
    """Take a step for a row that is alone, see step_from."""
    return step_from(course, head, row, line, line_dot(course.rows, line, head.w), NULL)


cdef double head_slopes(const Course* course, Head* heads, int64_t k, int64_t position,
                        int64_t count) noexcept nogil:
    """Compute the slopes of a batch's rows times their weights, in heads.room (count, k); return
    the sum of the weights. The rows' objectives are added, times their weights."""
    cdef double* slopes = heads.room
    cdef double* z = slopes + course.batch * k
    cdef double total = 0, y, weight, loss
    cdef int64_t j, h, row
    cdef Line line
    for j in range(count):
        row = visited_row(course, position + j)
        line = line_of(course.rows, row)
        for h in range(k):
            z[h] = fmadd(
                heads[h].scale, line_dot(course.rows, &line, heads[h].w), heads[h].intercept)
            if course.offset != NULL:
                z[h] += course.offset[row]
        if course.loss == LINEAR_MULTINOMIAL:
            weight = 1.0 if course.weights == NULL else course.weights[row]
            loss = multinomial_slopes(k, z, course.y[row], slopes + j * k)
            heads.waiting.total = fmadd(weight, loss, heads.waiting.total)
        else:
            y = target_of(course, heads, row)
            weight = weight_of(course, heads, row, y)
            slopes[j * k] = clipped_slope(linear_slope(course.loss, course.setting, z[0], y))
            if course.objective:
                add_loss(course, heads, z[0], y, weight)
        for h in range(k):
            slopes[j * k + h] *= weight
            heads.penalties = fmadd(weight, penalty_of(course, heads + h), heads.penalties)
        total += weight
    heads.total_weight += total
    return total


cdef bint batch_step(const Course* course, Head* heads, int64_t k, int64_t position,
                     int64_t count) noexcept nogil:
    """Take a step for a batch of rows and k outputs that depend on each other; none if all their
    weights are 0."""
    cdef double eta = rate_of(course, heads)
    cdef double total = head_slopes(course, heads, k, position, count)
    cdef double factor, a, product = 0, square = 0
    cdef int64_t j, h, row
    cdef Line line
    if total == 0:
        return True
    if course.batch == 1:       # a single row's weight scales its step
        total = 1
    factor = -eta / total
    for h in range(k):
        shrink(course, heads + h, eta)
    for j in range(count):
        line = line_of(course.rows, visited_row(course, position + j))
        if course.squares != NULL:
            square = course.squares[visited_row(course, position + j)]
        for h in range(k):
            a = factor * heads.room[j * k + h]
            if course.squares != NULL:
                product = heads[h].scale * line_dot(course.rows, &line, heads[h].w)
            if not (is_finite(a) and move(course, heads + h, &line, a, product, square, NULL)):
                return False
    for h in range(k):
        end_step(course, heads + h, eta)
    for j in range(count):
        row = visited_row(course, position + j)
        if course.weights != NULL and course.weights[row] == 0:
            continue
        line = line_of(course.rows, row)
        for h in range(k):
            pay(course, heads + h, &line)
    return True


cdef inline void run_rows(const Course* whole, Head* head, int64_t last, const int64_t loss,
                          const bint sparse, const bint single) noexcept nogil:
    """Step from head.position to last, or to the deadline, a row a step.

    No other code sees the copies, so that the compiler holds their numbers in registers and drops
    the branches that the constants decide. If a loss is given: without L1, averages and offsets,
    with narrow indices.
    """
    cdef Course course = whole[0]
    cdef RowTable rows = whole.rows[0]
    cdef Head own = head[0]
    cdef Line line
    cdef Ahead ahead
    cdef int64_t row, next_row, next_look = own.position + course.looks
    if own.position >= last:
        return
    if loss >= 0:
        rows.sparse = sparse
        rows.single = single
        rows.wide = False
        course.loss = loss
        course.l1 = 0
        course.average = 0
        course.offset = NULL
    course.rows = &rows
    next_row = visited_row(&course, own.position)
    ahead.line = line_of(&rows, next_row)
    ahead.known = False
    while own.position < last:
        prefetch_row(&course, own.position, last)
        row = next_row
        line = ahead.line
        if not ahead.known:
            ahead.product = line_dot(&rows, &line, own.w)
        ahead.known = False
        if own.position + 1 < last:
            next_row = visited_row(&course, own.position + 1)
            ahead.line = line_of(&rows, next_row)
        if not step_from(&course, &own, row, &line, ahead.product, &ahead):
            own.status = STATUS_UPDATE
            break
        own.position += 1
        if own.position >= next_look:
            next_look = own.position + course.looks
            if now() > course.deadline:
                break
    head[0] = own


cdef inline void run_loss(const Course* course, Head* head, int64_t last,
                          const int64_t loss) noexcept nogil:
    if course.rows.sparse and course.rows.single:
        run_rows(course, head, last, loss, True, True)
    elif course.rows.sparse:
        run_rows(course, head, last, loss, True, False)
    elif course.rows.single:
        run_rows(course, head, last, loss, False, True)
    else:
        run_rows(course, head, last, loss, False, False)


cdef void run_batches(const Course* course, Head* heads, int64_t k, int64_t last) noexcept nogil:
    """Step from heads.position to last, or to the deadline, a batch a step."""
    cdef int64_t next_look = heads.position + course.looks, count, i
    while heads.position < last:
        count = min(course.batch, last - heads.position)
        for i in range(heads.position, heads.position + count):
            prefetch_row(course, i, last)
        if not batch_step(course, heads, k, heads.position, count):
            heads.status = STATUS_UPDATE
            break
        heads.position += count
        if heads.position >= next_look:
            next_look = heads.position + course.looks
            if now() > course.deadline:
                break


cdef void run_heads(const Course* course, Head* heads, int64_t k, int64_t last) noexcept nogil:
    """Step from heads.position to last, or to the deadline."""
    cdef bint plain = not (
        course.l1 > 0 or course.average > 0 or course.offset != NULL
        or (course.rows.sparse and course.rows.wide))
    if course.batch > 1 or k > 1:
        run_batches(course, heads, k, last)
    elif plain and course.loss == LINEAR_LOG_LOSS:
        run_loss(course, heads, last, LINEAR_LOG_LOSS)
    elif plain and course.loss == LINEAR_HINGE:
        run_loss(course, heads, last, LINEAR_HINGE)
    else:
        run_rows(course, heads, last, -1, False, False)
    lose_waiting(course.loss, course.setting, heads.waiting)
