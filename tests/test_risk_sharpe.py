"""Sharpe ratios: the papers' figures, SciPy, simulated maxima, and searches by hand."""

import math

import numpy as np
import pandas
import pytest

from fastgd import many, risk
from fastgd.errors import ArgumentError, DataError, DataTypeError, ShapeError, UnknownNameError

stats = pytest.importorskip("scipy.stats")


def skewed(n=400, seed=0):
    rng = np.random.default_rng(seed)
    return 0.01 * rng.standard_t(5, n) - 0.002 * rng.exponential(size=n) + 0.003


# -- the ratio ---------------------------------------------------------------------------------


def test_the_known_figure():
    r, positions = np.array([0.01, -0.02, 0.03, 0.005]), np.array([0.5, -0.25, 1, 0.75])
    earned = positions * r - 0.001 * np.abs(np.diff(positions, prepend=0))
    assert risk.sharpe_ratio(earned).sharpe == pytest.approx(0.959080727214, abs=5e-13)


@pytest.mark.parametrize("seed", range(3))
def test_moments_are_those_of_scipy(seed):
    returns = skewed(seed=seed)
    found = risk.sharpe_ratio(returns, periods=252)
    assert found.sharpe == pytest.approx(returns.mean() / returns.std(), rel=1e-12)
    assert found.skewness == pytest.approx(stats.skew(returns), rel=1e-10)
    assert found.kurtosis == pytest.approx(stats.kurtosis(returns, fisher=False), rel=1e-10)
    assert found.annual == pytest.approx(found.sharpe * math.sqrt(252), rel=1e-15)
    assert found.n == 400
    t = stats.ttest_1samp(returns, 0).statistic  # which is what sqrt(n - 1) belongs to
    assert found.sharpe * math.sqrt(399) == pytest.approx(t, rel=1e-12)


@pytest.mark.parametrize("scale", [1e-300, 1e-160, 1.0, 1e160, 1e300])
def test_the_scale_of_returns_does_not_matter(scale):
    expected = risk.sharpe_ratio(skewed())
    np.testing.assert_allclose(risk.sharpe_ratio(scale * skewed())[:4], expected[:4], rtol=1e-9)


def test_returns_that_are_all_equal_have_no_ratio():
    for value in (0.0, 0.1, -3.0):
        found = risk.sharpe_ratio([value] * 7, periods=12)
        assert found.n == 7 and np.isnan([found[0], *found[2:]]).all()
    assert risk.sharpe_ratio([1.0, 2.0]).annual is None


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        (([0.1],), DataError, "returns: expected at least 2 periods, got 1"),
        (([0.1, np.nan],), DataError, "returns: expected finite numbers, got nan at row 1"),
        ((np.ones((3, 2)),), ShapeError, r"returns: expected shape \(periods,\)"),
        ((["a", "b"],), DataTypeError, "returns"),
        (([0.1, 0.2], 0), ArgumentError, "periods: expected a number above 0"),
        (([0.1, 0.2], -1), ArgumentError, "periods"),
        (([0.1, 0.2], "12"), DataTypeError, "periods"),
    ],
)
def test_what_the_ratio_refuses(arguments, error, words):
    with pytest.raises(error, match=words):
        risk.sharpe_ratio(*arguments)


# -- how sure ----------------------------------------------------------------------------------


def by_formula(sharpe, n, skewness=0.0, kurtosis=3.0, benchmark=0.0):
    variance = 1 - skewness * sharpe + (kurtosis - 1) / 4 * sharpe**2
    return stats.norm.cdf((sharpe - benchmark) * np.sqrt(n - 1) / np.sqrt(variance))


@pytest.mark.parametrize("sharpe", [-0.3, 0.0, 0.05, 1.4])
@pytest.mark.parametrize(("skewness", "kurtosis"), [(0, 3), (-2.4, 10.2), (1, 2), (0, 1)])
@pytest.mark.parametrize("bar", [0.0, 0.1, -0.2])
def test_probabilistic_by_formula(sharpe, skewness, kurtosis, bar):
    given = sharpe, 120, skewness, kurtosis, bar
    found = risk.probabilistic_sharpe(*given)
    assert found.probability == pytest.approx(by_formula(*given), abs=1e-13)
    assert found.probability + found.p_value == pytest.approx(1, abs=1e-15)
    assert found.p_value == pytest.approx(stats.norm.sf(found.statistic), rel=1e-12)
    assert found.benchmark == bar


