"""Second derivatives by a tape inside a tape, and their refusal where a rule is compiled."""

import numpy as np
import pytest
from test_ops import CASES, differences, is_array, signed

from fastgd import Sequential, activations, layers, losses, ops, optimizers
from fastgd._autodiff.tensor import _RULES as RULES
from fastgd._autodiff.tensor import apply
from fastgd.errors import DataTypeError
from fastgd.tape import GradientTape, Tensor, record
from fastgd.variables import Variable


def total(function, items, args, kwargs):
    """A number that depends on each element of the function's result by a square."""
    rule = RULES[function]
    given = ([list(items)] if rule.sequence else list(items)) + list(args)
    out = apply(function, tuple(given), kwargs)
    return np.sum(np.square(out) * signed(*np.shape(out), seed=9))


@pytest.mark.parametrize(("function", "args", "kwargs"), CASES)
def test_hessian_vector_products_against_differences_of_gradients(function, args, kwargs):
    rule = RULES[function]
    n = 1 if rule.sequence else len(rule.vjps)
    arrays, rest = (args[0] if rule.sequence else args[:n]), args[n:]
    sources = [x for x in arrays if is_array(x)]
    vectors = [signed(*x.shape, seed=7) for x in sources]

    def gradients(moved):
        """The gradients for other sources, by one tape: `test_ops` has checked these."""
        left = iter(moved)
        with GradientTape() as tape:
            items = [tape.watch(next(left)) if is_array(x) else x for x in arrays]
            y = total(function, items, rest, kwargs)
        found = tape.gradient(y, [x for x in items if isinstance(x, Tensor)], None, "zero")
        return sum(np.sum(g * v) for g, v in zip(found, vectors, strict=True))

    with GradientTape() as outer:
        outside = [outer.watch(x) if is_array(x) else x for x in arrays]
        with GradientTape() as inner:
            items = [inner.watch(x) if isinstance(x, Tensor) else x for x in outside]
            y = total(function, items, rest, kwargs)
        watched = [x for x in items if isinstance(x, Tensor)]
        slopes = inner.gradient(y, watched, None, "zero")
        product = sum(np.sum(g * v) for g, v in zip(slopes, vectors, strict=True))
    found = outer.gradient(product, watched, None, "zero")
    for k, (x, gradient) in enumerate(zip(sources, found, strict=True)):

        def f(moved, k=k):
            return gradients([moved if i == k else s for i, s in enumerate(sources)])

        np.testing.assert_allclose(gradient, differences(f, x), rtol=1e-6, atol=1e-6)


def test_hessian_of_a_cubic_by_hand():
    w = Variable(np.array([1.0, -2.0, 3.0]))
    with GradientTape() as outer:
        with GradientTape() as inner:
            loss = np.sum(w**3) + w[0] * w[1] * w[2]
        gradient = inner.gradient(loss, w)
        product = np.sum(gradient * np.array([1.0, 0.0, 2.0]))
    assert isinstance(gradient, Tensor)
    np.testing.assert_array_equal(gradient.numpy(), [3.0 - 6, 12.0 + 3, 27.0 - 2])
    # the Hessian is [[6, 3, -2], [3, -12, 1], [-2, 1, 18]]
    np.testing.assert_array_equal(outer.gradient(product, w), [6 - 4, 3 + 2, -2 + 36])


def test_third_derivative():
    x = np.array(2.0)
    with GradientTape() as first:
        a = first.watch(x)
        with GradientTape() as second:
            b = second.watch(a)
            with GradientTape() as third:
                c = third.watch(b)
                y = c**4
            slope = third.gradient(y, c)
        curvature = second.gradient(slope, b)
    assert (float(slope), float(curvature)) == (32.0, 48.0)
    assert first.gradient(curvature, a) == 48.0  # 24 x


def test_variables_of_one_owner():
    flat = np.array([1.0, 2.0, 3.0, 4.0])
    u, v = (Variable(flat, offset=i, shape=(2,), name=str(i)) for i in (0, 2))
    with GradientTape() as outer:
        with GradientTape() as inner:
            loss = np.sum(u**2 * v)
        d_u, d_v = inner.gradient(loss, [u, v])
        mixed = np.sum(d_u) + np.sum(3 * d_v)
    found = outer.gradient(mixed, [u, v])
    # d_u = 2 u v, d_v = u^2
    np.testing.assert_array_equal(found[0], 2 * np.array([3, 4]) + 6 * np.array([1, 2]))
    np.testing.assert_array_equal(found[1], 2 * np.array([1, 2]))


