"""The chances beyond a statistic: compared with SciPy's, and with sums by hand."""

import math

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


@pytest.mark.parametrize("degrees", [1, 2, 4, 9, 30, 1000])
@pytest.mark.parametrize("t", [0.0, 1e-8, 0.5, -2.0, 12.7, 300.0])
def test_student(degrees, t):
    expected = 2 * stats.t.sf(abs(t), degrees)
    assert tails.student(t, degrees) == pytest.approx(expected, rel=1e-10, abs=1e-290)


def test_student_by_hand():
    # with one degree it is Cauchy's, with two t / sqrt(2 + t^2)
    assert tails.student(1.0, 1) == pytest.approx(0.5, rel=1e-14)
    assert tails.student(3.0, 2) == pytest.approx(1 - 3 / math.sqrt(11), rel=1e-13)
    assert tails.student(math.inf, 3) == tails.student(-math.inf, 3) == 0.0


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
