"""Define Model: a network that can be compiled, trained, evaluated and called."""

from typing import Any

from fastgd._data.adapter import DataAdapter
from fastgd._data.named_row import named, row_of_numbers
from fastgd._data.ranges import Ranges
from fastgd._data.user_data import UserData
from fastgd._engine.plan import width_of
from fastgd._registry.objects import checked_config
from fastgd._training.step import CompiledStep
from fastgd._typing import Array, Config, CustomObjects, Data, Shape
from fastgd.errors import ArgumentError, NotBuiltError
from fastgd.layers import Layer
from fastgd.layers.symbolic import is_symbolic
from fastgd.losses import Loss
from fastgd.metrics import Metric
from fastgd.models import calls, compilation, fitting, online
from fastgd.models import ranges as watching
from fastgd.models.compilation import Compilation
from fastgd.models.graph import Graph
from fastgd.models.graph_config import config_of, from_config
from fastgd.models.network import Network
from fastgd.models.objective import value_names, warn_of_activations
from fastgd.models.replica import by_description
from fastgd.models.structure import Structure
from fastgd.models.tracing import inputs_of, layers_of, seen_signature, traced
from fastgd.optimizers import Optimizer
from fastgd.privacy import PrivateTraining
from fastgd.saving.manifest import manifest


