# Activations that are a function of one number z. Each has a loop for its values y, and one for d_z
# = d_y times its derivative, which at a kink is that of the branch that computes the value there.
# Their numbers c are the settings of types.pxd. The formulas are Keras', written so that nothing
# overflows. Each has its own loop: in a common one the compiler would copy every formula into each
# loop before it drops the unused ones.

from fastgd._core.errorfunction cimport normal_cdf
from fastgd._core.scalar cimport exp_minus_one

cdef extern from *:
    """
    /* Klambauer et al., "Self-normalizing neural networks", 2017 */
    #define SELU_ALPHA 1.6732632423543772
    #define SELU_SCALE 1.0507009873554805
    #define ROOT_2_OVER_PI 0.7978845608028654
    #define ROOT_1_OVER_2_PI 0.3989422804014327
    """
    const double SELU_ALPHA
    const double SELU_SCALE
    const double ROOT_2_OVER_PI
    const double ROOT_1_OVER_2_PI


cdef inline real clamped(real z, real low, real high) noexcept nogil:
    """Return z between two bounds; NaN stays NaN."""
    z = low if z < low else z
    return high if z > high else z


# ---------------------------------------------------------------- smooth functions

cdef inline real gelu_argument(real z) noexcept nogil:
    """Return 2 sqrt(2 / pi) (z + 0.044715 z^3): (1 + tanh(x)) / 2 = sigmoid(2 x) cancels nothing.
    """
    return <real>(2 * ROOT_2_OVER_PI) * (z * fmadd(<real>0.044715, z * z, <real>1))


cdef void elu_values(const real* c, int64_t n, const real* z, real* y) noexcept nogil:
    cdef real a
    cdef int64_t i
    for i in range(whole(n)):
        a = c[0] * exp_minus_one(z[i])
        y[i] = z[i] if z[i] > 0 else a


cdef void elu_gradient(const real* c, int64_t n, const real* z, const real* y, const real* d_y,
                       real* d_z) noexcept nogil:
    cdef real a
    cdef int64_t i
    for i in range(whole(n)):
        a = c[0] * exponential(z[i])
        d_z[i] = d_y[i] * (<real>1 if z[i] > 0 else a)


cdef void selu_values(const real* c, int64_t n, const real* z, real* y) noexcept nogil:
    cdef real a
    cdef int64_t i
    for i in range(whole(n)):
        a = <real>SELU_ALPHA * exp_minus_one(z[i])
        y[i] = <real>SELU_SCALE * (z[i] if z[i] > 0 else a)


cdef void selu_gradient(const real* c, int64_t n, const real* z, const real* y, const real* d_y,
                        real* d_z) noexcept nogil:
    cdef real a
    cdef int64_t i
    for i in range(whole(n)):
        a = <real>SELU_ALPHA * exponential(z[i])
        d_z[i] = d_y[i] * (<real>SELU_SCALE * (<real>1 if z[i] > 0 else a))


cdef void celu_values(const real* c, int64_t n, const real* z, real* y) noexcept nogil:
    cdef real a
    cdef int64_t i
    for i in range(whole(n)):
        a = c[0] * exp_minus_one(z[i] / c[0])
        y[i] = z[i] if z[i] > 0 else a


cdef void celu_gradient(const real* c, int64_t n, const real* z, const real* y, const real* d_y,
                        real* d_z) noexcept nogil:
    cdef real a
    cdef int64_t i
    for i in range(whole(n)):
        a = exponential(z[i] / c[0])
        d_z[i] = d_y[i] * (<real>1 if z[i] > 0 else a)


cdef void gelu_values(const real* c, int64_t n, const real* z, real* y) noexcept nogil:
    cdef int64_t i
    for i in range(whole(n)):
        y[i] = z[i] * normal_cdf(z[i])


cdef void gelu_gradient(const real* c, int64_t n, const real* z, const real* y, const real* d_y,
                        real* d_z) noexcept nogil:
    cdef real a, t
    cdef int64_t i
    for i in range(whole(n)):
        # z^2 must not overflow before exp makes it 0
        t = clamped(z[i], <real>-50, <real>50)
        a = <real>ROOT_1_OVER_2_PI * exponential(<real>-0.5 * t * t)
        d_z[i] = d_y[i] * (fmadd(t, a, normal_cdf(z[i])))


cdef void gelu_tanh_values(const real* c, int64_t n, const real* z, real* y) noexcept nogil:
    cdef int64_t i
    for i in range(whole(n)):
        y[i] = z[i] * sigmoid(gelu_argument(z[i]))


cdef void gelu_tanh_gradient(const real* c, int64_t n, const real* z, const real* y,
                             const real* d_y, real* d_z) noexcept nogil:
    cdef real a, t, x
    cdef int64_t i
    for i in range(whole(n)):
        x = clamped(z[i], <real>-50, <real>50)
        t = gelu_argument(x)
        a = <real>(2 * ROOT_2_OVER_PI) * fmadd(<real>0.134145, x * x, <real>1)
        d_z[i] = d_y[i] * (sigmoid(t) * fmadd(x * sigmoid(-t), a, <real>1))


