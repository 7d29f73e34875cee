"""Run the training loop: epochs of compiled steps, and what stands between them."""

import threading

import numpy as np

from fastgd._core.engine import fork_count
from fastgd._core.types import Place, Status
from fastgd._data.validation import whole_number
from fastgd._engine.divergence import diverged
from fastgd._engine.ranks import digest
from fastgd._training.restore_point import RestorePoint
from fastgd.errors import ArgumentError, DivergenceError, EngineError, FileError, warn


class TrainingLoop:
    """Train a model on a source, epoch by epoch.

    Parameters
    ----------
    model : Model
        Compiled and built. Its ``stop_training`` ends the loop; its ``running_loop`` is this
        one while it runs.
    source : ArraySource, BatchSource or ChunkSource
    callbacks : CallbackList
    threads : int

    Attributes
    ----------
    epoch, done : int
        The epoch that is trained, or comes next, and the steps of it that are done.
    """

    def __init__(self, model, source, callbacks, threads=1):
        self.model, self.source = model, source
        self.callbacks, self.threads = callbacks, threads
        self.step = model.compiled_step(source.weighted)
        self.process, self.thread = fork_count(), threading.get_ident()
        self.epoch = self.done = 0
        self._totals = None
        self._over = False

    def run(self, first, epochs, validation=None, validate_after=None, begin=None):
        """Train from epoch `first` to `epochs` - 1.

        Parameters
        ----------
        validation : source, optional
        validate_after : function of (epoch)
            Says whether to validate after an epoch.
        begin : function of (), optional
            Is called first, once no other fit is running.
        """
        model = self.model
        loops = self.step.assembly.arena.loops
        loops.append(self)  # at once, whatever threads there are: the first one runs
        try:
            for other in loops[: loops.index(self)]:
                if other.stands_in_the_way_of(self):
                    raise EngineError(
                        f"fit: weights of model {model.name!r} are being trained by another "
                        "fit; wait until it ends, or train a copy"
                    )
            if begin is not None:
                begin()
            self._run(first, epochs, validation, validate_after)
        finally:
            loops.remove(self)

    def stands_in_the_way_of(self, other):
        """Return whether another loop over the same weights may not run beside this one."""
        # a fork leaves a loop behind, which runs in the parent of the process
        here = self.process == other.process
        return here and (self.model is other.model or self.thread != other.thread)

    def _run(self, first, epochs, validation, validate_after):
        model = self.model
        model.stop_training = False
        self.epoch = first
        self.callbacks.on_train_begin()  # which may resume a run
        self._good = RestorePoint(self.step, by_loss=self.source.private is None)
        try:
            unwatched = validation is None and self.callbacks.only_records
            at_once = self.step.epochs_at_once(self.source, self.threads) if unwatched else 1
            if at_once > 1:
                logs = self._many(first, epochs, at_once)
            else:
                logs = self._one_by_one(epochs, validation, validate_after)
        finally:
            model.optimizer.finalize_variable_values(self.step.assembly.trained)
        if (ranks := self.source.ranks) is not None:
            parts = self.step.assembly.parameters, model.history.history
            ranks.meet(Place.PLACE_TRAINED, int(digest(*parts)[:15], 16))
        self.callbacks.on_train_end(logs)

    # -- resume -------------------------------------------------------------------------------

    def state(self):
        """Return what a run depends on beside the model: plain data and arrays."""
        metrics = self.step.results.custom if self.done else []
        return {
            "epoch": self.epoch,
            "done": self.done,
            "stopped": bool(self.model.stop_training),
            "totals": self._totals if self.done else None,
            "metrics": [metric.state() for metric in metrics],
            "source": self.source.place(),
            "callbacks": self.callbacks.states(),
        }

    def resume(self, state):
        """Go on from what ``state`` returned; for a callback, in ``on_train_begin``."""
        known, custom = self.state(), self.step.results.custom
        if not isinstance(state, dict) or state.keys() != known.keys():
            raise FileError("the file holds no run of training")
        if state["source"].keys() != known["source"].keys():
            raise ArgumentError(
                "x: the run to be resumed had arrays, or batches; give the same"
            )
        epoch, done = (whole_number(state[n], f"{n} of the run", 0) for n in ("epoch", "done"))
        totals = self.step.totals()
        if done and (totals.shape, len(custom)) != (
            np.shape(state["totals"]), len(state["metrics"])
        ):  # fmt: skip
            raise ArgumentError("metrics: the run to be resumed had others; compile with them")
        self.source.resume(state["source"], self.model.engine)
        self.callbacks.resume(state["callbacks"])
        self.epoch, self.done, self._totals = epoch, done, totals
        self.model.stop_training = state["stopped"]
        self._over = state["stopped"] and not done
        if done:
            totals[:] = state["totals"]
            for metric, values in zip(custom, state["metrics"], strict=True):
                metric.resume(values)

    # -- epochs -------------------------------------------------------------------------------

    def _one_by_one(self, epochs, validation, validate_after):
        """Train and validate in turns; return the latest logs."""
        model, logs = self.model, {}
        while self.epoch < epochs and not self._over:
            epoch = self.epoch
            self.callbacks.on_epoch_begin(epoch)
            self._good.begin_epoch()
            found = self._epoch(epoch)
            if found is None:  # the data had ended before
                _warn_of_end(epoch, epochs)
                break
            logs = found
            self._good.end_epoch(found["loss"], self._totals[1])
            if validation is not None and validate_after(epoch):
                seen = evaluate(model, validation, self.callbacks, self.threads)
                logs |= {f"val_{name}": value for name, value in seen.items()}
            done, asked = self.done, self.source.limit or 0
            self.epoch, self.done = epoch + 1, 0
            self.callbacks.on_epoch_end(epoch, dict(logs))
            if model.stop_training:
                break
            if self.source.ended and (epoch + 1 < epochs or done < asked):
                short = f" and {done} of {asked} steps" if done < asked else ""
                _warn_of_end(epoch + 1, epochs, short)
                break
        return logs

    def _epoch(self, epoch):
        """Train for an epoch; return its logs, None if there was nothing left to train on."""
        model, callbacks, step = self.model, self.callbacks, self.step
        batches = callbacks.listens_to("on_train_batch_begin", "on_train_batch_end")
        progress = callbacks.listens_to("on_train_progress")
        cut = batches and not step.optimizer.whole_batch
        if not self.done:
            self._totals = step.totals()
        totals, logs, so_far = self._totals, step.results.logs, step.results.so_far
        if self.done and model.stop_training:  # the run was killed just before its end
            return logs(totals)
        try:
            for job in self.source.jobs(model.stream, self.done):
                job.totals = totals
                begin, last = job.step - self.done, job.last
                while job.step < last:
                    job.last, job.done = last, 0
                    if batches:
                        callbacks.on_train_batch_begin(self.done)
                    if cut:
                        job.last = job.step + 1
                    status = step.run(job, self.threads)
                    self.done = job.step - begin
                    if status != Status.STATUS_FINE:
                        raise diverged(status, self.done, epoch, self.step.results.remedy)
                    if progress:
                        callbacks.on_train_progress(self.done, so_far(totals))
                    if batches:
                        callbacks.on_train_batch_end(self.done - 1, so_far(totals))
                    if model.stop_training:
                        return logs(totals)
        except DivergenceError as error:
            self._good.restore()
            callbacks.on_train_diverged(error)
            if not model.stop_training:
                raise
            return logs(totals) | {"loss": float("nan")}
        return logs(totals) if self.done else None

    def _many(self, epoch, epochs, at_once):
        """Train many short epochs a call, as only a History listens; return the last logs."""
        logs = {}
        while epoch < epochs and not self.model.stop_training:
            self._good.begin_epoch()
            count = min(at_once, epochs - epoch, self._good.epochs_left(self.source.count))
            job = self.source.job(self.model.stream)
            job.epochs, job.totals = count, self.step.totals(count)
            recorded, status = 0, Status.STATUS_FINE
            while job.done < job.epochs and status == Status.STATUS_FINE:
                try:
                    status = self.step.run(job)
                finally:  # what was trained is recorded, also if Ctrl-C has come
                    for totals in job.totals[recorded : job.done]:
                        logs = self.step.results.logs(totals)
                        self._good.end_epoch(logs["loss"], totals[1])
                        self.callbacks.on_epoch_end(epoch, dict(logs))
                        epoch += 1
                    recorded = job.done
                if self.model.stop_training:  # once the epoch that was begun is done
                    job.epochs = min(job.epochs, job.done + (0 < job.step < job.last))
            if status != Status.STATUS_FINE:
                self._good.restore()
                raise diverged(status, job.step, epoch, self.step.results.remedy)
        return logs


