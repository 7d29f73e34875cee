# Gradient descent by the Gram matrix, see kernels/gram_descent.pxi.

def gram_descent(
    kernels, np.ndarray gram, np.ndarray theta, double alpha, double limit, int64_t iterations,
    double seconds,
):
    """Take up to so many iterations of descent by the Gram matrix: (how many it took, Status).

    gram: what weighted_gram returned at the end, for rows without weights or shift and k targets.
    theta: float64, shape (k, d), changed in place; an iteration that would take an element beyond
    the limit is not taken.
    """
    cdef const LinearKernels* run = linear_kernels(kernels)
    cdef GramDescent job
    cdef int status
    job.d = gram.shape[1]
    job.k = theta.shape[0]
    job.stride = gram.shape[2]
    job.gradient_stride = (job.d + run.lanes - 1) // run.lanes * run.lanes
    cdef np.ndarray moments = gram[0, :, job.d + 1:].T.copy()
    cdef np.ndarray gradient = numpy.empty(job.k * job.gradient_stride)
    cdef np.ndarray panel = numpy.empty(run.panel_bytes, numpy.uint8)
    job.gram = <const double*>address(gram)
    job.moments = <const double*>address(moments)
    job.theta = <double*>address(theta)
    job.gradient = <double*>address(gradient)
    job.panel = <double*>address(panel)
    job.alpha = alpha
    job.limit = limit
    job.iteration = 0
    job.last = iterations
    with nogil:
        job.deadline = now() + seconds
        status = run.gram_descent(&job)
    return job.iteration, status
