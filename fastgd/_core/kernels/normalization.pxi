# Normalisation of each row: to mean 0 and variance 1, or to length 1. A row is `groups` groups of
# columns, one after the other, each normalised alone.

cdef inline void scale_and_shift(const LayerRows* job, int64_t width, real* scale,
                                 real* shift) noexcept nogil:
    """Return a row's kernel and bias, or ones and zeros in their place."""
    cdef const Row* row = job.row
    cdef const real* parameters = <const real*>job.net.parameters
    cdef int64_t j
    for j in range(width):
        scale[j] = parameters[row.kernel + j] if row.kernel >= 0 else <real>1
        shift[j] = parameters[row.bias + j] if row.bias >= 0 else <real>0


cdef void layer_norm_forward(const LayerRows* job, const real* source, real* target) noexcept nogil:
    """Compute target = (source - mean) / sqrt(variance + epsilon) kernel + bias.

    J. L. Ba, J. R. Kiros, G. E. Hinton, "Layer normalization", 2016. The mean and the inverted
    divisor are kept for the gradient.
    """
    cdef real epsilon = <real>job.settings[0]
    cdef int64_t groups = <int64_t>job.settings[1], width = job.width // groups
    cdef int64_t keep_stride = job.net.stride[job.row.keep]
    cdef const real* s
    cdef real* keep = kept_rows(job, <real>0)
    cdef real* scale = <real*>job.line
    cdef real* shift = scale + width
    cdef real* t
    cdef real mean, factor
    cdef int64_t i, j, g
    scale_and_shift(job, width, scale, shift)
    for i in range(job.rows):
        for g in range(groups):
            s = source + g * width
            t = target + g * width
            mean = row_sum(width, s) / <real>width
            for j in range(width):
                t[j] = s[j] - mean
            factor = <real>1 / square_root(row_dot(width, t, t) / <real>width + epsilon)
            keep[g] = mean
            keep[groups + g] = factor
            for j in range(width):
                t[j] = fmadd(t[j] * factor, scale[j], shift[j])
        source += job.source_stride
        target += job.stride
        keep += keep_stride


cdef void layer_norm_gradient(const LayerRows* job, const real* d_target,
                              real* d_out) noexcept nogil:
    """Compute d_out = (e - mean(e) - n mean(e n)) / sqrt(variance + epsilon), with n the normalised
    source and e = d_target kernel."""
    cdef int64_t groups = <int64_t>job.settings[1], width = job.width // groups
    cdef const real* source = <const real*>job.source
    cdef const real* keep = kept_rows(job, <real>0)
    cdef const real* s
    cdef const real* d
    cdef real* scale = <real*>job.line
    cdef real* e = scale + 2 * width
    cdef real* n
    cdef real mean, factor, first, second
    cdef int64_t i, j, g
    scale_and_shift(job, width, scale, scale + width)
    for i in range(job.rows):
        for g in range(groups):
            s = source + g * width
            d = d_target + g * width
            n = d_out + g * width
            mean = keep[g]
            factor = keep[groups + g]
            for j in range(width):
                n[j] = (s[j] - mean) * factor
                e[j] = d[j] * scale[j]
            first = row_sum(width, e) / <real>width
            second = row_dot(width, e, n) / <real>width
            for j in range(width):
                n[j] = factor * fmadd(-n[j], second, e[j] - first)
        source += job.source_stride
        keep += job.net.stride[job.row.keep]
        d_target += job.stride
        d_out += job.d_stride


cdef void layer_norm_parameters(const LayerRows* job, const real* d_target,
                                real* out) noexcept nogil:
    """Compute the gradients of kernel and bias, from the start of the flat vector `out`."""
    cdef int64_t groups = <int64_t>job.settings[1], width = job.width // groups
    cdef const real* source = <const real*>job.source
    cdef const real* keep = kept_rows(job, <real>0)
    cdef const real* s
    cdef const real* d
    cdef real* line = <real*>job.line
    cdef real* d_gamma = out + job.row.kernel if job.row.kernel >= 0 else line
    cdef real* d_beta = out + job.row.bias if job.row.bias >= 0 else line + width
    cdef real mean, factor
    cdef int64_t i, j, g
    if not job.takes_small:
        return
    fill_columns(1, width, <real>0, d_gamma, 0)
    fill_columns(1, width, <real>0, d_beta, 0)
    for i in range(job.rows):
        for g in range(groups):
            s = source + g * width
            d = d_target + g * width
            mean = keep[g]
            factor = keep[groups + g]
            for j in range(width):
                d_gamma[j] = fmadd(d[j], (s[j] - mean) * factor, d_gamma[j])
                d_beta[j] = d_beta[j] + d[j]
        source += job.source_stride
        keep += job.net.stride[job.row.keep]
        d_target += job.stride
    if job.row.kernel >= 0:
        add_shared(job, job.row.kernel, width, <const real*>out)
    if job.row.bias >= 0:
        add_shared(job, job.row.bias, width, <const real*>out)


cdef void unit_norm_forward(const LayerRows* job, const real* source, real* target) noexcept nogil:
    """Compute target = source / max(|source|, epsilon).

    The source is divided by its largest element first, so that no square overflows or vanishes. The
    factor of a row is kept, negated where it is 1 / epsilon.
    """
    cdef int64_t groups = <int64_t>job.settings[1], width = job.width // groups
    cdef int64_t keep_stride = job.net.stride[job.row.keep]
    cdef const real* s
    cdef real* keep = kept_rows(job, <real>0)
    cdef real* t
    cdef real top, length
    cdef int64_t i, j, g
    for i in range(job.rows):
        for g in range(groups):
            s = source + g * width
            t = target + g * width
            top = 0
            for j in range(width):
                top = absolute(s[j]) if absolute(s[j]) > top else top
            if top > 0:
                for j in range(width):
                    t[j] = s[j] / top
                length = square_root(row_dot(width, t, t))
            if top > 0 and top * length > <real>job.settings[0]:
                keep[g] = <real>1 / top / length
                for j in range(width):
                    t[j] = t[j] / length
            else:
                keep[g] = -<real>(1 / job.settings[0])
                for j in range(width):
                    t[j] = s[j] * -keep[g]
        source += job.source_stride
        target += job.stride
        keep += keep_stride


cdef void unit_norm_gradient(const LayerRows* job, const real* d_target,
                             real* d_out) noexcept nogil:
    """Compute d_out = (d_target - t (t . d_target)) / |source|, with t the target."""
    cdef int64_t groups = <int64_t>job.settings[1], width = job.width // groups
    cdef const real* target = <const real*>job.target
    cdef const real* keep = kept_rows(job, <real>0)
    cdef const real* t
    cdef const real* d
    cdef real* out
    cdef real along, factor
    cdef int64_t i, j, g
    for i in range(job.rows):
        for g in range(groups):
            t = target + g * width
            d = d_target + g * width
            out = d_out + g * width
            factor = absolute(keep[g])
            along = row_dot(width, t, d) if keep[g] > 0 else <real>0
            for j in range(width):
                out[j] = factor * fmadd(-along, t[j], d[j])
        target += job.stride
        keep += job.net.stride[job.row.keep]
        d_target += job.stride
        d_out += job.d_stride
