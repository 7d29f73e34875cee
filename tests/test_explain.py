"""Explanations: targets, Shapley values, partial dependence, ALE, reasons and points."""

import itertools
import math
import sys
import warnings

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
from sklearn.inspection import partial_dependence as sklearn_dependence
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from fastgd import Model, Sequential, backend, explain, layers, linear, utils
from fastgd.errors import (
    ArgumentError,
    DataError,
    DataTypeError,
    NotBuiltError,
    ShapeError,
    UnknownNameError,
)
from fastgd.explain.additive import parts_of
from fastgd.explain.target import target_of
from fastgd.sklearn import (
    LinearRegression,
    LogisticRegression,
    MLPClassifier,
    MLPRegressor,
    SGDClassifier,
)

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 4))
LABELS = np.array(["bad", "good"])[(X.sum(axis=1) > 0).astype(int)]
NAMES = ["age", "debt", "income", "limit"]


@pytest.fixture(autouse=True)
def double_precision():
    backend.set_floatx("float64")
    yield
    backend.set_floatx("float32")


def network(*sizes, inputs=4, last="sigmoid", activation="tanh", dtype=None):
    utils.set_random_seed(1)
    hidden = [layers.Dense(size, activation=activation) for size in sizes[:-1]]
    model = Sequential(
        [layers.Input((inputs,)), *hidden, layers.Dense(sizes[-1], activation=last)],
        dtype=dtype,
    )
    rng = np.random.default_rng(2)
    model.set_weights([rng.normal(size=w.shape) for w in model.get_weights()])
    return model


def product():
    """The model x1 x2."""
    a, b = (layers.Input((1,), name=name) for name in "ab")
    return Model([a, b], layers.Multiply()([a, b]))


def log_odds(p):
    return np.log(p / (1 - p))


# -- targets ----------------------------------------------------------------------------------


def test_the_default_is_the_logit_of_a_network():
    model = network(5, 1)
    target = target_of(model)
    np.testing.assert_allclose(
        target.values(target.rows(X)), log_odds(model.predict(X)[:, 0]), rtol=1e-9
    )
    response = target_of(model, scale="response")
    np.testing.assert_array_equal(response.values(X), model.predict(X)[:, 0])


def test_two_softmax_columns_give_log_odds():
    model = network(5, 2, last="softmax")
    p = model.predict(X)
    for output, expected in ((None, p[:, 1]), (1, p[:, 1]), (0, p[:, 0])):
        values = target_of(model, output).values(X)
        np.testing.assert_allclose(values, log_odds(expected), rtol=1e-9)
        values = target_of(model, output, "response").values(X)
        np.testing.assert_array_equal(values, expected)


def test_of_several_classes_it_is_what_the_softmax_reads():
    model = network(5, 3, last="softmax")
    z = np.stack([target_of(model, k).values(X) for k in range(3)], axis=1)
    weights = model.get_weights()
    np.testing.assert_allclose(
        z, np.tanh(X @ weights[0] + weights[1]) @ weights[2] + weights[3]
    )


def test_outputs_stand_side_by_side():
    tensor = layers.Input((4,))
    heads = [layers.Dense(2, activation="softmax")(tensor), layers.Dense(1)(tensor)]
    model = Model(tensor, heads)
    pair, number = model.predict(X)
    np.testing.assert_array_equal(target_of(model, 2).values(X), number[:, 0])
    np.testing.assert_allclose(
        target_of(model, 1).values(X), log_odds(pair[:, 1]), rtol=1e-9, atol=1e-12
    )


def test_logits_follow_the_weights_and_a_model_that_grows():
    model = network(5, 1)
    target_of(model).values(X)
    model.set_weights([w * 0.5 for w in model.get_weights()])
    np.testing.assert_allclose(
        target_of(model).values(X), log_odds(model.predict(X)[:, 0]), rtol=1e-9
    )
    model.add(layers.Dense(1))
    np.testing.assert_array_equal(target_of(model).values(X), model.predict(X)[:, 0])


@pytest.mark.parametrize("estimator", [
    MLPClassifier(hidden_layer_sizes=(4,), max_iter=3), LogisticRegression(),
    SGDClassifier("log_loss", alpha=1.0),
])  # fmt: skip
def test_classes_of_estimators_are_named(estimator):
    frame = pd.DataFrame(X, columns=NAMES)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        estimator.fit(frame, LABELS)
    p = estimator.predict_proba(frame)
    for output, column in ((None, 1), ("good", 1), ("bad", 0)):
        target = target_of(estimator, output)
        rows = target.rows(frame)
        np.testing.assert_allclose(target.values(rows), log_odds(p[:, column]), rtol=1e-9)
        answer = target_of(estimator, output, "response")
        np.testing.assert_array_equal(answer.values(rows), p[:, column])
    assert target.names == tuple(NAMES)


