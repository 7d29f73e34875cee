"""Every metric that Keras has too, with random settings and data: the same figures."""

import os

import numpy as np
import pytest
from metric_cases import CASES, data

from fastgd import metrics

os.environ.setdefault("KERAS_BACKEND", "jax")
keras = pytest.importorskip("keras")

# Keras and JAX warn of each other's old names.
pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:Explicitly requested dtype"),
]

#: Keras' cross-entropy divides by the ignored rows too, where there are no weights.
SHARED = [
    case
    for case in CASES
    if hasattr(keras.metrics, case[1].__name__)
    and not (case[1].__name__.endswith("entropy") and "ignore_class" in case[2])
    and "exact" not in case[2]
]


def random_case(cls, arguments, seed):
    """A metric, targets, float32 predictions off the thresholds, and weights or None."""
    rng = np.random.default_rng(seed)
    metric = cls(**arguments)
    width = int(rng.choice([1, 2, 5]))
    if arguments.get("num_regressors") or cls.__name__.startswith("R2"):
        width = 1  # Keras counts elements, and a row of targets here sums to 1
    if metric.sparse or cls.__name__.endswith(("IoU", "Correlation")):
        width = max(width, 3)
    n = int(rng.integers(20, 80))
    p, y, _ = data(metric, n, width, seed)
    if cls.__name__ not in ("Accuracy", "MeanIoU", "IoU") and not arguments.get(
        "from_sorted_ids"
    ):
        p = rng.normal(size=p.shape) if arguments.get("from_logits") else rng.random(p.shape)
    weights = rng.uniform(0.5, 2, n).astype(np.float32) if rng.random() < 0.5 else None
    if arguments.get("axis") == 0 or (cls.__name__.endswith("IoU") and y.shape[1] > 1):
        weights = None  # Keras wants one for each element
    return metric, y, p.astype(np.float32), weights


@pytest.mark.parametrize(
    ("cls", "arguments"), [case[1:] for case in SHARED], ids=[case[0] for case in SHARED]
)
def test_the_same_figure(cls, arguments):
    for seed in range(3):
        metric, y, p, weights = random_case(cls, arguments, seed)
        # a confusion matrix of whole numbers would cut the weights
        theirs = getattr(keras.metrics, cls.__name__)(**arguments, dtype="float32")
        half = len(y) // 2
        for rows in (slice(0, half), slice(half, None)):
            given = () if weights is None else (weights[rows],)
            metric.update_state(y[rows], p[rows], *given)
            theirs.update_state(y[rows], p[rows], *given)
        if arguments.get("axis") == 0:  # Keras' is the mean over batches
            metric.reset_state()
            theirs.reset_state()
            metric.update_state(y, p)
            theirs.update_state(y, p)
        np.testing.assert_allclose(metric.result(), theirs.result(), rtol=2e-5, atol=2e-5)


def test_names_and_configurations():
    theirs = {name for name, c in vars(keras.metrics).items() if isinstance(c, type)}
    assert theirs <= set(metrics.__all__)
    for _, cls, arguments in SHARED:
        theirs = getattr(keras.metrics, cls.__name__)(**arguments)
        ours = cls(**arguments)
        assert ours.name == theirs.name.rstrip("_0123456789") or ours.name == theirs.name
        assert ours.get_config().keys() >= theirs.get_config().keys() - {"axis", "name"}
        assert ours._direction == getattr(theirs, "_direction", None) or cls.__name__.endswith(
            ("Positives", "Negatives")
        )
