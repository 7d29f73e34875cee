"""What a model is: layers that have become a network, and its weights."""

import json
import sys

from fastgd import config, saving
from fastgd._data.validation import assign_all, boolean, whole_number
from fastgd._engine import builds, streams
from fastgd._registry.names import lookup, snake_case, unique_name
from fastgd._training.progress import printable
from fastgd.errors import ArgumentError, NotBuiltError
from fastgd.layers import Layer
from fastgd.layers.symbolic import listed
from fastgd.models.network import frozen_layers, home_of, make_network
from fastgd.models.summary import summary_lines
from fastgd.saving import state


class Base(Layer):
    """A named graph of layers and its weights; a layer itself, in other graphs."""

    #: The attributes, plain numbers, that say how far training has come: they are saved.
    counters = ("seed", "epochs_begun")

    def __init__(self, name=None, dtype=None, trainable=True):
        self.name = name or unique_name(snake_case(type(self).__name__))
        self._dtype = None if dtype is None else config.checked_floatx(dtype)
        self._floatx = config.floatx()
        self._trainable = boolean(trainable, "trainable")
        self._inbound_nodes = []
        self.run_on(config.engine())
        self.seed = streams.next_seed()
        self._graph = None
        self._network = None
        self._frozen = None  # the layers that were not trainable when it was compiled

    # -- what a subclass gives ----------------------------------------------------------------

    @property
    def layers(self):
        """The layers."""
        return list(self.graph().layers)

    def build(self, input_shape=None):
        """Make the weights for inputs of a shape, (None, d...)."""
        raise NotImplementedError

    # -- the graph ----------------------------------------------------------------------------

    def run_on(self, engine):
        """Use an engine, by name."""
        self.engine_name = engine
        self.engine = builds.load(engine)

    @property
    def built(self):
        """Whether the graph, and with it the weights, exist."""
        return self._graph is not None

    def graph(self):
        """The graph; NotBuiltError before there is one."""
        if self._graph is None:
            raise NotBuiltError(
                f"model {self.name!r} has no weights yet: begin with Input(shape=(features,)), "
                "or call build or fit"
            )
        return self._graph

    def _set_graph(self, graph):
        """Take a graph, and bring the weights of its layers together."""
        before = self._graph, self._frozen
        self._graph = graph
        try:
            if self._frozen is not None:  # what was added goes by what holds now
                old = set() if before[0] is None else set(before[0].leaves())
                new = [layer for layer in graph.leaves() if layer not in old]
                self._frozen |= frozen_layers(new)
            self.moved()
            _, variables = home_of(graph, self.dtype)
            if any(v.regularizer or v.constraint for v in variables):
                self.network()  # which refuses those that do not fit
        except Exception:
            self._graph, self._frozen = before
            raise

    def network(self):
        """The network; NotBuiltError before there is a graph."""
        if self._network is None:
            self._network = make_network(self.graph(), self.dtype, self._frozen)
            self._network.home.models.add(self)
        return self._network

    def moved(self, vector=None, moves=()):
        """Forget what was made for the graph, or for the vector where its weights were.

        vector, moves: see ``Optimizer.moved``; None where nothing has moved.
        """
        self._network = None

    @property
    def dtype(self):
        """The data type of weights and data: ``"float32"`` or ``"float64"``."""
        if self._dtype is not None:
            return self._dtype
        layers = self._described_layers()
        named = {v.dtype for layer in layers if layer.built for v in layer.variables[:1]}
        named |= {layer.dtype for layer in layers if not isinstance(layer, Base)} - {None}
        named = {config.checked_floatx(dtype) for dtype in named}
        if len(named) > 1:
            raise ArgumentError(f"dtype: the layers of a model share one, got {sorted(named)}")
        return named.pop() if named else self._floatx

    def _described_layers(self):
        """The layers, also of a model that has no graph yet."""
        return self._graph.layers if self.built else []

    def leaves(self):
        """The layers that are no models, those of inner models too."""
        return self.graph().leaves()

    def emit(self, table, source):
        buffers = self.graph().emit(table, listed(source))
        return buffers if len(buffers) > 1 else buffers[0]

    def compute_output_shape(self, input_shape):
        """The shape of the output, or a list of them, for inputs of a shape (None, d...)."""
        shapes = self.graph().output_shapes
        return shapes if len(shapes) > 1 else shapes[0]

    def build_as(self, input_shape, dtype):
        if self._dtype is None and not self.built:
            self._floatx = dtype
        self.build(input_shape)

    @property
    def several_inputs(self):
        """Whether it takes a list of inputs."""
        return self.built and len(self._graph.inputs) > 1

    @property
    def inputs(self):
        """The symbolic inputs: a list."""
        return list(self.graph().inputs)

    @property
    def outputs(self):
        """The symbolic outputs: a list."""
        return list(self.graph().outputs)

    @property
    def input(self):
        """The symbolic input, or a list of them."""
        return _alone(self.inputs)

    @property
    def output(self):
        """The symbolic output, or a list of them."""
        return _alone(self.outputs)

    @property
    def input_names(self):
        """The names of the inputs."""
        return [tensor.name for tensor in self.graph().inputs]

    @property
    def output_names(self):
        """The names of the outputs: those of the layers that they come from."""
        return output_names(self.graph().outputs)

    @property
    def losses(self):
        """The penalties of all layers on their weights, as ``layer.losses``."""
        return [value for layer in self.leaves() for value in layer.losses]

    @property
    def input_shape(self):
        """(None, d...), or a list of such for several inputs."""
        return _alone(self.graph().input_shapes)

    @property
    def output_shape(self):
        """(None, d...), or a list of such for several outputs."""
        return _alone(self.graph().output_shapes)

    def get_layer(self, name=None, index=None):
        """A layer by its name or its place.

        Raises
        ------
        ArgumentError
            If neither or both are given, or there is none such.
        """
        if (name is None) == (index is None):
            raise ArgumentError("name, index: expected one of the two")
        layers = self.layers
        if index is not None:
            index = whole_number(index, "index", -len(layers))
            if index >= len(layers):
                raise ArgumentError(f"index: there are {len(layers)} layers, got {index}")
            return layers[index]
        return lookup("name", name, {layer.name: layer for layer in layers})

    # -- weights ------------------------------------------------------------------------------

    @property
    def parameters(self):
        """All weights as one flat vector; ``weights`` are its views.

        Where models share layers there may be weights among them that are not this model's.
        """
        return self.network().parameters

    @property
    def variables(self):
        """The arrays of all layers: a list of zero-copy views of ``parameters``."""
        return [variable for layer in self.leaves() for variable in layer.variables]

    @property
    def weights(self):
        """The same as ``variables``."""
        return self.variables

    @property
    def trainable(self):
        """Whether training changes the weights; setting it sets that of all layers.

        As in Keras, a model that is compiled already goes by what held then.
        """
        return self._trainable

    @trainable.setter
    def trainable(self, value):
        self._trainable = boolean(value, "trainable")
        for layer in self._described_layers():
            layer.trainable = self._trainable

    @property
    def trainable_variables(self):
        """The arrays that training changes."""
        return [v for v in self.variables if v.trainable] if self.trainable else []

    @property
    def non_trainable_variables(self):
        """The others."""
        return [v for v in self.variables if not (self.trainable and v.trainable)]

    def count_params(self):
        """The number of weights."""
        return sum(v.size for v in self.variables)

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
        if state["engine_name"] in builds.available():  # it may come from another machine
            self.run_on(state["engine_name"])

    def summary(
        self,
        line_length=None,
        positions=None,
        print_fn=None,
        expand_nested=False,
        show_trainable=False,
        layer_range=None,
    ):
        """Print a table of the layers, their output shapes and their numbers of weights.

        Parameters
        ----------
        line_length, positions
            Accepted as in Keras: a column is as wide as what stands in it.
        print_fn : callable, optional
            Takes the text; ``print`` by default.
        expand_nested : bool
            Whether the layers of inner models are listed below them.
        show_trainable : bool
            Whether a column says which layers are trained.
        layer_range : pair of str, optional
            The names of the first and the last layer to be listed.
        """
        lines = summary_lines(self, expand_nested, show_trainable, layer_range)
        text = "\n".join(lines)
        (print if print_fn is None else print_fn)(
            printable(text, sys.stdout) if print_fn in (None, print) else text
        )

    def __repr__(self):
        return f"<{type(self).__name__} {self.name}, built={self.built}>"


def _alone(items):
    """The only item of a list; else the list."""
    return items if len(items) != 1 else items[0]


def output_names(tensors):
    """The names of the layers that outputs come from, numbered where one gives several."""
    names = []
    for tensor in tensors:
        name, count = tensor.node.layer.name, 1
        while name in names:
            name, count = f"{tensor.node.layer.name}_{count}", count + 1
        names.append(name)
    return names
