# The product of a block of rows with itself, tile by tile, for Gram matrices. A block is laid out
# in tiles of LANES columns, each GRAM_ROWS x LANES, in double precision.

cdef inline void add_gram_tile(int64_t rows, int64_t M, int64_t N, const double* A, const double* B,
                               double* total, int64_t stride, double* spare) noexcept nogil:
    """Add A^T B to total for the first M columns of A and N of B, which are tiles of a block.

    B is so narrow that it is not packed: product needs no panel.
    """
    cdef int64_t i, j
    cdef Product p = Product(
        M=M, N=N, K=rows, A=A, a_row=1, a_col=LANES, B=B, b_row=LANES, b_col=1, start=NULL,
        start_row=0, C=spare, c_row=LANES, spill=M, finish=FINISH_NONE, gate=spare, panel=NULL)
    product(&p, <double>0)
    for i in range(M):
        for j in range(N):
            total[i * stride + j] += spare[i * LANES + j]


cdef void add_gram_block(int64_t rows, int64_t d, int64_t width, const double* block, double* total,
                         double* spare, int64_t first, int64_t last) noexcept nogil:
    """Add the tiles first ... last - 1 of the upper half of a block's product to a sum."""
    cdef int64_t tiles = (width + LANES - 1) // LANES, number = 0
    cdef int64_t i, j, M, N
    cdef const double* A
    cdef const double* B
    cdef double* here
    for i in range((d + LANES - 1) // LANES):
        for j in range(i, tiles):
            if first <= number < last:
                A = block + i * (GRAM_ROWS * LANES)
                B = block + j * (GRAM_ROWS * LANES)
                M = min(<int64_t>LANES, d - i * LANES)
                N = min(<int64_t>LANES, width - j * LANES)
                here = total + i * LANES * width + j * LANES
                if i < j or M <= HALF:
                    add_gram_tile(rows, M, N, A, B, here, width, spare)
                else:
                    # of a tile on the diagonal, all but the lower left quarter
                    add_gram_tile(rows, HALF, N, A, B, here, width, spare)
                    add_gram_tile(rows, M - HALF, N - HALF, A + HALF, B + HALF,
                                  here + HALF * width + HALF, width, spare)
            number += 1


cdef inline void weighted_tiles(const WeightedGram* job, int64_t row, int64_t rows, const real* x,
                                double* block) noexcept nogil:
    """Lay out rows of (x - shift, 1, y), times the roots of their weights, in tiles."""
    cdef int64_t d = job.rows.d, left = (job.rows.n - row) * d
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


cdef void dense_gram(const WeightedGram* job, int64_t row, int64_t rows, double* total,
                     double* scratch, int64_t first, int64_t last) noexcept nogil:
    """Add the tiles first ... last - 1 of a block of dense rows to a sum."""
    cdef const RowTable* x = job.rows
    cdef double* block = scratch + LANES * LANES
    if x.single:
        weighted_tiles(job, row, rows, <const float*>x.values + row * x.d, block)
    else:
        weighted_tiles(job, row, rows, <const double*>x.values + row * x.d, block)
    add_gram_block(rows, x.d, job.width, block, total, scratch, first, last)


cdef inline void add_line_products(const WeightedGram* job, int64_t row, int64_t n, const real* x,
                                   const index_type* columns, int64_t begin,
                                   int64_t end) noexcept nogil:
    """Add the lines begin ... end - 1 of a sparse row's products, up to the diagonal."""
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


cdef void sparse_gram(const WeightedGram* job, int64_t row, int64_t last, int64_t begin,
                      int64_t end) noexcept nogil:
    """Add the products of the sparse rows row ... last - 1 to the lines begin ... end - 1."""
    cdef const RowTable* rows = job.rows
    cdef int64_t i
    cdef Line line
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
