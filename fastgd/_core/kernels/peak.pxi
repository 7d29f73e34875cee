# The peak performance of a core, for benchmarks to compare with. The engine does not use it; it is
# compiled like the kernels because the instruction set matters.

from fastgd.errors import DataTypeError, ShapeError

cdef extern from *:
    """
    /* The width of a vector, in bytes. */
    #if defined(__AVX512F__)
    enum { VECTOR = 64 };
    #elif defined(__AVX__)
    enum { VECTOR = 32 };
    #else
    enum { VECTOR = 16 };
    #endif
    enum { FLOATS = VECTOR, DOUBLES = VECTOR / 2, WORDS = VECTOR / 2 };
    """
    enum: FLOATS        # what four vectors hold
    enum: DOUBLES
    enum: WORDS         # of 64 bits


cdef inline real independent_chains(const int lanes, int64_t iterations, real factor,
                                    real term) noexcept nogil:
    """Compute x = x factor + term on 3 x lanes accumulators that never leave the registers.

    12 vectors are more than any core has in flight (latency 4, two a cycle), and with the two
    constants still fit into 16 registers. Three arrays, not one of three rows: gcc would make the
    loop over rows the outer one. The result has no meaning, but depends on all of them.
    """
    cdef real[FLOATS] a, b, c
    cdef real total = 0
    cdef int64_t n
    cdef int j
    for j in range(lanes):
        a[j] = j
        b[j] = j + 1
        c[j] = j + 2
    for n in range(iterations):
        for j in range(lanes):
            a[j] = fmadd(a[j], factor, term)
        for j in range(lanes):
            b[j] = fmadd(b[j], factor, term)
        for j in range(lanes):
            c[j] = fmadd(c[j], factor, term)
    for j in range(lanes):
        total += a[j] + b[j] + c[j]
    return total


def multiply_adds(int64_t iterations, str dtype):
    """Run multiply-adds as fast as the core can, from registers alone.

    Parameters
    ----------
    iterations : int
    dtype : {"float32", "float64"}

    Returns
    -------
    int
        How many were run: measure the time of the call, and divide.

    Raises
    ------
    DataTypeError
        For any other type.
    """
    cdef double total
    cdef int64_t lanes
    if dtype == "float32":
        lanes = FLOATS
        with nogil:
            total = independent_chains[float](FLOATS, iterations, <float>0.5, <float>1)
    elif dtype == "float64":
        lanes = DOUBLES
        with nogil:
            total = independent_chains[double](DOUBLES, iterations, 0.5, 1)
    else:
        raise DataTypeError(f"dtype: expected 'float32' or 'float64', got {dtype!r}")
    assert total > 0
    return 3 * lanes * iterations


cdef uint64_t added_up(int64_t n, const uint64_t* x) noexcept nogil:
    """Return the sum of n words, a multiple of WORDS: adding integers is faster than reading."""
    cdef uint64_t[WORDS] acc
    cdef uint64_t total = 0
    cdef int64_t i = 0
    cdef int j
    for j in range(WORDS):
        acc[j] = 0
    while i < n:
        for j in range(WORDS):
            acc[j] += x[i + j]
        i += WORDS
    for j in range(WORDS):
        total += acc[j]
    return total


def read_through(array, int64_t times):
    """Read an array from one end to the other, a number of times, and do next to nothing else.

    Parameters
    ----------
    array : ndarray, contiguous
        Of any type. A rest of less than 256 bytes is not read.
    times : int

    Returns
    -------
    bytes, checksum : int
        How many were read: measure the time of the call, and divide. And the sum of all words,
        modulo 2**64, which keeps the compiler from dropping the reads.

    Raises
    ------
    ShapeError
        If the array is not contiguous.
    """
    if not array.flags.c_contiguous:
        raise ShapeError(f"array: expected a contiguous array, got strides {array.strides}")
    cdef const uint64_t* words = <const uint64_t*><size_t>array.ctypes.data
    cdef int64_t n = array.nbytes // 8 // WORDS * WORDS
    cdef uint64_t total = 0
    cdef int64_t i
    with nogil:
        for i in range(times):
            total += added_up(n, words)
    return 8 * n * times, total
