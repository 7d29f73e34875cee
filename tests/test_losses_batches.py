"""Losses of whole batches: ratios of return and risk, and functions that give one number."""

import itertools
import math
import threading

import engines
import numpy as np
import pytest
from engines import BUILDS, FOR_EVER, each_dtype, missing
from lossdata import Case

from fastgd import (
    GradientTape,
    Model,
    Sequential,
    callbacks,
    config,
    layers,
    losses,
    metrics,
    ops,
    utils,
)
from fastgd._engine.plan import flat_copy
from fastgd.errors import ArgumentError, DivergenceError, ShapeError
from fastgd.models.objective import OutputObjective
from fastgd.reference.losses import LOSSES

RATIOS = [losses.Sharpe, losses.Sortino]
RNG = np.random.default_rng(3)
X = RNG.normal(size=(301, 3))
RETURNS = 0.01 * X[:, :2] + 0.03 * RNG.normal(size=(301, 2))


def ratio(cls, y, p, cost, periods=1):
    """The loss by a loop over rows, in long doubles."""
    held = np.zeros(p.shape[1], np.longdouble)
    returns = []
    for row_y, row_p in zip(y.astype(np.longdouble), p.astype(np.longdouble), strict=True):
        returns.append(sum(row_p * row_y) - cost * sum(abs(row_p - held)))
        held = row_p
    returns = np.array(returns)
    mean = returns.mean()
    risky = np.minimum(returns, 0) if cls is losses.Sortino else returns - mean
    return float(-np.sqrt(periods) * mean / np.sqrt((risky**2).mean() + np.longdouble(1e-9)))


def test_the_ratio_of_a_strategy_by_hand():
    returns, positions = [0.01, -0.02, 0.03, 0.005], [0.5, -0.25, 1.0, 0.75]
    r = np.array([0.0045, 0.00425, 0.02875, 0.0035])  # with a cost of 0.001
    found = -losses.sharpe(returns, positions, cost=0.001)
    assert found == pytest.approx(r.mean() / np.sqrt(r.var() + 1e-9), rel=1e-14)
    assert found * np.sqrt(r.var() + 1e-9) / r.std() == pytest.approx(0.959080727214, abs=5e-13)


@pytest.mark.parametrize("cls", RATIOS)
@pytest.mark.parametrize("cost", [0.0, 0.002])
@pytest.mark.parametrize(("rows", "width"), [(1, 1), (2, 3), (7, 1), (33, 2)])
def test_values_and_gradients_are_those_of_the_formula(cls, cost, rows, width):
    rng = np.random.default_rng(rows)
    y, p = 0.02 * rng.normal(size=(rows, width)) + 0.01, rng.normal(size=(rows, width))
    loss = cls(cost, periods=12)
    with GradientTape() as tape:
        watched = tape.watch(p)
        value = loss(y, watched)
    slopes = tape.gradient(value, watched)
    assert np.shape(value) == ()
    assert float(value) == pytest.approx(ratio(cls, y, p, cost, 12), rel=1e-10)
    expected = np.empty_like(p)
    for i, j in itertools.product(range(rows), range(width)):
        h = np.zeros_like(p)
        h[i, j] = 1e-5
        around = [ratio(cls, y, p + k * h, cost, 12) for k in (-2, -1, 1, 2)]
        expected[i, j] = (around[0] - 8 * around[1] + 8 * around[2] - around[3]) / 12e-5
    np.testing.assert_allclose(slopes, expected, rtol=1e-7, atol=1e-7 * np.abs(expected).max())


