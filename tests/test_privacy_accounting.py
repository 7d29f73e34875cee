"""Epsilon against computations of other kinds: quadrature, closed forms, exact mechanisms."""

import itertools
import math

import numpy as np
import pytest

from fastgd import privacy
from fastgd.errors import ArgumentError, DataTypeError
from fastgd.privacy.accounting import compose

pytest.importorskip("dp_accounting")
integrate = pytest.importorskip("scipy.integrate")
optimize = pytest.importorskip("scipy.optimize")
norm = pytest.importorskip("scipy.stats").norm

ADD, REPLACE = "add_or_remove_one", "replace_one"
PLAN = {"rows": 1000, "batch_size": 100, "epochs": 2}


# ---------------------------------------------------------------- computed in another way


def renyi(rate, sigma, order):
    """The Rényi divergence of order between N(0, s²) with and without a row, by quadrature.

    The larger of the two directions.
    """

    def logarithm(x):
        """Log of (mixture / N(0, s²))(x)."""
        return np.logaddexp(math.log1p(-rate) if rate < 1 else -np.inf,
                            math.log(rate) + (2 * x - 1) / (2 * sigma**2))  # fmt: skip

    x = np.linspace(-40 * sigma, 40 * sigma + order + 1, 40_001)
    log_density = norm.logpdf(x, scale=sigma)
    logs = [log_density + power * logarithm(x) for power in (order, 1 - order)]
    tops = [log.max() for log in logs]
    moments = [
        top + math.log(integrate.simpson(np.exp(log - top), x=x))
        for log, top in zip(logs, tops, strict=True)
    ]
    return max(moments) / (order - 1)


def renyi_bound(spans, delta):
    """The epsilon of Rényi divergences, as Canonne, Kamath & Steinke 2020 convert them."""
    found = []
    for order in (1.5, 2, 2.5, 3, 4, 5, 6, 8, 10, 12, 16, 20, 24, 32, 48, 64):
        total = sum(steps * renyi(rate, sigma, order) for rate, sigma, steps in spans)
        shift = math.log1p(-1 / order) - (math.log(delta) + math.log(order)) / (order - 1)
        found.append(total + shift)
    return min(found)


def solved(delta_of, delta):
    """The epsilon at which a falling function has the value delta."""
    if delta_of(0.0) <= delta:
        return 0.0
    return optimize.brentq(lambda e: delta_of(e) - delta, 0, 500, xtol=1e-12)


def exact_gaussian(distance, delta):
    """The epsilon of N(0, 1) against N(distance, 1): Balle & Wang 2018, Theorem 8."""
    return solved(
        lambda e: (
            norm.cdf(distance / 2 - e / distance)
            - math.exp(e + norm.logcdf(-distance / 2 - e / distance))
        ),
        delta,
    )


def removed(rate, sigma, e):
    """Return P(A) - exp(e) Q(A), P the mixture, Q = N(0, s²), A where P > exp(e) Q."""
    edge = sigma**2 * math.log((math.expm1(e) + rate) / rate) + 0.5
    mixture = (1 - rate) * norm.sf(edge / sigma) + rate * norm.sf((edge - 1) / sigma)
    return mixture - math.exp(e) * norm.sf(edge / sigma)


def added(rate, sigma, e):
    """The same with P = N(0, s²) and Q the mixture."""
    share = (math.expm1(-e) + rate) / rate
    if share <= 0:
        return 0.0
    edge = sigma**2 * math.log(share) + 0.5
    mixture = (1 - rate) * norm.cdf(edge / sigma) + rate * norm.cdf((edge - 1) / sigma)
    return norm.cdf(edge / sigma) - math.exp(e) * mixture


def replaced(rate, sigma, e):
    """The divergence of mixtures at -1 and at 1, by quadrature."""
    x = np.linspace(-40 * sigma - 1, 40 * sigma + 1, 100_001)
    p, q = (
        (1 - rate) * norm.pdf(x, 0, sigma) + rate * norm.pdf(x, place, sigma)
        for place in (1, -1)
    )
    return integrate.simpson(np.maximum(p - math.exp(e) * q, 0), x=x)


