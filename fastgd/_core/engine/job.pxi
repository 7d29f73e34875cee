# A training job: the data, the steps and the optimizer's state, as Python passes them.

NUMBERS = float, int, numpy.floating, numpy.integer


cdef class Stream:
    """Hold a seed and the number of keys drawn from it: each round over the rows takes one.

    Attributes
    ----------
    seed : int
        64 bits.
    count : int
        The keys drawn so far.
    """

    cdef public uint64_t seed
    cdef public int64_t count

    def __init__(self, seed, count=0):
        self.seed = PyLong_AsUnsignedLongLongMask(seed)
        self.count = count

    cpdef uint64_t next(self):
        """Draw the next key."""
        self.count += 1
        return draw(self.seed, self.count - 1)


# The epochs of a job that are to be trained, and the random numbers that they take.
cdef struct Epochs:
    bint draws              # a key for each from a stream; else all have the span's
    uint64_t seed           # of the stream
    int64_t count           # the keys drawn so far
    int64_t epochs, done
    int64_t totals_size
    int64_t together        # rows that stay together in the order
    Span* span              # of the steps of one epoch, for the team that trains them
    bint goes_on            # to another epoch


cdef void draw_order(const NetworkKernels* kernels, uint64_t key, int64_t n, int64_t together,
                     int64_t* order) noexcept nogil:
    """Set order to a random one of n rows in which `together` neighbours stay together.

    Rows that are left over stay last, so that the steps of an epoch are still those groups.
    """
    cdef int64_t groups = n // together, i, j, first
    kernels.permute(key, groups, order)
    if together == 1:
        return
    for i in range(groups - 1, -1, -1):  # from the end: order[i] is read before it is set
        first = order[i] * together
        for j in range(together):
            order[i * together + j] = first + j
    for i in range(groups * together, n):
        order[i] = i


cdef class Job:
    """Describe training for ``Program.train``, and how far it has come.

    Parameters
    ----------
    x, y : ndarray, shapes (n, inputs) and (m, targets)
    batch_size : int
    rows : ndarray of int64, shape (m,), optional
        The row of x that belongs to each row of y; by default they are all the rows of x.
    order : ndarray of int64, shape (m,), optional
        Room for the order of the rows, drawn at step 0 of each epoch; None keeps their order.
    together : int
        So many rows in a row stay together and in order, see draw_order.

    Attributes
    ----------
    stream : Stream or None
        Draws the key of each epoch, at its step 0; None gives all epochs `key`.
    key : int
        The key of an epoch's random numbers.
    step, last : int
        The next step, and the step to stop before.
    epochs, done : int
        The number of epochs of the steps 0 ... last - 1, and the number of those that are done.
    rates : ndarray of float64, shape (1,) or (last,)
        The learning rate, or that of each step.
    state : fastgd.optimizers.State
        Changed in place.
    totals : ndarray of float64, shape (epochs, plan.totals_size), or one row of it
        Each epoch adds to its row, see scores.pxi.
    seconds : float
        The time after which to return, about, even if steps are left.
    threads : int
        The number of threads; it changes no bit.
    private : PrivateSteps, optional
        Draws the rows of each step at random, clips their gradients, and adds noise.
    shards : int
        The chunks of rows that each batch is cut into; 0 for as many as the shapes say.
    ranks : StepExchange, optional
        Of the ranks that share the chunks of each step.
    """

    cdef public PrivateSteps private
    cdef public StepExchange ranks
    cdef public np.ndarray x, y, rows, order, rates, totals
    cdef public Stream stream
    cdef public uint64_t key
    cdef public int64_t batch_size, together, step, last, epochs, done, threads
    cdef public int64_t shards
    cdef public double seconds
    cdef object optimizer_state
    cdef Optimizer optimizer
    cdef const NetworkKernels* kernels      # for which `optimizer` was unpacked, or NULL

    def __init__(self, x, y, batch_size, rows=None, order=None, together=1):
        self.x, self.y, self.rows, self.order = x, y, rows, order
        self.batch_size, self.together = batch_size, together
        self.last = self.epochs = self.threads = 1
        self.seconds = FOR_EVER

    @property
    def state(self):
        return self.optimizer_state

    @state.setter
    def state(self, state):
        self.optimizer_state = state
        self.kernels = NULL

    cdef fill(self, Span* span, const NetworkKernels* kernels):
        """Fill in a span of training; the job keeps its arrays alive."""
        cdef int axis
        if self.kernels != kernels:
            self.optimizer = unpacked(kernels, self.optimizer_state)
            self.kernels = kernels
        span.kind = TRAIN
        span.kernels = kernels
        span.x = address(self.x)
        span.y = address(self.y)
        span.rows = np.PyArray_DIM(self.y, 0)
        span.key = self.key
        span.batch_size = self.batch_size
        span.order = NULL if self.order is None else <int64_t*>address(self.order)
        span.places = places_of(self.rows)
        span.rates = <const double*>address(self.rates)
        span.one_rate = np.PyArray_DIM(self.rates, 0) == 1
        span.optimizer = &self.optimizer
        span.step = self.step
        span.last_step = self.last
        axis = np.PyArray_NDIM(self.totals) - 1
        span.totals = (
            <double*>address(self.totals) + self.done * np.PyArray_DIM(self.totals, axis))
        span.status = STATUS_FINE
        span.privacy = NULL
        span.shards = self.shards
        span.ranks = NULL if self.ranks is None else &self.ranks.parts
        if self.private is not None:
            self.private.fill(span)

    cdef fill_epochs(self, Epochs* run):
        """Say which epochs are to be trained."""
        run.draws = self.stream is not None
        if run.draws:
            run.seed, run.count = self.stream.seed, self.stream.count
        run.epochs, run.done, run.together = self.epochs, self.done, self.together
        run.totals_size = np.PyArray_DIM(self.totals, np.PyArray_NDIM(self.totals) - 1)

    cdef take_progress(self, const Span* span, const Epochs* run):
        """Note how far a call has come."""
        self.step, self.done, self.key = span.step, run.done, span.key
        if run.draws:
            self.stream.count = run.count
        if self.private is not None:
            self.private.take_progress(span)


