"""Elementary functions of one number, for float and double, in loops that become vectors.

a. **Same bits.** Only operations that IEEE 754 defines to the last bit occur here: + - * /,
   fma, sqrt, comparisons and the integer arithmetic of exponents. No libm function (they
   differ between machines) and no table. So every build that has a hardware fma gives the
   same result for the same argument, whatever its vector width. The build without one
   rounds the product in ``fmadd`` first and may differ in the last place.
b. **No branches.** All paths are computed and ``select`` takes one, a blend. Rounding to an
   integer is the addition of 1.5 * 2^(p-1), p the digits of the significand, which leaves the
   integer in the low bits of the sum: AVX2 has no conversion from float64 to int64 and no
   arithmetic shift of int64, and this needs neither.
c. **Errors.** In units in the last place, against the exact value; the bound in the comment
   of each function is rounded up from the worst one measured, with and without fma: in
   float32 over all 2^32 arguments, by tests/exhaustive.py; in float64 over some millions.
   NaN gives NaN, and the signs of zeros, infinities and subnormal arguments and results are
   right everywhere; tests/test_scalar.py allows 2.
d. **Coefficients** are minimax fits by iteratively reweighted least squares in 50 digits,
   with the leading terms fixed at their exact values; for float each coefficient was rounded
   in turn, lowest degree first, and the remaining ones fitted anew. The comment gives the
   error of the fit. Those of the hyperbolic tangent are integers and exact.
e. **Constants** are cast to ``real``, whole ones too: Cython writes 1 + x with a float x as
   1.0 + x, which C computes in double.
"""

from libc.math cimport copysign, copysignf, fabs, fabsf, sqrt, sqrtf
from libc.stdint cimport uint32_t, uint64_t

ctypedef fused real:
    float
    double

cdef extern from *:
    """
    #ifndef FASTGD_SCALAR_H
    #define FASTGD_SCALAR_H
    #include <math.h>
    #include <stdint.h>
    #include <string.h>

    /* Without a hardware fma, libm's would be some fifty times slower than * and +. */
    #if defined(__FMA__) || defined(__aarch64__)
    #define fastgd_fmaf(a, b, c) fmaf((a), (b), (c))
    #define fastgd_fma(a, b, c) fma((a), (b), (c))
    #define fastgd_product_rest_f(a, b, product) fmaf((a), (b), -(product))
    #define fastgd_product_rest_d(a, b, product) fma((a), (b), -(product))
    #else
    #define fastgd_fmaf(a, b, c) ((a) * (b) + (c))
    #define fastgd_fma(a, b, c) ((a) * (b) + (c))
    static CYTHON_INLINE float fastgd_product_rest_f(float a, float b, float product)
    { return (float)((double)a * b - product); }
    /* The product of the halves that Veltkamp's splitting by 2^27 + 1 yields, due to Dekker. */
    static CYTHON_INLINE double fastgd_product_rest_d(double a, double b, double product)
    {
        double a_high = 134217729.0 * a - (134217729.0 * a - a), a_low = a - a_high;
        double b_high = 134217729.0 * b - (134217729.0 * b - b), b_low = b - b_high;
        double cross = (a_high * b_high - product) + a_high * b_low + a_low * b_high;
        return cross + a_low * b_low;
    }
    #endif

    static CYTHON_INLINE uint32_t fastgd_bits_f(float x)
    { uint32_t u; memcpy(&u, &x, sizeof u); return u; }
    static CYTHON_INLINE uint64_t fastgd_bits_d(double x)
    { uint64_t u; memcpy(&u, &x, sizeof u); return u; }
    static CYTHON_INLINE float fastgd_value_f(uint32_t u)
    { float x; memcpy(&x, &u, sizeof x); return x; }
    static CYTHON_INLINE double fastgd_value_d(uint64_t u)
    { double x; memcpy(&x, &u, sizeof x); return x; }

    /* Given c ? a : b, gcc merges neighbouring selections into a tree of paths, and blends at
       every fork of it; masks it leaves alone. SSE2 alone has no 64-bit comparison for them. */
    static CYTHON_INLINE float fastgd_select_f(int c, float a, float b)
    {
        uint32_t mask = -(uint32_t)(c != 0);
        return fastgd_value_f((fastgd_bits_f(a) & mask) | (fastgd_bits_f(b) & ~mask));
    }
    static CYTHON_INLINE double fastgd_select_d(int c, double a, double b)
    {
    #if defined(__SSE2__) && !defined(__AVX__)
        return c ? a : b;
    #else
        uint64_t mask = -(uint64_t)(c != 0);
        return fastgd_value_d((fastgd_bits_d(a) & mask) | (fastgd_bits_d(b) & ~mask));
    #endif
    }
    #endif
    """
    float _fmaf "fastgd_fmaf"(float, float, float) noexcept nogil
    double _fma "fastgd_fma"(double, double, double) noexcept nogil
    float _product_rest_f "fastgd_product_rest_f"(float, float, float) noexcept nogil
    double _product_rest_d "fastgd_product_rest_d"(double, double, double) noexcept nogil
    uint32_t _bits_f "fastgd_bits_f"(float) noexcept nogil
    uint64_t _bits_d "fastgd_bits_d"(double) noexcept nogil
    float _value_f "fastgd_value_f"(uint32_t) noexcept nogil
    double _value_d "fastgd_value_d"(uint64_t) noexcept nogil
    float _select_f "fastgd_select_f"(bint, float, float) noexcept nogil
    double _select_d "fastgd_select_d"(bint, double, double) noexcept nogil
    const float _INF_F "HUGE_VALF"
    const float _NAN_F "NAN"


