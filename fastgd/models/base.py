"""What a model is: layers that have become a network, and its weights."""

import json
import sys

from fastgd import _engines, _seeds, config, saving
from fastgd._names import snake_case, unique_name
from fastgd._progress import printable
from fastgd._validate import assign_all
from fastgd.errors import ArgumentError, NotBuiltError
from fastgd.models.summary import summary_lines
from fastgd.saving import state


class Base(saving.Serializable):
    """A named network and its weights. Subclasses say how layers become one."""

    #: The attributes, plain numbers, that say how far training has come: they are saved.
    counters = ("seed", "epochs_begun")

    def __init__(self, name=None, dtype=None):
        self.name = name or unique_name(snake_case(type(self).__name__))
        self._dtype = None if dtype is None else config.checked_floatx(dtype)
        self._floatx = config.floatx()
        self.run_on(config.engine())
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

    def compute_output_shape(self, input_shape):
        """The shape that the output will have for inputs of a shape (None, d...)."""
        raise NotImplementedError

    # -- the network --------------------------------------------------------------------------

    def run_on(self, engine):
        """Use an engine, by name."""
        self.engine_name = engine
        self.engine = _engines.load(engine)

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
        """(None, d...)."""
        return self.network().input_shape

    @property
    def output_shape(self):
        """(None, d...)."""
        return self.network().output_shape

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

    # -- saving -------------------------------------------------------------------------------

    def save(self, filepath, overwrite=True, zipped=None):
        """Write the model into one file, see ``fastgd.saving.save_model``.

        Examples
        --------
        >>> import pathlib, tempfile
        >>> from fastgd import Sequential, layers, models
        >>> model = Sequential([layers.Dense(1, input_shape=(2,))])
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = pathlib.Path(folder) / "model.safetensors"
        ...     model.save(path)
        ...     again = models.load_model(path)
        >>> again.count_params()
        3
        """
        saving.save_model(self, filepath, overwrite, zipped)

    def save_weights(self, filepath, overwrite=True, max_shard_size=None):
        """Write the weights alone into a file, see ``fastgd.saving.save_weights``."""
        saving.save_weights(self, filepath, overwrite, max_shard_size)

    def load_weights(self, filepath, skip_mismatch=False):
        """Take the weights in a file, see ``fastgd.saving.load_weights``."""
        saving.load_weights(self, filepath, skip_mismatch)

    def get_config(self):
        """What makes this model again, without its weights."""
        raise NotImplementedError

    def get_compile_config(self):
        """The arguments of ``compile`` as plain data; None before it."""
        if self.optimizer is None:
            return None
        arguments = self._compile_arguments | {"optimizer": self.optimizer}
        return saving.serialize_object(arguments)

    def compile_from_config(self, config):
        """Compile as the model was that gave the config."""
        self.compile(**saving.deserialize_object(config))

    def to_json(self, **kwargs):
        """The model without its weights as JSON, for ``fastgd.models.model_from_json``.

        Parameters
        ----------
        **kwargs
            For ``json.dumps``.
        """
        return json.dumps(saving.serialize_object(self), **kwargs)

    def __reduce_ex__(self, protocol):
        return state.reduced(self)

    def __getstate__(self):
        """What a copy has beside what a file has."""
        return {"engine_name": self.engine_name, "history": self.history}

    def __setstate__(self, state):
        self.history = state["history"]
        if state["engine_name"] in _engines.available():  # it may come from another machine
            self.run_on(state["engine_name"])

    def summary(self, print_fn=print):
        """Print a table of the layers, their output shapes and their numbers of weights."""
        text = "\n".join(summary_lines(self))
        print_fn(printable(text, sys.stdout) if print_fn is print else text)

    def __repr__(self):
        return f"<{type(self).__name__} {self.name}, built={self.built}>"
