# Activations of one number that are made of pieces, see points.pxi; formulas as in Keras.

cdef void rectifier_values(const real* c, int64_t n, const real* z, real* y) noexcept nogil:
    cdef real a
    cdef int64_t i
    for i in range(whole(n)):
        a = z[i] if z[i] >= c[2] else c[0] * (z[i] - c[2])
        y[i] = c[1] if z[i] >= c[1] else a


cdef void rectifier_gradient(
    const real* c, int64_t n, const real* z, const real* y, const real* d_y, real* d_z,
) noexcept nogil:
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


cdef void sparse_plus_gradient(
    const real* c, int64_t n, const real* z, const real* y, const real* d_y, real* d_z,
) noexcept nogil:
    cdef int64_t i
    for i in range(whole(n)):
        d_z[i] = d_y[i] * (<real>0.5 * (clamped(z[i], <real>-1, <real>1) + <real>1))


cdef void sparse_sigmoid_values(const real* c, int64_t n, const real* z, real* y) noexcept nogil:
    cdef int64_t i
    for i in range(whole(n)):
        y[i] = <real>0.5 * (clamped(z[i], <real>-1, <real>1) + <real>1)


cdef void sparse_sigmoid_gradient(
    const real* c, int64_t n, const real* z, const real* y, const real* d_y, real* d_z,
) noexcept nogil:
    cdef int64_t i
    for i in range(whole(n)):
        d_z[i] = d_y[i] * (<real>0.5 if absolute(z[i]) < 1 else <real>0)


cdef void soft_shrink_values(const real* c, int64_t n, const real* z, real* y) noexcept nogil:
    cdef int64_t i
    for i in range(whole(n)):
        y[i] = z[i] - clamped(z[i], -c[0], c[0])


cdef void soft_shrink_gradient(
    const real* c, int64_t n, const real* z, const real* y, const real* d_y, real* d_z,
) noexcept nogil:
    cdef int64_t i
    for i in range(whole(n)):
        d_z[i] = d_y[i] * (<real>0 if absolute(z[i]) <= c[0] else <real>1)


cdef void hard_shrink_values(const real* c, int64_t n, const real* z, real* y) noexcept nogil:
    cdef int64_t i
    for i in range(whole(n)):
        y[i] = <real>0 if absolute(z[i]) <= c[0] else z[i]


cdef void hard_shrink_gradient(
    const real* c, int64_t n, const real* z, const real* y, const real* d_y, real* d_z,
) noexcept nogil:
    cdef int64_t i
    for i in range(whole(n)):
        d_z[i] = d_y[i] * (<real>0 if absolute(z[i]) <= c[0] else <real>1)


cdef void hard_tanh_values(const real* c, int64_t n, const real* z, real* y) noexcept nogil:
    cdef int64_t i
    for i in range(whole(n)):
        y[i] = clamped(z[i], <real>-1, <real>1)


cdef void hard_tanh_gradient(
    const real* c, int64_t n, const real* z, const real* y, const real* d_y, real* d_z,
) noexcept nogil:
    cdef int64_t i
    for i in range(whole(n)):
        d_z[i] = d_y[i] * (<real>1 if absolute(z[i]) < 1 else <real>0)


cdef void hard_sigmoid_values(const real* c, int64_t n, const real* z, real* y) noexcept nogil:
    cdef int64_t i
    for i in range(whole(n)):
        y[i] = clamped(z[i] + <real>3, <real>0, <real>6) / <real>6


cdef void hard_sigmoid_gradient(
    const real* c, int64_t n, const real* z, const real* y, const real* d_y, real* d_z,
) noexcept nogil:
    cdef int64_t i
    for i in range(whole(n)):
        d_z[i] = d_y[i] * (<real>1 / <real>6 if absolute(z[i]) < 3 else <real>0)


cdef void hard_silu_values(const real* c, int64_t n, const real* z, real* y) noexcept nogil:
    cdef int64_t i
    for i in range(whole(n)):
        y[i] = z[i] * (clamped(z[i] + <real>3, <real>0, <real>6) / <real>6)


cdef void hard_silu_gradient(
    const real* c, int64_t n, const real* z, const real* y, const real* d_y, real* d_z,
) noexcept nogil:
    cdef real a
    cdef int64_t i
    for i in range(whole(n)):
        a = <real>1 if z[i] > 0 else <real>0
        d_z[i] = d_y[i] * ((z[i] + z[i] + <real>3) / <real>6 if absolute(z[i]) < 3 else a)


cdef void threshold_values(const real* c, int64_t n, const real* z, real* y) noexcept nogil:
    cdef int64_t i
    for i in range(whole(n)):
        y[i] = c[1] if z[i] <= c[0] else z[i]


cdef void threshold_gradient(
    const real* c, int64_t n, const real* z, const real* y, const real* d_y, real* d_z,
) noexcept nogil:
    cdef int64_t i
    for i in range(whole(n)):
        d_z[i] = d_y[i] * (<real>0 if z[i] <= c[0] else <real>1)