# ---------------------------------------------------------------- exact operations

cdef inline real fmadd(real a, real b, real c) noexcept nogil:
    """Return a b + c, rounded once with a hardware fma and twice without."""
    if real is float:
        return _fmaf(a, b, c)
    else:
        return _fma(a, b, c)


cdef inline real product_rest(real a, real b, real product) noexcept nogil:
    """Return a b - product, exact in every build if product is a b rounded, or nearly so."""
    if real is float:
        return _product_rest_f(a, b, product)
    else:
        return _product_rest_d(a, b, product)


cdef inline real select(bint condition, real a, real b) noexcept nogil:
    """Return a if condition else b, in a form that stays a single blend."""
    if real is float:
        return _select_f(condition, a, b)
    else:
        return _select_d(condition, a, b)


cdef inline real square_root(real x) noexcept nogil:
    """Return the correctly rounded square root; NaN below zero, -0 at -0."""
    return sqrtf(x) if real is float else sqrt(x)


cdef inline real absolute(real x) noexcept nogil:
    return fabsf(x) if real is float else fabs(x)


cdef inline real with_sign_of(real sign, real x) noexcept nogil:
    """Return |x| with the sign of ``sign``, that of zeros included."""
    return copysignf(x, sign) if real is float else copysign(x, sign)


cdef inline bint is_finite(real x) noexcept nogil:
    """Return False for NaN and both infinities."""
    return absolute(x) < <real>_INF_F


# ---------------------------------------------------------------- exponentials

cdef inline real exponential_series(real r) noexcept nogil:
    """Return (e^r - 1 - r) / r^2 for |r| <= 0.347, to 2^-28 (float) or 2^-57 (double) of e^r."""
    cdef real q
    if real is float:
        q = <real>0.0013865294
        q = fmadd(q, r, <real>0.0083675925)
        q = fmadd(q, r, <real>0.041667223)
        q = fmadd(q, r, <real>0.16666533)
    else:
        q = 2.4977957263639925e-08
        q = fmadd(q, r, 2.762533780481589e-07)
        q = fmadd(q, r, 2.7557642892541182e-06)
        q = fmadd(q, r, 2.480150833430115e-05)
        q = fmadd(q, r, 0.00019841269463342386)
        q = fmadd(q, r, 0.001388888892704673)
        q = fmadd(q, r, 0.00833333333350155)
        q = fmadd(q, r, 0.04166666666660341)
        q = fmadd(q, r, 0.1666666666666643)
    return fmadd(q, r, <real>0.5)


