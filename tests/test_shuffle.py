"""The order of the rows: a permutation, the same on every engine, from a known generator."""

import numpy as np
import pytest
from engines import FOR_EVER, Net, each_build, each_engine, engine, job_of, train_job

from fastgd import reference
from fastgd._core.formulas import Loss
from fastgd.reference.shuffle import draws

KEYS = [0, 1, 12345, 2**63 - 1, 2**63, 2**64 - 1]
SIZES = [0, 1, 2, 3, 17, 256, 1000, 4097]


def splitmix(state):
    """The generator as it is published, in whole numbers without end."""
    while True:
        state = (state + 0x9E3779B97F4A7C15) % 2**64
        z = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) % 2**64
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) % 2**64
        yield z ^ (z >> 31)


def test_the_stream_of_key_0_is_splitmix64s():
    published = [0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4, 0x06C45D188009454F]
    assert draws(0, 3).tolist() == published


@pytest.mark.parametrize("key", KEYS)
def test_draws_agree_with_whole_numbers(key):
    stream = splitmix(key)
    assert draws(key, 100).tolist() == [next(stream) for _ in range(100)]


@each_engine
@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("n", SIZES)
def test_permutation_agrees_with_whole_numbers(build, key, n):
    stream = splitmix(key)
    numbers = [next(stream) for _ in range(n)]
    expected = list(range(n))
    for i in range(n - 1, 0, -1):
        # the top 53 bits as a fraction of 1, times i + 1: rounding never brings it to i + 1
        j = int((numbers[i] >> 11) / 2**53 * (i + 1))
        expected[i], expected[j] = expected[j], expected[i]
    found = engine(build).permutation(key, n)
    assert found.dtype == np.int64
    assert found.tolist() == expected


@each_build
def test_a_large_permutation_agrees_with_the_reference(build):
    found = engine(build).permutation(99, 100_003)
    np.testing.assert_array_equal(found, reference.permutation(99, 100_003))
    np.testing.assert_array_equal(np.sort(found), np.arange(100_003))


@each_engine
def test_each_row_comes_to_each_place_equally_often(build):
    n, trials = 6, 3000
    counts = np.zeros((n, n))
    for key in range(trials):
        counts[np.arange(n), engine(build).permutation(key, n)] += 1
    expected = trials / n
    # chi-squared of (n - 1)^2 degrees of freedom: 25; 60 is beyond one chance in 10 000
    assert ((counts - expected) ** 2 / expected).sum() < 60


@each_engine
def test_train_takes_the_rows_in_this_order_and_fills_it_in_step_0(build):
    net = Net([3, 1], [None], Loss.LOSS_MEAN_SQUARED_ERROR, np.float64)
    x, y = net.data(50)
    shuffled, sorted_ = net.run(build), net.run(build)
    order = np.zeros(50, np.int64)
    rates = np.array([0.05])
    first, last = (0, 3), (3, 8)
    for a, b in (first, last):
        # a later span goes by the order it is given, whatever the key
        job = job_of(x, y, order, 77 + a, 7, rates)
        train_job(shuffled, job, a, b, FOR_EVER)
    np.testing.assert_array_equal(order, reference.permutation(77, 50))
    job = job_of(x[order], y[order], None, 0, 7, rates)
    train_job(sorted_, job, 0, 8, FOR_EVER)
    np.testing.assert_array_equal(shuffled.parameters, sorted_.parameters)
    np.testing.assert_array_equal(shuffled.totals, sorted_.totals)
