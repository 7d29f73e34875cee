# The product of a block of rows with itself, tile by tile: what Gram matrices are made of. A block
# is laid out in tiles of LANES columns, each GRAM_ROWS x LANES, in double precision.

cdef enum:
    GRAM_ROWS = 64          # of a block; its LANES columns in double fill at most a panel
    GRAM_SUMS = 32          # at most so many sums,
    GRAM_ROOM = 32768       # and so many elements in all, which stay in the second-level cache
    GRAM_STEP = 32          # columns, as they are counted for that: a full tile of any build


cdef inline int64_t gram_sums_for(int64_t n, int64_t d, int64_t k) noexcept nogil:
    """How many sums the blocks of n rows are shared out over."""
    cdef int64_t width = (d + k + GRAM_STEP - 1) // GRAM_STEP * GRAM_STEP
    cdef int64_t blocks = (n + GRAM_ROWS - 1) // GRAM_ROWS
    return max(<int64_t>1, min(min(<int64_t>GRAM_SUMS, blocks), GRAM_ROOM // (width * width)))


cdef inline void add_gram_tile(
    int64_t rows, int64_t M, int64_t N, const double* A, const double* B, double* total,
    int64_t stride, double* spare,
) noexcept nogil:
    """total += A^T B for the first M columns of A and N of B, which are tiles of a block.

    So narrow a B is not packed: product needs no panel.
    """
    cdef int64_t i, j
    product(M, N, rows, A, 1, LANES, B, LANES, 1, <const double*>NULL, spare, LANES, M,
            FINISH_NONE, spare, <double*>NULL)
    for i in range(M):
        for j in range(N):
            total[i * stride + j] += spare[i * LANES + j]


cdef void add_gram_block(
    int64_t rows, int64_t d, int64_t width, const double* block, double* total, double* spare,
    int64_t first, int64_t last,
) noexcept nogil:
    """Add the tiles first ... last - 1 of the upper half of a block's product to a sum."""
    cdef int64_t tiles = (width + LANES - 1) // LANES
    cdef int64_t number = 0
    cdef int64_t i, j, M, N
    cdef const double* A
    cdef const double* B
    cdef double* here
    for i in range((d + LANES - 1) // LANES):
        for j in range(i, tiles):
            if first <= number < last:
                A = block + i * (GRAM_ROWS * LANES)
                B = block + j * (GRAM_ROWS * LANES)
                M = min(<int64_t>LANES, d - i * LANES)
                N = min(<int64_t>LANES, width - j * LANES)
                here = total + i * LANES * width + j * LANES
                if i < j or M <= HALF:
                    add_gram_tile(rows, M, N, A, B, here, width, spare)
                else:
                    # of a tile on the diagonal, all but the lower left quarter
                    add_gram_tile(rows, HALF, N, A, B, here, width, spare)
                    add_gram_tile(rows, M - HALF, N - HALF, A + HALF, B + HALF,
                                  here + HALF * width + HALF, width, spare)
            number += 1
