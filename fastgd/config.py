"""Settings of the process: the data type of new models, and what runs them."""

import functools
import os
import platform
import sys

import numpy as np

from fastgd._core import cpu
from fastgd._engine import builds
from fastgd.errors import ArgumentError, DataTypeError

__version__ = "0.1.0"

_settings = {"floatx": "float32", "engine": None, "threads": None}


def floatx():
    """The data type of models that name none: ``"float32"`` or ``"float64"``.

    Examples
    --------
    >>> from fastgd import config
    >>> config.floatx()
    'float32'
    """
    return _settings["floatx"]


def set_floatx(dtype):
    """Set the data type of models made from now on.

    Parameters
    ----------
    dtype : {"float32", "float64"}

    Raises
    ------
    ArgumentError
        For any other type.
    """
    _settings["floatx"] = checked_floatx(dtype)


#: The usual ways to say what data type: to ask NumPy for a name takes long.
_FLOATS = {key: name for name in ("float32", "float64") for key in (name, np.dtype(name))}


def checked_floatx(dtype):
    """The name of a data type that models come in; an ArgumentError for any other."""
    if isinstance(dtype, (str, np.dtype)) and dtype in _FLOATS:
        return _FLOATS[dtype]
    try:
        name = None if dtype is None else np.dtype(dtype).name  # NumPy's None is float64
    except TypeError:
        name = None
    if name not in ("float32", "float64"):
        raise ArgumentError(f"dtype: expected 'float32' or 'float64', got {dtype!r}")
    return name


def engine():
    """The name of the engine that runs new models.

    That which ``set_engine`` chose, or the environment variable ``FASTGD_ENGINE``, or the best
    build that this CPU and its operating system can run.
    """
    return _settings["engine"] or builds.default()


def set_engine(name):
    """Choose the engine of models made from now on.

    Parameters
    ----------
    name : {"avx512", "avx2", "baseline", "reference"} or None
        A compiled build, or the reference in plain NumPy. None: the default again.

    Raises
    ------
    EngineError
        If there is no such engine, or this CPU lacks its instructions.
    """
    if name is not None:
        builds.load(name)
    _settings["engine"] = name


def num_threads():
    """How many threads a call uses that is given no ``n_jobs``.

    That which ``set_num_threads`` chose, or the environment variable
    ``FASTGD_NUM_THREADS``, or 1.

    Examples
    --------
    >>> from fastgd import config
    >>> config.set_num_threads(2)
    >>> config.num_threads()
    2
    >>> config.set_num_threads(None)
    """
    return _settings["threads"] or _default_threads()


@functools.cache
def _default_threads():
    """``FASTGD_NUM_THREADS`` where it was set at first use, else 1."""
    given = os.environ.get("FASTGD_NUM_THREADS") or "1"
    try:
        return checked_threads(int(given), "FASTGD_NUM_THREADS")
    except ValueError:
        raise ArgumentError(
            f"FASTGD_NUM_THREADS: expected -1 or a whole number of at least 1, got {given!r}"
        ) from None


def set_num_threads(n):
    """Set how many threads a call uses that is given no ``n_jobs``.

    Parameters
    ----------
    n : int or None
        At least 1, or -1 for one a CPU. None: the default again.

    Raises
    ------
    DataTypeError, ArgumentError
        For anything else.
    """
    _settings["threads"] = None if n is None else checked_threads(n, "n")


def threads(n_jobs=None):
    """The threads that an argument ``n_jobs`` stands for: never more than there are CPUs.

    Threads change no bit of any result, and are used only where the work is enough for them.

    Parameters
    ----------
    n_jobs : int or None
        At least 1, or -1 for one a CPU. None: ``num_threads()``.

    Raises
    ------
    DataTypeError, ArgumentError
        For anything else.
    """
    n = num_threads() if n_jobs is None else checked_threads(n_jobs, "n_jobs")
    if n == 1:
        return 1
    there = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return there if n == -1 else min(n, there)


def checked_threads(n, argument):
    """-1 or a whole number of at least 1, as an int."""
    if isinstance(n, bool) or not isinstance(n, (int, np.integer)):
        raise DataTypeError(f"{argument}: expected a whole number, got {n!r}")
    if n != -1 and n < 1:
        raise ArgumentError(f"{argument}: expected -1 or a number >= 1, got {n}")
    return int(n)


def show_config():
    """Print what is used here: version, engine, threads, NumPy, compiler and CPU features.

    Examples
    --------
    >>> import fastgd
    >>> fastgd.show_config()  # doctest: +ELLIPSIS
    fastgd    0.1.0
    engine    ...
    """
    name = engine()
    features = [f"{k} {'yes' if v else 'no'}" for k, v in cpu.features().items()]
    lines = {
        "fastgd": __version__,
        "engine": f"{name} (available: {', '.join(builds.available())})",
        "floatx": floatx(),
        "threads": f"{num_threads()} (of {threads(-1)} CPUs)",
        "numpy": np.__version__,
        "python": sys.version.split()[0],
        "compiler": cpu.compiler(),
        "machine": f"{platform.machine()}, {', '.join(features) or 'no optional features'}",
    }
    for key, value in lines.items():
        print(f"{key:<9} {value}")
    if name == "baseline" and cpu.features():
        print("note      this build lacks fused multiply-add: its last bits differ from avx2's")
