"""Linear models that learn row by row and chunk by chunk: what they take and refuse."""

import copy

import numpy as np
import pytest
from linear_problems import CSR, features

from fastgd import linear
from fastgd.errors import (
    ArgumentError,
    DataError,
    DataTypeError,
    DivergenceError,
    ShapeError,
)

X = features(30, 3, share=1.0)
Y = X @ [1.0, 2.0, 3.0] + 1
LABELS = (Y > 0).astype(int)
STEPS = linear.SGD("constant", seed=0)


def begun(loss="squared_error", y=Y, **settings):
    return linear.LinearModel(loss, **settings).partial_fit(X, y, solver=STEPS)


@pytest.mark.parametrize(
    ("model", "y", "error", "message"),
    [
        (begun, np.array(["a"]), DataTypeError, "y: .*text"),
        (begun, np.array([1j]), DataTypeError, "y: .*complex"),
        (begun, np.array([np.nan]), DataError, "y: nan at row 0"),
        (lambda: begun("poisson", np.abs(Y)), np.array([-1.0]), DataError, "-1.0 at row 0"),
        (lambda: begun("log_loss", LABELS), np.array([0.5]), DataError, "class number.*0.5"),
        (lambda: begun(y=np.c_[Y, Y]), np.array([1.0]), ShapeError, "2 outputs, got 1"),
    ],
)
def test_a_single_row_is_looked_at_as_many_are(model, y, error, message):
    model = model()
    before = model.coef.copy()
    with pytest.raises(error, match=message):
        model.partial_fit(X[:1], y)
    np.testing.assert_array_equal(model.coef, before)


def test_a_single_row_is_read_as_many_are():
    one, many = begun(dtype="float32"), begun(dtype="float32")
    one.partial_fit(X[:1], Y[:1])
    many.partial_fit(X[:1].tolist(), Y[:1])
    np.testing.assert_array_equal(one.coef, many.coef)
    assert one.predict_one(X[0]) == pytest.approx(one.predict(X[:1])[0], rel=1e-14)


@pytest.mark.parametrize(
    ("x", "y", "weight", "error", "message"),
    [
        (X[0], "a", 1.0, DataTypeError, "y: expected a number, got 'a'"),
        (X[0], None, 1.0, DataTypeError, "y: .*None"),
        (X[0], 1.0, "a", DataTypeError, "sample_weight"),
        (X[0].astype(str), 1.0, 1.0, DataTypeError, "x: .*text"),
        (X[:1], 1.0, 1.0, ShapeError, r"one row \(columns,\), got shape \(1, 3\)"),
        (np.array([0.0, np.inf, 1.0]), 1.0, 1.0, DataError, "x: inf at column 1"),
    ],
)
def test_what_is_no_row_is_refused(engine, x, y, weight, error, message):
    model = begun()
    before = model.coef.copy()
    with pytest.raises(error, match=message):
        model.learn_one(x, y, weight)
    np.testing.assert_array_equal(model.coef, before)


def test_classes_of_rows_are_checked():
    for bad in ([1], 2, "a", 0.5):
        with pytest.raises(DataError, match="class number from 0 to 1"):
            begun("log_loss", LABELS).learn_one(X[0], bad)


@pytest.mark.parametrize("y", [1.0, np.array([1.0, 2.0])])
def test_rows_of_several_targets_are_for_partial_fit(y):
    model = begun(y=np.c_[Y, 2 * Y])
    with pytest.raises(ShapeError, match="2 targets, for which there is partial_fit"):
        model.learn_one(X[0], y)
    with pytest.raises(ShapeError, match="one number"):
        linear.LinearModel().learn_one(X[0], np.array([1.0, 2.0]))
    model.partial_fit(X[:1], np.ones((1, 2)))
    assert model.predict_one(X[0]).shape == (2,)


def test_a_failed_first_row_leaves_no_names():
    model = linear.LinearModel("log_loss", l2=0.1)
    for row, error in (({"a": "x"}, DataTypeError), ({"a": None}, DataError), ({}, DataError)):
        with pytest.raises(error, match="x"):
            model.learn_one(row, 1)
    with pytest.raises(ValueError, match="fit it first"):
        model.predict_one({"a": 1.0})
    assert model.feature_names is None
    model.learn_one({"b": 1, "c": True}, 1)
    assert model.feature_names == ("b", "c")
    with pytest.raises(DataTypeError, match=r"x\['c'\]: expected a number, got 'z'"):
        model.learn_one({"c": "z"}, 1)


def test_rows_without_weight_are_no_error():
    model = begun()
    before = model.coef.copy()
    model.partial_fit(X[:2], Y[:2], [0, 0])
    np.testing.assert_array_equal(model.coef, before)


