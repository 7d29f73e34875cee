# A network's program: whole epochs without the interpreter.

cdef double FOR_EVER = float("inf")

cdef enum:
    LOCKED_WORK = 20000     # multiply-adds forward
    CALL_ROWS = 4096        # that user-defined functions are given at a time, if any number does

# How many forks separate this process from the first: a lock that its parent held stays locked.
cdef int64_t forks = 0


def _count_fork():
    global forks
    forks += 1


os.register_at_fork(after_in_child=_count_fork)


def fork_count():
    """Return how many forks separate this process from the first."""
    return forks


cdef class Kept:
    """Hold the arguments of `forward`, and the values of all buffers, for `backward`."""

    cdef Batch batch
    cdef np.ndarray parameters, x, values


cdef class Program:
    """Run a network: its layer table, its arrays and its scratch.

    Parameters
    ----------
    kernels : capsule
    plan : fastgd._engine.plan.Plan
        The table, the losses and the metrics.
    parameters, gradients : ndarray, shape (plan.parameter_count,)
        Flat vectors of the network's data type, with types.PADDING elements of room behind
        them. They are filled in place and never rebound.

    Notes
    -----
    Nothing is validated here: arrays are C-contiguous, of the network's data type and of the
    right shapes. The calls may come from several threads; they take turns. `threads` is the
    number of threads of a call; it changes no bit.
    """

    cdef Layout layout
    cdef Network* net           # the layout's
    cdef const NetworkKernels* kernels
    cdef Functions functions
    cdef object turn
    cdef int64_t turn_forks

    def __init__(self, kernels, plan, np.ndarray parameters, np.ndarray gradients):
        self.begin(Layout(kernels, plan, parameters, gradients))

    cdef begin(self, Layout layout):
        self.layout = layout
        self.net = &layout.net
        self.kernels = layout.kernels
        self.functions = layout.functions
        self.turn_forks = -1

    def replica(self, np.ndarray parameters, np.ndarray gradients):
        """Return this program for the parameters of another network with the same description.

        For programs without penalties and without user-defined functions.
        """
        cdef Program other = Program.__new__(Program)
        other.begin(self.layout.replica(parameters, gradients))
        return other

    @property
    def is_chain(self):
        """Whether training steps are those of a dense chain, see chain.pxi."""
        return self.net.is_chain

    def lock(self):
        """Return the lock that calls hold: while another thread has it, no weight changes."""
        self.renew_lock()
        return self.turn

    cdef renew_lock(self):
        """Make the lock anew after a fork."""
        if self.turn_forks != forks:
            self.turn = threading.RLock()
            self.turn_forks = forks

    cdef in_turn(self):
        """Return the lock that makes calls take turns."""
        self.renew_lock()
        if self.net.calls != NULL and self.turn._is_owned():
            raise EngineError(
                "a function of a model: it cannot train, evaluate or predict with that model, "
                "which is waiting for it")
        return self.turn

    cdef run(self, Span* span, double seconds, int64_t threads):
        """Run a span of evaluation or prediction over a team, see train_in_turn."""
        cdef int64_t rows = min(span.rows, span.batch_size * (span.last_step - span.step))
        span.kernels = self.kernels
        span.net = self.net
        if self.net.calls != NULL:
            threads = 1
        self.layout.reserve(min(span.batch_size, span.rows), threads)
        if rows * self.net.parameter_count <= LOCKED_WORK:
            span.deadline = FOR_EVER
            run_team(1, run_member, span)
            self.functions.raise_it()
            return
        with nogil:
            span.deadline = now() + seconds
            run_team(threads, run_member, span)
        raise_pending()
        self.functions.raise_it()

    cdef int64_t run_rows(self, Span* span, int64_t first_row, double seconds, int64_t threads,
                          int64_t call_rows):
        """Run a span of rows from first_row of x on, in blocks; return the row reached."""
        span.rows -= first_row
        if span.places != NULL:
            span.places += first_row
        else:
            span.x = <const char*>span.x + first_row * self.net.width[0] * itemsize(self.net)
        span.batch_size = BLOCK_ROWS * threads if self.net.calls == NULL else call_rows
        span.step = 0
        span.last_step = (span.rows + span.batch_size - 1) // span.batch_size
        self.run(span, seconds, threads)
        return first_row + min(span.rows, span.step * span.batch_size)

    def train(self, Job job):
        """Train as a job says, until it is done or its time is over.

        Returns
        -------
        Status
            Why it stopped. The job says where; after an exception, too.
        """
        with self.in_turn():
            return self.train_in_turn(job)

    cdef int train_in_turn(self, Job job) except -1:
        """Train as a job says, by a caller that has the lock.

        The interpreter's lock is kept for some microseconds' work: releasing it and getting it back
        may cost more.
        """
        cdef Span span
        cdef Epochs run
        cdef bint alone = self.net.calls != NULL or self.net.coupled or self.net.couples_rows
        cdef int64_t threads = 1 if alone else job.threads
        cdef int64_t steps
        job.fill(&span, self.kernels)
        job.fill_epochs(&run)
        span.net = self.net
        steps = span.last_step * (job.epochs - job.done) - span.step
        self.layout.reserve(most_rows(&span), threads, job.shards)
        if (most_rows(&span) * steps * self.net.parameter_count <= LOCKED_WORK
                and job.ranks is None):
            span.deadline = FOR_EVER
            train_epochs(&span, &run, 1)
            job.take_progress(&span, &run)
        else:
            with nogil:
                span.deadline = now() + job.seconds
                train_epochs(&span, &run, threads)
            job.take_progress(&span, &run)
            raise_pending()
        self.functions.raise_it()
        if job.ranks is not None:
            job.ranks.raise_it()
        return span.status

    def train_many(self, list replicas, double seconds):
        """Train those replicas that are not over, in turn, until all are or the time is over.

        The weights are theirs, the program's stay as they are. For programs as of `replica`.
        """
        cdef Network net
        cdef Replica replica
        cdef ReplicaRun* runs
        cdef int64_t k, begun, count
        cdef double deadline
        left = [replica for replica in replicas if not replica.over]
        room = numpy.zeros(len(left) * sizeof(ReplicaRun), numpy.uint8)
        runs = <ReplicaRun*>address(room)
        count = len(left)
        with self.in_turn():
            for k in range(count):
                replica = left[k]
                replica.fill_run(&runs[k], self.kernels)
                runs[k].held_out.kernels = runs[k].test.kernels = self.kernels
                runs[k].span.net = runs[k].held_out.net = runs[k].test.net = &net
                self.layout.reserve(replica.most_rows(), 1)
            net = self.net[0]
            with nogil:
                deadline = now() + seconds
                begun = train_replicas(runs, count, &net, deadline)
            for k in range(begun):
                replica = left[k]
                replica.take_run(&runs[k])
            raise_pending()

    cdef loss_of(self, np.ndarray totals):
        """Return the minimised loss as a mean, as ``Results.loss`` computes it."""
        cdef const double* sums = <const double*>address(totals)
        cdef double loss = sums[0] / (sums[1] if sums[1] != 0 else 1)
        cdef int64_t k
        cdef double count
        for k in range(self.net.term_count):
            count = sums[TERM_START + 2 * k + 1]
            loss += self.net.terms[k].weight * (
                sums[TERM_START + 2 * k] / (count if count != 0 else 1))
        return loss

    def evaluate(self, np.ndarray x, np.ndarray y, int64_t first_row, np.ndarray totals,
                 double seconds, int64_t threads=1, np.ndarray rows=None,
                 int64_t call_rows=CALL_ROWS):
        """Add loss and metrics of the rows from first_row on to totals; return the row reached.

        rows: the row of x that belongs to each row of y; None for all of them. call_rows: how many
        user-defined functions are given at a time.
        """
        cdef Span span
        span.kind = EVALUATE
        span.x = address(x)
        span.y = <char*>address(y) + first_row * y.strides[0]
        span.rows = y.shape[0]
        span.places = places_of(rows)
        span.out = NULL
        span.totals = <double*>address(totals)
        with self.in_turn():
            return self.run_rows(&span, first_row, seconds, threads, call_rows)

    def predict(self, np.ndarray x, np.ndarray out, int64_t first_row, double seconds,
                int64_t threads=1, np.ndarray rows=None):
        """Fill out with the outputs of the rows from first_row on; return the row reached.

        rows: the row of x that belongs to each row of out; None for all of them.
        """
        cdef Span span
        span.kind = PREDICT
        span.y = NULL
        span.x = address(x)
        span.out = <char*>address(out) + first_row * out.strides[0]
        span.rows = out.shape[0]
        span.places = places_of(rows)
        with self.in_turn():
            return self.run_rows(&span, first_row, seconds, threads, CALL_ROWS)

    def input_gradients(self, np.ndarray x, np.ndarray d_out, np.ndarray d_x, int64_t first_row,
                        double seconds, int64_t threads=1):
        """Fill d_x with the gradients of the rows of x from first_row on; return the row reached.

        d_out: the gradient of the outputs, which stand side by side, the same for all rows: so
        d_x is that of sum(d_out * outputs). Layers such as dropout are inactive.
        """
        cdef GradientSpan span
        span.path = NULL
        span.x = <const char*>address(x)
        span.d_out = address(d_out)
        span.d_x = <char*>address(d_x)
        span.row = first_row
        span.rows = x.shape[0]
        with self.in_turn():
            return run_gradients(self.layout, &span, seconds, threads)

    def path_gradients(self, tuple path, np.ndarray d_out, np.ndarray sums, int64_t first_point,
                       double seconds, int64_t threads=1):
        """Add weight times gradient, see input_gradients, of each point from first_point on to the
        sums of its line, float64 (n, width); return the point reached.

        path: (x, start, lines, places, weights). x, (n, width), and start, (width,) or (n, width),
        are the ends of n lines; lines the line of each point, int64, or None where each line has
        the same points. Point k is start + places[k] (x - start), rounded to the network's type;
        all but lines are float64.
        """
        cdef GradientSpan span
        cdef Path points
        fill_path(&points, self.net, path, sums)
        span.path = &points
        span.d_out = address(d_out)
        span.row = first_point
        span.rows = points.steps if points.lines != NULL else points.steps * sums.shape[0]
        with self.in_turn():
            return run_gradients(self.layout, &span, seconds, threads)

    cdef predict_all(self, const void* x, void* out, int64_t rows):
        """Fill outputs from and to plain memory, in this thread."""
        cdef Span span
        span.kind = PREDICT
        span.y = NULL
        span.x = x
        span.out = out
        span.rows = rows
        span.places = NULL
        with self.in_turn():
            self.run_rows(&span, 0, FOR_EVER, 1, CALL_ROWS)

    def gradients(self, np.ndarray x, np.ndarray y, np.ndarray totals, key=0):
        """Fill the flat gradients with those of the objective over all rows of x: return a Status.

        key: of random numbers; totals is added to, as in train.
        """
        cdef Batch batch = batch_of(x, True, key)
        cdef double* sums = <double*>address(totals)
        cdef int status
        batch.y = address(y)
        with self.in_turn():
            self.layout.reserve(batch.rows, 1)
            with nogil:
                status = gradients_of(self.kernels, self.net, &batch, sums)
            raise_pending()
            self.functions.raise_it()
        return status

    def row_norms(self, np.ndarray x, np.ndarray y, np.ndarray norms, key=0, clip=None):
        """Fill norms, float64 (n,), with the norm of the gradient of each row's own loss.

        key: of random numbers. With clip, the flat gradients become the sum over the rows of
        min(1, clip / norm) times the row's gradient, without rows whose norm is not finite.
        """
        cdef Batch batch = batch_of(x, True, key)
        batch.y = address(y)
        with self.in_turn():
            fill_norms(self.layout, &batch, norms, clip)

    def penalty(self):
        """Return the sum of the penalties on the parameters, without the shared ones."""
        cdef double total
        with self.in_turn():
            self.layout.reserve(0, 1)
            with nogil:
                total = self.kernels.penalty_value(
                    &self.net.penalties, 0, self.net.parameters, self.net.scratch)
        return total

    def forward(self, np.ndarray parameters, np.ndarray x, np.ndarray out, bint training=False,
                key=0):
        """Fill out with the outputs for x under `parameters`; return the argument of backward.

        In training the moments that batch normalisations keep move on, in the program's own
        parameters.
        """
        cdef Network net = self.net[0]
        cdef Kept kept = Kept.__new__(Kept)
        kept.batch = batch_of(x, training, key)
        kept.parameters, kept.x = parameters, x
        kept.values, _ = self.layout.room_for_buffers(kept.batch.rows)
        scratch = numpy.zeros(net.scratch_size, numpy.uint8)
        net.capacity = kept.batch.rows
        net.parameters = address(parameters)
        net.values = address(kept.values)
        net.scratch = address(scratch)
        cdef void* out_data = address(out)
        with nogil:
            outputs_of(self.kernels, &net, &kept.batch, out_data)
            net.parameters = self.net.parameters
            if training and net.coupled:
                self.kernels.move_moments(&net, kept.batch.x)
        self.functions.raise_it()
        return kept

    def backward(self, Kept kept, np.ndarray d_out, np.ndarray gradients, np.ndarray d_x):
        """Fill gradients and, unless None, d_x from the gradient of the outputs.

        kept: the result of forward.
        """
        cdef Network net = self.net[0]
        _, deltas = self.layout.room_for_buffers(kept.batch.rows)
        chunks = self.layout.room_for_chunks(kept.batch.rows)
        scratch = numpy.zeros(net.scratch_size, numpy.uint8)
        net.capacity = kept.batch.rows
        net.parameters = address(kept.parameters)
        net.gradients = address(gradients)
        net.values = address(kept.values)
        net.deltas = address(deltas)
        net.chunks = address(chunks)
        net.scratch = address(scratch)
        cdef void* d_out_data = address(d_out)
        cdef void* d_x_data = NULL if d_x is None else address(d_x)
        with nogil:
            backward_from(self.kernels, &net, &kept.batch, d_out_data, d_x_data)
        self.functions.raise_it()
