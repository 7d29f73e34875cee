"""Settings of the process: the data type of new models and the engine that runs them."""

import platform
import sys

import numpy as np

from fastgd import _engines
from fastgd._core import cpu
from fastgd.errors import ArgumentError

__version__ = "0.1.0"

_settings = {"floatx": "float32", "engine": None}


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


def checked_floatx(dtype):
    """The name of a data type that models come in; an ArgumentError for any other."""
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
    return _settings["engine"] or _engines.default()


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
        _engines.load(name)
    _settings["engine"] = name


def show_config():
    """Print what is used here: version, engine, NumPy, compiler and CPU features.

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
        "engine": f"{name} (available: {', '.join(_engines.available())})",
        "floatx": floatx(),
        "numpy": np.__version__,
        "python": sys.version.split()[0],
        "compiler": cpu.compiler(),
        "machine": f"{platform.machine()}, {', '.join(features) or 'no optional features'}",
    }
    for key, value in lines.items():
        print(f"{key:<9} {value}")
    if name == "baseline" and cpu.features():
        print("note      this build lacks fused multiply-add: its last bits differ from avx2's")
