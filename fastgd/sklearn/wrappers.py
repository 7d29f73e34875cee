"""Any model of fastgd as an estimator of scikit-learn."""

import copy
import inspect
from collections.abc import Callable, Sequence
from numbers import Integral
from typing import Any, ClassVar, Self

import numpy as np
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import HasMethods, Interval, Options, StrOptions

from fastgd import activations, layers, losses, ops, optimizers
from fastgd._engine import scope
from fastgd._registry.advice import unknown_argument
from fastgd._typing import Array, Data
from fastgd.callbacks import Callback
from fastgd.errors import ArgumentError, DataTypeError, warn
from fastgd.losses import Loss
from fastgd.models import Model, Sequential, clone_model
from fastgd.optimizers import Optimizer
from fastgd.sklearn.inputs import keep
from fastgd.sklearn.mlp_network import layer_size
from fastgd.sklearn.network_estimator import (
    NetworkClassifier,
    NetworkEstimator,
    NetworkRegressor,
    described,
)
from fastgd.sklearn.objectives import MARGINS, Labels, averaged

#: The beginnings of parameters that are passed on, such as ``model__units``.
ROUTES = ("model__", "optimizer__", "loss__")

#: What there is of a model that was trained before.
FITTED = (
    "model_", "n_features_in_", "n_outputs_", "feature_names_in_", "_labels", "classes_",
    "_columns",
)  # fmt: skip

_PARAMETERS = """
    Parameters
    ----------
    model : Model or callable, optional
        A model, which each fit clones, with fresh weights. One that is trained counts as fitted
        until then: it predicts, for the classes 0, 1 ... Or a function that returns one. It
        is called with those of these that it has parameters for: ``n_features``, {facts},
        ``output_activation`` and ``dtype``; and with the values of ``model__...``, as in
        ``{name}(f, model__units=16)``. By default one hidden layer of ``model__units``, 100.
    loss : str or Loss, optional
        A name or object of ``fastgd.losses``; parameters may come as ``loss__...``. By default
        the one the model is compiled with, or {default_loss}.
    optimizer : str or Optimizer, optional
        Likewise of ``fastgd.optimizers``, with ``optimizer__...``; "adam" by default.
    metrics : list of ``fastgd.metrics``, optional
    epochs : int
    batch_size : int or "auto", which is 200, or all rows if there are fewer
{class_weight}    shuffle : bool or "batch", as in ``model.fit``
    callbacks : list of Callback, optional
    verbose : {{0, 1, 2, "auto"}}, as in ``model.fit``
    warm_start : bool
        Whether fit trains the current model for `epochs` more epochs.
    random_state : int, RandomState or None
        The source of weights, orders and dropout: the same gives the same bits.
    n_jobs : int, optional, threads; they change no bit
    **routed
        ``model__...``, ``optimizer__...`` and ``loss__...``.

    Attributes
    ----------
    model_ : Model
{classes}    history_, n_iter_ : fastgd.callbacks.History and int
        Of the last fit, and its epochs.
    n_features_in_, feature_names_in_, n_outputs_
"""


