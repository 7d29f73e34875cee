"""Types that the annotations of the package share."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

#: An array of numbers that a function returns.
Array: TypeAlias = NDArray[Any]
#: The numbers that a user passes in: an array, a frame, a series, a list, a single number.
Data: TypeAlias = Any
#: The shape of rows, (None, d...), or of an array.
Shape: TypeAlias = tuple[int | None, ...]
#: A data type as ``dtype=`` takes it.
Floatx: TypeAlias = Literal["float32", "float64"]
DType: TypeAlias = str | np.dtype[Any] | type
#: An object as plain data, and the classes and functions that it may name.
Config: TypeAlias = dict[str, Any]
CustomObjects: TypeAlias = Mapping[str, Callable[..., Any]]
#: The values of loss and metrics by name.
Logs: TypeAlias = dict[str, Any]
Weights: TypeAlias = Sequence[Data]
