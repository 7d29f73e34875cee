# A block of rows of a linear model's objective: the losses of its rows, and their part of the sum
# of the losses and its gradient.

cdef void losses_of_block(const Objective* job, int64_t row, int64_t rows, double* z,
                          double* values, double* spare) noexcept nogil:
    """Compute the weighted losses of a block's rows; weighted slopes replace z."""
    cdef int64_t n = job.rows.n, o, i
    cdef double c = job.setting
    cdef const double* y = job.y + row * job.targets
    cdef double* curvatures = spare
    cdef double* line
    cdef double r
    if job.offset != NULL:      # of a single output
        for i in range(rows):
            z[i] += job.offset[row + i]
    if job.loss == LINEAR_MULTINOMIAL:
        multinomial_block(
            job.k, rows, y, z, values,
            NULL if job.curvatures == NULL else job.curvatures + row, n)
    elif job.k > 1:       # least squares
        for i in range(rows):
            values[i] = 0
        for o in range(job.k):
            line = z + o * BATCH_ROWS
            for i in range(rows):
                r = line[i] - y[i * job.targets + o]
                line[i] = r
                values[i] = fmadd(0.5 * r, r, values[i])
    else:
        if job.curvatures != NULL:
            curvatures = job.curvatures + row
        if job.loss == LINEAR_LOG_LOSS:
            point_block(LINEAR_LOG_LOSS, c, rows, y, z, values, curvatures)
        elif job.loss == LINEAR_SQUARED_ERROR:
            point_block(LINEAR_SQUARED_ERROR, c, rows, y, z, values, curvatures)
        elif job.loss == LINEAR_POISSON:
            point_block(LINEAR_POISSON, c, rows, y, z, values, curvatures)
        elif job.loss == LINEAR_GAMMA:
            point_block(LINEAR_GAMMA, c, rows, y, z, values, curvatures)
        elif job.loss == LINEAR_TWEEDIE:
            point_block(LINEAR_TWEEDIE, c, rows, y, z, values, curvatures)
        else:
            point_block(job.loss, c, rows, y, z, values, curvatures)
    if job.weights == NULL:
        return
    # a row of weight 0 changes nothing, even if its loss is not finite
    for i in range(rows):
        r = job.weights[row + i]
        values[i] = select(r == 0, 0.0, r * values[i])
        curvatures[i] = select(r == 0, 0.0, curvatures[i])
    for o in range(job.k):
        line = z + o * BATCH_ROWS
        for i in range(rows):
            r = job.weights[row + i]
            line[i] = select(r == 0, 0.0, r * line[i])


# ---------------------------------------------------------------- blocks

cdef inline void dense_block(const Objective* job, int64_t row, int64_t rows, const real* x,
                             double* total, double* z) noexcept nogil:
    """Add the rows from `row` on, to which x points, to a sum. z: scratch."""
    cdef int64_t d = job.rows.d, stride = d, k = job.k
    cdef double* values = z + k * BATCH_ROWS
    cdef double* spare = values + BATCH_ROWS
    cdef double* gradient = spare + BATCH_ROWS
    cdef double* panel = gradient + k * job.stride
    cdef double* copy = panel + PANEL_BYTES // 8
    cdef const double* wide = copy
    cdef bint at_end = (job.rows.n - row - rows) * d < BATCH_CHUNK
    cdef Product p
    cdef int64_t o, i
    if at_end or (real is float and k > 1):
        stride = job.stride
        copy_block(rows, d, x, stride, copy)
    elif real is double:
        wide = x
    if k > 1:
        p = Product(
            M=k, N=rows, K=d, A=job.theta, a_row=job.stride, a_col=1, B=wide, b_row=1,
            b_col=stride, start=NULL, start_row=0, C=z, c_row=BATCH_ROWS, spill=k,
            finish=FINISH_NONE, gate=z, panel=panel)
        product(&p, <double>0)
        for o in range(k):
            for i in range(rows):
                z[o * BATCH_ROWS + i] += job.intercept[o]
    elif at_end:
        decide_block(rows, d, wide, stride, job.theta, job.intercept[0], z)
    else:
        decide_block(rows, d, x, stride, job.theta, job.intercept[0], z)
    losses_of_block(job, row, rows, z, values, spare)
    total[0] += row_sum(rows, <const double*>values)
    total += 1
    if k > 1:
        p = Product(
            M=k, N=d, K=rows, A=z, a_row=BATCH_ROWS, a_col=1, B=wide, b_row=stride, b_col=1,
            start=NULL, start_row=0, C=gradient, c_row=job.stride, spill=k, finish=FINISH_NONE,
            gate=gradient, panel=panel)
        product(&p, <double>0)
        for o in range(k):
            for i in range(d):
                total[o * (d + 1) + i] += gradient[o * job.stride + i]
    elif at_end:
        add_block(rows, d, wide, stride, z, total)
    else:
        add_block(rows, d, x, stride, z, total)
    for o in range(k):
        total[o * (d + 1) + d] += row_sum(rows, <const double*>(z + o * BATCH_ROWS))


cdef void sparse_block(const Objective* job, int64_t row, int64_t rows, double* total,
                       double* z) noexcept nogil:
    """Add sparse rows to a sum, see dense_block."""
    cdef int64_t d = job.rows.d, k = job.k
    cdef double* values = z + k * BATCH_ROWS
    cdef int64_t o, i
    cdef Line line
    for i in range(rows):
        line = line_of(job.rows, row + i)
        for o in range(k):
            z[o * BATCH_ROWS + i] = (
                line_dot(job.rows, &line, job.theta + o * job.stride) + job.intercept[o])
    losses_of_block(job, row, rows, z, values, values + BATCH_ROWS)
    total[0] += row_sum(rows, <const double*>values)
    total += 1
    for i in range(rows):
        line = line_of(job.rows, row + i)
        for o in range(k):
            line_add(job.rows, &line, z[o * BATCH_ROWS + i], total + o * (d + 1))
    for o in range(k):
        total[o * (d + 1) + d] += row_sum(rows, <const double*>(z + o * BATCH_ROWS))


cdef void objective_block(const Objective* job, int64_t row, int64_t rows, double* total,
                          double* scratch) noexcept nogil:
    """Add the rows from `row` on to a sum."""
    cdef const RowTable* x = job.rows
    if x.sparse:
        sparse_block(job, row, rows, total, scratch)
    elif x.single:
        dense_block(job, row, rows, <const float*>x.values + row * x.d, total, scratch)
    else:
        dense_block(job, row, rows, <const double*>x.values + row * x.d, total, scratch)
