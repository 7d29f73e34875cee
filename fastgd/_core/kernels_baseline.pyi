# The other builds have the same interface: their stubs import this one.

from typing import Any

from numpy.typing import NDArray

#: A capsule with the table of kernels.pxd.
kernels: object

def multiply_adds(iterations: int, dtype: str) -> int: ...
def read_through(array: NDArray[Any], times: int) -> tuple[int, int]: ...
