# Rows that move and combine buffers: columns copied, two buffers made one.

cdef void copy_columns(
    int64_t rows, int64_t width, const real* source, int64_t source_stride, real* target,
    int64_t stride,
) noexcept nogil:
    """target[:, :width] = source[:, :width]."""
    cdef int64_t i
    for i in range(rows):
        copy_row(width, source + i * source_stride, target + i * stride)


cdef void add_columns(
    int64_t rows, int64_t width, const real* source, int64_t source_stride, real* target,
    int64_t stride,
) noexcept nogil:
    """target[:, :width] += source[:, :width]."""
    cdef int64_t i, j
    for i in range(rows):
        for j in range(width):
            target[i * stride + j] = target[i * stride + j] + source[i * source_stride + j]


cdef void fill_columns(
    int64_t rows, int64_t width, real value, real* target, int64_t stride,
) noexcept nogil:
    """target[:, :width] = value."""
    cdef int64_t i, j
    for i in range(rows):
        for j in range(width):
            target[i * stride + j] = value


cdef void gather_columns(
    int64_t rows, int64_t width, const double* columns, const real* source, int64_t source_stride,
    real* target, int64_t stride,
) noexcept nogil:
    """target[:, j] = source[:, columns[j]]."""
    cdef int64_t i, j
    for i in range(rows):
        for j in range(width):
            target[i * stride + j] = source[i * source_stride + <int64_t>columns[j]]


cdef void gather_columns_gradient(
    int64_t rows, int64_t width, const double* columns, const real* d_target, int64_t stride,
    int64_t source_width, real* d_source, int64_t d_stride,
) noexcept nogil:
    """d_source[:, k] = the sum of d_target[:, j] over the j with columns[j] = k, in their order."""
    cdef int64_t i, j, k
    fill_columns(rows, source_width, <real>0, d_source, d_stride)
    for i in range(rows):
        for j in range(width):
            k = i * d_stride + <int64_t>columns[j]
            d_source[k] = d_source[k] + d_target[i * stride + j]


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


cdef inline void merge_elements(
    const int64_t kind, int64_t rows, int64_t width, const real* a, int64_t a_stride,
    int64_t a_step, const real* b, int64_t b_stride, int64_t b_step, real* target, int64_t stride,
) noexcept nogil:
    cdef int64_t i, j
    for i in range(rows):
        for j in range(width):
            target[i * stride + j] = merged(
                kind, a[i * a_stride + j * a_step], b[i * b_stride + j * b_step])


cdef void merge(
    int64_t kind, int64_t rows, int64_t a_width, const real* a, int64_t a_stride,
    int64_t b_width, const real* b, int64_t b_stride, real* target, int64_t stride,
) noexcept nogil:
    """target = kind(a, b), a Merge."""
    cdef int64_t width = max(a_width, b_width)
    cdef int64_t a_step = a_width == width
    cdef int64_t b_step = b_width == width
    cdef int64_t i
    if kind == MERGE_ADD:
        merge_elements(MERGE_ADD, rows, width, a, a_stride, a_step, b, b_stride, b_step, target,
                       stride)
    elif kind == MERGE_SUBTRACT:
        merge_elements(MERGE_SUBTRACT, rows, width, a, a_stride, a_step, b, b_stride, b_step,
                       target, stride)
    elif kind == MERGE_MULTIPLY:
        merge_elements(MERGE_MULTIPLY, rows, width, a, a_stride, a_step, b, b_stride, b_step,
                       target, stride)
    elif kind == MERGE_MAXIMUM:
        merge_elements(MERGE_MAXIMUM, rows, width, a, a_stride, a_step, b, b_stride, b_step,
                       target, stride)
    elif kind == MERGE_MINIMUM:
        merge_elements(MERGE_MINIMUM, rows, width, a, a_stride, a_step, b, b_stride, b_step,
                       target, stride)
    else:  # MERGE_DOT
        for i in range(rows):
            target[i * stride] = row_dot(width, a + i * a_stride, b + i * b_stride)


cdef inline real merge_slope(const int64_t kind, bint second, real a, real b) noexcept nogil:
    """The derivative of kind(a, b) with respect to a, or to b if `second`.

    Of two equals a maximum or minimum is shared by halves.
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


cdef inline void merge_elements_gradient(
    const int64_t kind, bint second, int64_t rows, int64_t width, const real* a, int64_t a_stride,
    int64_t a_step, const real* b, int64_t b_stride, int64_t b_step, const real* d_target,
    int64_t stride, real* d_out, int64_t d_stride, real* line,
) noexcept nogil:
    cdef int64_t i, j
    cdef bint summed = (b_step if second else a_step) == 0
    cdef real* d_row
    for i in range(rows):
        d_row = line if summed else d_out + i * d_stride
        for j in range(width):
            d_row[j] = d_target[i * stride + j] * merge_slope(
                kind, second, a[i * a_stride + j * a_step], b[i * b_stride + j * b_step])
        if summed:
            d_out[i * d_stride] = row_sum(width, line)


cdef void merge_gradient(
    int64_t kind, bint second, int64_t rows, int64_t a_width, const real* a, int64_t a_stride,
    int64_t b_width, const real* b, int64_t b_stride, const real* d_target, int64_t stride,
    real* d_out, int64_t d_stride, real* line,
) noexcept nogil:
    """d_out = the gradient of a, or of b if `second`. line: room for a row."""
    cdef int64_t width = max(a_width, b_width)
    cdef int64_t a_step = a_width == width
    cdef int64_t b_step = b_width == width
    cdef const real* other
    cdef int64_t i, j, other_stride
    if kind == MERGE_ADD:
        merge_elements_gradient(MERGE_ADD, second, rows, width, a, a_stride, a_step, b, b_stride,
                                b_step, d_target, stride, d_out, d_stride, line)
    elif kind == MERGE_SUBTRACT:
        merge_elements_gradient(MERGE_SUBTRACT, second, rows, width, a, a_stride, a_step, b,
                                b_stride, b_step, d_target, stride, d_out, d_stride, line)
    elif kind == MERGE_MULTIPLY:
        merge_elements_gradient(MERGE_MULTIPLY, second, rows, width, a, a_stride, a_step, b,
                                b_stride, b_step, d_target, stride, d_out, d_stride, line)
    elif kind == MERGE_MAXIMUM:
        merge_elements_gradient(MERGE_MAXIMUM, second, rows, width, a, a_stride, a_step, b,
                                b_stride, b_step, d_target, stride, d_out, d_stride, line)
    elif kind == MERGE_MINIMUM:
        merge_elements_gradient(MERGE_MINIMUM, second, rows, width, a, a_stride, a_step, b,
                                b_stride, b_step, d_target, stride, d_out, d_stride, line)
    else:  # MERGE_DOT
        other = a if second else b
        other_stride = a_stride if second else b_stride
        for i in range(rows):
            for j in range(width):
                d_out[i * d_stride + j] = d_target[i * stride] * other[i * other_stride + j]
