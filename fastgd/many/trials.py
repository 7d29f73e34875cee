"""Parameter sets on splits: each pair is a job, whose model is scored on rows held out."""

import functools
import inspect
import math

import numpy as np

from fastgd._data.arguments import choice, listed
from fastgd._data.subsets import Shared, row_count
from fastgd._data.validation import optional_function
from fastgd._engine import scope
from fastgd._engine.sizes import most_jobs
from fastgd._registry.advice import arguments_of
from fastgd._registry.names import lookup
from fastgd.callbacks.monitor import MonitorCallback, one_number
from fastgd.errors import ArgumentError, DataTypeError
from fastgd.many import shared_data
from fastgd.many.cross_validation import deviation, row_pairs
from fastgd.many.job import SEEDS, check_for_fit, first_seed
from fastgd.many.parallel import run_jobs
from fastgd.many.plotting import scored
from fastgd.many.prepare import joined
from fastgd.many.scoring import HeldOutTest, RowsOfSplits
from fastgd.many.validation import OTHERS, Validation
from fastgd.models import Model

#: The arguments of ``Model.fit`` that a parameter set may have: not the data.
_FIT = set(arguments_of(Model.fit) or ()) - {
    "x", "y", "rows", "validation_rows", "n_jobs",
}  # fmt: skip


class Trials:
    """Make and run the jobs of a search: of each set on each of the ``pairs`` of rows.

    data is (x, y), tests is (splits, validation_data), and fitting (validation, prepare).
    """

    def __init__(self, make_model, sets, data, tests, fitting, ranking, seed, arguments):
        check_for_fit(arguments)
        if not callable(make_model):
            raise DataTypeError(
                f"make_model: expected a function that makes a model, got {make_model!r}"
            )
        splits, validation_data = tests
        if (splits is None) == (validation_data is None):
            raise ArgumentError("splits, validation_data: expected one of the two")
        self.make_model, self.ranking = make_model, ranking
        self.sets = _checked(sets)
        self.divided = [_divided(make_model, one) for one in self.sets]
        validation, self.prepare = fitting
        by_rows = splits is not None or validation is not None or self.prepare is not None
        self.x, self.y = self.held_out = shared_data.share_pair(data, by_rows=by_rows)
        if splits is not None:
            self.pairs = row_pairs(splits, *data)
        else:
            self.pairs = [(None, None)]
            held_out = shared_data.share_pair(validation_data, "validation_data", False)
            self.held_out = held_out
        given = {name for _, to_fit in self.divided for name in to_fit} | set(arguments)
        self.validation = Validation(validation, given)
        self.seed = first_seed(seed)
        self.arguments = arguments

    def job(self, number, split, **more):
        """Return the job of a parameter set on a split; `more` replaces what it has."""
        parameters, arguments = self.divided[number]
        seed = (self.seed + split) % SEEDS
        make = functools.partial(self.make_model, **parameters) if parameters else None
        return {
            "model": make or self.make_model, "x": self.x, "y": self.y,
            "seed": seed, "prepare": self.prepare, "name": f"set {number}, split {split}",
            "params": {"set": number, "split": split}, **self.arguments, **arguments, **more,
            **self.rows(split, more.get("rows", self.pairs[split][0]), seed),
        }  # fmt: skip

    def rows(self, split, train, seed):
        """Return what a job on a split says about rows; train: those that it is given."""
        test = self.pairs[split][1]
        if self.validation.fold and test is None:
            return {"rows": train, "validation_data": self.held_out}
        if self.validation.share is not None and train is None:
            train = np.arange(row_count(self.x))
        return self.validation.rows(train, test, seed)

    def final_job(self, number, more):
        """Return the job of a parameter set on all rows; `more` replaces what it has."""
        job = self.job(number, 0) | {"rows": None} | more
        if self.validation.share is not None and not set(OTHERS) & set(more):
            every = np.arange(row_count(job["x"]))
            return job | self.validation.rows(every, None, job["seed"])
        job.pop("validation_rows", None)
        return job

    def _model(self, number):
        """Return a model of a parameter set; it draws nothing from the process' stream."""
        job = self.job(number, 0)
        with scope.own(job["seed"]):
            return job["model"]()

    def weights(self, number):
        """Return the number of weights of a parameter set's model, which is made for it."""
        model = self._model(number)
        if not isinstance(model, Model) or not model.built:
            raise ArgumentError(
                f"simplest: set {number} makes a model without a number of weights, "
                f"{model!r:.60}: give a parameter's name or a function of the parameters"
            )
        return model.count_params()

    def run(self, ctrl_c, jobs, place, verbose, keep_models):
        """Return the Results of some of these jobs; raise the error of the ranking."""
        test = HeldOutTest(self.held_out, RowsOfSplits(self.pairs), self.ranking.score)
        try:
            return run_jobs(
                ctrl_c, jobs, place, verbose=verbose, on_result=self._check, score=test,
                keep_models=keep_models,
            )  # fmt: skip
        finally:  # a search is kept longer than it runs
            for part in (self.x, self.y, *self.held_out):
                if isinstance(part, Shared):
                    part.release()

    def _check(self, result):
        """Let the first scores choose what counts; raise if scores lack it."""
        if result.ok:
            self.ranking.check(result, lambda: self._model(result.params["set"]))

    def table(self, results):
        """Return (rows of a Search, models) of the sets whose splits are all done."""
        of_sets = {}
        for result in results:
            of_sets.setdefault(result.params["set"], []).append(result)
        whole = {i: of for i, of in of_sets.items() if len(of) == len(self.pairs)}
        rows = [self.ranking.row(self.sets[i], of) for i, of in whole.items()]
        return rows, [[joined(result) for result in of] for of in whole.values()]


