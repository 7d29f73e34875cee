"""Price a year of motor insurance by a Tweedie GLM, with its inference, and by a network.

    python pricing.py [--rows 60000] [--picture pricing.png]

The policies are generated: claims are a Poisson process, an amount is gamma distributed with
shape 1, so that totals have a Tweedie distribution of power (shape + 2) / (shape + 1) = 1.5
(Jorgensen and de Souza 1994). Young drivers of strong cars have twice the claims that both give
alone, which the GLM is not told. Totals of e years have the mean e times that of one year, and
the variance dispersion e^(1 - power) mean^power: log(e) is an offset, e^(power - 1) a weight.
"""

import argparse

import numpy as np
import pandas

import fastgd
from fastgd import layers, linear, losses

POWER = 1.5
NAMES = ("young", "senior", "strength", "city", "suburb", "garage")
CAVEATS = """Caveats: the data are generated, by nearly the model that is fitted. Power and
link are taken as known, one dispersion for all makes standard errors approximate, and totals
balance only about. Tariffs also have expenses, large claims and the law."""


def policies(n, seed=0):
    """Return (rating factors, a frame (n, 6); exposures in years; totals of claims in EUR)."""
    rng = np.random.default_rng(seed)
    age = rng.choice(3, n, p=[0.15, 0.65, 0.2])  # young, middle, senior
    region = rng.choice(3, n, p=[0.3, 0.3, 0.4])  # city, suburb, country
    strength = rng.gamma(9.0, 1 / 9.0, n) - 1  # of the engine; 0 is usual
    garage = rng.random(n) < 0.5
    x = np.c_[age == 0, age == 2, strength, region == 0, region == 1, garage].astype(float)
    years = rng.uniform(0.1, 1.0, n)
    frequency = np.exp(-2.3 + x @ [0.5, 0.2, 0.4, 0.4, 0.15, -0.1])
    frequency[(age == 0) & (strength > 0.2)] *= 2
    amount = 2000 * np.exp(x @ [0.1, 0.0, 0.3, 0.0, 0.0, 0.0])
    claims = rng.poisson(years * frequency)
    total = rng.gamma(np.maximum(claims, 1)) * amount * (claims > 0)
    return pandas.DataFrame(x, columns=NAMES), years, total


def network(x, years, total, level):
    """Return the function of rating factors that a trained network is, in EUR a year."""
    fastgd.utils.set_random_seed(0)
    hidden = layers.Dense(16, activation="relu"), layers.Dense(16, activation="relu")
    model = fastgd.Sequential([layers.Input(shape=(x.shape[1],)), *hidden, layers.Dense(1)])
    model.compile("adam", losses.Tweedie(POWER, log_link=True))
    # claims a year with weights e are the same likelihood as totals with offset and weights
    model.fit(x, total / years / level, 256, epochs=15, verbose=0, sample_weight=years)
    return lambda rows: level * np.exp(model.predict(rows, verbose=0)[:, 0].astype(float))


def deviance(premium, years, total):
    """Return the mean Tweedie deviance of premiums a year, weighted by years."""
    each = losses.Tweedie(POWER, reduction="none")((total / years)[:, None], premium[:, None])
    return np.average(each, weights=years)


def tenths(premium, years):
    """Return in which tenth of the years each policy is, 0 to 9, low premiums first."""
    order, tenth = np.argsort(premium, kind="stable"), np.empty(len(years), int)
    tenth[order] = 10 * (np.cumsum(years[order]) - years[order] / 2) / years.sum()
    return tenth


def draw(path, premiums, years, total):
    """Save the lift charts: what the tenths cost that each model makes."""
    from matplotlib.figure import Figure

    axes = (figure := Figure((10, 4.6), layout="constrained")).subplots(1, 2, sharey=True)
    for ax, (name, premium) in zip(axes, premiums.items(), strict=True):
        tenth, place = tenths(premium, years), np.arange(1, 11)
        of_years, predicted, observed = (
            np.bincount(tenth, values, 10) for values in (years, premium * years, total)
        )
        ax.bar(place, observed / of_years, color="0.8", label="observed")
        ax.plot(place, predicted / of_years, "o-", label="predicted")
        ax.set(title=name, xlabel="tenth of insured years, low premiums first", xticks=place)
    axes[0].set_ylabel("claims (EUR a year)")
    axes[0].legend()
    figure.suptitle(
        "Held-out policies: steep bars sort risks well, dots on the bars are premiums that\n"
        "pay for the claims. Dots below the last bar: the worst risks are insured too cheaply"
    )
    figure.savefig(path, dpi=110)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=60_000)
    parser.add_argument("--picture", default="pricing.png")
    args = parser.parse_args()
    x, years, total = policies(args.rows)
    half = args.rows // 2  # to train on; the others are held out
    known = {"sample_weight": years[:half] ** (POWER - 1), "offset": np.log(years[:half])}
    glm = linear.LinearModel("tweedie", power=POWER).fit(x[:half], total[:half], **known)
    found = glm.inference(x[:half], total[:half], **known)
    print(found.summary())
    print("a premium is the product of e^coef:", *np.exp(found.coef).round(2))
    level = total[:half].sum() / years[:half].sum()
    trained = network(x[:half], years[:half], total[:half], level)
    x, years, total = x[half:], years[half:], total[half:]
    premiums = {"GLM": glm.predict(x, offset=0), "network": trained(x)}  # of a whole year
    print("\nheld out, in 1000 EUR:    claims    GLM    network")
    strong = (x.young == 1) & (x.strength > 0.2)
    groups = {"city": x.city == 1, "suburb": x.suburb == 1, "young, strong car": strong}
    for name, rows in (groups | {"all": x.city >= 0}).items():
        sums = (v[rows].sum() / 1000 for v in (total, *(p * years for p in premiums.values())))
        print(f"  {name:<20}{{:>10.0f}}{{:>7.0f}}{{:>11.0f}}".format(*sums))
    print("deviance, less is better:")
    for name, premium in ({"one for all": np.full(len(x), level)} | premiums).items():
        print(f"  {name:<20}{deviance(premium, years, total):>10.2f}")
    draw(args.picture, premiums, years, total)
    print(f"the lift chart is in {args.picture}", CAVEATS, sep="\n")


if __name__ == "__main__":
    main()
