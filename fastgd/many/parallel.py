"""Many jobs side by side, in threads."""

import collections
import contextlib
import itertools
import queue
import time
from collections.abc import Callable, Generator, Iterable, Sequence, Sized
from multiprocessing.pool import ThreadPool
from numbers import Real
from typing import Any, Never

from fastgd import config
from fastgd._data.validation import boolean, optional_function, verbosity
from fastgd._registry.advice import refuse
from fastgd._training.progress import Progress, figures_text
from fastgd.errors import DataTypeError, FastgdError
from fastgd.many.fleet import TimedScore, in_fleets
from fastgd.many.interrupts import CtrlC
from fastgd.many.job import Job, Ownership, RefusedJob, first_seed
from fastgd.many.results import Result, Results
from fastgd.many.shared_data import HeldOutTest, SharedDataCache

#: Jobs for each thread that are taken before a result is waited for: the thread that takes them
#: is not always quick, as the others keep the interpreter busy.
JOBS_AHEAD = 4

#: How long (in seconds) a wait for results lasts at a time; Ctrl-C is answered after it.
WAIT = 0.02

#: How long (in seconds) to wait for jobs that are told to stop: models do so within 0.05 s, and
#: estimators not at all.
PATIENCE, SHORT_PATIENCE = 1.0, 0.08


def fit_many(jobs: Iterable[dict[str, Any]], n_jobs: int = -1, *, verbose: int | str = 0,
             on_result: Callable[[Result], object] | None = None,
             score: Callable[[Any, dict[str, Any]], Any] | None = None,
             keep_models: bool = True, seed: int | None = None,
             raise_errors: bool = False, **unknown: Never) -> Results:  # fmt: skip
    """Train many models side by side, each as if it were alone.

    They run in threads, which share the data and hardly ever wait for each other. A job trains
    on one thread, and gives the same bits as it would alone, whatever ``n_jobs`` is. The
    results are in the order of the jobs.

    Parameters
    ----------
    jobs : iterable of dict
        Each with

        - ``"model"``: a compiled model, or a function without arguments that makes one, such as
          ``model.replicate``, which is the quickest, as short jobs on replicas are trained
          several in a compiled call; or any object with ``fit``, or a function that makes one.
          No two jobs may have the same model
        - ``"x"``, ``"y"``: the data, which any number of jobs may share, and which must not
          change before they are done
        - ``"rows"``, optional: whole numbers; only these rows of x and y are trained on
        - ``"prepare"``, optional: a step as of ``many.cross_validate``, fitted on these rows
        - ``"name"``, optional, for the result; and ``"params"``, a dict for the result that
          sets the job apart
        - ``"seed"``, optional: for the random numbers that the function and ``fit`` draw
        - any other argument of ``fit``; ``"callbacks"`` may be a function that makes them.

        A list is checked before anything begins. From anything else jobs are taken as threads
        need them, so that there may be any number.
    n_jobs : int
        Threads; -1 for one a CPU.
    verbose : {"auto", 0, 1, 2}
        0 nothing, 1 a bar, 2 a line for each job that is done; at most ten updates a second.
    on_result : function of (Result), optional
        Called in this thread for each result.
    score : function of (model, job), optional
        Called when a model is trained, on its thread. It returns a dict of values or one
        number, for ``result.scores``. ``job["prepare"]`` is the fitted step.
    keep_models : bool
        False: results have no models.
    seed : int, optional
        Job number i has the seed ``seed + i``, modulo 2**32, if it names none. By default it is
        drawn from the process' stream, so that ``set_random_seed`` fixes all.
    raise_errors : bool
        Raise the error of the first job that fails, and stop the others. By default its result
        has it.

    Raises
    ------
    ArgumentError, DataTypeError, UnknownNameError
        For a job in a list that cannot be run; says its index. Jobs that come one by one have
        it in their results.
    Interrupted
        On Ctrl-C, a KeyboardInterrupt with the results so far.

    Examples
    --------
    >>> import numpy as np
    >>> import fastgd
    >>> x = np.random.default_rng(0).normal(size=(64, 3))
    >>> def make():
    ...     model = fastgd.Sequential([fastgd.layers.Dense(1, input_shape=(3,))])
    ...     model.compile("sgd", "mse")
    ...     return model
    >>> jobs = [{"model": make, "x": x, "y": x[:, 0], "epochs": n} for n in (1, 30)]
    >>> short, long = fastgd.fit_many(jobs, n_jobs=2, seed=1)
    >>> short.scores["loss"] > long.scores["loss"]
    True
    """
    if unknown:
        refuse(fit_many, unknown)
    with CtrlC() as ctrl_c:
        return run_jobs(
            ctrl_c, jobs, n_jobs, verbose=verbose, on_result=on_result, score=score,
            keep_models=keep_models, seed=seed, raise_errors=raise_errors,
        )  # fmt: skip


