# Columns shifted and scaled by fixed numbers: rescaling, and normalisation by given moments.
#
# settings:
#   AFFINE_RESCALE      the scale of each column, then the offset of each
#   AFFINE_NORMALIZE, AFFINE_RESTORE
#       epsilon, how many moments `state` has, then for each column the number of its moment;
#       without a state 0, then the mean of each column and the variance of each

cdef void affine_factors(const LayerRows* job, real* shift, real* factor) noexcept nogil:
    """Compute the mean of each column and its deviation; for a rescaling its offset and scale."""
    cdef const real* state = <const real*>job.net.parameters + job.row.state
    cdef const double* settings = job.settings
    cdef int64_t width = job.width
    cdef real epsilon = <real>settings[0]
    cdef int64_t j, k, count
    if job.row.kind == AFFINE_RESCALE:
        for j in range(width):
            factor[j] = <real>settings[j]
            shift[j] = <real>settings[width + j]
        return
    count = <int64_t>settings[1]
    settings += 2
    for j in range(width):
        if count > 0:
            k = <int64_t>settings[j]
            shift[j] = state[k]
            factor[j] = square_root(state[count + k])
        else:
            shift[j] = <real>settings[j]
            factor[j] = square_root(<real>settings[width + j])
        factor[j] = max(factor[j], epsilon)


cdef void affine_forward(const LayerRows* job, const real* source, real* target) noexcept nogil:
    cdef int64_t width = job.width
    cdef real* shift = <real*>job.line
    cdef real* factor = shift + width
    cdef int64_t i, j
    affine_factors(job, shift, factor)
    for i in range(job.rows):
        if job.row.kind == AFFINE_NORMALIZE:
            for j in range(width):
                target[j] = (source[j] - shift[j]) / factor[j]
        else:
            for j in range(width):
                target[j] = fmadd(source[j], factor[j], shift[j])
        source += job.source_stride
        target += job.stride


cdef void affine_gradient(const LayerRows* job, const real* d_target, real* d_out) noexcept nogil:
    cdef int64_t width = job.width
    cdef real* shift = <real*>job.line
    cdef real* factor = shift + width
    cdef int64_t i, j
    affine_factors(job, shift, factor)
    for i in range(job.rows):
        if job.row.kind == AFFINE_NORMALIZE:
            for j in range(width):
                d_out[j] = d_target[j] / factor[j]
        else:
            for j in range(width):
                d_out[j] = d_target[j] * factor[j]
        d_target += job.stride
        d_out += job.d_stride
