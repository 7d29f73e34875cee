"""The training of a multi-layer perceptron, for classes and for numbers."""

import copy
import functools
from numbers import Integral, Real

import numpy as np
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions

from fastgd._data.validation import assign_all, warn_of_underflow
from fastgd._engine import scope
from fastgd._engine.penalties import constrain
from fastgd._registry.advice import advice
from fastgd._typing import Array, Data
from fastgd.constraints import checked_signs
from fastgd.errors import ArgumentError, ShapeError, UnknownNameError, warn
from fastgd.models.privacy import check_class_weight
from fastgd.optimizers import Optimizer
from fastgd.optimizers.schedules import LearningRateSchedule
from fastgd.privacy import DPSGD
from fastgd.sklearn import mlp_network
from fastgd.sklearn.inputs import LayerArrays, engine_and_rows
from fastgd.sklearn.network_estimator import NetworkEstimator

#: The values of parameters that differ from scikit-learn's. An unknown name is refused when it
#: is looked up.
CONSTRAINTS = {
    "activation": [str, callable, list, tuple, None],
    "solver": [str, dict, type, Optimizer],
    "learning_rate": [StrOptions({"constant", "invscaling", "adaptive"}), LearningRateSchedule],
    "dropout": [Interval(Real, 0, 1, closed="both"), list, tuple],
    "loss": [str, callable, dict],
    "monotonic_cst": ["array-like", dict, None],
    "callbacks": [list, tuple, HasMethods("set_model"), None],
    "n_jobs": [Integral, None],
    "privacy": [DPSGD, None],
}

#: A ConvergenceWarning mentions columns whose spreads differ by more than this factor.
SCALE_RATIO = 100.0

#: The parameters of the network, and those of its optimizer.
OF_NETWORK = ("activation", "dropout", "alpha", "loss", "_signs")
OF_OPTIMIZER = (
    "solver", "learning_rate", "learning_rate_init", "momentum", "nesterovs_momentum", "beta_1",
    "beta_2", "epsilon", "privacy",
)  # fmt: skip


