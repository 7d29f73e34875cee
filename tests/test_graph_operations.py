"""Operations and activations of symbolic tensors, in graphs and in ``call``: values by hand."""

import numpy as np
import pytest

import fastgd
from fastgd import Model, activations, layers, ops
from fastgd.errors import DataTypeError

X = np.random.default_rng(0).normal(size=(7, 4))
A, B = X[:, :2], X[:, 2:]


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


# name -> (what is done with two symbolic tensors, the same with arrays)
OPERATIONS = {
    "add": (ops.add, A + B),
    "add a number": (lambda a, b: ops.add(a, 2), A + 2),
    "add to a number": (lambda a, b: ops.add(2.0, a), A + 2),
    "subtract": (ops.subtract, A - B),
    "subtract from a number": (lambda a, b: ops.subtract(1, a), 1 - A),
    "multiply": (ops.multiply, A * B),
    "divide by a number": (lambda a, b: ops.divide(a, 4), A / 4),
    "negative": (lambda a, b: ops.negative(a), -A),
    "square": (lambda a, b: ops.square(a), A**2),
    "power": (lambda a, b: a**2 + ops.power(b, 2), A**2 + B**2),
    "maximum": (ops.maximum, np.maximum(A, B)),
    "minimum": (ops.minimum, np.minimum(A, B)),
    "concatenate": (lambda a, b: ops.concatenate([b, a], axis=-1), np.hstack([B, A])),
    "reshape": (lambda a, b: ops.reshape(a, (-1, 2, 1)), A[:, :, None]),
    "relu": (lambda a, b: ops.relu(a), np.maximum(A, 0)),
    "sigmoid": (lambda a, b: ops.sigmoid(a), sigmoid(A)),
    "tanh": (lambda a, b: ops.tanh(a), np.tanh(A)),
    "exp": (lambda a, b: ops.exp(a), np.exp(A)),
    "sine, which no layer has": (lambda a, b: ops.sin(a), np.sin(A)),
    "leaky_relu": (lambda a, b: ops.leaky_relu(a, 0.1), np.where(A > 0, A, 0.1 * A)),
    "elu": (lambda a, b: ops.elu(a, 0.5), np.where(A > 0, A, 0.5 * np.expm1(A))),
    "softplus": (lambda a, b: ops.softplus(a), np.log1p(np.exp(A))),
    "log_sigmoid": (lambda a, b: ops.log_sigmoid(a), np.log(sigmoid(A))),
    "silu": (lambda a, b: ops.silu(a), A * sigmoid(A)),
    "softmax": (lambda a, b: ops.softmax(a), np.exp(A) / np.exp(A).sum(axis=1)[:, None]),
    "log_softmax": (
        lambda a, b: ops.log_softmax(a), A - np.log(np.exp(A).sum(axis=1))[:, None],
    ),
    "activations.relu": (lambda a, b: activations.relu(a), np.maximum(A, 0)),
    "activations.relu of a slope": (
        lambda a, b: activations.relu(a, negative_slope=0.3, max_value=1),
        np.where(A > 0, np.minimum(A, 1), 0.3 * A),
    ),
    "activations.elu": (
        lambda a, b: activations.elu(a, alpha=2.0), np.where(A > 0, A, 2 * np.expm1(A)),
    ),
    "activations.swish": (lambda a, b: activations.swish(a), A * sigmoid(A)),
    "activations.glu": (lambda a, b: activations.glu(a), A[:, :1] * sigmoid(A[:, 1:])),
}  # fmt: skip


@pytest.mark.parametrize("name", OPERATIONS)
def test_operations_of_symbolic_tensors(engine, name):
    operate, expected = OPERATIONS[name]
    a, b = (layers.Input((2,), dtype="float64") for _ in range(2))
    model = Model([a, b], operate(layers.Identity()(a), layers.Identity()(b)))
    found = model.predict([A, B])
    assert model.output_shape == (None, *expected.shape[1:])
    np.testing.assert_allclose(found, expected, rtol=1e-12)


class Mixed(Model):
    """A class of one's own that calls layers, operations and activations."""

    def __init__(self):
        super().__init__(dtype="float64")
        self.left = layers.Dense(3)
        self.right = layers.Dense(3)
        self.last = layers.Dense(1)

    def call(self, inputs):
        left = ops.relu(self.left(inputs))
        right = activations.tanh(self.right(inputs))
        return self.last(ops.concatenate([left, left * right], axis=-1) / 2)


def test_operations_in_call(engine):
    model = Mixed()
    found = model.predict(X)
    (k1, b1, k2, b2, k3, b3) = model.get_weights()
    left, right = np.maximum(X @ k1 + b1, 0), np.tanh(X @ k2 + b2)
    expected = np.hstack([left, left * right]) / 2 @ k3 + b3
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    model.compile("sgd", "mse")
    losses = model.fit(X, X[:, :1], epochs=3, verbose=0).history["loss"]
    assert losses[-1] < losses[0]


def test_the_layers_of_a_class_are_those_that_it_holds():
    model = Mixed()
    own = [model.left, model.right, model.last]
    assert model.layers == own
    model.predict(X)
    assert model.layers == own
    assert model.get_layer(index=0) is model.left
    lines = []
    model.summary(print_fn=lines.append)
    assert [layer.name in lines[0] for layer in own] == [True] * 3


def test_what_no_layer_does():
    a = layers.Input((2,))
    for operate, name in [
        (lambda: ops.mean(a, axis=-1), "mean"),
        (lambda: ops.divide(1.0, a), "divide"),
        (lambda: ops.matmul(a, np.ones((2, 2))), "matmul"),
        (lambda: ops.reshape(a, (3, 2)), "reshape"),
        (lambda: ops.maximum(a, 0.0), "maximum"),
        (lambda: activations.softmax(a, axis=0), "activation"),
    ]:
        with pytest.raises(DataTypeError, match=name) as info:
            operate()
        assert "layers.Activation" in str(info.value)


def test_a_graph_of_operations_comes_back_from_its_config():
    a = layers.Input((2,), dtype="float64", name="a")
    model = Model(a, ops.tanh(ops.relu(a) * 2 - a))
    again = fastgd.models.clone_model(model)
    np.testing.assert_array_equal(again.predict(A), model.predict(A))


def test_a_layer_with_call_is_refused():
    class Block(fastgd.Layer):
        def call(self, inputs):
            return inputs

    with pytest.raises(DataTypeError, match=r"Block\.call.*fastgd\.Model"):
        Block()
