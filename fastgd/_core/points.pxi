# Activations that are a function of one number z: the function and its derivative. Their numbers
# c are the settings of types.pxd; formulas as in Keras, written so that nothing overflows.

cdef extern from *:
    """
    /* Klambauer et al., "Self-normalizing neural networks", 2017 */
    #define SELU_ALPHA 1.6732632423543772
    #define SELU_SCALE 1.0507009873554805
    #define ROOT_2_OVER_PI 0.7978845608028654
    #define ROOT_1_OVER_2_PI 0.3989422804014327
    """
    const double SELU_ALPHA
    const double SELU_SCALE
    const double ROOT_2_OVER_PI
    const double ROOT_1_OVER_2_PI

cdef enum:
    POINT_SETTINGS = 3


cdef inline real clamped(real z, real low, real high) noexcept nogil:
    """z between two bounds; NaN stays NaN."""
    z = low if z < low else z
    return high if z > high else z


cdef inline real gelu_argument(real z) noexcept nogil:
    """2 sqrt(2 / pi) (z + 0.044715 z^3): (1 + tanh(x)) / 2 is sigmoid(2 x), without cancelling."""
    return <real>(2 * ROOT_2_OVER_PI) * (z * fmadd(<real>0.044715, z * z, <real>1))


cdef inline real point(const int64_t kind, real z, const real* c) noexcept nogil:
    """kind(z)."""
    cdef real a
    if kind == ACTIVATION_RECTIFIER:
        a = z if z >= c[2] else c[0] * (z - c[2])
        return c[1] if z >= c[1] else a
    elif kind == ACTIVATION_ELU:
        a = c[0] * exp_minus_one(z)
        return z if z > 0 else a
    elif kind == ACTIVATION_SELU:
        a = <real>SELU_ALPHA * exp_minus_one(z)
        return <real>SELU_SCALE * (z if z > 0 else a)
    elif kind == ACTIVATION_CELU:
        a = c[0] * exp_minus_one(z / c[0])
        return z if z > 0 else a
    elif kind == ACTIVATION_GELU:
        return z * normal_cdf(z)
    elif kind == ACTIVATION_GELU_TANH:
        return z * sigmoid(gelu_argument(z))
    elif kind == ACTIVATION_SILU:
        return z * sigmoid(z)
    elif kind == ACTIVATION_MISH:
        return z * hyperbolic_tangent(softplus(z))
    elif kind == ACTIVATION_SOFTPLUS:
        return softplus(z)
    elif kind == ACTIVATION_SOFTSIGN:
        return z / (<real>1 + absolute(z))
    elif kind == ACTIVATION_SQUAREPLUS:
        # (z + r) / 2 would cancel below 0
        a = square_root(fmadd(z, z, c[0])) + absolute(z)
        return <real>0.5 * a if z > 0 else <real>0.5 * c[0] / a
    elif kind == ACTIVATION_SPARSE_PLUS:
        a = clamped(z, <real>-1, <real>1) + <real>1
        a = <real>0.25 * a * a
        return z if z > 1 else a
    elif kind == ACTIVATION_SPARSE_SIGMOID:
        return <real>0.5 * (clamped(z, <real>-1, <real>1) + <real>1)
    elif kind == ACTIVATION_LOG_SIGMOID:
        return -softplus(-z)
    elif kind == ACTIVATION_EXPONENTIAL:
        return exponential(z)
    elif kind == ACTIVATION_TANH_SHRINK:
        return z - hyperbolic_tangent(z)
    elif kind == ACTIVATION_SOFT_SHRINK:
        return z - clamped(z, -c[0], c[0])
    elif kind == ACTIVATION_HARD_SHRINK:
        return <real>0 if absolute(z) <= c[0] else z
    elif kind == ACTIVATION_HARD_TANH:
        return clamped(z, <real>-1, <real>1)
    elif kind == ACTIVATION_HARD_SIGMOID:
        return clamped(z + <real>3, <real>0, <real>6) / <real>6
    elif kind == ACTIVATION_HARD_SILU:
        return z * (clamped(z + <real>3, <real>0, <real>6) / <real>6)
    else:  # ACTIVATION_THRESHOLD
        return c[1] if z <= c[0] else z


