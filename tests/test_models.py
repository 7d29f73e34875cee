"""The model: how it is put together, and what it tells about itself."""

import numpy as np
import pytest
from problems import network, regression

import fastgd
from fastgd import Sequential, layers, losses, metrics, optimizers, utils
from fastgd.errors import ArgumentError, DataTypeError, NotBuiltError, ShapeError


def sizes(model):
    return [v.shape for v in model.weights]


# --- put together ----------------------------------------------------------------------------


def test_ways_to_say_the_input_width():
    expected = [(4, 3), (3,), (3, 1), (1,)]
    rest = layers.Dense(1)
    assert sizes(Sequential([layers.Input(shape=(4,)), layers.Dense(3), rest])) == expected
    assert sizes(Sequential([fastgd.Input((4,)), layers.Dense(3), layers.Dense(1)])) == expected
    assert sizes(Sequential([layers.Dense(3, input_shape=(4,)), layers.Dense(1)])) == expected
    assert sizes(Sequential([layers.Dense(3, input_dim=4), layers.Dense(1)])) == expected


def test_add_is_a_list():
    model = Sequential()
    model.add(layers.Input((4,)))
    model.add(layers.Dense(3, activation="relu"))
    model.add(layers.Activation("tanh"))
    model.add(layers.Dense(2))
    assert sizes(model) == [(4, 3), (3,), (3, 2), (2,)]
    assert [layer.name for layer in model.layers] == ["dense", "activation", "dense_1"]
    assert (model.input_shape, model.output_shape) == ((None, 4), (None, 2))
    assert model.count_params() == 4 * 3 + 3 + 3 * 2 + 2


def test_add_keeps_the_weights_there_are_and_the_compilation():
    model = Sequential([layers.Input((3,)), layers.Dense(2)])
    model.compile("sgd", "mse")
    before = model.get_weights()
    model.add(layers.Dense(4))
    for old, new in zip(before, model.get_weights(), strict=False):
        np.testing.assert_array_equal(new, old)
    x, _ = regression(8)
    assert np.isfinite(model.train_on_batch(x, np.ones((8, 4))))
    assert np.shares_memory(model.layers[0].kernel, model.parameters)


@pytest.mark.parametrize("name", ["relu", "sigmoid", "tanh", "softmax"])
def test_added_activation_takes_effect(engine, name):
    model = Sequential([layers.Input((3,)), layers.Dense(4)])
    x, _ = regression(5)
    z = model.predict(x)
    model.add(layers.Activation(name))
    e = np.exp(z)
    expected = {
        "relu": np.maximum(z, 0),
        "sigmoid": e / (1 + e),
        "tanh": np.tanh(z),
        "softmax": e / e.sum(axis=1, keepdims=True),
    }[name]
    np.testing.assert_allclose(model.predict(x), expected, rtol=1e-5)
    model.compile("sgd", "mse")
    expected = np.mean(expected.astype(np.float64) ** 2)
    loss = model.evaluate(x, np.zeros((5, 4)), verbose=0)
    assert loss == pytest.approx(expected, rel=1e-5)


def test_model_of_an_activation_alone(engine):
    model = Sequential([layers.Input((3,)), layers.Activation("softmax")])
    model.compile("sgd", "categorical_crossentropy")
    x = np.log([[1.0, 2.0, 5.0]])
    np.testing.assert_allclose(model.predict(x), [[0.125, 0.25, 0.625]], rtol=1e-6)
    loss = model.evaluate(x, [[0, 0, 1]], verbose=0)
    assert loss == pytest.approx(-np.log(0.625), rel=1e-6)


def test_names_count_up_and_clash_with_none():
    model = Sequential([layers.Dense(1), layers.Dense(1, name="out"), layers.Dense(1)])
    assert [layer.name for layer in model.layers] == ["dense", "out", "dense_1"]
    assert (model.name, Sequential().name) == ("sequential", "sequential_1")
    assert Sequential(name="mine").name == "mine"
    with pytest.raises(ArgumentError, match="'out'"):
        model.add(layers.Dense(1, name="out"))
    assert len(model.layers) == 3


