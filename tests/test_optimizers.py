"""apply_gradients: the formulas of Keras' documentation, written by hand, and what it takes."""

import gc

import numpy as np
import pytest
from problems import network, regression

from fastgd import Variable, optimizers
from fastgd.errors import ArgumentError, DataTypeError, DivergenceError, ShapeError
from fastgd.optimizers import SGD, Adam, RMSprop


def sgd(w, gradients, rate, momentum=0.0, nesterov=False):
    velocity = 0
    for g in gradients:
        velocity = momentum * velocity - rate * g
        w = w + momentum * velocity - rate * g if nesterov else w + velocity
    return w


def rmsprop(w, gradients, rate, rho=0.9, momentum=0.0, epsilon=1e-7, centered=False):
    v = mean = moment = 0
    for g in gradients:
        v = rho * v + (1 - rho) * g**2
        mean = rho * mean + (1 - rho) * g
        step = rate * g / np.sqrt(v - (mean**2 if centered else 0) + epsilon)
        moment = momentum * moment + step
        w = w - moment
    return w


def adam(w, gradients, rate, beta_1=0.9, beta_2=0.999, epsilon=1e-7):
    m = v = 0
    for t, g in enumerate(gradients, 1):
        m = beta_1 * m + (1 - beta_1) * g
        v = beta_2 * v + (1 - beta_2) * g**2
        alpha = rate * np.sqrt(1 - beta_2**t) / (1 - beta_1**t)
        w = w - alpha * m / (np.sqrt(v) + epsilon)
    return w


FORMULAS = [
    (SGD, sgd, {}),
    (SGD, sgd, {"momentum": 0.9}),
    (SGD, sgd, {"momentum": 0.8, "nesterov": True}),
    (SGD, sgd, {"nesterov": True}),
    (RMSprop, rmsprop, {}),
    (RMSprop, rmsprop, {"rho": 0.7, "epsilon": 1e-2}),
    (RMSprop, rmsprop, {"momentum": 0.6}),
    (RMSprop, rmsprop, {"centered": True}),
    (RMSprop, rmsprop, {"momentum": 0.6, "centered": True}),
    (Adam, adam, {}),
    (Adam, adam, {"beta_1": 0.5, "beta_2": 0.7, "epsilon": 1e-2}),
    (Adam, adam, {"beta_1": 0.0, "beta_2": 0.0}),
]


@pytest.mark.parametrize(("optimizer", "formula", "arguments"), FORMULAS)
def test_formulas(engine, optimizer, formula, arguments):
    rng = np.random.default_rng(0)
    gradients = rng.normal(size=(30, 19))
    w = rng.normal(size=19)
    expected = formula(w, gradients, 0.03, **arguments)
    made = optimizer(learning_rate=0.03, **arguments)
    for g in gradients:
        made.apply_gradients([(g, w)])
    np.testing.assert_allclose(w, expected, rtol=1e-11)
    assert made.iterations == 30


def test_defaults_are_those_of_keras():
    assert SGD().get_config() == {
        "learning_rate": 0.01, "name": "sgd", "momentum": 0.0, "nesterov": False
    }  # fmt: skip
    assert RMSprop().get_config() == {
        "learning_rate": 0.001, "name": "rmsprop", "rho": 0.9, "momentum": 0.0,
        "epsilon": 1e-7, "centered": False,
    }  # fmt: skip
    assert Adam().get_config() == {
        "learning_rate": 0.001, "name": "adam", "beta_1": 0.9, "beta_2": 0.999,
        "epsilon": 1e-7,
    }  # fmt: skip
    again = Adam(**Adam(0.5, beta_1=0.2).get_config())
    assert (again.learning_rate, again.beta_1) == (0.5, 0.2)


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
    assert not optimizer._states


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
        expected = adam(old, [g[i] for g in steps], 0.1) if i in keep else old
        np.testing.assert_allclose(new, expected, rtol=1e-11)
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
        np.testing.assert_allclose(new, adam(old, [g[i] for g in steps], 0.1), rtol=1e-11)
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
    "nan": (np.array([1, np.nan, 1]), np.ones(3), DivergenceError, "gradient of step 1"),
    "inf": (np.array([1, np.inf, 1]), np.ones(3), DivergenceError, "gradient of step 1"),
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
    slots = [s.slots.tobytes() for _, s in optimizer._states.values()]
    with pytest.raises(error, match=message):
        optimizer.apply_gradients([*pairs, (gradient, variable)])
    after = model.parameters.tobytes(), good.tobytes(), np.array(variable).tobytes()
    assert after == before
    assert [s.slots.tobytes() for _, s in optimizer._states.values()][:2] == slots
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
