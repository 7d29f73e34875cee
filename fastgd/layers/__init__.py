"""Layers, with Keras' names, arguments and defaults."""

from fastgd.layers.activation import Activation, Softmax
from fastgd.layers.base import Layer
from fastgd.layers.dense import Dense
from fastgd.layers.input import Input, InputLayer
from fastgd.layers.rectifiers import ELU, LeakyReLU, ReLU

__all__ = [
    "ELU",
    "Activation",
    "Dense",
    "Input",
    "InputLayer",
    "Layer",
    "LeakyReLU",
    "ReLU",
    "Softmax",
]
