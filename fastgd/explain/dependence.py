"""Show how a model's number depends on single features: partial dependence and ALE."""

from typing import Any, NamedTuple

import numpy as np

from fastgd._data.validation import boolean, numeric, positive_int, whole_number
from fastgd._typing import Array, Data
from fastgd.errors import ArgumentError, DataError, ShapeError
from fastgd.explain.target import columns_of, target_of

#: Numbers in the rows that are predicted at once: as many as stay in a processor's cache.
BLOCK = 1 << 18
#: The most values of a grid, and the most bins.
MOST = 10_000


class PartialDependence(NamedTuple):
    """Hold the mean of a model's number over rows in which one feature is set to values."""

    feature: str
    grid: Array  #: float64 (values,), ascending unless given otherwise
    mean: Array  #: float64 (values,)
    ice: Array | None  #: float64 (n, values), the curve of each row, if asked for


class ALE(NamedTuple):
    """Hold accumulated local effects of one feature."""

    feature: str
    edges: Array  #: float64 (bins + 1,), of the bins: quantiles of the rows
    effect: Array  #: float64 (bins + 1,), at the edges; its mean over the rows is 0
    counts: Array  #: int64 (bins,), rows in each bin


def partial_dependence(model: Any, x: Data, features: Any, grid: Any = 32, *,
                       ice: bool = False, output: Any = None,
                       scale: str = "logit") -> dict[str, PartialDependence]:  # fmt: skip
    """Compute the mean over rows with one feature set to each value of a grid.

    PD(v) = mean over rows of f(row with x_j = v) (Friedman 2001); the curves of single rows
    are its individual conditional expectations (Goldstein et al. 2015). Where features are
    correlated, it asks the model about rows that do not exist: compare ``ale``.

    Parameters
    ----------
    model : Sequential, Model, LinearModel, or fitted estimator of fastgd.sklearn
    x : array or frame (n, features)
    features : str, int, or list of such
        Columns by name or number; each is done by itself.
    grid : int, array, or dict of column -> array
        How many values, evenly spaced from the 5 % to the 95 % quantile, or all that occur if
        they are no more; or the values themselves.
    ice : bool
        Whether to keep the curves of single rows.
    output, scale
        As for ``shapley``.

    Returns
    -------
    dict of str -> PartialDependence

    Raises
    ------
    DataTypeError, ShapeError, DataError, ArgumentError, UnknownNameError
        For rows that do not fit the model, unknown columns, and grids that are no numbers.

    Examples
    --------
    >>> import numpy as np
    >>> from fastgd import explain, linear
    >>> x = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0]])
    >>> model = linear.LinearModel().fit(x, 1 + 2 * x[:, 0] - x[:, 1])
    >>> explain.partial_dependence(model, x, 0, grid=[0.0, 1.0])["x0"].mean.round(4)
    array([0.6667, 2.6667])
    """
    target = target_of(model, output, scale)
    names, rows, ice = target.names_for(x), target.rows(x), boolean(ice, "ice")
    found = {}
    for column in columns_of(names, features, "features"):
        values = _grid(rows[:, column], grid, names, column)
        curves = np.empty((len(rows), len(values))) if ice else None
        means = np.empty(len(values))
        for place, value in enumerate(values):
            curve = _with_column(target, rows, column, value)
            means[place] = curve.mean()
            if curves is not None:
                curves[:, place] = curve
        found[names[column]] = PartialDependence(names[column], values, means, curves)
    return found


def ale(model: Any, x: Data, features: Any, bins: int = 32, *, output: Any = None,
        scale: str = "logit") -> dict[str, ALE]:  # fmt: skip
    """Compute accumulated local effects, of first order (Apley and Zhu 2020).

    Bins (z_k-1, z_k] end at quantiles of the rows, and equal ones are one, so that none is
    empty. In each the mean of f(x_j = z_k) - f(x_j = z_k-1) over its own rows is taken, the
    means are added up, and the curve is shifted so that its mean over the rows is 0, each row
    counted with the mean of its bin's two ends. Rows are moved within their bin only, so that
    correlated features lead to few rows that do not exist.

    Parameters
    ----------
    model, x, features, output, scale
        As for ``partial_dependence``. A feature needs two different values.
    bins : int
        The most bins.

    Returns
    -------
    dict of str -> ALE

    Raises
    ------
    DataTypeError, ShapeError, DataError, ArgumentError, UnknownNameError
        For rows that do not fit the model, unknown columns, and a feature that is constant.

    Examples
    --------
    >>> import numpy as np
    >>> from fastgd import explain, linear
    >>> x = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0]])
    >>> model = linear.LinearModel().fit(x, 1 + 2 * x[:, 0] - x[:, 1])
    >>> found = explain.ale(model, x, 0, bins=2)["x0"]
    >>> found.edges, found.effect.round(4)
    (array([0., 1.]), array([-1.,  1.]))
    """
    target, bins = target_of(model, output, scale), whole_number(bins, "bins", 1, MOST)
    names, rows = target.names_for(x), target.rows(x)
    found = {}
    for column in columns_of(names, features, "features"):
        values = rows[:, column]
        ends = -(-np.arange(bins + 1) * len(rows) // bins) - 1
        edges = np.unique(np.sort(values)[np.maximum(ends, 0)])
        if len(edges) < 2:
            raise DataError(f"x: column {names[column]!r} is {edges[0]:g} in all rows")
        place = np.searchsorted(edges[1:], values)  # the lowest value lies in the first bin
        gains = _with_column(target, rows, column, edges[1:][place])
        gains -= _with_column(target, rows, column, edges[place])
        counts = np.bincount(place, minlength=len(edges) - 1)
        means = np.bincount(place, gains, len(edges) - 1) / counts
        effect = np.concatenate([[0.0], np.cumsum(means)])
        effect -= (counts * (effect[:-1] + effect[1:]) / 2).sum() / len(rows)
        found[names[column]] = ALE(names[column], edges.astype(np.float64), effect, counts)
    return found


def _with_column(target, rows, column, values):
    """Return the numbers of rows whose column is set: to one value, or to one for each row."""
    found, step = np.empty(len(rows)), max(1, BLOCK // rows.shape[1])
    values = np.broadcast_to(values, len(rows))
    for first in range(0, len(rows), step):
        part = slice(first, first + step)
        mixed = rows[part].copy()
        mixed[:, column] = values[part]
        found[part] = target.values(mixed)
    return found


def _grid(values, grid, names, column):
    """Return the values of a column at which a dependence is computed, float64."""
    if isinstance(grid, dict):
        keys = {columns_of(names, key, "grid")[0]: key for key in grid}
        if column not in keys:
            raise ArgumentError(f"grid: there are no values of {names[column]!r}")
        grid = grid[keys[column]]
    if not np.ndim(grid):
        count = positive_int(grid, "grid")
        if len(distinct := np.unique(values)) <= count:
            return distinct.astype(np.float64)
        low, high = np.quantile(values.astype(np.float64), [0.05, 0.95])
        return np.linspace(low, high, min(count, MOST)) if low < high else distinct[[0, -1]]
    given = np.array(numeric(grid, "grid"), np.float64)
    if given.ndim != 1 or not 0 < given.size <= MOST:
        raise ShapeError(f"grid: expected values (m,), at most {MOST}, got {given.shape}")
    if not np.isfinite(given).all():
        raise DataError(f"grid: {given[~np.isfinite(given)][0]} is not finite")
    return given
