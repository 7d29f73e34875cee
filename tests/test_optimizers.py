"""apply_gradients: the formulas of Keras' documentation, written by hand, and what it takes."""

import copy
import gc
import inspect
import pickle

import numpy as np
import pytest
from formulas import CASES, made, path
from problems import network, regression

from fastgd import Variable, optimizers
from fastgd.errors import (
    ArgumentError,
    DataTypeError,
    DivergenceError,
    NotBuiltError,
    ShapeError,
    UnknownNameError,
)
from fastgd.optimizers import SGD, Adam, RMSprop
from fastgd.optimizers.options import OptimizerOptions

COMMON = {
    "weight_decay": None, "clipnorm": None, "clipvalue": None, "global_clipnorm": None,
    "use_ema": False, "ema_momentum": 0.99, "ema_overwrite_frequency": None,
    "loss_scale_factor": None, "gradient_accumulation_steps": None,
}  # fmt: skip


def adam(w, gradients, rate):
    return path("Adam", np.asarray(w), np.asarray(gradients), rate)[-1]


@pytest.mark.parametrize("case", CASES)
def test_formulas(engine, case):
    rng = np.random.default_rng(0)
    gradients = rng.normal(size=(30, 3, 7))
    w = rng.normal(size=(3, 7))
    expected = path(case, w, gradients)[-1]
    optimizer = made(case)
    for g in gradients:
        optimizer.apply_gradients([(g, w)])
    np.testing.assert_allclose(w.ravel(), np.ravel(expected), rtol=1e-10, atol=1e-11)
    assert optimizer.iterations == 30


def test_defaults_are_those_of_keras():
    assert SGD().get_config() == COMMON | {
        "learning_rate": 0.01, "name": "sgd", "momentum": 0.0, "nesterov": False
    }  # fmt: skip
    assert RMSprop().get_config() == COMMON | {
        "learning_rate": 0.001, "name": "rmsprop", "rho": 0.9, "momentum": 0.0,
        "epsilon": 1e-7, "centered": False,
    }  # fmt: skip
    assert Adam().get_config() == COMMON | {
        "learning_rate": 0.001, "name": "adam", "beta_1": 0.9, "beta_2": 0.999,
        "epsilon": 1e-7, "amsgrad": False,
    }  # fmt: skip
    assert optimizers.AdamW().weight_decay == 0.004
    again = Adam(**Adam(0.5, beta_1=0.2).get_config())
    assert (again.learning_rate, again.beta_1) == (0.5, 0.2)


@pytest.mark.parametrize("name", [c.__name__ for c in optimizers.CLASSES])
def test_configurations_there_and_back(name):
    made = getattr(optimizers, name)(0.25, name="mine")
    again = optimizers.deserialize(optimizers.serialize(made))
    assert type(again) is type(made)
    assert again.get_config() == made.get_config()
    entry = {"class_name": name.lower(), "config": made.get_config()}
    assert optimizers.get(entry).get_config() == made.get_config()
    assert type(optimizers.get(name)) is type(optimizers.get(name.lower())) is type(made)


def test_get():
    assert type(optimizers.get("rmsprop")) is RMSprop
    assert type(optimizers.get("RMSprop")) is RMSprop
    assert type(optimizers.get(SGD)) is SGD
    made = SGD()
    assert optimizers.get(made) is made


# --- which arrays ----------------------------------------------------------------------------

ARRAYS = {
    "f32": lambda: np.ones((3, 4), np.float32),
    "f64": lambda: np.ones((3, 4)),
    "fortran": lambda: np.ones((3, 4), order="F"),
    "strided": lambda: np.ones((6, 8))[::2, 1::2],
    "negative": lambda: np.ones((3, 4))[::-1, ::-1],
    "0-d": lambda: np.ones(()),
    "one": lambda: np.ones((1, 1), np.float32),
    "empty": lambda: np.ones((0, 4)),
    "variable": lambda: Variable(np.ones((3, 4))),
    "part of a variable": lambda: Variable(np.ones(14), offset=1, shape=(3, 4)),
}