@each_dtype
@pytest.mark.parametrize("cls", RATIOS)
@pytest.mark.parametrize("width", [1, 2])
def test_each_build_equals_the_reference_and_the_others(dtype, cls, width):
    config.set_floatx(np.dtype(dtype).name)
    model, loss = strategy(width), cls(cost=0.001)
    assembly = model.assembly()
    plan = assembly.plan.trained_with(
        [OutputObjective(None, width, loss, (), (), 0.7)], assembly.last_activations
    )
    x, y = X.astype(dtype), RETURNS[:, :width].astype(dtype)
    found = {}
    for build in ("reference", *(build for build in BUILDS if not missing(build))):
        parameters, gradients = flat_copy(assembly.parameters), flat_copy(assembly.parameters)
        program = engines.engine(build).Program(plan, parameters, gradients)
        sums = np.zeros((3, plan.totals_size))
        for rows in (slice(0, 64), slice(64, 301)):  # one in which a chain has one chunk
            assert program.gradients(x[rows].copy(), y[rows].copy(), sums[0]) == 0
        program.evaluate(x, y, 0, sums[1], FOR_EVER)
        row = program.evaluate(x[:97].copy(), y[:97].copy(), 0, sums[2], FOR_EVER)
        program.evaluate(x, y, row, sums[2], FOR_EVER, 3)
        np.testing.assert_array_equal(sums[1], sums[2])
        found[build] = gradients.copy(), sums[:, 2]
    single = np.dtype(dtype) == np.float32
    for gradients, sums in found.values():
        close = {"rtol": 1e-3, "atol": 1e-4} if single else {"rtol": 1e-8, "atol": 1e-10}
        np.testing.assert_allclose(gradients, found["reference"][0], **close)
        np.testing.assert_allclose(sums, found["reference"][1], rtol=2e-5 if single else 1e-11)
    fused = [found[build] for build in ("avx2", "avx512", "wide") if build in found]
    for gradients, sums in fused[1:]:  # the baseline has no fused multiply-add
        np.testing.assert_array_equal(gradients, fused[0][0])
        np.testing.assert_array_equal(sums, fused[0][1])


@pytest.mark.parametrize("cls", RATIOS)
def test_each_engine_trains_alike(engine, cls):
    figures = []
    for name in (engine, "reference"):
        config.set_engine(name)
        model = strategy()
        model.compile("adam", cls(cost=0.001))
        history = model.fit(X, RETURNS, 64, epochs=3, shuffle=False, verbose=0)
        figures.append([*history.history["loss"], model.evaluate(X, RETURNS, verbose=0)])
    np.testing.assert_allclose(figures[0], figures[1], rtol=2e-4)


def strategy(width=2):
    utils.set_random_seed(4)
    return Sequential(
        [layers.Input((3,)), layers.Dense(9, "tanh"), layers.Dense(width, "tanh")]
    )


@pytest.mark.parametrize("cls", RATIOS)
def test_evaluate_depends_neither_on_batches_nor_on_threads(engine, cls):
    model, loss = strategy(), cls(cost=0.001)
    model.compile("sgd", loss, metrics=["mse"])
    found = [model.evaluate(X, RETURNS, size, verbose=0) for size in (1, 32, 47, 1000)]
    found += [model.evaluate(X, RETURNS, verbose=0, n_jobs=n) for n in (1, 2, 3)]
    batches = [(X[k : k + 43], RETURNS[k : k + 43]) for k in range(0, 301, 43)]
    found += [model.evaluate(batches, verbose=0)]
    assert all(one == found[0] for one in found)
    expected = ratio(cls, RETURNS, model.predict(X), 0.001)
    assert found[0][0] == pytest.approx(expected, rel=1e-5)


def test_returns_that_hardly_vary_keep_their_digits():
    p, y = np.ones((1000, 1)), 1e4 + np.random.default_rng(1).normal(size=(1000, 1))
    assert losses.sharpe(y, p) == pytest.approx(ratio(losses.Sharpe, y, p, 0), rel=1e-9)
    assert losses.sharpe(np.full((9, 1), 0.1), np.ones((9, 1))) == pytest.approx(
        -0.1 / 1e-9**0.5
    )


def test_the_same_bits_on_every_number_of_threads(engine):
    trained = []
    for threads in (1, 2, 3):
        model = strategy()
        model.compile("adam", losses.Sharpe(0.001))
        model.fit(X, RETURNS, 256, epochs=2, shuffle=False, verbose=0, n_jobs=threads)
        trained.append(model.parameters.tobytes())
    assert len(set(trained)) == 1


def test_rows_keep_their_order_where_turnover_costs(tmp_path):
    model = strategy()
    model.compile("adam", losses.Sharpe(cost=0.001))
    before = model.parameters.copy()
    for dtype in ("float32", "float64"):  # of a file that is read by slices, too
        np.save(tmp_path / "x.npy", X.astype(dtype))
        for x in (X, np.load(tmp_path / "x.npy", mmap_mode="r")):
            with pytest.raises(ArgumentError, match=r"shuffle: 'sharpe'.*shuffle='batch'"):
                model.fit(x, RETURNS, verbose=0)
    np.testing.assert_array_equal(model.parameters, before)
    model.fit(X, RETURNS, shuffle="batch", verbose=0)
    model.compile("adam", losses.Sharpe())  # no turnover, no order
    model.fit(X, RETURNS, verbose=0)


