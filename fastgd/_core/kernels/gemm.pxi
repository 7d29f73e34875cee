# The product of two matrices, and the sum of columns.
#
#   C[m, n] = start[m, n] + A[m, 0] B[0, n] + A[m, 1] B[1, n] + ...      m < M, n < N, k < K
#
# Each element is summed in the order of k by fused multiply-adds, in any tile, block, vector or
# thread: so the bits depend on none of these. Vector lanes run over n, and a tile of C stays in
# registers while k runs.

cdef extern from *:
    """
    /* LANES: the columns of a full tile, two float vectors wide or more. HALF: of a narrow one.
       A tile has as many rows as the registers hold, preferably a power of two, as most
       batches have. FASTGD_WIDE_TILES gives the tests the tiles of AVX-512 on a machine without
       it. */
    #if defined(__AVX512F__)
    enum { MASKS = 1 };
    #else
    enum { MASKS = 0 };
    #endif
    #if defined(__AVX512F__) || defined(FASTGD_WIDE_TILES)
    enum { LANES = 32, ROWS = 8, DOUBLE_ROWS = 4, NARROW_ROWS = 8, DOUBLE_NARROW_ROWS = 8 };
    #elif defined(__AVX__)
    enum { LANES = 16, ROWS = 6, DOUBLE_ROWS = 3, NARROW_ROWS = 8, DOUBLE_NARROW_ROWS = 6 };
    #else
    enum { LANES = 16, ROWS = 3, DOUBLE_ROWS = 2, NARROW_ROWS = 4, DOUBLE_NARROW_ROWS = 2 };
    #endif
    enum { HALF = LANES / 2, MOST_ROWS = 8, PANEL_BYTES = 16384 };
    """
    enum: MASKS         # whether a part of a vector is stored at once
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
    FINISH_PART     # of a tile: the elements as they are, of a part of its columns


cdef inline void copy_part(int64_t n, const real* line, real* out) noexcept nogil:
    """Copy out[:n] = line[:n] for 1 <= n <= LANES, by two constant pieces that overlap."""
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
    """Copy the first and the last `size` of n elements, size <= n <= 2 size."""
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
    int64_t spill           # rows from the first on that may be stored beyond their N columns,
    #                         to the next multiple of HALF; rows are stored from first to last
    Finish finish           # where it is not FINISH_NONE, spill is M
    const void* gate        # laid out as C; without FINISH_GATE C itself will do
    void* panel             # room for PANEL_BYTES


cdef inline void tile(const int rows, const int lanes, const int finish, Product* s,
                      real of_type) noexcept nogil:
    """Compute one tile of C: `rows` x `lanes`, constants as `finish`; then go on to the next rows.

    Stores whole rows; or, with FINISH_PART, the N columns of each row but the first `spill`.
    """
    cdef const real* A = <const real*>s.A
    cdef const real* B = <const real*>s.B
    cdef const real* start = <const real*>s.start
    cdef real* C = <real*>s.C
    cdef const real* gate = <const real*>s.gate
    cdef real[MOST_ROWS][LANES] acc
    cdef real[LANES] line
    cdef real a
    cdef int i, j, columns = <int>s.N
    cdef int64_t k
    for i in range(rows):
        if finish != FINISH_PART or s.start_row == 0:
            for j in range(lanes):
                acc[i][j] = start[i * s.start_row + j]
        else:
            # the elements after a row of C may be another thread's
            copy_part(s.N, start + i * s.start_row, line)
            for j in range(lanes):
                acc[i][j] = line[j]
    for k in range(s.K):
        for i in range(rows):
            a = A[i * s.a_row + k * s.a_col]
            for j in range(lanes):
                acc[i][j] = fmadd(a, B[k * s.b_row + j], acc[i][j])
    for i in range(rows):
        if finish == FINISH_RELU:
            for j in range(lanes):
                C[i * s.c_row + j] = <real>0 if acc[i][j] < 0 else acc[i][j]
        elif finish == FINISH_GATE:
            for j in range(lanes):
                C[i * s.c_row + j] = acc[i][j] if gate[i * s.c_row + j] > 0 else <real>0
        elif finish == FINISH_PART and MASKS:
            for j in range(lanes):
                if j < columns:
                    C[i * s.c_row + j] = acc[i][j]
        elif finish == FINISH_NONE or i < s.spill:
            for j in range(lanes):
                C[i * s.c_row + j] = acc[i][j]
        else:
            # through a second array, so that acc is indexed by constants and stays in registers
            for j in range(lanes):
                line[j] = acc[i][j]
            copy_part(s.N, line, C + i * s.c_row)
    s.M -= rows
    s.spill -= rows
    s.A = A + rows * s.a_row
    s.start = start + rows * s.start_row
    s.C = C + rows * s.c_row
    s.gate = gate + rows * s.c_row


cdef inline void strip(const int rows, const int lanes, const int finish, const Product* column,
                       real of_type) noexcept nogil:
    """Compute all M rows of one column of tiles; the rows left over make smaller ones."""
    cdef Product s = column[0]
    while s.M >= rows:
        tile(rows, lanes, finish, &s, of_type)
    if rows > 4 and s.M >= 4:
        tile(4, lanes, finish, &s, of_type)
    if rows > 2 and s.M >= 2:
        tile(2, lanes, finish, &s, of_type)
    if s.M >= 1:
        tile(1, lanes, finish, &s, of_type)


cdef inline int64_t panel_rows(real of_type) noexcept nogil:
    """Return how many rows of a full column of tiles fit in a panel."""
    return PANEL_BYTES // (LANES * <int64_t>sizeof(real))


