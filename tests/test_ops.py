"""Every gradient rule against differences, and the operations by hand."""

import operator

import numpy as np
import pytest

from fastgd import ops
from fastgd._autodiff import array_rules, rules
from fastgd._autodiff.array_methods import cast
from fastgd._autodiff.tensor import apply
from fastgd.errors import DataTypeError, FastgdError, ShapeError
from fastgd.tape import GradientTape, Tensor

RULES = rules.RULES | array_rules.RULES


def numbers(*shape, low=0.2, high=0.9, seed=0):
    return np.random.default_rng(seed).uniform(low, high, shape)


def signed(*shape, seed=1):
    return np.random.default_rng(seed).normal(size=shape) * 2


A, B, ROW = signed(3, 4), signed(3, 4, seed=2), signed(4, seed=3)
CUBE = signed(2, 3, 4)
UPPER = numbers(3, 4, low=1.2, high=3.0)
INTEGERS = np.array([[0, 2], [2, 1]])

# function -> calls (arguments, keyword arguments). A ufunc without an entry is called with
# numbers in (0.2, 0.9), and, if it has two arguments, with a row and a column to broadcast.
CALLS = {
    np.arccosh: [((UPPER,), {})],
    np.absolute: [((A,), {})],
    np.square: [((A,), {})],
    np.negative: [((A,), {})],
    np.power: [
        ((UPPER, B), {}), ((UPPER, ROW), {}), ((A, 2), {}), ((A, 3.0), {}), ((A, 0), {}),
        ((2.0, A), {}), ((UPPER, numbers(3, 1)), {}),
    ],
    np.remainder: [((UPPER * 2.7, UPPER[:, :1]), {})],
    np.maximum: [((A, B), {}), ((A, ROW), {}), ((0.3, A), {})],
    np.minimum: [((A, B), {}), ((A, ROW), {}), ((A, 0.3), {})],
    np.matmul: [
        ((A, B.T), {}), ((ROW, B.T), {}), ((A, ROW), {}), ((ROW, ROW + 1), {}),
        ((CUBE, B.T), {}), ((A, CUBE.swapaxes(1, 2)), {}), ((CUBE, ROW), {}),
        ((ROW, CUBE.swapaxes(1, 2)), {}), ((CUBE[:, None], CUBE.swapaxes(1, 2)), {}),
    ],
    np.dot: [
        ((A, B.T), {}), ((A, ROW), {}), ((ROW, ROW + 1), {}), ((ROW, B.T), {}),
        ((np.array(2.0), A), {}), ((CUBE, CUBE.swapaxes(1, 2) * 2), {}),
        ((CUBE, ROW), {}), ((A, np.array(0.7)), {}),
    ],
    np.outer: [((A, ROW), {}), ((ROW, B), {})],
    np.clip: [((A, -0.5, 0.7), {}), ((A, None, ROW), {}), ((A, ROW - 3, ROW + 3), {})],
    np.where: [((A > 0, A, B), {}), ((ROW > 0, A, ROW), {}), ((A > 0, A, 0.0), {})],
    np.copy: [((A,), {})],
    rules.leaky_relu: [((A,), {}), ((A, 0.3), {})],
    rules.elu: [((A,), {}), ((A, 1.7), {})],
    np.var: [((A,), {}), ((A,), {"axis": 1, "ddof": 1}), ((CUBE, (0, 2)), {})],
    np.std: [((A,), {}), ((A, 0), {"keepdims": True}), ((CUBE, -1), {"ddof": 1})],
    np.prod: [
        ((A,), {}), ((A, 1), {}), ((CUBE, (0, 2)), {"keepdims": True}), ((CUBE, (2, 0)), {}),
        ((np.where(A < -1, 0, A), 1), {}),
    ],
    np.cumsum: [((A,), {}), ((A, 0), {}), ((A, -1), {})],
    array_rules.softmax: [((A,), {}), ((A, 0), {})],
    array_rules.log_softmax: [((A,), {}), ((A, 0), {})],
    np.reshape: [((A, (2, 6)), {}), ((A, -1), {}), ((A, (6, 2)), {"order": "F"})],
    np.ravel: [((A,), {}), ((A, "F"), {})],
    np.squeeze: [((A[:, None],), {}), ((A[None, :, None], 0), {})],
    np.expand_dims: [((A, 1), {}), ((A, (0, -1)), {})],
    np.transpose: [((A,), {}), ((CUBE, (1, 2, 0)), {}), ((CUBE, (-1, 0, 1)), {})],
    np.swapaxes: [((CUBE, 0, 2), {})],
    np.moveaxis: [((CUBE, 0, 2), {}), ((CUBE, (0, 1), (1, 2)), {})],
    np.flip: [((CUBE,), {}), ((CUBE, (0, 2)), {})],
    array_rules.scatter: [
        ((A, [0, 0, 2], (5, 4)), {}), ((A, (slice(None), slice(1, 5)), (3, 6)), {}),
    ],
    np.roll: [((A, 2), {}), ((CUBE, (1, -2), (0, 2)), {})],
    np.broadcast_to: [((ROW, (3, 4)), {}), ((A[:, :1], (2, 3, 4)), {})],
    np.repeat: [((A, 2), {}), ((A, [1, 0, 3], 0), {}), ((A, 2, -1), {})],
    np.take: [
        ((A, INTEGERS), {}), ((A, INTEGERS, 1), {}), ((CUBE, INTEGERS, -2), {}),
        ((A, -1, 0), {}), ((A.T, [1, 1], 0), {}), ((A.T, [1, 1, 7]), {}),
    ],
    operator.getitem: [
        ((A, 1), {}), ((A, (slice(None), 2)), {}), ((A, (..., None, slice(0, 4, 2))), {}),
        ((A, [0, 0, 2]), {}), ((A, (INTEGERS, INTEGERS)), {}), ((A, A > 0), {}),
        ((A, (slice(None), np.array([1, 1]))), {}), ((A, slice(None, None, -1)), {}),
    ],
    np.concatenate: [
        (([A, B[:1]],), {}), (([A, B[:, :2]], 1), {}), (([A, ROW], None), {}),
        (((A, B), -1), {}),
    ],
    np.stack: [(([A, B],), {}), (([A, B], -1), {})],
    cast: [((A, np.float64), {})],
}  # fmt: skip
REDUCTIONS = (np.sum, np.mean, np.max, np.min, np.amax, np.amin, array_rules.logsumexp)
for function in REDUCTIONS:
    CALLS[function] = [
        ((A,), {}), ((A, 0), {}), ((A,), {"axis": -1, "keepdims": True}), ((CUBE, (0, 2)), {}),
        ((ROW, 0), {}),
    ]  # fmt: skip