cdef inline real shifted_exponent(real x, real bias) noexcept nogil:
    """Return n + bias + 1.5 * 2^(p-1), where n is the integer next to x / ln 2."""
    if real is float:
        return fmadd(x, <real>1.4426950408889634, <real>12582912.0 + bias)
    else:
        return fmadd(x, <real>1.4426950408889634, <real>6755399441055744.0 + bias)


cdef inline real unshifted(real shifted, real bias) noexcept nogil:
    """Return the integer n that ``shifted_exponent`` found, exactly."""
    if real is float:
        return shifted - (<real>12582912.0 + bias)
    else:
        return shifted - (<real>6755399441055744.0 + bias)


# x - n ln 2 = r + c in two pieces. The high part of ln 2 has 11 (double) or 8 (float) zero bits
# at its end, so n times it is exact, with and without an fma, and so is the difference.
cdef inline real reduced_high(real x, real n) noexcept nogil:
    if real is float:
        return fmadd(n, <real>-0.693145751953125, x)
    else:
        return fmadd(n, <real>-0.693147180559663, x)


cdef inline real subtract_low(real high, real n) noexcept nogil:
    if real is float:
        return fmadd(n, <real>-1.4286068e-06, high)
    else:
        return fmadd(n, <real>-2.8235290563031577e-13, high)


cdef inline real scaled(real x, real shifted) noexcept nogil:
    """Return x 2^n for a shift with bias 2046 (double) or 254 (float); rounds once if subnormal.

    2^n itself may not exist (n reaches 1024 and -1076), so it is applied in two halves, whose
    exponent fields are the halves of n + 2 * 1023. Of the shift's bits those above the field are
    pushed out of the word; they are even, and so take no part in the halving.
    """
    cdef uint32_t u
    cdef uint64_t v
    if real is float:
        u = _bits_f(shifted)
        return x * _value_f((u >> 1) << 23) * _value_f((u - (u >> 1)) << 23)
    else:
        v = _bits_d(shifted)
        return x * _value_d((v >> 1) << 52) * _value_d((v - (v >> 1)) << 52)


cdef inline real power_of_two(real shifted) noexcept nogil:
    """Return 2^n for a shift with bias 1023 (double) or 127 (float), n in the normal range."""
    if real is float:
        return _value_f(_bits_f(shifted) << 23)
    else:
        return _value_d(_bits_d(shifted) << 52)


cdef inline real exponential(real x) noexcept nogil:
    """Return e^x. Error < 0.8 ulp, < 0.7 where the result is not subnormal.

    e^x = 2^n e^(r + c) and e^(r + c) = 1 + r + (c + r^2 q(r)), in which 1 + r is split into its
    rounded sum and the rest, so that only the last addition rounds at full size.
    """
    cdef real bias = 254 if real is float else 2046
    cdef real limit = 104 if real is float else 746  # e^-limit is zero, e^limit infinite
    cdef real shifted, n, high, r, one_plus, rest
    x = with_sign_of(x, select(absolute(x) > limit, limit, absolute(x)))
    shifted = shifted_exponent(x, bias)
    n = unshifted(shifted, bias)
    high = reduced_high(x, n)
    r = subtract_low(high, n)
    rest = fmadd(r * r, exponential_series(r), subtract_low(high - r, n))
    one_plus = <real>1 + r
    return scaled(one_plus + (rest + (r - (one_plus - <real>1))), shifted)


