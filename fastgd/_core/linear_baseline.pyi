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
def row_decisions(x: _Array, coef: _Doubles, intercept: _Doubles) -> list[float] | None: ...
def losses(loss: int, setting: float, z: _Doubles, y: _Doubles, out: _Doubles) -> None: ...
def multinomial(z: _Doubles, y: _Doubles, values: _Doubles, slopes: _Doubles) -> None: ...
def shuffled(key: int, order: NDArray[np.int64]) -> None: ...

class Descent:
    weights: Any
    def __init__(self, plan: Any, weights: Any) -> None: ...
    def run(
        self,
        rows: Rows,
        y: _Doubles,
        weights: _Doubles | None,
        order: NDArray[np.int64] | None,
        active: NDArray[np.int64],
        positions: NDArray[np.int64],
        last: int,
        totals: _Doubles,
        seconds: float,
        threads: int = 1,
    ) -> int: ...
    def step(self, x: _Array, y: float, weight: float = 1) -> int: ...
    def is_row(self, x: Any) -> bool: ...
    def decision(self, x: _Array, output: int = 0) -> float: ...
    def slow_down(self, output: int) -> bool: ...
    def settle(self) -> None: ...

def objective(
    rows: Rows,
    y: _Doubles,
    weights: _Doubles | None,
    loss: int,
    setting: float,
    coef: _Doubles,
    intercept: _Doubles,
    curvatures: _Doubles | None,
    sums: _Doubles | None,
    row: int,
    seconds: float,
    threads: int = 1,
) -> tuple[int, _Doubles]: ...
def weighted_gram(
    rows: Rows,
    weights: _Doubles | None,
    shift: _Doubles | None,
    targets: _Doubles,
    sums: _Doubles | None,
    row: int,
    seconds: float,
    threads: int = 1,
) -> tuple[int, _Doubles]: ...
def coordinate_descent(
    gram: _Doubles,
    moments: _Doubles,
    l1: _Doubles,
    vector: _Doubles,
    tol: float,
    sweep: int,
    last: int,
    seconds: float,
) -> tuple[int, bool]: ...
