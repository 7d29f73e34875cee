# The Python interface of dense linear algebra, see kernels/algebra.pxi.

cdef np.ndarray doubles(np.ndarray a):
    """Return an array as contiguous float64: itself, if it is."""
    if np.PyArray_TYPE(a) == np.NPY_DOUBLE and np.PyArray_ISCARRAY_RO(a):
        return a
    return numpy.ascontiguousarray(a, numpy.float64)


def dot(kernels, np.ndarray x, np.ndarray y):
    """Return the sum of the products of two vectors of the same length."""
    cdef double found
    x, y = doubles(x), doubles(y)
    if x.shape[0] != y.shape[0]:
        raise ShapeError(f"dot: expected vectors of one length, got {len(x)} and {len(y)}")
    linear_kernels(kernels).row_products(
        1, 1, x.shape[0], <const double*>address(x), <const double*>address(y), &found)
    return found


def row_products(kernels, np.ndarray a, np.ndarray b):
    """Return a @ b.T for matrices a (m, k) and b (n, k)."""
    cdef const LinearKernels* run = linear_kernels(kernels)
    cdef np.ndarray out = numpy.empty((len(a), len(b)))
    cdef int64_t m = len(a), n = len(b)
    a, b = doubles(a), doubles(b)
    cdef int64_t k = a.shape[1]
    cdef const double* a_data = <const double*>address(a)
    cdef const double* b_data = <const double*>address(b)
    cdef double* out_data = <double*>address(out)
    if b.shape[1] != k:
        raise ShapeError(f"row_products: expected rows of one length, got {k} and {b.shape[1]}")
    with nogil:
        run.row_products(m, n, k, a_data, b_data, out_data)
    return out


def cholesky(kernels, np.ndarray matrix):
    """Return (L, the smallest square on its diagonal), L L^T = matrix (n, n), lower half read.

    The square is 0 if the matrix is not positive definite; L is then of no use. Above its diagonal
    stands anything.
    """
    cdef const LinearKernels* run = linear_kernels(kernels)
    cdef np.ndarray lower = numpy.array(matrix, numpy.float64, order="C")
    cdef int64_t n = len(lower)
    cdef np.ndarray room = aligned_zeros((n + 1) * run.lanes, numpy.float64)
    cdef double* data = <double*>address(lower)
    cdef double* room_data = <double*>address(room)
    cdef double smallest
    with nogil:
        smallest = run.cholesky(n, data, room_data)
    return lower, smallest


def cholesky_solve(kernels, np.ndarray lower, np.ndarray right):
    """Return the solutions x of L L^T x = row for each row of right (k, n), as its rows."""
    cdef const LinearKernels* run = linear_kernels(kernels)
    cdef np.ndarray found = numpy.array(right, numpy.float64, order="C")
    cdef int64_t n = lower.shape[0], k = found.shape[0]
    lower = doubles(lower)
    cdef const double* lower_data = <const double*>address(lower)
    cdef double* data = <double*>address(found)
    if found.shape[1] != n:
        raise ShapeError(f"cholesky_solve: expected rows of {n} numbers, got {found.shape[1]}")
    with nogil:
        run.cholesky_solve(n, k, lower_data, data)
    return found


def eigenvalues(kernels, np.ndarray matrix, bint vectors=False):
    """Return (the eigenvalues of a symmetric matrix (n, n), ascending; their vectors as rows).

    Only the lower half is read. The vectors are None unless they are asked for.
    """
    cdef const LinearKernels* run = linear_kernels(kernels)
    # a power of two brings the largest element to about 1: no square is out of range
    exponent = numpy.frexp(numpy.abs(matrix).max(initial=0.0))[1]
    # the kernel reads the upper half
    cdef np.ndarray copy = numpy.ldexp(matrix.T, -exponent, order="C")
    cdef int64_t n = len(copy)
    cdef np.ndarray values = numpy.empty(n), room = numpy.empty(4 * n)
    cdef np.ndarray found = numpy.empty((n if vectors else 0, n))
    cdef double* copy_data = <double*>address(copy)
    cdef double* values_data = <double*>address(values)
    cdef double* found_data = <double*>address(found) if vectors else NULL
    cdef double* room_data = <double*>address(room)
    cdef bint converged
    with nogil:
        converged = run.eigenvalues(n, copy_data, values_data, found_data, room_data)
    if not converged:
        raise DivergenceError("the eigenvalues of a matrix do not converge: are all its "
                              "elements finite?")
    order = numpy.argsort(values, kind="stable")  # of equal ones, too
    return numpy.ldexp(values[order], exponent), found[order] if vectors else None


def logarithms(kernels, np.ndarray x):
    """Return the logarithms of an array, float64; -inf at 0, NaN below."""
    cdef const NetworkKernels* run = network_kernels(kernels, np.NPY_DOUBLE)
    cdef np.ndarray given = doubles(x)
    cdef np.ndarray out = numpy.empty(numpy.shape(x))
    cdef const double* data = <const double*>address(given)
    cdef double* values = <double*>address(out)
    cdef int64_t i
    for i in range(given.size):
        values[i] = run.logarithm(data[i])
    return out


def sigmoids(kernels, np.ndarray x):
    """Return 1 / (1 + e^-x) of an array, float64."""
    cdef np.ndarray given = doubles(x)
    cdef np.ndarray out = numpy.empty(numpy.shape(x))
    linear_kernels(kernels).sigmoids(
        given.size, <const double*>address(given), <double*>address(out))
    return out
