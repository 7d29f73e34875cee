# Operations on one row of a matrix: products, additions, the L1 penalty of its weights.

ctypedef fused other:
    float
    double


cdef inline void fold_four(const bint moves, double a, const real* x, const real* y, other* w,
                           double* sums) noexcept nogil:
    """Compute sums += y w of four columns; if it moves, after w += a x."""
    cdef double[4] weights
    cdef int j
    for j in range(4):
        weights[j] = fmadd(a, <double>x[j], <double>w[j]) if moves else <double>w[j]
    if moves:
        for j in range(4):
            w[j] = <other>weights[j]
    for j in range(4):
        sums[j] = fmadd(<double>y[j], weights[j], sums[j])


# Sixteen sums in four arrays of four, which gcc keeps in registers as vectors from one block to the
# next; a single array of sixteen would go through memory.
cdef struct Lanes:
    double* s
    double* t
    double* u
    double* v


cdef inline double lanes_total(const Lanes* l, double rest) noexcept nogil:
    """Return the sum of the lanes and a rest, by the tree of sums.pxi."""
    cdef double[4] even, odd
    cdef int j
    for j in range(4):
        even[j] = l.s[j] + l.u[j]
    for j in range(4):
        odd[j] = l.t[j] + l.v[j]
    for j in range(4):
        even[j] += odd[j]
    return ((even[0] + even[2]) + (even[1] + even[3])) + rest


cdef inline double fold_rest(const bint moves, int64_t n, double a, const real* x, const real* y,
                             other* w, Lanes* l) noexcept nogil:
    """Take the last n < 16 columns; return the sum of all.

    Each length has a way of its own to the end: where ways meet, gcc writes lanes to memory.
    """
    cdef double rest = 0, weight
    cdef int64_t j
    for j in range(n & ~<int64_t>3, n):
        weight = fmadd(a, <double>x[j], <double>w[j]) if moves else <double>w[j]
        if moves:
            w[j] = <other>weight
        rest = fmadd(<double>y[j], weight, rest)
    if n >= 12:
        fold_four(moves, a, x, y, w, l.s)
        fold_four(moves, a, x + 4, y + 4, w + 4, l.t)
        fold_four(moves, a, x + 8, y + 8, w + 8, l.s)
        return lanes_total(l, rest)
    if n >= 8:
        fold_four(moves, a, x, y, w, l.s)
        fold_four(moves, a, x + 4, y + 4, w + 4, l.t)
        return lanes_total(l, rest)
    if n >= 4:
        fold_four(moves, a, x, y, w, l.s)
        return lanes_total(l, rest)
    return lanes_total(l, rest)


cdef inline double fold_row(const bint moves, int64_t n, double a, const real* x, const real* y,
                            other* w) noexcept nogil:
    """Return y . w, in the sixteen lanes and by the tree of sums.pxi; if it moves, after w += a x.

    For a function that is not inlined: in a loop, gcc computes each lane by itself.
    """
    cdef double[4] s, t, u, v
    cdef Lanes l
    cdef int j
    l.s, l.t, l.u, l.v = s, t, u, v
    for j in range(4):
        s[j] = t[j] = u[j] = v[j] = 0
    if n < 16:
        return fold_rest(moves, n, a, x, y, w, &l)
    while n >= 16:
        fold_four(moves, a, x, y, w, s)
        fold_four(moves, a, x + 4, y + 4, w + 4, t)
        fold_four(moves, a, x + 8, y + 8, w + 8, u)
        fold_four(moves, a, x + 12, y + 12, w + 12, v)
        x += 16
        y += 16
        w += 16
        n -= 16
    return fold_rest(moves, n, a, x, y, w, &l)


cdef double dense_dot(int64_t n, const real* x, const other* w) noexcept nogil:
    """Return x . w."""
    return fold_row(False, n, 0, x, x, <other*>w)


cdef double dense_move(int64_t n, double a, const double* x, const double* y,
                       double* w) noexcept nogil:
    """Compute w += a x; return y . w, which does not wait until w has been written and read."""
    return fold_row(True, n, a, x, y, w)


cdef inline double sparse_dot(int64_t n, const real* x, const index_type* columns,
                              const double* w) noexcept nogil:
    """Return the sum of x[j] w[columns[j]]: four sums in turn, so that none waits for the one
    before."""
    cdef double s0 = 0, s1 = 0, s2 = 0, s3 = 0
    cdef int64_t j = 0
    while j + 4 <= n:
        s0 = fmadd(<double>x[j], w[columns[j]], s0)
        s1 = fmadd(<double>x[j + 1], w[columns[j + 1]], s1)
        s2 = fmadd(<double>x[j + 2], w[columns[j + 2]], s2)
        s3 = fmadd(<double>x[j + 3], w[columns[j + 3]], s3)
        j += 4
    while j < n:
        s0 = fmadd(<double>x[j], w[columns[j]], s0)
        j += 1
    return (s0 + s2) + (s1 + s3)


# ---------------------------------------------------------------- additions

cdef inline void dense_add(int64_t n, double a, const real* x, double* w) noexcept nogil:
    cdef int64_t j
    for j in range(n):
        w[j] = fmadd(a, <double>x[j], w[j])


