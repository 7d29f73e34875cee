# Two independent normal numbers from 128 random bits: sqrt(-2 log u) times cosine and sine of a
# random angle. G. E. P. Box, M. E. Muller, "A note on the generation of random normal deviates",
# 1958. u has 53 bits: 24 would end at 5.8 standard deviations, and where numbers secure a secret,
# the absence of larger ones tells. Here they reach sqrt(106 log 2) = 8.57.
#
# As in scalar.pxd, the bits are the same in every build with a hardware fma, and the coefficients
# are minimax fits. Errors are below 2^-51 of the pair's length.

from libc.stdint cimport int32_t, uint32_t, uint64_t

from fastgd._core.scalar cimport (
    _bits_d, _value_d, exponent_part, fmadd, mantissa_part, select, square_root,
)


cdef inline double unit_number(uint32_t high, uint32_t low) noexcept nogil:
    """Return a number in (0, 1], a multiple of 2^-53; 11 bits of `low` are left over.

    Signed words of 32 bits become doubles by vectors, which AVX2 cannot do with 64 bits. Nothing
    is rounded.
    """
    return fmadd(<double><int32_t>high, 2.0**-32,
                 fmadd(<double><int32_t>(low >> 11), 2.0**-53, 0.5 + 2.0**-53))


cdef inline double minus_two_log(double u) noexcept nogil:
    """Return -2 log(u) for u in [2^-1000, 1]: at least 0. Error < 2 ulp.

    As ``logarithm``, with neither its other arguments nor its last bit: u = 2^k (1 + f) and
    log(1 + f) = 2 atanh(s) with s = f / (2 + f).
    """
    cdef double k = exponent_part(u), f = mantissa_part(u) - <double>1
    cdef double s = f / (<double>2 + f), z = s * s, p
    p = -0.2959519058442567
    p = fmadd(p, z, -0.3062778750023818)
    p = fmadd(p, z, -0.36367140295928174)
    p = fmadd(p, z, -0.44444396934382036)
    p = fmadd(p, z, -0.5714285748672242)
    p = fmadd(p, z, -0.7999999999882113)
    p = fmadd(p, z, -1.333333333333347)
    p = fmadd(p, z, <double>-4)
    return fmadd(k, -1.3862943611198906, s * p)


cdef inline double cosine_of_turn(double t) noexcept nogil:
    """Return cos(2 pi t), |t| <= 1/8. The fit is good to 2^-62."""
    cdef double z = t * t, c = -1.6990343940660637
    c = fmadd(c, z, 7.903206911569678)
    c = fmadd(c, z, -26.426253275854723)
    c = fmadd(c, z, 60.24464135270201)
    c = fmadd(c, z, -85.4568172066438)
    c = fmadd(c, z, 64.93939402266824)
    c = fmadd(c, z, -19.739208802178716)
    return fmadd(c, z, <double>1)


cdef inline double sine_of_turn(double t) noexcept nogil:
    """Return sin(2 pi t), |t| <= 1/8. The fit is good to 2^-56; 2 pi is in two pieces."""
    cdef double z = t * t, s = 3.78643334956545
    s = fmadd(s, z, -15.094054182079999)
    s = fmadd(s, z, 42.05868918088512)
    s = fmadd(s, z, -76.70585973562093)
    s = fmadd(s, z, 81.6052492760517)
    s = fmadd(s, z, -41.341702240399755)
    return fmadd(t, 6.283185307179586, t * fmadd(s, z, 2.4492935982947064e-16))


cdef inline void two_normals(uint32_t a, uint32_t b, uint32_t c, uint32_t d, double* first,
                             double* second) noexcept nogil:
    """Set two normal numbers from four random words.

    a and b give u. c and d give an angle within an eighth of a turn of zero, a multiple of 2^-55
    turns, and the last two bits of d choose among the four quarters of the circle.
    """
    cdef double radius = square_root(minus_two_log(unit_number(a, b)))
    cdef double turn = fmadd(<double><int32_t>c, 2.0**-34, <double><int32_t>(d >> 11) * 2.0**-55)
    cdef double cosine = cosine_of_turn(turn), sine = sine_of_turn(turn)
    cdef bint swaps = (d & 2) != 0
    radius = _value_d(_bits_d(radius) ^ (<uint64_t>d << 63))
    first[0] = radius * select(swaps, sine, cosine)
    second[0] = radius * select(swaps, cosine, sine)