def test_a_network_with_a_log_link_answers_with_means():
    y = np.exp(X[:, 0])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        estimator = MLPRegressor("poisson", (4,), max_iter=3).fit(X, y)
    logit, response = target_of(estimator), target_of(estimator, scale="response")
    np.testing.assert_array_equal(response.values(X), estimator.predict(X))
    np.testing.assert_allclose(np.exp(logit.values(X)), estimator.predict(X))


def test_linear_models_give_decisions_and_responses():
    model = linear.LinearModel("poisson", l2=0.1).fit(X, np.exp(X[:, 0]))
    np.testing.assert_array_equal(target_of(model).values(X), model.decision_function(X))
    np.testing.assert_array_equal(
        target_of(model, scale="response").values(X), model.predict(X)
    )
    two = linear.LinearModel("multinomial", l2=0.1).fit(X, LABELS == "good")
    p = two.predict_proba(X)
    np.testing.assert_allclose(target_of(two).values(X), log_odds(p[:, 1]), rtol=1e-9)
    target = target_of(two, 0)
    np.testing.assert_allclose(X @ target.coef + target.intercept, log_odds(p[:, 0]))


def test_targets_that_cannot_be_explained_are_refused():
    embedded = Sequential([layers.Input((3,)), layers.Embedding(5, 2), layers.Flatten()])
    with pytest.raises(ArgumentError, match=r"Embedding.*Model\(layer.output, model.output\)"):
        target_of(embedded, 0)
    with pytest.raises(ArgumentError, match="shape \\(None, features\\)"):
        target_of(Sequential([layers.Input((3, 2)), layers.Flatten()]), 0)
    pipeline = make_pipeline(StandardScaler(), LinearRegression()).fit(X, X[:, 0])
    with pytest.raises(DataTypeError, match=r"Pipeline: explain its last step, pipeline\[-1\]"):
        target_of(pipeline)
    with pytest.raises(DataTypeError, match="got function"):
        target_of(network)
    for unfitted in (LinearRegression(), MLPClassifier(), linear.LinearModel(), Sequential()):
        with pytest.raises(NotBuiltError):
            target_of(unfitted)
    model = network(3, 3, last="softmax")
    for output in (None, 3, -1):
        with pytest.raises(ArgumentError, match="output: expected a number"):
            target_of(model, output)
    hinge = SGDClassifier().fit(X, LABELS)
    with pytest.raises(ArgumentError, match="no probabilities for the loss 'hinge'"):
        explain.shapley(hinge, X, X, scale="response")
    with pytest.raises(DataTypeError, match="output: expected a whole number"):
        target_of(model, True)
    with pytest.raises(ArgumentError, match="one of the classes"):
        target_of(LogisticRegression().fit(X, LABELS), "fair")
    with pytest.raises(ArgumentError, match="scale: expected 'logit' or 'response'"):
        target_of(model, 0, "log")


def test_rows_are_checked_as_by_predict():
    model = network(3, 1)
    model.feature_names = NAMES
    target = target_of(model)
    with pytest.raises(ArgumentError, match="expected the columns"):
        target.rows(pd.DataFrame(X, columns=NAMES[::-1]))
    with pytest.raises(ShapeError, match="expects 4 columns"):
        target.rows(X[:, :3])
    frame, other = pd.DataFrame(X, columns=NAMES), pd.DataFrame(X, columns=NAMES[::-1])
    for function in (explain.shapley, explain.reason_codes, explain.integrated_gradients):
        with pytest.raises(
            ArgumentError, match=r"(background|reference|baseline): expected the columns"
        ):
            function(network(3, 1), frame, other)  # of a model without names
    sparse = scipy.sparse.csr_array(X)
    with pytest.raises(DataTypeError, match=r"x: expected dense rows: give x\.toarray\(\)"):
        explain.shapley(LogisticRegression().fit(sparse, LABELS), sparse, X)
    ragged = [[[1.0], [2.0, 3.0]]]  # no list of one input either
    with pytest.raises(ShapeError, match="x: the rows have different lengths"):
        explain.shapley(model, ragged, X)
    with pytest.raises(ShapeError, match="baseline: the rows have different lengths"):
        explain.integrated_gradients(model, X, [[1.0], [2.0, 3.0]])
    with pytest.raises(DataError, match="reference: there are no rows"):
        explain.reason_codes(model, X, X[:0])
    bad = X.copy()
    bad[2, 1] = np.nan
    with pytest.raises(DataError, match="background: nan at row 2, column 1"):
        explain.shapley(model, X, bad)