def default_calls(function):
    n_arrays = len(RULES[function].vjps)
    elementwise = isinstance(function, np.ufunc) or function.__module__ == rules.__name__
    assert elementwise, f"add calls of {function.__name__} to CALLS"
    if n_arrays == 1:
        return [((numbers(3, 4),), {})]
    row, column = numbers(4, seed=4), numbers(3, 1, seed=5)
    pairs = [(row, column), (numbers(3, 4), row), (0.4, column), (row, 0.6)]
    return [(pair, {}) for pair in pairs]


CASES = [
    pytest.param(function, args, kwargs, id=f"{function.__name__}-{i}")
    for function in RULES
    for i, (args, kwargs) in enumerate(CALLS.get(function) or default_calls(function))
]


def differences(f, x, step=1e-3):
    """The gradient of f at x by 4-point central differences (error ~ step**4)."""
    gradient = np.empty(x.shape)
    for index in np.ndindex(x.shape):

        def at(k, index=index):
            moved = x.copy()
            moved[index] += k * step
            return f(moved)

        gradient[index] = (8 * (at(1) - at(-1)) - (at(2) - at(-2))) / (12 * step)
    return gradient


def is_array(x):
    return isinstance(x, np.ndarray) and x.dtype.kind == "f"


@pytest.mark.parametrize(("function", "args", "kwargs"), CASES)
def test_rule_against_differences(function, args, kwargs):
    rule = RULES[function]
    arrays = args[0] if rule.sequence else args[: len(rule.vjps)]
    rest = args[1:] if rule.sequence else args[len(rule.vjps) :]
    weights = signed(*np.shape(function(*args, **kwargs)), seed=9)

    def call(items):
        return function(*([list(items)] if rule.sequence else items), *rest, **kwargs)

    sources = [x for x in arrays if is_array(x)]
    assert sources
    with GradientTape() as tape:
        watched = [tape.watch(x) if is_array(x) else x for x in arrays]
        # NumPy's own functions dispatch; those of this package go through their operation.
        package = getattr(function, "__module__", "").startswith("fastgd")
        out = apply(function, (*watched, *rest), kwargs) if package else call(watched)
        total = np.sum(out * weights)
    assert isinstance(out, Tensor)
    np.testing.assert_array_equal(out.numpy(), call(arrays))
    for x, gradient in zip(sources, tape.gradient(total, sources), strict=True):
        k = next(i for i, item in enumerate(arrays) if item is x)

        def f(moved, k=k):
            items = [moved if i == k else item for i, item in enumerate(arrays)]
            return np.sum(call(items) * weights)

        assert gradient.shape == x.shape
        np.testing.assert_allclose(gradient, differences(f, x), rtol=1e-7, atol=1e-8)


