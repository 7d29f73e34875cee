"""What is compared: each workload once, on every side.

A workload is measured as a person would run it, through the public calls, with all that they
check. ``prepare`` gives each side the same start, and proves that all sides compute the same
before anybody can time one.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy_by_hand

import fastgd
from fastgd import layers
from fastgd._seeds import element
from fastgd.reference.shuffle import permutation

#: How far the sides may be apart, relative to the largest number of an array.
TOLERANCE = {"float32": 1e-4, "float64": 1e-10}


@dataclass(frozen=True)
class Prepared:
    """The sides of a workload, ready to be timed.

    Attributes
    ----------
    sides : dict of str -> function without arguments
        "numpy", "fastgd", and for training "plain numpy".
    steps : int
        The steps (iterations, rows) in a call.
    restart : function without arguments
        Takes all sides back to their start; to be called before each call that is timed. Else
        a unit that has died fills its moments with subnormal numbers (after 300 epochs at
        batch 1, steps took a fifth longer), and a time would depend on the calls before it.
    """

    sides: dict[str, Callable]
    steps: int
    restart: Callable = lambda: None


def assert_same(actual, expected):
    """Lists of arrays that agree within the tolerance of their data type."""
    for a, e in zip(actual, expected, strict=True):
        apart = np.abs(a - e).max() / np.abs(e).max()
        assert a.shape == e.shape
        assert apart <= TOLERANCE[e.dtype.name], f"the sides are {apart:.1e} apart"


def relu_network(widths, outputs, dtype):
    """A model of dense layers: ReLU, and `outputs` as the last activation; glorot_uniform."""
    hidden = [layers.Dense(width, activation="relu") for width in widths[1:-1]]
    last = layers.Dense(widths[-1], activation=outputs)
    return fastgd.Sequential([layers.Input(shape=(widths[0],)), *hidden, last], dtype=dtype)


@dataclass(frozen=True)
class Training:
    """An epoch: shuffle, and a step of Adam for each batch, the last one shorter.

    Several outputs are trained as classes: softmax and categorical cross-entropy from one-hot
    targets, which both sides fuse. One output is trained on the mean squared error.
    """

    widths: tuple[int, ...]
    batch_size: int
    rows: int
    dtype: str
    goal: float | None = None

    unit = "step"

    def __str__(self):
        return f"{'-'.join(map(str, self.widths))}, batch {self.batch_size}, {self.dtype}"

    def data(self):
        """x and y, (rows, inputs) and (rows, outputs); there is something to learn in them."""
        rng = np.random.default_rng(1)
        x = rng.normal(size=(self.rows, self.widths[0]))
        y = x @ rng.normal(size=(self.widths[0], self.widths[-1]))
        if y.shape[1] > 1:
            y = np.eye(y.shape[1])[y.argmax(axis=1)]
        return x.astype(self.dtype), y.astype(self.dtype)

    def prepare(self):
        fastgd.utils.set_random_seed(1)
        classes = self.widths[-1] > 1
        loss = "categorical_crossentropy" if classes else "mse"
        x, y = self.data()
        model = relu_network(self.widths, "softmax" if classes else None, self.dtype)
        model.compile(optimizer="adam", loss=loss)
        by_hand = numpy_by_hand.Network(model.get_weights(), loss)
        plain = numpy_by_hand.PlainNetwork(model.get_weights(), loss)
        rng = np.random.default_rng(1)

        def fit():
            return model.fit(x, y, batch_size=self.batch_size, verbose=0).history["loss"]

        def epoch(network):
            return network.epoch(x, y, rng.permutation(self.rows), self.batch_size)

        start = model.get_weights()

        def restart():
            model.set_weights(start)
            state = model.optimizer.state(model.parameters)
            state.slots[:] = 0
            state.iterations[:] = 0
            for network in (by_hand, plain):
                network.restart(start)

        # the order in which the model's next epoch is going to take the rows
        order = permutation(element(model.seed, model.epochs_begun), self.rows)
        loss = np.array(fit(), dtype=self.dtype)
        assert all((a != b).any() for a, b in zip(start, model.get_weights(), strict=True))
        for network in (by_hand, plain):
            its_loss = network.epoch(x, y, order, self.batch_size)
            assert_same([*network.weights, np.array([its_loss])], [*model.get_weights(), loss])
        sides = {
            "numpy": lambda: epoch(by_hand),
            "fastgd": fit,
            "plain numpy": lambda: epoch(plain),
        }
        return Prepared(sides, -(-self.rows // self.batch_size), restart)


@dataclass(frozen=True)
class Prediction:
    """One row at a time through a network with two hidden layers."""

    widths: tuple[int, int, int, int]
    dtype: str
    goal: float | None = None
    calls: int = 1000

    unit = "row"

    def __str__(self):
        return f"{'-'.join(map(str, self.widths))}, predict one row, {self.dtype}"

    def prepare(self):
        fastgd.utils.set_random_seed(1)
        model = relu_network(self.widths, None, self.dtype)
        weights = model.get_weights()
        row = np.random.default_rng(1).normal(size=(1, self.widths[0])).astype(self.dtype)

        def by_hand():
            for _ in range(self.calls):
                numpy_by_hand.predict(row, *weights)

        def ours():
            for _ in range(self.calls):
                model.predict(row)

        assert_same([numpy_by_hand.predict(row, *weights)], [model.predict(row)])
        return Prepared({"numpy": by_hand, "fastgd": ours}, self.calls)


@dataclass(frozen=True)
class Descent:
    """Batch gradient descent for least squares, float64, from zeros."""

    rows: int
    columns: int
    iterations: int
    goal: float | None = None
    method: str = "auto"

    unit = "iteration"

    def __str__(self):
        method = "" if self.method == "auto" else f" {self.method}"
        return f"gradient_descent{method}, {self.rows} x {self.columns}, float64"

    def prepare(self):
        rng = np.random.default_rng(1)
        x = rng.normal(size=(self.rows, self.columns))
        y = x @ rng.normal(size=self.columns) + rng.normal(size=self.rows)
        theta = np.zeros(self.columns)
        alpha = 0.5 / np.linalg.eigvalsh(x.T @ x)[-1]

        def by_hand(iterations=self.iterations):
            return numpy_by_hand.gradient_descent(x, y, theta, alpha, iterations)

        def ours(iterations=self.iterations):
            return fastgd.gradient_descent(x, y, theta, alpha, iterations, self.method)

        assert_same([by_hand(3)], [ours(3)])  # at the end all may have converged
        assert_same([by_hand()], [ours()])
        return Prepared({"numpy": by_hand, "fastgd": ours}, self.iterations)


# Shapes are appended, never edited: a number is only worth something beside older ones.
WORKLOADS = (
    Training((10, 10, 10, 1), 32, 10_000, "float32", goal=25),
    Training((10, 10, 10, 1), 1, 1_000, "float32", goal=100),
    Training((23, 64, 32, 1), 256, 10_300, "float32", goal=2.5),
    Training((784, 256, 10), 128, 1_280, "float32", goal=1),
    Training((10, 10, 10, 1), 32, 10_000, "float64"),
    Training((10, 10, 10, 1), 1, 1_000, "float64"),
    Training((23, 64, 32, 1), 256, 10_300, "float64"),
    Training((784, 256, 10), 128, 1_280, "float64"),
    Prediction((10, 10, 10, 1), "float32", goal=1),
    Descent(1_000_000, 30, 10, goal=2.5),
    Descent(4, 2, 1000, goal=20),
    Descent(1_000_000, 30, 10, goal=3, method="direct"),
    Descent(10_000, 30, 1000),
)
