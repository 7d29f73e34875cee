"""Names and arguments that do not exist: the error says what to write."""

import copy
import importlib
import inspect
import pickle
import re
import subprocess
import sys

import numpy as np
import pytest

import fastgd
from fastgd import (
    Sequential,
    activations,
    callbacks,
    constraints,
    initializers,
    layers,
    linear,
    losses,
    many,
    metrics,
    models,
    ops,
    optimizers,
    regularizers,
    saving,
    sklearn,
    utils,
)  # fmt: skip
from fastgd._registry.advice import MOST, advice
from fastgd.errors import UnknownArgumentError, UnknownNameError


def model():
    made = Sequential([layers.Input((2,)), layers.Dense(1)])
    made.compile("sgd", "mse")
    return made


X, Y = np.ones((4, 2)), np.ones((4, 1))

ARGUMENTS = [
    (lambda: optimizers.Adam(lr=0.1), "lr", "'learning_rate'"),
    (lambda: optimizers.SGD(decay=0.1), "decay", "schedules.InverseTimeDecay"),
    (lambda: optimizers.Adam(eps=0.1), "eps", "'epsilon'"),
    (lambda: optimizers.AdamW(betas=(0.9, 0.99)), "betas", "'beta_1' or 'beta_2'"),
    (lambda: layers.LeakyReLU(alpha=0.1), "alpha", "'negative_slope'"),
    (lambda: layers.Dropout(p=0.1), "p", "'rate'"),
    (lambda: layers.GaussianNoise(sigma=0.1), "sigma", "'stddev'"),
    (lambda: layers.BatchNormalization(eps=0.1), "eps", "'epsilon'"),
    (lambda: layers.Dense(output_dim=3), "output_dim", "'units'"),
    (lambda: layers.Dense(3, init="zeros"), "init", "'kernel_initializer'"),
    (lambda: layers.Dense(3, activaton="relu"), "activaton", "'activation'"),
    (lambda: losses.Huber(beta=1), "beta", "'delta'"),
    (lambda: metrics.AUC(curv="PR"), "curv", "'curve'"),
    (lambda: callbacks.EarlyStopping(tol=0.1), "tol", "'min_delta'"),
    (lambda: regularizers.L2(weight_decay=0.1), "weight_decay", "'l2'"),
    (lambda: constraints.MaxNorm(max=1), "max", "max_value"),
    (lambda: optimizers.schedules.ExponentialDecay(0.1, 1, 0.9, stair=1), "stair", "staircase"),
    (lambda: model().fit(X, Y, nb_epoch=1), "nb_epoch", "'epochs'"),
    (lambda: model().fit(X, Y, validation_size=0.1), "validation_size", "'validation_split'"),
    (lambda: model().fit(X, Y, workers=2), "workers", "'n_jobs'"),
    (lambda: model().fit(X, Y, max_queue_size=2), "max_queue_size", "batches are not loaded"),
    (lambda: model().evaluate(X, Y, batchsize=2), "batchsize", "'batch_size'"),
    (lambda: model().predict(X, batchsize=2), "batchsize", "'batch_size'"),
    (lambda: model().compile("sgd", "mse", metric="mae"), "metric", "'metrics'"),
    (lambda: model().compile("sgd", "mse", lr=0.1), "lr", "optimizers.Adam(learning_rate="),
    (lambda: many.fit_many([], njobs=2), "njobs", "'n_jobs'"),
    (lambda: linear.LinearModel("log_loss", C=1), "C", "write l2"),
    (lambda: sklearn.MLPClassifier(epochs=3), "epochs", "'max_iter'"),
    (lambda: sklearn.MLPRegressor(lr=3), "lr", "'learning_rate_init'"),
    (lambda: sklearn.Classifier(None, max_iter=3), "max_iter", "'epochs'"),
    (lambda: sklearn.SGDClassifier(n_iter=3), "n_iter", "'max_iter'"),
    (lambda: sklearn.Ridge(weight_decay=3), "weight_decay", "'alpha'"),
    (lambda: layers.Dense(3, **{"foo": 1}), "foo", "nearest are"),
]  # fmt: skip


