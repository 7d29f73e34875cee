"""Give the principal reasons of an adverse decision."""

from typing import Any, NamedTuple

import numpy as np

from fastgd._data.arguments import choice
from fastgd._data.validation import positive_int
from fastgd._typing import Data
from fastgd.errors import ArgumentError
from fastgd.explain.gradients import integrated_gradients
from fastgd.explain.shapley import Game, shared_out
from fastgd.explain.target import groups_of, target_of
from fastgd.models import Model

SIDES = ("high", "low")
METHODS = ("auto", "shapley")


class Reason(NamedTuple):
    """Hold one reason: a feature, or a group of columns, that counts against a row."""

    name: str
    contribution: float  #: to the model's number, against the reference
    columns: tuple[str, ...]  #: those of the group, or the one column
    values: tuple[float, ...]  #: of the row, in these columns
    reference: tuple[float, ...]  #: means of the reference rows, in these columns


class ReasonCodes(NamedTuple):
    """Hold the reasons of one row, the strongest first, and the numbers they explain."""

    value: float  #: the model's number for the row
    reference_value: float  #: and for the mean of the reference rows
    reasons: tuple[Reason, ...]
    error: float  #: by how much a contribution may be off, as far as the method knows


def reason_codes(model: Any, x: Data, reference: Data, top: int = 4,
                 groups: dict[str, Any] | None = None, adverse: str = "high", *,
                 output: Any = None, method: str = "auto") -> list[ReasonCodes]:  # fmt: skip
    """Return what counts most against each row, compared with the mean of a reference group.

    Contributions to the logit, of a linear model w_i (x_i - mean_i). For a network they are
    integrated gradients along the line from the mean of the reference rows to the row, exact
    where it is piecewise linear, see ``integrated_gradients``; they add up to
    f(row) - f(mean). Contributions of a group are summed up first, and then ranked; only
    adverse ones are reasons, so that there may be fewer than `top`; of equal ones the earlier
    column comes first.

    The official commentary on Regulation B, 12 CFR 1002.9(b)(2), paragraph 5, knows two
    methods: the factors in which the applicant fell furthest below the average of those whose
    total score was at or slightly above the minimum passing score, or of all applicants. Give
    such rows as `reference`. More than four reasons are not likely to be helpful (paragraph 1),
    and the reasons have to be those that the decision was really based on (paragraphs 2, 4).

    Parameters
    ----------
    model : Sequential, Model, LinearModel, or fitted estimator of fastgd.sklearn
    x : array or frame (n, features)
    reference : array or frame (m, features)
    top : int
        The most reasons of a row.
    groups : dict of str -> list of columns, optional
        Columns, by name or number, that are one reason; the rest are reasons alone.
    adverse : {"high", "low"}
        Whether a high number counts against a row, as the log-odds of a default do, or a low
        one.
    output
        As for ``shapley``.
    method : {"auto", "shapley"}
        "auto" as above; "shapley": of a network Shapley values against that mean, exact up to
        12 groups, and slower.

    Returns
    -------
    list of ReasonCodes, one for each row

    Raises
    ------
    DataTypeError, ShapeError, DataError, ArgumentError, UnknownNameError
        For rows that do not fit the model, an empty reference, unknown columns and classes.

    Examples
    --------
    >>> import numpy as np
    >>> from fastgd import explain, linear
    >>> x = np.array([[0.0, 3.0], [1.0, 1.0], [2.0, 2.0], [3.0, 0.0]])
    >>> model = linear.LinearModel("log_loss", l2=0.1).fit(x, [0, 0, 1, 1])
    >>> (found,) = explain.reason_codes(model, x[3:], reference=x[:2], top=1)
    >>> [(reason.name, reason.values, reason.reference) for reason in found.reasons]
    [('x0', (3.0,), (0.5,))]
    """
    target = target_of(model, output)
    top, names = positive_int(top, "top"), target.names_for(x)
    sign = 1.0 if choice(adverse, "adverse", SIDES) == "high" else -1.0
    rows = target.rows(x)
    mean = target.rows(reference, "reference", x).mean(axis=0, dtype=np.float64)
    labels, parts = groups_of(names, groups)
    centre = mean[None].astype(target.dtype)
    if choice(method, "method", METHODS) == "shapley" or target.step is None:
        values, errors = shared_out(Game(target, rows, centre, parts))
        errors = np.zeros(len(rows)) if errors is None else errors.max(axis=1)
    else:
        values, errors = _along_lines(model, x, centre, output)
        values = np.stack([values[:, part].sum(axis=1) for part in parts], axis=1)
    base = float(target.values(centre)[0])
    against = sign * values
    order = np.argsort(-against, axis=1, kind="stable")[:, :top]
    adverse_counts = (np.take_along_axis(against, order, axis=1) > 0).sum(axis=1)
    columns = [tuple(names[k] for k in part) for part in parts]
    means = [tuple(mean[part].tolist()) for part in parts]
    figures = target.values(rows), order, adverse_counts, values, target.data(x, rows), errors
    found = []
    for number, places, count, row, given, error in zip(
        *(array.tolist() for array in figures), strict=True
    ):
        reasons = tuple(
            Reason(labels[k], row[k], columns[k], tuple(given[c] for c in parts[k]), means[k])
            for k in places[:count]
        )
        found.append(ReasonCodes(number, base, reasons, error))
    return found


def _along_lines(model, x, centre, output):
    """Return integrated gradients from a row to those of x, and how far they may be off."""
    if isinstance(model, Model) and model.several_inputs:
        widths = [shape[1] for shape in model.graph().input_shapes]
        centre = np.split(centre, np.cumsum(widths)[:-1], axis=1)
        centre = dict(zip(model.input_names, centre, strict=True))
    try:
        found = integrated_gradients(model, x, centre, "exact", output=output)
    except ArgumentError:  # an activation is not piecewise linear; all else was checked before
        found = integrated_gradients(model, x, centre, "auto", output=output)
    errors = found.errors
    return found.values, np.abs(errors["change" if "change" in errors else "completeness"])
