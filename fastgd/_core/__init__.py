"""Compiled code; it uses no class of the Python side."""

import importlib.util
import pathlib

# Every import of fastgd imports a compiled module and would fail without it.
if importlib.util.find_spec(f"{__name__}.cpu") is None:
    raise ImportError(
        "fastgd is not compiled here: run `pip install -e .` in "
        f"{pathlib.Path(__file__).parents[2]}, or leave the source folder"
    )
