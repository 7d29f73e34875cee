# The rows of a matrix in Python, see linear.pxd.

cdef class Rows:
    """Hold the rows of a matrix, dense or sparse.

    Parameters
    ----------
    kernels : capsule
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

    cdef const LinearKernels* kernels
    cdef RowTable table
    cdef double largest     # |value|, -1 until it is computed
    cdef np.ndarray squares  # of the rows, None until then
    cdef readonly np.ndarray values, columns, starts

    def __init__(self, kernels, np.ndarray values, np.ndarray columns=None, np.ndarray starts=None,
                 int64_t width=0):
        self.kernels = linear_kernels(kernels)
        self.values, self.columns, self.starts = values, columns, starts
        self.largest = -1
        self.table.ranks = 1
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

    def share(self, int64_t rank, int64_t ranks):
        """Let `objective` and `weighted_gram` compute only what one of several processes adds.

        Each element of their sums, and of curvatures, is then computed by one process and is 0 in
        the others; a call at the end of the rows adds the sums up.
        """
        self.table.rank, self.table.ranks = rank, ranks

    def faulty_row(self):
        """Return the first row of a CSR matrix whose columns are out of range or order, or -1."""
        cdef int64_t row
        with nogil:
            if self.table.wide:
                row = find_disorder(&self.table, <const int64_t*>self.table.columns)
            else:
                row = find_disorder(&self.table, <const int32_t*>self.table.columns)
        return row

    def column_scales(self):
        """Return means, standard deviations, 0 where all values are equal, and largest absolute
        values of the columns of n >= 1 dense rows, (3, d)."""
        cdef np.ndarray found = numpy.empty((3, self.table.d))
        cdef double* data = <double*>address(found)
        with nogil:
            self.kernels.column_scales(&self.table, data)
        return found

    cdef const double* row_squares(self):
        """Return |x|^2 of each row."""
        cdef double* data
        if self.squares is None:
            self.squares = numpy.empty(self.table.n)
            data = <double*>np.PyArray_DATA(self.squares)
            with nogil:
                self.kernels.row_squares(&self.table, data)
        return <const double*>np.PyArray_DATA(self.squares)

    cdef double largest_value(self):
        """Return the largest absolute value, infinite if a value is not finite."""
        cdef int64_t n = self.values.size
        if self.largest < 0:
            with nogil:
                self.largest = self.kernels.largest(n, self.table.values, self.table.single)
        return self.largest


cdef inline int64_t own_share(const RowTable* rows, int64_t count, int64_t members,
                              int64_t member) noexcept nogil:
    """Return where a member's share of `count` pieces of work begins, of those of its process."""
    cdef int64_t first = share_begin(count, 1, rows.ranks, rows.rank)
    cdef int64_t last = share_begin(count, 1, rows.ranks, rows.rank + 1)
    return first + share_begin(last - first, 1, members, member)


cdef inline int64_t find_disorder(const RowTable* rows, const index_type* columns) noexcept nogil:
    cdef int64_t i, j, last
    for i in range(rows.n):
        last = -1
        for j in range(start_of(rows, i), start_of(rows, i + 1)):
            if columns[j] <= last or columns[j] >= rows.d:
                return i
            last = columns[j]
    return -1
