"""Stochastic gradient descent for linear models: each build, the reference, scikit-learn."""

import copy
import pickle
from fractions import Fraction

import numpy as np
import pytest
from engines import each_build, each_dtype, engine
from linear_problems import CSR, Course, features, plan, rows, targets_for

from fastgd import config, linear
from fastgd._core.types import Status
from fastgd.errors import (
    ArgumentError,
    DataError,
    DataTypeError,
    DivergenceError,
    NotBuiltError,
    ShapeError,
)
from fastgd.linear.data import Chunk

# Settings that between them have each loss with each rule, penalty and kind of averaging once.
CASES = [
    {"loss": "log_loss", "rate": "optimal", "l2": 0.01},
    {"loss": "log_loss", "rate": "constant", "l1": 0.01, "average": 1},
    {"loss": "hinge", "rate": "invscaling", "l1": 0.005, "l2": 0.01},
    {"loss": "hinge", "rate": "pa1", "l2": 0.01},
    {"loss": "perceptron", "rate": "pa2", "l1": 0.01, "eta0": 0.3},
    {"loss": "perceptron", "rate": "optimal", "l2": 0.02, "average": 20},
    {"loss": "squared_hinge", "rate": "adaptive", "l2": 0.03, "average": 5},
    {"loss": "modified_huber", "rate": "optimal", "l1": 0.01, "l2": 0.01, "average": 3},
    {"loss": "squared_error", "rate": "invscaling", "l1": 0.02},
    {"loss": "huber", "rate": "constant", "fit_intercept": False},
    {"loss": "epsilon_insensitive", "rate": "pa1", "eta0": 0.1},
    {"loss": "squared_epsilon_insensitive", "rate": "constant", "l2": 0.01},
    {"loss": "quantile", "rate": "invscaling", "eta0": 0.1, "average": 2},
    {"loss": "poisson", "rate": "constant", "l2": 0.01, "intercept_decay": 0.01},
    {"loss": "gamma", "rate": "constant", "l2": 0.01, "average": 4},
    {"loss": "tweedie", "rate": "invscaling", "l1": 0.01},
    {"loss": "log_loss", "rate": "constant", "l1": 0.01, "l2": 0.1, "batch_size": 7},
    {"loss": "huber", "rate": "invscaling", "l2": 0.1, "batch_size": 100, "average": 2},
    {"loss": "hinge", "rate": "constant", "eta0": 3.0, "l2": 0.5},  # shrinks to nothing
]


def name(case):
    return "-".join(str(v) for v in case.values())


each_case = pytest.mark.parametrize("case", CASES, ids=name)


@each_build
@each_case
def test_every_build_agrees_with_the_reference(build, case):
    for n, d, kind in ((41, 7, np.int32), (30, 18, np.int64)):
        x = features(n, d, np.float32 if kind is np.int64 else np.float64)
        y = targets_for(case["loss"], x)
        weights = np.random.default_rng(0).random(n)
        order = np.random.default_rng(1).permutation(n)[: n - 3]
        for given in (x, CSR(x, kind)):
            found, expected = (Course(b, plan(**case), d) for b in (build, "reference"))
            for course in (found, expected):
                assert course.go(given, y, weights, order, epochs=2) == Status.STATUS_FINE
            # without the objective: a dense step counts its penalty a little earlier
            size = len(found.result()) - 2
            np.testing.assert_allclose(
                found.result()[:size], expected.result()[:size], rtol=1e-9, atol=1e-11
            )
            np.testing.assert_allclose(found.totals, expected.totals, rtol=0.05)


@each_build
@each_case
def test_a_sparse_row_is_a_dense_one_without_its_zeros(build, case):
    # the L1 penalty of a sparse row is that of its columns only
    x = features(40, 9, share=1.0 if case.get("l1") else 0.4)
    y = targets_for(case["loss"], x)
    dense, sparse, wide = (Course(build, plan(**case), 9) for _ in range(3))
    dense.go(x, y, epochs=3)
    sparse.go(CSR(x), y, epochs=3)
    wide.go(CSR(x, np.int64), y, epochs=3)
    np.testing.assert_allclose(dense.result()[:-2], sparse.result()[:-2], rtol=1e-9, atol=1e-12)
    assert np.array_equal(sparse.result(), wide.result())


