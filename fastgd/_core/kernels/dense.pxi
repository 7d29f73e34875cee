# The dense layer, target = source kernel + bias, as three products: forward, the gradient of its
# source, the gradient of its kernel. Wherever the order of summation depends on the way a product
# is computed, that way depends on the layer's shape alone: so a row has the same bits in any batch.

cdef enum:
    CHAIN_INPUTS = 16       # a single output of at most as many inputs is summed in their order


cdef inline void chains(const int count, int64_t K, const real* u, const real* v, int64_t v_row,
                        real start, real* out, int64_t out_step) noexcept nogil:
    """Compute out[p] = start + u[0] v[p, 0] + u[1] v[p, 1] + ... for `count` <= 8 elements."""
    cdef real[8] s
    cdef int64_t k
    cdef int p
    for p in range(count):
        s[p] = start
    for k in range(K):
        for p in range(count):
            s[p] = fmadd(u[k], v[p * v_row + k], s[p])
    for p in range(count):
        out[p * out_step] = s[p]


cdef inline void dots(int64_t P, int64_t K, const real* u, const real* v, int64_t v_row, real start,
                      real* out, int64_t out_step) noexcept nogil:
    """Compute out[p] = start + the sum over k, in order, of u[k] v[p, k]; p < P.

    The same bits as `product`, for few elements whose factors do not lie side by side.
    """
    while P >= 5:
        chains(5, K, u, v, v_row, start, out, out_step)
        v += 5 * v_row
        out += 5 * out_step
        P -= 5
    while P > 0:
        chains(1, K, u, v, v_row, start, out, out_step)
        v += v_row
        out += out_step
        P -= 1


cdef inline void single_unit(int64_t rows, int64_t inputs, const real* source,
                             int64_t source_stride, const real* kernel, const real* bias,
                             real* target, int64_t stride) noexcept nogil:
    """Compute target = source kernel + bias for one unit; bias may be NULL."""
    cdef real b = <real>0 if bias == NULL else bias[0]
    cdef int64_t i
    if inputs <= CHAIN_INPUTS:
        dots(rows, inputs, kernel, source, source_stride, b, target, stride)
    else:
        for i in range(rows):
            target[i * stride] = row_dot(inputs, source + i * source_stride, kernel) + b


# Not inlined, so that its loops have the registers.
cdef void single_unit_forward(const LayerRows* job, const real* source,
                              real* target) noexcept nogil:
    single_unit(job.rows, job.source_width, source, job.source_stride, kernel_of(job, <real>0),
                bias_of(job, <real>0), target, job.stride)


cdef void dense_forward(const LayerRows* job, const real* source, real* target) noexcept nogil:
    """Compute target = kind(source kernel + bias)."""
    cdef int64_t kind = job.row.kind
    cdef Product p
    if job.width > 1:
        p = Product(
            M=job.rows, N=job.width, K=job.source_width, A=source, a_row=job.source_stride,
            a_col=1, B=kernel_of(job, <real>0), b_row=job.width, b_col=1,
            start=bias_of(job, <real>0), start_row=0, C=target, c_row=job.stride, spill=job.rows,
            finish=FINISH_RELU if kind == ACTIVATION_RELU else FINISH_NONE, gate=target,
            panel=job.panel)
        product(&p, <real>0)
        if kind == ACTIVATION_RELU:
            return
    else:
        single_unit_forward(job, source, target)
    if kind != ACTIVATION_LINEAR:
        activate(kind, <const double*>NULL, job.rows, job.width, <const real*>target, job.stride,
                 target, job.stride)


cdef void dense_finish_gradient(const LayerRows* job, const real* d_target,
                                real* out) noexcept nogil:
    """Compute the gradient of source kernel + bias from that of the target, in place."""
    if job.row.kind != ACTIVATION_LINEAR and not job.flags & FLAG_GATED:
        activation_gradient(
            job, <const double*>NULL, <const real*>job.target, job.stride, d_target, out)


