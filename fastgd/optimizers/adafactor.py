"""Adafactor."""

from fastgd._core import types
from fastgd._data.validation import number
from fastgd.errors import ArgumentError
from fastgd.optimizers.base import Optimizer


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
    learning_rate : float or schedule
    beta_2_decay : float
        At most 0.
    epsilon_1, epsilon_2 : float
    clip_threshold : float
        Above 0.
    relative_step : bool
    weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum
    ema_overwrite_frequency, loss_scale_factor, gradient_accumulation_steps, name
        As in Optimizer.
    """

    kind = types.Update.UPDATE_ADAFACTOR
    whole_variables = True

    def __init__(
        self, learning_rate=0.001, beta_2_decay=-0.8, epsilon_1=1e-30, epsilon_2=1e-3,
        clip_threshold=1.0, relative_step=True, weight_decay=None, clipnorm=None,
        clipvalue=None, global_clipnorm=None, use_ema=False, ema_momentum=0.99,
        ema_overwrite_frequency=None, loss_scale_factor=None, gradient_accumulation_steps=None,
        name=None,
    ):  # fmt: skip
        super().__init__(
            learning_rate, weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema,
            ema_momentum, ema_overwrite_frequency, loss_scale_factor,
            gradient_accumulation_steps, name,
        )  # fmt: skip
        self.beta_2_decay = number(beta_2_decay, "beta_2_decay")
        if self.beta_2_decay > 0:
            raise ArgumentError(f"beta_2_decay: expected at most 0, got {beta_2_decay!r}")
        self.epsilon_1 = number(epsilon_1, "epsilon_1", 0)
        self.epsilon_2 = number(epsilon_2, "epsilon_2", 0)
        self.clip_threshold = number(clip_threshold, "clip_threshold", 0)
        if self.clip_threshold == 0:
            raise ArgumentError(
                f"clip_threshold: expected a number above 0, got {clip_threshold!r}"
            )
        self.relative_step = bool(relative_step)

    def settings(self):
        relative = self.relative_step and not callable(self._rate)
        return [
            self.beta_2_decay, self.epsilon_1, self.epsilon_2, self.clip_threshold,
            float(relative),
        ]  # fmt: skip

    def slots(self):
        # Of a matrix only as many elements of each are in use as it has rows, and columns.
        return {"row_or_velocity": 0.0, "column": 0.0}
