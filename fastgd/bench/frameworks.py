"""The frameworks that are compared, and the workloads that each can do."""

import importlib.util
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from fastgd.bench import fastgd_side, numpy_side
from fastgd.bench.fresh_process import starting_side
from fastgd.bench.side import Side
from fastgd.bench.workloads import Descent, Prediction, Starting, Training

#: The framework that the others are compared with.
OURS = "fastgd"

#: The folder of a checkout that holds the adapters for other frameworks.
FOLDER = Path(__file__).parents[2] / "benchmarks"


@dataclass(frozen=True)
class Framework:
    """Describe a framework; its functions take a workload and return a Side, or None.

    Attributes
    ----------
    label : str
        The head of its column.
    makers : dict of type -> function
        The function for each kind of workload.
    needs : tuple of str
        The modules that it imports.
    variables : dict of str -> str
        The environment of its process.
    tolerance : float
        How far from fastgd it may be, where that is more than the data type calls for.
    """

    label: str
    makers: dict[type, Callable[[Any], Side | None]]
    needs: tuple[str, ...] = ()
    variables: dict[str, str] = field(default_factory=dict)
    tolerance: float = 0

    def installed(self):
        """Return whether all modules that it needs are installed."""
        return all(importlib.util.find_spec(name) for name in self.needs)

    def side(self, workload):
        """Return the Side of a workload; None if the framework cannot do it."""
        maker = self.makers.get(type(workload))
        return None if maker is None else maker(workload)


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
        network_makers("import numpy", numpy_side.plain_training, numpy_side.prediction)
        | {Descent: numpy_side.descent},
    ),
    "numpy-tuned": Framework("NumPy, tuned", {Training: numpy_side.tuned_training}),
}


def find(folder=FOLDER):
    """Return name -> Framework: fastgd, NumPy, and those with adapters in a folder.

    The folder is ``benchmarks`` of fastgd's repository; without ``frameworks`` in it there are
    fastgd and NumPy.
    """
    if not (Path(folder) / "frameworks" / "__init__.py").exists():
        return FRAMEWORKS
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
    import frameworks

    return FRAMEWORKS | frameworks.FRAMEWORKS
