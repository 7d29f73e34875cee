# Batch normalisation: target = (source - mean) / sqrt(variance + epsilon) kernel + bias, column by
# column. S. Ioffe, C. Szegedy, "Batch normalization", 2015.
#
# In training the moments are those of the batch, each a sum in double precision over its rows in
# their order; a successful step then moves the lasting ones in `state` towards them. If a layer has
# several groups of channels in a row, one after the other, they count as rows.
# Room for the batch: means, variances, the factors 1 / sqrt(variance + epsilon), and of the
# gradients of the target the sums, alone and times the normalised source.

cdef inline void moment_columns(const int lanes, int64_t rows, int64_t groups, int64_t channels,
                                const real* x, int64_t stride, real* mean,
                                real* variance) noexcept nogil:
    """Compute mean and variance of `lanes` columns, a constant, in two passes."""
    cdef double[32] s, m
    cdef double count = <double>(rows * groups)
    cdef int64_t i, g
    cdef int j
    for j in range(lanes):
        s[j] = 0
    for i in range(rows):
        for g in range(groups):
            for j in range(lanes):
                s[j] += <double>x[i * stride + g * channels + j]
    for j in range(lanes):
        m[j] = s[j] / count
        s[j] = 0
    for i in range(rows):
        for g in range(groups):
            for j in range(lanes):
                s[j] = fmadd(<double>x[i * stride + g * channels + j] - m[j],
                             <double>x[i * stride + g * channels + j] - m[j], s[j])
    for j in range(lanes):
        mean[j] = <real>m[j]
        variance[j] = <real>(s[j] / count)


cdef inline void slope_columns(const int lanes, const LayerRows* job, const real* x, const real* d,
                               const real* mean, const real* factor, real* sums) noexcept nogil:
    """Compute the sums of d, and of d times the normalised x, of `lanes` columns, a constant."""
    cdef double[32] s, t
    cdef int64_t groups = <int64_t>job.settings[2], channels = job.width // groups
    cdef int64_t i, g, k
    cdef int j
    for j in range(lanes):
        s[j] = 0
        t[j] = 0
    for i in range(job.rows):
        for g in range(groups):
            k = g * channels
            for j in range(lanes):
                s[j] += <double>d[k + j]
                t[j] = fmadd(<double>d[k + j],
                             <double>((x[k + j] - mean[j]) * factor[j]), t[j])
        x += job.source_stride
        d += job.stride
    for j in range(lanes):
        sums[j] = <real>s[j]
        sums[channels + j] = <real>t[j]


cdef inline int tile_of(int64_t channels, int64_t* j) noexcept nogil:
    """Return how many columns to take from j on; j moves back if a whole tile then fits."""
    if channels - j[0] >= 32:
        return 32
    if channels >= 8:
        j[0] = min(j[0], channels - 8)
        return 8
    if channels >= 4:
        j[0] = min(j[0], channels - 4)
        return 4
    return 1


cdef void batch_moments(int64_t rows, int64_t groups, int64_t channels, const real* x,
                        int64_t stride, real* mean, real* variance) noexcept nogil:
    cdef int64_t j = 0
    cdef int lanes
    while j < channels:
        lanes = tile_of(channels, &j)
        if lanes == 32:
            moment_columns(32, rows, groups, channels, x + j, stride, mean + j, variance + j)
        elif lanes == 8:
            moment_columns(8, rows, groups, channels, x + j, stride, mean + j, variance + j)
        elif lanes == 4:
            moment_columns(4, rows, groups, channels, x + j, stride, mean + j, variance + j)
        else:
            moment_columns(1, rows, groups, channels, x + j, stride, mean + j, variance + j)
        j += lanes


cdef void batch_slopes(const LayerRows* job, const real* d, const real* mean, const real* factor,
                       real* sums) noexcept nogil:
    """Compute the sum of d for each channel, then that of d times the normalised source."""
    cdef const real* x = <const real*>job.source
    cdef int64_t channels = channel_count(job.net, job.row)
    cdef int64_t j = 0
    cdef int lanes
    while j < channels:
        lanes = tile_of(channels, &j)
        if lanes == 32:
            slope_columns(32, job, x + j, d + j, mean + j, factor + j, sums + j)
        elif lanes == 8:
            slope_columns(8, job, x + j, d + j, mean + j, factor + j, sums + j)
        elif lanes == 4:
            slope_columns(4, job, x + j, d + j, mean + j, factor + j, sums + j)
        else:
            slope_columns(1, job, x + j, d + j, mean + j, factor + j, sums + j)
        j += lanes


cdef inline bint uses_batch(const Batch* batch, const Row* row) noexcept nogil:
    """Return whether the moments are those of the batch."""
    return batch.training and row.kind == MOMENTS_BATCH


cdef inline int64_t channel_count(const Network* net, const Row* row) noexcept nogil:
    return net.width[row.target] // <int64_t>net.settings[row.settings + 2]


cdef inline real* batch_room(const Network* net, const Row* row, real of_type) noexcept nogil:
    """Return the room for the batch."""
    return <real*>net.values + net.row_width * net.capacity + row.work


cdef void factors_of(const Network* net, const Row* row, const real* variance,
                     real* factor) noexcept nogil:
    """Compute factor = 1 / sqrt(variance + epsilon)."""
    cdef real epsilon = <real>net.settings[row.settings]
    cdef int64_t j
    for j in range(channel_count(net, row)):
        factor[j] = <real>1 / square_root(variance[j] + epsilon)


