# Ranks that train one network together. Each takes its shards of a batch forward and back; then
# all exchange what they have computed, and every rank goes on with the whole batch. The shards are
# the chunks of spans.pxi, so a rank adds up the same numbers in the same order as one alone.

from libc.string cimport memcmp

cdef enum:
    HEADER = 4      # place, two numbers that say where exactly, and whether the rank has failed


cdef class StepExchange:
    """Let the ranks of a communicator meet, and exchange what they have computed of a step.

    Each exchange begins with a small header. So ranks that are in different places, or of which
    one has failed, find out together instead of waiting for one another.

    Parameters
    ----------
    comm : communicator
    rank, size : int

    Attributes
    ----------
    over : bool
        Whether the ranks have parted: then there is nothing more to exchange.
    """

    cdef readonly int64_t rank, size
    cdef readonly bint over
    cdef object comm, raised
    cdef np.ndarray said, heard, sent, received
    cdef RankParts parts

    def __init__(self, comm, rank, size):
        self.comm, self.rank, self.size = comm, rank, size
        self.said = numpy.zeros(HEADER, numpy.int64)
        self.heard = numpy.zeros((size, HEADER), numpy.int64)
        self.sent = self.received = numpy.zeros(0, numpy.uint8)
        self.parts.rank, self.parts.size = rank, size
        self.parts.exchange = <void*>self

    cpdef meet(self, int64_t place, int64_t number=0, int64_t more=0, bint failed=False):
        """Wait for all ranks to be in this place, with these numbers; else call ``part``."""
        cdef int64_t* said = <int64_t*>address(self.said)
        cdef const char* heard = <const char*>address(self.heard)
        cdef int64_t rank
        if self.over:
            return
        said[0], said[1], said[2], said[3] = place, number, more, failed
        self.over = True  # after an error of the communicator, too
        self.comm.Allgather(self.said, self.heard)
        for rank in range(self.size):
            if memcmp(heard + rank * HEADER * sizeof(int64_t), said, HEADER * sizeof(int64_t)):
                failed = True
        self.over = failed
        if failed:
            self.part(self.heard.copy())

    def part(self, headers):
        """Raise the error for headers (size, HEADER) that say where the ranks are."""
        raise NotImplementedError

    cdef raise_it(self):
        """Raise the error of an exchange within a span, if there is one."""
        raised = self.raised
        if raised is not None:
            self.raised = None
            raise raised

    cdef gather(self, const Network* net, const Batch* batch, int64_t chunks):
        """Take from the other ranks what they have computed of a step."""
        cdef int64_t rank, rows = 0, size
        cdef char* received
        for rank in range(self.size):
            rows = max(rows, chunk_begin(batch.rows, chunks, share_begin(
                chunks, 1, self.size, rank + 1)) - chunk_begin(
                    batch.rows, chunks, share_begin(chunks, 1, self.size, rank)))
        size = itemsize(net) * (
            (chunks + self.size - 1) // self.size * net.chunk_size + rows * row_elements(net))
        if self.sent.shape[0] != size:
            self.sent = numpy.zeros(size, numpy.uint8)
            self.received = numpy.zeros((self.size, size), numpy.uint8)
        carry(net, batch, chunks, &self.parts, self.rank, <char*>address(self.sent), False)
        self.comm.Allgather(self.sent, self.received)
        received = <char*>address(self.received)
        for rank in range(self.size):
            if rank != self.rank:
                carry(net, batch, chunks, &self.parts, rank, received + rank * size, True)


cdef bint exchange_step(const Span* span, const Batch* batch, int64_t chunks,
                        int64_t iteration) noexcept with gil:
    """Exchange a step with the other ranks; return whether that failed.

    Python handles no signal between the header and the rest, for nothing here runs its code.
    """
    cdef StepExchange own = <StepExchange>span.ranks.exchange
    cdef int64_t loss
    if PyErr_CheckSignals() != 0:
        return True
    try:
        # the first sum of the losses so far: ranks whose bits have drifted apart find out
        memcpy(&loss, span.totals + TERM_START, sizeof(loss))
        own.meet(PLACE_STEP, iteration, loss)
        if chunks > 1 and own.size > 1:
            own.gather(span.net, batch, chunks)
    except BaseException as error:
        own.raised = error
        return True
    return False


cdef int64_t row_elements(const Network* net) noexcept:
    """Return how many elements a rank sends for each of its rows."""
    cdef int64_t k, elements = net.term_count + net.metric_count
    for k in range(net.metric_count):
        if net.metrics[k].kind >= METRIC_COUNTS:
            elements += net.stride[net.metrics[k].source]
    return elements


cdef void carry(const Network* net, const Batch* batch, int64_t chunks, const RankParts* ranks,
                int64_t rank, char* message, bint inwards) noexcept nogil:
    """Copy what a rank has computed of a step into its message or, `inwards`, out of it.

    These are the gradients of its chunks, the losses and metrics of its rows, and the outputs
    from which metrics collect.
    """
    cdef int64_t chunk = share_begin(chunks, 1, ranks.size, rank)
    cdef int64_t last = share_begin(chunks, 1, ranks.size, rank + 1)
    cdef int64_t row = chunk_begin(batch.rows, chunks, chunk)
    cdef int64_t rows = chunk_begin(batch.rows, chunks, last) - row
    cdef int64_t k, buffer, stride
    message = copied(net, net.chunks, chunk * net.chunk_size, (last - chunk) * net.chunk_size,
                     message, inwards)
    for k in range(net.term_count + net.metric_count):
        message = copied(net, net.row_values, k * net.capacity + row, rows, message, inwards)
    for k in range(net.metric_count):
        if net.metrics[k].kind >= METRIC_COUNTS:
            buffer = net.metrics[k].source
            stride = net.stride[buffer]
            message = copied(net, net.values, net.start[buffer] * net.capacity + row * stride,
                             rows * stride, message, inwards)


cdef char* copied(const Network* net, const void* data, int64_t first, int64_t count,
                  char* message, bint inwards) noexcept nogil:
    """Copy elements of an array into a message or out of it; return what follows in the message."""
    cdef void* place = <void*>element(net, data, first)
    cdef int64_t size = count * itemsize(net)
    if inwards:
        memcpy(place, message, size)
    else:
        memcpy(message, place, size)
    return message + size


cdef int64_t shard_count(const Span* span, int64_t rows) noexcept nogil:
    """Return into how many chunks the rows of a step are cut: by the span, or by the shapes.

    No chunk is empty; a batch of a single one is taken by every rank as a whole.
    """
    if span.shards == 0:
        return chunk_count(span.net, rows)
    return max(<int64_t>1, min(span.shards, (rows + 7) // 8))


cdef void own_chunks(const Span* span, int64_t chunks, const Team* team, int64_t rank,
                     int64_t* chunk, int64_t* last) noexcept nogil:
    """Set the first and the last chunk of a member of a team: of those of its rank."""
    cdef int64_t first = 0, count = chunks
    if span.ranks != NULL:
        first = share_begin(chunks, 1, span.ranks.size, span.ranks.rank)
        count = share_begin(chunks, 1, span.ranks.size, span.ranks.rank + 1) - first
    chunk[0] = first + share_begin(count, 1, team.size, rank)
    last[0] = first + share_begin(count, 1, team.size, rank + 1)
