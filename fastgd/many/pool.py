"""Threads that run jobs, as many as are wanted and no faster than results are taken."""

import contextlib
import queue
import threading
import time

#: So many jobs a thread are taken before a result is waited for: the thread that takes them is
#: not always quick, as the others keep the interpreter busy.
AHEAD = 4

#: How long (in seconds) a wait for results lasts at a time.
LOOK = 0.05

#: How long (in seconds) to wait for jobs that are told to stop: those that look back do so
#: within 0.05 s, the others cannot be stopped.
PATIENCE, SHORT_PATIENCE = 1.0, 0.08


class Run:
    """Results of jobs in the order in which they are done; an iterator.

    Parameters
    ----------
    jobs : iterator of Job
        Consumed by the thread that asks for results, as far ahead as threads need.
    threads : int
        1 runs each job when its result is asked for.
    run : function of (job)
        Gives its result.
    """

    def __init__(self, jobs, threads, run):
        self._jobs = jobs
        self._run = run
        self._size = threads
        self._threads = []
        self._waiting = queue.SimpleQueue()
        self._done = queue.SimpleQueue()
        self._running = set()
        self._in_flight = 0
        self._stopping = False

    def __iter__(self):
        return self

    def __next__(self):
        if self._size == 1:
            return self._run(next(self._jobs))
        while not self._stopping and self._in_flight < AHEAD * self._size:
            job = next(self._jobs, None)
            if job is None:
                break
            self._put(job)
        if not self._in_flight:
            self.stop()
            for thread in self._threads:  # idle; till it ends it holds on to its last job
                thread.join()
            raise StopIteration
        result = self._next_done()
        self._in_flight -= 1
        if isinstance(result, BaseException):
            raise result
        return result[1]

    def _next_done(self):
        """What is done next.

        Waiting looks up now and then, as Ctrl-C would not wake it where a library (polars, for
        one) has system calls restart after a signal.
        """
        while True:
            with contextlib.suppress(queue.Empty):
                return self._done.get(timeout=LOOK)

    def _put(self, job):
        self._waiting.put(job)
        self._in_flight += 1
        if len(self._threads) < self._size:
            thread = threading.Thread(target=self._work, name="fastgd-job", daemon=True)
            self._threads.append(thread)
            thread.start()

    def _work(self):
        while (job := self._waiting.get()) is not None and not self._stopping:
            self._running.add(job)
            try:
                if (
                    not self._stopping
                ):  # anew, for `stop` looks at those that run after it is set
                    self._done.put((job, self._run(job)))
            except BaseException as error:  # such as SystemExit: for the caller's thread
                self._done.put(error)
            finally:
                self._running.discard(job)

    def stop(self):
        """Begin no more jobs, and end those that run.

        Returns
        -------
        (list of Result, list of Result)
            What was done and nobody has asked for, and what was cut short.
        """
        self._stopping = True
        for _ in self._threads:
            self._waiting.put(None)
        begun = time.monotonic()
        while running := list(self._running):
            for job in running:  # again and again, for a fit that just begins forgets it
                job.stop()
            patience = PATIENCE if any(job.stops for job in running) else SHORT_PATIENCE
            if time.monotonic() - begun > patience:
                break
            time.sleep(0.002)
        if not self._running:
            for thread in self._threads:
                thread.join()
        done, stopped = [], []
        while not self._done.empty():
            entry = self._done.get()
            if isinstance(entry, tuple):
                (stopped if entry[0].stopped else done).append(entry[1])
        return done, stopped
