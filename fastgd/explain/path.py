"""Integrate the gradients of a network along straight lines, by compiled calls."""

import functools

import numpy as np

from fastgd._engine.thread_choice import SPAN_SECONDS
from fastgd._typing import Array

#: Points of one interval at most: finding n of them takes n^2 operations.
PANEL = 1024


def gradients(step, d_out, rows, threads):
    """Return the gradients of sum(d_out * outputs) with respect to some prepared rows.

    step : CompiledStep
    d_out : ndarray (outputs,), of the network's type
    """
    found = np.empty_like(rows)

    def span(row, seconds, threads):
        return step.program.input_gradients(rows, d_out, found, row, seconds, threads)

    _run(step, len(rows), span, threads)
    return found


def mean_gradients(step, d_out, x, start, points, threads):
    """Return the weighted sums of the gradients at points on lines, float64 (n, width).

    Parameters
    ----------
    step, d_out
        As for ``gradients``.
    x, start : ndarray, float64 (n, width), and (n, width) or (width,)
        Where the lines end, and begin.
    points : (lines, places, weights)
        See ``Program.path_gradients``.
    """
    sums = np.zeros(x.shape)
    lines, places, _ = points
    path = (x, start, *points)

    def span(point, seconds, threads):
        return step.program.path_gradients(path, d_out, sums, point, seconds, threads)

    _run(step, len(places) * (len(x) if lines is None else 1), span, threads)
    return sums


def _run(step, count, span, threads):
    """Go through rows or points by ``span(first, seconds, threads)``."""
    if threads == 1:  # one row should take some microseconds
        at = 0
        while at < count:
            at = span(at, SPAN_SECONDS, 1)
        return
    for _ in step.spans_of_rows(0, count, span, threads):
        pass


@functools.lru_cache(maxsize=32)
def legendre_points(steps: int) -> tuple[None, Array, Array]:
    """Return the nodes and weights of Gauss-Legendre quadrature over [0, 1], for all lines.

    Above PANEL points those of several intervals, as long as they have points: (steps,).
    """
    count = -(-steps // PANEL)
    sizes = [len(part) for part in np.array_split(np.empty(steps), count)]
    starts = np.cumsum([0, *sizes[:-1]])
    rules = {size: _rule(size) for size in set(sizes)}
    pairs = [
        (start + size * rules[size][0], size * rules[size][1])
        for start, size in zip(starts, sizes, strict=True)
    ]
    places, weights = (np.concatenate(parts) / steps for parts in zip(*pairs, strict=True))
    places.flags.writeable = weights.flags.writeable = False  # the cache gives them to all
    return None, places, weights


def _rule(n):
    """Return the nodes, ascending, and weights of n points in one interval [0, 1].

    The roots of the Legendre polynomial by Newton's method, from a guess that is right to
    about 1 / n^2 (Abramowitz and Stegun 22.16.6).
    """
    root = np.cos(np.pi * (np.arange(n) + 0.75) / (n + 0.5))
    for _ in range(5):
        before, value = np.ones(n), root
        for k in range(2, n + 1):
            before, value = value, ((2 * k - 1) * root * value - (k - 1) * before) / k
        slope = n * (before - root * value) / (1 - root * root)
        root = root - value / slope
    return (1 - root) / 2, 1 / ((1 - root * root) * slope * slope)
