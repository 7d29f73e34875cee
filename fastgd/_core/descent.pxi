# Batch gradient descent for least squares, one pass over x an iteration.
#
#   theta = theta - alpha x^T (x theta - y)        x: (n, d), y: (n, k), theta here: (k, d)
#
# A row of x is used for its residual and, while it is still in the cache, for its part of the
# gradient. Rows are summed in blocks, and the blocks in double precision: sums over a million
# rows lose nothing, and blocks can be shared out without moving a bit.

cdef enum:
    DESCENT_BLOCK = 256     # rows
    DESCENT_GROUP = 4       # rows whose share is added to the gradient in one go


cdef inline void add_rows(
    int64_t d, const real* x, const real* residuals, real* gradient,
) noexcept nogil:
    """gradient += sum of residuals[i] x[i], over DESCENT_GROUP rows in their order."""
    cdef int64_t j
    cdef real g
    cdef real r0 = residuals[0]
    cdef real r1 = residuals[1]
    cdef real r2 = residuals[2]
    cdef real r3 = residuals[3]
    for j in range(d):
        g = fmadd(r0, x[j], gradient[j])
        g = fmadd(r1, x[d + j], g)
        g = fmadd(r2, x[2 * d + j], g)
        gradient[j] = fmadd(r3, x[3 * d + j], g)


cdef inline void block_gradient(
    int64_t rows, int64_t d, const real* x, const real* y, int64_t y_stride, const real* theta,
    real* gradient,
) noexcept nogil:
    """gradient = sum of (x[i] . theta - y[i]) x[i] over the rows of one block."""
    cdef real[DESCENT_GROUP] residuals
    cdef int64_t i, j, row = 0
    for j in range(d):
        gradient[j] = 0
    while row + DESCENT_GROUP <= rows:
        for i in range(DESCENT_GROUP):
            residuals[i] = row_dot(d, x + (row + i) * d, theta) - y[(row + i) * y_stride]
        add_rows(d, x + row * d, residuals, gradient)
        row += DESCENT_GROUP
    while row < rows:
        residuals[0] = row_dot(d, x + row * d, theta) - y[row * y_stride]
        for j in range(d):
            gradient[j] = fmadd(residuals[0], x[row * d + j], gradient[j])
        row += 1


cdef int descend(
    int64_t n, int64_t d, int64_t k, const real* x, const real* y, real* theta, double alpha,
    int64_t* iteration, int64_t last, real* gradient, double* totals, double deadline,
) noexcept nogil:
    """Iterate from *iteration to last or the deadline: a Status.

    theta: (k, d), changed in place. gradient, totals: room for d and k d. An iteration whose
    theta would not be finite is not taken.
    """
    cdef int64_t looks = 1 + 1000000 // (1000 + n * d * k)
    cdef int64_t next_look = iteration[0] + looks
    cdef int64_t row, rows, j, output
    while iteration[0] < last:
        for j in range(k * d):
            totals[j] = 0
        row = 0
        while row < n:
            rows = min(<int64_t>DESCENT_BLOCK, n - row)
            for output in range(k):
                block_gradient(rows, d, x + row * d, y + row * k + output, k,
                               theta + output * d, gradient)
                for j in range(d):
                    totals[output * d + j] += gradient[j]
            row += rows
        for j in range(k * d):
            totals[j] = <double>theta[j] - alpha * totals[j]
        for j in range(k * d):
            if not is_finite(<real>totals[j]):
                return STATUS_UPDATE
        for j in range(k * d):
            theta[j] = <real>totals[j]
        iteration[0] += 1
        if iteration[0] >= next_look:
            if now() > deadline:
                break
            next_look = iteration[0] + looks
    return STATUS_FINE
