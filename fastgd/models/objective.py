"""What a model is trained for: a loss and metrics, resolved for an output."""

import warnings

from fastgd import losses, metrics
from fastgd._core.types import TERM_TOTALS
from fastgd._plan import Goal
from fastgd.errors import ArgumentError, DataTypeError


class Objective:
    """The loss and metrics that ``compile`` chose.

    Metrics such as "accuracy" depend on the width of the output, which may be known only later:
    so they are resolved for a width, None where it is not known yet.
    """

    def __init__(self, loss, given):
        self.loss = None if loss is None else losses.get(loss)
        self.given = _listed(given)
        if self.given and self.loss is None:
            raise ArgumentError("metrics: a model without a loss has none")
        self._resolved = {}

    def metrics(self, outputs):
        """The metrics that are meant for an output of this width: a list of Metric."""
        if outputs not in self._resolved:
            resolved = [metrics.get(m, outputs or 1, self.loss.sparse) for m in self.given]
            self._check(resolved, outputs)
            self._resolved[outputs] = resolved
        return self._resolved[outputs]

    def _check(self, resolved, outputs):
        for metric in resolved:
            if metric.sparse != self.loss.sparse and (outputs or 1) > 1:
                kind = "class numbers" if self.loss.sparse else "a value for each output"
                raise ArgumentError(
                    f"metrics: {metric.name!r} does not fit {self.loss.name}, "
                    f"whose targets are {kind}"
                )
        names = ["loss", *(metric.name for metric in resolved)]
        for name in names:
            if names.count(name) > 1:  # figures are told apart by their names
                raise ArgumentError(f"metrics: {name!r} is the name of more than one figure")

    def goals(self, outputs):
        """What an output of this width is trained for: a list of one Goal."""
        return [Goal(self.loss, tuple(self.metrics(outputs)))]

    def figures(self, totals, plan, outputs):
        """The figures that belong to the totals of a plan: a dict of name -> float."""
        found = {"loss": loss_figure(totals, plan)}
        for metric, term in zip(self.metrics(outputs), plan.metrics, strict=True):
            found[metric.name] = metric.figure(totals[term["totals"] :])
        return found

    def warn_of_double_activation(self, last_activation, stacklevel):
        """Warn where logits are asked for and probabilities come."""
        loss = self.loss
        if loss is not None and loss.from_logits and last_activation is loss.fused:
            warnings.warn(
                f"{loss.name} takes logits, but the output layer is activated by "
                f"{loss.fused.__name__}: drop from_logits or the activation",
                stacklevel=stacklevel,
            )


def _listed(given):
    """The argument of ``compile`` as a list; one metric may stand alone."""
    if given is None:
        return []
    if isinstance(given, (str, metrics.Metric)):
        return [given]
    if isinstance(given, (list, tuple)):
        return list(given)
    raise DataTypeError(f"metrics: expected a list of names or metrics, got {given!r}")


def loss_figure(totals, plan):
    """What was minimised, as a mean: penalties and the weighted losses of all outputs."""
    sums, counts = totals[TERM_TOTALS:][: 2 * len(plan.losses)].reshape(-1, 2).T
    means = sums / (counts + (counts == 0))
    return float(totals[0] / (totals[1] or 1.0) + plan.losses["weight"] @ means)
