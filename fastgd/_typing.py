"""Types that the annotations of the package share."""

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

#: An array of numbers that a function returns.
Array: TypeAlias = NDArray[Any]
#: The numbers that a user passes in: an array, a frame, a series, a list, a single number.
Data: TypeAlias = Any
#: The shape of an array or of rows, (None, d...): whole numbers, and None for that of the rows.
Shape: TypeAlias = tuple[Any, ...]
#: A data type as ``dtype=`` takes it.
Floatx: TypeAlias = Literal["float32", "float64"]
DType: TypeAlias = str | np.dtype[Any] | type
#: An object as plain data, and the classes and functions that it may name.
Config: TypeAlias = dict[str, Any]
CustomObjects: TypeAlias = Mapping[str, Callable[..., Any]]
#: What stands for an object: its name, description, class or a function; or the object itself.
Identifier: TypeAlias = str | Config | Callable[..., Any] | None
#: The name of a file or folder.
Path: TypeAlias = str | os.PathLike[str]
#: The values of loss and metrics by name.
Logs: TypeAlias = dict[str, Any]
Weights: TypeAlias = Sequence[Data]