@pytest.mark.parametrize("kind", ARRAYS)
@pytest.mark.parametrize("momentum", [0.0, 0.5])
def test_arrays(engine, kind, momentum):
    w = ARRAYS[kind]()
    gradient = np.arange(w.size, dtype=np.float64).reshape(w.shape) / 8
    optimizer = SGD(0.5, momentum=momentum)
    optimizer.apply_gradients([(gradient, w)])
    np.testing.assert_array_equal(w, 1 - 0.5 * gradient)
    optimizer.apply_gradients([(gradient.astype(np.float16), w)])
    np.testing.assert_array_equal(w, 1 - (2 + momentum) * 0.5 * gradient)


def test_gradients_of_any_layout():
    gradient = np.arange(12.0).reshape(3, 4)
    expected = -gradient
    for given in (
        np.asfortranarray(gradient),
        gradient.astype(">f4"),
        gradient.astype(int),
        np.repeat(gradient, 2, axis=1)[:, ::2],
        gradient[::-1].copy()[::-1],
    ):
        before = given.copy()
        w = np.zeros((3, 4))
        SGD(1.0).apply_gradients([(given, w)])
        np.testing.assert_array_equal(w, expected)
        np.testing.assert_array_equal(given, before)


def test_only_the_view_is_written_to():
    room = np.ones((4, 6))
    SGD(1.0).apply_gradients([(np.ones((2, 3)), room[1:3, ::2])])
    expected = np.ones((4, 6))
    expected[1:3, ::2] = 0
    np.testing.assert_array_equal(room, expected)


def test_state_belongs_to_the_memory_and_goes_with_it():
    optimizer = SGD(1.0, momentum=0.5)
    room = np.zeros(4)
    for _ in range(2):  # a fresh view each time
        optimizer.apply_gradients([(np.ones(2), room[:2])])
    assert room.tolist() == [-2.5, -2.5, 0, 0]
    assert len(optimizer._states) == 1
    del room
    gc.collect()
    assert len(optimizer._states) == 0


def test_momentum_may_be_set_later(engine):
    optimizer = SGD(1.0)
    w = np.zeros(1000)
    optimizer.apply_gradients([(np.ones(1000), w)])
    optimizer.momentum = 0.5
    optimizer.apply_gradients([(np.ones(1000), w)])
    optimizer.apply_gradients([(np.ones(1000), w)])
    np.testing.assert_array_equal(w, -1 - 1 - 1.5)


# --- models ----------------------------------------------------------------------------------


def gradients_like(model, seed=0):
    rng = np.random.default_rng(seed)
    return [rng.normal(size=v.shape).astype(v.dtype) for v in model.weights]


@pytest.mark.parametrize("make", [lambda: SGD(0.1, momentum=0.9), lambda: Adam(0.1)])
def test_all_variables_of_a_model_in_any_order(engine, make):
    found = []
    for order in (slice(None), slice(None, None, -1)):
        model = network(dtype="float64")
        model.set_weights([np.ones(v.shape) for v in model.weights])
        optimizer = make()
        for seed in range(3):
            pairs = list(zip(gradients_like(model, seed), model.weights, strict=True))
            optimizer.apply_gradients(pairs[order])
        assert optimizer.iterations == 3
        found.append(model.parameters.tobytes())
    assert found[0] == found[1]


def test_apply_is_apply_gradients(engine):
    model = network(dtype="float64")
    expected = [w - 0.1 * g for w, g in zip(model.weights, gradients_like(model), strict=True)]
    SGD(0.1).apply(gradients_like(model), model.trainable_variables)
    for w, e in zip(model.weights, expected, strict=True):
        np.testing.assert_allclose(w, e, rtol=1e-13)


