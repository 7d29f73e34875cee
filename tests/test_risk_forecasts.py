"""The value at risk of a quantile model that is estimated again and again stands its test."""

import numpy as np

from fastgd import Sequential, layers, losses, many, optimizers, risk

LEVELS = 0.01, 0.05
DAYS, FIRST, EVERY = 2750, 2000, 50


def garch(seed, days, burn=500):
    """Returns in percent, with a persistent variance and heavy tails: GARCH(1, 1)."""
    shocks = np.random.default_rng(seed).standard_t(6, days + burn) * np.sqrt(4 / 6)
    returns, variance = np.empty(days + burn), 2.0
    for i, shock in enumerate(shocks):
        returns[i] = np.sqrt(variance) * shock
        variance = 0.02 + 0.09 * returns[i] ** 2 + 0.9 * variance
    return returns[burn:]


def features(returns):
    """Return three measures of the scale of returns up to the day before, (days, 3)."""
    scales = np.empty((len(returns), 3))
    slow = fast = 2.0
    for i, value in enumerate(returns):
        scales[i] = np.sqrt(fast), np.sqrt(slow), abs(returns[i - 1]) if i else 0
        fast, slow = 0.94 * fast + 0.06 * value**2, 0.98 * slow + 0.02 * value**2
    return scales


def forecasts(returns):
    """VaR at both levels, positive, (days, 2); NaN before the first forecast."""
    model = Sequential([layers.Dense(2, input_shape=(3,))])
    model.compile(optimizers.Adam(0.01), losses.Quantile(LEVELS))
    splits = many.walk_forward(len(returns), EVERY, splits=(DAYS - FIRST) // EVERY)
    found = many.cross_validate(
        model, features(returns), returns, splits, predict=True, epochs=30, seed=1
    )
    return -found.predictions


def test_features_know_nothing_of_the_day():
    returns = garch(0, 300)
    other = np.append(returns[:200], 9 * returns[200:])
    same = features(other) == features(returns)
    assert same[:201].all() and not same[201:].any()


def test_value_at_risk_of_garch_returns_passes_kupiec_in_85_of_100_runs():
    p_values = []
    for seed in range(40):
        returns = garch(seed, DAYS)
        var = forecasts(returns)
        known = ~np.isnan(var[:, 0])
        assert known.sum() == DAYS - FIRST
        failed = returns[known, None] < -var[known]
        p_values.append([risk.kupiec(failed[:, i], LEVELS[i]).p_value for i in (0, 1)])
    passed = np.array(p_values) > 0.05
    assert (passed.mean(axis=0) >= 0.85).all()
    assert passed.all(axis=1).mean() >= 0.85  # both at once