cdef void dense_source_gradient(const LayerRows* job, const real* d_target,
                                real* d_source) noexcept nogil:
    """Compute d_source = d_target kernel^T; with FLAG_GATES, 0 where the source is not above 0."""
    cdef int64_t inputs = job.source_width
    cdef const real* kernel = kernel_of(job, <real>0)
    cdef const real* source = <const real*>job.source
    cdef bint gates = job.flags & FLAG_GATES != 0
    cdef Product p
    cdef int64_t i
    if job.rows > 2 or job.width == 1:
        p = Product(
            M=job.rows, N=inputs, K=job.width, A=d_target, a_row=job.stride, a_col=1, B=kernel,
            b_row=1, b_col=job.width, start=NULL, start_row=0, C=d_source, c_row=job.d_stride,
            spill=job.rows if job.padded else 0, finish=FINISH_GATE if gates else FINISH_NONE,
            gate=source, panel=job.panel)
        product(&p, <real>0)
        return
    # packing the transposed kernel would cost as much as the product
    for i in range(job.rows):
        dots(inputs, job.width, d_target + i * job.stride, kernel, job.width, <real>0,
             d_source + i * job.d_stride, 1)
    if gates:
        run_gradient(activation_of(ACTIVATION_RELU, <real>0), <const real*>NULL,
                     job.rows * job.d_stride, source, source, <const real*>d_source, d_source)


cdef void dense_parameters(const LayerRows* job, const real* d_target, real* out) noexcept nogil:
    """Compute the gradients of a member's inputs of the kernel, and of the bias."""
    cdef int64_t units = job.width
    cdef int64_t first = share_begin(job.source_width, 4, job.size, job.rank)
    cdef int64_t last = share_begin(job.source_width, 4, job.size, job.rank + 1)
    cdef int64_t begin = job.row.kernel + first * units
    dense_kernel_gradient(job, first, last, d_target, out + begin)
    add_shared(job, begin, (last - first) * units, <const real*>out)
    if job.row.bias >= 0 and job.takes_small:
        sum_columns(job.rows, units, d_target, job.stride, out + job.row.bias)
        add_shared(job, job.row.bias, units, <const real*>out)


cdef inline void thin_columns(const int lanes, int64_t rows, const real* d, int64_t d_row,
                              const real* source, int64_t source_row, real* out) noexcept nogil:
    """Compute out[j] = the sum over the rows i of d[i] source[i, j], for `lanes` columns, a
    constant."""
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


cdef inline void thin_kernel_gradient(int64_t rows, int64_t inputs, const real* source,
                                      int64_t source_stride, const real* d_target, int64_t stride,
                                      real* d_kernel) noexcept nogil:
    """Compute dense_kernel_gradient for one unit: lanes run over the inputs and not beyond."""
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


cdef inline void dense_kernel_gradient(const LayerRows* job, int64_t first, int64_t last,
                                       const real* d_target, real* d_kernel) noexcept nogil:
    """Compute d_kernel = source^T d_target, for the inputs first ... last - 1."""
    # If a kernel is one column of tiles with one run of sums, a row that is stored whole spills
    # into the next ones, which come later; so only the last rows must not.
    cdef int64_t spill = 0, inputs = last - first, units = job.width
    cdef const real* source = <const real*>job.source + first
    cdef Product p
    if units == 1:
        thin_kernel_gradient(
            job.rows, inputs, source, job.source_stride, d_target, job.stride, d_kernel)
        return
    if units <= LANES and job.rows <= panel_rows(<real>0):
        spill = inputs - ((HALF if units < HALF else LANES) - 1) // units
    p = Product(
        M=inputs, N=units, K=job.rows, A=source, a_row=1, a_col=job.source_stride, B=d_target,
        b_row=job.stride, b_col=1, start=NULL, start_row=0, C=d_kernel, c_row=units, spill=spill,
        finish=FINISH_NONE, gate=d_kernel, panel=job.panel)
    product(&p, <real>0)
