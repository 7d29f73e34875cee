"""Losses of one's own: Python functions with a tape, with a gradient, and compiled ones."""

import ctypes
import shutil
import subprocess

import numpy as np
import pytest
from engines import each_dtype, each_engine
from lossdata import Case
from test_losses_table import Table

from fastgd import Sequential, layers, losses, ops
from fastgd.errors import ArgumentError, DataTypeError, ShapeError, UnknownNameError

RNG = np.random.default_rng(1)
Y, P = RNG.normal(size=(5, 3)), RNG.normal(size=(5, 3))
WEIGHTS = np.array([1.0, 0.0, 2.0, 0.5, 1.0])


def with_numpy(y_true, y_pred):
    return np.mean((y_pred - y_true) ** 2, axis=-1)


def elementwise(y_true, y_pred):
    return ops.square(y_true - y_pred)


@losses.with_gradient
def with_pair(y_true, y_pred):
    d = y_pred - y_true
    return (d * d).mean(axis=-1), 2 * d / d.shape[-1]


class Own(losses.Loss):
    def call(self, y_true, y_pred):
        return ops.mean(ops.square(y_pred - y_true), axis=-1)


@pytest.mark.parametrize("reduction", ["sum_over_batch_size", "sum", "mean_with_sample_weight"])
@pytest.mark.parametrize("own", [with_numpy, elementwise, with_pair, Own])
def test_values_and_slopes(own, reduction):
    if own is Own:
        loss = Own(reduction=reduction)
        assert losses.get(loss) is loss and losses.get(Own).name == "own"
    else:
        loss = losses.LossFunctionWrapper(own, reduction)
        assert type(losses.get(own)) is losses.LossFunctionWrapper
        assert loss.name == own.__name__
    rows = ((P - Y) ** 2).mean(axis=1)
    for one in (loss, losses.MeanSquaredError(reduction)):
        values, slopes = one.values_and_slopes(Y, P)
        np.testing.assert_allclose(values, rows, rtol=1e-14)
        np.testing.assert_allclose(slopes, 2 * (P - Y) / 3, rtol=1e-14)
        if own is not elementwise:
            divisor = {"sum": 1, "sum_over_batch_size": 5}.get(reduction, WEIGHTS.sum())
            assert float(one(Y, P, WEIGHTS)) == pytest.approx(rows @ WEIGHTS / divisor)
    single = loss.values_and_slopes(Y.astype("f4"), P.astype("f4"))
    assert [part.dtype for part in single] == [np.float32] * 2


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_one_number_for_the_batch(reduction):
    loss = losses.LossFunctionWrapper(lambda y, p: np.max((p - y) ** 2), reduction, "worst")
    values, slopes = loss.values_and_slopes(Y, P)
    errors = P - Y
    worst = (errors**2).max()
    divisor = 1 if reduction == "sum" else 5
    assert values.sum() / divisor == pytest.approx(worst)
    expected = np.where(errors**2 == worst, 2 * errors, 0)
    np.testing.assert_allclose(slopes / divisor, expected, rtol=1e-14)
    with pytest.raises(ArgumentError, match=r"'worst'.*weights"):
        loss.values_and_slopes(Y, P, weighted=True)


@pytest.mark.parametrize("reduction", ["sum_over_batch_size", "sum"])
@pytest.mark.parametrize("own", [with_numpy, elementwise, with_pair, Own])
def test_a_model_trains_with_a_function_as_with_the_compiled_loss(engine, own, reduction):
    x, y = RNG.normal(size=(20, 2)), RNG.normal(size=(20, 3))
    figures = []
    for loss in (
        own(reduction=reduction) if own is Own else losses.LossFunctionWrapper(own, reduction),
        losses.MeanSquaredError(reduction),
    ):
        model = Sequential([layers.Input((2,)), layers.Dense(3)], dtype="float64")
        model.compile("sgd", loss)
        model.set_weights([np.eye(2, 3), np.zeros(3)])
        history = model.fit(x, y, epochs=3, batch_size=8, shuffle=False, verbose=0)
        figures.append([*history.history["loss"], model.evaluate(x, y, verbose=0)])
    np.testing.assert_allclose(*figures, rtol=1e-12)


def test_what_is_no_loss():
    wrapper = losses.LossFunctionWrapper
    with pytest.raises(ArgumentError, match="has no gradient"):
        wrapper(lambda y, p: np.zeros(5)).values_and_slopes(Y, P)
    with pytest.raises(ShapeError, match=r"\(5,\).*got shape \(3,\)"):
        wrapper(lambda y, p: np.mean(p, axis=0)).values_and_slopes(Y, P)
    with pytest.raises(ShapeError, match="gradient"):
        losses.with_gradient(lambda y, p: (p[:, 0], p[:, 0]))(Y, P)
    with pytest.raises(ArgumentError, match="pair"):
        losses.with_gradient(lambda y, p: p)(Y, P)
    with pytest.raises(DataTypeError, match="fn"):
        wrapper(3)