def run_jobs(ctrl_c, jobs, n_jobs=-1, *, verbose=0, on_result=None, raise_errors=False,
             **settings):  # fmt: skip
    """Do what ``fit_many`` does inside a CtrlC, which holds the results so far."""
    raise_errors = boolean(raise_errors, "raise_errors")
    optional_function(on_result, "on_result")
    verbose, run = verbosity(verbose), _start(ctrl_c, jobs, n_jobs, **settings)
    progress = JobProgress(verbose, len(jobs) if isinstance(jobs, Sized) else None)
    ctrl_c.results, ctrl_c.stopped = [], []
    with run.ended_at_errors():
        for result in run:
            ctrl_c.results.append(result)
            progress.add(result)
            if on_result is not None:
                ctrl_c.call(on_result, result)
            if raise_errors and not result.ok:
                raise result.error
    progress.finish()
    return Results(ctrl_c.results)


def as_completed(jobs: Iterable[dict[str, Any]], n_jobs: int = -1, *,
                 score: Callable[[Any, dict[str, Any]], Any] | None = None,
                 keep_models: bool = True,
                 seed: int | None = None) -> Generator[Result, None, None]:  # fmt: skip
    """Yield the results of ``fit_many`` one by one, as they come.

    Jobs are taken as results are: there are never more than a few in flight. Leaving the loop
    stops those. It takes the arguments of ``fit_many``, and raises the same errors when it is
    called; the results of ``Interrupted`` are those that were not yielded.

    Examples
    --------
    >>> from fastgd import Sequential, layers, many
    >>> def make():
    ...     model = Sequential([layers.Dense(1, input_shape=(1,))])
    ...     model.compile("sgd", "mse")
    ...     return model
    >>> jobs = ({"model": make, "x": [[1.0]], "y": [1.0]} for _ in range(3))
    >>> sorted(result.index for result in many.as_completed(jobs))
    [0, 1, 2]
    """
    ctrl_c = CtrlC()
    return _yield_from(ctrl_c, _start(ctrl_c, jobs, n_jobs, score, keep_models, seed))


def _yield_from(ctrl_c, run):
    with run.ended_at_errors():  # such as the GeneratorExit of a loop that is left
        while True:
            with ctrl_c, run.ended_at_errors():  # not while the caller runs
                ctrl_c.results.clear()
                ctrl_c.results.extend(itertools.islice(run, 1))
            if not ctrl_c.results:
                return
            yield ctrl_c.results[0]


def _start(ctrl_c, jobs, n_jobs, score=None, keep_models=True, seed=None, count=None):
    """Check the arguments; return a ParallelRun of the jobs.

    count: the number of jobs of an iterator, if they do not depend on results that come before.
    """
    threads = config.threads(n_jobs)
    keep_models = boolean(keep_models, "keep_models")
    optional_function(score, "score")
    if isinstance(jobs, dict) or not isinstance(jobs, Iterable) or not getattr(jobs, "ndim", 1):
        raise DataTypeError(f"jobs: expected dicts, got {jobs!r}")
    seed, owners, cache = first_seed(seed), Ownership(), SharedDataCache()

    def checked(index, given):
        try:
            job = Job(index, given, seed + index)
            owners.claim(index, job.model, given)
        except FastgdError as error:
            return RefusedJob(index, error)
        return job

    all_jobs = (checked(index, given) for index, given in enumerate(jobs))
    if isinstance(jobs, Sequence):
        all_jobs = list(all_jobs)
        for job in all_jobs:
            if isinstance(job, RefusedJob):
                raise job.error
        count = len(all_jobs)
    if count is not None:
        threads = min(threads, max(1, count))
        if not (score is None or (isinstance(score, HeldOutTest) and score.score is None)):
            score = TimedScore(score)
        all_jobs = in_fleets(iter(all_jobs), count, threads, score)
    return ParallelRun(
        ctrl_c, all_jobs, threads, lambda unit: unit.run(owners, cache, score, keep_models)
    )