def test_rows_have_no_weights():
    model = strategy()
    model.compile("adam", losses.Sharpe())
    with pytest.raises(ArgumentError, match=r"sample_weight: 'sharpe'.*leave out"):
        model.fit(X, RETURNS, sample_weight=np.ones(len(X)), verbose=0)
    with pytest.raises(ArgumentError, match="sample_weight: 'sharpe'"):
        losses.Sharpe()(RETURNS, RETURNS, np.ones(len(X)))


def test_arguments():
    for arguments in ({"cost": -1.0}, {"periods": 0}, {"periods": -12}, {"cost": np.nan}):
        with pytest.raises(ArgumentError, match=next(iter(arguments))):
            losses.Sharpe(**arguments)
    with pytest.raises(ShapeError, match="y_true"):
        losses.Sharpe()(RETURNS, RETURNS[:, :1])
    with pytest.raises(ArgumentError, match="whole batch"):
        metrics.LossMetric(losses.Sharpe())
    again = losses.deserialize(losses.serialize(losses.Sortino(0.01, 252)))
    assert type(again) is losses.Sortino and (again.cost, again.periods) == (0.01, 252)
    assert losses.get("sharpe").name == "sharpe" and np.isnan(losses.sharpe(X[:0], X[:0]))


def test_beside_other_losses_and_penalties(engine):
    found = []
    for name in ("sharpe", "own"):
        utils.set_random_seed(4)
        inputs = layers.Input((3,))
        hidden = layers.Dense(5, "tanh", kernel_regularizer="l2")(inputs)
        outputs = [layers.Dense(2, name="a")(hidden), layers.Dense(1, name="b")(hidden)]
        model = Model(inputs, outputs)
        loss = losses.Sharpe() if name == "sharpe" else own_sharpe
        model.compile("sgd", [loss, "mse"], loss_weights=[0.5, 2.0])
        targets = [RETURNS, X[:, :1]]
        history = model.fit(X, targets, 100, epochs=2, verbose=0).history
        found.append([*history["loss"], *model.evaluate(X, targets, verbose=0)])
    np.testing.assert_allclose(found[0], found[1], rtol=1e-5)


def own_sharpe(y_true, y_pred):
    returns = ops.sum(y_true * y_pred, axis=-1)
    mean = ops.mean(returns)
    return -mean / ops.sqrt(ops.mean((returns - mean) ** 2) + 1e-9)


def test_a_function_that_gives_one_number_sees_all_rows(engine):
    seen = []

    def counted(y_true, y_pred):
        seen.append(len(y_pred))
        return own_sharpe(y_true, y_pred)

    x, y = np.tile(X, (30, 1)), np.tile(RETURNS, (30, 1))  # more than is evaluated at once
    model = strategy()
    model.compile("sgd", counted)
    found = [model.evaluate(x, y, size, verbose=0) for size in (32, 1000, len(x))]
    assert found[0] == found[1] == found[2]
    assert seen[-1] == len(x)
    model.compile("sgd", "sharpe")
    assert found[0] == pytest.approx(model.evaluate(x, y, verbose=0), rel=1e-5)
    model.compile("sgd", losses.LossFunctionWrapper(own_sharpe, reduction="sum"))
    assert model.evaluate(x, y, verbose=0) == pytest.approx(found[0], rel=1e-6)


def test_evaluations_within_and_beside_one_another_keep_their_own_rows(engine):
    model = strategy()
    model.compile("sgd", own_sharpe)
    alone = model.evaluate(X, RETURNS, 50, verbose=0)

    def evaluate_some(batch, logs=None):
        model.evaluate(X[:20], RETURNS[:20], verbose=0)
        model.test_on_batch(X[:20], RETURNS[:20])
        thread = threading.Thread(target=model.evaluate, args=(X[:9], RETURNS[:9]))
        thread.start()
        thread.join()

    nested = callbacks.LambdaCallback(on_test_batch_end=evaluate_some)
    assert model.evaluate(X, RETURNS, 50, verbose=0, callbacks=[nested]) == alone


