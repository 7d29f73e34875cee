"""The frameworks that are compared, and the workloads that each can do."""

import importlib.util
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from fastgd.bench import fastgd_side, numpy_side, numpy_tuned
from fastgd.bench.side import Side, nothing
from fastgd.bench.workloads import Descent, Prediction, Starting, Training

#: The framework that the others are compared with.
OURS = "fastgd"

#: The folder of a checkout that holds the adapters for other frameworks.
FOLDER = Path(__file__).parents[2] / "benchmarks"


@dataclass(frozen=True)
class Framework:
    """Describe a framework."""

    #: The head of its column.
    label: str
    #: Type of workload -> function that takes one and returns a Side, or None.
    makers: dict[type, Callable[[Any], Side | None]]
    #: The modules that it imports.
    needs: tuple[str, ...] = ()
    #: The environment of its process.
    variables: dict[str, str] = field(default_factory=dict)
    #: How far from fastgd it may be, where that is more than the data type calls for.
    tolerance: float = 0

    def installed(self):
        """Return whether all modules that it needs are installed."""
        return all(importlib.util.find_spec(name) for name in self.needs)

    def side(self, workload):
        """Return the Side of a workload; None if the framework cannot do it."""
        return self.makers.get(type(workload), nothing)(workload)


# The child measures its own time, without that of the interpreter's start. A first fit begins
# with NumPy imported, and with fastgd where only the benchmark needs it.
_CODE = """
import sys, time
sys.path[:] = {path!r}
{before}
begin = time.{clock}()
{work}
print(time.{clock}() - begin)
"""

_FIRST_FIT = """
from {module} import {function}
from fastgd.bench.workloads import Training
side = {function}({training!r})
side.restart()
side.run()
"""


def starting_side(statement, training, workload):
    """Return the Side of a fresh process: an import, or the first fit of a training."""
    module, function = training.__module__, training.__name__
    before, work, first_fit = "", statement, workload.what == "first fit"
    if first_fit:
        before = "import numpy" if statement == "import fastgd" else f"import {module}"
        work = _FIRST_FIT.format(module=module, function=function, training=workload.training)

    def seconds(clock):
        code = _CODE.format(path=sys.path, before=before, clock=clock, work=work)
        command = [sys.executable, "-c", code]
        return float(subprocess.run(command, capture_output=True, check=True).stdout)

    def result():
        return training(workload.training).result() if first_fit else []

    return Side(nothing, result, steps=1, seconds=seconds)


def network_makers(statement, training, prediction):
    """Return the makers of a framework that trains networks and that a statement imports."""
    starting = partial(starting_side, statement, training)
    return {Training: training, Prediction: prediction, Starting: starting}


FRAMEWORKS = {
    OURS: Framework(
        "fastgd",
        network_makers("import fastgd", fastgd_side.training, fastgd_side.prediction)
        | {Descent: fastgd_side.descent},
    ),
    "numpy": Framework(
        "NumPy by hand",
        network_makers("import numpy", numpy_side.training, numpy_side.prediction)
        | {Descent: numpy_side.descent},
    ),
    "numpy-tuned": Framework("NumPy, tuned", {Training: numpy_tuned.training}),
}


def adapters(folder=FOLDER):
    """Return the package ``frameworks`` of the repository's folder ``benchmarks``, or None."""
    if not (Path(folder) / "frameworks" / "__init__.py").exists():
        return None
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
    import frameworks

    return frameworks


def find(folder=FOLDER):
    """Return name -> Framework: fastgd, NumPy, and those with adapters in a folder."""
    more = adapters(folder)
    return FRAMEWORKS if more is None else FRAMEWORKS | more.FRAMEWORKS
