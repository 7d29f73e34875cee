"""The rectifier that learns its slope below 0."""

import numpy as np

from fastgd import constraints, initializers, regularizers
from fastgd._core.types import Op
from fastgd._data.validation import whole_number
from fastgd.layers.base import Layer, Weight


class PReLU(Layer):
    """x where x > 0, alpha x below (He et al. 2015).

    Parameters
    ----------
    alpha_initializer, alpha_regularizer, alpha_constraint
        For alpha, which has the shape of a row but for the shared axes, where it has 1.
    shared_axes : int or list of int, optional
        The axes, counted from 1, along which one slope holds.
    **kwargs
        As for every layer.

    Examples
    --------
    >>> from fastgd import Sequential, layers
    >>> model = Sequential([layers.Input(shape=(2,)), layers.PReLU("ones")])
    >>> model([[-1.0, 2.0]])
    array([[-1.,  2.]], dtype=float32)
    """

    def __init__(
        self,
        alpha_initializer="zeros",
        alpha_regularizer=None,
        alpha_constraint=None,
        shared_axes=None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.alpha_initializer = initializers.get(alpha_initializer)
        self.alpha_regularizer = regularizers.get(alpha_regularizer)
        self.alpha_constraint = constraints.get(alpha_constraint)
        given = shared_axes if isinstance(shared_axes, (list, tuple)) else [shared_axes]
        self.shared_axes = None
        if shared_axes is not None:
            self.shared_axes = [whole_number(axis, "shared_axes", 1) for axis in given]

    @property
    def alpha(self):
        """The slopes; None before building."""
        return self.variables[0] if self.variables else None

    def _alpha_shape(self, input_shape):
        shared = self.shared_axes or ()
        return tuple(
            1 if axis in shared else size for axis, size in enumerate(input_shape[1:], 1)
        )

    def weight_specs(self, input_shape):
        return [
            Weight(
                "alpha", self._alpha_shape(input_shape), self.alpha_initializer,
                self.alpha_regularizer, self.alpha_constraint,
            )
        ]  # fmt: skip

    def emit(self, table, source):
        numbers = np.arange(self.alpha.size).reshape(self.alpha.shape)
        numbers = np.broadcast_to(numbers, table.input_shape[1:]).ravel()
        target = table.buffer(numbers.size)
        table.row(
            Op.OP_PRELU, source, target, kernel=self.alpha.offset,
            settings=[*numbers.tolist(), self.alpha.size],
        )  # fmt: skip
        return target

    def get_config(self):
        return super().get_config() | {
            "alpha_initializer": self.alpha_initializer,
            "alpha_regularizer": self.alpha_regularizer,
            "alpha_constraint": self.alpha_constraint,
            "shared_axes": self.shared_axes,
        }
