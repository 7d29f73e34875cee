"""Score a trained model, and predict with it: what is added to the result of its job."""

import math
import time
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from fastgd._typing import Data
from fastgd.many import shared_data
from fastgd.many.class_columns import classes_of
from fastgd.many.prepare import transform
from fastgd.many.results import as_scores
from fastgd.models import Model

#: A function of (model, x, y) that returns a dict of values, or one number.
ScoreFunction: TypeAlias = Callable[[Any, Data, Data], Any]

#: The methods whose columns are classes.
BY_CLASS = ("predict_proba", "predict_log_proba", "decision_function")


class OwnScore:
    """Add what a user's function of (model, job) returns."""

    #: Whether the compiled evaluation of a Model gives all of it.
    compiled = False

    def __init__(self, function):
        self._function = function

    def decisive(self, job):
        """Return what decides the scores of a job, beside the job."""
        return self._function

    def fill(self, result, model, job):
        """Add the scores of a trained model to its result."""
        result.scores |= as_scores(self._function(model, job))


class HeldOutTest:
    """Score the trained model of a job on rows held out, and predict for them.

    Parameters
    ----------
    data : (x, y)
    rows : function of (job)
        Gives the rows, or None for all.
    score : function of (model, x, y), optional
        The user's.
    method : str
        The method that predicts; "" for none.
    """

    def __init__(self, data, rows, score=None, method=""):
        self.data, self.rows, self._score, self._method = data, rows, score, method

    @property
    def compiled(self):
        """Whether the compiled evaluation of a Model gives all of it."""
        return self._score is None and not self._method

    def decisive(self, job):
        """Return what decides the scores of a job, beside the job."""
        return self.data, self.rows(job), self._score, self._method

    def fill(self, result, model, job):
        """Add scores, and predictions if asked for, to the result of a trained model."""
        rows, step = self.rows(job), job["prepare"]
        if self._method:
            found = shared_data.predict(model, self.data[0], rows, self._method, step)
            by_class = self._method in BY_CLASS
            classes = classes_of(model, job["params"]["split"]) if by_class else None
            result.predictions = np.asarray(found), classes
        self.add(result, held_out_scores(model, self.data, rows, self._score, step))

    def add(self, result, found):
        """Add what was found on the rows."""
        result.scores |= {f"test_{name}": value for name, value in found.items()}


class RowsOfSplits:
    """Return the rows that the split of a job holds out."""

    def __init__(self, pairs):
        self._held_out = [held_out for _, held_out in pairs]

    def __call__(self, job):
        return self._held_out[job["params"]["split"]]


class SameRows:
    """Return the same rows for each job."""

    def __init__(self, rows):
        self._rows = rows

    def __call__(self, job):
        return self._rows


class TimedScore:
    """Add what another does; `seconds` is how long it takes, infinite before the first."""

    compiled = False

    def __init__(self, score):
        self._score, self.seconds = score, math.inf

    def fill(self, result, model, job):
        begun = time.perf_counter()
        try:
            self._score.fill(result, model, job)
        finally:
            self.seconds = time.perf_counter() - begun


def timed(score):
    """Return a score for ``fleet.in_fleets``, as a TimedScore if Python computes it."""
    return score if score is None or score.compiled else TimedScore(score)


def held_out_scores(model, data, rows, score=None, step=None):
    """Return the scores of a trained model over some rows.

    step: what prepared the rows that the model was trained on, if there was one.
    """
    take = shared_data.take
    if step is not None:
        x = transform(step, shared_data.copied(data[0], rows))
        data, rows = (x, take(data[1], rows)), None
    if score is None and isinstance(model, Model):
        return model.evaluate(*data, rows=rows, verbose=0, return_dict=True, n_jobs=1)
    x, y = (take(part, rows) for part in data)
    if score is None:
        return {"score": float(model.score(x, y))}
    return as_scores(score(model, x, y))
