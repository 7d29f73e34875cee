# Arguments of a program, as the kernels take them.

cdef inline const int64_t* places_of(np.ndarray rows):
    if rows is None:
        return NULL
    return <const int64_t*>address(rows)


cdef Optimizer unpacked(const NetworkKernels* kernels, state):
    """Return the C view of an optimizer's state; the caller keeps its arrays alive."""
    cdef Optimizer optimizer
    cdef np.ndarray settings = state.settings, slots = state.slots, iterations = state.iterations
    cdef int k
    optimizer.kind = state.kind
    optimizer.settings = <const double*>address(settings)
    for k in range(2):  # there may be only one
        optimizer.log_settings[k] = (
            kernels.logarithm(optimizer.settings[k]) if k < settings.shape[0] else 0)
    optimizer.segments = NULL
    optimizer.segment_count = 0
    optimizer.options = NULL
    optimizer.squares = NULL
    if state.segments is not None:
        optimizer.segments = <const Segment*>address(state.segments)
        optimizer.segment_count = len(state.segments)
        optimizer.options = <const Options*>address(state.options)
        optimizer.squares = <double*>address(state.squares)
    optimizer.slots = address(slots)
    optimizer.slot_size = slots.strides[0] // slots.itemsize
    optimizer.iterations = <int64_t*>address(iterations)
    return optimizer


cdef Batch batch_of(np.ndarray x, bint training, key):
    """Return all rows of x as a batch."""
    cdef Batch batch
    batch.x = address(x)
    batch.y = NULL
    batch.rows = x.shape[0]
    batch.training = training
    batch.key = <uint64_t>key
    batch.clip = 0
    return batch
