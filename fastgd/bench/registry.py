"""Which sides there are, and what each of them can do."""

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from fastgd.bench.sides import (
    by_hand,
    jax_scan,
    keras_fit,
    onnx_runtime,
    ours,
    pytorch,
    scikit_learn,
)
from fastgd.bench.sides.starting import starting
from fastgd.bench.workloads import Descent, Prediction, Starting, Training


@dataclass(frozen=True)
class Entry:
    """A side by its names.

    Attributes
    ----------
    label : str
        The head of its column.
    makers : dict of type -> function
        What makes a Side of each kind of workload; or None, where it has no such thing.
    needs : tuple of str
        The modules that it imports.
    variables : dict of str -> str
        Environment of its process.
    tolerance : float
        How far from fastgd it may be, where that is more than the data type calls for.
    """

    label: str
    makers: dict[type, Callable]
    needs: tuple[str, ...] = ()
    variables: dict[str, str] = field(default_factory=dict)
    tolerance: float = 0

    def installed(self):
        """Whether all that it needs is there."""
        return all(importlib.util.find_spec(name) for name in self.needs)

    def side(self, workload):
        """The side of a workload; None if it cannot do it."""
        maker = self.makers.get(type(workload))
        return None if maker is None else maker(workload)


# Without it, JAX computes in float32 whatever it is given.
_DOUBLES = {"JAX_ENABLE_X64": "1"}


def _makers(statement, training, prediction):
    """What a library can do that trains networks and is imported by a statement."""
    start = partial(starting, statement, training)
    return {Training: training, Prediction: prediction, Starting: start}


def _keras(backend):
    return Entry(
        f"Keras ({backend})",
        _makers("import keras", keras_fit.training, keras_fit.prediction),
        ("keras", backend),
        {"KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3", **_DOUBLES},
        1e-5,  # its optimizers keep their scalars in float32, whatever a model's data type
    )


#: What the others are compared with.
OURS = "fastgd"

SIDES = {
    OURS: Entry(
        "fastgd",
        _makers("import fastgd", ours.training, ours.prediction) | {Descent: ours.descent},
    ),
    "numpy": Entry(
        "NumPy by hand",
        _makers("import numpy", by_hand.plain_training, by_hand.prediction)
        | {Descent: by_hand.descent},
    ),
    "numpy-tuned": Entry("NumPy, tuned", {Training: by_hand.tuned_training}),
    "sklearn": Entry(
        "scikit-learn",
        _makers(
            "import sklearn.neural_network", scikit_learn.training, scikit_learn.prediction
        ),
        ("sklearn",),
    ),
    "torch": Entry(
        "PyTorch", _makers("import torch", pytorch.training, pytorch.prediction), ("torch",)
    ),
    "torch-compile": Entry(
        "PyTorch, compiled", {Training: pytorch.compiled_training}, ("torch",)
    ),
    "jax": Entry(
        "JAX scan",
        _makers("import jax.numpy", jax_scan.training, jax_scan.prediction),
        ("jax",),
        _DOUBLES,
    ),
    "keras-tensorflow": _keras("tensorflow"),
    "keras-jax": _keras("jax"),
    "keras-torch": _keras("torch"),
    "onnxruntime": Entry(
        "ONNX Runtime", {Prediction: onnx_runtime.prediction}, ("onnx", "onnxruntime")
    ),
}
