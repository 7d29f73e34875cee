"""Resolve what a model is trained for: a loss and metrics for each output."""

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from fastgd import activations, losses, metrics
from fastgd._core.formulas import Loss
from fastgd._core.types import TERM_TOTALS, Call, Op
from fastgd._data.validation import number
from fastgd.errors import ArgumentError, DataTypeError, warn
from fastgd.metrics.metric import read


@dataclass(frozen=True)
class OutputObjective:
    """Hold what ``compile`` chose for one output.

    Attributes
    ----------
    name : str, or None
        That of the output, where there are several.
    width : int, or None
        That of the output, where it is known.
    loss : Loss, or None
    metrics, weighted : tuple of Metric
        Without, and with the weights of the rows.
    weight : float
        The factor of the loss.
    """

    name: str | None
    width: int | None
    loss: Any
    metrics: tuple[Any, ...]
    weighted: tuple[Any, ...]
    weight: float

    @property
    def metric_names(self):
        """The names of the metrics; a weighted one says so if there is one without weights."""
        plain = [metric.name for metric in self.metrics]
        weighted = [metric.name for metric in self.weighted]
        names = plain + [f"weighted_{name}" if name in plain else name for name in weighted]
        return names if self.name is None else [f"{self.name}_{name}" for name in names]

    def check(self):
        """Raise an ArgumentError for a metric that does not fit the loss."""
        for metric in (*self.metrics, *self.weighted):
            if self.width is None or not (metric.compiled or metric.keeps_rows):
                continue
            metric.totals_size(self.width)  # raises where there are too many
            columns = self.loss.target_columns(self.width)
            if metric.target_columns(self.width) not in (None, columns):
                one_each = columns == self.width
                kind = "a value for each output" if one_each else f"{columns} columns"
                kind = "class numbers" if self.loss.sparse else kind
                raise ArgumentError(
                    f"metrics: {metric.name!r} does not fit {self.loss.name}, "
                    f"whose targets are {kind}"
                )


class Objective:
    """Hold the losses and metrics that ``compile`` chose.

    Metrics such as "accuracy" depend on the width of an output, which may be known only later:
    so they are resolved for outputs, given by their names and widths.
    """

    def __init__(self, loss, metrics, weighted=None, loss_weights=None):
        self.loss = _map(loss, lambda one: None if one is None else losses.get(one))
        self.losses = [one for one in _items(self.loss) if one is not None]
        self.trains = bool(self.losses)
        for one in self.losses:
            _ = one.reduction_code  # raises where there is none
        self.custom_losses = [one for one in self.losses if one.code == Loss.LOSS_NONE]
        self._metrics = _checked(metrics, "metrics")
        self._weighted = _checked(weighted, "weighted_metrics")
        self._weights = _map(
            loss_weights, lambda one: 1.0 if one is None else number(one, "loss_weights")
        )
        if (_items(self._metrics) or _items(self._weighted)) and not self.trains:
            raise ArgumentError("metrics: a model without a loss has none")
        self._resolved = {}

    def resolve(self, names, widths):
        """Return a tuple of OutputObjective for outputs of these names and widths."""
        key = tuple(names), tuple(widths)
        if key not in self._resolved:
            self._resolved[key] = self._resolve(*key)
        return self._resolved[key]

    def _resolve(self, names, widths):
        of_losses = _for_each(self.loss, names, "loss", repeat=True)
        weights = _for_each(self._weights, names, "loss_weights")
        plain = self._for_outputs(self._metrics, names, "metrics")
        weighted = self._for_outputs(self._weighted, names, "weighted_metrics")
        found = []
        for k, (name, width, loss) in enumerate(zip(names, widths, of_losses, strict=True)):
            if loss is None and (plain[k] or weighted[k]):
                raise ArgumentError(f"metrics: output {name!r} has metrics, but no loss")
            resolved = [
                tuple(metrics.get(m, width or 1, loss.sparse) for m in given[k]) if loss else ()
                for given in (plain, weighted)
            ]
            weight = 1.0 if weights[k] is None else weights[k]
            name = name if len(names) > 1 else None
            found.append(OutputObjective(name, width, loss, *resolved, weight))
            found[-1].check()
        return tuple(found)

    @staticmethod
    def _for_outputs(given, names, argument):
        """Return the metrics of each output: a list of lists."""
        if len(names) == 1 and not isinstance(given, dict):
            return [[metric for part in _listed(given) for metric in _listed(part)]]
        return [_listed(one) for one in _for_each(given, names, argument)]