@each_build
@each_dtype
def test_same_bits_in_every_build_that_has_fma(build, dtype):
    if build in ("baseline", "avx2"):
        pytest.skip("the baseline build rounds products, and avx2 is compared with")
    x = features(60, 37, dtype)
    for case in CASES[::3]:
        y = targets_for(case["loss"], x)
        for given in (x, CSR(x)):
            one, other = Course(build, plan(**case), 37), Course("avx2", plan(**case), 37)
            for course in (one, other):
                course.go(given, y, epochs=2)
            assert np.array_equal(one.result(), other.result())


@each_build
def test_outputs_side_by_side_are_outputs_alone(build):
    x = features(50, 6)
    labels = np.random.default_rng(0).integers(0, 3, 50).astype(np.float64)
    steps = plan("hinge", 3, l2=0.01, y_stride=0, positive=np.array([1.0, 2.0, 3.0]))
    alone, together = Course(build, steps, 6, 3), Course(build, steps, 6, 3)
    alone.go(x, labels, epochs=2)
    together.go(x, labels, epochs=2, threads=3)
    assert np.array_equal(alone.result(), together.result())
    for k in range(3):
        one = Course(build, plan("hinge", l2=0.01, positive=np.array([k + 1.0])), 6)
        one.go(x, np.where(labels == k, 1.0, -1.0), epochs=2)
        assert np.array_equal(one.weights.coef[0], together.weights.coef[k])


@each_build
@pytest.mark.parametrize("batch_size", [1, 8, 50])
def test_multinomial_agrees_with_the_reference(build, batch_size):
    x = features(50, 5)
    y = np.random.default_rng(0).integers(0, 4, 50).astype(np.float64)
    weights = np.random.default_rng(1).random(50)
    steps = plan("multinomial", 4, l2=0.01, l1=0.001, batch_size=batch_size, average=2)
    found, expected = Course(build, steps, 5, 4), Course("reference", steps, 5, 4)
    for course in (found, expected):
        course.go(x, y, weights, epochs=2)
    np.testing.assert_allclose(
        found.result()[:-8], expected.result()[:-8], rtol=1e-9, atol=1e-12
    )


@each_build
def test_no_rows_and_rows_of_nothing(build):
    for given in (np.zeros((0, 3)), CSR(np.zeros((0, 3)))):
        course = Course(build, plan(l2=0.1), 3)
        assert course.go(given, np.zeros(0)) == Status.STATUS_FINE
        assert not course.result().any()
    for loss in ("log_loss", "hinge"):
        for rate in ("constant", "pa1") if loss == "hinge" else ("constant",):
            empty = Course(build, plan(loss, rate=rate), 3)
            empty.go(CSR(np.zeros((4, 3))), np.ones(4))
            assert not empty.weights.coef.any()


@each_build
def test_rows_of_no_weight_change_nothing_but_the_clock(build):
    x, y = features(30, 5), targets_for("log_loss", features(30, 5))
    weights = (np.arange(30) % 3 > 0).astype(np.float64)
    some, all_of_them = Course(build, plan(), 5), Course(build, plan(), 5)
    some.go(x[weights > 0], y[weights > 0])
    all_of_them.go(x, y, weights)
    assert np.array_equal(some.weights.coef, all_of_them.weights.coef)


@each_build
@pytest.mark.parametrize("sparse", [False, True])
def test_weights_stay_finite_when_steps_do_not(build, sparse):
    x = np.array([[1.0, 2.0], [3.0, 0.5], [1e308, 1e308], [1.0, 1.0]])
    y = np.array([1.0, 2.0, -1e10, 1.0])
    course = Course(build, plan("squared_error", eta0=0.1), 2)
    short = Course(build, plan("squared_error", eta0=0.1), 2)
    assert course.go(CSR(x) if sparse else x, y) == Status.STATUS_UPDATE
    short.go(x[:2], y[:2])
    np.testing.assert_allclose(course.weights.coef, short.weights.coef, rtol=1e-14)
    assert np.isfinite(course.weights.intercept).all()