@pytest.mark.filterwarnings("ignore:grads_and_vars")
@pytest.mark.parametrize("keep", [[0], [1, 2], [0, 3, 5]])
def test_some_variables_of_a_model(engine, keep):
    model = network(dtype="float64")
    before = model.get_weights()
    optimizer = Adam(0.1)
    steps = [gradients_like(model, seed) for seed in range(3)]
    for gradients in steps:
        kept = [g if i in keep else None for i, g in enumerate(gradients)]
        optimizer.apply_gradients(zip(kept, model.weights, strict=True))
    for i, (old, new) in enumerate(zip(before, model.weights, strict=True)):
        expected = adam(old, [g[i] for g in steps], 0.1) if i in keep else old.ravel()
        np.testing.assert_allclose(new.ravel(), expected, rtol=1e-11)
    assert optimizer.iterations == 3


def test_parts_and_the_whole_share_their_state():
    model = network(dtype="float64")
    before = model.get_weights()
    optimizer = SGD(1.0, momentum=0.5)
    ones = [np.ones(v.shape) for v in model.weights]
    optimizer.apply_gradients([(ones[0], model.weights[0])])
    optimizer.apply_gradients(zip(ones, model.weights, strict=True))
    np.testing.assert_allclose(model.weights[0], before[0] - 1 - 1.5)
    np.testing.assert_allclose(model.weights[1], before[1] - 1)


def test_two_models_in_one_step(engine):
    first, second = network(dtype="float64"), network(((3, "relu"),), dtype="float64")
    variables = first.weights + second.weights
    plain = np.ones(3)
    before = first.get_weights() + second.get_weights()
    steps = [
        gradients_like(first, seed) + gradients_like(second, seed + 50) for seed in range(2)
    ]
    optimizer = Adam(0.1)
    for gradients in steps:
        pairs = zip([*gradients, np.ones(3)], [*variables, plain], strict=True)
        optimizer.apply_gradients(pairs)
    assert optimizer.iterations == 2
    for i, (old, new) in enumerate(zip(before, variables, strict=True)):
        expected = adam(old, [g[i] for g in steps], 0.1)
        np.testing.assert_allclose(new.ravel(), expected, rtol=1e-11)
    np.testing.assert_allclose(plain, adam(np.ones(3), np.ones((2, 3)), 0.1), rtol=1e-11)


# --- what is refused -------------------------------------------------------------------------


def read_only():
    array = np.ones(3)
    array.flags.writeable = False
    return array


REFUSED = {
    "shape": (np.ones(2), np.ones(3), ShapeError, r"gradients: .*\(3,\).*\(2,\)"),
    "broadcast": (np.ones(1), np.ones(3), ShapeError, "gradients"),
    "text": (["a", "b", "c"], np.ones(3), DataTypeError, "gradients"),
    "object": (np.array([1, None, 2]), np.ones(3), DataTypeError, "gradients: .*None at row 1"),
    "read-only": (np.ones(3), read_only(), ArgumentError, "variables: .*read-only"),
    "int variable": (np.ones(3), np.ones(3, int), DataTypeError, "variables: .*int64"),
    "big-endian": (np.ones(3), np.ones(3, ">f8"), DataTypeError, "variables: .*>f8"),
    "list variable": (np.ones(3), [1.0, 2.0, 3.0], DataTypeError, "variables: .*list"),
    "nan": (np.array([1, np.nan, 1]), np.ones(3), DivergenceError, "gradient of step 2"),
    "inf": (np.array([1, np.inf, 1]), np.ones(3), DivergenceError, "gradient of step 2"),
}


@pytest.mark.parametrize("bad", REFUSED)
def test_refused_before_anything_is_changed(engine, bad):
    gradient, variable, error, message = REFUSED[bad]
    model = network()
    good = np.zeros(4)
    optimizer = Adam(0.1)
    pairs = [*zip(gradients_like(model), model.weights, strict=True), (np.ones(4), good)]
    optimizer.apply_gradients(pairs)
    before = model.parameters.tobytes(), good.tobytes(), np.array(variable).tobytes()
    slots = [s.slots.tobytes() for s in optimizer._states.living()]
    with pytest.raises(error, match=message):
        optimizer.apply_gradients([*pairs, (gradient, variable)])
    after = model.parameters.tobytes(), good.tobytes(), np.array(variable).tobytes()
    assert after == before
    assert [s.slots.tobytes() for s in optimizer._states.living()][:2] == slots
    assert optimizer.iterations == 1


