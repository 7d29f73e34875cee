"""Explain by gradients: of the inputs of a row, and integrated along a line to it."""

import functools
from typing import Any

import numpy as np

from fastgd import config
from fastgd._data.arguments import choice
from fastgd._data.frames import column_names, matching_names
from fastgd._data.validation import number, whole_number
from fastgd._typing import Array, Data
from fastgd.errors import ConvergenceWarning, ShapeError, warn
from fastgd.explain import path
from fastgd.explain.explanation import Explanation
from fastgd.explain.kinks import Network
from fastgd.explain.target import target_of

#: Steps that "auto" begins with, and the most that there may be.
FIRST_STEPS, MOST_STEPS = 16, 65536


def input_gradients(
    model: Any, x: Data, output: Any = None, n_jobs: int | None = None
) -> Array:
    """Return how the explained number of each row changes with each of its features.

    The derivatives dF / dx_i at the row itself, for F the logit (see `output`), computed
    by one compiled pass forward and back, without gradients of weights. Layers such as dropout
    are inactive, and batch normalisations use their moving moments. At a kink of an activation
    the derivative is that of the side that training takes: 0 for relu at 0.

    Parameters
    ----------
    model : Sequential, Model, LinearModel or fitted estimator of fastgd.sklearn
    x : array or frame, shape (n, features)
        For a model of several inputs a list or dict of them, as for ``predict``.
    output : int, or a class of a classifier, optional
        Which output is explained, or rather what its last sigmoid or softmax reads; by default
        the only one, of two classes the log-odds of the second.
    n_jobs : int, optional
        Threads, see ``config.threads``; they change no bit.

    Returns
    -------
    ndarray, shape (n, features)
        Of the model's data type. A row has the same bits in any x. Several inputs stand side by
        side.

    Raises
    ------
    ArgumentError
        For a model with an Embedding; explain its vectors instead.
    ShapeError, DataTypeError, DataError
        For an x that ``predict`` does not take, or that has no rows.

    Examples
    --------
    >>> import numpy as np
    >>> from fastgd import Sequential, explain, layers
    >>> model = Sequential([layers.Input((2,)), layers.Dense(1, activation="sigmoid")])
    >>> model.set_weights([np.array([[2.0], [-1.0]]), np.zeros(1)])
    >>> explain.input_gradients(model, [[0.0, 0.0], [5.0, 3.0]])
    array([[ 2., -1.],
           [ 2., -1.]], dtype=float32)
    """
    threads = config.threads(n_jobs)
    target = target_of(model, output)
    rows = target.rows(x)
    if target.step is None:
        return np.tile(target.coef, (len(rows), 1))
    return path.gradients(target.step, _of_outputs(target), rows, threads)


def integrated_gradients(model: Any, x: Data, baseline: Data = None, steps: int | str = "auto",
                         tol: float = 1e-3, output: Any = None,
                         n_jobs: int | None = None) -> Explanation:  # fmt: skip
    """Attribute the number of each row to its features, by gradients on the way to it.

    The contribution of feature i is (x_i - b_i) times the mean of dF / dx_i over the line from
    the baseline b to x (Sundararajan, Taly and Yan 2017); the contributions add up to
    F(x) - F(b). The mean is taken at points of Gauss-Legendre quadrature, in several intervals
    where there are more than 1024.

    Parameters
    ----------
    model, x, output, n_jobs
        As for ``input_gradients``.
    baseline : array or frame, shape (features,), (1, features) or (n, features), optional
        Where the lines begin: the row that the contributions compare with, one for all rows or
        one for each. Zeros by default, which mean "average" only of standardised features.
    steps : "auto", "exact" or int
        How many points each line has. "auto" doubles 16 until no attribution of the row moves
        by more than ``tol``, twice in turn where they do not add up, up to 65536. "exact" goes
        from kink to kink of a network of piecewise linear activations (relu, leaky_relu,
        hard_tanh ...), between which the gradient is constant (Sotoudeh and Thakur 2019): no
        error is left but rounding. For relu networks a fixed number errs by about 1 / steps.
    tol : float
        For "auto": the change of an attribution that is allowed, as a share of the row's sum of
        absolute ones. Points are computed, and gradients added up, in float64; the gradients of
        a float32 model are rounded to about 1e-6 of their size, which limits the accuracy.

    Returns
    -------
    Explanation
        With `base_values` F(b). Its ``errors``: "completeness", (n,), F(x) - F(b) minus the sum
        of contributions; "steps", the number given, or that of each row, (n,); and for "auto"
        "change", (n,), by how much an attribution of the row moved at most when the steps were
        doubled the last time. A linear model needs no steps.

    Raises
    ------
    ArgumentError
        For "exact", if an activation is not piecewise linear; the message names the layer.
    ShapeError
        If the baseline has another number of rows than 1 or n.

    Warns
    -----
    ConvergenceWarning
        If some rows have not settled after 65536 steps.

    Examples
    --------
    >>> import numpy as np
    >>> from fastgd import Sequential, explain, layers
    >>> model = Sequential([layers.Input((1,)), layers.Dense(1, activation="relu"),
    ...                     layers.Dense(1)])
    >>> model.set_weights([np.array([[-1.0]]), np.ones(1), np.array([[-1.0]]), np.ones(1)])
    >>> explain.input_gradients(model, [[2.0]])  # 1 - relu(1 - x) is flat there
    array([[0.]], dtype=float32)
    >>> found = explain.integrated_gradients(model, [[2.0]], steps="exact")
    >>> found.values, found.base_values, found.errors["steps"]
    (array([[1.]]), array([0.]), array([2]))
    """
    threads = config.threads(n_jobs)
    fixed = 0
    if isinstance(steps, str):
        choice(steps, "steps", ("auto", "exact"), " or a number of steps")
    else:
        fixed = whole_number(steps, "steps", 1, MOST_STEPS)
    tol = number(tol, "tol", 0)
    target = target_of(model, output)
    rows = target.rows(x)
    starts = _starts(target, baseline, x, len(rows))
    ends = target.values(np.concatenate([starts, rows]))
    base_values, reached = ends[: len(starts)], ends[len(starts) :]
    end, start = rows.astype(np.float64), starts.astype(np.float64)
    way = end - start
    if target.step is None:
        values, errors = way * target.coef, {"steps": 0}
    else:
        begins = start[0] if len(start) == 1 else start
        mean = functools.partial(_mean, target, _of_outputs(target), threads)
        if steps == "auto":
            values, errors = _settled(mean, end, begins, way, tol, reached - base_values)
        elif steps == "exact":
            values, errors = _exact(target, mean, end, start, way)
        else:
            values = way * mean(end, begins, path.legendre_points(fixed))
            errors = {"steps": fixed}
    if len(base_values) < len(rows):
        base_values = base_values.repeat(len(rows))
    gap = reached - base_values - np.add.reduce(values, axis=1)
    errors = {"completeness": gap, **errors}
    return Explanation(values, base_values, target.data(x, rows), target.names_for(x), errors)


