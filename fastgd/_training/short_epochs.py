"""Short epochs, many of which are one span: nothing but the History looks at them.

So Python is entered, and its lock taken, once for all of them rather than for each: where many
models train side by side, they hardly wait for each other.
"""

import numpy as np

from fastgd._core.types import Status
from fastgd._engine import streams
from fastgd._engine.divergence import diverged
from fastgd._engine.threads import useful_threads

#: Multiply-adds forward of an epoch that is short: a few milliseconds' work.
WORK = 20_000_000

#: So many epochs a span at most.
EPOCHS = 128


def suit(model, source, callbacks, threads):
    """Whether a model's epochs over a source can be trained many at a time, by one thread."""
    if not (callbacks.only_records and source.whole):
        return False
    network, ready, optimizer = model.network(), model.ready(source.weighted), model.optimizer
    size = network.parameters.size
    return (
        source.count * size <= WORK
        and useful_threads(threads, 3 * size * source.batch_size, source.steps) == 1
        and hasattr(model.program(source.weighted), "train_epochs")
        and not (optimizer.whole_batch or optimizer.scheduled)
        and not (network.regular.given or network.regular.called)
        and not ready.calls
    )


def run(model, source, first, epochs, callbacks, seconds):
    """Train; the latest figures.

    Parameters
    ----------
    model, source, callbacks
        That suit each other.
    first, epochs : int
        The epochs from ``first`` to ``epochs - 1``.
    seconds : float
        About how long a span may take.
    """
    logs = {}
    program, ready = model.program(source.weighted), model.ready(source.weighted)
    while first < epochs and not model.stop_training:
        count = min(epochs - first, EPOCHS)
        keys = [streams.element(model.seed, model.epochs_begun + k) for k in range(count)]
        totals = np.zeros((count, ready.totals_size))
        reached = np.zeros(3, dtype=np.int64)
        optimizer = model.optimizer
        part = source.part(0, 0, source.steps)
        part.rates = optimizer.rates()
        status = Status.STATUS_FINE
        try:
            status = program.train_epochs(
                part, np.array(keys, np.uint64), ready.state(optimizer, model.network()),
                totals, reached, seconds,
            )  # fmt: skip
        finally:  # what was trained is recorded, also if Ctrl-C has come
            begun, done, step = reached.tolist()
            model.epochs_begun += begun
            for row in totals[:done]:
                logs = ready.figures(row)
                callbacks.on_epoch_end(first, dict(logs))
                first += 1
        if status != Status.STATUS_FINE:
            raise diverged(status, step, first)
    return logs
