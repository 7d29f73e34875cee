"""Libraries that are missing: the error says what to install."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from fastgd._registry.extras import EXTRAS, needed_by
from fastgd.errors import FastgdError, MissingExtraError

PROJECT = Path(__file__).parent.parent / "pyproject.toml"

PREPARED = """
import numpy as np
import fastgd
from fastgd import Sequential, callbacks, layers, many, utils
x, y = np.ones((4, 2)), np.ones((4, 1))
model = Sequential([layers.Input((2,)), layers.Dense(1)])
model.compile("sgd", "mse")
history = model.fit(x, y, verbose=0)
job = {"model": model.replicate, "x": x, "y": y, "verbose": 0}
"""
#: What is called -> the library that it needs, and what installs it.
CALLS = {
    "import fastgd.sklearn": ("sklearn", '"fastgd[sklearn]"'),
    "from fastgd.sklearn import MLPClassifier": ("sklearn", '"fastgd[sklearn]"'),
    "import fastgd.sklearn.mlp": ("sklearn", '"fastgd[sklearn]"'),
    "history.plot()": ("matplotlib", '"fastgd[plot]"'),
    "history.to_frame()": ("pandas", "pandas"),
    "fastgd.fit_many([job]).to_frame()": ("pandas", "pandas"),
    "utils.plot_model(model)": ("graphviz", '"fastgd[plot-model]"'),
    "utils.model_to_dot(model)": ("graphviz", '"fastgd[plot-model]"'),
    "model.fit(x, y, callbacks=[callbacks.TensorBoard('logs')])": (
        "tensorboardX", '"fastgd[tensorboard]"'
    ),
    "model.fit(x, y, callbacks=[callbacks.TqdmCallback()])": ("tqdm", '"fastgd[tqdm]"'),
    "fastgd.privacy.epsilon(1e-5, rows=9, batch_size=3, epochs=1, noise_multiplier=1.0)": (
        "dp_accounting", '"fastgd[privacy]"'
    ),
    "utils.TableStream('table.parquet', 'y')": ("pyarrow", '"fastgd[arrow]"'),
    "utils.TableStream(x, 'y')": ("narwhals", '"fastgd[frames]"'),
    "fastgd.bench.picture.save('a.png', '', {}, [])": ("matplotlib", '"fastgd[plot]"'),
}  # fmt: skip


@pytest.mark.parametrize("call", CALLS)
def test_a_missing_library_is_named_with_its_extra(call, tmp_path):
    library, install = CALLS[call]
    code = f"""
import sys
sys.modules[{library!r}] = None  # as if it were not installed
{PREPARED}
import fastgd.bench.picture
from fastgd.errors import FastgdError
try:
    {call}
except ImportError as error:
    assert isinstance(error, FastgdError), error
    print(error)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    assert re.search(rf"needs {library}: pip install {re.escape(install)}$", done.stdout)


def test_extras_are_those_of_the_project():
    extras = tomllib.loads(PROJECT.read_text())["project"]["optional-dependencies"]
    for module, extra in EXTRAS.items():
        package = {"sklearn": "scikit-learn"}.get(module, module.replace("_", "-"))
        assert any(line.startswith(package) for line in extras[extra])


def test_other_errors_of_an_import_stay():
    with pytest.raises(ImportError, match="cannot import name") as caught, needed_by("this"):
        from math import no_such_function  # noqa: F401
    assert not isinstance(caught.value, FastgdError)
    with pytest.raises(MissingExtraError, match="needs nowhere: pip") as caught, needed_by("X"):
        import nowhere.at_all  # noqa: F401
    assert str(caught.value) == "X needs nowhere: pip install nowhere"
