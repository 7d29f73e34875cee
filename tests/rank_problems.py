"""Networks that ranks train together, on threads or under mpiexec, and digests of a run."""

import hashlib

import numpy as np

from fastgd import Model, Sequential, layers, metrics, optimizers, regularizers
from fastgd._engine import scope

RNG = np.random.default_rng(5)
#: The last batch of 300 has 5 rows, fewer than any number of shards.
X = RNG.normal(size=(905, 23))
Y = (X[:, :1] + 0.5 * X[:, 1:2] ** 2 > 0.5).astype(float)
WEIGHTS = RNG.integers(0, 3, 905).astype(float)


def chain(dtype="float32"):
    """The network 23-64-32-1, a dense chain."""
    return Sequential(
        [
            layers.Input((23,), dtype=dtype),
            layers.Dense(64, "relu", dtype=dtype),
            layers.Dense(32, "relu", dtype=dtype),
            layers.Dense(1, "sigmoid", dtype=dtype),
        ]
    )


def graph(dtype="float32"):
    """A network with branches, a shared layer, noise and penalties."""
    given = layers.Input((23,), dtype=dtype)
    shared = layers.Dense(12, "tanh", kernel_regularizer=regularizers.L2(1e-3), dtype=dtype)
    left = layers.Dropout(0.3, dtype=dtype)(shared(given))
    right = layers.Dense(12, "gelu", activity_regularizer="l2", dtype=dtype)(shared.output)
    both = layers.Concatenate(dtype=dtype)([left, right])
    both = layers.LayerNormalization(dtype=dtype)(both)
    return Model(given, layers.Dense(1, "sigmoid", dtype=dtype)(both))


NETWORKS = {"chain": chain, "graph": graph}


def compiled(name, dtype="float32", **changes):
    """Return a network with metrics of rows, of sums, and with weights of the rows."""
    model = NETWORKS[name](dtype)
    model.compile(
        optimizer=optimizers.Adam(0.01, clipnorm=1.0),
        loss="binary_crossentropy",
        metrics=["accuracy", metrics.Precision(), "r2_score"],
        weighted_metrics=["mae"],
        **changes,
    )
    return model


def trained(name, comm=None, *, dtype="float32", seed=3, change=None, **arguments):
    """Train a fresh network with a seed; return the model and its History."""
    given = {"epochs": 3, "batch_size": 300, "verbose": 0, "sample_weight": WEIGHTS}
    with scope.own(seed):
        model = compiled(name, dtype)
        if change is not None:
            change(model)
        return model, model.fit(X, Y, comm=comm, **(given | arguments))


def digest(model, history):
    """Return the SHA-256 of the weights and of the History of a run."""
    found = hashlib.sha256(np.array(model.parameters).tobytes())
    for name, values in history.history.items():
        found.update(name.encode() + np.asarray(values, np.float64).tobytes())
    return found.hexdigest()


def run(name, comm=None, **more):
    """Train a network; return the digest of the run."""
    return digest(*trained(name, comm, **more))
