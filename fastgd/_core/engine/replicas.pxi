# Many networks of one description, trained one after the other without the interpreter.

# A replica in a call: `held_out` and `test` have 0 rows where there are none.
cdef struct ReplicaRun:
    Span span, held_out, test
    Epochs run
    void* parameters
    double seconds


cdef fill_evaluation(Span* span, Job job, np.ndarray totals, int64_t done):
    """Fill in a span of evaluation of all rows of a job; totals is a row for each epoch."""
    span.kind = EVALUATE
    span.rows = 0
    if job is not None:
        span.x = address(job.x)
        span.y = address(job.y)
        span.rows = job.y.shape[0]
        span.places = places_of(job.rows)
        span.batch_size = BLOCK_ROWS
        span.last_step = (span.rows + BLOCK_ROWS - 1) // BLOCK_ROWS
        span.totals = <double*>address(totals) + done * totals.shape[totals.ndim - 1]
        span.deadline = FOR_EVER


cdef class Replica(Job):
    """Train one of many networks with the same description, see ``Program.train_many``.

    Parameters
    ----------
    job : Job
        The data, and the state of an optimizer: its settings; also `rates`, `last`, `epochs`.
    numbers : (parameters, slots, stream, iterations)
        The network's own; iterations is an array of one number.
    totals_size : int

    Attributes
    ----------
    status : Status
    held_out, test : Job, optional
        Rows to evaluate after each epoch, and after the last one. They add to
        ``held_out_totals`` (a row for each epoch) and to ``test_totals``.
    spent : float
        The seconds that its training took.
    """

    cdef readonly object numbers
    cdef readonly np.ndarray held_out_totals, test_totals
    cdef readonly int status
    cdef readonly double spent
    cdef Job held_out, test
    cdef np.ndarray parameters, slots, iterations

    def __init__(self, Job job, numbers, totals_size, Job held_out=None, Job test=None):
        super().__init__(job.x, job.y, job.batch_size, job.rows, job.order, job.together)
        self.state, self.rates = job.state, job.rates
        self.last, self.epochs = job.last, job.epochs
        self.numbers = numbers
        self.parameters, self.slots, self.stream, self.iterations = numbers
        self.totals = numpy.zeros((job.epochs, totals_size))
        self.held_out, self.test = held_out, test
        if held_out is not None:
            self.held_out_totals = numpy.zeros((job.epochs, totals_size))
        if test is not None:
            self.test_totals = numpy.zeros(totals_size)

    @property
    def over(self):
        """Whether its training has ended, well or not."""
        return self.status != STATUS_FINE or self.done >= self.epochs

    cdef fill(self, Span* span, const NetworkKernels* kernels):
        Job.fill(self, span, kernels)
        self.optimizer.slots = address(self.slots)
        self.optimizer.slot_size = self.slots.strides[0] // self.slots.itemsize
        self.optimizer.iterations = <int64_t*>address(self.iterations)

    cdef fill_run(self, ReplicaRun* run, const NetworkKernels* kernels):
        """Fill in all that a call needs to go on."""
        self.fill(&run.span, kernels)
        self.fill_epochs(&run.run)
        fill_evaluation(&run.held_out, self.held_out, self.held_out_totals, self.done)
        fill_evaluation(&run.test, self.test, self.test_totals, 0)
        run.parameters = address(self.parameters)

    cdef take_run(self, const ReplicaRun* run):
        """Note how far a call has come."""
        self.take_progress(&run.span, &run.run)
        self.status = run.span.status
        self.spent += run.seconds

    cdef int64_t most_rows(self):
        """Return the most rows of a batch or a block to evaluate."""
        cdef int64_t rows = min(self.batch_size, self.y.shape[0])
        cdef bint evaluates = self.held_out is not None or self.test is not None
        return max(rows, <int64_t>BLOCK_ROWS) if evaluates else rows


cdef void evaluate_replica(Span* span, int64_t totals_size) noexcept nogil:
    """Evaluate all rows of a span, if there are any; the next time into the next row of totals."""
    if span.rows == 0:
        return
    span.step = 0
    run_team(1, run_member, span)
    span.totals += totals_size


cdef bint train_replica(ReplicaRun* replica) noexcept nogil:
    """Train until all epochs are done, trouble or the deadline; return whether it has ended."""
    cdef Epochs* run = &replica.run
    cdef Span* span = &replica.span
    cdef int64_t epochs = run.epochs
    cdef double begun = now()
    while run.done < epochs and span.status == STATUS_FINE:
        if replica.held_out.rows > 0:
            run.epochs = run.done + 1
        train_epochs(span, run, 1)
        if run.done < run.epochs:
            break
        evaluate_replica(&replica.held_out, run.totals_size)
        if run.done < epochs:
            span.step = 0
            if replica.held_out.rows > 0:
                span.totals += run.totals_size
                if now() > span.deadline:
                    break
    run.epochs = epochs
    if run.done == epochs:
        evaluate_replica(&replica.test, run.totals_size)
    replica.seconds = now() - begun
    return run.done == epochs or span.status != STATUS_FINE


cdef int64_t train_replicas(ReplicaRun* replicas, int64_t count, Network* net,
                            double deadline) noexcept nogil:
    """Train one replica after the other, until the deadline; return how many were begun."""
    cdef int64_t i = 0
    while i < count and (i == 0 or now() < deadline):
        net.parameters = replicas[i].parameters
        replicas[i].span.deadline = deadline
        i += 1
        if not train_replica(&replicas[i - 1]):
            break
    return i
