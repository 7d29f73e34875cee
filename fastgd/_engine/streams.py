"""Draw seeds: from one seed of the process, or of a job, as a stream.

A stream is counter-based (SplitMix64, Steele, Lea and Flood 2014): its element ``i`` is a
function of the seed and ``i`` alone. The compiled engine shuffles with the same function.
"""

from fastgd._engine import scope

_MASK = (1 << 64) - 1


def element(seed, index):
    """Return element ``index`` of the stream ``seed``: 64 bits."""
    z = (seed + (index + 1) * 0x9E3779B97F4A7C15) & _MASK
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _MASK
    return z ^ (z >> 31)


def set_seed(seed):
    """Start the process' stream anew; within a job, that of the job."""
    scope.current().begin(seed & _MASK)


def next_seed():
    """Return a fresh seed, for a model or an initializer that was given none."""
    now = scope.current()
    return element(now.seed, next(now.draws))
