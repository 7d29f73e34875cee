"""Random numbers of layers: the same on every engine, and distributed as they should be."""

import math

import numpy as np
import pytest
from engines import Plan, distance, each_build, each_dtype, each_engine, engine, flat

from fastgd._core import types
from fastgd._core.types import Noise, Op
from fastgd._engine.table import Table

SHAPE = 500, 401
STREAM = 987654321


def noisy(
    build, kind, settings, dtype=np.float64, shape=SHAPE, key=7, stream=STREAM, value=1.0
):
    """A constant after a single layer of noise."""
    table = Table(shape[1])
    target = table.buffer(shape[1])
    table.row(Op.OP_NOISE, 0, target, kind=kind, keep=table.buffer(shape[1]),
              settings=(stream, *settings))  # fmt: skip
    made = table.plan([target], 0)
    plan = Plan(made.rows, made.widths, made.outputs, np.zeros(0, types.LOSS_TERM),
                np.zeros(0, types.METRIC_TERM), 0, 0, made.settings)  # fmt: skip
    program = engine(build).Program(plan, flat([], dtype), flat([], dtype))
    out = np.empty(shape, dtype)
    program.forward(flat([], dtype), np.full(shape, value, dtype), out, True, key)
    return out


def mask(build, rate, dtype=np.float64, columns=(), one_row=False, **kwargs):
    settings = (round(rate * 2**24), 1.0, 0.0, 0.0, one_row, bool(columns), *columns)
    return noisy(build, Noise.NOISE_MASK, settings, dtype, **kwargs)


@each_build
@each_dtype
@pytest.mark.parametrize("shape", [(1, 1), (3, 2), (65, 17), SHAPE])
def test_masks_equal_the_references(build, dtype, shape):
    for rate in (0.0, 0.1, 0.5, 0.999, 1.0):
        np.testing.assert_array_equal(
            mask(build, rate, dtype, shape=shape),
            mask("reference", rate, np.float64, shape=shape),
        )


@each_build
@each_dtype
@pytest.mark.parametrize("shape", [(1, 1), (3, 2), (65, 17), SHAPE])
@pytest.mark.parametrize("kind", [Noise.NOISE_ADDED, Noise.NOISE_FACTOR])
def test_normal_numbers_agree_with_the_references(build, dtype, shape, kind):
    found = noisy(build, kind, (1.0,), dtype, shape)
    expected = noisy("reference", kind, (1.0,), np.float64, shape)
    tolerance = 4e-7 if dtype == np.float32 else 1e-15
    assert distance(found, expected) < tolerance
    assert abs(found - expected).max() < 10 * tolerance


@each_engine
@pytest.mark.parametrize("rate", [0.01, 0.25, 0.5, 0.9])
def test_a_mask_has_its_rate_everywhere(build, rate):
    # each bound is five and a half standard deviations of a sum of independent draws, which is
    # passed once in 26 million times; there are some 1000 sums
    kept = mask(build, rate)
    for axis in (None, 0, 1):
        size = kept.size if axis is None else kept.shape[axis]
        deviation = np.sqrt(rate * (1 - rate) / size)
        assert abs(kept.mean(axis=axis) - (1 - rate)).max() < 5.5 * deviation
    # neighbours know nothing of each other, to the side, below and across
    centred = (kept - (1 - rate)) / np.sqrt(rate * (1 - rate))
    pairs = [(centred[:, :-k], centred[:, k:]) for k in (1, 2, 16, 200)]
    pairs += [(centred[:-k], centred[k:]) for k in (1, 2, 8)] + [
        (centred[1:, :-1], centred[:-1, 1:])
    ]
    for a, b in pairs:
        assert abs((a * b).mean()) < 5.5 / np.sqrt(a.size)


@each_engine
def test_normal_numbers_have_their_moments(build):
    z = noisy(build, Noise.NOISE_ADDED, (1.0,), value=0.0)
    n = z.size
    # the moments of a normal number up to the fourth: 0, 1, 0, 3; their variances 1, 2, 15, 96
    for power, expected, variance in ((1, 0, 1), (2, 1, 2), (3, 0, 15), (4, 3, 96)):
        assert abs((z**power).mean() - expected) < 5.5 * np.sqrt(variance / n)
    # Kolmogorov's bound for the whole distribution, passed once in ten million times
    sample = np.sort(z.ravel())
    erf = np.vectorize(math.erf)
    gap = abs(0.5 + 0.5 * erf(sample / np.sqrt(2)) - (np.arange(n) + 0.5) / n).max()
    assert gap < np.sqrt(np.log(2e7) / 2 / n)
    # the two numbers of a pair, and neighbours
    half = (z.shape[1] + 1) // 2
    for a, b in ((z[:, : half - 1], z[:, half:]), (z[:, 1:], z[:, :-1]), (z[1:], z[:-1])):
        assert abs((a * b).mean()) < 5.5 / np.sqrt(a.size)
        assert abs((a**2 * b**2).mean() - 1) < 5.5 * np.sqrt(8 / a.size)


@each_engine
def test_other_keys_and_streams_draw_other_numbers(build):
    masks = [
        mask(build, 0.5, key=key, stream=stream)
        for key, stream in ((1, 1), (2, 1), (1, 2), (2**64 - 1, 2**53 - 1))
    ]
    for i, a in enumerate(masks):
        for b in masks[:i]:
            assert abs((a == b).mean() - 0.5) < 5.5 * 0.5 / np.sqrt(a.size)
    np.testing.assert_array_equal(masks[0], mask(build, 0.5, key=1, stream=1))


@each_engine
def test_columns_and_rows_can_share_their_draws(build):
    shape = 40, 6
    whole = mask(build, 0.5, shape=shape)
    shared = mask(build, 0.5, shape=shape, columns=(0, 0, 2, 2, 0, 5))
    np.testing.assert_array_equal(shared, whole[:, [0, 0, 2, 2, 0, 5]])
    one = mask(build, 0.5, shape=shape, one_row=True)
    np.testing.assert_array_equal(one, np.tile(whole[:1], (40, 1)))


@each_engine
def test_a_mask_by_hand(build):
    settings = (2**23, 3.0, 0.5, -7.0, False, False)
    found = noisy(build, Noise.NOISE_MASK, settings, value=2.0)
    kept = mask(build, 0.5) == 1
    np.testing.assert_array_equal(found, np.where(kept, 6.5, -7.0))
