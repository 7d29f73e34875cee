# A linear model as a function of single rows: the shortest way from a dict to its decisions.

cdef class RowPredictor:
    """Compute a linear model's decisions for one row, as ``decisions`` computes them.

    Parameters
    ----------
    kernels : capsule
    coef, intercept : ndarray, shapes (outputs, d) and (outputs,), float64
        They are read as they are at each call.
    settle : function, optional
        Called before they are read.
    """

    cdef const LinearKernels* kernels
    cdef np.ndarray coef, intercept
    cdef object settle

    def __init__(self, kernels, np.ndarray coef, np.ndarray intercept, settle=None):
        self.kernels = linear_kernels(kernels)
        self.coef, self.intercept, self.settle = coef, intercept, settle

    cdef inline double decision(self, np.ndarray row, int64_t output):
        cdef RowTable table = table_of(row)
        cdef Line line = line_of(&table, 0)
        cdef const double* w = <const double*>address(self.coef) + output * table.d
        return (self.kernels.dot(&table, &line, w)
                + (<const double*>address(self.intercept))[output])

    cdef np.ndarray row(self, x, names, unknown):
        """Return a row that can be read, or None; settle the weights."""
        if self.settle is not None:
            self.settle()
        return line_from(x, np.PyArray_DIM(self.coef, 1), names, unknown)

    def decisions(self, x, names=None, unknown="raise"):
        """Return coef @ x + intercept: a list of floats.

        x: dense (d,), or plain, see plain_row for it, names and unknown. None for anything else.
        """
        cdef np.ndarray row = self.row(x, names, unknown)
        cdef int64_t output
        if row is None:
            return None
        return [self.decision(row, output) for output in range(np.PyArray_DIM(self.coef, 0))]

    def probability(self, x, names=None, unknown="raise"):
        """Return the sigmoid of the first output's decision; None as ``decisions``."""
        cdef np.ndarray row = self.row(x, names, unknown)
        cdef double z, p
        if row is None:
            return None
        z = self.decision(row, 0)
        self.kernels.sigmoids(1, &z, &p)
        return p
