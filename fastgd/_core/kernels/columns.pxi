# Columns copied, added up and filled.

cdef void copy_columns(int64_t rows, int64_t width, const real* source, int64_t source_stride,
                       real* target, int64_t stride) noexcept nogil:
    """Copy target[:, :width] = source[:, :width]."""
    cdef int64_t i
    for i in range(rows):
        copy_row(width, source + i * source_stride, target + i * stride)


cdef void add_columns(int64_t rows, int64_t width, const real* source, int64_t source_stride,
                      real* target, int64_t stride) noexcept nogil:
    """Add target[:, :width] += source[:, :width]."""
    cdef int64_t i, j
    for i in range(rows):
        for j in range(width):
            target[i * stride + j] = target[i * stride + j] + source[i * source_stride + j]


cdef void fill_columns(int64_t rows, int64_t width, real value, real* target,
                       int64_t stride) noexcept nogil:
    """Fill target[:, :width] = value."""
    cdef int64_t i, j
    for i in range(rows):
        for j in range(width):
            target[i * stride + j] = value
