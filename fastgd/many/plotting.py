"""Plots of many results, and of a search."""

import math

import numpy as np

from fastgd._registry.extras import needed_by
from fastgd._registry.names import lookup
from fastgd.errors import ArgumentError

#: Values whose ratio is this large are drawn on a logarithmic axis.
WIDE = 50


def subplots(ax, columns=1, size=None, **settings):
    """Return the Axes given as a list, or new ones."""
    with needed_by("plot"):
        import matplotlib.pyplot as plt

    if ax is None:
        settings |= {"figsize": size, "layout": "constrained"}
        _, ax = plt.subplots(1, columns, **settings)
    return np.ravel(ax).tolist()


def scores_by_job(rows, name, ax):
    """Draw a score over the rows of ``Results.to_dicts``, see ``Results.plot``."""
    lookup("figure", name, dict.fromkeys(key for row in rows for key in row))
    (axis,) = subplots(ax)
    drawn = [row for row in rows if row.get(name) is not None]
    axis.plot([row["index"] for row in drawn], [row[name] for row in drawn], ".")
    axis.set(xlabel="job", ylabel=name)
    return axis.figure


def scores_by_parameter(search, names, ax):
    """Draw the mean score against each parameter, with bars of one standard deviation."""
    names = _names(search, names)
    axes = subplots(ax, len(names), (3.6 * len(names), 3.2), sharey=True)
    for name, axis in zip(names, axes, strict=True):
        rows = [row for row in scored(search) if name in row["parameters"]]
        scale = Scale([row["parameters"][name] for row in rows])
        means = [row["mean"] for row in rows]
        spread = [0.0 if math.isnan(row["std"]) else row["std"] for row in rows]
        axis.errorbar(scale.values, means, spread, fmt="o", ms=4, alpha=0.6, lw=1)
        if best := [i for i, row in enumerate(rows) if row["rank"] == 1]:
            places, means = ([of[i] for i in best] for of in (scale.values, means))
            axis.plot(places, means, "o", color="tab:red", zorder=3)
        if scale.labels:
            axis.set_xticks(range(len(scale.labels)), scale.labels)
            axis.set_xlim(-0.5, len(scale.labels) - 0.5)
        elif scale.logarithmic:
            axis.set_xscale("log")
        axis.set_xlabel(name)
    axes[0].set_ylabel(search.monitor)
    return axes[0].figure


def parallel_coordinates(search, names, ax):
    """Draw an axis for each parameter and one for the score, and each set as a line."""
    with needed_by("plot"):
        import matplotlib.pyplot as plt

    names = _names(search, names)
    rows = scored(search)
    (axis,) = subplots(ax, size=(1.8 * (len(names) + 1) + 1.5, 3.6))
    scales = [Scale([row["parameters"].get(name, "-") for row in rows]) for name in names]
    scales.append(Scale([row["mean"] for row in rows], numbers_only=True))
    places = np.array([scale.fractions() for scale in scales]).T
    last = max((row["rank"] for row in rows), default=1)
    colours = plt.get_cmap("viridis")
    for row, line in sorted(zip(rows, places, strict=True), key=lambda pair: -pair[0]["rank"]):
        share = (last - row["rank"]) / max(last - 1, 1)
        axis.plot(line, color=colours(1 - share), alpha=0.4 + 0.6 * share, linewidth=1 + share)
    for place, scale in enumerate(scales):
        axis.axvline(place, color="0.7", linewidth=0.8, zorder=0)
        for fraction, text in scale.ticks():
            axis.annotate(
                text, (place, fraction), (3, 0), textcoords="offset points", fontsize="small",
                va="center", bbox={"facecolor": "white", "edgecolor": "none", "pad": 1},
            )  # fmt: skip
    axis.set_xticks(range(len(scales)), [*names, search.monitor])
    axis.set_yticks([])
    axis.set_xlim(-0.1, len(scales) - 0.6)
    return axis.figure


def scores_by_resource(halving, ax):
    """Draw the mean score of each set over its resource, see ``Halving.plot``."""
    (axis,) = subplots(ax)
    lines = {}
    for rung in halving.rungs:
        for number, mean in zip(rung["sets"], rung["means"], strict=True):
            lines.setdefault(number, []).append((rung["resource"], mean))
    for line in lines.values():
        axis.plot(*zip(*line, strict=True), "o-", markersize=3, linewidth=1, alpha=0.7)
    axis.set_xscale("log")
    places = [rung["resource"] for rung in halving.rungs]
    axis.set_xticks(places, map(str, places))
    axis.minorticks_off()
    axis.set(xlabel=halving.resource, ylabel=halving.monitor)
    return axis.figure


class Scale:
    """Map values of a parameter to numbers, or to the places 0, 1, ... of ``labels``."""

    def __init__(self, given, numbers_only=False):
        kinds = {type(value) for value in given}
        self.labels, self.logarithmic = [], False
        if numbers_only or (kinds <= {int, float} and kinds):
            self.values = [float(value) for value in given]
            low, high = min(self.values, default=0.0), max(self.values, default=0.0)
            self.logarithmic = not numbers_only and low > 0 and high >= WIDE * low
        else:
            self.labels = list(dict.fromkeys(map(str, given)))
            self.values = [float(self.labels.index(str(value))) for value in given]

    def fractions(self):
        """Return the values as numbers from 0 to 1."""
        values = np.log(self.values) if self.logarithmic else np.array(self.values)
        span = np.ptp(values) if values.size else 0
        return (values - values.min()) / span if span else np.full(len(values), 0.5)

    def ticks(self):
        """Return (fraction, text) of all choices, or of the ends of numbers."""
        found = dict(zip(self.fractions().tolist(), self.values, strict=True))
        if self.labels:
            return [(place, self.labels[int(value)]) for place, value in found.items()]
        ends = sorted({min(found), max(found)}) if found else []
        return [(place, f"{found[place]:.4g}") for place in ends]


def scored(search):
    """Return the rows of a search that have a mean score."""
    return [row for row in search if not math.isnan(row["mean"])]


def _names(search, names):
    """Return the names of the parameters to draw."""
    known = dict.fromkeys(name for row in search for name in row["parameters"])
    names = list(known if names is None else names)
    if not names:
        raise ArgumentError("names: there is no parameter to draw")
    for name in names:
        lookup("names", name, known)
    return names
