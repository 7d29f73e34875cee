"""Trace the ``call`` of a subclass of Model, once, on symbolic tensors."""

import inspect

import numpy as np

from fastgd._autodiff.tensor import Tensor
from fastgd._data.signature import Signature
from fastgd._data.user_data import shape_of
from fastgd.errors import DataTypeError, ShapeError
from fastgd.layers import Input, Layer
from fastgd.layers.symbolic import is_shapes, is_symbolic


class TrainingFlag:
    """Stand for `training` in ``call``: to be passed on to layers, not to be read."""

    def __bool__(self):
        raise DataTypeError(
            "training: call is traced once, for training and prediction, so that a condition "
            "cannot depend on it; pass it on to layers: Dropout lets its input through by "
            "itself when there is no training"
        )

    def __eq__(self, other):
        return bool(self)

    __hash__ = object.__hash__


def inputs_of(input_shape, dtype):
    """Return fresh symbolic inputs of a shape, or of a list or dict of shapes."""
    if isinstance(input_shape, dict):
        return {name: Input(s[1:], dtype=dtype, name=name) for name, s in input_shape.items()}
    if is_shapes(input_shape):
        return [Input(shape[1:], dtype=dtype) for shape in input_shape]
    return Input(input_shape[1:], dtype=dtype)


def traced(model, inputs):
    """Return what a model's ``call`` makes of symbolic inputs.

    Raises
    ------
    DataTypeError
        If it gives anything but symbolic tensors.
    """
    takes = inspect.signature(model.call).parameters
    arguments = {"training": TrainingFlag()} if "training" in takes else {}
    outputs = model.call(inputs, **arguments)
    values = list(outputs.values()) if isinstance(outputs, dict) else outputs
    values = values if isinstance(values, (list, tuple)) else [values]
    for value in values:
        if not is_symbolic(value):
            raise DataTypeError(
                f"call: {type(model).__name__}.call is traced on symbolic tensors and has to "
                f"return what layers make of them, got {type(value).__name__}"
            )
    return list(outputs) if isinstance(outputs, tuple) else outputs


def layers_of(model):
    """Return the layers among a model's attributes, also in lists and dicts, in their order."""
    found = {}
    for value in vars(model).values():
        found |= dict.fromkeys(layers_in(value))
    return list(found)


def seen_signature(model, data):
    """Return the Signature of a model without weights for data that it sees.

    None where it has weights now, since ``call`` was traced.
    """
    dtype, argument = np.dtype(model.dtype), f"{data.of}x"
    x = data.example(dtype)
    shape = _shape_of(x, argument, model._is_traced)
    try:
        output = model.compute_output_shape(shape)
    except ShapeError as error:
        seen = shape if isinstance(shape, dict) else np.shape(x)
        raise ShapeError(f"{argument}: got shape {seen}; {error}") from None
    if model.built:
        return None
    return Signature(
        input_names=["x"],
        output_names=["y"],
        input_shapes=[shape],
        output_shapes=[output],
        objectives=model._objectives(output),
        dtype=dtype,
        engine=model.engine,
        consumer=model._consumer(),
        seen=shape,
    )


def _shape_of(x, argument, is_traced):
    """Return the shape of inputs; of a model with ``call``, which may take a list or a dict."""
    if is_traced and isinstance(x, dict):
        return {k: _shape_of(one, f"{argument}[{k!r}]", True) for k, one in x.items()}
    if is_traced and isinstance(x, (list, tuple)) and x and all(map(_has_rows, x)):
        return [_shape_of(one, f"{argument}[{i}]", True) for i, one in enumerate(x)]
    return shape_of(x, argument)


def _has_rows(x):
    """Return whether it is an array of rows, not a row."""
    return isinstance(x, (np.ndarray, Tensor)) and x.ndim > 1


def layers_in(value):
    """Return the layers that an attribute is or holds."""
    if isinstance(value, Layer):
        return [value]
    items = value.values() if isinstance(value, dict) else value
    if isinstance(value, (list, tuple, dict)):
        return [layer for item in items for layer in layers_in(item)]
    return []
