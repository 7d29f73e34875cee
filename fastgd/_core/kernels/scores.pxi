# The losses and metrics of a batch: of each row, then their sums.
#
# The totals: [penalties times rows, rows, then a pair for each loss term (the sum of its rows'
# losses times their weights, and the sum of its divisors), then for each metric: the sum of its
# rows' values times their weights and the sum of the weights, or the sums of a collecting metric;
# losses of whole batches have sums there, too]. The sums run in double precision over the rows in
# their order, so that they do not depend on the batch size.

cdef inline real row_weight(real weight, real value) noexcept nogil:
    """Return weight * value, 0 for a weight of 0, whatever the value is."""
    return <real>0 if weight == 0 else weight * value


cdef inline void take_metric(LossRows* job, const Network* net,
                             const MetricTerm* metric) noexcept nogil:
    """Take the fields of a metric."""
    job.settings = net.settings + metric.settings
    job.width = net.width[metric.source]
    job.stride = net.stride[metric.source]
    job.columns = metric.columns


cdef void score(const Network* net, const Batch* batch, int64_t first_row, int64_t rows,
                const real* y, const real* x, bint slopes, void* scratch) noexcept nogil:
    """Compute the losses and metrics of single rows of a batch, in net.row_values.

    With `slopes`, also the gradients of the objective, in the deltas.
    """
    cdef real* line = <real*>(<char*>scratch + net.line_start)
    cdef real* numerators = <real*>(<char*>scratch + net.numerators_start)
    cdef real* row_values = <real*>net.row_values + first_row
    cdef const real* y_rows = y + first_row * net.target_width
    cdef const LossTerm* term
    cdef const MetricTerm* metric
    cdef const real* weights
    cdef int64_t i, j, k, width, stride, step
    cdef real* d_p
    cdef real* d_source
    cdef real denominator, factor
    cdef LossRows job
    job.rows = rows
    job.y_stride = net.target_width
    job.numerators = numerators
    job.line = line
    for k in range(net.term_count):
        term = &net.terms[k]
        width = net.width[term.source]
        stride = net.stride[term.source]
        weights = y_rows + term.weight_column
        step = term.weight_column >= 0
        numerators[0] = <real>term.weight
        if step:
            for i in range(rows):
                numerators[i] = <real>term.weight * weights[i * net.target_width]
        denominator = <real>1
        if batch.clip > 0:
            pass  # the slopes are those of each row's own loss
        elif term.reduction == REDUCTION_MEAN:
            denominator = row_count(net, batch, term, y)
        elif term.reduction == REDUCTION_WEIGHTED_MEAN:
            denominator = weight_sum(net, batch, term, y)
        d_p = NULL
        if slopes:
            d_source = buffer_at(net, <real*>net.deltas, term.source) + first_row * stride
            d_p = d_source
            if net.term_adds[k]:
                d_p = <real*>net.deltas + net.row_width * net.capacity + first_row * stride
        job.settings = net.settings + term.settings
        job.width = width
        job.stride = stride
        job.p = values_at(net, x, term.source, first_row)
        job.y = y_rows + term.y_column
        job.step = step
        job.denominator = denominator
        job.values = row_values
        job.d_p = d_p
        if term.kind == LOSS_ACTIVITY:
            activity_rows(&job, <const real*>job.p)
        elif term.kind == CALL_FUNCTION:
            call_loss(net, term, &job, <const real*>job.p)
            if slopes:
                factor = <real>1 / denominator
                for i in range(rows):
                    for j in range(width):
                        d_p[i * stride + j] *= numerators[i * step] * factor
        elif slopes or not couples_rows(term.kind):  # without them, add_scores collects the rows
            loss_rows(term, &job, <const real*>job.p)
        if step:
            for i in range(rows):
                row_values[i] = row_weight(weights[i * net.target_width], row_values[i])
            if slopes:
                for i in range(rows):
                    if weights[i * net.target_width] == 0:
                        fill_columns(1, width, <real>0, d_p + i * stride, stride)
        if slopes and net.term_adds[k]:
            add_columns(rows, width, <const real*>d_p, stride, d_source, stride)
        row_values += net.capacity
    for k in range(net.metric_count):
        metric = &net.metrics[k]
        if metric.kind >= METRIC_COUNTS:
            row_values += net.capacity  # add_scores adds its rows
            continue
        take_metric(&job, net, metric)
        job.p = values_at(net, x, metric.source, first_row)
        job.y = y_rows + metric.y_column
        job.values = row_values
        metric_rows(metric, &job, <const real*>job.p)
        if metric.weight_column >= 0:
            weights = y_rows + metric.weight_column
            for i in range(rows):
                row_values[i] = row_weight(weights[i * net.target_width], row_values[i])
        row_values += net.capacity


