"""What is saved or pickled opens in a new process, in which nothing of fastgd is loaded yet."""

import json
import pickle
import subprocess
import sys

import numpy as np
import pytest
from problems import regression

import fastgd
from fastgd import (
    Sequential,
    callbacks,
    constraints,
    initializers,
    layers,
    linear,
    losses,
    many,
    metrics,
    models,
    optimizers,
    privacy,
    regularizers,
    saving,
)

X, Y = regression(40)
CLASSES = (Y > 0).astype(int).reshape(-1)


def sequential():
    """A trained model with an object of each family in it."""
    schedule = optimizers.schedules.ExponentialDecay(0.01, 10, 0.9)
    model = Sequential(
        [
            layers.Dense(
                4, activation="relu", input_shape=(3,), kernel_initializer="he_normal",
                kernel_regularizer=regularizers.L2(1e-3), kernel_constraint="max_norm",
            ),
            layers.Dense(1),
        ]
    )  # fmt: skip
    model.compile(optimizers.Adam(schedule), losses.Huber(0.5), metrics=["mae"])
    model.fit(X, Y, epochs=2, verbose=0)
    return model


def functional():
    """A trained model of two branches."""
    inputs = layers.Input(shape=(3,))
    hidden = layers.MonotonicDense(3, activation="elu", monotonicity=[1, -1, 0])(inputs)
    output = layers.Ordered("negative")(layers.Dense(1)(layers.Add()([inputs, hidden])))
    model = models.Model(inputs, output)
    model.compile("sgd", "mse")
    model.fit(X, Y, epochs=1, verbose=0)
    return model


def stepped():
    """A linear model amid its training."""
    return linear.LinearModel("log_loss").partial_fit(X, CLASSES, classes=2)


def job():
    """A job of fit_many."""
    return {"model": sequential(), "x": X, "y": Y, "epochs": 1}


THINGS = {
    "Sequential": sequential,
    "Model": functional,
    "unbuilt model": lambda: Sequential([layers.Dense(1)]),
    "History": lambda: sequential().fit(X, Y, verbose=0),
    "layer": lambda: layers.Dense(2, activation="relu", kernel_initializer="zeros"),
    "BatchNormalization": layers.BatchNormalization,
    "layer of noise": lambda: layers.Dropout(0.5, seed=1),
    "Embedding": lambda: layers.Embedding(5, 2),
    "loss": lambda: losses.SparseCategoricalCrossentropy(from_logits=True),
    "function of losses": lambda: losses.mean_squared_error,
    "metric": lambda: metrics.AUC(num_thresholds=5),
    "function of metrics": lambda: metrics.get("mae"),
    "activation": lambda: fastgd.activations.get("gelu"),
    "optimizer": lambda: optimizers.SGD(0.1, momentum=0.9),
    "optimizer with a state": lambda: sequential().optimizer,
    "schedule": lambda: optimizers.schedules.CosineDecay(0.1, 10),
    "initializer": lambda: initializers.HeNormal(seed=1),
    "initializer of values": lambda: initializers.Constant(2.0),
    "regularizer": lambda: regularizers.L1L2(0.1, 0.2),
    "constraint": lambda: constraints.MinMaxNorm(0.5, 1.5),
    "constraint of signs": lambda: constraints.Signs([1, 0, -1]),
    "DPSGD": lambda: privacy.DPSGD(1.0, 1.1),
    "Ledger": lambda: privacy.Ledger([[0.5, 1.1, 1.0, 3, 10]]),
    "EarlyStopping": lambda: callbacks.EarlyStopping(patience=3),
    "ReduceLROnPlateau": callbacks.ReduceLROnPlateau,
    "ModelCheckpoint": lambda: callbacks.ModelCheckpoint("model.keras"),
    "CSVLogger": lambda: callbacks.CSVLogger("log.csv"),
    "TerminateOnNaN": callbacks.TerminateOnNaN,
    "Variable": lambda: sequential().trainable_variables[0],
    "LinearModel": lambda: linear.LinearModel("huber").fit(X, Y.reshape(-1)),
    "LinearModel that steps": stepped,
    "linear.SGD": lambda: linear.SGD(epochs=3),
    "linear.LBFGS": linear.LBFGS,
    "linear.Newton": linear.Newton,
    "linear.GradientDescent": lambda: linear.GradientDescent(0.1, 5),
    "results": lambda: many.fit_many([job()], n_jobs=1),
    "CrossValidation": lambda: many.cross_validate(
        sequential, X, Y, many.k_fold(len(X), 2), n_jobs=1, epochs=1
    ),
    "error": lambda: fastgd.errors.ShapeError("x: of another shape"),
}

