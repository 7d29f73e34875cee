# Weighted Gram matrices of a linear model's columns: x^T diag(c) (x - shift, 1, y), of which
# Hessians and exact solutions of least squares are made.
#
# Dense rows are laid out in tiles, see gram_blocks.pxi, times the roots of their weights. Blocks
# are added to sums in turn, whose number depends on the shapes alone. Sparse rows add to one sum:
# each member of a team to those lines of it that are its own, for all rows.

cdef struct WeightedGram:
    const RowTable* rows
    const double* weights       # (n,) or NULL
    const double* shift         # (d,) or NULL
    const double* targets       # (n, k)
    int64_t k
    int64_t width               # d + 1 + k
    int64_t row                 # where to start; afterwards, where it stopped
    int64_t count               # of the sums
    double* sums                # (count, d, width)
    double* scratch             # of all members
    int64_t scratch_size        # of one: the product of two tiles, and a block in tiles
    double deadline


cdef inline void weighted_tiles(
    const WeightedGram* job, int64_t row, int64_t rows, const real* x, double* block,
) noexcept nogil:
    """Lay out rows of (x - shift, 1, y), times the roots of their weights, in tiles."""
    cdef int64_t d = job.rows.d
    cdef int64_t left = (job.rows.n - row) * d
    cdef double[GRAM_ROWS] roots
    cdef int64_t i, j, column
    cdef double* out
    cdef int lane
    for i in range(rows):
        roots[i] = 1.0 if job.weights == NULL else square_root(job.weights[row + i])
    for j in range((d + LANES - 1) // LANES):
        column = j * LANES
        out = block + j * (GRAM_ROWS * LANES)
        for i in range(rows):
            if i * d + column + LANES <= left:
                for lane in range(LANES):
                    out[i * LANES + lane] = x[i * d + column + lane]
            else:
                for lane in range(<int>min(<int64_t>LANES, d - column)):
                    out[i * LANES + lane] = x[i * d + column + lane]
        if job.shift != NULL:
            for i in range(rows):
                for lane in range(<int>min(<int64_t>LANES, d - column)):
                    out[i * LANES + lane] -= job.shift[column + lane]
        if job.weights != NULL:
            for i in range(rows):
                for lane in range(LANES):
                    out[i * LANES + lane] *= roots[i]
    for j in range(d, job.width):
        out = block + j // LANES * (GRAM_ROWS * LANES) + j % LANES
        for i in range(rows):
            out[i * LANES] = roots[i] if j == d else (
                roots[i] * job.targets[(row + i) * job.k + j - d - 1])


cdef void dense_gram(WeightedGram* job, Team* team, int64_t rank) noexcept nogil:
    cdef const RowTable* rows = job.rows
    cdef int64_t d = rows.d
    cdef int64_t width = job.width
    cdef int64_t size = d * width
    cdef int64_t x_tiles = (d + LANES - 1) // LANES
    cdef int64_t tiles = (width + LANES - 1) // LANES
    cdef int64_t shares = x_tiles * tiles - x_tiles * (x_tiles - 1) // 2
    cdef int64_t begin = share_begin(job.count * shares, 1, team.size, rank)
    cdef int64_t end = share_begin(job.count * shares, 1, team.size, rank + 1)
    cdef double* spare = job.scratch + rank * job.scratch_size
    cdef double* block = spare + LANES * LANES
    cdef int64_t row = job.row
    cdef int64_t met = 0
    cdef int64_t s, here, length, i, j
    while row < rows.n and not flags(team):
        for s in range(job.count):
            here = row + s * GRAM_ROWS
            if here < rows.n and begin < (s + 1) * shares and end > s * shares:
                length = min(<int64_t>GRAM_ROWS, rows.n - here)
                if rows.single:
                    weighted_tiles(
                        job, here, length, <const float*>rows.values + here * d, block)
                else:
                    weighted_tiles(
                        job, here, length, <const double*>rows.values + here * d, block)
                add_gram_block(length, d, width, block, job.sums + s * size, spare,
                               begin - s * shares, end - s * shares)
        row += job.count * GRAM_ROWS
        meet(team, &met)
        if rank == 0 and now() > job.deadline:
            raise_flag(team, BATCH_END_FLAG)
        meet(team, &met)
    if rank == 0:
        job.row = min(row, rows.n)
        if row >= rows.n:
            for s in range(1, job.count):
                for i in range(size):
                    job.sums[i] += job.sums[s * size + i]
            for i in range(d):
                for j in range(i):
                    job.sums[i * width + j] = job.sums[j * width + i]


cdef inline void add_line_products(
    const WeightedGram* job, int64_t row, int64_t n, const real* x, const index_type* columns,
    int64_t begin, int64_t end,
) noexcept nogil:
    """Add those lines begin ... end - 1 of a sparse row's products, up to the diagonal."""
    cdef double c = 1.0 if job.weights == NULL else job.weights[row]
    cdef double a
    cdef double* line
    cdef int64_t i, j
    for i in range(n):
        if begin <= columns[i] < end:
            a = c * <double>x[i]
            line = job.sums + columns[i] * job.width
            for j in range(i + 1):
                line[columns[j]] = fmadd(a, <double>x[j], line[columns[j]])
            line += job.rows.d
            line[0] += a
            for j in range(job.k):
                line[1 + j] = fmadd(a, job.targets[row * job.k + j], line[1 + j])


cdef void sparse_gram(WeightedGram* job, Team* team, int64_t rank) noexcept nogil:
    cdef const RowTable* rows = job.rows
    cdef int64_t begin = share_begin(rows.d, 1, team.size, rank)
    cdef int64_t end = share_begin(rows.d, 1, team.size, rank + 1)
    cdef int64_t row = job.row
    cdef int64_t met = 0
    cdef int64_t i, j, last
    cdef Line line
    while row < rows.n and not flags(team):
        last = min(rows.n, row + GRAM_ROWS)
        for i in range(row, last):
            line = line_of(rows, i)
            if rows.single and rows.wide:
                add_line_products(job, i, line.n, <const float*>line.values,
                                  <const int64_t*>line.columns, begin, end)
            elif rows.single:
                add_line_products(job, i, line.n, <const float*>line.values,
                                  <const int32_t*>line.columns, begin, end)
            elif rows.wide:
                add_line_products(job, i, line.n, <const double*>line.values,
                                  <const int64_t*>line.columns, begin, end)
            else:
                add_line_products(job, i, line.n, <const double*>line.values,
                                  <const int32_t*>line.columns, begin, end)
        row = last
        meet(team, &met)
        if rank == 0 and now() > job.deadline:
            raise_flag(team, BATCH_END_FLAG)
        meet(team, &met)
    if rank == 0:
        job.row = row
        if row >= rows.n:
            for i in range(rows.d):
                for j in range(i):
                    job.sums[j * job.width + i] = job.sums[i * job.width + j]


cdef void gram_of_rows(void* job, Team* team, int64_t rank) noexcept nogil:
    if (<WeightedGram*>job).rows.sparse:
        sparse_gram(<WeightedGram*>job, team, rank)
    else:
        dense_gram(<WeightedGram*>job, team, rank)


def weighted_gram(
    Rows rows, np.ndarray weights, np.ndarray shift, np.ndarray targets, np.ndarray sums,
    int64_t row, double seconds, int64_t threads=1,
):
    """Go on from `row` with the sums of (x - shift)^T diag(c) (x - shift, 1, y): (row, sums).

    weights: c of at least 0, (n,), or None for ones. shift: (d,) or None; dense rows only.
    targets: y, (n, k). sums: None at first. When all rows are reached, sums[0] is the result:
    float64, shape (d, d + 1 + k).
    """
    cdef WeightedGram job
    cdef int64_t d = rows.table.d
    job.rows = &rows.table
    job.k = targets.shape[1]
    job.width = d + 1 + job.k
    job.row = row
    job.count = 1
    job.scratch_size = 8
    if not rows.table.sparse:
        job.count = gram_sums_for(rows.table.n, d, 1 + job.k)
        job.scratch_size = (LANES + (job.width + LANES - 1) // LANES * GRAM_ROWS) * LANES
    if sums is None:
        sums = numpy.zeros((job.count, d, job.width))
    scratch = numpy.zeros(threads * job.scratch_size + 8)
    job.weights = NULL if weights is None else <const double*>address(weights)
    job.shift = NULL if shift is None else <const double*>address(shift)
    job.targets = <const double*>address(targets)
    job.sums = <double*>address(sums)
    job.scratch = <double*>((<size_t>address(scratch) + 63) // 64 * 64)
    with nogil:
        job.deadline = now() + seconds
        run_team(threads, gram_of_rows, &job)
    return job.row, sums
