"""scikit-learn's rules for when the training of a network ends, epoch by epoch."""

import math
from dataclasses import dataclass, field

from fastgd._training.progress import say
from fastgd._typing import Array, Logs
from fastgd.callbacks import Callback

#: An adaptive rate is not lowered below this.
SMALLEST_RATE = 1e-6


@dataclass
class TrainingState:
    """Hold the history of a training, which a warm start continues."""

    losses: list[float] = field(default_factory=list)  #: one for each epoch
    scores: list[float] = field(default_factory=list)  #: one for each epoch
    best_loss: float = math.inf
    best_score: float = -math.inf
    waited: int = 0  #: epochs in a row without an improvement by the tolerance
    rows: int = 0  #: trained on, counted in each epoch
    weights: list[Array] | None = None  #: those of the best score

    def add_loss(self, loss, tol):
        """Add the loss of an epoch, and count whether it is better."""
        self.losses.append(loss)
        self.waited = self.waited + 1 if loss > self.best_loss - tol else 0
        self.best_loss = min(self.best_loss, loss)

    def add_score(self, score, tol, model):
        """Add the score of an epoch instead; keep the weights of the best one."""
        self.scores.append(score)
        self.waited = self.waited + 1 if score < self.best_score + tol else 0
        if score > self.best_score:
            self.best_score = score
            self.weights = model.get_weights()


class StoppingRule(Callback):
    """End a training that no longer improves, or lower its learning rate.

    Parameters
    ----------
    state : TrainingState
    rows : int
        The rows of an epoch.
    limits : (float, int or inf)
        tol, and the number of epochs in a row that may bring no improvement.
    reported : function of the logs of an epoch
        Returns the loss to report.
    score : function without arguments, optional
        Returns the score of the model on validation rows, which counts instead of the loss.
    rate : function of the rows so far, optional
        Returns the learning rate from here on.
    adaptive : bool
        Whether the learning rate is divided by 5 instead of ending the training.
    """

    def __init__(self, state, rows, limits, reported, score=None, rate=None, adaptive=False):
        super().__init__()
        self.state, self.rows = state, rows
        self.tol, self.patience = limits
        self.reported, self.score = reported, score
        self.rate, self.adaptive = rate, adaptive
        self.verbose = False  # whether to print a line each epoch
        self.stopped = False  # whether training ended because it no longer improves
        self.epochs = 0

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        state = self.state
        loss = self.reported(logs)
        self.epochs += 1
        state.rows += self.rows
        if self.verbose:
            say(f"Iteration {self.epochs}, loss = {loss:.8f}")
        if self.score is None:
            state.add_loss(loss, self.tol)
        else:
            state.losses.append(loss)
            score = self.score()
            state.add_score(score, self.tol, self.model)
            if logs is not None:
                logs["val_score"] = score
            if self.verbose:
                say(f"Validation score: {score:f}")
        if self.rate is not None:
            self.model.optimizer.learning_rate = self.rate(state.rows)
        if state.waited > self.patience:
            self._end_or_slow_down()

    def _end_or_slow_down(self):
        what = "Training loss" if self.score is None else "Validation score"
        message = f"{what} did not improve more than tol={self.tol:f} for {self.patience} "
        message += "consecutive epochs."
        rate = float(self.model.optimizer.learning_rate)
        if self.adaptive and rate > SMALLEST_RATE:
            self.model.optimizer.learning_rate = rate / 5
            self.state.waited = 0
            message += f" Setting learning rate to {rate / 5:f}"
        else:
            self.stopped = self.model.stop_training = True
            message += " Learning rate too small. Stopping." if self.adaptive else " Stopping."
        if self.verbose:
            say(message)
