"""What a model is trained for: a loss and metrics, resolved for an output."""

import itertools
import warnings
from dataclasses import dataclass

from fastgd import losses, metrics
from fastgd._core.formulas import Loss
from fastgd._core.types import TERM_TOTALS
from fastgd._data.validation import number
from fastgd.errors import ArgumentError, DataTypeError


@dataclass(frozen=True)
class Aim:
    """What ``compile`` chose for one output.

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
        What the loss is multiplied by.
    """

    name: object
    width: object
    loss: object
    metrics: tuple
    weighted: tuple
    weight: float

    @property
    def figure_names(self):
        """What the figures are called, without the loss: a weighted one says so if there is one
        without weights."""
        plain = [metric.name for metric in self.metrics]
        weighted = [metric.name for metric in self.weighted]
        names = plain + [f"weighted_{name}" if name in plain else name for name in weighted]
        return names if self.name is None else [f"{self.name}_{name}" for name in names]

    def check(self):
        """An error for a metric that does not fit the loss."""
        for metric in (*self.metrics, *self.weighted):
            if self.width is None or not metric.compiled:
                continue
            metric.check_width(self.width)
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
    """The losses and metrics that ``compile`` chose.

    Metrics such as "accuracy" depend on the width of an output, which may be known only later:
    so they are resolved for outputs, given by their names and widths.
    """

    def __init__(self, loss, metrics, weighted=None, loss_weights=None):
        self.loss = _map(loss, lambda one: None if one is None else losses.get(one))
        self.trains = any(one is not None for one in _items(self.loss))
        for one in _items(self.loss):
            if one is not None:
                _ = one.reduction_code  # raises where there is none
        self.own_losses = [
            one for one in _items(self.loss) if one is not None and one.code == Loss.LOSS_NONE
        ]
        self._metrics = _checked(metrics, "metrics")
        self._weighted = _checked(weighted, "weighted_metrics")
        self._weights = _map(
            loss_weights, lambda one: 1.0 if one is None else number(one, "loss_weights")
        )
        if (_items(self._metrics) or _items(self._weighted)) and not self.trains:
            raise ArgumentError("metrics: a model without a loss has none")
        self._resolved = {}

    def aims(self, names, widths):
        """What is meant for outputs of these names and widths: a tuple of Aim."""
        key = tuple(names), tuple(widths)
        if key not in self._resolved:
            self._resolved[key] = self._resolve(*key)
        return self._resolved[key]

    def _resolve(self, names, widths):
        count = len(names)
        of_losses = _for_each(self.loss, names, "loss", repeat=True)
        weights = _for_each(self._weights, names, "loss_weights")
        chosen = []
        for argument, given in {
            "metrics": self._metrics, "weighted_metrics": self._weighted,
        }.items():  # fmt: skip
            if count == 1 and not isinstance(given, dict):
                chosen.append([[m for part in _listed(given) for m in _listed(part)]])
            else:
                chosen.append([_listed(g) for g in _for_each(given, names, argument)])
        found = []
        for k, (name, width, loss) in enumerate(zip(names, widths, of_losses, strict=True)):
            lists = [of_each[k] for of_each in chosen]
            if loss is None and any(lists):
                raise ArgumentError(f"metrics: output {name!r} has metrics, but no loss")
            resolved = [
                tuple(metrics.get(m, width or 1, loss.sparse) for m in given) if loss else ()
                for given in lists
            ]
            weight = 1.0 if weights[k] is None else weights[k]
            aim = Aim(name if count > 1 else None, width, loss, *resolved, weight)
            aim.check()
            found.append(aim)
        return tuple(found)

    @staticmethod
    def names(aims):
        """The names of all figures: "loss", that of each output of several, the metrics.

        Figures are told apart by their names: the second of a name has "_1" behind it.
        """
        trained = [aim for aim in aims if aim.loss is not None]
        names = ["loss", *(f"{aim.name}_loss" for aim in trained if len(aims) > 1)]
        for name in (name for aim in trained for name in aim.figure_names):
            places = itertools.count(1)
            free = name
            while free in names:
                free = f"{name}_{next(places)}"
            names.append(free)
        return names

    @staticmethod
    def figures(aims, plan):
        """What makes figures of the totals of a plan."""
        places = plan.metrics["totals"].tolist()
        resolved = [
            (metric, aim.width) for aim in aims for metric in (*aim.metrics, *aim.weighted)
        ]
        names = Objective.names(aims)
        first = len(names) - len(resolved)
        named = [
            (name, metric, slice(place, place + metric.totals_size(width)))
            for name, (metric, width), place in zip(
                names[first:], resolved, places, strict=True
            )
        ]
        return Figures(plan.losses["weight"].tolist(), names[1:first], named)

    @staticmethod
    def warn_of_double_activation(aims, activations, stacklevel):
        """Warn where logits are asked for and probabilities come."""
        for aim, activation in zip(aims, activations, strict=True):
            loss = aim.loss
            if loss is not None and loss.from_logits and activation is loss.fused:
                warnings.warn(
                    f"{loss.name} takes logits, but the output layer is activated by "
                    f"{loss.fused.__name__}: drop from_logits or the activation",
                    stacklevel=stacklevel,
                )


def _map(given, function):
    """What was given, one or a list or a dict, with a function of each."""
    if isinstance(given, dict):
        return {name: function(one) for name, one in given.items()}
    if isinstance(given, (list, tuple)):
        return [function(one) for one in given]
    return None if given is None else function(given)


def _items(given):
    """The things that were given, in a list."""
    if isinstance(given, dict):
        return list(given.values())
    if isinstance(given, (list, tuple)):
        return list(given)
    return [] if given is None else [given]


def _for_each(given, names, argument, repeat=False):
    """What was given for each of several outputs: a list, with None for those without."""
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
    """Metrics as ``compile`` takes them."""
    known = (str, metrics.Metric, list, tuple, dict)
    if given is None or isinstance(given, known) or callable(given):
        return given
    raise DataTypeError(f"{argument}: expected a list of names or metrics, got {given!r}")


def _listed(given):
    """The metrics of one output as a list; one may stand alone."""
    if given is None:
        return []
    return list(given) if isinstance(given, (list, tuple)) else [given]


class Figures:
    """Makes figures of totals: a dict of name -> float, or array where a metric says so.

    Parameters
    ----------
    weights : list of float
        What each loss is multiplied by.
    losses : list of str
        The names of the single losses; none for one output.
    metrics : sequence of (name, Metric, slice of its totals)
    """

    def __init__(self, weights, losses, metrics):
        self.weights = weights
        self.losses = losses
        self.metrics = metrics

    def __call__(self, totals):
        found = {"loss": self.loss(totals)}
        for k, name in enumerate(self.losses):
            total, count = totals[TERM_TOTALS + 2 * k :][:2].tolist()
            found[name] = total / (count or 1.0)
        for name, metric, place in self.metrics:
            found[name] = metric.figure(totals[place])
        return found

    def loss(self, totals):
        """What was minimised, as a mean: penalties and the weighted losses of all outputs."""
        sums = totals.tolist()
        loss = sums[0] / (sums[1] or 1.0)
        place = TERM_TOTALS
        for weight in self.weights:
            loss += weight * (sums[place] / (sums[place + 1] or 1.0))
            place += 2
        return loss
