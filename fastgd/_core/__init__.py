"""Compiled code; knows no class of the Python side."""

import importlib.util
import pathlib

# Whatever of fastgd is imported, one of its compiled modules is: without them it ends here.
if importlib.util.find_spec(f"{__name__}.cpu") is None:
    raise ImportError(
        "fastgd is not compiled here: run `pip install -e .` in "
        f"{pathlib.Path(__file__).parents[2]}, or leave the source folder"
    )