cdef class OnlineJob(Job):
    """Train a program on one batch at a time: a Job of one step, whose fields are kept.

    Parameters
    ----------
    program : Program
        With one input, one loss without weights, no user-defined functions.
    totals_size : int
    target_range : (float, float)
        The lowest and the highest valid target.
    classes : int
        The number of classes if targets are class numbers, else 0.
    only_loss : bool
        Whether the loss is the only value to return.
    failed : function of (Status)
        Makes the error for a failed step.
    """

    cdef Program program
    cdef double low, high
    cdef int64_t classes
    cdef bint only_loss
    cdef object failed
    cdef np.ndarray one_target

    def __init__(self, Program program, totals_size, target_range, classes, only_loss, failed):
        super().__init__(None, None, 0)
        self.program = program
        self.totals = numpy.zeros(totals_size)
        self.low, self.high = target_range
        self.classes = classes
        self.only_loss = only_loss
        self.failed = failed
        self.one_target = numpy.zeros((1, 1), program.layout.dtype)

    def run(self, x, y, bint validate=True, bint one_row=False, renew=None, names=None,
            unknown="raise"):
        """Take one step on a batch, or on one row if `one_row` permits it.

        renew: a function that is called before the step, to set `state` and `rates`. names and
        unknown: of a row that is plain, see plain_row.

        Returns
        -------
        float, ndarray or None
            The loss before the step, or the totals where there are other values. None, with no
            effect, for data that must first be converted or are to be refused. Without `validate`
            the numbers are not checked.
        """
        cdef Network* net = self.program.net
        cdef int type_number = type_number_of(net)
        if one_row and not (type(x) is np.ndarray and np.PyArray_TYPE(x) == type_number):
            x = plain_row_of(x, names, net.width[0], type_number, unknown)
            if x is None:
                return None
        with self.program.in_turn():
            if not self.take(x, y, validate, one_row):
                return None
            if renew is not None:
                renew()
            np.PyArray_FILLWBYTE(self.totals, 0)
            self.step = self.done = 0
            status = self.program.train_in_turn(self)
            if status != STATUS_FINE:
                raise self.failed(status)
            return self.program.loss_of(self.totals) if self.only_loss else self.totals.copy()

    cdef bint take(self, x, y, bint validate, bint one_row) except -1:
        """Take x and y as the batch, if the program can read them as they are."""
        cdef Network* net = self.program.net
        cdef int64_t rows = 1
        cdef np.npy_intp columns = net.target_width, size
        if not is_matrix(x, net.single, net.width[0], one_row, &rows):
            return False
        if type(y) is not np.ndarray:
            if not (one_row and columns == 1 and rows == 1 and isinstance(y, NUMBERS)):
                return False
            self.take_target(y)
            y = self.one_target
        elif columns == 1 and np.PyArray_NDIM(<np.ndarray>y) == 1:
            size = np.PyArray_SIZE(<np.ndarray>y)
            if not is_matrix(y, net.single, size, True, NULL) or size != rows:
                return False
        elif not is_matrix(y, net.single, columns, one_row, NULL):
            return False
        elif np.PyArray_SIZE(<np.ndarray>y) != rows * columns:
            return False
        if validate and not self.is_valid(x, y):
            return False
        self.x, self.y, self.batch_size = x, y, rows
        return True

    cdef fill(self, Span* span, const NetworkKernels* kernels):
        Job.fill(self, span, kernels)
        span.rows = self.batch_size  # a single row may be one-dimensional

    cdef take_target(self, y):
        if self.program.net.single:
            (<float*>address(self.one_target))[0] = <float><double>y
        else:
            (<double*>address(self.one_target))[0] = y

    cdef bint is_valid(self, np.ndarray x, np.ndarray y):
        """Return whether all numbers are finite and all targets valid."""
        cdef const NetworkKernels* kernels = self.program.kernels
        return (kernels.all_finite(np.PyArray_SIZE(x), address(x))
                and kernels.all_between(np.PyArray_SIZE(y), address(y), self.low, self.high,
                                        self.classes))


cdef bint is_matrix(x, bint single, np.npy_intp columns, bint one_row, int64_t* rows):
    """Return whether x is a matrix that the program can read as it is, or a row of one."""
    cdef np.ndarray a
    if type(x) is not np.ndarray:
        return False
    a = x
    if not (np.PyArray_TYPE(a) == (np.NPY_FLOAT if single else np.NPY_DOUBLE)
            and np.PyArray_ISCARRAY_RO(a) and np.PyArray_ISNOTSWAPPED(a)):
        return False
    if one_row and np.PyArray_NDIM(a) == 1:
        return np.PyArray_DIM(a, 0) == columns
    if np.PyArray_NDIM(a) != 2 or np.PyArray_DIM(a, 1) != columns or np.PyArray_DIM(a, 0) == 0:
        return False
    if rows != NULL:
        rows[0] = np.PyArray_DIM(a, 0)
    return True