def test_what_is_no_layer_is_refused():
    model = Sequential([layers.Dense(2)])
    with pytest.raises(DataTypeError, match=r"layer.*'dense'"):
        model.add("dense")
    with pytest.raises(ArgumentError, match="first"):
        model.add(layers.Input((2,)))
    with pytest.raises(DataTypeError, match="layers: expected a list"):
        Sequential(layers.Dense(1))
    assert len(model.layers) == 1


def test_metrics_of_one_name_are_told_apart():
    model = Sequential([layers.Input((4,)), layers.Dense(1)])
    mine = metrics.MeanSquaredError(name="loss")
    chosen = ["mae", mine, metrics.MeanAbsoluteError(name="mae"), "mae"]
    model.compile("sgd", "mse", metrics=chosen)
    assert model.metrics_names == ["loss", "mae", "loss_1", "mae_1", "mae_2"]
    x, y = regression(10, 4)
    found = model.evaluate(x, y, verbose=0, return_dict=True)
    assert found["mae"] == found["mae_1"] == found["mae_2"]
    assert found["loss_1"] == pytest.approx(found["loss"], rel=1e-12)
    assert list(found) == model.metrics_names


def test_compiled_and_reset_metrics():
    model = Sequential([layers.Input((4,)), layers.Dense(1)])
    assert not model.compiled
    model.compile("sgd", "mse")
    x, y = regression(10, 4)
    before = model.evaluate(x, y, verbose=0)
    model.reset_metrics()
    assert model.compiled and model.evaluate(x, y, verbose=0) == before


@pytest.mark.parametrize(
    "how", ["fit", "train_on_batch", "evaluate", "predict", "batches", "call", "build", "tape"]
)
def test_deferred_build(engine, how):
    x, y = regression(10, 4)
    model = Sequential([layers.Dense(3, activation="relu"), layers.Dense(1)])
    model.compile("sgd", "mse")
    assert not model.built
    assert model.layers[0].kernel is None
    with pytest.raises(NotBuiltError, match="'sequential'"):
        _ = model.weights
    with pytest.raises(ShapeError):
        model.predict(x[0])
    assert not model.built
    if how == "fit":
        model.fit(x, y, verbose=0)
    elif how == "evaluate":
        model.evaluate(x, y, verbose=0)
    elif how == "predict":
        assert model.predict(x).shape == (10, 1)
    elif how == "batches":
        assert model.predict(iter([(x[:4],), (x[4:],)])).shape == (10, 1)
    elif how == "train_on_batch":
        model.train_on_batch(x, y)
    elif how == "build":
        model.build((None, 4))
    elif how == "tape":
        with fastgd.GradientTape() as tape:
            out = model(x)
        assert tape.gradient(out, model.weights[-1]) == pytest.approx([10])
    else:
        model(x)
    assert model.built
    assert sizes(model) == [(4, 3), (3,), (3, 1), (1,)]


def test_build_takes_rows_or_a_row():
    for shape in ((None, 4), [None, 4], (4,), 4, (32, 4)):
        model = Sequential([layers.Dense(3)])
        model.build(shape)
        assert model.input_shape == (None, 4)


@pytest.mark.parametrize("shape", [(None, 3, 4), (), (None, None), (None, 0), "a", (4.5,)])
def test_build_refuses_other_shapes(shape):
    model = Sequential([layers.Dense(3)])
    with pytest.raises(ShapeError, match="input_shape"):
        model.build(shape)
    assert not model.built


def test_build_refuses_what_the_first_layer_contradicts():
    model = Sequential([layers.Dense(3, input_shape=(4,), name="first")])
    before = model.get_weights()
    with pytest.raises(ShapeError, match=r"'first' expects \(None, 4\)"):
        model.build((None, 5))
    model.build((None, 4))
    np.testing.assert_array_equal(model.get_weights()[0], before[0])
    with pytest.raises(NotBuiltError, match="no layers"):
        Sequential().build((None, 4))
    with pytest.raises(NotBuiltError, match="input_shape"):
        Sequential([layers.Dense(1)]).build()


