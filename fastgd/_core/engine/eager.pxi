# Calls from Python without a program: an optimizer's step, constraints, the order of the rows.

cdef enum:
    LOCKED_VALUES = 50000   # values that are checked without releasing the interpreter's lock


def update(kernels, np.ndarray parameters, np.ndarray gradients, state, double rate):
    """Take one step of an optimizer over flat vectors, by the code that train runs: return a
    Status.

    With state.segments the gradients may be changed.
    """
    cdef const NetworkKernels* run = network_kernels(kernels, np.PyArray_TYPE(parameters))
    cdef Optimizer optimizer = unpacked(run, state)
    cdef int64_t n = parameters.shape[0]
    cdef void* w = address(parameters)
    cdef void* g = address(gradients)
    cdef Step step
    cdef int status = STATUS_GRADIENT
    step.rate = rate
    step.iteration = optimizer.iterations[0]
    with nogil:
        if run.check_gradients(&optimizer, step.iteration, 0, n, 1, 0, g):
            run.step_scales(&optimizer, step.iteration, &step.rate, True, 1, &step.scale)
            optimizer.iterations[0] += 1
            status = run.update(&optimizer, &step, 0, n, 0, w, g)
    return status


def constrain(kernels, np.ndarray parameters, np.ndarray constraints):
    """Project variables that lie in a flat vector. constraints: of types.CONSTRAINT_ROW."""
    cdef const NetworkKernels* run = network_kernels(kernels, np.PyArray_TYPE(parameters))
    cdef Constraints all_of_them
    cdef void* w = address(parameters)
    all_of_them.rows = <const ConstraintRow*>address(constraints)
    all_of_them.count = constraints.shape[0]
    with nogil:
        run.constrain(&all_of_them, w, 1, 0)


def permutation(kernels, key, int64_t n, int64_t together=1):
    """Return the order in which an epoch with this key takes its n rows: int64, shape (n,).

    together: so many rows in a row stay together and in order, see draw_order.
    """
    cdef const NetworkKernels* run = network_kernels(kernels, np.NPY_DOUBLE)
    cdef uint64_t stream = key
    cdef np.ndarray order = numpy.empty(n, numpy.int64)
    cdef int64_t* data = <int64_t*>address(order)
    with nogil:
        draw_order(run, stream, n, together, data)
    return order


def first_nonfinite(kernels, np.ndarray x, np.ndarray rows=None):
    """Return the flat index of the first NaN or infinity in a contiguous array, or -1.

    rows : ndarray of int64, optional
        Check only these rows of x; the index is one in x[rows].
    """
    cdef const NetworkKernels* run = network_kernels(kernels, np.PyArray_TYPE(x))
    cdef const int64_t* places = places_of(rows)
    cdef const void* data = address(x)
    cdef int64_t n = np.PyArray_SIZE(x), pieces = 1
    if places != NULL:
        n = n // x.shape[0] if x.shape[0] else 0
        pieces = rows.shape[0]
    if n * pieces < LOCKED_VALUES:
        return run.find_nonfinite(n, pieces, places, data)
    with nogil:
        n = run.find_nonfinite(n, pieces, places, data)
    return n


def all_between(kernels, np.ndarray x, double low, double high, int64_t classes=0):
    """Return whether a contiguous array holds finite numbers from low to high alone, and, unless
    classes is 0, class numbers below it."""
    cdef const NetworkKernels* run = network_kernels(kernels, np.PyArray_TYPE(x))
    cdef const void* data = address(x)
    cdef int64_t n = np.PyArray_SIZE(x)
    cdef bint fine
    if n < LOCKED_VALUES:
        return run.all_between(n, data, low, high, classes)
    with nogil:
        fine = run.all_between(n, data, low, high, classes)
    return fine
