"""Optimizers: each formula by hand, one weight at a time, and every build against it."""

import math

import numpy as np
import pytest
from engines import (
    RELU,
    TANH,
    Net,
    digest,
    each_build,
    each_dtype,
    each_engine,
    engine,
    flat,
    room_behind,
    state,
)
from formulas import ARGUMENTS, CASES, CLASSES, FORMULAS, made, path

from fastgd import Variable, optimizers
from fastgd._core import types
from fastgd._core.formulas import Loss
from fastgd._core.types import Status

RATE = 0.03
each_case = pytest.mark.parametrize("case", CASES)
each_class = pytest.mark.parametrize("name", CLASSES)


def test_every_optimizer_is_tried():
    assert set(CLASSES) == set(FORMULAS) == set(ARGUMENTS)
    left = {c.__name__ for c in optimizers.CLASSES} - set(CLASSES)
    assert left == {"LBFGS"}


def variables_of(vector, shapes):
    """Variables of these shapes, one behind the other."""
    found, offset = [], 0
    for i, shape in enumerate(shapes):
        found.append(Variable(vector, offset, shape, name=f"layer/v{i}"))
        offset += found[-1].size
    return found


def close(found, expected, dtype):
    scale = max(float(np.abs(expected).max()), 1e-3)
    tolerance = (2e-5 if dtype == np.float32 else 2e-13) * scale
    np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance)


@each_engine
@each_dtype
@each_case
@pytest.mark.parametrize("shape", [(37,), (5, 7)])
def test_ten_steps_by_hand(build, dtype, case, shape):
    rng = np.random.default_rng(0)
    n = math.prod(shape)
    start = rng.normal(size=shape).astype(dtype)
    gradients = rng.normal(size=(10, *shape)) * 10 ** rng.uniform(-2, 1, shape)
    gradients = gradients.astype(dtype)
    w, optimizer = flat(start, dtype), made(case)
    variables = variables_of(w, [shape])
    expected = path(case, start, gradients)
    for k, g in enumerate(gradients):
        kept = optimizer.state(w, variables)
        assert engine(build).update(w, flat(g, dtype), kept, RATE) == Status.STATUS_FINE
        assert optimizer.iterations == k + 1
        close(w, np.ravel(expected[k]), dtype)
    assert len(w) == n
    assert np.isnan(room_behind(w)).all()


OPTIONS = {
    "plain": {},
    "clipnorm": {"clipnorm": 0.7},
    "clipvalue": {"clipvalue": 0.5},
    "global_clipnorm": {"global_clipnorm": 1.5},
    "weight_decay": {"weight_decay": 0.5},
    "ema": {"use_ema": True, "ema_momentum": 0.7, "ema_overwrite_frequency": 3},
    "accumulation": {"gradient_accumulation_steps": 3},
    "all": {
        "global_clipnorm": 1.5, "weight_decay": 0.1, "use_ema": True,
        "gradient_accumulation_steps": 2,
    },
}  # fmt: skip

# Beside each other, of odd sizes; the third is frozen.
SHAPES = [(33,), (7, 11), (5,), (1, 3), (3, 1), (), (2, 3, 5), (1500,)]
SIZES = [math.prod(shape) for shape in SHAPES]
FROZEN = 2


def trained(vector):
    variables = variables_of(vector, SHAPES)
    return variables[:FROZEN] + variables[FROZEN + 1 :]


def run(build, dtype, optimizer, steps=9, vector=None):
    rng = np.random.default_rng(3)
    n = sum(SIZES)
    w = flat(rng.normal(size=n), dtype)
    variables = trained(w)
    optimizer.exclude_from_weight_decay(var_list=variables[:1], var_names=["v3"])
    for _ in range(steps):
        g = flat(rng.normal(size=n), dtype)
        frozen = slice(sum(SIZES[:FROZEN]), sum(SIZES[: FROZEN + 1]))
        g[frozen] = np.nan  # what nobody computes may be anything
        kept = optimizer.state(w, variables)
        assert engine(build).update(w, g, kept, RATE) == Status.STATUS_FINE
    return w, optimizer.state_arrays(w)