@each_build
def test_huge_decisions_are_no_trouble(build):
    x = np.array([[1e150, 0.0], [0.0, -1e150], [1e-300, 1.0]])
    course = Course(build, plan("log_loss", eta0=1e-3, l2=0.01), 2)
    assert course.go(x, np.array([1.0, -1.0, 1.0]), epochs=4) == Status.STATUS_FINE
    assert np.isfinite(course.weights.coef).all()


@each_build
def test_one_row_is_a_run_of_one_row(build):
    for case in CASES[:14]:
        x = features(12, 5, share=1.0)
        y = targets_for(case["loss"], x)
        run, steps = Course(build, plan(**case), 5), Course(build, plan(**case), 5)
        run.go(x, y)
        for row, target in zip(x, y, strict=True):
            assert steps.descent.step(row, target) == Status.STATUS_FINE
        steps.descent.settle()
        assert np.array_equal(run.weights.coef, steps.weights.coef), name(case)
    assert steps.descent.step(x[:, 0], 1.0) == -1
    assert steps.descent.step(x[::2].T[0], 1.0) == -1
    assert steps.descent.step(x[0].astype(np.int64), 1.0) == -1


@each_build
@each_dtype
@pytest.mark.parametrize(
    ("loss", "rate"),
    [("log_loss", "optimal"), ("hinge", "constant"), ("squared_error", "invscaling")],
)
def test_rows_of_any_length_have_the_same_bits_in_a_run_and_alone(build, dtype, loss, rate):
    # in a run, a step adds its row to the weights and multiplies them by the next row at once
    for d in [*range(1, 36), 48, 63, 64, 79, 96, 101]:
        x = features(70, d, dtype, share=1.0, seed=d)
        y, weights = targets_for(loss, x), np.resize([1, 2, 0, 1, 0, 0, 1, 0.5, 1], 70)
        steps = plan(loss, rate=rate, l2=0.01, objective=False)
        run, alone, reference = (Course(b, steps, d) for b in (build, build, "reference"))
        run.go(x, y, weights)
        reference.go(x, y, weights)
        for row, target, weight in zip(x, y, weights, strict=True):
            alone.descent.step(row, target, weight)
        alone.descent.settle()
        assert np.array_equal(run.weights.coef, alone.weights.coef)
        assert np.array_equal(run.weights.intercept, alone.weights.intercept)
        np.testing.assert_allclose(
            run.weights.coef, reference.weights.coef, rtol=1e-10, atol=1e-12
        )


@each_build
def test_a_sum_of_columns_is_that_of_sixteen_lanes(build):
    for d in [*range(1, 50), 64, 77, 111, 112, 113]:
        x, w = np.random.default_rng(d).normal(size=(2, d))
        places = d // 16 * [*range(16)] + d % 16 // 8 * [*range(8)] + d % 8 // 4 * [*range(4)]
        lanes, rest = np.zeros(16), 0.0
        for k in range(d):
            if k < len(places):
                lanes[places[k]] = fused(x[k], w[k], lanes[places[k]], build)
            else:
                rest = fused(x[k], w[k], rest, build)
        half = lanes[:8] + lanes[8:]
        half = half[:4] + half[4:]
        expected = ((half[0] + half[2]) + (half[1] + half[3])) + rest
        (found,) = engine(build).RowPredictor(w[None], np.zeros(1)).decisions(x)
        assert found == expected


def fused(a, b, c, build):
    """a b + c, rounded once where the build has a fused multiply-add."""
    if build == "baseline":
        return a * b + c
    return float(Fraction(a) * Fraction(b) + Fraction(c))