cdef inline real exp_minus_one(real x) noexcept nogil:
    """Return e^x - 1. Error < 1.4 ulp.

    e^x - 1 = (2^n - 1) + 2^n r + 2^n (c + r^2 q(r)), all halved until the end, since 2^n may be one
    power of two too large.
    """
    cdef real bias = 126 if real is float else 1022
    cdef real top = 89 if real is float else 710
    cdef real bottom = <real>-17.5 if real is float else <real>-38.0  # -1 to the last bit
    cdef real tiny = <real>2.9802322e-08 if real is float else <real>5.551115123125783e-17
    cdef real shifted, n, high, r, half_power, rest, y = x
    y = select(y > top, top, y)
    y = select(y < bottom, bottom, y)
    shifted = shifted_exponent(y, bias)
    n = unshifted(shifted, bias)
    half_power = power_of_two(shifted)
    high = reduced_high(y, n)
    r = subtract_low(high, n)
    rest = fmadd(r * r, exponential_series(r), subtract_low(high - r, n))
    y = fmadd(half_power, r, half_power - <real>0.5)
    y = <real>2 * fmadd(half_power, rest, y)
    return select(absolute(x) < tiny, x, y)


# ---------------------------------------------------------------- logarithms

cdef inline real log_of_parts(real k, real f) noexcept nogil:
    """Return k ln 2 + log(1 + f) for integer k and f in [sqrt(1/2) - 1, sqrt(2) - 1].

    With s = f / (2 + f), log(1 + f) = 2 atanh(s) = f - f^2/2 + s (f^2/2 + z L(z)), z = s^2, where z
    L(z) = 2 z/3 + 2 z^2/5 + ... The fit is good to 2^-30 (float), 2^-59 (double).
    """
    cdef real s = f / (<real>2 + f), z = s * s, half_square = <real>0.5 * f * f
    cdef real p, low
    if real is float:
        p = <real>0.29871458
        p = fmadd(p, z, <real>0.39977568)
        p = fmadd(p, z, <real>0.66666776)
        low = fmadd(s, fmadd(p, z, half_square), k * <real>1.4286068e-06)
        return fmadd(k, <real>0.693145751953125, f - (half_square - low))
    else:
        p = 0.14797595292212834
        p = fmadd(p, z, 0.1531389375011909)
        p = fmadd(p, z, 0.18183570147964087)
        p = fmadd(p, z, 0.22222198467191018)
        p = fmadd(p, z, 0.2857142874336121)
        p = fmadd(p, z, 0.3999999999941056)
        p = fmadd(p, z, 0.6666666666666735)
        low = fmadd(s, fmadd(p, z, half_square), k * 2.8235290563031577e-13)
        return fmadd(k, 0.693147180559663, f - (half_square - low))


cdef inline real log_domain(real x, real y) noexcept nogil:
    """Return y = log(x) where 0 < x < inf, and the value of the logarithm elsewhere."""
    cdef real edge = select(x == <real>0, <real>-_INF_F, x)
    edge = select(x < <real>0, <real>_NAN_F, edge)
    return select((x > <real>0) & (x < <real>_INF_F), y, edge)


# x = 2^k m with m in [sqrt(1/2), sqrt(2)): adding 1 - sqrt(1/2), as bits, moves the border
# between binades to sqrt(1/2), and the exponent field then holds k + 1023 (or k + 127).
cdef inline real exponent_part(real x) noexcept nogil:
    """Return k. The field is read as the low bits of 2^52 (2^23), which needs no conversion."""
    if real is float:
        return _value_f(((_bits_f(x) + 0x004afb0d) >> 23) | 0x4b000000) - <float>8388735
    else:
        return (_value_d(((_bits_d(x) + 0x00095f619980c433ULL) >> 52) | 0x4330000000000000ULL)
                - <double>4503599627371519.0)


cdef inline real mantissa_part(real x) noexcept nogil:
    """Return m."""
    if real is float:
        return _value_f(((_bits_f(x) + 0x004afb0d) & 0x007fffff) + 0x3f3504f3)
    else:
        return _value_d(((_bits_d(x) + 0x00095f619980c433ULL) & 0x000fffffffffffffULL)
                        + 0x3fe6a09e667f3bcdULL)


