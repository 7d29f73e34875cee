# The objective of a linear model over all rows, and its gradient, in one pass.
#
#   sum_i s_i loss(y_i, x_i w + b)      and its derivatives with respect to w (k, d) and b (k,)
#
# Rows go in blocks that stay in the cache: decisions, then losses and slopes, then the gradient,
# so that each row of x is read from memory once. Within a block z[o][i] is the decision of output
# o for row i, so that losses run over rows in vectors, whatever the number of outputs. Block i is
# added to sum i modulo their number, and the sums are added in their order; their number depends
# on the shapes alone, so that members of a team may share the sums out without moving a bit.

cdef enum:
    BATCH_ROOM = 16384      # elements of a block, about at most
    BATCH_SUMS = 8
    BATCH_END_FLAG = 1      # the time is over


cdef struct Batch:
    const RowTable* rows
    int64_t loss
    double setting
    int64_t k
    int64_t targets         # columns of y: k where each output has its own, else 1
    const double* y         # (n, targets)
    const double* weights   # (n,) or NULL
    int64_t stride          # of theta and of a gradient: d in whole chunks
    const double* theta     # (k, stride)
    const double* intercept  # (k,)
    double* curvatures      # (k, n) or NULL
    int64_t row             # where to start; afterwards, where it stopped
    int64_t block           # rows
    int64_t count           # of the sums
    double* sums            # (count, 1 + k (d + 1)): the loss, for each output w's and b's
    char* scratch           # of all members
    int64_t scratch_size    # of one: z, values, a gradient, a panel, a block of rows
    double deadline


cdef void losses_of_block(
    const Batch* batch, int64_t row, int64_t rows, double* z, double* values, double* spare,
) noexcept nogil:
    """values = the weighted losses of a block's rows; z's place is taken by weighted slopes."""
    cdef int64_t n = batch.rows.n
    cdef int64_t o, i
    cdef double c = batch.setting
    cdef const double* y = batch.y + row * batch.targets
    cdef double* curvatures = spare
    cdef double* line
    cdef double r
    if batch.loss == LINEAR_MULTINOMIAL:
        multinomial_block(
            batch.k, rows, y, z, values,
            NULL if batch.curvatures == NULL else batch.curvatures + row, n)
    elif batch.k > 1:       # least squares
        for i in range(rows):
            values[i] = 0
        for o in range(batch.k):
            line = z + o * BATCH_ROWS
            for i in range(rows):
                r = line[i] - y[i * batch.targets + o]
                line[i] = r
                values[i] = fmadd(0.5 * r, r, values[i])
    else:
        if batch.curvatures != NULL:
            curvatures = batch.curvatures + row
        if batch.loss == LINEAR_LOG_LOSS:
            point_block(LINEAR_LOG_LOSS, c, rows, y, z, values, curvatures)
        elif batch.loss == LINEAR_SQUARED_ERROR:
            point_block(LINEAR_SQUARED_ERROR, c, rows, y, z, values, curvatures)
        elif batch.loss == LINEAR_POISSON:
            point_block(LINEAR_POISSON, c, rows, y, z, values, curvatures)
        else:
            point_block(batch.loss, c, rows, y, z, values, curvatures)
    if batch.weights == NULL:
        return
    for i in range(rows):
        values[i] *= batch.weights[row + i]
    for o in range(batch.k):
        line = z + o * BATCH_ROWS
        for i in range(rows):
            line[i] *= batch.weights[row + i]


# ---------------------------------------------------------------- blocks

cdef inline void dense_block(
    const Batch* batch, int64_t row, int64_t rows, const real* x, double* total, double* z,
) noexcept nogil:
    """Add the rows from `row` on, which x points to, to a sum. z: scratch."""
    cdef int64_t d = batch.rows.d
    cdef int64_t stride = d
    cdef int64_t k = batch.k
    cdef double* values = z + k * BATCH_ROWS
    cdef double* spare = values + BATCH_ROWS
    cdef double* gradient = spare + BATCH_ROWS
    cdef double* panel = gradient + k * batch.stride
    cdef double* copy = panel + PANEL_BYTES // 8
    cdef const double* wide = copy
    cdef bint at_end = (batch.rows.n - row - rows) * d < BATCH_CHUNK
    cdef int64_t o, i
    if at_end or (real is float and k > 1):
        stride = batch.stride
        copy_block(rows, d, x, stride, copy)
    elif real is double:
        wide = x
    if k > 1:
        product(k, rows, d, batch.theta, batch.stride, 1, wide, 1, stride, <const double*>NULL,
                z, BATCH_ROWS, k, FINISH_NONE, z, panel)
        for o in range(k):
            for i in range(rows):
                z[o * BATCH_ROWS + i] += batch.intercept[o]
    elif at_end:
        decide_block(rows, d, wide, stride, batch.theta, batch.intercept[0], z)
    else:
        decide_block(rows, d, x, stride, batch.theta, batch.intercept[0], z)
    losses_of_block(batch, row, rows, z, values, spare)
    total[0] += row_sum(rows, <const double*>values)
    total += 1
    if k > 1:
        product(k, d, rows, z, BATCH_ROWS, 1, wide, stride, 1, <const double*>NULL, gradient,
                batch.stride, k, FINISH_NONE, gradient, panel)
        for o in range(k):
            for i in range(d):
                total[o * (d + 1) + i] += gradient[o * batch.stride + i]
    elif at_end:
        add_block(rows, d, wide, stride, z, total)
    else:
        add_block(rows, d, x, stride, z, total)
    for o in range(k):
        total[o * (d + 1) + d] += row_sum(rows, <const double*>(z + o * BATCH_ROWS))