# ---------------------------------------------------------------- the tests


def test_known_figures():
    assert compose([(1, 1, 1)], 1e-5, ADD) == pytest.approx(4.377178, abs=1e-5)
    assert compose([(0.01, 0.7, 120)], 1e-5, ADD) == pytest.approx(2.4612, abs=1e-3)
    found = privacy.epsilon(1e-5, rows=24_000, batch_size=256, epochs=20, noise_multiplier=1)
    assert found == pytest.approx(2.6881, abs=1e-3)


SINGLE = [(0.01, 0.5, 1e-5), (0.1, 1.0, 1e-6), (0.5, 0.8, 1e-4), (0.9, 2.0, 1e-8)]


@pytest.mark.parametrize(("rate", "sigma", "delta"), SINGLE)
def test_one_step_is_exact(rate, sigma, delta):
    directions = [solved(lambda e, f=f: f(rate, sigma, e), delta) for f in (removed, added)]
    assert compose([(rate, sigma, 1)], delta, ADD) == pytest.approx(max(directions), abs=1e-4)


@pytest.mark.parametrize(("rate", "sigma", "delta"), SINGLE[:2])
def test_one_step_with_a_row_replaced_is_exact(rate, sigma, delta):
    expected = solved(lambda e: replaced(rate, sigma, e), delta)
    assert compose([(rate, sigma, 1)], delta, REPLACE) == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("relation", [ADD, REPLACE])
@pytest.mark.parametrize(
    ("sigma", "steps", "delta"), [(1, 1, 1e-10), (5, 7, 1e-5), (20, 100, 1e-3), (0.5, 30, 1e-6)]
)
def test_whole_batches_are_exact(relation, sigma, steps, delta):
    distance = math.sqrt(steps) / sigma * (2 if relation == REPLACE else 1)
    expected = exact_gaussian(distance, delta)
    found = compose([(1.0, sigma, steps)], delta, relation)
    assert found == pytest.approx(expected, abs=1e-3, rel=1e-5)


def test_whole_batches_with_unequal_noise_are_exact():
    spans = [(1.0, 2.0, 3), (1.0, 5.0, 10), (1.0, 3.0, 1)]
    distance = math.sqrt(sum(steps / sigma**2 for _, sigma, steps in spans))
    found = compose(spans, 1e-5, ADD)
    assert found == pytest.approx(exact_gaussian(distance, 1e-5), abs=1e-3)


#: Spans whose figure is compared with Rényi divergences. The last has tiny losses.
COMPOSED = {
    "few steps": [(0.01, 0.7, 120)],
    "many steps": [(256 / 24_000, 1.0, 1880)],
    "large batches": [(0.2, 3.0, 500)],
    "unequal": [(0.01, 0.8, 300), (0.05, 1.5, 200), (1.0, 10.0, 5)],
    "large epsilon": [(0.1, 0.8, 400)],
    "a million": [(1e-3, 1.0, 1_000_000)],
}


@pytest.mark.parametrize("name", COMPOSED)
def test_the_bound_by_renyi_divergences_is_close_above(name):
    spans = COMPOSED[name]
    found, bound = compose(spans, 1e-5, ADD), renyi_bound(spans, 1e-5)
    assert 0.7 * bound < found <= bound
    parts = [compose([span], 1e-5, ADD) for span in spans] if len(spans) > 1 else [0.0]
    assert found > max(parts)


def test_small_losses_are_not_rounded_away():
    """A step of these loses 4e-4 at most, which a fixed grid of 1e-4 doubles."""
    found = compose([(1e-4, 5.0, 10_000)], 1e-5, ADD)
    # the sum of so many small losses is normal: its mean is half of its variance
    distance = 1e-4 * math.sqrt(10_000 * math.expm1(1 / 25))
    assert found == pytest.approx(exact_gaussian(distance, 1e-5), rel=0.01)


