# The step of a dense chain: dense layers in a line, with activations between them and behind the
# last. It computes the same bits as the layer table (network.pxi, gradients.pxi): each sum has the
# same terms in the same order. It is quicker because small layers are bound by all that is not
# arithmetic:
#
# - what the rows of the table say is looked up once a span, not at each step;
# - the first layer reads rows of x where they are, through a table of pointers; only for a single
#   unit, which reads beyond their ends, are they copied;
# - tiles fit narrow layers (tiles.h), and kernels are transposed by shuffles;
# - a tile writes gradients beyond its end, where those of the next rows follow.
#
# A member of a team takes some rows of a batch, and all gradients of whole chunks of them.

cdef extern from "kernels/tiles.h":
    ctypedef struct Tiles "fastgd_tiles":
        int64_t M, N, K
        const void** rows
        const void* B
        int64_t b_row
        const void* start
        void* C
        int64_t c_row
        int64_t finish
        const void* gate
    void _product_f "fastgd_product_f"(const Tiles*) noexcept nogil
    void _product_d "fastgd_product_d"(const Tiles*) noexcept nogil
    void _outer_f "fastgd_outer_f"(const Tiles*) noexcept nogil
    void _outer_d "fastgd_outer_d"(const Tiles*) noexcept nogil
    void _transposed_product_f "fastgd_transposed_product_f"(const Tiles*) noexcept nogil
    void _transposed_product_d "fastgd_transposed_product_d"(const Tiles*) noexcept nogil
    void _column_sums_f "fastgd_column_sums_f"(const Tiles*) noexcept nogil
    void _column_sums_d "fastgd_column_sums_d"(const Tiles*) noexcept nogil
    void _transpose_f "fastgd_transpose_f"(
        int64_t, int64_t, const float*, int64_t, float*, int64_t) noexcept nogil
    void _transpose_d "fastgd_transpose_d"(
        int64_t, int64_t, const double*, int64_t, double*, int64_t) noexcept nogil
    void _row_sums_f "fastgd_row_sums_f"(
        int64_t, int64_t, const float*, int64_t, const float*, float, float*) noexcept nogil
    void _row_sums_d "fastgd_row_sums_d"(
        int64_t, int64_t, const double*, int64_t, const double*, double, double*) noexcept nogil


cdef inline void small_product(const Tiles* tiles, real of_type) noexcept nogil:
    if real is float:
        _product_f(tiles)
    else:
        _product_d(tiles)


cdef inline void outer_product(const Tiles* tiles, real of_type) noexcept nogil:
    if real is float:
        _outer_f(tiles)
    else:
        _outer_d(tiles)


cdef inline void transposed_product(const Tiles* tiles, real of_type) noexcept nogil:
    if real is float:
        _transposed_product_f(tiles)
    else:
        _transposed_product_d(tiles)


cdef inline void chain_column_sums(const Tiles* tiles, real of_type) noexcept nogil:
    if real is float:
        _column_sums_f(tiles)
    else:
        _column_sums_d(tiles)


cdef inline void transpose(int64_t rows, int64_t columns, const real* a, int64_t a_row, real* out,
                           int64_t out_row) noexcept nogil:
    """Compute out[j, i] = a[i, j]; both are read and written up to whole squares of four."""
    if real is float:
        _transpose_f(rows, columns, a, a_row, out, out_row)
    else:
        _transpose_d(rows, columns, a, a_row, out, out_row)


# A row of the layer table in a chain. `void` stands for the network's type.
cdef struct Link:
    LayerRows job           # for the rows of take_part
    bint runs, back         # whether the loss depends on it, and whether its gradient is wanted
    const void* source      # of a whole batch: its source and target, and their gradients
    void* target
    void* d_source
    void* d_target
    # of a dense row, the products for target, d_source and the gradient of the kernel
    Tiles forward
    Tiles backward
    Tiles gradient
    const void** source_rows    # pointers to the rows of source; to those of x in net.pointers
    const void** delta_rows     # and of d_target


