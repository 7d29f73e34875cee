"""What fit, evaluate and the batch functions return, and which data they take."""

import numpy as np
import pytest
from problems import compiled, data, network, regression

from fastgd import Sequential, layers, optimizers, utils
from fastgd.callbacks import History


def test_history(engine):
    x, y = regression(50)
    model = network()
    model.compile("sgd", "mse", metrics=["mae"])
    history = model.fit(x, y, epochs=3, batch_size=20, verbose=0, validation_split=0.2)
    assert isinstance(history, History)
    assert model.history is history
    assert history.model is model
    assert history.epoch == [0, 1, 2]
    assert list(history.history) == ["loss", "mae", "val_loss", "val_mae"]
    assert all(len(v) == 3 and type(v[0]) is float for v in history.history.values())
    assert history.params == {"epochs": 3, "steps": 2, "verbose": 0}


def test_initial_epoch():
    x, y = regression(20)
    model = network()
    model.compile("sgd", "mse")
    assert model.fit(x, y, epochs=5, initial_epoch=3, verbose=0).epoch == [3, 4]
    assert model.fit(x, y, epochs=3, initial_epoch=3, verbose=0).epoch == []
    assert model.optimizer.iterations == 2
    assert model.history.history == {}


def test_fit_goes_on_where_it_stopped(engine):
    x, y = regression(40)
    found = []
    for parts in ([4], [1, 3]):
        utils.set_random_seed(1)
        model = network()
        model.compile("adam", "mse")
        for epochs in parts:
            model.fit(x, y, epochs=epochs, verbose=0)
        found.append(model.parameters.tobytes())
    assert found[0] == found[1]


def test_validation_split_holds_out_the_last_rows(engine):
    x, y = regression(50)
    found = []
    for how in ("split", "data", "both"):
        utils.set_random_seed(1)
        model = network()
        model.compile("sgd", "mse", metrics=["mae"])
        held_out = (x[40:], y[40:])
        if how == "split":
            history = model.fit(x, y, verbose=0, epochs=2, validation_split=0.2)
        else:
            share = 0.5 if how == "both" else 0.0
            history = model.fit(
                x[:40], y[:40], verbose=0, epochs=2, validation_data=held_out,
                validation_split=share,
            )  # fmt: skip
        figures = model.evaluate(*held_out, verbose=0, return_dict=True)
        assert history.history["val_loss"][-1] == figures["loss"]
        assert history.history["val_mae"][-1] == figures["mae"]
        found.append((model.parameters.tobytes(), history.history))
    assert found[0] == found[1] == found[2]


def test_validation_does_not_train(engine):
    x, y = regression(30)
    model = network()
    model.compile(optimizers.SGD(0.0), "mse")
    before = model.parameters.tobytes()
    model.fit(x, y, verbose=0, validation_data=[x, y])
    model.evaluate(x, y, verbose=0)
    model.test_on_batch(x, y)
    model.value_and_grad(x, y)
    assert model.parameters.tobytes() == before
    assert model.optimizer.iterations == 1


def test_evaluate_against_the_formulas(engine):
    x, y = regression(33, dtype="float64")
    model = network(dtype="float64")
    model.compile("sgd", "mse", metrics=["mae"])
    difference = model.predict(x) - y
    mse, mae = np.mean(difference**2), np.mean(abs(difference))
    assert model.evaluate(x, y, verbose=0) == pytest.approx([mse, mae], rel=1e-12)
    named = model.evaluate(x, y, verbose=0, return_dict=True)
    assert named == pytest.approx({"loss": mse, "mae": mae}, rel=1e-12)
    assert model.test_on_batch(x, y) == pytest.approx([mse, mae], rel=1e-12)
    assert model.test_on_batch(x, y, return_dict=True) == named
    assert model.value_and_grad(x, y)[0] == pytest.approx(mse, rel=1e-12)
    model.compile("sgd", "mse")
    loss = model.evaluate(x, y, verbose=0)
    assert type(loss) is float
    assert loss == pytest.approx(mse, rel=1e-12)
    assert model.evaluate(x, y, verbose=0, return_dict=True) == {"loss": loss}


