"""What a solver of linear models is given, and what it gives back.

A solver is an object with a method ``minimize(problem, start)``: it takes a ``Problem`` of one
output, or of k outputs for the multinomial loss, begins at a ``Solution`` and returns another.
It changes neither; arrays of a solution are fresh. It raises a DivergenceError if it leaves the
finite numbers, and answers Ctrl-C. One with a true attribute ``several`` is given problems of
several outputs as they are, and not their parts; one with ``streams`` such as have chunks.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from fastgd._core.types import LinearLoss

#: The losses by name.
LOSSES = {loss.name.removeprefix("LINEAR_").lower(): loss for loss in LinearLoss}

#: Those whose targets are numbers; the others' are classes.
REGRESSIONS = {name for name, loss in LOSSES.items() if loss <= LinearLoss.LINEAR_QUANTILE}

#: Those that batch methods can minimise: they have a slope everywhere.
SMOOTH = {
    "squared_error", "poisson", "huber", "squared_epsilon_insensitive", "log_loss",
    "squared_hinge", "modified_huber", "multinomial",
}  # fmt: skip


@dataclass(frozen=True)
class Solution:
    """Weights, float64: ``coef`` (outputs, d) and ``intercept`` (outputs,), and how they came.

    ``n_iter`` counts iterations or epochs; ``loss_value`` is J there, or None if it was not
    computed.
    """

    coef: np.ndarray
    intercept: np.ndarray
    n_iter: int = 0
    loss_value: float | None = None


@dataclass(frozen=True)
class Problem:
    """Minimise sum of s_i loss(y_i, x_i w + b) / sum of s_i + l1 |w|_1 + l2/2 |w|^2.

    Attributes
    ----------
    engine : module
        See ``fastgd._engine.builds.load``.
    rows : engine.Rows
        x, (n, d).
    y : ndarray, float64, (n,)
        Numbers; -1 and 1 for the losses of two classes; class numbers for the multinomial one.
        Before ``parts``, (n, k) for k outputs of a regression, and class numbers for several
        classes of a loss of two.
    weights : ndarray, float64, (n,), or None
        s, none negative and not all zero.
    loss : LinearLoss
    setting : float
        The loss' number, such as epsilon.
    l1, l2 : float
    fit_intercept : bool
    outputs : int
        How many rows ``coef`` has.
    threads : int
    chunks : streamed.Chunked or None
        The problems of the chunks of a stream, if there is one; rows are those of its first.
    """

    engine: Any
    rows: Any
    y: np.ndarray
    weights: np.ndarray | None
    loss: int
    setting: float
    l1: float
    l2: float
    fit_intercept: bool
    outputs: int
    threads: int
    chunks: Any = None

    def parts(self):
        """The problems of one output each that this one consists of, or itself in a list."""
        if self.outputs == 1 or self.loss == LinearLoss.LINEAR_MULTINOMIAL:
            return [self]
        return [self.part(output) for output in range(self.outputs)]

    def part(self, output):
        """The problem of one output."""
        chunks = None if self.chunks is None else self.chunks.part(output)
        return replace(self, y=self.targets_of(output), outputs=1, chunks=chunks)

    def targets_of(self, output):
        """y of one output, (n,): a column, or 1 for its class and -1 for the rest."""
        if self.y.ndim == 2:
            return np.ascontiguousarray(self.y[:, output])
        return np.where(self.y == output, 1.0, -1.0)


def in_parts(minimize, parts, start):
    """The Solution of several problems together, of which each has its outputs of `start`."""
    size = len(start.coef) // len(parts)
    found = []
    for i, part in enumerate(parts):
        mine = slice(i * size, (i + 1) * size)
        found.append(minimize(part, Solution(start.coef[mine], start.intercept[mine])))
    values = [solution.loss_value for solution in found]
    return Solution(
        np.concatenate([solution.coef for solution in found]),
        np.concatenate([solution.intercept for solution in found]),
        max(solution.n_iter for solution in found),
        None if None in values else float(sum(values)),
    )