cdef inline void pack(int64_t K, int64_t n, const real* B, int64_t b_row, int64_t b_col,
                      real* panel) noexcept nogil:
    """Copy panel[k, j] = B[k, j] for the first n columns; the lanes beyond hold anything."""
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
    # A transposed factor is read along its rows, few at a time: they may all fall into one set of
    # the cache.
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


# The kinds of columns of tiles are not inlined: side by side, the setup of all their loops would
# run at each call of `product`, which costs more than a small product.

cdef void full_plain(const Product* s, real of_type) noexcept nogil:
    strip(ROWS if real is float else DOUBLE_ROWS, LANES, FINISH_NONE, s, of_type)


cdef void full_relu(const Product* s, real of_type) noexcept nogil:
    strip(ROWS if real is float else DOUBLE_ROWS, LANES, FINISH_RELU, s, of_type)


cdef void full_gate(const Product* s, real of_type) noexcept nogil:
    strip(ROWS if real is float else DOUBLE_ROWS, LANES, FINISH_GATE, s, of_type)


cdef void full_part(const Product* s, real of_type) noexcept nogil:
    strip(ROWS if real is float else DOUBLE_ROWS, LANES, FINISH_PART, s, of_type)


cdef void narrow_plain(const Product* s, real of_type) noexcept nogil:
    strip(NARROW_ROWS if real is float else DOUBLE_NARROW_ROWS, HALF, FINISH_NONE, s, of_type)


cdef void narrow_relu(const Product* s, real of_type) noexcept nogil:
    strip(NARROW_ROWS if real is float else DOUBLE_NARROW_ROWS, HALF, FINISH_RELU, s, of_type)


cdef void narrow_gate(const Product* s, real of_type) noexcept nogil:
    strip(NARROW_ROWS if real is float else DOUBLE_NARROW_ROWS, HALF, FINISH_GATE, s, of_type)


cdef void narrow_part(const Product* s, real of_type) noexcept nogil:
    strip(NARROW_ROWS if real is float else DOUBLE_NARROW_ROWS, HALF, FINISH_PART, s, of_type)


cdef inline void column(const Product* s, real of_type) noexcept nogil:
    """Compute one column of tiles: full or narrow, stored whole or in part."""
    cdef int finish = s.finish
    if s.spill < s.M and s.N != LANES and s.N != HALF:
        finish = FINISH_PART
    if s.N > HALF:
        if finish == FINISH_NONE:
            full_plain(s, of_type)
        elif finish == FINISH_RELU:
            full_relu(s, of_type)
        elif finish == FINISH_GATE:
            full_gate(s, of_type)
        else:
            full_part(s, of_type)
    elif finish == FINISH_NONE:
        narrow_plain(s, of_type)
    elif finish == FINISH_RELU:
        narrow_relu(s, of_type)
    elif finish == FINISH_GATE:
        narrow_gate(s, of_type)
    else:
        narrow_part(s, of_type)


cdef double[LANES] ZEROS    # of either type


cdef inline void product(Product* p, real of_type) noexcept nogil:
    """Compute C. It changes p: copying it would cost as much as a small product."""
    if p.start == NULL:
        p.start = ZEROS
    if p.N <= LANES and p.K <= panel_rows(of_type) and p.b_col == 1:
        column(p, of_type)  # most products: there is nothing to pack
    else:
        columns(p, of_type)


cdef void columns(Product* p, real of_type) noexcept nogil:
    """Compute C, one column of tiles after the other, by blocks of K."""
    cdef const real* A = <const real*>p.A
    cdef const real* B = <const real*>p.B
    cdef const real* start = <const real*>p.start
    cdef real* C = <real*>p.C
    cdef const real* gate = <const real*>p.gate
    cdef bint starts = p.start != <const void*>ZEROS
    cdef Finish finish = p.finish
    cdef int64_t N = p.N, K = p.K, b_row = p.b_row
    cdef int64_t block = panel_rows(of_type), k = 0
    cdef int64_t n
    cdef const real* b
    # A narrow B is as good as packed, and so is one whose rows are near each other; packing pays
    # from 12 rows of A on.
    cdef bint direct = p.b_col == 1 and (N <= LANES or b_row <= 4 * LANES or p.M < 12)
    while k < K:
        p.K = min(block, K - k)
        p.A = A + k * p.a_col
        p.finish = finish if k + block >= K else FINISH_NONE
        n = 0
        while n < N:
            p.N = min(<int64_t>LANES, N - n)
            p.C = C + n
            p.gate = gate + n
            b = B + k * b_row + n * p.b_col
            p.B = b
            if not direct:
                pack(p.K, p.N, b, b_row, p.b_col, <real*>p.panel)
                p.B = p.panel
                p.b_row = LANES
            p.start = start + n if starts else start
            p.start_row = 0
            if k > 0:
                p.start = p.C
                p.start_row = p.c_row
            column(p, of_type)
            n += LANES
        k += block


cdef inline void column_sums(const int lanes, int64_t M, const real* A, int64_t a_row, real* sums,
                             int64_t n) noexcept nogil:
    """Compute sums[j] = sum of A[m, j] over m, as four interleaved sums ((0 + 1) + (2 + 3))."""
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
    """Compute column_sums of one column whose elements are neighbours."""
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


cdef void sum_columns(int64_t M, int64_t N, const real* A, int64_t a_row,
                      real* sums) noexcept nogil:
    """Compute sums[n] = sum of A[m, n] over m. Rows of A may be read up to LANES past their end."""
    cdef int64_t n = 0
    if N == 1 and a_row == 1:
        # the next rows follow directly and may be another thread's: nothing is read past the end
        sum_column(M, A, sums)
        return
    while N - n > HALF:
        column_sums(LANES, M, A + n, a_row, sums + n, min(<int64_t>LANES, N - n))
        n += LANES
    if n < N:
        column_sums(HALF, M, A + n, a_row, sums + n, N - n)
