"""Weights of rows and classes: what they do to losses, metrics and steps."""

import numpy as np
import pytest
from problems import CASES, compiled, data, network, regression
from refusals import refused

from fastgd import optimizers, utils
from fastgd.errors import ArgumentError, DataError, DataTypeError, ShapeError

WEIGHTED = ["mse", "mae", "bce fused", "cce fused", "cce logits", "sparse fused"]


def weights_for(rows, seed=0):
    return np.random.default_rng(seed).integers(0, 4, rows).astype(float)


@pytest.mark.parametrize("case", WEIGHTED)
def test_a_step_is_that_of_rows_taken_so_often(engine, case):
    """The loss is sum(w l) / n: over rows that are repeated, the mean times sum(w) / n."""
    x, y = data(case, 24, "float64")
    weights = weights_for(24)
    found = []
    for repeated in (False, True):
        utils.set_random_seed(1)
        scale = weights.sum() / len(x) if repeated else 1.0
        model = compiled(case, "float64", optimizers.SGD(0.1 * scale))
        if repeated:
            often = np.repeat(np.arange(24), weights.astype(int))
            loss = model.train_on_batch(x[often], y[often]) * scale
        else:
            loss = model.train_on_batch(x, y, weights)
        found.append((loss, np.array(model.parameters)))
    assert found[0][0] == pytest.approx(found[1][0], rel=1e-12)
    np.testing.assert_allclose(found[0][1], found[1][1], rtol=1e-12, atol=1e-15)


def test_rows_without_weight_change_nothing(engine):
    x, y = regression(30, dtype="float64")
    weights = np.zeros(30)
    weights[:20] = 1
    wild = y.copy()
    wild[20:] = 1e6
    found = []
    for targets in (y, wild):
        utils.set_random_seed(1)
        model = network(dtype="float64")
        model.compile("adam", "mse", weighted_metrics=["mae"])
        history = model.fit(x, targets, sample_weight=weights, epochs=3, verbose=0)
        found.append((history.history, model.parameters.tobytes()))
    assert found[0] == found[1]


def test_figures_of_weighted_rows(engine):
    x, y = regression(30, dtype="float64")
    weights = weights_for(30)
    model = network(dtype="float64")
    model.compile("sgd", "mse", metrics=["mae"], weighted_metrics=["mae", "mse"])
    error = (model.predict(x) - y)[:, 0]
    expected = {
        "loss": np.mean(weights * error**2),
        "mae": np.mean(abs(error)),
        "weighted_mae": np.average(abs(error), weights=weights),
        "mse": np.average(error**2, weights=weights),
    }
    assert model.metrics_names == list(expected)
    found = model.evaluate(x, y, sample_weight=weights, verbose=0, return_dict=True)
    assert found == pytest.approx(expected, rel=1e-12)
    assert list(found) == list(expected)
    batch = model.test_on_batch(x, y, weights, return_dict=True)
    assert batch == pytest.approx(expected, rel=1e-12)
    history = model.fit(
        x, y, sample_weight=weights, verbose=0, batch_size=30, epochs=1,
        validation_data=(x[:12], y[:12], weights[:12]),
    )  # fmt: skip
    assert {k: v[0] for k, v in history.history.items() if k in expected} == pytest.approx(
        expected, rel=1e-12
    )
    error = (model.predict(x[:12]) - y[:12])[:, 0]
    assert history.history["val_loss"][0] == pytest.approx(
        np.mean(weights[:12] * error**2), rel=1e-12
    )
    plain = model.evaluate(x, y, verbose=0, return_dict=True)
    assert plain["mae"] == plain["weighted_mae"]


def test_validation_may_have_weights_where_training_has_none(engine):
    x, y = regression(30)
    weights = weights_for(30)
    found = []
    for validation in ((x, y, weights), [x, y, weights[:, None]], (x, y)):
        utils.set_random_seed(1)
        model = network()
        model.compile("sgd", "mse")
        history = model.fit(x, y, verbose=0, validation_data=validation)
        found.append((history.history["loss"], history.history["val_loss"]))
    assert found[0] == found[1]
    assert found[0][0] == found[2][0]
    assert found[0][1] != found[2][1]
    expected = model.evaluate(x, y, sample_weight=weights, verbose=0)
    assert found[0][1] == [expected]


