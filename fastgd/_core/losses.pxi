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
    # One loop is compiled for each loss: its code is a constant in each of these calls.
    cdef int64_t loss = term.kind
    if loss == LOSS_MEAN_SQUARED_ERROR:
        point_rows(LOSS_MEAN_SQUARED_ERROR, settings, rows, width, stride, p, y, y_stride,
                   numerators, step, denominator, values, d_p, line)
    elif loss == LOSS_MEAN_ABSOLUTE_ERROR:
        point_rows(LOSS_MEAN_ABSOLUTE_ERROR, settings, rows, width, stride, p, y, y_stride,
                   numerators, step, denominator, values, d_p, line)
    elif loss == LOSS_BINARY_CROSSENTROPY:
        point_rows(LOSS_BINARY_CROSSENTROPY, settings, rows, width, stride, p, y, y_stride,
                   numerators, step, denominator, values, d_p, line)
    elif loss == LOSS_BINARY_CROSSENTROPY_LOGITS:
        point_rows(LOSS_BINARY_CROSSENTROPY_LOGITS, settings, rows, width, stride, p, y,
                   y_stride, numerators, step, denominator, values, d_p, line)
    elif loss == LOSS_CATEGORICAL_CROSSENTROPY:
        category_rows(False, False, settings, rows, width, stride, p, y, y_stride, numerators,
                      step, denominator, values, d_p, line)
    elif loss == LOSS_CATEGORICAL_CROSSENTROPY_LOGITS:
        category_rows(True, False, settings, rows, width, stride, p, y, y_stride, numerators,
                      step, denominator, values, d_p, line)
    elif loss == LOSS_SPARSE_CATEGORICAL_CROSSENTROPY:
        category_rows(False, True, settings, rows, width, stride, p, y, y_stride, numerators,
                      step, denominator, values, d_p, line)
    elif loss == LOSS_SPARSE_CATEGORICAL_CROSSENTROPY_LOGITS:
        category_rows(True, True, settings, rows, width, stride, p, y, y_stride, numerators,
                      step, denominator, values, d_p, line)
    elif loss == LOSS_MEAN_ABSOLUTE_PERCENTAGE_ERROR:
        point_rows(LOSS_MEAN_ABSOLUTE_PERCENTAGE_ERROR, settings, rows, width, stride, p, y,
                   y_stride, numerators, step, denominator, values, d_p, line)
    elif loss == LOSS_MEAN_SQUARED_LOGARITHMIC_ERROR:
        point_rows(LOSS_MEAN_SQUARED_LOGARITHMIC_ERROR, settings, rows, width, stride, p, y,
                   y_stride, numerators, step, denominator, values, d_p, line)
    elif loss == LOSS_HUBER:
        point_rows(LOSS_HUBER, settings, rows, width, stride, p, y, y_stride, numerators, step,
                   denominator, values, d_p, line)
    elif loss == LOSS_LOG_COSH:
        point_rows(LOSS_LOG_COSH, settings, rows, width, stride, p, y, y_stride, numerators,
                   step, denominator, values, d_p, line)
    elif loss == LOSS_HINGE:
        point_rows(LOSS_HINGE, settings, rows, width, stride, p, y, y_stride, numerators, step,
                   denominator, values, d_p, line)
    elif loss == LOSS_SQUARED_HINGE:
        point_rows(LOSS_SQUARED_HINGE, settings, rows, width, stride, p, y, y_stride, numerators,
                   step, denominator, values, d_p, line)
    elif loss == LOSS_POISSON:
        point_rows(LOSS_POISSON, settings, rows, width, stride, p, y, y_stride, numerators, step,
                   denominator, values, d_p, line)
    elif loss == LOSS_POISSON_LOG:
        point_rows(LOSS_POISSON_LOG, settings, rows, width, stride, p, y, y_stride, numerators,
                   step, denominator, values, d_p, line)
    elif loss == LOSS_GAMMA:
        point_rows(LOSS_GAMMA, settings, rows, width, stride, p, y, y_stride, numerators, step,
                   denominator, values, d_p, line)
    elif loss == LOSS_GAMMA_LOG:
        point_rows(LOSS_GAMMA_LOG, settings, rows, width, stride, p, y, y_stride, numerators,
                   step, denominator, values, d_p, line)
    elif loss == LOSS_TWEEDIE:
        point_rows(LOSS_TWEEDIE, settings, rows, width, stride, p, y, y_stride, numerators, step,
                   denominator, values, d_p, line)
    elif loss == LOSS_TWEEDIE_LOG:
        point_rows(LOSS_TWEEDIE_LOG, settings, rows, width, stride, p, y, y_stride, numerators,
                   step, denominator, values, d_p, line)
    elif loss == LOSS_BINARY_FOCAL_CROSSENTROPY:
        point_rows(LOSS_BINARY_FOCAL_CROSSENTROPY, settings, rows, width, stride, p, y, y_stride,
                   numerators, step, denominator, values, d_p, line)
    elif loss == LOSS_BINARY_FOCAL_CROSSENTROPY_LOGITS:
        point_rows(LOSS_BINARY_FOCAL_CROSSENTROPY_LOGITS, settings, rows, width, stride, p, y,
                   y_stride, numerators, step, denominator, values, d_p, line)
    elif loss == LOSS_CATEGORICAL_FOCAL_CROSSENTROPY:
        focal_rows(False, settings, rows, width, stride, p, y, y_stride, numerators, step,
                   denominator, values, d_p, line)
    elif loss == LOSS_CATEGORICAL_FOCAL_CROSSENTROPY_LOGITS:
        focal_rows(True, settings, rows, width, stride, p, y, y_stride, numerators, step,
                   denominator, values, d_p, line)
    elif loss == LOSS_COSINE_SIMILARITY:
        vector_rows(LOSS_COSINE_SIMILARITY, settings, rows, width, stride, p, y, y_stride,
                    numerators, step, denominator, values, d_p, line)
    elif loss == LOSS_KL_DIVERGENCE:
        vector_rows(LOSS_KL_DIVERGENCE, settings, rows, width, stride, p, y, y_stride,
                    numerators, step, denominator, values, d_p, line)
    elif loss == LOSS_CATEGORICAL_HINGE:
        vector_rows(LOSS_CATEGORICAL_HINGE, settings, rows, width, stride, p, y, y_stride,
                    numerators, step, denominator, values, d_p, line)
    elif loss == LOSS_QUANTILE:
        vector_rows(LOSS_QUANTILE, settings, rows, width, stride, p, y, y_stride, numerators,
                    step, denominator, values, d_p, line)
    elif loss == LOSS_GAUSSIAN_NEGATIVE_LOG_LIKELIHOOD:
        vector_rows(LOSS_GAUSSIAN_NEGATIVE_LOG_LIKELIHOOD, settings, rows, width, stride, p, y,
                    y_stride, numerators, step, denominator, values, d_p, line)
    elif loss == LOSS_COMPILED:
        compiled_rows(<PointFunction><void*>term.value, <PointFunction><void*>term.slope, rows,
                      width, stride, p, y, y_stride, numerators, step, denominator, values, d_p,
                      line)


cdef inline bint ignores_rows(const LossTerm* term, const double* settings) noexcept nogil:
    """Whether rows with some label do not count, as if they were not there."""
    return (
        (term.kind == LOSS_SPARSE_CATEGORICAL_CROSSENTROPY
         or term.kind == LOSS_SPARSE_CATEGORICAL_CROSSENTROPY_LOGITS)
        and settings[0] != 0
    )