#: Where the weights are in what has some.
WEIGHTS = {
    "Sequential": "parameters",
    "Model": "parameters",
    "History": "parameters",
    "LinearModel": "coef",
    "LinearModel that steps": "coef",
}

ESTIMATORS = {
    "LinearRegression": {},
    "Ridge": {},
    "LogisticRegression": {},
    "SGDClassifier": {"max_iter": 2, "tol": None},
    "SGDRegressor": {"max_iter": 2, "tol": None},
    "MLPClassifier": {"hidden_layer_sizes": (2,), "max_iter": 2},
    "MLPRegressor": {"hidden_layer_sizes": (2,), "max_iter": 2},
}


def printed(code, *arguments):
    """What a new interpreter prints; it has to end well."""
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def hashed(values):
    """The bits of an array, as text."""
    return np.asarray(values).tobytes().hex()


def opened(thing, folder, attributes=""):
    """A thing's class, and bits of its attributes, in a process that only unpickles it."""
    (folder / "thing.pickle").write_bytes(pickle.dumps(thing))
    code = (
        "import pickle, sys\n"
        "thing = pickle.load(open(sys.argv[1], 'rb'))\n"
        "assert pickle.dumps(thing)\n"
        "print(type(thing).__module__, type(thing).__qualname__)\n"
        "model = thing.model if type(thing).__name__ == 'History' else thing\n"
        "for name in sys.argv[2].split():\n"
        "    print(getattr(model, name).tobytes().hex())\n"
    )
    return printed(code, folder / "thing.pickle", attributes).splitlines()


@pytest.mark.parametrize("name", THINGS)
def test_a_pickle_opens(name, tmp_path):
    thing = THINGS[name]()
    kind = np.ndarray if name == "Variable" else type(thing)
    attribute = WEIGHTS.get(name, "")
    head, *bits = opened(thing, tmp_path, attribute)
    assert head == f"{kind.__module__} {kind.__qualname__}"
    if attribute:
        model = thing.model if name == "History" else thing
        assert bits == [hashed(getattr(model, attribute))]


@pytest.mark.filterwarnings("ignore:.*max_iter")
@pytest.mark.parametrize("name", ESTIMATORS)
def test_a_pickle_of_an_estimator_opens(name, tmp_path):
    module = pytest.importorskip("fastgd.sklearn")
    estimator = getattr(module, name)(**ESTIMATORS[name])
    numbers = CLASSES if "Class" in name or "Logistic" in name else Y.reshape(-1)
    estimator.fit(X, numbers)
    attribute = "" if name.startswith("MLP") else "coef_"
    head, *bits = opened(estimator, tmp_path, attribute)
    assert head.endswith(f" {name}")
    if attribute:
        assert bits == [hashed(estimator.coef_)]


@pytest.mark.parametrize("name", ["Classifier", "Regressor"])
def test_a_pickle_of_a_wrapper_opens(name, tmp_path):
    module = pytest.importorskip("fastgd.sklearn")
    model = Sequential(
        [layers.Dense(1, activation="sigmoid" if name == "Classifier" else None)]
    )
    estimator = getattr(module, name)(model, epochs=1, verbose=0)
    estimator.fit(X, CLASSES if name == "Classifier" else Y.reshape(-1))
    assert opened(estimator, tmp_path)[0].endswith(f" {name}")


# ---------------------------------------------------------------- files and descriptions


