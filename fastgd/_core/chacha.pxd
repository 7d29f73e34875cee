# ChaCha, a stream cipher whose key stream serves as random numbers: block i of a key and a nonce
# is a function of (key, nonce, i) alone, so that nothing is stored or replayed, and whoever lacks
# the key cannot tell it from chance. D. J. Bernstein, "ChaCha, a variant of Salsa20", 2008: words
# 12-13 of the state count the blocks, words 14-15 are the nonce. RFC 8439 has 20 rounds.

from libc.stdint cimport uint32_t, uint64_t

cdef enum:
    BLOCK_WORDS = 16
    BLOCKS = 16             # that are computed side by side: a vector of AVX-512


cdef inline uint32_t rotated(uint32_t x, const int n) noexcept nogil:
    return x << n | x >> (32 - n)


cdef inline void quarter_round(uint32_t* a, uint32_t* b, uint32_t* c, uint32_t* d) noexcept nogil:
    a[0] = a[0] + b[0]
    d[0] = rotated(d[0] ^ a[0], 16)
    c[0] = c[0] + d[0]
    b[0] = rotated(b[0] ^ c[0], 12)
    a[0] = a[0] + b[0]
    d[0] = rotated(d[0] ^ a[0], 8)
    c[0] = c[0] + d[0]
    b[0] = rotated(b[0] ^ c[0], 7)


cdef inline void two_rounds(uint32_t* x) noexcept nogil:
    """Mix the columns, then the diagonals, of a state of 16 words."""
    quarter_round(x, x + 4, x + 8, x + 12)
    quarter_round(x + 1, x + 5, x + 9, x + 13)
    quarter_round(x + 2, x + 6, x + 10, x + 14)
    quarter_round(x + 3, x + 7, x + 11, x + 15)
    quarter_round(x, x + 5, x + 10, x + 15)
    quarter_round(x + 1, x + 6, x + 11, x + 12)
    quarter_round(x + 2, x + 7, x + 8, x + 13)
    quarter_round(x + 3, x + 4, x + 9, x + 14)


cdef inline void chacha(const int rounds, const uint32_t* key, uint64_t first, uint64_t nonce,
                        uint32_t* out) noexcept nogil:
    """Compute the blocks first ... first + 15.

    rounds: a multiple of 4, so many as a pass over the blocks does. first: a multiple of 16. out:
    word j of block first + i at 16 j + i. Words are named one by one: gcc keeps them in registers.
    """
    cdef uint32_t[BLOCK_WORDS] start, x
    cdef int i, j, _
    start[0], start[1], start[2], start[3] = 0x61707865, 0x3320646e, 0x79622d32, 0x6b206574
    for j in range(8):
        start[4 + j] = key[j]
    start[12], start[13] = <uint32_t>first, <uint32_t>(first >> 32)
    start[14], start[15] = <uint32_t>nonce, <uint32_t>(nonce >> 32)
    for j in range(16):
        for i in range(16):
            out[16 * j + i] = start[j]
    for i in range(16):
        out[192 + i] += <uint32_t>i
    for _ in range(rounds // 4):
        for i in range(16):
            x[0], x[1], x[2], x[3] = out[i], out[16 + i], out[32 + i], out[48 + i]
            x[4], x[5], x[6], x[7] = out[64 + i], out[80 + i], out[96 + i], out[112 + i]
            x[8], x[9], x[10], x[11] = out[128 + i], out[144 + i], out[160 + i], out[176 + i]
            x[12], x[13], x[14], x[15] = out[192 + i], out[208 + i], out[224 + i], out[240 + i]
            two_rounds(x)
            two_rounds(x)
            out[i], out[16 + i], out[32 + i], out[48 + i] = x[0], x[1], x[2], x[3]
            out[64 + i], out[80 + i], out[96 + i], out[112 + i] = x[4], x[5], x[6], x[7]
            out[128 + i], out[144 + i], out[160 + i], out[176 + i] = x[8], x[9], x[10], x[11]
            out[192 + i], out[208 + i], out[224 + i], out[240 + i] = x[12], x[13], x[14], x[15]
    for j in range(16):
        for i in range(16):
            out[16 * j + i] += start[j]
    for i in range(16):
        out[192 + i] += <uint32_t>i