# -- Shapley values ---------------------------------------------------------------------------


def brute_force(function, x, background, groups):
    """Shapley values of one row, over all orders of the groups."""

    def value(chosen):
        mixed = background.copy()
        for group in chosen:
            mixed[:, groups[group]] = x[groups[group]]
        return function(mixed).mean()

    orders = list(itertools.permutations(range(len(groups))))
    found = np.zeros(len(groups))
    for order in orders:
        for place, group in enumerate(order):
            found[group] += value(order[: place + 1]) - value(order[:place])
    return found / len(orders)


def test_inputs_may_be_columns_without_a_second_dimension():
    found = explain.shapley(product(), [[1.0, 5.0], [3.0, 7.0]], [[2.0, 2.0], [-1.0, -1.0]])
    np.testing.assert_array_equal(found.data, [[1.0, 3.0], [5.0, 7.0]])
    np.testing.assert_allclose(found.totals, [3.0, 35.0])


def test_linear_models_read_rows_in_their_own_data_type():
    model = linear.LinearModel(dtype="float32").fit(X, X[:, 0])
    large = X + 1e7
    np.testing.assert_array_equal(
        target_of(model).values(target_of(model).rows(large)), model.decision_function(large)
    )
    found = explain.shapley(model, large, large)
    assert found.errors["additivity"].max() < 1e-6


def test_a_product_shares_alike():
    row = [np.array([[1.0]]), np.array([[3.0]])]
    reference = [np.array([[2.0]]), np.array([[-1.0]])]
    for permutations in (None, 2):
        found = explain.shapley(product(), row, reference, permutations=permutations)
        np.testing.assert_allclose(found.values, [[-1.0, 6.0]])
        np.testing.assert_allclose(found.base_values, [-2.0])
        np.testing.assert_array_equal(found.data, [[1.0, 3.0]])
        assert found.names == ("a", "b")


@pytest.mark.parametrize("scale", ["logit", "response"])
@pytest.mark.parametrize("groups", [None, {"money": ["debt", 3]}])
def test_enumeration_is_the_mean_over_all_orders(groups, scale):
    model = network(5, 1)
    model.feature_names = NAMES
    background = X[:7]
    target = target_of(model, scale=scale)
    parts = [[0], [1, 3], [2]] if groups else [[0], [1], [2], [3]]
    found = explain.shapley(model, X[10:13], background, groups, scale=scale)
    expected = [brute_force(target.values, x, background, parts) for x in X[10:13]]
    np.testing.assert_allclose(found.values, expected, atol=1e-12)
    np.testing.assert_allclose(found.base_values, target.values(background).mean())
    np.testing.assert_allclose(found.totals, target.values(X[10:13]))
    assert found.errors["additivity"].max() < 1e-12
    assert found.names == (("age", "money", "income") if groups else tuple(NAMES))
    assert (found.data is None) == bool(groups)


def test_linear_models_are_exact():
    model = linear.LinearModel("log_loss", l2=0.1).fit(X, LABELS == "good")
    background = X[:9]
    target = target_of(model)
    found = explain.shapley(model, X[20:22], background, {"both": [0, 2]})
    parts = [[0, 2], [1], [3]]
    expected = [brute_force(target.values, x, background, parts) for x in X[20:22]]
    np.testing.assert_allclose(found.values, expected, atol=1e-12)
    assert found.names == ("both", "x1", "x3")


def additive():
    """A function of a, one of b and c, and one of d, added up; the last layer is linear."""
    a, bc, d = layers.Input((1,), name="a"), layers.Input((2,), name="bc"), layers.Input((1,))
    parts = [layers.Dense(3, activation="tanh")(part) for part in (a, bc, d)]
    total = layers.Dense(1)(layers.Concatenate()(parts))
    linear_part = layers.Dense(1)(layers.Rescaling(2.0)(d))
    return Model([a, bc, d], layers.Add()([total, linear_part]))


