"""Sums over all rows, in spans between which Ctrl-C is answered."""

import functools

from fastgd._engine.threads import SPAN_SECONDS


def accumulate(tuner, n, kernel, *arguments):
    """Return the sums of a kernel of the engine over n rows, n >= 1.

    The kernel takes the arguments, its sums (None at first), a row, seconds and threads. It
    continues at the row for about that many seconds, and returns the row it reached and
    the sums.
    """
    row, sums = 0, None
    while row < n:
        span = functools.partial(kernel, *arguments, sums, row)
        row, sums = tuner.run(span, row, SPAN_SECONDS)
    return sums