FLOAT32_CASES = [case for case in CASES if case.values[0] not in (np.float_power, cast)]


@pytest.mark.parametrize(("function", "args", "kwargs"), FLOAT32_CASES)
def test_float32_is_kept(function, args, kwargs):
    def narrow(x):
        if isinstance(x, (list, tuple)) and any(map(is_array, x)):
            return [narrow(item) for item in x]
        return x.astype(np.float32) if is_array(x) else x

    with GradientTape() as tape:
        narrowed = [tape.watch(y) if is_array(y := narrow(x)) else y for x in args]
        if RULES[function].sequence:
            narrowed[0] = tape.watch(narrowed[0])
        out = apply(function, tuple(narrowed), kwargs)
    assert out.dtype == np.float32
    sources = narrowed[0] if RULES[function].sequence else narrowed
    sources = [x for x in sources if isinstance(x, Tensor)]
    for gradient in tape.gradient(out, sources):
        assert gradient.dtype == np.float32


@pytest.mark.parametrize(
    ("op", "args", "reference"),
    [
        (ops.sigmoid, (np.array([-800.0, 0.0, 800.0]),), [0.0, 0.5, 1.0]),
        (ops.softplus, (np.array([-800.0, 0.0, 800.0]),), [0.0, np.log(2), 800.0]),
        (ops.log_sigmoid, (np.array([-800.0, 0.0, 800.0]),), [-800.0, -np.log(2), 0.0]),
        (ops.softmax, (np.array([1000.0, 1000.0]),), [0.5, 0.5]),
        (ops.log_softmax, (np.array([0.0, 1000.0]),), [-1000.0, 0.0]),
        (ops.logsumexp, (np.array([1000.0, 1000.0]),), 1000 + np.log(2)),
        (ops.relu, (np.array([-1.0, 2.0]),), [0.0, 2.0]),
        (ops.leaky_relu, (np.array([-1.0, 2.0]),), [-0.2, 2.0]),
        (ops.elu, (np.array([-np.log(2), 2.0]),), [-0.5, 2.0]),
        (ops.silu, (np.array([0.0, np.log(3)]),), [0.0, 0.75 * np.log(3)]),
        (ops.one_hot, (np.array([1, -1]), 3), [[0, 1, 0], [0, 0, 0]]),
        (ops.where, (np.array([0, 1, 1]),), [[1, 2]]),
        (ops.round, (np.array([0.5, 1.5]),), [0.0, 2.0]),
    ],
)
def test_values_by_hand(op, args, reference):
    result = op(*args)
    assert not isinstance(result, Tensor)
    np.testing.assert_allclose(result, reference, rtol=1e-15)


@pytest.mark.parametrize("op", [ops.sigmoid, ops.softplus, ops.log_sigmoid, ops.softmax])
def test_extreme_numbers_have_finite_gradients(op):
    with GradientTape() as tape:
        x = tape.watch(np.array([-800.0, -30.0, 0.0, 30.0, 800.0]))
        y = op(x)
    assert np.isfinite(tape.gradient(y, x)).all()


