"""Multi-layer perceptrons with scikit-learn's parameters and fitted attributes."""

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
from sklearn import neural_network
from sklearn.metrics import r2_score
from sklearn.utils._param_validation import StrOptions

from fastgd._typing import Array, Data
from fastgd.callbacks import Callback
from fastgd.errors import DataError
from fastgd.losses import Loss
from fastgd.optimizers import Optimizer
from fastgd.optimizers.schedules import LearningRateSchedule
from fastgd.privacy import DPSGD
from fastgd.sklearn import objectives
from fastgd.sklearn.inputs import keep
from fastgd.sklearn.mlp_training import CONSTRAINTS, MultilayerPerceptron
from fastgd.sklearn.network_estimator import NetworkClassifier, NetworkRegressor, described

Activation: TypeAlias = str | Callable[..., Any] | Sequence[str | Callable[..., Any]]

_PARAMETERS = """
    Parameters
    ----------
{loss}    hidden_layer_sizes : int or sequence of int
        Units of each hidden layer; none for a linear model.
    activation : str or callable, or list of such
        Of the hidden layers: "identity", "logistic", "tanh", "relu", or any name or function of
        ``fastgd.activations``; a list has one for each.
    solver : str or Optimizer
        "sgd", "adam" or "lbfgs"; or any name or object of ``fastgd.optimizers``. Each fit
        trains with a copy of an object. "lbfgs" is SciPy's.
    alpha : float
        alpha / 2 times the sum of the squares of all weights but the biases is added to the sum
        of the losses of each batch.
    batch_size : int or "auto"
        Rows a step; "auto" is 200, or all rows if there are fewer. Not for "lbfgs".
    learning_rate : str or schedule
        "constant", "invscaling" (learning_rate_init / (rows seen + 1)^power_t, set after each
        epoch) or "adaptive" (divided by 5 when the training no longer improves), for "sgd"; or
        a schedule of ``fastgd.optimizers.schedules``, by step.
    learning_rate_init : float
    power_t : float
    max_iter : int, epochs of a fit; for "lbfgs" its iterations
    shuffle : bool
        Whether each epoch takes the rows in a new order.
    random_state : int, RandomState or None
        The same gives the same bits. The initial weights are drawn as scikit-learn draws them.
    tol : float
        An epoch is an improvement only if its loss (or validation score) is better by more.
    verbose : bool or int
        1 prints a line each epoch, 2 draws a bar.
    warm_start : bool
        Whether fit continues where the last one ended, for max_iter more epochs, with the state
        of the optimizer and of the random numbers. Two fits of one epoch are, bit for bit, one
        fit of two.
    momentum, nesterovs_momentum : float and bool, of "sgd"
    early_stopping : bool
        Keep validation_fraction of the rows for validation. Their score decides when to end;
        the weights of the best epoch stay.
    validation_fraction : float
    beta_1, beta_2, epsilon : float, of "adam"
    n_iter_no_change : int or inf
        The number of epochs in a row that may bring no improvement.
    max_fun : int, the most evaluations of the loss by "lbfgs"
    dropout : float or list of float
        The share of the outputs of each hidden layer that is dropped in training.
    monotonic_cst : list of int, or dict of column name -> int, optional
        1 where predictions are to rise with a column of X (of two classes, the probability of
        the second), -1 where they are to fall, else 0, as in scikit-learn's trees; a dict may
        leave columns out. The layers are ``fastgd.layers.MonotonicDense`` then, which takes an
        activation that never falls; ``fastgd.explain.monotone`` proves what they promise. For
        several targets each rises, or falls.
{class_weight}    callbacks : list of Callback, optional
        Of ``fastgd.callbacks``: they see loss, val_score and, of validation rows, val_loss.
    n_jobs : int, optional, threads; they change no bit
    privacy : fastgd.privacy.DPSGD, optional
        Train with differential privacy, for all max_iter epochs: tol and n_iter_no_change,
        which follow the loss of training rows, do not count. ``model_.privacy`` keeps account.
        The labels that there are count as known.

    Attributes
    ----------
    model_ : fastgd.Sequential, the network
    coefs_, intercepts_ : list of ndarray, views of its weights; may be set
    loss_, best_loss_ : float
        The loss of the last epoch, with the penalty, and the least one, which is None with
        validation rows.
    loss_curve_ : list of float
    validation_scores_, best_validation_score_
        {score}
    n_iter_ : int, epochs of the last fit
    t_ : int, rows trained on in all epochs
    history_ : fastgd.callbacks.History of the last fit
    n_features_in_, feature_names_in_, n_layers_, n_outputs_, out_activation_{classes}

    Notes
    -----
    For rows with weights w the loss of a batch is sum(w l) / sum(w), so that a weight of 2 is
    the same as a row that comes twice in it; loss_curve_ has that mean over an epoch. A sparse
    X is made dense.
"""