def test_a_step_inside_a_step():
    """The loss after a step of gradient descent, differentiated through the step."""
    w, rate = Variable(np.array(3.0)), Variable(np.array(0.1))
    with GradientTape() as outer:
        with GradientTape() as inner:
            loss = w**4
        moved = w - rate * inner.gradient(loss, w)
        after = moved**2
    d_w, d_rate = outer.gradient(after, [w, rate])
    at = 3 - 0.1 * 4 * 27
    np.testing.assert_allclose(d_w, 2 * at * (1 - 0.1 * 12 * 9))
    np.testing.assert_allclose(d_rate, 2 * at * -4 * 27)


def test_assignment_between_use_and_gradient_changes_nothing():
    w = Variable(np.array(3.0))
    with GradientTape() as outer:
        with GradientTape() as inner:
            loss = w**3
        w.assign(np.array(100.0))
        gradient = inner.gradient(loss, w)
    assert float(gradient) == 27.0
    assert outer.gradient(gradient, w) == 18.0


def test_dense_network_in_operations():
    """The penalty of Gulrajani et al. (2017): the slope of the output by the input."""
    layer = layers.Dense(3, dtype="float64")
    layer.build((None, 2))
    x = signed(4, 2)

    def penalty(kernel, bias):
        slopes = (1 - np.tanh(x @ kernel + bias) ** 2) @ kernel.T  # of the sum of all outputs
        return np.sum(slopes**2)

    with GradientTape() as outer:
        with GradientTape() as inner:
            watched = inner.watch(x)
            y = ops.tanh(ops.matmul(watched, layer.kernel) + layer.bias)
        found = ops.sum(ops.square(inner.gradient(y, watched)))
    d_kernel, d_bias = outer.gradient(found, [layer.kernel, layer.bias])
    kernel, bias = layer.kernel.numpy(), layer.bias.numpy()
    expected = differences(lambda k: penalty(k, bias), kernel)
    np.testing.assert_allclose(d_kernel, expected, rtol=1e-7, atol=1e-8)
    expected = differences(lambda b: penalty(kernel, b), bias)
    np.testing.assert_allclose(d_bias, expected, rtol=1e-7, atol=1e-8)


def small_model():
    model = Sequential([layers.Input((2,)), layers.Dense(1, "tanh")], dtype="float64")
    model.compile("sgd", "mse")
    return model


MODEL, LAYER, SOFTMAX = small_model(), layers.Dense(1, dtype="float64"), layers.Softmax()


@pytest.mark.parametrize(
    "function",
    [
        MODEL, LAYER, SOFTMAX, activations.elu, activations.softmax,
        lambda x: losses.MeanSquaredError()(np.zeros((3, 2)), x),
        lambda x: losses.binary_crossentropy(np.zeros((3, 2)), x),
        lambda x: record(x.numpy() ** 2, [x], lambda d: [2 * x.numpy() * d]),
    ],
)  # fmt: skip
def test_second_derivatives_of_what_is_compiled_are_refused(function):
    x = np.full((3, 2), 0.3)
    with GradientTape() as outer:
        watched = outer.watch(x)
        with GradientTape() as inner:
            inner.watch(watched)
            y = ops.sum(function(watched))
        slope = inner.gradient(y, watched)
        penalty = y + ops.sum(ops.square(slope))
    with pytest.raises(DataTypeError, match="first derivatives only"):
        outer.gradient(penalty, watched)


def test_first_derivatives_beside_an_inner_tape_are_as_without_it():
    model = small_model()
    x, y = signed(5, 2), np.zeros((5, 1))
    _, expected = model.value_and_grad(x, y)
    with GradientTape() as outer:
        with GradientTape() as inner:
            loss = model.loss(y, model(x))
        inside = inner.gradient(loss, model.trainable_variables)
    outside = outer.gradient(loss, model.trainable_variables)
    for found in (inside, outside):
        for a, b in zip(found, expected, strict=True):
            np.testing.assert_allclose(ops.convert_to_numpy(a), b, rtol=1e-12)


def test_optimizer_takes_gradients_of_an_inner_tape():
    w, sgd = Variable(np.array([1.0, 2.0])), optimizers.SGD(0.5)
    with GradientTape():
        with GradientTape() as inner:
            loss = np.sum(w**2)
        sgd.apply_gradients([(inner.gradient(loss, w), w)])
    np.testing.assert_array_equal(w.numpy(), [0.0, 0.0])


def test_without_a_tape_that_follows_gradients_are_plain():
    w = Variable(np.array([1.0, 2.0]))
    with GradientTape(watch_accessed_variables=False) as outer:
        with GradientTape() as inner:
            loss = np.sum(w**2)
        assert type(inner.gradient(loss, w)) is np.ndarray
        with GradientTape() as inner:
            loss = np.sum(w**2)
        with outer.stop_recording():
            assert type(inner.gradient(loss, w)) is np.ndarray