@each_build
@pytest.mark.parametrize("batch_size", [1, 7])
def test_where_a_run_is_cut_changes_no_bit(build, batch_size):
    x = features(3000, 9, share=1.0)
    y = targets_for("log_loss", x)
    whole, cut = (Course(build, plan(l2=0.01, batch_size=batch_size), 9) for _ in range(2))
    whole.go(x, y)
    chunk, positions, runs = Chunk(rows(build, x), y), np.zeros(1, np.int64), 0
    while positions[0] < len(x):
        cut.descent.run(chunk, np.arange(1), positions, cut.sums, -1.0)
        runs += 1
    cut.descent.settle()
    assert runs > 1
    beyond = np.array([len(x)])  # the order ends there
    assert (
        cut.descent.run(
            Chunk(rows(build, x), y, None, np.arange(len(x))),
            np.arange(1),
            beyond,
            cut.sums,
            9.0,
        )
        == Status.STATUS_FINE
    )
    cut.descent.settle()
    assert np.array_equal(cut.result(), whole.result())


@each_build
@each_dtype
def test_a_step_of_the_log_loss_for_any_decision(build, dtype):
    # from 0, a first row takes the decision anywhere; then -eta slope is eta y / (1 + e^(z y))
    for first in (0.0, 1e-9, 0.3, 20.0, -20.0, 36.5, -700.0, 708.5, -1e5, 1e5):
        for y in (1.0, -1.0):
            steps = plan(fit_intercept=False, eta0=2.0)
            course = Course(build, steps, 1)
            assert course.go(np.array([[1.0]], dtype), np.array([1.0])) == Status.STATUS_FINE
            assert course.weights.coef[0, 0] == 1.0  # half of eta
            course.go(np.array([[first]], dtype), np.array([y]))
            z = float(dtype(first))
            expected = 1 + 2 * y * z * np.exp(-np.logaddexp(0, z * y))
            np.testing.assert_allclose(course.weights.coef[0, 0], expected, rtol=1e-13)


# ---------------------------------------------------------------- the solver and the model


def blobs(n=200, k=2, d=4, seed=0):
    rng = np.random.default_rng(seed)
    y = rng.integers(0, k, n)
    return rng.normal(size=(n, d)) + 1.5 * np.eye(k, d)[y], y


@pytest.mark.parametrize("loss", ["log_loss", "hinge", "modified_huber", "multinomial"])
@pytest.mark.parametrize("k", [2, 3])
def test_classes_are_learned(engine, loss, k):
    x, y = blobs(60 if engine == "reference" else 300, k)
    solver = linear.SGD(epochs=5, tol=None, seed=0)
    model = linear.LinearModel(loss, l2=0.01).fit(x, y, solver=solver)
    assert (model.predict(x) == y).mean() > (0.65 if k == 2 else 0.5)
    assert model.classes == k
    assert model.n_iter == 5
    if loss != "hinge":
        p = model.predict_proba(x)
        np.testing.assert_allclose(p.sum(axis=1), 1)
        assert (p.argmax(axis=1) == model.predict(x)).mean() > 0.9  # clipped ones are equal


def test_a_seed_and_threads():
    x, y = blobs(k=3)

    def fitted(seed, n_jobs=1):
        solver = linear.SGD(epochs=3, tol=None, seed=seed)
        return linear.LinearModel("hinge", l2=0.01).fit(x, y, solver=solver, n_jobs=n_jobs).coef

    assert np.array_equal(fitted(1), fitted(1, n_jobs=2))
    assert not np.array_equal(fitted(1), fitted(2))


def test_chunks_are_rows_in_pieces():
    x, y = blobs()
    solver = linear.SGD(epochs=4, tol=None, shuffle=False)
    whole = linear.LinearModel("log_loss", l1=0.001, l2=0.01).fit(x, y, solver=solver)
    pieces = [(x[i : i + 70], y[i : i + 70]) for i in (0, 70, 140)]
    found = linear.LinearModel("log_loss", l1=0.001, l2=0.01).fit(pieces, solver=solver)
    assert np.array_equal(found.coef, whole.coef)
    once = linear.SGD(epochs=1, tol=None, shuffle=False)
    passed = linear.LinearModel("log_loss", l2=0.01).fit((p for p in pieces), solver=once)
    online = linear.LinearModel("log_loss", l2=0.01)
    for piece in pieces:
        online.partial_fit(*piece, solver=once if piece is pieces[0] else None)
    np.testing.assert_allclose(passed.coef, online.coef, rtol=1e-12)
    with pytest.raises(ArgumentError, match="only once"):
        linear.LinearModel("log_loss", l2=0.01).fit((p for p in pieces), solver=solver)
    with pytest.raises(DataTypeError, match="got None"):
        linear.LinearModel("log_loss", l2=0.01).fit(x)


