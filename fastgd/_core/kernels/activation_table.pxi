# The table of activations: each row has a loop for the values and one for the gradient.

cdef enum:
    ACTIVATION_SETTINGS = 3

# With a row's numbers c: y = kind(z), and d_z = d_y kind'(z), by z or by y = kind(z).
ctypedef void (*ValuesLoop)(const void* c, int64_t n, const void* z, void* y) noexcept nogil
ctypedef void (*GradientLoop)(
    const void* c, int64_t n, const void* z, const void* y, const void* d_y, void* d_z,
) noexcept nogil

cdef struct ActivationLoops:
    ValuesLoop values
    GradientLoop gradient
    int64_t settings        # how many numbers it takes
    bint whole_rows         # whether n is the width of a row, else a multiple of POINTS

cdef enum:
    MOST_ACTIVATIONS = 64

cdef ActivationLoops[2][MOST_ACTIVATIONS] activations       # of float, then of double


cdef void run_values(const ActivationLoops* loops, const real* c, int64_t n, const real* z,
                     real* y) noexcept nogil:
    """Compute y = kind(z), for any n."""
    cdef int64_t rest = 0 if loops.whole_rows else n % POINTS
    cdef int64_t i = n - rest
    cdef real[POINTS] block
    if i:
        loops.values(c, i, z, y)
    if rest:
        take_rest(rest, z + i, block)
        loops.values(c, POINTS, block, block)
        give_rest(rest, <const real*>block, y + i)


cdef void run_gradient(const ActivationLoops* loops, const real* c, int64_t n, const real* z,
                       const real* y, const real* d_y, real* d_z) noexcept nogil:
    """Compute d_z = d_y kind'(z), for any n."""
    cdef int64_t rest = 0 if loops.whole_rows else n % POINTS
    cdef int64_t i = n - rest
    cdef real[POINTS] z_block, y_block, d_block
    if i:
        loops.gradient(c, i, z, y, d_y, d_z)
    if rest:
        take_rest(rest, z + i, z_block)
        take_rest(rest, y + i, y_block)
        take_rest(rest, d_y + i, d_block)
        loops.gradient(c, POINTS, z_block, y_block, d_block, d_block)
        give_rest(rest, <const real*>d_block, d_z + i)


cdef inline const ActivationLoops* activation_of(int64_t kind, real of_type) noexcept nogil:
    return &activations[0 if real is float else 1][kind]


