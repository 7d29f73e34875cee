# The Network for the kernels: the contents of a plan, and room for batches and teams.

cdef enum:
    LINES = 4               # of a member's scratch, each for a row of the widest buffer


cdef int64_t padded_stride(int64_t width, int64_t itemsize, int64_t half) noexcept:
    """Round a width up to whole tiles, and not to a multiple of 512 bytes: then rows would all fall
    into one set of the cache."""
    cdef int64_t stride
    if width == 1:
        return 1
    stride = (width + half - 1) // half * half
    return stride + half if stride * itemsize % 512 == 0 else stride


cdef bint any_counts(const Network* net) noexcept:
    """Return whether a row's loss depends on the targets or weights of all rows of its batch."""
    cdef const LossTerm* term
    cdef int64_t k
    for k in range(net.term_count):
        term = &net.terms[k]
        if (term.reduction == REDUCTION_WEIGHTED_MEAN or term.reduction == REDUCTION_MEAN
                and ignores_rows(term, net.settings + term.settings)):
            return True
    return False


cdef bint is_dense_chain(const Network* net) noexcept:
    """Return whether a network is a chain: see chain.pxi.

    Its rows are dense layers and activations in a line, all of them trained, whose parameters
    follow one another and fill the flat vector.
    """
    cdef const Row* row
    cdef int64_t i, end = 0, buffer = 0
    if (net.calls != NULL or net.coupled or net.term_count == 0
            or net.parameter_count > CHUNKED_PARAMETERS):
        return False
    for i in range(net.row_count):
        row = &net.rows[i]
        if row.source != buffer or net.flags[i] & ~<int64_t>CHAIN_FLAGS:
            return False
        buffer = row.target
        if row.op == OP_DENSE:
            if row.kernel != end or not net.flags[i] & FLAG_PARAMETERS:
                return False
            if i > 0 and net.width[row.source] == 1:
                return False  # its rows are not padded
            end += net.width[row.source] * net.width[row.target]
            if row.bias >= 0:
                if row.bias != end:
                    return False
                end += net.width[row.target]
        elif row.op != OP_ACTIVATION or i == 0:
            return False
    return end == net.parameter_count and end > 0


