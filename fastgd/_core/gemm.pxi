# The product of two matrices, and the sum of columns.
#
#   C[m, n] = start[m, n] + A[m, 0] B[0, n] + A[m, 1] B[1, n] + ...      m < M, n < N, k < K
#
# Each element is summed in the order of k by fused multiply-adds, whatever the tile, the block,
# the vector or the thread it falls to: so the bits depend on none of these. Vector lanes run
# over n, and a tile of C stays in registers while k runs.

cdef extern from *:
    """
    /* LANES: the columns of a full tile, two float vectors wide or more. HALF: of a narrow one.
       ROWS, DOUBLE_ROWS: the rows of a full tile, as many as the registers hold.
       FASTGD_WIDE_TILES gives the tests the tiles of AVX-512 on a machine without it. */
    #if defined(__AVX512F__) || defined(FASTGD_WIDE_TILES)
    enum { LANES = 32, ROWS = 6, DOUBLE_ROWS = 6 };
    #elif defined(__AVX__)
    enum { LANES = 16, ROWS = 6, DOUBLE_ROWS = 3 };
    #else
    enum { LANES = 16, ROWS = 3, DOUBLE_ROWS = 2 };
    #endif
    enum { HALF = LANES / 2, PANEL_BYTES = 16384 };
    """
    enum: LANES         # columns of a full tile
    enum: HALF          # columns of a narrow tile
    enum: ROWS          # rows of a tile
    enum: DOUBLE_ROWS
    enum: PANEL_BYTES   # a packed panel of B fills half of the smallest first-level cache


