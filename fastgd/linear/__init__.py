"""Linear models."""

from fastgd.linear.descent import gradient_descent
from fastgd.linear.model import LinearModel
from fastgd.linear.sgd import SGD, GradientDescent

__all__ = ["SGD", "GradientDescent", "LinearModel", "gradient_descent"]
