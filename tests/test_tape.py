"""Variables, Tensors and the gradient tape."""

import copy
import gc
import operator
import pickle
import threading
import weakref

import numpy as np
import pytest

from fastgd import ops
from fastgd.errors import ArgumentError, DataTypeError, ShapeError, UnknownNameError
from fastgd.tape import GradientTape, Tensor, followed, record, recording
from fastgd.variables import Variable


def two_variables(dtype=np.float64):
    flat = np.arange(1, 9, dtype=dtype)
    return flat, Variable(flat, 0, (3, 2), name="kernel"), Variable(flat, 6, (2,), name="bias")


# --- Variable ---------------------------------------------------------------------------


def test_variable_is_a_view():
    flat, kernel, bias = two_variables()
    assert np.shares_memory(kernel, flat)
    flat[6] = 50
    np.testing.assert_array_equal(bias, [50, 8])
    kernel[0] = -1
    np.testing.assert_array_equal(flat[:3], [-1, -1, 3])
    assert (bias.name, bias.path, bias.offset, bias.trainable) == ("bias", "bias", 6, True)
    assert kernel.owner is flat
    assert type(kernel.value) is np.ndarray and np.shares_memory(kernel.value, flat)
    assert type(kernel.numpy()) is np.ndarray and not np.shares_memory(kernel.numpy(), flat)
    described = "<Variable name=bias, shape=(2,), dtype=float64, value=array([50.,  8.])>"
    assert repr(bias) == described
    assert str(bias) == "[50.  8.]"


@pytest.mark.parametrize(
    "call",
    [
        lambda v: v + 1, lambda v: 1 - v, lambda v: -v, lambda v: v @ v.T, lambda v: np.exp(v),
        lambda v: v[0], lambda v: v[:, 1:], lambda v: v[...], lambda v: v.T, lambda v: v.copy(),
        lambda v: v.reshape(2, 3), lambda v: v.ravel(), lambda v: v.flatten(),
        lambda v: v.view(),
        lambda v: v.astype("float32"), lambda v: v.sum(axis=0), lambda v: np.sum(v, axis=0),
        lambda v: np.concatenate([v, v]), lambda v: np.asarray(v), lambda v: np.array(v),
        lambda v: np.zeros_like(v), lambda v: copy.copy(v), lambda v: copy.deepcopy(v),
        lambda v: pickle.loads(pickle.dumps(v)), lambda v: v > 2, lambda v: next(iter(v)),
        lambda v: np.where(v > 2, v, 0), lambda v: np.dot(v.T, v), lambda v: v.mT,
        lambda v: v.real,
        lambda v: np.add.accumulate(v), lambda v: np.atleast_1d(v), lambda v: v.swapaxes(0, 1),
        lambda v: v.transpose(1, 0), lambda v: v.transpose(), lambda v: v.clip(2, 3),
        lambda v: np.add(v, 1, out=np.zeros((3, 2))), lambda v: np.sort(v),
        lambda v: v.__array_wrap__(np.zeros(2)), lambda v: np.linalg.norm(v, axis=0),
    ],
)  # fmt: skip
def test_results_are_plain_arrays(call):
    _, kernel, _ = two_variables()
    assert type(call(kernel)) is np.ndarray


def test_results_equal_those_of_plain_arrays():
    _, kernel, _ = two_variables()
    plain = np.arange(1.0, 7.0).reshape(3, 2)
    assert type(kernel.mean()) is np.float64 and kernel.mean() == 3.5
    assert type(kernel[1, 0]) is np.float64 and kernel[1, 0] == 3
    np.testing.assert_array_equal(kernel.T @ kernel, plain.T @ plain)
    np.testing.assert_array_equal(kernel.std(axis=0, ddof=1), plain.std(axis=0, ddof=1))
    np.testing.assert_array_equal(np.add.reduce(kernel), [9, 12])
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(kernel)), plain)
    assert not np.shares_memory(copy.deepcopy(kernel), kernel)


def test_view_made_by_numpy_has_no_owner():
    _, kernel, _ = two_variables()
    view = np.lib.stride_tricks.as_strided(kernel.value.view(Variable), (2,), subok=True)
    assert view.owner is None and view.offset is None
    np.testing.assert_array_equal(view + 1, [2, 3])


