"""What a model is trained for: a loss and metrics, resolved for an output."""

import warnings

from fastgd import losses, metrics
from fastgd._core.types import TERM_TOTALS
from fastgd._plan import Goal
from fastgd._validate import number
from fastgd.errors import ArgumentError, DataTypeError


class Objective:
    """The loss and metrics that ``compile`` chose.

    Metrics such as "accuracy" depend on the width of the output, which may be known only later:
    so they are resolved for a width, None where it is not known yet.
    """

    def __init__(self, loss, given, weighted=None, loss_weights=None):
        self.loss = None if loss is None else losses.get(loss)
        self.given = _listed(given)
        self.weighted = _listed(weighted, "weighted_metrics")
        self.weight = _loss_weight(loss_weights)
        if self.loss is not None:
            _ = self.loss.reduction_code  # raises where there is none
        if (self.given or self.weighted) and self.loss is None:
            raise ArgumentError("metrics: a model without a loss has none")
        self._resolved = {}

    def metrics(self, outputs):
        """The metrics that are meant for an output of this width: a list of Metric.

        The weighted ones come last.
        """
        if outputs not in self._resolved:
            given = (*self.given, *self.weighted)
            resolved = [metrics.get(m, outputs or 1, self.loss.sparse) for m in given]
            self._check(resolved, outputs)
            self._resolved[outputs] = resolved
        return self._resolved[outputs]

    def _check(self, resolved, outputs):
        for metric in resolved:
            if outputs is None or not metric.compiled:
                continue
            metric.check_width(outputs)
            columns = self.loss.target_columns(outputs)
            if metric.target_columns(outputs) not in (None, columns):
                kind = "a value for each output" if columns == outputs else f"{columns} columns"
                kind = "class numbers" if self.loss.sparse else kind
                raise ArgumentError(
                    f"metrics: {metric.name!r} does not fit {self.loss.name}, "
                    f"whose targets are {kind}"
                )
        names = ["loss", *self._names(resolved)]
        for name in names:
            if names.count(name) > 1:  # figures are told apart by their names
                raise ArgumentError(f"metrics: {name!r} is the name of more than one figure")

    def _names(self, resolved):
        """What figures are called: a weighted one says so if there is one without weights."""
        plain = [metric.name for metric in resolved[: len(self.given)]]
        weighted = [metric.name for metric in resolved[len(self.given) :]]
        return plain + [f"weighted_{name}" if name in plain else name for name in weighted]

    def names(self, outputs):
        """The names of the figures of an output of this width, without the loss."""
        return self._names(self.metrics(outputs))

    def goals(self, outputs):
        """What an output of this width is trained for: a list of one Goal."""
        resolved, plain = tuple(self.metrics(outputs)), len(self.given)
        return [Goal(self.loss, resolved[:plain], resolved[plain:], self.weight)]

    def figures(self, plan, outputs):
        """What makes figures of the totals of a plan."""
        places = plan.metrics["totals"].tolist()
        found = zip(self.names(outputs), self.metrics(outputs), places, strict=True)
        named = [
            (name, metric, slice(place, place + metric.totals_size(outputs)))
            for name, metric, place in found
        ]
        return Figures(plan.losses["weight"].tolist(), named)

    def warn_of_double_activation(self, last_activation, stacklevel):
        """Warn where logits are asked for and probabilities come."""
        loss = self.loss
        if loss is not None and loss.from_logits and last_activation is loss.fused:
            warnings.warn(
                f"{loss.name} takes logits, but the output layer is activated by "
                f"{loss.fused.__name__}: drop from_logits or the activation",
                stacklevel=stacklevel,
            )


def _listed(given, argument="metrics"):
    """The argument of ``compile`` as a list; one metric may stand alone."""
    if given is None:
        return []
    if isinstance(given, (str, metrics.Metric)):
        return [given]
    if isinstance(given, (list, tuple)):
        return list(given)
    raise DataTypeError(f"{argument}: expected a list of names or metrics, got {given!r}")


def _loss_weight(given):
    """The argument ``loss_weights`` of ``compile`` for one output."""
    if given is None:
        return 1.0
    if isinstance(given, (list, tuple)):
        if len(given) != 1:
            raise ArgumentError(f"loss_weights: expected one, for one output, got {given!r}")
        (given,) = given
    return number(given, "loss_weights")


class Figures:
    """Makes figures of totals: a dict of name -> float, or array where a metric says so.

    Parameters
    ----------
    weights : list of float
        What each loss is multiplied by.
    metrics : sequence of (name, Metric, slice of its totals)
    """

    def __init__(self, weights, metrics):
        self.weights = weights
        self.metrics = metrics

    def __call__(self, totals):
        found = {"loss": self.loss(totals)}
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
