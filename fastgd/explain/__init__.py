"""Say why a model gives a number: contributions, dependence on features, reasons.

Every function takes a ``Sequential``, ``Model``, ``LinearModel`` or a fitted estimator of
``fastgd.sklearn``, and by default explains its logit.
"""

from typing import TYPE_CHECKING

from fastgd._registry.advice import explain
from fastgd.explain.explanation import Explanation

__all__ = ["Explanation"]

if not TYPE_CHECKING:
    __getattr__ = explain(globals())