def test_in_place_operations_keep_the_variable():
    flat, kernel, bias = two_variables()
    before = kernel
    kernel -= 0.5 * np.ones((3, 2))
    kernel *= 2
    kernel[...] = kernel + 1
    np.add(kernel, 1, out=kernel)
    assert kernel is before
    np.testing.assert_array_equal(flat[:6], [3, 5, 7, 9, 11, 13])
    with GradientTape():
        bias += bias * 2
    assert isinstance(bias, Variable)
    np.testing.assert_array_equal(flat[6:], [21, 24])


def test_assign():
    flat, kernel, bias = two_variables(np.float32)
    assert bias.assign([1.5, 2.5]) is bias
    assert bias.assign_add(np.ones(2)) is bias
    assert bias.assign_sub(0.5) is bias
    np.testing.assert_array_equal(flat[6:], [2, 3])
    for call in (kernel.assign, kernel.assign_add, kernel.assign_sub):
        with pytest.raises(ShapeError, match=r"\(3, 2\).*'kernel'.*\(2, 3\)"):
            call(np.zeros((2, 3)))
    with pytest.raises(ShapeError, match=r"\(2,\).*got \(3, 2\)"):
        bias.assign_add(np.zeros((3, 2)))


def test_variable_that_stands_alone():
    value = np.ones((2, 2), np.float32)
    w = Variable(value, name="w", trainable=False)
    w += 1
    assert w.dtype == np.float32 and w.owner.shape == (4,) and not w.trainable
    np.testing.assert_array_equal(value, np.ones((2, 2)))
    np.testing.assert_array_equal(w.owner, [2, 2, 2, 2])


@pytest.mark.parametrize(
    ("args", "error", "message"),
    [
        ((np.zeros(4, int), 0, (2,)), DataTypeError, "int64"),
        (([0.0, 1.0], 0, (2,)), DataTypeError, "list"),
        ((["a"],), DataTypeError, "<U1"),
        ((np.zeros((2, 2)), 0, (2,)), ShapeError, "1-d"),
        ((np.zeros(8)[::2], 0, (2,)), ShapeError, "contiguous"),
        ((np.zeros(4), 2, (3,)), ShapeError, "offset 2"),
        ((np.zeros(4), -1, (3,)), ShapeError, "offset -1"),
    ],
)
def test_variable_refuses_other_owners(args, error, message):
    with pytest.raises(error, match=message):
        Variable(*args)


# --- Tensor -----------------------------------------------------------------------------


def test_tensor_has_the_face_of_an_array():
    with GradientTape() as tape:
        t = tape.watch(np.arange(6.0).reshape(2, 3))
        assert (t.shape, t.ndim, t.size, len(t), t.dtype) == ((2, 3), 2, 6, 2, np.float64)
        assert repr(t[0]) == "<Tensor shape=(3,), dtype=float64, value=array([0., 1., 2.])>"
        s = t.sum()
        assert bool(s)
        assert f"{s:.1f}" == "15.0"
        assert t.T.shape == t.reshape(3, 2).shape == t.reshape((3, 2)).shape == (3, 2)
        assert [row.shape for row in t] == [(3,), (3,)]
        assert type(t == 1) is type(t < t) is np.ndarray
        with pytest.raises(TypeError):
            hash(t)
        with pytest.raises(TypeError):
            t[0] = 1
    assert (float(s), int(s), s.item()) == (15.0, 15, 15.0)
    assert t.tolist() == [[0, 1, 2], [3, 4, 5]]
    assert type(np.asarray(t)) is np.ndarray
    assert np.array(t, dtype=np.float32).dtype == np.float32
    assert not np.shares_memory(t.numpy(), np.asarray(t))
    assert type(t + 1) is np.ndarray  # no tape records any more


@pytest.mark.parametrize("op", [
    operator.add, operator.sub, operator.mul, operator.truediv, operator.pow, operator.mod,
])  # fmt: skip
@pytest.mark.parametrize("other", [
    2, 1.5, np.float64(1.5), np.float32(1.5), np.array(1.5), np.array([1.5, 2.5]),
    Variable(np.array([1.5, 2.5])),
], ids=lambda x: type(x).__name__)  # fmt: skip
def test_operators_on_either_side(op, other):
    x = np.array([1.25, 3.5])
    with GradientTape() as tape:
        t = tape.watch(x)
        left, right = op(t, other), op(other, t)
    assert type(left) is type(right) is Tensor
    np.testing.assert_array_equal(left.numpy(), op(x, np.asarray(other)))
    np.testing.assert_allclose(right.numpy(), op(np.asarray(other), x), rtol=1e-15)


