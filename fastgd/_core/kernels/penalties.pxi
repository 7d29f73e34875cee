# Penalties on variables: the regularizers' part of the loss of a batch and of its gradients.
#
# One member computes the values, in double precision and in an order that the shapes fix. The
# gradient of an elementwise penalty is added by each member for its share of the parameters; any
# other is computed by that one member, too, and passes through a flat vector.
#
# A shared penalty is one on the sum of a batch's losses: like that sum it is divided by the rows of
# the batch, or by their weights; `share` is its factor. Without a batch, as in an evaluation, share
# is 0.

cdef enum:
    ORTHOGONAL_BLOCK = 64   # vectors whose cosines with all others are kept at once

cdef double SMALLEST_NORM = 1e-7    # a shorter vector does not become a unit vector: Keras' epsilon


cdef double l1_l2(const PenaltyRow* row, const real* w) noexcept nogil:
    """Return first sum |w| + second sum w^2."""
    cdef int64_t n = row.rows * row.columns
    cdef double[16] s
    cdef double rest = 0, value = 0
    cdef int64_t i = 0
    cdef int j
    if row.first != 0:
        for j in range(16):
            s[j] = 0
        while i + 16 <= n:
            for j in range(16):
                s[j] += <double>absolute(w[i + j])
            i += 16
        while i < n:
            rest += <double>absolute(w[i])
            i += 1
        value = row.first * tree(s, rest)
    if row.second != 0:
        value = fmadd(row.second, square_sum(n, w, 1), value)
    return value


cdef void add_l1_l2(const PenaltyRow* row, double share, int64_t n, const real* w,
                    real* gradients) noexcept nogil:
    """Add share (first sign(w) + 2 second w) to the gradients, for n elements."""
    cdef real first = <real>(share * row.first), twice = <real>(share * 2 * row.second)
    cdef int64_t i
    for i in range(n):
        gradients[i] = fmadd(twice, w[i], fmadd(first, sign(w[i]), gradients[i]))


cdef void activity_rows(const LossRows* job, const real* p) noexcept nogil:
    """Compute l1 sum |p| + l2 sum p^2 of each row of a layer's outputs; as loss_rows."""
    cdef const double* settings = job.settings
    cdef int64_t rows = job.rows, width = job.width, stride = job.stride
    cdef const real* numerators = <const real*>job.numerators
    cdef int64_t step = job.step
    cdef real* values = <real*>job.values
    cdef real* d_p = <real*>job.d_p
    cdef PenaltyRow row
    cdef real l1, twice
    cdef int64_t i, j
    row.rows = 1
    row.columns = width
    row.first = settings[0]
    row.second = settings[1]
    for i in range(rows):
        values[i] = <real>l1_l2(&row, p)
        if d_p != NULL:
            l1 = <real>settings[0] * numerators[i * step] / <real>job.denominator
            twice = <real>(2 * settings[1]) * numerators[i * step] / <real>job.denominator
            for j in range(width):
                d_p[j] = fmadd(twice, p[j], l1 * sign(p[j]))
            d_p += stride
        p += stride