@pytest.mark.parametrize(("call", "name", "words"), ARGUMENTS)
def test_an_unknown_argument_says_what_to_write(call, name, words):
    with pytest.raises(UnknownArgumentError, match=f"no argument '{name}'") as caught:
        call()
    assert words in str(caught.value)
    assert isinstance(caught.value, TypeError) and isinstance(caught.value, ValueError)
    assert len(str(caught.value)) < 250


NAMES = [
    (losses.get, "MSELoss", "'MSE'"), (losses.get, "kld_", "'kld'"),
    (losses.get, "r2", "write 'mse'"), (losses.get, "logloss", "'bce'"),
    (metrics.get, "rmse", "'root_mean_squared_error'"), (metrics.get, "r2", "'r2_score'"),
    (metrics.get, "roc_auc", "'auc'"), (optimizers.get, "AdamOptimizer", "'Adam'"),
    (optimizers.get, "adamm", "'adam'"), (activations.get, "LeakyReLU", "'leaky_relu'"),
    (initializers.get, "xavier", "'glorot_uniform'"),
    (initializers.get, "kaiming_normal", "'he_normal'"), (losses.get, "foo", "nearest are"),
    (metrics.get, "foo", "nearest are"), (constraints.get, "maxnorm", "'max_norm'"),
]  # fmt: skip


@pytest.mark.parametrize(("get", "name", "words"), NAMES)
def test_an_unknown_name_says_what_to_write(get, name, words):
    with pytest.raises(UnknownNameError, match=re.escape(f"no {name!r}")) as caught:
        get(name)
    assert words in str(caught.value)
    assert len(str(caught.value)) < 250


def test_what_has_to_be_imported_is_said():
    assert "import fastgd.sklearn" in advice("sklearn", [*fastgd.__all__, "fastgd.many.Search"])


ATTRIBUTES = [
    (layers, "Lambda", "layers.Activation(function)"), (layers, "Conv2D", "dense networks"),
    (layers, "LSTM", "no recurrence"), (layers, "Linear", "'Dense'"),
    (layers, "BatchNorm1d", "'BatchNormalization'"), (optimizers, "AdamOptimizer", "'Adam'"),
    (losses, "MSELoss", "'MeanSquaredError'"),
    (losses, "CrossEntropyLoss", "'CategoricalCrossentropy'"),
    (metrics, "RMSE", "'RootMeanSquaredError'"), (metrics, "r2", "'R2Score'"),
    (callbacks, "EarlyStop", "'EarlyStopping'"), (ops, "reduce_sum", "'sum'"),
    (activations, "ReLU", "'relu'"), (initializers, "Xavier", "'GlorotUniform'"),
    (regularizers, "l1l2", "'l1_l2'"), (constraints, "maxnorm", "'max_norm'"),
    (fastgd, "Dense", "'fastgd.layers.Dense'"), (fastgd, "sequential", "Sequential"),
    (utils, "to_categoricals", "'to_categorical'"), (models, "Sequental", "'Sequential'"),
    (many, "kfold", "'k_fold'"), (linear, "LinearModell", "'LinearModel'"),
    (saving, "load_modell", "'load_model'"), (sklearn, "MLPClasifier", "'MLPClassifier'"),
    (optimizers.schedules, "CosineDecays", "'CosineDecay'"),
]  # fmt: skip


@pytest.mark.parametrize(("module", "name", "words"), ATTRIBUTES)
def test_an_attribute_of_a_module_says_what_to_write(module, name, words):
    with pytest.raises(AttributeError, match=f"no attribute '{name}'") as caught:
        getattr(module, name)
    assert words in str(caught.value)
    assert not hasattr(module, name)
    with pytest.raises(ImportError, match=f"no attribute '{name}'") as caught:
        exec(f"from {module.__name__} import {name}")
    assert words in str(caught.value)