def test_only_sgd_goes_on():
    with pytest.raises(ArgumentError, match="rows in parts are for SGD"):
        begun().partial_fit(X, Y, solver=linear.Newton())


@pytest.mark.parametrize(
    ("second", "error", "message"),
    [
        ((X, Y), ShapeError, "y: the first chunk has 2 targets a row, another 1"),
        ((X, np.c_[Y, Y, Y]), ShapeError, "y: the first chunk has 2 targets a row, another 3"),
        ((X[:, :2], np.c_[Y, Y]), ShapeError, "x: the first chunk has 3 columns, another 2"),
    ],
)
def test_chunks_have_to_be_alike(second, error, message):
    with pytest.raises(error, match=message):
        linear.LinearModel().fit([(X, np.c_[Y, Y]), second], solver=STEPS)


def test_columns_of_chunks_have_to_be_alike():
    pandas = pytest.importorskip("pandas")
    chunks = [(pandas.DataFrame(X, columns=list(names)), Y) for names in ("abc", "cba")]
    with pytest.raises(ArgumentError, match="first chunk has columns"):
        linear.LinearModel().fit(chunks, solver=STEPS)


def test_chunks_of_every_kind_together():
    solver = linear.SGD("constant", epochs=3, tol=None, shuffle=False)
    form = [X, CSR(X), X.tolist()]
    found = linear.LinearModel().fit([(x, Y, np.ones(30)) for x in form], solver=solver)
    expected = linear.LinearModel().fit([(X, Y)] * 3, solver=solver)
    np.testing.assert_allclose(found.coef, expected.coef, rtol=1e-12)


@pytest.mark.parametrize("loss", ["squared_error", "log_loss", "multinomial", "poisson"])
@pytest.mark.parametrize(
    "solver",
    [linear.LBFGS(1e-10), linear.Newton(1e-10), linear.GradientDescent(0.05, 30)],
    ids=["lbfgs", "newton", "descent"],
)
@pytest.mark.parametrize("settings", [{"l2": 0.1}, {"l1": 0.02, "l2": 0.02}])
def test_whole_batches_in_chunks_are_whole_batches(engine, loss, solver, settings):
    x = features(60, 3, share=1.0, seed=1)
    y = {"squared_error": np.c_[x[:, 0], x @ [1.0, 2, 3]], "poisson": np.arange(60) % 4}.get(
        loss, np.arange(60) % 3
    )
    weights = np.random.default_rng(0).choice([0.5, 2.0], 60)
    weights[40:50] = 0
    parts = [slice(0, 0), slice(0, 7), slice(7, 40), slice(40, 50), slice(50, 60)]
    chunks = [(CSR(x[p]) if p.start == 7 else x[p], y[p], weights[p]) for p in parts]
    classes = None if loss in ("squared_error", "poisson") else 3
    found = linear.LinearModel(loss, **settings).fit(chunks, solver=solver, classes=classes)
    expected = linear.LinearModel(loss, **settings).fit(x, y, weights, solver)
    np.testing.assert_allclose(found.coef, expected.coef, rtol=1e-7, atol=1e-9)
    apart = found.intercept - expected.intercept
    if loss == "multinomial":  # which a number added to all does not change
        apart -= apart.mean()
    np.testing.assert_allclose(apart, 0, atol=1e-7)
    assert found.loss_value == pytest.approx(expected.loss_value)
    if classes is None and loss == "squared_error":
        assert found.coef.shape == (2, 3)
    with pytest.raises(ArgumentError, match="only once"):
        linear.LinearModel(loss).fit(iter(chunks), solver=solver, classes=classes)


