"""Parameter sets on splits: each pair is a job, whose model is scored on rows held out."""

import functools
import inspect

from fastgd._data.subsets import Shared
from fastgd._data.validation import optional_function
from fastgd._registry.names import lookup
from fastgd.callbacks.monitor import MonitorCallback
from fastgd.errors import ArgumentError, DataTypeError
from fastgd.many import rows
from fastgd.many.cross_validation import row_pairs
from fastgd.many.job import SEEDS, check_for_fit, first_seed
from fastgd.many.jobs import fit_many
from fastgd.models import Model

#: Arguments of fit that no parameter set may give: they are the search's.
_DATA = {"self", "x", "y", "rows", "validation_rows", "n_jobs"}
_FIT = set(inspect.signature(Model.fit).parameters) - _DATA


class Trials:
    """What is tried, on which rows, and by which figure it is judged.

    Parameters
    ----------
    make_model, parameter_sets, x, y, splits, validation_data, score, monitor, mode, seed
        See ``fastgd.many.parameter_search``.
    arguments : dict
        For ``fit``.

    Attributes
    ----------
    sets : list of dict
    pairs : list of (train_rows, test_rows)
        One of None where there are validation data.
    seed : int
        That of the first split.
    monitor : str
        The figure; None until a model has been scored, unless the user named it.
    mode : {"min", "max"}
        Which way is better; None until then, unless the user said it.
    """

    def __init__(
        self, make_model, parameter_sets, x, y, splits, validation_data, score, monitor, mode,
        seed, arguments,
    ):  # fmt: skip
        check_for_fit(arguments)
        if not callable(make_model):
            raise DataTypeError(
                f"make_model: expected a function that makes a model, got {make_model!r}"
            )
        if mode not in ("auto", "min", "max"):
            raise ArgumentError(f"mode: expected 'auto', 'min' or 'max', got {mode!r}")
        if (splits is None) == (validation_data is None):
            raise ArgumentError("splits, validation_data: expected one of the two")
        self.make_model = make_model
        self.sets = _checked(parameter_sets)
        self.divided = [_divided(make_model, one) for one in self.sets]
        self.x, self.y = self.held_out = rows.share(x), rows.share(y, "y")
        if splits is not None:
            self.pairs = row_pairs(splits, x, y)
        else:
            self.pairs = [(None, None)]
            self.held_out = rows.pair(validation_data, "validation_data")
        self.score = optional_function(score, "score")
        self.monitor = monitor
        self.mode = None if mode == "auto" else mode
        self.seed = first_seed(seed)
        self.arguments = arguments
        self._wrong = None

    def job(self, number, split, **more):
        """The job of a parameter set on a split; `more` goes before what else it says."""
        parameters, arguments = self.divided[number]
        return {
            "model": functools.partial(self.make_model, **parameters),
            "x": self.x,
            "y": self.y,
            "rows": self.pairs[split][0],
            "seed": (self.seed + split) % SEEDS,
            "name": f"set {number}, split {split}",
            "params": {"set": number, "split": split},
            **self.arguments,
            **arguments,
            **more,
        }

    def run(self, jobs, n_jobs, verbose, keep_models):
        """The Results of some of these jobs, in their order.

        Raises
        ------
        UnknownNameError, ArgumentError
            If models have no such figure, or nobody knows which way is better.
        """

        def look(result):
            if self._wrong is not None:  # no other set will do better
                raise self._wrong

        try:
            return fit_many(
                jobs, n_jobs, verbose=verbose, on_result=look, score=self.test,
                keep_models=keep_models,
            )  # fmt: skip
        finally:  # a search is kept longer than it runs
            for part in (self.x, self.y, *self.held_out):
                if isinstance(part, Shared):
                    part.release()

    def test(self, model, job):
        """The figures of a trained model on the rows held out, as "test_..."."""
        held = self.pairs[job["params"]["split"]][1]
        found = rows.evaluate(model, *self.held_out, held, self.score)
        try:
            self._judge_by(found, model)
        except Exception as error:
            self._wrong = error
            raise
        return {f"test_{name}": value for name, value in found.items()}

    def _judge_by(self, found, model):
        """Settle by which figure, and which way, as soon as there are any."""
        if self.monitor is None:
            if not found:
                raise ArgumentError("score: it gave no figure to go by")
            self.monitor = next(iter(found))
        lookup("monitor", self.monitor, found)
        if self.mode is None:
            self.mode = _direction(self.monitor, model)

    def figure(self, result):
        """The figure of a Result that counts; NaN where there is none."""
        return (
            float(result.scores.get(f"test_{self.monitor}", "nan"))
            if result.ok
            else float("nan")
        )


def _checked(parameter_sets):
    """A list of dicts."""
    sets = list(parameter_sets) if not isinstance(parameter_sets, (dict, str)) else None
    if not sets:
        raise DataTypeError(
            f"parameter_sets: expected a list of dicts of name -> value, got {parameter_sets!r}"
        )
    for i, one in enumerate(sets):
        if not isinstance(one, dict) or not all(isinstance(name, str) for name in one):
            raise DataTypeError(
                f"parameter_sets: expected a dict of name -> value at place {i}, got {one!r}"
            )
    return sets


def _divided(make_model, parameters):
    """(Those that `make_model` takes, those that ``fit`` takes)."""
    try:
        own = inspect.signature(make_model).parameters.values()
    except (TypeError, ValueError):  # such as a class in C
        return parameters, {}
    if any(p.kind is p.VAR_KEYWORD for p in own):
        return parameters, {}
    names = {p.name for p in own if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)}
    table = dict.fromkeys(names | _FIT)
    for name in parameters:
        lookup("parameters", name, table)
    to_fit = set(parameters) - names
    return (
        {name: value for name, value in parameters.items() if name not in to_fit},
        {name: value for name, value in parameters.items() if name in to_fit},
    )


def _direction(monitor, model):
    if monitor == "score":  # more is better, as in scikit-learn
        return "max"
    judge = MonitorCallback(monitor)
    if isinstance(model, Model):
        judge.set_model(model)
    return judge.direction()
