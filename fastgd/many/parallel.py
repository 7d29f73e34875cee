"""Train many models side by side: in threads, or in the workers of an executor."""

import itertools
import time
from collections.abc import Callable, Generator, Iterable, Sequence, Sized
from numbers import Real
from typing import Any, Never

from fastgd._data.validation import boolean, optional_function, verbosity
from fastgd._registry.advice import refuse
from fastgd._training.progress import Progress, figures_text
from fastgd._typing import Path
from fastgd.errors import DataTypeError, FastgdError
from fastgd.many.interrupts import CtrlC
from fastgd.many.job import Job, KnownJob, Ownership, first_seed
from fastgd.many.place import Place
from fastgd.many.results import Result, Results
from fastgd.many.run import ParallelRun
from fastgd.many.scoring import OwnScore


def fit_many(jobs: Iterable[dict[str, Any]], n_jobs: int = -1, *, verbose: int | str = 0,
             on_result: Callable[[Result], object] | None = None,
             score: Callable[[Any, dict[str, Any]], Any] | None = None,
             keep_models: bool = True, seed: int | None = None, raise_errors: bool = False,
             executor: Any = None, journal: Path | None = None, retries: int = 1,
             spool_dir: Path | None = None, **unknown: Never) -> Results:  # fmt: skip
    """Train many models side by side, each as if it were alone.

    They run in threads, which share the data and hardly ever wait for each other, or in the
    workers of an `executor`. A job trains on one thread, and gives the same bits as it would
    alone, wherever it runs. The results are in the order of the jobs.

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
        Threads, or workers of the executor; -1 for one a CPU, or all that a Dask client has.
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
    executor : executor, function, Client or "joblib", optional
        Where the jobs run, instead of threads: an executor as of ``concurrent.futures``; a
        function without arguments that makes one, which is made anew if a worker dies; a
        ``distributed.Client``; or "joblib" for what ``joblib.parallel_config`` chose. Workers
        get copies: the models, callbacks and iterators of jobs stay as they are here, and
        ``result.model`` is the one that was trained. It needs the extra ``cluster``.
    journal : path, optional
        A file with a line for each job that is done, and a folder beside it for their models.
        A rerun takes the results of the jobs that are there, and trains the others: see
        ``docs/cluster.md`` for what makes a job the same.
    retries : int
        How often a job is sent again if its worker dies; then its result has a WorkerError.
    spool_dir : path, optional
        A folder that the machines of all workers share. The data are written into it once; by
        default into a temporary folder of this machine, or given to the Dask client.

    Raises
    ------
    ArgumentError, DataTypeError, UnknownNameError
        For a job in a list that cannot be run; says its index. Jobs that come one by one have
        it in their results. For a job that cannot be pickled, if there is an executor.
    MissingExtraError
        If a library is missing that the executor needs.
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
    place = Place(n_jobs, executor, journal, retries, spool_dir)
    with CtrlC() as ctrl_c:
        return run_jobs(
            ctrl_c, jobs, place, verbose=verbose, on_result=on_result, score=_own(score),
            keep_models=keep_models, seed=seed, raise_errors=raise_errors,
        )  # fmt: skip


def _own(score):
    """Return a user's score as one that fills results."""
    return None if optional_function(score, "score") is None else OwnScore(score)


def run_jobs(ctrl_c, jobs, place, *, verbose=0, on_result=None, raise_errors=False,
             **settings):  # fmt: skip
    """Do what ``fit_many`` does inside a CtrlC, which holds the results so far."""
    raise_errors = boolean(raise_errors, "raise_errors")
    optional_function(on_result, "on_result")
    verbose, run = verbosity(verbose), _start(ctrl_c, jobs, place, **settings)
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
                 keep_models: bool = True, seed: int | None = None, executor: Any = None,
                 journal: Path | None = None, retries: int = 1,
                 spool_dir: Path | None = None) -> Generator[Result, None, None]:  # fmt: skip
    """Yield the results of ``fit_many`` one by one, as they come.

    Jobs are taken as results are: there are never more than a few in flight for each thread, or
    two tasks for each worker of an executor. Leaving the loop stops those. It takes the
    arguments of ``fit_many``, and raises the same errors when it is called; the results of
    ``Interrupted`` are those that were not yielded.

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
    ctrl_c, place = CtrlC(), Place(n_jobs, executor, journal, retries, spool_dir)
    return _yield_from(ctrl_c, _start(ctrl_c, jobs, place, _own(score), keep_models, seed))


def _yield_from(ctrl_c, run):
    with run.ended_at_errors():  # such as the GeneratorExit of a loop that is left
        while True:
            with ctrl_c, run.ended_at_errors():  # not while the caller runs
                ctrl_c.results.clear()
                ctrl_c.results.extend(itertools.islice(run, 1))
            if not ctrl_c.results:
                return
            yield ctrl_c.results[0]


def _start(ctrl_c, jobs, place, score=None, keep_models=True, seed=None, count=None):
    """Check the arguments; return a ParallelRun of the jobs.

    score: what fills results, see ``fastgd.many.scoring``. count: the number of jobs of an
    iterator, if they do not depend on results that come before.
    """
    keep_models = boolean(keep_models, "keep_models")
    if isinstance(jobs, dict) or not isinstance(jobs, Iterable) or not getattr(jobs, "ndim", 1):
        raise DataTypeError(f"jobs: expected dicts, got {jobs!r}")
    seed, owners = first_seed(seed), Ownership()
    journal = place.open_journal(score, keep_models)

    def checked(index, given):
        try:
            job = Job(index, given, seed + index)
            owners.claim(index, job.model, given)
            return job if journal is None else journal.known_or(job)
        except FastgdError as error:
            return KnownJob.refused(index, error)

    all_jobs = (checked(index, given) for index, given in enumerate(jobs))
    if isinstance(jobs, Sequence):
        all_jobs = list(all_jobs)
        for job in all_jobs:
            if not job.result.ok:
                raise job.result.error
        count = len(all_jobs)
    pool = place.pool(ctrl_c, iter(all_jobs), count, owners, (score, keep_models))
    return ParallelRun(ctrl_c, pool, journal)


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
