# The order of the rows in an epoch.

cdef extern from *:
    """
    /* Only AVX-512 multiplies and rounds 64-bit numbers by vectors. */
    #if defined(__AVX512DQ__)
    enum { DRAWS = 64 };
    #else
    enum { DRAWS = 1 };
    #endif
    """
    enum: DRAWS     # how many are made at a time


cdef void permute(uint64_t key, int64_t n, int64_t* order) noexcept nogil:
    """Set order to a random permutation of 0 ... n - 1 (Fisher and Yates, from the end)."""
    cdef int64_t[DRAWS] place
    cdef int64_t i, held, first, end = n
    cdef int k
    for i in range(n):
        order[i] = i
    while end > 1:
        first = max(end - DRAWS, <int64_t>0)
        for k in range(DRAWS):
            # 53 bits times (i + 1) stay below i + 1 after rounding, for every i < 2**53
            i = first + k
            place[k] = <int64_t>(
                <double><int64_t>(draw(key, i) >> 11) * (2.0**-53) * <double>(i + 1))
        for i in range(end - 1, first - 1, -1):
            held = order[i]
            order[i] = order[place[i - first]]
            order[place[i - first]] = held
        end = first