def value_names(objectives):
    """Return the names of all values: "loss", that of each output of several, the metrics.

    Values are told apart by their names: the second of a name has "_1" behind it.
    """
    trained = [one for one in objectives if one.loss is not None]
    names = ["loss", *(f"{one.name}_loss" for one in trained if len(objectives) > 1)]
    for name in (name for one in trained for name in one.metric_names):
        places = itertools.count(1)
        free = name
        while free in names:
            free = f"{name}_{next(places)}"
        names.append(free)
    return names


def warn_of_activations(objectives, assembly):
    """Warn where a loss takes logits and probabilities come, or the other way round."""
    rows = assembly.plan.rows
    dense = rows["target"][rows["op"] == Op.OP_DENSE]
    outputs = zip(objectives, assembly.last_activations, assembly.plan.outputs, strict=True)
    for objective, activation, output in outputs:
        loss = objective.loss
        if loss is None:
            continue
        if activation is activations.softmax and objective.width == 1:
            warn("a softmax of one unit is always 1: take a sigmoid, or a unit for each class")
        if loss.fused is None:
            continue
        if loss.from_logits and activation is loss.fused:
            warn(
                f"{loss.name} takes logits, but the output layer is activated by "
                f"{loss.fused.__name__}: drop from_logits or the activation"
            )
        elif not loss.from_logits and activation is None and output in dense:
            warn(
                f"{loss.name} takes probabilities, but the output layer is linear: give it "
                f"activation={loss.fused.__name__!r}, or the loss from_logits=True"
            )


def _map(given, function):
    """Apply a function to what was given: one, a list or a dict."""
    if isinstance(given, dict):
        return {name: function(one) for name, one in given.items()}
    if isinstance(given, (list, tuple)):
        return [function(one) for one in given]
    return None if given is None else function(given)


def _items(given):
    """Return the things that were given, in a list."""
    if isinstance(given, dict):
        return list(given.values())
    if isinstance(given, (list, tuple)):
        return list(given)
    return [] if given is None else [given]


def _for_each(given, names, argument, repeat=False):
    """Return what was given for each output: a list, with None for those without."""
    if given is None:
        return [None] * len(names)
    if isinstance(given, dict):
        unknown = [name for name in given if name not in names]
        if unknown and names != (None,):
            raise ArgumentError(
                f"{argument}: no output is named {unknown[0]!r} (there are: "
                f"{', '.join(map(repr, names))})"
            )
        return [given.get(name) for name in names]
    if not isinstance(given, (list, tuple)):
        if repeat or len(names) == 1:
            return [given] * len(names)
        given = [given]
    if len(given) != len(names):
        outputs = f"each of {len(names)} outputs" if len(names) > 1 else "one output"
        raise ArgumentError(f"{argument}: expected one for {outputs}, got {list(given)!r}")
    return list(given)


def _checked(given, argument):
    """Return metrics as ``compile`` takes them."""
    known = (str, metrics.Metric, list, tuple, dict)
    if given is None or isinstance(given, known) or callable(given):
        return given
    raise DataTypeError(f"{argument}: expected a list of names or metrics, got {given!r}")


def _listed(given):
    """Return the metrics of one output as a list; one may stand alone."""
    if given is None:
        return []
    return list(given) if isinstance(given, (list, tuple)) else [given]


