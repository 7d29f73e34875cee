# The objective of a linear model over all rows, and its gradient, in one pass.
#
#   sum_i s_i loss(y_i, x_i w + b)      and its derivatives with respect to w (k, d) and b (k,)
#
# Rows go in blocks that stay in the cache: decisions, then losses and slopes, then the gradient, so
# that each row of x is read from memory once. Within a block z[o][i] is the decision of output o
# for row i, so that losses run over rows in vectors, whatever the number of outputs. Block i is
# added to sum i modulo their number, and the sums are added in their order; their number depends on
# the shapes alone, so that members of a team may share the sums out without changing a bit.

cdef void pass_blocks(void* task, Team* team, int64_t rank) noexcept nogil:
    """Add blocks from job.row on, to the end or the deadline; at the end add up the sums."""
    cdef Objective* job = <Objective*>task
    cdef const RowTable* rows = job.rows
    cdef int64_t size = 1 + job.k * (rows.d + 1)
    cdef int64_t begin = own_share(rows, job.count, team.size, rank)
    cdef int64_t end = own_share(rows, job.count, team.size, rank + 1)
    cdef bint whole = rows.ranks == 1 or job.row >= rows.n     # the sums of all processes
    cdef double* scratch = <double*>(job.scratch + rank * job.scratch_size)
    cdef int64_t row = job.row, met = 0, s, here, length, i
    while row < rows.n and not flags(team):
        for s in range(begin, end):
            here = row + s * job.block
            length = min(job.block, rows.n - here)
            if length <= 0:
                break
            job.kernels.objective_block(job, here, length, job.sums + s * size, scratch)
        row += job.count * job.block
        meet(team, &met)
        if rank == 0 and now() > job.deadline:
            raise_flag(team, BATCH_END_FLAG)
        meet(team, &met)
    if rank == 0:
        job.row = min(row, rows.n)
        if row >= rows.n and whole:
            for s in range(1, job.count):
                for i in range(size):
                    job.sums[i] += job.sums[s * size + i]


def objective(problem, np.ndarray coef, np.ndarray intercept, np.ndarray curvatures,
              np.ndarray sums, int64_t row, double seconds, int64_t threads=1):
    """Continue from `row` a weighted sum of losses and its gradient: return (row reached, sums).

    problem: a fastgd.linear.objective.Problem, without its penalties; of one output, of the
    multinomial loss or of least squares. coef: (k, d); intercept: (k,). curvatures: None, or (k,
    n), which is filled with second derivatives without weights; with probabilities for the
    multinomial loss; not for several outputs of least squares. sums: None at first; when all rows
    are reached, sums[0] is the result: the loss, and for each output the derivatives by its d
    weights and its intercept. Of rows that processes share, see Rows.share, it is the result only
    of a call at the end of the rows with the sums of all. All float64.
    """
    cdef Rows rows = problem.rows
    cdef np.ndarray y = problem.y, weights = problem.weights, offset = problem.offset
    cdef Objective job
    cdef int64_t n = rows.table.n, d = rows.table.d, k = coef.shape[0]
    cdef int64_t size = 1 + k * (d + 1)
    job.kernels = rows.kernels
    job.rows = &rows.table
    job.loss = problem.loss
    job.setting = problem.setting
    job.k = k
    job.targets = y.shape[1] if y.ndim == 2 else 1
    job.stride = (d + BATCH_CHUNK - 1) // BATCH_CHUNK * BATCH_CHUNK
    job.block = max(<int64_t>8, min(<int64_t>BATCH_ROWS, BATCH_ROOM // max(d, 1) // 8 * 8))
    job.count = max(<int64_t>1, min(<int64_t>BATCH_SUMS, n // job.block))
    if rows.table.sparse:   # a sum must have more to add than zeros to clear
        job.count = max(<int64_t>1, min(job.count, 64 * n // max(d, 1)))
    padded = numpy.zeros((k, job.stride))
    padded[:, :d] = coef
    if sums is None:
        sums = numpy.zeros((job.count, size))
    job.scratch_size = ((
        (k + 2) * BATCH_ROWS + k * job.stride + job.kernels.panel_bytes // 8
        + (0 if rows.table.sparse else job.block * job.stride + BATCH_CHUNK)
    ) * 8 + 63) // 64 * 64
    scratch = aligned_zeros(threads * job.scratch_size, numpy.uint8)
    job.y = <const double*>address(y)
    job.weights = NULL if weights is None else <const double*>address(weights)
    job.offset = NULL if offset is None else <const double*>address(offset)
    job.theta = <const double*>address(padded)
    job.intercept = <const double*>address(intercept)
    job.curvatures = NULL if curvatures is None else <double*>address(curvatures)
    job.row = row
    job.sums = <double*>address(sums)
    job.scratch = <char*>address(scratch)
    with nogil:
        job.deadline = now() + seconds
        run_team(threads, pass_blocks, &job)
    return job.row, sums
