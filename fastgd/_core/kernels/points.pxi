# Activations that are a function of one number z. Each has a loop for its values y, and one for
# d_z = d_y times its derivative, at a kink that of the side to which the kink's own branch belongs.
# Their numbers c are the settings of types.pxd. A loop to each formula, and not one for all: the
# compiler would copy every formula into each loop before it drops what is not wanted.

cdef enum:
    POINT_SETTINGS = 3


cdef inline real clamped(real z, real low, real high) noexcept nogil:
    """z between two bounds; NaN stays NaN."""
    z = low if z < low else z
    return high if z > high else z


include "points_smooth.pxi"
include "points_pieces.pxi"

cdef void activate_points(
    int64_t kind, const double* settings, int64_t n, const real* z, real* y,
) noexcept nogil:
    """y = kind(z), element by element."""
    cdef real[POINT_SETTINGS] numbers
    cdef const real* c = numbers
    cdef int i
    for i in range(POINT_SETTINGS):
        numbers[i] = <real>settings[i]
    if kind == ACTIVATION_RECTIFIER:
        rectifier_values(c, n, z, y)
    elif kind == ACTIVATION_ELU:
        elu_values(c, n, z, y)
    elif kind == ACTIVATION_SELU:
        selu_values(c, n, z, y)
    elif kind == ACTIVATION_CELU:
        celu_values(c, n, z, y)
    elif kind == ACTIVATION_GELU:
        gelu_values(c, n, z, y)
    elif kind == ACTIVATION_GELU_TANH:
        gelu_tanh_values(c, n, z, y)
    elif kind == ACTIVATION_SILU:
        silu_values(c, n, z, y)
    elif kind == ACTIVATION_MISH:
        mish_values(c, n, z, y)
    elif kind == ACTIVATION_SOFTPLUS:
        softplus_values(c, n, z, y)
    elif kind == ACTIVATION_SOFTSIGN:
        softsign_values(c, n, z, y)
    elif kind == ACTIVATION_SQUAREPLUS:
        squareplus_values(c, n, z, y)
    elif kind == ACTIVATION_SPARSE_PLUS:
        sparse_plus_values(c, n, z, y)
    elif kind == ACTIVATION_SPARSE_SIGMOID:
        sparse_sigmoid_values(c, n, z, y)
    elif kind == ACTIVATION_LOG_SIGMOID:
        log_sigmoid_values(c, n, z, y)
    elif kind == ACTIVATION_EXPONENTIAL:
        exponential_values(c, n, z, y)
    elif kind == ACTIVATION_TANH_SHRINK:
        tanh_shrink_values(c, n, z, y)
    elif kind == ACTIVATION_SOFT_SHRINK:
        soft_shrink_values(c, n, z, y)
    elif kind == ACTIVATION_HARD_SHRINK:
        hard_shrink_values(c, n, z, y)
    elif kind == ACTIVATION_HARD_TANH:
        hard_tanh_values(c, n, z, y)
    elif kind == ACTIVATION_HARD_SIGMOID:
        hard_sigmoid_values(c, n, z, y)
    elif kind == ACTIVATION_HARD_SILU:
        hard_silu_values(c, n, z, y)
    elif kind == ACTIVATION_THRESHOLD:
        threshold_values(c, n, z, y)


cdef void points_gradient(
    int64_t kind, const double* settings, int64_t n, const real* z, const real* d_y, real* d_z,
) noexcept nogil:
    """d_z = d_y kind'(z), element by element."""
    cdef real[POINT_SETTINGS] numbers
    cdef const real* c = numbers
    cdef int i
    for i in range(POINT_SETTINGS):
        numbers[i] = <real>settings[i]
    if kind == ACTIVATION_RECTIFIER:
        rectifier_gradient(c, n, z, d_y, d_z)
    elif kind == ACTIVATION_ELU:
        elu_gradient(c, n, z, d_y, d_z)
    elif kind == ACTIVATION_SELU:
        selu_gradient(c, n, z, d_y, d_z)
    elif kind == ACTIVATION_CELU:
        celu_gradient(c, n, z, d_y, d_z)
    elif kind == ACTIVATION_GELU:
        gelu_gradient(c, n, z, d_y, d_z)
    elif kind == ACTIVATION_GELU_TANH:
        gelu_tanh_gradient(c, n, z, d_y, d_z)
    elif kind == ACTIVATION_SILU:
        silu_gradient(c, n, z, d_y, d_z)
    elif kind == ACTIVATION_MISH:
        mish_gradient(c, n, z, d_y, d_z)
    elif kind == ACTIVATION_SOFTPLUS:
        softplus_gradient(c, n, z, d_y, d_z)
    elif kind == ACTIVATION_SOFTSIGN:
        softsign_gradient(c, n, z, d_y, d_z)
    elif kind == ACTIVATION_SQUAREPLUS:
        squareplus_gradient(c, n, z, d_y, d_z)
    elif kind == ACTIVATION_SPARSE_PLUS:
        sparse_plus_gradient(c, n, z, d_y, d_z)
    elif kind == ACTIVATION_SPARSE_SIGMOID:
        sparse_sigmoid_gradient(c, n, z, d_y, d_z)
    elif kind == ACTIVATION_LOG_SIGMOID:
        log_sigmoid_gradient(c, n, z, d_y, d_z)
    elif kind == ACTIVATION_EXPONENTIAL:
        exponential_gradient(c, n, z, d_y, d_z)
    elif kind == ACTIVATION_TANH_SHRINK:
        tanh_shrink_gradient(c, n, z, d_y, d_z)
    elif kind == ACTIVATION_SOFT_SHRINK:
        soft_shrink_gradient(c, n, z, d_y, d_z)
    elif kind == ACTIVATION_HARD_SHRINK:
        hard_shrink_gradient(c, n, z, d_y, d_z)
    elif kind == ACTIVATION_HARD_TANH:
        hard_tanh_gradient(c, n, z, d_y, d_z)
    elif kind == ACTIVATION_HARD_SIGMOID:
        hard_sigmoid_gradient(c, n, z, d_y, d_z)
    elif kind == ACTIVATION_HARD_SILU:
        hard_silu_gradient(c, n, z, d_y, d_z)
    elif kind == ACTIVATION_THRESHOLD:
        threshold_gradient(c, n, z, d_y, d_z)
