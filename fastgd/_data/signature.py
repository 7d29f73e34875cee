"""Describe what a model reads and what its outputs are compared with."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from fastgd._engine.plan import width_of


@dataclass(frozen=True)
class Signature:
    """Describe the inputs and outputs of a model to the code that prepares data.

    Attributes
    ----------
    input_names, output_names : list of str
        Input names are the keys that a dict of inputs has.
    input_shapes, output_shapes : list of tuple
        (None, d...) of each.
    objectives : sequence of OutputObjective
        What each output is trained for.
    dtype : numpy.dtype
    engine
        Looks for numbers that are not finite.
    consumer : str
        The reader of the inputs, for messages.
    checks : list of (slice, function)
        Refuse bad values in some columns of the input.
    plain : bool
        Whether there is one input of rows (None, features) without checks.
    seen : tuple, list or dict, optional
        The shape of inputs that this was made for, where a model has no weights yet.
    """

    input_names: list[str]
    output_names: list[str]
    input_shapes: list[Any]
    output_shapes: list[Any]
    objectives: tuple[Any, ...]
    dtype: np.dtype
    engine: Any
    consumer: str
    checks: Sequence[Any] = ()
    plain: bool = False
    seen: Any = None

    @property
    def output_width(self):
        """The width of all outputs side by side."""
        return sum(map(width_of, self.output_shapes))
