"""Arguments, names and orders of calls that are refused; the model is as it was."""

import numpy as np
import pytest
from refusals import LABELS, ONE_HOT, X, Y, model_for, refused

from fastgd import (
    Input,
    Sequential,
    activations,
    initializers,
    layers,
    losses,
    metrics,
    optimizers,
    utils,
)
from fastgd.errors import (
    ArgumentError,
    DataError,
    DataTypeError,
    FastgdError,
    NotBuiltError,
    ShapeError,
    UnknownNameError,
)

BAD_ARGUMENTS = [
    ({"batch_size": 0}, ArgumentError, ["batch_size", "0"]),
    ({"batch_size": -3}, ArgumentError, ["batch_size", "-3"]),
    ({"batch_size": 2.0}, DataTypeError, ["batch_size", "2.0"]),
    ({"batch_size": True}, DataTypeError, ["batch_size", "True"]),
    ({"batch_size": "32"}, DataTypeError, ["batch_size", "'32'"]),
    ({"epochs": -1}, ArgumentError, ["epochs", "-1"]),
    ({"epochs": 1.5}, DataTypeError, ["epochs", "1.5"]),
    ({"epochs": None}, DataTypeError, ["epochs", "None"]),
    ({"initial_epoch": -1}, ArgumentError, ["initial_epoch", "-1"]),
    ({"verbose": 3}, ArgumentError, ["verbose", "3", "'auto'"]),
    ({"verbose": "loud"}, ArgumentError, ["verbose", "'loud'"]),
    ({"verbose": None}, ArgumentError, ["verbose", "None"]),
    ({"verbose": np.zeros(2)}, ArgumentError, ["verbose"]),
    ({"validation_split": 1.0}, ArgumentError, ["validation_split", "1"]),
    ({"validation_split": -0.1}, ArgumentError, ["validation_split", "-0.1"]),
    ({"validation_split": 2}, ArgumentError, ["validation_split", "2"]),
    ({"validation_split": np.nan}, ArgumentError, ["validation_split", "nan"]),
    ({"validation_split": "0.2"}, DataTypeError, ["validation_split", "'0.2'"]),
    ({"validation_split": 0.99}, ArgumentError, ["validation_split", "8 rows"]),
    ({"validation_data": X}, ArgumentError, ["validation_data", "pair"]),
    ({"validation_data": (X,)}, ArgumentError, ["validation_data", "pair"]),
    ({"validation_data": (X, Y[:3])}, ShapeError, ["validation x", "validation y", "8", "3"]),
]


@pytest.mark.parametrize("built", [True, False])
@pytest.mark.parametrize("case", range(len(BAD_ARGUMENTS)))
def test_arguments_of_fit_refused(case, built):
    arguments, error, words = BAD_ARGUMENTS[case]
    refused(model_for(built=built), error, words, lambda m: m.fit(X, Y, **arguments))


def test_arguments_of_evaluate_and_predict_refused():
    for batch_size, error in ((0, ArgumentError), (1.5, DataTypeError)):
        call = lambda m, b=batch_size: m.evaluate(X, Y, batch_size=b)  # noqa: E731
        refused(model_for(), error, ["batch_size"], call)
        call = lambda m, b=batch_size: m.predict(X, batch_size=b)  # noqa: E731
        refused(model_for(), error, ["batch_size"], call)
    refused(model_for(), ArgumentError, ["verbose"], lambda m: m.evaluate(X, Y, verbose=5))
    refused(model_for(), ArgumentError, ["verbose"], lambda m: m.predict(X, verbose="much"))


# --- names -----------------------------------------------------------------------------------


def compiled(model, optimizer, loss, metrics=None):
    model.compile(optimizer, loss, metrics=metrics)


BAD_COMPILE = [
    (("adm", "mse"), ["optimizer", "'adm'", "did you mean 'adam'"]),
    (("sgd", "mean_square"), ["loss", "'mean_square'", "mean_squared_error"]),
    (("sgd", "mse", ["acuracy"]), ["metrics", "'acuracy'", "did you mean 'accuracy'"]),
]