cdef inline Link* links_of(const Network* net, void* scratch) noexcept nogil:
    return <Link*>(<char*>scratch + net.chain_start)


cdef inline int64_t whole_squares(int64_t n) noexcept nogil:
    """Round n up to whole squares of `transpose`."""
    return (n + 3) // 4 * 4


cdef inline int64_t transposed_size(int64_t inputs, int64_t units) noexcept nogil:
    """Return the elements of a transposed kernel, with a tile behind it."""
    return whole_squares(units) * whole_squares(inputs) + LANES


cdef int64_t chain_bytes(const Network* net) noexcept nogil:
    """Return the bytes of scratch that a chain needs, for its links and their kernels."""
    cdef int64_t i, elements = 0
    for i in range(net.row_count):
        elements += transposed_size(net.width[net.rows[i].source], net.width[net.rows[i].target])
    return links_bytes(net) + elements * itemsize(net)


cdef inline int64_t links_bytes(const Network* net) noexcept nogil:
    """Return the bytes of the links, and of pointers to the rows that they read."""
    cdef int64_t pointers = 2 * min(net.capacity, <int64_t>CHAIN_ROWS) * <int64_t>sizeof(void*)
    return (net.row_count * (<int64_t>sizeof(Link) + pointers) + 63) // 64 * 64


cdef void begin_chain(const Network* net, int64_t rows, const real* x,
                      void* scratch) noexcept nogil:
    """Describe the links for batches of at most `rows` <= CHAIN_ROWS rows, in the scratch of a
    member; x: room for gathered rows of x."""
    cdef Link* links = links_of(net, scratch)
    cdef const void** pointers = <const void**>(links + net.row_count)
    cdef real* transposed = <real*>(<char*>links + links_bytes(net))
    cdef Link* link
    cdef LayerRows* job
    cdef Batch batch
    cdef int64_t i, k
    batch.training = True
    batch.clip = 0
    for i in range(net.row_count):
        link = &links[i]
        job = &link.job
        job[0] = layer_rows(net, &batch, 0, 0, x, scratch)
        take_row(job, i, x)
        job.flags = net.flags[i]
        job.d_stride = job.source_stride
        job.first_row = -1
        link.runs = job.flags & FLAG_RUNS != 0
        link.back = job.flags & FLAG_BACK != 0
        link.source = values_at(net, x, job.row.source, 0)
        link.target = buffer_at(net, <real*>net.values, job.row.target)
        link.d_target = buffer_at(net, <real*>net.deltas, job.row.target)
        link.d_source = NULL
        if job.row.source > 0:
            link.d_source = buffer_at(net, <real*>net.deltas, job.row.source)
        if job.row.op == OP_DENSE:
            link.source_rows = net.pointers
            if i > 0:
                link.source_rows = pointers
                for k in range(rows):
                    pointers[k] = <const real*>link.source + k * job.source_stride
                pointers += rows
            link.delta_rows = pointers
            for k in range(rows):
                pointers[k] = <const real*>link.d_target + k * job.stride
            pointers += rows
            describe_products(link, kernel_of(job, <real>0), bias_of(job, <real>0), transposed)
            transposed += transposed_size(job.source_width, job.width)


cdef void describe_products(Link* link, const real* kernel, const real* bias,
                            const real* transposed) noexcept nogil:
    """Fill in all of a dense row's products but what take_part and chain_parameters do.

    transposed: room for the transposed kernel.
    """
    cdef const LayerRows* job = &link.job
    link.forward = Tiles(
        M=0, N=job.width, K=job.source_width, rows=NULL, B=kernel, b_row=job.width,
        start=bias, C=NULL, c_row=job.stride,
        finish=FINISH_RELU if job.row.kind == ACTIVATION_RELU else FINISH_NONE, gate=NULL)
    link.backward = Tiles(
        M=0, N=job.source_width, K=job.width, rows=NULL, B=kernel,
        b_row=whole_squares(job.source_width), start=NULL, C=NULL, c_row=job.d_stride,
        finish=FINISH_GATE if job.flags & FLAG_GATES else FINISH_NONE, gate=NULL)
    link.gradient = Tiles(
        M=job.source_width, N=job.width, K=0, rows=NULL, B=NULL, b_row=job.stride,
        start=NULL, C=NULL, c_row=job.width, finish=FINISH_NONE, gate=NULL)
    if job.width > 1:
        link.backward.B = transposed
    else:  # the transposed product is one row
        link.gradient.M = 1
        link.gradient.N = job.source_width
        link.gradient.b_row = job.source_stride


