"""What a model is: layers that have become a network, and its weights."""

import sys

from fastgd import _engines, _seeds, config
from fastgd._names import snake_case, unique_name
from fastgd._progress import printable
from fastgd._validate import assign_all
from fastgd.errors import ArgumentError, NotBuiltError
from fastgd.models.summary import summary_lines


class Base:
    """A named network and its weights. Subclasses say how layers become one."""

    def __init__(self, name=None, dtype=None):
        self.name = name or unique_name(snake_case(type(self).__name__))
        self._dtype = None if dtype is None else config.checked_floatx(dtype)
        self._floatx = config.floatx()
        self.engine = _engines.load(config.engine())
        self.seed = _seeds.next_seed()
        self._layers = []
        self._network = None

    # -- what a subclass gives ----------------------------------------------------------------

    @property
    def layers(self):
        """The layers, without the input."""
        raise NotImplementedError

    def build(self, input_shape=None):
        """Make the weights for rows of a shape, (None, features)."""
        raise NotImplementedError

    def _output_width(self, input_width):
        """The width that the output will have for rows of a width."""
        raise NotImplementedError

    # -- the network --------------------------------------------------------------------------

    @property
    def built(self):
        """Whether the weights exist."""
        return self._network is not None

    def network(self):
        """The network; NotBuiltError before there is one."""
        if self._network is None:
            raise NotBuiltError(
                f"model {self.name!r} has no weights yet: begin with Input(shape=(features,)), "
                "or call build or fit"
            )
        return self._network

    @property
    def dtype(self):
        """The data type of weights and data: ``"float32"`` or ``"float64"``."""
        if self._dtype is not None:
            return self._dtype
        named = {layer.dtype for layer in self._layers} - {None}
        if self.built:
            named.add(self.parameters.dtype.name)
        if len(named) > 1:
            raise ArgumentError(f"dtype: the layers of a model share one, got {sorted(named)}")
        return named.pop() if named else self._floatx

    @property
    def parameters(self):
        """All weights as one flat vector; ``weights`` are its views."""
        return self.network().parameters

    @property
    def weights(self):
        """The arrays of all layers: a list of zero-copy views of ``parameters``."""
        return list(self.network().variables)

    variables = trainable_variables = trainable_weights = weights

    @property
    def losses(self):
        """The penalties of all layers on their weights, as ``layer.losses``."""
        return [value for layer in self.layers for value in layer.losses]

    @property
    def input_shape(self):
        """(None, features)."""
        return (None, self.network().input_width)

    @property
    def output_shape(self):
        """(None, outputs)."""
        return (None, self.network().output_width)

    def count_params(self):
        """The number of weights."""
        return self.parameters.size

    def get_weights(self):
        """Copies of all arrays, as Keras gives them."""
        return [v.numpy() for v in self.weights]

    def set_weights(self, weights):
        """Overwrite all arrays; nothing is changed unless every shape fits.

        Raises
        ------
        ShapeError
            For a wrong number of arrays or a wrong shape.
        """
        assign_all(self.weights, weights, f"model {self.name!r}")

    def summary(self, print_fn=print):
        """Print a table of the layers, their output shapes and their numbers of weights."""
        text = "\n".join(summary_lines(self))
        print_fn(printable(text, sys.stdout) if print_fn is print else text)

    def __repr__(self):
        return f"<{type(self).__name__} {self.name}, built={self.built}>"
