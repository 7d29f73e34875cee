"""The workloads. Each describes the work; the sides say how a framework does it.

Its numbers are the same in every process: starting weights, data and order have fixed seeds.
Shapes are appended, never edited: a time is only worth something beside older ones.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from fastgd import layers, models, utils

#: The activation of a network's output layer before each loss.
ACTIVATIONS = {
    "mse": None,
    "binary_crossentropy": "sigmoid",
    "categorical_crossentropy": "softmax",
}

#: Adam's epsilon on all sides, too small to matter where a side adds it. PyTorch adds it to the
#: corrected root, at first 30 times the root that Keras adds it to.
EPSILON = 1e-16

# Sides are compared after this many steps at most, since rounding grows from step to step.
_COMPARED_STEPS = 200


def relu_network(widths, outputs, dtype):
    """Return a model of dense layers: ReLU, and `outputs` as the last activation."""
    utils.set_random_seed(1)
    hidden = [layers.Dense(width, activation="relu") for width in widths[1:-1]]
    last = layers.Dense(widths[-1], activation=outputs)
    return models.Sequential([layers.Input(shape=(widths[0],)), *hidden, last], dtype=dtype)


def products(widths):
    """Return the multiply-adds of one row on its way through a network."""
    return sum(inputs * outputs for inputs, outputs in pairwise(widths))


@dataclass(frozen=True)
class Workload:
    """Hold what all kinds of workload have."""

    #: The name of a step.
    unit = "step"
    #: Multiply-adds in a step, and the bytes that must come from memory or go there.
    multiply_adds = traffic = 0
    #: The bytes that are read over and over: they decide which cache they come from.
    resident = 0
    dtype = "float64"

    def weights(self):
        """Return kernel (inputs, outputs) and bias (outputs,) of each layer of its model."""
        return self.model().get_weights()


@dataclass(frozen=True)
class Training(Workload):
    """Train for an epoch: shuffle, and a step for each batch, the last one shorter.

    Several outputs are trained as classes: softmax and categorical cross-entropy from one-hot
    targets. One output is trained on the mean squared error, or with a sigmoid on the binary
    cross-entropy (which makes a single layer a logistic regression).
    """

    widths: tuple[int, ...]
    batch_size: int
    rows: int
    dtype: str
    optimizer: str = "adam"
    binary: bool = False

    def __str__(self):
        return (
            f"{'logistic ' if self.binary else ''}{'-'.join(map(str, self.widths))}, "
            f"{self.optimizer}, batch {self.batch_size} of {self.rows}, {self.dtype}"
        )

    @property
    def loss(self):
        """The name of the loss."""
        if self.widths[-1] > 1:
            return "categorical_crossentropy"
        return "binary_crossentropy" if self.binary else "mse"

    @property
    def rate(self):
        """The learning rate: for SGD one at which no width and no batch diverges."""
        return 1e-3 if self.optimizer == "adam" else 0.1 / max(self.widths)

    @property
    def steps(self):
        """The steps of an epoch."""
        return -(-self.rows // self.batch_size)

    @property
    def compared_rows(self):
        """The rows that sides train on to be compared, with a short batch if there is one."""
        full, rest = divmod(self.rows, self.batch_size)
        return min(full, _COMPARED_STEPS) * self.batch_size + rest

    def model(self):
        """Return the model that all sides start from."""
        return relu_network(self.widths, ACTIVATIONS[self.loss], self.dtype)

    def order(self, rows):
        """Return the order of the rows in the epoch after which the sides are compared."""
        return np.random.default_rng(2).permutation(rows)

    def data(self):
        """Return x (rows, inputs) and y (rows, outputs), in which there is a relation."""
        rng = np.random.default_rng(1)
        inputs, outputs = self.widths[0], self.widths[-1]
        x = rng.normal(size=(self.rows, inputs))
        y = x @ rng.normal(size=(inputs, outputs)) / inputs**0.5
        if self.loss == "categorical_crossentropy":
            y = np.eye(outputs)[y.argmax(axis=1)]
        elif self.loss == "binary_crossentropy":
            y = y + rng.normal(size=y.shape) > 0
        return x.astype(self.dtype), y.astype(self.dtype)

    @property
    def multiply_adds(self):
        # forward, the weights' gradients, and the inputs' but for the first layer's
        inputs, first = self.widths[:2]
        return self.batch_size * (3 * products(self.widths) - inputs * first)

    @property
    def resident(self):
        vectors = {"sgd": 1, "adam": 3}[self.optimizer]  # weights and moments
        weights = products(self.widths) + sum(self.widths[1:])
        return vectors * weights * np.dtype(self.dtype).itemsize

    @property
    def traffic(self):
        return 2 * self.resident


@dataclass(frozen=True)
class Prediction(Workload):
    """Predict some rows at a time by a ReLU network.

    With ``served``, fastgd does it by ``model.predictor()`` instead of ``model.predict``.
    """

    widths: tuple[int, ...]
    dtype: str
    calls: int = 1000
    rows: int = 1
    served: bool = False

    unit = "call"

    def __str__(self):
        what = "predictor" if self.served else "predict"
        rows = "one row" if self.rows == 1 else f"{self.rows} rows"
        return f"{'-'.join(map(str, self.widths))}, {what} {rows}, {self.dtype}"

    def model(self):
        """Return the model that predicts."""
        return relu_network(self.widths, None, self.dtype)

    def data(self):
        """Return x, (rows, inputs)."""
        rng = np.random.default_rng(1)
        return rng.normal(size=(self.rows, self.widths[0])).astype(self.dtype)

    @property
    def multiply_adds(self):
        return self.rows * products(self.widths)


@dataclass(frozen=True)
class Descent(Workload):
    """Run batch gradient descent for least squares, float64, from zeros.

    NumPy reads all rows in every iteration, so that its time per iteration does not depend on
    their number: ``by_hand`` gives a smaller one where it would take minutes.
    """

    rows: int
    columns: int
    iterations: int
    method: str = "auto"
    by_hand: int | None = None

    unit = "iteration"

    def __str__(self):
        return (
            f"gradient_descent, {self.rows} x {self.columns}, {self.iterations} iterations, "
            f"{self.method}"
        )

    @property
    def compared_iterations(self):
        """A few: at the end all sides may have converged, and would agree."""
        return min(self.iterations, 10)

    def data(self):
        """Return x (rows, columns), y (rows,), theta (columns,) and alpha."""
        rng = np.random.default_rng(1)
        x = rng.normal(size=(self.rows, self.columns))
        y = x @ rng.normal(size=self.columns) + rng.normal(size=self.rows)
        return x, y, np.zeros(self.columns), 0.5 / np.linalg.eigvalsh(x.T @ x)[-1]

    @property
    def multiply_adds(self):
        # not of the Gram matrix' iterations: they are not bound by x, and take next to no time
        return 2 * self.rows * self.columns if self.method == "direct" else 0

    @property
    def resident(self):
        return 8 * self.rows * (self.columns + 1) if self.method == "direct" else 0

    @property
    def traffic(self):
        return self.resident


@dataclass(frozen=True)
class Starting(Workload):
    """Start a fresh process: ``what`` is "import", the import alone, or "first fit".

    A first fit is import, model and the first epoch of ``training``.
    """

    what: str
    training: Training

    unit = "process"

    def __str__(self):
        return f"{self.what}, {self.training}" if self.what == "first fit" else self.what

    @property
    def dtype(self):
        return self.training.dtype


_SMALL, _CREDIT, _DIGITS = (10, 10, 10, 1), (23, 64, 32, 1), (784, 256, 10)
_WIDE = (512, 1024, 1024, 1)
_NETWORKS = (_SMALL, (23, 16, 1), _CREDIT, (100, 256, 256, 10), _DIGITS, _WIDE)

#: What ``python -m fastgd bench`` measures.
WORKLOADS = (
    Training(_SMALL, 32, 10_000, "float32"),
    Training(_SMALL, 1, 1_000, "float32"),
    Training(_CREDIT, 256, 10_300, "float32"),
    Training(_DIGITS, 128, 1_280, "float32"),
    Training(_SMALL, 32, 10_000, "float64"),
    Training(_SMALL, 1, 1_000, "float64"),
    Training(_CREDIT, 256, 10_300, "float64"),
    Training(_DIGITS, 128, 1_280, "float64"),
    Prediction(_SMALL, "float32"),
    Descent(1_000_000, 30, 10),
    Descent(4, 2, 1000),
    Training(_SMALL, 1, 10_000, "float32"),
    Training(_WIDE, 256, 1_024, "float32"),
    Training((23, 1), 1, 10_000, "float32", "sgd", binary=True),
    Training((1000, 1), 1, 2_000, "float32", "sgd", binary=True),
    Prediction(_SMALL, "float32", rows=32),
    Prediction(_SMALL, "float32", calls=10, rows=10_000),
    Prediction(_SMALL, "float32", served=True),
    Descent(1_000_000, 30, 20, "direct"),
    Descent(1_000_000, 30, 1000, "gram", by_hand=20),
    Descent(10_000, 30, 100),
    Starting("import", Training(_SMALL, 32, 1_000, "float32")),
    Starting("first fit", Training(_SMALL, 32, 1_000, "float32")),
)


def _rows(widths, batch_size):
    """Return enough rows for some steps, and too few for an epoch to take seconds."""
    steps = max(4, min(300, 500_000_000 // (3 * batch_size * products(widths))))
    return batch_size * steps


def full_grid():
    """Return the workloads above, and a grid of networks, batch sizes and optimizers."""
    grid = [
        Training(widths, batch_size, _rows(widths, batch_size), dtype, optimizer)
        for widths in _NETWORKS
        for batch_size in (1, 8, 32, 256, 4096)
        for optimizer in ("adam", "sgd")
        for dtype in ("float32", "float64")
    ]
    return tuple({str(workload): workload for workload in (*WORKLOADS, *grid)}.values())
