# A job of training: the data, the steps, and the optimizer's state, as Python hands them over.

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


cdef class Job:
    """Describe training for ``Program.train``, and how far it has come.

    Parameters
    ----------
    x, y : ndarray, shapes (n, inputs) and (m, targets)
    batch_size : int
    rows : ndarray of int64, shape (m,), optional
        The row of x that belongs to each row of y; by default they are all the rows of x.
    order : ndarray of int64, shape (m,), optional
        Room for the order of the rows, which is drawn at step 0 of each epoch; without it the
        rows keep their order.

    Attributes
    ----------
    stream : Stream or None
        Gives the key of each epoch, at its step 0; without one all epochs take `key`.
    key : int
        What the random numbers of an epoch come from.
    step, last : int
        The step to go on from, and the one to stop before.
    epochs, done : int
        How many times steps 0 ... last - 1 are to be done, and how many times they are.
    rates : ndarray of float64, shape (1,) or (last,)
        The learning rate, or that of each step.
    state : fastgd.optimizers.State
        Changed in place.
    totals : ndarray of float64, shape (epochs, plan.totals_size), or one row of it
        Each epoch adds to its row, see scores.pxi.
    seconds : float
        Return after about this time, whatever is left.
    threads : int
        How many to use; it changes no bit.
    """

    cdef public np.ndarray x
    cdef public np.ndarray y
    cdef public np.ndarray rows
    cdef public np.ndarray order
    cdef public np.ndarray rates
    cdef public np.ndarray totals
    cdef public Stream stream
    cdef public uint64_t key
    cdef public int64_t batch_size
    cdef public int64_t step
    cdef public int64_t last
    cdef public int64_t epochs
    cdef public int64_t done
    cdef public int64_t threads
    cdef public double seconds
    cdef object optimizer_state
    cdef Optimizer optimizer
    cdef const NetworkKernels* kernels      # that `optimizer` was unpacked for, or NULL

    def __init__(self, x, y, batch_size, rows=None, order=None):
        self.x, self.y, self.rows, self.order = x, y, rows, order
        self.batch_size = batch_size
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


cdef class OnlineJob(Job):
    """Train a program on one batch at a time: a Job of one step, whose fields are kept.

    Parameters
    ----------
    program : Program
        With one input, one loss without weights, no functions of the user's.
    totals_size : int
    target_range : (float, float)
        What targets may be.
    classes : int
        Their number where targets are class numbers, else 0.
    only_loss : bool
        Whether the loss is the only value that is asked for.
    failed : function of (Status)
        Makes the error for a step that fails.
    """

    cdef Program program
    cdef double low
    cdef double high
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

    def run(self, x, y, bint validate=True, bint one_row=False, renew=None):
        """Take one step on a batch, or on one row where `one_row` says that it may be.

        renew: a function that is called before the step, to set `state` and `rates`.

        Returns
        -------
        float, ndarray or None
            The loss before the step, or the totals where there are other values. None, and
            nothing has happened, for what has to be prepared first, or is to be refused. Without
            `validate` the numbers are not looked at.
        """
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
        cdef np.npy_intp columns = net.target_width
        cdef np.npy_intp size
        if not is_matrix(x, net.single, net.width[0], one_row, &rows):
            return False
        if type(y) is not np.ndarray:
            if not (one_row and columns == 1 and rows == 1 and isinstance(y, NUMBERS)):
                return False
            self.take_target(y)
            y = self.one_target
        elif columns == 1 and np.PyArray_NDIM(<np.ndarray>y) == 1:
            size = np.PyArray_SIZE(<np.ndarray>y)
            if not is_matrix(y, net.single, size, True, NULL):
                return False
            if size != rows:
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
        span.rows = self.batch_size  # a row may come without an axis of rows

    cdef take_target(self, y):
        if self.program.net.single:
            (<float*>address(self.one_target))[0] = <float><double>y
        else:
            (<double*>address(self.one_target))[0] = y

    cdef bint is_valid(self, np.ndarray x, np.ndarray y):
        """Whether all numbers are finite, and the targets what they may be."""
        cdef const NetworkKernels* kernels = self.program.kernels
        return (kernels.all_finite(np.PyArray_SIZE(x), address(x))
                and kernels.all_between(np.PyArray_SIZE(y), address(y), self.low, self.high,
                                        self.classes))


cdef bint is_matrix(x, bint single, np.npy_intp columns, bint one_row, int64_t* rows):
    """Whether x is a matrix that the program can read as it is, or a row of such."""
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