def test_sums_of_parts_are_found_in_the_graph():
    model = additive()
    assert set(parts_of(target_of(model))) == {frozenset(s) for s in ({0}, {1, 2}, {3})}
    assert parts_of(target_of(network(3, 1))) == [frozenset(range(4))]
    assert set(parts_of(target_of(network(1)))) == {frozenset({k}) for k in range(4)}
    assert parts_of(target_of(product())) == [frozenset({0, 1})]
    tensor = layers.Input((4,))
    bent = layers.Dense(1)(layers.BatchNormalization()(layers.Activation("relu")(tensor)))
    assert len(parts_of(target_of(Model(tensor, bent)))) == 4
    mixed = layers.Dense(1)(layers.LayerNormalization()(tensor))
    assert len(parts_of(target_of(Model(tensor, mixed)))) == 1
    whole = layers.Dense(1)(layers.Activation("softmax")(tensor))
    assert len(parts_of(target_of(Model(tensor, whole)))) == 1


def test_sums_of_parts_are_exact():
    model, background = additive(), X[:5]
    target = target_of(model)
    rows = [X[30:32, :1], X[30:32, 1:3], X[30:32, 3:]]
    behind = [background[:, :1], background[:, 1:3], background[:, 3:]]
    groups = [[0], [1, 2], [3]]
    found = explain.shapley(model, rows, behind, {"pair": [1, 2]})
    expected = [brute_force(target.values, x, background, groups) for x in X[30:32]]
    np.testing.assert_allclose(found.values, expected, atol=1e-12)
    alone = explain.shapley(model, rows, behind)  # by enumeration: two columns are one part
    expected = [brute_force(target.values, x, background, [[k] for k in range(4)])
                for x in X[30:32]]  # fmt: skip
    np.testing.assert_allclose(alone.values, expected, atol=1e-12)


def test_permutations_are_unbiased_with_true_standard_errors():
    model, background = network(6, 1, inputs=6), RNG.normal(size=(20, 6))
    x = RNG.normal(size=(1, 6))
    exact = explain.shapley(model, x, background).values
    runs = [explain.shapley(model, x, background, permutations=3, seed=s) for s in range(150)]
    values = np.concatenate([run.values for run in runs])
    errors = np.concatenate([run.errors["standard_error"] for run in runs])
    miss = values - exact
    spread = np.sqrt((miss**2).mean(axis=0))
    assert np.abs(miss.mean(axis=0) / (spread / math.sqrt(len(runs)))).max() < 3.5
    np.testing.assert_allclose(np.sqrt((errors**2).mean(axis=0)), spread, rtol=0.25)
    covered = (np.abs(miss) < 2 * errors).mean()
    assert 0.9 < covered < 0.99
    for run in runs[:3]:
        assert run.errors["additivity"].max() < 1e-12


def test_above_twelve_groups_permutations_are_drawn_by_the_seed():
    model, background = network(6, 1, inputs=14), RNG.normal(size=(30, 14))
    x = RNG.normal(size=(3, 14))
    found = explain.shapley(model, x, background, seed=5)
    again = explain.shapley(model, x[1:], background, seed=5)
    np.testing.assert_array_equal(found.values[1:], again.values)  # whatever the batch
    assert (found.values != explain.shapley(model, x, background, seed=6).values).any()
    groups = {f"pair {k}": [2 * k, 2 * k + 1] for k in range(7)}
    exact = explain.shapley(model, x, background, groups)
    assert "standard_error" not in exact.errors
    sampled = explain.shapley(model, x, background, groups, permutations=40)
    miss = np.abs(sampled.values - exact.values) / sampled.errors["standard_error"]
    assert miss.max() < 4.5


def test_a_large_background_is_thinned_and_says_so():
    model, background = network(6, 1), RNG.normal(size=(400, 4))
    found = explain.shapley(model, X[:2], background)
    assert found.errors["background_rows"] == 100
    whole = explain.shapley(model, X[:2], background, background_rows=None)
    assert whole.errors["background_rows"] == 400
    target = target_of(model)
    np.testing.assert_allclose(whole.base_values, target.values(background).mean())


def test_blocks_change_nothing(monkeypatch):
    model = network(6, 1, inputs=14)
    x, background = RNG.normal(size=(3, 14)), RNG.normal(size=(9, 14))
    groups = {"many": list(range(9))}

    def results():
        return [
            explain.shapley(model, x, background).values,
            explain.shapley(model, x, background, groups).values,
            explain.ale(model, background, 0)["x0"].effect,
        ]

    whole = results()
    for function, numbers in ((explain.shapley, 700), (explain.ale, 30)):
        monkeypatch.setattr(sys.modules[function.__module__], "BLOCK", numbers)
    for part, one in zip(results(), whole, strict=True):
        np.testing.assert_array_equal(part, one)


