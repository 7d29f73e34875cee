"""The epoch loop: spans of compiled steps, and what stands between them."""

import functools

import numpy as np

from fastgd import _seeds, _whole_batch
from fastgd._core.types import Status
from fastgd._threads import Choice, useful_threads
from fastgd.errors import DivergenceError

#: A span returns to Python after about this time (in seconds), so that Ctrl-C is answered and
#: progress is shown. Shorter epochs are one span.
SPAN_SECONDS = 0.05


def fit(
    model, x, y, batch_size, epochs, initial_epoch, shuffle, validation, progress, history,
    threads=1,
):  # fmt: skip
    """Train on prepared arrays, epoch by epoch.

    Parameters
    ----------
    model : fastgd.Sequential
        Compiled and built.
    x, y : ndarray, shapes (n, inputs) and (n, targets)
    batch_size, epochs, initial_epoch : int
    shuffle : bool
    validation : (x, y) or None
    progress : Progress
    history : History
    threads : int
        That may be used.
    """
    steps = -(-len(x) // batch_size)
    order = np.empty(len(x), dtype=np.int64) if shuffle else None
    most = useful_threads(threads, 3 * model.parameters.size * batch_size, steps)
    choice = model.threads_choices.setdefault(most, Choice(most))
    for epoch in range(initial_epoch, epochs):
        progress.begin(steps, epoch)
        logs = _epoch(model, x, y, order, batch_size, steps, epoch, progress, choice)
        if validation is not None:
            logs |= {
                f"val_{k}": v for k, v in evaluate(model, *validation, threads=threads).items()
            }
        history.append(epoch, logs)
        progress.end(logs)
    model.optimizer.finalize_variable_values(model.trainable_variables)


def _epoch(model, x, y, order, batch_size, steps, epoch, progress, choice):
    program = model.program()
    optimizer = model.optimizer
    state = optimizer.state(model.parameters, model.trainable_variables)
    totals = model.totals()
    key = _seeds.element(model.seed, model.epochs_begun)
    model.epochs_begun += 1
    if optimizer.whole_batch:
        return _whole_batch_figures(model, x, y, epoch)
    rates = optimizer.rates(0, steps)
    step = 0
    while step < steps:
        if len(rates) == 1:  # asked anew for each span: it may be set from another thread
            rates = optimizer.rates(-step, steps)
        span = functools.partial(
            program.train, x, y, order, key, batch_size, step, steps, state, rates, totals
        )
        step, status = choice.run(span, step, SPAN_SECONDS)
        if status != Status.STATUS_FINE:
            raise diverged(status, step, epoch)
        progress.update(step, model.figures(totals))
    return model.figures(totals)


def _whole_batch_figures(model, x, y, epoch=None):
    status, figures = _whole_batch.epoch(model, x, y)
    if status != Status.STATUS_FINE:
        raise diverged(status, 0, epoch)
    return figures


def train_on_batch(model, x, y):
    """One step on one batch: a span of its own; returns the figures."""
    if model.optimizer.whole_batch:
        return _whole_batch_figures(model, x, y)
    program = model.program()
    totals = model.totals()
    state = model.optimizer.state(model.parameters, model.trainable_variables)
    rates = model.optimizer.rates()
    _, status = program.train(x, y, None, 0, len(x), 0, 1, state, rates, totals, SPAN_SECONDS)
    if status != Status.STATUS_FINE:
        raise diverged(status, model.optimizer.iterations)
    return model.figures(totals)


def evaluate(model, x, y, progress=None, batch_size=1, threads=1):
    """The loss and metrics over all rows; the figures do not depend on a batch size."""
    program = model.program()
    totals = model.totals()

    def span(row, seconds, threads):
        return (program.evaluate(x, y, row, totals, seconds, threads),)

    for row in _rows(model, len(x), span, threads):
        if progress is not None:
            progress.update(row // batch_size, model.figures(totals))
    return model.figures(totals)


def predict(model, x, out, threads=1):
    """Fill ``out`` with the outputs for x."""
    program = model.program()
    if threads == 1:  # one row should take a microsecond
        row = 0
        while row < len(x):
            row = program.predict(x, out, row, SPAN_SECONDS)
        return out

    def span(row, seconds, threads):
        return (program.predict(x, out, row, seconds, threads),)

    for _ in _rows(model, len(x), span, threads):
        pass
    return out


def _rows(model, count, span, threads):
    """Go through so many rows in spans; the rows reached."""
    choice = Choice(useful_threads(threads, model.parameters.size * count, 1))
    row = 0
    while row < count:
        (row,) = choice.run(functools.partial(span, row), row, SPAN_SECONDS)
        yield row


_CAUSES = {
    Status.STATUS_LOSS: "the loss is not finite",
    Status.STATUS_GRADIENT: "a gradient is not finite",
    Status.STATUS_UPDATE: "an update would make a weight infinite",
}


def diverged(status, step, epoch=None):
    """The error for a status that is not fine; its message counts from 1, as progress does."""
    where = f"step {step + 1}" if epoch is None else f"epoch {epoch + 1}, step {step + 1}"
    return DivergenceError(
        f"training stopped at {where}: {_CAUSES[Status(status)]}. The last finite weights are "
        "kept. Scale the inputs (to mean 0 and variance 1, say) or lower the learning rate.",
        epoch=epoch,
        step=step,
    )