cdef inline bint counts(const LossTerm* term, const double* settings, const real* y) noexcept nogil:
    """Return whether a loss counts a row of y."""
    return not ignores_rows(term, settings) or y[term.y_column] != <real>settings[1]


cdef double with_counted(const Network* net, const Batch* batch, const LossTerm* term,
                         const real* y, double total) noexcept nogil:
    """Return total + the number of rows of a batch that a loss counts."""
    cdef const double* settings = net.settings + term.settings
    cdef int64_t i
    if not ignores_rows(term, settings):
        return total + <double>batch.rows
    for i in range(batch.rows):
        total += <double>counts(term, settings, y + i * net.target_width)
    return total


cdef double with_counted_weights(const Network* net, const Batch* batch, const LossTerm* term,
                                 const real* y, double total) noexcept nogil:
    """Return total + the weights of the rows of a batch that a loss counts."""
    cdef const double* settings = net.settings + term.settings
    cdef const real* row
    cdef int64_t i
    if term.weight_column < 0:
        return with_counted(net, batch, term, y, total)
    for i in range(batch.rows):
        row = y + i * net.target_width
        if counts(term, settings, row):
            total += row[term.weight_column]
    return total


cdef real row_count(const Network* net, const Batch* batch, const LossTerm* term,
                    const real* y) noexcept nogil:
    """Return how many rows of a batch a loss counts; 1 for 0, since the losses are 0 then."""
    cdef double total = with_counted(net, batch, term, y, 0)
    return <real>total if total != 0 else <real>1


cdef real weight_sum(const Network* net, const Batch* batch, const LossTerm* term,
                     const real* y) noexcept nogil:
    """Return the sum of their weights; 1 for 0, since the losses are 0 then."""
    cdef double total = with_counted_weights(net, batch, term, y, 0)
    return <real>total if total != 0 else <real>1


cdef double batch_share(const Network* net, const Batch* batch, const real* y) noexcept nogil:
    """Return the factor of the sum of a batch's losses, those of the first term."""
    cdef const LossTerm* term = net.terms
    if net.penalties.count == 0 or net.term_count == 0 or term.reduction == REDUCTION_SUM:
        return 1
    if term.reduction == REDUCTION_MEAN:
        return 1 / <double>row_count(net, batch, term, y)
    return 1 / <double>weight_sum(net, batch, term, y)


cdef inline double with_rows(int64_t rows, const real* values, double total) noexcept nogil:
    """Return total + the values, in their order."""
    cdef int64_t i
    for i in range(rows):
        total += values[i]
    return total


cdef inline double with_weights(const Network* net, int64_t rows, int64_t weight_column,
                                const real* y, double total) noexcept nogil:
    """Return total + the weights of the rows of y."""
    cdef int64_t i
    if weight_column < 0:
        return total + <double>rows
    for i in range(rows):
        total += y[i * net.target_width + weight_column]
    return total


cdef inline LossTerm loss_of(const Network* net, const MetricTerm* metric) noexcept nogil:
    """Return the loss of a METRIC_LOSS, with the fields that say which rows count."""
    cdef LossTerm loss
    loss.kind = <int64_t>net.settings[metric.settings]
    loss.settings = metric.settings + 1
    loss.y_column = metric.y_column
    loss.weight_column = metric.weight_column
    return loss


