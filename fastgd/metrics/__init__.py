"""Metrics, with Keras' names: figures of predictions, by hand or in the compiled loop."""

from fastgd.losses import (
    binary_crossentropy,
    categorical_crossentropy,
    mean_absolute_error,
    mean_squared_error,
    sparse_categorical_crossentropy,
)