cdef class Layout:
    """Hold a network as kernels take it, and the arrays that it points to.

    The parameters are those of a Program. Room for rows is allocated when it is needed.
    """

    cdef Network net
    cdef const NetworkKernels* kernels
    cdef Functions functions
    cdef object dtype
    cdef object described       # arrays that never change
    cdef object regular, vectors, workspace, scratch
    cdef np.ndarray chunks      # room for their gradients
    cdef np.ndarray points      # room for the gradients of a block of points, or None
    cdef int64_t widest, work_size, spare_bytes
    cdef bint weighted
    cdef int64_t members, scratch_bytes

    def __init__(self, kernels, plan, np.ndarray parameters, np.ndarray gradients):
        cdef int type_number = np.PyArray_TYPE(parameters)
        self.kernels = network_kernels(kernels, type_number)
        self.dtype = parameters.dtype
        self.net.single = type_number == np.NPY_FLOAT
        self.functions = Functions(plan.functions)
        self.net.calls = &self.functions.calls if plan.functions else NULL
        self.net.parameter_count = parameters.shape[0]
        self.keep_table(plan)
        self.keep_ends(plan)
        self.keep_regular(plan)
        self.begin(parameters, gradients)

    cdef keep_table(self, plan):
        """Take the plan's rows, and lay out a row of all buffers, side by side."""
        cdef np.ndarray rows = plan.rows, settings = plan.settings, width = plan.widths
        cdef int64_t itemsize = self.dtype.itemsize, lanes = self.kernels.lanes
        widths = width.tolist()
        strides = [padded_stride(w, itemsize, self.kernels.half) for w in widths]
        strides[0] = widths[0]
        starts = [0] * len(strides)
        for k in range(2, len(strides)):
            starts[k] = starts[k - 1] + strides[k - 1]
        cdef np.ndarray stride = numpy.array(strides, numpy.int64)
        cdef np.ndarray start = numpy.array(starts, numpy.int64)
        self.described = (rows, settings, width, stride, start, plan.keep)
        self.net.rows = <const Row*>address(rows)
        self.net.row_count = rows.shape[0]
        self.net.settings = <const double*>address(settings)
        self.net.width = <const int64_t*>address(width)
        self.net.stride = <const int64_t*>address(stride)
        self.net.start = <const int64_t*>address(start)
        self.net.row_width = starts[len(starts) - 1] + strides[len(strides) - 1]
        self.net.chunk_size = (self.net.parameter_count + 2 * lanes - 1) // lanes * lanes
        self.net.line_start = self.kernels.panel_bytes + 64
        self.net.numerators_start = self.net.line_start + LINES * max(widths) * itemsize
        self.widest = max(strides)
        self.work_size = plan.work_size

    cdef keep_ends(self, plan):
        """Take the plan's outputs, losses and metrics, and compute the flags of the rows."""
        cdef np.ndarray outputs = plan.outputs, terms = plan.losses, metrics = plan.metrics
        cdef np.ndarray flags, tape_flags, adds
        table = named_rows(plan.rows)
        widths = plan.widths.tolist()
        flags, adds = row_flags(table, widths, terms["source"].tolist(), False)
        tape_flags, _ = row_flags(table, widths, outputs.tolist(), True)
        self.described += (outputs, terms, metrics, flags, tape_flags, adds)
        self.net.flags = <const int64_t*>address(flags)
        self.net.tape_flags = <const int64_t*>address(tape_flags)
        self.net.outputs = <const int64_t*>address(outputs)
        self.net.output_count = outputs.shape[0]
        self.net.terms = <const LossTerm*>address(terms)
        self.net.term_count = terms.shape[0]
        self.net.term_adds = <const int64_t*>address(adds)
        self.net.metrics = <const MetricTerm*>address(metrics)
        self.net.metric_count = metrics.shape[0]
        self.net.target_width = plan.target_width
        self.net.coupled = any(
            [row.op == OP_BATCH_NORM and row.kind == MOMENTS_BATCH for row in table])
        self.net.couples_rows = any([couples_rows(self.net.terms[k].kind)
                                     for k in range(self.net.term_count)])
        self.net.counts_rows = any_counts(&self.net)
        self.net.scatters = any([row.op == OP_EMBEDDING for row in table])
        self.weighted = any([self.net.terms[k].weight_column >= 0
                             for k in range(self.net.term_count)])
        self.net.is_chain = is_dense_chain(&self.net)
        self.spare_bytes = 0
        if any([flag & FLAG_ADD_PARAMETERS for flag in (*flags.tolist(), *tape_flags.tolist())]):
            self.spare_bytes = self.net.chunk_size * self.dtype.itemsize

    cdef keep_regular(self, plan):
        """Take the plan's penalties and constraints."""
        cdef np.ndarray penalties = plan.penalties, constraints = plan.constraints
        cdef const PenaltyRow* rows = <const PenaltyRow*>address(penalties)
        cdef int64_t k, room = 0
        for k in range(penalties.shape[0]):
            if rows[k].kind in (PENALTY_ORTHOGONAL_ROWS, PENALTY_ORTHOGONAL_COLUMNS):
                room = max(room, self.orthogonal_room(&rows[k]))
        workspace = numpy.zeros(room, self.dtype)
        self.regular = (penalties, constraints, plan.penalty_gradients, workspace)
        self.net.penalties.rows = rows
        self.net.penalties.count = penalties.shape[0]
        self.net.penalties.gradients = address(plan.penalty_gradients)
        self.net.penalties.workspace = address(workspace)
        self.net.constraints.rows = <const ConstraintRow*>address(constraints)
        self.net.constraints.count = constraints.shape[0]

    cdef int64_t orthogonal_room(self, const PenaltyRow* row) noexcept:
        """Return the elements of a penalty's workspace: unit vectors, their scales, and blocks of
        cosines and sums."""
        cdef bint by_rows = row.kind == PENALTY_ORTHOGONAL_ROWS
        cdef int64_t n = row.rows if by_rows else row.columns
        cdef int64_t k = row.columns if by_rows else row.rows
        return n * k + n + self.kernels.orthogonal_block * (n + k) + self.kernels.lanes

    cdef begin(self, np.ndarray parameters, np.ndarray gradients):
        """Take the vectors, without room for any rows."""
        cdef np.ndarray sums = numpy.zeros(self.net.term_count)
        self.vectors = (parameters, gradients, sums)
        self.net.parameters = address(parameters)
        self.net.gradients = address(gradients)
        self.net.sums = <double*>address(sums)
        self.net.capacity = 0
        self.members = 0
        self.scratch_bytes = 0
        self.workspace = ()
        self.scratch = None
        self.take_chunks(numpy.zeros(0, self.dtype))
        self.set_scratch(1)

    cdef Layout replica(self, np.ndarray parameters, np.ndarray gradients):
        """Return a copy with other vectors."""
        cdef Layout other = Layout.__new__(Layout)
        other.net = self.net
        other.kernels, other.functions, other.dtype = self.kernels, self.functions, self.dtype
        other.described, other.regular = self.described, self.regular
        other.widest, other.work_size = self.widest, self.work_size
        other.spare_bytes, other.weighted = self.spare_bytes, self.weighted
        other.begin(parameters, gradients)
        return other

    cdef set_scratch(self, int64_t rows):
        """Lay out a member's scratch for batches of `rows` rows."""
        cdef int64_t itemsize = self.dtype.itemsize
        self.net.spare_start = (
            self.net.numerators_start + (rows if self.weighted else 1) * itemsize + 63) // 64 * 64
        self.net.chain_start = (self.net.spare_start + self.spare_bytes + 63) // 64 * 64
        self.net.scratch_size = self.net.chain_start
        if self.net.is_chain:
            self.net.scratch_size += (self.kernels.chain_bytes(&self.net) + 63) // 64 * 64

    cdef reserve(self, int64_t rows, int64_t threads, int64_t shards=0):
        """Allocate room for batches of `rows` rows, cut into `shards` at most, and for a team."""
        cdef int64_t batch_width = self.net.width[0] + self.net.target_width
        if rows > self.net.capacity:
            values, deltas = self.room_for_buffers(rows)
            batch = aligned_zeros(rows * batch_width + self.kernels.lanes, self.dtype)
            row_values = aligned_zeros(
                rows * (self.net.term_count + self.net.metric_count) + self.kernels.lanes,
                self.dtype)
            pointers = numpy.zeros(
                min(rows, <int64_t>CHAIN_ROWS) if self.net.is_chain else 0, numpy.uintp)
            self.workspace = (values, deltas, batch, row_values, pointers)
            self.net.pointers = <const void**>address(pointers)
            self.net.values = address(values)
            self.net.deltas = address(deltas)
            self.net.batch = address(batch)
            self.net.row_values = address(row_values)
            self.net.capacity = rows
            self.set_scratch(rows)
            self.take_chunks(self.room_for_chunks(rows))
        if shards * self.net.chunk_size > self.chunks.shape[0]:
            self.take_chunks(aligned_zeros(shards * self.net.chunk_size, self.dtype))
        if threads * self.net.scratch_size > self.scratch_bytes:
            self.members = max(threads, self.members)
            self.scratch_bytes = self.members * self.net.scratch_size
            self.scratch = aligned_zeros(self.scratch_bytes, numpy.uint8)
            self.net.scratch = address(self.scratch)

    cdef take_chunks(self, np.ndarray chunks):
        """Take room for the gradients of chunks."""
        self.chunks = chunks
        self.net.chunks = address(chunks)

    cdef room_for_buffers(self, int64_t rows):
        """Allocate room for the values of all buffers, and for their gradients and a spare one."""
        cdef int64_t size = rows * self.net.row_width
        return (aligned_zeros(size + self.work_size + self.kernels.lanes, self.dtype),
                aligned_zeros(size + rows * self.widest + self.kernels.lanes, self.dtype))

    cdef room_for_chunks(self, int64_t rows):
        """Allocate room for the gradients of each chunk of a batch."""
        cdef int64_t count = chunk_count(&self.net, rows)
        return aligned_zeros(count * self.net.chunk_size if count > 1 else 0, self.dtype)

    cdef np.ndarray room_for_points(self, int64_t rows):
        """Return room for the gradients of so many inputs, which is kept for the next call."""
        if self.points is None or self.points.shape[0] < rows * self.net.width[0]:
            self.points = aligned_zeros(rows * self.net.width[0] + self.kernels.lanes, self.dtype)
        return self.points
