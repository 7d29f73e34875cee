"""The error function and related functions, by the rules of scalar.pxd.

All of them rest on two approximations. Near zero erf(x) = x + x p(x^2). Beyond, from erf(x) = 1/2
on, erfc(a) = e^(-a^2) Q(a); Q, which is known as erfcx, falls slowly from 0.62 to 1 / (a sqrt(pi)).
Three measures keep the accuracy:

- The exponential magnifies an error of a^2 by a^2, up to 740 times. So a^2 comes in two
  pieces, the square of the leading digits of a, which is exact, and the rest.
- Sum, quotient and products in Q each round. Their errors are known to first order from
  further fma, and are added at the end, where only the last addition rounds at full size.
- The normal distribution at x is erfc(-x / sqrt(2)) / 2, and the rounding of x / sqrt(2) counts
  in the exponential too (194 units in the last place near x = -12.9 in float). Therefore
  ``normal_cdf`` squares x itself, and uses x / sqrt(2) in Q only.

Hence the GELU, x times ``normal_cdf(x)``, only rounds once more: below 2 ulp in float (2.2 without
a hardware fma) at every third argument above -12.9, where ``normal_cdf`` turns subnormal.
"""

from fastgd._core.scalar cimport (
    absolute, exponential_series, fmadd, product_rest, real, reduced_high, scaled, select,
    shifted_exponent, subtract_low, unshifted, with_sign_of,
)


cdef inline bint is_near(real a) noexcept nogil:
    """Return whether erf(a) < 1/2: there 1 - erf(a) is accurate, beyond 1 - erfc(a) is."""
    return a < <real>0.47693628


cdef inline real near_zero(real x) noexcept nogil:
    """Return erf(x) where is_near(|x|); the fit is good to 2^-30 (float) or 2^-56 (double)."""
    cdef real z = x * x, p
    if real is float:
        p = <real>0.0047554355
        p = fmadd(p, z, <real>-0.026773022)
        p = fmadd(p, z, <real>0.11283029)
        p = fmadd(p, z, <real>-0.37612617)
        p = fmadd(p, z, <real>0.12837917)
    else:
        p = 1.4251778817472373e-06
        p = fmadd(p, z, -1.4802694816573427e-05)
        p = fmadd(p, z, 0.00012051738626316503)
        p = fmadd(p, z, -0.000854826698485471)
        p = fmadd(p, z, 0.005223977044324574)
        p = fmadd(p, z, -0.026866170613803208)
        p = fmadd(p, z, 0.11283791670870835)
        p = fmadd(p, z, -0.37612638903182877)
        p = fmadd(p, z, 0.12837916709551256)
    return fmadd(x, p, x)


cdef inline real short_part(real a) noexcept nogil:
    """Round a to a multiple of 2^-8 (float, a < 16) or 2^-20 (double, a < 64): an exact square."""
    cdef real shift = <real>49152.0 if real is float else <real>6442450944.0
    return (a + shift) - shift


