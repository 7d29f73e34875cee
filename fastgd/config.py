"""Settings of the process: data type, engine and threads of new models."""

import functools
import os
import platform
import sys
from typing import Any

import numpy as np

from fastgd._core import cpu
from fastgd._engine import builds
from fastgd._typing import DType
from fastgd.errors import ArgumentError, DataTypeError

__version__ = "0.1.0"

_settings: dict[str, Any] = {"floatx": "float32", "engine": None, "threads": None}


def floatx() -> str:
    """Return the data type of models that name none: ``"float32"`` or ``"float64"``.

    Examples
    --------
    >>> from fastgd import config
    >>> config.floatx()
    'float32'
    """
    name: str = _settings["floatx"]
    return name


def set_floatx(dtype: DType) -> None:
    """Set the data type of new models: "float32" or "float64", else an ArgumentError."""
    _settings["floatx"] = checked_floatx(dtype)


#: The usual ways to name a data type, since asking NumPy for a name takes long.
_FLOATS: dict[Any, str] = {
    key: name for name in ("float32", "float64") for key in (name, np.dtype(name))
}


def checked_floatx(dtype: Any) -> str:
    """Return the name of a data type of models; raise an ArgumentError for any other."""
    if isinstance(dtype, (str, np.dtype)) and dtype in _FLOATS:
        return _FLOATS[dtype]
    try:
        name = None if dtype is None else np.dtype(dtype).name  # NumPy's None is float64
    except (TypeError, ValueError):
        name = None
    if name is None or name not in _FLOATS:
        raise ArgumentError(f"dtype: expected 'float32' or 'float64', got {dtype!r}")
    return name


def engine() -> str:
    """Return the name of the engine that runs new models.

    It is the choice of ``set_engine``, or of the environment variable ``FASTGD_ENGINE``, or the
    best build that this CPU and its operating system can run.
    """
    return _settings["engine"] or builds.default()


def set_engine(name: str | None) -> None:
    """Choose the engine of new models.

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


def num_threads() -> int:
    """Return how many threads a call without ``n_jobs`` uses.

    It is the choice of ``set_num_threads``, or of the environment variable
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
    """Return ``FASTGD_NUM_THREADS`` if it was set at first use, else 1."""
    given = os.environ.get("FASTGD_NUM_THREADS") or "1"
    try:
        return checked_threads(int(given), "FASTGD_NUM_THREADS")
    except ValueError:
        raise ArgumentError(
            f"FASTGD_NUM_THREADS: expected -1 or a whole number of at least 1, got {given!r}"
        ) from None


def set_num_threads(n: int | None) -> None:
    """Set how many threads a call without ``n_jobs`` uses.

    Parameters
    ----------
    n : int or None
        At least 1, or -1 for one a CPU; anything else raises a DataTypeError or an
        ArgumentError. None: the default again.
    """
    _settings["threads"] = None if n is None else checked_threads(n, "n")


def threads(n_jobs: int | None = None) -> int:
    """Return the number of threads for an argument ``n_jobs``, at most one a CPU.

    Threads change no bit of any result, and are used only for enough work.

    Parameters
    ----------
    n_jobs : int or None
        As for ``set_num_threads``. None: ``num_threads()``.
    """
    n = num_threads() if n_jobs is None else checked_threads(n_jobs, "n_jobs")
    if n == 1:
        return 1
    affinity = hasattr(os, "sched_getaffinity")
    cpus = len(os.sched_getaffinity(0)) if affinity else os.cpu_count() or 1
    return cpus if n == -1 else min(n, cpus)


def checked_threads(n: Any, argument: str) -> int:
    """Return -1 or a whole number of at least 1 as an int; raise an error for others."""
    if isinstance(n, bool) or not isinstance(n, (int, np.integer)):
        raise DataTypeError(f"{argument}: expected a whole number, got {n!r}")
    if n != -1 and n < 1:
        raise ArgumentError(f"{argument}: expected -1 or a number >= 1, got {n}")
    return int(n)


def show_config() -> None:
    """Print version, engine, threads, NumPy, compiler and CPU features.

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
