# The embedding: the number in each column of a row is replaced by the row of the kernel with that
# number.

cdef inline int64_t embedding_row(real number, int64_t count) noexcept nogil:
    """Return the row of the kernel for a number; a number out of range gives a row inside it."""
    if not number >= 0:
        return 0
    return <int64_t>number if number < <real>count else count - 1


cdef void embedding_forward(const LayerRows* job, const real* source, real* target) noexcept nogil:
    cdef int64_t count = <int64_t>job.settings[0], places = job.source_width
    cdef int64_t size = job.width // places
    cdef const real* kernel = kernel_of(job, <real>0)
    cdef int64_t i, k
    for i in range(job.rows):
        for k in range(places):
            copy_row(size, kernel + embedding_row(source[k], count) * size, target + k * size)
        source += job.source_stride
        target += job.stride


cdef void embedding_gradient(const LayerRows* job, const real* d_target,
                             real* d_out) noexcept nogil:
    """Fill zeros: numbers of rows have no gradient."""
    fill_columns(job.rows, job.source_width, <real>0, d_out, job.d_stride)


cdef void embedding_parameters(const LayerRows* job, const real* d_target,
                               real* out) noexcept nogil:
    """Compute the gradient of a member's rows of the kernel, each a sum in the batch's order."""
    cdef int64_t count = <int64_t>job.settings[0], places = job.source_width
    cdef int64_t size = job.width // places
    cdef int64_t first = share_begin(count, 1, job.size, job.rank)
    cdef int64_t last = share_begin(count, 1, job.size, job.rank + 1)
    cdef const real* source = <const real*>job.source
    cdef real* d_kernel = out + job.row.kernel
    cdef int64_t i, j, k, number
    cdef real* sums
    cdef const real* d
    for j in range(first * size, last * size):
        d_kernel[j] = 0
    for i in range(job.rows):
        for k in range(places):
            number = embedding_row(source[k], count)
            if first <= number < last:
                sums = d_kernel + number * size
                d = d_target + k * size
                for j in range(size):
                    sums[j] = sums[j] + d[j]
        source += job.source_stride
        d_target += job.stride
    add_shared(job, job.row.kernel + first * size, (last - first) * size, <const real*>out)
