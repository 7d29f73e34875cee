# A network as a function of rows: the shortest way from an array to its outputs.

cdef class Predictor:
    """Call a program's forward pass; see ``Model.predictor``.

    Parameters
    ----------
    program : Program
    prepare : function
        Converts its argument to a matrix that the program can read.
    """

    cdef Program program
    cdef object prepare
    cdef int type_number
    cdef np.npy_intp inputs, outputs

    def __init__(self, Program program, prepare):
        self.program = program
        self.prepare = prepare
        self.type_number = type_number_of(program.net)
        self.inputs = program.net.width[0]
        self.outputs = output_width(program.net)

    def __call__(self, x):
        cdef np.ndarray rows
        cdef np.npy_intp count = 1
        cdef bint one_row = False
        if self.reads(x):
            rows = x
            one_row = np.PyArray_NDIM(rows) == 1
        else:
            one_row = numpy.ndim(x) == 1
            rows = self.prepare(numpy.asarray(x)[None] if one_row else x)
        if not one_row:
            count = np.PyArray_DIM(rows, 0)
        return self.outputs_of(rows, count, one_row)

    def one(self, x, names=None, unknown="raise"):
        """Return the outputs for one row: an array (outputs,), or a float if there is only one.

        x: an array that the program can read, or plain, see plain_row for it, names and unknown.
        None for anything else.
        """
        cdef np.ndarray out
        if type(x) is not np.ndarray:
            x = plain_row_of(x, names, self.inputs, self.type_number, unknown)
        if not (self.reads(x) and np.PyArray_NDIM(x) == 1):
            return None
        out = self.outputs_of(x, 1, True)
        if self.outputs > 1:
            return out
        return (<float*>address(out))[0] if self.type_number == np.NPY_FLOAT else (
            (<double*>address(out))[0])

    cdef np.ndarray outputs_of(self, np.ndarray rows, np.npy_intp count, bint one_row):
        cdef np.npy_intp[2] shape
        shape[0] = count
        shape[1] = self.outputs
        cdef np.ndarray out = np.PyArray_EMPTY(
            1 if one_row else 2, &shape[one_row], self.type_number, 0)
        self.program.predict_all(address(rows), address(out), count)
        return out

    cdef bint reads(self, x):
        """Return whether the program can read rows, or a row, as they are."""
        return (type(x) is np.ndarray and np.PyArray_TYPE(x) == self.type_number
                and np.PyArray_ISCARRAY_RO(x) and np.PyArray_ISNOTSWAPPED(x)
                and 1 <= np.PyArray_NDIM(x) <= 2
                and np.PyArray_DIM(x, np.PyArray_NDIM(x) - 1) == self.inputs
                and self.finite(x))

    cdef bint finite(self, np.ndarray x):
        return self.program.kernels.all_finite(np.PyArray_SIZE(x), address(x))