@pytest.mark.parametrize(("groups", "error", "words"), [
    ({"a": ["agee"]}, UnknownNameError, "no column 'agee'.*'age'"),
    ({"a": [0], "b": ["age"]}, ArgumentError, "'age' is in two, 'a' and 'b'"),
    ({"a": []}, ArgumentError, "expected columns"),
    ({"a": [4]}, ArgumentError, "<= 3"),
    ({"a": [1, 1]}, ArgumentError, "each column once"),
    ({"age": [1, 2]}, ArgumentError, "'age' would be the name of two features"),
    ({1: [1], "1": [2]}, ArgumentError, "'1' would be the name of two features"),
    ([["age"]], DataTypeError, "expected a dict"),
])  # fmt: skip
def test_groups_are_checked(groups, error, words):
    frame = pd.DataFrame(X, columns=NAMES)
    with pytest.raises(error, match=words):
        explain.shapley(network(3, 1), frame, frame, groups)
    with pytest.raises(error, match=words):
        explain.reason_codes(network(3, 1), frame, frame, groups=groups)


@pytest.mark.parametrize(("arguments", "error"), [
    ({"permutations": 1}, ArgumentError), ({"permutations": 10**9}, ArgumentError),
    ({"permutations": 2.5}, DataTypeError), ({"seed": -1}, ArgumentError),
    ({"background_rows": 0}, ArgumentError),
])  # fmt: skip
def test_settings_of_shapley_are_checked(arguments, error):
    with pytest.raises(error, match=next(iter(arguments))):
        explain.shapley(network(3, 1), X, X, **arguments)


# -- partial dependence and ALE ---------------------------------------------------------------


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_partial_dependence_is_that_of_scikit_learn(library):
    frame = pytest.importorskip(library).DataFrame(dict(zip(NAMES, X.T, strict=True)))
    estimator = LogisticRegression().fit(frame, LABELS)
    found = explain.partial_dependence(estimator, frame, ["limit", 0], 7, ice=True)
    assert list(found) == ["limit", "age"]
    other = LogisticRegression().fit(X, LABELS)
    for name, (_, grid, mean, ice) in found.items():
        theirs = sklearn_dependence(
            other, X, [NAMES.index(name)], kind="both", response_method="decision_function",
            custom_values={NAMES.index(name): grid},
        )  # fmt: skip
        np.testing.assert_allclose(mean, theirs["average"][0], rtol=1e-9)
        np.testing.assert_allclose(ice, theirs["individual"][0], rtol=1e-9)
        assert len(grid) == 7
        np.testing.assert_allclose(grid[[0, -1]], np.quantile(frame[name], [0.05, 0.95]))


def test_grids_are_values_that_occur_or_are_given():
    model = network(3, 1)
    x = X.copy()
    x[:, 0] = np.arange(60) % 3
    assert explain.partial_dependence(model, x, 0)["x0"].grid.tolist() == [0, 1, 2]
    found = explain.partial_dependence(model, x, [0, 1], {"x1": [5.0, 4.0], 0: [1]})
    assert found["x1"].grid.tolist() == [5, 4]
    assert found["x0"].ice is None
    rows = x.copy()
    rows[:, 1] = 4.0
    np.testing.assert_allclose(found["x1"].mean[1], target_of(model).values(rows).mean())
    x[3:, 0] = 0  # almost constant: its quantiles are equal
    assert explain.partial_dependence(model, x, 0, 2)["x0"].grid.tolist() == [0, 2]
    for grid, error in (([np.nan], DataError), ([[1.0]], ShapeError), ([], ShapeError),
                        (0, ArgumentError), ("all", DataTypeError), ({1: [1.0]}, ArgumentError),
                        ({"y": [1.0]}, UnknownNameError)):  # fmt: skip
        with pytest.raises(error, match="grid"):
            explain.partial_dependence(model, x, 0, grid)
    with pytest.raises(UnknownNameError, match="features: no column 'y'"):
        explain.partial_dependence(model, x, "y")
    for features in ([], None, np.array(1), {"x0"}):
        with pytest.raises(ArgumentError, match="features: expected columns"):
            explain.partial_dependence(model, x, features)