def test_a_first_batch_of_one_row_does_not_hide_that_rows_are_coupled(engine):
    def cut(*ends):
        return [(X[a:b], RETURNS[a:b]) for a, b in itertools.pairwise((0, *ends, len(X)))]

    model = strategy()
    model.compile("sgd", own_sharpe)
    first = model.evaluate(cut(1, 2, 100), verbose=0)
    assert first == model.evaluate(X, RETURNS, verbose=0)


class Worst(losses.Loss):
    couples_rows = True

    def call(self, y_true, y_pred):
        return ops.max((y_pred - y_true) ** 2)


def test_a_class_may_say_that_it_couples_rows(engine):
    model = strategy()
    model.compile("sgd", Worst())
    errors = (model.predict(X) - RETURNS) ** 2
    assert model.evaluate(X, RETURNS, 32, verbose=0) == pytest.approx(errors.max(), rel=1e-6)
    history = model.fit(X, RETURNS, 301, epochs=1, verbose=0, validation_data=(X, RETURNS))
    assert history.history["loss"] == [pytest.approx(errors.max(), rel=1e-6)]
    with pytest.raises(ArgumentError, match="sample_weight: 'worst'"):
        model.evaluate(X, RETURNS, sample_weight=np.ones(len(X)), verbose=0)


# ------------------------------------------------------------- forecasts of distributions


def test_figures_of_forecasts():
    assert losses.fissler_ziegel([-3.0], [[-2.5, -2.0]], 0.05) == pytest.approx(8.716290731874)
    slopes = LOSSES[losses.FisslerZiegel.code](
        np.array([[-2.5, -2.0]]), np.array([[-3.0]]), [0.05]
    )[1]
    np.testing.assert_allclose(slopes, [[3.12, 7.6]], rtol=1e-13)
    p = [[0.0, np.log(np.e - 1)]]
    found = losses.gaussian_crps([[1.0]], p, epsilon=1e-300)
    assert found == pytest.approx(0.602441357628, abs=1e-12)


@pytest.mark.parametrize(("mean", "s", "y"), [(0, 1, 1), (-1.5, 0.3, -1.4), (2, 3, -4)])
def test_the_crps_is_the_integral_of_squared_differences(mean, s, y):
    t, step = np.linspace(mean - 12 * s, mean + 12 * s, 240_001, retstep=True)
    below = np.array([math.erf((u - mean) / (s * math.sqrt(2))) / 2 + 0.5 for u in t])
    integral = ((below - (t >= y)) ** 2).sum() * step  # F jumps by 1: an error of a step
    found = losses.gaussian_crps([[y]], [[mean, np.log(np.expm1(s))]], epsilon=1e-300)
    assert found == pytest.approx(integral, abs=2 * step)


def test_the_true_pair_has_the_least_loss():
    y = np.random.default_rng(5).normal(size=(400_000, 1))
    # of a standard normal distribution at 5 %
    v, e = -1.6448536269514722, -2.0627128075074257

    def loss(*pair):
        return float(losses.FisslerZiegel(0.05)(y, np.broadcast_to(pair, (len(y), 2))))

    least = loss(e, v)
    assert least == pytest.approx(np.log(-e), abs=0.01)
    assert all(
        loss(e + d, v + c) > least for d, c in [(0.3, 0), (-0.3, 0), (0, 0.3), (0, -0.3)]
    )


@pytest.mark.parametrize("e", [0.0, 0.5])
def test_a_shortfall_that_is_not_negative_is_no_number(engine, e):
    model = Sequential([layers.Input((1,)), layers.Dense(2)])
    model.compile("sgd", losses.FisslerZiegel(0.05))
    weights = [np.zeros((1, 2)), np.array([e, -1.0])]
    model.set_weights(weights)
    with pytest.raises(DivergenceError, match=r"has to stay below 0.*layers\.Ordered"):
        model.fit(X[:8, :1], X[:8, 1:2], verbose=0)
    np.testing.assert_array_equal(model.get_weights()[1], weights[1].astype(config.floatx()))
    assert not np.isfinite(model.evaluate(X[:8, :1], X[:8, 1:2], verbose=0))


def test_columns_of_forecasts():
    with pytest.raises(ShapeError, match="expected two outputs"):
        losses.FisslerZiegel()([1.0], [[1.0, 2.0, 3.0]])
    for alpha in (0, 1, -0.1, 2):
        with pytest.raises(ArgumentError, match="alpha"):
            losses.FisslerZiegel(alpha)
    assert Case(losses.GaussianCRPS, {}).fits(4) and not Case(losses.GaussianCRPS, {}).fits(3)
