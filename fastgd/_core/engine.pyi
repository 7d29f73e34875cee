# `kernels` is the table of a build, kernels_*.kernels; fastgd._engine.builds.compiled binds it.

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

# Vectors and matrices are of the network's data type, float32 or float64.
_Array = NDArray[np.floating[Any]]
_Integers = NDArray[np.int64]
_Doubles = NDArray[np.float64]
_Indices = NDArray[np.signedinteger[Any]]
_Names = tuple[Any, ...] | None  # of columns

class Program:
    is_chain: bool
    def __init__(
        self, kernels: object, plan: Any, parameters: _Array, gradients: _Array,
    ) -> None: ...  # fmt: skip
    def replica(self, parameters: _Array, gradients: _Array) -> Program: ...
    def lock(self) -> Any: ...
    def train(self, job: Job) -> int: ...
    def train_many(self, replicas: list[Replica], seconds: float) -> None: ...
    def evaluate(
        self, x: _Array, y: _Array, first_row: int, totals: _Doubles, seconds: float,
        threads: int = 1, rows: _Integers | None = None, call_rows: int = 4096,
    ) -> int: ...  # fmt: skip
    def predict(
        self, x: _Array, out: _Array, first_row: int, seconds: float, threads: int = 1,
        rows: _Integers | None = None,
    ) -> int: ...  # fmt: skip
    def input_gradients(
        self, x: _Array, d_out: _Array, d_x: _Array, first_row: int, seconds: float,
        threads: int = 1,
    ) -> int: ...  # fmt: skip
    def path_gradients(
        self, path: tuple[_Doubles, _Doubles, _Integers | None, _Doubles, _Doubles],
        d_out: _Array, sums: _Doubles, first_point: int, seconds: float, threads: int = 1,
    ) -> int: ...  # fmt: skip
    def gradients(self, x: _Array, y: _Array, totals: _Doubles, key: int = 0) -> int: ...
    def row_norms(
        self, x: _Array, y: _Array, norms: _Doubles, key: int = 0, clip: float | None = None,
    ) -> None: ...  # fmt: skip
    def penalty(self) -> float: ...
    def forward(
        self, parameters: _Array, x: _Array, out: _Array, training: bool = False, key: int = 0,
    ) -> object: ...  # fmt: skip
    def backward(
        self, kept: object, d_out: _Array, gradients: _Array, d_x: _Array | None,
    ) -> None: ...  # fmt: skip

class Predictor:
    def __init__(
        self, program: Program, prepare: Callable[[Any], _Array],
        bounds: tuple[_Array, _Array, Callable[[_Array], None]] | None = None,
    ) -> None: ...  # fmt: skip
    def __call__(self, x: Any) -> _Array: ...
    def one(
        self, x: Any, names: _Names = None, unknown: str = "raise",
    ) -> float | _Array | None: ...  # fmt: skip

def plain_row(
    x: Any, names: _Names, width: int, dtype: np.dtype[Any], unknown: str = "raise",
) -> _Array | None: ...  # fmt: skip

class Stream:
    seed: int
    count: int
    def __init__(self, seed: int, count: int = 0) -> None: ...
    def next(self) -> int: ...

class Job:
    x: _Array
    y: _Array
    rows: _Integers | None
    order: _Integers | None
    rates: _Doubles
    totals: _Doubles
    stream: Stream | None
    key: int
    batch_size: int
    together: int
    step: int
    last: int
    epochs: int
    done: int
    threads: int
    seconds: float
    state: Any
    private: PrivateSteps | None
    shards: int
    ranks: StepExchange | None
    def __init__(
        self, x: _Array, y: _Array, batch_size: int, rows: _Integers | None = None,
        order: _Integers | None = None, together: int = 1,
    ) -> None: ...  # fmt: skip

class StepExchange:
    rank: int
    size: int
    over: bool
    def __init__(self, comm: Any, rank: int, size: int) -> None: ...
    def meet(
        self, place: int, number: int = 0, more: int = 0, failed: bool = False,
    ) -> None: ...  # fmt: skip
    def part(self, headers: _Integers) -> None: ...

class PrivateSteps:
    count: int
    clip: float
    deviation: float
    rate: float
    batch_size: int
    rows: int
    steps: int
    most: int
    keys: NDArray[np.uint32]
    trained: _Integers
    starts: _Integers
    order: _Integers
    def __init__(
        self, clip: float, deviation: float, batch_size: int, rows: int,
        keys: NDArray[np.uint32], trained: _Integers, most: int, room: int,
    ) -> None: ...  # fmt: skip

class Replica(Job):
    numbers: tuple[_Array, _Array, Stream, _Integers]
    status: int
    held_out_totals: _Doubles | None
    test_totals: _Doubles | None
    spent: float
    over: bool
    def __init__(
        self, job: Job, numbers: tuple[_Array, _Array, Stream, _Integers], totals_size: int,
        held_out: Job | None = None, test: Job | None = None,
    ) -> None: ...  # fmt: skip

class OnlineJob(Job):
    def __init__(
        self, program: Program, totals_size: int, target_range: tuple[float, float],
        classes: int, only_loss: bool, failed: Callable[[int], Exception],
    ) -> None: ...  # fmt: skip
    def run(
        self, x: Any, y: Any, validate: bool = True, one_row: bool = False,
        renew: Callable[[], None] | None = None, names: _Names = None, unknown: str = "raise",
    ) -> float | _Doubles | None: ...  # fmt: skip