class Results:
    """Read the totals that a program adds up.

    Parameters
    ----------
    objectives : sequence of OutputObjective
    plan : Plan
        Of the program.

    Attributes
    ----------
    plan : Plan
    size : int
        The number of sums.
    custom : list of Metric
        Those that Python updates.
    calls : list of (int, LossCall)
        The losses that Python computes, and the places of their sums.
    remedy : str
        What to do if training diverges, beside what helps always.
    in_python : bool
        Whether the program calls Python functions.
    """

    def __init__(self, objectives, plan):
        self.plan, self.size = plan, plan.totals_size
        resolved = [
            (metric, one.width)
            for one in objectives
            for metric in (*one.metrics, *one.weighted)
        ]
        names = value_names(objectives)
        first = len(names) - len(resolved)
        self._weights = plan.losses["weight"].tolist()
        self._losses = names[1:first]
        places = plan.metrics["totals"].tolist()
        self._metrics = [
            (name, metric, slice(place, place + metric.totals_size(width)))
            if metric.compiled
            else (name, metric, None)
            for name, (metric, width), place in zip(
                names[first:], resolved, places, strict=True
            )
        ]
        self._quick = [one for one in self._metrics if not one[1].keeps_rows]
        #: Those that may be undefined.
        self._doubtful = [(n, m) for n, m, place in self._metrics if place and m.defined_for]
        self.custom = [metric for metric, _ in resolved if not metric.compiled]
        self.in_python = bool(plan.functions)
        # Plain numbers: comparing one of NumPy's with an enum runs Python code that loses a
        # Ctrl-C.
        kinds, settings = (plan.losses[name].tolist() for name in ("kind", "settings"))
        self.calls = [
            (TERM_TOTALS + 2 * k, plan.functions[int(plan.settings[settings[k]])])
            for k, kind in enumerate(kinds)
            if kind == Call.CALL_FUNCTION
        ]
        losses = [one.loss for one in objectives if one.loss is not None]
        self.remedy = "".join(loss.remedy for loss in losses)

    @property
    def by_batch(self):
        """Whether a metric depends on how rows are cut into batches; None: not known yet."""
        found = {metric.by_batch for metric in self.custom}
        return True if True in found else None if None in found else False

    def logs(self, totals):
        """Return the values by name: a float each, or an array where a metric says so.

        Warns of those that are undefined, and forgets the rows that metrics have kept.
        """
        found = self._read(totals, self._metrics)
        for name, metric in self._doubtful:
            metric.warn_if_undefined(found[name])
        if len(self._quick) < len(self._metrics):
            for metric in self.custom:
                if metric.keeps_rows:
                    metric.reset_state()
        return found

    @contextmanager
    def rows_apart(self) -> Iterator[None]:
        """Keep rows for losses apart from those of an evaluation that this one interrupts."""
        before = [call.rows for _, call in self.calls]
        for _, call in self.calls:
            call.rows = []
        try:
            yield
        finally:
            for (_, call), rows in zip(self.calls, before, strict=True):
                call.rows = rows

    def so_far(self, totals):
        """Return the values by name, without those for which all rows had to be sorted."""
        return self._read(totals, self._quick)

    def _read(self, totals, chosen):
        for place, call in self.calls:
            if call.rows:
                totals[place] = call.total()
        found = {"loss": self.loss(totals)}
        for k, name in enumerate(self._losses):
            total, count = totals[TERM_TOTALS + 2 * k :][:2].tolist()
            found[name] = total / (count or 1.0)
        for name, metric, place in chosen:
            found[name] = read(metric) if place is None else metric.value(totals[place])
        return found

    def loss(self, totals):
        """Return the mean that was minimised: penalties and weighted losses of all outputs."""
        sums = totals.tolist()
        loss = sums[0] / (sums[1] or 1.0)
        place = TERM_TOTALS
        for weight in self._weights:
            loss += weight * (sums[place] / (sums[place + 1] or 1.0))
            place += 2
        return loss
