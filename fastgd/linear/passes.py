"""Passes over all rows, in spans between which Ctrl-C is answered."""

import functools

from fastgd._training.loop import SPAN_SECONDS


def sums_over_rows(choice, n, kernel, *arguments):
    """What a kernel of the engine sums up over n rows.

    Parameters
    ----------
    choice : fastgd._engine.threads.Choice
    n : int
        At least 1.
    kernel : function of the arguments, sums, row, seconds and threads
        It goes on from `row`, for about so many seconds, and returns the row it came to and
        the sums, of which there are none at first.
    """
    row, sums = 0, None
    while row < n:
        span = functools.partial(kernel, *arguments, sums, row)
        row, sums = choice.run(span, row, SPAN_SECONDS)
    return sums
