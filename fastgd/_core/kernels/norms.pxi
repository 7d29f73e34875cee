# The norms of gradients, over one variable or many. A norm is a sum in double precision over blocks
# of NORM_BLOCK elements of a variable, in their order, whichever member computes a block.

cdef enum:
    NORM_BLOCK = 1024       # types.NORM_BLOCK

# A block whose squares would leave little room for those of others is summed up scaled down, and
# its sum stored negative: no member has to read the gradients again, which others may be changing.
cdef double FULL = 2.0 ** 960
cdef double SCALED_DOWN = 2.0 ** -512


cdef inline int64_t block_count(const Segment* segment) noexcept nogil:
    return (segment.size + NORM_BLOCK - 1) // NORM_BLOCK


cdef inline double squares_of(int64_t n, const real* x, const real* more, double a) noexcept nogil:
    """Return the sum of (a x)^2 in double precision, or, unless `more` is NULL, of (a (x +
    more))^2."""
    cdef double[16] s
    cdef double rest = 0, value
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


cdef inline real* sums_of_gradients(const Optimizer* optimizer, real* like) noexcept nogil:
    """Return the slot in which gradients are accumulated, or NULL."""
    cdef const Options* options = optimizer.options
    if options.accumulation == 1:
        return NULL
    return <real*>optimizer.slots + optimizer.slot_size * (
        slots_of(variant_of(optimizer)) + (1 if options.use_ema else 0))


cdef void sum_squares(const Optimizer* optimizer, int64_t size, int64_t rank,
                      real* g) noexcept nogil:
    """Compute this member's share of the blocks' sums of squares of the gradients."""
    cdef const Segment* last = optimizer.segments + optimizer.segment_count - 1
    cdef int64_t blocks = last.block + block_count(last)
    cdef int64_t block = share_begin(blocks, 1, size, rank)
    cdef int64_t end = share_begin(blocks, 1, size, rank + 1)
    cdef const Segment* segment = optimizer.segments
    cdef const real* sums = sums_of_gradients(optimizer, g)
    cdef const real* more
    cdef double squares
    cdef int64_t at, n
    while block < end:
        while block >= segment.block + block_count(segment):
            segment += 1
        at = (block - segment.block) * NORM_BLOCK
        n = min(<int64_t>NORM_BLOCK, segment.size - at)
        at += segment.offset
        more = <const real*>NULL if sums == NULL else sums + at
        squares = squares_of(n, <const real*>g + at, more, 1)
        if not squares < FULL:
            squares = -squares_of(n, <const real*>g + at, more, SCALED_DOWN)
        optimizer.squares[block] = squares
        block += 1


cdef double norm_of(const Optimizer* optimizer, int64_t first, int64_t last,
                    double others) noexcept nogil:
    """Return the norm of the mean gradients of the segments first ... last - 1, after sum_squares.

    others: the square of the norm of further gradients.
    """
    cdef double accumulation = <double>optimizer.options.accumulation
    cdef const Segment* end = optimizer.segments + last - 1
    cdef int64_t begin_block = optimizer.segments[first].block
    cdef int64_t end_block = end.block + block_count(end)
    cdef double scale = 1, total = 0, squares
    cdef int64_t block
    for block in range(begin_block, end_block):
        if optimizer.squares[block] < 0:
            scale = SCALED_DOWN
    for block in range(begin_block, end_block):
        squares = optimizer.squares[block]
        total += -squares if squares < 0 else squares * scale * scale
    total = total / (accumulation * accumulation) + others * scale * scale
    return square_root(total) / scale