cdef inline void take_part(Link* link, int64_t first, int64_t rows, real of_type) noexcept nogil:
    """Take some rows of a link's buffers."""
    cdef LayerRows* job = &link.job
    job.rows = rows
    link.forward.M = rows
    link.backward.M = rows
    if job.first_row == first:
        return
    job.first_row = first
    job.source = <const real*>link.source + first * job.source_stride
    job.target = <real*>link.target + first * job.stride
    link.forward.rows = link.source_rows + first
    link.forward.C = job.target
    link.forward.gate = job.target
    link.backward.rows = link.delta_rows + first
    link.backward.gate = job.source
    if link.d_source != NULL:
        link.backward.C = <real*>link.d_source + first * job.d_stride


cdef inline void chain_unit(const LayerRows* job, const real* source, real* target) noexcept nogil:
    """Compute target = source kernel + bias of a single unit, as single_unit does."""
    cdef const real* kernel = kernel_of(job, <real>0)
    cdef const real* bias = bias_of(job, <real>0)
    cdef real b = <real>0 if bias == NULL else bias[0]
    if job.source_width > CHAIN_INPUTS or job.rows < 3:
        single_unit(job.rows, job.source_width, source, job.source_stride, kernel, bias, target, 1)
    elif real is float:
        _row_sums_f(job.rows, job.source_width, source, job.source_stride, kernel, b, target)
    else:
        _row_sums_d(job.rows, job.source_width, source, job.source_stride, kernel, b, target)


cdef inline void chain_forward(const Link* link, const real* source,
                               real* target) noexcept nogil:
    """Compute a row of the table forward."""
    cdef const LayerRows* job = &link.job
    cdef int64_t kind = job.row.kind
    if job.row.op != OP_DENSE:
        activation_forward(job, source, target)
        return
    if job.width > 1:
        small_product(&link.forward, <real>0)
        if kind == ACTIVATION_RELU:
            return
    else:
        chain_unit(job, source, target)
    if kind != ACTIVATION_LINEAR:
        activate(kind, <const double*>NULL, job.rows, job.width, <const real*>target, job.stride,
                 target, job.stride)


cdef inline void chain_backward(Link* link, real* d_target, real* d_source) noexcept nogil:
    """Compute the gradient of a row's source, unless that is x."""
    cdef const LayerRows* job = &link.job
    if job.row.op != OP_DENSE:
        activation_source_gradient(job, <const real*>d_target, d_source)
        return
    dense_finish_gradient(job, <const real*>d_target, d_target)
    if link.d_source == NULL:
        return
    if job.width == 1:
        outer_product(&link.backward, <real>0)
    else:
        small_product(&link.backward, <real>0)


cdef inline void chain_parameters(Link* link, int64_t first, int64_t rows,
                                  real* out) noexcept nogil:
    """Compute the gradients of a dense row's kernel and bias, which may spill into what follows."""
    cdef const LayerRows* job = &link.job
    cdef Tiles* tiles = &link.gradient
    cdef const real* d_target = <const real*>link.d_target + first * job.stride
    tiles.K = rows
    tiles.C = out + job.row.kernel
    if job.width == 1:
        tiles.rows = link.delta_rows + first
        tiles.B = <const real*>link.source + first * job.source_stride
        small_product(tiles, <real>0)
        if job.row.bias >= 0:
            sum_column(rows, d_target, out + job.row.bias)
        return
    tiles.rows = link.source_rows + first
    tiles.B = d_target
    transposed_product(tiles, <real>0)
    if job.row.bias >= 0:
        tiles.C = out + job.row.bias
        chain_column_sums(tiles, <real>0)


