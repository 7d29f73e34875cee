"""The network of a multi-layer perceptron, its optimizer, and when its training ends."""

import copy
import math
from dataclasses import dataclass, field

import numpy as np
import scipy.optimize

from fastgd import activations, layers, optimizers, regularizers
from fastgd._core.types import Constraint, Status
from fastgd._data.validation import number, positive_int
from fastgd._engine.divergence import diverged
from fastgd._training.progress import say
from fastgd._typing import Array, Logs
from fastgd.callbacks import Callback
from fastgd.errors import ArgumentError, UnknownNameError
from fastgd.models import Sequential
from fastgd.optimizers.schedules import LearningRateSchedule

#: scikit-learn's names of activations that have another name here.
NAMES = {"identity": "linear", "logistic": "sigmoid"}

#: The most units of a layer: more do not fit into memory.
MOST_UNITS = 2**31 - 1

#: An adaptive rate is not lowered below this.
SMALLEST_RATE = 1e-6


def sizes_of(hidden_layer_sizes):
    """Return the units of the hidden layers, a tuple of int."""
    sizes = hidden_layer_sizes if np.ndim(hidden_layer_sizes) else [hidden_layer_sizes]
    for size in sizes:
        if isinstance(size, (int, np.integer)) and size <= 0:
            raise ArgumentError(f"hidden_layer_sizes must be > 0, got {hidden_layer_sizes}.")
    return tuple(layer_size(size, "hidden_layer_sizes") for size in sizes)


def layer_size(size, argument):
    """Return a number of units, an int that a layer can have."""
    size = positive_int(size, argument)
    if size > MOST_UNITS:
        raise ArgumentError(f"{argument}: expected at most {MOST_UNITS} units, got {size}")
    return size


def for_each(value, count, argument):
    """Return a list of the values for each hidden layer; one value stands for all."""
    if not isinstance(value, (list, tuple)):
        return [value] * count
    if len(value) != count:
        expected = f"one for each of {count} hidden layers"
        raise ArgumentError(f"{argument}: expected {expected}, got {len(value)}")
    return list(value)


def network(features, sizes, activation, dropout, objective, alpha, dtype, signs=None):
    """Return the Sequential with hidden layers of these sizes, and weights of 0.

    alpha / 2 |W|² is added to the sum of the losses of a batch. With signs, one for each
    feature, the layers are monotone.
    """
    shared = {
        "kernel_initializer": "zeros",
        "kernel_regularizer": regularizers.SharedL2(0.5 * alpha) if alpha else None,
    }

    def dense(units, activation, name, **split):
        if signs is None:
            return layers.Dense(units, activation, name=name, **shared)
        own = signs if len(stack) == 1 else 1
        return layers.MonotonicDense(units, activation, own, name=name, **split, **shared)

    stack = [layers.Input(shape=(features,), dtype=dtype, name="x")]
    chosen = zip(
        sizes, for_each(activation, len(sizes), "activation"),
        for_each(dropout, len(sizes), "dropout"), strict=True,
    )  # fmt: skip
    for i, (units, function, rate) in enumerate(chosen):
        function = NAMES.get(function, function) if isinstance(function, str) else function
        stack.append(dense(units, function, f"hidden_{i}"))
        rate = number(rate, "dropout", 0, 1)
        if rate:
            stack.append(layers.Dropout(rate, name=f"dropout_{i}"))
    # an exponential is a log link of the loss
    last = {"logistic": "sigmoid", "softmax": "softmax"}.get(objective.activation, "linear")
    stack.append(dense(objective.width, last, "out", shares=(1, 0, 0)))
    return Sequential(stack, dtype=dtype, name="mlp")


def dense_layers(model):
    """Return the layers that have weights."""
    return [layer for layer in model.layers if isinstance(layer, layers.Dense)]


def initialize(model, activation, random):
    """Draw the weights as scikit-learn does: the same from the same state.

    Kernel and bias are uniform within sqrt(6 / (fan_in + fan_out)) (Glorot and Bengio 2010),
    with 2 in place of 6 where the activation is a sigmoid. The output layer follows the
    activation of the last hidden layer. random: a numpy.random.RandomState.
    """
    several = isinstance(activation, (list, tuple))
    names = list(activation) or ["relu"] if several else [activation]
    for i, layer in enumerate(dense_layers(model)):
        name = names[min(i, len(names) - 1)]
        function = activations.get(NAMES.get(name, name) if isinstance(name, str) else name)
        factor = 2.0 if function is activations.sigmoid else 6.0
        bound = np.sqrt(factor / sum(layer.kernel.shape))
        kernel = random.uniform(-bound, bound, layer.kernel.shape)
        monotone = isinstance(layer, layers.MonotonicDense)
        layer.kernel = layer.signed(kernel) if monotone else kernel
        layer.bias = random.uniform(-bound, bound, layer.bias.shape)