def test_a_gradient_that_is_not_finite_alone(engine):
    model = network()
    before = model.parameters.tobytes()
    gradients = gradients_like(model)
    gradients[2][0, 0] = np.inf
    optimizer = SGD(0.1)
    with pytest.raises(DivergenceError) as caught:
        optimizer.apply_gradients(zip(gradients, model.weights, strict=True))
    assert caught.value.step == 0
    assert model.parameters.tobytes() == before
    assert optimizer.iterations == 0


def test_an_update_that_leaves_the_finite_numbers(engine):
    w = np.array([1.0, 2.0], np.float32)
    with pytest.raises(DivergenceError, match="update"):
        SGD(1e20).apply_gradients([([1e30, 0.0], w)])
    assert np.isfinite(w).all()


def test_no_gradient_at_all():
    with pytest.raises(ArgumentError, match="no gradient"):
        SGD().apply_gradients([(None, np.ones(2))])
    with pytest.raises(ArgumentError, match="no gradient"):
        SGD().apply_gradients([])


@pytest.mark.parametrize("method", ["apply_gradients", "apply"])
def test_variables_without_gradient_are_named(method):
    one, two = Variable(np.ones(2), name="one"), Variable(np.ones(3), name="two")
    array, sgd = np.ones(4), SGD(0.5)
    pairs = [(np.ones(2), one), (None, two), (None, array)]
    step = getattr(sgd, method)
    given = [pairs] if method == "apply_gradients" else zip(*pairs, strict=True)
    with pytest.warns(UserWarning, match=r"gradient for two, an array of shape \(4,\)") as seen:
        step(*given)
    assert [warning.filename for warning in seen] == [__file__]
    np.testing.assert_array_equal(one.numpy(), [0.5, 0.5])
    assert (two.numpy() == 1).all() and (array == 1).all()


def test_many_variables_without_gradient_are_counted():
    more = [(None, Variable(np.ones(1), name=f"v{i}")) for i in range(9)]
    with pytest.warns(UserWarning, match="v0, v1, v2, v3, v4 and 4 more:"):
        SGD().apply_gradients([(np.ones(1), np.ones(1)), *more])


def test_a_variable_twice():
    model = network((), 2, 2)
    model.add(type(model.layers[0])(2))
    kernel = model.weights[0]
    before = model.parameters.tobytes()
    with pytest.raises(ArgumentError, match="more than once"):
        SGD().apply_gradients([(np.ones((2, 2)), kernel), (np.ones((2, 2)), kernel)])
    assert model.parameters.tobytes() == before


def test_gradients_and_variables_of_different_number():
    model = network()
    with pytest.raises(ValueError, match=r"longer|shorter"):
        SGD().apply(gradients_like(model)[:2], model.weights)


def test_learning_rate_zero_changes_nothing():
    x, y = regression(8)
    model = network()
    model.compile(SGD(0.0, momentum=0.9), "mse")
    before = model.parameters.tobytes()
    model.fit(x, y, epochs=2, verbose=0)
    assert model.parameters.tobytes() == before
    assert model.optimizer.iterations == 2


def test_several_models_are_updated_all_or_none(engine):
    model = network()
    plain = np.array([1.0, 2.0], np.float32)
    optimizer = Adam(0.1, weight_decay=40.0)
    pairs = [*zip(gradients_like(model), model.weights, strict=True), (np.ones(2), plain)]
    optimizer.apply_gradients(pairs)
    plain[1] = 3e38  # the decay makes it infinite
    before = model.parameters.tobytes(), plain.tobytes()
    slots = [s.slots.tobytes() for s in optimizer._states.living()]
    with pytest.raises(DivergenceError, match="update of step 2"):
        optimizer.apply_gradients(pairs)
    assert (model.parameters.tobytes(), plain.tobytes()) == before
    assert [s.slots.tobytes() for s in optimizer._states.living()] == slots
    assert optimizer.iterations == 1


