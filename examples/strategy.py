"""Does a network earn money on the S&P 500? A trap, a walk forward, and the luck of the best.

    python strategy.py sp500_monthly_shiller.csv

Without a path it reads that file (Shiller's, with the columns Date and SP500) in the folder
FASTGD_DATA, or else generates prices.
"""

import os
import sys
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt

from fastgd import Sequential, layers, losses, many, optimizers, regularizers, risk

MONTHS, COST, FIRST, TEST = 12, 0.001, 360, 120
CAVEATS = """
Read this before you believe any of it:
- prices are averages over a month, at which nobody can trade: lags of 2 months and more only;
- returns are of the index alone, without dividends, taxes, and interest on cash;
- a change of position costs 0.1 %, which is little for most of these years;
- the features were chosen by people who know this history, and are not counted as trials."""


def prices():
    """Return a Series of monthly averages of prices, and where it is from."""
    path = Path(os.environ.get("FASTGD_DATA", ".")) / "sp500_monthly_shiller.csv"
    if len(sys.argv) > 1 or path.exists():
        path = Path(sys.argv[1]) if len(sys.argv) > 1 else path
        return pd.read_csv(path, parse_dates=["Date"], index_col="Date")["SP500"], path.name
    # a random walk of 21 days a month, of which only the averages are known
    days = 0.0003 + 0.011 * np.random.default_rng(0).standard_normal(1800 * 21)
    averages = np.exp(np.cumsum(days)).reshape(1800, 21).mean(axis=1)
    return pd.Series(averages, pd.date_range("1876", periods=1800, freq="MS")), "generated"


def features(returns):
    """Return what was known two months before: means of months, in units of their noise."""
    known = returns.shift(2)
    scale = known.rolling(12).std()
    means = {f"{n} months": known.rolling(n).mean() / scale for n in (1, 3, 6, 12)}
    return pd.DataFrame(means).dropna().clip(-3, 3)


def network(units, rate, l2):
    """Return a network of positions, from -1 (short) to 1 (long), trained to earn for risk."""
    penalty = {"kernel_regularizer": regularizers.L2(l2)}
    hidden = layers.Dense(units, "tanh", input_shape=(4,), **penalty)
    model = Sequential([hidden, layers.Dense(1, "tanh", **penalty)])
    model.compile(optimizers.Adam(rate), losses.Sharpe(COST, MONTHS))
    return model


def score(model, x, returns):
    """Return the Sharpe ratio of months held out, and what they earn less costs."""
    positions = model.predict(x, verbose=0)[:, 0]
    earned = positions * returns - COST * np.abs(np.diff(positions, prepend=0))
    return {"sharpe": risk.sharpe_ratio(earned).sharpe, "returns": earned}


def draw(lags, hold, curves):
    """Save a picture of the trap and one of what came of it."""
    figure, ax = plt.subplots(figsize=(7, 4.2), layout="constrained")
    ax.bar(list(lags), list(lags.values()), color=["firebrick"] + 5 * ["steelblue"])
    ax.axhline(hold, color="black", linestyle="--", label="buy and hold")
    ax.set(xlabel="lag of the sign that is followed (months)", ylabel="Sharpe ratio (per year)")
    ax.set_title("Averages of months follow each other: lag 1 shines, and cannot be traded")
    ax.legend()
    figure.savefig("strategy_lags.png", dpi=150)
    figure, ax = plt.subplots(figsize=(7, 4.2), layout="constrained")
    for (name, months), color in zip(curves.items(), ("C0", "black", "firebrick"), strict=True):
        ratio = risk.sharpe_ratio(months, MONTHS).annual
        ax.plot((1 + months).cumprod(), color, label=f"{name}: Sharpe {ratio:.2f} per year")
    ax.set(xlabel="year", ylabel="value of 1 invested (log scale)", yscale="log")
    ax.set_title("The best network in hindsight, the index, and what an error is worth")
    ax.legend()
    figure.savefig("strategy_growth.png", dpi=150)


def main():
    """Walk into the trap, search for a strategy without it, and say what is left of it."""
    price, source = prices()
    returns = price.pct_change().dropna()
    hold = risk.sharpe_ratio(returns, MONTHS).annual
    print(f"{len(returns)} monthly returns ({source}); buy and hold has a Sharpe of {hold:.2f}")
    signs = {k: np.sign(returns.shift(k)) * returns for k in range(1, 7)}
    lags = {k: risk.sharpe_ratio(s.dropna(), MONTHS).annual for k, s in signs.items()}
    print("following the sign of month -k:", *(f"{k}: {v:.2f}" for k, v in lags.items()))

    x = features(returns)
    y = returns[x.index]
    walk = many.walk_forward(len(x), TEST, gap=1, splits=(len(x) - FIRST) // TEST)
    space = {"units": [2, 4, 8], "rate": [0.001, 0.01], "l2": [0.0, 0.01], "epochs": [20, 80]}
    search = many.grid_search(  # of months in their order, ten years at a time
        network, space, x.to_numpy(), y.to_numpy(), walk, mode="max", seed=0, score=score,
        shuffle="batch", batch_size=120,
    )  # fmt: skip
    held = y.iloc[np.concatenate([rows for _, rows in walk])]
    best = pd.Series(np.concatenate(search.best["figures"]["returns"]), held.index)
    found, index = risk.sharpe_ratio(best, MONTHS), risk.sharpe_ratio(held, MONTHS)
    deflated = risk.deflated_sharpe_of(search)
    bar = index.sharpe + deflated.benchmark  # of the best of so many that are as good as it
    print(f"{len(search)} networks, tested on {found.n} months from {held.index[0]:%Y} on")
    print(f"the best has a Sharpe of {found.annual:.2f}, buy and hold of {index.annual:.2f}")
    sure = risk.probabilistic_sharpe(*found[:4], benchmark=bar).probability
    print(f"better than luck: {deflated.probability:.1%}, but so is buy and hold")
    print(f"better than buy and hold with the same luck: {sure:.1%}")
    best *= held.std() / best.std()
    curves = {"best network, as volatile as the index": best, "buy and hold": held}
    draw(lags, hold, curves | {"trap (lag 1)": signs[1][held.index]})
    print("strategy_lags.png and strategy_growth.png show it.", CAVEATS)


if __name__ == "__main__":
    main()
