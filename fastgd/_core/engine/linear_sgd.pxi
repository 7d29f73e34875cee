# The Python interface of stochastic gradient descent for linear models.

cdef double TAME = 1e100    # from here on a step may come to numbers that are not finite

cdef struct DescentPass:
    const LinearKernels* kernels
    const Course* course
    Head* heads
    const int64_t* active
    int64_t count
    int64_t last


cdef void pass_heads(void* job, Team* team, int64_t rank) noexcept nogil:
    """Train outputs that are independent side by side."""
    cdef DescentPass* run = <DescentPass*>job
    cdef int64_t i = rank
    if run.course.loss == LINEAR_MULTINOMIAL:
        if rank == 0:
            run.kernels.run_heads(run.course, run.heads, run.course.outputs, run.last)
        return
    while i < run.count:
        run.kernels.run_heads(run.course, run.heads + run.active[i], 1, run.last)
        i += team.size


cdef class Descent:
    """Train the weights of a linear model.

    Parameters
    ----------
    kernels : capsule
    plan : fastgd.linear.sgd.Plan
        The objective and the kind of steps.
    weights : fastgd.linear.sgd.Weights
        The arrays, which are changed in place; they are valid only after ``settle``.
    """

    cdef const LinearKernels* kernels
    cdef Course course
    cdef Head* heads
    cdef int64_t columns
    cdef object arrays
    cdef readonly object plan, weights

    def __init__(self, kernels, plan, weights):
        cdef np.ndarray coef = weights.coef, intercept = weights.intercept
        cdef np.ndarray average_coef = weights.average_coef
        cdef np.ndarray average_intercept = weights.average_intercept, owed = weights.owed
        cdef np.ndarray owed_total = weights.owed_total, t = weights.t, positive = plan.positive
        cdef np.ndarray negative = plan.negative
        cdef int64_t k = coef.shape[0], d = coef.shape[1]
        cdef np.ndarray memory = numpy.zeros(k * sizeof(Head), numpy.uint8)
        cdef np.ndarray waiting = numpy.zeros(k * sizeof(Waiting), numpy.uint8)
        cdef np.ndarray room = numpy.zeros(k * (plan.batch_size + 1))
        cdef Course* course = &self.course
        cdef Head* head
        cdef int64_t h
        self.kernels = linear_kernels(kernels)
        self.weights = weights
        self.plan = plan
        self.columns = d
        self.arrays = (memory, waiting, room)
        self.heads = <Head*>address(memory)
        course.loss = plan.loss
        course.setting = plan.setting
        course.l1 = plan.l1
        course.l2 = plan.l2
        course.alpha = plan.alpha
        course.fit_intercept = plan.fit_intercept
        course.rate = plan.rate
        course.eta0 = plan.eta0
        course.power_t = plan.power_t
        course.intercept_decay = plan.intercept_decay
        course.average = plan.average
        course.batch = plan.batch_size
        course.objective = plan.objective
        course.y_stride = plan.y_stride
        course.outputs = k
        if course.rate == RATE_OPTIMAL:
            course.optimal_start = self.kernels.optimal_start(
                course.loss, course.setting, course.alpha)
        for h in range(k):
            head = self.heads + h
            head.output = h
            head.w = <double*>address(coef) + h * d
            head.waiting = <Waiting*>address(waiting) + h
            head.intercept_place = <double*>address(intercept) + h
            head.intercept = head.intercept_place[0]
            if course.average > 0:
                head.average = <double*>address(average_coef) + h * d
                head.average_intercept = <double*>address(average_intercept) + h
            if course.l1 > 0:
                head.owed = <double*>address(owed) + h * d
            head.owed_total = (<double*>address(owed_total))[h]
            head.t = (<double*>address(t))[h]
            head.positive = (<double*>address(positive))[h]
            head.negative = (<double*>address(negative))[h]
            head.room = <double*>address(room) + h * (course.batch + 1)
            head.eta = course.eta0
            self.kernels.begin_head(head, d)

    def run(self, chunk, np.ndarray active, np.ndarray positions, np.ndarray totals, double seconds,
            int64_t threads=1):
        """Train the outputs `active` from their positions towards the end: return a Status.

        chunk: a fastgd.linear.data.Chunk. positions: (k,), moved on. totals: (3, k), to which
        the rows' losses, weights and penalties are added. It lasts about `seconds`. An output that
        fails stops where its weights were finite.
        """
        cdef DescentPass run
        cdef Course* course = &self.course
        cdef Rows rows = chunk.rows
        cdef np.ndarray y = chunk.y, weights = chunk.weights, order = chunk.chosen
        cdef np.ndarray offset = chunk.offset
        cdef int64_t* position = <int64_t*>address(positions)
        cdef double* total = <double*>address(totals)
        cdef int64_t h, width = rows.table.d
        course.rows = &rows.table
        course.largest = rows.largest_value()
        course.squares = NULL
        if course.objective and course.l2 > 0:
            course.squares = rows.row_squares()
        course.y = <const double*>address(y)
        course.weights = NULL if weights is None else <const double*>address(weights)
        course.offset = NULL if offset is None else <const double*>address(offset)
        course.order = places_of(order)
        if rows.sparse:
            width = rows.values.shape[0] // max(rows.table.n, <int64_t>1)
        course.looks = 1 + 100000 // (100 + width * course.outputs * course.batch)
        run.kernels = self.kernels
        run.course = course
        run.heads = self.heads
        run.active = <const int64_t*>address(active)
        run.count = active.shape[0]
        run.last = rows.table.n if order is None else order.shape[0]
        for h in range(course.outputs):
            self.heads[h].position = position[h]
            self.heads[h].waiting.total = total[h]
            self.heads[h].total_weight = total[course.outputs + h]
            self.heads[h].penalties = total[2 * course.outputs + h]
            self.heads[h].status = STATUS_FINE
        with nogil:
            course.deadline = now() + seconds
            run_team(max(<int64_t>1, min(threads, run.count)), pass_heads, &run)
        status = STATUS_FINE
        for h in range(course.outputs):
            position[h] = self.heads[h].position
            total[h] = self.heads[h].waiting.total
            total[course.outputs + h] = self.heads[h].total_weight
            total[2 * course.outputs + h] = self.heads[h].penalties
            if self.heads[h].status != STATUS_FINE:
                status = self.heads[h].status
        return status

    def step(self, x, double y, double weight=1, names=None, unknown="raise", double offset=0):
        """Take a step for one row, without the objective: return a Status.

        x: dense (d,), or plain, see plain_row for it, names and unknown; float64 then. -1, with no
        effect, for anything else. A weight of 0 has none; a negative one is an ArgumentError.
        """
        cdef np.ndarray row = line_from(x, self.columns, names, unknown)
        cdef RowTable table
        cdef Course course = self.course
        cdef double target = y
        if row is None:
            return -1
        if not 0 <= weight < INFINITY:
            raise ArgumentError(
                f"sample_weight: expected a number of at least 0, got {weight!r}")
        if weight == 0:
            return STATUS_FINE
        table = table_of(row)
        course.rows = &table
        course.y = &target
        course.weights = &weight
        course.offset = NULL if offset == 0 else &offset
        course.order = NULL
        course.objective = False
        course.squares = NULL
        course.largest = self.kernels.largest(table.d, table.values, table.single)
        if not is_finite(course.largest):
            return STATUS_UPDATE
        kept = None if self.is_tame(&course, weight) else [array.copy() for array in self.memory()]
        if self.take_step(&course):
            return STATUS_FINE
        if kept is not None:  # a part of it may have been done
            for array, before in zip(self.memory(), kept):
                array[...] = before
        return STATUS_UPDATE

    cdef bint is_tame(self, const Course* course, double weight):
        cdef int64_t h
        for h in range(course.outputs):
            if not self.heads[h].bound < TAME:
                return False
        return course.largest < TAME and weight < TAME and course.eta0 < TAME

    cdef memory(self):
        """Return the arrays that a step changes."""
        weights = self.weights
        return (self.arrays[0], weights.coef, weights.intercept, weights.average_coef,
                weights.average_intercept, weights.owed)

    cdef bint take_step(self, const Course* course):
        """Take a step for the only row; return whether the weights are finite."""
        cdef Line line = line_of(course.rows, 0)
        cdef int64_t h
        if course.loss == LINEAR_MULTINOMIAL:
            return self.kernels.batch_step(course, self.heads, course.outputs, 0, 1)
        for h in range(course.outputs):
            if not self.kernels.row_step(course, self.heads + h, 0, &line):
                return False
        return True

    def is_row(self, x):
        """Return whether x is one row (1, d) of finite numbers that needs no conversion."""
        cdef np.ndarray row
        cdef double largest
        if type(x) is not np.ndarray:
            return False
        row = x
        if (np.PyArray_NDIM(row) != 2 or np.PyArray_DIM(row, 0) != 1
                or np.PyArray_DIM(row, 1) != self.columns or not np.PyArray_ISCARRAY_RO(row)):
            return False
        if np.PyArray_TYPE(row) != np.NPY_DOUBLE and np.PyArray_TYPE(row) != np.NPY_FLOAT:
            return False
        largest = self.kernels.largest(
            self.columns, address(row), np.PyArray_TYPE(row) == np.NPY_FLOAT)
        return is_finite(largest)

    def decision(self, np.ndarray x, int64_t output=0):
        """Return the decision of one output for one dense row (d,)."""
        cdef RowTable table = table_of(x)
        cdef Line line = line_of(&table, 0)
        return self.kernels.head_decision(&table, &line, self.heads + output)

    def slow_down(self, int64_t output):
        """Divide an output's rate by five; return whether it was above 1e-6."""
        if self.heads[output].eta <= 1e-6:
            return False
        self.heads[output].eta /= 5
        return True

    def settle(self):
        """Write the weights into the arrays."""
        cdef np.ndarray t = self.weights.t, owed_total = self.weights.owed_total
        cdef int64_t d = self.weights.coef.shape[1], h
        for h in range(self.course.outputs):
            self.kernels.settle_head(self.heads + h, d)
            (<double*>address(t))[h] = self.heads[h].t
            (<double*>address(owed_total))[h] = self.heads[h].owed_total
