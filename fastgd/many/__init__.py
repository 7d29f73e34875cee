"""Many models at once."""

from fastgd.many.ensemble import Ensemble
from fastgd.many.space import grid, integers, loguniform, random, uniform

__all__ = ["Ensemble", "grid", "integers", "loguniform", "random", "uniform"]
