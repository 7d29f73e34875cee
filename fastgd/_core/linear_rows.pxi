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
    cdef np.ndarray squares  # of the rows, None until then
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
    # a row seldom begins with a line: it may reach into one more
    cdef int64_t lines = (line.n * (4 if rows.single else 8) + 126) // 64
    cdef int64_t j
    for j in range(min(lines, <int64_t>PREFETCHED)):
        prefetch(<const char*>line.values + 64 * j)
    if rows.sparse:
        lines = (line.n * (8 if rows.wide else 4) + 126) // 64
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
