"""Say why a model gives a number: contributions, dependence on features, reasons.

Every function takes a ``Sequential``, ``Model``, ``LinearModel`` or a fitted estimator of
``fastgd.sklearn``, and by default explains its logit.
"""

from typing import TYPE_CHECKING

from fastgd._registry.advice import explain
from fastgd.explain.dependence import ALE, PartialDependence, ale, partial_dependence
from fastgd.explain.explanation import Explanation
from fastgd.explain.gradients import input_gradients, integrated_gradients
from fastgd.explain.monotonicity import Monotonicity, monotone
from fastgd.explain.plotting import plot_ale, plot_explanation, plot_partial_dependence
from fastgd.explain.reasons import Reason, ReasonCodes, reason_codes
from fastgd.explain.scorecard import Scorecard, ScoreTable
from fastgd.explain.shapley import shapley

__all__ = [
    "ALE", "Explanation", "Monotonicity", "PartialDependence", "Reason", "ReasonCodes",
    "ScoreTable", "Scorecard", "ale", "input_gradients", "integrated_gradients", "monotone",
    "partial_dependence", "plot_ale", "plot_explanation", "plot_partial_dependence",
    "reason_codes", "shapley",
]  # fmt: skip

if not TYPE_CHECKING:
    __getattr__ = explain(globals())