def _warn_of_end(epoch, epochs, steps=""):
    warn(
        f"the data ended after {epoch} of {epochs} epochs{steps}: give an iterable that can be "
        "gone through again, or a generator without an end and steps_per_epoch",
    )


def evaluate(model, source, callbacks, threads=1):
    """Return the loss and metrics over the rows of a source: the same for every batch size.

    The dict is empty if there are no batches left.
    """
    step = model.compiled_step(source.weighted)
    with step.results.rows_apart():  # a callback may evaluate, too
        return _evaluate(model, step, source, callbacks, threads)


def _evaluate(model, step, source, callbacks, threads):
    batches = callbacks.listens_to("on_test_batch_begin", "on_test_batch_end")
    progress = callbacks.listens_to("on_test_progress")
    totals, so_far, penalty = step.totals(), step.results.so_far, step.penalty()
    model.stop_evaluating = False
    callbacks.on_test_begin()
    done = 0
    for job, first, last in _pieces(source, batches):
        if batches:
            callbacks.on_test_batch_begin(done)
        if done == 0:
            step.meet_functions(job, last)
        at_once = step.rows_at_once(job.batch_size)

        def span(row, seconds, threads, job=job, y=job.y[:last], at_once=at_once):
            return step.program.evaluate(
                job.x, y, row, totals, seconds, threads, job.rows, at_once
            )

        for row in step.spans_of_rows(first, last, span, threads):
            totals[0] = penalty * totals[1]
            if progress:
                steps = -(-(row - first) // job.batch_size)
                callbacks.on_test_progress(done + steps, so_far(totals))
        done += -(-(last - first) // job.batch_size)
        if batches:
            callbacks.on_test_batch_end(done - 1, so_far(totals))
        if model.stop_evaluating:
            break
    found = step.results.logs(totals) if done or source.limit is None else {}
    callbacks.on_test_end(found)
    return found


def predict(model, source, callbacks, threads=1):
    """Return the outputs for the rows of a source: a list of arrays, one for each piece."""
    batches = callbacks.listens_to("on_predict_batch_begin", "on_predict_batch_end")
    step = model.compiled_step()
    model.stop_predicting = False
    callbacks.on_predict_begin()
    outputs = []
    for job, first, last in _pieces(source, batches):
        if batches:
            callbacks.on_predict_batch_begin(len(outputs))
        x, rows = job.x, job.rows
        x, rows = (x[first:last], None) if rows is None else (x, rows[first:last])
        outputs.append(step.predict(x, threads, rows))
        if batches:
            callbacks.on_predict_batch_end(len(outputs) - 1, {"outputs": outputs[-1]})
        if model.stop_predicting:
            break
    callbacks.on_predict_end()
    return outputs


def _pieces(source, batches):
    """Yield (job, first row, last row) of a source, once: each job whole, or batch by batch.

    Warn if the data end before the steps that were asked for.
    """
    done = 0
    for job in source.once():
        size, count = job.batch_size, len(job.x if job.rows is None else job.rows)
        step = 1 if batches else max(job.last - job.step, 1)
        for at in range(job.step, job.last, step):
            yield job, at * size, min((at + step) * size, count)
        done += job.last - job.step
    if source.limit is not None and done < source.limit:
        warn(
            f"the data ended after {done} of {source.limit} steps; ask for fewer, and give an "
            "iterable that can be gone through again instead of a generator",
        )
