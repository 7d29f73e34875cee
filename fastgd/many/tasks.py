"""Run jobs in the workers of an executor, several in a task: see ``ParallelRun``."""

from fastgd.errors import FastgdError, WorkerError
from fastgd.many.job import KnownJob, without_frames
from fastgd.many.messages import Context, packed_task, unpacked_results
from fastgd.many.worker import run_task

#: About how long (in seconds) a task lasts: a scheduler takes some milliseconds for each.
TASK_SECONDS, LEAST_SECONDS = 0.2, 0.02
MOST_JOBS = 1000
#: Tasks for each worker that are sent before one is waited for.
TASKS_AHEAD = 2


class Task:
    """Hold the jobs that a worker is given together.

    Attributes
    ----------
    attempt : int
        How often its jobs were sent before.
    error : BaseException or None
        What went wrong with the task itself: its worker died, say.
    sent : Sent or None
    """

    can_stop = True

    def __init__(self, jobs, attempt=0, results=()):
        self.jobs, self.attempt, self.results = jobs, attempt, list(results)
        self.cut, self.error, self.sent, self.seconds = [], None, None, 0.0
        self.keys = ()

    def take(self, results, cut, seconds):
        """Take what a worker gave back; give results what was not sent."""
        jobs = {job.index: job for job in self.jobs}
        for result in (*results, *cut):
            result.job = jobs[result.index].described()
        self.results, self.cut, self.seconds = results, cut, seconds

    def fail(self, error):
        """Make an error the result of each job."""
        for job in self.jobs:
            job.result.error, job.result.job = error, job.described()
        self.results = [job.result for job in self.jobs]

    def outcome(self):
        """Return the results that are done, and those that were cut short."""
        return self.results, self.cut

    def stop(self):
        """Take it back from the worker, or tell it to stop."""
        if self.sent is not None:
            self.sent.stop()


class Tasks:
    """Send jobs to workers, in tasks of about TASK_SECONDS.

    Parameters
    ----------
    jobs, count, settings
        As for ``Place.pool``.
    workers : Workers
    retries : int
        How often jobs are sent again whose worker died.
    """

    def __init__(self, jobs, count, workers, retries, settings):
        self._jobs, self._left = jobs, count
        self._workers, self._data, self._retries = workers, workers.data, retries
        self.most, self.running, self.stopping = TASKS_AHEAD * workers.count, set(), False
        self._seconds = self._trained = 0
        try:
            context = Context.of_this_process(*settings, self._data.stop_file)
            self._context = self._data.key_of_context(context)
        except BaseException:
            workers.close()
            raise

    def units(self):
        """Yield tasks, of as many jobs as the times so far allow; known results alone."""
        jobs, size = [], self._size()
        for job in self._jobs:
            self._left = None if self._left is None else self._left - 1
            if isinstance(job, KnownJob):
                yield Task([], results=[job.result])
                continue
            jobs.append(job)
            if len(jobs) >= size:
                yield Task(jobs)
                jobs, size = [], self._size()
        if jobs:
            yield Task(jobs)

    def _size(self):
        """Return how many jobs make a task."""
        if not self._seconds:
            return 1
        a_second = self._trained / self._seconds
        size = TASK_SECONDS * a_second
        if self._left is not None:  # so that all workers end at about the same time
            share = self._left / (2 * self._workers.count)
            size = max(LEAST_SECONDS * a_second, min(size, share))
        return max(1, min(int(size), MOST_JOBS))

    def begin(self, task, done):
        """Send a task; it comes back in the queue."""
        if not task.jobs:
            done.put(task)
            return
        try:
            content, task.keys = packed_task(self._context, task.jobs, self._data)
        except FastgdError as error:
            if not self._trained:
                raise
            task.fail(without_frames(error))
            done.put(task)
            return

        def finished(future):
            try:
                task.take(*unpacked_results(future.result(), self._data))
            except BaseException as error:  # also a CancelledError
                task.error = error
            self.running.discard(task)
            done.put(task)

        self._data.hold(task.keys)
        self.running.add(task)
        task.sent = self._workers.send(finished, run_task, content, task.keys)

    def again(self, task):
        """Return the tasks to send in the place of a lost one; else complete its results."""
        self._data.release(task.keys)
        error = task.error
        if error is None:
            self._seconds += task.seconds
            self._trained += len(task.results) if task.jobs else 0
        elif isinstance(error, FastgdError):
            task.fail(error)
        elif self._workers.recover(task) and (
            task.attempt < self._retries + task.sent.refused  # that was no fault of the jobs
        ):
            return [Task(task.jobs, task.attempt + 1)]
        else:
            task.fail(
                WorkerError(
                    f"executor: a worker was lost with this job, {task.attempt + 1} times: "
                    f"{type(error).__name__}: {error}; {self._workers.advice}"
                )
            )
        return []

    def close(self):
        """Let go of the workers and of the data that they were given."""
        self._workers.close(wait=not self.running)