def test_memory_maps_stay_as_they_are(tmp_path):
    x, y = blobs()
    x.tofile(tmp_path / "x")
    mapped = np.memmap(tmp_path / "x", np.float64, "r", shape=x.shape)
    solver = linear.SGD(epochs=3, tol=None, seed=0)
    models = [
        linear.LinearModel("hinge", l2=0.01).fit(given, y, solver=solver)
        for given in (x, mapped)
    ]
    assert np.array_equal(models[0].coef, models[1].coef)


def test_going_on_is_what_it_would_have_been():
    x, y = blobs()
    solver = linear.SGD(epochs=1, tol=None, shuffle=False, average=10)
    rows_one_by_one = linear.LinearModel("log_loss", l2=0.01, l1=0.001)
    rows_one_by_one.partial_fit(x[:1], y[:1], classes=2, solver=solver)
    for row, label in zip(x[1:100], y[1:100], strict=True):
        rows_one_by_one.learn_one(row, label)
    copies = [pickle.loads(pickle.dumps(rows_one_by_one)), copy.deepcopy(rows_one_by_one)]
    for model in (rows_one_by_one, *copies):
        model.partial_fit(x[100:], y[100:])
    at_once = linear.LinearModel("log_loss", l2=0.01, l1=0.001).fit(x, y, solver=solver)
    for model in (rows_one_by_one, *copies):
        np.testing.assert_allclose(model.coef, at_once.coef, rtol=1e-10)
        np.testing.assert_allclose(model.intercept, at_once.intercept, rtol=1e-10)


def test_a_single_row_by_partial_fit_is_learned():
    x, y = blobs(20)
    one, other = (linear.LinearModel("hinge", l2=0.01) for _ in range(2))
    for model in (one, other):
        model.partial_fit(x, y, solver=linear.SGD(seed=0))
    for row, label in zip(x, y, strict=True):
        one.partial_fit(row[None], np.array([label]))
        other.learn_one(row, label)
    assert np.array_equal(one.coef, other.coef)
    with pytest.raises(DataError, match="nan at row 0"):
        one.partial_fit(np.full((1, 4), np.nan), np.array([1]))
    with pytest.raises(DataError, match="class number from 0 to 1"):
        one.partial_fit(x[:1], np.array([2]))
    with pytest.raises(DataError, match="class numbers from 0 to 1"):
        one.partial_fit(x[:2], [0, 2])
    with pytest.raises(ShapeError, match="expects 4 columns"):
        one.learn_one(x[0, :3], 1)
    assert np.array_equal(one.coef, other.coef)


def test_rows_by_name():
    model = linear.LinearModel("squared_error", l2=1e-4)
    model.learn_one({"a": 1.0, "b": 2.0}, 3.0)
    model.learn_one({"b": 1.0}, 2.0)
    by_rows = linear.LinearModel("squared_error", l2=1e-4)
    by_rows.learn_one(np.array([1.0, 2.0]), 3.0)
    by_rows.learn_one(np.array([0.0, 1.0]), 2.0)
    assert np.array_equal(model.coef, by_rows.coef)
    assert model.predict_one({"b": 1.0}) == by_rows.predict_one(np.array([0.0, 1.0]))
    with pytest.raises(ArgumentError, match="no column is called 'c'"):
        model.learn_one({"c": 1.0}, 1.0)


