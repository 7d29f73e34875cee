"""Draw dependence on features, and what an explanation adds up to, with matplotlib."""

from typing import Any

import numpy as np

from fastgd._data.arguments import text
from fastgd._data.validation import positive_int, whole_number
from fastgd.errors import DataTypeError
from fastgd.explain.dependence import ALE, PartialDependence
from fastgd.explain.explanation import Explanation
from fastgd.many.plotting import subplots

#: The most curves of single rows that are drawn.
MOST_CURVES = 100
UP, DOWN = "tab:red", "tab:blue"


def plot_partial_dependence(found: dict[str, PartialDependence], unit: str = "log-odds",
                            ax: Any = None) -> Any:  # fmt: skip
    """Draw what ``partial_dependence`` gave, an axis for each feature; return the Figure.

    Parameters
    ----------
    found : dict of str -> PartialDependence
        With ``ice=True`` at most 100 of the rows' curves are drawn, evenly chosen.
    unit : str
        Of the model's number.
    ax : matplotlib Axes, or array of them, optional
        One for each feature.

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("agg")
    >>> from fastgd import explain, linear
    >>> model = linear.LinearModel().fit([[0.0], [1.0]], [1.0, 3.0])
    >>> found = explain.partial_dependence(model, [[0.0], [0.5], [1.0]], 0)
    >>> explain.plot_partial_dependence(found, "euros").axes[0].get_xlabel()
    'x0'
    """
    axes = _axes(found, PartialDependence, ax)
    unit = text(unit, "unit")
    for axis, one in zip(axes, found.values(), strict=True):
        if one.ice is not None:
            step = -(-len(one.ice) // MOST_CURVES)
            axis.plot(one.grid, one.ice[::step].T, color="0.75", linewidth=0.6)
        axis.plot(one.grid, one.mean, color=UP, linewidth=2)
        axis.set_xlabel(one.feature)
    axes[0].set_ylabel(f"mean {unit}")
    curves = any(one.ice is not None for one in found.values())
    grey = "; grey lines that are not parallel are interactions" if curves else ""
    _say(axes, ax, f"Mean over the rows if one feature is set to a value{grey}.")
    return axes[0].figure


def plot_ale(found: dict[str, ALE], unit: str = "log-odds", ax: Any = None) -> Any:
    """Draw what ``ale`` gave, an axis for each feature; return the Figure.

    Ticks at the lower edge are the ends of bins, between which as many rows lie.

    Parameters
    ----------
    found : dict of str -> ALE
    unit, ax
        As for ``plot_partial_dependence``.

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("agg")
    >>> from fastgd import explain, linear
    >>> model = linear.LinearModel().fit([[0.0], [1.0]], [1.0, 3.0])
    >>> figure = explain.plot_ale(explain.ale(model, [[0.0], [0.5], [1.0]], 0), "euros")
    >>> figure.axes[0].get_ylabel()
    'change of euros'
    """
    axes = _axes(found, ALE, ax)
    unit = text(unit, "unit")
    for axis, one in zip(axes, found.values(), strict=True):
        axis.axhline(0, color="0.6", linewidth=0.8)
        axis.plot(one.edges, one.effect, color=UP, linewidth=2)
        across = axis.get_xaxis_transform()
        axis.plot(one.edges, np.zeros(len(one.edges)), "|", color="0.3", transform=across)
        axis.set_xlabel(one.feature)
    axes[0].set_ylabel(f"change of {unit}")
    _say(axes, ax, "Accumulated local effects of a feature; their mean over the rows is 0.")
    return axes[0].figure


def plot_explanation(explanation: Explanation, row: int = 0, top: int = 10,
                     unit: str = "log-odds", ax: Any = None) -> Any:  # fmt: skip
    """Draw how contributions lead from the base to the number of a row; return the Figure.

    The largest stand at the top, the smallest are one bar; standard errors are drawn, if any.

    Parameters
    ----------
    explanation : Explanation
    row : int
        Which of its rows.
    top : int
        The most bars of single features.
    unit : str
    ax : matplotlib Axes, optional

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("agg")
    >>> import numpy as np
    >>> from fastgd import explain
    >>> found = explain.Explanation(np.array([[0.5, -0.2]]), np.ones(1), None, ("age", "debt"))
    >>> axis = explain.plot_explanation(found).axes[0]
    >>> [label.get_text() for label in axis.get_yticklabels()]
    ['age', 'debt']
    """
    if not isinstance(explanation, Explanation):
        raise DataTypeError(f"explanation: expected an Explanation, got {explanation!r}")
    row = whole_number(row, "row", 0, len(explanation.values) - 1)
    top, unit = positive_int(top, "top"), text(unit, "unit")
    values, base = explanation.values[row], float(explanation.base_values[row])
    order = np.argsort(-np.abs(values), kind="stable")
    top += len(order) == top + 1  # a bar for "1 others" would save nothing
    labels = [_label(explanation, row, k) for k in order[:top]]
    sizes = values[order[:top]].tolist()
    errors = explanation.errors.get("standard_error")
    bars = None if errors is None else errors[row, order[:top]].tolist()
    if len(rest := order[top:]):
        labels.append(f"{len(rest)} others")
        sizes.append(float(values[rest].sum()))
        bars = None if bars is None else [*bars, 0.0]
    # From the lowest bar, which begins at the base, up to the largest, which ends at the total.
    ends = base + np.cumsum(sizes[::-1])[::-1]
    starts = ends - sizes
    (axis,) = subplots(ax, size=(7.0, 1.2 + 0.36 * len(sizes)))
    places = np.arange(len(sizes))
    colours = [UP if size > 0 else DOWN for size in sizes]
    axis.barh(places, sizes, left=starts, color=colours, xerr=bars, height=0.7, capsize=2)
    for place, size in zip(places, sizes, strict=True):
        axis.annotate(
            f"{size:+.3g}", (max(starts[place], ends[place]), place), (4, 0), va="center",
            textcoords="offset points", fontsize="small",
        )  # fmt: skip
    axis.axvline(base, color="0.6", linewidth=0.8, linestyle="--")
    axis.axvline(ends[0], color="0.2", linewidth=0.8)
    axis.set_yticks(places, labels)
    axis.invert_yaxis()
    low, high = min(*starts, *ends, base), max(*starts, *ends, base)
    room = high - low or 1.0
    axis.set_xlim(low - 0.05 * room, high + 0.15 * room)  # on the right for the numbers
    axis.set_xlabel(unit)
    axis.set_title(
        f"From the base {base:.3g} (dashed) up the bars to this row's {ends[0]:.3g}: "
        "red raises, blue lowers.",
        fontsize="medium", loc="left", wrap=True,
    )  # fmt: skip
    return axis.figure


def _label(explanation, row, k):
    """Return the name of a feature, with its value where there is one."""
    name = explanation.names[k]
    return name if explanation.data is None else f"{name} = {explanation.data[row, k]:.6g}"


def _axes(found, kind, ax):
    """Return an axis for each feature of a dict that a function of this package gave."""
    right = isinstance(found, dict) and all(isinstance(one, kind) for one in found.values())
    if not (right and found):
        raise DataTypeError(
            f"found: expected a dict of name -> {kind.__name__}, got {type(found).__name__}"
        )
    size = (3.4 * len(found) + 1.0, 3.4)
    axes = subplots(ax, len(found), size, sharey=True)
    if len(axes) != len(found):
        raise DataTypeError(f"ax: expected {len(found)} axes, got {len(axes)}")
    return axes


def _say(axes, ax, sentence):
    """Write a sentence above the axes, if the figure is this function's."""
    if ax is None:
        axes[0].figure.suptitle(sentence, fontsize="medium", wrap=True)
    else:
        axes[0].set_title(sentence, fontsize="medium", wrap=True)
