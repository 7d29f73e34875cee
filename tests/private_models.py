"""Small models that are trained privately, and their data."""

import numpy as np

from fastgd import (
    Sequential,
    layers,
    utils,
)
from fastgd.privacy import DPSGD

RNG = np.random.default_rng(5)
X = RNG.normal(size=(60, 4))
Y = np.sin(X @ [[1.0], [-2.0], [0.5], [0.1]])
HUGE = DPSGD(1e8, 0.0, seed=1)
NOISY = DPSGD(0.5, 1.0, seed=1)


def network(dtype="float64", **arguments):
    utils.set_random_seed(3)
    return Sequential(
        [
            layers.Input(shape=(4,), dtype=dtype),
            layers.Dense(6, activation="tanh", **arguments),
            layers.Dense(1),
        ],
        dtype=dtype,
    )


def compiled(privacy=NOISY, optimizer="adam", loss="mse", model=None, **arguments):
    model = network() if model is None else model
    model.compile(optimizer, loss, privacy=privacy, **arguments)
    return model


def flat(model):
    return np.concatenate([w.ravel() for w in model.get_weights()])
