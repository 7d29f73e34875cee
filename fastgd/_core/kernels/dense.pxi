# The dense layer, target = source kernel + bias, as three products: forward, the gradient of its
# source, the gradient of its kernel. Which way a product takes depends on the layer's shape alone
# wherever the order of summation does: so a row has the same bits in any batch.

cdef enum:
    CHAIN_INPUTS = 16       # a single output of so many inputs is summed in their order


cdef inline void chains(
    const int count, int64_t K, const real* u, const real* v, int64_t v_row,
    const real* start, int64_t start_step, real* out, int64_t out_step,
) noexcept nogil:
    """out[p] = start[p] + u[0] v[p, 0] + u[1] v[p, 1] + ... for `count` <= 8 elements, side by
    side."""
    cdef real[8] s
    cdef int64_t k
    cdef int p
    for p in range(count):
        s[p] = start[p * start_step]
    for k in range(K):
        for p in range(count):
            s[p] = fmadd(u[k], v[p * v_row + k], s[p])
    for p in range(count):
        out[p * out_step] = s[p]


cdef inline void dots(
    int64_t P, int64_t K, const real* u, const real* v, int64_t v_row,
    const real* start, int64_t start_step, real* out, int64_t out_step,
) noexcept nogil:
    """out[p] = start[p] + the sum over k, in order, of u[k] v[p, k]; p < P.

    The same bits as `product`, for few elements whose factors do not lie side by side.
    """
    while P >= 5:
        chains(5, K, u, v, v_row, start, start_step, out, out_step)
        v += 5 * v_row
        start += 5 * start_step
        out += 5 * out_step
        P -= 5
    while P > 0:
        chains(1, K, u, v, v_row, start, start_step, out, out_step)
        v += v_row
        start += start_step
        out += out_step
        P -= 1


cdef inline void dense_forward(
    int64_t kind, int64_t rows, int64_t inputs, int64_t units, const real* source,
    int64_t source_stride, const real* kernel, const real* bias, real* target, int64_t stride,
    real* panel,
) noexcept nogil:
    """target = kind(source kernel + bias). kind: an Activation; bias may be NULL."""
    cdef real zero = 0
    cdef real b
    cdef int64_t i
    if units > 1:
        product(rows, units, inputs, source, source_stride, 1, kernel, units, 1, bias,
                target, stride, rows, FINISH_RELU if kind == ACTIVATION_RELU else FINISH_NONE,
                <const real*>target, panel)
        if kind == ACTIVATION_RELU:
            return
    elif inputs <= CHAIN_INPUTS:
        if bias == NULL:
            bias = &zero
        dots(rows, inputs, kernel, source, source_stride, bias, 0, target, stride)
    else:
        b = <real>0 if bias == NULL else bias[0]
        for i in range(rows):
            target[i * stride] = row_dot(inputs, source + i * source_stride, kernel) + b
    if kind != ACTIVATION_LINEAR:
        activate(kind, <const double*>NULL, rows, units, stride, target, target)


cdef inline void dense_source_gradient(
    int64_t rows, int64_t inputs, int64_t units, const real* kernel, const real* d_target,
    int64_t stride, real* d_source, int64_t d_stride, bint padded, const real* gate, real* panel,
) noexcept nogil:
    """d_source = d_target kernel^T.

    padded: whether rows of d_source end in room for whole tiles. gate: NULL, or laid out as
    d_source, which then is 0 where the gate is not above 0; only where padded.
    """
    cdef real zero = 0
    cdef int64_t i
    if rows > 2 or units == 1:
        product(rows, inputs, units, d_target, stride, 1, kernel, 1, units, <const real*>NULL,
                d_source, d_stride, rows if padded else 0,
                FINISH_NONE if gate == NULL else FINISH_GATE, gate, panel)
        return
    # packing the transposed kernel would cost as much as the product
    for i in range(rows):
        dots(inputs, units, d_target + i * stride, kernel, units, &zero, 0,
             d_source + i * d_stride, 1)
    if gate != NULL:
        activation_gradient(ACTIVATION_RELU, <const double*>NULL, rows, inputs, d_stride, gate,
                            gate, <const real*>d_source, d_source)


cdef inline void thin_columns(
    const int lanes, int64_t rows, const real* d, int64_t d_row, const real* source,
    int64_t source_row, real* out,
) noexcept nogil:
    """out[j] = the sum over the rows i of d[i] source[i, j], for `lanes` columns, a constant."""
    cdef real[64] s
    cdef int64_t i
    cdef int j
    for j in range(lanes):
        s[j] = 0
    for i in range(rows):
        for j in range(lanes):
            s[j] = fmadd(d[i * d_row], source[i * source_row + j], s[j])
    for j in range(lanes):
        out[j] = s[j]


cdef inline void thin_kernel_gradient(
    int64_t rows, int64_t inputs, const real* source, int64_t source_stride, const real* d_target,
    int64_t stride, real* d_kernel,
) noexcept nogil:
    """dense_kernel_gradient for one unit: lanes run over the inputs, and none beyond them."""
    cdef int64_t j = 0
    while j + 64 <= inputs:
        thin_columns(64, rows, d_target, stride, source + j, source_stride, d_kernel + j)
        j += 64
    while j + 16 <= inputs:
        thin_columns(16, rows, d_target, stride, source + j, source_stride, d_kernel + j)
        j += 16
    while j + 4 <= inputs:
        thin_columns(4, rows, d_target, stride, source + j, source_stride, d_kernel + j)
        j += 4
    while j < inputs:
        thin_columns(1, rows, d_target, stride, source + j, source_stride, d_kernel + j)
        j += 1


cdef inline void dense_kernel_gradient(
    int64_t rows, int64_t first, int64_t last, int64_t units, const real* source,
    int64_t source_stride, const real* d_target, int64_t stride, real* d_kernel, real* panel,
) noexcept nogil:
    """d_kernel = source^T d_target, for the inputs first ... last - 1."""
    # Where a kernel is one column of tiles and its sums one run, a row that is stored whole spills
    # into the next ones, which come later; so only the last rows must not.
    cdef int64_t spill = 0
    cdef int64_t inputs = last - first
    source += first
    d_kernel += first * units
    if units == 1:
        thin_kernel_gradient(rows, inputs, source, source_stride, d_target, stride, d_kernel)
        return
    if units <= LANES and rows <= panel_rows(panel):
        spill = inputs - ((HALF if units < HALF else LANES) - 1) // units
    product(inputs, units, rows, source, 1, source_stride, d_target, stride, 1, <const real*>NULL,
            d_kernel, units, spill, FINISH_NONE, <const real*>NULL, panel)