class Wrapper(NetworkEstimator):
    """Hold the common part of Classifier and Regressor.

    A subclass has ``_facts``, for a function that returns a model; ``_default_loss``; and
    ``_check_width``, which raises if the model's output does not fit the targets.
    """

    #: An unknown name is refused when it is looked up.
    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "model": [Model, callable, None],
        "loss": [str, callable, dict, None],
        "optimizer": [str, dict, type, Optimizer, None],
        "metrics": [list, tuple, dict, str, callable, None],
        "epochs": [Interval(Integral, 1, None, closed="left")],
        "batch_size": [Interval(Integral, 1, None, closed="left"), StrOptions({"auto"})],
        "shuffle": ["boolean", StrOptions({"batch"})],
        "callbacks": [list, tuple, HasMethods("set_model"), None],
        "verbose": [Options(Integral, {0, 1, 2}), "boolean", StrOptions({"auto"})],
        "warm_start": ["boolean"],
        "random_state": ["random_state"],
        "n_jobs": [Integral, None],
    }

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        if "__init__" in vars(cls):  # scikit-learn takes parameters from its signature
            whole = inspect.signature(cls.__init__)
            named = [p for p in whole.parameters.values() if p.kind is not p.VAR_KEYWORD]
            vars(cls)["__init__"].__signature__ = whole.replace(parameters=named)

    def _keep(self, arguments):
        """Set attributes from the arguments of the constructor."""
        routed = arguments.pop("routed")
        for name in routed:
            if not name.startswith(ROUTES):
                error = unknown_argument(type(self).__name__, name, self._get_param_names())
                error.add_note(f"Parameters that are passed on begin with {', '.join(ROUTES)}.")
                raise error
        keep(self, arguments | routed)

    def __sklearn_is_fitted__(self):
        return "model_" in vars(self) or is_trained(vars(self).get("model"))

    def __getattr__(self, name: str) -> Any:
        """Return what a fit would have set, of a model that was trained before."""
        model: Any = vars(self).get("model")
        if name not in FITTED or not is_trained(model):
            raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")
        found = {
            "model_": model, "n_features_in_": model.input_shape[-1],
            "n_outputs_": output_width(model), **self._facts_of(model),
        }  # fmt: skip
        if model.feature_names is not None:
            found["feature_names_in_"] = np.array(model.feature_names, dtype=object)
        if name not in found:
            raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")
        return found[name]

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the parameters, including those that are passed on."""
        routed = {k: v for k, v in vars(self).items() if k.startswith(ROUTES)}
        return super().get_params(deep=False) | routed

    def set_params(self, **params: Any) -> Self:
        """Set parameters; ``model__...``, ``optimizer__...`` and ``loss__...`` may be new."""
        for name in [name for name in params if name.startswith(ROUTES)]:
            setattr(self, name, params.pop(name))
        return super().set_params(**params)

    def _routed(self, route):
        given = vars(self).items()
        return {k.removeprefix(route): value for k, value in given if k.startswith(route)}

    def _fit_prepared(self, X, codes, weights, first, validation, incremental):
        if first:
            goes_on = (incremental or self.warm_start) and is_trained(self.model)
            self.model_ = copy.deepcopy(self.model) if goes_on else self._compiled(X)
        model, rows = self.model_, len(X)
        batch_size = min(200 if self.batch_size == "auto" else self.batch_size, rows)
        try:
            model.fit(
                X.astype(model.dtype, copy=False), self._targets(codes), batch_size,
                1 if incremental else self.epochs, self.verbose, self.callbacks,
                validation_data=self._validation_rows(validation),
                shuffle=batch_size < rows and self.shuffle, sample_weight=weights,
                n_jobs=self.n_jobs,
            )  # fmt: skip
        except KeyboardInterrupt:
            warn("Training interrupted by user.")
        self.history_ = model.history
        self.n_iter_ = len(self.history_.epoch)
        self.n_outputs_ = output_width(model)

    def _compiled(self, X):
        """Return a fresh model with optimizer, loss and metrics."""
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        facts = {"n_features": X.shape[1], "dtype": X.dtype.name} | self._facts()
        model = new_model(self.model, facts, self._routed("model__"), seed)
        width = output_width(model)
        loss = model.loss if self.loss is None and model.compiled else self.loss
        if loss is None:
            loss = self._default_loss(model, width)
        loss = averaged(configured(losses.get, loss, self._routed("loss__")))
        self._check_width(loss, width)
        default = model.optimizer if model.compiled else "adam"
        optimizer = default if self.optimizer is None else self.optimizer
        metrics = self.metrics
        if metrics is None and model.compiled:
            metrics = (model.get_compile_config() or {}).get("metrics")
        with scope.own(seed):
            optimizer = configured(optimizers.get, optimizer, self._routed("optimizer__"))
            model.compile(optimizer, loss, metrics=metrics)
        return model


@described(
    _PARAMETERS,
    name="Classifier",
    facts="``n_outputs``\n        (1 for two classes), ``n_classes``",
    default_loss="the cross-entropy that fits its output",
    class_weight="""    class_weight : dict, "balanced" or None
        The factor of the rows of each class, as in scikit-learn.
""",
    classes="    classes_ : ndarray\n",
)
class Classifier(NetworkClassifier, Wrapper):
    """Wrap a model of fastgd that classifies as an estimator of scikit-learn.

    PARAMETERS

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

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = Wrapper._parameter_constraints | {
        "class_weight": [dict, list, StrOptions({"balanced"}), None]
    }

    def __init__(self, model: Model | Callable[..., Model] | None = None, *,
                 loss: str | Loss | None = None, optimizer: str | Optimizer | None = None,
                 metrics: Any = None, epochs: int = 100, batch_size: int | str = "auto",
                 class_weight: Any = None, shuffle: bool | str = True,
                 callbacks: Sequence[Callback] | None = None, verbose: int | str = 0,
                 warm_start: bool = False, random_state: Any = None, n_jobs: int | None = None,
                 **routed: Any) -> None:  # fmt: skip
        self._keep(locals())

    def predict(self, X: Data) -> Array:
        """Return the class, or the labels, of each row: (n,) or (n, labels)."""
        found = self._outputs(X)
        if self._labels.kind == "binary" and found.shape[1] == 2:
            return self._labels.classes[np.argmax(found, axis=1)]
        loss = self.model_.loss
        margins = isinstance(loss, MARGINS) or loss.from_logits
        return self._labels.decoded(found, 0.0 if margins else 0.5)

    def _probabilities(self, outputs):
        if self.model_.loss.from_logits:
            several = outputs.shape[1] > 1 and self._labels.kind != "multilabel"
            outputs = ops.convert_to_numpy((ops.softmax if several else ops.sigmoid)(outputs))
        if self._labels.kind == "binary" and outputs.shape[1] == 2:
            return outputs
        return super()._probabilities(outputs)

    def _facts_of(self, model):
        labels = Labels.of_outputs(output_width(model), model.loss)
        return {"_labels": labels, "classes_": labels.classes}

    def _facts(self):
        labels = self._labels
        activation = "softmax" if labels.kind == "multiclass" else "sigmoid"
        counts = {"n_outputs": labels.outputs, "n_classes": len(labels.classes)}
        return counts | {"output_activation": activation}

    def _targets(self, codes):
        model = self.model_
        width = output_width(model)
        return self._labels.encoded(codes, model.dtype, model.loss.sparse, width)

    def _default_loss(self, model, width):
        last = model.assembly().last_activations[0]
        if self._labels.kind == "multilabel" or width == 1:
            return losses.BinaryCrossentropy(from_logits=last is not activations.sigmoid)
        return losses.SparseCategoricalCrossentropy(from_logits=last is not activations.softmax)

    def _check_width(self, loss, width):
        labels = self._labels
        fits = {labels.outputs, 2} if labels.kind == "binary" else {labels.outputs}
        if width not in fits:
            expected = f"{labels.outputs} for the {len(labels.classes)} of classes_"
            raise ArgumentError(f"model: its output has {width} columns, expected {expected}")


