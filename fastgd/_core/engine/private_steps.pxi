# Private steps: the rows that an epoch's steps take, and what becomes of the sum of their clipped
# gradients. The norms are those of private_norms.pxi, the random numbers those of
# private_noise.pxi and private_sample.pxi.

cdef int64_t NOT_DRAWN = -(<int64_t>1 << 62)


cdef class PrivateSteps:
    """Hold what the steps of a private training need beside a Job.

    Parameters
    ----------
    clip : float
        The largest norm of a row's gradient.
    deviation : float
        Of the noise in the sum of the clipped gradients.
    batch_size, rows : int
        Each of the rows is in a step with probability batch_size / rows.
    keys : ndarray of uint32, shape (2, 8)
        Of the noise and of the sample.
    trained : ndarray of int64, shape (k, 2)
        Begin and end of the parameters that have gradients, ascending.
    most, room : int
        Bounds of the rows of a step, and of an epoch, see ``fastgd._engine.sampling``.

    Attributes
    ----------
    count : int
        The steps that were taken under these keys, the failed ones too. It is the number of the
        next one, and no number comes twice.
    steps : int
        Of an epoch.
    """

    cdef Privacy privacy
    cdef readonly np.ndarray keys, trained, starts, order  # see PoissonSample
    cdef public int64_t count
    cdef readonly double clip, deviation, rate
    cdef readonly int64_t batch_size, rows, steps, most

    def __init__(self, double clip, double deviation, int64_t batch_size, int64_t rows,
                 np.ndarray keys, np.ndarray trained, int64_t most, int64_t room):
        self.clip, self.deviation, self.batch_size, self.rows = clip, deviation, batch_size, rows
        self.rate = <double>batch_size / <double>rows
        self.steps = (rows + batch_size - 1) // batch_size
        self.keys, self.trained = keys, trained
        self.starts = numpy.zeros(self.steps + 1, numpy.int64)
        self.order = numpy.zeros(room, numpy.int64)
        self.privacy.clip, self.privacy.deviation = clip, deviation
        self.privacy.divisor = batch_size
        self.privacy.noise_key = <const uint32_t*>address(keys)
        self.privacy.drawn = NOT_DRAWN
        self.privacy.sample.key = self.privacy.noise_key + 8
        self.privacy.sample.rate, self.privacy.sample.n = self.rate, rows
        self.privacy.sample.steps = self.steps
        self.most = most
        self.privacy.sample.most, self.privacy.sample.room = most, room
        self.privacy.sample.starts = <int64_t*>address(self.starts)
        self.privacy.sample.order = <int64_t*>address(self.order)
        self.privacy.sample.order = <int64_t*>address(self.order)
        self.privacy.trained = <const int64_t*>address(trained)
        self.privacy.trained_count = trained.shape[0]

    cdef fill(self, Span* span):
        """Fill in what a span of training takes, from its step on."""
        self.privacy.first = self.count - span.step
        span.privacy = &self.privacy
        span.order = self.privacy.sample.order

    cdef take_progress(self, const Span* span):
        """Count the steps that a span has taken."""
        self.count = self.privacy.first + span.step + (span.status != STATUS_FINE)


cdef int64_t most_rows(const Span* span) noexcept nogil:
    """Return how many rows a step may have."""
    if span.privacy != NULL:
        return span.privacy.sample.most
    return min(span.rows, span.batch_size)


cdef void draw_rows(Span* span) noexcept nogil:
    """Draw the rows of an epoch's steps, unless they were drawn by an earlier call."""
    cdef Privacy* privacy = span.privacy
    if privacy.drawn == privacy.first:
        return
    privacy.drawn = privacy.first
    privacy.sample.epoch = privacy.first
    span.kernels.draw_sample(&privacy.sample)


cdef void clear(const Network* net, int64_t begin, int64_t end) noexcept nogil:
    """Set a member's gradients to 0, for a batch without rows."""
    memset(<void*>element(net, net.gradients, begin), 0, (end - begin) * itemsize(net))


cdef void finish_sum(const NetworkKernels* kernels, const Network* net, const Privacy* privacy,
                     int64_t at, int64_t begin, int64_t end) noexcept nogil:
    """Add noise to a member's share of the sum of clipped gradients, and divide it."""
    cdef int64_t i, first, last
    for i in range(privacy.trained_count):
        first = max(begin, privacy.trained[2 * i])
        last = min(end, privacy.trained[2 * i + 1])
        if first < last:
            kernels.add_noise(
                privacy.noise_key, privacy.first + at, privacy.deviation, privacy.divisor, first,
                last, net.gradients)
