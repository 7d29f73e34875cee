"""Linear models."""

from fastgd.linear.descent import gradient_descent

__all__ = ["gradient_descent"]
