"""Learning a batch or a row at a time: ``train_on_batch``, ``learner``, ``learn_one``."""

import pickle

import numpy as np
import pytest
from problems import regression
from refusals import X as REFUSED_X
from refusals import Y as REFUSED_Y
from refusals import model_for, refused

from fastgd import Sequential, callbacks, layers, losses, metrics, optimizers, saving, utils
from fastgd.errors import (
    ArgumentError,
    DataError,
    DataTypeError,
    DivergenceError,
    NotBuiltError,
    ShapeError,
)

X, Y = regression(60, 5)
LABELS = np.arange(60) % 3

OPTIMIZERS = {
    "sgd": lambda: optimizers.SGD(0.05),
    "adam": lambda: optimizers.Adam(0.01),
    "schedule": lambda: optimizers.SGD(optimizers.schedules.ExponentialDecay(0.1, 3, 0.7)),
    "callable": lambda: optimizers.SGD(lambda: 0.03),
    "decay and clipping": lambda: optimizers.AdamW(0.01, weight_decay=0.1, clipnorm=0.5),
    "accumulation": lambda: optimizers.SGD(0.1, gradient_accumulation_steps=3),
    "average": lambda: optimizers.SGD(0.1, momentum=0.9, use_ema=True, ema_momentum=0.5),
}


def model_of(optimizer="adam", dtype="float32", dropout=0.3, **kwargs):
    utils.set_random_seed(2)
    model = Sequential(
        [
            layers.Dense(6, "relu", kernel_regularizer="l2", input_shape=(5,)),
            layers.Dropout(dropout),
            layers.BatchNormalization(),
            layers.Dense(1),
        ],
        dtype=dtype,
    )
    arguments = {"loss": "mse", "metrics": ["mae"]} | kwargs
    model.compile(OPTIMIZERS[optimizer](), **arguments)
    return model


def by_spans(model, x, y):
    """A step by the way that ``fit`` takes."""
    x, y = model.prepared(x, y)
    return list(model.compiled_step().train_on_batch(x, y, model.stream).values())


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_a_step_has_the_bits_of_a_span_of_one(engine, optimizer, dtype):
    x, y = X.astype(dtype), Y.astype(dtype)
    short, long = model_of(optimizer, dtype), model_of(optimizer, dtype)
    for first, size in ((0, 7), (7, 1), (8, 20), (0, 60), (3, 2)):
        rows = slice(first, first + size)
        assert short.train_on_batch(x[rows], y[rows]) == by_spans(long, x[rows], y[rows])
        assert short.parameters.tobytes() == long.parameters.tobytes()
    assert short.epochs_begun == long.epochs_begun == 5
    assert short.optimizer.iterations == long.optimizer.iterations
    short.fit(x, y, epochs=2, verbose=0)
    long.fit(x, y, epochs=2, verbose=0)
    assert short.parameters.tobytes() == long.parameters.tobytes()


@pytest.mark.parametrize("loss", ["bce", "sparse", "categorical", "poisson", "hinge"])
def test_other_losses(engine, loss):
    one_hot = np.eye(3, dtype="float32")[LABELS]
    name, outputs, activation, y = {
        "bce": ("binary_crossentropy", 1, "sigmoid", (Y > 0).astype("float32")),
        "sparse": ("sparse_categorical_crossentropy", 3, "softmax", LABELS.astype("float32")),
        "categorical": ("categorical_crossentropy", 3, "softmax", one_hot),
        "poisson": ("poisson", 1, "exponential", np.abs(Y)),
        "hinge": (losses.Hinge(), 1, None, np.sign(Y)),
    }[loss]
    found = []
    for step in (Sequential.train_on_batch, by_spans):
        utils.set_random_seed(1)
        model = Sequential([layers.Dense(outputs, activation, input_shape=(5,))])
        model.compile("sgd", name, metrics=["accuracy"] if outputs > 1 else [metrics.AUC()]
                      if loss == "bce" else None)  # fmt: skip
        figures = []
        for start in range(0, 60, 8):
            rows = slice(start, start + 8)
            seen = step(model, X[rows], y[rows])
            figures.append(seen if isinstance(seen, list) else [seen])
        found.append((figures, model.parameters.tobytes()))
    assert found[0] == found[1]


