"""Names of older programs, for functions of ``config`` and ``utils``."""

from fastgd.config import floatx, set_floatx
from fastgd.utils import clear_session

__all__ = ["clear_session", "floatx", "set_floatx"]
