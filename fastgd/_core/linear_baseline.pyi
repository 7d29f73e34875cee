# The other builds have the same interface: their stubs import this one.

from typing import Any

import numpy as np
from numpy.typing import NDArray

_Array = NDArray[np.floating[Any]]
_Doubles = NDArray[np.float64]
_Integers = NDArray[np.signedinteger[Any]]

class Rows:
    values: _Array
    columns: _Integers | None
    starts: _Integers | None
    shape: tuple[int, int]
    sparse: bool
    def __init__(
        self,
        values: _Array,
        columns: _Integers | None = None,
        starts: _Integers | None = None,
        width: int = 0,
    ) -> None: ...
    def faulty_row(self) -> int: ...

def decisions(
    rows: Rows,
    coef: _Doubles,
    intercept: _Doubles,
    out: _Doubles,
    first: int,
    last: int,
    threads: int = 1,
) -> None: ...
def losses(loss: int, setting: float, z: _Doubles, y: _Doubles, out: _Doubles) -> None: ...
def multinomial(z: _Doubles, y: _Doubles, values: _Doubles, slopes: _Doubles) -> None: ...