def test_validation_split_takes_weights_along(engine):
    x, y = regression(40)
    weights = weights_for(40)
    found = []
    for arguments in (
        {"x": x, "y": y, "sample_weight": weights, "validation_split": 0.25},
        {"x": x[:30], "y": y[:30], "sample_weight": weights[:30],
         "validation_data": (x[30:], y[30:], weights[30:])},
    ):  # fmt: skip
        utils.set_random_seed(1)
        model = network()
        model.compile("adam", "mse")
        found.append(model.fit(**arguments, epochs=2, verbose=0).history)
    assert found[0] == found[1]


# --- classes ---------------------------------------------------------------------------------

CLASS_WEIGHT = {0: 0.5, 2: 3.0}


@pytest.mark.parametrize("case", ["sparse fused", "cce fused", "cce sigmoid", "bce logits"])
def test_class_weight_is_a_weight_of_rows(engine, case):
    x, y = data(case, 40, "float64")
    if case == "bce logits":
        class_weight = {0: 0.25, 1: 4.0}
        labels = y[:, 0].astype(int)
    else:
        class_weight = CLASS_WEIGHT
        labels = y[:, 0].astype(int) if CASES[case].targets == "class" else y.argmax(axis=1)
    by_hand = np.array([class_weight.get(label, 1.0) for label in labels])
    others = weights_for(40)
    found = []
    for arguments in (
        {"class_weight": class_weight},
        {"sample_weight": by_hand},
        {"class_weight": class_weight, "sample_weight": others},
        {"sample_weight": by_hand * others},
    ):
        utils.set_random_seed(1)
        model = compiled(case, "float64")
        history = model.fit(x, y, batch_size=16, epochs=2, verbose=0, **arguments)
        batch = model.train_on_batch(x, y, **arguments)
        found.append((history.history, batch, model.parameters.tobytes()))
    assert found[0] == found[1]
    assert found[2] == found[3]
    assert found[0] != found[2]


def test_class_weight_does_not_weigh_the_validation(engine):
    x, y = data("sparse fused", 40)
    model = compiled("sparse fused")
    history = model.fit(x, y, verbose=0, validation_data=(x, y), class_weight=CLASS_WEIGHT)
    assert history.history["val_loss"][0] == model.evaluate(x, y, verbose=0)


# --- what is refused -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"sample_weight": [1.0] * 29}, ShapeError, ["sample_weight", "30 rows", "(29,)"]),
        ({"sample_weight": np.ones((30, 2))}, ShapeError, ["sample_weight", "(30, 2)"]),
        (
            {"sample_weight": [1.0] * 7 + [-2.0] * 23},
            DataError,
            ["sample_weight", "-2", "row 7"],
        ),
        ({"sample_weight": [1.0] * 9 + [np.nan] * 21}, DataError, ["sample_weight", "row 9"]),
        ({"sample_weight": ["a"] * 30}, DataTypeError, ["sample_weight"]),
        ({"class_weight": [1, 2]}, DataTypeError, ["class_weight", "dict"]),
        ({"class_weight": {"a": 1.0}}, DataTypeError, ["class_weight", "'a'"]),
        ({"class_weight": {0: "b"}}, DataTypeError, ["class_weight", "class 0", "'b'"]),
        ({"class_weight": {0: -1.0}}, ArgumentError, ["class_weight", "-1"]),
        ({"class_weight": {-1: 1.0}}, ArgumentError, ["class_weight", "-1"]),
        ({"class_weight": {3: 1.0}}, ArgumentError, ["class_weight", "3 classes", "class 3"]),
    ],
)
@pytest.mark.parametrize("method", ["fit", "train_on_batch"])
def test_weights_that_are_refused(method, arguments, error, words):
    x, y = data("sparse fused", 30)
    model = compiled("sparse fused")
    extra = {"verbose": 0} if method == "fit" else {}
    refused(model, error, words, lambda m: getattr(m, method)(x, y, **arguments, **extra))


def test_weights_of_a_validation_that_are_refused():
    x, y = regression(30)
    model = network()
    model.compile("sgd", "mse")
    bad = (x, y, -np.ones(30))
    words = ["validation sample_weight", "row 0"]
    refused(model, DataError, words, lambda m: m.fit(x, y, validation_data=bad, verbose=0))


# --- the weight of the loss ------------------------------------------------------------------


