"""The epoch loop: spans of compiled steps, and what stands between them."""

import functools
import warnings

import numpy as np

from fastgd._core.types import Status
from fastgd._engine import streams
from fastgd._engine.divergence import diverged
from fastgd._engine.job import Part
from fastgd._engine.threads import Choice, useful_threads
from fastgd._training import short_epochs, whole_batch
from fastgd.errors import DivergenceError

#: A span returns to Python after about this time (in seconds), so that Ctrl-C is answered and
#: progress is shown. Shorter epochs are one span.
SPAN_SECONDS = 0.05

_FINE = int(Status.STATUS_FINE)
_ALONE = Choice(1)


def fit(model, source, epochs, initial_epoch, validation, validate_after, callbacks, threads=1):
    """Train on a source, epoch by epoch.

    Parameters
    ----------
    model : fastgd.Sequential
        Compiled and built.
    source : ArraySource or BatchSource
    epochs, initial_epoch : int
    validation : source or None
    validate_after : function of (epoch)
        Whether to validate after an epoch.
    callbacks : CallbackList
    threads : int
        That may be used.
    """
    model.stop_training = False
    model._initial_epoch = None
    callbacks.on_train_begin()
    if model._initial_epoch is not None:  # a callback has gone back to where a run ended
        initial_epoch = model._initial_epoch
    try:
        if validation is None and short_epochs.suit(model, source, callbacks, threads):
            logs = short_epochs.run(
                model, source, initial_epoch, epochs, callbacks, SPAN_SECONDS
            )
        else:
            logs = _epoch_by_epoch(
                model, source, initial_epoch, epochs, validation, validate_after, callbacks,
                threads,
            )  # fmt: skip
    finally:
        model.optimizer.finalize_variable_values(model.network().trained)
    callbacks.on_train_end(logs)


def _epoch_by_epoch(
    model, source, first, epochs, validation, validate_after, callbacks, threads
):
    """Train and validate in turns; the latest figures."""
    logs = {}
    for epoch in range(first, epochs):
        callbacks.on_epoch_begin(epoch)
        figures = _train_epoch(model, source, epoch, callbacks, threads)
        if figures is None:  # it had ended, but nobody had looked
            _warn_of_end(epoch, epochs)
            break
        logs = figures
        if validation is not None and validate_after(epoch):
            seen = evaluate(model, validation, callbacks, threads)
            logs |= {f"val_{name}": value for name, value in seen.items()}
        callbacks.on_epoch_end(epoch, dict(logs))
        if model.stop_training:
            break
        if source.ended and epoch + 1 < epochs:
            _warn_of_end(epoch + 1, epochs)
            break
    return logs


def _warn_of_end(epoch, epochs):
    warnings.warn(
        f"the data ended after {epoch} of {epochs} epochs: give an iterable that can be gone "
        "through again, or a generator without an end and steps_per_epoch",
        stacklevel=5,
    )


def _train_epoch(model, source, epoch, callbacks, threads):
    """The figures of an epoch; None if there was nothing left to train on."""
    ready = model.ready(source.weighted)
    totals = ready.totals()
    batches = callbacks.listens_to("on_train_batch_begin", "on_train_batch_end")
    progress = callbacks.listens_to("on_train_progress")
    step = 0
    try:
        for part in source.parts(functools.partial(next_key, model)):
            run = _span(model, ready, part, source.weighted, totals, threads)
            at = part.first
            before = step - at
            while at < part.last:
                if batches:
                    callbacks.on_train_batch_begin(step)
                at, status = run(at, at + 1 if batches else part.last)
                step = before + at
                if status != _FINE:
                    raise diverged(status, step, epoch)
                if progress:
                    callbacks.on_train_progress(step, ready.figures(totals))
                if batches:
                    callbacks.on_train_batch_end(step - 1, ready.figures(totals))
                if model.stop_training:
                    return ready.figures(totals)
    except DivergenceError as error:
        callbacks.on_train_diverged(error)
        if not model.stop_training:
            raise
        return ready.figures(totals) | {"loss": float("nan")}
    return ready.figures(totals) if step else None


def next_key(model):
    """The stream of the next round over the rows, or of a batch that comes by itself."""
    model.epochs_begun += 1
    return streams.element(model.seed, model.epochs_begun - 1)


def _span(model, ready, part, weighted, totals, threads):
    """A function of (first step, last step) that trains on a part: step reached, status."""
    optimizer, network = model.optimizer, model.network()
    if optimizer.whole_batch:
        return functools.partial(whole_batch.run, model, part, weighted, totals)
    train, regular = model.program(weighted).train, network.regular
    state = ready.state(optimizer, network)
    choice = _ALONE
    if threads > 1:
        most = useful_threads(threads, 3 * network.parameters.size * part.batch_size, part.last)
        choice = model.threads_choices.setdefault(most, Choice(most))
    called = regular.given or regular.called
    planned = {}

    def run(first, last):
        if called:
            regular.before_step()
            last = regular.last_step(first, last)
        part.rates = _rates(optimizer, planned, first, last)
        span = functools.partial(train, part, first, last, state, totals)
        reached, status = choice.run(span, first, SPAN_SECONDS)
        if called and status == _FINE:
            regular.after_step()
        return reached, status

    return run


