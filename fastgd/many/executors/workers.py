"""Let an executor run tasks: one of ``concurrent.futures``, Dask or joblib."""

import queue
import threading
from concurrent.futures import BrokenExecutor, Future
from typing import Any

from fastgd import config
from fastgd._registry.extras import needed_by
from fastgd.errors import DataTypeError
from fastgd.many.executors.spool import Scattered, Spool

#: How long (in seconds) a thread waits for more tasks before it gives joblib those there are.
GATHER_SECONDS = 0.005


def workers_of(executor, n_jobs, spool_dir):
    """Return the Workers of what a user gave as ``executor``."""
    if isinstance(executor, str):
        return JoblibWorkers(n_jobs, spool_dir)
    if hasattr(executor, "scatter"):
        data = Scattered(executor) if spool_dir is None else Spool(spool_dir)
        threads = sum(executor.nthreads().values()) if n_jobs == -1 else n_jobs
        return DaskWorkers(executor, max(1, threads), data)
    count = config.threads(-1) if n_jobs == -1 else n_jobs
    return Workers(executor, count, Spool(spool_dir))


class Sent:
    """Hold a task that was sent.

    Attributes
    ----------
    executor : object
        Where it was sent to.
    refused : bool
        Whether the executor did not take it.
    renewals : int
        How often the data had been sent anew by then.
    """

    def __init__(self, future, executor, refused, data):
        self.executor, self.refused, self.renewals = executor, refused, data.renewals
        self._future, self._data, self._stopped = future, data, False

    def stop(self):
        """Take it back, or tell its worker to stop."""
        if not self._stopped:
            self._stopped = True
            self._future.cancel()
            self._data.stop()


class Workers:
    """Run tasks in an executor of ``concurrent.futures``.

    Parameters
    ----------
    executor : Executor, or function without arguments that makes one
        What is made is shut down by ``close``, and made anew when it breaks.
    count : int
        How many tasks run at a time.
    data : Spool or Scattered
        Gives data to the workers.
    """

    def __init__(self, executor, count, data):
        self.count, self.data = count, data
        made = hasattr(executor, "submit") and not isinstance(executor, type)
        self._make = None if made else executor
        self._executor: Any = executor if self._make is None else None
        self._broken = False

    @property
    def advice(self):
        """The advice to a user whose worker was lost."""
        if self._broken:
            return (
                "the executor takes no more jobs: give a function that makes it, such as "
                "lambda: ProcessPoolExecutor(4), and a journal, which keeps what is done"
            )
        return "give more retries, if it was not the job itself that ended the worker"

    def send(self, finished, function, content, keys):
        """Call function(content, data of the keys) in a worker, and finished(future) then."""
        if self._executor is None:
            made = self._make()
            if not hasattr(made, "submit"):
                raise DataTypeError(
                    f"executor: expected a function that makes an executor, it made {made!r}"
                )
            self._executor = made
        refused = False
        try:
            future = self._submit(function, content, self.data.attached(keys))
        except Exception as error:  # it is broken, or was shut down
            future, refused = Future(), True
            future.set_exception(error)
        sent = Sent(future, self._executor, refused, self.data)
        future.add_done_callback(finished)
        return sent

    def _submit(self, *call):
        return self._executor.submit(*call)

    def recover(self, task):
        """Return whether a task whose worker was lost can be sent again."""
        broken = task.sent.refused or isinstance(task.error, BrokenExecutor)
        if broken and self._make is None:
            self._broken = True
            return False
        if broken and task.sent.executor is self._executor:  # else it was made anew already
            self._shut_down(wait=False)
        return True

    def _shut_down(self, wait):
        if self._make is not None and self._executor is not None:
            self._executor.shutdown(wait=wait)
            self._executor = None

    def close(self, wait=True):
        """Let go of executor and data."""
        self._shut_down(wait)
        self.data.close()


class DaskWorkers(Workers):
    """Run tasks by a ``distributed.Client``, which replaces workers itself."""

    def _submit(self, *call):
        return self._executor.submit(*call, pure=False)

    def recover(self, task):
        if task.sent.renewals == self.data.renewals:  # else that was done for another task
            self.data.renew()
        return not task.sent.refused


class JoblibWorkers(Workers):
    """Run tasks by the back end that ``joblib.parallel_config`` has chosen for this thread.

    ``joblib.Parallel`` takes a list of tasks at a time: a thread gives it those that wait.
    """

    def __init__(self, n_jobs, spool_dir):
        with needed_by("executor='joblib'"):
            import joblib
        self._parallel = joblib.Parallel(n_jobs, return_as="generator_unordered")
        self._delayed = joblib.delayed(_numbered)
        self._waiting: queue.Queue[Any] = queue.Queue()
        self._thread: threading.Thread | None = None
        super().__init__(self, joblib.effective_n_jobs(n_jobs), Spool(spool_dir))

    def submit(self, *call):
        """Return the future of a call."""
        future: Future[Any] = Future()
        self._waiting.put((future, call))
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, daemon=True)
            self._thread.start()
        return future

    def _run(self):
        """Run the calls that wait, again and again."""
        while (one := self._waiting.get()) is not None:
            calls = []
            try:
                while one is not None:
                    calls.append(one)
                    one = self._waiting.get(timeout=GATHER_SECONDS)
                self._waiting.put(None)
            except queue.Empty:
                pass
            calls = [(f, call) for f, call in calls if f.set_running_or_notify_cancel()]
            try:
                numbered = [self._delayed(i, *call) for i, (_, call) in enumerate(calls)]
                for i, found in self._parallel(numbered):
                    calls[i][0].set_result(found)
            except BaseException as error:
                for future, _ in calls:
                    if not future.done():
                        future.set_exception(error)

    def recover(self, task):
        return True

    def close(self, wait=True):
        """End the thread once its calls are done."""
        self._waiting.put(None)
        if wait and self._thread is not None:
            self._thread.join()
        super().close(wait)


def _numbered(i, function, *arguments):
    return i, function(*arguments)
