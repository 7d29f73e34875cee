# The gradients of a network's outputs with respect to its inputs, for many rows, and their means
# along lines: see Program.input_gradients and Program.path_gradients. No gradient of a parameter
# is computed, and blocks of rows stay in the cache.

# Points on lines from `start` to rows of x, whose gradients are added up.
cdef struct Path:
    const double* x         # (lines, width)
    const double* start
    int64_t start_step      # 0 where all lines have one start, else the width
    const int64_t* lines    # of each point; or NULL where each line has `steps` points
    int64_t steps
    const double* places    # between 0 and 1, and
    const double* weights   # of each point, or of those of any line
    double* sums            # (lines, width): the sums of weight times gradient


# Rows whose gradients are wanted. A member reads it before its first barrier; rank 0 writes where
# it stopped after its last.
cdef struct GradientSpan:
    const NetworkKernels* kernels
    const Network* net
    const Path* path        # or NULL, for the rows of x
    const char* x
    const void* d_out       # the gradient of the outputs, the same for all rows
    char* d_x               # of a path: room for a block
    int64_t rows            # or points: all of them
    int64_t row             # where to start; afterwards, where it stopped
    int64_t block           # rows that the team takes at a time
    double deadline         # seconds on the monotonic clock


cdef inline int64_t path_line(const Path* path, int64_t point) noexcept nogil:
    return point // path.steps if path.lines == NULL else path.lines[point]


cdef inline int64_t path_place(const Path* path, int64_t point) noexcept nogil:
    return point % path.steps if path.lines == NULL else point


cdef void take_points(const Path* path, int64_t width, int64_t first, int64_t row,
                      int64_t row_end, real* out) noexcept nogil:
    """Compute the rows row ... row_end - 1 of a block of points, which begins with `first`."""
    cdef int64_t i, j, line
    cdef double place
    cdef const double* x
    cdef const double* start
    for i in range(row, row_end):
        line = path_line(path, first + i)
        place = path.places[path_place(path, first + i)]
        x = path.x + line * width
        start = path.start + line * path.start_step
        for j in range(width):
            out[i * width + j] = <real>(start[j] + place * (x[j] - start[j]))


cdef void add_points(const Path* path, int64_t width, int64_t first, int64_t rows, int64_t begin,
                     int64_t end, const real* d_x) noexcept nogil:
    """Add the columns begin ... end - 1 of the gradients of a block, point by point."""
    cdef int64_t i, j
    cdef double weight
    cdef double* sums
    for i in range(rows):
        sums = path.sums + path_line(path, first + i) * width
        weight = path.weights[path_place(path, first + i)]
        for j in range(begin, end):
            sums[j] = sums[j] + weight * d_x[i * width + j]


cdef void give_output_gradients(const Network* net, int64_t row, int64_t row_end,
                                const real* d_out, real* d_x) noexcept nogil:
    """Copy d_out to the gradients of the output buffers in some rows of a block.

    An output may be the input itself, or another output.
    """
    cdef int64_t i, j, k, width, stride
    cdef real* d_output
    cdef bint adds
    for k in range(net.output_count):
        width = net.width[net.outputs[k]]
        stride = net.stride[net.outputs[k]]
        d_output = d_x
        if net.outputs[k] > 0:
            d_output = buffer_at(net, <real*>net.deltas, net.outputs[k])
        adds = False
        for j in range(k):
            adds = adds or net.outputs[j] == net.outputs[k]
        for i in range(row, row_end):
            for j in range(width):
                if adds:
                    d_output[i * stride + j] = d_output[i * stride + j] + d_out[j]
                else:
                    d_output[i * stride + j] = d_out[j]
        d_out += width


