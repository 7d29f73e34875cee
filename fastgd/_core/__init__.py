"""Compiled code; knows no class of the Python side."""

import importlib.util as _util
import pathlib as _pathlib

if _util.find_spec(f"{__name__}.cpu") is None:
    raise ImportError(
        "fastgd is not compiled here: run `python -m pip install --editable .` in "
        f"{_pathlib.Path(__file__).parents[2]}, or leave that folder to import an installed one"
    )