CLASSES = [
    getattr(module, name)
    for module in (
        layers,
        losses,
        metrics,
        callbacks,
        optimizers,
        optimizers.schedules,
        sklearn,
    )
    for name in module.__all__
    if isinstance(getattr(module, name), type)
] + [c for m in (regularizers, constraints) for c in m.REGISTRY.members.values()]
#: They take any argument, as in Keras.
OPEN = {
    "LambdaCallback", "TqdmCallback", "MeanMetricWrapper", "LossFunctionWrapper",
    "CallbackList",
}  # fmt: skip
#: Python's own message has to do: they are bare, made by the library, or train as a whole.
BARE = {"Callback", "History", "TerminateOnNaN", "ProgbarLogger", "Optimizer", "LBFGS"}


@pytest.mark.parametrize(
    "cls", {c.__name__: c for c in CLASSES if isinstance(c, type)}.values()
)
def test_every_class_refuses_an_argument_that_it_does_not_have(cls):
    if cls.__name__ in OPEN:
        return
    expected = TypeError if cls.__name__ in BARE else UnknownArgumentError
    with pytest.raises(expected, match="argument"):
        cls(no_such_thing=1)


@pytest.mark.parametrize("cls", [sklearn.Ridge, sklearn.LogisticRegression, layers.Dense])
def test_signatures_are_still_shown(cls):
    kinds = {p.kind for p in inspect.signature(cls).parameters.values()}
    assert inspect.Parameter.VAR_POSITIONAL not in kinds


def test_names_of_the_interpreter_get_no_advice():
    with pytest.raises(AttributeError) as caught:
        layers.__wrapped__  # noqa: B018
    assert str(caught.value) == "module 'fastgd.layers' has no attribute '__wrapped__'"


def test_submodules_are_found_where_a_module_has_no_such_name():
    code = "from fastgd.layers import dense; import fastgd.sklearn.mlp; print(dense.Dense)"
    assert "Dense" in subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout  # fmt: skip


def test_few_names_are_listed_and_many_cut():
    few = [f"name{i}" for i in range(MOST)]
    assert advice("zzz", few) == f" (there are: {', '.join(few)})"
    many_more = [f"name{i}" for i in range(90)]
    assert advice("zzz", many_more).count("name") == 5 + 1  # and "names"


def test_what_takes_other_arguments_still_does():
    class Own(layers.Dense):
        def __init__(self, units, **kwargs):
            self.extra = kwargs.pop("extra")
            super().__init__(units, **kwargs)

    assert Own(3, extra=5, name="own").extra == 5

    class Mixed(losses.Loss):
        def __init__(self, weight=1.0, **kwargs):
            super().__init__(**kwargs)
            self.weight = weight

        def call(self, y_true, y_pred):
            return self.weight * ops.mean(ops.abs(y_true - y_pred), axis=-1)

    loss = pickle.loads(pickle.dumps(losses.Huber(delta=2.0)))
    assert copy.deepcopy(loss).delta == 2.0
    assert Mixed(weight=2.0, name="mixed").weight == 2.0
    squared = metrics.MeanMetricWrapper(lambda y, p, power: abs(p - y) ** power, power=2)
    assert squared(np.zeros(2), np.array([1.0, 3.0])) == 5.0
    assert callbacks.LambdaCallback(color="red").color == "red"


def test_every_module_of_names_gives_advice():
    for module in (*fastgd.__all__, "sklearn", "optimizers.schedules"):
        if module in ("backend", "config", "errors") or module in fastgd._MODULES:
            continue
        path = f"fastgd.{module}"
        if module not in ("__version__", "show_config", "version"):
            assert "__getattr__" in vars(importlib.import_module(path)), path


def test_a_class_without_arguments_takes_none():
    for call in (lambda: constraints.NonNeg(1), lambda: constraints.NonNeg(axis=1)):
        with pytest.raises(UnknownArgumentError, match="NonNeg: expected no arguments"):
            call()
