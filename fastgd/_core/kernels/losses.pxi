# Losses: the value of each row, and the gradient of their mean over the rows of a batch.
#
# A loss of points is a function of one prediction and one target, and a row's loss is the mean
# over its points; the others look at a whole row at once. The value of a row depends on that row
# alone, so that no figure depends on the batch a row stands in. The gradient of row i is
# multiplied by numerators[i * step] / denominator (step 0: one numerator for all), into which
# the builder puts the row's weight and the size of the batch.

include "loss_points.pxi"
include "loss_categories.pxi"
include "loss_vectors.pxi"


cdef void loss_rows(
    const LossTerm* term, const double* settings, int64_t rows, int64_t width, int64_t stride,
    const real* p, const real* y, int64_t y_stride, const real* numerators, int64_t step,
    real denominator, real* values, real* d_p, real* line,
) noexcept nogil:
    """The loss of each row, and its gradient with respect to the predictions.

    settings: the loss's numbers. p: predictions (or logits), `rows` rows of `width`, `stride`
    apart. y: targets, rows that are y_stride apart: `width` values, or fewer where the loss says
    so. values: out, one a row. d_p: out, laid out as p, or NULL. line: room for `width`.
    """
    cdef int64_t loss = term.kind
    cdef bint logits, sparse
    if LOSS_CATEGORICAL_CROSSENTROPY <= loss <= LOSS_SPARSE_CATEGORICAL_CROSSENTROPY_LOGITS:
        logits = (loss == LOSS_CATEGORICAL_CROSSENTROPY_LOGITS
                  or loss == LOSS_SPARSE_CATEGORICAL_CROSSENTROPY_LOGITS)
        sparse = loss >= LOSS_SPARSE_CATEGORICAL_CROSSENTROPY
        category_rows(logits, sparse, settings, rows, width, stride, p, y, y_stride, numerators,
                      step, denominator, values, d_p, line)
    elif (loss == LOSS_CATEGORICAL_FOCAL_CROSSENTROPY
            or loss == LOSS_CATEGORICAL_FOCAL_CROSSENTROPY_LOGITS):
        logits = loss == LOSS_CATEGORICAL_FOCAL_CROSSENTROPY_LOGITS
        focal_rows(logits, settings, rows, width, stride, p, y, y_stride, numerators, step,
                   denominator, values, d_p, line)
    elif LOSS_CATEGORICAL_HINGE <= loss <= LOSS_GAUSSIAN_NEGATIVE_LOG_LIKELIHOOD:
        vector_rows(loss, settings, rows, width, stride, p, y, y_stride, numerators, step,
                    denominator, values, d_p, line)
    elif loss == LOSS_COMPILED:
        compiled_rows(<PointFunction><void*>term.value, <PointFunction><void*>term.slope, rows,
                      width, stride, p, y, y_stride, numerators, step, denominator, values, d_p,
                      line)
    else:
        point_rows(loss, settings, rows, width, stride, p, y, y_stride, numerators, step,
                   denominator, values, d_p, line)
