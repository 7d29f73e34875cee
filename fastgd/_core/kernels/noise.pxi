# Layers of random numbers: dropout and normal noise, active in training only.
#
# The random bits of an element are a function of the batch's key, the row's stream, the row of the
# batch and the column alone: nothing is stored, and neither threads nor vectors matter. SplitMix64
# (see random.pxd) gives each row of the batch a word of 64 bits; a column's 32 bits are its number
# plus one half of the word, passed through the finalizer "triple32", in which the other half is
# combined before the last round. C. Wellons, "Prospecting for hash functions", 2018, found the
# constants by search for least bias.
#
# settings: stream, then
#   NOISE_MASK      threshold, scale, shift, rest, whether all rows share one, columns ...
#                   target = scale source + shift where bits >= threshold (of 24), else rest;
#                   columns: whose bits each column takes, where some share theirs, else nothing
#   NOISE_ADDED     standard deviation; target = source + deviation normal
#   NOISE_FACTOR    standard deviation; target = source (1 + deviation normal)

cdef enum:
    MASK_SETTINGS = 7       # numbers before the columns, from the stream to whether there are any


cdef inline uint32_t noise_bits(uint32_t column, uint64_t word) noexcept nogil:
    """Return 32 random bits."""
    cdef uint32_t z = column + <uint32_t>word
    z = (z ^ (z >> 17)) * <uint32_t>0xED5AD4BB
    z = (z ^ (z >> 11)) * <uint32_t>0xAC4C1B51
    z = z ^ <uint32_t>(word >> 32)
    z = (z ^ (z >> 15)) * <uint32_t>0x31848BAB
    return z ^ (z >> 14)


cdef inline void mask_row(const bint shared, int64_t width, uint64_t word, const double* settings,
                          const real* source, real* target, real* keep) noexcept nogil:
    """Apply NOISE_MASK to a row. keep: out, the slopes."""
    cdef int32_t threshold = <int32_t>settings[1]
    cdef real scale = <real>settings[2], shift = <real>settings[3], rest = <real>settings[4]
    cdef uint32_t column
    cdef bint kept
    cdef int64_t j
    for j in range(width):
        if shared:
            column = <uint32_t><int64_t>settings[MASK_SETTINGS + j]
        else:
            column = <uint32_t>j
        kept = <int32_t>(noise_bits(column, word) >> 8) >= threshold
        target[j] = select(kept, fmadd(source[j], scale, shift), rest)
        keep[j] = select(kept, scale, <real>0)


cdef inline void normal_pair(uint32_t radius_bits, uint32_t angle_bits, real* first,
                             real* second) noexcept nogil:
    """Draw two independent normal numbers: sqrt(-2 log u) times cosine and sine of a random angle.

    G. E. P. Box, M. E. Muller, "A note on the generation of random normal deviates", 1958. The
    upper 24 bits of each word count; those of the angle place it within (-pi/4, pi/4), and two
    lower ones choose among the four quarters of the circle. Both series are Taylor's.
    """
    cdef real u = <real>(<int32_t>(radius_bits >> 8) + 1) * <real>5.960464477539063e-08
    cdef real radius = square_root(<real>-2 * logarithm(u))
    cdef real angle = ((<real>(<int32_t>(angle_bits >> 8) - 8388608) + <real>0.5)
                       * <real>9.362675707309822e-08)
    cdef real z = angle * angle, sine, cosine
    cdef bint swaps = angle_bits & 1
    if real is float:
        sine = <real>(-1.0 / 39916800.0)
        cosine = <real>(-1.0 / 3628800.0)
    else:
        sine = <real>(1.0 / 355687428096000.0)
        sine = fmadd(sine, z, <real>(-1.0 / 1307674368000.0))
        sine = fmadd(sine, z, <real>(1.0 / 6227020800.0))
        sine = fmadd(sine, z, <real>(-1.0 / 39916800.0))
        cosine = <real>(1.0 / 20922789888000.0)
        cosine = fmadd(cosine, z, <real>(-1.0 / 87178291200.0))
        cosine = fmadd(cosine, z, <real>(1.0 / 479001600.0))
        cosine = fmadd(cosine, z, <real>(-1.0 / 3628800.0))
    sine = fmadd(sine, z, <real>(1.0 / 362880.0))
    sine = fmadd(sine, z, <real>(-1.0 / 5040.0))
    sine = fmadd(sine, z, <real>(1.0 / 120.0))
    sine = fmadd(sine, z, <real>(-1.0 / 6.0))
    sine = fmadd(angle * z, sine, angle)
    cosine = fmadd(cosine, z, <real>(1.0 / 40320.0))
    cosine = fmadd(cosine, z, <real>(-1.0 / 720.0))
    cosine = fmadd(cosine, z, <real>(1.0 / 24.0))
    cosine = fmadd(cosine, z, <real>-0.5)
    cosine = fmadd(z, cosine, <real>1)
    radius = select((angle_bits & 2) != 0, -radius, radius)
    first[0] = radius * select(swaps, sine, cosine)
    second[0] = radius * select(swaps, cosine, sine)


cdef inline void normal_row(int64_t width, uint64_t word, real* z) noexcept nogil:
    """Fill z with normal numbers. Pair p fills the places p and half + p."""
    cdef int64_t half = (width + 1) // 2
    cdef real rest
    cdef int64_t p
    for p in range(width - half):
        normal_pair(noise_bits(<uint32_t>p, word), noise_bits(<uint32_t>(half + p), word),
                    &z[p], &z[half + p])
    if width - half < half:
        p = half - 1
        normal_pair(noise_bits(<uint32_t>p, word), noise_bits(<uint32_t>(half + p), word),
                    &z[p], &rest)


cdef void noise_forward(const LayerRows* job, const real* source, real* target) noexcept nogil:
    cdef const double* settings = job.settings
    cdef int64_t width = job.width
    cdef real* keep
    cdef real deviation = <real>settings[1]
    cdef uint64_t key, word
    cdef int64_t i, j
    if not job.batch.training:
        copy_columns(job.rows, width, source, job.source_stride, target, job.stride)
        return
    keep = kept_rows(job, <real>0)
    key = draw(job.batch.key, <uint64_t><int64_t>settings[0])
    for i in range(job.rows):
        word = draw(key, job.first_row + i)
        if job.row.kind == NOISE_MASK:
            if settings[5] != 0:
                word = draw(key, 0)
            if settings[6] != 0:
                mask_row(True, width, word, settings, source, target, keep)
            else:
                mask_row(False, width, word, settings, source, target, keep)
        else:
            normal_row(width, word, keep)
            if job.row.kind == NOISE_ADDED:
                for j in range(width):
                    target[j] = fmadd(deviation, keep[j], source[j])
            else:
                for j in range(width):
                    keep[j] = fmadd(deviation, keep[j], <real>1)
                    target[j] = source[j] * keep[j]
        source += job.source_stride
        target += job.stride
        keep += job.stride


cdef void noise_gradient(const LayerRows* job, const real* d_target, real* d_out) noexcept nogil:
    cdef int64_t width = job.width
    cdef const real* keep
    cdef int64_t i, j
    if not job.batch.training or job.row.kind == NOISE_ADDED:
        copy_columns(job.rows, width, d_target, job.stride, d_out, job.d_stride)
        return
    keep = kept_rows(job, <real>0)
    for i in range(job.rows):
        for j in range(width):
            d_out[j] = d_target[j] * keep[j]
        d_target += job.stride
        keep += job.stride
        d_out += job.d_stride
