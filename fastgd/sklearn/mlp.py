"""Multi-layer perceptrons with scikit-learn's parameters and fitted attributes."""

import inspect

import numpy as np
from sklearn import neural_network
from sklearn.base import ClassifierMixin, RegressorMixin
from sklearn.metrics import r2_score
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.metaestimators import available_if

from fastgd.errors import ArgumentError, DataError
from fastgd.sklearn import objectives
from fastgd.sklearn.common import keep
from fastgd.sklearn.labels import Labels
from fastgd.sklearn.perceptron import CONSTRAINTS, MultilayerPerceptron

_PARAMETERS = """
    Parameters
    ----------
{loss}    hidden_layer_sizes : int or sequence of int
        Units of each hidden layer; none for a linear model.
    activation : str or callable, or list of such
        Of the hidden layers: "identity", "logistic", "tanh", "relu", or any name or function of
        ``fastgd.activations``; a list has one for each.
    solver : str or Optimizer
        "sgd", "adam" or "lbfgs"; or any name or object of ``fastgd.optimizers``. An object is
        a description: each fit trains by one like it. "lbfgs" is SciPy's.
    alpha : float
        alpha / 2 times the sum of the squares of all weights but the biases is added to the sum
        of the losses of each batch.
    batch_size : int or "auto"
        Rows a step; "auto" is 200, or all rows if they are fewer. Not for "lbfgs".
    learning_rate : str or schedule
        "constant", "invscaling" (learning_rate_init / (rows seen + 1)^power_t, set after each
        epoch) or "adaptive" (divided by 5 whenever the training gets no better), for "sgd"; or
        a schedule of ``fastgd.optimizers.schedules``, by step.
    learning_rate_init : float
    power_t : float
    max_iter : int
        Epochs of a fit; of "lbfgs" its iterations.
    shuffle : bool
        Whether each epoch takes the rows in a fresh order.
    random_state : int, RandomState or None
        The same gives the same bits. The weights begin as scikit-learn's do.
    tol : float
        An epoch whose loss (or validation score) is not better by it counts as no better.
    verbose : bool or int
        1 prints a line each epoch, 2 draws a bar.
    warm_start : bool
        Whether fit goes on where the last one ended: so many epochs more, with what the
        optimizer has learnt and by the same stream of random numbers. Two fits of one epoch
        are, to the bit, one fit of two.
    momentum, nesterovs_momentum
        Of "sgd".
    early_stopping : bool
        Keep validation_fraction of the rows aside and let the score on them decide when to end;
        the weights of the best epoch stay.
    validation_fraction : float
    beta_1, beta_2, epsilon : float
        Of "adam".
    n_iter_no_change : int or inf
        How many epochs in a row may be no better.
    max_fun : int
        Evaluations of the loss by "lbfgs", at most.
    dropout : float or list of float
        The share of the outputs of each hidden layer that is dropped in training.
{class_weight}    callbacks : list of Callback, optional
        Of ``fastgd.callbacks``: they see loss, val_score and, of the rows kept aside, val_loss.
    n_jobs : int, optional
        Threads; they change no bit.

    Attributes
    ----------
    model_ : fastgd.Sequential
        The network.
    coefs_, intercepts_ : list of ndarray
        Views of its weights; may be set.
    loss_, best_loss_ : float
        The loss of the last epoch, with the penalty, and the least one; the latter is None
        where rows were kept aside.
    loss_curve_ : list of float
    validation_scores_, best_validation_score_
        {score}
    n_iter_ : int
        Epochs of the last fit.
    t_ : int
        Rows trained on in all epochs.
    history_ : fastgd.callbacks.History
        Of the last fit.
    n_features_in_, feature_names_in_, n_layers_, n_outputs_, out_activation_{classes}

    Notes
    -----
    Of rows with weights w a batch's loss is sum(w l) / sum(w), so that a weight of 2 is the
    same as a row that comes twice in it; loss_curve_ has that mean over an epoch. A sparse X is
    made dense.
"""


