# The Gram matrix of least squares, and gradient descent by it: where iterations are many, they
# need not read the data.
#
#   theta - alpha x^T (x theta - y)  =  theta - alpha (G theta - b)      G = x^T x, b = x^T y
#
# G and b are the first d rows of the product of (x y)^T with (x y), whose upper half is enough.
# They are summed in double precision over blocks of rows; block i is added to sum i modulo their
# number, and the sums are added in their order. That number depends on the shapes alone, so
# neither the members that share the sums and their tiles out nor the size of a tile move a bit.

cdef struct GramSums:
    bint single             # x and y: float or double
    const void* x           # (n, d)
    const void* y           # (n, k)
    int64_t n
    int64_t d
    int64_t k
    int64_t row             # where to start; afterwards, where it stopped
    int64_t count           # of the sums
    double* sums            # (count, d, d + k)
    double* scratch         # of all members
    int64_t scratch_size    # of one: a block in tiles, and the product of two
    double deadline


cdef inline void tile_block(
    int64_t rows, int64_t left, int64_t d, int64_t k, const real* x, const real* y, double* block,
) noexcept nogil:
    """Lay out rows of (x y) as tiles of LANES columns, each GRAM_ROWS x LANES, in double.

    left: the rows from x on to the end of the data. Columns beyond d + k hold anything.
    """
    cdef int64_t i, j, column
    cdef double* out
    cdef int lane
    for j in range((d + LANES - 1) // LANES):
        column = j * LANES
        out = block + j * (GRAM_ROWS * LANES)
        for i in range(rows):
            if i * d + column + LANES <= left * d:
                for lane in range(LANES):
                    out[i * LANES + lane] = x[i * d + column + lane]
            else:
                for lane in range(<int>min(<int64_t>LANES, d - column)):
                    out[i * LANES + lane] = x[i * d + column + lane]
    for j in range(k):
        out = block + (d + j) // LANES * (GRAM_ROWS * LANES) + (d + j) % LANES
        for i in range(rows):
            out[i * LANES] = y[i * k + j]


cdef void gram_rows(
    GramSums* job, Team* team, int64_t rank, const real* x, const real* y,
) noexcept nogil:
    """Add the blocks from job.row on to the sums; at the end, all sums to the first."""
    cdef int64_t d = job.d
    cdef int64_t k = job.k
    cdef int64_t width = d + k
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
    cdef int64_t s, here, rows, i, j
    while row < job.n and not flags(team):
        for s in range(job.count):
            here = row + s * GRAM_ROWS
            if here < job.n and begin < (s + 1) * shares and end > s * shares:
                rows = min(<int64_t>GRAM_ROWS, job.n - here)
                tile_block(rows, job.n - here, d, k, x + here * d, y + here * k, block)
                add_gram_block(rows, d, width, block, job.sums + s * size, spare,
                               begin - s * shares, end - s * shares)
        row += job.count * GRAM_ROWS
        meet(team, &met)
        if rank == 0 and now() > job.deadline:
            raise_flag(team, END_FLAG)
        meet(team, &met)
    if rank == 0:
        job.row = min(row, job.n)
        if row >= job.n:
            for s in range(1, job.count):
                for i in range(size):
                    job.sums[i] += job.sums[s * size + i]
            for i in range(d):
                for j in range(i):
                    job.sums[i * width + j] = job.sums[j * width + i]


cdef void gram_member(void* job, Team* team, int64_t rank) noexcept nogil:
    cdef GramSums* sums = <GramSums*>job
    if sums.single:
        gram_rows(sums, team, rank, <const float*>sums.x, <const float*>sums.y)
    else:
        gram_rows(sums, team, rank, <const double*>sums.x, <const double*>sums.y)


def gram_matrix(
    np.ndarray x, np.ndarray y, np.ndarray sums, int64_t row, double seconds, int64_t threads=1,
):
    """Go on from `row` with the sums of x^T (x y): (row reached, sums).

    x: (n, d); y: (n, k). sums: None at first. When all rows are reached, sums[0] is the result:
    float64, shape (d, d + k).
    """
    cdef GramSums job
    job.single = x.dtype == numpy.float32
    job.n = x.shape[0]
    job.d = x.shape[1]
    job.k = y.shape[1]
    job.row = row
    job.count = gram_sums_for(job.n, job.d, job.k)
    if sums is None:
        shape = (job.count, job.d, job.d + job.k)
        size = job.count * job.d * (job.d + job.k)
        # gram_descent reads whole tiles
        sums = numpy.zeros(size + LANES)[:size].reshape(shape)
    job.scratch_size = (LANES + (job.d + job.k + LANES - 1) // LANES * GRAM_ROWS) * LANES
    scratch = numpy.zeros(threads * job.scratch_size + 8)
    job.x = address(x)
    job.y = address(y)
    job.sums = <double*>address(sums)
    job.scratch = <double*>((<size_t>address(scratch) + 63) // 64 * 64)
    with nogil:
        job.deadline = now() + seconds
        run_team(threads, gram_member, &job)
    return job.row, sums


cdef int descend_by_gram(
    int64_t d, int64_t k, const double* gram, int64_t stride, const double* moments,
    double* theta, double* gradient, int64_t gradient_stride, double alpha, double limit,
    int64_t* iteration, int64_t last, double deadline, double* panel,
) noexcept nogil:
    """Iterate from *iteration to last or the deadline: a Status.

    gram: rows at stride. moments, theta: (k, d), theta changed in place. An iteration whose
    theta would pass the limit is not taken.
    """
    cdef int64_t looks = 1 + 1000000 // (1000 + d * d * k)
    cdef int64_t next_look = iteration[0] + looks
    cdef int64_t output, i
    cdef double* slope
    cdef int64_t beyond
    while iteration[0] < last:
        product(k, d, d, theta, d, 1, gram, stride, 1, <const double*>NULL, gradient,
                gradient_stride, k, FINISH_NONE, gradient, panel)
        beyond = 0
        for output in range(k):
            slope = gradient + output * gradient_stride
            for i in range(d):
                slope[i] = fmadd(-alpha, slope[i] - moments[output * d + i], theta[output * d + i])
                beyond += not absolute(slope[i]) <= limit
        if beyond:
            return STATUS_UPDATE
        for output in range(k):
            copy_row(d, gradient + output * gradient_stride, theta + output * d)
        iteration[0] += 1
        if iteration[0] >= next_look:
            if now() > deadline:
                break
            next_look = iteration[0] + looks
    return STATUS_FINE


def gram_descent(
    np.ndarray gram, np.ndarray theta, double alpha, double limit, int64_t iteration,
    int64_t last, double seconds,
):
    """Go on with gradient descent by the Gram matrix: (iteration reached, Status).

    gram: what gram_matrix returned at the end. theta: float64, shape (k, d), changed in place;
    an iteration that would take an element beyond the limit is not taken.
    """
    cdef int64_t d = gram.shape[1]
    cdef int64_t k = theta.shape[0]
    cdef int64_t stride = gram.shape[2]
    cdef int64_t gradient_stride = (d + LANES - 1) // LANES * LANES
    cdef np.ndarray moments = gram[0, :, d:].T.copy()
    cdef np.ndarray gradient = numpy.empty(k * gradient_stride)
    cdef np.ndarray panel = numpy.empty(PANEL_BYTES, numpy.uint8)
    cdef const double* gram_data = <const double*>address(gram)
    cdef const double* moment_data = <const double*>address(moments)
    cdef double* theta_data = <double*>address(theta)
    cdef double* gradient_data = <double*>address(gradient)
    cdef double* panel_data = <double*>address(panel)
    cdef int status
    with nogil:
        status = descend_by_gram(
            d, k, gram_data, stride, moment_data, theta_data, gradient_data, gradient_stride,
            alpha, limit, &iteration, last, now() + seconds, panel_data)
    return iteration, status
