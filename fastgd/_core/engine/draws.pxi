# Uniform random numbers with the bits of NumPy's ``Generator(PCG64(seed))``, without these objects:
# small networks are made faster than they are. PCG64: M. E. O'Neill, "PCG: A family of simple fast
# space-efficient statistically good algorithms for random number generation", 2014. The seed is
# spread as in randutils' seed_seq_fe (O'Neill 2015), which NumPy's SeedSequence follows.

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


# A number of 128 bits.
cdef struct Wide:
    uint64_t high, low


cdef inline uint64_t high_product(uint64_t a, uint64_t b) noexcept nogil:
    """Return the upper half of a product."""
    cdef uint64_t a_low = <uint32_t>a, a_high = a >> 32, b_low = <uint32_t>b, b_high = b >> 32
    cdef uint64_t middle = a_high * b_low + (a_low * b_low >> 32)
    cdef uint64_t other = a_low * b_high + <uint32_t>middle
    return a_high * b_high + (middle >> 32) + (other >> 32)


cdef inline Wide added(Wide a, Wide b) noexcept nogil:
    cdef Wide total
    total.low = a.low + b.low
    total.high = a.high + b.high + (total.low < a.low)
    return total


cdef inline Wide advanced(Wide state, Wide increment) noexcept nogil:
    """Return the next state of a generator."""
    cdef uint64_t high = 0x2360ED051FC65DA4, low = 0x4385DF649FCCF645
    cdef Wide product
    product.low = state.low * low
    product.high = state.high * low + state.low * high + high_product(state.low, low)
    return added(product, increment)


cdef void draw_uniform(uint64_t seed, double low, double high, int64_t n, void* out,
                       bint single) noexcept nogil:
    """Fill `out` with numbers in [low, high)."""
    cdef uint64_t[4] words
    cdef Wide increment, state
    cdef uint64_t bits
    cdef double width = high - low, value
    cdef int64_t i
    cdef int turn
    spread_seed(seed, words)
    increment.high = words[2] << 1 | words[3] >> 63
    increment.low = words[3] << 1 | 1
    state.high, state.low = words[0], words[1]
    state = advanced(added(increment, state), increment)
    for i in range(n):
        state = advanced(state, increment)
        bits = state.high ^ state.low
        turn = <int>(state.high >> 58)
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
