"""The values of a workload: first compare the sides, then time them by turns."""

import numpy as np

from fastgd.bench.frameworks import OURS
from fastgd.errors import FastgdError

#: How far a side may be from fastgd, relative to the largest number of an array.
TOLERANCE = {"float32": 1e-4, "float64": 1e-9}

#: The name of fastgd in several threads.
THREADED = "fastgd-threads"


class DifferenceError(FastgdError, AssertionError):
    """A side does not compute what fastgd does."""


def difference(actual, expected, tolerance):
    """Return how far two lists of arrays are apart, relative to the largest number of each.

    A DifferenceError says that it is more than the tolerance, or shapes or data types differ.
    """
    seen, wanted = ([f"{a.dtype} {a.shape}" for a in arrays] for arrays in (actual, expected))
    if seen != wanted:
        raise DifferenceError(f"expected arrays of {wanted}, got {seen}")
    pairs = zip(actual, expected, strict=True)
    greatest = max((np.abs(a - e).max() / np.abs(e).max() for a, e in pairs), default=0.0)
    if not greatest <= tolerance:  # nor if it is NaN
        raise DifferenceError(
            f"the results are {greatest:.1e} apart, expected {tolerance:g} at most"
        )
    return float(greatest)


def measured(workload, runners, seconds, rounds):
    """Measure a workload with a Runner or Worker by each name, that of fastgd first.

    Those that cannot do the workload are left out; those that fail, or compute something else,
    are reported and not timed. Each side gets an equal share of the seconds, and runs at least
    once in each round, but for those whose runs together take longer.

    The result is a dict: "workload", "unit"; by side "us" (microseconds a step), "ratio" (to
    fastgd in as many threads), "apart" (from fastgd's result) and "problems"; "share" of the
    peak and of the bandwidth.
    """
    line = {"workload": str(workload), "unit": workload.unit, "apart": {}, "problems": {}}
    steps, expected = {}, None
    for name, runner in runners.items():
        try:
            if (count := runner.prepare(workload)) is None:
                continue
            result = runner.result()
            expected = result if expected is None else expected
            tolerance = max(TOLERANCE[workload.dtype], runner.framework.tolerance)
            line["apart"][name] = difference(result, expected, tolerance)
            steps[name] = count
        except FastgdError as error:
            line["problems"][name] = str(error)
            if expected is None:
                break
    least, peaks = _by_turns(runners, steps, seconds, rounds, line["problems"])
    us = line["us"] = {name: 1e6 * least[name] / steps[name] for name in least}
    base = us.get(THREADED if THREADED in runners else OURS)
    others = [name for name in us if name not in (OURS, THREADED)]
    line["ratio"] = {name: us[name] / base for name in others} if base else {}
    if OURS in us:
        needs = {"multiply_adds": workload.multiply_adds, "read": workload.traffic}
        line["share"] = {
            name: need / peak / (us[OURS] * 1e-6)
            for (name, need), peak in zip(needs.items(), peaks, strict=True)
            if need
        }
    return line


def _by_turns(runners, steps, seconds, rounds, problems):
    """Return the least time of each side in seconds, and the highest peaks seen in between."""
    least, peaks = {}, (0.0, 0.0)
    for turn in range(rounds):
        for name in steps:
            # a run longer than the time for all is not repeated
            if name in problems or turn * least.get(name, 0) > seconds:
                continue
            try:
                time = runners[name].least(seconds / rounds / len(steps))
            except FastgdError as error:
                problems[name] = str(error)
                least.pop(name, None)
                continue
            least[name] = min(time, least.get(name, time))
        if OURS in least:
            peaks = tuple(map(max, peaks, runners[OURS].peaks()))
    return least, peaks
