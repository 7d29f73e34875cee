# Squares and largest values of the rows of a matrix, the scales of its columns, and decisions.

cdef inline real finite_size(real x) noexcept nogil:
    """Return |x|, infinite for NaN."""
    return absolute(x) if is_finite(x) else <real>INFINITY


cdef double find_largest(int64_t n, const real* x) noexcept nogil:
    """Return the largest |x|, infinite if one is not finite; 0 of none."""
    cdef real[16] top
    cdef real size
    cdef int64_t i = 0
    cdef int j
    for j in range(16):
        top[j] = 0
    while i + 16 <= n:
        for j in range(16):
            size = finite_size(x[i + j])
            top[j] = top[j] if top[j] > size else size
        i += 16
    while i < n:
        size = finite_size(x[i])
        top[0] = top[0] if top[0] > size else size
        i += 1
    for j in range(1, 16):
        top[0] = top[0] if top[0] > top[j] else top[j]
    return <double>top[0]


cdef double largest_of(int64_t n, const void* values, bint single) noexcept nogil:
    if single:
        return find_largest(n, <const float*>values)
    return find_largest(n, <const double*>values)


cdef void row_squares(const RowTable* rows, double* out) noexcept nogil:
    """Compute |x|^2 of each row."""
    cdef int64_t i
    cdef Line line
    for i in range(rows.n):
        line = line_of(rows, i)
        out[i] = line_work(LINE_SQUARE, rows, &line, 0, 0, NULL, NULL)


cdef inline void scales_of(int64_t n, int64_t d, const real* x, double* means, double* deviations,
                           double* largest) noexcept nogil:
    cdef double away, size
    cdef int64_t i, j
    for j in range(d):
        means[j] = deviations[j] = largest[j] = 0
    for i in range(n):
        for j in range(d):
            means[j] += <double>x[i * d + j] - <double>x[j]
            size = absolute(<double>x[i * d + j])
            largest[j] = size if size > largest[j] else largest[j]
    for j in range(d):
        means[j] = <double>x[j] + means[j] / n
    for i in range(n):
        for j in range(d):
            away = <double>x[i * d + j] - means[j]
            deviations[j] = fmadd(away, away, deviations[j])
    for j in range(d):
        deviations[j] = square_root(deviations[j] / n)


cdef void column_scales(const RowTable* rows, double* out) noexcept nogil:
    """Compute the means of n >= 1 dense rows, the standard deviations, 0 where all are equal, and
    the largest absolute values: out (3, d)."""
    cdef int64_t n = rows.n, d = rows.d
    if rows.single:
        scales_of(n, d, <const float*>rows.values, out, out + d, out + 2 * d)
    else:
        scales_of(n, d, <const double*>rows.values, out, out + d, out + 2 * d)


cdef double dot_of(const RowTable* rows, const Line* line, const double* w) noexcept nogil:
    return line_dot(rows, line, w)


cdef void decide(const Decision* task, int64_t begin, int64_t end) noexcept nogil:
    """Compute the decisions of the rows begin ... end - 1."""
    cdef int64_t d = task.rows.d, i, k
    cdef Line line
    for i in range(begin, end):
        line = line_of(task.rows, i)
        for k in range(task.outputs):
            task.out[i * task.outputs + k] = (
                line_dot(task.rows, &line, task.coef + k * d) + task.intercept[k])
