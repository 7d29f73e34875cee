"""What every model can do: train, evaluate, predict, be called."""

import inspect

import numpy as np

from fastgd._core.types import Status
from fastgd._data.packing import parts, split_outputs
from fastgd._engine import streams
from fastgd._registry.objects import deserialize_object
from fastgd._training import loop
from fastgd.errors import ArgumentError, NotBuiltError
from fastgd.layers.eager import call_program
from fastgd.layers.symbolic import is_shapes, is_symbolic, listed
from fastgd.models.graph import Graph
from fastgd.models.graph_config import graph_config, tensors_from
from fastgd.models.replica import by_description
from fastgd.models.structure import Structure
from fastgd.models.tracing import inputs_of, layers_in, traced
from fastgd.models.trainer import Trainer
from fastgd.tape import Tensor, recording


class Model(Trainer):
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
    optimizer, loss, metrics
        What ``compile`` made of its arguments.
    history : History
        That of the latest ``fit``; None before.

    Notes
    -----
    A class of one's own makes its layers in ``__init__`` and has ``call(self, inputs)`` or
    ``call(self, inputs, training=None)``, which is called once, on symbolic tensors, for inputs
    of the shape that ``build``, ``fit`` or a first call sees. So it may call layers and use
    ``+``, ``-`` and ``*``; what depends on values, or on ``training``, belongs into a layer.

    A layer, or model, may be part of several models: its weights are the same in all of them.
    They live in one vector, so that a new model may move the weights of its layers to another
    place: Variables are to be taken from layers and models anew then.

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

    def __new__(cls, *args, **kwargs):
        model = super().__new__(cls)
        model._arguments = args, kwargs  # for get_config, where `call` describes the graph
        return model

    def __init__(self, inputs=None, outputs=None, name=None, dtype=None, trainable=True):
        super().__init__(name, dtype, trainable)
        self._input_structure = self._output_structure = self._traced_shape = None
        if (inputs is None) != (outputs is None):
            raise ArgumentError("inputs, outputs: expected both, or none")
        if inputs is not None:
            self._graph_from(inputs, outputs)
            if not self._trainable:
                self.trainable = False

    # -- the graph ----------------------------------------------------------------------------

    def get_config(self):
        """The graph as plain data; of a class with ``call``, the arguments of its constructor.

        A layer that is part of this model both by itself and in an inner model becomes two.

        Raises
        ------
        DataTypeError
            For arguments that are no plain data.
        """
        described = {"name": self.name, "trainable": self.trainable, "dtype": self._dtype}
        if type(self).call is Model.call:
            structures = self._input_structure, self._output_structure
            return described | graph_config(self.graph(), *structures)
        args, kwargs = self._arguments
        bound = inspect.signature(type(self).__init__).bind(self, *args, **kwargs)
        arguments = dict(list(bound.arguments.items())[1:])
        extra = [p.name for p in bound.signature.parameters.values() if p.kind is p.VAR_KEYWORD]
        for name in extra:
            arguments |= arguments.pop(name, {})
        return arguments | {"build_input_shape": self._traced_shape}

    @classmethod
    def from_config(cls, config, custom_objects=None):
        """The model, with fresh weights, for what ``get_config`` gave."""
        config = deserialize_object(config, custom_objects)
        if "calls" in config and "layers" in config:
            inputs, outputs = tensors_from(config)
            arguments = {k: config[k] for k in ("name", "trainable", "dtype")}
            return cls(inputs, outputs, **arguments)
        config = dict(config)
        shape = config.pop("build_input_shape", None)
        model = cls(**config)
        if shape is not None:
            model.build(_shape_from(shape))
        return model

    def _graph_from(self, inputs, outputs, order=()):
        """Make the graph from tensors, or lists or dicts of them."""
        self._input_structure = Structure(inputs, "inputs")
        self._output_structure = Structure(outputs, "outputs")
        self._set_graph(
            Graph(self._input_structure.tensors, self._output_structure.tensors, order)
        )

    def call(self, inputs, training=None):
        """What a class of one's own computes: layers called on `inputs`."""
        raise NotImplementedError

    def build(self, input_shape=None):
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
        if type(self).call is Model.call:
            raise NotBuiltError(
                f"model {self.name!r} has no graph: give inputs and outputs, or write a "
                "class with call"
            )
        if input_shape is None:
            raise NotBuiltError("input_shape: call describes the graph for inputs of a shape")
        self._traced_shape = input_shape
        inputs = inputs_of(input_shape, self.dtype)
        self._graph_from(inputs, traced(self, inputs), self._own_layers())

    def _shape_of(self, x, argument):
        if type(self).call is not Model.call:  # which may take a list or a dict
            if isinstance(x, dict):
                return {k: self._shape_of(one, f"{argument}[{k!r}]") for k, one in x.items()}
            if isinstance(x, (list, tuple)) and x and all(map(_has_rows, x)):
                return [self._shape_of(one, f"{argument}[{i}]") for i, one in enumerate(x)]
        return super()._shape_of(x, argument)

    @property
    def layers(self):
        """The layers; of a class with ``call`` those that its attributes hold."""
        return super().layers if type(self).call is Model.call else self._own_layers()

    def _own_layers(self):
        """The layers among the attributes, also in lists and dicts, in their order."""
        found = {}
        for value in vars(self).values():
            found |= dict.fromkeys(layers_in(value))
        return list(found)

    def _described_layers(self):
        return self._graph.layers if self.built else self._own_layers()

    def compute_output_shape(self, input_shape):
        if not self.built and input_shape is not None:
            self.build(input_shape)
        return super().compute_output_shape(input_shape)

    def value_and_grad(self, x, y):
        """The mean loss over all rows as one batch, penalties included, and its gradients.

        Returns
        -------
        (float, list of ndarray)
            The gradients in the order and shapes of ``trainable_variables``; they are views of
            one flat vector, as ``optimizer.apply_gradients`` likes them.

        Raises
        ------
        DivergenceError
            If the loss is not finite.
        """
        x, y = self._built_for(x, y)
        totals = self.totals()
        self.network().regular.before_step()
        status = self.program().gradients(x, y, totals, loop.next_key(self))
        if status != Status.STATUS_FINE:
            raise loop.diverged(status, self.optimizer.iterations)
        flat = self.network().gradients.copy()
        start = self.network().start
        grads = [
            flat[v.offset - start :][: v.size].reshape(v.shape) for v in self.network().trained
        ]
        return self.figures(totals)["loss"], grads

    def replicate(self):
        """A model like this one, with weights of its own: as constructing it anew would give.

        The layers and their names, what ``compile`` chose and the feature names are the same;
        the weights begin anew, from the next seeds, and so does the optimizer, with the
        settings that it has now. What never changes is shared: so a Sequential of fastgd's own
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

    def predictor(self):
        """The network as a function, for serving: the shortest way to the outputs of few rows.

        Returns
        -------
        callable
            Of rows (n, features) it gives outputs (n, outputs), of one row (features,) outputs
            (outputs,): a fresh array with the bits of ``predict``. It is fastest with
            C-contiguous arrays of the model's data type; anything else is treated, and refused,
            as by ``predict``. The weights are the model's own, as they are at each call; after
            a layer has been added, make a new one.

        Raises
        ------
        NotBuiltError
            If there are no weights yet.

        Examples
        --------
        >>> import numpy as np
        >>> from fastgd import Sequential, layers
        >>> model = Sequential([layers.Dense(1, bias_initializer="ones", input_shape=(2,))])
        >>> predict = model.predictor()
        >>> predict(np.zeros(2, dtype="float32"))
        array([1.], dtype=float32)
        """
        shapes = self.graph().input_shapes
        if len(shapes) > 1 or len(self.graph().output_shapes) > 1:
            raise ArgumentError("predictor: it is for models of one input and one output")
        predictor = self.engine.Predictor(self.program(), lambda x: self._inputs(x, shapes))
        if not self.network().checks:
            return predictor

        def checked(x):
            self._inputs(x if np.ndim(x) > 1 else np.asarray(x)[None], shapes)
            return predictor(x)

        return checked

    def _split(self, out):
        if self._output_structure is None or self._output_structure.single:
            return super()._split(out)
        return self._output_structure.of(split_outputs(out, self._graph.output_shapes))

    def _input_keys(self):
        structure = self._input_structure
        return self.input_names if structure is None or not structure.keys else structure.keys

    @property
    def output_names(self):
        """The names of the outputs: their keys, or those of the layers they come from."""
        structure = self._output_structure
        return super().output_names if not (structure and structure.keys) else structure.keys

    def __call__(self, x, training=False):
        """The outputs for x; a Tensor while a GradientTape records, an ndarray otherwise.

        Parameters
        ----------
        x : array or Tensor, shape (n, d...), or list or dict of such
            Or symbolic tensors, for a graph in which this model is a layer.
        training : bool
            Whether layers such as dropout are at work.
        """
        if is_symbolic(x):
            return self._called_symbolically(x)
        self._build_for(_values(x))
        if not recording() and not training:
            return self.predict(x)
        network = self.network()
        packed = self._inputs(_values(x), self._graph.input_shapes)
        names = self._input_keys()
        inputs = [x] if len(names) == 1 and not isinstance(x, dict) else x
        inputs = [x[name] for name in names] if isinstance(x, dict) else list(inputs)
        key = streams.next_seed() if training else 0
        found = call_program(
            self.program(), network.parameters, network.variables, network.start, packed,
            inputs, self._graph.output_shapes, bool(loop), key,
        )  # fmt: skip
        structure = self._output_structure
        return found[0] if structure is None else structure.of(found)

    def _called_symbolically(self, x):
        if isinstance(x, dict):
            if not self.built:
                self.build({name: tensor.shape for name, tensor in x.items()})
            x = parts(x, self._input_keys(), "x", [0] * len(x))
        if self.built:
            single = len(self._graph.inputs) == 1 and isinstance(x, (list, tuple))
            x = x[0] if single else list(x) if isinstance(x, (list, tuple)) else x
        outputs = self.called_on(x).outputs
        structure = self._output_structure
        if structure is None or structure.single:
            return outputs
        return structure.of(listed(outputs))


def _shape_from(shape):
    """A shape, or a list or dict of them, as it was before JSON made lists of tuples."""
    if isinstance(shape, dict):
        return {name: tuple(one) for name, one in shape.items()}
    return [tuple(one) for one in shape] if is_shapes(shape) else tuple(shape)


def _has_rows(x):
    """Whether it is an array of rows, not a row."""
    return isinstance(x, (np.ndarray, Tensor)) and x.ndim > 1


def _values(x):
    """Inputs with plain arrays instead of Tensors."""
    if isinstance(x, dict):
        return {name: _values(one) for name, one in x.items()}
    if isinstance(x, (list, tuple)) and any(isinstance(one, Tensor) for one in x):
        return [_values(one) for one in x]
    return x.numpy() if isinstance(x, Tensor) else x
