# The rows of a matrix, dense (C-contiguous) or sparse (CSR), and what linear models do with one:
# its product with a vector, and its addition to one. What a row holds in which way is looked at
# once a row; branches that always go the same way cost next to nothing beside it.

cdef struct RowTable:
    int64_t n
    int64_t d
    bint single             # values: float or double
    bint sparse
    bint wide               # columns and starts: int64 or int32
    const void* values
    const void* columns
    const void* starts      # (n + 1,): row i has the values starts[i] ... starts[i + 1] - 1

# One row: n values, and the columns where they stand if it is sparse.
cdef struct Line:
    int64_t n
    const void* values
    const void* columns

cdef extern from *:
    """
    #if defined(__GNUC__)
    #define fastgd_prefetch(p) __builtin_prefetch(p)
    #else
    #define fastgd_prefetch(p) ((void)0)
    #endif
    """
    void prefetch "fastgd_prefetch"(const void*) noexcept nogil

cdef enum:
    PREFETCHED = 16         # cache lines of a row, at most; the hardware finds those behind

ctypedef fused index_type:
    int32_t
    int64_t


cdef class Rows:
    """The rows of a matrix, as the other functions of this module take them.

    Parameters
    ----------
    values : ndarray
        Dense: (n, d), C-contiguous, float32 or float64. Sparse: (nonzeros,).
    columns, starts : ndarray or None
        For CSR, both int32 or both int64; within a row columns increase strictly.
    width : int
        The number of columns of a sparse matrix.

    Notes
    -----
    Nothing is validated or copied here.
    """

    cdef RowTable table
    cdef double largest     # |value|, -1 until it is asked for
    cdef np.ndarray squares # of the rows, None until then
    cdef readonly np.ndarray values
    cdef readonly np.ndarray columns
    cdef readonly np.ndarray starts

    def __init__(
        self, np.ndarray values, np.ndarray columns=None, np.ndarray starts=None, int64_t width=0,
    ):
        self.values, self.columns, self.starts = values, columns, starts
        self.largest = -1
        self.table.single = values.dtype == numpy.float32
        self.table.values = np.PyArray_DATA(values)
        self.table.sparse = columns is not None
        if self.table.sparse:
            self.table.n = starts.shape[0] - 1
            self.table.d = width
            self.table.wide = columns.dtype == numpy.int64
            self.table.columns = np.PyArray_DATA(columns)
            self.table.starts = np.PyArray_DATA(starts)
        else:
            self.table.n = values.shape[0]
            self.table.d = values.shape[1]

    @property
    def shape(self):
        return self.table.n, self.table.d

    @property
    def sparse(self):
        return self.table.sparse

    def faulty_row(self):
        """The first row of a CSR matrix whose columns are not in range and in order, or -1."""
        cdef int64_t row
        with nogil:
            if self.table.wide:
                row = find_disorder(&self.table, <const int64_t*>self.table.columns)
            else:
                row = find_disorder(&self.table, <const int32_t*>self.table.columns)
        return row

    cdef const double* row_squares(self):
        """|x|^2 of each row."""
        cdef double* data
        cdef int64_t i
        cdef Line line
        if self.squares is None:
            self.squares = numpy.empty(self.table.n)
            data = <double*>np.PyArray_DATA(self.squares)
            with nogil:
                for i in range(self.table.n):
                    line = line_of(&self.table, i)
                    data[i] = line_work(LINE_SQUARE, &self.table, &line, 0, 0, NULL, NULL)
        return <const double*>np.PyArray_DATA(self.squares)

    cdef double largest_value(self):
        """The largest absolute value; beyond float64's numbers if one is not finite."""
        cdef int64_t n = self.values.size
        if self.largest < 0:
            with nogil:
                if self.table.single:
                    self.largest = find_largest(n, <const float*>self.table.values)
                else:
                    self.largest = find_largest(n, <const double*>self.table.values)
        return self.largest


cdef inline real finite_size(real x) noexcept nogil:
    """|x|, infinite for NaN."""
    return absolute(x) if is_finite(x) else <real>INFINITY


cdef double find_largest(int64_t n, const real* x) noexcept nogil:
    """The largest |x|, infinite if one is not finite; 0 of none."""
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


cdef inline int64_t start_of(const RowTable* rows, int64_t i) noexcept nogil:
    if rows.wide:
        return (<const int64_t*>rows.starts)[i]
    return (<const int32_t*>rows.starts)[i]


cdef inline Line line_of(const RowTable* rows, int64_t i) noexcept nogil:
    """Row i."""
    cdef Line line
    cdef int64_t first
    cdef int64_t value_size = 4 if rows.single else 8
    if not rows.sparse:
        line.n = rows.d
        line.values = <const char*>rows.values + i * rows.d * value_size
        line.columns = NULL
    else:
        first = start_of(rows, i)
        line.n = start_of(rows, i + 1) - first
        line.values = <const char*>rows.values + first * value_size
        line.columns = <const char*>rows.columns + first * (8 if rows.wide else 4)
    return line


cdef inline void prefetch_line(const RowTable* rows, int64_t i) noexcept nogil:
    """Ask for row i, which is used some steps later; of a sparse one, its place must be near."""
    cdef Line line = line_of(rows, i)
    cdef int64_t lines = (line.n * (4 if rows.single else 8) + 63) // 64
    cdef int64_t j
    for j in range(min(lines, <int64_t>PREFETCHED)):
        prefetch(<const char*>line.values + 64 * j)
    if rows.sparse:
        lines = (line.n * (8 if rows.wide else 4) + 63) // 64
        for j in range(min(lines, <int64_t>PREFETCHED)):
            prefetch(<const char*>line.columns + 64 * j)


