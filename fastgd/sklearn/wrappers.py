"""Any model of fastgd as an estimator of scikit-learn."""

import contextlib
import inspect
import warnings
from numbers import Integral

import numpy as np
from sklearn.base import ClassifierMixin, RegressorMixin
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import HasMethods, Interval, Options, StrOptions
from sklearn.utils.metaestimators import available_if

from fastgd import activations, losses, ops
from fastgd._engine import scope
from fastgd.errors import ArgumentError, DataError
from fastgd.models import Model
from fastgd.optimizers import Optimizer
from fastgd.sklearn import making
from fastgd.sklearn.common import NetworkEstimator, keep
from fastgd.sklearn.labels import Labels
from fastgd.sklearn.objectives import MARGINS, averaged

#: What parameters such as ``model__units`` are for.
ROUTES = ("model__", "optimizer__", "loss__")


class Wrapper(NetworkEstimator):
    """What Classifier and Regressor share."""

    #: A name that fastgd does not have is refused where it is looked up.
    _parameter_constraints: dict = {  # noqa: RUF012
        "model": [Model, callable, None],
        "loss": [str, callable, dict, None],
        "optimizer": [str, dict, type, Optimizer, None],
        "metrics": [list, tuple, dict, str, callable, None],
        "epochs": [Interval(Integral, 1, None, closed="left")],
        "batch_size": [Interval(Integral, 1, None, closed="left"), StrOptions({"auto"})],
        "shuffle": ["boolean"],
        "callbacks": [list, tuple, HasMethods("set_model"), None],
        "verbose": [Options(Integral, {0, 1, 2}), "boolean", StrOptions({"auto"})],
        "warm_start": ["boolean"],
        "random_state": ["random_state"],
        "n_jobs": [Integral, None],
    }

    # -- parameters that are passed on --------------------------------------------------------

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        if "__init__" in vars(cls):  # what scikit-learn takes for the parameters
            whole = inspect.signature(cls.__init__)
            named = [p for p in whole.parameters.values() if p.kind is not p.VAR_KEYWORD]
            cls.__init__.__signature__ = whole.replace(parameters=named)

    def _keep(self, arguments):
        """Set the attributes that the constructor's arguments are."""
        routed = arguments.pop("routed")
        for name in routed:
            if not name.startswith(ROUTES):
                raise TypeError(
                    f"{type(self).__name__}: no parameter {name!r}; parameters that are passed "
                    f"on begin with one of {', '.join(ROUTES)}"
                )
        keep(self, arguments | routed)

    def get_params(self, deep=True):
        """The parameters, those that are passed on among them."""
        routed = {k: v for k, v in vars(self).items() if k.startswith(ROUTES)}
        return super().get_params(deep=False) | routed

    def set_params(self, **params):
        """Set parameters; ``model__...``, ``optimizer__...`` and ``loss__...`` may be new."""
        for name in [name for name in params if name.startswith(ROUTES)]:
            setattr(self, name, params.pop(name))
        return super().set_params(**params)

    def _routed(self, route):
        return {
            name.removeprefix(route): value
            for name, value in vars(self).items()
            if name.startswith(route)
        }

    # -- fit ----------------------------------------------------------------------------------

    def fit(self, X, y, sample_weight=None, *, X_val=None, y_val=None, sample_weight_val=None):
        """Train for `epochs` epochs: a fresh model, or with warm_start the one there is.

        Parameters
        ----------
        X : array, frame or sparse matrix, shape (n, features)
        y : array, shape (n,) or (n, outputs)
        sample_weight : array, shape (n,), optional
            At least 0.
        X_val, y_val, sample_weight_val : optional
            Rows to validate on after each epoch; callbacks see ``val_loss`` and the metrics.

        Returns
        -------
        self
        """
        self._validate_params()
        with self._unchanged_if_it_fails():
            return self._fit(X, y, sample_weight, (X_val, y_val, sample_weight_val))

    def _fit(self, X, y, sample_weight, validation=None, incremental=False, classes=None):
        epochs = 1 if incremental else self.epochs
        first = not hasattr(self, "model_") or not (self.warm_start or incremental)
        X, y = self._checked(X, y, reset=first, **self._of_y)
        weights = self._row_weights(sample_weight, len(X))
        y, weights = self._learned(y, weights, first, incremental, classes)
        if first:
            self._begin(X)
        model = self.model_
        X = X.astype(model.dtype, copy=False)
        validation = self._validation(*(validation or (None, None, None)))
        rows = len(X)
        batch_size = min(200 if self.batch_size == "auto" else self.batch_size, rows)
        try:
            model.fit(
                X, self._targets(y), batch_size, epochs, self.verbose, self.callbacks,
                validation_data=validation, shuffle=self.shuffle and batch_size < rows,
                sample_weight=weights, n_jobs=self.n_jobs,
            )  # fmt: skip
        except KeyboardInterrupt:
            warnings.warn("Training interrupted by user.", stacklevel=3)
        self.history_ = model.history
        self.n_iter_ = len(self.history_.epoch)
        self.n_outputs_ = making.width_of(model)
        return self

    def _begin(self, X):
        """A fresh model, compiled; kept only if it fits."""
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        facts = {"n_features": X.shape[1], "dtype": X.dtype.name} | self._facts()
        model = making.made(self.model, facts, self._routed("model__"), seed)
        width = making.width_of(model)
        loss = self._loss(model, width)
        optimizer = self.optimizer
        if optimizer is None:
            optimizer = model.optimizer if model.compiled else "adam"
        metrics = self.metrics
        if metrics is None and model.compiled:
            metrics = (model.get_compile_config() or {}).get("metrics")
        with scope.own(seed):
            model.compile(
                making.fresh("optimizer", optimizer, self._routed("optimizer__")), loss,
                metrics=metrics,
            )  # fmt: skip
        self.model_ = model

    def _loss(self, model, width):
        """The loss that was chosen, or that the model was compiled with, or that fits."""
        chosen = self.loss
        if chosen is None and model.compiled and model.loss is not None:
            chosen = model.loss
        if chosen is None:
            chosen = self._default_loss(model, width)
        found = averaged(making.fresh("loss", chosen, self._routed("loss__")))
        self._check_width(found, width)
        return found

    def _validation(self, X, y, sample_weight):
        if X is None:
            if y is not None or sample_weight is not None:
                raise ArgumentError("X_val: expected rows where y_val is given, got None")
            return None
        if y is None:
            raise ArgumentError("y_val: expected targets of X_val, got None")
        X, y = self._checked(X, y, reset=False, dtype=self.model_.dtype, **self._of_y)
        weights = self._row_weights(sample_weight, len(X))
        targets = self._targets(self._coded(y))
        return (X, targets) if weights is None else (X, targets, weights)

    # -- what a subclass gives ----------------------------------------------------------------

    def _facts(self):
        """What a function that makes a model may want to know of the targets."""
        raise NotImplementedError

    def _learned(self, y, weights, first, incremental, classes):
        """Look at y: what `_targets` takes, and the weights of the rows."""
        raise NotImplementedError

    def _coded(self, y):
        """y as `_learned` gives it."""
        raise NotImplementedError

    def _targets(self, y):
        """The targets of the model."""
        raise NotImplementedError

    def _default_loss(self, model, width):
        raise NotImplementedError

    def _check_width(self, loss, width):
        """An error where the model's output does not fit the targets."""