def described(**parts):
    """A decorator that puts the parameters into a class's docstring."""

    def describe(cls):
        cls.__doc__ = filled(cls.__doc__, _PARAMETERS.format(**parts))
        return cls

    return describe


def filled(docstring, parameters):
    """A docstring with the parameters in the place of the word PARAMETERS.

    Python 3.13 takes the indentation off docstrings, earlier ones leave it: here it is off in
    either case. ``python -OO`` has no docstrings: None stays None.
    """
    if docstring is None:
        return None
    return inspect.cleandoc(docstring).replace("PARAMETERS", inspect.cleandoc(parameters))


def _steps_through_rows(estimator):
    if estimator.solver == "lbfgs":
        raise AttributeError("partial_fit: 'lbfgs' needs all rows at once: use 'adam' or 'sgd'")
    return True


@described(
    loss="",
    class_weight="""    loss : str or Loss
        "log_loss", "focal" or any name or object of ``fastgd.losses``.
    class_weight : dict, "balanced" or None
        What the rows of each class count, as everywhere in scikit-learn.
""",
    score="The accuracy after each epoch; None where no rows were kept aside.",
    classes=", classes_",
)
class MLPClassifier(ClassifierMixin, MultilayerPerceptron):
    """A multi-layer perceptron that tells classes apart: scikit-learn's, trained by fastgd.

    PARAMETERS

    Examples
    --------
    >>> from sklearn.datasets import make_classification
    >>> from fastgd.sklearn import MLPClassifier
    >>> X, y = make_classification(n_samples=100, random_state=1)
    >>> model = MLPClassifier(solver="lbfgs", random_state=1).fit(X, y)
    >>> model.predict(X[:5]).tolist() == y[:5].tolist()
    True
    >>> more = MLPClassifier((16, 8), ["tanh", "relu"], class_weight={1: 3}, dropout=0.2)
    >>> more.partial_fit(X, y, classes=[0, 1]).predict_proba(X).shape
    (100, 2)
    """

    _of_y = {}  # noqa: RUF012
    _stratifies = True
    _parameter_constraints = (
        neural_network.MLPClassifier._parameter_constraints
        | CONSTRAINTS
        | {"class_weight": [dict, list, StrOptions({"balanced"}), None]}
    )

    def __init__(
        self, hidden_layer_sizes=(100,), activation="relu", *, solver="adam", alpha=0.0001,
        batch_size="auto", learning_rate="constant", learning_rate_init=0.001, power_t=0.5,
        max_iter=200, shuffle=True, random_state=None, tol=1e-4, verbose=False,
        warm_start=False, momentum=0.9, nesterovs_momentum=True, early_stopping=False,
        validation_fraction=0.1, beta_1=0.9, beta_2=0.999, epsilon=1e-8, n_iter_no_change=10,
        max_fun=15000, loss="log_loss", class_weight=None, dropout=0.0, callbacks=None,
        n_jobs=None,
    ):  # fmt: skip
        keep(self, locals())

    @available_if(_steps_through_rows)
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
        outputs = self._outputs(X)
        return self._labels.decoded(outputs, self._objective.threshold)

    @available_if(lambda self: self._gives_probabilities())
    def predict_proba(self, X):
        """The probability of each class, or label: (n, classes), in the order of classes_."""
        outputs = self._outputs(X)
        return self._labels.probabilities(outputs)

    @available_if(lambda self: self._gives_probabilities())
    def predict_log_proba(self, X):
        """The logarithms of ``predict_proba``."""
        found = self.predict_proba(X)
        with np.errstate(divide="ignore"):
            return np.log(found)

    def _gives_probabilities(self):
        margins = {m.function.__name__ for m in objectives.MARGINS}
        if isinstance(self.loss, objectives.MARGINS) or self.loss in margins:
            raise AttributeError(f"predict_proba: loss {self.loss!r} gives margins")
        return True

    def _task(self, y, sample_weight, first, incremental, classes):
        labels = Labels.for_fit(self, y, first, incremental, classes)
        codes = labels.codes(y)
        weights = labels.weights(self.class_weight, y, sample_weight)
        self._objective = objectives.of_classes(self.loss, labels)
        self._labels, self.classes_ = labels, labels.classes
        return self._targets(codes), weights, self._objective

    def _targets(self, codes):
        return self._labels.encoded(codes, np.float64, self._objective.loss.sparse)

    def _encoded(self, y):
        return self._targets(self._labels.codes(y))

    def _score_of(self, outputs, targets, sample_weight):
        if self._labels.kind == "multiclass":
            true = targets[:, 0] if self._objective.loss.sparse else targets.argmax(axis=1)
            right = outputs.argmax(axis=1) == true
        else:
            right = ((outputs > self._objective.threshold) == (targets > 0.5)).all(axis=1)
        return float(np.average(right, weights=sample_weight))

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags


