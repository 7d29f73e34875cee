# The rectifier whose slope below 0 is a parameter: y_j = z_j where z_j > 0, else alpha_k(j) z_j.
# k(j), the number of the slope of column j, is setting j; setting `width` is the number of slopes.
# He et al., "Delving deep into rectifiers", 2015.

cdef void prelu_forward(const LayerRows* job, const real* z, real* y) noexcept nogil:
    cdef const real* alpha = kernel_of(job, <real>0)
    cdef int64_t i, j
    cdef real z_j
    for i in range(job.rows):
        for j in range(job.width):
            z_j = z[i * job.source_stride + j]
            y[i * job.stride + j] = z_j if z_j > 0 else alpha[<int64_t>job.settings[j]] * z_j


cdef void prelu_gradient(const LayerRows* job, const real* d_y, real* d_z) noexcept nogil:
    cdef const real* alpha = kernel_of(job, <real>0)
    cdef const real* z = <const real*>job.source
    cdef int64_t i, j
    cdef real d
    for i in range(job.rows):
        for j in range(job.width):
            d = d_y[i * job.stride + j]
            if not z[i * job.source_stride + j] > 0:
                d = d * alpha[<int64_t>job.settings[j]]
            d_z[i * job.d_stride + j] = d


cdef void prelu_parameters(const LayerRows* job, const real* d_y, real* out) noexcept nogil:
    """Compute the sums over rows, in their order, and then over the columns of each slope."""
    cdef const real* z = <const real*>job.source
    cdef int64_t count = <int64_t>job.settings[job.width]
    cdef real* d_alpha = out + job.row.kernel
    cdef int64_t i, j
    cdef real z_j, total
    if not job.takes_small:
        return
    fill_columns(1, count, <real>0, d_alpha, 0)
    for j in range(job.width):
        total = 0
        for i in range(job.rows):
            z_j = z[i * job.source_stride + j]
            total = fmadd(d_y[i * job.stride + j], <real>0 if z_j > 0 else z_j, total)
        d_alpha[<int64_t>job.settings[j]] = d_alpha[<int64_t>job.settings[j]] + total
    add_shared(job, job.row.kernel, count, <const real*>out)
