"""Parameter sets: all of a grid, or drawn at random."""

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

from fastgd._data.validation import number, whole_number
from fastgd._engine import streams
from fastgd._engine.sizes import most_jobs
from fastgd._typing import Array
from fastgd.errors import ArgumentError, DataTypeError

#: Name -> list of values or distribution; or a list of such.
Space: TypeAlias = Mapping[str, Any] | Sequence[Mapping[str, Any]]


class Distribution:
    """Draw parameters by scipy's method ``rvs``, so that scikit-learn takes it too."""

    def __init__(self, low: float, high: float):
        self.low, self.high = number(low, "low"), number(high, "high")
        if not self.low < self.high:
            raise ArgumentError(f"low, high: expected low < high, got {low:g} and {high:g}")

    def from_uniform(self, u: Array) -> Array:
        """Return the values at quantiles u in [0, 1)."""
        raise NotImplementedError

    def rvs(self, size: int | tuple[int, ...] | None = None, random_state: Any = None) -> Any:
        """Draw a number, or an array of a shape.

        `random_state` is None, a seed, a numpy.random.Generator or a RandomState.
        """
        if not hasattr(random_state, "random"):  # both kinds of generators have it
            random_state = np.random.default_rng(random_state)
        drawn = self.from_uniform(random_state.random(size))
        return drawn.item() if size is None else drawn

    def __repr__(self):
        settings = ", ".join(f"{name}={value!r}" for name, value in vars(self).items())
        return f"{type(self).__name__}({settings})"


class uniform(Distribution):
    """Draw a number uniformly from `low` to `high`.

    Examples
    --------
    >>> from fastgd import many
    >>> 0.1 <= many.uniform(0.1, 0.5).rvs(random_state=0) < 0.5
    True
    """

    def from_uniform(self, u: Array) -> Array:
        return np.minimum(self.low + u * (self.high - self.low), self.high)


class loguniform(Distribution):
    """Draw a number whose logarithm is uniform: each power of ten is as likely as another.

    Examples
    --------
    >>> from fastgd import many
    >>> 1e-4 <= many.loguniform(1e-4, 1e-1).rvs(random_state=0) <= 1e-1
    True
    """

    def __init__(self, low: float, high: float):
        super().__init__(low, high)
        if self.low <= 0:
            raise ArgumentError(f"low: expected a number above 0, got {low!r}")

    def from_uniform(self, u: Array) -> Array:
        low, high = math.log(self.low), math.log(self.high)
        return np.clip(np.exp(low + u * (high - low)), self.low, self.high)


class integers(Distribution):
    """Draw a whole number from `low` to `high` - 1, each as likely as another.

    Examples
    --------
    >>> from fastgd import many
    >>> sorted(set(many.integers(1, 4).rvs(100, random_state=0).tolist()))
    [1, 2, 3]
    """

    def __init__(self, low: int, high: int):
        self.low = whole_number(low, "low", -(2**53))
        self.high = whole_number(high, "high", self.low + 1)
        if self.high > 2**53:
            raise ArgumentError(f"high: expected a number of at most 2**53, got {high}")

    def from_uniform(self, u: Array) -> Array:
        below = np.floor(u * (self.high - self.low)).astype(np.int64)
        return np.minimum(self.low + below, self.high - 1)


def grid(space: Space) -> list[dict[str, Any]]:
    """Return every combination of the values given; the parameter named last changes fastest.

    Parameters
    ----------
    space : dict of str -> list, or list of such dicts
        The values of each parameter. Several dicts give their combinations in turn.

    Raises
    ------
    DataTypeError, ArgumentError
        For anything that is no list of values, or an empty one.

    Examples
    --------
    >>> from fastgd import many
    >>> many.grid({"units": [8, 16], "l2": [0.0, 1e-3]})
    [{'units': 8, 'l2': 0.0}, {'units': 8, 'l2': 0.001},
     {'units': 16, 'l2': 0.0}, {'units': 16, 'l2': 0.001}]
    """
    sets, parts = [], _parts(space)
    for part in parts:
        for name, values in part.items():
            if hasattr(values, "rvs"):
                raise ArgumentError(
                    f"space: {name!r} is a distribution, of which there is no grid: list "
                    "values, or draw with many.random"
                )
    whole_number(_combinations(parts), "space: the number of combinations", 1, most_jobs())
    for part in parts:
        combinations = itertools.product(*part.values())
        sets += [dict(zip(part, values, strict=True)) for values in combinations]
    return sets


