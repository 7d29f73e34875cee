# The norms of the gradients of single rows, without these gradients, and their clipping.
#
# A row i of a batch adds g_i to the gradients of the parameters. With a_i the source of a dense
# layer and d_i the gradient of source kernel + bias, g_i is the outer product of a_i and d_i:
#
#   |g_i|^2 = (|a_i|^2 + [bias]) |d_i|^2.
#
# A layer that is used several times adds up outer products, and the square is the sum over all
# pairs k, m of uses of (a_k . a_m + [bias]) (d_k . d_m). I. Goodfellow, "Efficient per-example
# gradient computations", 2015. All gradients are linear in those of the buffers: where these are
# scaled by min(1, clip / |g_i|), the usual sums over rows are those of clipped gradients.
#
# A row whose norm is not finite counts 0: its gradients of buffers become 0, and so do the values
# that they would be multiplied by, since 0 times infinity is NaN. Those of x are finite.
#
# No sum combines rows, so that the bits do not depend on how the rows of a batch are shared out.

cdef extern from "kernels/tiles.h":
    void _row_squares_f "fastgd_row_squares_f"(
        int64_t, int64_t, const void**, const float*, int64_t, float*) noexcept nogil
    void _row_squares_d "fastgd_row_squares_d"(
        int64_t, int64_t, const void**, const double*, int64_t, double*) noexcept nogil

cdef enum:
    CLIP_ROWS = 64          # of a block

# Sums of squares of float32 between these are exact enough. Others are computed again in float64,
# but those of 0 that cannot matter, as of rows that a ReLU shuts off: what underflow loses of a
# square is below 1e-40, and times at most clip^2 NEGLIGIBLE it is nothing beside clip^2.
cdef double LEAST_SQUARES = 1e-30
cdef double MOST_SQUARES = 1e37
cdef double NEGLIGIBLE = 1e28


cdef double wide_dot(int64_t n, const real* x, const real* y) noexcept nogil:
    """Return the inner product of two rows in double precision."""
    cdef double[16] s
    cdef double rest = 0
    cdef int64_t i = 0
    cdef int j
    for j in range(16):
        s[j] = 0
    while i + 16 <= n:
        for j in range(16):
            s[j] += <double>x[i + j] * <double>y[i + j]
        i += 16
    while i < n:
        rest += <double>x[i] * <double>y[i]
        i += 1
    return tree(s, rest)


cdef inline void buffer_squares(int64_t rows, int64_t width, const void** pointers, const real* x,
                                int64_t stride, real* out) noexcept nogil:
    """Compute out[i] = |row i|^2 of the rows of x, or of those at the pointers."""
    if real is float:
        _row_squares_f(rows, width, pointers, x, stride, out)
    else:
        _row_squares_d(rows, width, pointers, x, stride, out)


cdef inline bint are_exact(real a, real b, real limit) noexcept nogil:
    """Return whether the product of two squares is exact enough."""
    if real is float:
        return (
            (a <= <float>MOST_SQUARES) & (b <= <float>MOST_SQUARES)
            & ((a >= <float>LEAST_SQUARES) | ((a == 0) & (b <= limit)))
            & ((b >= <float>LEAST_SQUARES) | ((b == 0) & (a <= limit))))
    return True


cdef inline int64_t use_before(const Network* net, const int64_t* flags, int64_t i,
                               int64_t last) noexcept nogil:
    """Return the nearest row of the table before `last` with the parameters of row i, or -1."""
    cdef const Row* row = &net.rows[i]
    cdef int64_t k
    if not flags[i] & FLAG_SHARED:
        return -1
    for k in range(last - 1, -1, -1):
        if (flags[k] & FLAG_PARAMETERS and net.rows[k].kernel == row.kernel
                and net.rows[k].bias == row.bias):
            return k
    return -1


cdef void add_dense_squares(const LayerRows* job, const void** x_rows, double* totals,
                            real of_type) noexcept nogil:
    """Add the squares for a dense layer that is used once."""
    cdef const real* deltas = deltas_at(job, job.row.target, <real>0)
    cdef const void** pointers = NULL
    cdef const real* source = <const real*>job.source
    cdef real[CLIP_ROWS] sources, gradients
    cdef double bias = 1 if job.row.bias >= 0 else 0, clip = job.batch.clip
    # without a clip the norms themselves are wanted
    cdef real limit = <real>(min(NEGLIGIBLE * clip * clip, MOST_SQUARES) if clip < INFINITY else 0)
    cdef bint exact = True
    cdef int64_t i
    if job.row.source == 0 and x_rows != NULL:
        pointers = x_rows + job.first_row
    buffer_squares(job.rows, job.source_width, pointers, source, job.source_stride, sources)
    buffer_squares(job.rows, job.width, NULL, deltas, job.stride, gradients)
    for i in range(job.rows):
        exact = exact & are_exact(sources[i], gradients[i], limit)
    if exact:
        for i in range(job.rows):
            totals[i] += (<double>sources[i] + bias) * <double>gradients[i]
        return
    for i in range(job.rows):
        if pointers != NULL:
            source = <const real*>pointers[i]
        if are_exact(sources[i], gradients[i], limit):
            totals[i] += (<double>sources[i] + bias) * <double>gradients[i]
        else:
            totals[i] += (bias + wide_dot(job.source_width, source, source)) * wide_dot(
                job.width, deltas, deltas)
        source += job.source_stride
        deltas += job.stride


