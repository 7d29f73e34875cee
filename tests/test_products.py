"""The products of matrices, through networks of one dense layer.

Whole numbers leave no rounding, so that each element must be right to the bit, whatever tile
it lies in; random numbers must stay within the bound that any order of K fused multiply-adds
keeps.
"""

import numpy as np
import pytest
from engines import Net, covering, each_build, each_dtype, flat, room_behind

from fastgd._core import cpu
from fastgd._core.formulas import Loss

# Around the borders of tiles (3, 6, 12, 16, 32) and of blocks of a packed panel (64 ... 256).
ROWS = [1, 2, 3, 4, 5, 6, 7, 11, 12, 13, 17, 31, 33, 63, 65, 129, 257, 300]
INPUTS = [1, 2, 3, 5, 8, 16, 17, 31, 32, 33, 64, 65, 127, 128, 129, 256, 257, 300, 700]
OUTPUTS = [1, 2, 3, 7, 8, 9, 15, 16, 17, 23, 24, 25, 31, 32, 33, 47, 48, 49, 64, 65, 100]
SHAPES = [
    tuple(row.values()) for row in covering({"M": ROWS, "K": INPUTS, "N": OUTPUTS}, seed=1)
]


def whole_numbers(rng, *shape):
    return rng.integers(-3, 4, shape)


def dense(build, w, b, dtype):
    """A program of one dense layer."""
    biases = b is not None
    net = Net([*w.shape], [None], Loss.LOSS_MEAN_SQUARED_ERROR, dtype, biases=biases)
    net.start[:] = np.concatenate([w.ravel(), b]) if biases else w.ravel()
    return net.run(build)


def guarded(shape, dtype):
    """An array of NaN, and the NaN around it that must stay."""
    size = int(np.prod(shape))
    around = np.full(size + 256, np.nan, dtype)
    return around[128 : 128 + size].reshape(shape), around


def untouched(around):
    return np.isnan(around[:128]).all() and np.isnan(around[-128:]).all()


def backward(run, x, d_out):
    """Gradients of kernel and bias, and of x."""
    (gradients, around), (d_x, around_x) = (
        guarded(len(run.parameters), x.dtype), guarded(x.shape, x.dtype)
    )  # fmt: skip
    out = np.empty_like(d_out)
    kept = run.program.forward(run.parameters, x, out)
    run.program.backward(kept, d_out, gradients, d_x)
    assert untouched(around)
    assert untouched(around_x)
    k, n = x.shape[1], d_out.shape[1]
    return gradients[: k * n].reshape(k, n), gradients[k * n :], d_x


@each_build
@each_dtype
@pytest.mark.parametrize("biases", [True, False])
def test_whole_numbers_are_exact(build, dtype, biases):
    rng = np.random.default_rng(0)
    for m, k, n in SHAPES:
        x, w, d = (whole_numbers(rng, *shape) for shape in ((m, k), (k, n), (m, n)))
        b = whole_numbers(rng, n) if biases else None
        run = dense(build, w, b, dtype)
        out, around = guarded((m, n), dtype)
        run.program.predict(x.astype(dtype), out, 0, 1e9)
        assert untouched(around)
        message = f"{m} x {k} x {n}"
        np.testing.assert_array_equal(out, x @ w + (b if biases else 0), message)
        d_w, d_b, d_x = backward(run, x.astype(dtype), d.astype(dtype))
        np.testing.assert_array_equal(d_w, x.T @ d, message)
        np.testing.assert_array_equal(d_x, d @ w.T, message)
        if biases:
            np.testing.assert_array_equal(d_b, d.sum(axis=0), message)
        assert np.isnan(room_behind(run.parameters)).all()