def _checked(parameter_sets):
    """Return a list of dicts."""
    expected = "a list of dicts of name -> value"
    sets = listed(parameter_sets, "parameter_sets", most_jobs(), expected)
    if not sets or isinstance(parameter_sets, (dict, str)):
        raise DataTypeError(f"parameter_sets: expected {expected}, got {parameter_sets!r}")
    for i, one in enumerate(sets):
        if not isinstance(one, dict) or not all(isinstance(name, str) for name in one):
            raise DataTypeError(
                f"parameter_sets: expected a dict of name -> value at place {i}, got {one!r}"
            )
    return sets


def _divided(make_model, parameters):
    """Return (those that `make_model` takes, those that ``fit`` takes)."""
    try:
        own = inspect.signature(make_model).parameters.values()
    except (TypeError, ValueError):  # such as a class in C
        return parameters, {}
    if any(p.kind is p.VAR_KEYWORD for p in own):
        return parameters, {}
    names = {p.name for p in own if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)}
    known, to_make, to_fit = dict.fromkeys(names | _FIT), {}, {}
    for name, value in parameters.items():
        lookup("parameters", name, known)
        (to_make if name in names else to_fit)[name] = value
    return to_make, to_fit


class Ranking:
    """Rank parameter sets by a score; the first ones choose monitor and mode if not given."""

    def __init__(self, score, monitor, mode):
        choice(mode, "mode", ("auto", "min", "max"))
        self.score = optional_function(score, "score")
        self.monitor = monitor
        self.mode = None if mode == "auto" else mode

    def check(self, result, make):
        """Choose monitor and mode with the first scores; refuse scores without the monitor.

        make: a function without arguments that gives a model like that of the result.
        """
        values = {
            name.removeprefix("test_"): value
            for name, value in result.scores.items()
            if name.startswith("test_")
        }
        if self.monitor is None:
            if not values:
                raise ArgumentError("score: it returned no value, expected at least one")
            self.monitor = next(iter(values))
        one_number(self.monitor, lookup("monitor", self.monitor, values))
        if self.mode is None:
            self.mode = _direction(self.monitor, make)

    def row(self, parameters, results):
        """Return a row of a Search: a parameter set's, from the Results of its splits."""
        scores = [
            float(r.scores.get(f"test_{self.monitor}", math.nan)) if r.ok else math.nan
            for r in results
        ]
        names = dict.fromkeys(n for r in results for n in r.scores if n.startswith("test_"))
        return {
            "index": results[0].params["set"], "parameters": parameters, "scores": scores,
            "mean": float(np.mean(scores)), "std": deviation(scores), "rank": None,
            "figures": {
                name.removeprefix("test_"): [r.scores.get(name, math.nan) for r in results]
                for name in names
            },
            "seconds": sum(r.seconds for r in results),
            "error": next((r.to_dict()["error"] for r in results if not r.ok), None),
        }  # fmt: skip

    def rank(self, table):
        """Give the rows their ranks: by mean and, of equals, those that came further first."""

        def key(row):
            if math.isnan(row["mean"]):
                return math.inf, 0
            return self._sign() * row["mean"], -row.get("rung", 0)

        ordered = enumerate(sorted(map(key, table), reverse=True), start=-len(table))
        places = {one: -place for place, one in ordered}  # of equals the least
        for row in table:
            row["rank"] = places[key(row)]

    def not_worse(self, row, than):
        """Return whether a row is as good as another; one without a mean is worse than any."""
        if math.isnan(than["mean"]):
            return True
        return self._sign() * row["mean"] <= self._sign() * than["mean"]

    def _sign(self):
        return 1 if self.mode == "min" else -1

    def best(self, table, count):
        """Return the indices of the best rows, in ascending order; none without a mean."""
        # the sort is stable: of equals the first
        ranked = sorted(scored(table), key=lambda row: self._sign() * row["mean"])
        return sorted(row["index"] for row in ranked[:count])


def _direction(monitor, make):
    if monitor == "score":  # more is better, as in scikit-learn
        return "max"
    callback, model = MonitorCallback(monitor), make()
    if isinstance(model, Model):
        callback.set_model(model)
    return callback.direction()