@pytest.mark.parametrize("built", [True, False])
@pytest.mark.parametrize(("arguments", "words"), BAD_COMPILE)
def test_unknown_names_in_compile(arguments, words, built):
    refused(model_for(built=built), UnknownNameError, words, lambda m: compiled(m, *arguments))


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ((None, "mse"), DataTypeError),
        ((5, "mse"), DataTypeError),
        ((optimizers.Optimizer, "mse"), DataTypeError),
        ((optimizers.Optimizer(0.1), "mse"), DataTypeError),
        (("sgd", np.zeros(2)), ArgumentError),
        (("sgd", losses.Loss), ArgumentError),
        (("sgd", losses.Loss()), ArgumentError),
        (("sgd", "mse", [metrics.Metric]), ArgumentError),
        (("sgd", "mse", [metrics.Metric()]), ArgumentError),
        (("sgd", 5), ArgumentError),
        (("sgd", "mse", [5]), ArgumentError),
        (("sgd", "mse", 5), DataTypeError),
        (("sgd", None, ["mae"]), ArgumentError),
    ],
)
def test_objects_in_compile_refused(arguments, error):
    refused(model_for(), error, [], lambda m: compiled(m, *arguments))


def test_unknown_names_in_layers():
    with pytest.raises(UnknownNameError, match=r"activation: no 'rleu'; did you mean 'relu'"):
        layers.Dense(1, activation="rleu")
    with pytest.raises(
        UnknownNameError, match=r"activation: no 'swish7'; did you mean 'swish'"
    ):
        activations.get("swish7")
    with pytest.raises(UnknownNameError, match=r"initializer: no 'glorot'.*glorot_uniform"):
        layers.Dense(1, kernel_initializer="glorot")
    with pytest.raises(UnknownNameError, match="mode"):
        initializers.VarianceScaling(mode="fan")
    with pytest.raises(UnknownNameError, match="distribution"):
        initializers.VarianceScaling(distribution="gaussian")
    for what in (b"relu", 5):
        with pytest.raises(DataTypeError, match="activation"):
            layers.Dense(1, activation=what)


@pytest.mark.parametrize(
    ("loss", "metric"),
    [
        ("sparse_categorical_crossentropy", "mse"),
        ("sparse_categorical_crossentropy", "categorical_accuracy"),
        ("categorical_crossentropy", "sparse_categorical_accuracy"),
    ],
)
def test_metrics_that_do_not_fit_the_targets(loss, metric):
    built = model_for(3, loss, "softmax")
    words = ["metrics", f"'{metric}'", loss]
    refused(built, ArgumentError, words, lambda m: m.compile("sgd", loss, metrics=[metric]))
    deferred = model_for(3, loss, "softmax", built=False)
    deferred.compile("sgd", loss, metrics=[metric])
    y = LABELS if loss.startswith("sparse") else ONE_HOT
    refused(deferred, ArgumentError, words, lambda m: m.fit(X, y, verbose=0))


# --- order of calls --------------------------------------------------------------------------


def test_predict_without_layers():
    model = Sequential()
    with pytest.raises(NotBuiltError, match="no layers"):
        model.predict(X)
    assert not model.built


@pytest.mark.parametrize("what", ["fit", "evaluate", "train_on_batch", "value_and_grad"])
def test_training_before_compiling(what):
    for model in (Sequential([layers.Dense(1)]), Sequential([layers.Dense(1, input_dim=3)])):
        built = model.built
        with pytest.raises(NotBuiltError, match="compile"):
            getattr(model, what)(X, Y)
        assert model.built == built
    empty = Sequential()
    empty.compile("sgd", "mse")
    with pytest.raises(NotBuiltError, match="no layers"):
        getattr(empty, what)(X, Y)


# --- weights ---------------------------------------------------------------------------------


def right_weights():
    return [np.ones((3, 4)), np.ones(4), np.ones((4, 1)), np.ones(1)]


def changed(index, value):
    weights = right_weights()
    weights[index] = value
    return weights