def test_whatever_changes_between_two_steps_is_noticed(engine):
    short, long = model_of("adam", metrics=None), model_of("adam", metrics=None)

    def both(change):
        for model in (short, long):
            change(model)
        assert [short.train_on_batch(X, Y)] == by_spans(long, X, Y)
        assert short.parameters.tobytes() == long.parameters.tobytes()

    weights = [w * 0.5 for w in short.get_weights()]
    both(lambda m: None)
    both(lambda m: setattr(m.optimizer, "learning_rate", 0.2))
    both(lambda m: m.optimizer.learning_rate.assign(0.1))
    both(lambda m: setattr(m.optimizer, "beta_1", 0.5))
    both(lambda m: setattr(m.optimizer, "weight_decay", 0.01))
    both(lambda m: m.optimizer.exclude_from_weight_decay(var_names=["bias"]))
    both(lambda m: setattr(m.optimizer, "iterations", 100))
    both(lambda m: m.set_weights(weights))
    both(lambda m: setattr(m, "seed", 77))
    both(
        lambda m: m.fit(
            X, Y, epochs=1, verbose=0, callbacks=[callbacks.ReduceLROnPlateau("loss")]
        )
    )
    both(lambda m: m.compile(optimizers.SGD(0.01, momentum=0.9), "mae"))
    both(lambda m: setattr(m.layers[0], "trainable", False))
    both(lambda m: m.compile(m.optimizer, m.loss))
    both(lambda m: m.add(layers.Dense(1, kernel_initializer="ones")))
    both(lambda m: setattr(m, "optimizer", optimizers.SGD(0.02)))
    both(lambda m: m.pop())
    both(lambda m: setattr(m.optimizer, "learning_rate", lambda: 0.07))


def test_a_learner_is_train_on_batch(engine):
    x, y = X.copy(), Y.copy()
    model, other = model_of(), model_of()
    learn = model.learner()
    assert learn(x, y) == other.train_on_batch(x, y)
    assert learn(x[3], float(y[3, 0])) == other.train_on_batch(x[3:4], y[3:4])
    assert learn(x[4], y[4]) == other.train_on_batch(x[4:5], y[4:5])
    assert learn(x[5], 2) == other.train_on_batch(x[5:6], [2])
    assert learn(x[6].tolist(), np.float32(0.5)) == other.train_on_batch(x[6:7], [0.5])
    assert learn(x.astype("float64"), y[:, 0]) == other.train_on_batch(x, y)
    assert learn(np.asfortranarray(x), y.tolist()) == other.train_on_batch(x, y)
    assert model.parameters.tobytes() == other.parameters.tobytes()
    assert (x == X).all()


def test_a_learner_refuses_what_train_on_batch_refuses(engine):
    model = model_for()
    learn = model.learner()
    learn(REFUSED_X, REFUSED_Y)
    bad = REFUSED_X.copy()
    bad[2, 1] = np.nan
    row = bad[2]
    for error, words, x, y in (
        (DataError, ["x", "nan", "row 2", "column 1"], bad, REFUSED_Y),
        (DataError, ["x", "nan"], row, 1.0),
        (DataError, ["y", "inf"], REFUSED_X[0], np.inf),
        (ShapeError, ["x", "3 columns"], REFUSED_X[:, :2], REFUSED_Y),
        (ShapeError, ["x", "3 columns"], REFUSED_X[0, :2], 1.0),
        (ShapeError, ["different numbers of rows", "8", "7"], REFUSED_X, REFUSED_Y[:7]),
        (ShapeError, ["y"], REFUSED_X[0], [1.0, 2.0]),
        (DataTypeError, ["y"], REFUSED_X[0], "one"),
        (DataError, ["no rows"], REFUSED_X[:0], REFUSED_Y[:0]),
    ):
        refused(model, error, words, lambda m, x=x, y=y: learn(x, y))
    with pytest.raises(DataTypeError, match="validate"):
        model.learner(validate=2)