class MultilayerPerceptron(ClassNamePrefixFeaturesOutMixin, TransformerMixin, NetworkEstimator):
    """Hold the common part of MLPClassifier and MLPRegressor.

    A subclass has ``_objective_for`` codes and weights of rows; ``_targets`` for codes; and
    ``_score_of`` outputs for targets of validation rows.
    """

    def _fit_prepared(self, X, codes, weights, first, validation, incremental):
        mlp_network.sizes_of(self.hidden_layer_sizes)
        objective = self._objective = self._objective_for(codes, weights)
        if self.privacy is not None:
            check_privacy(self)
            objective.loss.reduction = "sum_over_batch_size"  # looks at no other row
        self._signs = signs_of(self, X.shape[1])
        if self._signs and self._stratifies and objective.width > 1:
            raise ArgumentError(
                "monotonic_cst: expected two classes and one output, which is to rise or fall: "
                f"got {objective.width} outputs"
            )
        targets = self._targets(codes).astype(X.dtype, copy=False)
        if first:
            self._begin(X, objective)
        else:
            self._resume(X, objective)
        self.n_outputs_ = objective.width
        self.out_activation_ = objective.activation
        self.n_layers_ = len(mlp_network.layer_units(self.model_))
        rows = X, targets, weights
        if self.solver == "lbfgs":
            self._fit_lbfgs(*rows)
        else:
            self._fit_epochs(rows, validation, incremental)

    def _begin(self, X, objective):
        """Create a network with fresh weights."""
        random = check_random_state(self.random_state)
        self.model_ = self._network(X.shape[1], X.dtype.name, objective)
        mlp_network.initialize(self.model_, self.activation, random)
        self._random = copy.deepcopy(random)  # for validation rows, the same in each fit
        self.model_.seed = int(random.randint(2**31 - 1))
        self._state = mlp_network.TrainingState()
        self.t_ = 0

    def _network(self, features, dtype, objective, spent=None):
        with scope.own(0):  # leave the random stream of the process as it is
            model = mlp_network.network(
                features, mlp_network.sizes_of(self.hidden_layer_sizes), self.activation,
                self.dropout, objective, self.alpha, dtype, self._signs,
            )  # fmt: skip
            model.privacy = spent
            self._compile(model, objective)
        self._made_of = self._values(OF_NETWORK)
        return model

    def _compile(self, model, objective):
        metric = None if objective.metric is None else [objective.metric]
        model.compile(
            mlp_network.optimizer_for(self), objective.loss, [objective.weight],
            weighted_metrics=metric, privacy=self.privacy,
        )  # fmt: skip
        self._trained_by = self._values(OF_OPTIMIZER)

    def _resume(self, X, objective):
        """Keep the network; change the loss, penalty or optimizer where that was set."""
        sizes = mlp_network.sizes_of(self.hidden_layer_sizes)
        built = mlp_network.layer_units(self.model_)[1:-1]
        if list(sizes) != built:
            expected = f"a warm start continues with layers of {built} units"
            raise ArgumentError(f"hidden_layer_sizes: {expected}, got {list(sizes)}")
        if self._values(OF_NETWORK) != self._made_of:
            before = self.model_
            self.model_ = self._network(X.shape[1], X.dtype.name, objective, before.privacy)
            try:
                self.model_.set_weights(before.get_weights())
                constrain(self.model_.variables)
            except ShapeError:
                self.model_ = before
                raise
            self.model_.seed, self.model_.epochs_begun = before.seed, before.epochs_begun
        elif self._values(OF_OPTIMIZER) != self._trained_by:
            self._compile(self.model_, objective)

    def _values(self, names):
        """Return parameters that can be compared: the config of an object."""
        values = (getattr(self, name) for name in names)
        return [(type(v), v.get_config()) if hasattr(v, "get_config") else v for v in values]

    def _fit_epochs(self, rows, validation, incremental):
        if self.early_stopping and incremental:
            raise ArgumentError("partial_fit does not support early_stopping=True")
        held_out = self._validation_rows(validation)
        if held_out is None and self.early_stopping:
            rows, held_out = self._split(*rows)
        X, targets, weights = rows
        epochs, batch_size = 1 if incremental else self.max_iter, self._batch_rows(len(X))
        callbacks = [self.callbacks] if self.callbacks is not None else []
        state, model, private = self._state, self.model_, self.privacy is not None
        patience = np.inf if private and held_out is None else self.n_iter_no_change
        rule = mlp_network.StoppingRule(
            state, len(X), (self.tol, patience), self._objective.reported,
            self._scorer(held_out), self._rate(),
            adaptive=self.solver == "sgd" and self.learning_rate == "adaptive",
        )  # fmt: skip
        rule.verbose = self.verbose == 1
        try:
            model.fit(
                X, targets, batch_size, epochs, 1 if self.verbose > 1 else 0,
                [rule, *callbacks], shuffle=self.shuffle and (private or batch_size < len(X)),
                sample_weight=weights, n_jobs=self.n_jobs,
                validation_data=held_out if callbacks else None,
            )  # fmt: skip
        except KeyboardInterrupt:
            warn("Training interrupted by user.")
        self.n_iter_, self.t_, self.history_ = rule.epochs, state.rows, model.history
        self.loss_curve_ = state.losses
        self.loss_ = state.losses[-1] if state.losses else None
        scored = held_out is not None
        self.best_loss_ = None if scored else state.best_loss
        self.validation_scores_ = state.scores if scored else None
        self.best_validation_score_ = state.best_score if scored else None
        if scored and state.weights is not None:
            model.set_weights(state.weights)
        ended = rule.stopped or model.stop_training
        if not (ended or incremental or private) and rule.epochs == self.max_iter:
            self._warn(X, f"the {self.max_iter} epochs of max_iter were not enough: the loss")

    def _fit_lbfgs(self, X, targets, weights):
        if np.any(np.asarray(self.dropout) != 0):
            raise ArgumentError("dropout: 'lbfgs' needs the same loss at the same weights")
        if self.callbacks is not None:
            raise ArgumentError("callbacks: 'lbfgs' has no epochs: use 'adam' or 'sgd'")
        if weights is not None:
            rounded = weights.astype(X.dtype)
            warn_of_underflow(rounded, weights, "sample_weight")
            targets = np.concatenate([targets, rounded[:, None]], axis=1, dtype=X.dtype)
        values, result = mlp_network.minimize(
            self.model_, X, targets, weights is not None, self.tol, self.max_iter, self.max_fun,
            self.verbose > 0,
        )  # fmt: skip
        self.n_iter_ = min(result.nit, self.max_iter)
        self.loss_ = self._objective.reported(values)
        if result.status == 1:
            self._warn(X, f"{result.nit} iterations of L-BFGS were not enough: the loss")

    def _has_partial_fit(self):
        if self.solver == "lbfgs":
            advice = "'lbfgs' needs all rows at once: use 'adam' or 'sgd'"
            raise AttributeError(f"partial_fit: {advice}")
        return True

    def _warn(self, X, what):
        """Give a ConvergenceWarning that says what to do."""
        hint = scale_hint(X, getattr(self, "feature_names_in_", None))
        if self.solver == "lbfgs":
            advice = "raise max_iter (or max_fun), or tol"
        else:
            advice = "raise max_iter, try another learning_rate_init, or a higher tol"
        what = f"{type(self).__name__}: {what} has not settled to within tol={self.tol:g} yet. "
        advice = f"{hint}{'Otherwise ' + advice if hint else advice.capitalize()}."
        warn(what + advice, ConvergenceWarning)

    def _split(self, X, targets, weights):
        """Return (X, targets, weights) of training rows, and those of validation rows."""
        # like scikit-learn, which does not stratify several classes or labels
        stratify = targets if self._stratifies and self.n_outputs_ == 1 else None
        training, held_out = train_test_split(
            np.arange(len(X)), random_state=copy.deepcopy(self._random),
            test_size=self.validation_fraction, stratify=stratify,
        )  # fmt: skip
        if len(held_out) < 2:
            raise ArgumentError(
                f"The validation set is too small: {len(held_out)} rows. Increase "
                "'validation_fraction' or the size of your dataset."
            )
        return [
            (X[chosen], targets[chosen], None if weights is None else weights[chosen])
            for chosen in (training, held_out)
        ]

    def _scorer(self, held_out):
        """Return a function without arguments: the score of the network on validation rows."""
        if held_out is None:
            return None
        X, *others = held_out
        predict = functools.partial(self.model_.predict, X, verbose=0, n_jobs=self.n_jobs)
        return lambda: self._score_of(predict(), *others)

    def _rate(self):
        """Return the function of a learning rate that falls with the rows seen, or None."""
        rate, power = float(self.learning_rate_init), self.power_t
        falls = self.solver == "sgd" and self.learning_rate == "invscaling"
        return (lambda rows: rate / (rows + 1) ** power) if falls else None

    def _batch_rows(self, rows):
        if isinstance(self.batch_size, str) and self.batch_size == "auto":
            return min(200, rows)
        if self.batch_size > rows:
            seen = f"Got `batch_size` {self.batch_size}, more than there are rows"
            warn(f"{seen}: it is clipped to {rows}")
        return min(self.batch_size, rows)

    def transform(self, X: Data) -> Array:
        """Return the outputs of the last hidden layer: features (n, units) for another model.

        Without a hidden layer these are the features of X. See ``set_output`` for frames.
        """
        return self._of_rows(X, self._hidden)

    def _hidden(self, rows):
        for layer in mlp_network.dense_layers(self.model_)[:-1]:
            rows = layer(rows)
        return np.array(rows)

    @property
    def _n_features_out(self):
        return mlp_network.layer_units(self.model_)[-2]

    @property
    def coefs_(self) -> list[Array]:
        """The weights of each layer, (n_inputs, n_outputs): views of those of ``model_``."""
        return self._weights("kernel")

    @coefs_.setter
    def coefs_(self, values: list[Data]) -> None:
        self._overwrite("kernel", values)

    @property
    def intercepts_(self) -> list[Array]:
        """The biases of each layer: views of those of ``model_``."""
        return self._weights("bias")

    @intercepts_.setter
    def intercepts_(self, values: list[Data]) -> None:
        self._overwrite("bias", values)

    def _weights(self, name):
        if "model_" not in vars(self):
            raise AttributeError(f"{type(self).__name__} has no weights before fit")
        return LayerArrays(self._variables(name), f"{type(self).__name__}'s network")

    def _overwrite(self, name, values):
        owner = f"{type(self).__name__}'s network"
        assign_all(self._variables(name), list(values), owner)

    def _variables(self, name):
        return [getattr(layer, name) for layer in mlp_network.dense_layers(self.model_)]


