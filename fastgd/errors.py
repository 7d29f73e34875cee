"""The errors that fastgd raises. Each says which argument, what was seen, what was expected.

They refine the built-in type that Keras or NumPy raises in the same place, so a program that
catches ``ValueError`` or ``TypeError`` goes on working.
"""

import sys
import warnings


class FastgdError(Exception):
    """The base of every error that fastgd raises on purpose."""


class ArgumentError(FastgdError, ValueError):
    """An argument has a value that cannot be used."""


class ShapeError(ArgumentError):
    """An array has the wrong number of dimensions, rows or columns."""


class DataTypeError(FastgdError, TypeError):
    """An array or argument is of a type that cannot be used."""


class DataError(ArgumentError):
    """The data hold a value that cannot be trained on, such as NaN, in this row and column."""


class UnknownNameError(ArgumentError):
    """A name stands for nothing here; the message gives the nearest names that do."""


class NotBuiltError(FastgdError, ValueError):
    """A model or layer was used before its weights exist, or before ``compile``."""


class UnknownArgumentError(UnknownNameError, TypeError):
    """A call has an argument that does not exist; the message says which one to write."""


class MissingExtraError(FastgdError, ModuleNotFoundError):
    """A library is not installed that fastgd itself does not need; the message says how."""


class EngineError(FastgdError, RuntimeError):
    """The engine does not exist, this CPU cannot run it, or it is at work elsewhere."""


class PrivacyError(FastgdError, ValueError):
    """A promise of privacy cannot be given; the message says why, and what to do."""


class RankError(FastgdError, RuntimeError):
    """Ranks of a communicator cannot work together; the message names the one at fault."""


class WorkerError(FastgdError, RuntimeError):
    """A worker of an executor was lost, or could not run a job or return its result."""


class DivergenceError(FastgdError, ArithmeticError):
    """Training left the finite numbers.

    ``fit`` goes back to the weights and the optimizer's state that the epoch with the lowest
    loss began with; a single step keeps the last finite weights.

    Attributes
    ----------
    epoch, step : int or None
        Counted from 0; None without such a count.
    """

    def __init__(self, message: str, epoch: int | None = None, step: int | None = None):
        super().__init__(message)
        self.epoch = epoch
        self.step = step


class FileError(FastgdError, OSError, ValueError):
    """A file holds no model that can be read: damaged, cut short, foreign or too new."""


class ConvergenceWarning(UserWarning):
    """A solver stopped before it reached its tolerance; the message says what to do."""


def warn(message: str, category: type[Warning] = UserWarning) -> None:
    """Warn at the line outside of this package that led here."""
    frame, level = sys._getframe(1), 2
    while frame.f_back and str(frame.f_globals.get("__name__")).split(".")[0] == "fastgd":
        frame, level = frame.f_back, level + 1
    warnings.warn(message, category, stacklevel=level)
