"""The epoch loop: spans of compiled steps, and what stands between them."""

import numpy as np

from fastgd import _seeds
from fastgd._core.types import Status
from fastgd.errors import DivergenceError

#: A span returns to Python after about this time (in seconds), so that Ctrl-C is answered and
#: progress is shown. Shorter epochs are one span.
SPAN_SECONDS = 0.05

#: Multiply-adds that pay for another thread in each step, where threads meet at barriers, and
#: for starting threads at all: a few microseconds, and a few hundred.
STEP_WORK, SPAN_WORK = 400_000, 20_000_000


def useful_threads(threads, step_work, steps):
    """How many of so many threads pay for steps of so many multiply-adds."""
    if threads == 1 or step_work * steps < SPAN_WORK:
        return 1
    return max(1, min(threads, step_work // STEP_WORK))


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
    for epoch in range(initial_epoch, epochs):
        progress.begin(steps, epoch)
        logs = _epoch(model, x, y, order, batch_size, steps, epoch, progress, threads)
        if validation is not None:
            logs |= {
                f"val_{k}": v for k, v in evaluate(model, *validation, threads=threads).items()
            }
        history.append(epoch, logs)
        progress.end(logs)


def _epoch(model, x, y, order, batch_size, steps, epoch, progress, threads):
    program = model.program()
    threads = useful_threads(threads, 3 * model.parameters.size * batch_size, steps)
    optimizer = model.optimizer
    state = optimizer.state(model.parameters)
    totals = model.totals()
    key = _seeds.element(model.seed, model.epochs_begun)
    model.epochs_begun += 1
    step = 0
    while step < steps:
        # asked anew for each span: a learning rate may be set from another thread
        rates = np.array([optimizer.learning_rate])
        step, status = program.train(
            x,
            y,
            order,
            key,
            batch_size,
            step,
            steps,
            state,
            rates,
            totals,
            SPAN_SECONDS,
            threads,
        )
        if status != Status.STATUS_FINE:
            raise diverged(status, step, epoch)
        progress.update(step, model.figures(totals))
    return model.figures(totals)


def train_on_batch(model, x, y):
    """One step on one batch: a span of its own; returns the figures."""
    program = model.program()
    totals = model.totals()
    state = model.optimizer.state(model.parameters)
    rates = np.array([model.optimizer.learning_rate])
    _, status = program.train(x, y, None, 0, len(x), 0, 1, state, rates, totals, SPAN_SECONDS)
    if status != Status.STATUS_FINE:
        raise diverged(status, model.optimizer.iterations)
    return model.figures(totals)


def evaluate(model, x, y, progress=None, batch_size=1, threads=1):
    """The loss and metrics over all rows; the figures do not depend on a batch size."""
    program = model.program()
    threads = useful_threads(threads, model.parameters.size * len(x), 1)
    totals = model.totals()
    row = 0
    while row < len(x):
        row = program.evaluate(x, y, row, totals, SPAN_SECONDS, threads)
        if progress is not None:
            progress.update(row // batch_size, model.figures(totals))
    return model.figures(totals)


def predict(model, x, out, threads=1):
    """Fill ``out`` with the outputs for x."""
    program = model.program()
    if threads > 1:
        threads = useful_threads(threads, model.parameters.size * len(x), 1)
    row = 0
    while row < len(x):
        row = program.predict(x, out, row, SPAN_SECONDS, threads)
    return out


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
