"""Functions that train many models refuse what each of their jobs has for itself."""

import numpy as np
import pytest

from fastgd import Sequential, layers, many
from fastgd.errors import ArgumentError

X = np.random.default_rng(0).normal(size=(30, 2))
Y = X[:, 0]


def make(units=1):
    model = Sequential([layers.Dense(units, input_shape=(2,)), layers.Dense(1)])
    model.compile("sgd", "mse")
    return model


CALLS = {
    "cross_validate": lambda **more: many.cross_validate(make, X, Y, 3, **more),
    "bagging": lambda **more: many.bagging(make, X, Y, n_models=2, **more),
    "seeds": lambda **more: many.seeds(make, range(2), X, Y, **more),
    "grid_search": lambda **more: many.grid_search(make, {"units": [1, 2]}, X, Y, 3, **more),
    "parameter_search": lambda **more: many.parameter_search(
        make, [{"units": 1}], X, Y, 3, **more
    ),
}
#: Those that are parameters of the function itself, with a meaning of their own.
OWN = {"seeds": {"rows", "validation_rows"}}


@pytest.mark.parametrize("name", CALLS)
def test_arguments_of_jobs_are_refused(name):
    for argument, value in (
        ("rows", [0, 1, 2]), ("validation_rows", [0, 1]), ("name", "one"), ("params", {}),
    ):  # fmt: skip
        if argument not in OWN.get(name, ()):
            with pytest.raises(ArgumentError, match=f"^{argument}: "):
                CALLS[name](**{argument: value})


def test_seeds_takes_no_seed():
    with pytest.raises(ArgumentError, match=r"^seed: "):
        many.seeds(make, range(2), X, Y, seed=1)