def worst_error(found, a, b, start=0.0):
    """The largest error of found = start + a @ b, in units of the bound of its sum."""
    # 64 bits of mantissa stand for exact: their rounding is 2^-11 of float64's
    a, b = a.astype(np.longdouble), b.astype(np.longdouble)
    terms = a.shape[1]
    # one rounding for each of the fused multiply-adds that an element is the sum of
    u = float(np.finfo(found.dtype).eps) / 2
    bound = terms * u / (1 - terms * u) * (np.abs(a) @ np.abs(b) + np.abs(start))
    return float((np.abs(found - (a @ b + start)) / bound).max())


@each_build
@each_dtype
def test_errors_stay_within_the_bound_of_their_sum(build, dtype):
    rng = np.random.default_rng(1)
    for m, k, n in [(1, 700, 3), (5, 300, 33), (33, 129, 17), (131, 17, 65), (300, 64, 9)]:
        x, w, b, d = (
            rng.normal(size=shape).astype(dtype) for shape in ((m, k), (k, n), (n,), (m, n))
        )
        run = dense(build, w, b, dtype)
        assert worst_error(run.predict(x), x, w, b) <= 1
        d_w, d_b, d_x = backward(run, x, d)
        assert worst_error(d_w, x.T, d) <= 1
        assert worst_error(d_x, d, w.T) <= 1
        assert worst_error(d_b[None], np.ones((1, m)), d) <= 1


def fused(start, a, b):
    """start + a[0] b[0] + a[1] b[1] ... in float32, each step rounded once.

    A product of two floats is exact in float64, and its sum with a third nearly so: the second
    rounding turns the first only where that fell on the middle of two floats, which the data of
    the test avoid.
    """
    total = np.float32(start)
    for p, q in zip(a.astype(np.float64), b.astype(np.float64), strict=True):
        total = np.float32(p * q + np.float64(total))
    return total


def rounded_twice(start, a, b):
    """The same sum where a build has no fused multiply-add: each product is rounded too."""
    total = np.float32(start)
    for p, q in zip(a, b, strict=True):
        total = p * q + total
    return total


@each_build
@pytest.mark.parametrize(("m", "k", "n"), [(1, 5, 3), (7, 300, 33), (40, 600, 17)])
def test_an_element_is_summed_in_order(build, m, k, n):
    lacks_fma = build == "baseline" and cpu.features()
    expected = rounded_twice if lacks_fma else fused
    rng = np.random.default_rng(2)
    x, w, b = (rng.normal(size=s).astype(np.float32) for s in ((m, k), (k, n), (n,)))
    out = dense(build, w, b, np.float32).predict(x)
    for i in {0, m // 2, m - 1}:
        for j in {0, n // 2, n - 1}:
            assert out[i, j] == expected(b[j], x[i], w[:, j])


@each_build
@each_dtype
def test_each_column_of_the_bias_is_four_interleaved_sums(build, dtype):
    rng = np.random.default_rng(3)
    for m, n in [(1, 3), (2, 1), (7, 17), (64, 33), (130, 5)]:
        d = rng.normal(size=(m, n)).astype(dtype)
        run = dense(build, np.zeros((2, n)), np.zeros(n), dtype)
        _, found, _ = backward(run, np.zeros((m, 2), dtype), d)
        parts = [np.add.accumulate(np.vstack([np.zeros((1, n), dtype), d[k::4]]))[-1]
                 for k in range(4)]  # fmt: skip
        np.testing.assert_array_equal(found, (parts[0] + parts[1]) + (parts[2] + parts[3]))


@each_build
@each_dtype
def test_what_stands_behind_the_parameters_is_never_used(build, dtype):
    net = Net([5, 3], [None], Loss.LOSS_MEAN_SQUARED_ERROR, dtype)
    x, _ = net.data(9)
    outputs = []
    for behind in (0.0, np.nan, np.inf):
        parameters = flat(net.start, dtype, behind)
        out = np.empty((9, 3), dtype)
        net.run(build).program.forward(parameters, x, out)
        outputs.append(out)
    assert np.isfinite(outputs[0]).all()
    np.testing.assert_array_equal(outputs[0], outputs[1])
    np.testing.assert_array_equal(outputs[0], outputs[2])