@pytest.mark.parametrize(
    ("op", "args", "gradients"),
    [
        (ops.abs, ([0.0, -2.0],), ([0.0, -1.0],)),
        (ops.relu, ([0.0, 2.0],), ([0.0, 1.0],)),
        (ops.maximum, ([1.0, 2.0], [1.0, 3.0]), ([0.5, 0.0], [0.5, 1.0])),
        (ops.minimum, ([1.0, 2.0], [1.0, 3.0]), ([0.5, 1.0], [0.5, 0.0])),
        (ops.max, ([3.0, 1.0, 3.0],), ([0.5, 0.0, 0.5],)),
        (ops.min, ([3.0, 1.0, 3.0],), ([0.0, 1.0, 0.0],)),
        (ops.std, ([2.0, 2.0],), ([0.0, 0.0],)),
        (ops.prod, ([0.0, 2.0, 3.0],), ([6.0, 0.0, 0.0],)),
        (ops.prod, ([0.0, 0.0, 3.0],), ([0.0, 0.0, 0.0],)),
        (ops.power, ([0.0, 2.0], [0.0, 3.0]), ([0.0, 12.0], [0.0, 8 * np.log(2)])),
        (lambda x: ops.clip(x, 0.0, 1.0), ([0.0, 0.5, 1.0, 2.0],), ([1.0, 1.0, 1.0, 0.0],)),
        (lambda x: ops.square(ops.sum(x)), ([1.0, 2.0],), ([6.0, 6.0],)),
    ],
)
def test_gradients_by_hand(op, args, gradients):
    with GradientTape() as tape:
        watched = [tape.watch(np.array(x)) for x in args]
        y = op(*watched)
    for result, expected in zip(tape.gradient(y, watched), gradients, strict=True):
        np.testing.assert_allclose(result, expected, rtol=1e-15)


@pytest.mark.parametrize("name", ["exp", "tanh", "sum", "mean", "var", "max", "transpose"])
def test_operations_on_plain_arrays_are_those_of_numpy(name):
    result, expected = getattr(ops, name)(A), getattr(np, name)(A)
    assert type(result) is type(expected)
    np.testing.assert_array_equal(result, expected)


def test_operations_have_names_and_docstrings():
    public = [v for k, v in vars(ops).items() if callable(v) and k[0] != "_" and k.islower()]
    own = [f for f in public if getattr(f, "__module__", "") == "fastgd.ops"]
    assert len(own) > 80
    assert all(f.__doc__ and f.__name__ != "op" for f in own)


def test_functions_without_gradient_give_plain_arrays():
    with GradientTape() as tape:
        x = tape.watch(A)
        results = [
            ops.argmax(x), ops.argmin(x, axis=0), ops.sign(x), ops.floor(x), ops.ceil(x),
            ops.round(x), ops.isfinite(x), ops.greater(x, 0), ops.ones_like(x), ops.shape(x),
            ops.zeros_like(x), ops.cast(x, "int32"), ops.equal(x, x), ops.any(x > 0),
            np.argsort(x), np.rint(x), np.shape(x), x > 0, x == x, x // 1, np.allclose(x, A),
            np.nonzero(x), ops.stop_gradient(x), ops.convert_to_numpy(x), np.size(x),
        ]  # fmt: skip
    assert not any(isinstance(result, Tensor) for result in results)


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (np.median, "median"),
        (lambda x: np.einsum("ij->i", x), "einsum"),
        (np.sort, "sort"),
        (np.linalg.norm, "norm"),
        (np.add.reduce, "add"),
        (np.nextafter.accumulate, "nextafter"),
        (np.sinc, "sinc"),
        (np.modf, "modf"),
        (lambda x: np.sum(x, where=A > 0), "where"),
        (lambda x: np.add(x, 1, where=A > 0, out=np.zeros_like(A)), "add"),
        (lambda x: np.multiply.at(np.ones((3, 4)), 0, x[0]), "multiply"),
        (lambda x: np.mean(A, where=x), "mean"),
        (lambda x: np.where(x, A, 0.0), "where"),
        (lambda x: operator.iadd(np.zeros((3, 4)), x), "add"),
        (lambda x: np.add(A, 1, out=x), "Tensor"),
    ],
)
def test_functions_without_rule_are_refused_by_name(call, name):
    with GradientTape() as tape:
        x = tape.watch(A)
        with pytest.raises(DataTypeError, match=name):
            call(x)


def test_orders_that_depend_on_memory_are_refused():
    with GradientTape() as tape:
        x = tape.watch(A.T)
        y = np.ravel(x, order="K")
    with pytest.raises(FastgdError, match="order"):
        tape.gradient(y, x)


