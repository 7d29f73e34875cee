"""A case of random calls: its arguments, and what its calls may not change."""

import inspect
import io
import random
import re

import numpy as np

import fastgd
from fastgd import Model, Sequential, layers, losses, optimizers, privacy
from fastgd.errors import FastgdError

from . import values
from .runner import Failure

#: How many are taken of what may go on for ever.
TAKEN = ("epochs", "steps_per_epoch", "validation_steps")
#: Whose errors are scikit-learn's, or those of the NumPy functions that they are.
NUMPYS = ("sklearn", "ops", "activations")


class Case:
    """Hold the random numbers of a case, and what its calls may not change."""

    def __init__(self, number, family):
        self.allowed = (
            (ValueError, TypeError, OverflowError, IndexError) if family in NUMPYS else ()
        )
        self.rng = random.Random(number)
        self.log = []
        self.watched = []
        self.x, self.y = values.x_and_y(self.rng)

    def arguments(self, call, **given):
        """Return arguments for a call; some of those that have defaults are left out."""
        try:
            parameters = inspect.signature(call).parameters.values()
        except (TypeError, ValueError):
            return [self.value("x", None)], {}
        positional, chosen = [], {}
        for parameter in parameters:
            required = parameter.default is parameter.empty
            if parameter.kind is parameter.VAR_KEYWORD:
                continue
            if parameter.kind is parameter.VAR_POSITIONAL:
                positional += [self.value("x", None) for _ in range(self.rng.randrange(3))]
            elif required or parameter.name in given or self.rng.random() < 0.3:
                value = given.get(parameter.name)
                if value is None or self.rng.random() < 0.05:
                    default = None if required else parameter.default
                    value = self.value(parameter.name, default)
                if parameter.kind is parameter.POSITIONAL_ONLY:
                    positional.append(value)
                else:
                    chosen[parameter.name] = value
        return positional, chosen

    def value(self, name, default):
        """Return a value for an argument of a name."""
        rng, choice = self.rng, self.rng.random()
        if choice < 0.85 and name in SPECIAL:
            return SPECIAL[name](self)
        if name.startswith("on_"):  # a hook, whose own errors are the caller's
            return rng.choice([None, lambda *given: None, 3, "x", []])
        value = values.for_argument(rng, name, default)
        # so many steps would be taken, as asked for
        return 2 if name in TAKEN and isinstance(value, int) and value > 1000 else value

    def call(self, call, *args, **kwargs):
        """Return what a call gives; end the case where it is refused as it should be."""
        self.log.append(f"{getattr(call, '__qualname__', call)}{_short((args, kwargs))}")
        self.watched += _arrays((args, kwargs), [])
        try:
            return call(*args, **kwargs)
        except (FastgdError, MemoryError, OSError) as error:
            raise Refused from error
        except self.allowed as error:
            raise Refused from error
        except Exception as error:
            text = inspect.getdoc(call) or ""
            kinds = "|".join(cls.__name__ for cls in type(error).__mro__[:-3])
            unknown = isinstance(error, TypeError) and "unexpected keyword argument" in str(
                error
            )
            if unknown or re.search(rf"\b({kinds})\b", text):
                raise Refused from error
            raise Failure(f"{type(error).__name__}: {error} from {self.log[-3:]}") from error

    def checked(self):
        """Raise a Failure if a call has changed an array that it was given."""
        for array, before in self.watched:
            if _bytes(array) != before:
                raise Failure(f"an argument has changed: {_short(array)} in {self.log}")


class Refused(Exception):
    """A call was refused, and rightly so."""


def _short(value):
    text = " ".join(repr(value).split())
    return text if len(text) < 600 else f"{text[:400]} ... {text[-100:]}"


def _bytes(array):
    return array.tobytes() if isinstance(array, np.ndarray) else repr(array)


def _arrays(value, found, depth=0):
    """Collect arrays and lists in arguments, with what they hold."""
    if isinstance(value, fastgd.Variable):
        return found
    if isinstance(value, np.ndarray) and value.dtype.kind != "O":
        found.append((value, value.tobytes()))
    elif isinstance(value, (list, tuple, dict)) and depth < 3:
        for item in value.values() if isinstance(value, dict) else value:
            _arrays(item, found, depth + 1)
    return found