cdef void silu_values(const real* c, int64_t n, const real* z, real* y) noexcept nogil:
    cdef int64_t i
    for i in range(whole(n)):
        y[i] = z[i] * sigmoid(z[i])


cdef void silu_gradient(const real* c, int64_t n, const real* z, const real* y, const real* d_y,
                        real* d_z) noexcept nogil:
    cdef real a
    cdef int64_t i
    for i in range(whole(n)):
        a = sigmoid(z[i])
        d_z[i] = d_y[i] * (a * fmadd(z[i], sigmoid(-z[i]), <real>1))


cdef void mish_values(const real* c, int64_t n, const real* z, real* y) noexcept nogil:
    cdef int64_t i
    for i in range(whole(n)):
        y[i] = z[i] * hyperbolic_tangent(softplus(z[i]))


cdef void mish_gradient(const real* c, int64_t n, const real* z, const real* y, const real* d_y,
                        real* d_z) noexcept nogil:
    cdef real t
    cdef int64_t i
    for i in range(whole(n)):
        t = hyperbolic_tangent(softplus(z[i]))
        d_z[i] = d_y[i] * (fmadd(z[i] * (<real>1 - t * t), sigmoid(z[i]), t))


cdef void softplus_values(const real* c, int64_t n, const real* z, real* y) noexcept nogil:
    cdef int64_t i
    for i in range(whole(n)):
        y[i] = softplus(z[i])


cdef void softplus_gradient(const real* c, int64_t n, const real* z, const real* y, const real* d_y,
                            real* d_z) noexcept nogil:
    cdef int64_t i
    for i in range(whole(n)):
        d_z[i] = d_y[i] * sigmoid(z[i])


cdef void softsign_values(const real* c, int64_t n, const real* z, real* y) noexcept nogil:
    cdef int64_t i
    for i in range(whole(n)):
        y[i] = z[i] / (<real>1 + absolute(z[i]))


cdef void softsign_gradient(const real* c, int64_t n, const real* z, const real* y, const real* d_y,
                            real* d_z) noexcept nogil:
    cdef real a
    cdef int64_t i
    for i in range(whole(n)):
        a = <real>1 + absolute(z[i])
        d_z[i] = d_y[i] * (<real>1 / (a * a))


cdef void squareplus_values(const real* c, int64_t n, const real* z, real* y) noexcept nogil:
    cdef real a
    cdef int64_t i
    for i in range(whole(n)):
        # (z + r) / 2 would cancel below 0
        a = square_root(fmadd(z[i], z[i], c[0])) + absolute(z[i])
        y[i] = <real>0.5 * a if z[i] > 0 else <real>0.5 * c[0] / a


cdef void squareplus_gradient(const real* c, int64_t n, const real* z, const real* y,
                              const real* d_y, real* d_z) noexcept nogil:
    cdef real a, t
    cdef int64_t i
    for i in range(whole(n)):
        a = square_root(fmadd(z[i], z[i], c[0]))
        t = <real>0.5 * c[0] / (a * (a + absolute(z[i])))
        d_z[i] = d_y[i] * (<real>1 - t if z[i] > 0 else t)


cdef void log_sigmoid_values(const real* c, int64_t n, const real* z, real* y) noexcept nogil:
    cdef int64_t i
    for i in range(whole(n)):
        y[i] = -softplus(-z[i])


cdef void log_sigmoid_gradient(const real* c, int64_t n, const real* z, const real* y,
                               const real* d_y, real* d_z) noexcept nogil:
    cdef int64_t i
    for i in range(whole(n)):
        d_z[i] = d_y[i] * sigmoid(-z[i])


cdef void exponential_values(const real* c, int64_t n, const real* z, real* y) noexcept nogil:
    cdef int64_t i
    for i in range(whole(n)):
        y[i] = exponential(z[i])


cdef void exponential_gradient(const real* c, int64_t n, const real* z, const real* y,
                               const real* d_y, real* d_z) noexcept nogil:
    cdef int64_t i
    for i in range(whole(n)):
        d_z[i] = d_y[i] * exponential(z[i])


cdef void tanh_shrink_values(const real* c, int64_t n, const real* z, real* y) noexcept nogil:
    cdef int64_t i
    for i in range(whole(n)):
        y[i] = z[i] - hyperbolic_tangent(z[i])


cdef void tanh_shrink_gradient(const real* c, int64_t n, const real* z, const real* y,
                               const real* d_y, real* d_z) noexcept nogil:
    cdef real t
    cdef int64_t i
    for i in range(whole(n)):
        t = hyperbolic_tangent(z[i])
        d_z[i] = d_y[i] * (t * t)


# ---------------------------------------------------------------- piecewise functions

cdef void rectifier_values(const real* c, int64_t n, const real* z, real* y) noexcept nogil:
    cdef real a
    cdef int64_t i
    for i in range(whole(n)):
        a = z[i] if z[i] > c[2] else c[0] * (z[i] - c[2])
        y[i] = c[1] if z[i] >= c[1] else a


