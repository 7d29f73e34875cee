"""The base class of the layers: a description of weights and of rows in the layer table."""

import weakref
from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

from fastgd import config, constraints, initializers, regularizers
from fastgd._data.validation import assign_all, batch_shape, boolean, row_shape
from fastgd._engine import arena
from fastgd._engine.table import Table
from fastgd._registry.advice import NamedArguments
from fastgd._registry.names import checked_name, snake_case, unique_name
from fastgd._registry.objects import Serializable, argument_names
from fastgd._typing import Array, Config, Data, DType, Shape, Weights
from fastgd.config import checked_floatx
from fastgd.errors import ArgumentError, DataTypeError, NotBuiltError, ShapeError
from fastgd.layers import eager
from fastgd.layers.symbolic import Node, is_shapes, is_symbolic, listed, shapes_of
from fastgd.variables import Variable

#: A Shape (None, d...), or a list of those of several inputs or outputs.
Shapes: TypeAlias = Any
#: The number of a buffer of a layer table, or a list of those of several inputs or outputs.
Buffers: TypeAlias = Any
#: An array, a Tensor or a KerasTensor, or a list of those of several inputs or outputs.
Values: TypeAlias = Any


class Weight(NamedTuple):
    """Describe one array of a layer: its shape, its first values, and how it is trained."""

    name: str
    shape: tuple[int, ...]
    initializer: Callable[..., Array] | None
    regularizer: Callable[..., Any] | None = None
    constraint: Callable[..., Any] | None = None
    trainable: bool = True

    def values(self, dtype: DType) -> Array:
        """Return the values that training begins with."""
        return (self.initializer or initializers.GlorotUniform())(self.shape, dtype=dtype)


class WeightVariable:
    """Give the Variable of the Weight that is named as this attribute of a layer.

    It is None before building, and if the layer has no such weight. To assign to the attribute
    overwrites the values.
    """

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, layer: Any, owner: type | None = None) -> Any:
        if layer is None:
            return self
        weights = layer.weight_specs(layer.input_shape) if layer.variables else []
        pairs = zip(layer.variables, weights, strict=True)
        return next((variable for variable, w in pairs if w.name == self._name), None)

    def __set__(self, layer: Any, value: Data) -> None:
        # Python turns `layer.bias += 1` into a change in place and then such an assignment.
        variable = self.__get__(layer)
        if variable is None:
            raise NotBuiltError(
                f"layer {layer.name!r} has no {self._name} to overwrite: build the model, "
                "and check the arguments of the layer"
            )
        variable.assign(value)


