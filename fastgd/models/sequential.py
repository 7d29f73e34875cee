"""Layers in a row."""

from fastgd import _plan
from fastgd._validate import batch_shape, row_shape
from fastgd.errors import ArgumentError, DataTypeError, NotBuiltError, ShapeError
from fastgd.layers import InputLayer, Layer
from fastgd.layers.symbolic import KerasTensor
from fastgd.models.model import Model
from fastgd.saving import deserialize_object, serialize_object


class Sequential(Model):
    """A model of layers in a row.

    Parameters
    ----------
    layers : list of Layer, optional
        The first may be an ``Input``, or bear an ``input_shape``; without either the weights
        are made by ``build``, by the first ``fit`` or by the first call.
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

    def __init__(self, layers=None, name=None, dtype=None):
        super().__init__(name, dtype)
        self._network_layers = []
        if not isinstance(layers, (list, tuple, type(None))):
            raise DataTypeError(f"layers: expected a list of layers, got {layers!r}")
        self._extend(layers or [])

    @property
    def layers(self):
        return [layer for layer in self._layers if not isinstance(layer, InputLayer)]

    def add(self, layer):
        """Append a layer; weights of layers that are there already keep their values.

        Raises
        ------
        DataTypeError
            If it is no layer.
        ArgumentError
            If a layer of that name is there already, if it belongs to another model, or if an
            Input does not come first.
        """
        self._extend([layer])

    def _extend(self, layers):
        before = list(self._layers)
        try:
            for layer in layers:
                self._append(layer)
            shape = next((la._input_shape for la in self._layers[:1]), None)
            if shape is not None and self.layers:
                self._build(shape)
        except Exception:
            self._layers = before
            raise

    def _append(self, layer):
        if isinstance(layer, KerasTensor) and isinstance(layer.node.layer, InputLayer):
            layer = layer.node.layer
        if not isinstance(layer, Layer):
            raise DataTypeError(f"layer: expected a layer of fastgd.layers, got {layer!r}")
        if isinstance(layer, InputLayer) and self._layers:
            raise ArgumentError(f"layer: {layer.name!r} is an Input, which comes first")
        if layer not in self._layers:
            _check_free(layer)
        if layer.name in [other.name for other in self._layers]:
            raise ArgumentError(f"layer: the model has a layer named {layer.name!r} already")
        self._layers.append(layer)

    def build(self, input_shape=None):
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
        shape = self._layers[0]._input_shape
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
        self._build(shape)

    def get_config(self):
        """The layers as plain data, and the shape that the model was built for."""
        return {
            "name": self.name,
            "dtype": self.dtype,
            "layers": [serialize_object(layer) for layer in self._layers],
            "build_input_shape": list(self.input_shape) if self.built else None,
        }

    @classmethod
    def from_config(cls, config, custom_objects=None):
        """The model, with fresh weights, for what ``get_config`` gave."""
        config = deserialize_object(config, custom_objects)
        model = cls(config["layers"], name=config["name"], dtype=config["dtype"])
        if config["build_input_shape"] is not None and not model.built:
            model.build(tuple(config["build_input_shape"]))
        return model

    def _build(self, input_shape):
        if self.built and self._network_layers == self._layers:
            return
        for layer in self._layers:
            if layer not in self._network_layers:  # it may have been built since it was added
                _check_free(layer)
        self._network = _plan.build(self._layers, input_shape, self.dtype)
        self._network_layers = list(self._layers)
        self._program = None

    def _check_layers(self):
        if not self.layers:
            raise NotBuiltError(f"model {self.name!r} has no layers: add some first")

    def compute_output_shape(self, input_shape):
        self._check_layers()
        for layer in self._layers:
            input_shape = layer.compute_output_shape(input_shape)
        return input_shape


def _given_shape(shape):
    """(None, d...) from that, or from the shape of a row: (features,) or features."""
    if isinstance(shape, (tuple, list)) and len(shape) > 1:
        return batch_shape(shape)
    return (None, *row_shape(shape))


def _check_free(layer):
    """An error for a layer whose weights another model has made."""
    if layer.variables:
        raise ArgumentError(
            f"layer: {layer.name!r} belongs to another model; give this one a layer of its own "
            "and copy the weights with set_weights"
        )