def test_a_wrapper_keeps_further_arguments():
    loss = losses.LossFunctionWrapper(losses.huber, delta=0.5)
    again = losses.deserialize(losses.serialize(loss))
    assert again.get_config() == loss.get_config()
    np.testing.assert_array_equal(again.call(Y, P), losses.huber(Y, P, 0.5))


# -------------------------------------------------------------------------------- compiled

SOURCE = """
double value(double y, double p) { double d = p - y; return d * d * d * d; }
double slope(double y, double p) { double d = p - y; return 4 * d * d * d; }
"""


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        pytest.skip("there is no C compiler")
    folder = tmp_path_factory.mktemp("compiled")
    (folder / "loss.c").write_text(SOURCE)
    command = [compiler, "-shared", "-fPIC", "-o", folder / "loss.so", folder / "loss.c"]
    subprocess.run(command, check=True)
    return ctypes.CDLL(str(folder / "loss.so"))


def functions(library):
    for function in (library.value, library.slope):
        function.restype, function.argtypes = ctypes.c_double, (ctypes.c_double,) * 2
        yield function


def in_capsule(function, signature=b"double (double, double)"):
    make = ctypes.PYFUNCTYPE(
        ctypes.py_object, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p
    )(("PyCapsule_New", ctypes.pythonapi))
    return make(ctypes.cast(function, ctypes.c_void_p), signature, None)


@each_engine
@each_dtype
@pytest.mark.parametrize("width", [1, 3, 17])
def test_compiled_functions_in_the_engine(build, dtype, width, library):
    loss = losses.Compiled(*functions(library), name="quartic")
    y = RNG.normal(size=(6, width)).astype(dtype)
    p = RNG.normal(size=(6, width)).astype(dtype)
    values, slopes, total = Table(None, width, dtype, loss=loss).run(build, y, p)
    d = p.astype(float) - y
    rtol = 2e-6 if dtype == np.float32 else 1e-13
    np.testing.assert_allclose(values, (d**4).mean(axis=1), rtol=rtol)
    np.testing.assert_allclose(slopes, 4 * d**3 / width, rtol=2 * rtol)
    np.testing.assert_allclose(total[0], (d**4).mean(axis=1).sum(), rtol=rtol)
    np.testing.assert_allclose(loss.call(y, p), (d**4).mean(axis=1), rtol=rtol)


def test_kinds_of_compiled_functions(library):
    class LowLevelCallable(tuple):
        """As scipy's: a capsule, the function, its user data."""

    class CFunc:
        """As numba's."""

        def __init__(self, address, signature="(float64, float64) -> float64"):
            self.address, self._sig = address, signature

    plain = tuple(functions(library))
    expected = losses.Compiled(*plain).addresses
    assert expected == tuple(ctypes.cast(f, ctypes.c_void_p).value for f in plain)
    capsules = [in_capsule(f) for f in plain]
    low_level = [LowLevelCallable((c, f, None)) for c, f in zip(capsules, plain, strict=True)]
    numba = [CFunc(a) for a in expected]
    for pair in (capsules, low_level, numba):
        assert losses.Compiled(*pair).addresses == expected
    for wrong in (
        in_capsule(plain[0], b"double (double)"),
        CFunc(expected[0], "(float32, float32) -> float32"),
        ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_double)(lambda y: y),
        lambda y, p: y,
        3,
    ):
        with pytest.raises(DataTypeError, match="slope: expected"):
            losses.Compiled(plain[0], wrong)
    config = losses.serialize(losses.Compiled(*plain))  # code is named, never kept
    with pytest.raises(UnknownNameError, match="'value'"):
        losses.deserialize(config)
    again = losses.deserialize(config, {"value": plain[0], "slope": plain[1]})
    assert again.addresses == expected
    with pytest.raises(DataTypeError, match="cannot be saved"):
        losses.serialize(losses.Compiled(*capsules))


def test_numba_and_scipy(library):
    scipy = pytest.importorskip("scipy")
    plain = list(functions(library))
    pair = [scipy.LowLevelCallable(f) for f in plain]
    assert losses.Compiled(*pair).addresses == losses.Compiled(*plain).addresses


def test_a_model_trains_with_a_compiled_loss(engine, library):
    x = np.linspace(-1, 1, 40)[:, None]
    model = Sequential([layers.Input((1,)), layers.Dense(1)])
    model.compile("adam", losses.Compiled(*functions(library)))
    before = model.evaluate(x, 2 * x, verbose=0)
    history = model.fit(x, 2 * x, epochs=20, verbose=0).history["loss"]
    assert history[-1] < before
    model.set_weights([[[1.0]], [0.0]])
    assert model.evaluate(x, 2 * x, verbose=0) == pytest.approx(np.mean(x**4), rel=1e-5)


def test_the_reference_takes_a_python_function_by_way_of_ctypes():
    point = ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_double, ctypes.c_double)
    loss = losses.Compiled(point(lambda y, p: abs(p - y)), point(lambda y, p: p > y or -1.0))
    np.testing.assert_allclose(loss.call(Y, P), abs(P - Y).mean(axis=1))


def test_cases_are_of_classes():
    assert str(Case(losses.Huber, {"delta": 2})) == "Huber delta=2"