def a_model(case):
    """Return a small model in some state."""
    rng = case.rng
    kind = rng.randrange(5)
    if kind == 0:
        model = Sequential([layers.Dense(2), layers.Dense(1)])
    elif kind == 1:
        inputs = layers.Input((3,))
        dense = layers.Dense(3)
        model = Model(inputs, layers.Dense(1)(layers.Add()([dense(inputs), inputs])))
    else:
        more = rng.choice([[], [layers.Dropout(0.3)], [layers.BatchNormalization()]])
        model = Sequential(
            [layers.Input((3,)), layers.Dense(2, "tanh"), *more, layers.Dense(1)]
        )
    if rng.random() < 0.9:
        model.compile(rng.choice(["sgd", "adam", "rmsprop", "lamb"]), "mse", metrics=["mae"])
    if rng.random() < 0.3 and model.optimizer is not None:
        model.fit(np.ones((4, 3), "f4"), np.ones((4, 1), "f4"), verbose=0)
    return model


def make_model(*args, **kwargs):
    """Return a model, as searches make them."""
    model = Sequential([layers.Input((3,)), layers.Dense(2, "tanh"), layers.Dense(1)])
    model.compile(optimizers.SGD(kwargs.get("rate", 0.01)), "mse")
    return model


def compiled(case):
    model = make_model()
    return model if case.rng.random() < 0.9 else a_model(case)


def sample_weight(case):
    n = len(case.x) if np.ndim(case.x) else 1
    return case.rng.choice([None, None, np.ones(n), np.zeros(n), -np.ones(n), np.ones(n + 1)])


def vector(case):
    return np.random.default_rng(case.rng.getrandbits(32)).normal(size=case.rng.choice([3, 8]))


SPECIAL = {
    "x": lambda case: case.x,
    "X": lambda case: case.x,
    "y": lambda case: case.y,
    "target": lambda case: case.y,
    "y_true": lambda case: case.y,
    "y_pred": lambda case: case.rng.choice([case.y, values.array(case.rng, (8, 1))]),
    "sample_weight": sample_weight,
    "validation_data": lambda case: case.rng.choice([None, (case.x, case.y), (case.x,)]),
    "class_weight": lambda case: case.rng.choice([None, None, {0: 1.0, 1: 2.0}, {0: -1}]),
    "callbacks": lambda case: case.rng.choice([None, [], [3], [fastgd.callbacks.History()]]),
    "privacy": lambda case: case.rng.choice([None, None, privacy.DPSGD(1.0, 1.0), 3]),
    "verbose": lambda case: 0,
    "model": compiled,
    "models": lambda case: [make_model(), make_model()],
    "make_model": lambda case: make_model,
    "build": lambda case: case.rng.choice([make_model, None]),
    "build_fn": lambda case: make_model,
    "space": lambda case: case.rng.choice(
        [{"rate": [0.1, 0.01]}, {}, {"rate": []}, {"x": [1]}]
    ),
    "sets": lambda case: case.rng.choice([[{"rate": 0.1}], [{}], [], [{"batch_size": 2}]]),
    "layers": lambda case: case.rng.choice([[layers.Dense(1)], [], [3], None]),
    "inputs": lambda case: case.rng.choice([layers.Input((3,)), case.x]),
    "filepath": lambda case: case.rng.choice([io.BytesIO(), "x", "", "a\x00b", b"y", 3, None]),
    "layer": lambda case: case.rng.choice([layers.Dense(1), layers.Dense(1).get_config(), 3]),
    "input_shape": lambda case: case.rng.choice([(3,), (None, 3), 3, None, (0,), (-1,)]),
    "jobs": lambda case: case.rng.choice([1, 2, [], [{}]]),
    "background": lambda case: case.x,
    "reference": lambda case: case.x,
    "baseline": lambda case: case.rng.choice([None, case.x, values.array(case.rng, (3,))]),
    "features": lambda case: case.rng.choice([0, [0, 2], "x1", [3], [], "y"]),
    "groups": lambda case: case.rng.choice([None, {"a": [0, 1]}, {"a": ["x0", 0]}, {}, []]),
    "n_jobs": lambda case: case.rng.choice([1, 2, None, 0, -1, "x"]),
    "epochs": lambda case: case.rng.choice([1, 2, 0, -1, 1.5]),
    "max_epochs": lambda case: case.rng.choice([1, 2, 3]),
    "max_iter": lambda case: case.rng.choice([1, 5, 0, 2.5]),
    "steps": lambda case: case.rng.choice([1, 2, 0, None]),
    "initial_epoch": lambda case: case.rng.choice([0, 1, 2**62, -1]),
    "n": lambda case: case.rng.choice([1, 2, 8, 0, -3]),
    "count": lambda case: case.rng.choice([1, 2, 0]),
    "wait_time": lambda case: 0,
    "init": vector,
    "w": vector,
    "function": lambda case: case.rng.choice([np.tanh, lambda *a: 0.0, None]),
    "fn": lambda case: case.rng.choice([losses.mean_squared_error, lambda y, p: 0.0, 3]),
    "device": lambda case: None,
}
