"""The losses of rows and their gradients.

Each function takes predictions p (or logits z), (rows, width), targets y, (rows, columns), and
the loss's settings. It returns the loss of each row and the gradient of their sum with respect
to p. Those that take logits contain the activation, which is the numerically stable form.
"""

import ctypes
from typing import Any

import numpy as np

from fastgd._core.formulas import Loss
from fastgd.reference import loss_batches as batches
from fastgd.reference import loss_points as points
from fastgd.reference import loss_rows as rows


def compiled(p, y, addresses):
    """Return a compiled loss, given by the addresses of f(double y, double p) and its slope."""
    function = ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_double, ctypes.c_double)
    value, slope = (np.vectorize(function(address), otypes="d") for address in addresses)
    losses = value(y, p).astype(p.dtype).mean(axis=1)
    return losses, slope(y, p).astype(p.dtype) / p.shape[1]


LOSSES: dict[int, Any] = {
    Loss.LOSS_MEAN_SQUARED_ERROR: points.mean_squared_error,
    Loss.LOSS_MEAN_ABSOLUTE_ERROR: points.mean_absolute_error,
    Loss.LOSS_BINARY_CROSSENTROPY: points.binary_crossentropy,
    Loss.LOSS_BINARY_CROSSENTROPY_LOGITS: points.binary_crossentropy_logits,
    Loss.LOSS_CATEGORICAL_CROSSENTROPY: rows.crossentropy,
    Loss.LOSS_CATEGORICAL_CROSSENTROPY_LOGITS: rows.crossentropy_logits,
    Loss.LOSS_SPARSE_CATEGORICAL_CROSSENTROPY: rows.sparse(rows.crossentropy),
    Loss.LOSS_SPARSE_CATEGORICAL_CROSSENTROPY_LOGITS: rows.sparse(rows.crossentropy_logits),
    Loss.LOSS_MEAN_ABSOLUTE_PERCENTAGE_ERROR: points.mean_absolute_percentage_error,
    Loss.LOSS_MEAN_SQUARED_LOGARITHMIC_ERROR: points.mean_squared_logarithmic_error,
    Loss.LOSS_HUBER: points.huber,
    Loss.LOSS_LOG_COSH: points.log_cosh,
    Loss.LOSS_HINGE: points.hinge,
    Loss.LOSS_SQUARED_HINGE: points.squared_hinge,
    Loss.LOSS_POISSON: points.poisson,
    Loss.LOSS_POISSON_LOG: points.poisson_log,
    Loss.LOSS_GAMMA: points.gamma,
    Loss.LOSS_GAMMA_LOG: points.gamma_log,
    Loss.LOSS_TWEEDIE: points.tweedie,
    Loss.LOSS_TWEEDIE_LOG: points.tweedie_log,
    Loss.LOSS_BINARY_FOCAL_CROSSENTROPY: points.binary_focal,
    Loss.LOSS_BINARY_FOCAL_CROSSENTROPY_LOGITS: points.binary_focal_logits,
    Loss.LOSS_CATEGORICAL_FOCAL_CROSSENTROPY: rows.focal,
    Loss.LOSS_CATEGORICAL_FOCAL_CROSSENTROPY_LOGITS: rows.focal_logits,
    Loss.LOSS_CATEGORICAL_HINGE: rows.categorical_hinge,
    Loss.LOSS_COSINE_SIMILARITY: rows.cosine_similarity,
    Loss.LOSS_KL_DIVERGENCE: rows.kl_divergence,
    Loss.LOSS_QUANTILE: rows.quantile,
    Loss.LOSS_GAUSSIAN_NEGATIVE_LOG_LIKELIHOOD: rows.gaussian,
    Loss.LOSS_FISSLER_ZIEGEL: rows.fissler_ziegel,
    Loss.LOSS_GAUSSIAN_CRPS: rows.gaussian_crps,
    Loss.LOSS_SHARPE: batches.sharpe,
    Loss.LOSS_SORTINO: batches.sortino,
    Loss.LOSS_COMPILED: compiled,
}


def ignored_rows(kind, y, settings):
    """Return which rows do not count: those of an ignored label."""
    sparse = (
        Loss.LOSS_SPARSE_CATEGORICAL_CROSSENTROPY,
        Loss.LOSS_SPARSE_CATEGORICAL_CROSSENTROPY_LOGITS,
    )
    if kind in sparse and settings[0]:
        return y[:, 0] == settings[1]
    return np.zeros(len(y), bool)