@described(
    _PARAMETERS,
    name="Regressor",
    facts="``n_outputs``",
    default_loss="the mean squared error",
    class_weight="",
    classes="",
)
class Regressor(NetworkRegressor, Wrapper):
    """Wrap a model of fastgd that predicts numbers as an estimator of scikit-learn.

    PARAMETERS

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

    def __init__(self, model: Model | Callable[..., Model] | None = None, *,
                 loss: str | Loss | None = None, optimizer: str | Optimizer | None = None,
                 metrics: Any = None, epochs: int = 100, batch_size: int | str = "auto",
                 shuffle: bool | str = True, callbacks: Sequence[Callback] | None = None,
                 verbose: int | str = 0, warm_start: bool = False, random_state: Any = None,
                 n_jobs: int | None = None, **routed: Any) -> None:  # fmt: skip
        self._keep(locals())

    def _facts_of(self, model):
        return {"_columns": model.loss.target_columns(output_width(model))}

    def _facts(self):
        return {"n_outputs": self._columns, "output_activation": "linear"}

    def _targets(self, codes):
        return codes.astype(self.model_.dtype)

    def _default_loss(self, model, width):
        return losses.MeanSquaredError()

    def _check_width(self, loss, width):
        columns = loss.target_columns(width)
        if columns != self._columns:
            raise ArgumentError(
                f"model: its output has {width} columns, for which {loss.name} takes {columns} "
                f"columns of targets; y has {self._columns}"
            )


def is_trained(model):
    """Return whether a model is compiled and was trained, also before it was loaded."""
    return (
        isinstance(model, Model) and model.built and model.compiled and model.epochs_begun > 0
    )


def new_model(model, facts, parameters, seed):
    """Return a fresh model, with weights from a seed; compiled only if `model` was.

    facts: of the data, n_features, n_outputs ...; parameters: those of ``model__...``.
    """
    with scope.own(seed):
        if isinstance(model, Model):
            for name in parameters:
                advice = "a model takes no parameters: give a function that returns one"
                raise ArgumentError(f"model__{name}: {advice}")
            found = clone_model(model)
            if model.compiled:
                found.compile_from_config(model.get_compile_config())
        else:
            function = one_hidden_layer if model is None else model
            known = inspect.signature(function).parameters.values()
            kinds = inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY
            names = {p.name for p in known if p.kind in kinds}
            found = function(**{k: v for k, v in facts.items() if k in names} | parameters)
            if not isinstance(found, Model):
                raise DataTypeError(f"model: expected it to return a model, got {found!r}")
        if not found.built:
            found.build((None, facts["n_features"]))
        found.seed = seed
    return found


def one_hidden_layer(n_features, n_outputs, output_activation, dtype, units=100):
    """Return the network of an estimator without a model."""
    rows = layers.Input(shape=(n_features,), dtype=dtype)
    hidden = layers.Dense(layer_size(units, "model__units"), activation="relu")
    out = layers.Dense(n_outputs, activation=output_activation)
    return Sequential([rows, hidden, out], dtype=dtype)


def configured(get, chosen, parameters):
    """Return an optimizer or loss as it was chosen, with parameters; never the user's object.

    get: ``optimizers.get`` or ``losses.get``.
    """
    found = get(chosen)
    if not hasattr(type(found), "from_config") or (get is losses.get and not parameters):
        return found
    return type(found).from_config(found.get_config() | parameters)


def output_width(model):
    """Return the number of columns of a model's output."""
    shape = model.output_shape
    if isinstance(shape, list):
        raise ArgumentError(f"model: expected one output, it has {len(shape)}")
    return int(np.prod(shape[1:]))
