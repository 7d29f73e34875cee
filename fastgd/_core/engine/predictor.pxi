# A network as a function of rows: the shortest way from an array to its outputs.

cdef bint all_within(int64_t rows, int64_t width, const real* x, const real* low,
                     const real* high) noexcept nogil:
    """Return whether low <= x <= high holds for all rows, of `width` values each."""
    cdef int64_t i, j
    cdef int outside = 0
    for i in range(rows):
        for j in range(width):  # without a branch, so that vectors do it
            outside |= (x[j] < low[j]) | (x[j] > high[j])
        if outside:
            return False
        x += width
    return True


cdef class Predictor:
    """Call a program's forward pass; see ``Model.predictor``.

    Parameters
    ----------
    program : Program
    prepare : function
        Converts its argument to a matrix that the program can read.
    bounds : (low, high, refuse), optional
        Arrays (inputs,) of the program's data type, and a function that raises the error for rows
        with a value below its column's low or above its high.
    """

    cdef Program program
    cdef object prepare
    cdef int type_number
    cdef np.npy_intp inputs, outputs
    cdef np.ndarray low, high
    cdef object refuse

    def __init__(self, Program program, prepare, bounds=None):
        self.program = program
        self.prepare = prepare
        self.type_number = type_number_of(program.net)
        self.inputs = program.net.width[0]
        self.outputs = output_width(program.net)
        if bounds is not None:
            self.low, self.high, self.refuse = bounds

    def __call__(self, x):
        cdef np.ndarray rows = self.rows_of(x, None, "raise")
        cdef bint one_row
        if rows is not None:
            one_row = np.PyArray_NDIM(rows) == 1
        else:
            one_row = numpy.ndim(x) == 1
            rows = self.prepare(numpy.asarray(x)[None] if one_row else x)
        if self.refuse is not None and not self.within(rows):
            self.refuse(rows)
        return self.outputs_of(rows, 1 if one_row else np.PyArray_DIM(rows, 0), one_row)

    def one(self, x, names=None, unknown="raise"):
        """Return the outputs for one row: an array (outputs,), or a float if there is only one.

        x, names, unknown: see plain_row. None for whatever needs a closer look.
        """
        cdef np.ndarray row = self.rows_of(x, names, unknown), out
        if row is None or np.PyArray_NDIM(row) != 1:
            return None
        out = self.outputs_of(row, 1, True)
        if self.outputs > 1:
            return out
        if self.type_number == np.NPY_FLOAT:
            return (<float*>address(out))[0]
        return (<double*>address(out))[0]

    cdef np.ndarray rows_of(self, x, names, unknown):
        """Return finite rows, or a row, that the program can read; None for others."""
        if not is_matrix(x, self.program.net.single, self.inputs, True, NULL):
            x = plain_row_of(x, names, self.inputs, self.type_number, unknown)
        return x if x is not None and self.finite(x) else None

    cdef np.ndarray outputs_of(self, np.ndarray rows, np.npy_intp count, bint one_row):
        cdef np.npy_intp[2] shape
        shape[0] = count
        shape[1] = self.outputs
        cdef np.ndarray out = np.PyArray_EMPTY(
            1 if one_row else 2, &shape[one_row], self.type_number, 0)
        self.program.predict_all(address(rows), address(out), count)
        return out

    cdef bint within(self, np.ndarray rows):
        """Return whether all values lie within the bounds of their columns."""
        cdef int64_t count = np.PyArray_SIZE(rows) // self.inputs
        if self.type_number == np.NPY_FLOAT:
            return all_within[float](count, self.inputs, <float*>address(rows),
                                     <float*>address(self.low), <float*>address(self.high))
        return all_within[double](count, self.inputs, <double*>address(rows),
                                  <double*>address(self.low), <double*>address(self.high))

    cdef bint finite(self, np.ndarray x):
        return self.program.kernels.all_finite(np.PyArray_SIZE(x), address(x))
