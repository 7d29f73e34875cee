"""The weights of a layer: how they are described, and how a layer gives them."""

from collections.abc import Callable
from typing import Any, NamedTuple

from fastgd import initializers
from fastgd._typing import Array, Data, DType
from fastgd.errors import NotBuiltError


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
