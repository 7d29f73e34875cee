"""Many models at once: jobs side by side, cross-validation."""

from fastgd.many.cross_validation import CrossValidation, cross_validate
from fastgd.many.jobs import Interrupted, as_completed, fit_many
from fastgd.many.results import Result, Results
from fastgd.many.splits import k_fold, walk_forward

__all__ = [
    "CrossValidation",
    "Interrupted",
    "Result",
    "Results",
    "as_completed",
    "cross_validate",
    "fit_many",
    "k_fold",
    "walk_forward",
]