@pytest.mark.parametrize("case", ["mse", "bce fused", "sparse fused"])
def test_evaluate_is_independent_of_the_batch_size(engine, case):
    x, y = data(case, 517)
    model = compiled(case, metrics=["accuracy"])
    expected = model.evaluate(x, y, verbose=0)
    for batch_size in (1, 7, 128, 517, 1000, None):
        assert model.evaluate(x, y, batch_size=batch_size, verbose=0) == expected


def test_train_on_batch_returns_the_figures_before_the_step(engine):
    x, y = regression(16)
    model = network()
    model.compile(optimizers.SGD(0.1), "mse", metrics=["mae"])
    before = model.evaluate(x, y, verbose=0)
    assert model.train_on_batch(x, y) == pytest.approx(before, rel=1e-6)
    after = model.evaluate(x, y, verbose=0, return_dict=True)
    assert after["loss"] < before[0]
    assert model.train_on_batch(x, y, return_dict=True) == pytest.approx(after, rel=1e-6)
    model.compile("sgd", "mse")
    assert type(model.train_on_batch(x, y)) is float


def test_targets_in_one_dimension_are_a_column(engine):
    x, y = regression(40)
    found = []
    for targets in (y, y[:, 0]):
        utils.set_random_seed(1)
        model = network()
        model.compile("sgd", "mse")
        history = model.fit(x, targets, verbose=0)
        found.append((history.history, model.parameters.tobytes()))
        # broadcast to (n, n) the loss would be another one
        expected = np.mean((model.predict(x) - y) ** 2)
        assert model.evaluate(x, targets, verbose=0) == pytest.approx(expected, rel=1e-5)
    assert found[0] == found[1]


def test_features_in_one_dimension_are_a_column():
    x = np.linspace(-1, 1, 9)
    model = network((), 1)
    np.testing.assert_array_equal(model.predict(x), model.predict(x[:, None]))


def test_sparse_and_one_hot_targets_are_the_same_loss(engine):
    x, labels = data("sparse fused", 60, "float64")
    found = []
    for case, y in (
        ("sparse fused", labels),
        ("sparse fused", labels[:, 0].astype(int)),
        ("cce fused", utils.to_categorical(labels)),
    ):
        utils.set_random_seed(1)
        model = compiled(case, "float64", metrics=["accuracy"])
        history = model.fit(x, y, epochs=3, verbose=0)
        found.append((history.history["loss"][-1], model.evaluate(x, y, verbose=0)[1]))
    expected = np.mean(model.predict(x).argmax(axis=1) == labels[:, 0])
    assert found[0] == found[1]
    assert found[0] == pytest.approx(found[2], rel=1e-12)
    assert found[0][1] == pytest.approx(expected, rel=1e-12)


def test_fused_loss_is_finite_for_any_logits(engine):
    model = Sequential([layers.Input((1,)), layers.Dense(1, activation="sigmoid")])
    model.compile("sgd", "binary_crossentropy")
    model.set_weights([np.ones((1, 1)), np.zeros(1)])
    # -log(1 - sigmoid(1000)) = 1000
    assert model.evaluate([[1000.0]], [0], verbose=0) == pytest.approx(1000)
    assert model.evaluate([[1000.0]], [1], verbose=0) == 0


def test_two_models_share_an_optimizer():
    x, y = regression(32)
    optimizer = optimizers.Adam(0.01)
    models = [network(), network(((3, "relu"),))]
    for model in models:
        model.compile(optimizer, "mse")
        model.fit(x, y, epochs=2, verbose=0)
    assert optimizer.iterations == 4


def test_learning_rate_may_be_set_between_fits(engine):
    x, y = regression(32)
    model = network()
    model.compile(optimizers.SGD(0.1), "mse")
    model.optimizer.learning_rate = 0.0
    before = model.parameters.tobytes()
    model.fit(x, y, verbose=0)
    assert model.parameters.tobytes() == before
    model.optimizer.learning_rate = 0.1
    model.fit(x, y, verbose=0)
    assert model.parameters.tobytes() != before
