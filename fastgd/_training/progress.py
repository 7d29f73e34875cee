"""Show progress: Keras' lines, but never more than about ten a second."""

import contextlib
import sys
import threading
import time

import numpy as np

_BAR_WIDTH = 20
_INTERVAL = 0.1
# So many epochs' lines are always shown; then ten a second, and always the last.
_BURST = 50
#: How many numbers of an array are shown.
MOST_FIGURES = 8


class Progress:
    """Print the lines of a training or evaluation.

    Parameters
    ----------
    verbose : {0, 1, 2, "auto"}
        0 nothing, 1 a bar, 2 one line an epoch. "auto" is 1 in a terminal and 2 elsewhere. A
        bar that is not shown in a terminal is drawn once, when it is full.
    epochs : int or None
        How many there will be in all; None for an evaluation, which has no epochs.
    stream : file, optional
        sys.stdout by default.
    unit : str
        What is counted.
    """

    def __init__(self, verbose, epochs=None, stream=None, unit="step"):
        self.unit = unit
        self.stream = stream or sys.stdout
        isatty = getattr(self.stream, "isatty", None)  # a custom stream may lack it
        self.terminal = bool(isatty and isatty())
        if self.stream is None:  # as under a process without standard output
            verbose = 0
        elif verbose == "auto":
            verbose = 1 if self.terminal else 2
        self.verbose = verbose
        self.epochs = epochs
        self.begun = time.monotonic()
        self.lines = 0

    def begin(self, steps, epoch=None):
        """Begin an epoch (from 0) or evaluation of so many steps; None if unknown."""
        self.steps = steps
        self.done = 0
        self.epoch = epoch
        self.start = self.shown = time.monotonic()
        self.title = "" if epoch is None else f"Epoch {epoch + 1}/{self.epochs}"
        self.titled = False

    def update(self, step, logs):
        """Show that some steps are done; ``logs`` are the values so far."""
        self.done = step
        now = time.monotonic()
        if self.verbose == 1 and self.terminal and now - self.shown >= _INTERVAL:
            self.shown = now
            self._show_title()
            self._write(f"\r{self._bar(step, now, logs)}\x1b[K")

    def end(self, logs):
        """Show that all steps are done."""
        if self.steps is None:
            self.steps = self.done
        if not self.verbose or not (self.titled or self._due()):
            return
        self.lines += 1
        self._show_title()
        now = time.monotonic()
        if self.verbose == 1:
            line = self._bar(self.steps, now, logs)
            self._write(f"\r{line}\x1b[K\n" if self.terminal else f"{line}\n")
        else:
            times = self._times(self.steps, now, between=" - ")
            self._write(f"{self.steps}/{self.steps} - {times}{figures_text(logs)}\n")

    def _due(self):
        if self.epochs is None or self.epoch == self.epochs - 1:
            return True
        return self.lines < _BURST + (time.monotonic() - self.begun) / _INTERVAL

    def _show_title(self):
        if self.title and not self.titled:
            self._write(f"{self.title}\n")
        self.titled = True

    def _bar(self, step, now, logs):
        if self.steps is None:
            return f"{step}/? {self._times(step, now)}{figures_text(logs)}"
        full = _BAR_WIDTH * step // max(self.steps, 1)
        width = len(str(self.steps))
        bar = "━" * full + ("╸" if full < _BAR_WIDTH else "") + " " * (_BAR_WIDTH - full - 1)
        return (
            f"{step:>{width}}/{self.steps} {bar} {self._times(step, now)}{figures_text(logs)}"
        )

    def _times(self, step, now, between=" "):
        elapsed = now - self.start
        return f"{elapsed:.0f}s{between}{_duration(elapsed / max(step, 1))}/{self.unit}"

    def _write(self, text):
        self.stream.write(printable(text, self.stream))
        self.stream.flush()


def printable(text, stream):
    """Return the text, with "?" for what the stream's encoding lacks."""
    encoding = getattr(stream, "encoding", None) or "utf-8"
    return text.encode(encoding, "replace").decode(encoding)


def _duration(seconds):
    for unit, size in (("s", 1.0), ("ms", 1e-3)):
        if seconds >= size:
            return f"{seconds / size:.0f}{unit}"
    return f"{seconds / 1e-6:.{0 if seconds >= 1e-5 else 1}f}us"


def figures_text(logs):
    """Return values as they stand at the end of a line."""
    return "".join(f" - {name}: {_figure(value)}" for name, value in logs.items())


def _figure(value):
    if np.ndim(value):
        shown = [_figure(number) for number in np.ravel(value)[:MOST_FIGURES].tolist()]
        return f"[{' '.join(shown)}{' ...' * (np.size(value) > MOST_FIGURES)}]"
    return f"{value:.4f}" if abs(value) >= 1e-3 or value == 0 else f"{value:.4e}"


class _Muted(threading.local):
    now = False


_muted = _Muted()


@contextlib.contextmanager
def muted(really):
    """Let this thread ``say`` nothing in a ``with`` block, as ranks after the first do."""
    before, _muted.now = _muted.now, really
    try:
        yield
    finally:
        _muted.now = before


def say(message):
    """Print a line on standard output, if there is one."""
    if sys.stdout is not None and not _muted.now:
        sys.stdout.write(printable(f"{message}\n", sys.stdout))
        sys.stdout.flush()
