# The samples of private training: in each step each row takes part with the same probability,
# whatever else happens ("Poisson sampling").
#
# The trials of all rows in all steps of an epoch stand in one line, and the line is walked by the
# gaps between successes, so that time goes with the rows drawn: a gap is at least k with
# probability (1 - rate)^k, that is, where u <= (1 - rate)^k or log(u) / log(1 - rate) >= k.
# L. Devroye, "Non-uniform random variate generation", 1986, section X.2. u has 53 bits: no
# probability is wrong by more than 2^-53, besides roundings.

cdef enum:
    GAPS = 128              # that are drawn at once


cdef void draw_gaps(const PoissonSample* job, double log_rest, int64_t bunch,
                    double* gaps) noexcept nogil:
    """Draw the gaps of a bunch, not yet rounded down. 2^61 is beyond the end of every line."""
    cdef uint32_t[BLOCK_WORDS * BLOCKS] w
    cdef double u, gap
    cdef int i
    chacha(PRIVATE_ROUNDS, job.key,
           (<uint64_t>SAMPLE_STREAM << STREAM_SHIFT) + <uint64_t>bunch * BLOCKS, job.epoch, w)
    for i in range(128):
        u = unit_number(w[i], w[i + 128])
        gap = log_of_parts(exponent_part(u), mantissa_part(u) - <double>1) / log_rest
        gaps[i] = select(gap < 2.0**61, gap, 2.0**61)


cdef void draw_sample(const PoissonSample* job) noexcept nogil:
    """Fill `starts` and `order` of a job."""
    cdef double[GAPS] gaps
    cdef double log_rest = log_one_plus(-job.rate)
    # a compiler that looked them up in the job would do so after each number it writes
    cdef int64_t n = job.n, steps = job.steps, most = job.most, room = job.room
    cdef int64_t* starts = job.starts
    cdef int64_t* order = job.order
    cdef int64_t row = -1, step = 0, count = 0, full = min(most, room), bunch = 0
    cdef int i = GAPS
    starts[0] = 0
    while step < steps:
        if i == GAPS:
            draw_gaps(job, log_rest, bunch, gaps)
            bunch += 1
            i = 0
        row += 1 + <int64_t>gaps[i]
        i += 1
        while row >= n and step < steps:
            row -= n
            step += 1
            starts[step] = count
            full = min(count + most, room)
        # rows beyond `full` are left out, in theory: see most_rows in fastgd/_engine/sampling.py
        if count < full and step < steps:
            order[count] = row
            count += 1
