"""What layers of several inputs share."""

from fastgd.errors import ShapeError
from fastgd.layers.base import Layer
from fastgd.layers.symbolic import is_shapes


class SeveralInputs(Layer):
    """A layer that is called on a list."""

    several_inputs = True

    def _shapes(self, input_shape, count=None):
        """The shapes of the inputs; of `count` ones, where that is given."""
        if not is_shapes(input_shape):
            raise ShapeError(
                f"inputs: layer {self.name!r} expects a list of inputs, got shape {input_shape}"
            )
        if count is not None and len(input_shape) != count:
            raise ShapeError(
                f"inputs: layer {self.name!r} expects {count} inputs, got {len(input_shape)}"
            )
        return input_shape
