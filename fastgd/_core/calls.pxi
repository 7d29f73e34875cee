# Functions of the user's own, written in Python: activations, losses and metrics. A program that
# has some runs on one thread and takes the interpreter's lock for each of them; everything else of
# its step stays compiled. What a function raises ends the span and is raised by the program.

cdef class Functions:
    """The Python side of a plan's functions, and what one of them has raised.

    An activation is an object with ``value(z)`` and ``gradient(z, d_y)``, a loss has
    ``values_and_slopes(y, p, weighted)`` and a metric ``update_state(y, p, weights)``; all take
    matrices.
    """

    cdef list functions
    cdef object raised
    cdef int64_t failed

    def __init__(self, functions):
        self.functions = list(functions)
        self.raised = None
        self.failed = 0

    cdef raise_it(self):
        """Raise what a function has raised."""
        raised = self.raised
        if raised is not None:
            self.raised = None
            self.failed = 0
            raise raised


cdef inline bint has_failed(const Network* net) noexcept nogil:
    """Whether a function of the user's has raised something."""
    return net.failed != NULL and net.failed[0] != 0


cdef np.ndarray rows_of(int64_t rows, int64_t width, const real* data, int64_t stride):
    """A fresh matrix of rows that are `stride` apart."""
    cdef np.npy_intp[2] shape
    cdef np.ndarray made
    shape[0] = rows
    shape[1] = width
    made = np.PyArray_EMPTY(2, shape, np.NPY_FLOAT if real is float else np.NPY_DOUBLE, 0)
    copy_columns(rows, width, data, stride, <real*>address(made), width)
    return made


cdef put(result, int64_t rows, int64_t width, real* data, int64_t stride):
    """Write what a function has returned into rows that are `stride` apart."""
    cdef np.ndarray found = numpy.ascontiguousarray(
        result, dtype=numpy.float32 if real is float else numpy.float64)
    if found.ndim != 2 or found.shape[0] != rows or found.shape[1] != width:
        raise ShapeError(
            f"a function of a model: expected a result of shape {(rows, width)}, "
            f"got {numpy.shape(result)}")
    copy_columns(rows, width, <const real*>address(found), width, data, stride)


cdef inline Functions functions_of(const Network* net):
    return <Functions><object>net.functions


cdef void call_activation(
    const Network* net, const double* settings, int64_t rows, int64_t width, const real* z,
    int64_t z_stride, real* y, int64_t y_stride,
) noexcept with gil:
    """y = function(z)."""
    cdef Functions own = functions_of(net)
    if own.failed:
        return
    try:
        function = own.functions[<int64_t>settings[0]]
        put(function.value(rows_of(rows, width, z, z_stride)), rows, width, y, y_stride)
    except BaseException as error:
        own.raised = error
        own.failed = 1


cdef void call_activation_gradient(
    const Network* net, const double* settings, int64_t rows, int64_t width, const real* z,
    int64_t z_stride, const real* d_y, int64_t y_stride, real* d_z,
) noexcept with gil:
    """d_z = d_y function'(z)."""
    cdef Functions own = functions_of(net)
    if own.failed:
        return
    try:
        function = own.functions[<int64_t>settings[0]]
        found = function.gradient(
            rows_of(rows, width, z, z_stride), rows_of(rows, width, d_y, y_stride))
        put(found, rows, width, d_z, z_stride)
    except BaseException as error:
        own.raised = error
        own.failed = 1


cdef void call_loss(
    const Network* net, const LossTerm* term, int64_t rows, int64_t width, int64_t stride,
    const real* p, const real* y, const real* numerators, int64_t step, real denominator,
    real* values, real* d_p,
) noexcept with gil:
    """As loss_rows: the function gives the loss of each row, and the gradient of their sum."""
    cdef Functions own = functions_of(net)
    cdef real factor = <real>1 / denominator
    cdef int64_t i, j
    if own.failed:
        return
    try:
        function = own.functions[<int64_t>net.settings[term.settings]]
        found, slopes = function.values_and_slopes(
            rows_of(rows, term.columns, y, net.target_width), rows_of(rows, width, p, stride),
            term.weight_column >= 0)
        put(numpy.reshape(found, (-1, 1)), rows, 1, values, 1)
        if d_p != NULL:
            put(slopes, rows, width, d_p, stride)
            for i in range(rows):
                for j in range(width):
                    d_p[i * stride + j] = (numerators[i * step] * factor) * d_p[i * stride + j]
    except BaseException as error:
        own.raised = error
        own.failed = 1


cdef void call_metric(
    const Network* net, const MetricTerm* metric, int64_t rows, const real* p, const real* y,
) noexcept with gil:
    """Let a metric take in the rows of a batch."""
    cdef Functions own = functions_of(net)
    if own.failed:
        return
    try:
        function = own.functions[<int64_t>net.settings[metric.settings]]
        weights = None
        if metric.weight_column >= 0:
            weights = rows_of(rows, 1, y + metric.weight_column, net.target_width)[:, 0]
        function.update_state(
            rows_of(rows, metric.columns, y + metric.y_column, net.target_width),
            rows_of(rows, net.width[metric.source], p, net.stride[metric.source]), weights)
    except BaseException as error:
        own.raised = error
        own.failed = 1
