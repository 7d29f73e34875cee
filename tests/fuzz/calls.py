"""Random calls of all that is public, with right and wrong arguments.

A case makes one thing and uses it as its family is used. A call may raise fastgd's errors and
those that its documentation names; it may not change the arrays that it is given, nor a model
if it fails.
"""

import contextlib
import functools
import importlib
import io
import os
import random
import sys
import tempfile
import types

import numpy as np

import fastgd
from fastgd import Model, config, layers, losses, privacy, utils
from fastgd.saving import state

from . import values
from .arguments import Case, Refused, a_model, compiled, make_model
from .runner import Failure

FAMILIES = (
    "activations", "callbacks", "constraints", "explain", "initializers", "layers", "linear",
    "losses", "many", "metrics", "models", "ops", "optimizers", "optimizers.schedules",
    "privacy", "regularizers", "risk", "saving", "sklearn", "tape", "utils",
)  # fmt: skip
#: Bases of classes of one's own; what needs a terminal or another program; what registers.
LEFT_OUT = {
    "Callback", "Compiled", "Constraint", "Initializer", "Layer", "LearningRateSchedule",
    "Loss", "Metric", "Optimizer", "Regularizer", "PyDataset", "Sequence",
    "register_serializable", "register_keras_serializable", "CallbackList",
    "ProgbarLogger", "TqdmCallback", "plot_model", "model_to_dot", "OptunaPruning",
    "TensorBoard", "Interrupted", "record", "recording", "followed", "Tensor", "Bagging",
    "CrossValidation", "Halving", "Result", "Results", "Search", "Seeds",
}  # fmt: skip


@functools.cache
def targets(family):
    """Return the public names of a module: a dict of name -> class or function."""
    module = importlib.import_module(f"fastgd.{family}")
    inside = f"fastgd.{family}."
    names = getattr(module, "__all__", None) or [
        name for name, thing in vars(module).items()
        if name[0] != "_" and f"{getattr(thing, '__module__', '')}.".startswith(inside)
    ]  # fmt: skip
    found = {name: getattr(module, name) for name in sorted(names) if name not in LEFT_OUT}
    return {name: thing for name, thing in found.items()
            if callable(thing) and not isinstance(thing, types.ModuleType)}  # fmt: skip


# ---------------------------------------------------------------- what is done with a thing


def use_layer(case, layer):
    rng = case.rng
    shape = rng.choice([(3,), (2, 3), (4,), (1,), ()])
    several = getattr(layer, "several_inputs", False)
    if rng.random() < 0.5:
        tensors = [layers.Input(shape) for _ in range(2)] if shape else [layers.Input((2,))]
        case.call(layer, tensors if several else tensors[0])
    else:
        arrays = [values.array(rng, rng.choice([(4, *shape), None])) for _ in range(2)]
        case.call(layer, arrays if several else arrays[0], training=rng.random() < 0.5)
    case.call(type(layer).from_config, case.call(layer.get_config))
    case.call(layer.get_weights)


def use_loss(case, loss):
    case.call(loss, *_pair(case))


def _pair(case):
    shape = case.rng.choice([(8, 1), (8, 3), (8,), None])
    return values.array(case.rng, shape), values.array(case.rng, shape)


def use_metric(case, metric):
    for _ in range(case.rng.randrange(3)):
        case.call(metric.update_state, *_pair(case))
    case.call(metric.result)
    case.call(metric.reset_state)


def use_optimizer(case, optimizer):
    if case.rng.random() < 0.5:
        variable = fastgd.Variable(np.ones(3, case.rng.choice(["f4", "f8"])))
        gradient = values.array(case.rng, case.rng.choice([(3,), (3,), None]))
        case.call(optimizer.apply_gradients, [(gradient, variable)])
        return
    model = make_model()
    case.call(model.compile, optimizer, "mse")
    train(case, model)


def train(case, model, **given):
    _, kwargs = case.arguments(model.fit, x=case.x, y=case.y, verbose=0, **given)
    if given:  # a callback that is refused in an epoch ends the training there
        case.call(model.fit, **kwargs)
    else:
        unchanged(case, model, model.fit, [], kwargs)


def unchanged(case, model, method, args, kwargs):
    """Call a method of a model, which stays as it was if the call is refused."""
    before = content(model)
    try:
        return case.call(method, *args, **kwargs)
    except Refused as refused:
        error = refused.__cause__
        if content(model) != before and not isinstance(error, fastgd.errors.DivergenceError):
            raise Failure(
                f"a refused call changed the model: {error!r}; {case.log[-1]}"
            ) from None
        raise


