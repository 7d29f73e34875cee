# Normalisation of each row by itself: to mean 0 and variance 1, or to length 1. A row is `groups`
# groups of columns, one after the other, each normalised alone.

cdef inline void scale_and_shift(
    const Network* net, const Row* row, int64_t width, real* scale, real* shift,
) noexcept nogil:
    """A row's kernel and bias, or what does nothing in their place."""
    cdef const real* parameters = <const real*>net.parameters
    cdef int64_t j
    for j in range(width):
        scale[j] = parameters[row.kernel + j] if row.kernel >= 0 else <real>1
        shift[j] = parameters[row.bias + j] if row.bias >= 0 else <real>0


cdef void layer_norm_forward(
    const Network* net, const Row* row, int64_t first_row, int64_t rows, const real* x,
    void* scratch,
) noexcept nogil:
    """target = (source - mean) / sqrt(variance + epsilon) kernel + bias.

    J. L. Ba, J. R. Kiros, G. E. Hinton, "Layer normalization", 2016. What is divided by, inverted,
    and the mean are kept for the gradient.
    """
    cdef const double* settings = net.settings + row.settings
    cdef real epsilon = <real>settings[0]
    cdef int64_t groups = <int64_t>settings[1]
    cdef int64_t width = net.width[row.target] // groups
    cdef int64_t stride = net.stride[row.target]
    cdef int64_t keep_stride = net.stride[row.keep]
    cdef const real* source = values_at(net, x, row.source, first_row)
    cdef const real* s
    cdef real* target = buffer_at(net, <real*>net.values, row.target) + first_row * stride
    cdef real* keep = buffer_at(net, <real*>net.values, row.keep) + first_row * keep_stride
    cdef real* scale = <real*>(<char*>scratch + net.line_start)
    cdef real* shift = scale + width
    cdef real* t
    cdef real mean, factor
    cdef int64_t i, j, g
    scale_and_shift(net, row, width, scale, shift)
    for i in range(rows):
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
        source += net.stride[row.source]
        target += stride
        keep += keep_stride


cdef void layer_norm_gradient(
    const Network* net, const Row* row, int64_t first_row, int64_t rows, const real* x,
    const real* d_target, real* d_out, int64_t d_stride, void* scratch,
) noexcept nogil:
    """With n the normalised source and e = d_target kernel,
    d_out = (e - mean(e) - n mean(e n)) / sqrt(variance + epsilon)."""
    cdef int64_t groups = <int64_t>net.settings[row.settings + 1]
    cdef int64_t width = net.width[row.target] // groups
    cdef const real* source = values_at(net, x, row.source, first_row)
    cdef const real* keep = values_at(net, x, row.keep, first_row)
    cdef const real* s
    cdef const real* d
    cdef real* scale = <real*>(<char*>scratch + net.line_start)
    cdef real* e = scale + 2 * width
    cdef real* n
    cdef real mean, factor, first, second
    cdef int64_t i, j, g
    scale_and_shift(net, row, width, scale, scale + width)
    for i in range(rows):
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
        source += net.stride[row.source]
        keep += net.stride[row.keep]
        d_target += net.stride[row.target]
        d_out += d_stride


cdef void layer_norm_parameters(
    const Network* net, const Row* row, int64_t first_row, int64_t rows, const real* x,
    const real* d_target, real* out, void* scratch,
) noexcept nogil:
    """The gradients of kernel and bias, from the start of the flat vector `out`."""
    cdef int64_t groups = <int64_t>net.settings[row.settings + 1]
    cdef int64_t width = net.width[row.target] // groups
    cdef const real* source = values_at(net, x, row.source, first_row)
    cdef const real* keep = values_at(net, x, row.keep, first_row)
    cdef const real* s
    cdef const real* d
    cdef real* line = <real*>(<char*>scratch + net.line_start)
    cdef real* d_gamma = out + row.kernel if row.kernel >= 0 else line
    cdef real* d_beta = out + row.bias if row.bias >= 0 else line + width
    cdef real mean, factor
    cdef int64_t i, j, g
    fill_columns(1, width, <real>0, d_gamma, 0)
    fill_columns(1, width, <real>0, d_beta, 0)
    for i in range(rows):
        for g in range(groups):
            s = source + g * width
            d = d_target + g * width
            mean = keep[g]
            factor = keep[groups + g]
            for j in range(width):
                d_gamma[j] = fmadd(d[j], (s[j] - mean) * factor, d_gamma[j])
                d_beta[j] = d_beta[j] + d[j]
        source += net.stride[row.source]
        keep += net.stride[row.keep]
        d_target += net.stride[row.target]


cdef void unit_norm_forward(
    const Network* net, const Row* row, int64_t first_row, int64_t rows, const real* x,
) noexcept nogil:
    """target = source / max(|source|, epsilon).

    The largest element is divided out first, so that no square overflows or vanishes. What the row
    is multiplied by is kept, with a minus where that is 1 / epsilon.
    """
    cdef const double* settings = net.settings + row.settings
    cdef int64_t groups = <int64_t>settings[1]
    cdef int64_t width = net.width[row.target] // groups
    cdef int64_t stride = net.stride[row.target]
    cdef int64_t keep_stride = net.stride[row.keep]
    cdef const real* source = values_at(net, x, row.source, first_row)
    cdef const real* s
    cdef real* target = buffer_at(net, <real*>net.values, row.target) + first_row * stride
    cdef real* keep = buffer_at(net, <real*>net.values, row.keep) + first_row * keep_stride
    cdef real* t
    cdef real top, length
    cdef int64_t i, j, g
    for i in range(rows):
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
            if top > 0 and top * length > <real>settings[0]:
                keep[g] = <real>1 / top / length
                for j in range(width):
                    t[j] = t[j] / length
            else:
                keep[g] = -<real>(1 / settings[0])
                for j in range(width):
                    t[j] = s[j] * -keep[g]
        source += net.stride[row.source]
        target += stride
        keep += keep_stride


cdef void unit_norm_gradient(
    const Network* net, const Row* row, int64_t first_row, int64_t rows, const real* x,
    const real* d_target, real* d_out, int64_t d_stride,
) noexcept nogil:
    """With t the target, d_out = (d_target - t (t . d_target)) / |source|."""
    cdef int64_t groups = <int64_t>net.settings[row.settings + 1]
    cdef int64_t width = net.width[row.target] // groups
    cdef const real* target = values_at(net, x, row.target, first_row)
    cdef const real* keep = values_at(net, x, row.keep, first_row)
    cdef const real* t
    cdef const real* d
    cdef real* out
    cdef real along, factor
    cdef int64_t i, j, g
    for i in range(rows):
        for g in range(groups):
            t = target + g * width
            d = d_target + g * width
            out = d_out + g * width
            factor = absolute(keep[g])
            along = row_dot(width, t, d) if keep[g] > 0 else <real>0
            for j in range(width):
                out[j] = factor * fmadd(-along, t[j], d[j])
        target += net.stride[row.target]
        keep += net.stride[row.keep]
        d_target += net.stride[row.target]
        d_out += d_stride