class Classifier(ClassifierMixin, Wrapper):
    """A model of fastgd that tells classes apart, as an estimator of scikit-learn.

    Parameters
    ----------
    model : Model or callable, optional
        A model, which each fit clones, with fresh weights; or a function that makes one. It is
        called with those of these that it has parameters for: ``n_features``, ``n_outputs``
        (1 for two classes), ``n_classes``, ``output_activation`` and ``dtype``; and with what
        ``model__...`` says, as in ``Classifier(f, model__units=16)``. By default one hidden
        layer of ``model__units``, 100.
    loss : str or Loss, optional
        A name or object of ``fastgd.losses``; parameters may come as ``loss__...``. By default
        that which the model is compiled with, or the cross-entropy that fits its output.
    optimizer : str or Optimizer, optional
        Likewise of ``fastgd.optimizers``, with ``optimizer__...``; "adam" by default.
    metrics : list, optional
        Of ``fastgd.metrics``.
    epochs : int
    batch_size : int or "auto"
        "auto" is 200, or all rows if they are fewer.
    class_weight : dict, "balanced" or None
        What the rows of each class count, as everywhere in scikit-learn.
    shuffle : bool
    callbacks : list of Callback, optional
    verbose : {0, 1, 2, "auto"}
        As in ``model.fit``.
    warm_start : bool
        Whether fit trains the model there is for `epochs` epochs more.
    random_state : int, RandomState or None
        What weights, orders and dropout come from: the same gives the same bits.
    n_jobs : int, optional
        Threads; they change no bit.
    **routed
        ``model__...``, ``optimizer__...`` and ``loss__...``.

    Attributes
    ----------
    model_ : Model
    classes_ : ndarray
    history_ : fastgd.callbacks.History
        Of the last fit.
    n_iter_ : int
        Its epochs.
    n_features_in_, feature_names_in_, n_outputs_

    Examples
    --------
    >>> from sklearn.datasets import make_classification
    >>> from sklearn.model_selection import GridSearchCV
    >>> from fastgd import Sequential, layers
    >>> from fastgd.sklearn import Classifier
    >>> def network(n_features, units=8):
    ...     return Sequential([
    ...         layers.Input(shape=(n_features,)),
    ...         layers.Dense(units, activation="relu"),
    ...         layers.Dense(1, activation="sigmoid"),
    ...     ])
    >>> X, y = make_classification(n_samples=100, random_state=1)
    >>> model = Classifier(network, epochs=20, batch_size=10, random_state=1)
    >>> grid = {"model__units": [4, 16], "optimizer__learning_rate": [0.01]}
    >>> search = GridSearchCV(model, grid).fit(X, y)
    >>> bool(search.best_score_ > 0.8)
    True
    """

    _of_y = {}  # noqa: RUF012
    _parameter_constraints = Wrapper._parameter_constraints | {
        "class_weight": [dict, list, StrOptions({"balanced"}), None]
    }

    def __init__(
        self, model=None, *, loss=None, optimizer=None, metrics=None, epochs=100,
        batch_size="auto", class_weight=None, shuffle=True, callbacks=None, verbose=0,
        warm_start=False, random_state=None, n_jobs=None, **routed,
    ):  # fmt: skip
        self._keep(locals())

    def partial_fit(self, X, y, sample_weight=None, classes=None):
        """One more epoch, over these rows.

        Parameters
        ----------
        X, y, sample_weight
            As for ``fit``.
        classes : array, optional
            All classes that will come; for the first call.

        Returns
        -------
        self
        """
        self._validate_params()
        if classes is None and not hasattr(self, "classes_"):
            raise ArgumentError("classes must be passed on the first call to partial_fit.")
        with self._unchanged_if_it_fails():
            return self._fit(X, y, sample_weight, incremental=True, classes=classes)

    def predict(self, X):
        """The class, or the labels, of each row: (n,) or (n, labels)."""
        found = self._outputs(X)
        if self._labels.kind == "binary" and found.shape[1] == 2:
            return self._labels.classes[np.argmax(found, axis=1)]
        loss = self.model_.loss
        margins = isinstance(loss, MARGINS) or loss.from_logits
        return self._labels.decoded(found, 0.0 if margins else 0.5)

    @available_if(lambda self: self._gives_probabilities())
    def predict_proba(self, X):
        """The probability of each class, or label: (n, classes), in the order of classes_."""
        found = self._outputs(X)
        if self.model_.loss.from_logits:
            several = found.shape[1] > 1 and self._labels.kind != "multilabel"
            found = ops.convert_to_numpy((ops.softmax if several else ops.sigmoid)(found))
        if self._labels.kind == "binary" and found.shape[1] == 2:
            return found
        return self._labels.probabilities(found)

    def _gives_probabilities(self):
        loss = self.model_.loss if hasattr(self, "model_") else self.loss
        with contextlib.suppress(ValueError):
            if isinstance(losses.get(loss), MARGINS):
                raise AttributeError(f"predict_proba: loss {self.loss!r} gives margins")
        return True

    def _facts(self):
        labels = self._labels
        activation = "softmax" if labels.kind == "multiclass" else "sigmoid"
        return {
            "n_outputs": labels.outputs, "n_classes": len(labels.classes),
            "output_activation": activation,
        }  # fmt: skip

    def _learned(self, y, weights, first, incremental, classes):
        labels = Labels.for_fit(self, y, first, incremental, classes)
        codes = labels.codes(y)
        weights = labels.weights(self.class_weight, y, weights)
        self._labels, self.classes_ = labels, labels.classes
        return codes, weights

    def _coded(self, y):
        return self._labels.codes(y)

    def _targets(self, y):
        model, labels = self.model_, self._labels
        if model.loss.sparse or labels.kind == "multilabel" or making.width_of(model) == 1:
            return y.reshape(len(y), -1).astype(model.dtype)
        return np.eye(making.width_of(model), dtype=model.dtype)[y]

    def _default_loss(self, model, width):
        last = model.network().last_activations[0]
        if self._labels.kind == "multilabel" or width == 1:
            return losses.BinaryCrossentropy(from_logits=last is not activations.sigmoid)
        return losses.SparseCategoricalCrossentropy(from_logits=last is not activations.softmax)

    def _check_width(self, loss, width):
        labels = self._labels
        fits = {labels.outputs, 2} if labels.kind == "binary" else {labels.outputs}
        if width not in fits:
            raise ArgumentError(
                f"model: its output has {width} columns, expected {labels.outputs} for "
                f"the {len(labels.classes)} of classes_"
            )

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags


