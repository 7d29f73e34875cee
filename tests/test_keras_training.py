"""fit, evaluate and predict beside Keras: the hooks, their order, the logs, the weights."""

import os

import numpy as np
import pytest

os.environ.setdefault("KERAS_BACKEND", "jax")
keras = pytest.importorskip("keras")

import fastgd  # noqa: E402
from fastgd import callbacks as ours  # noqa: E402

# Keras and JAX warn of each other's old names.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

rng = np.random.default_rng(0)
X = rng.normal(size=(50, 3)).astype("float32")
LABELS = rng.integers(0, 3, 50)
ONE_HOT = np.eye(3, dtype="float32")[LABELS]
WEIGHTS = rng.uniform(0, 2, 50).astype("float32")
HOOKS = [
    f"on_{what}_{when}"
    for what in (
        "train",
        "epoch",
        "train_batch",
        "test",
        "test_batch",
        "predict",
        "predict_batch",
    )
    for when in ("begin", "end")
]


def both(**compile_arguments):
    """Keras' model and ours, with the same weights."""
    models = []
    for library in (keras, fastgd):
        model = library.Sequential(
            [
                library.layers.Input(shape=(3,)),
                library.layers.Dense(5, activation="tanh"),
                library.layers.Dense(3, activation="softmax"),
            ]
        )
        model.compile(
            optimizer=library.optimizers.SGD(0.1), loss="categorical_crossentropy",
            **compile_arguments,
        )  # fmt: skip
        models.append(model)
    models[1].set_weights([np.array(w) for w in models[0].get_weights()])
    return models


def recorder(base):
    """A callback that notes every hook of a library."""

    class Recorder(base):
        def __init__(self):
            super().__init__()
            self.seen = []

    def recording(name):
        if "epoch" in name or "batch" in name:
            return lambda self, number, logs=None: self.seen.append(
                (name, number, dict(logs or {}))
            )
        return lambda self, logs=None: self.seen.append((name, None, dict(logs or {})))

    for name in HOOKS:
        setattr(Recorder, name, recording(name))
    return Recorder()


def compare(run, **compile_arguments):
    """Run on both and compare what was seen."""
    recorders = [recorder(keras.callbacks.Callback), recorder(ours.Callback)]
    models = both(**compile_arguments)
    results = [run(m, r) for m, r in zip(models, recorders, strict=True)]
    theirs, mine = (r.seen for r in recorders)
    assert [call[:2] for call in mine] == [call[:2] for call in theirs]
    for (name, number, logs), (_, _, expected) in zip(mine, theirs, strict=True):
        assert logs.keys() == expected.keys(), (name, number)
        for key, value in logs.items():
            np.testing.assert_allclose(value, expected[key], rtol=2e-5, atol=1e-6)
    for a, b in zip(models[1].get_weights(), models[0].get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)
    return results


FITS = [
    {"epochs": 2},
    {"epochs": 2, "validation_split": 0.2, "validation_batch_size": 4},
    {"epochs": 4, "validation_split": 0.2, "validation_freq": 2},
    {"epochs": 4, "validation_split": 0.2, "validation_freq": [1, 4]},
    {"epochs": 3, "initial_epoch": 1},
    {"epochs": 2, "sample_weight": WEIGHTS},
    {"epochs": 2, "class_weight": {0: 0.5, 2: 3.0}},
    {"epochs": 2, "validation_data": (X[:20], ONE_HOT[:20], WEIGHTS[:20])},
    {"epochs": 2, "validation_data": (X, ONE_HOT), "validation_steps": 2},
    {"epochs": 3, "steps_per_epoch": 2},
]


@pytest.mark.parametrize("case", range(len(FITS)))
def test_hooks_and_logs_of_fit(case):
    histories = compare(
        lambda model, callback: model.fit(
            X, ONE_HOT, batch_size=16, shuffle=False, verbose=0, callbacks=[callback],
            **(FITS[case] if case < 9 else FITS[case] | {"epochs": 2}),
        ),
        metrics=["accuracy"], weighted_metrics=["mae"],
    )  # fmt: skip
    theirs, mine = histories
    assert mine.epoch == theirs.epoch
    assert set(mine.history) == set(theirs.history)
    assert mine.params == theirs.params


