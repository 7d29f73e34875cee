"""Networks as scikit-learn's users train them: an epoch of ours beside one of scikit-learn's.

30 000 rows of 29 columns, float64, one thread each, the epochs in turns, the least of each; the
ratio is in ``extra_info["times_scikit_learn"]``. Both first train alike, without shuffling.
"""

import time
import warnings

import numpy as np
import pytest

pytest.importorskip("sklearn")

from sklearn import neural_network

from fastgd.sklearn import MLPClassifier

ROWS, COLUMNS = 30_000, 29
#: hidden layers, rows a step: may be appended, not changed.
SHAPES = [((64, 32), 256), ((10, 10), 32)]
ROUNDS = 3


def data():
    rng = np.random.default_rng(1)
    x = rng.normal(size=(ROWS, COLUMNS))
    return x, (x[:, :5].sum(axis=1) + 2 * rng.normal(size=ROWS) > 2).astype(int)


def made(kind, shape, batch, **settings):
    return kind(
        shape, batch_size=batch, random_state=1, tol=0, n_iter_no_change=10**6, **settings
    )


@pytest.mark.parametrize(("shape", "batch"), SHAPES)
def test_an_epoch(benchmark, shape, batch):
    x, y = data()
    warnings.simplefilter("ignore")
    kinds = neural_network.MLPClassifier, MLPClassifier
    alike = [
        made(kind, shape, batch, shuffle=False, max_iter=1).fit(x[:2000], y[:2000])
        for kind in kinds
    ]
    for a, b in zip(*(model.coefs_ for model in alike), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12)
    times = {}
    for kind, epochs in zip(kinds, (1, 10), strict=True):
        model = made(kind, shape, batch, warm_start=True, max_iter=epochs).fit(x, y)
        times[kind] = model, epochs, []
    for _ in range(ROUNDS):
        for model, epochs, found in times.values():
            begun = time.perf_counter()
            model.fit(x, y)
            found.append((time.perf_counter() - begun) / epochs)
    theirs, ours = (min(found) for *_, found in times.values())
    benchmark.extra_info["times_scikit_learn"] = round(theirs / ours, 2)
    benchmark.pedantic(times[MLPClassifier][0].fit, (x, y), rounds=1)
    print(f"{shape}, {batch} rows: {theirs / ours:.1f} times as fast as scikit-learn")