@pytest.mark.parametrize("k", [None, 2])
def test_a_global_norm_is_that_of_all_models(engine, k):
    first, second = np.zeros(2), np.zeros((1, 3))
    optimizer = SGD(1.0, global_clipnorm=1.0, gradient_accumulation_steps=k)
    gradients = np.array([3.0, 4.0]), np.array([[0.0, 12.0, 0.0]])
    for _ in range(k or 1):
        optimizer.apply(gradients, [first, second])
    np.testing.assert_allclose(first, np.array([-3, -4]) / 13, rtol=1e-14)
    np.testing.assert_allclose(second, np.array([[0, -12, 0]]) / 13, rtol=1e-14)


# --- arguments -------------------------------------------------------------------------------


def test_the_learning_rate_as_a_variable():
    optimizer = SGD(0.5)
    optimizer.learning_rate.assign(0.25)
    assert optimizer.learning_rate == 0.25
    optimizer.learning_rate = optimizer.learning_rate * 2
    assert float(optimizer.learning_rate.numpy()) == optimizer.learning_rate.value == 0.5
    optimizer.learning_rate = np.float32(0.125)
    assert optimizer.learning_rate == 0.125
    rate = optimizer.learning_rate
    assert pickle.loads(pickle.dumps(rate)) == 0.125
    optimizer.iterations = 7
    assert optimizer.iterations.numpy() == 7
    with pytest.raises(ArgumentError, match="iterations"):
        optimizer.iterations = -1
    with pytest.raises(ArgumentError, match="learning_rate"):
        optimizer.learning_rate.assign(-1)


def test_a_function_as_learning_rate(engine):
    rates = iter([0.5, 0.25])
    w = np.zeros(1)
    optimizer = SGD(lambda: next(rates))
    optimizer.apply_gradients([(np.ones(1), w)])
    optimizer.apply_gradients([(np.ones(1), w)])
    assert w == [-0.75]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"clipnorm": 1.0, "clipvalue": 1.0}, "clipvalue"),
        ({"clipnorm": -1.0}, "clipnorm"),
        ({"gradient_accumulation_steps": 1}, "gradient_accumulation_steps.*2"),
        ({"gradient_accumulation_steps": 2.5}, "gradient_accumulation_steps"),
        ({"use_ema": True, "ema_momentum": 1.5}, "ema_momentum"),
        ({"use_ema": True, "ema_overwrite_frequency": 0}, "ema_overwrite_frequency"),
        ({"loss_scale_factor": 1024.0}, "loss_scale_factor"),
    ],
)
def test_bad_common_arguments(arguments, words):
    with pytest.raises(ArgumentError, match=words):
        SGD(**arguments)


def test_counts_that_no_engine_holds():
    for argument in ("ema_overwrite_frequency", "gradient_accumulation_steps"):
        for count in (2**53 + 1, 2**63, 10**30):
            with pytest.raises(ArgumentError, match=f"{argument}: expected"):
                SGD(use_ema=True, **{argument: count})
    optimizer = SGD(gradient_accumulation_steps=2**40)
    for count in (2**63, 2**40):  # 2^80 steps
        with pytest.raises(ArgumentError, match="iterations: expected"):
            optimizer.iterations = count
    assert optimizer.iterations == 0


#: For each of the shared arguments another value than its default.
OTHERS = COMMON | {
    "weight_decay": 0.25, "clipnorm": 0.5, "use_ema": True, "ema_momentum": 0.75,
    "ema_overwrite_frequency": 3, "gradient_accumulation_steps": 2, "name": "mine",
}  # fmt: skip


