"""Fitting a multi-layer perceptron, whatever it is fitted to."""

import contextlib
import copy
import warnings
from numbers import Integral, Real

import numpy as np
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions

from fastgd._data.validation import assign_all
from fastgd._engine import scope
from fastgd.errors import ArgumentError, ShapeError
from fastgd.optimizers import Optimizer
from fastgd.optimizers.schedules import LearningRateSchedule
from fastgd.sklearn import network
from fastgd.sklearn.common import NetworkEstimator, scale_hint
from fastgd.sklearn.course import Course, Watch

#: What parameters may be where it is not what scikit-learn says. A name that fastgd does not
#: have is refused where it is looked up.
CONSTRAINTS = {
    "activation": [str, callable, list, tuple, None],
    "solver": [str, dict, type, Optimizer],
    "learning_rate": [StrOptions({"constant", "invscaling", "adaptive"}), LearningRateSchedule],
    "dropout": [Interval(Real, 0, 1, closed="both"), list, tuple],
    "loss": [str, callable, dict],
    "callbacks": [list, tuple, HasMethods("set_model"), None],
    "n_jobs": [Integral, None],
}

#: The parameters that a network is made of, and those that its optimizer is.
OF_NETWORK = ("activation", "dropout", "alpha", "loss")
OF_OPTIMIZER = (
    "solver", "learning_rate", "learning_rate_init", "momentum", "nesterovs_momentum", "beta_1",
    "beta_2", "epsilon",
)  # fmt: skip


