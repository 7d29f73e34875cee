# Batch gradient descent for least squares, one pass over x an iteration.
#
#   theta = theta - alpha x^T (x theta - y)        x: (n, d), y: (n, k), theta here: (k, d)
#
# A row of x is used for its residual and, while it is still in the cache, for its part of the
# gradient. Rows are summed in blocks, and the blocks in double precision: sums over a million
# rows lose nothing, and blocks can be shared out without moving a bit.
#
# Vectors of d are padded to whole chunks. Theta's padding is zero and x is finite, so that what
# stands behind a row of x, the start of the next one, adds nothing to its residual.

cdef enum:
    DESCENT_BLOCK = 256     # rows
    DESCENT_GROUP = 4       # rows that are worked on at once
    DESCENT_CHUNK = 8       # columns


cdef inline void group_gradient(
    int64_t d, int64_t chunks, const real* x, const real* y, const real* theta, real* gradient,
) noexcept nogil:
    """gradient += (x[i] . theta - y[i]) x[i] over the rows of a group, in their order."""
    cdef real[DESCENT_GROUP][DESCENT_CHUNK] s
    cdef real[DESCENT_GROUP] residual
    cdef real[DESCENT_CHUNK] g
    cdef int64_t c
    cdef int i, j
    for i in range(DESCENT_GROUP):
        for j in range(DESCENT_CHUNK):
            s[i][j] = 0
    for c in range(chunks):
        for i in range(DESCENT_GROUP):
            for j in range(DESCENT_CHUNK):
                s[i][j] = fmadd(
                    x[i * d + c * DESCENT_CHUNK + j], theta[c * DESCENT_CHUNK + j], s[i][j])
    for i in range(DESCENT_GROUP):
        residual[i] = (((s[i][0] + s[i][4]) + (s[i][2] + s[i][6]))
                       + ((s[i][1] + s[i][5]) + (s[i][3] + s[i][7]))) - y[i]
    for c in range(chunks):
        for j in range(DESCENT_CHUNK):
            g[j] = gradient[c * DESCENT_CHUNK + j]
        for i in range(DESCENT_GROUP):
            for j in range(DESCENT_CHUNK):
                g[j] = fmadd(residual[i], x[i * d + c * DESCENT_CHUNK + j], g[j])
        for j in range(DESCENT_CHUNK):
            gradient[c * DESCENT_CHUNK + j] = g[j]


cdef inline void block_gradient(
    int64_t rows, int64_t d, int64_t chunks, const real* x, const real* y, int64_t y_stride,
    const real* theta, real* gradient, real* spare, bint last,
) noexcept nogil:
    """gradient = sum of (x[i] . theta - y[i]) x[i] over the rows of one block.

    spare: room for a group of rows and a chunk. The rows that fill no group, and those that
    end where the data end, are worked on there, beside rows of zeros.
    """
    cdef real[DESCENT_GROUP] targets
    cdef int64_t j
    cdef int64_t row = 0
    cdef int64_t inside = rows - DESCENT_GROUP
    cdef int i
    if last:
        inside -= DESCENT_CHUNK     # rows of one column or more
    for j in range(chunks * DESCENT_CHUNK):
        gradient[j] = 0
    while row <= inside:
        for i in range(DESCENT_GROUP):
            targets[i] = y[(row + i) * y_stride]
        group_gradient(d, chunks, x + row * d, targets, theta, gradient)
        row += DESCENT_GROUP
    while row < rows:
        for j in range(DESCENT_GROUP * d + DESCENT_CHUNK):
            spare[j] = x[row * d + j] if row * d + j < rows * d else <real>0
        for i in range(DESCENT_GROUP):
            targets[i] = y[(row + i) * y_stride] if row + i < rows else <real>0
        group_gradient(d, chunks, spare, targets, theta, gradient)
        row += DESCENT_GROUP


cdef int descend(
    int64_t n, int64_t d, int64_t k, const real* x, const real* y, real* theta, double alpha,
    int64_t* iteration, int64_t last, real* gradient, real* spare, double* totals,
    double deadline,
) noexcept nogil:
    """Iterate from *iteration to last or the deadline: a Status.

    theta: (k, d padded to chunks), changed in place. gradient: room for d padded; spare: as in
    block_gradient; totals: as long as theta. An iteration whose theta would not be finite is
    not taken.
    """
    cdef int64_t chunks = (d + DESCENT_CHUNK - 1) // DESCENT_CHUNK
    cdef int64_t stride = chunks * DESCENT_CHUNK
    cdef int64_t looks = 1 + 1000000 // (1000 + n * d * k)
    cdef int64_t next_look = iteration[0] + looks
    cdef int64_t row, rows, j, output
    while iteration[0] < last:
        for j in range(k * stride):
            totals[j] = 0
        row = 0
        while row < n:
            rows = min(<int64_t>DESCENT_BLOCK, n - row)
            for output in range(k):
                block_gradient(
                    rows, d, chunks, x + row * d, y + row * k + output, k,
                    theta + output * stride, gradient, spare, row + rows == n)
                for j in range(d):
                    totals[output * stride + j] += gradient[j]
            row += rows
        for j in range(k * stride):
            totals[j] = <double>theta[j] - alpha * totals[j]
        for j in range(k * stride):
            if not is_finite(<real>totals[j]):
                return STATUS_UPDATE
        for j in range(k * stride):
            theta[j] = <real>totals[j]
        iteration[0] += 1
        if iteration[0] >= next_look:
            if now() > deadline:
                break
            next_look = iteration[0] + looks
    return STATUS_FINE