def test_matrix_product_operators_and_signs():
    a, b = np.arange(6.0).reshape(2, 3), np.arange(3.0)
    with GradientTape() as tape:
        t = tape.watch(b)
        y = (a @ t).sum() + t @ b.copy() + (-t).sum() + abs(t).sum() + (+t).sum()
    np.testing.assert_array_equal(tape.gradient(y, t), a.sum(axis=0) + b + [0, 1, 1])


def test_python_numbers_do_not_widen():
    with GradientTape() as tape:
        t = tape.watch(np.ones(2, np.float32))
        results = [t + 1.5, 2 * t, t**3, 1 / t, np.maximum(t, 0.5), ops.clip(t, 0.0, 0.5), t**2]
        assert all(r.dtype == np.float32 for r in results)
        mixed = sum(results) * np.ones(2)
    assert mixed.dtype == np.float64
    assert tape.gradient(mixed, t).dtype == np.float32


def test_classes_that_opt_out_handle_the_operator():
    class Other:
        __array_ufunc__ = None

        def __radd__(self, other):
            return "mine"

    with GradientTape() as tape:
        assert tape.watch(np.ones(2)) + Other() == "mine"


# --- GradientTape -----------------------------------------------------------------------


def test_loss_in_numpy_and_in_operations():
    y, p = np.array([1.0, 2.0, 4.0]), np.array([0.5, 2.5, 2.0])
    for loss_of in (
        lambda t: np.mean((y - t) ** 2),
        lambda t: ops.mean(ops.square(y - t)),
        lambda t: ((t - y) ** 2).mean(),
        lambda t: np.sum(np.square(np.subtract(t, y))) / 3,
    ):
        with GradientTape() as tape:
            loss = loss_of(tape.watch(p))
        np.testing.assert_allclose(tape.gradient(loss, p), 2 * (p - y) / 3, rtol=1e-15)


def test_gradients_of_one_owner_share_one_flat_array():
    flat, kernel, bias = two_variables(np.float32)
    x = np.array([[1, 2, 3]], np.float32)
    with GradientTape() as tape:
        out = x @ kernel + bias
    dk, db = tape.gradient(out, [kernel, bias])
    assert dk.base is db.base is not None
    assert dk.base.shape == flat.shape and dk.base.dtype == np.float32
    np.testing.assert_array_equal(dk.base, [1, 1, 2, 2, 3, 3, 1, 1])
    assert not np.shares_memory(dk, flat)


def model_call(x, flat):
    """A linear model x @ kernel + bias as one node on the tape, as a compiled one would be."""
    values = np.asarray(x)
    kernel, bias = flat[:6].reshape(3, 2).copy(), flat[6:].copy()

    def backward(d):
        d_flat = np.concatenate([(values.T @ d).ravel(), d.sum(axis=0)])
        return [d @ kernel.T, d_flat]

    return record(values @ kernel + bias, [x, flat], backward)


def test_node_of_a_flat_vector_and_direct_use_add_up():
    flat, kernel, bias = two_variables()
    x = np.array([[1.0, 2.0, 3.0], [0.0, 1.0, 0.0]])
    with GradientTape() as tape:
        assert recording()
        loss = ops.sum(model_call(x, flat)) + ops.sum(ops.square(kernel)) / 2
    assert not recording()
    assert [v.name for v in tape.watched_variables()] == ["kernel", "bias"]
    dk, db = tape.gradient(loss, (kernel, bias))
    assert [v.name for v in tape.watched_variables()] == ["kernel", "bias"]
    np.testing.assert_array_equal(dk, kernel + x.sum(axis=0)[:, None])
    np.testing.assert_array_equal(db, [2, 2])


def test_two_calls_and_two_models():
    flat, kernel, bias = two_variables()
    other = flat * 0.5
    other_kernel, other_bias = Variable(other, 0, (3, 2)), Variable(other, 6, (2,))
    x = np.array([[1.0, -2.0, 0.5]])
    with GradientTape() as tape:
        tape.watch(x)
        a, b = model_call(x, flat), model_call(2 * ops.convert_to_tensor(x), flat)
        loss = ops.sum(a * model_call(x, other)) + ops.sum(b)
    ref = GradientTape()
    with ref:
        t = ref.watch(x.copy())
        ref_loss = np.sum((t @ kernel + bias) * (t @ other_kernel + other_bias)) + np.sum(
            (2 * x) @ kernel + bias
        )
    sources = [kernel, bias, other_kernel, other_bias]
    results = tape.gradient(loss, [*sources, x, flat])
    expected = ref.gradient(ref_loss, sources)
    for result, reference in zip(results[:4], expected, strict=True):
        np.testing.assert_allclose(result, reference, rtol=1e-14)
    np.testing.assert_array_equal(results[5][:6].reshape(3, 2), results[0])
    assert results[2].base is results[3].base is not results[0].base
    y, z = (x @ kernel + bias), (x @ other_kernel + other_bias)
    # `2 * convert_to_tensor(x)` is an operator on the plain x, which no tape can see.
    np.testing.assert_allclose(results[4], y @ other_kernel.T + z @ kernel.T, rtol=1e-14)


