"""Forecast VaR and ES of a position that is short volatility, from daily changes of the VIX.

    python value_at_risk.py vix_daily.csv

It reads that file (columns DATE, CLOSE), or that in the folder FASTGD_DATA, or else generates
prices. A network that is estimated anew each year, on all days before, meets plain simulation.
"""

import os
import sys

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt

from fastgd import Sequential, initializers, layers, losses, many, optimizers, risk
from fastgd.regularizers import L2

FIRST, YEAR, WINDOW, BURN_IN = 2000, 250, 500, 550
CAVEATS = """
- the VIX is no asset: this is the forecast of a risk factor, not of what a position loses;
- a return is minus the change of the logarithm from close to close (in 1990 open = close);
- some thirty settings were tried on generated prices and on this table: no p value knows it."""


def prices():
    """Return a Series of daily closes, and where it is from."""
    path = "/".join(sys.argv[1:] or [os.environ.get("FASTGD_DATA", "."), "vix_daily.csv"])
    if sys.argv[1:] or os.path.exists(path):
        return pd.read_csv(path, parse_dates=["DATE"], index_col="DATE")["CLOSE"], path
    # a logarithm that returns to its mean, in skewed steps whose variance comes and goes
    rng, logs, variance = np.random.default_rng(0), [3.0], 0.0036
    for shock in 0.3 * (rng.gamma(4, size=9234) - 4) + 0.65 * rng.standard_t(6, 9234):
        logs.append(logs[-1] + 0.015 * (2.9 - logs[-1]) + np.sqrt(variance) * shock)
        variance = 0.00025 + (0.08 * shock**2 + 0.85) * variance
    return pd.Series(np.exp(logs), pd.bdate_range("1990", periods=9235)), "generated"


def network(level):
    """Return a compiled network of the outputs ES <= VaR, ES < 0, as returns."""
    hidden = layers.Dense(4, "tanh", input_shape=(5,), kernel_regularizer=L2(0.1))
    start = initializers.Constant([3.0, 0.7])  # ES of -3, VaR of -2
    last = layers.Dense(2, bias_initializer=start, kernel_regularizer=L2(0.1))
    model = Sequential([hidden, last, layers.Ordered(first="negative")])
    rate = optimizers.schedules.CosineDecay(0.02, 1000, alpha=0.02)
    model.compile(optimizers.Adam(rate), losses.FisslerZiegel(level))
    return model


def simulation(returns, level):
    """Return ES and VaR, (n, 2): those of the 500 days before (historical simulation)."""
    days, count = returns.shift(1).rolling(WINDOW), int(level * WINDOW)
    es = days.apply(lambda window: np.sort(window)[:count].mean(), raw=True)
    return np.c_[es, days.quantile(level, interpolation="lower")]


def backtest(name, returns, forecast, level):
    """Print the tests of a forecast; return its loss and whether there is an exception."""
    es, var = -forecast.T  # positive, as in reports
    failed = returns < -var
    tests = risk.kupiec(failed, level), risk.christoffersen(failed)
    p = [test.p_value for test in (*tests, risk.conditional_coverage(failed, level))]
    z = (risk.acerbi_szekely(returns, var, es, level, z).statistic for z in (1, 2))
    each = losses.FisslerZiegel(level, reduction="none")(returns[:, None], forecast)
    row = "  {:<11}{:>4}{:>5.0f} |{:>6.3f}{:>6.3f}{:>6.3f} | {:<6} |{:>6.2f}{:>6.2f} |{:>8.4f}"
    numbers = failed.sum(), level * len(failed), *p, risk.traffic_light(failed, level).zone
    print(row.format(name, *numbers, *z, each.mean()))
    return each, failed


def draw(returns, forecasts, failed):
    """Save a picture of the 5 % forecasts over time, and one of exceptions by year."""
    figure, axes = plt.subplots(2, figsize=(9, 7.5), layout="constrained")
    middle, marks = max(returns.argmin(), 125), returns.where(failed["network"])
    lines = np.c_[forecasts["simulation"][:, 1], forecasts["network"]]
    names = "-VaR, simulation", "-ES, network", "-VaR, network"
    for ax, days in zip(axes, (slice(None), slice(middle - 125, middle + 125)), strict=True):
        ax.plot(returns[days], ".", color="0.75", ms=3, label="return")
        ax.plot(returns.index[days], lines[days], lw=1, label=names)
        ax.plot(marks[days], "x", color="firebrick", ms=4, label="below -VaR, network")
        ax.set(xlabel="date", ylabel="return of short volatility (log, %)")
    figure.suptitle("1 day in 20 should lie below -VaR (5 %), which moves with the market")
    axes[1].legend(fontsize="small", loc="lower left")
    figure.savefig("value_at_risk_days.png", dpi=130)
    years = pd.DataFrame(failed, returns.index).groupby(returns.index.year).mean() * 100
    ax = years.plot.bar(figsize=(9, 4.2), xlabel="year", ylabel="days beyond the 5 % VaR (%)")
    ax.axhline(5, color="black", ls="--")
    ax.set_title("Few exceptions, then many: a VaR that is late. Near 5 % each year is good")
    ax.figure.savefig("value_at_risk_years.png", dpi=130, bbox_inches="tight")


def main():
    price, source = prices()
    returns = -100 * np.log(price).diff().dropna()  # of who is short: losses where it rises
    scales = {n: np.sqrt((returns**2).ewm(halflife=n).mean()) for n in (5, 20, 80)}
    x = pd.DataFrame({str(n): np.log(scale) for n, scale in scales.items()})
    x["move"], x["level"] = (returns / scales[20]).clip(-4, 4), np.log(price)
    x, scale = x.shift(1)[BURN_IN:], scales[20].shift(1)  # known the day before
    x = (x - x[:FIRST].mean()) / x[:FIRST].std()
    walk = many.walk_forward(len(x), YEAR, splits=(len(x) - FIRST) // YEAR)
    test, n = x.index[walk[0][1][0] :], len(walk) * YEAR
    later, unit = returns[test], scale[test].to_numpy()[:, None]
    print(f"{n} days from {test[0]:%Y} on ({source}), {len(walk)} estimations")
    for level in (0.01, 0.05):
        # FZ0 in units of the scale is FZ0 up to a constant, of numbers that are easier to learn
        y, settings = (returns / scale)[x.index], {"epochs": 60, "batch_size": 256, "seed": 0}
        found = many.cross_validate(network(level), x, y, walk, predict=True, **settings)
        forecasts = {"simulation": simulation(returns, level)[-n:]}
        forecasts["filtered"] = simulation(returns / scale, level)[-n:] * unit  # scaled moves
        forecasts["network"] = found.predictions[-n:] * unit
        print(f"\n{level:.0%}: exceptions, due | p: Kupiec, serial, both | zone | Z1, Z2 | FZ0")
        tests = {k: backtest(k, later.to_numpy(), v, level) for k, v in forecasts.items()}
        gain = tests["simulation"][0] - tests["network"][0]
        print(f"  FZ0 of simulation - network: {gain.mean():.4f} +- {gain.std() / n**0.5:.4f}")
    draw(later, forecasts, {name: failed for name, (_, failed) in tests.items()})
    print("\nSee value_at_risk_days.png and value_at_risk_years.png; but mind:", CAVEATS)


if __name__ == "__main__":
    main()