cdef inline double dense_check(int64_t n, double a, const real* x, const double* w) noexcept nogil:
    """Return 0 if all of a x + w is finite, else NaN."""
    cdef double[16] s
    cdef double rest = 0
    cdef int j
    for j in range(16):
        s[j] = 0
    while n >= 16:
        for j in range(16):
            s[j] = fmadd(fmadd(a, <double>x[j], w[j]), 0.0, s[j])
        x += 16
        w += 16
        n -= 16
    if n >= 8:
        for j in range(8):
            s[j] = fmadd(fmadd(a, <double>x[j], w[j]), 0.0, s[j])
        x += 8
        w += 8
        n -= 8
    for j in range(<int>n):
        rest = fmadd(fmadd(a, <double>x[j], w[j]), 0.0, rest)
    return tree(s, rest)


cdef inline void sparse_add(int64_t n, double a, const real* x, const index_type* columns,
                            double* w) noexcept nogil:
    cdef int64_t j
    for j in range(n):
        w[columns[j]] = fmadd(a, <double>x[j], w[columns[j]])


cdef inline void pay_penalty(double total, double scale, double* w, double* owed) noexcept nogil:
    """Move a weight w scale towards 0, but not beyond, by the part of a total L1 penalty that is
    still due; owed: minus the part applied so far."""
    cdef double before = w[0] * scale, after = before
    if before > 0:
        after = before - (total + owed[0])
        after = after if after > 0 else 0.0
    elif before < 0:
        after = before + (total - owed[0])
        after = after if after < 0 else 0.0
    owed[0] += after - before
    w[0] = after / scale


# ---------------------------------------------------------------- any row

# Operations on a row x, a vector w and another v; the argument is always a constant.
cdef enum:
    LINE_DOT                # returns x . w
    LINE_ADD                # w += a x
    LINE_SQUARE             # returns x . x
    LINE_ABSOLUTE           # returns the sum of |w| at the columns of x
    LINE_CHECK              # returns 0 if w + a x is finite, else NaN
    LINE_MIX                # v += a w at the columns of x
    LINE_PAY                # applies the L1 penalty to w, see pay_penalty


cdef inline double dense_work(const int64_t work, int64_t n, const real* x, double a, double b,
                              double* w, double* v) noexcept nogil:
    cdef int64_t j
    if work == LINE_DOT:
        return dense_dot(n, x, <const double*>w)
    elif work == LINE_ADD:
        dense_add(n, a, x, w)
    elif work == LINE_CHECK:
        return dense_check(n, a, x, <const double*>w)
    elif work == LINE_SQUARE:
        return dense_dot(n, x, x)
    elif work == LINE_ABSOLUTE:
        for j in range(n):
            b += absolute(w[j])
        return b
    elif work == LINE_MIX:
        for j in range(n):
            v[j] = fmadd(a, w[j], v[j])
    elif work == LINE_PAY:
        for j in range(n):
            pay_penalty(a, b, &w[j], &v[j])
    return 0


cdef inline double sparse_work(const int64_t work, int64_t n, const real* x,
                               const index_type* columns, double a, double b, double* w,
                               double* v) noexcept nogil:
    cdef int64_t j
    if work == LINE_DOT:
        return sparse_dot(n, x, columns, <const double*>w)
    elif work == LINE_ADD:
        sparse_add(n, a, x, columns, w)
    elif work == LINE_CHECK:
        for j in range(n):
            b = fmadd(fmadd(a, <double>x[j], w[columns[j]]), 0.0, b)
        return b
    elif work == LINE_SQUARE:
        for j in range(n):
            b = fmadd(<double>x[j], <double>x[j], b)
        return b
    elif work == LINE_ABSOLUTE:
        for j in range(n):
            b += absolute(w[columns[j]])
        return b
    elif work == LINE_MIX:
        for j in range(n):
            v[columns[j]] = fmadd(a, w[columns[j]], v[columns[j]])
    elif work == LINE_PAY:
        for j in range(n):
            pay_penalty(a, b, &w[columns[j]], &v[columns[j]])
    return 0


cdef inline double line_work(const int64_t work, const RowTable* rows, const Line* line, double a,
                             double b, double* w, double* v) noexcept nogil:
    if not rows.sparse:
        if rows.single:
            return dense_work(work, line.n, <const float*>line.values, a, b, w, v)
        return dense_work(work, line.n, <const double*>line.values, a, b, w, v)
    if not rows.wide:
        if rows.single:
            return sparse_work(work, line.n, <const float*>line.values,
                               <const int32_t*>line.columns, a, b, w, v)
        return sparse_work(work, line.n, <const double*>line.values,
                           <const int32_t*>line.columns, a, b, w, v)
    if rows.single:
        return sparse_work(work, line.n, <const float*>line.values,
                           <const int64_t*>line.columns, a, b, w, v)
    return sparse_work(work, line.n, <const double*>line.values,
                       <const int64_t*>line.columns, a, b, w, v)


cdef inline double line_dot(const RowTable* rows, const Line* line, const double* w) noexcept nogil:
    """Return x . w."""
    return line_work(LINE_DOT, rows, line, 0, 0, <double*>w, NULL)


cdef inline void line_add(const RowTable* rows, const Line* line, double a,
                          double* w) noexcept nogil:
    """Add a x to w."""
    line_work(LINE_ADD, rows, line, a, 0, w, NULL)


cdef double rare_work(const int64_t work, const RowTable* rows, const Line* line, double a,
                      double b, double* w, double* v) noexcept nogil:
    """Run line_work without inlining, for rare operations: it is large."""
    return line_work(work, rows, line, a, b, w, v)