def test_order_and_cutting_of_spans_change_nothing():
    whole = compose([(0.02, 1.0, 100), (0.1, 2.0, 30)], 1e-5, ADD)
    parts = [(0.1, 2.0, 10), (0.02, 1.0, 60), (0.1, 2.0, 20), (0.5, 1.0, 0), (0.02, 1.0, 40)]
    assert compose(parts, 1e-5, ADD) == pytest.approx(whole, rel=1e-9)


def test_epsilon_rises_and_falls_as_it_has_to():
    def figure(delta=1e-5, relation=ADD, sigma=4.0, **changed):
        plan = {"noise_multiplier": sigma, "rows": 100, "batch_size": 10, "epochs": 2} | changed
        return privacy.epsilon(delta, **plan, relation=relation)

    usual = figure()
    assert figure(sigma=4.5) < usual < figure(sigma=3.5)
    assert figure(epochs=1) < usual < figure(epochs=3)
    assert figure(batch_size=5) < usual < figure(batch_size=20)
    assert figure(delta=1e-4) < usual < figure(delta=1e-6)
    assert figure(rows=200) < usual < figure(relation=REPLACE)


def test_an_epoch_has_enough_steps_for_all_rows():
    plan = {"rows": 1001, "batch_size": 100, "noise_multiplier": 2.0}
    by_epochs = privacy.epsilon(1e-5, **plan, epochs=2)
    assert by_epochs == privacy.epsilon(1e-5, **plan, steps=22)
    assert by_epochs == compose([(100 / 1001, 2.0, 22)], 1e-5, ADD)


def test_ends_of_the_range():
    plan = {"rows": 1000, "batch_size": 10, "steps": 50}
    assert privacy.epsilon(1e-5, **plan, noise_multiplier=0) == math.inf
    assert privacy.epsilon(0.9e-3, **plan, noise_multiplier=1e300) < 1e-3
    everything = {"rows": 10, "batch_size": 10, "steps": 2**53, "noise_multiplier": 0.3}
    assert privacy.epsilon(1e-5, **everything) == math.inf
    rare = {"rows": 2**53, "batch_size": 1, "steps": 1000, "noise_multiplier": 0.5}
    with pytest.warns(UserWarning, match="below 1 / rows"):
        assert 0 <= privacy.epsilon(1e-8, **rare) < 0.1
    assert compose([], 1e-5, ADD) == 0


GRID = list(
    itertools.product(
        (0.3, 1.0, 3.0, 10.0), (1e-5, 1e-8), (0.005, 0.05, 1.0), (1, 40), (ADD, REPLACE)
    )
)
CHOSEN = GRID[::17]


def check_calibration(target, delta, share, epochs, relation):
    plan = {"rows": 20_000, "batch_size": int(20_000 * share), "epochs": epochs}
    sigma = privacy.noise_multiplier(target, delta, **plan, relation=relation)
    found = privacy.epsilon(delta, **plan, noise_multiplier=sigma, relation=relation)
    assert 0.99 * target <= found <= target


@pytest.mark.parametrize("case", CHOSEN, ids=str)
def test_calibration_stays_just_below_the_budget(case):
    check_calibration(*case)


def test_calibration_stays_just_below_the_budget_over_the_grid(request):
    if not request.config.getoption("--grid"):
        pytest.skip("minutes: run with --grid")
    for case in GRID:
        check_calibration(*case)


def test_calibration_against_the_exact_mechanism():
    sigma = privacy.noise_multiplier(2.0, 1e-6, rows=50, batch_size=50, steps=9)
    assert 1.98 <= exact_gaussian(3 / sigma, 1e-6) <= 2.0


def test_dpsgd_is_calibrated_for_a_training():
    made = privacy.DPSGD.calibrated(epsilon=3.0, delta=1e-5, l2_norm_clip=0.5, **PLAN)
    assert made.l2_norm_clip == 0.5 and made.seed is None
    found = privacy.epsilon(1e-5, **PLAN, noise_multiplier=made.noise_multiplier)
    assert 2.97 <= found <= 3.0


