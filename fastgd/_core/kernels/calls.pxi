# Arguments of user-defined functions in Python, see Calls in network.pxd.

cdef inline Matrix matrix_of(int64_t rows, int64_t width, const real* data,
                             int64_t stride) noexcept nogil:
    return Matrix(rows, width, stride, <void*>data)


cdef void call_activation(const LayerRows* job, const real* source, real* target) noexcept nogil:
    cdef Matrix z = matrix_of(job.rows, job.width, source, job.source_stride)
    cdef Matrix y = matrix_of(job.rows, job.width, <const real*>target, job.stride)
    job.net.calls.activation(job.net, <int64_t>job.settings[0], &z, &y)


cdef void call_activation_gradient(const LayerRows* job, const real* source, const real* d_target,
                                   real* d_source) noexcept nogil:
    cdef Matrix z = matrix_of(job.rows, job.width, source, job.source_stride)
    cdef Matrix d_y = matrix_of(job.rows, job.width, d_target, job.stride)
    cdef Matrix d_z = matrix_of(job.rows, job.width, <const real*>d_source, job.source_stride)
    job.net.calls.activation_gradient(job.net, <int64_t>job.settings[0], &z, &d_y, &d_z)


cdef void call_loss(const Network* net, const LossTerm* term, const LossRows* job,
                    const real* p) noexcept nogil:
    """Compute the loss of each row and, unless job.d_p is NULL, the slopes of their sum."""
    cdef Matrix targets = matrix_of(job.rows, term.columns, <const real*>job.y, job.y_stride)
    cdef Matrix outputs = matrix_of(job.rows, job.width, p, job.stride)
    cdef Matrix found = matrix_of(job.rows, 1, <const real*>job.values, 1)
    cdef Matrix slopes = matrix_of(job.rows, job.width, <const real*>job.d_p, job.stride)
    net.calls.loss(net, term, &targets, &outputs, &found, NULL if job.d_p == NULL else &slopes)


cdef void call_metric(const Network* net, const MetricTerm* metric, int64_t rows, const real* p,
                      const real* y) noexcept nogil:
    cdef Matrix targets = matrix_of(rows, metric.columns, y + metric.y_column, net.target_width)
    cdef Matrix outputs = matrix_of(rows, net.width[metric.source], p, net.stride[metric.source])
    cdef Matrix weights = matrix_of(rows, 1, y + metric.weight_column, net.target_width)
    net.calls.metric(
        net, metric, &targets, &outputs, NULL if metric.weight_column < 0 else &weights)
