"""Define Sequential: layers in a row."""

from collections.abc import Sequence
from typing import Any

from fastgd._data.validation import batch_shape, row_shape
from fastgd._engine.arena import new_arena
from fastgd._registry.objects import checked_config, serialize_object
from fastgd._typing import Config, CustomObjects
from fastgd.errors import ArgumentError, DataTypeError, NotBuiltError, ShapeError
from fastgd.layers import Input, InputLayer, Layer
from fastgd.layers.symbolic import KerasTensor
from fastgd.models.graph import Graph
from fastgd.models.model import Model
from fastgd.models.network import Network
from fastgd.models.replica import is_simple, replica_of


class Sequential(Model):
    """A model of layers in a row.

    Parameters
    ----------
    layers : list of Layer, optional
        The first may be an ``Input``, or have an ``input_shape``; without either ``build``, the
        first ``fit`` or the first call makes the weights.
    name : str, optional
    dtype : {"float32", "float64"}, optional
        The data type of weights and data; ``config.floatx()`` by default.

    Examples
    --------
    >>> from fastgd import Sequential, layers
    >>> model = Sequential(
    ...     [
    ...         layers.Dense(10, activation="relu", input_shape=(10,)),
    ...         layers.Dense(10, activation="relu"),
    ...         layers.Dense(1),
    ...     ]
    ... )
    >>> model.count_params()
    231
    """

    def __init__(self, layers: Sequence[Any] | None = None, trainable: bool = True,
                 name: str | None = None, dtype: str | None = None) -> None:  # fmt: skip
        super().__init__(name=name, dtype=dtype, trainable=trainable)
        self._layers: list[Any] = []
        self._tensors: list[Any] = []  # the input, and what each layer of the graph gives
        if not isinstance(layers, (list, tuple, type(None))):
            raise DataTypeError(f"layers: expected a list of layers, got {layers!r}")
        self._change([], layers or [])

    @property
    def layers(self) -> list[Layer]:
        return [layer for layer in self._layers if not isinstance(layer, InputLayer)]

    def _described_layers(self):
        return self._layers

    def add(self, layer: Any) -> None:
        """Append a layer; the weights of the other layers keep their values.

        Raises
        ------
        DataTypeError
            If it is no layer.
        ArgumentError
            If a layer of that name is there already, or if an Input does not come first.
        """
        self._change(self._layers, [layer])

    def pop(self, rebuild: bool = True) -> Layer:
        """Remove the last layer, and return it.

        Raises
        ------
        ArgumentError
            If there is none.
        """
        if not self.layers:
            raise ArgumentError(f"pop: model {self.name!r} has no layers")
        last = self._layers[-1]
        self._change(self._layers[:-1], [])
        return last

    def _change(self, kept, added):
        before = self._layers, self._tensors, self._graph
        self._layers = list(kept)
        try:
            for layer in added:
                self._append(layer)
            shape = self._first_shape()
            if shape is None or not self.layers:
                self._tensors, self._graph = [], None
                self.moved()
            else:
                self._connect(shape)
        except Exception:
            self._layers, self._tensors, self._graph = before
            raise

    def _append(self, layer):
        if isinstance(layer, KerasTensor) and isinstance(layer.node.layer, InputLayer):
            layer = layer.node.layer
        if not isinstance(layer, Layer):
            raise DataTypeError(f"layer: expected a layer of fastgd.layers, got {layer!r}")
        if isinstance(layer, InputLayer) and self._layers:
            raise ArgumentError(f"layer: {layer.name!r} is an Input, which comes first")
        if layer.name in [other.name for other in self._layers]:
            raise ArgumentError(f"layer: the model has a layer named {layer.name!r} already")
        self._layers.append(layer)

    def _first_shape(self):
        """Return the shape that the first layer knows; None if it knows none."""
        if self.built and self._layers[:1] == [self._first]:
            return self._tensors[0].shape
        for layer in self._layers[:1]:
            if isinstance(layer, Network):
                return layer.input_shape if layer.built else None
            return layer._input_shape
        return None

    def build(self, input_shape: Any = None) -> None:
        """Make the weights.

        Parameters
        ----------
        input_shape : tuple, optional
            (None, d...) or (features,); not needed where the first layer knows it.

        Raises
        ------
        NotBuiltError
            If there is no layer, or no shape.
        """
        self._check_layers()
        shape = self._first_shape()
        if input_shape is not None:
            given = _given_shape(input_shape)
            if shape is not None and given != shape:
                raise ShapeError(
                    f"input_shape: layer {self._layers[0].name!r} expects {shape}, "
                    f"got {input_shape}"
                )
            shape = given
        if shape is None:
            raise NotBuiltError("input_shape: the first layer has none, so build needs one")
        self._connect(shape)

    def _connect(self, input_shape):
        """Call the layers that are not part of the graph yet, and make it."""
        self._make_weights(input_shape)
        layers = self.layers
        first = self._layers[0]
        if not self._tensors or self._first is not first:
            if not isinstance(first, InputLayer):
                tensor = Input(input_shape[1:], dtype=self.dtype)
            else:
                tensor = first.output
            self._tensors, self._connected, self._first = [tensor], [], first
        same = 0
        while same < min(len(layers), len(self._connected)) and (
            layers[same] is self._connected[same]
        ):
            same += 1
        if self.built and same == len(layers) == len(self._connected):
            return
        tensors, dtype = self._tensors[: same + 1], self.dtype
        for layer in layers[same:]:
            tensors.append(layer.called_on(tensors[-1], dtype).outputs)
        self._set_graph(Graph(tensors[:1], tensors[-1:]))
        self._tensors, self._connected = tensors, layers

    def _make_weights(self, input_shape):
        """Make the weights of layers that have none yet, beside each other."""
        self._check_layers()
        new, dtype, in_order = [], self.dtype, True
        for layer in self._layers:
            shape = layer.checked_shape(input_shape)
            input_shape = layer.compute_output_shape(shape)
            if not layer.built:  # a model makes its own, when its turn has come
                in_order = in_order and type(layer).build_as is Layer.build_as
                if in_order:
                    new.append((layer, shape))
        if new:
            new_arena(new, dtype)

    def replicate(self) -> "Model":
        return replica_of(self) if is_simple(self) else super().replicate()

    replicate.__doc__ = Model.replicate.__doc__

    def get_config(self) -> Config:
        """Return the layers as plain data, and the shape that the model was built for."""
        return {
            "name": self.name,
            "trainable": self.trainable,
            "dtype": self.dtype,
            "layers": [serialize_object(layer) for layer in self._layers],
            "build_input_shape": list(self.input_shape) if self.built else None,
        }

    @classmethod
    def from_config(cls, config: Config,
                    custom_objects: CustomObjects | None = None) -> "Sequential":  # fmt: skip
        """Return the model, with fresh weights, for what ``get_config`` gave."""
        config = checked_config(config, custom_objects)
        arguments = {k: config[k] for k in ("trainable", "name", "dtype") if k in config}
        if "layers" not in config:
            raise ArgumentError(f"config: it lists no layers: {config!r}")
        model = cls(config["layers"], **arguments)
        shape = config.get("build_input_shape")
        if shape is not None and not model.built:
            model.build(tuple(shape) if isinstance(shape, list) else shape)
        return model

    def _check_layers(self):
        if not self.layers:
            raise NotBuiltError(f"model {self.name!r} has no layers: add some first")

    def compute_output_shape(self, input_shape: Any) -> Any:
        self._check_layers()
        for layer in self._layers:
            input_shape = layer.compute_output_shape(layer.checked_shape(input_shape))
        return input_shape


def _given_shape(shape):
    """Return (None, d...) from that, or from the shape of a row: (features,) or features."""
    if isinstance(shape, (tuple, list)) and len(shape) > 1:
        return batch_shape(shape)
    return (None, *row_shape(shape))
