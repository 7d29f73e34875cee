# Losses: the value of each row, and the gradient of their mean over the rows of a batch.
#
# A loss of points is a function of one prediction and one target, and a row's loss is the mean over
# its points; the others take a whole row at once. The value of a row depends on that row alone, not
# on its batch, but for the losses of loss_batches.pxi. The gradient of row i is multiplied by
# numerators[i * step] / denominator (step 0: one numerator for all), which hold the row's weight
# and the size of the batch.

# Rows of a batch for a loss or a metric. `void` stands for the network's type.
cdef struct LossRows:
    const double* settings      # the loss's numbers
    int64_t rows
    int64_t width
    int64_t stride              # of p and d_p
    const void* p               # predictions, or logits
    const void* y               # targets: `width` values a row, or fewer for some losses
    int64_t y_stride
    const void* numerators
    int64_t step
    double denominator
    void* values                # out, one a row
    void* d_p                   # out, laid out as p, or NULL
    void* line                  # room for `width`
    int64_t columns             # of y; for a metric only
    const void* weights         # laid out as y, for a metric that collects; or NULL

include "loss_points.pxi"
include "loss_categories.pxi"
include "loss_vectors.pxi"
include "loss_forecasts.pxi"
include "loss_batches.pxi"


cdef inline double weight_at(const LossRows* job, int64_t i, real of_type) noexcept nogil:
    """Return the weight of a row; where it is 0, the row does not count."""
    return 1 if job.weights == NULL else (<const real*>job.weights)[i * job.y_stride]


cdef void loss_rows(const LossTerm* term, const LossRows* job, const real* p) noexcept nogil:
    """Compute the loss of each row, and its gradient with respect to the predictions p, which are
    job.p."""
    cdef int64_t loss = term.kind
    cdef bint logits, sparse
    if LOSS_CATEGORICAL_CROSSENTROPY <= loss <= LOSS_SPARSE_CATEGORICAL_CROSSENTROPY_LOGITS:
        logits = (loss == LOSS_CATEGORICAL_CROSSENTROPY_LOGITS
                  or loss == LOSS_SPARSE_CATEGORICAL_CROSSENTROPY_LOGITS)
        sparse = loss >= LOSS_SPARSE_CATEGORICAL_CROSSENTROPY
        category_rows(logits, sparse, job, p)
    elif (loss == LOSS_CATEGORICAL_FOCAL_CROSSENTROPY
            or loss == LOSS_CATEGORICAL_FOCAL_CROSSENTROPY_LOGITS):
        focal_rows(loss == LOSS_CATEGORICAL_FOCAL_CROSSENTROPY_LOGITS, job, p)
    elif LOSS_CATEGORICAL_HINGE <= loss <= LOSS_GAUSSIAN_NEGATIVE_LOG_LIKELIHOOD:
        vector_rows(loss, job, p)
    elif loss == LOSS_FISSLER_ZIEGEL or loss == LOSS_GAUSSIAN_CRPS:
        forecast_rows(loss, job, p)
    elif couples_rows(loss):
        batch_loss(loss, job, p)
    elif loss == LOSS_COMPILED:
        compiled_rows(
            <PointFunction><void*>term.value, <PointFunction><void*>term.slope, job, p)
    else:
        point_rows(loss, job, p)
