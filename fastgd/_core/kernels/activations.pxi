# Activations, forward and backward, over whole buffers. The kinds that a dense layer applies in
# place take their derivative from the output, and never read z.

cdef void activate(int64_t kind, const double* settings, int64_t rows, int64_t width, const real* z,
                   int64_t z_stride, real* y, int64_t y_stride) noexcept nogil:
    """Compute y = kind(z), for `rows` rows of `width` values; y may be z. Elementwise kinds also
    run through the padding between the rows."""
    cdef const ActivationLoops* loops = activation_of(kind, <real>0)
    cdef real[ACTIVATION_SETTINGS] c
    cdef int64_t i = 0, n = 1
    rounded(loops, settings, c)
    if z_stride == y_stride and not loops.whole_rows:
        run_values(loops, c, rows * z_stride, z, y)
        return
    while i < rows:
        if loops.whole_rows:
            n = rows_at_once(rows - i, width)
        if n > 1:
            narrow_values(kind, n, width, z + i * z_stride, z_stride, y + i * y_stride, y_stride)
        else:
            run_values(loops, c, width, z + i * z_stride, y + i * y_stride)
        i += n


cdef void activation_gradient(const LayerRows* job, const double* settings, const real* z,
                              int64_t z_stride, const real* d_y, real* d_z) noexcept nogil:
    """Compute d_z = d_y kind'(z), with y = kind(z) the target, laid out as d_y; d_z is laid out as
    z, and may be d_y."""
    cdef const ActivationLoops* loops = activation_of(job.row.kind, <real>0)
    cdef const real* y = <const real*>job.target
    cdef real[ACTIVATION_SETTINGS] c
    cdef int64_t i = 0, n = 1, stride = job.stride
    rounded(loops, settings, c)
    if z_stride == stride and not loops.whole_rows:
        run_gradient(loops, c, job.rows * z_stride, z, y, d_y, d_z)
        return
    while i < job.rows:
        if loops.whole_rows:
            n = rows_at_once(job.rows - i, job.width)
        if n > 1:
            narrow_gradient(job.row.kind, n, job.width, y + i * stride, stride, d_y + i * stride,
                            d_z + i * z_stride, z_stride)
        else:
            run_gradient(loops, c, job.width, z + i * z_stride, y + i * stride,
                         d_y + i * stride, d_z + i * z_stride)
        i += n


cdef inline void rounded(const ActivationLoops* loops, const double* settings,
                         real* c) noexcept nogil:
    """Round the settings of a kind to the network's type."""
    cdef int64_t i
    for i in range(loops.settings):
        c[i] = <real>settings[i]


cdef void activation_forward(const LayerRows* job, const real* source, real* target) noexcept nogil:
    """Compute OP_ACTIVATION."""
    if job.row.kind == CALL_FUNCTION:
        call_activation(job, source, target)
    else:
        activate(job.row.kind, job.settings, job.rows, job.width, source, job.source_stride,
                 target, job.stride)


cdef void activation_source_gradient(const LayerRows* job, const real* d_target,
                                     real* d_source) noexcept nogil:
    cdef const real* source = <const real*>job.source
    if job.row.kind == CALL_FUNCTION:
        call_activation_gradient(job, source, d_target, d_source)
    else:
        activation_gradient(job, job.settings, source, job.source_stride, d_target, d_source)


# ---------------------------------------------------------------- loops that read no settings

cdef void identity_values(const real* c, int64_t n, const real* z, real* y) noexcept nogil:
    cdef int64_t i
    if y != z:
        for i in range(whole(n)):
            y[i] = z[i]


cdef void identity_gradient(const real* c, int64_t n, const real* z, const real* y, const real* d_y,
                            real* d_z) noexcept nogil:
    cdef int64_t i
    if d_z != d_y:
        for i in range(whole(n)):
            d_z[i] = d_y[i]


cdef void relu_values(const real* c, int64_t n, const real* z, real* y) noexcept nogil:
    cdef int64_t i
    for i in range(whole(n)):
        y[i] = <real>0 if z[i] < 0 else z[i]  # NaN stays NaN


cdef void relu_gradient(const real* c, int64_t n, const real* z, const real* y, const real* d_y,
                        real* d_z) noexcept nogil:
    cdef real d
    cdef int64_t i
    for i in range(whole(n)):
        d = d_y[i]  # loaded in any case: a masked load is slower
        d_z[i] = d if y[i] > 0 else <real>0


cdef void sigmoid_values(const real* c, int64_t n, const real* z, real* y) noexcept nogil:
    cdef int64_t i
    for i in range(whole(n)):
        y[i] = sigmoid(z[i])


cdef void sigmoid_gradient(const real* c, int64_t n, const real* z, const real* y, const real* d_y,
                           real* d_z) noexcept nogil:
    cdef int64_t i
    for i in range(whole(n)):
        d_z[i] = d_y[i] * (y[i] * (<real>1 - y[i]))


cdef void tanh_values(const real* c, int64_t n, const real* z, real* y) noexcept nogil:
    cdef int64_t i
    for i in range(whole(n)):
        y[i] = hyperbolic_tangent(z[i])