def test_arguments_by_keyword():
    with GradientTape() as tape:
        x = tape.watch(A)
        y = np.mean(a=x, axis=0, out=None) + np.clip(a=x, a_min=-1, a_max=1).sum(axis=0)
    expected = np.full(A.shape, 1 / 3) + (np.abs(A) <= 1)
    np.testing.assert_allclose(tape.gradient(y, x), expected)


def test_list_of_tensors_is_stacked():
    with GradientTape() as tape:
        x, y = tape.watch([np.array(2.0), np.array(3.0)])
        z = ops.sum(ops.square([x, y, 1.0])) + ops.mean(ops.convert_to_tensor([x, y]))
    assert float(z) == 16.5
    assert tape.gradient(z, [x, y]) == [4.5, 6.5]


def test_conversions():
    x = np.arange(3.0)
    assert ops.convert_to_tensor(x) is x
    assert ops.convert_to_tensor([1, 2], dtype="float32").dtype == np.float32
    with GradientTape() as tape:
        t = tape.watch(x)
        assert ops.convert_to_tensor(t) is t
        half = ops.convert_to_tensor(t, "float32") ** 2
        stopped = ops.stop_gradient(x) * t
    assert half.dtype == np.float32
    np.testing.assert_array_equal(tape.gradient([half, stopped], t), [0.0, 3.0, 6.0])
    with pytest.raises(DataTypeError, match="list"):
        ops.stop_gradient([1.0])


def test_one_hot_refuses_other_classes():
    with pytest.raises(ShapeError, match="got 0 to 3"):
        ops.one_hot(np.array([0, 3]), 3)


@pytest.mark.parametrize("dtype", [None, "float64", "int32"])
def test_new_arrays(dtype):
    for made, expected in [
        (ops.zeros((2, 3), dtype), np.zeros((2, 3))),
        (ops.ones(2, dtype), np.ones(2)),
        (ops.full((2,), 7, dtype), np.array([7, 7])),
        (ops.eye(2, 3, 1, dtype), np.array([[0, 1, 0], [0, 0, 1]])),
        (ops.identity(2, dtype), np.array([[1, 0], [0, 1]])),
        (ops.linspace(0, 4, 3, dtype=dtype), np.array([0, 2, 4])),
        (ops.arange(0.0, 4.0, 2.0, dtype), np.array([0, 2])),
    ]:
        assert made.tolist() == expected.tolist()
        assert made.dtype == (dtype or "float32")
    assert ops.arange(3).tolist() == [0, 1, 2] and ops.arange(3).dtype == np.int32
    assert ops.arange(1, 6, 2).tolist() == [1, 3, 5]
    x = np.ones((2, 1))
    for made in (ops.zeros_like(x, "int32"), ops.ones_like(x, "int32")):
        assert made.dtype == np.int32 and made.shape == (2, 1)
    assert ops.full_like(x, 3.0).tolist() == [[3.0], [3.0]]


def test_rsqrt():
    with GradientTape() as tape:
        x = tape.watch(np.array([4.0, 0.25]))
        y = ops.rsqrt(x)
    np.testing.assert_allclose(y.numpy(), [0.5, 2.0])
    np.testing.assert_allclose(tape.gradient(y, x), [-1 / 16, -4.0])


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("arctan2", (1.0, [{}, 1.0])),
        ("divide", (True, np.array([False], object))),
        ("reciprocal", (np.array([0], object),)),
        ("getitem", ({}, "key")),
    ],
)
def test_objects_that_are_no_numbers(name, arguments):
    with pytest.raises(DataTypeError, match="expected arrays of numbers, got objects"):
        getattr(ops, name)(*arguments)


def test_objects_that_are_no_numbers_on_a_tape():
    with GradientTape() as tape:
        x = tape.watch(np.ones(2))
        with pytest.raises(DataTypeError, match="arctan2: expected arrays of numbers"):
            ops.arctan2(x, [{}, 1.0])


def test_an_empty_list_is_an_array():
    assert ops.convert_to_tensor([]).shape == ops.convert_to_tensor(()).shape == (0,)
    assert ops.convert_to_tensor([[], []]).shape == (2, 0)
