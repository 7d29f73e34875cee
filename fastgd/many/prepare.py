"""Steps such as scaling: fitted on training rows, applied to all that a model sees."""

import copy
import functools
import inspect
from typing import Any

from fastgd._typing import Data
from fastgd.errors import DataTypeError

#: Methods of a model whose first argument is x.
METHODS_OF_X = {
    "predict", "predict_proba", "predict_log_proba", "decision_function", "predict_on_batch",
    "evaluate", "score", "test_on_batch", "partial_fit", "train_on_batch", "value_and_grad",
}  # fmt: skip

#: Those that would do without the step: they read x in other places, or write a file.
WITHOUT_STEP = {
    "fit", "predict_one", "predict_proba_one", "learn_one", "predictor", "learner", "save",
}  # fmt: skip


class FittedStep:
    """Hold a step that is fitted already, in the place of one that a job has to fit."""

    def __init__(self, step):
        self.step = step


def check_step(prepare):
    """Refuse what is neither a transformer nor a function."""
    fits = hasattr(prepare, "fit") and hasattr(prepare, "transform")
    known = fits or callable(prepare) or isinstance(prepare, FittedStep)
    if isinstance(prepare, type) or not known:
        raise DataTypeError(
            "prepare: expected an object with fit and transform, or a function of the training "
            f"rows that returns a function of rows, got {prepare!r}"
        )


def fitted_step(prepare, x, y):
    """Return a step of a job's own, fitted on rows; y is for steps that use targets."""
    if isinstance(prepare, FittedStep):
        return prepare.step
    if hasattr(prepare, "transform"):
        step = copy.deepcopy(prepare)
        targets = () if y is None or len(inspect.signature(step.fit).parameters) < 2 else (y,)
        step.fit(x, *targets)
        return step
    step = prepare(x)
    if not callable(step):
        raise DataTypeError(f"prepare: expected it to return a function, got {type(step)}")
    return step


def transform(step, x):
    """Return rows as a fitted step leaves them."""
    return step.transform(x) if hasattr(step, "transform") else step(x)


class PreparedModel:
    """Join a model with the step that prepares what it reads.

    Attributes and methods are those of the model; those that read x give it to the step first.
    There are none that would leave it out: for single rows, ``fit`` and ``save``.

    Parameters
    ----------
    prepare : object with transform, or function of rows
    model : Model or estimator

    Examples
    --------
    >>> import numpy as np
    >>> from fastgd import Sequential, layers, many
    >>> model = Sequential([layers.Dense(1, kernel_initializer="ones", input_shape=(1,))])
    >>> many.PreparedModel(lambda x: x / 10, model).predict(np.array([[20.0]]))
    array([[2.]], dtype=float32)
    """

    def __init__(self, prepare: Any, model: Any):
        self.prepare, self.model = prepare, model

    def transform(self, x: Data) -> Any:
        """Return rows as the model reads them."""
        return transform(self.prepare, copy.deepcopy(x))  # a step may work in place

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name in ("prepare", "model"):  # of one that is unpickled
            raise AttributeError(name)
        if name in WITHOUT_STEP:
            raise AttributeError(
                f"a PreparedModel has no {name}, which would leave out the step: predict "
                f"tables, pickle it, or call model.{name} with what transform gives"
            )
        found = getattr(self.model, name)
        if name not in METHODS_OF_X:
            return found

        @functools.wraps(found)
        def method(x, *arguments, **settings):
            return found(self.transform(x), *arguments, **settings)

        return method

    def __repr__(self):
        return f"<PreparedModel: {self.prepare!r}, {self.model!r}>"


def joined(result):
    """Return the model of a Result, together with its step if it has one."""
    if result.prepare is None or result.model is None:
        return result.model
    return PreparedModel(result.prepare, result.model)


def resumed(model):
    """Return what a job says to go on with a trained model and its step."""
    if isinstance(model, PreparedModel):
        return {"model": model.model, "prepare": FittedStep(model.prepare)}
    return {"model": model}


def snapshot(model):
    """Return a trained model as it is now, while the model itself is trained further."""
    if isinstance(model, PreparedModel):
        return PreparedModel(model.prepare, copy.deepcopy(model.model))
    return copy.deepcopy(model)