class Model(Network):
    """A graph of layers that can be trained, evaluated, and called.

    Parameters
    ----------
    inputs : KerasTensor, or list or dict of KerasTensor
        From ``Input``, or from layers, where a graph is to begin in the middle of another.
    outputs : KerasTensor, or list or dict of KerasTensor
        What layers made of them.
    name : str, optional
    dtype : {"float32", "float64"}, optional
        The data type of weights and data; by default that of the layers.
    trainable : bool
        False freezes all layers.

    Attributes
    ----------
    name : str
    privacy : PrivateTraining or None
        How it is trained privately, and what that has spent; see ``compile``.
    ranges : Ranges or None
        The lowest and the highest value of each input column, see ``keep_ranges``.
    history : History
        That of the latest ``fit``; None before.
    feature_names : list of str, or None
        The columns of the frame that the model was trained on, or the names in its first dict;
        they may be set before. Frames have to have the same columns in the same order. Files
        and copies hold them. For several inputs a dict of input -> names.
    running_loop : TrainingLoop of the ``fit`` that is going on, or None
    stop_training, stop_evaluating, stop_predicting : bool
        Set one, in a callback or from another thread, to end what is running.

    Notes
    -----
    A subclass makes its layers in ``__init__`` and has ``call(self, inputs)`` or
    ``call(self, inputs, training=None)``, which is called once, on symbolic tensors, for inputs
    of the shape that ``build``, ``fit`` or a first call sees. So it may call layers and use
    ``+``, ``-`` and ``*``; what depends on values, or on ``training``, belongs into a layer.

    A layer, or model, may be part of several models: its weights are the same in all of them.
    They live in one vector, so that a new model may move the weights of its layers to another
    place: take Variables from layers and models anew then.

    Examples
    --------
    >>> from fastgd import Model, layers
    >>> left = layers.Input(shape=(3,), name="left")
    >>> right = layers.Input(shape=(2,), name="right")
    >>> both = layers.Concatenate()([layers.Dense(4)(left), right])
    >>> model = Model([left, right], layers.Dense(1, name="sum")(both))
    >>> model.input_names, model.output_names, model.count_params()
    (['left', 'right'], ['sum'], 23)
    """

    _constructor_arguments: Any

    def __new__(cls, *args: Any, **kwargs: Any) -> "Model":
        model = super().__new__(cls)
        model._constructor_arguments = args, kwargs  # for config_of
        return model

    def __init__(self, inputs: Any = None, outputs: Any = None, name: str | None = None,
                 dtype: str | None = None, trainable: bool = True):  # fmt: skip
        super().__init__(name, dtype, trainable)
        self._input_structure = self._output_structure = self._traced_shape = None
        self._compilation = Compilation()
        self._adapter: DataAdapter | None = None
        self._online: Any = None
        self._predictor: Any = None
        self.ranges: Ranges | None = None
        self.privacy: PrivateTraining | None = None
        self.begin()
        if (inputs is None) != (outputs is None):
            raise ArgumentError("inputs, outputs: expected both, or none")
        if inputs is not None:
            self._graph_from(inputs, outputs)
            if not self._trainable:
                self.trainable = False

    def begin(self) -> None:
        """Set what a model has that was never trained."""
        self.stream.count = 0
        self.history = None
        if self.privacy is not None:
            self.privacy = PrivateTraining(self.privacy.mechanism)
        self.stop_training = self.stop_evaluating = self.stop_predicting = False

    # -- the graph ----------------------------------------------------------------------------

    @property
    def _is_traced(self):
        """Whether a subclass describes the graph by ``call``."""
        return type(self).call is not Model.call

    def _graph_from(self, inputs, outputs, order=()):
        """Make the graph from tensors, or lists or dicts of them."""
        self._input_structure = Structure(inputs, "inputs")
        self._output_structure = Structure(outputs, "outputs")
        tensors = self._input_structure.tensors, self._output_structure.tensors
        self._set_graph(Graph(*tensors, order))

    def call(self, inputs: Any, training: Any = None) -> Any:
        """Compute the outputs of a subclass: layers called on `inputs`."""
        raise NotImplementedError

    def build(self, input_shape: Any = None) -> None:
        """Make the graph, by one ``call``, and with it the weights.

        Parameters
        ----------
        input_shape : tuple, or list or dict of tuple
            (None, d...) of each input.

        Raises
        ------
        DataTypeError
            If ``call`` does what cannot be described by layers.
        """
        if self.built:
            return
        if not self._is_traced:
            raise NotBuiltError(
                f"model {self.name!r} has no graph: give inputs and outputs, or write a "
                "class with call"
            )
        if input_shape is None:
            raise NotBuiltError("input_shape: call describes the graph for inputs of a shape")
        self._traced_shape = input_shape
        inputs = inputs_of(input_shape, self.dtype)
        self._graph_from(inputs, traced(self, inputs), layers_of(self))

    @property
    def layers(self) -> list[Layer]:
        """The layers; of a class with ``call`` those that its attributes hold."""
        return layers_of(self) if self._is_traced else super().layers

    def _described_layers(self):
        return self._graph.layers if self.built else layers_of(self)

    def compute_output_shape(self, input_shape: Shape | list[Shape]) -> Shape | list[Shape]:
        if not self.built and input_shape is not None:
            self.build(input_shape)
        return super().compute_output_shape(input_shape)

    def _input_keys(self):
        structure = self._input_structure
        return self.input_names if structure is None or not structure.keys else structure.keys

    @property
    def output_names(self) -> list[str]:
        """The names of the outputs: their keys, or those of the layers they come from."""
        structure = self._output_structure
        return super().output_names if not (structure and structure.keys) else structure.keys

    def get_config(self) -> Config:
        """Return the graph as plain data, or the constructor's arguments of a subclass.

        A layer that is part of this model both by itself and in an inner model becomes two.

        Raises
        ------
        DataTypeError
            For arguments that are no plain data.
        """
        return config_of(self, self._constructor_arguments if self._is_traced else None)

    @classmethod
    def from_config(cls, config: Config,
                    custom_objects: CustomObjects | None = None) -> "Model":  # fmt: skip
        """Return the model, with fresh weights, for what ``get_config`` gave."""
        return from_config(cls, checked_config(config, custom_objects))

    # -- compile ------------------------------------------------------------------------------

    compile = compilation.compile
    get_compile_config = compilation.get_compile_config
    compile_from_config = compilation.compile_from_config

    @property
    def compiled(self) -> bool:
        """Whether it has been compiled."""
        return self.optimizer is not None

    @property
    def optimizer(self) -> Optimizer | None:
        """The optimizer; None before ``compile``."""
        return self._compilation.optimizer

    @optimizer.setter
    def optimizer(self, optimizer: Optimizer) -> None:
        self._compilation.take(optimizer)
        self.release()

    @property
    def run_eagerly(self) -> bool:
        """The argument of ``compile``; it changes nothing."""
        return bool(self._compilation.arguments.get("run_eagerly"))

    @property
    def loss(self) -> Loss | Any:
        """The loss, or a list or dict of them; None before ``compile``."""
        return self._compilation.objective.loss

    @property
    def metrics(self) -> list[Metric]:
        """The metrics, resolved for this model's outputs."""
        return [m for one in self._objectives() for m in (*one.metrics, *one.weighted)]

    @property
    def metrics_names(self) -> list[str]:
        """``["loss"]`` and the names of the metrics."""
        return value_names(self._objectives())

    def reset_metrics(self) -> None:
        """Do nothing: every call begins its metrics anew."""

    def _objectives(self, shape=None):
        names = self.output_names if self.built else None
        return self._compilation.objectives(self._graph, names, shape)

    def moved(self, vector: Any = None, moves: Any = ()) -> None:
        super().moved(vector, moves)
        self._adapter = self._online = self._predictor = None
        self._compilation.forget()
        if vector is not None and self.optimizer is not None:
            self.optimizer.moved(vector, moves)

    def release(self) -> None:
        """Give back the room that programs take for batches; the next call makes it anew."""
        self._compilation.forget()
        self._online = self._predictor = None

    between_steps = compilation.between_steps

    def get_weights(self) -> list[Array]:
        """Return copies of the weights, as in Keras, all of the same training step."""
        with self.between_steps():
            return super().get_weights()

    @property
    def running_loop(self) -> Any:
        """The TrainingLoop of the ``fit`` that is going on; None without one."""
        loops = self.assembly().arena.loops if self.built else ()
        return next((loop for loop in loops if loop.model is self), None)

    def compiled_step(self, weighted: bool = False) -> CompiledStep:
        """Return the CompiledStep, see there; made when it is first asked for."""
        step = self._compilation.made(weighted)
        if step is None:
            self._warn_of_activations()
            step = self._compilation.step(
                self.engine, self.assembly(), self._objectives(), weighted
            )
        return step

    def logit_step(self) -> CompiledStep:
        """Return the CompiledStep that predicts what the last sigmoid or softmax reads."""
        return self._compilation.logit_step(self.engine, self.assembly())

    def _warn_of_activations(self):
        """Warn once, as soon as the model is compiled and built."""
        compilation = self._compilation
        if self.built and not compilation.warned:
            compilation.warned = True
            warn_of_activations(self._objectives(), self.assembly())

    # -- data ---------------------------------------------------------------------------------

    def adapter(self, data: UserData | None = None) -> DataAdapter:
        """Return the DataAdapter; data: UserData, which say the shapes of a model unbuilt."""
        if not self.built and data is not None:
            signature = seen_signature(self, data)
            if signature is not None:
                return DataAdapter(signature, self.name, self._named_rows)
        if self._adapter is None:
            signature = self.signature(self._objectives())
            self._adapter = DataAdapter(signature, self.name, self._named_rows)
        return self._adapter

    def build_by(self, adapter: DataAdapter, x: Array, rows: Any = None) -> None:
        """Build the model for an adapter, once the data are known to be good."""
        if not self.built:
            self.build(adapter.signature.seen)
            adapter.signature = self.adapter().signature  # for the batches that follow
            adapter.check(x, rows)

    def prepared(self, x: Data, y: Data, sample_weight: Data = None,
                 class_weight: Any = None) -> tuple[Array, Array]:  # fmt: skip
        """Return prepared x and y of one batch; build the model by them."""
        adapter = self.adapter() if self.built else self.adapter(UserData(x, y))
        x, y = adapter.rows(x, y, sample_weight, class_weight)
        self.build_by(adapter, x)
        return x, y

    def prepared_inputs(self, x: Data) -> Array:
        """Return prepared x; build the model by it."""
        adapter = self.adapter() if self.built else self.adapter(UserData(x))
        x = adapter.inputs(x)
        self.build_by(adapter, x)
        return x

    def row(self, x: Any, unknown_features: str = "raise") -> tuple[Array, list[str] | None]:
        """Return a row as an array of the model's data type, and the names of the inputs."""
        dtype = self.dtype if self._assembly is None else self._assembly.dtype
        if not isinstance(x := named(x), dict):
            return row_of_numbers(x, dtype), self._named_rows.names
        if self.several_inputs:
            raise ArgumentError("x: single rows are for models of one input")
        width = width_of(self._graph.input_shapes[0]) if self.built else None
        return self._named_rows.row(x, width, dtype, unknown_features)

    # -- train, evaluate, predict: see fitting and online -------------------------------------

    fit, evaluate, predict = fitting.fit, fitting.evaluate, fitting.predict
    predict_on_batch = fitting.predict_on_batch
    train_on_batch, test_on_batch = online.train_on_batch, online.test_on_batch
    value_and_grad, predictor = online.value_and_grad, online.predictor
    learner, learn_one, predict_one = online.learner, online.learn_one, online.predict_one
    online_step, plain_predictor = online.online_step, online.plain_predictor
    keep_ranges, manifest = watching.keep_ranges, manifest

    def restore_structure(self, outputs: list[Any]) -> Any:
        """Return a list of outputs in the structure that the model's have.

        As in Keras, ``Model(inputs, [one])`` gives an array, but a ``call`` that returns
        ``[one]`` a list.
        """
        structure = self._output_structure
        if structure is None or structure.single:
            return outputs[0]
        alone = len(outputs) == 1 and structure.keys is None and not self._is_traced
        return outputs[0] if alone else structure.of(outputs)

    def replicate(self) -> "Model":
        """Return a model like this one, as constructing it anew would give.

        The layers and their names, the choices of ``compile`` and the feature names are the
        same; the weights begin anew, from the next seeds, and so does the optimizer, with the
        settings that it has now. What never changes is shared: so a Sequential of fastgd's
        layers is made in a fraction of the time, and takes little memory beside its weights.

        Examples
        --------
        >>> from fastgd import Sequential, layers, utils
        >>> utils.set_random_seed(1)
        >>> model = Sequential([layers.Dense(1, input_shape=(2,))])
        >>> model.compile("sgd", "mse")
        >>> many = [model.replicate() for _ in range(3)]
        >>> len({float(each.layers[0].kernel[0, 0]) for each in [model, *many]})
        4
        """
        return by_description(self)

    def __call__(self, x: Any, training: bool = False) -> Any:
        """Return the outputs for x: Tensors while a GradientTape records, else ndarrays.

        Parameters
        ----------
        x : array or Tensor, shape (n, d...), or list or dict of such
            Or symbolic tensors, for a graph in which this model is a layer.
        training : bool
            Whether layers such as dropout are at work.
        """
        if is_symbolic(x):
            return calls.on_symbols(self, x)
        return calls.on_values(self, x, training)
