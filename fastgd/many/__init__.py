"""Many models at once: jobs side by side, cross-validation, searches, ensembles."""

from typing import TYPE_CHECKING

from fastgd._registry.advice import explain
from fastgd.many.bagging import Bagging, bagging
from fastgd.many.comparison import corrected_t_test
from fastgd.many.cross_validation import CrossValidation, Seeds, cross_validate, seeds
from fastgd.many.ensemble import Ensemble
from fastgd.many.halving import Halving, successive_halving
from fastgd.many.interrupts import Interrupted
from fastgd.many.parallel import as_completed, fit_many
from fastgd.many.prepare import PreparedModel
from fastgd.many.results import Result, Results
from fastgd.many.search import Search, grid_search, parameter_search, random_search
from fastgd.many.space import grid, integers, loguniform, random, uniform
from fastgd.many.splits import k_fold, walk_forward

__all__ = [
    "Bagging", "CrossValidation", "Ensemble", "Halving", "Interrupted", "PreparedModel",
    "Result", "Results", "Search", "Seeds", "as_completed", "bagging", "corrected_t_test",
    "cross_validate", "fit_many", "grid", "grid_search", "integers", "k_fold", "loguniform",
    "parameter_search", "random", "random_search", "seeds", "successive_halving", "uniform",
    "walk_forward",
]  # fmt: skip

if not TYPE_CHECKING:
    __getattr__ = explain(globals())