def test_diamond_and_repeated_use():
    with GradientTape() as tape:
        x = tape.watch(np.array([0.5, 2.0]))
        a = x * x
        y = a * x + a / x + a + a
        y = y + y
    # y = 2 (x**3 + x + 2 x**2), dy/dx = 6 x**2 + 2 + 8 x
    np.testing.assert_allclose(tape.gradient(y, x), [7.5, 42.0])


def test_long_chain_needs_no_recursion():
    with GradientTape() as tape:
        x = y = tape.watch(1.0)
        for _ in range(5000):
            y = y * 1.0
    assert tape.gradient(y, x) == 1.0


def test_unconnected_sources():
    _, kernel, bias = two_variables(np.float32)
    t = np.ones(3)
    with GradientTape(persistent=True) as tape:
        tape.watch(t)
        loss = ops.sum(kernel)
    assert tape.gradient(loss, [bias, t])[0] is None
    zeros = tape.gradient(loss, [bias, t], unconnected_gradients="zero")
    assert [(z.shape, z.dtype) for z in zeros] == [((2,), np.float32), ((3,), np.float64)]
    assert not np.concatenate(zeros).any()
    assert tape.gradient(np.float64(3), bias) is None
    with pytest.raises(UnknownNameError, match="'none' or 'zero'"):
        tape.gradient(loss, t, unconnected_gradients="zeros")


def test_structure_of_sources():
    _, kernel, bias = two_variables()
    with GradientTape(persistent=True) as tape:
        loss = np.sum(kernel) + np.sum(bias * bias)
    assert isinstance(tape.gradient(loss, bias), np.ndarray)
    nested = tape.gradient(loss, {"a": (kernel, [bias])})
    np.testing.assert_array_equal(nested["a"][1][0], [14, 16])
    assert isinstance(nested["a"], tuple)
    with pytest.raises(DataTypeError, match="str"):
        tape.gradient(loss, ["kernel"])
    with pytest.raises(DataTypeError, match="NoneType"):
        tape.gradient(None, [kernel])


def test_targets_and_output_gradients():
    x = np.array([1.0, 2.0])
    with GradientTape(persistent=True) as tape:
        t = tape.watch(x)
        y, z = t * t, 3 * t
    np.testing.assert_array_equal(tape.gradient(y, t), [2, 4])
    np.testing.assert_array_equal(tape.gradient([y, z], t), [5, 7])
    np.testing.assert_array_equal(tape.gradient(y, t, output_gradients=[1.0, -1.0]), [2, -4])
    np.testing.assert_array_equal(tape.gradient([y, z], t, [np.zeros(2), None]), [3, 3])
    np.testing.assert_array_equal(tape.gradient(t, t), [1, 1])
    np.testing.assert_array_equal(tape.gradient(y, [t, y])[1], [1, 1])
    with pytest.raises(ShapeError, match=r"\(2,\), got \(3,\)"):
        tape.gradient(y, t, output_gradients=np.ones(3))
    with pytest.raises(ShapeError, match="one entry per target"):
        tape.gradient([y, z], t, output_gradients=[np.ones(2)])


def test_second_gradient_needs_a_persistent_tape():
    with GradientTape() as tape:
        x = tape.watch(2.0)
        y = x * x
    assert tape.gradient(y, x) == 4.0
    with pytest.raises(ArgumentError, match="persistent=True"):
        tape.gradient(y, x)


def test_persistent_tape_inside_and_outside():
    with GradientTape(persistent=True) as tape:
        x = tape.watch(2.0)
        y = x * x
        assert tape.gradient(y, x) == 4.0
        z = y * x
        assert tape.gradient(z, [x, y]) == [12.0, 2.0]
    first = tape.gradient(z, x)
    first += 1  # the results are the caller's
    assert tape.gradient(z, x) == 12.0


