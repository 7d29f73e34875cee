"""Pictures of many results, and of a search."""

import math

import numpy as np

from fastgd._registry.names import lookup
from fastgd.errors import ArgumentError

#: Values that span so much are drawn on a logarithmic axis.
WIDE = 50


def scores_by_job(rows, figure, ax):
    """A figure of each job over the jobs; rows: dicts as ``Results.to_dicts`` gives them.

    See ``Results.plot``.
    """
    import matplotlib.pyplot as plt

    lookup("figure", figure, dict.fromkeys(key for row in rows for key in row))
    if ax is None:
        _, ax = plt.subplots(layout="constrained")
    drawn = [row for row in rows if row.get(figure) is not None]
    ax.plot([row["index"] for row in drawn], [row[figure] for row in drawn], ".")
    ax.set_xlabel("job")
    ax.set_ylabel(figure)
    return ax.figure


def scores_by_parameter(search, names, ax):
    """The mean score against each parameter; bars of one standard deviation.

    See ``Search.plot``.
    """
    import matplotlib.pyplot as plt

    names = _names(search, names)
    if ax is None:
        size = 3.6 * len(names), 3.2
        _, ax = plt.subplots(
            1, len(names), figsize=size, layout="constrained", squeeze=False, sharey=True
        )
    axes = list(
        ax.flat if hasattr(ax, "flat") else ax if isinstance(ax, (list, tuple)) else [ax]
    )
    for name, axis in zip(names, axes, strict=True):
        rows = [row for row in _scored(search) if name in row["parameters"]]
        scale = Scale([row["parameters"][name] for row in rows])
        means = [row["mean"] for row in rows]
        spread = [0.0 if math.isnan(row["std"]) else row["std"] for row in rows]
        places = scale.values
        axis.errorbar(places, means, spread, fmt="o", markersize=4, alpha=0.6, linewidth=1)
        best = [
            (p, row["mean"]) for p, row in zip(places, rows, strict=True) if row["rank"] == 1
        ]
        if best:
            axis.plot(*zip(*best, strict=True), "o", color="tab:red", zorder=3)
        if scale.labels:
            axis.set_xticks(range(len(scale.labels)), scale.labels)
            axis.set_xlim(-0.5, len(scale.labels) - 0.5)
        elif scale.logarithmic:
            axis.set_xscale("log")
        axis.set_xlabel(name)
    axes[0].set_ylabel(search.monitor)
    return axes[0].figure


def parallel_coordinates(search, names, ax):
    """An axis for each parameter and one for the score; each set is a line through its values.

    See ``Search.plot``.
    """
    import matplotlib.pyplot as plt

    names = _names(search, names)
    rows = _scored(search)
    if ax is None:
        size = 1.8 * (len(names) + 1) + 1.5, 3.6
        _, ax = plt.subplots(figsize=size, layout="constrained")
    axis = ax
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
    """The mean score of each set over what it was given; see ``Halving.plot``."""
    import matplotlib.pyplot as plt

    if ax is None:
        _, ax = plt.subplots(layout="constrained")
    lines = {}
    for rung in halving.rungs:
        for number, mean in zip(rung["sets"], rung["means"], strict=True):
            lines.setdefault(number, []).append((rung["resource"], mean))
    for line in lines.values():
        ax.plot(*zip(*line, strict=True), "o-", markersize=3, linewidth=1, alpha=0.7)
    ax.set_xscale("log")
    places = [rung["resource"] for rung in halving.rungs]
    ax.set_xticks(places, map(str, places))
    ax.minorticks_off()
    ax.set_xlabel(halving.resource)
    ax.set_ylabel(halving.monitor)
    return ax.figure


class Scale:
    """Values of a parameter as numbers to draw.

    Parameters
    ----------
    given : list
        Numbers, or anything.
    numbers_only : bool
        Whether a short list of numbers is no list of choices.

    Attributes
    ----------
    values : list of float
    labels : list of str
        Of the places 0, 1, ... of choices; empty for numbers.
    logarithmic : bool
    """

    def __init__(self, given, numbers_only=False):
        kinds = {type(value) for value in given}
        self.labels = []
        self.logarithmic = False
        if numbers_only or (kinds <= {int, float} and kinds):
            self.values = [float(value) for value in given]
            low, high = min(self.values, default=0.0), max(self.values, default=0.0)
            self.logarithmic = not numbers_only and low > 0 and high >= WIDE * low
        else:
            self.labels = list(dict.fromkeys(map(str, given)))
            self.values = [float(self.labels.index(str(value))) for value in given]

    def fractions(self):
        """The values from 0 to 1."""
        values = np.log(self.values) if self.logarithmic else np.array(self.values)
        if not values.size:
            return values
        low, high = values.min(), values.max()
        return (values - low) / (high - low) if high > low else np.full(len(values), 0.5)

    def ticks(self):
        """(Fraction, text) of some values: all choices, and the ends of numbers."""
        if not self.values:
            return []
        found = dict(zip(self.fractions().tolist(), self.values, strict=True))
        if self.labels:
            return [(place, self.labels[int(value)]) for place, value in found.items()]
        ends = {min(found), max(found)}
        return [(place, f"{found[place]:.4g}") for place in sorted(ends)]


def _scored(search):
    return [row for row in search if not math.isnan(row["mean"])]


def _names(search, names):
    """The parameters to draw."""
    there = dict.fromkeys(name for row in search for name in row["parameters"])
    names = list(there if names is None else names)
    if not names:
        raise ArgumentError("names: there is no parameter to draw")
    for name in names:
        lookup("names", name, there)
    return names
