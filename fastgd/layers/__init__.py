"""Layers, with Keras' names, arguments and defaults."""

from typing import TYPE_CHECKING

from fastgd._registry.advice import explain
from fastgd._registry.registry import Registry
from fastgd.layers import operators as _operators
from fastgd.layers import symbolic as _symbolic
from fastgd.layers.activations import (
    ELU, Activation, ActivityRegularization, LeakyReLU, PReLU, ReLU, Softmax,
)  # fmt: skip
from fastgd.layers.scaling import Normalization, Rescaling
from fastgd.layers.dense import Dense
from fastgd.layers.embedding import Embedding
from fastgd.layers.input import Input, InputLayer
from fastgd.layers.layer import Layer
from fastgd.layers.merging import (
    Add, Average, Concatenate, Dot, Maximum, Minimum, Multiply, Subtract, add, average,
    concatenate, dot, maximum, minimum, multiply, subtract,
)  # fmt: skip
from fastgd.layers.monotonic import MonotonicDense
from fastgd.layers.noise import AlphaDropout, Dropout, GaussianDropout, GaussianNoise
from fastgd.layers.normalization import (
    BatchNormalization,
    LayerNormalization,
    UnitNormalization,
)
from fastgd.layers.ordered import Ordered
from fastgd.layers.reshaping import Flatten, Identity, Reshape

__all__ = [
    "ELU", "Activation", "ActivityRegularization", "Add", "AlphaDropout", "Average",
    "BatchNormalization", "Concatenate", "Dense", "Dot", "Dropout", "Embedding", "Flatten",
    "GaussianDropout", "GaussianNoise", "Identity", "Input", "InputLayer", "Layer",
    "LayerNormalization", "LeakyReLU", "Maximum", "Minimum", "MonotonicDense", "Multiply",
    "Normalization", "Ordered", "PReLU", "ReLU", "Rescaling", "Reshape", "Softmax", "Subtract",
    "UnitNormalization", "add", "average", "concatenate", "dot", "maximum", "minimum",
    "multiply", "subtract",
]  # fmt: skip

_THINGS = [globals()[name] for name in __all__ if name != "Layer"]
REGISTRY = Registry(
    "layer", __name__, [thing for thing in _THINGS if isinstance(thing, type)], unnamed=(Layer,)
)
_symbolic.OPERATIONS.update(_operators.OPERATIONS)

if not TYPE_CHECKING:
    __getattr__ = explain(globals())
