"""What should a year of motor insurance cost? A Tweedie GLM, its inference, and a network.

    python pricing.py            # prints tables, and saves pricing.png
    python pricing.py --rows 5000 --picture small.png

The policies are generated. Claims come as a Poisson process of log-linear frequency, an amount is
gamma distributed with shape 1, so that a policy's total has a Tweedie distribution of power
(shape + 2) / (shape + 1) = 1.5 (Jorgensen and de Souza 1994). Young drivers of strong cars have
twice the claims that both factors alone would give: the GLM is not told of it.

The total of a policy in force for e years has the mean e times the yearly premium and the variance
dispersion e^(1 - power) mean^power: hence the offset log(e), and the weight e^(power - 1).
"""

import argparse

import numpy as np
import pandas

import fastgd
from fastgd import layers, linear, losses

POWER = 1.5
REGIONS = ("city", "suburb", "country")
NAMES = ("young", "senior", "power", "city", "suburb", "garage")


def policies(n, seed=0):
    """Return (rating factors, a frame (n, 6); regions; exposures in years; claims in EUR)."""
    rng = np.random.default_rng(seed)
    age = rng.choice(3, n, p=[0.15, 0.65, 0.2])  # young, middle, senior
    region = rng.choice(3, n, p=[0.3, 0.3, 0.4])
    power = rng.gamma(9.0, 1 / 9.0, n) - 1  # 0: the usual power
    garage = rng.random(n) < 0.5
    x = np.c_[age == 0, age == 2, power, region == 0, region == 1, garage].astype(float)
    years = rng.uniform(0.1, 1.0, n)
    frequency = np.exp(-2.3 + x @ [0.5, 0.2, 0.4, 0.4, 0.15, -0.1])
    frequency[(age == 0) & (power > 0.2)] *= 2
    amount = 2000 * np.exp(x @ [0.1, 0.0, 0.3, 0.0, 0.0, 0.0])
    claims = rng.poisson(years * frequency)
    total = rng.gamma(np.maximum(claims, 1)) * amount * (claims > 0)
    return pandas.DataFrame(x, columns=NAMES), np.array(REGIONS)[region], years, total


def network(x, years, total, level, seed):
    """Return the function of rating factors that a trained network is, in EUR a year."""
    fastgd.utils.set_random_seed(seed)
    hidden = [layers.Dense(16, activation="relu") for _ in range(2)]
    model = fastgd.Sequential([layers.Input(shape=(x.shape[1],)), *hidden, layers.Dense(1)])
    model.compile("adam", losses.Tweedie(POWER, log_link=True))
    # claims a year with weights e are the same likelihood as totals with offset and weights
    model.fit(
        x, total / years / level, sample_weight=years, epochs=15, batch_size=256, verbose=0
    )
    return lambda rows: level * np.exp(model.predict(rows, verbose=0)[:, 0].astype(float))


def deviance(premium, years, total):
    """Return the mean Tweedie deviance of premiums a year, weighted by years: less is better."""
    each = losses.Tweedie(POWER, reduction="none")
    return np.average(each((total / years)[:, None], premium[:, None]), weights=years)


def deciles(premium, years):
    """Return the tenth of the years, 0 to 9, in which each policy is, cheapest first."""
    order = np.argsort(premium, kind="stable")
    place = np.empty(len(order), int)
    shares = (np.cumsum(years[order]) - years[order] / 2) / years.sum()
    place[order] = (10 * shares).astype(int)
    return place


def draw(path, premiums, years, total):
    """Save the lift chart: for each model the observed cost of its tenths."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, 2, figsize=(10, 4.6), sharey=True, layout="constrained")
    for ax, (name, premium) in zip(axes, premiums.items(), strict=True):
        sums = [np.bincount(deciles(premium, years), v, 10)
                for v in (years, premium * years, total)]  # fmt: skip
        ax.plot(range(1, 11), sums[1] / sums[0], "o-", label="predicted")
        ax.bar(range(1, 11), sums[2] / sums[0], color="0.8", label="observed")
        ax.set(title=name, xlabel="tenth of insured years, cheapest first", xticks=range(1, 11))
    axes[0].set_ylabel("claims (EUR a year)")
    axes[0].legend()
    figure.suptitle(
        "Held-out policies by predicted premium: steep bars sort risks well, and dots on the bars\n"
        "are premiums that pay for the claims; dots off the bars at an end are a wrong price"
    )
    figure.savefig(path, dpi=110)
    plt.close(figure)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=60_000, help="policies (%(default)s)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--picture", default="pricing.png")
    args = parser.parse_args()
    x, region, years, total = policies(args.rows, args.seed)
    train, held = np.split(np.random.default_rng(args.seed).permutation(args.rows), 2)

    glm = linear.LinearModel("tweedie", power=POWER)
    known = {
        "sample_weight": years[train] ** (POWER - 1), "offset": np.log(years[train]),
    }  # fmt: skip
    glm.fit(x.iloc[train], total[train], **known)
    found = glm.inference(x.iloc[train], total[train], **known)
    print(found.summary())
    print("a premium is the product of e^coef:", *np.exp(found.coef).round(2))

    level = total[train].sum() / years[train].sum()
    trained = network(x.iloc[train], years[train], total[train], level, args.seed)
    x, region, years, total = x.iloc[held], region[held], years[held], total[held]
    premiums = {"GLM": glm.predict(x, offset=0), "network": trained(x)}  # of a whole year
    print(f"\nheld out: {len(years)} policies. Claims of a group in 1000 EUR, and premiums:")
    for group in (*REGIONS, "all"):
        rows = (region == group) | (group == "all")
        sums = [(p * years)[rows].sum() / 1000 for p in premiums.values()]
        print(f"  {group:<8}{total[rows].sum() / 1000:>8.0f}", *(f"{s:>8.0f}" for s in sums))
    flat = deviance(np.full(len(years), level), years, total)
    print(f"deviance, less is better: one premium for all {flat:.2f}")
    for name, premium in premiums.items():
        print(f"  {name:<8}{deviance(premium, years, total):.2f}")
    draw(args.picture, premiums, years, total)
    print(f"the lift chart is in {args.picture}")
    print(
        "Caveats: the data are generated, from nearly the model that is fitted. The power is\n"
        "taken as known, and one dispersion for all, so that standard errors are too small where\n"
        "factors move the number of claims and their size differently. With this link totals\n"
        "balance about, not exactly. A tariff also has expenses, large claims and the law."
    )


if __name__ == "__main__":
    main()