class ParallelRun:
    """Iterate over the results of jobs in the order in which they are done.

    A unit is a Job or a Fleet of several: ``run(unit)`` runs it, and its ``outcome`` says which
    results there are. It runs inside ctrl_c, so that nothing is lost between a thread and the
    caller.

    Its pool is one of daemon threads, so that a fit that cannot be stopped does not hold up the
    end of the process, as the threads of ``concurrent.futures`` do.
    """

    def __init__(self, ctrl_c, units, threads, run):
        self._ctrl_c, self._units, self._threads, self._run = ctrl_c, units, threads, run
        # Of units that are done, and errors. Not a SimpleQueue: where a signal that raises
        # nothing meets the end of its timeout, it waits for ever.
        self._done = queue.Queue()
        self._ready = collections.deque()  # results
        self._running, self._in_flight = set(), 0
        self._pool, self._stopping = None, False

    def __iter__(self):
        return self

    def __next__(self):
        while not self._ready:
            unit = self._next_here() if self._threads == 1 else self._next_of_pool()
            self._ready.extend(unit.outcome()[0])
        return self._ready.popleft()

    def _next_of_pool(self):
        """Return a unit that a thread has run; give the threads others."""
        while not self._stopping and self._in_flight < JOBS_AHEAD * self._threads:
            unit = self._ctrl_c.call(next, self._units, None)
            if unit is None:
                break
            if self._pool is None:
                self._pool = ThreadPool(self._threads)
            self._pool.apply_async(self._work, (unit,))
            self._in_flight += 1
        if not self._in_flight:
            self.stop()
            raise StopIteration
        while True:  # a little at a time: a signal does not end the wait
            self._ctrl_c.check()
            with contextlib.suppress(queue.Empty):
                unit = self._done.get(timeout=WAIT)
                break
        self._in_flight -= 1
        if isinstance(unit, BaseException):
            raise unit
        return unit

    def _next_here(self):
        """Run the next unit in this thread, and return it."""
        unit = self._ctrl_c.call(next, self._units, None)
        if unit is None:
            raise StopIteration
        try:
            self._ctrl_c.call(self._run, unit)
        except KeyboardInterrupt:
            unit.stopped = True
            self._done.put(unit)
            raise
        return unit

    def _work(self, unit):
        self._running.add(unit)  # first: `stop` sets the flag, and then looks at what runs
        try:
            if not self._stopping:
                self._run(unit)
                self._done.put(unit)
        except BaseException as error:  # such as SystemExit: for the caller's thread
            self._done.put(error)
        finally:
            self._running.discard(unit)

    @contextlib.contextmanager
    def ended_at_errors(self):
        """Stop at any error; what is done, but not asked for, goes to the CtrlC."""
        try:
            yield
        except BaseException:
            done, stopped = self.stop()
            self._ctrl_c.results += done
            self._ctrl_c.stopped += stopped
            raise

    def stop(self):
        """End all jobs; return the results not yet asked for, and those that were cut short."""
        self._stopping = True
        begun = time.monotonic()
        while running := list(self._running):
            for unit in running:  # again and again, for a fit that just begins clears the flag
                unit.stop()
            patience = PATIENCE if any(unit.can_stop for unit in running) else SHORT_PATIENCE
            if time.monotonic() - begun > patience:
                break
            time.sleep(0.002)
        if self._pool is not None:
            self._pool.terminate()
            if not self._running:
                self._pool.join()
        done, stopped = list(self._ready), []
        self._ready.clear()
        while not self._done.empty():
            unit = self._done.get()
            if not isinstance(unit, BaseException):
                now_done, now_stopped = unit.outcome()
                done += now_done
                stopped += now_stopped
        return done, stopped


class JobProgress(Progress):
    """Show a bar over all jobs (verbose 1), or a line for each that is done (2)."""

    def __init__(self, verbose, total, stream=None):
        super().__init__(verbose, -1 if total is None else total, stream, unit="job")
        self.begin(total, epoch=-1)
        self.title, self._failed, self._latest = "", 0, None

    def add(self, result):
        """Count one more that is done."""
        self.epoch += 1  # so that the last line is always shown
        self._failed += not result.ok
        if self.verbose != 2:
            self.update(self.done + 1, self._logs())
            return
        self.done += 1
        self._latest = result
        if self._due():
            self._line()

    def finish(self):
        """Show the end."""
        if self.verbose != 2:
            self.end(self._logs())
        elif self._latest is not None:
            self._line()

    def _line(self):
        total = "?" if self.steps is None else self.steps
        seconds = time.monotonic() - self.start
        result, self._latest = self._latest, None
        numbers = {k: v for k, v in result.scores.items() if isinstance(v, Real)}
        text = figures_text(numbers) if result.ok else f" - failed: {result.error!r}"
        self.lines += 1
        self._write(f"{self.done}/{total} - {seconds:.0f}s - {result.name}{text}\n")

    def _logs(self):
        return {"failed": self._failed} if self._failed else {}
