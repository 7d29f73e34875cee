"""Small problems for the Python API: networks, data for each loss, and both written by hand."""

import threading
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from fastgd import Sequential, layers, losses


@dataclass(frozen=True)
class Case:
    """A loss with an output layer that suits it."""

    loss: type
    outputs: int
    activation: str | None
    targets: str
    from_logits: bool = False

    def make_loss(self):
        return self.loss(from_logits=True) if self.from_logits else self.loss()


CASES = {
    "mse": Case(losses.MeanSquaredError, 2, None, "real"),
    "mae": Case(losses.MeanAbsoluteError, 2, None, "real"),
    "bce fused": Case(losses.BinaryCrossentropy, 2, "sigmoid", "binary"),
    "bce softmax": Case(losses.BinaryCrossentropy, 3, "softmax", "probability"),
    "bce logits": Case(losses.BinaryCrossentropy, 1, None, "binary", True),
    "cce fused": Case(losses.CategoricalCrossentropy, 3, "softmax", "probability"),
    "cce sigmoid": Case(losses.CategoricalCrossentropy, 3, "sigmoid", "one-hot"),
    "cce logits": Case(losses.CategoricalCrossentropy, 3, None, "one-hot", True),
    "sparse fused": Case(losses.SparseCategoricalCrossentropy, 3, "softmax", "class"),
    "sparse sigmoid": Case(losses.SparseCategoricalCrossentropy, 3, "sigmoid", "class"),
    "sparse logits": Case(losses.SparseCategoricalCrossentropy, 3, None, "class", True),
}


HIDDEN = ((5, "tanh"), (4, "relu"))


def network(hidden=HIDDEN, inputs=3, outputs=1, activation=None, dtype=None):
    """A model of dense layers; `hidden` are (units, activation)."""
    return Sequential(
        [
            layers.Input(shape=(inputs,)),
            *[layers.Dense(units, activation=name) for units, name in hidden],
            layers.Dense(outputs, activation=activation),
        ],
        dtype=dtype,
    )


def compiled(case, dtype=None, optimizer="sgd", metrics=None, hidden=HIDDEN):
    """A compiled model for a case of CASES."""
    case = CASES[case]
    model = network(hidden, 3, case.outputs, case.activation, dtype)
    model.compile(optimizer=optimizer, loss=case.make_loss(), metrics=metrics)
    return model


def data(case, n=20, dtype="float32", seed=0):
    """x (n, 3) and fitting targets."""
    case = CASES[case]
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 3))
    labels = rng.integers(0, case.outputs, n)
    y = {
        "real": lambda: x @ rng.normal(size=(3, case.outputs)) + 1,
        "binary": lambda: rng.integers(0, 2, (n, case.outputs)),
        "probability": lambda: rng.dirichlet(np.ones(case.outputs), n),
        "one-hot": lambda: np.eye(case.outputs)[labels],
        "class": lambda: labels[:, None],
    }[case.targets]()
    return x.astype(dtype), y.astype(dtype)


def regression(n=100, features=3, dtype="float32", seed=0):
    """x (n, features) and y (n, 1), a smooth function of x."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, features))
    y = np.sin(x).sum(axis=1, keepdims=True)
    return x.astype(dtype), y.astype(dtype)


def side_by_side(work, count=4):
    """Run work(0) ... work(count - 1), each in a thread."""
    threads = [threading.Thread(target=work, args=(k,)) for k in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _softmax(z):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


_ACTIVATE = {
    "linear": lambda z: z,
    "relu": lambda z: np.where(z > 0, z, 0),
    "sigmoid": lambda z: 1 / (1 + np.exp(-z)),
    "tanh": np.tanh,
    "softmax": _softmax,
}


def outputs_by_hand(model, x, parameters):
    """The outputs of dense layers whose weights lie one after the other in `parameters`."""
    start = 0
    for layer in model.layers:
        inputs, units = x.shape[1], layer.units
        kernel = parameters[start : start + inputs * units].reshape(inputs, units)
        start += inputs * units
        x = x @ kernel + parameters[start : start + units]
        start += units
        x = _ACTIVATE[layer.activation.__name__](x)
    return x


def loss_by_hand(case, p, y):
    """The mean loss of predictions, in plain NumPy."""
    case = CASES[case]
    if case.loss is losses.MeanSquaredError:
        return np.mean((p - y) ** 2)
    if case.loss is losses.MeanAbsoluteError:
        return np.mean(np.abs(p - y))
    if case.loss is losses.BinaryCrossentropy:
        p = _ACTIVATE["sigmoid"](p) if case.from_logits else p
        return -np.mean(y * np.log(p) + (1 - y) * np.log(1 - p))
    p = _softmax(p) if case.from_logits else p / p.sum(axis=1, keepdims=True)
    if case.targets == "class":
        y = np.eye(p.shape[1])[y[:, 0].astype(int)]
    return -np.mean(np.sum(y * np.log(p), axis=1))


def central_differences(case, model, x, y, h=1e-5):
    """The gradient of loss_by_hand with respect to all parameters, one by one."""
    at = np.array(model.parameters)
    found = np.empty_like(at)
    for i in range(at.size):
        up, down = at.copy(), at.copy()
        up[i] += h
        down[i] -= h
        found[i] = (
            loss_by_hand(case, outputs_by_hand(model, x, up), y)
            - loss_by_hand(case, outputs_by_hand(model, x, down), y)
        ) / (2 * h)
    return found


def flat(gradients):
    """A list of gradients as one vector."""
    return np.concatenate([np.ravel(g) for g in gradients])


def distance(a, b):
    """The norm of a - b, relative to that of b."""
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    return np.linalg.norm(a - b) / np.linalg.norm(b)


class Call(NamedTuple):
    """Hold the fields of a job at a call of ``train``."""

    x: np.ndarray
    y: np.ndarray
    order: np.ndarray | None
    key: int
    first: int
    last: int


class Spy:
    """A program that notes the calls of ``train`` and can do something in each."""

    def __init__(self, program, during=lambda: None):
        self._program = program
        self._during = during
        self.calls = []

    def train(self, job):
        self._during()
        first = job.step
        status = self._program.train(job)
        order = None if job.order is None else job.order.copy()
        self.calls.append(Call(job.x, job.y, order, job.key, first, job.last))
        return status

    def __getattr__(self, name):
        return getattr(self._program, name)


def spy_on(model, monkeypatch, during=lambda: None, kind=Spy):
    """Put a Spy in front of the model's program, and have an epoch in each call."""
    step = model.compiled_step()
    spy = kind(step.program, during)
    monkeypatch.setattr(step, "program", spy)
    monkeypatch.setattr(step, "epochs_at_once", lambda *_: 1)
    monkeypatch.setattr(model, "_online", False)  # which would step past the spy
    return spy