@described(
    _PARAMETERS,
    loss="",
    class_weight="""    loss : str or Loss
        "log_loss", "focal" or any name or object of ``fastgd.losses``.
    class_weight : dict, "balanced" or None
        The factor of the rows of each class, as in scikit-learn.
""",
    score="The accuracy after each epoch; None without validation rows.",
    classes=", classes_",
)
class MLPClassifier(NetworkClassifier, MultilayerPerceptron):
    """Classify by a multi-layer perceptron: scikit-learn's, trained by fastgd.

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

    _stratifies = True
    _parameter_constraints = (
        neural_network.MLPClassifier._parameter_constraints
        | CONSTRAINTS
        | {"class_weight": [dict, list, StrOptions({"balanced"}), None]}
    )

    def __init__(
        self, hidden_layer_sizes: int | Sequence[int] = (100,), activation: Activation = "relu",
        *, solver: str | Optimizer = "adam", alpha: float = 0.0001,
        batch_size: int | str = "auto", learning_rate: str | LearningRateSchedule = "constant",
        learning_rate_init: float = 0.001, power_t: float = 0.5, max_iter: int = 200,
        shuffle: bool = True, random_state: Any = None, tol: float = 1e-4,
        verbose: bool | int = False, warm_start: bool = False, momentum: float = 0.9,
        nesterovs_momentum: bool = True, early_stopping: bool = False,
        validation_fraction: float = 0.1, beta_1: float = 0.9, beta_2: float = 0.999,
        epsilon: float = 1e-8, n_iter_no_change: float = 10, max_fun: int = 15000,
        loss: str | Loss = "log_loss", class_weight: Any = None,
        dropout: float | Sequence[float] = 0.0, monotonic_cst: Any = None,
        callbacks: Sequence[Callback] | None = None, n_jobs: int | None = None,
        privacy: DPSGD | None = None,
    ) -> None:  # fmt: skip
        keep(self, locals())

    def predict(self, X: Data) -> Array:
        """Return the class, or the labels, of each row: (n,) or (n, labels)."""
        outputs = self._outputs(X)  # which first asks whether it is fitted
        return self._labels.decoded(outputs, self._objective.threshold)

    def _objective_for(self, codes, sample_weight):
        return objectives.of_classes(self.loss, self._labels)

    def _targets(self, codes):
        sparse, width = self._objective.loss.sparse, self._labels.outputs
        return self._labels.encoded(codes, np.float64, sparse, width)

    def _score_of(self, outputs, targets, sample_weight):
        if self._labels.kind == "multiclass":
            true = targets[:, 0] if self._objective.loss.sparse else targets.argmax(axis=1)
            right = outputs.argmax(axis=1) == true
        else:
            right = ((outputs > self._objective.threshold) == (targets > 0.5)).all(axis=1)
        return float(np.average(right, weights=sample_weight))


@described(
    _PARAMETERS,
    loss="""    loss : str or Loss
        "squared_error" or "poisson" (with a log link), halves as in scikit-learn; or any name
        or object of ``fastgd.losses``, such as ``Quantile([0.1, 0.9])``. A loss that can have a
        log link, such as ``Tweedie``, gets it.
""",
    class_weight="",
    score="""R² after each epoch, or minus the loss if scikit-learn lacks it; None without
        validation rows.""",
    classes="",
)
class MLPRegressor(NetworkRegressor, MultilayerPerceptron):
    """Predict numbers by a multi-layer perceptron: scikit-learn's, trained by fastgd.

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

    _stratifies = False
    _parameter_constraints = neural_network.MLPRegressor._parameter_constraints | CONSTRAINTS

    def __init__(
        self, loss: str | Loss = "squared_error",
        hidden_layer_sizes: int | Sequence[int] = (100,), activation: Activation = "relu", *,
        solver: str | Optimizer = "adam", alpha: float = 0.0001, batch_size: int | str = "auto",
        learning_rate: str | LearningRateSchedule = "constant",
        learning_rate_init: float = 0.001, power_t: float = 0.5, max_iter: int = 200,
        shuffle: bool = True, random_state: Any = None, tol: float = 1e-4,
        verbose: bool | int = False, warm_start: bool = False, momentum: float = 0.9,
        nesterovs_momentum: bool = True, early_stopping: bool = False,
        validation_fraction: float = 0.1, beta_1: float = 0.9, beta_2: float = 0.999,
        epsilon: float = 1e-8, n_iter_no_change: float = 10, max_fun: int = 15000,
        dropout: float | Sequence[float] = 0.0, monotonic_cst: Any = None,
        callbacks: Sequence[Callback] | None = None, n_jobs: int | None = None,
        privacy: DPSGD | None = None,
    ) -> None:  # fmt: skip
        keep(self, locals())

    def _predictions(self, outputs):
        return self._objective.predictions(outputs)

    def _objective_for(self, codes, sample_weight):
        objective = objectives.of_numbers(self.loss, codes.shape[1], codes, sample_weight)
        low, _ = objective.loss.target_range
        if codes.min() < low:
            raise DataError(f"y: {objective.loss.name} expects targets of at least {low}")
        return objective

    def _targets(self, codes):
        return codes

    def _score_of(self, outputs, targets, sample_weight):
        if self.loss in ("squared_error", "poisson"):
            found = self._predictions(outputs)
            if not np.isfinite(found).all():
                return np.nan
            return float(r2_score(targets, found, sample_weight=sample_weight))
        return -float(self._objective.loss(targets, outputs, sample_weight))
