# Loops over elements run in whole blocks: then the compiler makes no loops for a rest, of which
# there would be one for each vector width. A rest is computed in a block of its own.

cdef enum:
    POINTS = HALF           # of a block; buffers are padded to a multiple of it


cdef inline int64_t whole(int64_t n) noexcept nogil:
    """Return n, which is a multiple of POINTS, in a form that tells the compiler so."""
    return n & -<int64_t>POINTS


cdef inline void take_rest(int64_t n, const real* x, real* block) noexcept nogil:
    """Copy the n elements of a rest to a block, and fill it with the first one."""
    cdef int64_t i
    cdef int j
    for j in range(POINTS):
        block[j] = x[0]
    for i in range(1, n):
        block[i] = x[i]


cdef inline void give_rest(int64_t n, const real* block, real* x) noexcept nogil:
    """Copy the first n elements of a block to x."""
    cdef int64_t i
    for i in range(n):
        x[i] = block[i]