cdef void tanh_gradient(const real* c, int64_t n, const real* z, const real* y, const real* d_y,
                        real* d_z) noexcept nogil:
    cdef int64_t i
    for i in range(whole(n)):
        d_z[i] = d_y[i] * (<real>1 - y[i] * y[i])


# ---------------------------------------------------------------- loops that take whole rows
# Of one row, or of a block of narrow ones: see narrow.pxi. The slopes do not read z.

cdef inline void softmax_of(const int lanes, int64_t n, const real* z, real* y) noexcept nogil:
    """Compute y_i = exp(z_i - max z) / sum: no overflow for any z."""
    cdef real[NARROW] top, total
    cdef int64_t k
    cdef int r
    maxima_of(lanes, n, z, top)
    for k in range(n):
        for r in range(lanes):
            y[k * lanes + r] = exponential(z[k * lanes + r] - top[r])
    sums_of(lanes, n, <const real*>y, total)
    for k in range(n):
        for r in range(lanes):
            y[k * lanes + r] = y[k * lanes + r] / total[r]


cdef inline void softmax_slopes(const int lanes, int64_t n, const real* y, const real* d_y,
                                real* d_z) noexcept nogil:
    """Compute d_z_i = y_i (d_y_i - sum of y_j d_y_j)."""
    cdef real[NARROW] inner
    cdef int64_t k
    cdef int r
    dots_of(lanes, n, y, d_y, inner)
    for k in range(n):
        for r in range(lanes):
            d_z[k * lanes + r] = y[k * lanes + r] * (d_y[k * lanes + r] - inner[r])


cdef inline void log_softmax_of(const int lanes, int64_t n, const real* z, real* y) noexcept nogil:
    """Compute y_i = z_i - max z - log(sum of exp(z - max z))."""
    cdef real[NARROW] top, total
    cdef int64_t k
    cdef int r
    maxima_of(lanes, n, z, top)
    for k in range(n):
        for r in range(lanes):
            y[k * lanes + r] = exponential(z[k * lanes + r] - top[r])
    sums_of(lanes, n, <const real*>y, total)
    for r in range(lanes):
        total[r] = logarithm(total[r])
    for k in range(n):
        for r in range(lanes):
            y[k * lanes + r] = (z[k * lanes + r] - top[r]) - total[r]


cdef inline void log_softmax_slopes(const int lanes, int64_t n, const real* y, const real* d_y,
                                    real* d_z) noexcept nogil:
    """Compute d_z_i = d_y_i - exp(y_i) (sum of d_y)."""
    cdef real[NARROW] total
    cdef int64_t k
    cdef int r
    sums_of(lanes, n, d_y, total)
    for k in range(n):
        for r in range(lanes):
            d_z[k * lanes + r] = d_y[k * lanes + r] - exponential(y[k * lanes + r]) * total[r]


cdef void softmax_values(const real* c, int64_t n, const real* z, real* y) noexcept nogil:
    softmax_of(1, n, z, y)


cdef void softmax_gradient(const real* c, int64_t n, const real* z, const real* y, const real* d_y,
                           real* d_z) noexcept nogil:
    softmax_slopes(1, n, y, d_y, d_z)


cdef void log_softmax_values(const real* c, int64_t n, const real* z, real* y) noexcept nogil:
    log_softmax_of(1, n, z, y)


cdef void log_softmax_gradient(const real* c, int64_t n, const real* z, const real* y,
                               const real* d_y, real* d_z) noexcept nogil:
    log_softmax_slopes(1, n, y, d_y, d_z)


cdef void narrow_values(int64_t kind, int64_t rows, int64_t width, const real* z, int64_t z_stride,
                        real* y, int64_t y_stride) noexcept nogil:
    """Compute y = kind(z) for a block of rows."""
    cdef real[NARROW * NARROW] z_block, y_block
    take_narrow(rows, width, z, z_stride, z_block)
    if kind == ACTIVATION_SOFTMAX:
        softmax_of(NARROW, width, <const real*>z_block, y_block)
    else:
        log_softmax_of(NARROW, width, <const real*>z_block, y_block)
    give_narrow(rows, width, <const real*>y_block, y, y_stride)


cdef void narrow_gradient(int64_t kind, int64_t rows, int64_t width, const real* y, int64_t stride,
                          const real* d_y, real* d_z, int64_t z_stride) noexcept nogil:
    """Compute d_z = d_y kind'(z) for a block of rows."""
    cdef real[NARROW * NARROW] y_block, d_block, out
    take_narrow(rows, width, y, stride, y_block)
    take_narrow(rows, width, d_y, stride, d_block)
    if kind == ACTIVATION_SOFTMAX:
        softmax_slopes(NARROW, width, <const real*>y_block, <const real*>d_block, out)
    else:
        log_softmax_slopes(NARROW, width, <const real*>y_block, <const real*>d_block, out)
    give_narrow(rows, width, <const real*>out, d_z, z_stride)
