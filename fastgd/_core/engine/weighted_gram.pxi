# Weighted Gram matrices of a linear model's columns: x^T diag(c) (x - shift, 1, y), for Hessians
# and exact solutions of least squares.
#
# Dense rows are laid out in tiles, see kernels/gram.pxi, times the roots of their weights. Blocks
# are added to sums in turn, whose number depends on the shapes alone. Sparse rows add to one sum:
# each member of a team adds to its share of the lines, for all rows.

cdef void pass_dense(WeightedGram* job, Team* team, int64_t rank) noexcept nogil:
    cdef int64_t lanes = job.kernels.lanes
    cdef const RowTable* rows = job.rows
    cdef int64_t d = rows.d, width = job.width, size = d * width
    cdef int64_t x_tiles = (d + lanes - 1) // lanes, tiles = (width + lanes - 1) // lanes
    cdef int64_t shares = x_tiles * tiles - x_tiles * (x_tiles - 1) // 2
    cdef int64_t begin = own_share(rows, job.count * shares, team.size, rank)
    cdef int64_t end = own_share(rows, job.count * shares, team.size, rank + 1)
    cdef bint whole = rows.ranks == 1 or job.row >= rows.n     # the sums of all processes
    cdef double* spare = job.scratch + rank * job.scratch_size
    cdef int64_t row = job.row, met = 0, s, here, length, i, j
    while row < rows.n and not flags(team):
        for s in range(job.count):
            here = row + s * GRAM_ROWS
            if here < rows.n and begin < (s + 1) * shares and end > s * shares:
                length = min(<int64_t>GRAM_ROWS, rows.n - here)
                job.kernels.dense_gram(job, here, length, job.sums + s * size, spare,
                                       begin - s * shares, end - s * shares)
        row += job.count * GRAM_ROWS
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
            for i in range(d):
                for j in range(i):
                    job.sums[i * width + j] = job.sums[j * width + i]


cdef void pass_sparse(WeightedGram* job, Team* team, int64_t rank) noexcept nogil:
    cdef const RowTable* rows = job.rows
    cdef int64_t begin = own_share(rows, rows.d, team.size, rank)
    cdef int64_t end = own_share(rows, rows.d, team.size, rank + 1)
    cdef bint whole = rows.ranks == 1 or job.row >= rows.n
    cdef int64_t row = job.row, met = 0, i, j, last
    while row < rows.n and not flags(team):
        last = min(rows.n, row + GRAM_ROWS)
        job.kernels.sparse_gram(job, row, last, begin, end)
        row = last
        meet(team, &met)
        if rank == 0 and now() > job.deadline:
            raise_flag(team, BATCH_END_FLAG)
        meet(team, &met)
    if rank == 0:
        job.row = row
        if row >= rows.n and whole:
            for i in range(rows.d):
                for j in range(i):
                    job.sums[j * job.width + i] = job.sums[i * job.width + j]


cdef void pass_rows(void* task, Team* team, int64_t rank) noexcept nogil:
    cdef WeightedGram* job = <WeightedGram*>task
    if job.rows.sparse:
        pass_sparse(job, team, rank)
    else:
        pass_dense(job, team, rank)


def weighted_gram(Rows rows, np.ndarray weights, np.ndarray shift, np.ndarray targets,
                  np.ndarray sums, int64_t row, double seconds, int64_t threads=1):
    """Continue from `row` the sums of (x - shift)^T diag(c) (x - shift, 1, y): return (row, sums).

    weights: c of at least 0, (n,), or None for ones. shift: (d,) or None; dense rows only. targets:
    y, (n, k). sums: None at first. When all rows are reached, sums[0] is the result: float64, shape
    (d, d + 1 + k); of rows that processes share as for objective.
    """
    cdef WeightedGram job
    cdef int64_t d = rows.table.d
    job.kernels = rows.kernels
    cdef int64_t lanes = job.kernels.lanes
    job.rows = &rows.table
    job.k = targets.shape[1]
    job.width = d + 1 + job.k
    job.row = row
    job.count = 1
    job.scratch_size = 8
    if not rows.table.sparse:
        job.count = gram_sums_for(rows.table.n, d, 1 + job.k)
        job.scratch_size = (lanes + (job.width + lanes - 1) // lanes * GRAM_ROWS) * lanes
    if sums is None:
        size = job.count * d * job.width
        # gram_descent reads whole tiles
        sums = numpy.zeros(size + lanes)[:size].reshape(job.count, d, job.width)
    scratch = aligned_zeros(threads * job.scratch_size, numpy.float64)
    job.weights = NULL if weights is None else <const double*>address(weights)
    job.shift = NULL if shift is None else <const double*>address(shift)
    job.targets = <const double*>address(targets)
    job.sums = <double*>address(sums)
    job.scratch = <double*>address(scratch)
    with nogil:
        job.deadline = now() + seconds
        run_team(threads, pass_rows, &job)
    return job.row, sums
