"""Every scalar function in float32, at all 2^32 arguments, in every build that runs here.

    make exhaustive
    make exhaustive FUNCTIONS="sigmoid softplus"

prints the worst error of each function and its argument, in units in the last place, and
fails where one exceeds its bound, or where two builds with a hardware fma differ in a bit.

The oracle is NumPy in float64. Those functions that it lacks (see ``DOUBLE_ORACLES``) are
judged by the project's own in float64: other coefficients of other degrees, and right to 2^-28
of a float32's last place, which test_scalar.py shows against mpmath.
"""

import multiprocessing
import sys
import time

import numpy as np
from oracles import BOUNDS, MAX_ULP, ORACLES, bits_of, in_builds, same_bits, ulp_errors

BUILDS = in_builds()
BEST = list(BUILDS)[-1]
BLOCK = 2**15  # arguments at a time: the arrays stay in the cache
TASK = 2**24  # arguments a worker takes at a time


def wide(name, x):
    """The oracle in float64."""
    if name in ORACLES:
        return ORACLES[name](x)
    return BUILDS[BEST].scalar_map(name, x)


def worst_of(y, reference, x, known):
    """The greater of the pair ``known`` and (the worst error of y, its argument).

    Only where the error relative to the result allows for more than is known, a small share,
    does it take the exact one.
    """
    bound = np.maximum(np.abs(reference), 2.0**-126) * (known[0] * 2.0**-24)
    good = (np.abs(y - reference) <= bound) | (np.isnan(y) & np.isnan(reference))
    (left,) = np.nonzero(~good)
    if len(left):
        errors = ulp_errors(y[left], reference[left])
        at = errors.argmax()
        if errors[at] > known[0]:
            return float(errors[at]), float(x[left[at]])
    return known


def examine(task):
    """The worst error by build over one range of bit patterns, and where bits differ.

    A build is measured only where its bits are not those of the best one, and counts as no
    better than that.
    """
    name, start = task
    worst = dict.fromkeys(BUILDS, (0.0, 0.0))
    differ = []
    for first in range(start, start + TASK, BLOCK):
        x = np.arange(first, first + BLOCK, dtype=np.uint32).view(np.float32)
        results = {build: module.scalar_map(name, x) for build, module in BUILDS.items()}
        best = results.pop(BEST)
        with np.errstate(all="ignore"):
            reference = wide(name, x.astype(np.float64))
            worst[BEST] = worst_of(best, reference, x, worst[BEST])
            for build, y in results.items():
                (unlike,) = np.nonzero(bits_of(y) != bits_of(best))
                if len(unlike):
                    at = y[unlike], reference[unlike], x[unlike]
                    worst[build] = worst_of(*at, worst[build])
                    if build != "baseline" and not same_bits(y, best):
                        differ.append(f"{build} and {BEST} differ from {x[unlike[0]]!r} on")
    for build in results:
        worst[build] = max(worst[build], worst[BEST])
    return name, worst, differ


def main(names):
    failures = []
    with multiprocessing.Pool() as pool:
        for name in names:
            began = time.monotonic()
            worst = dict.fromkeys(BUILDS, (0.0, 0.0))
            tasks = [(name, start) for start in range(0, 2**32, TASK)]
            for _, found, differ in pool.imap_unordered(examine, tasks):
                worst = {build: max(worst[build], found[build]) for build in BUILDS}
                failures += [f"{name}: {line}" for line in differ]
            for build, (error, x) in worst.items():
                print(f"{name:30}{build:10}{error:8.4f} ulp at {np.float32(x)!r}")
                if not error <= BOUNDS.get(name, MAX_ULP):
                    failures.append(f"{name}: {error} ulp in {build} at {np.float32(x)!r}")
            print(f"{name:30}{time.monotonic() - began:.0f} s", flush=True)
    return "\n".join(failures) or None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:] or next(iter(BUILDS.values())).SCALAR_FUNCTIONS))
