# Activations, forward and backward, over whole buffers. The kinds that a dense layer applies in
# place take their derivative from the output, and never read z.

cdef void activate(
    int64_t kind, const double* settings, int64_t rows, int64_t width, int64_t stride,
    const real* z, real* y,
) noexcept nogil:
    """y = kind(z), for `rows` rows of `width` values, `stride` apart; y may be z.

    Elementwise kinds run through the padding between the rows too.
    """
    cdef int64_t i
    cdef int64_t n = rows * stride
    if kind == ACTIVATION_RELU:
        for i in range(n):
            y[i] = <real>0 if z[i] < 0 else z[i]  # NaN stays NaN
    elif kind == ACTIVATION_SIGMOID:
        for i in range(n):
            y[i] = sigmoid(z[i])
    elif kind == ACTIVATION_TANH:
        for i in range(n):
            y[i] = hyperbolic_tangent(z[i])
    elif kind == ACTIVATION_SOFTMAX:
        for i in range(rows):
            softmax(width, z + i * stride, y + i * stride)
    elif kind == ACTIVATION_LOG_SOFTMAX:
        for i in range(rows):
            log_softmax(width, z + i * stride, y + i * stride)
    elif kind != ACTIVATION_LINEAR:
        activate_points(kind, settings, n, z, y)
    elif y != z:
        for i in range(n):
            y[i] = z[i]


cdef void activation_gradient(
    int64_t kind, const double* settings, int64_t rows, int64_t width, int64_t stride,
    const real* z, const real* y, const real* d_y, real* d_z,
) noexcept nogil:
    """d_z = d_y kind'(z), with y = kind(z); d_z may be d_y."""
    cdef real d
    cdef int64_t i
    cdef int64_t n = rows * stride
    if kind == ACTIVATION_RELU:
        for i in range(n):
            d = d_y[i]  # loaded in any case: a masked load is slower
            d_z[i] = d if y[i] > 0 else <real>0
    elif kind == ACTIVATION_SIGMOID:
        for i in range(n):
            d_z[i] = d_y[i] * (y[i] * (<real>1 - y[i]))
    elif kind == ACTIVATION_TANH:
        for i in range(n):
            d_z[i] = d_y[i] * (<real>1 - y[i] * y[i])
    elif kind == ACTIVATION_SOFTMAX:
        for i in range(rows):
            softmax_gradient(width, y + i * stride, d_y + i * stride, d_z + i * stride)
    elif kind == ACTIVATION_LOG_SOFTMAX:
        for i in range(rows):
            log_softmax_gradient(width, y + i * stride, d_y + i * stride, d_z + i * stride)
    elif kind != ACTIVATION_LINEAR:
        points_gradient(kind, settings, n, z, d_y, d_z)
    elif d_z != d_y:
        for i in range(n):
            d_z[i] = d_y[i]


cdef void activate_rows(
    int64_t kind, const double* settings, int64_t rows, int64_t width,
    const real* z, int64_t z_stride, real* y, int64_t y_stride,
) noexcept nogil:
    """As activate, between two strides."""
    cdef int64_t i
    for i in range(rows):
        activate(kind, settings, 1, width, width, z + i * z_stride, y + i * y_stride)


cdef void activation_gradient_rows(
    int64_t kind, const double* settings, int64_t rows, int64_t width, const real* z,
    int64_t z_stride, const real* y, const real* d_y, int64_t y_stride, real* d_z,
) noexcept nogil:
    """As activation_gradient, between two strides."""
    cdef int64_t i
    for i in range(rows):
        activation_gradient(
            kind, settings, 1, width, width, z + i * z_stride, y + i * y_stride,
            d_y + i * y_stride, d_z + i * z_stride)


cdef inline void softmax(int64_t n, const real* z, real* y) noexcept nogil:
    """y_i = exp(z_i - max z) / sum: no overflow, whatever z is."""
    cdef real top = row_maximum(n, z)
    cdef real total
    cdef int64_t i
    for i in range(n):
        y[i] = exponential(z[i] - top)
    total = row_sum(n, y)
    for i in range(n):
        y[i] = y[i] / total


cdef inline void softmax_gradient(
    int64_t n, const real* y, const real* d_y, real* d_z,
) noexcept nogil:
    """d_z_i = y_i (d_y_i - sum of y_j d_y_j)."""
    cdef real inner = row_dot(n, y, d_y)
    cdef int64_t i
    for i in range(n):
        d_z[i] = y[i] * (d_y[i] - inner)


cdef inline void log_softmax(int64_t n, const real* z, real* y) noexcept nogil:
    """y_i = z_i - max z - log(sum of exp(z - max z))."""
    cdef real top = row_maximum(n, z)
    cdef real log_total
    cdef int64_t i
    for i in range(n):
        y[i] = exponential(z[i] - top)
    log_total = logarithm(row_sum(n, y))
    for i in range(n):
        y[i] = (z[i] - top) - log_total


cdef inline void log_softmax_gradient(
    int64_t n, const real* y, const real* d_y, real* d_z,
) noexcept nogil:
    """d_z_i = d_y_i - exp(y_i) (sum of d_y)."""
    cdef real total = row_sum(n, d_y)
    cdef int64_t i
    for i in range(n):
        d_z[i] = d_y[i] - exponential(y[i]) * total
