"""What every layer is: a description of its weights and of its rows in the layer table."""

import weakref
from typing import NamedTuple

from fastgd import config, initializers
from fastgd._data.validation import assign_all, batch_shape, boolean, row_shape
from fastgd._engine import arena
from fastgd._registry.names import snake_case, unique_name
from fastgd._registry.objects import Serializable
from fastgd.config import checked_floatx
from fastgd.errors import ArgumentError, DataTypeError, NotBuiltError, ShapeError
from fastgd.layers import eager
from fastgd.layers.symbolic import Node, is_shapes, is_symbolic, listed, shapes_of


class Weight(NamedTuple):
    """One array of a layer: its shape, how it begins, and what training does to it."""

    name: str
    shape: tuple
    initializer: initializers.Initializer | None
    regularizer: object = None
    constraint: object = None
    trainable: bool = True

    def values(self, dtype):
        """Return the values that training begins with."""
        return (self.initializer or initializers.GlorotUniform())(self.shape, dtype=dtype)


class Layer(Serializable):
    """A layer says *what* it is, never how it is computed.

    A new layer gives ``compute_output_shape``, ``weight_specs`` and ``emit``; the rest is here.
    Shapes are Keras': (None, d...), with None for the rows. A layer of several inputs gets a
    list of them, and of buffers.

    Parameters
    ----------
    input_shape : tuple of int, optional
        The shape of one row, (features,), for the first layer of a model without an Input.
    input_dim : int, optional
        The same as ``input_shape=(input_dim,)``.
    name : str, optional
    dtype : {"float32", "float64"}, optional
        The data type of the model.
    trainable : bool
        Whether training changes the weights.
    """

    #: Whether the layer takes a list of inputs.
    several_inputs = False

    def __init__(
        self, *, input_shape=None, input_dim=None, name=None, dtype=None, trainable=True
    ):
        if hasattr(self, "call") and type(self).emit is Layer.emit:
            raise DataTypeError(
                f"{type(self).__name__}.call: it would never run, for a layer is compiled from "
                "what its emit describes. To put layers together, derive from fastgd.Model "
                "instead; a function of each element is layers.Activation(function)"
            )
        if input_dim is not None:
            input_shape = (input_dim,)
        self._input_shape = None if input_shape is None else (None, *row_shape(input_shape))
        self.name = name or unique_name(snake_case(type(self).__name__))
        self.dtype = None if dtype is None else checked_floatx(dtype)
        self._trainable = boolean(trainable, "trainable")
        self.variables = []
        self.home = None
        self._inbound_nodes = []

    # -- what a layer gives -------------------------------------------------------------------

    def compute_output_shape(self, input_shape):
        """The shape of the output: (None, d...), or a list of such for several outputs.

        Parameters
        ----------
        input_shape : tuple, or list of tuple
            (None, d...) of each input.

        Raises
        ------
        ShapeError
            For inputs that the layer cannot take.
        """
        return input_shape

    def weight_specs(self, input_shape):
        """The weights for inputs of a shape, in Keras' order: a list of Weight."""
        return []

    def emit(self, table, source):
        """Add this layer's rows to a layer table.

        Parameters
        ----------
        table : fastgd._engine.plan.Table
            ``table.input_shape`` is the shape of this call's inputs, a list for several.
        source : int, or list of int
            The buffers of the inputs.

        Returns
        -------
        int, or list of int
            Those of the outputs.
        """
        raise NotImplementedError

    # -- weights ------------------------------------------------------------------------------

    def build(self, input_shape):
        """Make the weights for inputs of a shape; nothing happens if they are there.

        Parameters
        ----------
        input_shape : tuple, or list of tuple
            (None, d...) of each input.

        Raises
        ------
        ShapeError
            If the layer cannot take such inputs, or was built for others.
        """
        self.build_as(input_shape, config.floatx())

    def build_as(self, input_shape, dtype):
        """Build, as numbers of a data type where the layer names none."""
        shape = self.checked_shape(input_shape)
        self.compute_output_shape(shape)
        if self.built:
            self._check_weights(shape)
        else:
            arena.first_home([(self, shape)], self.dtype or dtype)

    def checked_shape(self, input_shape):
        """A shape, or a list of them, as the layer takes it; ShapeError for another."""
        if self.several_inputs != is_shapes(input_shape):
            wanted = "a list of inputs" if self.several_inputs else "one input"
            raise ShapeError(
                f"input_shape: layer {self.name!r} expects {wanted}, got {input_shape}"
            )
        if self.several_inputs:
            return [batch_shape(shape) for shape in input_shape]
        return batch_shape(input_shape)

    def _check_weights(self, shape):
        """An error where inputs of a shape need other weights than there are."""
        wanted = [tuple(weight.shape) for weight in self.weight_specs(shape)]
        if wanted != [v.shape for v in self.variables]:
            raise ShapeError(
                f"input_shape: layer {self.name!r} was built for {self._input_shape}, "
                f"got {shape}"
            )

    def bind(self, input_shape, variables):
        """Take the memory for this layer's weights."""
        self._input_shape = input_shape
        self.variables = variables

    @property
    def built(self):
        """Whether the weights exist."""
        return self._input_shape is not None and bool(
            self.variables or not self.weight_specs(self._input_shape)
        )

    @property
    def weights(self):
        """The layer's arrays: zero-copy views of the model's parameters."""
        return list(self.variables)

    @property
    def trainable(self):
        """Whether training changes the weights.

        As in Keras, a model that is compiled already goes by what held then.
        """
        return self._trainable

    @trainable.setter
    def trainable(self, value):
        self._trainable = boolean(value, "trainable")
        if self.variables:
            specs = self.weight_specs(self._input_shape)
            for variable, weight in zip(self.variables, specs, strict=True):
                variable.trainable = self._trainable and weight.trainable

    @property
    def trainable_variables(self):
        """The arrays that training changes."""
        return [v for v in self.variables if v.trainable]

    @property
    def non_trainable_variables(self):
        """The others."""
        return [v for v in self.variables if not v.trainable]

    @property
    def trainable_weights(self):
        """The same as ``trainable_variables``."""
        return self.trainable_variables

    @property
    def non_trainable_weights(self):
        """The same as ``non_trainable_variables``."""
        return self.non_trainable_variables

    @property
    def losses(self):
        """The penalties on the weights as they are: a list of numbers; tensors under a tape."""
        return [
            v.regularizer(v)
            for v in self.variables
            if v.trainable and v.regularizer is not None
        ]

    @property
    def input_shape(self):
        """(None, d...), or a list of such for several inputs."""
        if self._input_shape is None:
            raise NotBuiltError(f"layer {self.name!r} has no input shape yet: build the model")
        return self._input_shape

    @property
    def output_shape(self):
        """(None, d...), or a list of such for several outputs."""
        return self.compute_output_shape(self.input_shape)

    def count_params(self):
        """The number of weights."""
        return sum(v.size for v in self.variables)

    def get_weights(self):
        """Copies of the layer's arrays, as Keras gives them."""
        return [v.numpy() for v in self.variables]

    def set_weights(self, weights):
        """Overwrite the layer's arrays; nothing is changed unless every shape fits.

        Raises
        ------
        ShapeError
            For a wrong number of arrays or a wrong shape.
        """
        assign_all(self.variables, weights, f"layer {self.name!r}")

    # -- calls --------------------------------------------------------------------------------

    def __call__(self, inputs, training=False):
        """The layer's output.

        Parameters
        ----------
        inputs : KerasTensor, or list of KerasTensor
            For a symbolic output: a node of a graph.
        inputs : array or Tensor, or list of such, shape (n, d...)
            For values: an ndarray, or a Tensor while a GradientTape records.
        training : bool
            Whether layers such as dropout are at work on values.
        """
        if is_symbolic(inputs):
            if (
                not self.several_inputs
                and isinstance(inputs, (list, tuple))
                and len(inputs) == 1
            ):
                inputs = inputs[0]
            return self.called_on(inputs).outputs
        return eager.call_layer(self, inputs, training)

    def called_on(self, inputs, dtype=None):
        """Note a call on symbolic tensors: a Node. dtype: by default that of the inputs."""
        shape = shapes_of(inputs)
        if dtype is None:
            dtypes = (tensor.dtype for tensor in listed(inputs) if "float" in tensor.dtype)
            dtype = next(dtypes, config.floatx())
        self.build_as(shape, dtype)
        node = Node(self, inputs, self.compute_output_shape(shape), self.result_dtype(dtype))
        self._inbound_nodes.append(weakref.ref(node))
        return node

    def result_dtype(self, dtype):
        """The data type of the output for inputs of a data type."""
        if self.variables:
            return config.checked_floatx(self.variables[0].dtype)
        return self.dtype or dtype

    def leaves(self):
        """The layers of which this one consists: itself, unless it is a model."""
        return [self]

    @property
    def input(self):
        """The symbolic tensor that the layer was first called on, or a list of them."""
        return self._first_node("input").inputs

    @property
    def output(self):
        """The symbolic tensor of the first such call, or a list of them."""
        return self._first_node("output").outputs

    def _first_node(self, argument):
        for reference in self._inbound_nodes:
            node = reference()
            if node is not None:
                return node
        raise ArgumentError(
            f"{argument}: layer {self.name!r} has not been called on symbolic tensors"
        )

    def get_config(self):
        """The arguments that make this layer again."""
        return {"name": self.name, "trainable": self.trainable, "dtype": self.dtype}

    def __repr__(self):
        return f"<{type(self).__name__} {self.name}>"