def test_loss_weights(engine):
    x, y = regression(20, dtype="float64")
    found = []
    for loss_weights, rate in ((None, 0.3), (3.0, 0.1), ([3.0], 0.1)):
        utils.set_random_seed(1)
        model = network(dtype="float64")
        model.compile(optimizers.SGD(rate), "mse", loss_weights=loss_weights)
        factor = 1 if loss_weights is None else 3
        found.append((model.train_on_batch(x, y) / factor, np.array(model.parameters)))
    for loss, parameters in found[1:]:
        assert loss == pytest.approx(found[0][0], rel=1e-14)
        np.testing.assert_allclose(parameters, found[0][1], rtol=1e-13)


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"loss_weights": [1, 2]}, ArgumentError, ["loss_weights", "one output"]),
        ({"loss_weights": "a"}, DataTypeError, ["loss_weights", "'a'"]),
        ({"weighted_metrics": 5}, DataTypeError, ["weighted_metrics", "5"]),
        ({"run_eagerly": "yes"}, DataTypeError, ["run_eagerly", "'yes'"]),
        ({"steps_per_execution": 0}, ArgumentError, ["steps_per_execution", "0"]),
        ({"jit_compile": "never"}, DataTypeError, ["jit_compile", "'never'"]),
        ({"auto_scale_loss": 3}, DataTypeError, ["auto_scale_loss", "3"]),
    ],
)
def test_arguments_of_compile_refused(arguments, error, words):
    model = network()
    model.compile("sgd", "mse")
    refused(model, error, words, lambda m: m.compile("adam", "mse", **arguments))


def test_arguments_of_compile_that_are_taken_as_in_keras():
    model = network()
    model.compile("sgd", "mse", None, ["mae"], None, True, 10, False, True)
    assert model.run_eagerly
    assert model.metrics_names == ["loss", "mae"]


# --- balanced, and warnings ------------------------------------------------------------------


@pytest.mark.parametrize("case", ["sparse fused", "cce fused", "bce logits"])
def test_balanced_is_rows_by_classes_and_count(engine, case):
    x, y = data(case, 40, "float64")
    several = case != "bce logits"
    labels = y.argmax(axis=1) if y.shape[1] > 1 else y[:, 0].astype(int)
    counts = np.array([(labels == label).sum() for label in range(3 if several else 2)])
    assert counts.min() > 0
    by_hand = (40 / (len(counts) * counts))[labels]
    others = weights_for(40)
    weighed = np.array([others[labels == label].sum() for label in range(len(counts))])
    both = (others.sum() / (len(counts) * weighed))[labels] * others
    chosen = np.arange(3, 30)
    part = np.array([(labels[chosen] == label).sum() for label in range(len(counts))])
    of_part = np.zeros(40)
    of_part[chosen] = (27 / (len(counts) * part))[labels[chosen]]
    for given, expected in (
        ({}, {"sample_weight": by_hand}),
        ({"sample_weight": others}, {"sample_weight": both}),
        ({"rows": chosen}, {"sample_weight": of_part, "rows": chosen}),
    ):
        found = []
        for arguments in ({"class_weight": "balanced", **given}, expected):
            utils.set_random_seed(1)
            model = compiled(case, "float64")
            model.fit(x, y, batch_size=16, epochs=2, verbose=0, **arguments)
            found.append(np.array(model.parameters))
        np.testing.assert_allclose(*found, rtol=1e-12)


def test_balanced_is_scikit_learns():
    weight = pytest.importorskip("sklearn.utils.class_weight")
    x, y = data("sparse fused", 40, "float64")
    y = y[y[:, 0] != 1]  # a class that is not there does not count
    x = x[: len(y)]
    found = []
    for arguments in (
        {"class_weight": "balanced"},
        {"sample_weight": weight.compute_sample_weight("balanced", y[:, 0])},
    ):
        utils.set_random_seed(1)
        model = compiled("sparse fused", "float64")
        model.fit(x, y, epochs=2, verbose=0, **arguments)
        found.append(np.array(model.parameters))
    np.testing.assert_allclose(*found, rtol=1e-12)


def test_balanced_needs_all_rows():
    x, y = data("sparse fused", 30)
    model = compiled("sparse fused")
    for call in (
        lambda m: m.train_on_batch(x, y, class_weight="balanced"),
        lambda m: m.fit([(x, y)], class_weight="balanced", verbose=0),
    ):
        refused(model, ArgumentError, ["class_weight", "'balanced'", "all rows"], call)
    words = ["class_weight", "'balanced'", "'even'"]
    refused(model, DataTypeError, words, lambda m: m.fit(x, y, class_weight="even", verbose=0))