def test_the_examples_of_the_papers():
    # Bailey & Lopez de Prado 2012: two years of months of a fund, with and without its moments
    assert risk.probabilistic_sharpe(0.458, 24).probability == pytest.approx(0.982, abs=6e-4)
    found = risk.probabilistic_sharpe(0.458, 24, -2.448, 10.164)
    assert found.probability == pytest.approx(0.913, abs=6e-4)
    # the same: months of a ratio of 2 a year, against 1, normal or as hedge funds are
    months = risk.minimum_track_record(2 / 12**0.5, benchmark=1 / 12**0.5)
    assert months.length / 12 == pytest.approx(3.24, abs=0.01)
    months = risk.minimum_track_record(2 / 12**0.5, -0.72, 5.78, benchmark=1 / 12**0.5)
    assert months.length / 12 == pytest.approx(4.99, abs=0.01)
    # 2014: 2.5 a year over 5 years of days, the best of 100, of 46
    of_100 = risk.deflated_sharpe(2.5 / 250**0.5, 1250, -3, 10, 100, 0.5 / 250)
    assert of_100.benchmark == pytest.approx(0.1132, abs=5e-5)
    assert of_100.probability == pytest.approx(0.9004, abs=5e-5)
    of_46 = risk.deflated_sharpe(2.5 / 250**0.5, 1250, -3, 10, 46, 0.5 / 250)
    assert of_46.probability == pytest.approx(0.9505, abs=5e-5)


def test_a_distribution_of_two_values_has_no_variance_left():
    found = risk.probabilistic_sharpe(2.0, 10, skewness=1.0, kurtosis=2.0)
    assert (found.statistic, found.probability, found.p_value) == (math.inf, 1, 0)
    found = risk.probabilistic_sharpe(2.0, 10, 1.0, 2.0, benchmark=2.0)
    assert (found.statistic, found.probability) == (0, 0.5)


@pytest.mark.parametrize("confidence", [0.5, 0.9, 0.95, 0.999])
@pytest.mark.parametrize("bar", [0.0, 0.05])
def test_a_track_record_just_long_enough(confidence, bar):
    found = risk.minimum_track_record(0.13, -1.0, 6.0, bar, confidence)
    expected = by_formula(0.13, found.length, -1.0, 6.0, bar)
    assert expected == pytest.approx(confidence, abs=1e-12)
    assert found.statistic == pytest.approx(stats.norm.ppf(confidence), abs=1e-12)


def test_no_track_record_is_long_enough_below_the_benchmark():
    assert risk.minimum_track_record(0.1, benchmark=0.1).length == math.inf
    assert risk.minimum_track_record(-0.1).length == math.inf


@pytest.mark.parametrize("trials", [2, 10, 200, 5000])
def test_the_benchmark_is_the_mean_of_the_largest_of_so_many(trials):
    rng = np.random.default_rng(trials)
    largest = [rng.normal(0, 0.2, trials).max() for _ in range(3000)]
    found = risk.deflated_sharpe(0.1, 100, 0, 3, trials, 0.04)
    # the formula is of large numbers: of two it gives 0.70 where 0.56 is right (times 0.2)
    assert found.benchmark == pytest.approx(np.mean(largest), rel=0.03 if trials > 2 else 0.3)
    expected = risk.probabilistic_sharpe(0.1, 100, benchmark=found.benchmark)
    assert found == expected


def test_one_trial_is_not_deflated():
    assert risk.deflated_sharpe(0.1, 99, -1, 5, 1, 0.3) == risk.probabilistic_sharpe(
        0.1, 99, -1, 5
    )


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"kurtosis": 0.0}, ArgumentError, "kurtosis: .*add 3 to an excess kurtosis"),
        ({"kurtosis": 3.0, "skewness": -2.0}, ArgumentError, r"kurtosis: .*= 5, got 3"),
        ({"n": 1}, ArgumentError, "n: expected a number >= 2"),
        ({"n": 100.0}, DataTypeError, "n: expected a whole number"),
        ({"sharpe": np.nan}, ArgumentError, "sharpe"),
        ({"sharpe": [0.1, 0.2]}, DataTypeError, "sharpe"),
        ({"skewness": np.inf}, ArgumentError, "skewness"),
        ({"trials": 0}, ArgumentError, "trials"),
        ({"trials": 2.5}, DataTypeError, "trials"),
        ({"variance": -0.1}, ArgumentError, "variance"),
        ({"variance": None}, DataTypeError, "variance"),
    ],
)
def test_what_deflated_sharpe_refuses(change, error, words):
    given = {"sharpe": 0.1, "n": 9, "skewness": 0, "kurtosis": 3, "trials": 3, "variance": 0.1}
    with pytest.raises(error, match=words):
        risk.deflated_sharpe(**given | change)


@pytest.mark.parametrize("confidence", [0.4, 1.0, 95, np.nan, None])
def test_what_a_track_record_refuses(confidence):
    with pytest.raises((ArgumentError, DataTypeError), match="confidence"):
        risk.minimum_track_record(0.1, confidence=confidence)


# -- the best of a search ----------------------------------------------------------------------


class Rule:
    """Hold a long position where a weighted sum of signals is positive, else a short one."""

    def __init__(self, weights):
        self.weights = weights

    def fit(self, x, y):
        if self.weights is None:
            raise ValueError("no weights")
        return self