cdef inline real point_derivative(const int64_t kind, real z, const real* c) noexcept nogil:
    """kind'(z); at a kink that of the side to which the kink's own branch belongs."""
    cdef real a, t
    cdef real one = 1
    cdef real zero = 0
    if kind == ACTIVATION_RECTIFIER:
        a = one if z > c[2] else c[0]
        return zero if z >= c[1] else a
    elif kind == ACTIVATION_ELU:
        a = c[0] * exponential(z)
        return one if z > 0 else a
    elif kind == ACTIVATION_SELU:
        a = <real>SELU_ALPHA * exponential(z)
        return <real>SELU_SCALE * (one if z > 0 else a)
    elif kind == ACTIVATION_CELU:
        a = exponential(z / c[0])
        return one if z > 0 else a
    elif kind == ACTIVATION_GELU:
        # z^2 must not overflow before exp makes it 0
        t = clamped(z, <real>-50, <real>50)
        a = <real>ROOT_1_OVER_2_PI * exponential(<real>-0.5 * t * t)
        return fmadd(t, a, normal_cdf(z))
    elif kind == ACTIVATION_GELU_TANH:
        z = clamped(z, <real>-50, <real>50)
        t = gelu_argument(z)
        a = <real>(2 * ROOT_2_OVER_PI) * fmadd(<real>0.134145, z * z, one)
        return sigmoid(t) * fmadd(z * sigmoid(-t), a, one)
    elif kind == ACTIVATION_SILU:
        a = sigmoid(z)
        return a * fmadd(z, sigmoid(-z), one)
    elif kind == ACTIVATION_MISH:
        t = hyperbolic_tangent(softplus(z))
        return fmadd(z * (one - t * t), sigmoid(z), t)
    elif kind == ACTIVATION_SOFTPLUS:
        return sigmoid(z)
    elif kind == ACTIVATION_SOFTSIGN:
        a = one + absolute(z)
        return one / (a * a)
    elif kind == ACTIVATION_SQUAREPLUS:
        a = square_root(fmadd(z, z, c[0]))
        t = <real>0.5 * c[0] / (a * (a + absolute(z)))
        return one - t if z > 0 else t
    elif kind == ACTIVATION_SPARSE_PLUS:
        return <real>0.5 * (clamped(z, -one, one) + one)
    elif kind == ACTIVATION_SPARSE_SIGMOID:
        return <real>0.5 if absolute(z) < 1 else zero
    elif kind == ACTIVATION_LOG_SIGMOID:
        return sigmoid(-z)
    elif kind == ACTIVATION_EXPONENTIAL:
        return exponential(z)
    elif kind == ACTIVATION_TANH_SHRINK:
        t = hyperbolic_tangent(z)
        return t * t
    elif kind == ACTIVATION_SOFT_SHRINK or kind == ACTIVATION_HARD_SHRINK:
        return zero if absolute(z) <= c[0] else one
    elif kind == ACTIVATION_HARD_TANH:
        return one if absolute(z) < 1 else zero
    elif kind == ACTIVATION_HARD_SIGMOID:
        return one / <real>6 if absolute(z) < 3 else zero
    elif kind == ACTIVATION_HARD_SILU:
        a = one if z > 0 else zero
        return (z + z + <real>3) / <real>6 if absolute(z) < 3 else a
    else:  # ACTIVATION_THRESHOLD
        return zero if z <= c[0] else one


cdef inline void point_run(
    const int64_t kind, const real* c, int64_t n, const real* z, real* y,
) noexcept nogil:
    cdef int64_t i
    for i in range(n):
        y[i] = point(kind, z[i], c)


cdef inline void derivative_run(
    const int64_t kind, const real* c, int64_t n, const real* z, const real* d_y, real* d_z,
) noexcept nogil:
    cdef int64_t i
    for i in range(n):
        d_z[i] = d_y[i] * point_derivative(kind, z[i], c)


cdef void activate_points(
    int64_t kind, const double* settings, int64_t n, const real* z, real* y,
) noexcept nogil:
    """y = kind(z), element by element."""
    cdef real[POINT_SETTINGS] c
    cdef int i
    for i in range(POINT_SETTINGS):
        c[i] = <real>settings[i]
    # One loop is compiled for each kind: its code is a constant in each of these calls.
    if kind == ACTIVATION_RECTIFIER:
        point_run(ACTIVATION_RECTIFIER, c, n, z, y)
    elif kind == ACTIVATION_ELU:
        point_run(ACTIVATION_ELU, c, n, z, y)
    elif kind == ACTIVATION_SELU:
        point_run(ACTIVATION_SELU, c, n, z, y)
    elif kind == ACTIVATION_CELU:
        point_run(ACTIVATION_CELU, c, n, z, y)
    elif kind == ACTIVATION_GELU:
        point_run(ACTIVATION_GELU, c, n, z, y)
    elif kind == ACTIVATION_GELU_TANH:
        point_run(ACTIVATION_GELU_TANH, c, n, z, y)
    elif kind == ACTIVATION_SILU:
        point_run(ACTIVATION_SILU, c, n, z, y)
    elif kind == ACTIVATION_MISH:
        point_run(ACTIVATION_MISH, c, n, z, y)
    elif kind == ACTIVATION_SOFTPLUS:
        point_run(ACTIVATION_SOFTPLUS, c, n, z, y)
    elif kind == ACTIVATION_SOFTSIGN:
        point_run(ACTIVATION_SOFTSIGN, c, n, z, y)
    elif kind == ACTIVATION_SQUAREPLUS:
        point_run(ACTIVATION_SQUAREPLUS, c, n, z, y)
    elif kind == ACTIVATION_SPARSE_PLUS:
        point_run(ACTIVATION_SPARSE_PLUS, c, n, z, y)
    elif kind == ACTIVATION_SPARSE_SIGMOID:
        point_run(ACTIVATION_SPARSE_SIGMOID, c, n, z, y)
    elif kind == ACTIVATION_LOG_SIGMOID:
        point_run(ACTIVATION_LOG_SIGMOID, c, n, z, y)
    elif kind == ACTIVATION_EXPONENTIAL:
        point_run(ACTIVATION_EXPONENTIAL, c, n, z, y)
    elif kind == ACTIVATION_TANH_SHRINK:
        point_run(ACTIVATION_TANH_SHRINK, c, n, z, y)
    elif kind == ACTIVATION_SOFT_SHRINK:
        point_run(ACTIVATION_SOFT_SHRINK, c, n, z, y)
    elif kind == ACTIVATION_HARD_SHRINK:
        point_run(ACTIVATION_HARD_SHRINK, c, n, z, y)
    elif kind == ACTIVATION_HARD_TANH:
        point_run(ACTIVATION_HARD_TANH, c, n, z, y)
    elif kind == ACTIVATION_HARD_SIGMOID:
        point_run(ACTIVATION_HARD_SIGMOID, c, n, z, y)
    elif kind == ACTIVATION_HARD_SILU:
        point_run(ACTIVATION_HARD_SILU, c, n, z, y)
    elif kind == ACTIVATION_THRESHOLD:
        point_run(ACTIVATION_THRESHOLD, c, n, z, y)