class MultilayerPerceptron(ClassNamePrefixFeaturesOutMixin, TransformerMixin, NetworkEstimator):
    """What MLPClassifier and MLPRegressor share."""

    # -- what a subclass gives ----------------------------------------------------------------

    def _task(self, y, sample_weight, first, incremental, classes):
        """What is to be learned: (targets (n, columns), weights or None, Objective)."""
        raise NotImplementedError

    def _encoded(self, y):
        """Validation targets as `_task` makes them."""
        raise NotImplementedError

    def _score_of(self, outputs, targets, sample_weight):
        """How good outputs are for validation targets."""
        raise NotImplementedError

    # -- fit ----------------------------------------------------------------------------------

    def fit(self, X, y, sample_weight=None, *, X_val=None, y_val=None, sample_weight_val=None):
        """Train.

        Parameters
        ----------
        X : array, frame or sparse matrix, shape (n, features)
            float32 stays; anything else becomes float64.
        y : array
            Of classes (n,), or 0 and 1 (n, labels); of numbers (n,) or (n, targets).
        sample_weight : array, shape (n,), optional
            At least 0.
        X_val, y_val, sample_weight_val : optional
            Rows whose score decides when to end, as with early_stopping, instead of some that
            are taken from X.

        Returns
        -------
        self

        Raises
        ------
        fastgd.errors.DivergenceError
            If the loss leaves the finite numbers.

        Warns
        -----
        sklearn.exceptions.ConvergenceWarning
            If max_iter is reached first; it says what to do.
        """
        self._validate_params()
        with self._unchanged_if_it_fails():
            return self._fit(X, y, sample_weight, (X_val, y_val, sample_weight_val))

    def _fit(self, X, y, sample_weight, validation=None, incremental=False, classes=None):
        network.sizes_of(self.hidden_layer_sizes)
        first = not hasattr(self, "model_") or not (self.warm_start or incremental)
        dtype = (np.float64, np.float32) if first else self.model_.dtype
        X, y = self._checked(X, y, reset=first, dtype=dtype, **self._of_y)
        weights = self._row_weights(sample_weight, len(X))
        targets, weights, objective = self._task(y, weights, first, incremental, classes)
        targets = targets.astype(X.dtype, copy=False)
        if first:
            self._begin(X, objective)
        else:
            self._go_on(X, objective)
        self.n_outputs_ = objective.width
        self.out_activation_ = objective.activation
        self.n_layers_ = len(network.layer_units(self.model_))
        if self.solver == "lbfgs":
            self._fit_lbfgs(X, targets, weights, objective)
        else:
            self._fit_epochs(X, targets, weights, objective, validation, incremental)
        return self

    def _begin(self, X, objective):
        """A network with fresh weights."""
        random = check_random_state(self.random_state)
        self.model_ = self._network(X.shape[1], X.dtype.name, objective)
        network.initialize(self.model_, self.activation, random)
        self._random = copy.deepcopy(random)  # of the rows kept aside, the same in each fit
        self.model_.seed = int(random.randint(2**31 - 1))
        self._course = Course()
        self.t_ = 0

    def _network(self, features, dtype, objective):
        with scope.own(0):  # what it draws anew below; the process' stream stays as it is
            model = network.network(
                features, network.sizes_of(self.hidden_layer_sizes), self.activation,
                self.dropout, objective, self.alpha, dtype,
            )  # fmt: skip
            self._compile(model, objective)
        self._made_of = self._values(OF_NETWORK)
        return model

    def _compile(self, model, objective):
        metric = None if objective.metric is None else [objective.metric]
        model.compile(
            network.optimizer_for(self), objective.loss, [objective.weight],
            weighted_metrics=metric,
        )  # fmt: skip
        self._trained_by = self._values(OF_OPTIMIZER)

    def _go_on(self, X, objective):
        """The network as it is; with another loss, penalty or optimizer where that was set."""
        sizes = network.sizes_of(self.hidden_layer_sizes)
        built = network.layer_units(self.model_)[1:-1]
        if list(sizes) != built:
            raise ArgumentError(
                f"hidden_layer_sizes: a warm start goes on with layers of {built} units, got "
                f"{list(sizes)}"
            )
        if self._values(OF_NETWORK) != self._made_of:
            before = self.model_
            self.model_ = self._network(X.shape[1], X.dtype.name, objective)
            try:
                self.model_.set_weights(before.get_weights())
            except ShapeError:
                self.model_ = before
                raise
            self.model_.seed, self.model_.epochs_begun = before.seed, before.epochs_begun
        elif self._values(OF_OPTIMIZER) != self._trained_by:
            self._compile(self.model_, objective)

    def _values(self, names):
        """Parameters as they can be compared: an object is what its config says."""
        values = [getattr(self, name) for name in names]
        return [
            (type(value).__name__, value.get_config())
            if hasattr(value, "get_config")
            else value
            for value in values
        ]

    def _fit_epochs(self, X, targets, weights, objective, validation, incremental):
        if self.early_stopping and incremental:
            raise ArgumentError("partial_fit does not support early_stopping=True")
        kept_aside = self._kept_aside(validation)
        callbacks = [self.callbacks] if self.callbacks is not None else []
        if kept_aside is None and self.early_stopping:
            X, targets, weights, kept_aside = self._split(X, targets, weights)
        rows, epochs = len(X), 1 if incremental else self.max_iter
        course = self._course
        watch = Watch(
            course, rows, self.tol, self.n_iter_no_change, objective.reported,
            score=self._scorer(kept_aside), rate=self._rate(),
            adaptive=self.solver == "sgd" and self.learning_rate == "adaptive",
            verbose=self.verbose == 1,
        )  # fmt: skip
        batch_size = self._batch_rows(rows)
        model = self.model_
        try:
            model.fit(
                X, targets, batch_size, epochs, 1 if self.verbose > 1 else 0,
                [watch, *callbacks], shuffle=self.shuffle and batch_size < rows,
                sample_weight=weights, n_jobs=self.n_jobs,
                validation_data=kept_aside if callbacks else None,
            )  # fmt: skip
        except KeyboardInterrupt:
            warnings.warn("Training interrupted by user.", stacklevel=4)
        self.n_iter_ = watch.epochs
        self.t_ = course.rows
        self.loss_curve_ = course.losses
        self.loss_ = course.losses[-1] if course.losses else None
        self.history_ = model.history
        if kept_aside is not None:
            self.best_loss_ = None
            self.validation_scores_ = course.scores
            self.best_validation_score_ = course.best_score
            if course.weights is not None:
                model.set_weights(course.weights)
        else:
            self.best_loss_ = course.best_loss
            self.validation_scores_ = self.best_validation_score_ = None
        ended = watch.stopped or model.stop_training
        if not (ended or incremental) and watch.epochs == self.max_iter:
            self._warn(X, f"the {self.max_iter} epochs of max_iter were not enough: the loss")

    def _fit_lbfgs(self, X, targets, weights, objective):
        if np.any(np.asarray(self.dropout) != 0):
            raise ArgumentError("dropout: 'lbfgs' needs the same loss at the same weights")
        if self.callbacks is not None:
            raise ArgumentError("callbacks: 'lbfgs' has no epochs: use 'adam' or 'sgd'")
        if weights is not None:
            targets = np.concatenate([targets, weights[:, None]], axis=1, dtype=X.dtype)
        figures, result = network.minimize(
            self.model_, X, targets, weights is not None, self.tol, self.max_iter, self.max_fun,
            self.verbose > 0,
        )  # fmt: skip
        self.n_iter_ = min(result.nit, self.max_iter)
        self.loss_ = objective.reported(figures)
        if result.status == 1:
            self._warn(X, f"{result.nit} iterations of L-BFGS were not enough: the loss")

    def _warn(self, X, what):
        """A ConvergenceWarning that says what to do."""
        hint = scale_hint(X, getattr(self, "feature_names_in_", None))
        if self.solver == "lbfgs":
            advice = "raise max_iter (or max_fun), or tol"
        else:
            advice = "raise max_iter, try another learning_rate_init, or a higher tol"
        warnings.warn(
            f"{type(self).__name__}: {what} has not settled to within tol={self.tol:g} yet. "
            f"{hint}{'Otherwise ' + advice if hint else advice.capitalize()}.",
            ConvergenceWarning,
            stacklevel=5,
        )

    # -- rows kept aside ----------------------------------------------------------------------

    def _kept_aside(self, validation):
        """Prepared validation rows that were given: (X, targets, weights), or None."""
        X, y, weights = validation or (None, None, None)
        if X is None:
            if y is not None or weights is not None:
                raise ArgumentError("X_val: expected rows where y_val is given, got None")
            return None
        if y is None:
            raise ArgumentError("y_val: expected targets of X_val, got None")
        X, y = self._checked(X, y, reset=False, dtype=self.model_.dtype, **self._of_y)
        weights = self._row_weights(weights, len(X))
        return X, self._encoded(y).astype(X.dtype, copy=False), weights

    def _split(self, X, targets, weights):
        """X, targets, weights, and those of the rows kept aside."""
        # of several classes or labels scikit-learn splits without regard to them
        stratify = targets if self._stratifies and self.n_outputs_ == 1 else None
        rows, aside = train_test_split(
            np.arange(len(X)), random_state=copy.deepcopy(self._random),
            test_size=self.validation_fraction, stratify=stratify,
        )  # fmt: skip
        if len(aside) < 2:
            raise ArgumentError(
                f"The validation set is too small: {len(aside)} rows. Increase "
                "'validation_fraction' or the size of your dataset."
            )
        parts = [
            (X[chosen], targets[chosen], None if weights is None else weights[chosen])
            for chosen in (rows, aside)
        ]
        return *parts[0], parts[1]

    def _scorer(self, kept_aside):
        """A function without arguments: how good the network is on the rows kept aside."""
        if kept_aside is None:
            return None
        X, targets, weights = kept_aside
        return lambda: self._score_of(
            self.model_.predict(X, verbose=0, n_jobs=self.n_jobs), targets, weights
        )

    # -- settings -----------------------------------------------------------------------------

    def _rate(self):
        """The rule of a learning rate that falls with the rows seen, if there is one."""
        if self.solver != "sgd" or self.learning_rate != "invscaling":
            return None
        rate, power = float(self.learning_rate_init), self.power_t
        return lambda rows: rate / (rows + 1) ** power

    def _batch_rows(self, rows):
        if isinstance(self.batch_size, str) and self.batch_size == "auto":
            return min(200, rows)
        if self.batch_size > rows:
            warnings.warn(
                f"Got `batch_size` {self.batch_size}, more than there are rows: it is clipped "
                f"to {rows}",
                stacklevel=5,
            )
        return min(self.batch_size, rows)

    # -- what the last hidden layer says ------------------------------------------------------

    def transform(self, X):
        """What the last hidden layer gives for each row: features for another model.

        Without a hidden layer these are those of X.

        Returns
        -------
        ndarray, shape (n, units), or a frame, see ``set_output``
        """
        return self._of_rows(X, self._hidden)

    def _hidden(self, rows):
        for layer in network.dense_layers(self.model_)[:-1]:
            rows = layer(rows)
        return np.array(rows)

    @property
    def _n_features_out(self):
        return network.layer_units(self.model_)[-2]

    # -- attributes ---------------------------------------------------------------------------

    @property
    def coefs_(self):
        """The weights of each layer, (n_inputs, n_outputs): views of those of ``model_``."""
        return self._weights("kernel")

    @coefs_.setter
    def coefs_(self, values):
        self._overwrite("kernel", values)

    @property
    def intercepts_(self):
        """The biases of each layer: views of those of ``model_``."""
        return self._weights("bias")

    @intercepts_.setter
    def intercepts_(self, values):
        self._overwrite("bias", values)

    def _weights(self, name):
        with contextlib.suppress(KeyError):
            layers = network.dense_layers(vars(self)["model_"])
            return [getattr(layer, name).value for layer in layers]
        raise AttributeError(f"{type(self).__name__} has no weights before fit")

    def _overwrite(self, name, values):
        variables = [getattr(layer, name) for layer in network.dense_layers(self.model_)]
        assign_all(variables, list(values), f"{type(self).__name__}'s network")
