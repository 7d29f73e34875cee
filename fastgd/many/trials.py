"""Parameter sets on splits: each pair is a job, whose model is scored on rows held out."""

import functools
import inspect

from fastgd._data.subsets import Shared
from fastgd._registry.names import lookup
from fastgd.errors import ArgumentError, DataTypeError
from fastgd.many import shared_data
from fastgd.many.cross_validation import row_pairs
from fastgd.many.job import SEEDS, check_for_fit, first_seed
from fastgd.many.parallel import fit_many
from fastgd.models import Model

#: The arguments of ``Model.fit`` that a parameter set may have: not the data.
_FIT = set(inspect.signature(Model.fit).parameters) - {
    "self", "x", "y", "rows", "validation_rows", "n_jobs",
}  # fmt: skip


class Trials:
    """Make and run the jobs of a search; for the arguments see ``many.parameter_search``.

    data is (x, y), and tests is (splits, validation_data). ``pairs`` has (train_rows,
    test_rows) of each split; (None, None) for validation data.
    """

    def __init__(self, make_model, sets, data, tests, ranking, seed, arguments):
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
        self.x, self.y = self.held_out = (
            shared_data.share(data[0]),
            shared_data.share(data[1], "y"),
        )
        if splits is not None:
            self.pairs = row_pairs(splits, *data)
        else:
            self.pairs = [(None, None)]
            self.held_out = shared_data.share_pair(validation_data, "validation_data")
        self.seed = first_seed(seed)
        self.arguments = arguments

    def job(self, number, split, **more):
        """Return the job of a parameter set on a split; `more` replaces what it has."""
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
        """Return the Results of some of these jobs; raise the error of the ranking."""

        def check(result):
            if self.ranking.error is not None:  # no other set will do better
                raise self.ranking.error

        try:
            return fit_many(
                jobs, n_jobs, verbose=verbose, on_result=check, score=self._test,
                keep_models=keep_models,
            )  # fmt: skip
        finally:  # a search is kept longer than it runs
            for part in (self.x, self.y, *self.held_out):
                if isinstance(part, Shared):
                    part.release()

    def _test(self, model, job):
        rows = self.pairs[job["params"]["split"]][1]
        found = shared_data.held_out_scores(model, self.held_out, rows, self.ranking.score)
        self.ranking.check(found, model)
        return found


def _checked(parameter_sets):
    """Return a list of dicts."""
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
    """Return (those that `make_model` takes, those that ``fit`` takes)."""
    try:
        own = inspect.signature(make_model).parameters.values()
    except (TypeError, ValueError):  # such as a class in C
        return parameters, {}
    if any(p.kind is p.VAR_KEYWORD for p in own):
        return parameters, {}
    names = {p.name for p in own if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)}
    known = dict.fromkeys(names | _FIT)
    for name in parameters:
        lookup("parameters", name, known)
    to_make = {name: value for name, value in parameters.items() if name in names}
    return to_make, {name: value for name, value in parameters.items() if name not in names}
