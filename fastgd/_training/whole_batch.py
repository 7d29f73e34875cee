"""Training with an optimizer that asks for the loss of all rows, again and again."""

from fastgd._core.types import Status
from fastgd.errors import ArgumentError


def run(model, part, weighted, totals, first, last):
    """All of a part, whatever its steps, as a span of them: the step reached and a Status."""
    x = part.x if part.rows is None else part.x[part.rows]
    return part.last, minimize(model, x, part.y, weighted, totals)


def minimize(model, x, y, weighted, totals):
    """Minimise the loss over prepared rows: a Status. Adds to totals those at its end."""
    ready = model.ready(weighted)
    regular = model.network().regular
    if len(regular.constraints) or regular.called:
        raise ArgumentError("LBFGS: expected variables without constraints")
    begin = []

    def objective():
        found = totals * 0
        regular.before_step()
        status = ready.program.gradients(x, y, found)
        begin.append(status)
        loss = ready.figures(found)["loss"] if status == Status.STATUS_FINE else float("nan")
        return loss, found

    network = model.network()
    found = model.optimizer.minimize(
        network.parameters, network.gradients, objective, network.trained, network.start
    )
    totals += found
    return begin[0]
