# Single steps of training, one call each: what online learning does all day.

NUMBERS = float, int, numpy.floating, numpy.integer


cdef class Stepper:
    """Trains a program on one batch at a time; see ``Model.train_on_batch``.

    Parameters
    ----------
    program : Program
        With one input, one loss without weights, no functions of the user's.
    totals_size : int
    low, high : float
        What targets may be.
    classes : int
        Their number where targets are class numbers, else 0.
    plain : bool
        Whether the loss is the only figure.

    Notes
    -----
    A model has ``epochs_begun`` and ``seed``, which say what random numbers a batch takes, its
    ``optimizer``, ``_step_settings()``, which gives the optimizer's state, its learning rate and
    whether to ask for that at each step, and ``_step_failed(status)``, which gives an error.
    """

    cdef Program program
    cdef np.ndarray totals
    cdef double low
    cdef double high
    cdef int64_t classes
    cdef bint plain
    cdef object optimizer
    cdef list settings          # of the optimizer, that go with the next five
    cdef object state
    cdef Optimizer unpacked
    cdef np.ndarray rates
    cdef bint asks
    cdef np.ndarray one_target

    def __init__(self, Program program, totals_size, low, high, classes, plain):
        self.program = program
        self.totals = numpy.zeros(totals_size)
        self.low = low
        self.high = high
        self.classes = classes
        self.plain = plain
        self.settings = []
        self.one_target = numpy.zeros((1, 1), program.layout.dtype)

    def step(self, model, x, y, bint validate=True, bint one_row=False):
        """One step on a batch, or on one row where `one_row` says that it may be.

        Returns
        -------
        float, ndarray or None
            The loss before the step, or the totals where there are other figures. None, and
            nothing has happened, for what has to be prepared first, or is to be refused. Without
            `validate` nobody looks at the numbers.
        """
        with self.program.in_turn():
            return self.step_in_turn(model, x, y, validate, one_row)

    cdef step_in_turn(self, model, x, y, bint validate, bint one_row):
        cdef Span span
        cdef int64_t rows = 1
        cdef np.npy_intp columns = self.program.net.target_width
        cdef np.npy_intp size
        if not is_matrix(x, self.program.net.single, self.program.net.width[0], one_row, &rows):
            return None
        if type(y) is not np.ndarray:
            if not (one_row and columns == 1 and rows == 1 and isinstance(y, NUMBERS)):
                return None
            self.take_target(y)
            y = self.one_target
        elif columns == 1 and np.PyArray_NDIM(<np.ndarray>y) == 1:
            size = np.PyArray_SIZE(<np.ndarray>y)
            if not is_matrix(y, self.program.net.single, size, True, NULL):
                return None
            if size != rows:
                return None
        elif not is_matrix(y, self.program.net.single, columns, one_row, NULL):
            return None
        elif np.PyArray_SIZE(<np.ndarray>y) != rows * columns:
            return None
        if validate and not self.fine(x, y):
            return None
        self.look_at_optimizer(model)
        begun = model.epochs_begun
        model.epochs_begun = begun + 1
        np.PyArray_FILLWBYTE(self.totals, 0)
        span.kind = TRAIN
        span.x = address(x)
        span.y = address(y)
        span.rows = rows
        span.batch_size = rows
        span.step = 0
        span.last_step = 1
        span.order = NULL
        span.places = NULL
        span.rates = <const double*>address(self.rates)
        span.one_rate = True
        span.key = draw(PyLong_AsUnsignedLongLongMask(model.seed),
                        PyLong_AsUnsignedLongLongMask(begun))
        span.totals = <double*>address(self.totals)
        span.optimizer = &self.unpacked
        self.program.run(&span, FOR_EVER, 1)
        if span.status != STATUS_FINE:
            raise model._step_failed(span.status)
        return self.loss() if self.plain else self.totals.copy()

    cdef take_target(self, y):
        if self.program.net.single:
            (<float*>address(self.one_target))[0] = <float><double>y
        else:
            (<double*>address(self.one_target))[0] = y

    cdef bint fine(self, np.ndarray x, np.ndarray y):
        """Whether all numbers are finite, and the targets what they may be."""
        cdef const NetworkKernels* kernels = self.program.kernels
        return (kernels.all_finite(np.PyArray_SIZE(x), address(x))
                and kernels.all_between(np.PyArray_SIZE(y), address(y), self.low, self.high,
                                        self.classes))

    cdef look_at_optimizer(self, model):
        """Take the optimizer's state anew where a setting has changed."""
        optimizer = model.optimizer
        if optimizer is self.optimizer and has_values(optimizer.__dict__, self.settings):
            if self.asks:
                self.rates = optimizer.rates()
            return
        self.settings = []
        self.state, self.rates, self.asks = model._step_settings()
        self.unpacked = unpacked(self.program.kernels, self.state)
        self.optimizer = optimizer
        self.settings = list(optimizer.__dict__.values())

    cdef loss(self):
        """What was minimised, as ``Figures.loss`` computes it."""
        cdef const double* sums = <const double*>address(self.totals)
        cdef double loss = sums[0] / (sums[1] if sums[1] != 0 else 1)
        cdef int64_t k
        cdef double count
        for k in range(self.program.net.term_count):
            count = sums[TERM_START + 2 * k + 1]
            loss += self.program.net.terms[k].weight * (
                sums[TERM_START + 2 * k] / (count if count != 0 else 1))
        return loss


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


cdef bint has_values(dict attributes, list values):
    """Whether a dict holds these very objects, in this order."""
    cdef Py_ssize_t at = 0
    cdef Py_ssize_t k = 0
    cdef PyObject* key
    cdef PyObject* value
    while PyDict_Next(attributes, &at, &key, &value):
        if k >= len(values) or <void*>value != <void*>PyList_GET_ITEM(values, k):
            return False
        k += 1
    return k == len(values)