def update(
    kernels: object, parameters: _Array, gradients: _Array, state: Any, rate: float,
) -> int: ...  # fmt: skip
def constrain(kernels: object, parameters: _Array, constraints: NDArray[np.void]) -> None: ...
def fill_uniform(out: _Array, seed: int, low: float, high: float) -> None: ...
def add_noise(
    kernels: object, key: NDArray[np.uint32], step: int, deviation: float, divisor: float,
    g: _Array, begin: int = 0, end: int | None = None,
) -> None: ...  # fmt: skip
def poisson_sample(
    kernels: object, key: NDArray[np.uint32], epoch: int, rate: float, n: int, most: int,
    starts: _Integers, order: _Integers,
) -> None: ...  # fmt: skip
def permutation(kernels: object, key: int, n: int, together: int = 1) -> _Integers: ...
def first_nonfinite(kernels: object, x: _Array, rows: _Integers | None = None) -> int: ...
def all_between(
    kernels: object, x: _Array, low: float, high: float, classes: int = 0,
) -> bool: ...  # fmt: skip
def least_squares_descent(
    kernels: object, x: _Array, y: _Array, theta: _Array, alpha: float, iterations: int,
    seconds: float, threads: int = 1,
) -> tuple[int, int]: ...  # fmt: skip
def descent_sums(
    kernels: object, x: _Array, y: _Array, theta: _Array, rank: int, ranks: int,
    threads: int = 1,
) -> _Doubles: ...  # fmt: skip
def gram_descent(
    kernels: object, gram: _Doubles, theta: _Doubles, alpha: float, limit: float,
    iterations: int, seconds: float,
) -> tuple[int, int]: ...  # fmt: skip

# Linear models: weights, decisions and sums are float64.

class Rows:
    values: _Array
    columns: _Indices | None
    starts: _Indices | None
    shape: tuple[int, int]
    sparse: bool
    def __init__(
        self, kernels: object, values: _Array, columns: _Indices | None = None,
        starts: _Indices | None = None, width: int = 0,
    ) -> None: ...  # fmt: skip
    def share(self, rank: int, ranks: int) -> None: ...
    def faulty_row(self) -> int: ...
    def column_scales(self) -> _Doubles: ...

def decisions(
    rows: Rows, coef: _Doubles, intercept: _Doubles, out: _Doubles, first: int, last: int,
    threads: int = 1,
) -> None: ...  # fmt: skip
def decision_losses(
    kernels: object, loss: int, setting: float, z: _Doubles, y: _Doubles, out: _Doubles,
) -> None: ...  # fmt: skip
def multinomial_losses(
    kernels: object, z: _Doubles, y: _Doubles, values: _Doubles, slopes: _Doubles,
) -> None: ...  # fmt: skip

class Descent:
    weights: Any
    def __init__(self, kernels: object, plan: Any, weights: Any) -> None: ...
    def run(
        self, chunk: Any, active: NDArray[np.int64], positions: NDArray[np.int64],
        totals: _Doubles, seconds: float, threads: int = 1,
    ) -> int: ...  # fmt: skip
    def step(
        self, x: Any, y: float, weight: float = 1, names: _Names = None, unknown: str = "raise",
        offset: float = 0,
    ) -> int: ...  # fmt: skip
    def is_row(self, x: Any) -> bool: ...
    def decision(self, x: _Array, output: int = 0) -> float: ...
    def slow_down(self, output: int) -> bool: ...
    def settle(self) -> None: ...

class RowPredictor:
    def __init__(
        self, kernels: object, coef: _Doubles, intercept: _Doubles,
        settle: Callable[[], None] | None = None,
    ) -> None: ...  # fmt: skip
    def decisions(
        self, x: Any, names: _Names = None, unknown: str = "raise",
    ) -> list[float] | None: ...  # fmt: skip
    def probability(
        self, x: Any, names: _Names = None, unknown: str = "raise",
    ) -> float | None: ...  # fmt: skip

def objective(
    problem: Any, coef: _Doubles, intercept: _Doubles, curvatures: _Doubles | None,
    sums: _Doubles | None, row: int, seconds: float, threads: int = 1,
) -> tuple[int, _Doubles]: ...  # fmt: skip
def weighted_gram(
    rows: Rows, weights: _Doubles | None, shift: _Doubles | None, targets: _Doubles,
    sums: _Doubles | None, row: int, seconds: float, threads: int = 1,
) -> tuple[int, _Doubles]: ...  # fmt: skip
def dot(kernels: object, x: _Doubles, y: _Doubles) -> float: ...
def row_products(kernels: object, a: _Doubles, b: _Doubles) -> _Doubles: ...
def cholesky(kernels: object, matrix: _Doubles) -> tuple[_Doubles, float]: ...
def cholesky_solve(kernels: object, lower: _Doubles, right: _Doubles) -> _Doubles: ...
def eigenvalues(
    kernels: object, matrix: _Doubles, vectors: bool = False,
) -> tuple[_Doubles, _Doubles | None]: ...  # fmt: skip
def fork_count() -> int: ...
def use_chains(used: bool) -> None: ...
def logarithms(kernels: object, x: _Doubles) -> _Doubles: ...
def sigmoids(kernels: object, x: _Doubles) -> _Doubles: ...
def coordinate_descent(
    kernels: object, gram: _Doubles, moments: _Doubles, l1: _Doubles, vector: _Doubles,
    tol: float, sweeps: int, seconds: float,
) -> tuple[int, bool]: ...  # fmt: skip
