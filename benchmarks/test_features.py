"""The cost of a feature: a 23-64-32-1 network, batch 256, Adam, with one thing switched on.

The epochs of the plain and of the other network take turns, and the least of each counts; the
ratio is in ``extra_info["times_plain"]``. Each network first trains as the reference engine
trains it.
"""

import time

import numpy as np
import pytest

from fastgd import Sequential, config, layers, metrics, optimizers, utils

ROWS, BATCH = 16_384, 256
STEPS = ROWS // BATCH


def network(between=()):
    """Return a network with further layers behind both hidden layers."""
    found = [layers.Input(shape=(23,))]
    for width in (64, 32):
        found.append(layers.Dense(width, activation="relu"))
        found += [make() for make in between]
    return Sequential([*found, layers.Dense(1, activation="sigmoid")])


def schedule():
    return optimizers.schedules.CosineDecay(1e-3, 10_000)


#: name -> (layers between, the optimizer, arguments of compile, of fit).
FEATURES = {
    "auc": ((), {}, {"metrics": lambda: [metrics.AUC()]}, {}),
    "auc of a curve of precision": ((), {}, {"metrics": lambda: [metrics.AUC(curve="PR")]}, {}),
    "dropout": ((lambda: layers.Dropout(0.3),), {}, {}, {}),
    "batch normalisation": ((layers.BatchNormalization,), {}, {}, {}),
    "layer normalisation": ((layers.LayerNormalization,), {}, {}, {}),
    "class weights": ((), {}, {}, {"class_weight": {0: 0.5, 1: 2.0}}),
    "global_clipnorm": ((), {"global_clipnorm": 1.0}, {}, {}),
    "clipnorm": ((), {"clipnorm": 1.0}, {}, {}),
    "weight decay": ((), {"weight_decay": 0.004}, {}, {}),
    "moving averages": ((), {"use_ema": True}, {}, {}),
    "schedule": ((), {"learning_rate": schedule}, {}, {}),
}


def made(feature, engine=None):
    """Return a compiled network with a feature, or the plain one."""
    between, of_optimizer, of_compile, _ = FEATURES.get(feature, ((), {}, {}, {}))
    config.set_engine(engine)
    utils.set_random_seed(7)
    model = network(between)
    arguments = {k: v() if callable(v) else v for k, v in of_optimizer.items()}
    model.compile(
        optimizers.Adam(**arguments), "binary_crossentropy",
        **{k: v() for k, v in of_compile.items()},
    )  # fmt: skip
    config.set_engine(None)
    return model


def data(rows=ROWS):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(rows, 23)).astype("float32")
    return x, (x[:, :1] + rng.normal(size=(rows, 1)) > 0).astype("float32")


@pytest.mark.parametrize("feature", FEATURES)
def test_cost(feature, benchmark):
    _, _, _, of_fit = FEATURES[feature]
    x, y = data(1024)
    ours, reference = made(feature), made(feature, "reference")
    for model in (ours, reference):
        model.fit(x, y, batch_size=BATCH, epochs=2, verbose=0, **of_fit)
    np.testing.assert_allclose(ours.predict(x), reference.predict(x), rtol=0, atol=1e-4)
    x, y = data()
    plain, least = made(None), [np.inf, np.inf]

    def turn():
        for k, (model, arguments) in enumerate(((plain, {}), (ours, of_fit))):
            start = time.perf_counter()
            model.fit(x, y, batch_size=BATCH, epochs=1, verbose=0, n_jobs=1, **arguments)
            least[k] = min(least[k], time.perf_counter() - start)

    benchmark.pedantic(turn, rounds=40, warmup_rounds=2)
    benchmark.extra_info["microseconds_a_step"] = 1e6 * least[1] / STEPS
    benchmark.extra_info["times_plain"] = least[1] / least[0]
