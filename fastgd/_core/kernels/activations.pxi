# Activations, forward and backward, over whole buffers. The kinds that a dense layer applies in
# place take their derivative from the output, and never read z.

cdef void activate(int64_t kind, const double* settings, int64_t rows, int64_t width, const real* z,
                   int64_t z_stride, real* y, int64_t y_stride) noexcept nogil:
    """Compute y = kind(z), for `rows` rows of `width` values; y may be z. Elementwise kinds also
    run through the padding between the rows."""
    cdef const ActivationLoops* loops = activation_of(kind, <real>0)
    cdef real[ACTIVATION_SETTINGS] c
    cdef int64_t i
    rounded(loops, settings, c)
    if z_stride == y_stride and not loops.whole_rows:
        run_values(loops, c, rows * z_stride, z, y)
        return
    for i in range(rows):
        run_values(loops, c, width, z + i * z_stride, y + i * y_stride)


cdef void activation_gradient(const LayerRows* job, const double* settings, const real* z,
                              int64_t z_stride, const real* d_y, real* d_z) noexcept nogil:
    """Compute d_z = d_y kind'(z), with y = kind(z) the target, laid out as d_y; d_z is laid out as
    z, and may be d_y."""
    cdef const ActivationLoops* loops = activation_of(job.row.kind, <real>0)
    cdef const real* y = <const real*>job.target
    cdef real[ACTIVATION_SETTINGS] c
    cdef int64_t i
    rounded(loops, settings, c)
    if z_stride == job.stride and not loops.whole_rows:
        run_gradient(loops, c, job.rows * z_stride, z, y, d_y, d_z)
        return
    for i in range(job.rows):
        run_gradient(loops, c, job.width, z + i * z_stride, y + i * job.stride,
                     d_y + i * job.stride, d_z + i * z_stride)


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


# ---------------------------------------------------------------- loops that take a whole row

cdef void softmax_values(const real* c, int64_t n, const real* z, real* y) noexcept nogil:
    """Compute y_i = exp(z_i - max z) / sum: no overflow for any z."""
    cdef real top = row_maximum(n, z)
    cdef real total
    cdef int64_t i
    for i in range(n):
        y[i] = exponential(z[i] - top)
    total = row_sum(n, y)
    for i in range(n):
        y[i] = y[i] / total


cdef void softmax_gradient(const real* c, int64_t n, const real* z, const real* y, const real* d_y,
                           real* d_z) noexcept nogil:
    """Compute d_z_i = y_i (d_y_i - sum of y_j d_y_j)."""
    cdef real inner = row_dot(n, y, d_y)
    cdef int64_t i
    for i in range(n):
        d_z[i] = y[i] * (d_y[i] - inner)


cdef void log_softmax_values(const real* c, int64_t n, const real* z, real* y) noexcept nogil:
    """Compute y_i = z_i - max z - log(sum of exp(z - max z))."""
    cdef real top = row_maximum(n, z)
    cdef real log_total
    cdef int64_t i
    for i in range(n):
        y[i] = exponential(z[i] - top)
    log_total = logarithm(row_sum(n, y))
    for i in range(n):
        y[i] = (z[i] - top) - log_total


cdef void log_softmax_gradient(const real* c, int64_t n, const real* z, const real* y,
                               const real* d_y, real* d_z) noexcept nogil:
    """Compute d_z_i = d_y_i - exp(y_i) (sum of d_y)."""
    cdef real total = row_sum(n, d_y)
    cdef int64_t i
    for i in range(n):
        d_z[i] = d_y[i] - exponential(y[i]) * total