class Regressor(RegressorMixin, Wrapper):
    """A model of fastgd that gives numbers, as an estimator of scikit-learn.

    Parameters
    ----------
    model : Model or callable, optional
        A model, which each fit clones, with fresh weights; or a function that makes one. It is
        called with those of these that it has parameters for: ``n_features``, ``n_outputs``,
        ``output_activation`` and ``dtype``; and with what ``model__...`` says. By default one
        hidden layer of ``model__units``, 100.
    loss : str or Loss, optional
        A name or object of ``fastgd.losses``; parameters may come as ``loss__...``. By default
        that which the model is compiled with, or the mean squared error.
    optimizer : str or Optimizer, optional
        Likewise of ``fastgd.optimizers``, with ``optimizer__...``; "adam" by default.
    metrics : list, optional
        Of ``fastgd.metrics``.
    epochs : int
    batch_size : int or "auto"
        "auto" is 200, or all rows if they are fewer.
    shuffle : bool
    callbacks : list of Callback, optional
    verbose : {0, 1, 2, "auto"}
        As in ``model.fit``.
    warm_start : bool
        Whether fit trains the model there is for `epochs` epochs more.
    random_state : int, RandomState or None
        What weights, orders and dropout come from: the same gives the same bits.
    n_jobs : int, optional
        Threads; they change no bit.
    **routed
        ``model__...``, ``optimizer__...`` and ``loss__...``.

    Attributes
    ----------
    model_ : Model
    history_ : fastgd.callbacks.History
        Of the last fit.
    n_iter_ : int
        Its epochs.
    n_features_in_, feature_names_in_, n_outputs_

    Examples
    --------
    >>> import numpy as np
    >>> from fastgd import Sequential, layers
    >>> from fastgd.sklearn import Regressor
    >>> X = np.linspace(-1, 1, 200)[:, None]
    >>> y = 3 * X[:, 0] + 1
    >>> network = Sequential([layers.Dense(1)])
    >>> model = Regressor(network, optimizer="adam", optimizer__learning_rate=0.1, epochs=200)
    >>> bool(model.fit(X, y).score(X, y) > 0.99)
    True
    """

    _of_y = {"y_numeric": True}  # noqa: RUF012

    def __init__(
        self, model=None, *, loss=None, optimizer=None, metrics=None, epochs=100,
        batch_size="auto", shuffle=True, callbacks=None, verbose=0, warm_start=False,
        random_state=None, n_jobs=None, **routed,
    ):  # fmt: skip
        self._keep(locals())

    def partial_fit(self, X, y, sample_weight=None):
        """One more epoch, over these rows.

        Parameters
        ----------
        X, y, sample_weight
            As for ``fit``.

        Returns
        -------
        self
        """
        self._validate_params()
        with self._unchanged_if_it_fails():
            return self._fit(X, y, sample_weight, incremental=True)

    def predict(self, X):
        """What the model gives for each row: (n,), or (n, outputs) where they are several."""
        found = self._outputs(X)
        return found[:, 0] if found.shape[1] == 1 else found

    def _facts(self):
        return {"n_outputs": self._columns, "output_activation": "linear"}

    def _learned(self, y, weights, first, incremental, classes):
        y = self._coded(y)
        if not first and self._columns != y.shape[1]:
            raise DataError(f"y: expected {self._columns} columns as before, got {y.shape[1]}")
        self._columns = y.shape[1]
        return y, weights

    def _coded(self, y):
        return np.asarray(y).reshape(len(y), -1)

    def _targets(self, y):
        return y.astype(self.model_.dtype)

    def _default_loss(self, model, width):
        return losses.MeanSquaredError()

    def _check_width(self, loss, width):
        columns = loss.target_columns(width)
        if columns != self._columns:
            raise ArgumentError(
                f"model: its output has {width} columns, for which {loss.name} takes {columns} "
                f"columns of targets; y has {self._columns}"
            )
