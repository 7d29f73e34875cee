"""Arrays in another machine's byte order give what the same numbers in this one's give."""

import numpy as np
import pytest

from fastgd import (
    GradientTape,
    Sequential,
    Variable,
    activations,
    constraints,
    gradient_descent,
    initializers,
    layers,
    linear,
    losses,
    metrics,
    ops,
    optimizers,
    regularizers,
    utils,
)

RNG = np.random.default_rng(0)
X = RNG.normal(size=(30, 4))
Y = X.sum(axis=1, keepdims=True)
CLASSES = (Y[:, 0] > 0).astype(int)
PREDICTED = 1 / (1 + np.exp(-X))
BINARY = (X > 0).astype(float)
WEIGHTS = np.arange(30)


def network():
    utils.set_random_seed(1)
    model = Sequential([layers.Dense(3, activation="tanh", input_shape=(4,)), layers.Dense(1)])
    model.compile("adam", "mse", metrics=["mae"])
    return model


def fitted(give):
    model = network()
    model.fit(give(X), give(Y), sample_weight=give(WEIGHTS), epochs=2, verbose=0)
    return model.parameters


def assigned(give):
    model = network()
    model.set_weights([give(7 * w) for w in model.get_weights()])
    model.trainable_variables[0].assign(give(np.full((4, 3), 2.0)))
    model.trainable_variables[0].assign_add(give(np.ones((4, 3))))
    return model.parameters


def applied(give):
    model = network()
    pairs = [(give(np.full(v.shape, 2.0)), v) for v in model.trainable_variables]
    model.optimizer.apply_gradients(pairs)
    return model.parameters


def moved(give):
    variable = Variable(give(X[0]))
    optimizers.SGD(0.5).apply_gradients([(np.ones(4), variable)])
    return variable.numpy()


def taped(give):
    x = give(X)
    with GradientTape() as tape:
        watched = tape.watch(x)
        total = ops.sum(activations.gelu(watched) ** 2)
    return tape.gradient(total, watched)


def taped_as_it_is(give):
    x = give(X)
    with GradientTape() as tape:
        tape.watch(x)
        total = ops.sum(losses.MeanSquaredError(reduction=None)(np.ones((30, 4)), x))
    return tape.gradient(total, x).astype(expected_by(give))


def expected_by(give):
    """The data type in this machine's byte order."""
    return give(X).dtype.newbyteorder("=")


def taped_through_a_model(give):
    model = network()
    with GradientTape() as tape:
        loss = losses.MeanSquaredError()(give(Y), model(give(X)))
    return np.concatenate([g.ravel() for g in tape.gradient(loss, model.trainable_variables)])


def adapted(give):
    layer = layers.Normalization()
    layer.adapt(give(X))
    return layer(X)


def measured(give):
    metric = metrics.RootMeanSquaredError()
    metric.update_state(give(Y), give(PREDICTED[:, :1]), sample_weight=give(WEIGHTS))
    return metric.result()


def streamed(give):
    model = linear.LinearModel("log_loss", l2=0.1)
    for _ in range(2):
        model.partial_fit(give(X), give(CLASSES))
    return model.coef


def sgd(give):
    utils.set_random_seed(1)
    model = linear.LinearModel("multinomial", l2=0.1)
    return model.fit(give(X), give(CLASSES), solver=linear.SGD(epochs=2)).coef


class Sparse:
    """X with the arrays of a CSR matrix, all of them in the order that is given."""

    def __init__(self, give):
        self.shape = X.shape
        order = np.dtype(give(X).dtype).byteorder
        self.data = give(X.reshape(-1))
        self.indices = np.tile(np.arange(4, dtype="i4"), 30).astype(np.dtype(f"{order}i4"))
        self.indptr = np.arange(0, 121, 4).astype(np.dtype(f"{order}i4"))