LOADERS = [
    "import fastgd; model = fastgd.saving.load_model(path)",
    "import fastgd; model = fastgd.models.load_model(path)",
    "from fastgd.saving import load_model; model = load_model(path)",
    "import fastgd.models; model = fastgd.models.load_model(path)",
]


@pytest.fixture(scope="module", params=[sequential, functional])
def saved(request, tmp_path_factory):
    """A model, and the folder with all that is written of it."""
    model = request.param()
    folder = tmp_path_factory.mktemp("saved")
    saving.save_model(model, folder / "model")
    saving.save_weights(model, folder / "weights")
    saving.save_state(model, folder / "state")
    (folder / "json").write_text(model.to_json())
    return model, folder


@pytest.mark.parametrize("loader", LOADERS)
def test_a_file_opens(loader, saved):
    model, folder = saved
    code = f"import sys; path = sys.argv[1]\n{loader}\nprint(model.parameters.tobytes().hex())"
    assert printed(code, folder / "model") == hashed(model.parameters)


@pytest.mark.parametrize("kind", ["weights", "state", "model"])
def test_weights_of_a_file_are_given_to_a_model_of_json(kind, saved):
    model, folder = saved
    load = "load_state" if kind == "state" else "load_weights"
    code = (
        "import sys; from pathlib import Path; import fastgd\n"
        "model = fastgd.models.model_from_json(Path(sys.argv[1]).read_text())\n"
        f"fastgd.saving.{load}(model, sys.argv[2])\n"
        "print(model.parameters.tobytes().hex())"
    )
    assert printed(code, folder / "json", folder / kind) == hashed(model.parameters)


DESCRIBED = {
    "layers": lambda: layers.Dense(
        2, activation="relu", kernel_initializer="he_normal", kernel_regularizer="l2",
        kernel_constraint="unit_norm",
    ),
    "losses": lambda: losses.Huber(0.5),
    "metrics": lambda: metrics.AUC(num_thresholds=5),
    "optimizers": lambda: optimizers.Adam(optimizers.schedules.CosineDecay(0.1, 10)),
    "optimizers.schedules": lambda: optimizers.schedules.CosineDecay(0.1, 10),
    "initializers": lambda: initializers.HeNormal(seed=1),
    "regularizers": lambda: regularizers.L1L2(0.1, 0.2),
    "constraints": lambda: constraints.MinMaxNorm(0.5, 1.5),
    "activations": lambda: fastgd.activations.get("gelu"),
    "models": lambda: Sequential([layers.Dense(1, input_shape=(3,))]),
}  # fmt: skip


@pytest.mark.parametrize("whole", [True, False], ids=["saving", "family"])
@pytest.mark.parametrize("family", DESCRIBED)
def test_a_description_is_read(family, whole):
    described = saving.serialize_object(DESCRIBED[family]())
    module = f"fastgd.{family}"
    own = "deserialize" if family not in ("layers", "models") else None
    function = "fastgd.saving.deserialize_object" if whole or not own else f"{module}.{own}"
    code = (
        f"import json, sys; import fastgd\n"
        f"thing = {function}(json.loads(sys.argv[1]))\n"
        "print(json.dumps(fastgd.saving.serialize_object(thing)))"
    )
    assert json.loads(printed(code, json.dumps(described))) == described


def test_a_clone_of_an_opened_model(saved):
    model, folder = saved
    code = (
        "import sys; import fastgd\n"
        "model = fastgd.models.clone_model(fastgd.saving.load_model(sys.argv[1]))\n"
        "print(len(model.parameters))"
    )
    assert printed(code, folder / "model") == str(len(model.parameters))


def test_a_name_that_was_looked_for_in_vain_is_found_later():
    code = (
        "import fastgd\n"
        "try: fastgd.saving.deserialize_object(\n"
        "    {'module': 'fastgd.layers', 'class_name': 'Dens', 'config': {}})\n"
        "except fastgd.errors.UnknownNameError: pass\n"
        "config = {'module': 'fastgd.layers', 'class_name': 'Dense', 'config': {'units': 3}}\n"
        "print(fastgd.saving.deserialize_object(config).units)"
    )
    assert printed(code) == "3"
