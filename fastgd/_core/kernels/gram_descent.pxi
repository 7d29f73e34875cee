# Gradient descent by a Gram matrix. An iteration does not read the data.

cdef int gram_descent(GramDescent* job) noexcept nogil:
    """Iterate from job.iteration to job.last or the deadline: return a Status.

    It ends before an iteration whose theta would pass the limit.
    """
    cdef int64_t d = job.d, looks = 1 + 1000000 // (1000 + d * d * job.k)
    cdef int64_t next_look = job.iteration + looks, output, i
    cdef double* slope
    cdef int64_t beyond
    cdef Product p
    while job.iteration < job.last:
        p = Product(
            M=job.k, N=d, K=d, A=job.theta, a_row=d, a_col=1, B=job.gram, b_row=job.stride,
            b_col=1, start=NULL, start_row=0, C=job.gradient, c_row=job.gradient_stride,
            spill=job.k, finish=FINISH_NONE, gate=job.gradient, panel=job.panel)
        product(&p, <double>0)
        beyond = 0
        for output in range(job.k):
            slope = job.gradient + output * job.gradient_stride
            for i in range(d):
                slope[i] = fmadd(-job.alpha, slope[i] - job.moments[output * d + i],
                                 job.theta[output * d + i])
                beyond += not absolute(slope[i]) <= job.limit
        if beyond:
            return STATUS_UPDATE
        for output in range(job.k):
            copy_row(d, job.gradient + output * job.gradient_stride, job.theta + output * d)
        job.iteration += 1
        if job.iteration >= next_look:
            if now() > job.deadline:
                break
            next_look = job.iteration + looks
    return STATUS_FINE