cdef void block_gradients(const GradientSpan* span, const Batch* batch, int64_t first, int64_t row,
                          int64_t row_end, void* scratch, real of_type) noexcept nogil:
    """Compute the gradients of some rows of a block, whose first row is `first` of all."""
    cdef const Network* net = span.net
    cdef real* d_x = <real*>span.d_x
    if span.path != NULL:
        take_points(span.path, net.width[0], first, row, row_end, <real*>net.batch)
    else:
        d_x = d_x + first * net.width[0]
    span.kernels.forward(net, batch, False, row, row_end - row, batch.x, scratch)
    give_output_gradients(net, row, row_end, <const real*>span.d_out, d_x)
    span.kernels.backward(net, batch, net.flags, row, row_end - row, batch.x, d_x, scratch)


cdef void gradients_member(void* job, Team* team, int64_t rank) noexcept nogil:
    """Compute gradients block by block, as a member of a team, until the deadline."""
    cdef GradientSpan* span = <GradientSpan*>job
    cdef const Network* net = span.net
    cdef int64_t width = net.width[0], at = span.row, met = 0, row, row_end, begin, end
    cdef void* scratch = <char*>net.scratch + rank * net.scratch_size
    cdef Batch batch
    batch.training = False
    batch.key = 0
    batch.clip = 0
    batch.x = net.batch
    batch.y = NULL
    begin = share_begin(width, UPDATE_LANES, team.size, rank)
    end = share_begin(width, UPDATE_LANES, team.size, rank + 1)
    while at < span.rows:
        batch.rows = min(span.block, span.rows - at)
        if span.path == NULL:
            batch.x = element(net, span.x, at * width)
        row = share_begin(batch.rows, span.kernels.rows, team.size, rank)
        row_end = share_begin(batch.rows, span.kernels.rows, team.size, rank + 1)
        if net.single:
            block_gradients(span, &batch, at, row, row_end, scratch, <float>0)
        else:
            block_gradients(span, &batch, at, row, row_end, scratch, <double>0)
        meet(team, &met)
        if span.path != NULL and net.single:
            add_points(span.path, width, at, batch.rows, begin, end, <const float*>span.d_x)
        elif span.path != NULL:
            add_points(span.path, width, at, batch.rows, begin, end, <const double*>span.d_x)
        at += batch.rows
        if rank == 0 and (has_failed(net) or now() > span.deadline):
            raise_flag(team, END_FLAG)
        meet(team, &met)
        if flags(team):
            break
    if rank == 0:
        span.row = at


cdef fill_path(Path* points, const Network* net, tuple path, np.ndarray sums):
    """Take the arrays of a path, see Program.path_gradients, which the caller keeps alive."""
    cdef np.ndarray x, start, lines, places, weights
    x, start, lines, places, weights = path
    points.x = <const double*>address(x)
    points.start = <const double*>address(start)
    points.start_step = 0 if start.ndim == 1 else net.width[0]
    points.lines = places_of(lines)
    points.steps = places.shape[0]
    points.places = <const double*>address(places)
    points.weights = <const double*>address(weights)
    points.sums = <double*>address(sums)


cdef int64_t run_gradients(Layout layout, GradientSpan* span, double seconds,
                           int64_t threads) except -1:
    """Run a span of gradients over a team; return the row reached."""
    cdef bint calls = layout.net.calls != NULL
    cdef Network net
    if calls:
        threads = 1
    span.block = CALL_ROWS if calls else BLOCK_ROWS * threads
    layout.reserve(min(span.block, span.rows - span.row), threads)
    if span.path != NULL:
        span.d_x = <char*>address(layout.room_for_points(layout.net.capacity))
    net = layout.net
    net.flags = net.tape_flags  # what the outputs depend on
    span.kernels = layout.kernels
    span.net = &net
    if (span.rows - span.row) * net.parameter_count <= LOCKED_WORK:
        span.deadline = FOR_EVER
        run_team(1, gradients_member, span)
    else:
        with nogil:
            span.deadline = now() + seconds
            run_team(threads, gradients_member, span)
        raise_pending()
    layout.functions.raise_it()
    return span.row