def check_privacy(estimator):
    """Raise an ArgumentError for parameters by which rows are seen without noise."""
    if estimator.solver == "lbfgs":
        raise ArgumentError(
            "solver: 'lbfgs' sees all rows without noise: with privacy use 'adam' or 'sgd'"
        )
    if estimator.early_stopping:
        raise ArgumentError(
            "early_stopping: the score of rows of X would decide without noise: with privacy "
            "give other rows, as X_val and y_val of fit"
        )
    if isinstance(estimator.learning_rate, str) and estimator.learning_rate == "adaptive":
        raise ArgumentError(
            "learning_rate: 'adaptive' follows the loss of the training rows, which is not "
            "private: use 'constant', 'invscaling' or a schedule"
        )
    check_class_weight(getattr(estimator, "class_weight", None))


def signs_of(estimator, features):
    """Return -1, 0 or 1 for each feature by ``monotonic_cst``; None if all are 0."""
    given, names = estimator.monotonic_cst, getattr(estimator, "feature_names_in_", None)
    if isinstance(given, dict):
        if names is None:
            raise ArgumentError(
                "monotonic_cst: X has no names of columns: give a list with -1, 0 or 1 for each"
            )
        for name in given:
            if name not in names:
                hint = advice(str(name), list(names))
                raise UnknownNameError(f"monotonic_cst: X has no column {name!r}{hint}")
        given = [given.get(name, 0) for name in names]
    signs = [0] if given is None else checked_signs(given, "monotonic_cst")
    if not np.any(signs):
        return None
    if np.shape(signs) != (features,):
        raise ShapeError(
            f"monotonic_cst: expected {features} numbers, one for each column of X, got "
            f"{given!r}"
        )
    return signs


def scale_hint(X, names=None):
    """Return advice about the scales of columns, by number or name; "" if they are alike."""
    _, spread, size = engine_and_rows(X)[1].column_scales()
    moving = np.flatnonzero((spread > 0) & np.isfinite(spread))
    if not len(moving):
        return ""
    low, high = (moving[f(spread[moving])] for f in (np.argmin, np.argmax))
    column = (lambda i: f"column {i}") if names is None else (lambda i: repr(str(names[i])))
    scaler = "first, for example with sklearn.preprocessing.StandardScaler. "
    if spread[high] > SCALE_RATIO * spread[low]:
        return (
            "The columns of X are of different scales (the standard deviation of "
            f"{column(low)} is {spread[low]:.3g}, that of {column(high)} "
            f"{spread[high]:.3g}): scale them {scaler}"
        )
    far = moving[np.argmax(size[moving])]
    seen = f"X has values as large as {size[far]:.3g}, in {column(far)}"
    return f"{seen}: scale its columns {scaler}" if size[far] > SCALE_RATIO else ""
