"""Single rows of a stream, as dicts, lists and arrays, beside River's logistic regression.

23 features, both by the same steps to the same probabilities. Passes over the rows take turns,
and the least of each counts; how many times as long River takes for a dict is in
``extra_info["times_faster"]``.
"""

import time

import numpy as np
import pytest

from fastgd import Sequential, layers, linear, utils

NAMES = [f"feature_{i}" for i in range(23)]
ROWS = np.random.default_rng(0).normal(size=(500, len(NAMES)))
LABELS = (ROWS[:, 0] > 0).astype(int).tolist()
KINDS = {
    "dict": [dict(zip(NAMES, row, strict=True)) for row in ROWS.tolist()],
    "list": ROWS.tolist(),
    "array": list(ROWS),
}


def ours():
    steps = linear.SGD("constant", eta0=0.01)
    model = linear.LinearModel("log_loss").partial_fit(ROWS[:0], [], classes=2, solver=steps)
    model.feature_names = tuple(NAMES)
    return model


def theirs():
    river = pytest.importorskip("river.linear_model")
    from river import optim

    return river.LogisticRegression(optim.SGD(0.01), intercept_lr=0.01)


def network():
    utils.set_random_seed(0)
    model = Sequential(
        [layers.Dense(16, "relu", input_shape=(23,)), layers.Dense(1, "sigmoid")]
    )
    model.compile("adam", "binary_crossentropy")
    model.feature_names = NAMES
    return model


def learning(model, kind):
    for x, y in zip(KINDS[kind], LABELS, strict=True):
        model.learn_one(x, y)


def predicting(model, kind):
    predict = getattr(model, "predict_proba_one", None) or model.predict_one
    for x in KINDS[kind]:
        predict(x)


def seconds(work, *arguments):
    start = time.process_time()
    work(*arguments)
    return (time.process_time() - start) / len(ROWS)


@pytest.mark.parametrize("work", [learning, predicting])
@pytest.mark.parametrize("kind", KINDS)
def test_logistic(benchmark, work, kind):
    first, second = ours(), theirs()
    learning(first, kind)
    learning(second, "dict")
    for x in KINDS["dict"]:
        found, expected = first.predict_proba_one(x)[1], second.predict_proba_one(x)[True]
        assert abs(found - expected) < 1e-9
    pairs = [(seconds(work, first, kind), seconds(work, second, "dict")) for _ in range(9)]
    least = np.min(pairs, axis=0)
    benchmark.extra_info["nanoseconds_a_row"] = 1e9 * least[0]
    benchmark.extra_info["times_faster"] = least[1] / least[0]
    benchmark.pedantic(work, (first, kind))


@pytest.mark.parametrize("work", [learning, predicting])
@pytest.mark.parametrize("kind", KINDS)
def test_network(benchmark, work, kind):
    model = network()
    least = min(seconds(work, model, kind) for _ in range(9))
    benchmark.extra_info["nanoseconds_a_row"] = 1e9 * least
    benchmark.pedantic(work, (model, kind))