ENTRIES = {
    "NonNeg": lambda give: constraints.NonNeg()(give(X)),
    "UnitNorm": lambda give: constraints.UnitNorm()(give(X)),
    "MinMaxNorm": lambda give: constraints.MinMaxNorm(0.5, 1)(give(X)),
    "regularizer": lambda give: regularizers.L1L2(0.1, 0.2)(give(X)),
    "slope of a regularizer": lambda give: regularizers.value_and_grad(
        regularizers.L2(0.1), give(X)
    )[1],
    "no slope of a regularizer": lambda give: regularizers.value_and_grad(
        regularizers.L1L2(), give(X)
    )[1],
    "loss": lambda give: losses.Huber()(give(Y), give(X[:, :1]), give(WEIGHTS)),
    "loss of classes": lambda give: losses.SparseCategoricalCrossentropy()(
        give(CLASSES), give(PREDICTED)
    ),
    "function of losses": lambda give: losses.binary_crossentropy(
        give(BINARY), give(PREDICTED)
    ),
    "metric": measured,
    "activation": lambda give: activations.gelu(give(X)),
    "softmax": lambda give: activations.softmax(give(X)),
    "convert_to_tensor": lambda give: ops.convert_to_tensor(give(X)),
    "fit": fitted,
    "evaluate": lambda give: network().evaluate(give(X), give(Y), verbose=0),
    "predict": lambda give: network().predict(give(X), verbose=0),
    "call": lambda give: network()(give(X)),
    "layer": lambda give: layers.ELU()(give(X)),
    "train_on_batch": lambda give: network().train_on_batch(give(X), give(Y)),
    "learn_one": lambda give: network().learn_one(give(X)[0], give(Y)[0]),
    "predict_one": lambda give: network().predict_one(give(X)[0]),
    "learner": lambda give: network().learner(validate=False)(give(X)[0], give(Y)[0]),
    "assign": assigned,
    "apply_gradients": applied,
    "Variable": moved,
    "tape": taped,
    "tape of a plain array": taped_as_it_is,
    "tape of a model": taped_through_a_model,
    "Normalization": adapted,
    "gradient_descent": lambda give: gradient_descent(
        give(X), give(Y), give(np.zeros((4, 1))), alpha=1e-3, iterations=20
    ),
    "theta": lambda give: gradient_descent(
        X, Y, give(np.ones((4, 1))), alpha=1e-3, iterations=20, method="direct"
    ),
    "LinearModel": lambda give: (
        linear.LinearModel("huber", l2=0.1)
        .fit(give(X), give(Y[:, 0]), sample_weight=give(1 + WEIGHTS))
        .coef
    ),
    "sparse": lambda give: linear.LinearModel(l2=0.1).fit(Sparse(give), Y[:, 0]).coef,
    "SGD": sgd,
    "partial_fit": streamed,
    "Constant": lambda give: initializers.Constant(give(X))((30, 4)),
}


@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("name", ENTRIES)
def test_the_byte_order_of_what_is_given_does_not_matter(name, dtype):
    other = np.dtype(dtype).newbyteorder()
    utils.set_random_seed(2)
    expected = np.asarray(ENTRIES[name](lambda a: np.asarray(a, np.dtype(dtype))))
    utils.set_random_seed(2)
    found = np.asarray(ENTRIES[name](lambda a: np.asarray(a, other)))
    assert found.dtype == expected.dtype and found.dtype.isnative
    assert found.tobytes() == expected.tobytes()


def test_a_constraint_stays_within_its_memory():
    swapped = np.ones((30, 20), np.dtype("f4").newbyteorder())
    for _ in range(300):
        found = constraints.UnitNorm()(swapped)
    assert found == pytest.approx(np.full((30, 20), 1 / np.sqrt(30)), rel=1e-5)


@pytest.mark.parametrize("make", [initializers.Ones, initializers.HeNormal])
def test_initial_values_are_of_this_machine(make):
    assert make()((2, 3), np.dtype("f4").newbyteorder()).dtype == np.dtype("f4")


@pytest.mark.parametrize("dtype", [">f4", ">f8", "<f4", "<f8"])
def test_a_linear_model_steps_for_a_row_of_any_byte_order(dtype):
    expected, found = (linear.LinearModel("log_loss", l2=0.1) for _ in range(2))
    native = X.astype(np.dtype(dtype).newbyteorder("="))
    for model, x in ((expected, native), (found, native.astype(dtype))):
        utils.set_random_seed(1)
        model.partial_fit(X, CLASSES).learn_one(x[0], 1).partial_fit(x[1:2], CLASSES[1:2])
    assert found.coef == pytest.approx(expected.coef, rel=1e-6)
    assert found.predict_one(native.astype(dtype)[0]) == expected.predict_one(native[0])


def test_rows_may_be_of_another_machine():
    rows = np.arange(5, dtype=np.dtype("i8").newbyteorder())
    model = network()
    assert (model.predict(X, rows=rows, verbose=0) == model.predict(X[:5], verbose=0)).all()


def test_memory_of_another_machine_cannot_be_updated():
    swapped = np.ones(3, np.dtype("f4").newbyteorder())
    with pytest.raises(TypeError, match="owner"):
        Variable(swapped, 0, (3,))
    with pytest.raises(TypeError, match="variables"):
        optimizers.SGD().apply_gradients([(np.ones(3), swapped)])
