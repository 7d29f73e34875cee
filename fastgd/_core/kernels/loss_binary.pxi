# Losses of binary targets, see loss_points.pxi. t: the target, smoothed if it is a probability, and
# -1 for 0 if it is the side of a margin.

cdef inline real focal_value(const real* c, real y, real miss, real entropy) noexcept nogil:
    return fmadd(c[3], y, c[4]) * (power_of(miss, c[2]) * entropy)


cdef inline real focal_slope(const real* c, real y, real miss, real d_miss, real entropy,
                             real d_entropy) noexcept nogil:
    """Return the derivative of focal_value, w miss^gamma entropy."""
    cdef real factor = power_of(miss, c[2])
    cdef real first = (c[2] * factor * entropy / miss) * d_miss
    first = <real>0 if miss == 0 else first
    return fmadd(c[3], y, c[4]) * fmadd(factor, d_entropy, first)


cdef inline real binary_entropy(real q, real y) noexcept nogil:
    """Return the binary entropy of a probability that is off 0 and 1."""
    return -(y * logarithm(q) + (<real>1 - y) * logarithm(<real>1 - q))


cdef inline real binary_entropy_logits(real z, real y) noexcept nogil:
    """Return -y log(sigmoid(z)) - (1 - y) log(1 - sigmoid(z)), in which nothing cancels."""
    cdef real least = softplus(-absolute(z))
    cdef real above = (z if z > 0 else <real>0) + least
    cdef real below = (<real>0 if z > 0 else -z) + least
    return y * below + (<real>1 - y) * above


cdef inline real miss_of(real y, real p, real q) noexcept nogil:
    """Return 1 - (y p + (1 - y) q), where q = 1 - p."""
    return y * q + (<real>1 - y) * p


cdef inline real entropy_slope(real p, real y) noexcept nogil:
    """Return the slope of binary_entropy(clipped(p), y)."""
    cdef real q = clipped(p), d = (q - y) / (q * (<real>1 - q))
    return d if q == p else <real>0


cdef void binary_crossentropy_values(const real* c, int64_t n, const real* p, const real* y,
                                     real* out) noexcept nogil:
    cdef real t
    cdef int64_t i
    for i in range(whole(n)):
        t = fmadd(y[i], c[0], c[1])
        out[i] = binary_entropy(clipped(p[i]), t)


cdef void binary_crossentropy_slopes(const real* c, int64_t n, const real* p, const real* y,
                                     real* out) noexcept nogil:
    cdef real t
    cdef int64_t i
    for i in range(whole(n)):
        t = fmadd(y[i], c[0], c[1])
        out[i] = entropy_slope(p[i], t)


cdef void binary_crossentropy_logits_values(const real* c, int64_t n, const real* p, const real* y,
                                            real* out) noexcept nogil:
    cdef real t
    cdef int64_t i
    for i in range(whole(n)):
        t = fmadd(y[i], c[0], c[1])
        out[i] = softplus(p[i]) - p[i] * t


cdef void binary_crossentropy_logits_slopes(const real* c, int64_t n, const real* p, const real* y,
                                            real* out) noexcept nogil:
    cdef real t
    cdef int64_t i
    for i in range(whole(n)):
        t = fmadd(y[i], c[0], c[1])
        out[i] = sigmoid(p[i]) - t


cdef void hinge_values(const real* c, int64_t n, const real* p, const real* y,
                       real* out) noexcept nogil:
    cdef real m, t
    cdef int64_t i
    for i in range(whole(n)):
        t = <real>-1 if y[i] == 0 else y[i]
        m = <real>1 - t * p[i]
        out[i] = <real>0 if m < 0 else m


cdef void hinge_slopes(const real* c, int64_t n, const real* p, const real* y,
                       real* out) noexcept nogil:
    cdef real t
    cdef int64_t i
    for i in range(whole(n)):
        t = <real>-1 if y[i] == 0 else y[i]
        out[i] = -t if <real>1 - t * p[i] > 0 else <real>0


cdef void squared_hinge_values(const real* c, int64_t n, const real* p, const real* y,
                               real* out) noexcept nogil:
    cdef real m, t
    cdef int64_t i
    for i in range(whole(n)):
        t = <real>-1 if y[i] == 0 else y[i]
        m = <real>1 - t * p[i]
        m = <real>0 if m < 0 else m
        out[i] = m * m


cdef void squared_hinge_slopes(const real* c, int64_t n, const real* p, const real* y,
                               real* out) noexcept nogil:
    cdef real m, t
    cdef int64_t i
    for i in range(whole(n)):
        t = <real>-1 if y[i] == 0 else y[i]
        m = <real>1 - t * p[i]
        out[i] = <real>-2 * (m * t) if m > 0 else <real>0


cdef void binary_focal_crossentropy_values(const real* c, int64_t n, const real* p, const real* y,
                                           real* out) noexcept nogil:
    cdef real t
    cdef int64_t i
    for i in range(whole(n)):
        t = fmadd(y[i], c[0], c[1])
        out[i] = focal_value(
            c, t, miss_of(t, p[i], <real>1 - p[i]), binary_entropy(clipped(p[i]), t))


cdef void binary_focal_crossentropy_slopes(const real* c, int64_t n, const real* p, const real* y,
                                           real* out) noexcept nogil:
    cdef real m, t
    cdef int64_t i
    for i in range(whole(n)):
        t = fmadd(y[i], c[0], c[1])
        m = miss_of(t, p[i], <real>1 - p[i])
        out[i] = focal_slope(
            c, t, m, <real>1 - (t + t), binary_entropy(clipped(p[i]), t), entropy_slope(p[i], t))


cdef void binary_focal_crossentropy_logits_values(const real* c, int64_t n, const real* p,
                                                  const real* y, real* out) noexcept nogil:
    cdef real m, t
    cdef int64_t i
    for i in range(whole(n)):
        t = fmadd(y[i], c[0], c[1])
        m = miss_of(t, sigmoid(p[i]), sigmoid(-p[i]))
        out[i] = focal_value(c, t, m, binary_entropy_logits(p[i], t))


cdef void binary_focal_crossentropy_logits_slopes(const real* c, int64_t n, const real* p,
                                                  const real* y, real* out) noexcept nogil:
    cdef real d, m, q, r, t
    cdef int64_t i
    for i in range(whole(n)):
        t = fmadd(y[i], c[0], c[1])
        q = sigmoid(-p[i])
        r = sigmoid(p[i])
        d = binary_entropy_logits(p[i], t)
        m = miss_of(t, r, q)
        out[i] = focal_slope(
            c, t, m, (<real>1 - (t + t)) * (r * q), d, (<real>1 - t) * r - t * q)