cdef inline void copy_part(int64_t n, const real* line, real* out) noexcept nogil:
    """out[:n] = line[:n] for 1 <= n <= LANES, by two constant pieces that overlap."""
    cdef int j
    if n > HALF:
        copy_ends(HALF, n, line, out)
    elif n > HALF // 2:
        copy_ends(HALF // 2, n, line, out)
    elif n > HALF // 4:
        copy_ends(HALF // 4, n, line, out)
    else:
        for j in range(n):
            out[j] = line[j]


cdef inline void copy_ends(const int size, int64_t n, const real* line, real* out) noexcept nogil:
    """The first and the last `size` of n elements, size <= n <= 2 size."""
    cdef int j
    for j in range(size):
        out[j] = line[j]
    for j in range(size):
        out[n - size + j] = line[n - size + j]


cdef inline void tile(
    const int rows, const int lanes, const bint whole, int64_t K,
    const real* A, int64_t a_row, int64_t a_col, const real* B, int64_t b_row,
    const real* start, int64_t start_row, real* C, int64_t c_row, int64_t n,
) noexcept nogil:
    """One tile of C: `rows` x `lanes`, all constants; stores whole rows or their first n."""
    cdef real[ROWS][LANES] acc
    cdef real[LANES] line
    cdef real a
    cdef int i, j
    cdef int64_t k
    for i in range(rows):
        for j in range(lanes):
            acc[i][j] = start[i * start_row + j]
    for k in range(K):
        for i in range(rows):
            a = A[i * a_row + k * a_col]
            for j in range(lanes):
                acc[i][j] = fmadd(a, B[k * b_row + j], acc[i][j])
    for i in range(rows):
        if whole:
            for j in range(lanes):
                C[i * c_row + j] = acc[i][j]
        else:
            # by way of a second array, so that acc is indexed by constants and stays in registers
            for j in range(lanes):
                line[j] = acc[i][j]
            copy_part(n, line, C + i * c_row)


cdef inline void strip(
    const int rows, const int lanes, const bint whole, int64_t M, int64_t K,
    const real* A, int64_t a_row, int64_t a_col, const real* B, int64_t b_row,
    const real* start, int64_t start_row, real* C, int64_t c_row, int64_t n,
) noexcept nogil:
    """All M rows of one column of tiles; the rows left over are one smaller tile."""
    cdef int64_t m = 0
    while m + rows <= M:
        tile(rows, lanes, whole, K, A + m * a_row, a_row, a_col, B, b_row,
             start + m * start_row, start_row, C + m * c_row, c_row, n)
        m += rows
    A += m * a_row
    start += m * start_row
    C += m * c_row
    M -= m
    if M == 1:
        tile(1, lanes, whole, K, A, a_row, a_col, B, b_row, start, start_row, C, c_row, n)
    elif M == 2:
        tile(2, lanes, whole, K, A, a_row, a_col, B, b_row, start, start_row, C, c_row, n)
    elif rows > 3 and M == 3:
        tile(3, lanes, whole, K, A, a_row, a_col, B, b_row, start, start_row, C, c_row, n)
    elif rows > 4 and M == 4:
        tile(4, lanes, whole, K, A, a_row, a_col, B, b_row, start, start_row, C, c_row, n)
    elif rows > 5 and M == 5:
        tile(5, lanes, whole, K, A, a_row, a_col, B, b_row, start, start_row, C, c_row, n)


cdef inline void pack(
    int64_t K, int64_t n, const real* B, int64_t b_row, int64_t b_col, real* panel,
) noexcept nogil:
    """panel[k, j] = B[k, j] for the first n columns; the lanes beyond hold anything."""
    cdef int64_t k
    cdef int j
    if b_col == 1:
        for k in range(K):
            for j in range(LANES):
                panel[k * LANES + j] = B[k * b_row + j]
    elif n == LANES:
        for k in range(K):
            for j in range(LANES):
                panel[k * LANES + j] = B[k * b_row + j * b_col]
    else:
        for k in range(K):
            for j in range(n):
                panel[k * LANES + j] = B[k * b_row + j * b_col]


cdef inline void column(
    const int rows, int64_t M, int64_t K, const real* A, int64_t a_row, int64_t a_col,
    const real* B, int64_t b_row, const real* start, int64_t start_row,
    real* C, int64_t c_row, int64_t n, bint padded,
) noexcept nogil:
    """One column of tiles: full or narrow, stored whole or in part."""
    if n > HALF:
        if padded or n == LANES:
            strip(rows, LANES, True, M, K, A, a_row, a_col, B, b_row,
                  start, start_row, C, c_row, n)
        else:
            strip(rows, LANES, False, M, K, A, a_row, a_col, B, b_row,
                  start, start_row, C, c_row, n)
    elif padded or n == HALF:
        strip(ROWS, HALF, True, M, K, A, a_row, a_col, B, b_row,
              start, start_row, C, c_row, n)
    else:
        strip(ROWS, HALF, False, M, K, A, a_row, a_col, B, b_row,
              start, start_row, C, c_row, n)


cdef void product(
    int64_t M, int64_t N, int64_t K,
    const real* A, int64_t a_row, int64_t a_col, const real* B, int64_t b_row, int64_t b_col,
    const real* start, int64_t start_row, real* C, int64_t c_row, bint padded, real* panel,
) noexcept nogil:
    """C = start + A B.

    A, B: any strides (`*_row`, `*_col`, in elements). start: rows at start_row (0 repeats one
    row), or NULL for zeros. C: rows at c_row; `padded` allows whole tiles to be stored, up to the
    next multiple of HALF columns. Rows of B (where b_col is 1) and of start may be read up to
    LANES elements past their end, so the arrays they lie in have that much room at their end.
    panel: room for PANEL_BYTES. Nothing may overlap C, but start may be C.
    """
    cdef real[LANES] zeros
    cdef int64_t block = PANEL_BYTES // (LANES * <int64_t>sizeof(real))
    cdef int64_t k = 0
    cdef int64_t n, k_size, n_size, row
    cdef const real* b
    cdef const real* s
    cdef int j
    # A narrow B is as good as packed, and packing pays from some rows of A on.
    cdef bint direct = b_col == 1 and (N <= LANES or M < 12)
    for j in range(LANES):
        zeros[j] = 0
    while k < K:
        k_size = min(block, K - k)
        n = 0
        while n < N:
            n_size = min(<int64_t>LANES, N - n)
            b = B + k * b_row + n * b_col
            row = b_row
            if not direct:
                pack(k_size, n_size, b, b_row, b_col, panel)
                b = panel
                row = LANES
            if k > 0:
                s = C + n
                start_row = c_row
            elif start == NULL:
                s = zeros
                start_row = 0
            else:
                s = start + n
            if real is float:
                column(ROWS, M, k_size, A + k * a_col, a_row, a_col, b, row,
                       s, start_row, C + n, c_row, n_size, padded)
            else:
                column(DOUBLE_ROWS, M, k_size, A + k * a_col, a_row, a_col, b, row,
                       s, start_row, C + n, c_row, n_size, padded)
            n += LANES
        k += block


cdef inline void column_sums(
    const int lanes, int64_t M, const real* A, int64_t a_row, real* sums, int64_t n,
) noexcept nogil:
    """sums[j] = sum of A[m, j] over m, as four interleaved sums ((0 + 1) + (2 + 3))."""
    cdef real[4][LANES] acc
    cdef real[LANES] line
    cdef int i, j
    cdef int64_t m = 0
    for i in range(4):
        for j in range(lanes):
            acc[i][j] = 0
    while m + 4 <= M:
        for i in range(4):
            for j in range(lanes):
                acc[i][j] += A[(m + i) * a_row + j]
        m += 4
    for i in range(3):
        if m + i < M:
            for j in range(lanes):
                acc[i][j] += A[(m + i) * a_row + j]
    for j in range(lanes):
        line[j] = (acc[0][j] + acc[1][j]) + (acc[2][j] + acc[3][j])
    for j in range(n):
        sums[j] = line[j]


cdef void sum_columns(
    int64_t M, int64_t N, const real* A, int64_t a_row, real* sums,
) noexcept nogil:
    """sums[n] = sum of A[m, n] over m. Rows of A may be read up to LANES past their end."""
    cdef int64_t n = 0
    while N - n > HALF:
        column_sums(LANES, M, A + n, a_row, sums + n, min(<int64_t>LANES, N - n))
        n += LANES
    if n < N:
        column_sums(HALF, M, A + n, a_row, sums + n, N - n)