# --- compile ---------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:.*takes probabilities, but the output layer is linear")
@pytest.mark.parametrize(
    ("loss", "outputs", "expected"),
    [
        ("mse", 1, metrics.BinaryAccuracy),
        ("binary_crossentropy", 1, metrics.BinaryAccuracy),
        ("categorical_crossentropy", 3, metrics.CategoricalAccuracy),
        ("sparse_categorical_crossentropy", 3, metrics.SparseCategoricalAccuracy),
    ],
)
@pytest.mark.parametrize("word", ["accuracy", "acc"])
@pytest.mark.parametrize("deferred", [False, True])
def test_accuracy_is_the_one_for_loss_and_output(loss, outputs, expected, word, deferred):
    model = Sequential([layers.Dense(outputs, input_shape=None if deferred else (3,))])
    model.compile("sgd", loss, metrics=[word])
    model.build((None, 3))
    assert type(model.metrics[0]) is expected
    assert model.metrics_names == ["loss", word]


def test_compile_takes_names_objects_classes_and_functions():
    model = network()
    sgd = optimizers.SGD(0.5)
    model.compile(sgd, losses.MeanAbsoluteError())
    assert model.optimizer is sgd
    for loss in ("mae", "MAE", "mean_absolute_error", "MeanAbsoluteError",
                 losses.mean_absolute_error, losses.MeanAbsoluteError):  # fmt: skip
        model.compile("Adam", loss, metrics="mse")
        assert type(model.loss) is losses.MeanAbsoluteError
        assert type(model.optimizer) is optimizers.Adam
    model.compile()
    assert type(model.optimizer) is optimizers.RMSprop
    assert model.loss is None
    model.compile(optimizers.SGD, "mse", metrics=metrics.MeanAbsoluteError(name="error"))
    assert model.metrics_names == ["loss", "error"]


@pytest.mark.parametrize("deferred", [False, True])
def test_logits_twice_is_warned_about(deferred):
    model = Sequential([layers.Dense(1, activation="sigmoid")])
    loss = losses.BinaryCrossentropy(from_logits=True)
    if deferred:
        model.compile("sgd", loss)
        with pytest.warns(UserWarning, match="binary_crossentropy takes logits") as caught:
            model.fit(np.ones((4, 2)), np.ones(4), verbose=0)
    else:
        model.build((None, 2))
        with pytest.warns(UserWarning, match="binary_crossentropy takes logits") as caught:
            model.compile("sgd", loss)
    assert caught[0].filename == __file__


@pytest.mark.parametrize("built", ["before", "explicitly", "by fit"])
@pytest.mark.parametrize(
    ("layer", "loss", "message"),
    [
        (layers.Dense(1), "binary_crossentropy", "binary_crossentropy takes prob.*'sigmoid'"),
        (layers.Dense(1), losses.BinaryFocalCrossentropy(), "takes probabilities.*'sigmoid'"),
        (layers.Dense(3), "categorical_crossentropy", "takes prob.*linear.*'softmax'"),
        (layers.Dense(3), "sparse_categorical_crossentropy", "from_logits=True"),
        (layers.Dense(1, activation="softmax"), "binary_crossentropy", "one unit is always 1"),
        (layers.Dense(1, activation="softmax"), "mse", "one unit is always 1"),
    ],
)
def test_an_activation_that_does_not_fit_the_loss_is_warned_about_once(
    layer, loss, message, built
):
    model = Sequential([type(layer).from_config(layer.get_config())])
    y = np.eye(4, layer.units) if loss == "categorical_crossentropy" else np.ones(4)

    def use():
        if built == "before":
            model.build((None, 2))
        model.compile("sgd", loss)
        if built == "explicitly":
            model.build((None, 2))
        model.fit(np.ones((4, 2)), y, verbose=0)
        model.fit(np.ones((4, 2)), y, verbose=0)
        model.evaluate(np.ones((4, 2)), y, verbose=0)

    with pytest.warns(UserWarning, match=message) as caught:
        use()
    assert [one.filename for one in caught] == [__file__]