@pytest.mark.parametrize("cls", [c for c in optimizers.CLASSES if not c.whole_batch])
def test_every_optimizer_takes_and_keeps_the_shared_arguments(cls):
    config = cls(0.5, **OTHERS).get_config()
    assert {name: config[name] for name in OTHERS} == OTHERS
    assert cls.from_config(config).get_config() == config
    assert set(OptimizerOptions.__annotations__) == set(OTHERS)
    assert set(inspect.signature(cls).parameters) == set(config)


@pytest.mark.parametrize("cls", optimizers.CLASSES)
def test_an_unknown_argument_is_named(cls):
    if cls.whole_batch:
        with pytest.raises(TypeError, match="learning_rat"):
            cls(learning_rat=0.5)
        return
    with pytest.raises(
        UnknownNameError, match="no argument 'learning_rat'; did you mean 'learning_rate'"
    ):
        cls(learning_rat=0.5)
    with pytest.raises(ArgumentError, match="decay"):
        optimizers.deserialize(optimizers.serialize(cls()) | {"config": {"decay": 0.5}})


def test_a_subclass_may_pass_the_shared_arguments_on():
    class Mine(Adam):
        def __init__(self, extra=1, **kwargs):
            super().__init__(**kwargs)
            self.extra = extra

    config = Mine(2, beta_1=0.5, clipvalue=1.0).get_config()
    assert (config["extra"], config["beta_1"], config["clipvalue"]) == (2, 0.5, 1.0)
    assert Mine.from_config(config).get_config() == config


def test_arguments_come_in_the_order_of_keras():
    common = [*COMMON, "name"]
    for one in optimizers.CLASSES:
        names = list(inspect.signature(one).parameters)
        if one.__name__ == "AdamW":
            assert names[:2] == ["learning_rate", "weight_decay"]
            assert names[6:] == common[1:]
        elif not one.whole_batch:
            assert names[0] == "learning_rate"
            assert names[-len(common) :] == common


# --- decay, averages, frozen layers, within models --------------------------------------------


def test_exclude_from_weight_decay(engine):
    model = network(dtype="float64")
    before = model.get_weights()
    optimizer = SGD(0.5, weight_decay=0.1)
    optimizer.exclude_from_weight_decay(var_list=[model.weights[0]], var_names=["bias"])
    zeros = [np.zeros(v.shape) for v in model.weights]
    optimizer.apply(zeros, model.trainable_variables)
    for i, (old, variable) in enumerate(zip(before, model.weights, strict=True)):
        kept = i == 0 or "bias" in variable.name
        np.testing.assert_allclose(variable, old * (1 if kept else 0.95), rtol=1e-15)
    array = np.ones(2)
    optimizer.exclude_from_weight_decay(var_list=[array])
    optimizer.apply([np.zeros(2)], [array])
    assert array.tolist() == [1, 1]


def test_averages_take_the_weights_place_at_the_end_of_fit(engine):
    x, y = regression(40)
    runs = []
    for use_ema in (False, True):
        model = network()
        model.set_weights([np.full(v.shape, 0.1) for v in model.weights])
        model.compile(Adam(0.05, use_ema=use_ema, ema_momentum=0.5), "mse")
        path = []
        for _ in range(3):
            model.train_on_batch(x, y)
            path.append(model.parameters.copy())
        runs.append((model, path))
    (_, plain), (model, averaged) = runs
    np.testing.assert_array_equal(plain, averaged)
    expected = 0.25 * plain[0] + 0.25 * plain[1] + 0.5 * plain[2]
    model.optimizer.finalize_variable_values(model.trainable_variables)
    np.testing.assert_allclose(model.parameters, expected, rtol=1e-5, atol=1e-6)


def test_partial_steps_leave_fit_alone(engine):
    """Whichever variables apply_gradients was given, fit trains all of them."""
    x, y = regression(16)
    model = network()
    model.compile(SGD(0.1, momentum=0.5), "mse")
    model.train_on_batch(x, y)
    before = model.get_weights()
    model.optimizer.apply([np.zeros(model.weights[0].shape)], [model.weights[0]])
    model.train_on_batch(x, y)
    for old, new in zip(before, model.weights, strict=True):
        assert (old != new).any()