def train_on_batch(model, x, y, weighted=False):
    """One step on one batch: a span of its own; returns the figures."""
    ready = model.ready(weighted)
    optimizer = model.optimizer
    totals = ready.totals()
    regular = model.network().regular
    key = next_key(model)  # a dropped unit is another one in each batch
    if optimizer.whole_batch:
        status = whole_batch.minimize(model, x, y, weighted, totals)
    else:
        regular.before_step()
        state = ready.state(optimizer, model.network())
        part = Part(x, y, None, key, len(x), rates=optimizer.rates())
        _, status = model.program(weighted).train(part, 0, 1, state, totals, SPAN_SECONDS)
    if status != Status.STATUS_FINE:
        raise diverged(status, optimizer.iterations)
    regular.after_step()
    return ready.figures(totals)


def _rates(optimizer, planned, first, last):
    """The learning rate of the steps first ... last - 1 of a part: one, or one for each step.

    Asked anew for each span, for it may be set from another thread; but those of a schedule are
    computed once for a part, and kept in the dict `planned`.
    """
    if not optimizer.scheduled or last - first == 1:
        return optimizer.rates()
    if last not in planned:
        planned[last] = np.zeros(last)
        planned[last][first:] = optimizer.rates(0, last - first)
    return planned[last]


def evaluate(model, source, callbacks, threads=1):
    """The loss and metrics over the rows of a source; they do not depend on a batch size."""
    totals = model.totals()
    batches = callbacks.listens_to("on_test_batch_begin", "on_test_batch_end")
    progress = callbacks.listens_to("on_test_progress")
    program = model.program(source.weighted)
    penalty = _penalty(model, program)
    model.stop_evaluating = False
    source.rewind()
    callbacks.on_test_begin()
    step = 0
    for part in source.parts(_no_key):
        for first, last in _pieces(part, batches):
            if batches:
                callbacks.on_test_batch_begin(step)

            def span(row, seconds, threads, part=part, y=part.y[:last]):
                return (
                    program.evaluate(part.x, y, row, totals, seconds, threads, rows=part.rows),
                )

            for row in _rows(model, first, last, span, threads):
                totals[0] = penalty * totals[1]
                if progress:
                    done = -(-(row - first) // part.batch_size)
                    callbacks.on_test_progress(step + done, model.figures(totals))
            step += -(-(last - first) // part.batch_size)
            if batches:
                callbacks.on_test_batch_end(step - 1, model.figures(totals))
            if model.stop_evaluating:
                break
        if model.stop_evaluating:
            break
    figures = model.figures(totals)
    callbacks.on_test_end(figures)
    return figures


def evaluate_arrays(model, x, y, weighted=False):
    """The loss and metrics over arrays, with nobody listening."""
    totals = model.totals()
    program = model.program(weighted)
    row = 0
    while row < len(x):
        row = program.evaluate(x, y, row, totals, SPAN_SECONDS)
    totals[0] = _penalty(model, program) * totals[1]
    return model.figures(totals)


def _penalty(model, program):
    """What regularizers add to the loss of each row, at the weights as they are."""
    model.network().regular.before_step()
    return program.penalty()


def predict(model, source, callbacks, threads=1):
    """The outputs for the rows of a source, in a list of arrays: one for each part or batch."""
    batches = callbacks.listens_to("on_predict_batch_begin", "on_predict_batch_end")
    model.stop_predicting = False
    callbacks.on_predict_begin()
    outputs = []
    for part in source.parts(_no_key):
        for first, last in _pieces(part, batches):
            if batches:
                callbacks.on_predict_batch_begin(len(outputs))
            whole = part.rows is None
            x = part.x[first:last] if whole else part.x
            rows = None if whole else part.rows[first:last]
            outputs.append(predict_array(model, x, threads, rows))
            if batches:
                callbacks.on_predict_batch_end(len(outputs) - 1, {"outputs": outputs[-1]})
            if model.stop_predicting:
                break
        if model.stop_predicting:
            break
    callbacks.on_predict_end()
    return outputs


def predict_array(model, x, threads=1, rows=None):
    """The outputs for an array, or for some of its rows."""
    program = model.program()
    count = len(x if rows is None else rows)
    out = np.empty((count, model.network().output_width), dtype=x.dtype)
    if threads == 1:  # one row should take a microsecond
        row = 0
        while row < count:
            row = program.predict(x, out, row, SPAN_SECONDS, 1, rows)
        return out

    def span(row, seconds, threads):
        return (program.predict(x, out, row, seconds, threads, rows=rows),)

    for _ in _rows(model, 0, count, span, threads):
        pass
    return out


def _no_key():
    return 0


def _pieces(part, batches):
    """The rows of a part, first and last, as a whole or batch by batch."""
    size, count = part.batch_size, part.count
    step = 1 if batches else part.last - part.first
    for at in range(part.first, part.last, step):
        yield at * size, min((at + step) * size, count)


def _rows(model, first, last, span, threads):
    """Go through some rows in spans; the rows reached."""
    choice = Choice(useful_threads(threads, model.parameters.size * (last - first), 1))
    row = first
    while row < last:
        (row,) = choice.run(functools.partial(span, row), row, SPAN_SECONDS)
        yield row
