# The rectifier whose slope below 0 is a parameter: y_j = z_j where z_j > 0, else alpha_k(j) z_j.
# k(j), the number of the slope that column j uses, is setting j; setting `width` counts the slopes.
# He et al., "Delving deep into rectifiers", 2015.

cdef void prelu_forward(
    const Network* net, const Row* row, int64_t rows, const real* z, int64_t z_stride, real* y,
    int64_t y_stride,
) noexcept nogil:
    cdef const real* alpha = <const real*>net.parameters + row.kernel
    cdef const double* number = net.settings + row.settings
    cdef int64_t i, j
    cdef real z_j
    for i in range(rows):
        for j in range(net.width[row.target]):
            z_j = z[i * z_stride + j]
            y[i * y_stride + j] = z_j if z_j > 0 else alpha[<int64_t>number[j]] * z_j


cdef void prelu_gradient(
    const Network* net, const Row* row, int64_t rows, const real* z, int64_t z_stride,
    const real* d_y, int64_t y_stride, real* d_z, int64_t d_stride,
) noexcept nogil:
    cdef const real* alpha = <const real*>net.parameters + row.kernel
    cdef const double* number = net.settings + row.settings
    cdef int64_t i, j
    cdef real d
    for i in range(rows):
        for j in range(net.width[row.target]):
            d = d_y[i * y_stride + j]
            if not z[i * z_stride + j] > 0:
                d = d * alpha[<int64_t>number[j]]
            d_z[i * d_stride + j] = d


cdef void prelu_parameters(
    const Network* net, const Row* row, int64_t rows, const real* z, int64_t z_stride,
    const real* d_y, int64_t y_stride, real* gradients,
) noexcept nogil:
    """The sums over rows, in their order, and then over the columns of each slope."""
    cdef const double* number = net.settings + row.settings
    cdef int64_t width = net.width[row.target]
    cdef real* d_alpha = gradients + row.kernel
    cdef int64_t i, j
    cdef real z_j, total
    fill_columns(1, <int64_t>number[width], <real>0, d_alpha, 0)
    for j in range(width):
        total = 0
        for i in range(rows):
            z_j = z[i * z_stride + j]
            total = fmadd(d_y[i * y_stride + j], <real>0 if z_j > 0 else z_j, total)
        d_alpha[<int64_t>number[j]] = d_alpha[<int64_t>number[j]] + total
