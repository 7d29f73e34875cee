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

# Loops of numbers c: y = kind(z), and d_z = d_y kind'(z).
ctypedef void (*ValuesLoop)(const void* c, int64_t n, const void* z, void* y) noexcept nogil
ctypedef void (*GradientLoop)(
    const void* c, int64_t n, const void* z, const void* d_y, void* d_z) noexcept nogil

cdef struct PointActivation:
    ValuesLoop values
    GradientLoop gradient

cdef enum:
    MOST_ACTIVATIONS = 64

cdef PointActivation[2][MOST_ACTIVATIONS] activation_loops     # of float, then of double


cdef void enter_activations(PointActivation* table, real of_type) noexcept:
    """Each activation of points is a row."""
    table[<int>ACTIVATION_RECTIFIER] = PointActivation(
        <ValuesLoop>rectifier_values[real], <GradientLoop>rectifier_gradient[real])
    table[<int>ACTIVATION_ELU] = PointActivation(
        <ValuesLoop>elu_values[real], <GradientLoop>elu_gradient[real])
    table[<int>ACTIVATION_SELU] = PointActivation(
        <ValuesLoop>selu_values[real], <GradientLoop>selu_gradient[real])
    table[<int>ACTIVATION_CELU] = PointActivation(
        <ValuesLoop>celu_values[real], <GradientLoop>celu_gradient[real])
    table[<int>ACTIVATION_GELU] = PointActivation(
        <ValuesLoop>gelu_values[real], <GradientLoop>gelu_gradient[real])
    table[<int>ACTIVATION_GELU_TANH] = PointActivation(
        <ValuesLoop>gelu_tanh_values[real], <GradientLoop>gelu_tanh_gradient[real])
    table[<int>ACTIVATION_SILU] = PointActivation(
        <ValuesLoop>silu_values[real], <GradientLoop>silu_gradient[real])
    table[<int>ACTIVATION_MISH] = PointActivation(
        <ValuesLoop>mish_values[real], <GradientLoop>mish_gradient[real])
    table[<int>ACTIVATION_SOFTPLUS] = PointActivation(
        <ValuesLoop>softplus_values[real], <GradientLoop>softplus_gradient[real])
    table[<int>ACTIVATION_SOFTSIGN] = PointActivation(
        <ValuesLoop>softsign_values[real], <GradientLoop>softsign_gradient[real])
    table[<int>ACTIVATION_SQUAREPLUS] = PointActivation(
        <ValuesLoop>squareplus_values[real], <GradientLoop>squareplus_gradient[real])
    table[<int>ACTIVATION_SPARSE_PLUS] = PointActivation(
        <ValuesLoop>sparse_plus_values[real], <GradientLoop>sparse_plus_gradient[real])
    table[<int>ACTIVATION_SPARSE_SIGMOID] = PointActivation(
        <ValuesLoop>sparse_sigmoid_values[real], <GradientLoop>sparse_sigmoid_gradient[real])
    table[<int>ACTIVATION_LOG_SIGMOID] = PointActivation(
        <ValuesLoop>log_sigmoid_values[real], <GradientLoop>log_sigmoid_gradient[real])
    table[<int>ACTIVATION_EXPONENTIAL] = PointActivation(
        <ValuesLoop>exponential_values[real], <GradientLoop>exponential_gradient[real])
    table[<int>ACTIVATION_TANH_SHRINK] = PointActivation(
        <ValuesLoop>tanh_shrink_values[real], <GradientLoop>tanh_shrink_gradient[real])
    table[<int>ACTIVATION_SOFT_SHRINK] = PointActivation(
        <ValuesLoop>soft_shrink_values[real], <GradientLoop>soft_shrink_gradient[real])
    table[<int>ACTIVATION_HARD_SHRINK] = PointActivation(
        <ValuesLoop>hard_shrink_values[real], <GradientLoop>hard_shrink_gradient[real])
    table[<int>ACTIVATION_HARD_TANH] = PointActivation(
        <ValuesLoop>hard_tanh_values[real], <GradientLoop>hard_tanh_gradient[real])
    table[<int>ACTIVATION_HARD_SIGMOID] = PointActivation(
        <ValuesLoop>hard_sigmoid_values[real], <GradientLoop>hard_sigmoid_gradient[real])
    table[<int>ACTIVATION_HARD_SILU] = PointActivation(
        <ValuesLoop>hard_silu_values[real], <GradientLoop>hard_silu_gradient[real])
    table[<int>ACTIVATION_THRESHOLD] = PointActivation(
        <ValuesLoop>threshold_values[real], <GradientLoop>threshold_gradient[real])


cdef void activate_points(
    int64_t kind, const double* settings, int64_t n, const real* z, real* y,
) noexcept nogil:
    """y = kind(z), element by element."""
    cdef real[POINT_SETTINGS] c
    cdef int i
    for i in range(POINT_SETTINGS):
        c[i] = <real>settings[i]
    activation_loops[0 if real is float else 1][kind].values(c, n, z, y)


cdef void points_gradient(
    int64_t kind, const double* settings, int64_t n, const real* z, const real* d_y, real* d_z,
) noexcept nogil:
    """d_z = d_y kind'(z), element by element."""
    cdef real[POINT_SETTINGS] c
    cdef int i
    for i in range(POINT_SETTINGS):
        c[i] = <real>settings[i]
    activation_loops[0 if real is float else 1][kind].gradient(c, n, z, d_y, d_z)
