# User-defined activations, losses and metrics, written in Python. A program that has some runs on
# one thread and takes the interpreter's lock for each of them; everything else of its step stays
# compiled. An exception in a function ends the span, and the program raises it.

cdef class Functions:
    """Hold the Python side of a plan's functions, and the exception that one of them has raised.

    An activation is an object with ``value(z)`` and ``gradient(z, d_y)``, a loss has
    ``values_and_slopes(y, p, weighted)``, and ``values`` for rows that are evaluated, and a metric
    ``update_state(y, p, weights)``; all take matrices.
    """

    cdef list functions
    cdef object raised
    cdef Calls calls

    def __init__(self, functions):
        self.functions = list(functions)
        self.raised = None
        self.calls.activation = call_activation
        self.calls.activation_gradient = call_activation_gradient
        self.calls.loss = call_loss
        self.calls.metric = call_metric
        self.calls.functions = <void*>self
        self.calls.failed = 0

    cdef raise_it(self):
        """Raise the exception of a function, if there is one."""
        raised = self.raised
        if raised is not None:
            self.raised = None
            self.calls.failed = 0
            raise raised

    cdef fail(self, error):
        self.raised = error
        self.calls.failed = 1


cdef np.ndarray array_of(const Network* net, const Matrix* rows):
    """Return a new array with the values of a matrix."""
    cdef np.npy_intp[2] shape
    cdef np.ndarray made
    shape[0] = rows.rows
    shape[1] = rows.width
    made = np.PyArray_EMPTY(2, shape, np.NPY_FLOAT if net.single else np.NPY_DOUBLE, 0)
    copy_matrix(net, rows, rows.data, rows.stride, address(made), rows.width)
    return made


cdef put(const Network* net, result, const Matrix* rows):
    """Write the result of a function into a matrix."""
    cdef np.ndarray found = numpy.ascontiguousarray(
        result, dtype=numpy.float32 if net.single else numpy.float64)
    if found.ndim != 2 or found.shape[0] != rows.rows or found.shape[1] != rows.width:
        raise ShapeError(
            f"a function of a model: expected a result of shape {(rows.rows, rows.width)}, "
            f"got {numpy.shape(result)}")
    copy_matrix(net, rows, address(found), rows.width, rows.data, rows.stride)


cdef void copy_matrix(const Network* net, const Matrix* rows, const void* source,
                      int64_t source_stride, void* target, int64_t stride) noexcept:
    """Copy rows of the matrix's size; the strides are in elements."""
    cdef int64_t i
    for i in range(rows.rows):
        memcpy(<void*>element(net, target, i * stride), element(net, source, i * source_stride),
               rows.width * itemsize(net))


cdef inline Functions functions_of(const Network* net):
    return <Functions><object>net.calls.functions


cdef void call_activation(const Network* net, int64_t number, const Matrix* z,
                          const Matrix* y) noexcept with gil:
    cdef Functions own = functions_of(net)
    if own.calls.failed:
        return
    try:
        put(net, own.functions[number].value(array_of(net, z)), y)
    except BaseException as error:
        own.fail(error)


cdef void call_activation_gradient(const Network* net, int64_t number, const Matrix* z,
                                   const Matrix* d_y, const Matrix* d_z) noexcept with gil:
    cdef Functions own = functions_of(net)
    if own.calls.failed:
        return
    try:
        put(net, own.functions[number].gradient(array_of(net, z), array_of(net, d_y)), d_z)
    except BaseException as error:
        own.fail(error)


cdef void call_loss(const Network* net, const LossTerm* term, const Matrix* y, const Matrix* p,
                    const Matrix* values, const Matrix* slopes) noexcept with gil:
    cdef Functions own = functions_of(net)
    if own.calls.failed:
        return
    try:
        function = own.functions[<int64_t>net.settings[term.settings]]
        call = function.values if slopes == NULL else function.values_and_slopes
        found, d_p = call(array_of(net, y), array_of(net, p), term.weight_column >= 0)
        put(net, numpy.reshape(found, (-1, 1)), values)
        if slopes != NULL:
            put(net, d_p, slopes)
    except BaseException as error:
        own.fail(error)


cdef void call_metric(const Network* net, const MetricTerm* metric, const Matrix* y,
                      const Matrix* p, const Matrix* weights) noexcept with gil:
    cdef Functions own = functions_of(net)
    if own.calls.failed:
        return
    try:
        function = own.functions[<int64_t>net.settings[metric.settings]]
        function.update_state(
            array_of(net, y), array_of(net, p),
            None if weights == NULL else array_of(net, weights)[:, 0])
    except BaseException as error:
        own.fail(error)