@pytest.mark.parametrize("loss", ["squared_error", "poisson", "hinge", "multinomial"])
def test_what_is_said_of_one_row_is_what_is_said_of_many(loss):
    exact = config.engine() != "reference"  # NumPy's products promise no bits
    x, y = blobs(30, 3 if loss == "multinomial" else 2)
    solver = linear.SGD("constant", eta0=0.01, average=loss == "hinge", seed=0)
    model = linear.LinearModel(loss).fit(x, y, solver=solver)
    for dtype in (np.float64, np.float32, np.int64):
        rows_of_type = (10 * x).astype(dtype)
        expected = model.predict(rows_of_type)
        for row, answer in zip(rows_of_type, expected, strict=True):
            found = model.predict_one(row)
            assert type(found) is type(answer.item())
            assert found == answer if exact else found == pytest.approx(answer, rel=1e-12)
    assert model.predict_one(np.repeat(x[0], 2)[::2]) == pytest.approx(model.predict(x)[0])
    with pytest.raises(ShapeError, match="expects 4 columns"):
        model.predict_one(x[0, :3])


@pytest.mark.parametrize("begun", [False, True])
def test_divergence_leaves_the_model_as_it_was(begun):
    x = np.array([[1.0], [1.0], [1e308], [1.0]])
    solver = linear.SGD("constant", eta0=0.1, epochs=2, tol=None, shuffle=False)
    model = linear.LinearModel()
    if begun:
        model.fit(x[:2], [1.0, 2.0], solver=solver)
        before = model.coef, model.intercept
    with pytest.raises(DivergenceError, match="row 2 of epoch 0") as caught:
        model.fit(x, [1.0, 2.0, -1e10, 1.0], solver=solver)
    assert (caught.value.epoch, caught.value.step) == (0, 2)
    if begun:
        assert (model.coef, model.intercept) == before
    else:
        with pytest.raises(NotBuiltError):
            _ = model.coef


def test_a_failed_fit_changes_nothing():
    x, y = blobs()
    model = linear.LinearModel("log_loss", l2=0.01).fit(
        x, y, solver=linear.SGD(seed=0, epochs=2)
    )
    before = model.coef.copy()
    for bad in ((x[:, :2], y[:3]), (np.full_like(x, np.nan), y), (x, y + 0.5)):
        with pytest.raises(ValueError, match=r"^[xy]:|^x and y"):
            model.fit(*bad, solver=linear.SGD())
    assert np.array_equal(model.coef, before)


def test_epochs_end_when_they_bring_nothing():
    x, y = blobs()
    model = linear.LinearModel("log_loss", l2=0.01)
    assert 5 < model.fit(x, y, solver=linear.SGD(seed=0)).n_iter < 100
    early = linear.SGD(seed=0, early_stopping=True, n_iter_no_change=3)
    assert 3 < model.fit(x, y, solver=early).n_iter < 100
    with pytest.raises(ArgumentError, match="validation_fraction"):
        model.fit(x[:1], y[:1], solver=early)


def test_warm_start_goes_on():
    x, y = blobs()
    solver = linear.SGD("constant", epochs=3, tol=None, shuffle=False)
    longer = linear.SGD("constant", epochs=6, tol=None, shuffle=False)
    model = linear.LinearModel("hinge").fit(x, y, solver=solver)
    model.fit(x, y, solver=solver, warm_start=True)
    expected = linear.LinearModel("hinge").fit(x, y, solver=longer)
    np.testing.assert_allclose(model.coef, expected.coef, rtol=1e-12)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"rate": "fast"}, "rate"), ({"eta0": -1}, "eta0"), ({"epochs": 0}, "epochs"),
        ({"tol": -1}, "tol"), ({"batch_size": 0}, "batch_size"), ({"average": -1}, "average"),
        ({"rate": "pa1", "batch_size": 2}, "batch_size=1"),
    ],
)  # fmt: skip
def test_settings_are_checked(settings, message):
    with pytest.raises(ArgumentError, match=message):
        linear.SGD(**settings)


def test_rates_have_their_losses():
    x, y = blobs()
    with pytest.raises(ArgumentError, match="'optimal' depends on the penalty"):
        linear.LinearModel("hinge").fit(x, y, solver=linear.SGD())
    with pytest.raises(ArgumentError, match="'pa1' is for the losses"):
        linear.LinearModel("log_loss", l2=1).fit(x, y, solver=linear.SGD("pa1"))
    with pytest.raises(ArgumentError, match="no probabilities"):
        linear.LinearModel("hinge", l2=1).fit(x, y, solver=linear.SGD()).predict_proba(x)
    assert rows("reference", x).shape == x.shape
