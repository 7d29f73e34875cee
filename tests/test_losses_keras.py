"""Losses as Keras computes them: 200 random configurations, where Keras is installed."""

import inspect

import numpy as np
import pytest
from lossdata import CASES

from fastgd import losses

keras = pytest.importorskip("keras")

#: Keras lacks these, or (log_link) this of them.
BEYOND = (losses.Quantile, losses.Gamma, losses.Tweedie, losses.GaussianNegativeLogLikelihood)
THEIRS = [case for case in CASES if case.cls not in BEYOND and "log_link" not in case.arguments]
REDUCTIONS = ("sum_over_batch_size", "mean", "sum", "mean_with_sample_weight", "none", None)
RNG = np.random.default_rng(11)
DRAWS = [
    (
        THEIRS[k % len(THEIRS)],
        RNG.choice(len(REDUCTIONS)),
        int(RNG.integers(1, 9)),
        int(RNG.integers(2, 12)),
        bool(RNG.integers(2)),
        k,
    )
    for k in range(200)
]


@pytest.mark.parametrize(("case", "reduction", "rows", "width", "weighted", "seed"), DRAWS)
def test_as_keras(case, reduction, rows, width, weighted, seed):
    y, p = case.data(rows, width, "float32", seed)
    if (case.make().target_range) == (-1, 1):
        y = np.where(y == 0, 1, y)  # Keras turns 0 into -1 only where there is no -1
    reduction = REDUCTIONS[reduction]
    weights = np.random.default_rng(seed).uniform(0.5, 2, rows).astype("float32")
    given = (y, p, weights) if weighted else (y, p)
    ours = case.make(reduction=reduction)(*given)
    theirs = getattr(keras.losses, case.cls.__name__)(**case.arguments, reduction=reduction)
    expected = np.asarray(theirs(*given))
    ignored = case.make().ignore_class is not None and bool(
        (y == case.make().ignore_class).any()
    )
    if reduction in ("none", None) and ignored:
        pytest.skip("Keras gives what is left the weight of what is not, or leaves it")
    np.testing.assert_allclose(ours, expected, rtol=2e-5, atol=2e-6)


@pytest.mark.parametrize("case", THEIRS, ids=str)
def test_functions_as_keras(case):
    y, p = case.data(6, 5, "float32", 3)
    if case.make().target_range == (-1, 1):
        y = np.where(y == 0, 1, y)
    ours = case.cls.function(y, p, **case.arguments)
    theirs = getattr(keras.losses, case.cls.function.__name__)(y, p, **case.arguments)
    np.testing.assert_allclose(ours, np.asarray(theirs), rtol=2e-5, atol=2e-6)


@pytest.mark.parametrize("cls", sorted({c.cls for c in THEIRS}, key=lambda c: c.__name__))
def test_signatures_are_kerass(cls):
    ours = list(inspect.signature(cls).parameters.values())
    theirs = list(inspect.signature(getattr(keras.losses, cls.__name__)).parameters.values())
    names = [p.name for p in theirs]
    assert [p.name for p in ours][: len(names)] == names
    defaults = {p.name: p.default for p in ours} | {"name": cls().name}
    assert {p.name: p.default for p in theirs}.items() <= defaults.items()
    function = cls.function
    ours = inspect.signature(function).parameters
    theirs = inspect.signature(getattr(keras.losses, function.__name__)).parameters
    assert list(ours)[: len(theirs)] == list(theirs)
    assert [ours[n].default for n in theirs] == [p.default for p in theirs.values()]