def content(model):
    """Return whether a model has weights, these, and its counters."""
    arrays = {name: array.tobytes() for name, array in state.arrays_of(model).items()}
    return model.built, arrays, state.progress_of(model)


#: Those that users call; the others serve other rooms.
METHODS = (
    "build", "compile", "compute_output_shape", "count_params", "evaluate", "evaluate", "fit",
    "fit", "fit", "from_config", "get_compile_config", "get_config", "get_layer", "get_weights",
    "learn_one",
    "load_weights", "predict", "predict", "predict_on_batch", "predict_one", "predictor",
    "save",
    "save_weights", "set_weights", "summary", "test_on_batch", "to_json", "train_on_batch",
    "train_on_batch", "value_and_grad",
)  # fmt: skip


def use_model(case, model):
    model = a_model(case) if case.rng.random() < 0.8 or not isinstance(model, Model) else model
    for _ in range(2):
        name = case.rng.choice(METHODS)
        method = getattr(model, name)
        args, kwargs = case.arguments(method)
        unchanged(case, model, method, args, kwargs)


def use_callback(case, callback):
    train(case, compiled(case), callbacks=[callback], epochs=2)


def use_estimator(case, estimator):
    for name in ("fit", case.rng.choice(["partial_fit", "fit"]), "predict", "score"):
        method = getattr(estimator, name, None)
        if method is not None:
            args, kwargs = case.arguments(method, x=case.x, X=case.x, y=case.y)
            case.call(method, *args, **kwargs)


def use_array(case, thing):
    case.call(thing, values.array(case.rng))


def use_tape(case, tape):
    model = make_model()
    with tape:
        loss = case.call(losses.mean_squared_error, *_pair(case))
        loss = case.call(lambda: fastgd.ops.mean(model(np.ones((2, 3), "f4")) ** 2))
    case.call(tape.gradient, loss, model.trainable_variables)


def use_privacy(case, thing):
    if isinstance(thing, privacy.Ledger):
        _, kwargs = case.arguments(thing.add, privacy=privacy.DPSGD(1.0, 1.0))
        case.call(thing.add, **kwargs)
    elif isinstance(thing, privacy.DPSGD):
        model = a_model(case)
        case.call(model.compile, case.rng.choice(["sgd", "adam"]), "mse", privacy=thing)
        train(case, model)
        case.call(model.privacy.ledger.get_config)


USES = {
    "layers": use_layer,
    "losses": use_loss,
    "metrics": use_metric,
    "optimizers": use_optimizer,
    "models": use_model,
    "callbacks": use_callback,
    "privacy": use_privacy,
    "optimizers.schedules": lambda case, it: case.call(it, values.anything(case.rng)),
    "initializers": lambda case, it: case.call(
        it, case.rng.choice([(2, 3), (3,), (), 3, None])
    ),
    "regularizers": use_array,
    "constraints": use_array,
    "activations": use_array,
    "sklearn": use_estimator,
    "linear": use_estimator,
    "tape": use_tape,
}
WEIGHTS = {
    "models": 5,
    "layers": 3,
    "metrics": 3,
    "losses": 2,
    "sklearn": 2,
    "ops": 2,
    "many": 2,
}
CHOICES = [family for family in FAMILIES for _ in range(WEIGHTS.get(family, 1))]


def family_of(number):
    """Return the module whose names the case of a number calls."""
    return random.Random(number).choice(CHOICES)


def case(number):
    """Make the calls of a number."""
    utils.set_random_seed(number % 2**31)
    family = family_of(number)
    case = Case(number, family)
    name = case.rng.choice(sorted(targets(family)))
    thing = targets(family)[name]
    with tempfile.TemporaryDirectory() as folder, _quiet(folder):
        with contextlib.suppress(Refused), np.errstate(all="ignore"):
            args, kwargs = case.arguments(thing)
            found = case.call(thing, *args, **kwargs)
            is_object = isinstance(thing, type) or family == "models"
            if family in USES and is_object:
                USES[family](case, found)
            elif family == "many" and hasattr(found, "__iter__"):
                case.call(lambda: len(list(found)))
        case.checked()


@contextlib.contextmanager
def _quiet(folder):
    """Run in a folder, without output, and give the settings of the process back."""
    before, out = config.floatx(), sys.stdout
    os.chdir(folder)
    sys.stdout = io.StringIO()
    try:
        yield
    finally:
        sys.stdout = out
        config.set_floatx(before)
        os.chdir(tempfile.gettempdir())