def test_solvers_and_classes_are_checked():
    for wrong in ("lbfgs", linear.LBFGS):
        with pytest.raises(ArgumentError, match="solver: expected one"):
            linear.LinearModel().fit(X, Y, solver=wrong)
    with pytest.raises(ArgumentError, match="classes: squared_error"):
        linear.LinearModel().fit(X, Y, classes=3)
    for wrong in ([1, 2], [0], ["a", "b"], 1):
        with pytest.raises(ArgumentError, match="classes"):
            linear.LinearModel("log_loss").fit(X, LABELS, classes=wrong)
    for many in (100_001, 10**9, 10**30):
        with pytest.raises(ArgumentError, match="classes: expected a number <= 100000"):
            linear.LinearModel("hinge").partial_fit(X, LABELS, classes=many)
        with pytest.raises(DataError, match="from 0 to 99999"):
            linear.LinearModel("multinomial").fit(X, np.full(len(X), float(many)))
    assert linear.LinearModel("log_loss", l2=1).fit(X, LABELS, classes=[2, 0, 1]).classes == 3
    for wrong in (["log_loss"], {}, np.zeros(2), "mse"):
        with pytest.raises(ArgumentError, match="loss: expected 'squared_error'"):
            linear.LinearModel(wrong)
        with pytest.raises(ArgumentError, match="rate: expected 'constant', 'optimal'"):
            linear.SGD(wrong)
    for wrong in ([[0], [0, 1]], [None, 1], 2**63):
        with pytest.raises(ArgumentError, match="classes: "):
            linear.LinearModel("log_loss").fit(X, LABELS, classes=wrong)
    with pytest.raises(DataTypeError, match="warm_start: expected True or False"):
        linear.LinearModel().fit(X, Y, warm_start=np.zeros(2))
    with pytest.raises(ShapeError, match="y: the rows have different lengths"):
        linear.LinearModel().learn_one(X[0], [[0.0], [0.0, 1.0]])
    with pytest.raises(ArgumentError, match="unknown_features: expected 'raise' or 'ignore'"):
        begun().learn_one({"a": 1.0}, 1.0, unknown_features=np.zeros(2))


@pytest.mark.parametrize("loss", ["log_loss", "modified_huber", "multinomial"])
@pytest.mark.parametrize("classes", [2, 3])
def test_probabilities_of_one_row_are_those_of_all(loss, classes):
    labels = np.arange(30) % classes
    model = linear.LinearModel(loss, l2=0.1).fit(X, labels, solver=linear.SGD(seed=1))
    every, logs = model.predict_proba(X), model.predict_log_proba(X)
    for row, expected, log in zip(X, every, logs, strict=True):
        found = model.predict_proba_one(row)
        assert list(found) == list(range(classes))
        np.testing.assert_allclose(list(found.values()), expected, rtol=1e-12, atol=1e-15)
        positive = expected > 0
        np.testing.assert_allclose(np.exp(log[positive]), expected[positive], rtol=1e-12)
    named = dict(zip("abc", X[0].tolist(), strict=True))
    assert model.predict_proba_one(named) == model.predict_proba_one(X[0])
    with pytest.raises(ArgumentError, match="no probabilities"):
        linear.LinearModel("hinge", l2=0.1).fit(X, labels % 2).predict_proba_one(X[0])


@pytest.mark.parametrize("penalty", [{}, {"l2": 0.5}, {"l1": 0.01, "l2": 0.1}])
@pytest.mark.parametrize("average", [False, True])
def test_coef_is_a_copy_that_no_further_row_changes(engine, penalty, average):
    steps = linear.SGD("constant", seed=0, average=average)
    model = linear.LinearModel(**penalty).partial_fit(X, Y, solver=steps)
    coef, intercept = model.coef, model.intercept
    before = coef.copy(), intercept.copy()
    for x, y in zip(X, Y, strict=True):
        model.learn_one(x, y)
    np.testing.assert_array_equal(coef, before[0])
    np.testing.assert_array_equal(intercept, before[1])
    assert (model.coef != coef).any()
    expected = (model.coef * X[0]).sum() + model.intercept[0]  # and the new ones are up to date
    assert model.predict_one(X[0]) == pytest.approx(expected, rel=1e-12)
    coef = model.coef
    coef[:] = 7  # nor does a change of theirs reach the model
    assert model.predict_one(X[0]) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("loss", ["log_loss", "multinomial", "squared_hinge", "squared_error"])
@pytest.mark.parametrize("settings", [{}, {"l2": 0.5}, {"l1": 0.01, "l2": 0.1}])
@pytest.mark.parametrize("average", [False, True])
def test_a_row_whose_weights_would_not_be_finite_changes_nothing(
    engine, loss, settings, average
):
    """Neither the outputs that come before the one that fails, nor by the penalties."""
    steps = linear.SGD("constant", eta0=0.1, average=average, seed=0)
    labels = Y if loss == "squared_error" else np.arange(30) % 3
    model = linear.LinearModel(loss, **settings).partial_fit(X, labels, solver=steps)
    model.learn_one(X[0], 1)
    before = [array.tobytes() for array in model.saved_parts()[1].values()]
    refused = 0
    for x in ([1e300, 0.0, 1.0], [0.0, 1.7e308, -1.7e308], [np.inf, 0.0, 1.0]):
        for y in (0, 1, 2):
            other = copy.deepcopy(model)
            try:
                other.learn_one(x, y, 1e9)
            except (DivergenceError, DataError):
                refused += 1
                now = [array.tobytes() for array in other.saved_parts()[1].values()]
                assert now == before
    assert refused >= 5