cdef double orthogonal(const PenaltyRow* row, const real* w, real* d_w, real* room,
                       real* panel) noexcept nogil:
    """Return factor times the mean of |cos| over the pairs of vectors of w, and compute its
    gradient.

    With unit vectors u_i = w_i / max(|w_i|, epsilon) and g_ij = u_i . u_j the gradient is

        d_w_i = c (sum of sign(g_ij) u_j - (sum of |g_ij|) u_i) / |w_i|,    j != i,

    c the factor over the number of pairs; without the second sum where epsilon divides.
    """
    cdef bint by_rows = row.kind == PENALTY_ORTHOGONAL_ROWS
    cdef int64_t n = row.rows if by_rows else row.columns
    cdef int64_t k = row.columns if by_rows else row.rows
    cdef int64_t step = row.columns if by_rows else 1   # from vector to vector,
    cdef int64_t inner = 1 if by_rows else row.columns  # and from element to element
    cdef real* unit = room
    cdef real* scale = unit + n * k
    cdef real* cosines = scale + n
    cdef real* sums = cosines + ORTHOGONAL_BLOCK * n
    cdef Product p
    cdef double total = 0, square, norm, c, size
    cdef bint is_short
    cdef int64_t i, j, e, at, first, rows
    for i in range(n * k):
        d_w[i] = 0
    if n == 1:
        return 0
    c = row.first / (0.5 * <double>n * <double>(n - 1))
    for i in range(n):
        if by_rows:
            square = square_sum(k, w + i * step, 1)
        else:
            square_sums(1, k, inner, w + i, 1, &square)
        norm = max(square_root(square), SMALLEST_NORM)
        scale[i] = <real>(1 / norm)
        for e in range(k):
            unit[i * k + e] = <real>(<double>w[i * step + e * inner] / norm)
    first = 0
    while first < n:
        rows = min(<int64_t>ORTHOGONAL_BLOCK, n - first)
        p = Product(
            M=rows, N=n, K=k, A=unit + first * k, a_row=k, a_col=1, B=unit, b_row=1, b_col=k,
            start=NULL, start_row=0, C=cosines, c_row=n, spill=0, finish=FINISH_NONE, gate=cosines,
            panel=panel)
        product(&p, <real>0)
        for i in range(rows):
            at = first + i
            cosines[i * n + at] = 0
            size = 0
            for j in range(n):
                size += <double>absolute(cosines[i * n + j])
                cosines[i * n + j] = sign(cosines[i * n + j])
            total += size
            is_short = scale[at] == <real>(1 / SMALLEST_NORM)
            if not is_short:
                for e in range(k):
                    d_w[at * step + e * inner] = <real>-size * unit[at * k + e]
        p = Product(
            M=rows, N=k, K=n, A=cosines, a_row=n, a_col=1, B=unit, b_row=k, b_col=1, start=NULL,
            start_row=0, C=sums, c_row=k, spill=0, finish=FINISH_NONE, gate=sums, panel=panel)
        product(&p, <real>0)
        for i in range(rows):
            for e in range(k):
                at = (first + i) * step + e * inner
                d_w[at] = <real>c * scale[first + i] * (d_w[at] + sums[i * k + e])
        first += rows
    return 0.5 * c * total


cdef double penalty_value(const Penalties* penalties, double share, const real* parameters,
                          void* panel) noexcept nogil:
    """Return the sum of all penalties; the gradients of those that are not elementwise go into
    their flat vector."""
    cdef real* gradients = <real*>penalties.gradients
    cdef const PenaltyRow* row
    cdef double total = 0
    cdef int64_t k
    for k in range(penalties.count):
        row = &penalties.rows[k]
        if row.kind == PENALTY_L1L2:
            total += l1_l2(row, parameters + row.offset)
        elif row.kind == PENALTY_SHARED:
            if share != 0:
                total += share * l1_l2(row, parameters + row.offset)
        elif row.kind == PENALTY_GIVEN:
            total += row.first
        else:
            total += orthogonal(row, parameters + row.offset, gradients + row.offset,
                                <real*>penalties.workspace, <real*>panel)
    return total


cdef void add_penalty_gradients(const Penalties* penalties, double share, int64_t begin,
                                int64_t end, const real* parameters,
                                real* gradients) noexcept nogil:
    """Add the gradients of the penalties to gradients[begin:end], after penalty_value."""
    cdef const real* given = <const real*>penalties.gradients
    cdef const PenaltyRow* row
    cdef int64_t i, k, first, last
    for k in range(penalties.count):
        row = &penalties.rows[k]
        first = max(begin, row.offset)
        last = min(end, row.offset + row.rows * row.columns)
        if row.kind == PENALTY_L1L2:
            add_l1_l2(row, 1, last - first, parameters + first, gradients + first)
        elif row.kind == PENALTY_SHARED:
            add_l1_l2(row, share, last - first, parameters + first, gradients + first)
        else:
            for i in range(first, last):
                gradients[i] = gradients[i] + given[i]
