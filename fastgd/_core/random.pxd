# Random numbers from a counter-based stream: draw i of the stream `key` is a function of (key, i)
# alone, so that nothing is stored or replayed. SplitMix64: G. L. Steele, D. Lea, C. H. Flood, "Fast
# splittable pseudorandom number generators", OOPSLA 2014.

from libc.stdint cimport uint64_t


cdef inline uint64_t draw(uint64_t key, uint64_t index) noexcept nogil:
    """Return 64 random bits."""
    cdef uint64_t z = key + (index + 1) * <uint64_t>0x9E3779B97F4A7C15
    z = (z ^ (z >> 30)) * <uint64_t>0xBF58476D1CE4E5B9
    z = (z ^ (z >> 27)) * <uint64_t>0x94D049BB133111EB
    return z ^ (z >> 31)