def test_targets_out_of_range_are_refused_unless_nobody_looks(engine):
    x = np.ones((4, 3), "float32")
    model = model_for(3, "sparse_categorical_crossentropy", "softmax")
    for bad in (3.0, -1.0, 0.5):
        y = np.array([[0.0], [1.0], [bad], [2.0]], "float32")
        refused(model, DataError, ["y", "from 0 to 2"], lambda m, y=y: m.train_on_batch(x, y))
        refused(model, DataError, ["y", "from 0 to 2"], lambda m, y=y: m.learner()(x, y))
    model = model_for(1, "binary_crossentropy", "sigmoid")
    y = np.full((4, 1), 1.5, "float32")
    refused(model, DataError, ["y", "from 0 to 1"], lambda m: m.learner()(x, y))
    if engine != "reference":
        assert np.isfinite(model.learner(validate=False)(x, y)[0])


def test_a_step_that_is_not_finite_is_told(engine):
    model = model_of("sgd", dropout=0.0)
    model.train_on_batch(X, Y)
    before = model.get_weights()[0].copy()
    with pytest.raises(DivergenceError, match="step 2: the loss is not finite") as caught:
        model.train_on_batch(X, np.full_like(Y, 3e38))
    assert caught.value.step == 1
    np.testing.assert_array_equal(model.get_weights()[0], before)
    assert np.isfinite(model.train_on_batch(X, Y)[0])


def test_dicts_in_the_manner_of_river(engine):
    rows = [dict(zip("abcde", map(float, row), strict=True)) for row in X]
    model, other = model_of(metrics=None), model_of(metrics=None)
    assert model.predict_one(rows[0]) == other.predict(X[:1])[0, 0]
    assert model.feature_names == list("abcde")
    for row, x, y in zip(rows, X, Y, strict=True):
        shuffled = dict(sorted(row.items(), reverse=True))
        assert model.learn_one(shuffled, float(y[0])) == other.train_on_batch(x[None], y[None])
    assert model.learn_one({"c": 2.0}, 1) == other.train_on_batch([[0, 0, 2.0, 0, 0]], [1.0])
    assert model.learn_one(X[3], Y[3]) == other.train_on_batch(X[3:4], Y[3:4])
    assert model.learn_one(X[3].tolist(), Y[3, 0]) == other.train_on_batch(X[3:4], Y[3:4])
    assert model.parameters.tobytes() == other.parameters.tobytes()
    copy = pickle.loads(pickle.dumps(model))
    assert copy.feature_names == list("abcde")
    assert copy.predict_one(rows[7]) == model.predict_one(rows[7])


def test_feature_names_in_a_file(tmp_path):
    model = model_of(metrics=None)
    model.feature_names = list("edcba")
    model.learn_one({"a": 1.0, "e": 2}, 1.0)
    assert model.feature_names == list("edcba")
    saving.save_model(model, tmp_path / "m.safetensors")
    again = saving.load_model(tmp_path / "m.safetensors")
    assert again.feature_names == list("edcba")
    assert again.predict_one({"b": 2.0}) == model.predict_one({"b": 2.0})


def test_the_first_dict_says_how_many_inputs_there_are(engine):
    model = Sequential([layers.Dense(3, "softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy")
    assert model.learn_one({"x": 1, "y": 2.5}, 2) > 0
    assert model.input_shape == (None, 2)
    assert model.predict_one({"y": 1}).shape == (3,)


def test_rows_that_are_refused(engine):
    model = model_for(built=True)
    model.learn_one({"a": 1.0, "b": 2.0}, 1.0)
    for error, words, x in (
        (ArgumentError, ["3 inputs", "'a', 'b', 'c'", "'d'"], {"c": 1.0, "d": 2.0}),
        (DataTypeError, ["x['b']", "'red'"], {"a": 1.0, "b": "red"}),
        (DataError, ["x", "nan"], {"a": np.nan}),
        (ShapeError, ["x", "one row", "(1, 3)"], [[1.0, 2.0, 3.0]]),
    ):
        refused(model, error, words, lambda m, x=x: m.learn_one(x, 1.0))
        refused(model, error, words, lambda m, x=x: m.predict_one(x))
        assert model.feature_names == ["a", "b"]
    with pytest.raises(NotBuiltError, match="compile"):
        Sequential([layers.Dense(1)]).learn_one({"a": 1.0}, 1.0)
