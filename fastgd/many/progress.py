"""The progress of many jobs on the screen."""

import time
from numbers import Real

from fastgd._training.progress import Progress, figures_text


class JobProgress(Progress):
    """Show a bar over all jobs (verbose 1), or a line for each that is done (2).

    `total` is the number of jobs; None where it is unknown.
    """

    def __init__(self, verbose, total, stream=None):
        super().__init__(verbose, -1 if total is None else total, stream, unit="job")
        self.begin(total, epoch=-1)
        self.title = ""
        self._failed = 0
        self._latest = None

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