@pytest.mark.parametrize(
    ("weights", "error", "words"),
    [
        (right_weights()[:3], ShapeError, ["4 arrays", "3"]),
        ([], ShapeError, ["4 arrays", "0"]),
        (changed(3, np.ones(2)), ShapeError, ["bias", "(1,)", "(2,)"]),
        (changed(0, np.ones((4, 3))), ShapeError, ["'first/kernel'", "(3, 4)", "(4, 3)"]),
        (changed(1, ["a"] * 4), DataTypeError, ["weights", "text"]),
        (changed(1, None), DataTypeError, ["weights", "None"]),
        (changed(3, [np.nan]), DataError, ["bias", "finite", "nan at row 0"]),
        (changed(2, np.full((4, 1), 1e39)), DataError, ["kernel", "row 0, column 0"]),
        (None, DataTypeError, ["weights", "NoneType"]),
    ],
)
def test_weights_refused(weights, error, words):
    refused(model_for(), error, words, lambda m: m.set_weights(weights))


def test_weights_of_a_layer_refused():
    right = right_weights()
    call = lambda m: m.layers[0].set_weights(right)  # noqa: E731
    refused(model_for(), ShapeError, ["layer 'first'", "2 arrays", "4"], call)
    call = lambda m: m.layers[0].set_weights([right[0], np.ones(5)])  # noqa: E731
    refused(model_for(), ShapeError, ["layer 'first'", "(4,)", "(5,)"], call)


# --- descriptions ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "error", "word"),
    [
        (lambda: layers.Dense(0), ArgumentError, "units"),
        (lambda: layers.Dense(2.0), DataTypeError, "units"),
        (lambda: layers.Dense(2, input_shape=(3, 0)), ShapeError, "input_shape"),
        (lambda: layers.Dense(2, input_dim=0), ShapeError, "input_shape"),
        (lambda: layers.Dense(2, dtype="int32"), ArgumentError, "dtype"),
        (lambda: Input((3, 0)), ShapeError, "shape"),
        (lambda: Input(None), ShapeError, "shape"),
        (lambda: Input(2.5), ShapeError, "shape"),
        (lambda: Sequential(dtype="float16"), ArgumentError, "dtype"),
        (lambda: optimizers.SGD(learning_rate=-0.1), ArgumentError, "learning_rate"),
        (lambda: optimizers.SGD(learning_rate=np.nan), ArgumentError, "learning_rate"),
        (lambda: optimizers.Adam(np.inf), ArgumentError, "learning_rate"),
        (lambda: optimizers.Adam("0.1"), DataTypeError, "learning_rate"),
        (lambda: optimizers.Adam(None), DataTypeError, "learning_rate"),
        (lambda: optimizers.Adam([[1], [1, 2]]), DataTypeError, "learning_rate"),
        (lambda: optimizers.Adam(beta_1=1.0), ArgumentError, "beta_1"),
        (lambda: optimizers.SGD(momentum=1.1), ArgumentError, "momentum"),
        (lambda: optimizers.RMSprop(rho=-0.1), ArgumentError, "rho"),
        (lambda: optimizers.RMSprop(epsilon=-1e-7), ArgumentError, "epsilon"),
        (lambda: optimizers.Adam(10**400), ArgumentError, "learning_rate"),
        (lambda: initializers.VarianceScaling(scale=0), ArgumentError, "scale"),
        (lambda: initializers.VarianceScaling(scale="a"), DataTypeError, "scale"),
        (lambda: initializers.RandomNormal(stddev=-1), ArgumentError, "stddev"),
        (lambda: initializers.TruncatedNormal(mean="a"), DataTypeError, "mean"),
        (lambda: initializers.RandomUniform(1, 0), ArgumentError, "maxval"),
        (lambda: initializers.GlorotUniform(seed="a"), DataTypeError, "seed"),
        (lambda: initializers.HeNormal(seed=-1), ArgumentError, "seed"),
        (lambda: initializers.Constant(np.nan), ArgumentError, "value"),
        (lambda: utils.set_random_seed(-1), ArgumentError, "seed"),
        (lambda: utils.set_random_seed(2**32), ArgumentError, "seed"),
        (lambda: utils.set_random_seed(1.0), DataTypeError, "seed"),
        (lambda: utils.to_categorical([0, 3], 3), DataError, "got 3 at row 1"),
        (lambda: utils.to_categorical([0, -1]), DataError, "got -1 at row 1"),
        (lambda: utils.to_categorical([0.5]), DataError, "got 0.5 at row 0"),
        (lambda: utils.to_categorical([np.nan]), DataError, "got nan at row 0"),
        (lambda: utils.to_categorical([[0, 1]]), ShapeError, "x"),
        (lambda: utils.to_categorical(["a"]), DataTypeError, "x"),
        (lambda: utils.to_categorical([0], 2.5), DataTypeError, "num_classes"),
    ],
)
def test_descriptions_refused(make, error, word):
    with pytest.raises(error, match=word):
        make()