@described(
    loss="""    loss : str or Loss
        "squared_error" or "poisson" (with a log link), halves as in scikit-learn; or any name
        or object of ``fastgd.losses``, such as ``Quantile([0.1, 0.9])``. One that can have a
        log link, such as ``Tweedie``, has it.
""",
    class_weight="",
    score="""R² after each epoch, of losses that scikit-learn lacks minus the loss; None where
        no rows were kept aside.""",
    classes="",
)
class MLPRegressor(RegressorMixin, MultilayerPerceptron):
    """A multi-layer perceptron that gives numbers: scikit-learn's, trained by fastgd.

    PARAMETERS

    Examples
    --------
    >>> import numpy as np
    >>> from fastgd.losses import Quantile
    >>> from fastgd.sklearn import MLPRegressor
    >>> X = np.linspace(-1, 1, 200)[:, None]
    >>> y = X[:, 0] ** 2
    >>> model = MLPRegressor(solver="lbfgs", random_state=1).fit(X, y)
    >>> model.score(X, y) > 0.99
    True
    >>> MLPRegressor(Quantile([0.1, 0.9]), (16,)).partial_fit(X, y).predict(X).shape
    (200, 2)
    """

    _of_y = {"y_numeric": True}  # noqa: RUF012
    _stratifies = False
    _parameter_constraints = neural_network.MLPRegressor._parameter_constraints | CONSTRAINTS

    def __init__(
        self, loss="squared_error", hidden_layer_sizes=(100,), activation="relu", *,
        solver="adam", alpha=0.0001, batch_size="auto", learning_rate="constant",
        learning_rate_init=0.001, power_t=0.5, max_iter=200, shuffle=True, random_state=None,
        tol=1e-4, verbose=False, warm_start=False, momentum=0.9, nesterovs_momentum=True,
        early_stopping=False, validation_fraction=0.1, beta_1=0.9, beta_2=0.999, epsilon=1e-8,
        n_iter_no_change=10, max_fun=15000, dropout=0.0, callbacks=None, n_jobs=None,
    ):  # fmt: skip
        keep(self, locals())

    @available_if(_steps_through_rows)
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
        """The prediction for each row: (n,), or (n, outputs) where they are several."""
        outputs = self._outputs(X)
        found = self._objective.predictions(outputs)
        return found[:, 0] if found.shape[1] == 1 else found

    def _task(self, y, sample_weight, first, incremental, classes):
        targets = self._encoded(y)
        if not first and self._columns != targets.shape[1]:
            raise DataError(
                f"y: expected {self._columns} columns as before, got {targets.shape[1]}"
            )
        self._columns = targets.shape[1]
        self._objective = objectives.of_numbers(
            self.loss, targets.shape[1], targets, sample_weight
        )
        low, _ = self._objective.loss.target_range
        if targets.min() < low:
            raise DataError(f"y: {self._objective.loss.name} expects targets of at least {low}")
        return targets, sample_weight, self._objective

    def _encoded(self, y):
        return np.asarray(y).reshape(len(y), -1)

    def _score_of(self, outputs, targets, sample_weight):
        if self.loss in ("squared_error", "poisson"):
            found = self._objective.predictions(outputs)
            if not np.isfinite(found).all():
                return np.nan
            return float(r2_score(targets, found, sample_weight=sample_weight))
        return -float(self._objective.loss(targets, outputs, sample_weight))
