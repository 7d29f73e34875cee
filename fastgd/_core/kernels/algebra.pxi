# Dense linear algebra of linear models, in double precision: products of rows, Cholesky's
# factorisation, and eigenvalues. The order of each sum depends on the shapes alone, so that results
# do not depend on a BLAS, on the width of vectors or of tiles.

cdef void row_products(int64_t m, int64_t n, int64_t k, const double* a, const double* b,
                       double* out) noexcept nogil:
    """Compute out[i, j] = a[i] . b[j] for the rows of a (m, k) and b (n, k)."""
    cdef int64_t i, j
    for i in range(m):
        for j in range(n):
            out[i * n + j] = dense_dot(k, a + i * k, b + j * k)


# ---------------------------------------------------------------- Cholesky

cdef inline void eliminate(int64_t solved, double* line, const double* across,
                           const double* inverses) noexcept nogil:
    """Solve the first elements of a row of L, and subtract them from the rest of its LANES."""
    cdef int64_t k
    cdef double x
    cdef int j
    for k in range(solved):
        x = line[k] * inverses[k]
        for j in range(LANES):
            line[j] = fmadd(-x, across[k * LANES + j], line[j])
        line[k] = x


cdef double cholesky(int64_t n, double* a, double* room) noexcept nogil:
    """Replace the lower half of a (n, n) by L with L L^T = a; return the smallest square on its
    diagonal, or 0 where one is not positive.

    The columns go in blocks of LANES. Each element is the sum a - L L^T in the order of columns,
    whatever the blocks. What stands above the diagonal changes. room: (n + 1) LANES elements.
    """
    cdef double[LANES] line, inverses
    cdef double[LANES * LANES] across   # of a block on the diagonal, L transposed
    cdef double smallest = INFINITY, pivot
    cdef int64_t block = panel_rows(<double>0), first = 0, width, i, k, solved
    cdef int j
    cdef Product p
    while first < n:
        width = min(<int64_t>LANES, n - first)
        for k in range(first):
            for j in range(<int>width):
                room[k * LANES + j] = -a[(first + j) * n + k]
        k = 0
        while k < first:
            p = Product(
                M=n - first, N=width, K=min(block, first - k), A=a + first * n + k, a_row=n,
                a_col=1, B=room + k * LANES, b_row=LANES, b_col=1, start=a + first * n + first,
                start_row=n, C=a + first * n + first, c_row=n, spill=0, finish=FINISH_NONE,
                gate=a + first * n + first, panel=NULL)
            column(&p, <double>0)
            k += block
        for i in range(LANES * LANES):
            across[i] = 0
        for j in range(LANES):
            line[j] = 0
        for i in range(first, n):
            solved = min(width, i - first)
            copy_part(width, a + i * n + first, line)
            eliminate(solved, line, across, inverses)
            if i < first + width:
                pivot = line[solved]
                for k in range(solved):
                    pivot = fmadd(-line[k], line[k], pivot)
                    across[k * LANES + solved] = line[k]
                if not pivot > 0:
                    return 0
                smallest = min(smallest, pivot)
                line[solved] = square_root(pivot)
                inverses[solved] = 1 / line[solved]
            copy_part(width, line, a + i * n + first)
        first += width
    return smallest


cdef void cholesky_solve(int64_t n, int64_t k, const double* lower, double* right) noexcept nogil:
    """Replace each of the rows of right (k, n) by the solution x of L L^T x = row."""
    cdef int64_t r, i
    cdef double* x
    for r in range(k):
        x = right + r * n
        for i in range(n):
            x[i] = (x[i] - dense_dot(i, lower + i * n, <const double*>x)) / lower[i * n + i]
        for i in range(n - 1, -1, -1):
            x[i] /= lower[i * n + i]
            dense_add(i, -x[i], lower + i * n, x)


# ---------------------------------------------------------------- eigenvalues

cdef void add_two(int64_t n, double s, const double* x, double t, const double* y,
                  double* out) noexcept nogil:
    """Compute out += s x + t y."""
    cdef int64_t j
    for j in range(n):
        out[j] = fmadd(t, y[j], fmadd(s, x[j], out[j]))


