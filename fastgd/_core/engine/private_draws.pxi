# The Python interface of private training's random numbers, see kernels/private_noise.pxi and
# kernels/private_sample.pxi. A key is a contiguous array of 8 uint32.

def add_noise(kernels, np.ndarray key, uint64_t step, double deviation, double divisor,
              np.ndarray g, int64_t begin=0, end=None):
    """Set g[i] to (g[i] + deviation z_i) / divisor for begin <= i < end; g: a contiguous vector.

    The z_i are normal numbers of the key and the step.
    """
    cdef const NetworkKernels* run = network_kernels(kernels, np.PyArray_TYPE(g))
    cdef const uint32_t* words = <const uint32_t*>address(key)
    cdef void* data = address(g)
    cdef int64_t last = g.shape[0] if end is None else end
    with nogil:
        run.add_noise(words, step, deviation, divisor, begin, last, data)


def poisson_sample(kernels, np.ndarray key, uint64_t epoch, double rate, int64_t n, int64_t most,
                   np.ndarray starts, np.ndarray order):
    """Draw the rows, of n, of all steps of an epoch, each with probability `rate` in each step.

    Those of step k are then order[starts[k]:starts[k + 1]], ascending. A step has `most` at
    most, and `order` holds as many as it can; see ``fastgd._engine.sampling.most_rows``.
    starts (steps + 1,) and order: contiguous int64.
    """
    cdef const NetworkKernels* run = network_kernels(kernels, np.NPY_DOUBLE)
    cdef PoissonSample job
    job.key = <const uint32_t*>address(key)
    job.epoch, job.rate, job.n, job.most = epoch, rate, n, most
    job.steps, job.room = starts.shape[0] - 1, order.shape[0]
    job.starts, job.order = <int64_t*>address(starts), <int64_t*>address(order)
    with nogil:
        run.draw_sample(&job)
