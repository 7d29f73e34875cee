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
        self.type_number = np.NPY_FLOAT if program.net.single else np.NPY_DOUBLE
        self.inputs = program.net.width[0]
        self.outputs = output_width(program.net)

    def __call__(self, x):
        cdef np.ndarray rows
        cdef np.npy_intp[2] shape
        cdef bint one_row = False
        if (type(x) is np.ndarray and np.PyArray_TYPE(x) == self.type_number
                and np.PyArray_ISCARRAY_RO(x) and np.PyArray_ISNOTSWAPPED(x)
                and 1 <= np.PyArray_NDIM(x) <= 2
                and np.PyArray_DIM(x, np.PyArray_NDIM(x) - 1) == self.inputs
                and self.finite(x)):
            rows = x
            one_row = np.PyArray_NDIM(rows) == 1
        else:
            one_row = numpy.ndim(x) == 1
            rows = self.prepare(numpy.asarray(x)[None] if one_row else x)
        shape[0] = 1 if one_row else np.PyArray_DIM(rows, 0)
        shape[1] = self.outputs
        cdef np.ndarray out = np.PyArray_EMPTY(
            1 if one_row else 2, &shape[one_row], self.type_number, 0)
        self.program.predict_all(address(rows), address(out), shape[0])
        return out

    cdef bint finite(self, np.ndarray x):
        return self.program.kernels.all_finite(np.PyArray_SIZE(x), address(x))
