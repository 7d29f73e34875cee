"""The chances beyond a statistic: compared with SciPy's, and with sums by hand."""

import math

import numpy as np
import pytest

import fastgd._tails as tails

stats = pytest.importorskip("scipy.stats")
special = pytest.importorskip("scipy.special")


@pytest.mark.parametrize("degrees", [1, 2, 3, 4, 9, 30, 999])
@pytest.mark.parametrize("x", [1e-12, 0.1, 1.0, 3.84, 30.0, 400.0, 1400.0])
def test_chi_squared(degrees, x):
    expected = stats.chi2.sf(x, degrees)
    assert tails.chi_squared(x, degrees) == pytest.approx(expected, rel=1e-11, abs=1e-300)


def test_chi_squared_of_nothing():
    assert tails.chi_squared(0.0, 1) == tails.chi_squared(0.0, 2) == 1.0
    assert tails.chi_squared(1.17649114, 1) == pytest.approx(math.erfc((1.17649114 / 2) ** 0.5))
    assert tails.chi_squared(3.0, 2) == pytest.approx(math.exp(-1.5), rel=1e-15)


@pytest.mark.parametrize("z", [-38.0, -5.0, -0.3, 0.0, 1.96, 6.0, 37.0])
def test_normal(z):
    assert tails.normal(z) == pytest.approx(stats.norm.sf(z), rel=1e-12)


@pytest.mark.parametrize("n", [1, 7, 250, 9235])
@pytest.mark.parametrize("chance", [0.01, 0.05, 0.5])
def test_binomial(n, chance):
    for count in {0, 1, 2, n // 100, n // 20, n // 2, n - 1, n}:
        expected = stats.binom.sf(count - 1, n, chance)
        assert tails.binomial(count, n, chance) == pytest.approx(expected, rel=1e-9, abs=1e-280)


def test_binomial_is_a_sum():
    every = [math.comb(20, i) * 0.3**i * 0.7 ** (20 - i) for i in range(21)]
    for count in range(21):
        assert tails.binomial(count, 20, 0.3) == pytest.approx(sum(every[count:]), rel=1e-12)


@pytest.mark.parametrize("a", [0.1, 0.5, 3.0, 80.0, 2000.0])
@pytest.mark.parametrize("b", [0.1, 0.5, 3.0, 80.0, 2000.0])
def test_incomplete_beta(a, b):
    for x in (0.0, 1e-9, 0.02, 0.4999, 0.5, 0.77, 1 - 1e-9, 1.0):
        expected = special.betainc(a, b, x)
        assert tails.incomplete_beta(a, b, x, 1 - x) == pytest.approx(expected, rel=1e-9)


FREEDOMS = (1, 2, 3.5, 10, 98, 99, 100, 101, 1000, 1e5)


def test_log_gamma_of_whole_numbers_is_that_of_factorials():
    n = np.arange(1, 100)
    expected = [math.log(math.factorial(k - 1)) for k in n.tolist()]
    np.testing.assert_allclose(tails.log_gamma(n), expected, rtol=1e-14, atol=1e-14)
    assert tails.log_gamma(0.5) == pytest.approx(0.5 * math.log(math.pi), rel=1e-15)


def test_log_gamma_is_scipys():
    x = np.geomspace(1e-8, 1e9, 500)
    np.testing.assert_allclose(tails.log_gamma(x), special.gammaln(x), rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("freedom", FREEDOMS)
def test_students_t_is_scipys(freedom):
    for t in (1e-3, 0.01, 0.5, 1.0, 1.7, 1.8, 2.5, 5.0, 12.0, 1e3, 1e30):
        expected = 2 * stats.t.sf(t, freedom)
        for sign in (t, -t):
            assert tails.t_p_value(sign, freedom) == pytest.approx(
                expected, rel=1e-11, abs=1e-300
            )
    for p in (0.5, 0.6, 0.9, 0.975, 0.9999, 1 - 1e-9):
        expected = stats.t.ppf(p, freedom)
        assert tails.t_quantile(p, freedom) == pytest.approx(expected, rel=1e-7, abs=1e-12)
        assert tails.t_p_value(expected, freedom) == pytest.approx(2 * (1 - p), rel=1e-7)


def test_students_t_of_one_and_two_degrees_has_a_formula():
    """Cauchy's distribution, and t / sqrt(2 + t²)."""
    for t in (0.1, 1.0, 3.0, 50.0):
        assert tails.t_p_value(t, 1) == pytest.approx(2 * math.atan(1 / t) / math.pi, rel=1e-13)
        near = t / math.sqrt(2 + t * t)
        assert tails.t_p_value(t, 2) == pytest.approx(1 - near, rel=1e-11)


def test_ends():
    assert tails.t_p_value(0.0, 5) == 1
    assert tails.t_p_value(math.inf, 5) == tails.t_p_value(1e200, 5) == 0
    assert math.isnan(tails.t_p_value(math.nan, 5))
    assert tails.normal_p_value(0.0) == 1
    assert tails.normal_p_value(100.0) == 0


def test_the_normal_distribution():
    for z in (0.3, 1.0, 4.0):
        assert tails.normal_quantile(1 - tails.normal_p_value(z) / 2) == pytest.approx(
            z, rel=1e-10
        )
    assert tails.normal_p_value(-1.959963984540054) == pytest.approx(0.05, rel=1e-12)