cdef const real* means_and_factors(const LayerRows* job, real* line,
                                   const real** factor) noexcept nogil:
    """Return the means that normalise a batch, and the factors; line: room for these."""
    cdef const Network* net = job.net
    cdef int64_t channels = channel_count(net, job.row)
    cdef const real* mean = batch_room(net, job.row, <real>0)
    factor[0] = mean + 2 * channels
    if not uses_batch(job.batch, job.row):
        mean = <const real*>net.parameters + job.row.state
        factors_of(net, job.row, mean + channels, line)
        factor[0] = line
    return mean


cdef inline void scaled_factors(const LayerRows* job, int64_t channels, const real* factor,
                                real* scale) noexcept nogil:
    """Compute scale = kernel factor."""
    cdef const real* kernel = kernel_of(job, <real>0)
    cdef int64_t j
    for j in range(channels):
        scale[j] = factor[j] * kernel[j] if job.row.kernel >= 0 else factor[j]


cdef void batch_norm_forward(const LayerRows* job, const real* source, real* target) noexcept nogil:
    """Normalise rows: all rows of the batch if the moments are the batch's."""
    cdef const Network* net = job.net
    cdef int64_t groups = <int64_t>job.settings[2], channels = job.width // groups
    cdef const real* bias = bias_of(job, <real>0)
    cdef real* room = batch_room(net, job.row, <real>0)
    cdef real* line = <real*>job.line
    cdef real* scale = line + channels
    cdef real* shift = scale + channels
    cdef const real* mean
    cdef const real* factor = NULL
    cdef int64_t i, j, g
    if uses_batch(job.batch, job.row):
        batch_moments(job.rows, groups, channels, source, job.source_stride, room,
                      room + channels)
        factors_of(net, job.row, <const real*>room + channels, room + 2 * channels)
    mean = means_and_factors(job, line, &factor)
    scaled_factors(job, channels, factor, scale)
    for j in range(channels):
        shift[j] = <real>0 if bias == NULL else bias[j]
    for i in range(job.rows):
        for g in range(groups):
            for j in range(channels):
                target[g * channels + j] = fmadd(source[g * channels + j] - mean[j], scale[j],
                                                 shift[j])
        source += job.source_stride
        target += job.stride


cdef void batch_norm_gradient(const LayerRows* job, const real* d_target,
                              real* d_out) noexcept nogil:
    """Compute d_out = (d - mean(d) - n mean(d n)) kernel factor, with n the normalised source; the
    means are taken where the moments depend on the source."""
    cdef int64_t groups = <int64_t>job.settings[2], channels = job.width // groups
    cdef const real* source = <const real*>job.source
    cdef real* sums = batch_room(job.net, job.row, <real>0) + 3 * channels
    cdef real* line = <real*>job.line
    cdef real* first = line + channels
    cdef real* second = first + channels
    cdef real* scale = second + channels
    cdef const real* factor = NULL
    cdef const real* mean = means_and_factors(job, line, &factor)
    cdef real count = <real>(job.rows * groups)
    cdef int64_t i, j, g, k
    scaled_factors(job, channels, factor, scale)
    for j in range(channels):
        first[j] = 0
        second[j] = 0
    if uses_batch(job.batch, job.row):
        batch_slopes(job, d_target, mean, factor, sums)
        for j in range(channels):
            first[j] = sums[j] / count
            second[j] = sums[channels + j] / count * factor[j]
    for i in range(job.rows):
        for g in range(groups):
            for j in range(channels):
                k = g * channels + j
                d_out[k] = scale[j] * fmadd(mean[j] - source[k], second[j], d_target[k] - first[j])
        source += job.source_stride
        d_target += job.stride
        d_out += job.d_stride


cdef void batch_norm_parameters(const LayerRows* job, const real* d_target,
                                real* out) noexcept nogil:
    """Compute the gradients of kernel and bias: the sums that the gradient of the source also
    needs, and may have left."""
    cdef int64_t channels = channel_count(job.net, job.row)
    cdef real* line = <real*>job.line
    cdef real* sums = line + channels
    cdef const real* factor = NULL
    cdef const real* mean
    if not job.takes_small:
        return
    if job.flags & FLAG_SOURCE and job.row.source > 0 and uses_batch(job.batch, job.row):
        sums = batch_room(job.net, job.row, <real>0) + 3 * channels
    else:
        mean = means_and_factors(job, line, &factor)
        batch_slopes(job, d_target, mean, factor, sums)
    if job.row.kernel >= 0:
        copy_row(channels, <const real*>sums + channels, out + job.row.kernel)
        add_shared(job, job.row.kernel, channels, <const real*>out)
    if job.row.bias >= 0:
        copy_row(channels, <const real*>sums, out + job.row.bias)
        add_shared(job, job.row.bias, channels, <const real*>out)


cdef int move_moments(const Network* net, const real* x) noexcept nogil:
    """Move the lasting moments towards those of the batch of the last forward pass.

    STATUS_UPDATE if one would not be finite; it keeps its value. x selects the type.
    """
    cdef int status = STATUS_FINE
    cdef const Row* row
    cdef const real* room
    cdef real* state
    cdef real moved, momentum, rest
    cdef int64_t i, j
    for i in range(net.row_count):
        row = &net.rows[i]
        if row.op != OP_BATCH_NORM or row.kind != MOMENTS_BATCH:
            continue
        room = batch_room(net, row, <real>0)
        state = <real*>net.parameters + row.state
        momentum = <real>net.settings[row.settings + 1]
        rest = <real>(1 - net.settings[row.settings + 1])
        for j in range(2 * channel_count(net, row)):
            moved = fmadd(state[j], momentum, room[j] * rest)
            if is_finite(moved):
                state[j] = moved
            else:
                status = STATUS_UPDATE
    return status
