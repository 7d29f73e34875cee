# The embedding: each column of a row is the number of a row of the kernel, which takes its place.

cdef inline int64_t embedding_row(real number, int64_t count) noexcept nogil:
    """Which row of the kernel a number means; one that means none must not reach beyond it."""
    if not number >= 0:
        return 0
    return <int64_t>number if number < <real>count else count - 1


cdef void embedding_forward(
    const Network* net, const Row* row, int64_t first_row, int64_t rows, const real* x,
) noexcept nogil:
    cdef int64_t count = <int64_t>net.settings[row.settings]
    cdef int64_t places = net.width[row.source]
    cdef int64_t size = net.width[row.target] // places
    cdef int64_t stride = net.stride[row.target]
    cdef const real* kernel = <const real*>net.parameters + row.kernel
    cdef const real* source = values_at(net, x, row.source, first_row)
    cdef real* target = buffer_at(net, <real*>net.values, row.target) + first_row * stride
    cdef int64_t i, k
    for i in range(rows):
        for k in range(places):
            copy_row(size, kernel + embedding_row(source[k], count) * size, target + k * size)
        source += net.stride[row.source]
        target += stride


cdef void embedding_kernel_gradient(
    const Network* net, const Row* row, int64_t rows, const real* source, const real* d_target,
    int64_t first, int64_t last, real* out,
) noexcept nogil:
    """The gradient of the kernel's rows first ... last - 1, each a sum in the batch's order."""
    cdef int64_t count = <int64_t>net.settings[row.settings]
    cdef int64_t places = net.width[row.source]
    cdef int64_t size = net.width[row.target] // places
    cdef int64_t i, j, k, number
    cdef real* sums
    cdef const real* d
    for j in range(first * size, last * size):
        out[j] = 0
    for i in range(rows):
        for k in range(places):
            number = embedding_row(source[k], count)
            if first <= number < last:
                sums = out + number * size
                d = d_target + k * size
                for j in range(size):
                    sums[j] = sums[j] + d[j]
        source += net.stride[row.source]
        d_target += net.stride[row.target]
