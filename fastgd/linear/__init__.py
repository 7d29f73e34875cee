"""Linear models: fourteen losses, L1 and L2, and solvers for them."""

from typing import TYPE_CHECKING

from fastgd._registry.advice import explain
from fastgd._registry.registry import Registry
from fastgd.linear.batch_descent import GradientDescent, gradient_descent
from fastgd.linear.inference import Inference
from fastgd.linear.model import LinearModel
from fastgd.linear.solvers import LBFGS, Newton
from fastgd.linear.sgd import SGD

__all__ = [
    "LBFGS", "SGD", "GradientDescent", "Inference", "LinearModel", "Newton", "gradient_descent",
]  # fmt: skip

REGISTRY = Registry("linear model", __name__, classes=(LinearModel,))

if not TYPE_CHECKING:
    __getattr__ = explain(globals())