cdef void sparse_block(
    const Batch* batch, int64_t row, int64_t rows, double* total, double* z,
) noexcept nogil:
    """dense_block for sparse rows."""
    cdef int64_t d = batch.rows.d
    cdef int64_t k = batch.k
    cdef double* values = z + k * BATCH_ROWS
    cdef int64_t o, i
    cdef Line line
    for i in range(rows):
        line = line_of(batch.rows, row + i)
        for o in range(k):
            z[o * BATCH_ROWS + i] = (
                line_dot(batch.rows, &line, batch.theta + o * batch.stride) + batch.intercept[o])
    losses_of_block(batch, row, rows, z, values, values + BATCH_ROWS)
    total[0] += row_sum(rows, <const double*>values)
    total += 1
    for i in range(rows):
        line = line_of(batch.rows, row + i)
        for o in range(k):
            line_add(batch.rows, &line, z[o * BATCH_ROWS + i], total + o * (d + 1))
    for o in range(k):
        total[o * (d + 1) + d] += row_sum(rows, <const double*>(z + o * BATCH_ROWS))


cdef void batch_member(void* job, Team* team, int64_t rank) noexcept nogil:
    """Add blocks from batch.row on, to the end or the deadline; at the end, sums to the first."""
    cdef Batch* batch = <Batch*>job
    cdef const RowTable* rows = batch.rows
    cdef int64_t size = 1 + batch.k * (rows.d + 1)
    cdef int64_t begin = share_begin(batch.count, 1, team.size, rank)
    cdef int64_t end = share_begin(batch.count, 1, team.size, rank + 1)
    cdef double* scratch = <double*>(batch.scratch + rank * batch.scratch_size)
    cdef int64_t row = batch.row
    cdef int64_t met = 0
    cdef int64_t s, here, length, i
    while row < rows.n and not flags(team):
        for s in range(begin, end):
            here = row + s * batch.block
            length = min(batch.block, rows.n - here)
            if length <= 0:
                break
            if rows.sparse:
                sparse_block(batch, here, length, batch.sums + s * size, scratch)
            elif rows.single:
                dense_block(batch, here, length, <const float*>rows.values + here * rows.d,
                            batch.sums + s * size, scratch)
            else:
                dense_block(batch, here, length, <const double*>rows.values + here * rows.d,
                            batch.sums + s * size, scratch)
        row += batch.count * batch.block
        meet(team, &met)
        if rank == 0 and now() > batch.deadline:
            raise_flag(team, BATCH_END_FLAG)
        meet(team, &met)
    if rank == 0:
        batch.row = min(row, rows.n)
        if row >= rows.n:
            for s in range(1, batch.count):
                for i in range(size):
                    batch.sums[i] += batch.sums[s * size + i]


def objective(
    Rows rows, np.ndarray y, np.ndarray weights, int64_t loss, double setting, np.ndarray coef,
    np.ndarray intercept, np.ndarray curvatures, np.ndarray sums, int64_t row, double seconds,
    int64_t threads=1,
):
    """Go on from `row` with a weighted sum of losses and its gradient: (row reached, sums).

    y: (n,), or (n, k) for least squares with k outputs. weights: (n,) or None. coef: (k, d);
    intercept: (k,). curvatures: None, or (k, n), which is filled with second derivatives
    without weights; with probabilities for the multinomial loss; not for several outputs of
    least squares. sums: None at first; when all rows are reached, sums[0] is the result: the
    loss, and for each output the derivatives by its d weights and its intercept. All float64.
    """
    cdef Batch batch
    cdef int64_t n = rows.table.n
    cdef int64_t d = rows.table.d
    cdef int64_t k = coef.shape[0]
    cdef int64_t size = 1 + k * (d + 1)
    batch.rows = &rows.table
    batch.loss = loss
    batch.setting = setting
    batch.k = k
    batch.targets = y.shape[1] if y.ndim == 2 else 1
    batch.stride = (d + BATCH_CHUNK - 1) // BATCH_CHUNK * BATCH_CHUNK
    batch.block = max(<int64_t>8, min(<int64_t>BATCH_ROWS, BATCH_ROOM // max(d, 1) // 8 * 8))
    batch.count = max(<int64_t>1, min(<int64_t>BATCH_SUMS, n // batch.block))
    if rows.table.sparse:   # a sum has to be worth its zeros
        batch.count = max(<int64_t>1, min(batch.count, 64 * n // max(d, 1)))
    padded = numpy.zeros((k, batch.stride))
    padded[:, :d] = coef
    if sums is None:
        sums = numpy.zeros((batch.count, size))
    batch.scratch_size = ((
        (k + 2) * BATCH_ROWS + k * batch.stride + PANEL_BYTES // 8
        + (0 if rows.table.sparse else batch.block * batch.stride + BATCH_CHUNK)
    ) * 8 + 63) // 64 * 64
    scratch = numpy.empty(threads * batch.scratch_size + 64, numpy.uint8)
    batch.y = <const double*>address(y)
    batch.weights = NULL if weights is None else <const double*>address(weights)
    batch.theta = <const double*>address(padded)
    batch.intercept = <const double*>address(intercept)
    batch.curvatures = NULL if curvatures is None else <double*>address(curvatures)
    batch.row = row
    batch.sums = <double*>address(sums)
    batch.scratch = <char*>((<size_t>address(scratch) + 63) // 64 * 64)
    with nogil:
        batch.deadline = now() + seconds
        run_team(threads, batch_member, &batch)
    return batch.row, sums