def test_state_arrays_there_and_back(engine):
    x, y = regression(16)
    models = []
    for _ in range(2):
        model = network()
        model.set_weights([np.full(v.shape, 0.1) for v in model.weights])
        model.compile(
            optimizers.Nadam(0.01, use_ema=True, gradient_accumulation_steps=2), "mse"
        )
        models.append(model)
    first, second = models
    for _ in range(3):
        first.train_on_batch(x, y)
    arrays = first.optimizer.state_arrays(first.parameters)
    assert list(arrays) == [
        "iterations", "momentum", "velocity", "average", "gradient_accumulator"
    ]  # fmt: skip
    second.parameters[:] = first.parameters
    second.optimizer.load_state_arrays(second.parameters, arrays)
    for model in models:
        model.train_on_batch(x, y)
    assert first.parameters.tobytes() == second.parameters.tobytes()
    for bad, error in (
        ({}, ArgumentError),
        (arrays | {"average": np.zeros(2, np.float32)}, ShapeError),
        (arrays | {"iterations": np.zeros(1)}, DataTypeError),
    ):
        with pytest.raises(error, match="arrays"):
            second.optimizer.load_state_arrays(second.parameters, bad)


def test_variables_and_build(engine):
    w = np.zeros(3)
    optimizer = Adam(0.1)
    with pytest.raises(NotBuiltError, match="build"):
        optimizer.apply([np.ones(3)])
    optimizer.build([w])
    optimizer.apply([np.ones(3)])
    names = [v.name for v in optimizer.variables[2:]]
    assert names == ["adam/momentum", "adam/velocity"]
    np.testing.assert_allclose(optimizer.variables[2].numpy(), 0.1)
    assert optimizer.variables[0] == 1


# --- the revision: how a model sees that a setting has changed --------------------------------

ALL = [c.__name__ for c in optimizers.CLASSES]


@pytest.mark.parametrize("name", ALL)
def test_a_changed_setting_raises_the_revision(name):
    optimizer = getattr(optimizers, name)()
    assert "revision" not in optimizer.get_config()
    for setting, value in optimizer.get_config().items():
        before = optimizer.revision
        setattr(optimizer, setting, value)
        assert optimizer.revision > before, setting
    for change in (
        lambda: optimizer.learning_rate.assign(0.5),
        lambda: optimizer.exclude_from_weight_decay(var_names=["bias"]),
    ):
        before = optimizer.revision
        change()
        assert optimizer.revision > before


def test_loaded_and_moved_state_raises_the_revision():
    optimizer, w, moved = Adam(), np.ones(3), np.ones(3)
    optimizer.apply_gradients([(np.ones(3), w)])
    before = optimizer.revision
    optimizer.load_state_arrays(w, optimizer.state_arrays(w))
    loaded = optimizer.revision
    optimizer.moved(moved, [(w, 0, 0, 3)])
    assert before < loaded < optimizer.revision


@pytest.mark.parametrize("name", ALL)
def test_steps_leave_the_revision(engine, name):
    x, y = regression(16)
    model = network()
    model.compile(getattr(optimizers, name)(use_ema=True) if name != "LBFGS" else name, "mse")
    model.fit(x, y, verbose=0)
    optimizer = model.optimizer
    before = optimizer.revision
    model.fit(x, y, epochs=2, verbose=0)
    model.train_on_batch(x, y)
    if name != "LBFGS":
        optimizer.apply_gradients(zip(gradients_like(model), model.weights, strict=True))
        optimizer.finalize_variable_values(model.weights)
    assert optimizer.revision == before


def test_copies_count_their_own_changes():
    optimizer = Adam()
    for again in (pickle.loads(pickle.dumps(optimizer)), copy.copy(optimizer)):
        before, mine = again.revision, optimizer.revision
        again.beta_1 = 0.5
        assert again.revision > before
        assert (optimizer.beta_1, optimizer.revision) == (0.9, mine)