def test_tape_may_be_entered_again():
    tape = GradientTape()
    for value in (2.0, 5.0):
        with tape:
            x = tape.watch(value)
            y = x * x
        assert tape.gradient(y, x) == 2 * value
    persistent = GradientTape(persistent=True)
    with persistent:
        x = persistent.watch(3.0)
        y = x * x
    with persistent:
        z = y * x
    assert persistent.gradient(z, x) == 27.0


def test_tape_stops_after_gradient_inside():
    with GradientTape() as tape:
        x = tape.watch(2.0)
        tape.gradient(x * x, x)
        assert not recording()
    with pytest.raises(ArgumentError, match="recording already"), tape, tape:
        pass
    assert not recording()


def test_assignments_after_use_do_not_change_gradients():
    _, kernel, _ = two_variables()
    with GradientTape() as tape:
        loss = ops.sum(kernel * kernel)
    kernel.assign(np.zeros((3, 2)))
    np.testing.assert_array_equal(tape.gradient(loss, kernel).ravel(), [2, 4, 6, 8, 10, 12])


def test_variable_methods_are_recorded():
    _, kernel, _ = two_variables()
    with GradientTape() as tape:
        total = (
            kernel.sum() + kernel.mean() * 6 + kernel.T[0, 0] + kernel[0][0]
            + kernel.reshape(-1)[0] + np.sum(kernel) + kernel.flatten()[0]
            + kernel.astype(np.float32).sum() + np.linalg.norm(kernel.value)
        )  # fmt: skip
    np.testing.assert_allclose(tape.gradient(total, kernel).ravel(), [8, 4, 4, 4, 4, 4])


def test_trainable_and_watch_accessed_variables():
    flat, kernel, bias = two_variables()
    frozen = Variable(np.ones(2), trainable=False)
    with GradientTape() as tape:
        assert type(frozen * 2) is np.ndarray
        tape.watch(frozen)
        y = ops.sum(frozen * bias)
    np.testing.assert_array_equal(tape.gradient(y, frozen), [7, 8])
    with GradientTape(watch_accessed_variables=False) as tape:
        assert tape.watch(bias) is bias
        assert type(kernel * 2) is np.ndarray
        loss = ops.sum(model_call(np.ones((1, 3)), flat))
        assert [v.name for v in tape.watched_variables()] == ["bias"]
    again = Variable(flat, 6, (2,))  # the same place under another name
    dk, db = tape.gradient(loss, [kernel, again])
    assert dk is None
    np.testing.assert_array_equal(db, [1, 1])


def test_frozen_variable_of_a_flat_vector_has_no_gradient():
    flat, kernel, bias = two_variables()
    bias.trainable = False
    with GradientTape() as tape:
        loss = ops.sum(model_call(np.ones((1, 3)), flat))
        assert [v.name for v in tape.watched_variables()] == ["kernel"]
    dk, db = tape.gradient(loss, [kernel, bias])
    assert db is None
    np.testing.assert_array_equal(dk, np.ones((3, 2)))


def test_watch():
    x = np.ones(2)
    with GradientTape() as tape:
        assert not followed(x)
        t = tape.watch(x)
        assert followed(x) and followed(t) and followed([1, (x,)]) and not followed(x.copy())
        assert tape.watch(t) is t
        first, second = tape.watch([x, np.float32(2)])
        y = ops.sum(x) + np.sum(t) + np.sum(first) * second
    np.testing.assert_array_equal(tape.gradient(y, x), [4, 4])
    with pytest.raises(DataTypeError, match="int64"):
        tape.watch(np.arange(3))
    with pytest.raises(DataTypeError, match="str"):
        tape.watch("x")


def test_stop_recording_and_reset():
    with GradientTape() as tape:
        x = tape.watch(np.array([3.0]))
        y = x * x
        with tape.stop_recording():
            assert not recording()
            z = x * x
        assert recording() and type(z) is np.ndarray
        total = np.sum(y * z)
    assert tape.gradient(total, x) == 54.0
    with GradientTape() as tape:
        x = tape.watch(np.array([3.0]))
        y = x * x
        tape.reset()
        assert type(x * 2) is np.ndarray
    assert tape.gradient(y, x) is None


def test_nested_tapes_record_each_for_itself():
    x, w = np.array([2.0]), Variable(np.array([3.0]))
    with GradientTape() as outer:
        a = outer.watch(x)
        with GradientTape() as inner:
            b = inner.watch(a)
            y = b * b * w
        slope = inner.gradient(y, [b, w])
        z = y + slope[0].numpy() * 2
    assert (slope[0], slope[1]) == (12.0, 4.0)
    assert outer.gradient(z, a) == 12.0


