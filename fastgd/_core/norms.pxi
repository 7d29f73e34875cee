# The norms of gradients, over one variable or many.
#
# A norm is a sum in double precision over blocks of NORM_BLOCK elements of a variable, in their
# order: the same whoever computes the blocks.

cdef enum:
    NORM_BLOCK = 1024       # types.NORM_BLOCK


cdef inline int64_t block_count(const Segment* segment) noexcept nogil:
    return (segment.size + NORM_BLOCK - 1) // NORM_BLOCK


cdef inline double squares_of(int64_t n, const real* x, const real* more, double a) noexcept nogil:
    """The sum of (a x)^2 in double precision, or, unless `more` is NULL, of (a (x + more))^2."""
    cdef double[16] s
    cdef double rest = 0
    cdef double value
    cdef int64_t i = 0
    cdef int j
    for j in range(16):
        s[j] = 0
    if more == NULL:
        while i + 16 <= n:
            for j in range(16):
                value = a * <double>x[i + j]
                s[j] = fmadd(value, value, s[j])
            i += 16
        while i < n:
            value = a * <double>x[i]
            rest = fmadd(value, value, rest)
            i += 1
    else:
        while i + 16 <= n:
            for j in range(16):
                value = a * <double>(x[i + j] + more[i + j])
                s[j] = fmadd(value, value, s[j])
            i += 16
        while i < n:
            value = a * <double>(x[i] + more[i])
            rest = fmadd(value, value, rest)
            i += 1
    return tree(s, rest)


cdef inline real* sums_of_gradients(
    const Optimizer* optimizer, real* like,
) noexcept nogil:
    """The slot in which gradients are accumulated, or NULL."""
    cdef const Options* options = optimizer.options
    if options.accumulation == 1:
        return NULL
    return <real*>optimizer.slots + optimizer.slot_size * (
        slots_of(variant_of(optimizer)) + (1 if options.use_ema else 0))


cdef void sum_squares(
    const Optimizer* optimizer, int64_t size, int64_t rank, real* g,
) noexcept nogil:
    """This member's share of the blocks' sums of squares of the gradients."""
    cdef const Segment* last = optimizer.segments + optimizer.segment_count - 1
    cdef int64_t blocks = last.block + block_count(last)
    cdef int64_t block = share_begin(blocks, 1, size, rank)
    cdef int64_t end = share_begin(blocks, 1, size, rank + 1)
    cdef const Segment* segment = optimizer.segments
    cdef const real* sums = sums_of_gradients(optimizer, g)
    cdef int64_t at, n
    while block < end:
        while block >= segment.block + block_count(segment):
            segment += 1
        at = (block - segment.block) * NORM_BLOCK
        n = min(<int64_t>NORM_BLOCK, segment.size - at)
        at += segment.offset
        optimizer.squares[block] = squares_of(
            n, <const real*>g + at, <const real*>NULL if sums == NULL else sums + at, 1)
        block += 1


cdef double norm_of(
    const Optimizer* optimizer, int64_t first, int64_t last, double others, real* g,
) noexcept nogil:
    """The norm of the mean gradients of the segments first ... last - 1.

    others: the square of the norm of what is counted in besides.
    """
    cdef const real* sums = sums_of_gradients(optimizer, g)
    cdef double accumulation = <double>optimizer.options.accumulation
    cdef double scale = 1
    cdef double total = 0
    cdef const Segment* segment
    cdef int64_t s, block
    for s in range(first, last):
        segment = optimizer.segments + s
        for block in range(segment.block, segment.block + block_count(segment)):
            total += optimizer.squares[block]
    if not is_finite(total):  # squares that no double holds, of numbers that one does
        scale = 7.458340731200207e-155  # 2^-512
        total = 0
        for s in range(first, last):
            segment = optimizer.segments + s
            total += squares_of(
                segment.size, <const real*>g + segment.offset,
                <const real*>NULL if sums == NULL else sums + segment.offset, scale)
    total = total / (accumulation * accumulation) + others * scale * scale
    return square_root(total) / scale
