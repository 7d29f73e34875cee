# Operations that move and combine buffers: columns copied and gathered, two buffers merged.

cdef void copy_forward(const LayerRows* job, const real* source, real* target) noexcept nogil:
    """Copy columns of the source to columns of the target; settings: their first ones."""
    copy_columns(
        job.rows, min(job.source_width, job.width), source + <int64_t>job.settings[0],
        job.source_stride, target + <int64_t>job.settings[1], job.stride)


cdef void copy_gradient(const LayerRows* job, const real* d_target, real* d_out) noexcept nogil:
    if job.width < job.source_width:
        fill_columns(job.rows, job.source_width, <real>0, d_out, job.d_stride)
    copy_columns(
        job.rows, min(job.source_width, job.width), d_target + <int64_t>job.settings[1],
        job.stride, d_out + <int64_t>job.settings[0], job.d_stride)


cdef void gather_forward(const LayerRows* job, const real* source, real* target) noexcept nogil:
    """Copy target[:, j] = source[:, settings[j]]."""
    cdef int64_t i, j
    for i in range(job.rows):
        for j in range(job.width):
            target[i * job.stride + j] = source[i * job.source_stride + <int64_t>job.settings[j]]


cdef void gather_gradient(const LayerRows* job, const real* d_target, real* d_out) noexcept nogil:
    """Compute d_out[:, k] = the sum of d_target[:, j] over the j with settings[j] = k, in their
    order."""
    cdef int64_t i, j, k
    fill_columns(job.rows, job.source_width, <real>0, d_out, job.d_stride)
    for i in range(job.rows):
        for j in range(job.width):
            k = i * job.d_stride + <int64_t>job.settings[j]
            d_out[k] = d_out[k] + d_target[i * job.stride + j]


# The two operands of a merge, row by row; one of width 1 combines with every column of the other.
cdef struct Merged:
    const LayerRows* job
    const void* b
    int64_t width           # of the wider one
    int64_t a_step          # 1, or 0 where a's width is 1
    int64_t b_stride
    int64_t b_step


cdef inline Merged merged_rows(const LayerRows* job, real of_type) noexcept nogil:
    cdef const Network* net = job.net
    cdef int64_t second = job.row.second
    cdef Merged pair
    pair.job = job
    pair.b = values_at(net, <const real*>job.x, second, job.first_row)
    pair.width = max(job.source_width, net.width[second])
    pair.a_step = job.source_width == pair.width
    pair.b_step = net.width[second] == pair.width
    pair.b_stride = net.stride[second]
    return pair


cdef inline real merged(const int64_t kind, real a, real b) noexcept nogil:
    if kind == MERGE_ADD:
        return a + b
    elif kind == MERGE_SUBTRACT:
        return a - b
    elif kind == MERGE_MULTIPLY:
        return a * b
    elif kind == MERGE_MAXIMUM:
        return b if b > a else a
    return b if b < a else a


cdef inline void merge_elements(const int64_t kind, const Merged* pair, const real* a,
                                real* target) noexcept nogil:
    cdef const real* b = <const real*>pair.b
    cdef int64_t width = pair.width, a_step = pair.a_step, b_step = pair.b_step, i, j
    for i in range(pair.job.rows):
        for j in range(width):
            target[j] = merged(kind, a[j * a_step], b[j * b_step])
        a += pair.job.source_stride
        b += pair.b_stride
        target += pair.job.stride


cdef void merge_forward(const LayerRows* job, const real* source, real* target) noexcept nogil:
    """Compute target = kind(a, b), a Merge of the source and the second one."""
    cdef Merged pair = merged_rows(job, <real>0)
    cdef const real* b = <const real*>pair.b
    cdef int64_t kind = job.row.kind, i
    if kind == MERGE_ADD:
        merge_elements(MERGE_ADD, &pair, source, target)
    elif kind == MERGE_SUBTRACT:
        merge_elements(MERGE_SUBTRACT, &pair, source, target)
    elif kind == MERGE_MULTIPLY:
        merge_elements(MERGE_MULTIPLY, &pair, source, target)
    elif kind == MERGE_MAXIMUM:
        merge_elements(MERGE_MAXIMUM, &pair, source, target)
    elif kind == MERGE_MINIMUM:
        merge_elements(MERGE_MINIMUM, &pair, source, target)
    else:  # MERGE_DOT
        for i in range(job.rows):
            target[i * job.stride] = row_dot(
                pair.width, source + i * job.source_stride, b + i * pair.b_stride)


cdef inline real merge_slope(const int64_t kind, bint second, real a, real b) noexcept nogil:
    """Return the derivative of kind(a, b) with respect to a, or to b if `second`.

    If both are equal, each gets half of a maximum or minimum.
    """
    if kind == MERGE_ADD:
        return <real>1
    elif kind == MERGE_SUBTRACT:
        return <real>-1 if second else <real>1
    elif kind == MERGE_MULTIPLY:
        return a if second else b
    if a == b:
        return <real>0.5
    elif kind == MERGE_MAXIMUM:
        return <real>((b > a) == second)
    return <real>((b < a) == second)


cdef inline void merge_elements_gradient(const int64_t kind, const Merged* pair,
                                         const real* d_target, real* d_out) noexcept nogil:
    cdef const LayerRows* job = pair.job
    cdef const real* a = <const real*>job.source
    cdef const real* b = <const real*>pair.b
    cdef real* line = <real*>job.line
    cdef int64_t width = pair.width, a_step = pair.a_step, b_step = pair.b_step
    cdef bint second = job.second
    cdef bint summed = (b_step if second else a_step) == 0
    cdef real* d_row
    cdef int64_t i, j
    for i in range(job.rows):
        d_row = line if summed else d_out
        for j in range(width):
            d_row[j] = d_target[j] * merge_slope(kind, second, a[j * a_step], b[j * b_step])
        if summed:
            d_out[0] = row_sum(width, <const real*>line)
        a += job.source_stride
        b += pair.b_stride
        d_target += job.stride
        d_out += job.d_stride


cdef void merge_gradient(const LayerRows* job, const real* d_target, real* d_out) noexcept nogil:
    """Compute the gradient of a, or of b if job.second."""
    cdef Merged pair = merged_rows(job, <real>0)
    cdef int64_t kind = job.row.kind
    cdef const real* other = <const real*>(job.source if job.second else pair.b)
    cdef int64_t other_stride = job.source_stride if job.second else pair.b_stride
    cdef int64_t i, j
    if kind == MERGE_ADD:
        merge_elements_gradient(MERGE_ADD, &pair, d_target, d_out)
    elif kind == MERGE_SUBTRACT:
        merge_elements_gradient(MERGE_SUBTRACT, &pair, d_target, d_out)
    elif kind == MERGE_MULTIPLY:
        merge_elements_gradient(MERGE_MULTIPLY, &pair, d_target, d_out)
    elif kind == MERGE_MAXIMUM:
        merge_elements_gradient(MERGE_MAXIMUM, &pair, d_target, d_out)
    elif kind == MERGE_MINIMUM:
        merge_elements_gradient(MERGE_MINIMUM, &pair, d_target, d_out)
    else:  # MERGE_DOT
        for i in range(job.rows):
            for j in range(pair.width):
                d_out[i * job.d_stride + j] = (
                    d_target[i * job.stride] * other[i * other_stride + j])