def test_learning_rate_set_to_nonsense_stays_as_it_was():
    model = model_for()
    for value in (-1, np.nan, "a"):
        with pytest.raises((ArgumentError, DataTypeError), match="learning_rate"):
            model.optimizer.learning_rate = value
    assert model.optimizer.learning_rate == 0.01


def test_errors_are_of_the_builtin_types_too():
    for error, builtin in ((ShapeError, ValueError), (DataTypeError, TypeError),
                           (UnknownNameError, ValueError)):  # fmt: skip
        assert issubclass(error, builtin)
    with pytest.raises(ValueError, match="columns"):
        model_for().predict(X[:, :2])


@pytest.mark.parametrize("bad", [None, 2, np.zeros(2), 0.5])
def test_shuffle_is_true_or_false_or_a_word(bad):
    refused(model_for(), DataTypeError, ["shuffle"], lambda m: m.fit(X, Y, shuffle=bad))


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"print_fn": 1.0}, DataTypeError, "print_fn: expected a function, got 1.0"),
        ({"print_fn": []}, DataTypeError, "print_fn: expected a function"),
        ({"layer_range": True}, ArgumentError, "layer_range: expected two names"),
        ({"layer_range": 2**63}, ArgumentError, "layer_range: expected two names"),
        ({"layer_range": iter([])}, ArgumentError, "layer_range: expected two names"),
        ({"layer_range": [np.zeros(2), "x"]}, ArgumentError, "layer_range: expected two names"),
    ],
)
def test_summaries_refused(arguments, error, words):
    with pytest.raises(error, match=words):
        model_for().summary(**arguments)


@pytest.mark.parametrize("method", ["evaluate", "train_on_batch", "test_on_batch"])
@pytest.mark.parametrize("bad", [np.zeros(2), "yes", None])
def test_return_dict_is_true_or_false(method, bad):
    model = model_for()
    before = model.get_weights()
    with pytest.raises(DataTypeError, match="return_dict: expected True or False"):
        getattr(model, method)(X, Y, return_dict=bad)
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


@pytest.mark.parametrize("bad", [np.zeros(2), "yes"])
def test_training_is_true_or_false(bad):
    model = model_for()
    for call in (model, model.layers[0]):
        with pytest.raises(DataTypeError, match="training: expected True or False"):
            call(X, training=bad)
        np.testing.assert_array_equal(call(X, training=None), call(X))


@pytest.mark.parametrize(
    "call",
    [
        lambda model: model.fit(X, Y, callbacks=3, verbose=0),
        lambda model: model.evaluate(X, Y, callbacks=3, verbose=0),
        lambda model: model.predict(X, callbacks=3),
        lambda model: model.predict(X, rows=[10**6]),
        lambda model: model.predict(np.array(0.8), rows=[1.0]),
        lambda model: model.evaluate(X, Y, return_dict=3, verbose=0),
        lambda model: model.train_on_batch(X, Y, class_weight=np.zeros(2)),
        lambda model: model.learn_one([[1.0], [1.0, 2.0]], 1.0),
        lambda model: model.learn_one(X[0], [[1.0], [1.0, 2.0]]),
    ],
)
def test_a_refused_call_builds_no_model(call):
    model = Sequential([layers.Dense(1)])
    model.compile("sgd", "mse")
    with pytest.raises(FastgdError):
        call(model)
    assert not model.built


def test_rows_of_what_has_none():
    model = model_for()
    with pytest.raises(DataError, match="rows: x has no rows"):
        model.predict(np.array(0.8), rows=np.array([1, 2]))


def test_more_steps_than_batches_end_with_the_data():
    model = Sequential([layers.Dense(1, input_shape=(3,))])
    with pytest.warns(UserWarning, match="the data ended after 3 of 2147483648 steps"):
        found = model.predict(np.ones((5, 3)), batch_size=2, steps=2**31)
    assert found.shape == (5, 1)