cdef void add_pair_squares(LayerRows* job, const int64_t* flags, int64_t last, const real* x,
                           double* totals) noexcept nogil:
    """Add the squares for an embedding, or for a dense layer of several uses, which ends at row
    `last` of the table: sums over pairs of uses."""
    cdef const Network* net = job.net
    cdef LayerRows other = job[0]
    cdef const real* d
    cdef const real* e
    cdef double times, bias
    cdef int64_t i, k = last, m
    while k >= 0:
        take_row(job, k, x)
        bias = 1 if job.row.bias >= 0 else 0
        m = k
        while m >= 0:
            take_row(&other, m, x)
            times = 1 if k == m else 2
            d = deltas_at(job, job.row.target, <real>0)
            e = deltas_at(&other, other.row.target, <real>0)
            for i in range(job.rows):
                if job.row.op == OP_EMBEDDING:
                    totals[i] += times * embedding_pairs(job, &other, i, d, e)
                else:
                    totals[i] += times * wide_dot(job.width, d, e) * (bias + wide_dot(
                        job.source_width, <const real*>job.source + i * job.source_stride,
                        <const real*>other.source + i * other.source_stride))
                d += job.stride
                e += other.stride
            m = use_before(net, flags, last, m)
        k = use_before(net, flags, last, k)


cdef double embedding_pairs(const LayerRows* job, const LayerRows* other, int64_t i, const real* d,
                            const real* e) noexcept nogil:
    """Return the sum of the inner products of gradients that belong to one number, over the places
    in row i of two uses of an embedding."""
    cdef const real* numbers = <const real*>job.source + i * job.source_stride
    cdef const real* others = <const real*>other.source + i * other.source_stride
    cdef int64_t count = <int64_t>job.settings[0], size = job.width // job.source_width
    cdef int64_t j, k, number
    cdef double total = 0
    for k in range(job.source_width):
        number = embedding_row(numbers[k], count)
        for j in range(other.source_width):
            if embedding_row(others[j], count) == number:
                total += wide_dot(size, d + k * size, e + j * size)
    return total


cdef void add_layer_norm(const LayerRows* job, int64_t i, double* d_gamma, double* d_beta,
                         real of_type) noexcept nogil:
    """Add the gradients of kernel and bias of a layer normalisation for row i."""
    cdef int64_t groups = <int64_t>job.settings[1], width = job.width // groups
    cdef const real* s = <const real*>job.source + i * job.source_stride
    cdef const real* d = deltas_at(job, job.row.target, <real>0) + i * job.stride
    cdef const real* keep = kept_rows(job, <real>0) + i * job.net.stride[job.row.keep]
    cdef int64_t g, j
    for g in range(groups):
        for j in range(width):
            d_gamma[j] += <double>d[j] * <double>((s[j] - keep[g]) * keep[groups + g])
            d_beta[j] += d[j]
        s += width
        d += width


cdef void add_prelu(const LayerRows* job, int64_t i, double* d_alpha, real of_type) noexcept nogil:
    """Add the gradients of a PReLU's slopes for row i."""
    cdef const real* z = <const real*>job.source + i * job.source_stride
    cdef const real* d = deltas_at(job, job.row.target, <real>0) + i * job.stride
    cdef int64_t j
    for j in range(job.width):
        d_alpha[<int64_t>job.settings[j]] += <double>d[j] * <double>(<real>0 if z[j] > 0 else z[j])


cdef void add_small_squares(LayerRows* job, const int64_t* flags, int64_t last, const real* x,
                            double* totals) noexcept nogil:
    """Add the squares for a layer with few parameters, which ends at row `last` of the table, by
    the gradient itself of each row."""
    cdef bint normalises = job.row.op == OP_LAYER_NORM
    cdef int64_t width, i, j, k
    cdef double* kernel = <double*>job.line
    cdef double* bias
    if not normalises and job.row.op != OP_PRELU:
        for i in range(job.rows):
            totals[i] = INFINITY  # Python refuses such layers; nothing of them leaks
        return
    width = job.width // <int64_t>job.settings[1] if normalises else job.width
    bias = kernel + width
    for i in range(job.rows):
        for j in range(2 * width):
            kernel[j] = 0
        k = last
        while k >= 0:
            take_row(job, k, x)
            if normalises:
                add_layer_norm(job, i, kernel, bias, <real>0)
            else:
                add_prelu(job, i, kernel, <real>0)
            k = use_before(job.net, flags, last, k)
        for j in range(width):
            if job.row.kernel >= 0:
                totals[i] += kernel[j] * kernel[j]
            if job.row.bias >= 0:
                totals[i] += bias[j] * bias[j]


