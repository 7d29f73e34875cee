# Blocks of narrow rows: sixteen rows side by side, x[k, r] = element k of row r, so that vector
# lanes run over the rows. What row_sum adds up within a row, each lane adds up in the same order.
# Functions with `lanes`, a constant, compute such a block, or with lanes = 1 one row of any width.

cdef enum:
    NARROW = 16         # the rows of a block, and its columns at most
    FEW_ROWS = 4        # fewer are taken one by one


cdef inline int64_t rows_at_once(int64_t rows, int64_t width) noexcept nogil:
    """Return how many of the next rows make a block; 1 if none do."""
    if width > NARROW or rows < FEW_ROWS:
        return 1
    return min(rows, <int64_t>NARROW)


cdef void take_narrow(int64_t rows, int64_t width, const real* x, int64_t stride,
                      real* block) noexcept nogil:
    """Copy rows to a block; the last one fills the lanes beyond."""
    cdef const real* row = x
    cdef int64_t k
    cdef int r
    for r in range(NARROW):
        for k in range(width):
            block[k * NARROW + r] = row[k]
        if r + 1 < rows:
            row += stride


cdef void give_narrow(int64_t rows, int64_t width, const real* block, real* x,
                      int64_t stride) noexcept nogil:
    """Copy the first rows of a block."""
    cdef int64_t k, r
    for r in range(rows):
        for k in range(width):
            x[r * stride + k] = block[k * NARROW + r]


cdef inline real term_of(const bint dot, real x, real y) noexcept nogil:
    return x * y if dot else x


cdef inline real with_term(const bint dot, real x, real y, real s) noexcept nogil:
    return fmadd(x, y, s) if dot else s + x


cdef inline void narrow_totals(const bint dot, int64_t n, const real* x, const real* y,
                               real* sums) noexcept nogil:
    """Compute row_sum or row_dot of each lane. The zeros they begin with change no sum."""
    cdef real[8][NARROW] s
    cdef real[NARROW] rest
    cdef int64_t k = 8 if n >= 8 else 4 if n >= 4 else 0
    cdef int64_t j
    cdef int r
    for j in range(k):
        for r in range(NARROW):
            s[j][r] = term_of(dot, x[j * NARROW + r], y[j * NARROW + r])
    if n == NARROW:
        for j in range(8):
            for r in range(NARROW):
                s[j][r] += term_of(dot, x[(8 + j) * NARROW + r], y[(8 + j) * NARROW + r])
        k = n
    elif n >= 12:
        for j in range(4):
            for r in range(NARROW):
                s[j][r] = with_term(
                    dot, x[(8 + j) * NARROW + r], y[(8 + j) * NARROW + r], s[j][r])
        k = 12
    if n >= 8:
        for j in range(4):
            for r in range(NARROW):
                s[j][r] += s[j + 4][r]
    for r in range(NARROW):
        rest[r] = 0
    while k < n:
        for r in range(NARROW):
            rest[r] = with_term(dot, x[k * NARROW + r], y[k * NARROW + r], rest[r])
        k += 1
    for r in range(NARROW):
        sums[r] = rest[r]
    if n >= 4:
        for r in range(NARROW):
            sums[r] = ((s[0][r] + s[2][r]) + (s[1][r] + s[3][r])) + rest[r]


cdef void narrow_sums(int64_t n, const real* x, real* sums) noexcept nogil:
    narrow_totals(False, n, x, x, sums)


cdef void narrow_dots(int64_t n, const real* x, const real* y, real* sums) noexcept nogil:
    narrow_totals(True, n, x, y, sums)


cdef inline void sums_of(const int lanes, int64_t n, const real* x, real* sums) noexcept nogil:
    """Compute the row_sum of each lane."""
    if lanes == 1:
        sums[0] = row_sum(n, x)
    else:
        narrow_sums(n, x, sums)


cdef inline void dots_of(const int lanes, int64_t n, const real* x, const real* y,
                         real* sums) noexcept nogil:
    """Compute the row_dot of each lane."""
    if lanes == 1:
        sums[0] = row_dot(n, x, y)
    else:
        narrow_dots(n, x, y, sums)


cdef inline void maxima_of(const int lanes, int64_t n, const real* x, real* top) noexcept nogil:
    """Compute the row_maximum of each lane."""
    cdef int64_t k
    cdef int r
    for r in range(lanes):
        top[r] = x[r]
    for k in range(1, n):
        for r in range(lanes):
            top[r] = x[k * lanes + r] if x[k * lanes + r] > top[r] else top[r]


cdef void narrow_argmax(int64_t rows, int64_t width, const real* x, int64_t stride,
                        real* best) noexcept nogil:
    """Compute the row_argmax of each row of a block."""
    cdef real[NARROW * NARROW] block
    cdef real[NARROW] top
    cdef real value
    cdef int64_t k
    cdef int r
    take_narrow(rows, width, x, stride, block)
    for r in range(NARROW):
        top[r] = block[r]
        best[r] = 0
    for k in range(1, width):
        for r in range(NARROW):
            value = block[k * NARROW + r]
            best[r] = select(value > top[r], <real>k, best[r])
            top[r] = select(value > top[r], value, top[r])