def optimizer_for(estimator):
    """Return a fresh optimizer for an estimator's parameters."""
    solver, rate = estimator.solver, estimator.learning_rate_init
    if isinstance(estimator.learning_rate, LearningRateSchedule):
        rate = estimator.learning_rate
    if solver == "sgd":
        return optimizers.SGD(rate, estimator.momentum, estimator.nesterovs_momentum)
    if solver == "adam":
        return optimizers.Adam(rate, estimator.beta_1, estimator.beta_2, estimator.epsilon)
    if solver == "lbfgs":
        return optimizers.LBFGS()  # not used: see minimize
    if isinstance(solver, str):
        try:
            found = optimizers.get(solver)
        except UnknownNameError as error:  # here it is called the solver
            raise UnknownNameError(str(error).replace("optimizer:", "solver:", 1)) from None
        found.learning_rate = rate
        return found
    solver = optimizers.get(solver)
    return type(solver).from_config(copy.deepcopy(solver.get_config()))


def minimize(model, x, y, weighted, tol, max_iter, max_fun, verbose):
    """Minimise the loss of all rows by SciPy's L-BFGS-B, from the current weights.

    y has the weights as last column if `weighted`. Returns the values of loss and metrics at
    the end, and SciPy's OptimizeResult. A loss not finite at first is a DivergenceError.
    """
    step = model.compiled_step(weighted)
    vector, gradients = model.parameters, model.assembly().gradients
    totals = step.totals()

    def loss_and_gradient(w):
        vector[:] = w
        totals[:] = 0
        status = step.gradients(x, y, totals)
        if status != Status.STATUS_FINE:
            return np.inf, np.zeros_like(w)
        return step.results.logs(totals)["loss"], gradients.astype(np.float64)

    def show(intermediate_result):
        shown[0] += 1
        say(f"Iteration {shown[0]}, loss = {intermediate_result.fun:.8f}")

    shown = [0]
    start = vector.astype(np.float64)
    if not np.isfinite(loss_and_gradient(start)[0]):
        raise diverged(Status.STATUS_LOSS, 0)
    try:
        result = scipy.optimize.minimize(
            loss_and_gradient, start, method="L-BFGS-B", jac=True,
            callback=show if verbose else None, bounds=_bounds(model),
            options={"maxfun": max_fun, "maxiter": max_iter, "gtol": tol},
        )  # fmt: skip
    except BaseException:
        vector[:] = start
        raise
    loss_and_gradient(result.x)
    return step.results.logs(totals), result


def _bounds(model):
    """Return the bounds of the weights for SciPy; None if none of them has a sign to keep."""
    plan = model.assembly().plan
    if not len(plan.constraints):
        return None
    bounds = scipy.optimize.Bounds(*np.full((2, plan.parameter_count), [[-np.inf], [np.inf]]))
    for row in plan.constraints:
        rises = row["kind"] == Constraint.CONSTRAINT_NON_NEGATIVE
        side = bounds.lb if rises else bounds.ub
        side[row["offset"] :][: row["outer"] * row["count"] * row["inner"]] = 0
    return bounds


def layer_units(model):
    """Return the widths of the layers, the input's first."""
    kernels = [layer.kernel.shape for layer in dense_layers(model)]
    return [kernels[0][0], *(units for _, units in kernels)]


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


class StoppingRule(Callback):
    """End a training that no longer improves, or lower its learning rate."""

    def __init__(self, state, rows, limits, reported, score=None, rate=None, adaptive=False):
        super().__init__()
        self.state, self.rows = state, rows  # a TrainingState, and the rows of an epoch
        self.tol, self.patience = limits  # the epochs in a row that may bring no improvement
        self.reported = reported  # the logs of an epoch -> the loss to report
        self.score = score  # the score on validation rows, which then counts instead, or None
        self.rate = rate  # the rows so far -> the learning rate from here on, or None
        self.adaptive = adaptive  # whether to divide the rate by 5 instead of ending
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
        state.losses.append(loss)
        if self.score is None:
            is_worse = loss > state.best_loss - self.tol
            state.best_loss = min(state.best_loss, loss)
        else:
            score = self.score()
            state.scores.append(score)
            is_worse = score < state.best_score + self.tol
            if score > state.best_score:
                state.best_score, state.weights = score, self.model.get_weights()
            if logs is not None:
                logs["val_score"] = score
            if self.verbose:
                say(f"Validation score: {score:f}")
        state.waited = state.waited + 1 if is_worse else 0
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