def binary(dtype="float32"):
    x, _ = regression(40, dtype=dtype)
    return x, (np.arange(40) % 4 == 0).astype(dtype)[:, None]


def classifier(dtype="float32", outputs=1):
    loss = "binary_crossentropy" if outputs == 1 else "sparse_categorical_crossentropy"
    model = network((), 3, outputs, "sigmoid" if outputs == 1 else "softmax", dtype)
    model.compile("sgd", loss)
    return model


@pytest.mark.parametrize("outputs", [1, 2])
@pytest.mark.parametrize("batches", [False, True])
def test_a_weight_for_one_of_two_classes_is_told(outputs, batches):
    x, y = binary()
    data = ([(x, y)],) if batches else (x, y)
    with pytest.warns(UserWarning, match="class 1 only, so that class 0 counts 1") as caught:
        classifier(outputs=outputs).fit(*data, class_weight={1: 5.0}, verbose=0)
    assert caught[0].filename == __file__
    classifier(outputs=outputs).fit(*data, class_weight={0: 1.0, 1: 5.0}, verbose=0)
    several = np.arange(40) % 3
    model = classifier(outputs=3)
    model.fit(x, several, class_weight={1: 5.0}, verbose=0)  # no warning, as documented


@pytest.mark.parametrize("outputs", [1, 2, 3])
def test_a_split_with_one_class_is_told(outputs):
    x, y = binary()
    ordered = np.sort(y, axis=0)
    for labels, use in ((ordered, "validate on"), (ordered[::-1], "validate on")):
        with pytest.warns(
            UserWarning, match=f"class [01] of several is left to {use}"
        ) as caught:
            classifier(outputs=outputs).fit(x, labels, validation_split=0.2, verbose=0)
        assert caught[0].filename == __file__
    with pytest.warns(UserWarning, match="class 0 of several is left to train on"):
        classifier(outputs=outputs).fit(x, ordered, validation_split=0.3, verbose=0)
    classifier(outputs=outputs).fit(x, y, validation_split=0.2, verbose=0)
    classifier(outputs=outputs).fit(x, y * 0, validation_split=0.2, verbose=0)


def test_numbers_and_labels_may_be_alike_in_a_split():
    x, y = binary()
    model = network((), 3, 1, None, "float32")
    model.compile("sgd", "mse")
    model.fit(x, np.sort(y, axis=0), validation_split=0.2, verbose=0)
    model = network((), 3, 2, "sigmoid", "float32")
    model.compile("sgd", "binary_crossentropy")
    model.fit(x, np.sort(np.c_[y, y], axis=0), validation_split=0.2, verbose=0)


@pytest.mark.parametrize("method", ["fit", "evaluate", "train_on_batch"])
def test_weights_that_vanish_are_told(method):
    x, y = binary()
    weights = np.ones(40)
    weights[7] = 1e-300
    verbose = {} if method == "train_on_batch" else {"verbose": 0}
    with pytest.warns(
        UserWarning, match="sample_weight: a weight of 1e-300 at row 7"
    ) as caught:
        getattr(classifier(), method)(x, y, sample_weight=weights, **verbose)
    assert caught[0].filename == __file__
    weights[7] = 0.0
    getattr(classifier(), method)(x, y, sample_weight=weights, **verbose)
    weights[7] = 1e-300
    x, y = binary("float64")
    getattr(classifier("float64"), method)(x, y, sample_weight=weights, **verbose)


def test_weights_of_classes_that_vanish_or_overflow_are_told():
    x, y = binary()
    with pytest.warns(UserWarning, match="class_weight: a weight of 1e-300 at row 1"):
        classifier().fit(x, y, class_weight={0: 1e-300, 1: 1.0}, verbose=0)
    refused(
        classifier(), DataError, ["class_weight", "1e+300", "beyond float32"],
        lambda m: m.fit(x, y, class_weight={0: 1e300, 1: 1.0}, verbose=0),
    )  # fmt: skip


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
@pytest.mark.filterwarnings("ignore:.*has not settled")
def test_weights_that_vanish_in_an_estimator_are_told(solver):
    ours = pytest.importorskip("fastgd.sklearn")
    x, y = binary()
    weights = np.ones(40)
    weights[7] = 1e-300
    model = ours.MLPClassifier((2,), solver=solver, max_iter=2)
    with pytest.warns(
        UserWarning, match="sample_weight: a weight of 1e-300 at row 7"
    ) as caught:
        model.fit(x, y[:, 0], weights)
    assert any(one.filename == __file__ for one in caught)
