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
       The rows of a tile are as many as the registers hold, and rather a power of two: so are
       most batches. FASTGD_WIDE_TILES gives the tests the tiles of AVX-512 on a machine without
       it. */
    #if defined(__AVX512F__) || defined(FASTGD_WIDE_TILES)
    enum { LANES = 32, ROWS = 8, DOUBLE_ROWS = 4, NARROW_ROWS = 8, DOUBLE_NARROW_ROWS = 8 };
    #elif defined(__AVX__)
    enum { LANES = 16, ROWS = 6, DOUBLE_ROWS = 3, NARROW_ROWS = 8, DOUBLE_NARROW_ROWS = 6 };
    #else
    enum { LANES = 16, ROWS = 3, DOUBLE_ROWS = 2, NARROW_ROWS = 4, DOUBLE_NARROW_ROWS = 2 };
    #endif
    enum { HALF = LANES / 2, MOST_ROWS = 8, PANEL_BYTES = 16384 };
    """
    enum: LANES         # columns of a full tile
    enum: HALF          # columns of a narrow tile
    enum: ROWS          # rows of a full tile
    enum: DOUBLE_ROWS
    enum: NARROW_ROWS   # rows of a narrow tile
    enum: DOUBLE_NARROW_ROWS
    enum: MOST_ROWS
    enum: PANEL_BYTES   # a packed panel of B fills half of the smallest first-level cache


# What a product does to the elements it stores.
cdef enum Finish:
    FINISH_NONE
    FINISH_RELU     # max(element, 0); NaN stays NaN
    FINISH_GATE     # the element where the gate, laid out as C, is above 0, else 0


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


# The product of two matrices, or a part of it: C = start + A B, finished.
cdef struct Product:
    int64_t M               # rows of C,
    int64_t N               # its columns
    int64_t K               # and what they are sums of
    const void* A           # any strides, in elements
    int64_t a_row
    int64_t a_col
    const void* B           # where b_col is 1, read up to LANES elements past the end of a row,
    int64_t b_row           # so the array it lies in has that much room at its end
    int64_t b_col
    const void* start       # one row for all, read past its end as B, or NULL for zeros
    int64_t start_row       # 0, or in a part the distance of its rows
    void* C                 # overlaps nothing
    int64_t c_row
    int64_t spill           # so many of the first rows may be stored beyond their N columns, up to
                            # the next multiple of HALF; rows are stored from first to last
    Finish finish           # where it is not FINISH_NONE, spill is M
    const void* gate        # laid out as C
    void* panel             # room for PANEL_BYTES


cdef inline void tile(
    const int rows, const int lanes, const bint whole, const Product* s, int64_t m, real of_type,
) noexcept nogil:
    """One tile of C: `rows` x `lanes`, all constants, from row m on.

    Stores whole rows, finished; or, where not `whole`, the N columns of each row but the first
    `spill`, as they are.
    """
    cdef const real* A = <const real*>s.A + m * s.a_row
    cdef const real* B = <const real*>s.B
    cdef const real* start = <const real*>s.start + m * s.start_row
    cdef real* C = <real*>s.C + m * s.c_row
    cdef const real* gate = <const real*>s.gate + m * s.c_row
    cdef real[MOST_ROWS][LANES] acc
    cdef real[LANES] line
    cdef real a
    cdef int i, j
    cdef int64_t k
    for i in range(rows):
        if whole or s.start_row == 0:
            for j in range(lanes):
                acc[i][j] = start[i * s.start_row + j]
        else:
            # what follows a row of C may be another thread's
            copy_part(s.N, start + i * s.start_row, line)
            for j in range(lanes):
                acc[i][j] = line[j]
    for k in range(s.K):
        for i in range(rows):
            a = A[i * s.a_row + k * s.a_col]
            for j in range(lanes):
                acc[i][j] = fmadd(a, B[k * s.b_row + j], acc[i][j])
    for i in range(rows):
        if whole and s.finish == FINISH_RELU:
            for j in range(lanes):
                C[i * s.c_row + j] = <real>0 if acc[i][j] < 0 else acc[i][j]
        elif whole and s.finish == FINISH_GATE:
            for j in range(lanes):
                C[i * s.c_row + j] = acc[i][j] if gate[i * s.c_row + j] > 0 else <real>0
        elif whole or m + i < s.spill:
            for j in range(lanes):
                C[i * s.c_row + j] = acc[i][j]
        else:
            # by way of a second array, so that acc is indexed by constants and stays in registers
            for j in range(lanes):
                line[j] = acc[i][j]
            copy_part(s.N, line, C + i * s.c_row)


cdef inline void strip(
    const int rows, const int lanes, const bint whole, const Product* s, real of_type,
) noexcept nogil:
    """All M rows of one column of tiles; the rows left over make smaller ones."""
    cdef int64_t m = 0
    while m + rows <= s.M:
        tile(rows, lanes, whole, s, m, of_type)
        m += rows
    if rows > 4 and m + 4 <= s.M:
        tile(4, lanes, whole, s, m, of_type)
        m += 4
    if rows > 2 and m + 2 <= s.M:
        tile(2, lanes, whole, s, m, of_type)
        m += 2
    if m < s.M:
        tile(1, lanes, whole, s, m, of_type)


cdef inline int64_t panel_rows(real of_type) noexcept nogil:
    """How many rows of a full column of tiles a panel has room for."""
    return PANEL_BYTES // (LANES * <int64_t>sizeof(real))


cdef inline void pack(
    int64_t K, int64_t n, const real* B, int64_t b_row, int64_t b_col, real* panel,
) noexcept nogil:
    """panel[k, j] = B[k, j] for the first n columns; the lanes beyond hold anything."""
    cdef int64_t k, j
    cdef int i
    if b_col == 1 and n > HALF:
        for k in range(K):
            for i in range(LANES):
                panel[k * LANES + i] = B[k * b_row + i]
        return
    if b_col == 1:
        for k in range(K):
            for i in range(HALF):
                panel[k * LANES + i] = B[k * b_row + i]
        return
    # A transposed factor is read along its rows, few at a time: they may all fall into one set
    # of the cache.
    j = 0
    while j + 4 <= n:
        for k in range(K):
            for i in range(4):
                panel[k * LANES + j + i] = B[k * b_row + (j + i) * b_col]
        j += 4
    while j < n:
        for k in range(K):
            panel[k * LANES + j] = B[k * b_row + j * b_col]
        j += 1


# The four kinds of columns of tiles are functions of their own: inlined side by side, their loops
# would all be made ready at each call of `product`, which costs more than a small product.

cdef void full_whole(const Product* s, real of_type) noexcept nogil:
    strip(ROWS if real is float else DOUBLE_ROWS, LANES, True, s, of_type)


cdef void full_part(const Product* s, real of_type) noexcept nogil:
    strip(ROWS if real is float else DOUBLE_ROWS, LANES, False, s, of_type)


cdef void narrow_whole(const Product* s, real of_type) noexcept nogil:
    strip(NARROW_ROWS if real is float else DOUBLE_NARROW_ROWS, HALF, True, s, of_type)


cdef void narrow_part(const Product* s, real of_type) noexcept nogil:
    strip(NARROW_ROWS if real is float else DOUBLE_NARROW_ROWS, HALF, False, s, of_type)


cdef void product(const Product* whole, real of_type) noexcept nogil:
    """Compute C, one column of tiles after the other: full or narrow, stored whole or in part."""
    cdef real[LANES] zeros
    cdef Product s = whole[0]       # one column of tiles, and some of its sums
    cdef const real* A = <const real*>whole.A
    cdef const real* B = <const real*>whole.B
    cdef const real* b
    cdef real* C = <real*>whole.C
    cdef real* panel = <real*>whole.panel
    cdef int64_t block = panel_rows(of_type)
    cdef int64_t k = 0
    cdef int64_t n
    cdef int j
    # A narrow B is as good as packed, and packing pays from some rows of A on.
    cdef bint direct = s.b_col == 1 and (s.N <= LANES or s.M < 12)
    if whole.start == NULL:
        for j in range(LANES):
            zeros[j] = 0
    while k < whole.K:
        s.K = min(block, whole.K - k)
        s.A = A + k * s.a_col
        s.finish = whole.finish if k + block >= whole.K else FINISH_NONE
        n = 0
        while n < whole.N:
            s.N = min(<int64_t>LANES, whole.N - n)
            s.C = C + n
            s.gate = <const real*>whole.gate + n
            b = B + k * whole.b_row + n * s.b_col
            s.B = b
            if not direct:
                pack(s.K, s.N, b, whole.b_row, s.b_col, panel)
                s.B = panel
                s.b_row = LANES
            s.start_row = 0
            if k > 0:
                s.start = s.C
                s.start_row = s.c_row
            elif whole.start == NULL:
                s.start = zeros
            else:
                s.start = <const real*>whole.start + n
            if s.N > HALF:
                if s.spill >= s.M or s.N == LANES:
                    full_whole(&s, of_type)
                else:
                    full_part(&s, of_type)
            elif s.spill >= s.M or s.N == HALF:
                narrow_whole(&s, of_type)
            else:
                narrow_part(&s, of_type)
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


cdef inline void sum_column(int64_t M, const real* A, real* sums) noexcept nogil:
    """column_sums of one column whose elements are neighbours."""
    cdef real[4] s
    cdef int64_t m = 0
    cdef int i
    for i in range(4):
        s[i] = 0
    while m + 4 <= M:
        for i in range(4):
            s[i] += A[m + i]
        m += 4
    for i in range(3):
        if m + i < M:
            s[i] += A[m + i]
    sums[0] = (s[0] + s[1]) + (s[2] + s[3])


cdef void sum_columns(
    int64_t M, int64_t N, const real* A, int64_t a_row, real* sums,
) noexcept nogil:
    """sums[n] = sum of A[m, n] over m. Rows of A may be read up to LANES past their end."""
    cdef int64_t n = 0
    if N == 1 and a_row == 1:
        # rows that stand side by side may be another thread's from the next one on
        sum_column(M, A, sums)
        return
    while N - n > HALF:
        column_sums(LANES, M, A + n, a_row, sums + n, min(<int64_t>LANES, N - n))
        n += LANES
    if n < N:
        column_sums(HALF, M, A + n, a_row, sums + n, N - n)
