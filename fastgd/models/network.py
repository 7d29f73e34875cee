"""Define a graph of layers as a layer: its structure, its weights, its files."""

import json
import sys
import weakref
from collections.abc import Callable
from typing import Any

from fastgd import config, saving
from fastgd._core.engine import Stream
from fastgd._data.named_row import NamedRows, checked_names, in_lists
from fastgd._data.signature import Signature
from fastgd._data.validation import boolean, optional_function, whole_number
from fastgd._engine import builds, streams
from fastgd._registry.names import checked_name, lookup, snake_case, unique_name
from fastgd._registry.objects import serialize_object
from fastgd._training.progress import printable
from fastgd._typing import Array, Config, Shape
from fastgd.callbacks import History
from fastgd.errors import ArgumentError, NotBuiltError
from fastgd.layers import InputLayer, Layer
from fastgd.layers.symbolic import KerasTensor, listed
from fastgd.models.assembly import arena_of, assemble, frozen_layers
from fastgd.models.summary import summary_lines
from fastgd.saving import state


class Network(Layer):
    """A named graph of layers and its weights; a layer itself, in other graphs."""

    #: The attributes, whole numbers, that say how far training has come: they are saved.
    counters = ("seed", "epochs_begun")
    noun = "model"

    def __init__(self, name=None, dtype=None, trainable=True):
        self.name = checked_name(name) or unique_name(snake_case(type(self).__name__))
        self._dtype = None if dtype is None else config.checked_floatx(dtype)
        self._floatx = config.floatx()
        self._trainable = boolean(trainable, "trainable")
        self._inbound_nodes = []
        self.run_on(config.engine())
        self.stream = Stream(streams.next_seed())
        self._named_rows = NamedRows()
        self._graph = self._assembly = None
        self._frozen = None  # the layers that were not trainable when it was compiled

    @property
    def feature_names(self) -> Any:
        """The names of the columns, or None; of several inputs a dict of input -> names."""
        return in_lists(self._named_rows.names)

    @feature_names.setter
    def feature_names(self, names: Any) -> None:
        self._named_rows.names = checked_names(names)

    @property
    def layers(self) -> list[Layer]:
        """The layers."""
        return list(self.graph().layers)

    def run_on(self, engine):
        """Use an engine, by name."""
        self.engine_name = engine
        self.engine = builds.load(engine)

    @property
    def seed(self):
        """The seed of the random numbers of training."""
        return self.stream.seed

    @seed.setter
    def seed(self, seed):
        self.stream.seed = seed % 2**64

    @property
    def epochs_begun(self):
        """How many rounds over the rows, or single batches, training has begun."""
        return self.stream.count

    @epochs_begun.setter
    def epochs_begun(self, count):
        self.stream.count = count

    # -- the graph ----------------------------------------------------------------------------

    @property
    def built(self):
        return self._graph is not None

    def graph(self):
        """Return the graph; raise NotBuiltError before there is one."""
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
            _, variables = arena_of(graph, self.dtype)
            if any(v.regularizer or v.constraint for v in variables):
                self.assembly()  # which refuses those that do not fit
        except Exception:
            self._graph, self._frozen = before
            raise

    def assembly(self):
        """Return the graph made ready to run; raise NotBuiltError before there is one."""
        if self._assembly is None:
            self._assembly = assemble(self.graph(), self.dtype, self._frozen)
            self._assembly.arena.models.add(self)
        return self._assembly

    def moved(self, vector=None, moves=()):
        """Forget what was made for the graph, or for the vector where its weights were.

        vector, moves: see ``Optimizer.moved``; None where nothing has moved.
        """
        self._assembly = None

    @property
    def dtype(self):
        """The data type of weights and data: ``"float32"`` or ``"float64"``."""
        if self._dtype is not None:
            return self._dtype
        named = set()
        for layer in self._described_layers():
            if not isinstance(layer, Network):
                named.add(layer.dtype)
            elif not layer.built:
                continue
            named.update(v.dtype for v in layer.variables[:1])
        named = {config.checked_floatx(dtype) for dtype in named if dtype is not None}
        if len(named) > 1:
            raise ArgumentError(f"dtype: the layers of a model share one, got {sorted(named)}")
        return named.pop() if named else self._floatx

    def _described_layers(self):
        """Return the layers, also of a model that has no graph yet."""
        return self._graph.layers if self.built else []

    def leaves(self):
        return self.graph().leaves()

    def emit(self, table, source):
        buffers = self.graph().emit(table, listed(source))
        return buffers if len(buffers) > 1 else buffers[0]

    def compute_output_shape(self, input_shape: Shape | list[Shape]) -> Shape | list[Shape]:
        """Return the shape of the output, or a list, for inputs of a shape (None, d...)."""
        return _alone(self.graph().output_shapes)

    def build_as(self, input_shape, dtype):
        if self._dtype is None and not self.built:
            self._floatx = dtype
        self.build(input_shape)

    @property
    def several_inputs(self):
        return self.built and len(self._graph.inputs) > 1

    @property
    def inputs(self) -> list[KerasTensor]:
        """The symbolic inputs."""
        return list(self.graph().inputs)

    @property
    def outputs(self) -> list[KerasTensor]:
        """The symbolic outputs."""
        return list(self.graph().outputs)

    @property
    def input(self) -> KerasTensor | list[KerasTensor]:
        """The symbolic input, or a list of them."""
        return _alone(self.inputs)

    @property
    def output(self) -> KerasTensor | list[KerasTensor]:
        """The symbolic output, or a list of them."""
        return _alone(self.outputs)

    @property
    def input_names(self) -> list[str]:
        """The names of the inputs."""
        return [tensor.name for tensor in self.graph().inputs]

    @property
    def output_names(self) -> list[str]:
        """The names of the outputs: those of the layers that they come from."""
        return self.graph().output_names

    @property
    def input_shape(self) -> Shape | list[Shape]:
        """(None, d...), or a list of such for several inputs."""
        return _alone(self.graph().input_shapes)

    @property
    def output_shape(self) -> Shape | list[Shape]:
        """(None, d...), or a list of such for several outputs."""
        return _alone(self.graph().output_shapes)

    def get_layer(self, name: str | None = None, index: int | None = None) -> Layer:
        """Return a layer by its name or its place.

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

    def signature(self, objectives=()):
        """Return the Signature of the built graph, with what its outputs are trained for."""
        graph, assembly = self.graph(), self.assembly()
        return Signature(
            input_names=self._input_keys(),
            output_names=self.output_names,
            input_shapes=graph.input_shapes,
            output_shapes=graph.output_shapes,
            objectives=objectives,
            dtype=assembly.dtype,
            engine=self.engine,
            consumer=self._consumer(),
            checks=assembly.checks,
            plain=assembly.plain,
        )

    def _input_keys(self):
        """Return the names that a dict of inputs has."""
        return self.input_names

    def _consumer(self):
        """Return the name of the reader of the inputs, for messages."""
        layers = [la for la in self._described_layers() if not isinstance(la, InputLayer)]
        return f"layer {layers[0].name!r} of model {self.name!r}" if layers else self.name

    # -- weights ------------------------------------------------------------------------------

    @property
    def parameters(self) -> Array:
        """All weights as one flat vector; ``weights`` are its views.

        Where models share layers there may be weights among them that are not this model's.
        """
        return self.assembly().parameters

    @property
    def variables(self):
        """The arrays of all layers: a list of zero-copy views of ``parameters``."""
        return [variable for layer in self.leaves() for variable in layer.variables]

    @property
    def trainable(self) -> bool:
        """Whether training changes the weights; setting it sets that of all layers.

        As in Keras, a model that is compiled already goes by what held then.
        """
        return self._trainable

    @trainable.setter
    def trainable(self, value: bool) -> None:
        self._trainable = boolean(value, "trainable")
        for layer in self._described_layers():
            layer.trainable = self._trainable

    # -- files and copies ---------------------------------------------------------------------

    def save(self, filepath: Any, overwrite: bool = True, zipped: bool | None = None) -> None:
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

    def save_weights(self, filepath: Any, overwrite: bool = True,
                     max_shard_size: float | None = None) -> None:  # fmt: skip
        """Write the weights alone into a file, see ``fastgd.saving.save_weights``."""
        saving.save_weights(self, filepath, overwrite, max_shard_size)

    def load_weights(self, filepath: Any, skip_mismatch: bool = False) -> None:
        """Take the weights in a file, see ``fastgd.saving.load_weights``."""
        saving.load_weights(self, filepath, skip_mismatch)

    def get_config(self) -> Config:
        """Return what makes this model again, without its weights."""
        raise NotImplementedError

    def to_json(self, **kwargs: Any) -> str:
        """Return the model without its weights as JSON, for ``models.model_from_json``.

        Parameters
        ----------
        **kwargs
            For ``json.dumps``.
        """
        return json.dumps(serialize_object(self), **kwargs)

    def __reduce_ex__(self, protocol):
        return state.reduced(self)

    @property
    def history(self) -> History | None:
        """The record of the latest ``fit``; None before."""
        if self._record is None:
            return None
        reference, kind, attributes = self._record
        history = reference()
        if history is None:  # it was let go
            history = kind.of(attributes, self)
            self.history = history
        return history

    @history.setter
    def history(self, history: History | None) -> None:
        self._record = None
        if history is not None:
            self._record = weakref.ref(history), type(history), vars(history)

    def __getstate__(self):
        """Return what a copy has beside what a file has."""
        return {"engine_name": self.engine_name, "history": self.history}

    def __setstate__(self, state):
        self.history = state["history"]
        if state["engine_name"] in builds.available():  # it may come from another machine
            self.run_on(state["engine_name"])

    def summary(self, line_length: int | None = None, positions: list[float] | None = None,
                print_fn: Callable[[str], Any] | None = None, expand_nested: bool = False,
                show_trainable: bool = False,
                layer_range: tuple[str, str] | None = None) -> None:  # fmt: skip
        """Print a table of the layers, their output shapes and their numbers of weights.

        Parameters
        ----------
        line_length, positions
            Accepted as in Keras: a column is as wide as what stands in it.
        print_fn : callable, optional
            Takes the text; ``print`` by default.
        expand_nested : bool
            List the layers of inner models below them.
        show_trainable : bool
            Say in a column which layers are trained.
        layer_range : pair of str, optional
            The names of the first and the last layer to be listed.
        """
        lines = summary_lines(self, expand_nested, show_trainable, layer_range)
        text = "\n".join(lines)
        optional_function(print_fn, "print_fn")
        (print if print_fn is None else print_fn)(
            printable(text, sys.stdout) if print_fn in (None, print) else text
        )

    def __repr__(self):
        return f"<{type(self).__name__} {self.name}, built={self.built}>"


def _alone(items):
    """Return the only item of a list; else the list."""
    return items if len(items) != 1 else items[0]