cdef inline real logarithm(real x) noexcept nogil:
    """Return log(x). Error < 0.9 ulp; -inf at +0 and -0, NaN below; subnormal x included."""
    cdef real smallest = (<real>1.1754943508222875e-38 if real is float
                          else <real>2.2250738585072014e-308)
    cdef real lift = <real>33554432.0 if real is float else <real>18014398509481984.0
    cdef real lift_log2 = 25 if real is float else 54
    cdef bint is_subnormal = x < smallest
    cdef real y = select(is_subnormal, x * lift, x)
    cdef real k = exponent_part(y) - select(is_subnormal, lift_log2, <real>0)
    return log_domain(x, log_of_parts(k, mantissa_part(y) - <real>1))


cdef inline real log_one_plus(real x) noexcept nogil:
    """Return log(1 + x). Error < 1.4 ulp; -inf at -1, NaN below.

    The exponent k is that of the rounded 1 + x, but f = (1 + x) / 2^k - 1 is formed from x itself,
    x 2^-k + (2^-k - 1), and is exact or nearly so. Both powers carry a factor of 4 because 2^-1024
    (2^-128) is subnormal and cannot be assembled from its exponent.
    """
    cdef real tiny = <real>2.9802322e-08 if real is float else <real>5.551115123125783e-17
    cdef real u = <real>1 + x, k = exponent_part(u)
    cdef real four_power, f
    if real is float:
        four_power = power_of_two(<real>12583041.0 - k)
    else:
        four_power = power_of_two(<real>6755399441056769.0 - k)
    f = fmadd(<real>0.25 * x, four_power, fmadd(<real>0.25, four_power, <real>-1))
    return select(absolute(x) < tiny, x, log_domain(u, log_of_parts(k, f)))


cdef inline real softplus(real x) noexcept nogil:
    """Return log(1 + e^x) = max(x, 0) + log(1 + e^-|x|). Error < 1.8 ulp; never overflows."""
    cdef real t = exponential(-absolute(x))
    cdef bint is_large = t > <real>0.41421356
    cdef real f = select(is_large, <real>0.5 * t - <real>0.5, t)
    cdef real k = select(is_large, <real>1, <real>0)
    return select(x > <real>0, x, <real>0) + log_of_parts(k, f)


# ---------------------------------------------------------------- sigmoids

cdef inline real sigmoid(real x) noexcept nogil:
    """Return 1 / (1 + e^-x). Error < 1.7 ulp, subnormal results included.

    With t = e^-|x| and q = t / (1 + t), 1 - q above zero and q = t - t q below it: there the
    roundings of 1 + t and of the quotient count only t times as much as in q itself.
    """
    cdef real t = exponential(-absolute(x))
    cdef real b = select(x < <real>0, t, <real>1)
    return fmadd(-b, t / (<real>1 + t), b)


cdef inline real hyperbolic_tangent(real x) noexcept nogil:
    """Return tanh(x). Error < 1.5 ulp.

    From 0.625 on, 1 - 2 / (e^(2 a) + 1) with a = |x|. Below, a + a q, where q comes from Lambert's
    continued fraction a / (1 + z / (3 + z / (5 + ...))), z = a^2, cut after 9 in float (relative
    error 2^-30) and 15 in double (2^-57). One division serves both.
    """
    cdef real a = absolute(x), z = a * a
    cdef bint is_small = a < <real>0.625
    cdef real p, d
    if real is float:
        p = fmadd(z, <real>14, <real>315)
        d = fmadd(fmadd(z, <real>15, <real>420), z, <real>945)
    else:
        p = fmadd(fmadd(z + 594, z, 45045), z, 675675)
        d = fmadd(fmadd(fmadd(z + 630, z, 51975), z, 945945), z, 2027025)
    p = select(is_small, z * p, <real>2)
    d = select(is_small, d, exponential(<real>2 * a) + <real>1)
    a = select(is_small, a, <real>1)
    return with_sign_of(x, fmadd(-a, p / d, a))
