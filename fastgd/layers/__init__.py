"""Layers, with Keras' names, arguments and defaults."""

from fastgd._registry.registry import Registry
from fastgd.layers import operators as _operators
from fastgd.layers import symbolic as _symbolic
from fastgd.layers.activation import Activation, ActivityRegularization, Softmax
from fastgd.layers.batch_normalization import BatchNormalization
from fastgd.layers.dense import Dense
from fastgd.layers.embedding import Embedding
from fastgd.layers.input import Input, InputLayer
from fastgd.layers.layer import Layer
from fastgd.layers.layer_normalization import LayerNormalization, UnitNormalization
from fastgd.layers.merging import (
    Add,
    Average,
    Concatenate,
    Dot,
    Maximum,
    Minimum,
    Multiply,
    Subtract,
    add,
    average,
    concatenate,
    dot,
    maximum,
    minimum,
    multiply,
    subtract,
)
from fastgd.layers.noise import AlphaDropout, Dropout, GaussianDropout, GaussianNoise
from fastgd.layers.normalization import Normalization
from fastgd.layers.rectifiers import ELU, LeakyReLU, PReLU, ReLU
from fastgd.layers.rescaling import Rescaling
from fastgd.layers.reshaping import Flatten, Identity, Reshape

__all__ = [
    "ELU", "Activation", "ActivityRegularization", "Add", "AlphaDropout", "Average",
    "BatchNormalization", "Concatenate", "Dense", "Dot", "Dropout", "Embedding", "Flatten",
    "GaussianDropout", "GaussianNoise", "Identity", "Input", "InputLayer", "Layer",
    "LayerNormalization", "LeakyReLU", "Maximum", "Minimum", "Multiply", "Normalization",
    "PReLU", "ReLU", "Rescaling", "Reshape", "Softmax", "Subtract", "UnitNormalization", "add",
    "average", "concatenate", "dot", "maximum", "minimum", "multiply", "subtract",
]  # fmt: skip

REGISTRY = Registry(
    "layer", __name__,
    classes=(
        Activation, ActivityRegularization, Add, AlphaDropout, Average, BatchNormalization,
        Concatenate, Dense, Dot, Dropout, ELU, Embedding, Flatten, GaussianDropout,
        GaussianNoise, Identity, InputLayer, LayerNormalization, LeakyReLU, Maximum, Minimum,
        Multiply, Normalization, PReLU, ReLU, Rescaling, Reshape, Softmax, Subtract,
        UnitNormalization,
    ),
    unnamed=(Layer,),
)  # fmt: skip
_symbolic.set_operations(_operators.OPERATIONS)
