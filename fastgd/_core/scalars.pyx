# The scalar functions, as each build compiles them, for the tests.

import numpy

from libc.stdint cimport int64_t, uint32_t, uint64_t

from fastgd.errors import DataTypeError, ShapeError, UnknownNameError

from fastgd._core.chacha cimport BLOCK_WORDS, BLOCKS, chacha
from fastgd._core.errorfunction cimport complementary_error_function, error_function, normal_cdf
from fastgd._core.normal cimport two_normals
from fastgd._core.scalar cimport (
    absolute, exp_minus_one, exponential, hyperbolic_tangent, is_finite, log_one_plus, logarithm,
    real, sigmoid, softplus, square_root,
)

SCALAR_FUNCTIONS = (
    "absolute", "complementary_error_function", "error_function", "exp_minus_one", "exponential",
    "hyperbolic_tangent", "is_finite", "log_one_plus", "logarithm", "normal_cdf", "sigmoid",
    "softplus", "square_root",
)


cdef void map_scalar(int function, int64_t n, const real* x, real* y) noexcept nogil:
    """Compute y[i] = SCALAR_FUNCTIONS[function](x[i]), each in a loop as a layer runs it."""
    cdef int64_t i
    if function == 0:
        for i in range(n):
            y[i] = absolute(x[i])
    elif function == 1:
        for i in range(n):
            y[i] = complementary_error_function(x[i])
    elif function == 2:
        for i in range(n):
            y[i] = error_function(x[i])
    elif function == 3:
        for i in range(n):
            y[i] = exp_minus_one(x[i])
    elif function == 4:
        for i in range(n):
            y[i] = exponential(x[i])
    elif function == 5:
        for i in range(n):
            y[i] = hyperbolic_tangent(x[i])
    elif function == 6:
        for i in range(n):
            y[i] = is_finite(x[i])
    elif function == 7:
        for i in range(n):
            y[i] = log_one_plus(x[i])
    elif function == 8:
        for i in range(n):
            y[i] = logarithm(x[i])
    elif function == 9:
        for i in range(n):
            y[i] = normal_cdf(x[i])
    elif function == 10:
        for i in range(n):
            y[i] = sigmoid(x[i])
    elif function == 11:
        for i in range(n):
            y[i] = softplus(x[i])
    else:
        for i in range(n):
            y[i] = square_root(x[i])


def scalar_map(str name, x):
    """Apply one function of scalar.pxd or errorfunction.pxd to every element.

    Parameters
    ----------
    name : str
        One of SCALAR_FUNCTIONS.
    x : ndarray of float32 or float64, shape (n,), contiguous

    Returns
    -------
    ndarray, shape (n,)
        Of the dtype of x.
    """
    if name not in SCALAR_FUNCTIONS:
        raise UnknownNameError(
            f"name: no scalar function {name!r}; there are {', '.join(SCALAR_FUNCTIONS)}"
        )
    if x.ndim != 1 or not x.flags.c_contiguous:
        raise ShapeError(f"x: expected a contiguous vector, got shape {x.shape}")
    y = numpy.empty_like(x)
    function = SCALAR_FUNCTIONS.index(name)
    cdef const void* source = <const void*><size_t>x.ctypes.data
    cdef void* target = <void*><size_t>y.ctypes.data
    if x.dtype == numpy.float32:
        map_scalar[float](function, x.size, <const float*>source, <float*>target)
    elif x.dtype == numpy.float64:
        map_scalar[double](function, x.size, <const double*>source, <double*>target)
    else:
        raise DataTypeError(f"x: expected float32 or float64, got {x.dtype}")
    return y


def chacha_blocks(int rounds, key, uint64_t first, uint64_t nonce):
    """Return the blocks first ... first + 15 of ChaCha, uint32, shape (16 blocks, 16 words).

    key: contiguous, 8 uint32. first: a multiple of 16; rounds: of 4.
    """
    words = numpy.empty((BLOCK_WORDS, BLOCKS), numpy.uint32)
    chacha(rounds, <const uint32_t*><size_t>key.ctypes.data, first, nonce,
           <uint32_t*><size_t>words.ctypes.data)
    return words.T


def normal_pairs(words):
    """Return two normal numbers for each row of four words, float64, shape (n, 2).

    words: contiguous uint32, shape (n, 4).
    """
    pairs = numpy.empty((len(words), 2))
    cdef const uint32_t* w = <const uint32_t*><size_t>words.ctypes.data
    cdef double* z = <double*><size_t>pairs.ctypes.data
    cdef int64_t i
    for i in range(len(words)):
        two_normals(w[4 * i], w[4 * i + 1], w[4 * i + 2], w[4 * i + 3], &z[2 * i], &z[2 * i + 1])
    return pairs