cdef void square_norms(LayerRows* job, const int64_t* flags, const void** x_rows, const real* x,
                       double* totals) noexcept nogil:
    """Compute the squared norms of the gradients of at most CLIP_ROWS rows."""
    cdef const Network* net = job.net
    cdef int64_t i
    for i in range(job.rows):
        totals[i] = 0
    for i in range(net.row_count - 1, -1, -1):
        # of the rows that share parameters, the last one adds the squares for all
        if not flags[i] & FLAG_PARAMETERS or flags[i] & FLAG_ADD_PARAMETERS:
            continue
        take_row(job, i, x)
        if job.row.op == OP_DENSE and not flags[i] & FLAG_SHARED:
            add_dense_squares(job, x_rows, totals, <real>0)
        elif job.row.op == OP_DENSE or job.row.op == OP_EMBEDDING:
            add_pair_squares(job, flags, i, x, totals)
        else:
            add_small_squares(job, flags, i, x, totals)


cdef void scale_rows(const LayerRows* job, const real* factors, real* deltas) noexcept nogil:
    """Multiply the rows of a buffer's gradients by their factors."""
    cdef int64_t width = (job.width + POINTS - 1) // POINTS * POINTS, i, j
    if job.stride == 1:
        for i in range(job.rows):
            deltas[i] = factors[i] * deltas[i]
        return
    for i in range(job.rows):
        for j in range(whole(width)):
            deltas[j] = factors[i] * deltas[j]
        deltas += job.stride


cdef void clear_rows(const LayerRows* job, const real* factors, real* deltas) noexcept nogil:
    """Set to 0 what rows with the factor 0 would add to the parameters' gradients."""
    cdef const Network* net = job.net
    cdef const Row* row = job.row
    cdef real* source = <real*>job.source
    cdef int64_t i
    for i in range(job.rows):
        if factors[i] != 0:
            continue
        fill_columns(1, job.width, <real>0, deltas + i * job.stride, 0)
        if row.source > 0:
            fill_columns(1, job.source_width, <real>0, source + i * job.source_stride, 0)
        if row.keep >= 0:
            fill_columns(1, net.width[row.keep], <real>0,
                         kept_rows(job, <real>0) + i * net.stride[row.keep], 0)


cdef void clip_blocks(LayerRows* job, const int64_t* flags, const void** x_rows, const real* x,
                      double* norms) noexcept nogil:
    """Compute clip_rows for job.rows rows; x_rows: pointers to the rows of x, or NULL."""
    cdef const Network* net = job.net
    cdef double clip = job.batch.clip, ratio
    cdef int64_t end = job.first_row + job.rows, i
    cdef double[CLIP_ROWS] totals
    cdef real[CLIP_ROWS] factors
    cdef bint scales, clears
    cdef real* deltas
    while job.first_row < end:
        job.rows = min(<int64_t>CLIP_ROWS, end - job.first_row)
        square_norms(job, flags, x_rows, x, totals)
        scales = False
        clears = False
        for i in range(job.rows):
            # pairs of uses may cancel to a little less than 0
            totals[i] = square_root(select(totals[i] < 0, 0.0, totals[i]))
        for i in range(job.rows):
            ratio = clip / totals[i]
            factors[i] = <real>select(ratio < 1, ratio, 1.0)
            scales = scales | (totals[i] > clip)
            clears = clears | (not totals[i] < INFINITY)
        if norms != NULL:
            for i in range(job.rows):
                norms[job.first_row + i] = totals[i]
        if clears:
            for i in range(job.rows):
                if not is_finite(totals[i]):
                    factors[i] = 0
        if scales or clears:
            for i in range(net.row_count):
                if flags[i] & FLAG_PARAMETERS:
                    take_row(job, i, x)
                    deltas = deltas_at(job, job.row.target, <real>0)
                    if scales:
                        scale_rows(job, factors, deltas)
                    if clears:
                        clear_rows(job, factors, deltas)
        job.first_row += job.rows


cdef void clip_rows(const Network* net, const Batch* batch, const int64_t* flags,
                    int64_t first_row, int64_t rows, const real* x, double* norms,
                    void* scratch) noexcept nogil:
    """Clip the gradients of some rows, after `backward`: scale the gradients of the buffers so that
    what each row adds to the parameters' gradients has at most the norm batch.clip.

    norms: out, the norms before, at the rows' places in the batch; or NULL.
    """
    cdef LayerRows job = layer_rows(net, batch, first_row, rows, x, scratch)
    clip_blocks(&job, flags, NULL, x, norms)