def _of_outputs(target):
    """Return the gradient of the explained number with respect to the outputs."""
    d_out = [0.0] * target.step.assembly.output_width
    for column, factor in target.terms:
        d_out[column] += factor
    return np.array(d_out, target.dtype)


def _starts(target, baseline, x, count):
    """Return the baselines as prepared rows: one, or one for each of `count` rows."""
    if baseline is None:
        return np.zeros((1, target.width), target.dtype)
    if isinstance(baseline, (list, tuple)):
        if not any(hasattr(one, "__len__") for one in baseline):
            baseline = [baseline]
    elif not isinstance(baseline, dict) and np.ndim(baseline) == 1:
        labels = getattr(baseline, "index", None)  # such as the mean of a frame has
        if np.ndim(labels) and all(isinstance(label, str) for label in labels):
            matching_names(tuple(labels), target.names or column_names(x), "baseline")
        baseline = np.asarray(baseline)[None]
    starts = target.rows(baseline, "baseline", x)
    if len(starts) not in (1, count):
        raise ShapeError(
            f"baseline: expected one row, or one for each of the {count} rows of x, "
            f"got {len(starts)}"
        )
    return starts


def _mean(target, d_out, threads, x, start, points):
    """Return the mean gradients at some points on lines, see ``mean_gradients``."""
    return path.mean_gradients(target.step, d_out, x, start, points, threads)


def _settled(mean, x, start, way, tol, total):
    """Return the contributions, and errors, with steps doubled line by line.

    Between kinks that lie badly two results may agree by chance. So where they do not add up to
    the total, they have to agree twice.
    """
    values = way * mean(x, start, path.legendre_points(FIRST_STEPS))
    change, taken = np.zeros(len(values)), np.zeros(len(values), int)
    agreed = np.zeros(len(values), bool)
    left, steps = np.arange(len(values)), FIRST_STEPS
    while len(left) and steps < MOST_STEPS:
        steps *= 2
        begins = start if start.ndim == 1 else start[left]
        better = way[left] * mean(x[left], begins, path.legendre_points(steps))
        change[left] = np.abs(better - values[left]).max(axis=1)
        values[left], taken[left] = better, steps
        allowed = tol * np.abs(better).sum(axis=1)
        agrees = change[left] <= allowed  # NaN does not
        complete = np.abs(total[left] - better.sum(axis=1)) <= allowed
        done = agrees & (complete | agreed[left])
        agreed[left] = agrees
        left = left[~done]
    if len(left):
        warn(
            f"integrated_gradients: {len(left)} rows have not settled to tol={tol:g} after "
            f"{steps} steps, the first is row {left[0]}: allow a larger tol, or, if all "
            "activations are piecewise linear, take steps='exact'",
            ConvergenceWarning,
        )
    return values, {"change": change, "steps": taken}


def _exact(target, mean, x, start, way):
    """Return the contributions, and how many linear segments each line has."""
    assembly = target.step.assembly
    ends = np.repeat(target.buffers, assembly.plan.widths[list(target.buffers)])
    explained = {int(ends[column]) for column, factor in target.terms if factor}
    network = Network(assembly.plan, assembly.parameters, explained)
    values, taken = np.zeros(way.shape), np.zeros(len(way), int)
    start = np.broadcast_to(start, x.shape)
    block = network.rows_at_once()
    for first in range(0, len(way), block):
        rows = slice(first, first + block)
        begins = np.ascontiguousarray(start[rows])  # of one baseline they are one row
        points = network.segments(x[rows], begins)
        values[rows] = way[rows] * mean(x[rows], begins, points)
        taken[rows] = np.bincount(points[0], minlength=len(begins))
    return values, {"steps": taken}
