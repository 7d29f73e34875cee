"""An activation as a layer of its own."""

from fastgd import activations
from fastgd.errors import ArgumentError
from fastgd.layers.base import Layer


class Activation(Layer):
    """activation(x).

    Parameters
    ----------
    activation : str or function
        A name or function of ``fastgd.activations``.
    **kwargs
        As for every layer.

    Examples
    --------
    >>> from fastgd import Sequential, layers
    >>> model = Sequential([layers.Input(shape=(2,)), layers.Activation("relu")])
    >>> model([[-1.0, 2.0]])
    array([[0., 2.]], dtype=float32)
    """

    def __init__(self, activation, **kwargs):
        super().__init__(**kwargs)
        self.activation = activations.get(activation)

    def emit(self, table, source):
        return table.activation(self.activation, source)

    def get_config(self):
        return super().get_config() | {"activation": self.activation.__name__}


class Softmax(Layer):
    """exp(x) / sum of exp(x) over each row.

    Parameters
    ----------
    axis : int
        -1, the last axis.
    **kwargs
        As for every layer.

    Raises
    ------
    ArgumentError
        For another axis.
    """

    def __init__(self, axis=-1, **kwargs):
        super().__init__(**kwargs)
        if axis != -1:
            raise ArgumentError(f"axis: expected -1, the last one, got {axis!r}")
        self.axis = axis

    def emit(self, table, source):
        return table.activation(activations.softmax, source)

    def get_config(self):
        return super().get_config() | {"axis": self.axis}
