# The noise of private training: normal numbers (see normal.pxd) from ChaCha (see chacha.pxd) with 8
# rounds, as J.-P. Aumasson, "Too much crypto", 2019, recommends.
#
# Number i of a step is a function of (key, step, i) alone: neither threads nor vectors matter, nor
# where a range is cut. A bunch of 128 numbers comes from 16 blocks that are computed side by side:
# number i from block i // 128 * 16 + i % 16, of which it is number i // 16 % 8. The nonce is the
# step, and the highest bits of the blocks' counter tell apart what the blocks are for.

cdef enum:
    PRIVATE_ROUNDS = 8
    NOISE_BUNCH = 128       # numbers
    NOISE_SUMMANDS = 4      # of a number in float64: streams 0 ... 3
    SAMPLE_STREAM = 4
    STREAM_SHIFT = 60       # of a stream's number in the counter


cdef inline void draw_words(const uint32_t* key, uint64_t step, uint64_t stream, int64_t bunch,
                            uint32_t* w) noexcept nogil:
    """Draw the random words of a bunch."""
    chacha(PRIVATE_ROUNDS, key, (stream << STREAM_SHIFT) + <uint64_t>bunch * BLOCKS, step, w)


cdef void add_bunch(const uint32_t* key, uint64_t step, double deviation, double divisor,
                    int64_t bunch, real* g) noexcept nogil:
    """Apply add_noise to the 128 numbers of a bunch, which begin at g.

    In float64 the numbers are halves of sums of four: what can be told from their last bits
    about the values before is then hard to find. I. Mironov, "On significance of the least
    significant bits for differential privacy", 2012; N. Holohan, S. Braghin, "Secure random
    sampling in differential privacy", 2021, section 5.1. In float32, rounding hides these bits.
    """
    cdef uint32_t[BLOCK_WORDS * BLOCKS] w
    cdef double[NOISE_BUNCH] z
    cdef double factor = 1 / divisor, scale = deviation, first, second
    cdef uint64_t stream
    cdef int i
    if real is double:
        scale = 0.5 * deviation
        for i in range(NOISE_BUNCH):
            z[i] = 0
        for stream in range(1, NOISE_SUMMANDS):
            draw_words(key, step, stream, bunch, w)
            for i in range(64):
                two_normals(w[i], w[i + 64], w[i + 128], w[i + 192], &first, &second)
                z[i] += first
                z[i + 64] += second
    draw_words(key, step, 0, bunch, w)
    for i in range(64):
        two_normals(w[i], w[i + 64], w[i + 128], w[i + 192], &first, &second)
        if real is double:
            first += z[i]
            second += z[i + 64]
        g[i] = <real>(fmadd(scale, first, <double>g[i]) * factor)
        g[i + 64] = <real>(fmadd(scale, second, <double>g[i + 64]) * factor)


cdef void add_noise(const uint32_t* key, uint64_t step, double deviation, double divisor,
                    int64_t begin, int64_t end, real* g) noexcept nogil:
    """Set g[i] to (g[i] + deviation z_i) / divisor, begin <= i < end, rounded once.

    The quotient is a product with 1 / divisor, since a division would take as long as a third
    of the rest. Without noise it is a quotient, as that of a plain step.
    """
    cdef real[NOISE_BUNCH] part
    cdef int64_t bunch, first, last, i
    if deviation == 0:
        for i in range(begin, end):
            g[i] = <real>(<double>g[i] / divisor)
        return
    for bunch in range(begin // NOISE_BUNCH, (end + NOISE_BUNCH - 1) // NOISE_BUNCH):
        first = max(begin - bunch * NOISE_BUNCH, <int64_t>0)
        last = min(end - bunch * NOISE_BUNCH, <int64_t>NOISE_BUNCH)
        if last - first == NOISE_BUNCH:
            add_bunch(key, step, deviation, divisor, bunch, g + bunch * NOISE_BUNCH)
            continue
        for i in range(NOISE_BUNCH):
            part[i] = 0
        for i in range(first, last):
            part[i] = g[bunch * NOISE_BUNCH + i]
        add_bunch(key, step, deviation, divisor, bunch, part)
        for i in range(first, last):
            g[bunch * NOISE_BUNCH + i] = part[i]