cdef inline bint is_plain_loss(const Network* net) noexcept nogil:
    """Return whether the only score is a loss of points on one output, without weights of rows."""
    cdef const LossTerm* term = net.terms
    return (net.term_count == 1 and net.metric_count == 0 and net.target_width == 1
            and net.width[term.source] == 1 and net.term_adds[0] == 0
            and loss_loops[0][term.kind].values != NULL
            and term.reduction != REDUCTION_WEIGHTED_MEAN)


cdef void plain_losses(const Network* net, const Batch* batch, const real* y) noexcept nogil:
    """Compute what `score` does for all rows of a batch, where is_plain_loss.

    Whole blocks are computed: numbers behind the last row are never used.
    """
    cdef const LossTerm* term = net.terms
    cdef const PointLoss* loops = &loss_loops[0 if real is float else 1][term.kind]
    cdef const real* p = values_at(net, y, term.source, 0)
    cdef real* d_p = buffer_at(net, <real*>net.deltas, term.source)
    cdef int64_t n = (batch.rows + POINTS - 1) // POINTS * POINTS, i
    cdef bint is_mean = term.reduction == REDUCTION_MEAN and batch.clip == 0
    cdef real denominator = <real>(batch.rows if is_mean else 1)
    cdef real scale = <real>term.weight * (<real>1 / denominator)
    cdef real[LOSS_SETTINGS] c
    point_settings(term.kind, net.settings + term.settings, c)
    loops.values(c, n, p, y, net.row_values)
    loops.slopes(c, n, p, y, d_p)
    for i in range(whole(n)):
        d_p[i] = scale * d_p[i]


cdef void chain_step(const Network* net, const Batch* batch, const ChainPart* part, const real* y,
                     void* scratch) noexcept nogil:
    """Compute outputs, losses and gradients for a member's part of a batch.

    If there are chunks of rows, the gradients of each go to the chunk's room.
    """
    cdef Link* links = links_of(net, scratch)
    cdef Link* link
    cdef LayerRows job
    cdef int64_t rows = part.row_end - part.row, chunk, first, last, i
    cdef bint everything = net.metric_count > 0
    cdef real* gradients = <real*>net.gradients
    for i in range(1, net.row_count):
        link = &links[i]
        if link.back and link.job.width > 1 and link.job.row.op == OP_DENSE:
            transpose(link.job.source_width, link.job.width, kernel_of(&link.job, <real>0),
                      link.job.width, <real*>link.backward.B, link.backward.b_row)
    for i in range(net.row_count):
        link = &links[i]
        if everything or link.runs:
            link.job.batch = batch
            take_part(link, part.row, rows, <real>0)
            chain_forward(link, <const real*>link.job.source, <real*>link.job.target)
    if rows == batch.rows and is_plain_loss(net):
        plain_losses(net, batch, y)
    else:
        score(net, batch, part.row, rows, y, y, True, scratch)
    for i in range(net.row_count - 1, -1, -1):
        link = &links[i]
        if link.back:
            chain_backward(link, <real*>link.d_target + part.row * link.job.stride,
                           <real*>link.d_source + part.row * link.job.d_stride)
    if batch.clip > 0:
        job = layer_rows(net, batch, part.row, rows, <const real*>links.source, scratch)
        clip_blocks(&job, net.flags, net.pointers if links.job.width > 1 else NULL,
                    <const real*>links.source, NULL)
    for chunk in range(part.chunk, part.last_chunk):
        first = chunk_begin(batch.rows, part.chunks, chunk)
        last = chunk_begin(batch.rows, part.chunks, chunk + 1)
        if part.chunks > 1:
            gradients = <real*>net.chunks + chunk * net.chunk_size
        for i in range(net.row_count):
            link = &links[i]
            if link.back and link.job.row.op == OP_DENSE:
                chain_parameters(link, first, last - first, gradients)
