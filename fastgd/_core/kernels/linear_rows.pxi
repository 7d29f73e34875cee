# Squares and largest values of the rows of a matrix, and decisions.

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