def ale_by_hand(function, x, column, bins):
    """Apley and Zhu's estimate, row by row."""
    ordered = np.sort(x[:, column])
    shares = np.linspace(0, 1, bins + 1)
    places = [max(math.ceil(round(share * len(x), 9)) - 1, 0) for share in shares]
    edges = sorted({float(ordered[place]) for place in places})
    effect, counts = [0.0], []
    for k, (low, high) in enumerate(itertools.pairwise(edges)):
        gains = []
        for row in x:
            if low < row[column] <= high or (k == 0 and row[column] == low):
                ends = np.stack([row, row])
                ends[:, column] = low, high
                first, second = function(ends)
                gains.append(second - first)
        counts.append(len(gains))
        effect.append(effect[-1] + np.mean(gains))
    pairs = itertools.pairwise(effect)
    middle = sum(n * (a + b) / 2 for n, (a, b) in zip(counts, pairs, strict=True))
    return edges, np.array(effect) - middle / len(x), counts


@pytest.mark.parametrize("bins", [1, 5, 59, 200])
def test_ale_is_what_it_is_by_hand(bins):
    model = network(5, 1)
    x = X.copy()
    x[:, 2] = np.round(x[:, 2])  # ties
    target = target_of(model)
    found = explain.ale(model, x, [1, 2], bins)
    for column in (1, 2):
        edges, effect, counts = ale_by_hand(target.values, x, column, bins)
        _, *ours = found[f"x{column}"]
        np.testing.assert_array_equal(ours[0], edges)
        np.testing.assert_allclose(ours[1], effect, atol=1e-12)
        np.testing.assert_array_equal(ours[2], counts)
        assert min(counts) > 0


def test_ale_of_a_linear_model_is_its_line():
    model = linear.LinearModel().fit(X, X @ [1.0, 2.0, -3.0, 0.5])
    found = explain.ale(model, X, 2, bins=10)["x2"]
    np.testing.assert_allclose(np.diff(found.effect) / np.diff(found.edges), -3.0, rtol=1e-6)
    with pytest.raises(DataError, match="column 'x0' is 1 in all rows"):
        explain.ale(model, np.ones((5, 4)), 0)


# -- reasons and points -----------------------------------------------------------------------


def rule(coef):
    """The linear model x @ coef."""
    coef = np.asarray(coef, float)
    rows = np.eye(len(coef))
    return linear.LinearModel(fit_intercept=False).fit(np.concatenate([rows] * 2), [*coef] * 2)


def test_reasons_are_adverse_in_order_and_carry_their_figures():
    model = rule([1.0, 2.0, -1.0, 0.5])
    reference = np.array([[0.0, 0.0, 0.0, 0.0], [2.0, 0.0, 0.0, 0.0]])
    rows = np.array([[3.0, 2.0, 1.0, 0.0], [1.0, 0.0, 0.0, 0.0]])
    frame = pd.DataFrame(rows, columns=NAMES)
    first, second = explain.reason_codes(model, frame, pd.DataFrame(reference, columns=NAMES))
    assert [reason.name for reason in first.reasons] == ["debt", "age"]
    np.testing.assert_allclose([r.contribution for r in first.reasons], [4.0, 2.0])
    assert first.reasons[1][2:] == (("age",), (3.0,), (1.0,))
    np.testing.assert_allclose([first.value, first.reference_value], [6.0, 1.0])
    assert [r for r in second.reasons if r.contribution > 1e-9] == []
    low, _ = explain.reason_codes(model, frame, reference, adverse="low")
    assert [reason.name for reason in low.reasons] == ["income"]
    (top, _) = explain.reason_codes(model, frame, reference, top=1)
    assert [reason.name for reason in top.reasons] == ["debt"]


def test_groups_are_summed_up_before_they_are_ranked():
    model = rule([1.0, 1.0, 1.0, 1.0])
    row = np.array([[2.0, 1.5, -3.0, 1.5]])
    (alone,) = explain.reason_codes(model, row, np.zeros((1, 4)))
    assert [reason.name for reason in alone.reasons] == ["x0", "x1", "x3"]
    (found,) = explain.reason_codes(
        model, row, np.zeros((1, 4)), groups={"pair": [3, 1], "gone": [0, 2]}
    )
    assert [reason.name for reason in found.reasons] == ["pair"]
    np.testing.assert_allclose(found.reasons[0].contribution, 3.0)
    assert found.reasons[0][2:] == (("x1", "x3"), (1.5, 1.5), (0.0, 0.0))


def test_equal_reasons_stand_in_the_order_of_columns():
    model = LinearRegression().fit(X, X[:, 0])
    model.coef_, model.intercept_ = np.ones(4), 0.0
    (found,) = explain.reason_codes(model, [[1.0, 2.0, 1.0, 1.0]], np.zeros((2, 4)), top=3)
    assert [reason.name for reason in found.reasons] == ["x1", "x0", "x2"]