cdef void tridiagonal(int64_t n, double* a, double* d, double* e, double* scales,
                      double* room) noexcept nogil:
    """Reduce a symmetric matrix to the diagonal d (n,) and the one beside it, e (n - 1,).

    Only the upper half of a is read. By Householder's reflections I - s u u^T: u replaces row k of
    the matrix behind the diagonal, and scales[k] is its s. The change of the matrix by one
    reflection, u w^T + w u^T, is subtracted where the next one reads it. room: 2 n elements.
    """
    cdef double* w = room           # of the reflection before
    cdef double* p = room + n       # the matrix times u
    cdef const double* v = NULL     # u of the reflection before, from column k on
    cdef double* u
    cdef double* line
    cdef double norm, s, own
    cdef int64_t k, i, m
    for k in range(n):
        m = n - k - 1
        line = a + k * n + k
        if k > 0:
            add_two(m + 1, -v[0], w, -w[0], v, line)
        d[k] = line[0]
        if m == 0:
            break
        u = line + 1
        norm = square_root(dense_dot(m, <const double*>u, <const double*>u))
        e[k] = -with_sign_of(u[0], norm)
        # with norm = 0 or a single element the reflection is none
        s = 0
        if m > 1 and norm > 0:
            s = 1 / fmadd(norm, absolute(u[0]), norm * norm)
            u[0] -= e[k]
        else:
            e[k] = u[0]
        scales[k] = s
        for i in range(m):
            p[i] = 0
        for i in range(m):
            line = a + (k + 1 + i) * n + k + 1 + i
            if k > 0:
                add_two(m - i, -v[1 + i], w + 1 + i, -w[1 + i], v + 1 + i, line)
            own = fmadd(line[0], u[i], p[i])
            dense_add(m - i - 1, u[i], line + 1, p + i + 1)
            p[i] = own + dense_dot(m - i - 1, <const double*>(line + 1), <const double*>(u + i + 1))
        own = 0.5 * s * s * dense_dot(m, <const double*>u, <const double*>p)
        for i in range(m):
            w[i] = fmadd(-own, u[i], s * p[i])
        v = u


cdef inline void rotate(int64_t n, double c, double s, double* x, double* y) noexcept nogil:
    """Compute (x, y) = (c x - s y, s x + c y)."""
    cdef int64_t j
    cdef double before
    for j in range(n):
        before = x[j]
        x[j] = fmadd(c, before, -s * y[j])
        y[j] = fmadd(s, before, c * y[j])


cdef bint diagonalise(int64_t n, double* d, double* e, double* vectors) noexcept nogil:
    """Replace the diagonal d of a tridiagonal matrix, e beside it (n,), by its eigenvalues.

    The QL method with implicit shifts (Golub and Van Loan, Matrix Computations, 8.3.3, from the
    lower end). vectors: NULL, or (n, n), whose rows are rotated along. False: it does not converge.
    """
    cdef int64_t first, last, i, left = 60 * n
    cdef double shift, c, s, x, y, before, own, r
    for first in range(n):
        while True:
            last = first
            while last < n - 1 and absolute(e[last]) > 2.220446049250313e-16 * (
                    absolute(d[last]) + absolute(d[last + 1])):
                last += 1
            if last == first:
                break
            left -= 1
            if left < 0:
                return False
            # the eigenvalue of the first two rows that is nearer to d[first]
            x = (d[first + 1] - d[first]) / (2 * e[first])
            r = square_root(fmadd(x, x, 1.0))
            shift = d[first] - e[first] / (x + with_sign_of(x, r))
            x = d[last] - shift     # the column to rotate: (x, y)
            c = s = 1
            before = 0              # what the last rotation took from the diagonal
            own = 0
            for i in range(last - 1, first - 1, -1):
                y = s * e[i]
                own = c * e[i]
                r = square_root(fmadd(x, x, y * y))
                e[i + 1] = r
                if r == 0:          # the matrix falls apart here
                    d[i + 1] -= before
                    e[last] = 0
                    break
                s = y / r
                c = x / r
                x = d[i + 1] - before
                r = fmadd(d[i] - x, s, 2 * c * own)
                before = s * r
                d[i + 1] = x + before
                x = fmadd(c, r, -own)
                if vectors != NULL:
                    rotate(n, c, s, vectors + i * n, vectors + (i + 1) * n)
            else:
                d[first] -= before
                e[first] = x
                e[last] = 0
    return True


cdef bint eigenvalues(int64_t n, double* a, double* d, double* vectors,
                      double* room) noexcept nogil:
    """Compute the eigenvalues d (n,) of a symmetric matrix, in no order, and their vectors, the
    rows of `vectors` (n, n), unless that is NULL; return whether it converged.

    Only the upper half of a is read, and lost. room: 4 n elements.
    """
    cdef double* e = room + 2 * n
    cdef double* scales = room + 3 * n
    cdef double* x
    cdef const double* u
    cdef int64_t i, k, m
    for i in range(n):
        e[i] = scales[i] = 0
    tridiagonal(n, a, d, e, scales, room)
    if vectors != NULL:
        for i in range(n * n):
            vectors[i] = 0
        for i in range(n):
            vectors[i * n + i] = 1
    if not diagonalise(n, d, e, vectors):
        return False
    if vectors != NULL:
        for i in range(n):
            for k in range(n - 2, -1, -1):
                m = n - k - 1
                u = a + k * n + k + 1
                x = vectors + i * n + k + 1
                dense_add(m, -scales[k] * dense_dot(m, u, <const double*>x), u, x)
    return True


cdef void sigmoids(int64_t n, const double* x, double* out) noexcept nogil:
    cdef int64_t i
    for i in range(n):
        out[i] = sigmoid(x[i])