def test_stacked_tape_sees_only_what_it_watches():
    with GradientTape(watch_accessed_variables=False) as one, GradientTape() as two:
        x, y = one.watch(np.array(2.0)), two.watch(np.array(5.0))
        z = x * y
    assert one.gradient(z, [x, y]) == [5.0, None]
    assert two.gradient(z, [x, y]) == [None, 2.0]


def test_record_checks_shapes_and_allows_none():
    with GradientTape(persistent=True) as tape:
        x, u = tape.watch(np.ones(2)), tape.watch(np.ones(3))
        good = record(np.ones(2), [x, u], lambda d: [d, None])
        bad = record(np.ones(2), [x, u], lambda d: [d, d])
    np.testing.assert_array_equal(tape.gradient(good, [x])[0], [1, 1])
    assert tape.gradient(good, u) is None
    with pytest.raises(ShapeError, match=r"\(2,\) for parents\[1\] of shape \(3,\)"):
        tape.gradient(bad, x)


def test_only_the_way_to_the_sources_is_walked():
    calls = []

    def step(x, name):
        return record(x.numpy(), [x], lambda d: calls.append(name) or [d])

    with GradientTape() as tape:
        x = tape.watch(np.ones(2))
        generated = step(x, "generator")
        judged = step(generated, "judge")
    tape.gradient(judged, generated)
    assert calls == ["judge"]


def test_buffer_that_backward_uses_again_is_copied():
    flat, kernel, bias = two_variables()
    buffer = np.empty(8)

    def call(factor):
        def backward(d):
            buffer[:] = factor * d
            return [buffer]

        return record(np.array(1.0), [flat], backward)

    with GradientTape() as tape:
        loss = call(1.0) + call(10.0)
    np.testing.assert_array_equal(tape.gradient(loss, bias), [11, 11])
    assert kernel.owner is flat


def test_threads_do_not_see_each_other():
    w = Variable(np.array([1.0, 2.0]))
    barrier, seen = threading.Barrier(2, timeout=10), {}

    def work(factor):
        with GradientTape() as tape:
            barrier.wait()
            y = ops.sum(w * factor)
            barrier.wait()
            seen[factor] = (len(tape._nodes), tape.gradient(y, w).tolist())

    threads = [threading.Thread(target=work, args=(factor,)) for factor in (2.0, 5.0)]
    for thread in threads:
        thread.start()
    assert not recording()
    for thread in threads:
        thread.join()
    assert seen == {2.0: (2, [2.0, 2.0]), 5.0: (2, [5.0, 5.0])}


def test_memory_is_released():
    with GradientTape() as tape:
        big = np.ones(1000)
        x = tape.watch(big)
        y = np.sum(x * 2)
    alive = weakref.ref(big)
    tape.gradient(y, x)
    del big, x
    gc.collect()
    assert alive() is None


def test_gradients_do_not_share_memory_with_each_other():
    with GradientTape() as tape:
        x, y = tape.watch([np.ones(2), np.ones(2)])
        z = x + y
    dx, dy = tape.gradient(z, [x, y])
    dx += 1
    np.testing.assert_array_equal(dy, [1, 1])


def test_nothing_is_recorded_on_the_way_back():
    states = []
    with GradientTape(persistent=True) as tape:
        x = tape.watch(np.ones(2))
        y = record(np.ones(2), [x], lambda d: states.append(recording()) or [d])
        tape.gradient(y, x)
        assert recording()
    assert states == [False]


@pytest.mark.parametrize("bad", [np.zeros(3), np.zeros(0), "yes", None, []])
def test_flags_are_true_or_false(bad):
    for arguments in ({"persistent": bad}, {"watch_accessed_variables": bad}):
        with pytest.raises(DataTypeError, match="expected True or False"):
            GradientTape(**arguments)


def test_arguments_of_gradient_refused():
    with GradientTape(persistent=np.bool_(True)) as tape:
        x = tape.watch(np.ones(2))
        y = x * 3
    with pytest.raises(UnknownNameError, match="unconnected_gradients must be"):
        tape.gradient(y, x, unconnected_gradients=np.zeros(2))
    with pytest.raises(ShapeError, match="output_gradients must have one entry per target, 1"):
        tape.gradient([y], x, output_gradients=3)
    assert tape.gradient(y, {"x": [x, (x,)]})["x"][1][0].tolist() == [3.0, 3.0]
