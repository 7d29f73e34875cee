"""Offsets of linear models: known numbers that are added to the decisions of rows."""

import io
import pickle

import numpy as np
import pytest
from batch_problems import problem, rows, targets
from engines import FOR_EVER, digest, each_build, each_engine, engine
from linear_problems import CSR, Course, features, plan, targets_for

from fastgd import linear, reference, saving
from fastgd.errors import ArgumentError, DataError, DataTypeError, ShapeError

RNG = np.random.default_rng(0)
X = RNG.normal(size=(300, 3))
OFFSET = RNG.normal(size=300) * 0.5
MEAN = np.exp(0.3 + X @ [0.4, -0.2, 0.1] + OFFSET)
TARGETS = {
    "squared_error": np.log(MEAN) + RNG.normal(size=300),
    "huber": np.log(MEAN) + RNG.normal(size=300),
    "poisson": RNG.poisson(MEAN),
    "gamma": RNG.gamma(2, MEAN / 2),
    "tweedie": RNG.poisson(MEAN) * RNG.gamma(2, 0.5, 300),
    "log_loss": (RNG.random(300) < MEAN / (1 + MEAN)).astype(int),
}
EXACT = linear.Newton(1e-11)


def fitted(name="poisson", solver=EXACT, **options):
    model = linear.LinearModel(name, **options)
    return model.fit(X, TARGETS[name], solver=solver, offset=OFFSET)


# ---------------------------------------------------------------- the kernels


@each_build
@pytest.mark.parametrize("kind", ["dense", "int32", "int64"])
@pytest.mark.parametrize("name", ["log_loss", "gamma", "tweedie", "quantile"])
def test_the_objective_is_that_of_one_more_column_of_weight_one(build, kind, name):
    for n, d, dtype in ((1, 1, np.float32), (9, 17, np.float64), (200, 5, np.float32)):
        rng = np.random.default_rng([n, d])
        x, y = rng.normal(size=(n, d)).astype(dtype), targets(name, n, 1, rng)
        offset = rng.normal(size=n).astype(dtype).astype(np.float64)
        weights = rng.choice([0.0, 0.5, 2.0], n)
        coef, intercept = rng.normal(size=(1, d)), rng.normal(size=1)
        given = rows(engine(build), x, kind)
        one = problem(engine(build), given, y, name, weights=weights, offset=offset)
        kept, expected_kept = np.empty((2, 1, n))
        _, found = engine(build).objective(one, coef, intercept, kept, None, 0, FOR_EVER, 3)
        wide = np.c_[x, offset].astype(dtype)
        other = problem(reference, wide, y, name, weights=weights)
        _, expected = reference.objective(
            other, np.c_[coef, 1.0], intercept, expected_kept, None, 0, FOR_EVER
        )
        np.testing.assert_allclose(
            found[0], np.delete(expected[0], d + 1), rtol=1e-11, atol=1e-12
        )
        np.testing.assert_allclose(kept, expected_kept, rtol=1e-11)


STEPS = [
    {"loss": "log_loss", "rate": "constant", "l2": 0.01},
    {"loss": "hinge", "rate": "pa1"},
    {"loss": "squared_error", "rate": "constant", "l1": 0.01, "average": 3},
    {"loss": "tweedie", "rate": "constant", "batch_size": 7},
]


@each_build
@pytest.mark.parametrize("case", STEPS, ids=lambda case: case["loss"])
def test_steps_of_every_build_agree_with_the_reference(build, case):
    x = features(41, 7)
    y = targets_for(case["loss"], x)
    offset = np.random.default_rng(2).normal(size=41)
    order = np.random.default_rng(1).permutation(41)[:38]
    for given in (x, x.astype(np.float32), CSR(x), CSR(x, np.int64)):
        found, expected, plain = (
            Course(b, plan(**case), 7) for b in (build, "reference", build)
        )
        for course in (found, expected):
            course.go(given, y, None, order, epochs=2, offset=offset)
        plain.go(given, y, None, order, epochs=2)
        np.testing.assert_allclose(
            found.result()[:-2], expected.result()[:-2], rtol=1e-9, atol=1e-11
        )
        assert not np.allclose(found.result(), plain.result())