class Layer(NamedArguments, Serializable):
    """Describe a layer to the engine, which computes it.

    A new layer gives ``compute_output_shape``, ``weight_specs`` and ``emit``; the rest is here.
    Shapes are Keras': (None, d...), with None for the rows. A layer of several inputs gets a
    list of shapes, and of buffers. Every layer takes the arguments here by name.

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

    _kwargs_of_base = True
    #: Whether the layer takes a list of inputs.
    several_inputs = False
    #: The word for it in messages.
    noun = "layer"

    def __init__(self, *, input_shape: int | Shape | None = None, input_dim: int | None = None,
                 name: str | None = None, dtype: DType | None = None,
                 trainable: bool = True):  # fmt: skip
        if hasattr(self, "call") and type(self).emit is Layer.emit:
            raise DataTypeError(
                f"{type(self).__name__}.call: a layer is compiled from its emit, so call would "
                "never run. To combine layers, derive from fastgd.Model instead; for a "
                "function of each element, use layers.Activation(function)"
            )
        if input_dim is not None:
            input_shape = (input_dim,)
        self._input_shape: Shapes = None
        if input_shape is not None:
            self._input_shape = (None, *row_shape(input_shape))
        self.name: str = checked_name(name) or unique_name(snake_case(type(self).__name__))
        self.dtype: str | None = None if dtype is None else checked_floatx(dtype)
        self._trainable = boolean(trainable, "trainable")
        self.variables: list[Variable] = []
        self.arena: arena.Arena | None = None
        self._inbound_nodes: list[weakref.ref[Node]] = []

    # -- what a new layer overrides -----------------------------------------------------------

    def compute_output_shape(self, input_shape: Shapes) -> Shapes:
        """Return the shape of the output: (None, d...), or a list of such for several outputs.

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

    def weight_specs(self, input_shape: Shapes) -> list[Weight]:
        """Return the Weight of each array for inputs of a shape, in Keras' order."""
        return []

    def emit(self, table: Table, source: Buffers) -> Buffers:
        """Add the rows of this layer to a layer table.

        Parameters
        ----------
        table : fastgd._engine.table.Table
            ``table.input_shape`` is the shape of this call's inputs, a list for several.
        source : int, or list of int
            The buffers of the inputs.

        Returns
        -------
        int, or list of int
            The buffers of the outputs.
        """
        raise NotImplementedError

    # -- weights ------------------------------------------------------------------------------

    def build(self, input_shape: Shapes) -> None:
        """Make the weights for inputs of a shape; nothing happens if they exist.

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

    def build_as(self, input_shape: Shapes, dtype: DType) -> None:
        """Build with a data type, unless the layer has its own."""
        shape = self.checked_shape(input_shape)
        self.compute_output_shape(shape)
        if not self.built:
            arena.new_arena([(self, shape)], self.dtype or dtype)
        elif [tuple(w.shape) for w in self.weight_specs(shape)] != [
            v.shape for v in self.variables
        ]:
            raise ShapeError(
                f"input_shape: layer {self.name!r} was built for {self._input_shape}, "
                f"got {shape}"
            )

    def checked_shape(self, input_shape: Shapes) -> Shapes:
        """Return a shape, or a list of them, as the layer takes it; ShapeError otherwise."""
        if self.several_inputs != is_shapes(input_shape):
            wanted = "a list of inputs" if self.several_inputs else "one input"
            raise ShapeError(
                f"input_shape: layer {self.name!r} expects {wanted}, got {input_shape}"
            )
        if self.several_inputs:
            return [batch_shape(shape) for shape in input_shape]
        return batch_shape(input_shape)

    def bind(self, input_shape: Shapes, variables: list[Variable]) -> None:
        """Take over the variables of this layer, built for inputs of a shape."""
        self._input_shape = input_shape
        self.variables = variables

    def _set_weight(self, name, initializer, regularizer, constraint):
        """Set the arguments for the weight of a name."""
        own = vars(self)
        own[f"{name}_initializer"] = initializers.get(initializer)
        own[f"{name}_regularizer"] = regularizers.get(regularizer)
        own[f"{name}_constraint"] = constraints.get(constraint)

    def _weight(self, name: str, shape: Shape) -> Weight:
        """Return the Weight of a name, by the layer's arguments of that name."""
        own = vars(self)
        return Weight(name, shape, own[f"{name}_initializer"], own[f"{name}_regularizer"],
                      own[f"{name}_constraint"])  # fmt: skip

    @property
    def built(self) -> bool:
        """Whether the weights exist."""
        return self._input_shape is not None and bool(
            self.variables or not self.weight_specs(self._input_shape)
        )

    @property
    def weights(self) -> list[Variable]:
        """The layer's arrays: zero-copy views of the model's parameters."""
        return list(self.variables)

    @property
    def trainable(self) -> bool:
        """Whether training changes the weights.

        As in Keras, a compiled model keeps to the value at the time of ``compile``.
        """
        return self._trainable

    @trainable.setter
    def trainable(self, value: bool) -> None:
        self._trainable = boolean(value, "trainable")
        if self.variables:
            specs = self.weight_specs(self._input_shape)
            for variable, weight in zip(self.variables, specs, strict=True):
                variable.trainable = self._trainable and weight.trainable

    @property
    def trainable_variables(self) -> list[Variable]:
        """The arrays that training changes."""
        return [v for v in self.variables if v.trainable] if self.trainable else []

    @property
    def non_trainable_variables(self) -> list[Variable]:
        """The arrays that training does not change."""
        return [v for v in self.variables if not (self.trainable and v.trainable)]

    @property
    def trainable_weights(self) -> list[Variable]:
        """The same as ``trainable_variables``."""
        return self.trainable_variables

    @property
    def non_trainable_weights(self) -> list[Variable]:
        """The same as ``non_trainable_variables``."""
        return self.non_trainable_variables

    @property
    def losses(self) -> list[Any]:
        """The present penalties on the weights: a list of numbers; of tensors under a tape."""
        return [v.regularizer(v) for v in self.trainable_variables if v.regularizer is not None]

    @property
    def input_shape(self) -> Shapes:
        """(None, d...), or a list of such for several inputs."""
        if self._input_shape is None:
            raise NotBuiltError(f"layer {self.name!r} has no input shape yet: build the model")
        return self._input_shape

    @property
    def output_shape(self) -> Shapes:
        """(None, d...), or a list of such for several outputs."""
        return self.compute_output_shape(self.input_shape)

    def count_params(self) -> int:
        """Return the number of weights."""
        return sum(v.size for v in self.variables)

    def get_weights(self) -> list[Array]:
        """Return copies of the layer's arrays, as in Keras."""
        return [v.numpy() for v in self.variables]

    def set_weights(self, weights: Weights) -> None:
        """Overwrite the layer's arrays; nothing is changed unless every shape fits.

        Raises
        ------
        ShapeError
            For a wrong number of arrays or a wrong shape.
        """
        assign_all(self.variables, weights, f"{self.noun} {self.name!r}")

    # -- calls --------------------------------------------------------------------------------

    def __call__(self, inputs: Values, training: bool = False) -> Values:
        """Return the output of the layer.

        Parameters
        ----------
        inputs : KerasTensor, or list of KerasTensor
            For a symbolic output: a node of a graph.
        inputs : array or Tensor, or list of such, shape (n, d...)
            For values: an ndarray, or a Tensor while a GradientTape records.
        training : bool
            Whether layers such as dropout are active on values.
        """
        if not is_symbolic(inputs):
            return eager.call_layer(self, inputs, training)
        if isinstance(inputs, (list, tuple)) and len(inputs) == 1 and not self.several_inputs:
            inputs = inputs[0]
        return self.called_on(inputs).outputs

    def called_on(self, inputs: Values, dtype: DType | None = None) -> Node:
        """Note a call on symbolic tensors; dtype is by default that of the inputs."""
        shape = shapes_of(inputs)
        if dtype is None:
            dtypes = (tensor.dtype for tensor in listed(inputs) if "float" in tensor.dtype)
            dtype = next(dtypes, config.floatx())
        self.build_as(shape, dtype)
        outputs = self.compute_output_shape(shape)
        arena.take_columns(self, outputs if is_shapes(outputs) else [outputs])
        node = Node(self, inputs, outputs, self.result_dtype(dtype))
        self._inbound_nodes.append(weakref.ref(node))
        return node

    def result_dtype(self, dtype: DType) -> DType:
        """Return the data type of the output for inputs of a data type."""
        if self.variables:
            return checked_floatx(self.variables[0].dtype)
        return self.dtype or dtype

    def leaves(self) -> list["Layer"]:
        """Return the layers of which this one consists: itself, unless it is a model."""
        return [self]

    @property
    def input(self) -> Values:
        """The symbolic tensor of the first call, or a list of them."""
        return self._first_node("input").inputs

    @property
    def output(self) -> Values:
        """The symbolic tensor that the first call returned, or a list of them."""
        return self._first_node("output").outputs

    def _first_node(self, argument: str) -> Node:
        for node in (reference() for reference in self._inbound_nodes):
            if node is not None:
                return node
        raise ArgumentError(
            f"{argument}: layer {self.name!r} has not been called on symbolic tensors yet"
        )

    def get_config(self) -> Config:
        """Return the arguments that make this layer again."""
        names = ("name", "trainable", "dtype", *argument_names(type(self)))
        return {name: getattr(self, name) for name in names}

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name}>"