def score(model, x, y):
    earned = np.sign(x @ model.weights) * y
    return {"sharpe": risk.sharpe_ratio(earned).sharpe, "returns": earned}


def search_for(sets, x, y, splits, score=score):
    sets = [{"weights": weights} for weights in sets]
    return many.parameter_search(Rule, sets, x, y, splits, score=score, mode="max", n_jobs=1)


RNG = np.random.default_rng(8)
X, Y = RNG.normal(size=(90, 4)), 0.01 * RNG.normal(size=90)
SPLITS = many.walk_forward(90, 20)
SETS = [*RNG.normal(size=(12, 4))]


def test_a_search_by_hand():
    search = search_for(SETS, X, Y, SPLITS)
    held_out = np.concatenate([test for _, test in SPLITS])
    earned = [np.sign(X[held_out] @ w) * Y[held_out] for w in SETS]
    ratios = [r.mean() / r.std() for r in earned]
    best = earned[search.best["index"]]
    expected = risk.deflated_sharpe(
        best.mean() / best.std(), len(best), stats.skew(best),
        stats.kurtosis(best, fisher=False), 12, np.var(ratios, ddof=1),
    )  # fmt: skip
    found = risk.deflated_sharpe_of(search)
    np.testing.assert_allclose(found, expected, rtol=1e-9)
    more = risk.deflated_sharpe_of(search, trials=500)
    assert more.benchmark > found.benchmark and more.probability < found.probability


def test_sets_that_failed_or_never_trade_are_no_trials():
    expected = risk.deflated_sharpe_of(search_for(SETS, X, Y, SPLITS))
    search = search_for([*SETS, None, np.zeros(4)], X, Y, SPLITS)
    assert search[12]["error"] is not None and np.isnan(search[13]["mean"])
    assert risk.deflated_sharpe_of(search) == expected
    with pytest.raises(ArgumentError, match="trials: expected a number >= 12, got 11"):
        risk.deflated_sharpe_of(search, trials=11)


def test_halving_and_figures_of_another_name():
    def other(model, x, y):
        found = score(model, x, y)
        return {"sharpe": found["sharpe"], "daily": pandas.Series(found["returns"])}

    search = search_for(SETS, X, Y, SPLITS, other)
    expected = risk.deflated_sharpe_of(search_for(SETS, X, Y, SPLITS))
    assert risk.deflated_sharpe_of(search, "daily") == expected
    with pytest.raises(UnknownNameError, match=r"returns: no 'returns'.*daily"):
        risk.deflated_sharpe_of(search)
    with pytest.raises(ShapeError, match=r"'sharpe' of set 0: expected shape \(periods,\)"):
        risk.deflated_sharpe_of(search, "sharpe")
    sets = [{"weights": weights} for weights in SETS]
    halving = many.successive_halving(
        Rule, sets, X, Y, SPLITS, score=score, mode="max", resource="rows", least=5, most=20,
    )  # fmt: skip
    assert 0 < risk.deflated_sharpe_of(halving).probability < 1


def test_what_else_a_search_lacks():
    for given in (None, [], Y, "search"):
        with pytest.raises(DataTypeError, match="search: expected a fastgd"):
            risk.deflated_sharpe_of(given)
    search = search_for([None, None], X, Y, SPLITS)
    with pytest.raises(ArgumentError, match="no parameter set has a score: ValueError"):
        risk.deflated_sharpe_of(search)
    flat = search_for(SETS[:2], X, Y, SPLITS, lambda m, x, y: {"a": 1.0, "returns": 0 * y})
    with pytest.raises(ArgumentError, match="returns: those of the best set, 0, are all equal"):
        risk.deflated_sharpe_of(flat)


def test_the_best_of_200_strategies_on_noise_does_not_pass():
    deflated, alone = [], []
    for seed in range(50):
        rng = np.random.default_rng(seed)
        x, y = rng.normal(size=(500, 10)), 0.01 * rng.standard_t(4, size=500)
        split = [(np.arange(250), np.arange(250, 500))]
        search = search_for([*rng.normal(size=(200, 10))], x, y, split)
        deflated.append(risk.deflated_sharpe_of(search).probability)
        best = risk.sharpe_ratio(search.best["figures"]["returns"][0])
        alone.append(risk.probabilistic_sharpe(*best[:4]).probability)
    assert np.mean(np.array(deflated) < 0.95) >= 0.9
    # the same strategies look fine to who does not count the others
    assert np.mean(np.array(alone) < 0.95) < 0.1


def test_a_strategy_with_skill_does_pass():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(1000, 10))
    y = 0.01 * rng.standard_t(4, size=1000) + 0.004 * x[:, 0]
    split = [(np.arange(500), np.arange(500, 1000))]
    without = rng.normal(size=(199, 10)) * (np.arange(10) > 0)
    sets = [*without, np.eye(10)[0]]
    search = search_for(sets, x, y, split)
    assert search.best["index"] == 199
    assert risk.deflated_sharpe_of(search).probability > 0.99