@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_reasons_of_networks_are_integrated_gradients_of_groups(activation):
    model, reference = network(6, 1, activation=activation), X[:20]
    groups = {"pair": [0, 3]}
    found = explain.reason_codes(model, X[20:30], reference, groups=groups)
    flipped = explain.reason_codes(model, X[20:30], reference, groups=groups, adverse="low")
    centre = reference.mean(axis=0)
    gradient = explain.input_gradients
    places = (np.arange(20_000) + 0.5) / 20_000
    for row, high, low in zip(X[20:30], found, flipped, strict=True):
        line = centre + places[:, None] * (row - centre)
        each = (row - centre) * gradient(model, line).mean(axis=0)
        expected = {"pair": each[0] + each[3], "x1": each[1], "x2": each[2]}
        assert {reason.name for reason in high.reasons + low.reasons} == set(expected)
        for reason in high.reasons + low.reasons:
            assert abs(reason.contribution - expected[reason.name]) < 2e-3
        assert 0 <= high.error < (1e-9 if activation == "relu" else 1e-2)
        sizes = [reason.contribution for reason in high.reasons]
        assert sizes == sorted(sizes, reverse=True)
        assert min(sizes, default=1) > 0


def test_reasons_of_several_inputs_are_those_of_one():
    model = additive()
    parts = [X[:20, :1], X[:20, 1:3], X[:20, 3:]]
    (found, *_) = explain.reason_codes(model, parts, parts)
    (shares, *_) = explain.reason_codes(model, parts, parts, method="shapley")
    names = {"a", "bc[0]", "bc[1]", model.input_names[2]}
    assert {reason.name for reason in found.reasons + shares.reasons} <= names
    total = sum(reason.contribution for reason in found.reasons)
    np.testing.assert_allclose(found.value, shares.value)
    assert total >= found.value - found.reference_value  # without those that help


def test_shapley_reasons_of_networks_add_up():
    model, reference = network(6, 1), X[:20]
    target = target_of(model)
    centre = reference.mean(axis=0)[None]
    found = explain.reason_codes(model, X[20:30], reference, top=4, method="shapley")
    flipped = explain.reason_codes(
        model, X[20:30], reference, top=4, adverse="low", method="shapley"
    )
    for row, high, low in zip(X[20:30], found, flipped, strict=True):
        total = sum(reason.contribution for reason in high.reasons + low.reasons)
        np.testing.assert_allclose(total, high.value - high.reference_value)
        np.testing.assert_allclose(high.value, target.values(row[None])[0])
        np.testing.assert_allclose(high.reference_value, target.values(centre)[0])
        expected = brute_force(target.values, row, centre, [[k] for k in range(4)])
        by_name = {r.name: r.contribution for r in high.reasons + low.reasons}
        np.testing.assert_allclose([by_name[f"x{k}"] for k in range(4)], expected)


@pytest.mark.parametrize(("arguments", "error"), [
    ({"top": 0}, ArgumentError), ({"adverse": "up"}, ArgumentError),
    ({"method": "lime"}, ArgumentError), ({"top": True}, DataTypeError),
])  # fmt: skip
def test_settings_of_reasons_are_checked(arguments, error):
    with pytest.raises(error, match=next(iter(arguments))):
        explain.reason_codes(network(3, 1), X, X, **arguments)


def test_points_double_the_odds():
    card = explain.Scorecard(pdo=20, score=600, odds=50)
    np.testing.assert_allclose(card.factor, 28.85390081777927)
    np.testing.assert_allclose(card.offset, 600 - 28.85390081777927 * 3.912023005428146)
    np.testing.assert_allclose(card.score_of(-np.log([50, 100, 25])), [600, 620, 580])
    good = explain.Scorecard(pdo=20, score=600, odds=50, adverse="low")
    np.testing.assert_allclose(good.score_of(np.log([50, 100, 25])), [600, 620, 580])