cdef void collect(const Network* net, int64_t rows, const MetricTerm* metric, const real* x,
                  const real* y, double* totals) noexcept nogil:
    """Add the rows of a batch to the totals of a collecting metric."""
    cdef const real* p = values_at(net, x, metric.source, 0)
    cdef LossRows job
    if metric.kind == CALL_FUNCTION:
        call_metric(net, metric, rows, p, y)
        return
    take_metric(&job, net, metric)
    job.rows = rows
    job.y_stride = net.target_width
    job.weights = y + metric.weight_column if metric.weight_column >= 0 else NULL
    job.line = <char*>net.scratch + net.line_start
    y = y + metric.y_column
    if metric.kind == METRIC_COUNTS:
        collect_counts(&job, p, y, totals)
    elif metric.kind == METRIC_CLASS_COUNTS:
        collect_class_counts(&job, p, y, totals)
    elif metric.kind == METRIC_CONFUSION:
        collect_confusion(&job, p, y, totals)
    elif metric.kind == METRIC_MOMENTS:
        collect_moments(&job, p, y, totals)
    else:  # METRIC_CALIBRATION
        collect_calibration(&job, p, y, totals)


cdef double collected(const Network* net, int64_t rows, const LossTerm* term, const real* x,
                      const real* y, const real* room, double* totals) noexcept nogil:
    """Add the rows of a batch to the totals of a loss of whole batches; room: for their values.

    Returns the loss of all rows so far, times their number.
    """
    cdef LossRows job
    cdef double loss
    job.settings = net.settings + term.settings
    job.rows = rows
    job.width = net.width[term.source]
    job.stride = net.stride[term.source]
    job.y = y + term.y_column
    job.y_stride = net.target_width
    job.values = <void*>room
    loss = collected_loss(
        term.kind, &job, values_at(net, x, term.source, 0), totals + term.totals)
    return loss * totals[term.totals + RETURN_COUNT]


cdef int add_scores(const Network* net, const Batch* batch, const real* x, const real* y,
                    bint must_be_finite, double penalty, double* totals) noexcept nogil:
    """Add the results of `score` for a batch, and the penalties, to `totals`.

    Losses that must be finite and are not add nothing: STATUS_LOSS.
    """
    cdef const real* row_values = <const real*>net.row_values
    cdef double* sums = totals + TERM_START
    cdef const LossTerm* term
    cdef const MetricTerm* metric
    cdef LossTerm loss
    cdef int64_t k
    if must_be_finite and not is_finite(totals[0] + penalty * <double>batch.rows):
        return STATUS_LOSS
    for k in range(net.term_count):
        term = &net.terms[k]
        if not couples_rows(term.kind):
            net.sums[k] = with_rows(batch.rows, row_values, sums[2 * k])
        elif batch.training:  # all rows have the same
            net.sums[k] = sums[2 * k] + <double>row_values[0] * <double>batch.rows
        else:
            net.sums[k] = collected(net, batch.rows, term, x, y, row_values, totals)
        if must_be_finite and not is_finite(net.sums[k]):
            return STATUS_LOSS
        row_values += net.capacity
    for k in range(net.term_count):
        term = &net.terms[k]
        sums[2 * k] = net.sums[k]
        if term.reduction == REDUCTION_MEAN:
            sums[2 * k + 1] = with_counted(net, batch, term, y, sums[2 * k + 1])
        elif term.reduction == REDUCTION_WEIGHTED_MEAN:
            sums[2 * k + 1] = with_counted_weights(net, batch, term, y, sums[2 * k + 1])
    totals[0] += penalty * <double>batch.rows
    totals[1] += <double>batch.rows
    for k in range(net.metric_count):
        metric = &net.metrics[k]
        sums = totals + metric.totals
        if metric.kind >= METRIC_COUNTS:
            collect(net, batch.rows, metric, x, y, sums)
            row_values += net.capacity
            continue
        sums[0] = with_rows(batch.rows, row_values, sums[0])
        if metric.kind == METRIC_LOSS:
            loss = loss_of(net, metric)
            sums[1] = with_counted_weights(net, batch, &loss, y, sums[1])
        else:
            sums[1] = with_weights(net, batch.rows, metric.weight_column, y, sums[1])
        row_values += net.capacity
    return STATUS_FINE