cdef void enter_activations(ActivationLoops* table, real of_type) noexcept:
    """Enter a row for each Activation."""
    table[<int>ACTIVATION_LINEAR] = ActivationLoops(
        <ValuesLoop>identity_values[real], <GradientLoop>identity_gradient[real], 0, False)
    table[<int>ACTIVATION_RELU] = ActivationLoops(
        <ValuesLoop>relu_values[real], <GradientLoop>relu_gradient[real], 0, False)
    table[<int>ACTIVATION_SIGMOID] = ActivationLoops(
        <ValuesLoop>sigmoid_values[real], <GradientLoop>sigmoid_gradient[real], 0, False)
    table[<int>ACTIVATION_TANH] = ActivationLoops(
        <ValuesLoop>tanh_values[real], <GradientLoop>tanh_gradient[real], 0, False)
    table[<int>ACTIVATION_SOFTMAX] = ActivationLoops(
        <ValuesLoop>softmax_values[real], <GradientLoop>softmax_gradient[real], 0, True)
    table[<int>ACTIVATION_LOG_SOFTMAX] = ActivationLoops(
        <ValuesLoop>log_softmax_values[real], <GradientLoop>log_softmax_gradient[real], 0, True)
    table[<int>ACTIVATION_RECTIFIER] = ActivationLoops(
        <ValuesLoop>rectifier_values[real], <GradientLoop>rectifier_gradient[real], 3, False)
    table[<int>ACTIVATION_ELU] = ActivationLoops(
        <ValuesLoop>elu_values[real], <GradientLoop>elu_gradient[real], 1, False)
    table[<int>ACTIVATION_SELU] = ActivationLoops(
        <ValuesLoop>selu_values[real], <GradientLoop>selu_gradient[real], 0, False)
    table[<int>ACTIVATION_CELU] = ActivationLoops(
        <ValuesLoop>celu_values[real], <GradientLoop>celu_gradient[real], 1, False)
    table[<int>ACTIVATION_GELU] = ActivationLoops(
        <ValuesLoop>gelu_values[real], <GradientLoop>gelu_gradient[real], 0, False)
    table[<int>ACTIVATION_GELU_TANH] = ActivationLoops(
        <ValuesLoop>gelu_tanh_values[real], <GradientLoop>gelu_tanh_gradient[real], 0, False)
    table[<int>ACTIVATION_SILU] = ActivationLoops(
        <ValuesLoop>silu_values[real], <GradientLoop>silu_gradient[real], 0, False)
    table[<int>ACTIVATION_MISH] = ActivationLoops(
        <ValuesLoop>mish_values[real], <GradientLoop>mish_gradient[real], 0, False)
    table[<int>ACTIVATION_SOFTPLUS] = ActivationLoops(
        <ValuesLoop>softplus_values[real], <GradientLoop>softplus_gradient[real], 0, False)
    table[<int>ACTIVATION_SOFTSIGN] = ActivationLoops(
        <ValuesLoop>softsign_values[real], <GradientLoop>softsign_gradient[real], 0, False)
    table[<int>ACTIVATION_SQUAREPLUS] = ActivationLoops(
        <ValuesLoop>squareplus_values[real], <GradientLoop>squareplus_gradient[real], 1, False)
    table[<int>ACTIVATION_SPARSE_PLUS] = ActivationLoops(
        <ValuesLoop>sparse_plus_values[real], <GradientLoop>sparse_plus_gradient[real], 0, False)
    table[<int>ACTIVATION_SPARSE_SIGMOID] = ActivationLoops(
        <ValuesLoop>sparse_sigmoid_values[real], <GradientLoop>sparse_sigmoid_gradient[real], 0,
        False)
    table[<int>ACTIVATION_LOG_SIGMOID] = ActivationLoops(
        <ValuesLoop>log_sigmoid_values[real], <GradientLoop>log_sigmoid_gradient[real], 0, False)
    table[<int>ACTIVATION_EXPONENTIAL] = ActivationLoops(
        <ValuesLoop>exponential_values[real], <GradientLoop>exponential_gradient[real], 0, False)
    table[<int>ACTIVATION_TANH_SHRINK] = ActivationLoops(
        <ValuesLoop>tanh_shrink_values[real], <GradientLoop>tanh_shrink_gradient[real], 0, False)
    table[<int>ACTIVATION_SOFT_SHRINK] = ActivationLoops(
        <ValuesLoop>soft_shrink_values[real], <GradientLoop>soft_shrink_gradient[real], 1, False)
    table[<int>ACTIVATION_HARD_SHRINK] = ActivationLoops(
        <ValuesLoop>hard_shrink_values[real], <GradientLoop>hard_shrink_gradient[real], 1, False)
    table[<int>ACTIVATION_HARD_TANH] = ActivationLoops(
        <ValuesLoop>hard_tanh_values[real], <GradientLoop>hard_tanh_gradient[real], 0, False)
    table[<int>ACTIVATION_HARD_SIGMOID] = ActivationLoops(
        <ValuesLoop>hard_sigmoid_values[real], <GradientLoop>hard_sigmoid_gradient[real], 0, False)
    table[<int>ACTIVATION_HARD_SILU] = ActivationLoops(
        <ValuesLoop>hard_silu_values[real], <GradientLoop>hard_silu_gradient[real], 0, False)
    table[<int>ACTIVATION_THRESHOLD] = ActivationLoops(
        <ValuesLoop>threshold_values[real], <GradientLoop>threshold_gradient[real], 2, False)
