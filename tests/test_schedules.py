"""Schedules: Keras' documented formulas by hand, and their way into the steps of fit."""

import math
import pickle

import numpy as np
import pytest
from problems import network, regression

from fastgd import optimizers
from fastgd.errors import ArgumentError, DataTypeError, ShapeError
from fastgd.optimizers import schedules
from fastgd.optimizers.schedules import LearningRateSchedule

CLASSES = {
    c.__name__: c
    for name, c in vars(schedules).items()
    if isinstance(c, type)
    and issubclass(c, LearningRateSchedule)
    and c is not LearningRateSchedule
    and not name.startswith("_")
}


def exponential(step, initial, steps, rate, staircase=False):
    p = step / steps
    return initial * rate ** (math.floor(p) if staircase else p)


def piecewise(step, boundaries, values):
    for boundary, value in zip(boundaries, values, strict=False):
        if step <= boundary:
            return value
    return values[-1]


def polynomial(step, initial, steps, end=0.0001, power=1.0, cycle=False):
    if cycle:
        steps *= max(1, math.ceil(step / steps))
    step = min(step, steps)
    return (initial - end) * (1 - step / steps) ** power + end


def inverse_time(step, initial, steps, rate, staircase=False):
    p = step / steps
    return initial / (1 + rate * (math.floor(p) if staircase else p))


def cosine(step, initial, steps, alpha=0.0, warmup_target=None, warmup_steps=0):
    if warmup_target is not None:
        if step < warmup_steps:
            return initial + (warmup_target - initial) * step / warmup_steps
        step, initial = step - warmup_steps, warmup_target
    part = min(step, steps) / steps
    return initial * ((1 - alpha) * 0.5 * (1 + math.cos(math.pi * part)) + alpha)


def restarts(step, initial, steps, t_mul=2.0, m_mul=1.0, alpha=0.0):
    height = 1.0
    while step >= steps:
        step, steps, height = step - steps, steps * t_mul, height * m_mul
    wave = 0.5 * height * (1 + math.cos(math.pi * step / steps))
    return initial * ((1 - alpha) * wave + alpha)


def one_cycle(step, high, total, pct_start=0.3, div_factor=25.0, final_div_factor=1e4):
    low = high / div_factor
    end, warmup = low / final_div_factor, pct_start * (total - 1)
    if step < warmup:
        return low + (high - low) * math.sin(math.pi / 2 * step / warmup) ** 2
    part = min(1.0, (step - warmup) / (total - 1 - warmup))
    return high + (end - high) * math.sin(math.pi / 2 * part) ** 2


CASES = [
    ("ExponentialDecay", exponential, (0.1, 7, 0.9), {}),
    ("ExponentialDecay", exponential, (0.1, 7, 0.9), {"staircase": True}),
    ("PiecewiseConstantDecay", piecewise, ([3, 10, 20], [1.0, 0.5, 0.25, 0.1]), {}),
    ("PolynomialDecay", polynomial, (0.1, 13), {}),
    ("PolynomialDecay", polynomial, (0.1, 13, 0.01, 0.5), {}),
    ("PolynomialDecay", polynomial, (0.1, 13, 0.01, 2.0), {"cycle": True}),
    ("InverseTimeDecay", inverse_time, (0.1, 7, 0.5), {}),
    ("InverseTimeDecay", inverse_time, (0.1, 7, 0.5), {"staircase": True}),
    ("CosineDecay", cosine, (0.1, 17), {}),
    ("CosineDecay", cosine, (0.1, 17, 0.2), {}),
    ("CosineDecay", cosine, (0.0, 17, 0.1), {"warmup_target": 0.3, "warmup_steps": 5}),
    ("CosineDecay", cosine, (0.0, 17), {"warmup_target": 0.3}),
    ("CosineDecayRestarts", restarts, (0.1, 5), {}),
    ("CosineDecayRestarts", restarts, (0.1, 5, 1.0, 0.9, 0.1), {}),
    ("CosineDecayRestarts", restarts, (0.1, 3, 1.5, 0.5), {}),
    ("OneCycle", one_cycle, (0.1, 31), {}),
    ("OneCycle", one_cycle, (0.1, 31), {"pct_start": 0.0, "div_factor": 5.0}),
]


def test_every_schedule_is_tried():
    assert {case[0] for case in CASES} == set(CLASSES)