def random(space: Space, n: int, seed: int | None = None) -> list[dict[str, Any]]:
    """Draw parameter sets.

    Parameters
    ----------
    space : dict of str -> list or distribution, or list of such dicts
        Each value of a list is as likely as another, and each of several dicts. A distribution
        is ``many.uniform``, ``many.loguniform``, ``many.integers`` or any object with
        ``rvs(random_state=...)``, such as those of scipy.
    n : int
        How many. Lists alone give no combination twice, and no more sets than combinations.
    seed : int, optional
        The same seed gives the same sets, whose first are the same for every n. By default it
        is drawn from the process' stream.

    Raises
    ------
    DataTypeError, ArgumentError

    Examples
    --------
    >>> from fastgd import many
    >>> space = {"units": [8, 16, 32], "learning_rate": many.loguniform(1e-4, 1e-2)}
    >>> sets = many.random(space, 20, seed=1)
    >>> len(sets), sets[:5] == many.random(space, 5, seed=1)
    (20, True)
    """
    parts = _parts(space)
    n = whole_number(n, "n", 1, most_jobs())
    seed = streams.next_seed() if seed is None else whole_number(seed, "seed", 0)
    generator = np.random.default_rng(seed)
    if any(hasattr(values, "rvs") for part in parts for values in part.values()):
        chosen = (parts[generator.integers(len(parts))] for _ in range(n))
        return [{k: _drawn(values, generator) for k, values in p.items()} for p in chosen]
    n = min(n, _combinations(parts))
    found: dict[tuple[int, ...], dict[str, Any]] = {}  # (part, places in its lists) -> set
    while len(found) < n:
        which = int(generator.integers(len(parts)))
        part = parts[which]
        places = tuple(int(generator.integers(len(values))) for values in part.values())
        values = (v[i] for v, i in zip(part.values(), places, strict=True))
        found.setdefault((which, *places), dict(zip(part, values, strict=True)))
    return list(found.values())


def _combinations(parts):
    """Return how many combinations the lists of a space have."""
    return sum(math.prod(map(len, part.values())) for part in parts)


def _drawn(values, generator):
    """Return one of the values; a number of NumPy that a distribution draws as Python's."""
    if not hasattr(values, "rvs"):
        return values[int(generator.integers(len(values)))]
    value = values.rvs(random_state=generator)
    return value.item() if isinstance(value, np.generic) else value


def _parts(space):
    """Return the dicts of a space, each of name -> list or distribution."""
    parts = [space] if isinstance(space, dict) else space
    if not isinstance(parts, (list, tuple)) or not parts or not all(
        isinstance(part, dict) for part in parts
    ):  # fmt: skip
        raise DataTypeError(
            "space: expected a dict of name -> list of values, or a list of such, "
            f"got {space!r}"
        )
    return [{name: _values(name, values) for name, values in part.items()} for part in parts]


def _values(name, values):
    if not isinstance(name, str):
        raise DataTypeError(f"space: expected the name of a parameter, got {name!r}")
    if hasattr(values, "rvs"):
        return values
    if isinstance(values, np.ndarray) and values.ndim == 1:
        values = values.tolist()
    if not isinstance(values, (list, tuple, range)):
        raise DataTypeError(
            f"space: {name!r} needs a list of values or a distribution, got {values!r}"
        )
    if not values:
        raise ArgumentError(f"space: the list of {name!r} is empty")
    return list(values)
