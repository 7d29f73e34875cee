# Stochastic gradient descent on a single unit, row by row: linear and logistic regression by online
# learning. The same arithmetic as the general loop, and so the same bits; but a row of some twenty
# columns costs less than going through the layer table.

cdef inline bint scaled_row(int64_t n, real a, const real* x, real* g) noexcept nogil:
    """Compute g = a x; return whether all of it is finite."""
    cdef real[16] check
    cdef int64_t i = 0
    cdef int j
    for j in range(16):
        check[j] = 0
    while i + 16 <= n:
        for j in range(16):
            g[i + j] = fmadd(a, x[i + j], 0)
            check[j] = fmadd(g[i + j], 0, check[j])
        i += 16
    while i + 4 <= n:
        for j in range(4):
            g[i + j] = fmadd(a, x[i + j], 0)
            check[j] = fmadd(g[i + j], 0, check[j])
        i += 4
    while i < n:
        g[i] = fmadd(a, x[i], 0)
        check[0] = fmadd(g[i], 0, check[0])
        i += 1
    return all_zero(check)


cdef inline real unit_value(int64_t loss, real p, real y) noexcept nogil:
    """Return the loss of one row; the formulas are those of loss_points.pxi."""
    if loss == LOSS_MEAN_SQUARED_ERROR:
        return (p - y) * (p - y)
    elif loss == LOSS_MEAN_ABSOLUTE_ERROR:
        return absolute(p - y)
    elif loss == LOSS_BINARY_CROSSENTROPY:
        return binary_entropy(clipped(p), y)
    return softplus(p) - p * y


cdef inline real unit_slope(int64_t loss, real p, real y) noexcept nogil:
    """Return its derivative by p."""
    if loss == LOSS_MEAN_SQUARED_ERROR:
        return (p - y) + (p - y)
    elif loss == LOSS_MEAN_ABSOLUTE_ERROR:
        return sign(p - y)
    elif loss == LOSS_BINARY_CROSSENTROPY:
        return entropy_slope(p, y)
    return sigmoid(p) - y


cdef enum:
    LATER_ROWS = 32         # whose losses are computed at once


cdef double with_losses(int64_t rows, const real* z, const real* y, double total) noexcept nogil:
    """Return total + the cross-entropies of up to LATER_ROWS logits, in their order."""
    cdef real[LATER_ROWS] values
    cdef int i
    for i in range(LATER_ROWS):
        values[i] = unit_value(LOSS_BINARY_CROSSENTROPY_LOGITS, z[i], y[i])
    for i in range(<int>rows):
        total += values[i]
    return total


cdef void train_unit(Span* span, const real* x, const real* y) noexcept nogil:
    """Train a span that is_unit_span, as train_steps does."""
    cdef const Network* net = span.net
    cdef int64_t loss = net.terms.kind
    cdef real* w = <real*>net.parameters
    cdef real* g = <real*>net.gradients
    cdef int64_t k = net.width[0], n = net.parameter_count
    cdef const real* bias = w + k if n > k else NULL
    cdef int64_t next_look = span.step + 1000
    cdef double* totals = span.totals
    cdef double total = totals[TERM_START]
    cdef real[CONSTANT_LIMIT] c
    cdef const real* x_row
    cdef real[LATER_ROWS] later_z, later_y
    cdef int64_t later = 0
    cdef real[4] lanes, slopes
    cdef real z, value, slope, target
    cdef double rate
    cdef int i
    for i in range(LATER_ROWS):
        later_z[i] = 0
        later_y[i] = 0
    rounded_settings(span.optimizer, span.rates[0], span.rates[0], 1, c)
    span.status = STATUS_FINE
    while span.step < span.last_step:
        x_row = x + row_at(span.order, span.places, span.step) * k
        target = y[row_at(span.order, <const int64_t*>NULL, span.step)]
        single_unit(1, k, x_row, k, <const real*>w, bias, &z, 1)
        # Four lanes of one number: selections in vectors are blends, not a way through registers.
        for i in range(4):
            lanes[i] = z
        for i in range(4):
            slopes[i] = unit_slope(loss, lanes[i], target)
        slope = slopes[0]
        if loss == LOSS_BINARY_CROSSENTROPY_LOGITS and absolute(z) < <real>1e30:
            # This loss is finite, and nothing waits for it: vectors compute many at once.
            later_z[later] = z
            later_y[later] = target
            later += 1
            if later == LATER_ROWS:
                total = with_losses(later, later_z, later_y, total)
                later = 0
        else:
            if later:
                total = with_losses(later, later_z, later_y, total)
                later = 0
            value = unit_value(loss, z, target)
            if not is_finite(total + value):
                span.status = STATUS_LOSS
                break
            total += value
        totals[1] += 1
        totals[TERM_START + 1] += 1
        if n > k:
            g[k] = <real>0 + slope
        if not (scaled_row(k, slope, x_row, g) and is_finite(slope)):
            span.status = STATUS_GRADIENT
            break
        if not span.one_rate:
            rate = span.rates[span.step]
            rounded_settings(span.optimizer, rate, rate, 1, c)
        span.optimizer.iterations[0] += 1
        if not update_run(PLAIN_SGD, n, w, <const real*>g, <real*>NULL, 0, c):
            span.status = STATUS_UPDATE
            break
        span.step += 1
        if span.step >= next_look:
            if now() > span.deadline:
                break
            next_look = span.step + 1000
    totals[TERM_START] = with_losses(later, later_z, later_y, total) if later else total