cdef void points_gradient(
    int64_t kind, const double* settings, int64_t n, const real* z, const real* d_y, real* d_z,
) noexcept nogil:
    """d_z = d_y kind'(z), element by element."""
    cdef real[POINT_SETTINGS] c
    cdef int i
    for i in range(POINT_SETTINGS):
        c[i] = <real>settings[i]
    if kind == ACTIVATION_RECTIFIER:
        derivative_run(ACTIVATION_RECTIFIER, c, n, z, d_y, d_z)
    elif kind == ACTIVATION_ELU:
        derivative_run(ACTIVATION_ELU, c, n, z, d_y, d_z)
    elif kind == ACTIVATION_SELU:
        derivative_run(ACTIVATION_SELU, c, n, z, d_y, d_z)
    elif kind == ACTIVATION_CELU:
        derivative_run(ACTIVATION_CELU, c, n, z, d_y, d_z)
    elif kind == ACTIVATION_GELU:
        derivative_run(ACTIVATION_GELU, c, n, z, d_y, d_z)
    elif kind == ACTIVATION_GELU_TANH:
        derivative_run(ACTIVATION_GELU_TANH, c, n, z, d_y, d_z)
    elif kind == ACTIVATION_SILU:
        derivative_run(ACTIVATION_SILU, c, n, z, d_y, d_z)
    elif kind == ACTIVATION_MISH:
        derivative_run(ACTIVATION_MISH, c, n, z, d_y, d_z)
    elif kind == ACTIVATION_SOFTPLUS:
        derivative_run(ACTIVATION_SOFTPLUS, c, n, z, d_y, d_z)
    elif kind == ACTIVATION_SOFTSIGN:
        derivative_run(ACTIVATION_SOFTSIGN, c, n, z, d_y, d_z)
    elif kind == ACTIVATION_SQUAREPLUS:
        derivative_run(ACTIVATION_SQUAREPLUS, c, n, z, d_y, d_z)
    elif kind == ACTIVATION_SPARSE_PLUS:
        derivative_run(ACTIVATION_SPARSE_PLUS, c, n, z, d_y, d_z)
    elif kind == ACTIVATION_SPARSE_SIGMOID:
        derivative_run(ACTIVATION_SPARSE_SIGMOID, c, n, z, d_y, d_z)
    elif kind == ACTIVATION_LOG_SIGMOID:
        derivative_run(ACTIVATION_LOG_SIGMOID, c, n, z, d_y, d_z)
    elif kind == ACTIVATION_EXPONENTIAL:
        derivative_run(ACTIVATION_EXPONENTIAL, c, n, z, d_y, d_z)
    elif kind == ACTIVATION_TANH_SHRINK:
        derivative_run(ACTIVATION_TANH_SHRINK, c, n, z, d_y, d_z)
    elif kind == ACTIVATION_SOFT_SHRINK:
        derivative_run(ACTIVATION_SOFT_SHRINK, c, n, z, d_y, d_z)
    elif kind == ACTIVATION_HARD_SHRINK:
        derivative_run(ACTIVATION_HARD_SHRINK, c, n, z, d_y, d_z)
    elif kind == ACTIVATION_HARD_TANH:
        derivative_run(ACTIVATION_HARD_TANH, c, n, z, d_y, d_z)
    elif kind == ACTIVATION_HARD_SIGMOID:
        derivative_run(ACTIVATION_HARD_SIGMOID, c, n, z, d_y, d_z)
    elif kind == ACTIVATION_HARD_SILU:
        derivative_run(ACTIVATION_HARD_SILU, c, n, z, d_y, d_z)
    elif kind == ACTIVATION_THRESHOLD:
        derivative_run(ACTIVATION_THRESHOLD, c, n, z, d_y, d_z)
