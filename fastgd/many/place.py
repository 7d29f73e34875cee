"""Say where jobs run, and what is kept of them."""

from dataclasses import dataclass
from typing import Any

from fastgd import config
from fastgd._data.arguments import path_name
from fastgd._data.validation import whole_number
from fastgd._typing import Path
from fastgd.errors import DataTypeError
from fastgd.many.executors.tasks import Tasks
from fastgd.many.executors.workers import workers_of
from fastgd.many.fleet import in_fleets
from fastgd.many.journal import Journal
from fastgd.many.pool import ThisThread, Threads
from fastgd.many.scoring import timed
from fastgd.many.shared_data import SharedDataCache


@dataclass
class Place:
    """Hold the arguments of the same names, see ``fit_many``."""

    n_jobs: int = -1
    executor: Any = None
    journal: Path | None = None
    retries: int = 1
    spool_dir: Path | None = None

    def __post_init__(self) -> None:
        self.n_jobs = config.checked_threads(self.n_jobs, "n_jobs")
        self.retries = whole_number(self.retries, "retries", 0)
        for name in ("journal", "spool_dir"):
            if getattr(self, name) is not None:
                setattr(self, name, path_name(getattr(self, name), name))
        executor = self.executor
        known = executor is None or callable(executor) or hasattr(executor, "submit")
        if not known and not (isinstance(executor, str) and executor == "joblib"):
            raise DataTypeError(
                "executor: expected an executor as of concurrent.futures, a function that "
                f"makes one, a distributed.Client or 'joblib', got {self.executor!r}"
            )

    def open_journal(self, score, keep_models):
        """Return the Journal, or None."""
        return None if self.journal is None else Journal(self.journal, score, keep_models)

    def pool(self, ctrl_c, jobs, count, owners, settings):
        """Return the pool that runs jobs: see ``ParallelRun``.

        Parameters
        ----------
        jobs : iterator of Job and KnownJob
        count : int or None
            Their number, if it is known and no job depends on results that come before.
        owners : Ownership
        settings : (score, bool)
            What fills results, or None; and whether models are kept.
        """
        score, keep_models = settings
        if self.executor is not None:
            workers = workers_of(self.executor, self.n_jobs, self.spool_dir)
            return Tasks(ctrl_c, jobs, count, workers, self.retries, settings)
        threads = config.threads(self.n_jobs)
        if count is not None:
            threads = min(threads, max(1, count))
            score = timed(score)
            jobs = in_fleets(jobs, count, threads, score)
        cache = SharedDataCache()

        def run(unit):
            unit.run(owners, cache, score, keep_models)

        return ThisThread(ctrl_c, jobs, run) if threads == 1 else Threads(jobs, run, threads)