@each_engine
@pytest.mark.parametrize("case", STEPS, ids=lambda case: case["loss"])
def test_a_step_of_one_row_is_that_of_a_chunk(build, case):
    x = features(12, 7, share=1.0)
    y = targets_for(case["loss"], x)
    steps = plan(**{**case, "batch_size": 1, "objective": False})
    alone, chunks = Course(build, steps, 7), Course(build, steps, 7)
    for i in range(12):
        alone.descent.step(x[i], y[i], 0.7, None, "raise", 0.3 * i)
        chunks.go(x[i : i + 1], y[i : i + 1], np.array([0.7]), offset=np.array([0.3 * i]))
    alone.descent.settle()
    # a chunk's end multiplies the weights by their scale, which rounds
    np.testing.assert_allclose(
        alone.result()[:-2], chunks.result()[:-2], rtol=1e-13, atol=1e-14
    )


@each_build
@pytest.mark.filterwarnings("ignore::fastgd.errors.ConvergenceWarning")
def test_threads_change_no_bit_and_offsets_of_zero_none_either(build):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(3000, 20)), rng.gamma(2.0, 1.0, 3000)

    def bits(offset, threads):
        given = problem(engine(build), x, y, "gamma", offset=offset, l2=0.1, threads=threads)
        start = linear.model.zero_solution(given)
        found = linear.LBFGS(max_iter=8, tol=1e-12).minimize(given, start)
        return digest(found.coef, found.intercept)

    offset = rng.normal(size=3000)
    assert bits(offset, 1) == bits(offset, 3)
    assert bits(np.zeros(3000), 1) == bits(None, 2) != bits(offset, 2)


# ---------------------------------------------------------------- models


@pytest.mark.parametrize("name", ["squared_error", "huber"])
def test_an_offset_of_numbers_is_taken_off_the_targets(name):
    expected = linear.LinearModel(name).fit(X, TARGETS[name] - OFFSET, solver=EXACT)
    found = fitted(name)
    np.testing.assert_allclose(found.coef, expected.coef, rtol=1e-9)
    np.testing.assert_allclose(
        found.predict(X, offset=OFFSET), expected.predict(X) + OFFSET, rtol=1e-9
    )


@pytest.mark.parametrize(("name", "power"), [("poisson", 1), ("gamma", 2), ("tweedie", 1.5)])
@pytest.mark.parametrize(
    "solver",
    [EXACT, linear.LBFGS(1e-11), linear.GradientDescent(0.5, 500)],
    ids=["newton", "lbfgs", "descent"],
)
def test_an_offset_of_a_logarithm_is_a_weighted_rate(name, power, solver):
    """e^(z + o) against y: the rate y / e^o against e^z, with weights e^((2 - power) o)."""
    rates = TARGETS[name] / np.exp(OFFSET)
    expected = linear.LinearModel(name).fit(
        X, rates, np.exp((2 - power) * OFFSET), solver=EXACT
    )
    found = fitted(name, solver)
    np.testing.assert_allclose(found.coef, expected.coef, rtol=1e-6)
    np.testing.assert_allclose(
        found.predict(X, offset=OFFSET), expected.predict(X) * np.exp(OFFSET), rtol=1e-6
    )
    one = found.predict_one(X[0], offset=OFFSET[0])
    assert one == pytest.approx(found.predict(X[:1], offset=OFFSET[:1])[0], rel=1e-12)


def test_the_same_offset_for_all_rows_moves_the_intercept():
    plain = linear.LinearModel("log_loss").fit(X, TARGETS["log_loss"], solver=EXACT)
    moved = linear.LinearModel("log_loss").fit(X, TARGETS["log_loss"], offset=2, solver=EXACT)
    np.testing.assert_allclose(moved.coef, plain.coef, rtol=1e-8)
    np.testing.assert_allclose(moved.intercept, plain.intercept - 2, rtol=1e-8)
    for name in ("predict_proba", "predict_log_proba", "decision_function"):
        np.testing.assert_allclose(
            getattr(moved, name)(X, offset=2), getattr(plain, name)(X), rtol=1e-7
        )
    found = moved.predict_proba_one(X[0], offset=2)
    assert found[1] == pytest.approx(plain.predict_proba_one(X[0])[1], rel=1e-8)
    assert moved.predict_one(X[0], offset=2) == plain.predict_one(X[0])


