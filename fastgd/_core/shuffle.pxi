# The order of the rows in an epoch, from a counter-based stream: draw i of the stream `key` is
# a function of (key, i) alone, so that nothing has to be stored or replayed.
# SplitMix64: G. L. Steele, D. Lea, C. H. Flood, "Fast splittable pseudorandom number
# generators", OOPSLA 2014.

cdef inline uint64_t draw(uint64_t key, uint64_t index) noexcept nogil:
    """64 random bits."""
    cdef uint64_t z = key + (index + 1) * <uint64_t>0x9E3779B97F4A7C15
    z = (z ^ (z >> 30)) * <uint64_t>0xBF58476D1CE4E5B9
    z = (z ^ (z >> 27)) * <uint64_t>0x94D049BB133111EB
    return z ^ (z >> 31)


cdef void permute(uint64_t key, int64_t n, int64_t* order) noexcept nogil:
    """order = a random permutation of 0 ... n - 1 (Fisher and Yates, from the end)."""
    cdef int64_t i, j, held
    for i in range(n):
        order[i] = i
    for i in range(n - 1, 0, -1):
        # 53 bits times (i + 1) stay below i + 1 after rounding, for every i < 2**53
        j = <int64_t>(<double><int64_t>(draw(key, i) >> 11) * (2.0**-53) * <double>(i + 1))
        held = order[i]
        order[i] = order[j]
        order[j] = held