@each_build
@each_dtype
@each_case
@pytest.mark.parametrize("options", OPTIONS)
def test_all_that_surrounds_the_formula_agrees_with_the_reference(build, dtype, case, options):
    if CASES[case][0] == "AdamW" and options != "plain":
        pytest.skip("its weight_decay is an argument of its own")
    found, arrays = run(build, dtype, made(case, **OPTIONS[options]))
    expected, kept = run("reference", dtype, made(case, **OPTIONS[options]))
    # Lion's sign turns where a momentum is a rounding error from 0: not with these numbers
    limit = 2e-5 if dtype == np.float32 else 1e-12
    np.testing.assert_allclose(found, expected, rtol=0, atol=limit * np.abs(expected).max())
    for name, row in arrays.items():
        # of a frozen variable no gradient has a meaning; its slots stay as they began
        scale = np.abs(kept[name]).max() or 1
        np.testing.assert_allclose(row, kept[name], rtol=0, atol=limit * scale, err_msg=name)


@each_engine
@each_class
def test_frozen_variables_and_their_slots_stay(build, name):
    rng = np.random.default_rng(3)
    start = rng.normal(size=sum(SIZES))
    w, arrays = run(build, np.float64, CLASSES[name](0.1, weight_decay=0.1, use_ema=True))
    frozen = slice(sum(SIZES[:FROZEN]), sum(SIZES[: FROZEN + 1]))
    np.testing.assert_array_equal(w[frozen], start[frozen])
    assert np.isfinite(w).all()
    changed = w != start
    changed[frozen] = True
    assert changed.mean() > 0.9
    np.testing.assert_array_equal(arrays["average"][frozen], start[frozen])


@each_engine
@each_dtype
@each_class
@pytest.mark.parametrize("k", [2, 3])
def test_accumulated_steps_are_one_step_on_their_mean(build, dtype, name, k):
    rng = np.random.default_rng(5)
    n = sum(SIZES)
    start = rng.normal(size=n)
    steps = rng.normal(size=(4, k, n)).astype(dtype)
    options = {"weight_decay": 0.1, "use_ema": True, "ema_overwrite_frequency": 3}
    found = []
    for whole in (False, True):
        w = flat(start, dtype)
        variables = variables_of(w, SHAPES)
        optimizer = CLASSES[name](
            RATE, gradient_accumulation_steps=None if whole else k, clipnorm=0.9, **options
        )
        for batch in steps:
            gradients = [batch.sum(axis=0, dtype=dtype) / dtype(k)] if whole else batch
            if not whole:  # in the order in which they are added
                total = np.zeros(n, dtype)
                for g in batch:
                    total += g
            for i, g in enumerate(gradients):
                before = w.copy()
                kept = optimizer.state(w, variables)
                engine(build).update(w, flat(g, dtype), kept, RATE)
                if not whole and i < k - 1:
                    np.testing.assert_array_equal(w, before)
        assert optimizer.iterations == 4
        found.append(w)
    limit = 2e-5 if dtype == np.float32 else 1e-12
    np.testing.assert_allclose(*found, rtol=0, atol=limit * np.abs(start).max())


@each_engine
@each_dtype
def test_clipping_and_decay_by_hand(build, dtype):
    w = flat([3.0, -4.0, 1.0, 2.0, 0.5], dtype)
    variables = variables_of(w, [(2,), (3,)])
    g = np.array([3.0, 4.0, 0.0, 1.0, -2.0])
    norms = np.array([5.0] * 2 + [math.sqrt(5)] * 3)
    expected = {
        "clipnorm": g * 3 / np.maximum(norms, 3),
        "global_clipnorm": g * 3 / math.sqrt(30),
        "clipvalue": g.clip(-3, 3),
    }
    start = w.astype(np.float64)
    for name, clipped in expected.items():
        w[:] = start
        optimizer = optimizers.SGD(0.5, weight_decay=0.1, **{name: 3.0})
        optimizer.exclude_from_weight_decay(var_names=["v1$"])
        kept = optimizer.state(w, variables)
        engine(build).update(w, flat(g, dtype), kept, 0.5)
        decayed = start * [0.95, 0.95, 1, 1, 1]
        close(w, decayed - 0.5 * clipped, dtype)