@pytest.mark.parametrize("name", ["poisson", "gamma", "tweedie"])
@pytest.mark.parametrize("size", [-20, 900, -900])
def test_offsets_far_from_zero_are_no_bad_start(name, size):
    expected = fitted(name)
    model = linear.LinearModel(name)
    model.fit(X, TARGETS[name], solver=EXACT, offset=OFFSET + size)
    np.testing.assert_allclose(model.coef, expected.coef, rtol=1e-7)
    np.testing.assert_allclose(model.intercept, expected.intercept - size, rtol=1e-7)


def test_sgd_chunks_and_single_rows_take_offsets():
    exact = fitted("poisson")
    steps = linear.SGD("constant", eta0=0.02, epochs=60, tol=None, seed=0, average=6000)
    whole = linear.LinearModel("poisson").fit(
        X, TARGETS["poisson"], solver=steps, offset=OFFSET
    )
    np.testing.assert_allclose(whole.coef, exact.coef, atol=0.05)
    parts = [slice(0, 100), slice(100, 300)]
    chunks = [(X[p], TARGETS["poisson"][p], None, OFFSET[p]) for p in parts]
    streamed = linear.LinearModel("poisson").fit(chunks, solver=EXACT)
    np.testing.assert_allclose(streamed.coef, exact.coef, rtol=1e-8)
    assert streamed.has_offset
    in_order = linear.SGD("constant", eta0=0.01, epochs=1, tol=None, shuffle=False)
    results = []
    for take in ("fit", "chunks", "partial_fit", "learn_one"):
        model = linear.LinearModel("poisson")
        if take == "fit":
            model.fit(X, TARGETS["poisson"], solver=in_order, offset=OFFSET)
        elif take == "chunks":
            model.fit(chunks, solver=in_order)
        elif take == "partial_fit":
            for p in parts:
                model.partial_fit(
                    X[p], TARGETS["poisson"][p], solver=None if p.start else in_order,
                    offset=OFFSET[p],
                )  # fmt: skip
        else:
            model.partial_fit(X[:1], TARGETS["poisson"][:1], solver=in_order, offset=OFFSET[:1])
            for i in range(1, 300):
                model.learn_one(X[i], TARGETS["poisson"][i], offset=OFFSET[i])
        results.append(digest(model.coef, model.intercept))
    assert len(set(results)) == 1


def test_early_stopping_judges_with_the_offset():
    steps = linear.SGD(
        "constant", eta0=0.01, epochs=30, early_stopping=True, validation_fraction=0.3, seed=0
    )
    y = 50 + OFFSET * 100
    model = linear.LinearModel().fit(X, y, solver=steps, offset=y)
    assert model.n_iter == 6  # the weights are right from the first epoch on: 0
    assert np.abs(model.coef).max() < 1e-12


def test_a_model_with_an_offset_asks_for_it():
    model = fitted("log_loss")
    calls = {
        "decision_function": (X,), "predict": (X,), "predict_proba": (X,),
        "predict_log_proba": (X,), "predict_one": (X[0],), "predict_proba_one": (X[0],),
        "partial_fit": (X, TARGETS["log_loss"]), "learn_one": (X[0], 1),
        "inference": (X, TARGETS["log_loss"]),
    }  # fmt: skip
    before = model.coef
    for name, arguments in calls.items():
        with pytest.raises(ArgumentError, match="offset: the model was trained with one"):
            getattr(model, name)(*arguments)
    with pytest.raises(ArgumentError, match="trained with one"):
        model.fit(X, TARGETS["log_loss"], warm_start=True)
    np.testing.assert_array_equal(model.coef, before)
    model.fit(X, TARGETS["log_loss"])
    assert not model.has_offset
    assert model.predict(X).shape == (300,)
    # known log odds may be added to those of a model that has none
    moved = model.decision_function(X, offset=OFFSET) - model.decision_function(X)
    np.testing.assert_allclose(moved, OFFSET, atol=1e-12)
    model.learn_one(X[0], 1, offset=0.5)
    assert model.has_offset
    with pytest.raises(ArgumentError, match="trained with one"):
        model.predict_one(X[0])


