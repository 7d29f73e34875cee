# Columns that ascend: y_0 = z_0, or -softplus(z_0), and y_j = y_(j - 1) + softplus(z_j). A rounded
# sum with a number of at least 0 is never less, so they ascend in floating point, too.
#
# settings: whether the first column is -softplus(z_0)

cdef void ordered_forward(const LayerRows* job, const real* z, real* y) noexcept nogil:
    cdef const ActivationLoops* loops = activation_of(ACTIVATION_SOFTPLUS, <real>0)
    cdef int64_t i, j
    for i in range(job.rows):
        run_values(loops, <const real*>NULL, job.width, z, y)
        y[0] = -y[0] if job.settings[0] != 0 else z[0]
        for j in range(1, job.width):
            y[j] = y[j - 1] + y[j]
        z += job.source_stride
        y += job.stride


cdef void ordered_gradient(const LayerRows* job, const real* d_y, real* d_z) noexcept nogil:
    """Compute d_z_j = s_j sigmoid(z_j), s_j the sum of d_y from j on, the last column first."""
    cdef const ActivationLoops* loops = activation_of(ACTIVATION_SOFTPLUS, <real>0)
    cdef const real* z = <const real*>job.source
    cdef real* sums = <real*>job.line
    cdef int64_t i, j
    for i in range(job.rows):
        sums[job.width - 1] = d_y[job.width - 1]
        for j in range(job.width - 2, -1, -1):
            sums[j] = sums[j + 1] + d_y[j]
        run_gradient(loops, <const real*>NULL, job.width, z, z, <const real*>sums, d_z)
        d_z[0] = -d_z[0] if job.settings[0] != 0 else sums[0]
        z += job.source_stride
        d_y += job.stride
        d_z += job.d_stride
