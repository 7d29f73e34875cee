# Batch gradient descent for least squares, one pass over x an iteration.
#
#   theta = theta - alpha x^T (x theta - y)        x: (n, d), y: (n, k), theta here: (k, d)
#
# A row of x is used for its residual and, while it is still in the cache, for its part of the
# gradient. Rows are summed in blocks, and the blocks in double precision: sums over a million rows
# lose nothing. Block i is added to sum i modulo their number, and the sums are added in their
# order; their number depends on that of the rows alone, so that members of a team may share the
# sums out without changing a bit.
#
# Vectors of d are padded to whole chunks. Theta's padding is zero and x is finite, so that the
# numbers behind a row of x, the start of the next one, add nothing to its residual.

cdef inline void group_gradient(int64_t d, int64_t chunks, const real* x, const real* y,
                                const real* theta, real* gradient) noexcept nogil:
    """Add (x[i] . theta - y[i]) x[i] over the rows of a group, in their order, to the gradient."""
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


cdef inline void block_gradient(const LeastSquaresDescent* job, int64_t first, int64_t rows,
                                const real* x, const real* y, const real* theta,
                                real* gradient) noexcept nogil:
    """Compute the sum of (x[i] . theta - y[i]) x[i] over the `rows` rows from `first` on, to which
    x and y point.

    The rows that fill no group and, where less than a chunk of data comes after the block, those at
    its end are computed in the room behind the gradient, beside rows of zeros.
    """
    cdef int64_t d = job.d, chunks = (d + DESCENT_CHUNK - 1) // DESCENT_CHUNK
    cdef real* spare = gradient + chunks * DESCENT_CHUNK
    cdef bint at_end = (job.n - first - rows) * d < DESCENT_CHUNK
    cdef real[DESCENT_GROUP] targets
    cdef int64_t j, row = 0, inside = rows - DESCENT_GROUP
    cdef int i
    if at_end:
        inside -= DESCENT_CHUNK     # rows of one column or more
    for j in range(chunks * DESCENT_CHUNK):
        gradient[j] = 0
    while row <= inside:
        for i in range(DESCENT_GROUP):
            targets[i] = y[(row + i) * job.k]
        group_gradient(d, chunks, x + row * d, targets, theta, gradient)
        row += DESCENT_GROUP
    while row < rows:
        for j in range(DESCENT_GROUP * d + DESCENT_CHUNK):
            spare[j] = x[row * d + j] if row * d + j < rows * d else <real>0
        for i in range(DESCENT_GROUP):
            targets[i] = y[(row + i) * job.k] if row + i < rows else <real>0
        group_gradient(d, chunks, spare, targets, theta, gradient)
        row += DESCENT_GROUP


cdef void descent_sums(const LeastSquaresDescent* job, int64_t sum_begin, int64_t sum_end,
                       const real* x, const real* y, const real* theta,
                       real* gradient) noexcept nogil:
    """Compute the sums sum_begin ... sum_end - 1 of the gradients of their blocks."""
    cdef int64_t d = job.d, stride = (d + DESCENT_CHUNK - 1) // DESCENT_CHUNK * DESCENT_CHUNK
    cdef int64_t size = job.k * stride, first = 0, s, row, rows, output, j
    cdef double* total
    for j in range(sum_begin * size, sum_end * size):
        job.sums[j] = 0
    while first < job.n:
        for s in range(sum_begin, sum_end):
            row = first + s * DESCENT_BLOCK
            rows = min(<int64_t>DESCENT_BLOCK, job.n - row)
            if rows <= 0:
                break
            for output in range(job.k):
                block_gradient(job, row, rows, x + row * d, y + row * job.k + output,
                               theta + output * stride, gradient)
                total = job.sums + s * size + output * stride
                for j in range(d):
                    total[j] += gradient[j]
        first += job.count * DESCENT_BLOCK


cdef bint descent_step(const LeastSquaresDescent* job, int64_t size, real* theta) noexcept nogil:
    """Add up the sums and move theta if it stays finite; return whether it does."""
    cdef double* total = job.sums
    cdef int64_t s, j, infinite = 0
    for s in range(1, job.count):
        for j in range(size):
            total[j] += job.sums[s * size + j]
    for j in range(size):
        total[j] = <double>theta[j] - job.alpha * total[j]
        infinite += not is_finite(<real>total[j])
    if infinite:
        return False
    for j in range(size):
        theta[j] = <real>total[j]
    return True