@pytest.mark.parametrize(
    ("last", "loss"),
    [
        (layers.Dense(1), losses.BinaryCrossentropy(from_logits=True)),
        (layers.Dense(1), "mse"),
        (layers.Dense(1, activation="relu"), "binary_crossentropy"),
        (layers.Dense(1, activation="sigmoid"), "binary_crossentropy"),
        (layers.Dense(2, activation="softmax"), "binary_crossentropy"),
        (layers.Rescaling(0.5), "binary_crossentropy"),  # its outputs may be probabilities
    ],
)
def test_activations_that_may_fit_the_loss_are_not_warned_about(last, loss):
    model = Sequential([layers.Dense(1, input_shape=(2,)), last])
    model.compile("sgd", loss)  # a warning is an error
    width = model.output_shape[1]
    assert np.isfinite(model.train_on_batch(np.zeros((4, 2)), np.zeros((4, width))))


# --- summary ---------------------------------------------------------------------------------


def test_summary():
    model = Sequential([layers.Input((10,)), layers.Dense(200), layers.Dense(1)], name="small")
    lines = []
    model.summary(print_fn=lines.append)
    (text,) = lines
    for part in ('Model: "small"', "dense (Dense)", "(None, 200)", "2,200", "201",
                 "Total params: 2,401 (9.38 KiB, float32)"):  # fmt: skip
        assert part in text
    rows = text.splitlines()
    assert len({len(row) for row in rows[1:-3]}) == 1


def test_summary_before_building(capsys):
    Sequential([layers.Dense(3)]).summary()
    text = capsys.readouterr().out
    assert "0 (unbuilt)" in text
    assert text.endswith("Total params: 0\n")


def test_repr_and_config():
    assert repr(network()) == "<Sequential sequential, built=True>"
    layer = layers.Dense(3, activation="relu", name="a")
    assert layer.get_config()["units"] == 3
    assert layer.get_config()["activation"] == "relu"
    assert layers.Activation("tanh").get_config()["activation"] == "tanh"


# --- helpers ---------------------------------------------------------------------------------


def test_set_random_seed_seeds_everything():
    import random

    def draw():
        utils.set_random_seed(11)
        legacy = np.random.random()  # noqa: NPY002 - it is what Keras seeds
        return random.random(), legacy, network().parameters.tobytes()

    first = draw()
    network()
    assert draw() == first


def test_models_differ_from_each_other():
    assert (network().parameters != network().parameters).any()


@pytest.mark.parametrize("labels", [[0, 2, 1], [[0], [2], [1]], np.array([0, 2, 1], np.uint8)])
def test_to_categorical(labels):
    expected = [[1, 0, 0], [0, 0, 1], [0, 1, 0]]
    assert utils.to_categorical(labels).tolist() == expected
    assert utils.to_categorical(labels, 5).shape == (3, 5)
    assert utils.to_categorical([True, False]).tolist() == [[0, 1], [1, 0]]


def test_a_layer_of_two_models_has_the_same_weights_in_both():
    x, y = regression(10, 3)
    layer = layers.Dense(2, input_shape=(3,))
    first = Sequential([layer])
    before = first.predict(x)
    second = Sequential([layer, layers.Dense(1)])
    np.testing.assert_array_equal(first.predict(x), before)
    second.compile("sgd", "mse")
    second.fit(x, y, verbose=0)
    assert (first.predict(x) != before).any()
    np.testing.assert_allclose(first.predict(x), x @ layer.kernel + layer.bias, rtol=1e-5)
    assert np.shares_memory(first.parameters, second.parameters)
    assert first.count_params() == first.parameters.size == 8
