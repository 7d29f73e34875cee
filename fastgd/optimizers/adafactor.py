"""Adafactor."""

from typing import Unpack

from fastgd._core import types
from fastgd._data.validation import number
from fastgd.optimizers.learning_rate import LearningRate
from fastgd.optimizers.optimizer import Optimizer
from fastgd.optimizers.options import OptimizerOptions, above_zero, at_most_zero


class Adafactor(Optimizer):
    """Adam's second moment from sums over rows and columns (Shazeer and Stern 2018).

    At step t = 1, 2, ..., with k = 1 - t^beta_2_decay: r and c are running means, with a share
    of k for the past, of the means of g² + epsilon_1 along a matrix's rows and columns;
    v = r c / mean(r), move = g / sqrt(v), divided by max(1, rms(move) / clip_threshold), and
    w = w - max(epsilon_2, rms(w)) rate move. Of a vector v is itself such a running mean.
    With relative_step and a constant learning_rate, rate = min(learning_rate, 1 / sqrt(t));
    otherwise it is the learning rate.

    Parameters
    ----------
    learning_rate, **options
        As in Optimizer.
    beta_2_decay : float
        At most 0.
    epsilon_1, epsilon_2 : float
    clip_threshold : float
        Above 0.
    relative_step : bool
    """

    kind = types.Update.UPDATE_ADAFACTOR
    whole_variables = True
    _setting_names = (
        "beta_2_decay",
        "epsilon_1",
        "epsilon_2",
        "clip_threshold",
        "_has_relative_step",
    )
    # Of a matrix only as many elements of each are in use as it has rows, and columns.
    _slot_names = ("row_or_velocity", "column")

    def __init__(
        self, learning_rate: LearningRate = 0.001, beta_2_decay: float = -0.8,
        epsilon_1: float = 1e-30, epsilon_2: float = 1e-3, clip_threshold: float = 1.0,
        relative_step: bool = True, **options: Unpack[OptimizerOptions],
    ) -> None:  # fmt: skip
        super().__init__(learning_rate, **options)
        self.beta_2_decay = at_most_zero(beta_2_decay, "beta_2_decay")
        self.epsilon_1 = number(epsilon_1, "epsilon_1", 0)
        self.epsilon_2 = number(epsilon_2, "epsilon_2", 0)
        self.clip_threshold = float(above_zero(clip_threshold, "clip_threshold"))
        self.relative_step = bool(relative_step)

    @property
    def _has_relative_step(self):
        return self.relative_step and not callable(self._rate)
