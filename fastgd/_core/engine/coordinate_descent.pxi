# The Python interface of coordinate descent, see kernels/coordinate_descent.pxi.

cdef enum:
    COORDINATE_SWEEPS = 64      # after which the residual is computed anew, at most,
    COORDINATE_WORK = 30000000  # or after about so many multiply-adds


def coordinate_descent(kernels, np.ndarray gram, np.ndarray moments, np.ndarray l1,
                       np.ndarray vector, double tol, int64_t sweeps, double seconds):
    """Minimise 1/2 w'Gw - b'w + l1'|w| in up to `sweeps` sweeps: return (sweeps taken, whether it
    ended).

    gram: (n, n), symmetric; moments, l1, vector: (n,), the last one changed in place; float64. It
    ends where no element of the subgradient of least norm is beyond tol, or where a sweep changes
    nothing but the last bits. Coordinates whose diagonal is not above zero stay.
    """
    cdef const LinearKernels* run = linear_kernels(kernels)
    cdef Coordinates c
    cdef np.ndarray left = numpy.empty(len(vector))
    cdef double deadline, largest
    cdef int64_t sweep = 0, anew
    cdef bint ended = False
    c.n = len(vector)
    anew = max(<int64_t>1, min(<int64_t>COORDINATE_SWEEPS, COORDINATE_WORK // (1 + c.n * c.n)))
    c.gram = <const double*>address(gram)
    c.moments = <const double*>address(moments)
    c.l1 = <const double*>address(l1)
    c.w = <double*>address(vector)
    c.left = <double*>address(left)
    c.tol = tol
    with nogil:
        deadline = now() + seconds
        run.form_left(&c)
        while sweep < sweeps and not ended:
            largest = run.coordinate_sweep(&c)
            sweep += 1
            if sweep % anew == 0:
                run.form_left(&c)
            if run.coordinates_end(&c, largest):
                run.form_left(&c)
                ended = run.coordinates_end(&c, largest)
            # only where a further call begins in the same state: the clock changes no bit
            if sweep % anew == 0 and now() > deadline:
                break
    return sweep, ended
