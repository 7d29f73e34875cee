"""Many jobs side by side."""

from collections.abc import Iterable, Sequence

from fastgd import config
from fastgd._data.validation import boolean, optional_function, verbosity
from fastgd.errors import DataTypeError, FastgdError
from fastgd.many.claims import Claims
from fastgd.many.job import Job, Refused, first_seed
from fastgd.many.pool import Run
from fastgd.many.progress import JobProgress
from fastgd.many.results import Results
from fastgd.many.rows import Kept


class Interrupted(KeyboardInterrupt):
    """Ctrl-C while many jobs ran.

    Attributes
    ----------
    results : Results
        Of the jobs that are done.
    stopped : Results
        Of those that were cut short; their models are usable.
    """

    def __init__(self, results, stopped):
        super().__init__(f"{len(results)} jobs are done, {len(stopped)} were cut short")
        self.results = results
        self.stopped = stopped


def fit_many(
    jobs, n_jobs=-1, *, verbose=0, on_result=None, score=None, keep_models=True, seed=None,
    raise_errors=False,
):  # fmt: skip
    """Train many models side by side, each as if it were alone.

    Threads do it, which share the data and hardly ever wait for each other. A job trains on one
    thread, and gives the same bits as it would alone, whatever ``n_jobs`` is.

    Parameters
    ----------
    jobs : iterable of dict
        Each with

        - ``"model"``: a compiled model, or a function without arguments that makes one, such as
          ``model.replicate``, which is the quickest; or any object with ``fit``, or a function
          that makes one. No two jobs may have the same model
        - ``"x"``, ``"y"``: the data, which any number of jobs may share, and nobody changes
          before they are done
        - ``"rows"``, optional: whole numbers; only these rows of x and y are trained on
        - ``"name"``, optional, for the result; and ``"params"``, a dict for the result of what
          sets the job apart
        - ``"seed"``, optional: for the random numbers that the function and ``fit`` draw
        - any other argument of ``fit``; ``"callbacks"`` may be a function that makes them.

        A list is looked through before anything begins. From anything else jobs are taken as
        threads need them, so that there may be any number.
    n_jobs : int
        Threads; -1 for one a CPU.
    verbose : {"auto", 0, 1, 2}
        0 nothing, 1 a bar, 2 a line for each job that is done; at most ten updates a second.
    on_result : function of (Result), optional
        Called in this thread as results come.
    score : function of (model, job), optional
        Called when a model is trained, on its thread. What it returns, a dict of figures or one
        number, is noted in ``result.scores``.
    keep_models : bool
        False: results have no models.
    seed : int, optional
        Job number i has the seed ``seed + i``, modulo 2**32, if it names none. By default it is
        drawn from the process' stream, so that ``set_random_seed`` fixes all.
    raise_errors : bool
        Raise the error of the first job that fails, and stop the others. By default it is noted
        in its result.

    Returns
    -------
    Results
        One for each job, in the order of the jobs.

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
    >>> fastgd.utils.set_random_seed(1)
    >>> x = np.random.default_rng(0).normal(size=(64, 3)).astype("float32")
    >>> def make():
    ...     model = fastgd.Sequential([fastgd.layers.Dense(1, input_shape=(3,))])
    ...     model.compile("sgd", "mse")
    ...     return model
    >>> jobs = [
    ...     {"model": make, "x": x, "y": x[:, 0], "epochs": n, "name": f"{n} epochs"}
    ...     for n in (1, 30)
    ... ]
    >>> results = fastgd.fit_many(jobs, n_jobs=2)
    >>> [result.name for result in results]
    ['1 epochs', '30 epochs']
    >>> results[0].scores["loss"] > results[1].scores["loss"]
    True
    """
    raise_errors = boolean(raise_errors, "raise_errors")
    optional_function(on_result, "on_result")
    progress = JobProgress(verbosity(verbose), len(jobs) if hasattr(jobs, "__len__") else None)
    run = _begun(jobs, n_jobs, score, keep_models, seed)
    results = []
    try:
        for result in run:
            results.append(result)
            progress.add(result)
            if on_result is not None:
                on_result(result)
            if raise_errors and not result.ok:
                raise result.error
    except KeyboardInterrupt:
        done, stopped = run.stop()
        raise Interrupted(Results(results + done), Results(stopped)) from None
    except BaseException:
        run.stop()
        raise
    progress.finish()
    return Results(results)


def as_completed(jobs, n_jobs=-1, *, score=None, keep_models=True, seed=None):
    """The results of ``fit_many`` one by one, as they come.

    Jobs are taken as results are: there are never more than a few in flight. Leaving the loop
    stops those.

    Parameters
    ----------
    jobs, n_jobs, score, keep_models, seed
        As for ``fit_many``.

    Yields
    ------
    Result

    Raises
    ------
    ArgumentError, DataTypeError, UnknownNameError
        As ``fit_many``, when it is called.
    Interrupted
        On Ctrl-C; its results are those that were not yielded.

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
    return _yielded(_begun(jobs, n_jobs, score, keep_models, seed))


def _yielded(run):
    try:
        yield from run
    except KeyboardInterrupt:
        done, stopped = run.stop()
        raise Interrupted(Results(done), Results(stopped)) from None
    finally:
        run.stop()


def _begun(jobs, n_jobs, score, keep_models, seed):
    """The Run of some jobs, whose arguments are looked through."""
    threads = config.threads(n_jobs)
    keep_models = boolean(keep_models, "keep_models")
    optional_function(score, "score")
    if isinstance(jobs, dict) or not isinstance(jobs, Iterable):
        raise DataTypeError(f"jobs: expected dicts, got {jobs!r}")
    first = first_seed(seed)
    claims = Claims()
    looked_through = (_looked_through(i, job, first, claims) for i, job in enumerate(jobs))
    if isinstance(jobs, Sequence):
        looked_through = list(looked_through)
        for job in looked_through:
            if isinstance(job, Refused):
                raise job.error
        threads = min(threads, max(1, len(looked_through)))
    arguments = claims, Kept(), score, keep_models
    return Run(iter(looked_through), threads, lambda job: job.run(*arguments))


def _looked_through(index, given, first_seed, claims):
    try:
        job = Job(index, given, first_seed + index)
        claims.claim(index, job.model, given)
    except FastgdError as error:
        return Refused(index, error)
    return job
