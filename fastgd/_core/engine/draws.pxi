# Uniform random numbers with the bits of NumPy's ``Generator(PCG64(seed))``, without these objects:
# small networks are made faster than they are. PCG64: M. E. O'Neill, "PCG: A family of simple fast
# space-efficient statistically good algorithms for random number generation", 2014. The seed is
# spread as in randutils' seed_seq_fe (O'Neill 2015), which NumPy's SeedSequence follows.

cdef extern from *:
    """typedef unsigned __int128 fastgd_uint128;"""
    ctypedef uint64_t uint128_t "fastgd_uint128"

cdef uint32_t INIT_A = 0x43b0d7e5, MULT_A = 0x931e8875, INIT_B = 0x8b51f9dd, MULT_B = 0x58f38ded
cdef uint32_t MIX_LEFT = 0xca01f9dd, MIX_RIGHT = 0x4973f715
cdef enum:
    POOL = 4                # words into which a seed is mixed


cdef inline uint32_t hashed(uint32_t value, uint32_t* constant, uint32_t factor) noexcept nogil:
    value ^= constant[0]
    constant[0] *= factor
    value *= constant[0]
    return value ^ (value >> 16)


cdef void spread_seed(uint64_t seed, uint64_t* words) noexcept nogil:
    """Fill four words from a seed."""
    cdef uint32_t[POOL] pool
    cdef uint32_t constant = INIT_A, mixed
    cdef int i, j
    for i in range(POOL):
        pool[i] = hashed(<uint32_t>(seed >> 32 * i) if i < 2 else 0, &constant, MULT_A)
    for i in range(POOL):
        for j in range(POOL):
            if i != j:
                mixed = MIX_LEFT * pool[j] - MIX_RIGHT * hashed(pool[i], &constant, MULT_A)
                pool[j] = mixed ^ (mixed >> 16)
    constant = INIT_B
    for i in range(4):
        words[i] = hashed(pool[2 * i % POOL], &constant, MULT_B)
        words[i] |= <uint64_t>hashed(pool[(2 * i + 1) % POOL], &constant, MULT_B) << 32


cdef inline uint128_t wide(uint64_t high, uint64_t low) noexcept nogil:
    return <uint128_t>high << 64 | low


cdef void draw_uniform(uint64_t seed, double low, double high, int64_t n, void* out,
                       bint single) noexcept nogil:
    """Fill `out` with numbers in [low, high)."""
    cdef uint64_t[4] words
    cdef uint128_t factor = wide(0x2360ED051FC65DA4, 0x4385DF649FCCF645), increment, state
    cdef uint64_t bits
    cdef double width = high - low, value
    cdef int64_t i
    cdef int turn
    spread_seed(seed, words)
    increment = wide(words[2], words[3]) << 1 | 1
    state = (increment + wide(words[0], words[1])) * factor + increment
    for i in range(n):
        state = state * factor + increment
        bits = <uint64_t>(state >> 64) ^ <uint64_t>state
        turn = <int>(state >> 122)
        bits = bits >> turn | bits << (-turn & 63)
        value = low + width * (<double>(bits >> 11) * (1.0 / 9007199254740992.0))
        if single:
            (<float*>out)[i] = <float>value
        else:
            (<double*>out)[i] = value


def fill_uniform(np.ndarray out, seed, double low, double high):
    """Fill a contiguous array with numbers in [low, high) from a seed below 2^64.

    They are those of NumPy's ``Generator(PCG64(seed)).uniform(low, high)``.
    """
    draw_uniform(seed, low, high, np.PyArray_SIZE(out), address(out),
                 np.PyArray_TYPE(out) == np.NPY_FLOAT)
