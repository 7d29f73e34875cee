# The other builds have the same interface: their stubs import this one.

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

SCALAR_FUNCTIONS: tuple[str, ...]

# Vectors and matrices are of the network's data type, float32 or float64.
_Array = NDArray[np.floating[Any]]
_Integers = NDArray[np.int64]
_Doubles = NDArray[np.float64]

class Program:
    def __init__(self, plan: Any, parameters: _Array, gradients: _Array) -> None: ...
    def train(
        self,
        x: _Array,
        y: _Array,
        order: _Integers | None,
        key: int,
        batch_size: int,
        first_step: int,
        last_step: int,
        state: Any,
        rates: _Doubles,
        totals: _Doubles,
        seconds: float,
        threads: int = 1,
        rows: _Integers | None = None,
    ) -> tuple[int, int]: ...
    def train_epochs(
        self,
        x: _Array,
        y: _Array,
        order: _Integers | None,
        keys: NDArray[np.uint64],
        batch_size: int,
        state: Any,
        rates: _Doubles,
        totals: _Doubles,
        reached: _Integers,
        seconds: float,
        rows: _Integers | None = None,
    ) -> int: ...
    def evaluate(
        self,
        x: _Array,
        y: _Array,
        first_row: int,
        totals: _Doubles,
        seconds: float,
        threads: int = 1,
        rows: _Integers | None = None,
    ) -> int: ...
    def predict(
        self,
        x: _Array,
        out: _Array,
        first_row: int,
        seconds: float,
        threads: int = 1,
        rows: _Integers | None = None,
    ) -> int: ...
    def gradients(self, x: _Array, y: _Array, totals: _Doubles, key: int = 0) -> int: ...
    def penalty(self) -> float: ...
    def forward(
        self,
        parameters: _Array,
        x: _Array,
        out: _Array,
        training: bool = False,
        key: int = 0,
    ) -> _Array: ...
    def backward(
        self,
        parameters: _Array,
        x: _Array,
        values: _Array,
        d_out: _Array,
        gradients: _Array,
        d_x: _Array | None,
        training: bool = False,
        key: int = 0,
    ) -> None: ...

class Predictor:
    def __init__(self, program: Program, prepare: Callable[[Any], _Array]) -> None: ...
    def __call__(self, x: Any) -> _Array: ...

def update(parameters: _Array, gradients: _Array, state: Any, rate: float) -> int: ...
def constrain(parameters: _Array, constraints: NDArray[np.void]) -> None: ...
def permutation(key: int, n: int) -> _Integers: ...
def first_nonfinite(x: _Array, rows: _Integers | None = None) -> int: ...
def least_squares_descent(
    x: _Array,
    y: _Array,
    theta: _Array,
    alpha: float,
    iteration: int,
    last: int,
    seconds: float,
    threads: int = 1,
) -> tuple[int, int]: ...
def gram_matrix(
    x: _Array, y: _Array, sums: _Doubles | None, row: int, seconds: float, threads: int = 1
) -> tuple[int, _Doubles]: ...
def gram_descent(
    gram: _Doubles,
    theta: _Doubles,
    alpha: float,
    limit: float,
    iteration: int,
    last: int,
    seconds: float,
) -> tuple[int, int]: ...
def scalar_map(name: str, x: _Array) -> _Array: ...
def multiply_adds(iterations: int, dtype: str) -> int: ...
def read_through(array: NDArray[Any], times: int) -> tuple[int, int]: ...