@pytest.mark.parametrize(("name", "formula", "positional", "named"), CASES)
def test_formulas(name, formula, positional, named):
    schedule = CLASSES[name](*positional, **named)
    steps = [*range(60), 10**6]
    expected = [formula(step, *positional, **named) for step in steps]
    np.testing.assert_allclose([schedule(s) for s in steps], expected, rtol=1e-12, atol=1e-17)
    np.testing.assert_array_equal(schedule(np.array(steps)), [schedule(s) for s in steps])
    assert isinstance(schedule(3), float)
    np.testing.assert_array_equal(schedule.rates(5, 9), [schedule(s) for s in range(5, 14)])
    for again in (
        CLASSES[name].from_config(schedule.get_config()),
        schedules.deserialize(schedules.serialize(schedule)),
        pickle.loads(pickle.dumps(schedule)),
    ):
        assert again == schedule
        assert again(7) == schedule(7)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: schedules.ExponentialDecay(0.1, 0, 0.9), "decay_steps"),
        (lambda: schedules.PiecewiseConstantDecay([1, 2], [0.1, 0.2]), "boundaries"),
        (lambda: schedules.PiecewiseConstantDecay([2, 1], [0.1, 0.2, 0.3]), "rising"),
        (lambda: schedules.CosineDecay(-0.1, 5), "initial_learning_rate"),
        (lambda: schedules.OneCycle(0.1, 1), "total_steps"),
    ],
)
def test_bad_arguments(make, words):
    with pytest.raises(ArgumentError, match=words):
        make()


@pytest.mark.parametrize(("name", "formula", "positional", "named"), CASES)
def test_a_step_is_a_number(name, formula, positional, named):
    schedule = CLASSES[name](*positional, **named)
    wrong = ["x", "3", {}, None, [1, [2]], iter([1]), {1, 2}, int, 1j, np.array([1 + 1j])]
    for step in wrong:
        with pytest.raises((DataTypeError, ShapeError), match="step: "):
            schedule(step)
    for step in (7, 7.0, np.int8(7), np.array(7)):
        assert math.isclose(schedule(step), formula(7, *positional, **named), rel_tol=1e-12)


class Own(LearningRateSchedule):
    """With a choice, which no array could go through."""

    def __call__(self, step):
        return 0.1 if step < 3 else 0.01 / step


@pytest.mark.parametrize("schedule", [Own(), schedules.CosineDecay(0.1, 9)])
def test_fit_takes_the_rate_of_each_step(engine, schedule):
    x, y = regression(50)
    found = []
    for by_hand in (False, True):
        model = network()
        model.set_weights([np.full(v.shape, 0.1) for v in model.weights])
        model.compile(optimizers.SGD(0.0 if by_hand else schedule, momentum=0.5), "mse")
        if by_hand:
            step = 0
            for _ in range(2):
                for first in range(0, 50, 8):
                    model.optimizer.learning_rate = schedule(step)
                    model.train_on_batch(x[first : first + 8], y[first : first + 8])
                    step += 1
        else:
            model.fit(x, y, batch_size=8, epochs=2, shuffle=False, verbose=0)
            assert model.optimizer.learning_rate == schedule(14)
            assert model.optimizer.learning_rate.value == schedule(14)
        found.append(model.parameters.copy())
    np.testing.assert_array_equal(*found)


def test_a_schedule_in_apply_gradients(engine):
    w = np.zeros(1)
    optimizer = optimizers.SGD(schedules.PiecewiseConstantDecay([0, 1], [1.0, 0.5, 0.25]))
    for _ in range(3):
        optimizer.apply_gradients([(np.ones(1), w)])
    assert w == [-1.75]


def test_the_rate_of_a_schedule_cannot_be_set():
    optimizer = optimizers.SGD(schedules.CosineDecay(0.1, 9))
    with pytest.raises(DataTypeError, match="schedule"):
        optimizer.learning_rate = 0.1
    optimizer.learning_rate = schedules.CosineDecay(0.2, 9)
    assert optimizer.learning_rate == 0.2
    with pytest.raises(DataTypeError, match=r"CosineDecay\(\.\.\.\)"):
        optimizers.SGD(schedules.CosineDecay)


def test_rates_that_are_no_rates():
    class Bad(LearningRateSchedule):
        def __call__(self, step):
            return 1.0 - step

    with pytest.raises(ArgumentError, match=r"Bad .*-1\.0 at step 2"):
        Bad().rates(0, 5)


def test_accumulated_steps_count_one_by_one():
    """As in Keras: a schedule counts steps, not updates."""
    w = np.zeros(1)
    optimizer = optimizers.SGD(
        schedules.PiecewiseConstantDecay([1], [1.0, 0.5]), gradient_accumulation_steps=2
    )
    for _ in range(4):
        optimizer.apply_gradients([(np.ones(1), w)])
    assert w == [-1.5]
    assert optimizer.iterations == 2
