"""Programs in the styles people write, with fastgd, and with Keras where it is installed."""

import ast
import importlib.util
import os
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[1] / "examples" / "programs"

#: What each program's result has to show.
SHOWN = {
    "autoencoder": lambda r: (
        r["odd rows found"] > 0.9 and r["variance kept"] > 0.9 and r["decoder agrees"] < 1e-5
    ),
    "custom_callback": lambda r: (
        r["last loss"] < 0.05
        and r["epochs"] < 200
        and r["batches an epoch"] == 16
        and r["agrees with the history"]
    ),
    "custom_loss": lambda r: 0.6 < r["share above"] < 0.8 and abs(r["balance"]) < 0.1,
    "deep_q": lambda r: r["right everywhere"] and abs(r["value next to the reward"] - 1) < 0.2,
    "digits": lambda r: r["accuracy"] > 0.8,
    "embeddings": lambda r: (
        r["mean squared error"] < 0.05 * r["variance"] and r["shape of the vectors"] == (30, 4)
    ),
    "fraud": lambda r: r["prc"] > 0.6 and r["recall"] > 0.8,
    "iris": lambda r: r["one-hot"] > 0.9 and r["sparse"] > 0.9 and r["difference"] < 1e-4,
    "quantiles": lambda r: all(
        abs(share - float(name.split()[-1])) < 0.08 for name, share in r.items()
    ),
    "regression": lambda r: r["mean absolute error"] < 0.5 * r["of the mean"],
    "save_and_continue": lambda r: set(r.values()) == {0.0},
    "transfer": lambda r: (
        r["trainable arrays"] == 2
        and r["base moved by"] == 0
        and r["error"] < 0.2 * r["variance"]
    ),
}
each_program = pytest.mark.parametrize("name", sorted(SHOWN))


def test_all_programs_are_run():
    assert {file.stem for file in FOLDER.glob("*.py")} == set(SHOWN)


@each_program
def test_program(name):
    result = runpy.run_path(str(FOLDER / f"{name}.py"))["result"]
    assert SHOWN[name](result), result


@pytest.mark.skipif(importlib.util.find_spec("keras") is None, reason="keras is not installed")
@each_program
def test_program_with_keras_after_changing_the_import(name, tmp_path):
    changed = tmp_path / f"{name}.py"
    source = (FOLDER / f"{name}.py").read_text()
    assert source.count("import fastgd as keras\n") == 1
    changed.write_text(source.replace("import fastgd as keras\n", "import keras\n"))
    shown = subprocess.run(
        [sys.executable, "-W", "ignore", str(changed)],
        env={**os.environ, "KERAS_BACKEND": "jax"}, cwd=tmp_path,
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    # what is printed is a dict of plain numbers
    result = ast.literal_eval(shown.splitlines()[-1])
    assert SHOWN[name](result), result