cdef inline real tail(real a, real surplus, real square, real rest, real factor) noexcept nogil:
    """Return factor e^-(square + rest) erfcx(a - surplus), for a from the border on.

    ``square`` has to be a multiple of 2^-17 (float) or 2^-41 (double), so that its reduction by ln
    2 is exact; ``factor`` a power of two; ``surplus`` smaller than the last digit of a.

    With w = 1 / (a + 2), erfcx(a) = w q(t), where t = (a - 2) / (a + 2) = 1 - 4 w and q falls from
    1.5 to 0.58; its value at 0 is held in two pieces. The fit is good to 2^-28 (float) or 2^-56
    (double).
    """
    cdef real bias = 254 if real is float else 2046
    cdef real middle = <real>1.0215827 if real is float else <real>1.021582705242023
    cdef real middle_rest = <real>-1.7421856e-08 if real is float else <real>-1.7104089e-17
    cdef real middle_slope = <real>-0.6871607 if real is float else <real>-0.6871606844138105
    cdef real shifted, n, high, low, r, series
    cdef real d, w, error, t, p, slope, slope_rest, q, q_rest, y, y_rest
    shifted = shifted_exponent(-(square + rest), bias)
    n = unshifted(shifted, bias)
    high = reduced_high(-square, n)
    low = subtract_low(-rest, n)
    r = high + low
    series = fmadd(r * r, exponential_series(r), (high - r) + low)

    d = a + <real>2
    w = <real>1 / d
    t = fmadd(<real>-4, w, <real>1)
    if real is float:
        p = <real>0.000107820735
        p = fmadd(p, t, <real>-0.0005427924)
        p = fmadd(p, t, <real>-0.0008837716)
        p = fmadd(p, t, <real>0.0030540887)
        p = fmadd(p, t, <real>0.0064901365)
        p = fmadd(p, t, <real>-0.02150628)
        p = fmadd(p, t, <real>-0.036443137)
        p = fmadd(p, t, <real>0.27947193)
    else:
        p = -7.64806227672135e-08
        p = fmadd(p, t, 2.010242755267678e-07)
        p = fmadd(p, t, 1.758084878815732e-07)
        p = fmadd(p, t, -5.251245522767116e-07)
        p = fmadd(p, t, -6.606952238945753e-07)
        p = fmadd(p, t, 1.747259979828494e-07)
        p = fmadd(p, t, 2.0096383259372185e-06)
        p = fmadd(p, t, 3.562834909136224e-06)
        p = fmadd(p, t, -1.1147673284023745e-06)
        p = fmadd(p, t, -1.6097935406245153e-05)
        p = fmadd(p, t, -2.1701446554604747e-05)
        p = fmadd(p, t, 3.414480530100684e-05)
        p = fmadd(p, t, 0.00014447187734417633)
        p = fmadd(p, t, 3.437189103893351e-05)
        p = fmadd(p, t, -0.0006630736375806451)
        p = fmadd(p, t, -0.0008372960928302794)
        p = fmadd(p, t, 0.0030906120675146657)
        p = fmadd(p, t, 0.006479185068848598)
        p = fmadd(p, t, -0.02151066188973518)
        p = fmadd(p, t, -0.03644223150689736)
        p = fmadd(p, t, 0.27947209255605726)
    slope = fmadd(p, t, middle_slope)
    slope_rest = fmadd(p, t, middle_slope - slope)
    q = fmadd(t, slope, middle)
    q_rest = fmadd(t, slope, middle - q) + fmadd(t, slope_rest, middle_rest)
    y = w * q
    # 1 / (a + 2) = w (1 + error). To first order erfcx(a) = y (1 - D error), where D is the
    # logarithmic derivative of erfcx by a + 2; -D is 1 + 2.7 w, to the two digits that count.
    error = -fmadd(w, (a - (d - <real>2)) - surplus, product_rest(w, d, <real>1))
    y_rest = fmadd(w, q_rest, product_rest(w, q, y))
    y_rest = fmadd(y * error, fmadd(<real>2.7, w, <real>1), y_rest)
    y_rest = fmadd(y_rest, r, y_rest)
    y = y + fmadd(y, r, fmadd(y, series, y_rest))
    return scaled(factor * y, shifted)


cdef inline real erfc_beyond(real a) noexcept nogil:
    """Return erfc(a) for a from the border on."""
    cdef real limit = <real>10.5 if real is float else <real>27.5  # where erfc is zero
    cdef real h
    a = select(a > limit, limit, a)
    h = short_part(a)
    return tail(a, <real>0, h * h, (a - h) * (a + h), <real>1)


cdef inline real error_function(real x) noexcept nogil:
    """Return erf(x), 2 / sqrt(pi) times the integral of e^(-t^2) from 0 to x. Error < 1.1 ulp."""
    cdef real a = absolute(x)
    cdef real beyond = with_sign_of(x, <real>1 - erfc_beyond(a))
    return select(is_near(a), near_zero(x), beyond)


cdef inline real complementary_error_function(real x) noexcept nogil:
    """Return erfc(x) = 1 - erf(x). Error < 1.5 ulp, 1.9 without a hardware fma."""
    cdef real a = absolute(x), beyond = erfc_beyond(a)
    beyond = select(x < <real>0, <real>2 - beyond, beyond)
    return select(is_near(a), <real>1 - near_zero(x), beyond)


cdef inline real normal_cdf(real x) noexcept nogil:
    """Return the standard normal distribution, erfc(-x / sqrt(2)) / 2. Error < 1.5 ulp, 1.9 without
    a hardware fma."""
    cdef real limit = <real>14.5 if real is float else <real>38.75  # zero at -limit
    cdef real root = <real>0.7071067811865476
    cdef real root_rest = <real>1.2101617e-08 if real is float else <real>-4.833646656726457e-17
    cdef real b = absolute(x)
    cdef real a, surplus, h, beyond
    b = select(b > limit, limit, b)
    a = root * b
    surplus = -fmadd(b, root_rest, product_rest(b, root, a))
    h = short_part(b)
    beyond = tail(a, surplus, <real>0.5 * h * h, <real>0.5 * (b - h) * (b + h), <real>0.5)
    beyond = select(x < <real>0, beyond, <real>1 - beyond)
    return select(
        is_near(a), fmadd(<real>0.5, near_zero(with_sign_of(x, a)), <real>0.5), beyond)