@each_engine
@each_dtype
@each_class
@pytest.mark.parametrize("clipping", ["clipnorm", "global_clipnorm", "clipvalue"])
def test_clipped_gradients_may_have_squares_that_are_not_finite(build, dtype, name, clipping):
    large = 1e25 if dtype == np.float32 else 1e200
    found = []
    for size in (large, large / 1e5):
        w = flat([3.0, -4.0, 1.0], dtype)
        kept = CLASSES[name](0.1, **{clipping: 2.0}).state(w)
        g = flat([size, -size, size], dtype)
        assert engine(build).update(w, g, kept, 0.1) == Status.STATUS_FINE
        found.append(w.astype(np.float64))
    np.testing.assert_allclose(*found, rtol=1e-6)


@each_engine
def test_a_norm_whose_square_no_double_holds(build):
    for size, clip in ((3e200, 1.0), (3e200, 1e150), (1e-200, 1e-3)):
        w = flat([0.0, 0.0], np.float64)
        kept = optimizers.SGD(1.0, global_clipnorm=clip).state(w)
        engine(build).update(w, flat([size, -size], np.float64), kept, 1.0)
        factor = min(1.0, clip / (size * math.sqrt(2)))
        np.testing.assert_allclose(w, [-size * factor, size * factor], rtol=1e-14)


@each_engine
@each_dtype
def test_averages_by_hand(build, dtype):
    w = flat([1.0, 2.0], dtype)
    optimizer = optimizers.SGD(1.0, use_ema=True, ema_momentum=0.75, ema_overwrite_frequency=2)
    place, average = np.array([1.0, 2.0]), None
    for k in range(5):
        g = np.array([0.5, -0.25]) * (k + 1)
        engine(build).update(w, flat(g, dtype), optimizer.state(w), 1.0)
        place = place - g
        average = place if k == 0 else 0.75 * average + 0.25 * place
        if k % 2 == 1:
            place = average
        close(w, place, dtype)
        close(optimizer.state_arrays(w)["average"], average, dtype)


@each_engine
@each_class
def test_an_update_that_would_not_be_finite_leaves_the_weight(build, name):
    w = flat([1.0, 3e38, 1.0], np.float32)
    optimizer = CLASSES[name](1.0, weight_decay=8.0)
    status = engine(build).update(
        w, flat([0.1, -0.1, 0.1], np.float32), optimizer.state(w), 1.0
    )
    assert status == Status.STATUS_UPDATE
    assert np.isfinite(w).all()


@each_engine
@each_class
def test_a_gradient_that_is_not_finite_changes_nothing(build, name):
    w = flat([1.0, 2.0, 1.0], np.float32)
    optimizer = CLASSES[name](1.0, global_clipnorm=1.0, gradient_accumulation_steps=2)
    before = {k: v.copy() for k, v in optimizer.state_arrays(w).items()}
    bad = flat([0.1, np.nan, 0.1], np.float32)
    assert engine(build).update(w, bad, optimizer.state(w), 1.0) == Status.STATUS_GRADIENT
    assert w.tolist() == [1, 2, 1]
    for k, v in optimizer.state_arrays(w).items():
        np.testing.assert_array_equal(v, before[k])


@each_engine
@each_dtype
@each_class
def test_gradients_of_zero_and_subnormal_ones(build, dtype, name):
    tiny = np.finfo(dtype).smallest_subnormal
    w = flat([1.0, 0.0, -1.0, 0.0], dtype)
    optimizer = CLASSES[name](0.1)
    for _ in range(3):
        g = flat([0.0, 0.0, tiny, -tiny], dtype)
        assert engine(build).update(w, g, optimizer.state(w), 0.1) == Status.STATUS_FINE
    assert np.isfinite(w).all()
    if name != "Ftrl":  # which forgets where it began
        assert w[0] == 1 or name in ("AdamW",)


@each_engine
@each_class
def test_a_rate_of_zero_moves_nothing(build, name):
    w = flat([1.0, 2.0, -1.0], np.float64)
    optimizer = CLASSES[name](0.0)
    for g in ([1.0, -1.0, 0.5], [0.0, 2.0, 0.25]):
        status = engine(build).update(w, flat(g, np.float64), optimizer.state(w), 0.0)
        assert status == Status.STATUS_FINE
    assert w.tolist() == [1, 2, -1]