cdef inline void prefetch_start(const RowTable* rows, int64_t i) noexcept nogil:
    """Ask for where a sparse row is."""
    if rows.sparse:
        prefetch(<const char*>rows.starts + i * (8 if rows.wide else 4))


cdef inline int64_t find_disorder(const RowTable* rows, const index_type* columns) noexcept nogil:
    cdef int64_t i, j, last
    for i in range(rows.n):
        last = -1
        for j in range(start_of(rows, i), start_of(rows, i + 1)):
            if columns[j] <= last or columns[j] >= rows.d:
                return i
            last = columns[j]
    return -1


# ---------------------------------------------------------------- products

cdef inline double dense_dot(int64_t n, const real* x, const double* w) noexcept nogil:
    """x . w, in the sixteen lanes and by the tree of sums.pxi.

    The lanes are four vectors: gcc keeps those in registers from one block to the next, where
    an array of sixteen goes through memory.
    """
    cdef double[4] s
    cdef double[4] t
    cdef double[4] u
    cdef double[4] v
    cdef double rest = 0
    cdef int j
    for j in range(4):
        s[j] = t[j] = u[j] = v[j] = 0
    while n >= 16:
        for j in range(4):
            s[j] = fmadd(<double>x[j], w[j], s[j])
        for j in range(4):
            t[j] = fmadd(<double>x[j + 4], w[j + 4], t[j])
        for j in range(4):
            u[j] = fmadd(<double>x[j + 8], w[j + 8], u[j])
        for j in range(4):
            v[j] = fmadd(<double>x[j + 12], w[j + 12], v[j])
        x += 16
        w += 16
        n -= 16
    if n >= 8:
        for j in range(4):
            s[j] = fmadd(<double>x[j], w[j], s[j])
        for j in range(4):
            t[j] = fmadd(<double>x[j + 4], w[j + 4], t[j])
        x += 8
        w += 8
        n -= 8
    if n >= 4:
        for j in range(4):
            s[j] = fmadd(<double>x[j], w[j], s[j])
        x += 4
        w += 4
        n -= 4
    for j in range(<int>n):
        rest = fmadd(<double>x[j], w[j], rest)
    for j in range(4):
        s[j] = (s[j] + u[j]) + (t[j] + v[j])
    return ((s[0] + s[2]) + (s[1] + s[3])) + rest


cdef inline double sparse_dot(
    int64_t n, const real* x, const index_type* columns, const double* w,
) noexcept nogil:
    """The sum of x[j] w[columns[j]]: four sums in turn, so that none waits for the one before."""
    cdef double s0 = 0
    cdef double s1 = 0
    cdef double s2 = 0
    cdef double s3 = 0
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


cdef inline double dense_check(
    int64_t n, double a, const real* x, const double* w,
) noexcept nogil:
    """0 if all of a x + w is finite, else NaN."""
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


cdef inline void sparse_add(
    int64_t n, double a, const real* x, const index_type* columns, double* w,
) noexcept nogil:
    cdef int64_t j
    for j in range(n):
        w[columns[j]] = fmadd(a, <double>x[j], w[columns[j]])


cdef inline void pay_penalty(double total, double scale, double* w, double* owed) noexcept nogil:
    """Move a weight w scale towards 0 by the part of a total L1 penalty that it has not had yet,
    but not beyond 0; owed: minus what it has had."""
    cdef double before = w[0] * scale
    cdef double after = before
    if before > 0:
        after = before - (total + owed[0])
        after = after if after > 0 else 0.0
    elif before < 0:
        after = before + (total - owed[0])
        after = after if after < 0 else 0.0
    owed[0] += after - before
    w[0] = after / scale


# ---------------------------------------------------------------- any row

# What is done with a row x, a vector w and another v; the argument is always a constant.
cdef enum:
    LINE_DOT                # returns x . w
    LINE_ADD                # w += a x
    LINE_SQUARE             # returns x . x
    LINE_ABSOLUTE           # returns the sum of |w| where x stands
    LINE_CHECK              # returns 0 if w + a x is finite, else NaN
    LINE_MIX                # v += a w where x stands
    LINE_PAY                # w: pays the L1 penalty, see pay_penalty


cdef inline double dense_work(
    const int64_t work, int64_t n, const real* x, double a, double b, double* w, double* v,
) noexcept nogil:
    cdef int64_t j
    if work == LINE_DOT:
        return dense_dot(n, x, <const double*>w)
    elif work == LINE_ADD:
        dense_add(n, a, x, w)
    elif work == LINE_CHECK:
        return dense_check(n, a, x, <const double*>w)
    elif work == LINE_SQUARE:
        for j in range(n):
            b = fmadd(<double>x[j], <double>x[j], b)
        return b
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


cdef inline double sparse_work(
    const int64_t work, int64_t n, const real* x, const index_type* columns, double a, double b,
    double* w, double* v,
) noexcept nogil:
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


cdef inline double line_work(
    const int64_t work, const RowTable* rows, const Line* line, double a, double b, double* w,
    double* v,
) noexcept nogil:
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


cdef inline double line_dot(
    const RowTable* rows, const Line* line, const double* w,
) noexcept nogil:
    """x . w."""
    return line_work(LINE_DOT, rows, line, 0, 0, <double*>w, NULL)


cdef inline void line_add(
    const RowTable* rows, const Line* line, double a, double* w,
) noexcept nogil:
    """w += a x."""
    line_work(LINE_ADD, rows, line, a, 0, w, NULL)
