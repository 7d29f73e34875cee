# The codes are written in types.pxd; a stub repeats their names only.

from enum import IntEnum

import numpy as np

ROW: np.dtype[np.void]
LOSS_TERM: np.dtype[np.void]
METRIC_TERM: np.dtype[np.void]
PENALTY_ROW: np.dtype[np.void]
CONSTRAINT_ROW: np.dtype[np.void]
SEGMENT: np.dtype[np.void]
OPTIONS: np.dtype[np.void]
NORM_BLOCK: int
PADDING: int
BATCH_SUMS: int
TERM_TOTALS: int

Op = IntEnum("Op", [
    "OP_DENSE", "OP_ACTIVATION", "OP_COPY", "OP_MERGE", "OP_GATHER", "OP_AFFINE", "OP_NOISE",
    "OP_BATCH_NORM", "OP_LAYER_NORM", "OP_UNIT_NORM", "OP_PRELU", "OP_EMBEDDING",
    "OP_SPLIT", "OP_ORDERED",
])  # fmt: skip

Merge = IntEnum("Merge", [
    "MERGE_ADD", "MERGE_SUBTRACT", "MERGE_MULTIPLY", "MERGE_MAXIMUM", "MERGE_MINIMUM",
    "MERGE_DOT",
])  # fmt: skip

Affine = IntEnum("Affine", ["AFFINE_RESCALE", "AFFINE_NORMALIZE", "AFFINE_RESTORE"])

Noise = IntEnum("Noise", ["NOISE_MASK", "NOISE_ADDED", "NOISE_FACTOR"])

Moments = IntEnum("Moments", ["MOMENTS_BATCH", "MOMENTS_MOVING"])

Call = IntEnum("Call", ["CALL_FUNCTION"])

Reduction = IntEnum("Reduction", ["REDUCTION_MEAN", "REDUCTION_SUM", "REDUCTION_WEIGHTED_MEAN"])

LinearLoss = IntEnum("LinearLoss", [
    "LINEAR_SQUARED_ERROR", "LINEAR_POISSON", "LINEAR_GAMMA", "LINEAR_TWEEDIE", "LINEAR_HUBER",
    "LINEAR_EPSILON_INSENSITIVE",
    "LINEAR_SQUARED_EPSILON_INSENSITIVE", "LINEAR_QUANTILE", "LINEAR_LOG_LOSS", "LINEAR_HINGE",
    "LINEAR_SQUARED_HINGE", "LINEAR_PERCEPTRON", "LINEAR_MODIFIED_HUBER", "LINEAR_MULTINOMIAL",
])  # fmt: skip

Rate = IntEnum("Rate", [
    "RATE_CONSTANT", "RATE_OPTIMAL", "RATE_INVSCALING", "RATE_ADAPTIVE", "RATE_PA1", "RATE_PA2",
])  # fmt: skip

Update = IntEnum("Update", [
    "UPDATE_SGD", "UPDATE_RMSPROP", "UPDATE_ADAM", "UPDATE_ADAMAX", "UPDATE_NADAM",
    "UPDATE_ADAGRAD", "UPDATE_ADADELTA", "UPDATE_FTRL", "UPDATE_LION", "UPDATE_LAMB",
    "UPDATE_ADAFACTOR",
])  # fmt: skip

Place = IntEnum("Place", [
    "PLACE_BEGIN", "PLACE_RESTORE", "PLACE_STEP", "PLACE_TRAINED", "PLACE_END",
])  # fmt: skip

Status = IntEnum("Status", ["STATUS_FINE", "STATUS_LOSS", "STATUS_GRADIENT", "STATUS_UPDATE"])

Penalty = IntEnum("Penalty", [
    "PENALTY_L1L2", "PENALTY_ORTHOGONAL_ROWS", "PENALTY_ORTHOGONAL_COLUMNS", "PENALTY_GIVEN",
    "PENALTY_SHARED",
])  # fmt: skip

Constraint = IntEnum("Constraint", [
    "CONSTRAINT_NON_NEGATIVE", "CONSTRAINT_NORM", "CONSTRAINT_NON_POSITIVE",
])  # fmt: skip
