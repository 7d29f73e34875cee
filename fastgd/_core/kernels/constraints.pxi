# Constraints on a variable after each update: of one sign, or norms in an interval.
#
# A norm is computed in double precision: along vectors whose elements lie side by side in the
# sixteen lanes of sums.pxi, along others in the order of their elements, with lanes over vectors.

cdef double SMALLER = 2.0 ** -520   # the scale of a norm whose square would overflow


cdef inline double square_sum(int64_t n, const real* x, double scale) noexcept nogil:
    """Return the sum of (scale x)^2 over n elements side by side."""
    cdef double[16] s
    cdef double v, rest = 0
    cdef int j
    for j in range(16):
        s[j] = 0
    while n >= 16:
        for j in range(16):
            v = <double>x[j] * scale
            s[j] = fmadd(v, v, s[j])
        x += 16
        n -= 16
    for j in range(<int>n):
        v = <double>x[j] * scale
        rest = fmadd(v, v, rest)
    return tree(s, rest)


cdef inline void square_sums(const int lanes, int64_t count, int64_t inner, const real* x,
                             double scale, double* out) noexcept nogil:
    """Compute out[j] = the sum of (scale x[i, j])^2 over i < count, for `lanes` columns, a
    constant."""
    cdef double[16] s
    cdef double v
    cdef int64_t i
    cdef int j
    for j in range(lanes):
        s[j] = 0
    for i in range(count):
        for j in range(lanes):
            v = <double>x[i * inner + j] * scale
            s[j] = fmadd(v, v, s[j])
    for j in range(lanes):
        out[j] = s[j]


cdef inline double norm_factor(const ConstraintRow* row, double square,
                               double scale) noexcept nogil:
    """Return the factor of a vector, given the square of its norm times `scale`:

        (rate clip(norm, low, high) + (1 - rate) norm) / (epsilon + norm),

    as in Keras, but 1 where the norm lies in the interval.
    """
    cdef double norm = square_root(square)
    cdef double inside = max(row.low * scale, min(row.high * scale, norm))
    if inside == norm:
        return 1
    return fmadd(row.rate, inside, (1 - row.rate) * norm) / (row.epsilon * scale + norm)


cdef void limit_side_by_side(const ConstraintRow* row, real* w) noexcept nogil:
    """Apply CONSTRAINT_NORM to `outer` vectors of `count` elements side by side."""
    cdef double factor, scale, square
    cdef int64_t i, k
    for k in range(row.outer):
        scale = 1
        square = square_sum(row.count, <const real*>w, scale)
        if not is_finite(square):
            scale = SMALLER
            square = square_sum(row.count, <const real*>w, scale)
        factor = norm_factor(row, square, scale)
        if factor != 1:
            for i in range(row.count):
                w[i] = <real>(factor * <double>w[i])
        w += row.count


cdef inline void limit_columns(const int lanes, const ConstraintRow* row, real* w) noexcept nogil:
    """Apply CONSTRAINT_NORM to `lanes` vectors, whose elements lie `inner` apart."""
    cdef double[16] squares, factors
    cdef double again
    cdef int64_t i
    cdef int j
    square_sums(lanes, row.count, row.inner, <const real*>w, 1, squares)
    for j in range(lanes):
        if is_finite(squares[j]):
            factors[j] = norm_factor(row, squares[j], 1)
        else:
            square_sums(1, row.count, row.inner, <const real*>w + j, SMALLER, &again)
            factors[j] = norm_factor(row, again, SMALLER)
    for i in range(row.count):
        for j in range(lanes):
            w[i * row.inner + j] = <real>(factors[j] * <double>w[i * row.inner + j])


cdef void limit_norms(const ConstraintRow* row, real* w) noexcept nogil:
    cdef int64_t j, k
    if row.inner == 1:
        limit_side_by_side(row, w)
        return
    for k in range(row.outer):
        j = 0
        while j + 16 <= row.inner:
            limit_columns(16, row, w + j)
            j += 16
        while j + 4 <= row.inner:
            limit_columns(4, row, w + j)
            j += 4
        while j < row.inner:
            limit_columns(1, row, w + j)
            j += 1
        w += row.count * row.inner


cdef void constrain_variables(const Constraints* constraints, real* parameters, int64_t size,
                              int64_t rank) noexcept nogil:
    """Project the variables; each of `size` members takes some of them."""
    cdef const ConstraintRow* row
    cdef real* w
    cdef int64_t i, k = rank
    while k < constraints.count:
        row = &constraints.rows[k]
        w = parameters + row.offset
        if row.kind == CONSTRAINT_NON_NEGATIVE:
            for i in range(row.outer * row.count * row.inner):
                w[i] = w[i] if w[i] > <real>0 else <real>0
        elif row.kind == CONSTRAINT_NON_POSITIVE:
            for i in range(row.outer * row.count * row.inner):
                w[i] = w[i] if w[i] < <real>0 else <real>0
        else:
            limit_norms(row, w)
        k += size