cdef void rectifier_gradient(const real* c, int64_t n, const real* z, const real* y,
                             const real* d_y, real* d_z) noexcept nogil:
    cdef real a
    cdef int64_t i
    for i in range(whole(n)):
        a = <real>1 if z[i] > c[2] else c[0]
        d_z[i] = d_y[i] * (<real>0 if z[i] >= c[1] else a)


cdef void sparse_plus_values(const real* c, int64_t n, const real* z, real* y) noexcept nogil:
    cdef real a
    cdef int64_t i
    for i in range(whole(n)):
        a = clamped(z[i], <real>-1, <real>1) + <real>1
        a = <real>0.25 * a * a
        y[i] = z[i] if z[i] > 1 else a


cdef void sparse_plus_gradient(const real* c, int64_t n, const real* z, const real* y,
                               const real* d_y, real* d_z) noexcept nogil:
    cdef int64_t i
    for i in range(whole(n)):
        d_z[i] = d_y[i] * (<real>0.5 * (clamped(z[i], <real>-1, <real>1) + <real>1))


cdef void sparse_sigmoid_values(const real* c, int64_t n, const real* z, real* y) noexcept nogil:
    cdef int64_t i
    for i in range(whole(n)):
        y[i] = <real>0.5 * (clamped(z[i], <real>-1, <real>1) + <real>1)


cdef void sparse_sigmoid_gradient(const real* c, int64_t n, const real* z, const real* y,
                                  const real* d_y, real* d_z) noexcept nogil:
    cdef int64_t i
    for i in range(whole(n)):
        d_z[i] = d_y[i] * (<real>0.5 if absolute(z[i]) < 1 else <real>0)


cdef void soft_shrink_values(const real* c, int64_t n, const real* z, real* y) noexcept nogil:
    cdef int64_t i
    for i in range(whole(n)):
        y[i] = z[i] - clamped(z[i], -c[0], c[0])


cdef void soft_shrink_gradient(const real* c, int64_t n, const real* z, const real* y,
                               const real* d_y, real* d_z) noexcept nogil:
    cdef int64_t i
    for i in range(whole(n)):
        d_z[i] = d_y[i] * (<real>0 if absolute(z[i]) <= c[0] else <real>1)


cdef void hard_shrink_values(const real* c, int64_t n, const real* z, real* y) noexcept nogil:
    cdef int64_t i
    for i in range(whole(n)):
        y[i] = <real>0 if absolute(z[i]) <= c[0] else z[i]


cdef void hard_shrink_gradient(const real* c, int64_t n, const real* z, const real* y,
                               const real* d_y, real* d_z) noexcept nogil:
    cdef int64_t i
    for i in range(whole(n)):
        d_z[i] = d_y[i] * (<real>0 if absolute(z[i]) <= c[0] else <real>1)


cdef void hard_tanh_values(const real* c, int64_t n, const real* z, real* y) noexcept nogil:
    cdef int64_t i
    for i in range(whole(n)):
        y[i] = clamped(z[i], <real>-1, <real>1)


cdef void hard_tanh_gradient(const real* c, int64_t n, const real* z, const real* y,
                             const real* d_y, real* d_z) noexcept nogil:
    cdef int64_t i
    for i in range(whole(n)):
        d_z[i] = d_y[i] * (<real>1 if absolute(z[i]) < 1 else <real>0)


cdef void hard_sigmoid_values(const real* c, int64_t n, const real* z, real* y) noexcept nogil:
    cdef int64_t i
    for i in range(whole(n)):
        y[i] = clamped(z[i] + <real>3, <real>0, <real>6) / <real>6


cdef void hard_sigmoid_gradient(const real* c, int64_t n, const real* z, const real* y,
                                const real* d_y, real* d_z) noexcept nogil:
    cdef int64_t i
    for i in range(whole(n)):
        d_z[i] = d_y[i] * (<real>1 / <real>6 if absolute(z[i]) < 3 else <real>0)


cdef void hard_silu_values(const real* c, int64_t n, const real* z, real* y) noexcept nogil:
    cdef int64_t i
    for i in range(whole(n)):
        y[i] = z[i] * (clamped(z[i] + <real>3, <real>0, <real>6) / <real>6)


cdef void hard_silu_gradient(const real* c, int64_t n, const real* z, const real* y,
                             const real* d_y, real* d_z) noexcept nogil:
    cdef real a
    cdef int64_t i
    for i in range(whole(n)):
        a = <real>1 if z[i] > 0 else <real>0
        d_z[i] = d_y[i] * ((z[i] + z[i] + <real>3) / <real>6 if absolute(z[i]) < 3 else a)


cdef void threshold_values(const real* c, int64_t n, const real* z, real* y) noexcept nogil:
    cdef int64_t i
    for i in range(whole(n)):
        y[i] = c[1] if z[i] <= c[0] else z[i]


cdef void threshold_gradient(const real* c, int64_t n, const real* z, const real* y,
                             const real* d_y, real* d_z) noexcept nogil:
    cdef int64_t i
    for i in range(whole(n)):
        d_z[i] = d_y[i] * (<real>0 if z[i] <= c[0] else <real>1)