def test_files_pickles_and_copies_remember_it():
    model, file = fitted("tweedie", power=1.3), io.BytesIO()
    model.save(file)
    file.seek(0)
    for other in (saving.load_model(file), pickle.loads(pickle.dumps(model))):
        assert other.has_offset
        assert other.power == 1.3
        with pytest.raises(ArgumentError, match="trained with one"):
            other.predict(X)
        np.testing.assert_array_equal(
            other.predict(X, offset=OFFSET), model.predict(X, offset=OFFSET)
        )
        before = other.coef
        assert (other.learn_one(X[0], 1.0, offset=OFFSET[0]).coef != before).all()


@pytest.mark.parametrize(
    ("offset", "error", "message"),
    [
        (OFFSET[:5], ShapeError, "one number for each of 300 rows, got shape \\(5,\\)"),
        (np.zeros((300, 2)), ShapeError, "shape \\(300, 2\\)"),
        (np.where(np.arange(300) == 7, np.nan, 0.0), DataError, "offset: nan at row 7"),
        (np.inf, DataError, "offset: inf"),
        ("log", DataTypeError, "offset"),
        ({}, DataTypeError, "offset"),
    ],
)
def test_offsets_that_do_not_fit_are_refused(offset, error, message):
    with pytest.raises(error, match=message):
        linear.LinearModel("poisson").fit(X, TARGETS["poisson"], offset=offset)
    with pytest.raises(error, match=message):
        fitted().predict(X, offset=offset)


def test_an_offset_is_for_one_output():
    for name, y in (
        ("multinomial", np.arange(300) % 3), ("log_loss", np.arange(300) % 3),
        ("squared_error", X[:, :2]),
    ):  # fmt: skip
        with pytest.raises(ArgumentError, match="offset: it is for models of one output"):
            linear.LinearModel(name, l2=0.1).fit(X, y, offset=OFFSET)
        model = linear.LinearModel(name, l2=0.1).fit(X, y)
        with pytest.raises(ArgumentError, match="one output, this one has"):
            model.predict(X, offset=OFFSET)
    with pytest.raises(ArgumentError, match="offset: chunks have their own"):
        linear.LinearModel().fit([(X, TARGETS["huber"])], offset=OFFSET)
    mixed = [(X, TARGETS["huber"], None, OFFSET), (X, TARGETS["huber"])]
    with pytest.raises(ArgumentError, match="offset: either all chunks have one, or none"):
        linear.LinearModel().fit(mixed)


def test_offsets_are_read_as_columns_lists_and_integers():
    expected = fitted().coef
    for given in (OFFSET[:, None], OFFSET.tolist(), OFFSET.astype(">f8")):
        model = linear.LinearModel("poisson").fit(
            X, TARGETS["poisson"], solver=EXACT, offset=given
        )
        np.testing.assert_array_equal(model.coef, expected)
    kept = OFFSET.copy()
    np.testing.assert_array_equal(OFFSET, kept)
    assert linear.LinearModel("poisson").fit(X, TARGETS["poisson"], offset=1).has_offset


@pytest.mark.parametrize(("loss", "wrong"), [("poisson", -1), ("gamma", 0), ("tweedie", -2)])
def test_single_targets_out_of_range_are_refused(loss, wrong):
    model = linear.LinearModel(loss).partial_fit(X, TARGETS[loss])
    before = model.coef
    for target in (wrong, float(wrong)):
        with pytest.raises(DataError, match=f"y: {loss} expects targets"):
            model.learn_one(X[0], target)
        with pytest.raises(DataError, match=f"y: {loss} expects targets"):
            model.partial_fit(X[:1], np.array([target]))
    np.testing.assert_array_equal(model.coef, before)


@pytest.mark.parametrize("power", [1, 2.0, 0.5, 3, "1.5", None, np.nan])
def test_powers_out_of_range_are_refused(power):
    with pytest.raises((ArgumentError, DataTypeError), match="power"):
        linear.LinearModel("tweedie", power=power)