def test_hooks_and_logs_of_evaluate_and_predict():
    run = [
        lambda m, c: m.evaluate(X, ONE_HOT, batch_size=20, verbose=0, callbacks=[c]),
        lambda m, c: m.predict(X, batch_size=20, verbose=0, callbacks=[c]),
        lambda m, c: m.evaluate(X, ONE_HOT, 20, 0, WEIGHTS, 2, callbacks=[c], return_dict=True),
    ]
    for one in run:
        theirs, mine = compare(one, metrics=["accuracy"])
        if isinstance(mine, dict):
            assert mine == pytest.approx(theirs, rel=2e-5)
        else:
            np.testing.assert_allclose(mine, theirs, rtol=2e-5, atol=1e-6)


def test_batches():
    for arguments in ((), (WEIGHTS,), (None, {1: 4.0})):
        compare(lambda m, _, a=arguments: m.train_on_batch(X, ONE_HOT, *a))
    theirs, mine = compare(lambda m, _: m.test_on_batch(X, ONE_HOT, WEIGHTS))
    np.testing.assert_allclose(mine, theirs, rtol=2e-5)


@pytest.mark.parametrize("kind", ["generator", "dataset"])
def test_sources(kind):
    def source(library):
        batches = [(X[i : i + 16], ONE_HOT[i : i + 16]) for i in (0, 16, 32)]
        if kind == "generator":
            return (batches[i % 3] for i in range(6))

        class Batches(library.utils.PyDataset):
            def __len__(self):
                return 3

            def __getitem__(self, index):
                return batches[index]

        return Batches()

    def run(model, callback):
        library = keras if isinstance(model, keras.Model) else fastgd
        return model.fit(
            source(library), epochs=2, verbose=0, shuffle=False, callbacks=[callback],
            steps_per_epoch=3 if kind == "generator" else None,
        )  # fmt: skip

    theirs, mine = compare(run)
    assert mine.params == theirs.params


LISTENERS = [
    lambda c: c.EarlyStopping("loss", min_delta=0.02, patience=1, restore_best_weights=True),
    lambda c: c.EarlyStopping("loss", baseline=0.2, patience=2),
    lambda c: c.EarlyStopping("accuracy", mode="max", patience=0, start_from_epoch=2),
    lambda c: c.ReduceLROnPlateau("loss", factor=0.5, patience=1, min_delta=0.05, cooldown=1),
    lambda c: c.LearningRateScheduler(lambda epoch, rate: rate * 0.9),
    lambda c: c.LambdaCallback(on_epoch_end=lambda epoch, logs: None),
]


@pytest.mark.parametrize("case", range(len(LISTENERS)))
def test_callbacks(case):
    def run(model, callback):
        library = keras.callbacks if isinstance(model, keras.Model) else ours
        return model.fit(
            X, ONE_HOT, batch_size=16, epochs=8, shuffle=False, verbose=0,
            callbacks=[LISTENERS[case](library), callback],
        )  # fmt: skip

    theirs, mine = compare(run, metrics=["accuracy"])
    assert set(mine.history) == set(theirs.history)


def test_a_callback_of_keras_works_here(tmp_path):
    theirs = keras.callbacks.CSVLogger(tmp_path / "log.csv")
    _, model = both()
    history = model.fit(X, ONE_HOT, epochs=3, verbose=0, callbacks=[theirs])
    lines = (tmp_path / "log.csv").read_text().split()
    assert len(lines) == 4
    assert float(lines[-1].split(",")[1]) == history.history["loss"][-1]


@pytest.mark.parametrize(
    "method",
    ["compile", "fit", "evaluate", "predict", "train_on_batch", "test_on_batch",
     "predict_on_batch"],
)  # fmt: skip
def test_order_of_arguments(method):
    """Keras' arguments, then ours."""
    import inspect

    def arguments(model):
        parameters = inspect.signature(getattr(model, method)).parameters.values()
        return [(p.name, p.default) for p in parameters if p.kind is not p.VAR_KEYWORD]

    theirs, mine = (arguments(model) for model in both())
    assert mine[: len(theirs)] == theirs
    assert {name for name, _ in mine[len(theirs) :]} <= {"n_jobs", "rows", "validation_rows"}


NAMES = [
    "BackupAndRestore", "CSVLogger", "EarlyStopping", "LambdaCallback", "LearningRateScheduler",
    "ModelCheckpoint", "ReduceLROnPlateau", "SwapEMAWeights", "TensorBoard", "TerminateOnNaN",
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_order_of_arguments_of_callbacks(name):
    import inspect

    def arguments(module):
        parameters = inspect.signature(getattr(module, name)).parameters.values()
        return [(p.name, p.default) for p in parameters if p.kind is not p.VAR_KEYWORD]

    assert arguments(ours) == arguments(keras.callbacks)