def test_points_of_models_and_explanations_add_up_to_the_score():
    card = explain.Scorecard(pdo=40, score=500, odds=1)
    model = linear.LinearModel("log_loss", l2=0.1).fit(X, LABELS == "good")
    table = card.table(model)
    scores = card.score_of(model.decision_function(X))
    np.testing.assert_allclose(table.base + X @ list(table.points.values()), scores)
    net = network(4, 1, inputs=4)
    found = card.points(explain.shapley(net, X[:3], X))
    np.testing.assert_allclose(found.totals, card.score_of(target_of(net).values(X[:3])))
    assert found.errors["additivity"].max() < 1e-9
    with pytest.raises(DataTypeError, match="expected a linear one"):
        card.table(net)
    with pytest.raises(DataTypeError, match="expected an Explanation"):
        card.points(X)
    for arguments in ({"pdo": 0}, {"odds": -1}, {"adverse": "up"}, {"score": math.inf}):
        with pytest.raises(ArgumentError, match=next(iter(arguments))):
            explain.Scorecard(**arguments)


# -- Explanation ------------------------------------------------------------------------------


def test_explanations_become_frames():
    frame = pd.DataFrame(X[:3], columns=NAMES)
    found = explain.shapley(network(4, 1), frame, frame)
    table = found.to_frame()
    assert table.columns.tolist() == ["base_value", *NAMES]
    np.testing.assert_array_equal(table[NAMES], found.values)
    np.testing.assert_allclose(table.sum(axis=1), found.totals)


def test_explanations_become_those_of_shap():
    shap = pytest.importorskip("shap")
    found = explain.shapley(network(4, 1), X[:3], X).to_shap()
    assert isinstance(found, shap.Explanation)
    np.testing.assert_array_equal(found.data, X[:3])
    assert found.feature_names == ["x0", "x1", "x2", "x3"]
    np.testing.assert_allclose(
        found.values.sum(axis=1) + found.base_values, target_of(network(4, 1)).values(X[:3])
    )


def test_data_are_copies_of_what_was_given():
    given = X[:3].copy()
    found = explain.shapley(network(4, 1, dtype="float32"), given, X)
    np.testing.assert_array_equal(found.data, given)
    given[:] = 0
    np.testing.assert_array_equal(found.data, X[:3])


# -- pictures ---------------------------------------------------------------------------------


@pytest.fixture
def pyplot():
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("agg")
    pyplot = pytest.importorskip("matplotlib.pyplot")
    yield pyplot
    pyplot.close("all")


def test_dependence_is_drawn_by_feature_with_units(pyplot):
    model = network(4, 1)
    found = explain.partial_dependence(model, X, [0, 2], 9, ice=True)
    figure = explain.plot_partial_dependence(found, "points")
    assert [axis.get_xlabel() for axis in figure.axes] == ["x0", "x2"]
    assert figure.axes[0].get_ylabel() == "mean points"
    assert "grey lines" in figure.get_suptitle()
    *curves, mean = figure.axes[1].lines
    np.testing.assert_array_equal(mean.get_ydata(), found["x2"].mean)
    assert len(curves) == len(X)
    _, axes = pyplot.subplots(1, 2)
    effects = explain.ale(model, X, ["x1", "x3"])
    assert explain.plot_ale(effects, ax=axes) is axes[0].figure
    np.testing.assert_array_equal(axes[1].lines[1].get_ydata(), effects["x3"].effect)
    assert axes[0].get_ylabel() == "change of log-odds"
    with pytest.raises(DataTypeError, match="found: expected a dict of name -> ALE, got dict"):
        explain.plot_ale(found)
    with pytest.raises(DataTypeError, match="ax: expected 2 axes, got 1"):
        explain.plot_ale(effects, ax=axes[0])


def test_a_waterfall_leads_from_the_base_to_the_number(pyplot):
    found = explain.shapley(network(4, 1), X[:3], X, permutations=3)
    axis = explain.plot_explanation(found, row=1, top=2).axes[0]
    labels = [label.get_text() for label in axis.get_yticklabels()]
    order = np.argsort(-np.abs(found.values[1]))
    assert labels[0] == f"x{order[0]} = {X[1, order[0]]:.6g}"
    assert labels[2] == "2 others"
    bars = axis.patches
    np.testing.assert_allclose(bars[0].get_x() + bars[0].get_width(), found.totals[1])
    np.testing.assert_allclose(bars[-1].get_x(), found.base_values[1])
    np.testing.assert_allclose(bars[0].get_width(), found.values[1, order[0]])
    assert f"{found.totals[1]:.3g}" in axis.get_title(loc="left")
    assert axis.get_xlabel() == "log-odds"
    axis = explain.plot_explanation(found, top=3).axes[0]
    assert "others" not in axis.get_yticklabels()[-1].get_text()
    with pytest.raises(ArgumentError, match="row"):
        explain.plot_explanation(found, row=3)
    with pytest.raises(DataTypeError, match="explanation"):
        explain.plot_explanation(found.values)
