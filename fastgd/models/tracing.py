"""A model as a class of one's own: its ``call``, traced once on symbolic tensors."""

import inspect

from fastgd.errors import DataTypeError
from fastgd.layers import Input, Layer
from fastgd.layers.symbolic import is_shapes, is_symbolic


class TrainingFlag:
    """What ``call`` gets for `training`: to be passed on to layers, not to be looked at."""

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
    """Fresh symbolic inputs of a shape, or of a list or dict of shapes."""
    if isinstance(input_shape, dict):
        return {name: Input(s[1:], dtype=dtype, name=name) for name, s in input_shape.items()}
    if is_shapes(input_shape):
        return [Input(shape[1:], dtype=dtype) for shape in input_shape]
    return Input(input_shape[1:], dtype=dtype)


def traced(model, inputs):
    """What a model's ``call`` makes of symbolic inputs.

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


def layers_in(value):
    """The layers that an attribute is or holds."""
    if isinstance(value, Layer):
        return [value]
    items = value.values() if isinstance(value, dict) else value
    if isinstance(value, (list, tuple, dict)):
        return [layer for item in items for layer in layers_in(item)]
    return []
