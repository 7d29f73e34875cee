"""fastgd: gradient descent at the speed of its arithmetic.

Small dense networks and linear models, trained by compiled loops under Keras' words.

Examples
--------
>>> import numpy as np
>>> import fastgd
>>> fastgd.utils.set_random_seed(0)
>>> x = np.random.default_rng(0).normal(size=(256, 10))
>>> y = x.sum(axis=1)
>>> model = fastgd.Sequential(
...     [
...         fastgd.layers.Dense(10, activation="relu", input_shape=(10,)),
...         fastgd.layers.Dense(1),
...     ]
... )
>>> model.compile(optimizer="adam", loss="mse", metrics=["mae"])
>>> history = model.fit(x, y, epochs=10, verbose=0)
>>> history.history["loss"][-1] < history.history["loss"][0]
True
"""

import importlib
from typing import TYPE_CHECKING, Any

from fastgd._registry.advice import no_attribute
from fastgd.config import __version__, show_config

if TYPE_CHECKING:
    from fastgd import (
        activations,
        backend,
        callbacks,
        config,
        constraints,
        errors,
        explain,
        initializers,
        layers,
        linear,
        losses,
        many,
        metrics,
        models,
        ops,
        optimizers,
        privacy,
        regularizers,
        risk,
        saving,
        utils,
    )
    from fastgd.initializers import Initializer
    from fastgd.layers import Input, Layer
    from fastgd.layers.symbolic import KerasTensor
    from fastgd.linear import gradient_descent
    from fastgd.losses import Loss
    from fastgd.many import fit_many
    from fastgd.metrics import Metric
    from fastgd.models import Model, Sequential
    from fastgd.optimizers import Optimizer
    from fastgd.regularizers import Regularizer
    from fastgd.tape import GradientTape
    from fastgd.variables import Variable

__all__ = [
    "GradientTape", "Initializer", "Input", "KerasTensor", "Layer", "Loss", "Metric", "Model",
    "Optimizer", "Regularizer", "Sequential", "Variable", "__version__", "activations",
    "backend", "callbacks", "config", "constraints", "errors", "explain", "fit_many",
    "gradient_descent", "initializers", "layers", "linear", "losses", "many", "metrics",
    "models", "ops", "optimizers", "privacy", "regularizers", "risk", "saving", "show_config",
    "utils", "version",
]  # fmt: skip

#: Names and the modules that they come from, which are loaded when a name is first used.
_MODULES = {
    "GradientTape": "tape", "Initializer": "initializers", "Input": "layers",
    "KerasTensor": "layers.symbolic", "Layer": "layers", "Loss": "losses", "Metric": "metrics",
    "Model": "models", "Optimizer": "optimizers", "Regularizer": "regularizers",
    "Sequential": "models", "Variable": "variables", "fit_many": "many",
    "gradient_descent": "linear",
}  # fmt: skip


_FAMILIES = (
    "callbacks",
    "explain",
    "initializers",
    "layers",
    "linear",
    "losses",
    "many",
    "metrics",
    "models",
    "optimizers",
    "privacy",
    "risk",
    "saving",
    "utils",
)


def version() -> str:
    """Return the version of fastgd, as ``__version__``."""
    return __version__


def __getattr__(name: str) -> Any:
    if name not in __all__:
        no_attribute(__name__, name, [*__all__, *_names_below()])
    module = importlib.import_module(f"{__name__}.{_MODULES.get(name, name)}")
    value = getattr(module, name) if name in _MODULES else module
    globals()[name] = value
    return value


def _names_below() -> list[str]:
    """Return the public names of the modules, for the message about one that is not here."""
    modules = [f"{__name__}.{module}" for module in _FAMILIES]
    return [f"{m}.{name}" for m in modules for name in importlib.import_module(m).__all__]


def __dir__() -> list[str]:
    return __all__
