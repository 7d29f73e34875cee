"""Linear models."""

from fastgd.linear.descent import gradient_descent
from fastgd.linear.lbfgs import LBFGS
from fastgd.linear.newton import Newton

__all__ = ["LBFGS", "Newton", "gradient_descent"]
