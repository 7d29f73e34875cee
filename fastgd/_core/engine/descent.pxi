# Batch gradient descent for least squares: by passes over x, see kernels/descent.pxi, or by the
# Gram matrix, see kernels/gram_descent.pxi.

cdef void descend(void* task, Team* team, int64_t rank) noexcept nogil:
    """Iterate from job.iteration to job.last or the deadline.

    Each member computes some of the sums, and the first one takes the step. It ends before an
    iteration whose theta would not be finite.
    """
    cdef LeastSquaresDescent* job = <LeastSquaresDescent*>task
    cdef int64_t stride = (job.d + DESCENT_CHUNK - 1) // DESCENT_CHUNK * DESCENT_CHUNK
    cdef int64_t looks = 1 + 1000000 // (1000 + job.n * job.d * job.k)
    cdef int64_t next_look = job.iteration + looks
    cdef int64_t begin = share_begin(job.count, 1, team.size, rank)
    cdef int64_t end = share_begin(job.count, 1, team.size, rank + 1)
    cdef void* gradient = job.scratch + rank * job.scratch_size
    cdef int64_t iteration = job.iteration, last = job.last, met = 0
    while iteration < last:
        job.kernels.descent_sums(job, begin, end, job.x, job.y, job.theta, gradient)
        meet(team, &met)
        iteration += 1
        if rank == 0:
            if not job.kernels.descent_step(job, job.k * stride, job.theta):
                raise_flag(team, UPDATE_FLAG)
            elif iteration >= next_look:
                next_look = iteration + looks
                if now() > job.deadline:
                    raise_flag(team, END_FLAG)
        meet(team, &met)
        if flags(team):
            break
    if rank == 0:
        job.status = STATUS_UPDATE if flags(team) & UPDATE_FLAG else STATUS_FINE
        job.iteration = iteration - (job.status == STATUS_UPDATE)


cdef struct DescentShare:
    LeastSquaresDescent* job
    int64_t begin, end      # of the sums


cdef void share_of_sums(void* task, Team* team, int64_t rank) noexcept nogil:
    """Compute some of the sums of one pass."""
    cdef DescentShare* share = <DescentShare*>task
    cdef LeastSquaresDescent* job = share.job
    cdef int64_t count = share.end - share.begin
    job.kernels.descent_sums(
        job, share.begin + share_begin(count, 1, team.size, rank),
        share.begin + share_begin(count, 1, team.size, rank + 1),
        job.x, job.y, job.theta, job.scratch + rank * job.scratch_size)


cdef tuple lay_out_descent(LeastSquaresDescent* job, kernels, np.ndarray x, np.ndarray y,
                           np.ndarray theta, int64_t threads):
    """Fill a job but for its iterations; return what it points to: theta in whole chunks, sums (k,
    stride), and scratch."""
    cdef int64_t d = x.shape[1], k = theta.shape[0]
    cdef int64_t stride = (d + DESCENT_CHUNK - 1) // DESCENT_CHUNK * DESCENT_CHUNK
    cdef np.ndarray padded = numpy.zeros((k, stride), x.dtype)
    padded[:, :d] = theta
    job.kernels = network_kernels(kernels, np.PyArray_TYPE(x))
    job.n = x.shape[0]
    job.d = d
    job.k = k
    job.count = min(<int64_t>DESCENT_SUMS, (job.n + DESCENT_BLOCK - 1) // DESCENT_BLOCK)
    job.scratch_size = (
        (stride + DESCENT_GROUP * d + DESCENT_CHUNK) * x.itemsize + 63) // 64 * 64
    cdef np.ndarray sums = numpy.zeros((job.count, k, stride))
    cdef np.ndarray scratch = numpy.empty(threads * job.scratch_size, numpy.uint8)
    job.x = address(x)
    job.y = address(y)
    job.theta = address(padded)
    job.sums = <double*>address(sums)
    job.scratch = <char*>address(scratch)
    return padded, sums, scratch


def least_squares_descent(kernels, np.ndarray x, np.ndarray y, np.ndarray theta, double alpha,
                          int64_t iterations, double seconds, int64_t threads=1):
    """Take up to `iterations` iterations of batch gradient descent: return (iterations taken,
    Status).

    x: (n, d); y: (n, k); theta: (k, d), changed in place. All of them share the data type.
    """
    cdef LeastSquaresDescent job
    arrays = lay_out_descent(&job, kernels, x, y, theta, threads)
    job.alpha = alpha
    job.iteration = 0
    job.last = iterations
    with nogil:
        job.deadline = now() + seconds
        run_team(threads, descend, &job)
    theta[...] = arrays[0][:, :job.d]
    return job.iteration, job.status


def descent_sums(kernels, np.ndarray x, np.ndarray y, np.ndarray theta, int64_t rank,
                 int64_t ranks, int64_t threads=1):
    """Return the sums of an iteration's gradient that one of several processes computes.

    x, y, theta: as for least_squares_descent. The result, (sums, k, d), is 0 where others compute;
    added up over all processes, and then from its first sum to its last, it is the gradient.
    """
    cdef LeastSquaresDescent job
    cdef DescentShare share
    arrays = lay_out_descent(&job, kernels, x, y, theta, threads)
    share.job = &job
    share.begin = share_begin(job.count, 1, ranks, rank)
    share.end = share_begin(job.count, 1, ranks, rank + 1)
    with nogil:
        run_team(threads, share_of_sums, &share)
    return numpy.ascontiguousarray(arrays[1][:, :, :job.d])


def gram_descent(kernels, np.ndarray gram, np.ndarray theta, double alpha, double limit,
                 int64_t iterations, double seconds):
    """Take up to `iterations` iterations by the Gram matrix: return (iterations taken, Status).

    gram: the result of weighted_gram for rows without weights or shift and k targets. theta:
    float64, shape (k, d), changed in place. It ends before an iteration that would take an element
    beyond the limit.
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
