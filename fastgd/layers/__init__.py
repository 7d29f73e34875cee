"""Layers, with Keras' names, arguments and defaults."""

from fastgd.layers import operators as _operators  # noqa: F401 - gives tensors +, - and *
from fastgd.layers.activation import Activation, Softmax
from fastgd.layers.activity_regularization import ActivityRegularization
from fastgd.layers.base import Layer
from fastgd.layers.batch_normalization import BatchNormalization
from fastgd.layers.concatenate import Concatenate, concatenate
from fastgd.layers.dense import Dense
from fastgd.layers.dot import Dot, dot
from fastgd.layers.embedding import Embedding
from fastgd.layers.input import Input, InputLayer
from fastgd.layers.layer_normalization import LayerNormalization, UnitNormalization
from fastgd.layers.merging import (
    Add,
    Average,
    Maximum,
    Minimum,
    Multiply,
    Subtract,
    add,
    average,
    maximum,
    minimum,
    multiply,
    subtract,
)
from fastgd.layers.noise import AlphaDropout, Dropout, GaussianDropout, GaussianNoise
from fastgd.layers.normalization import Normalization
from fastgd.layers.prelu import PReLU
from fastgd.layers.rectifiers import ELU, LeakyReLU, ReLU
from fastgd.layers.rescaling import Rescaling
from fastgd.layers.reshaping import Flatten, Identity, Reshape

__all__ = [
    "ELU",
    "Activation",
    "ActivityRegularization",
    "Add",
    "AlphaDropout",
    "Average",
    "BatchNormalization",
    "Concatenate",
    "Dense",
    "Dot",
    "Dropout",
    "Embedding",
    "Flatten",
    "GaussianDropout",
    "GaussianNoise",
    "Identity",
    "Input",
    "InputLayer",
    "Layer",
    "LayerNormalization",
    "LeakyReLU",
    "Maximum",
    "Minimum",
    "Multiply",
    "Normalization",
    "PReLU",
    "ReLU",
    "Rescaling",
    "Reshape",
    "Softmax",
    "Subtract",
    "UnitNormalization",
    "add",
    "average",
    "concatenate",
    "dot",
    "maximum",
    "minimum",
    "multiply",
    "subtract",
]
