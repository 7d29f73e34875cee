# Checks that numbers are finite and targets valid.

cdef bint all_between(int64_t n, const real* y, double low, double high,
                      int64_t classes) noexcept nogil:
    """Return whether all numbers are finite, between low and high, and class numbers if classes >
    0."""
    cdef int64_t i
    for i in range(n):
        if not (is_finite(y[i]) and low <= y[i] <= high):
            return False
        if classes and not (0 <= y[i] < classes and y[i] == <real><int64_t>y[i]):
            return False
    return True


cdef int64_t find_nonfinite(int64_t n, int64_t pieces, const int64_t* places,
                            const real* x) noexcept nogil:
    """Return the index of the first number that is not finite in pieces of n numbers, or -1."""
    cdef int64_t k, found
    for k in range(pieces):
        found = nonfinite_in(n, x + row_at(NULL, places, k) * n)
        if found >= 0:
            return k * n + found
    return -1


cdef inline int64_t nonfinite_in(int64_t n, const real* x) noexcept nogil:
    cdef int64_t i = 0, size
    while i < n:
        size = min(<int64_t>4096, n - i)
        if not all_finite(size, x + i):
            while is_finite(x[i]):
                i += 1
            return i
        i += size
    return -1
