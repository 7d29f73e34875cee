"""How a training goes on from epoch to epoch: scikit-learn's rules for when it ends."""

import math
from dataclasses import dataclass, field

from fastgd._training.progress import say
from fastgd.callbacks import Callback

#: An adaptive rate is not lowered below this.
SMALLEST_RATE = 1e-6


@dataclass
class Course:
    """What a training has come to; a warm start goes on with it.

    Attributes
    ----------
    losses, scores : list of float
        One each epoch.
    best_loss, best_score : float
    waited : int
        Epochs in a row that were no better by the tolerance.
    rows : int
        That it has been trained on, counted in each epoch.
    weights : list of ndarray, or None
        Those of the best score.
    """

    losses: list = field(default_factory=list)
    scores: list = field(default_factory=list)
    best_loss: float = math.inf
    best_score: float = -math.inf
    waited: int = 0
    rows: int = 0
    weights: list | None = None

    def add_loss(self, loss, tol):
        """Take the loss of an epoch, and count whether it is better."""
        self.losses.append(loss)
        self.waited = self.waited + 1 if loss > self.best_loss - tol else 0
        self.best_loss = min(self.best_loss, loss)

    def add_score(self, score, tol, model):
        """Take the score of an epoch instead; the weights of the best one are kept."""
        self.scores.append(score)
        self.waited = self.waited + 1 if score < self.best_score + tol else 0
        if score > self.best_score:
            self.best_score = score
            self.weights = model.get_weights()


class Watch(Callback):
    """Ends a training when it gets no better, or lowers its learning rate then.

    Parameters
    ----------
    course : Course
    rows : int
        Of an epoch.
    tol : float
    patience : int or inf
        Epochs that may be no better, in a row.
    reported : callable
        Figures -> the loss to report.
    score : callable, optional
        Without arguments: how good the model is on rows kept aside. Then this counts, not the
        loss.
    rate : callable, optional
        The rows so far -> the learning rate from here on.
    adaptive : bool
        Whether the learning rate is divided by 5 instead of ending the training.
    verbose : bool
        Whether to print a line each epoch.

    Attributes
    ----------
    epochs : int
    stopped : bool
        Whether the training has been ended because it gets no better.
    """

    def __init__(
        self, course, rows, tol, patience, reported, score=None, rate=None, adaptive=False,
        verbose=False,
    ):  # fmt: skip
        super().__init__()
        self.course, self.rows = course, rows
        self.tol, self.patience = tol, patience
        self.reported, self.score = reported, score
        self.rate, self.adaptive = rate, adaptive
        self.verbose = verbose
        self.epochs = 0
        self.stopped = False

    def on_epoch_end(self, epoch, logs=None):
        course = self.course
        loss = self.reported(logs)
        self.epochs += 1
        course.rows += self.rows
        if self.verbose:
            say(f"Iteration {self.epochs}, loss = {loss:.8f}")
        if self.score is None:
            course.add_loss(loss, self.tol)
        else:
            course.losses.append(loss)
            score = self.score()
            course.add_score(score, self.tol, self.model)
            logs["val_score"] = score
            if self.verbose:
                say(f"Validation score: {score:f}")
        if self.rate is not None:
            self.model.optimizer.learning_rate = self.rate(course.rows)
        if course.waited > self.patience:
            self._settle()

    def _settle(self):
        """No better for too long: a lower learning rate, or the end."""
        what = "Training loss" if self.score is None else "Validation score"
        message = f"{what} did not improve more than tol={self.tol:f} for {self.patience} "
        message += "consecutive epochs."
        rate = float(self.model.optimizer.learning_rate)
        if self.adaptive and rate > SMALLEST_RATE:
            self.model.optimizer.learning_rate = rate / 5
            self.course.waited = 0
            message += f" Setting learning rate to {rate / 5:f}"
        else:
            self.stopped = self.model.stop_training = True
            message += " Learning rate too small. Stopping." if self.adaptive else " Stopping."
        if self.verbose:
            say(message)