def test_budgets_out_of_reach_are_refused():
    plan = {"rows": 10_000, "batch_size": 10}
    with pytest.raises(ArgumentError, match=r"multiplier of 0.3, .* already gives .* smaller"):
        privacy.noise_multiplier(900.0, 1e-5, **plan, epochs=1)
    with pytest.raises(ArgumentError, match=r"multiplier of 1000, .* still gives .* larger"):
        privacy.noise_multiplier(1e-3, 1e-6, rows=10, batch_size=10, epochs=10**4)


REFUSED = [
    ({"delta": 0}, ArgumentError, "delta: expected a number of at least 1e-10 and below 1"),
    ({"delta": 1.0}, ArgumentError, "delta: expected a number of at least"),
    ({"delta": math.nan}, ArgumentError, "delta: expected a number"),
    ({"delta": "x"}, DataTypeError, "delta: expected a number, got 'x'"),
    ({"rows": 0}, ArgumentError, "rows: expected a number >= 1, got 0"),
    ({"rows": 10.5}, DataTypeError, "rows: expected a whole number, got 10.5"),
    ({"batch_size": 0}, ArgumentError, "batch_size: expected a number >= 1"),
    ({"batch_size": 1001}, ArgumentError, "batch_size: expected at most .* 1000, got 1001"),
    ({"epochs": 0}, ArgumentError, "epochs: expected a number >= 1"),
    ({"epochs": None}, ArgumentError, "epochs, steps: expected one of the two, got epochs"),
    ({"steps": 3}, ArgumentError, "epochs, steps: expected one of the two, got epochs=2"),
    ({"steps": 0, "epochs": None}, ArgumentError, "steps: expected a number >= 1"),
    ({"relation": "zero_out"}, ArgumentError, "relation: expected 'add_or_remove_one' or"),
    ({"relation": ["x"]}, ArgumentError, "relation: expected"),
]  # fmt: skip


@pytest.mark.parametrize(("changed", "error", "words"), REFUSED)
def test_arguments_are_refused(changed, error, words):
    arguments = {"delta": 1e-5} | PLAN | changed
    with pytest.raises(error, match=words):
        privacy.epsilon(noise_multiplier=1.0, **arguments)
    with pytest.raises(error, match=words):
        privacy.noise_multiplier(1.0, **arguments)
    if "steps" not in changed and changed != {"epochs": None}:
        with pytest.raises(error, match=words):
            privacy.DPSGD.calibrated(epsilon=1.0, l2_norm_clip=1.0, **arguments)


@pytest.mark.parametrize(("value", "error", "words"), [
    (-1, ArgumentError, "noise_multiplier: expected a number of at least 0, got -1"),
    (math.inf, ArgumentError, "noise_multiplier: expected a number"),
    (0.29, ArgumentError, r"expected 0 or at least 0.3, got 0.29: .* take more noise"),
    (None, DataTypeError, "noise_multiplier: expected a number, got None"),
])  # fmt: skip
def test_multipliers_are_refused(value, error, words):
    with pytest.raises(error, match=words):
        privacy.epsilon(1e-5, **PLAN, noise_multiplier=value)


@pytest.mark.parametrize("value", [0, -1.0, math.inf, 1001])
def test_budgets_are_refused(value):
    with pytest.raises(ArgumentError, match="epsilon: expected a number"):
        privacy.noise_multiplier(value, 1e-5, **PLAN)


def test_a_large_delta_is_warned_about():
    with pytest.warns(UserWarning, match=r"delta: 0.001 is not below 1 / rows = 0.001") as seen:
        privacy.epsilon(1e-3, **PLAN, noise_multiplier=5.0)
    assert len(seen) == 1 and seen[0].filename == __file__
    with pytest.warns(UserWarning, match="not below") as seen:
        privacy.noise_multiplier(5.0, 1e-2, **PLAN)
    assert len(seen) == 1
