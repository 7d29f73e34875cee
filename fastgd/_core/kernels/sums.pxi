# Sums and maxima across one row, over the lanes: sixteen interleaved partial sums, then a fixed
# tree. Sixteen is a constant of the source, not of the instruction set, so that every build adds in
# the same order. A rest of fewer than sixteen is taken in vectors of eight and four.


cdef inline real tree(real* s, real rest) noexcept nogil:
    cdef int j
    for j in range(8):
        s[j] += s[j + 8]
    for j in range(4):
        s[j] += s[j + 4]
    return ((s[0] + s[2]) + (s[1] + s[3])) + rest


cdef inline real row_sum(int64_t n, const real* x) noexcept nogil:
    cdef real[16] s
    cdef real rest = 0
    cdef int j
    for j in range(16):
        s[j] = 0
    while n >= 16:
        for j in range(16):
            s[j] += x[j]
        x += 16
        n -= 16
    if n >= 8:
        for j in range(8):
            s[j] += x[j]
        x += 8
        n -= 8
    if n >= 4:
        for j in range(4):
            s[j] += x[j]
        x += 4
        n -= 4
    for j in range(<int>n):
        rest += x[j]
    return tree(s, rest)


cdef inline real row_dot(int64_t n, const real* x, const real* y) noexcept nogil:
    cdef real[16] s
    cdef real rest = 0
    cdef int j
    for j in range(16):
        s[j] = 0
    while n >= 16:
        for j in range(16):
            s[j] = fmadd(x[j], y[j], s[j])
        x += 16
        y += 16
        n -= 16
    if n >= 8:
        for j in range(8):
            s[j] = fmadd(x[j], y[j], s[j])
        x += 8
        y += 8
        n -= 8
    if n >= 4:
        for j in range(4):
            s[j] = fmadd(x[j], y[j], s[j])
        x += 4
        y += 4
        n -= 4
    for j in range(<int>n):
        rest = fmadd(x[j], y[j], rest)
    return tree(s, rest)


cdef inline real row_maximum(int64_t n, const real* x) noexcept nogil:
    """Return the largest of n >= 1 values; a NaN among them may be passed over."""
    cdef real top = x[0]
    cdef int64_t i
    for i in range(1, n):
        top = x[i] if x[i] > top else top
    return top


cdef inline int64_t row_argmax(int64_t n, const real* x) noexcept nogil:
    """Return the index of the first largest of n >= 1 values."""
    cdef int64_t i, best = 0
    for i in range(1, n):
        if x[i] > x[best]:
            best = i
    return best
