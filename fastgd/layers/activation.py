"""An activation as a layer of its own."""

from fastgd import activations
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