@each_engine
@each_dtype
@pytest.mark.parametrize("done", [0, 9, 999, 10**7, 2**40])
def test_adams_first_step_after_many(build, dtype, done):
    # from slots of zero: m = (1 - b1) g, v = (1 - b2) g^2, whatever the step
    w, g = flat([1.0, -2.0], dtype), flat([0.5, 0.25], dtype)
    optimizer_state = state("adam", 2, dtype)
    optimizer_state.iterations[0] = done
    engine(build).update(w, g, optimizer_state, RATE)
    t = done + 1
    alpha = RATE * math.sqrt(1 - 0.999**t) / (1 - 0.9**t)
    expected = [
        start - alpha * 0.1 * slope / (math.sqrt(0.001 * slope * slope) + 1e-3)
        for start, slope in ((1.0, 0.5), (-2.0, 0.25))
    ]
    np.testing.assert_allclose(w, expected, rtol=1e-6 if dtype == np.float32 else 1e-13)
    assert optimizer_state.iterations[0] == t


@each_build
@each_class
@pytest.mark.parametrize("done", [63, 999, 2**40])
def test_counts_of_64_bits(build, name, done):
    found = []
    for one in (build, "reference"):
        w = flat([1.0, -2.0], np.float64)
        optimizer = CLASSES[name](RATE)
        optimizer.iterations = done
        for _ in range(2):
            engine(one).update(w, flat([0.5, 0.25], np.float64), optimizer.state(w), RATE)
        assert optimizer.iterations == done + 2
        found.append(w)
    np.testing.assert_allclose(*found, rtol=1e-12)


# --- within a span of steps -------------------------------------------------------------------


def span(build, optimizer, threads, rates=0.01):
    """Bits of a network after steps of training; a part of it is frozen."""
    net = Net([9, 37, 21, 3], [RELU, TANH, None], Loss.LOSS_MEAN_SQUARED_ERROR, np.float32)
    x, y = net.data(77)
    one = net.run(build, "sgd", threads)
    shapes = [(9, 37), (37,), (37, 21), (21,), (21, 3), (3,)]
    variables = variables_of(one.parameters, shapes)
    one.state = optimizer.state(one.parameters, variables[:1] + variables[2:])
    one.train(x, y, 16, 23, rates=rates)
    return one.parameters.copy(), digest(one.parameters, one.state.slots, one.totals)


@each_build
@each_class
@pytest.mark.parametrize("options", OPTIONS)
def test_threads_change_no_bit(build, name, options):
    arguments = OPTIONS[options]
    expected = span(build, CLASSES[name](0.01, **arguments), 1)[1]
    for threads in (2, 5):
        assert span(build, CLASSES[name](0.01, **arguments), threads)[1] == expected


@each_build
@each_class
@pytest.mark.parametrize("options", ["plain", "all"])
def test_a_span_agrees_with_the_reference(build, name, options):
    rates = 0.01 / (1 + np.arange(5.0))
    optimizer = [CLASSES[name](0.01, **OPTIONS[options]) for _ in range(2)]
    found = span(build, optimizer[0], 2, rates)[0]
    expected = span("reference", optimizer[1], 1, rates)[0]
    assert optimizer[0].iterations == optimizer[1].iterations
    if name in ("Lion", "Ftrl"):  # a sign, or a gradient of a dead unit: jumps at 0
        assert np.mean(np.abs(found - expected) > 1e-4) < 0.02
    else:
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-4)


@each_build
def test_the_size_of_a_block_is_the_engines(build):
    """Two blocks and a rest: were the sizes different, sums would be missing."""
    n = 2 * types.NORM_BLOCK + 5
    w = flat(np.zeros(n), np.float64)
    kept = optimizers.SGD(1.0, clipnorm=1.0).state(w)
    engine(build).update(w, flat(np.ones(n), np.float64), kept, 1.0)
    np.testing.assert_allclose(np.linalg.norm(w), 1, rtol=1e-13)
