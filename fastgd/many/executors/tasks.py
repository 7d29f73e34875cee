"""Run jobs in the workers of an executor, several in a task: see ``ParallelRun``."""

from fastgd.errors import DataTypeError, FastgdError, WorkerError
from fastgd.many.executors.messages import (
    Context,
    TaskFailed,
    check_pickles,
    packed_task,
    unpacked_results,
)
from fastgd.many.executors.worker import run_task
from fastgd.many.job import KnownJob

#: About how long (in seconds) a task lasts, and at least where few jobs are left: a scheduler
#: takes some milliseconds for each.
TASK_SECONDS, LEAST_SECONDS = 0.2, 0.02
MOST_JOBS = 1000
#: Tasks for each worker that are sent before one is waited for.
TASKS_AHEAD = 2
#: How often a task is offered that executors do not take.
MOST_REFUSALS = 3


class Task:
    """Hold the jobs that a worker is given together.

    Attributes
    ----------
    losses, refusals : int
        How often its jobs were lost with a worker, and how often no executor took them.
    error : BaseException or None
        What went wrong with the task itself.
    sent : Sent or None
    """

    can_stop = True

    def __init__(self, jobs, results=(), losses=0, refusals=0):
        self.jobs, self.results, self.cut = jobs, list(results), []
        self.losses, self.refusals = losses, refusals
        self.error, self.sent, self.keys, self.seconds = None, None, (), 0.0

    def take(self, results, cut, seconds):
        """Take what a worker gave back; give results what was not sent."""
        jobs = {job.index: job for job in self.jobs}
        for result in (*results, *cut):
            result.job = jobs[result.index].described()
        self.results += results
        self.cut, self.seconds = cut, seconds

    def fail(self, job, error):
        """Make an error the result of a job."""
        job.result.error, job.result.job = error, job.described()
        self.results.append(job.result)

    def outcome(self):
        """Return the results that are done, and those that were cut short."""
        return self.results, self.cut

    def stop(self):
        """Take it back from the worker, or tell it to stop."""
        if self.sent is not None:
            self.sent.stop()


class Tasks:
    """Send jobs to workers, in tasks of about TASK_SECONDS.

    Jobs that were lost with a worker are sent again one by one, with nothing else in flight:
    so the one that ends its worker costs no others.

    Parameters
    ----------
    ctrl_c, jobs, count, settings
        As for ``Place.pool``.
    workers : Workers
    retries : int
        How often jobs are sent again whose worker died.
    """

    def __init__(self, ctrl_c, jobs, count, workers, retries, settings):
        self._ctrl_c, self._jobs, self._left = ctrl_c, jobs, count
        self._workers, self._data, self._retries = workers, workers.data, retries
        self.running, self.stopping, self._suspects = set(), False, 0
        self._sent, self._seconds, self._trained = False, 0.0, 0
        try:
            context = Context.of_this_process(*settings, self._data.stop_file)
            self._context = ctrl_c.call(self._data.key_of_context, context)
        except BaseException as error:
            workers.close()
            if isinstance(error, Exception):
                check_pickles(settings[0], "score", lambda part: None)
            raise

    @property
    def most(self):
        """How many tasks may be in flight."""
        return 1 if self._suspects else TASKS_AHEAD * self._workers.count

    def units(self):
        """Yield tasks, of as many jobs as the times so far allow; known results alone."""
        jobs, size = [], self._size()
        for job in self._jobs:
            self._left = None if self._left is None else self._left - 1
            if isinstance(job, KnownJob):
                yield Task([], [job.result])
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
        content = self._ctrl_c.call(self._packed, task) if task.jobs else None
        if content is None:
            done.put(task)
            return

        def finished(future):
            try:
                task.take(*unpacked_results(future.result(), self._data))
            except BaseException as error:  # also a CancelledError
                task.error = error
            done.put(task)  # first: `stop` looks at what runs, and then at what is done
            self.running.discard(task)

        self._sent = True
        self._data.hold(task.keys)
        self.running.add(task)
        try:
            task.sent = self._workers.send(finished, run_task, content, task.keys)
        except BaseException:
            self.running.discard(task)
            raise

    def _packed(self, task):
        """Return the message for the jobs that can be pickled, or None; the others fail.

        If the first task of all has such a job, its error is raised, before anything is sent.
        """
        try:
            content, task.keys = packed_task(self._context, task.jobs, self._data)
            return content
        except DataTypeError:
            if not self._sent:
                raise
        kept = []
        for job in task.jobs:
            try:
                packed_task(self._context, [job], self._data)
                kept.append(job)
            except DataTypeError as error:
                task.fail(job, error)
        task.jobs = kept
        if not kept:
            return None
        content, task.keys = packed_task(self._context, kept, self._data)
        return content

    def again(self, task):
        """Return the tasks to send in the place of one that was not run."""
        self._data.release(task.keys)
        self._suspects -= task.losses > 0
        error, sent = task.error, task.sent
        if error is None:
            self._seconds += task.seconds
            self._trained += len(task.results) if task.jobs else 0
            return []
        if isinstance(error, TaskFailed):
            return self._run_apart(task)
        if self._workers.recover(task):
            if sent.refused and task.refusals < MOST_REFUSALS:
                return [self._task(task.jobs, task.losses, task.refusals + 1)]
            if not sent.refused and task.losses < self._retries:
                return [self._task([job], task.losses + 1) for job in task.jobs]
        for job in task.jobs:
            task.fail(job, self._lost(task))
        return []

    def _task(self, jobs, losses, refusals=0):
        self._suspects += losses > 0
        return Task(jobs, losses=losses, refusals=refusals)

    def _run_apart(self, task):
        """Return the jobs of a failed task one by one; of a single job it is the result."""
        cause = task.error.__cause__
        apart = len(task.jobs) > 1 and not isinstance(cause, FastgdError)
        if apart:
            return [self._task([job], task.losses) for job in task.jobs]
        for job in task.jobs:
            error = cause
            if not isinstance(cause, FastgdError):
                what = f"{type(cause).__name__}: {cause}"
                error = WorkerError(f"executor: {job.label} failed in the worker: {what}")
            task.fail(job, error)
        return []

    def _lost(self, task):
        """Return the error of a job that was lost with its worker."""
        times = "once" if task.losses == 0 else f"{task.losses + 1} times"
        what = f"{times}: {type(task.error).__name__}: {task.error}"
        return WorkerError(f"executor: its worker was lost {what}; {self._workers.advice}")

    def close(self):
        """Let go of the workers and of the data that they were given."""
        self._workers.close(wait=not self.running)
