"""Layers, with Keras' names, arguments and defaults."""

from fastgd.layers.activation import Activation
from fastgd.layers.base import Layer
from fastgd.layers.dense import Dense
from fastgd.layers.input import Input, InputLayer

__all__ = ["Activation", "Dense", "Input", "InputLayer", "Layer"]
