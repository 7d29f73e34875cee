"""Backtests of value at risk and expected shortfall: figures, other derivations, edges."""

import itertools
import math
from fractions import Fraction

import numpy as np
import pandas
import pytest

from fastgd import risk
from fastgd.errors import ArgumentError, DataError, DataTypeError, ShapeError

stats = pytest.importorskip("scipy.stats")


def days(n, count):
    return np.arange(n) < count


# -- frequency ---------------------------------------------------------------------------------


def test_kupiec_has_the_known_figures():
    one = risk.kupiec(days(250, 1), 0.01)
    assert one.statistic == pytest.approx(1.17649114, abs=5e-9)
    assert one.p_value == pytest.approx(0.27807149, abs=5e-9)
    many = risk.kupiec(days(1043, 57), 0.05)
    assert many.statistic == pytest.approx(0.46146640, abs=5e-9)
    assert many.p_value == pytest.approx(0.49693945, abs=5e-9)
    assert many[2:] == (57, 1043, pytest.approx(52.15))


@pytest.mark.parametrize("n", [1, 2, 250, 4000])
@pytest.mark.parametrize("level", [0.001, 0.01, 0.5, 0.99])
def test_kupiec_is_the_ratio_of_two_binomial_likelihoods(n, level):
    for count in {0, 1, n // 50, n // 2, n - 1, n}:
        found = risk.kupiec(days(n, count), level)
        ratio = stats.binom.logpmf(count, n, count / n) - stats.binom.logpmf(count, n, level)
        assert found.statistic == pytest.approx(2 * ratio, rel=1e-8, abs=1e-9)
        assert found.p_value == pytest.approx(stats.chi2.sf(2 * ratio, 1), rel=1e-6, abs=1e-9)


def test_kupiec_where_there_is_no_exception_or_nothing_else():
    assert risk.kupiec(days(250, 0), 0.01).statistic == pytest.approx(-500 * math.log(0.99))
    assert risk.kupiec(days(250, 250), 0.01).statistic == pytest.approx(-500 * math.log(0.01))
    exact = risk.kupiec(days(200, 10), 0.05)
    assert (exact.statistic, exact.p_value) == (0.0, 1.0)


def test_kupiec_accepts_one_to_six_of_250():  # the docstring says so
    accepted = [n for n in range(20) if risk.kupiec(days(250, n), 0.01).p_value > 0.05]
    assert accepted == [1, 2, 3, 4, 5, 6]


def by_powers(sequence):
    """Christoffersen's statistic from products of exact chances, transition by transition."""
    steps = list(itertools.pairwise(sequence))
    exceptions = sum(after for _, after in steps)
    common, separate = Fraction(exceptions, len(steps)), {}
    for kind in (0, 1):
        of_kind = [after for before, after in steps if before == kind]
        separate[kind] = Fraction(sum(of_kind), len(of_kind)) if of_kind else Fraction(0)
    null = alternative = Fraction(1)
    for before, after in steps:
        null *= common if after else 1 - common
        alternative *= separate[before] if after else 1 - separate[before]
    return 2 * math.log(alternative / null)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("rate", [0.1, 0.5])
def test_christoffersen_by_exact_fractions(seed, rate):
    sequence = (np.random.default_rng(seed).random(40) < rate).astype(int).tolist()
    found = risk.christoffersen(sequence)
    assert found.statistic == pytest.approx(by_powers(sequence), abs=1e-12)
    assert found.p_value == pytest.approx(stats.chi2.sf(by_powers(sequence), 1), abs=1e-7)
    assert sum(map(sum, found.transitions)) == 39


@pytest.mark.parametrize(
    ("sequence", "transitions"),
    [
        ([0] * 9, ((8, 0), (0, 0))),
        ([1] * 9, ((0, 0), (0, 8))),
        ([0, 1], ((0, 1), (0, 0))),
        ([1, 0], ((0, 0), (1, 0))),
        ([0] * 8 + [1], ((7, 1), (0, 0))),
        ([1] + [0] * 8, ((7, 0), (1, 0))),
        ([0, 1, 0, 0, 1, 0], ((1, 2), (2, 0))),  # none follows another
    ],
)
def test_christoffersen_where_kinds_of_steps_are_missing(sequence, transitions):
    found = risk.christoffersen(sequence)
    assert found.transitions == transitions
    assert found.statistic == pytest.approx(by_powers(sequence), abs=1e-12)
    assert 0 <= found.p_value <= 1


def test_clusters_are_seen_and_spread_exceptions_are_not():
    clustered = np.isin(np.arange(500) // 5, [10, 40])  # ten days in two runs
    spread = np.arange(500) % 50 == 25
    assert risk.christoffersen(clustered).p_value < 1e-6
    assert risk.christoffersen(spread).p_value > 0.4
    assert risk.kupiec(clustered, 0.02).p_value == risk.kupiec(spread, 0.02).p_value == 1


def test_conditional_coverage_is_both():
    failed = np.random.default_rng(3).random(600) < 0.03
    found = risk.conditional_coverage(failed, 0.01)
    assert found.coverage == risk.kupiec(failed, 0.01)
    assert found.independence == risk.christoffersen(failed)
    assert found.statistic == found.coverage.statistic + found.independence.statistic
    assert found.p_value == pytest.approx(math.exp(-found.statistic / 2), rel=1e-14)
    assert found.coverage.days == 600 and sum(map(sum, found.independence.transitions)) == 599


def test_a_right_model_is_rejected_as_often_as_it_should():
    rng = np.random.default_rng(0)
    found = [risk.kupiec(rng.random(1000) < 0.05, 0.05).p_value for _ in range(1000)]
    exact = sum(
        stats.binom.pmf(n, 1000, 0.05)
        for n in range(1001)
        if risk.kupiec(days(1000, n), 0.05).p_value < 0.05
    )
    assert np.mean(np.array(found) < 0.05) == pytest.approx(exact, abs=0.02)
    assert 0.03 < exact < 0.07


# -- Basel's zones -----------------------------------------------------------------------------


def test_the_traffic_light_has_the_zones_of_basel():
    zones = [risk.traffic_light(days(250, count), 0.01).zone for count in range(14)]
    assert zones == ["green"] * 5 + ["yellow"] * 5 + ["red"] * 4


@pytest.mark.parametrize("n", [1, 100, 250, 1000])
@pytest.mark.parametrize("level", [0.01, 0.05])
def test_the_traffic_light_by_the_binomial_distribution(n, level):
    for count in {0, 1, n // 20, n // 10, n}:
        found = risk.traffic_light(days(n, count), level)
        at_most = stats.binom.cdf(count, n, level)
        expected = "red" if at_most >= 0.9999 else "yellow" if at_most >= 0.95 else "green"
        assert (found.statistic, found.zone, found.days) == (count, expected, n)
        assert found.p_value == pytest.approx(stats.binom.sf(count - 1, n, level), abs=1e-12)


# -- what days may be --------------------------------------------------------------------------

KINDS = [
    list, np.array, lambda d: np.array(d, np.float32)[:, None], pandas.Series,
    lambda d: pandas.Series(d, dtype="boolean"), lambda d: [int(v) for v in d],
]  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_days_of_any_kind(kind):
    failed = [False, True, True, False, False, True, False, False]
    given = kind(failed)
    assert risk.conditional_coverage(given, 0.2) == risk.conditional_coverage(failed, 0.2)
    assert risk.traffic_light(given, 0.2) == risk.traffic_light(failed, 0.2)


@pytest.mark.parametrize(
    ("exceptions", "level", "error", "words"),
    [
        ([0, 1, 2], 0.1, DataError, "exceptions: .*True and False.* got 2.0 at row 2"),
        ([0.5], 0.1, DataError, "got 0.5 at row 0"),
        ([np.nan, 1], 0.1, DataError, "got nan at row 0"),
        ([], 0.1, DataError, "exceptions: expected at least 1 days, got 0"),
        (np.zeros((2, 2)), 0.1, ShapeError, r"exceptions: expected shape \(days,\)"),
        (True, 0.1, ShapeError, "exceptions"),
        (None, 0.1, DataTypeError, "exceptions"),
        (["yes"], 0.1, DataTypeError, "exceptions"),
        ([0, 1], 0, ArgumentError, "level: expected a number between 0 and 1, got 0"),
        ([0, 1], 1.0, ArgumentError, "level: expected a number between 0 and 1"),
        ([0, 1], 5, ArgumentError, "level"),
        ([0, 1], np.nan, ArgumentError, "level"),
        ([0, 1], "0.01", DataTypeError, "level"),
        ([0, 1], True, DataTypeError, "level"),
    ],
)
def test_what_backtests_refuse(exceptions, level, error, words):
    for test in (risk.kupiec, risk.traffic_light):
        with pytest.raises(error, match=words):
            test(exceptions, level)


def test_independence_needs_two_days():
    for call in (lambda: risk.christoffersen([1]), lambda: risk.conditional_coverage([1], 0.1)):
        with pytest.raises(DataError, match="expected at least 2 days, got 1"):
            call()


# -- expected shortfall ------------------------------------------------------------------------


def by_loop(returns, var, es, level, z):
    total, count = 0.0, 0
    for r, v, e in zip(returns, var, es, strict=True):
        if r + v < 0:
            total, count = total + r / e, count + 1
    return total / (count if z == 1 else len(returns) * level) + 1


@pytest.mark.parametrize("z", [1, 2])
def test_shortfall_by_a_loop(z):
    rng = np.random.default_rng(1)
    returns = 0.02 * rng.standard_t(4, 500)
    var = rng.uniform(0.02, 0.04, 500)
    es = var * rng.uniform(1, 1.5, 500)
    found = risk.acerbi_szekely(returns, var, es, 0.05, z)
    assert found.statistic == pytest.approx(by_loop(returns, var, es, 0.05, z), rel=1e-12)
    assert found.exceptions == (returns < -var).sum() and found.days == 500
    assert math.isnan(found.p_value)


def normal_returns(days, simulations, seed=0):
    """Standard normal returns, and their VaR and ES at 2.5 %."""
    level = 0.025
    var = -stats.norm.ppf(level)
    drawn = np.random.default_rng(seed).normal(size=(simulations, days))
    return drawn, var, stats.norm.pdf(var) / level, level


def test_shortfall_of_right_forecasts_is_0_on_average_and_low_where_risk_is_higher():
    drawn, var, es, level = normal_returns(250, 4000)
    for z in (1, 2):
        right = [risk.acerbi_szekely(r, var, es, level, z).statistic for r in drawn[:1000]]
        assert abs(np.nanmean(right)) < 0.03
        wild = [risk.acerbi_szekely(1.5 * r, var, es, level, z).statistic for r in drawn[:300]]
        assert np.nanmean(wild) < -0.1
    calm = [risk.acerbi_szekely(0.7 * r, var, es, level).statistic for r in drawn[:300]]
    assert np.mean(calm) > 0.3


def test_the_published_critical_value_of_z2():
    drawn, var, es, level = normal_returns(250, 4000)
    found = [risk.acerbi_szekely(r, var, es, level).statistic for r in drawn]
    assert np.quantile(found, 0.05) == pytest.approx(-0.70, abs=0.03)


def test_the_p_value_counts_scenarios():
    drawn, var, es, level = normal_returns(250, 999, seed=4)
    observed = 1.2 * normal_returns(250, 1, seed=5)[0][0]
    for z in (1, 2):
        found = risk.acerbi_szekely(observed, var, es, level, z, scenarios=drawn)
        vars_, shortfalls = np.full(250, var), np.full(250, es)
        low = [by_loop(r, vars_, shortfalls, level, z) <= found.statistic for r in drawn
               if (r < -var).any()]  # fmt: skip
        assert found.p_value == (1 + sum(low)) / 1000


def test_shortfall_without_exceptions():
    quiet = np.zeros(30)
    assert risk.acerbi_szekely(quiet, 0.1, 0.2, 0.025).statistic == 1
    found = risk.acerbi_szekely(quiet, 0.1, 0.2, 0.025, 1, scenarios=-np.ones((5, 30)))
    assert math.isnan(found.statistic) and math.isnan(found.p_value)


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"var": -0.02}, DataError, "var: expected positive numbers.*give its negative"),
        ({"es": [0.03, -0.03, 0.03]}, DataError, "es: expected positive numbers.*row 1"),
        ({"es": 0.01}, DataError, "es: expected at least the var of its day.*row 0"),
        ({"var": 0.0, "es": [0.1, 0.0, 0.1]}, DataError, "es: expected positive.*row 1"),
        ({"var": [0.1, 0.2]}, ShapeError, "var: expected one for each of 3 days, got 2"),
        ({"var": None}, DataTypeError, "var"),
        ({"es": np.inf}, DataError, "es: expected finite numbers"),
        ({"returns": [0.1, np.nan, 0]}, DataError, "returns: expected finite.*nan at row 1"),
        ({"returns": []}, DataError, "returns: expected at least 1 days"),
        ({"level": 0}, ArgumentError, "level"),
        ({"z": 3}, ArgumentError, "z: expected 1 or 2"),
        ({"z": True}, ArgumentError, "z: expected 1 or 2"),
        ({"scenarios": np.zeros((4, 2))}, ShapeError, r"scenarios: .*\(simulations, 3\)"),
        ({"scenarios": np.zeros((0, 3))}, ShapeError, "scenarios"),
        ({"scenarios": [[0.0, np.nan, 0.0]]}, DataError, "scenarios: .*row 0, column 1"),
    ],
)
def test_what_shortfall_refuses(change, error, words):
    arguments = {"returns": [0.01, -0.05, 0.0], "var": 0.02, "es": 0.03, "level": 0.05} | change
    with pytest.raises(error, match=words):
        risk.acerbi_szekely(**arguments)
