"""Rows for linear models: what is taken, read in place, and refused; products and losses."""

import numpy as np
import pytest
from engines import each_build, each_dtype, each_engine, engine
from linear_problems import CSR, POINT_LOSSES, features, rows

from fastgd import linear, reference
from fastgd.errors import DataError, DataTypeError, ShapeError
from fastgd.linear.data import rows_of, targets, weights_of
from fastgd.linear.objective import LOSSES

SIZES = [(0, 3), (1, 1), (2, 4), (5, 15), (7, 16), (3, 29), (130, 33)]
EXTREMES = np.array([-1e308, -800.0, -1.0, -1e-300, 0.0, 1e-9, 1.0, 800.0, 1e308])


@each_engine
@each_dtype
@pytest.mark.parametrize("index", [np.int32, np.int64])
def test_decisions_agree_with_a_product_of_matrices(build, dtype, index):
    for n, d in SIZES:
        x = features(n, d, dtype)
        rng = np.random.default_rng(n + d)
        coef, intercept = rng.normal(size=(2, d)), rng.normal(size=2)
        expected = x.astype(np.float64) @ coef.T + intercept
        for given in (x, CSR(x, index)):
            found = np.full((n, 2), np.nan)
            engine(build).decisions(rows(build, given), coef, intercept, found, 0, n)
            predictor = engine(build).RowPredictor(coef, intercept)
            one_by_one = [predictor.decisions(row) for row in x]
            if given is x and build != "reference":
                assert np.array_equal(np.reshape(one_by_one, found.shape), found)
            np.testing.assert_allclose(found, expected, rtol=1e-13, atol=1e-13)


@each_engine
@each_dtype
def test_scales_of_columns(build, dtype):
    for n, d in [(1, 1), (1, 5), (2, 3), (7, 16), (130, 33), (64, 100), (3001, 29)]:
        x = (np.random.default_rng(n).normal(size=(n, d)) * 10.0 ** (np.arange(d) % 7)).astype(
            dtype
        )
        x[:, d // 2] = 0.1  # the mean of which, rounded, is not it
        x[0, 0] = -1e6  # far from the mean
        x.flags.writeable = False
        means, deviations, largest = engine(build).Rows(x).column_scales()
        wide = x.astype(np.float64)
        np.testing.assert_allclose(means, wide.mean(axis=0), rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(deviations, wide.std(axis=0), rtol=1e-9, atol=1e-9)
        assert np.array_equal(largest, np.abs(wide).max(axis=0))
        assert d == 1 or (means[d // 2], deviations[d // 2]) == (x[0, d // 2], 0)


@each_engine
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_scales_of_a_column_do_not_depend_on_the_others(build, bad):
    for row, column in np.ndindex(5, 9):
        x = np.random.default_rng(0).normal(size=(5, 9))
        expected = engine(build).Rows(x.copy()).column_scales()
        x[row, column] = bad
        with np.errstate(all="ignore"):
            found = engine(build).Rows(x).column_scales()
        others = np.arange(9) != column
        assert np.array_equal(found[:, others], expected[:, others])
        assert not np.isfinite(found[:2, column]).any()


@each_build
def test_threads_and_slices_change_no_bit(build):
    x = features(500, 37)
    coef, intercept = np.random.default_rng(0).normal(size=(3, 37)), np.arange(3.0)
    for given in (x, CSR(x)):
        table, whole, parts = rows(build, given), np.empty((500, 3)), np.empty((500, 3))
        engine(build).decisions(table, coef, intercept, whole, 0, 500, 1)
        for first, last in ((0, 1), (1, 300), (300, 500)):
            engine(build).decisions(table, coef, intercept, parts, first, last, 3)
        assert np.array_equal(whole, parts)


def outcomes(loss, n, rng):
    """Targets that a loss may have, and its setting."""
    if loss in ("gamma", "tweedie"):
        return rng.choice([0.2, 1.0, 7.0] if loss == "gamma" else [0.0, 0.2, 7.0], n), 1.3
    return rng.choice([-1.0, 1.0], n), 0.3


@each_build
@pytest.mark.parametrize("loss", POINT_LOSSES)
def test_losses_agree_with_the_reference(build, loss):
    rng = np.random.default_rng(0)
    z, (y, setting) = 3 * rng.normal(size=101), outcomes(loss, 101, rng)
    z[:4], y[:4] = (1.0, -1.0, 0.0, 1.3), 1.0  # the kinks
    found, expected = np.empty((3, 101)), np.empty((3, 101))
    engine(build).decision_losses(LOSSES[loss], setting, z, y, found)
    reference.decision_losses(LOSSES[loss], setting, z, y, expected)
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("loss", POINT_LOSSES)
def test_slopes_and_curvatures_are_derivatives(loss):
    rng = np.random.default_rng(1)
    z, (y, setting) = 2 * rng.normal(size=300), outcomes(loss, 300, rng)
    h = 1e-6
    low, high, here = np.empty((3, 3, 300))
    for shift, out in ((-h, low), (h, high), (0, here)):
        reference.decision_losses(LOSSES[loss], setting, z + shift, y, out)
    np.testing.assert_allclose((high[0] - low[0]) / (2 * h), here[1], atol=1e-5)
    np.testing.assert_allclose((high[1] - low[1]) / (2 * h), here[2], atol=1e-5)


@each_build
def test_the_log_loss_is_finite_everywhere(build):
    for y in (-1.0, 1.0):
        found = np.empty((3, len(EXTREMES)))
        engine(build).decision_losses(
            LOSSES["log_loss"], 0, EXTREMES, np.full(len(EXTREMES), y), found
        )
        assert np.isfinite(found).all()
        assert found[0, 0 if y > 0 else -1] == 1e308


@each_build
def test_multinomial_values_and_slopes(build):
    rng = np.random.default_rng(0)
    z = np.vstack([rng.normal(size=(20, 4)), [[1e308, -1e308, 0, 1]], [[800, 800, 0, -800]]])
    y = rng.integers(0, 4, 22).astype(np.float64)
    y[-2:] = 1, 0
    values, slopes = np.empty(22), np.empty((22, 4))
    engine(build).multinomial_losses(z, y, values, slopes)
    expected, expected_slopes = np.empty(22), np.empty((22, 4))
    with np.errstate(over="ignore"):
        reference.multinomial_losses(z, y, expected, expected_slopes)
    np.testing.assert_allclose(values[:20], expected[:20], rtol=1e-13)
    np.testing.assert_allclose(slopes, expected_slopes, rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(values[-1], np.log(2))


# ---------------------------------------------------------------- what is taken


def test_arrays_of_any_layout_are_rows(engine):
    x = features(6, 5)
    wide = np.zeros((6, 10))
    wide[:, ::2] = x
    layouts = [
        x,
        x.tolist(),
        np.asfortranarray(x),
        wide[:, ::2],
        x[::-1][::-1],
        x.astype(">f8"),
    ]
    for given in layouts:
        assert np.array_equal(rows_of(given).values, x)
    assert rows_of(x).values is x
    single = x.astype(np.float32)
    assert rows_of(single).values is single
    assert rows_of(single, np.float64).values.dtype == np.float64
    assert rows_of(np.arange(6).reshape(3, 2)).values.dtype == np.float64


def test_memory_maps_are_read_in_place(tmp_path):
    x = features(50, 4, np.float32)
    x.tofile(tmp_path / "x")
    mapped = np.memmap(tmp_path / "x", np.float32, "r", shape=(50, 4))
    assert np.shares_memory(rows_of(mapped).values, mapped)


def test_frames_are_rows_and_keep_their_names():
    pandas = pytest.importorskip("pandas")
    polars = pytest.importorskip("polars")
    x = features(40, 3)
    y = (x[:, 0] > 0).astype(int)
    plain = linear.LinearModel("log_loss", l2=0.1).fit(x, y, solver=linear.SGD(seed=0))
    for frame in (pandas.DataFrame(x, columns=list("abc")), polars.DataFrame(x, list("abc"))):
        model = linear.LinearModel("log_loss", l2=0.1).fit(frame, y, solver=linear.SGD(seed=0))
        assert np.array_equal(model.coef, plain.coef)
        assert model.feature_names == ("a", "b", "c")
        assert np.array_equal(model.predict(frame), plain.predict(x))
        with pytest.raises(ValueError, match="expected the columns"):
            model.predict(frame[["b", "a", "c"]])


def test_a_csr_matrix_of_lists():
    given, made = CSR(features(4, 3)), CSR(features(4, 3))
    for name in ("data", "indices", "indptr"):
        setattr(given, name, getattr(made, name).tolist())
    assert np.array_equal(rows_of(given).values, made.data)


def test_csr_matrices_of_scipy():
    sparse = pytest.importorskip("scipy.sparse")
    x = features(9, 6)
    for kind in (sparse.csr_matrix, sparse.csr_array):
        table = rows_of(kind(x))
        assert table.sparse
        assert table.shape == (9, 6)
        assert np.shares_memory(table.values, kind(x).data) is False
    made = sparse.csr_array(x)
    assert np.shares_memory(rows_of(made).values, made.data)
    for kind in ("csc", "coo", "dok"):
        with pytest.raises(DataTypeError, match=f"CSR format, got {kind}"):
            rows_of(made.asformat(kind))
    with pytest.raises(DataError, match=r"at row 0, column .*beyond float32"):
        rows_of(made * 1e300, np.float32)


def test_columns_out_of_order_or_twice_are_put_right():
    given = CSR(np.zeros((3, 4)))
    given.data = np.array([1.0, 2.0, 3.0, 4.0])
    given.indices = np.array([2, 0, 0, 1])
    given.indptr = np.array([0, 3, 3, 4])
    table = rows_of(given)
    assert table.values.tolist() == [5, 1, 4]
    assert table.columns.tolist() == [0, 2, 1]
    assert table.starts.tolist() == [0, 2, 2, 3]
    assert given.data.tolist() == [1, 2, 3, 4]


def broken(**arrays):
    made = CSR(np.eye(3))
    for name, values in arrays.items():
        setattr(made, name, np.array(values))
    return made


@pytest.mark.parametrize(
    ("x", "error", "message"),
    [
        ([[1.0, np.nan]], DataError, "nan at row 0, column 1"),
        ([1.0, 2.0], ShapeError, r"2 dimensions \(rows, columns\), got shape \(2,\)"),
        ([["a"]], DataTypeError, "expected an array of numbers, got text"),
        (None, DataTypeError, "got None"),
        (broken(data=[1.0, np.inf, 1.0]), DataError, "inf at row 1, column 1"),
        (broken(indices=[0, 3, 1]), DataError, "row 1 has a column outside of 0 to 2"),
        (broken(indices=[0, -1, 1]), DataError, "row 1 has a column outside of 0 to 2"),
        (broken(indptr=[0, 2, 1, 3]), DataError, "indptr"),
        (broken(indptr=[0, 1, 2, 4]), DataError, "indptr"),
        (broken(indices=[0.0, 1.0, 2.5]), DataTypeError, "x.indices: .*float64"),
        (broken(indptr=[0.0, 1.0, 2.0, 3.0]), DataTypeError, "x.indptr: .*float64"),
        (np.zeros((3, 0)), DataError, r"no columns, the shape is \(3, 0\)"),
        (np.zeros((3, 2), "M8[s]"), DataTypeError, "datetime64"),
        (broken(indptr=[0, 1, 3]), ShapeError, r"indptr \(4,\)"),
    ],
)
def test_what_is_no_rows_is_refused(x, error, message):
    with pytest.raises(error, match=message):
        rows_of(x)


def test_another_width_is_refused():
    with pytest.raises(ShapeError, match=r"expects 3 columns, got shape \(2, 4\)"):
        rows_of(np.zeros((2, 4)), width=3)


@pytest.mark.parametrize(
    ("y", "loss", "error", "message"),
    [
        ([0.5, 1, 0], "log_loss", DataError, "class numbers from 0 to 1, got 0.5 at row 0"),
        ([0, 1, -1], "hinge", DataError, "got -1.0 at row 2"),
        ([0, np.nan, 1], "squared_error", DataError, "nan at row 1"),
        ([0, 1], "squared_error", ShapeError, "different numbers of rows: 3 and 2"),
        (np.zeros((3, 2)), "huber", ShapeError, r"huber expects shape \(n,\), got \(3, 2\)"),
        ([0, 1, -0.5], "poisson", DataError, "at least 0, got -0.5 at row 2"),
        ([0, 1, -0.5], "tweedie", DataError, "at least 0, got -0.5 at row 2"),
        ([1, 0, 2], "gamma", DataError, "gamma expects targets above 0, got 0.0 at row 1"),
    ],
)
def test_targets_that_do_not_fit_are_refused(y, loss, error, message):
    with pytest.raises(error, match=message):
        targets(y, loss, 3)


def test_targets_as_the_engine_wants_them():
    values, outputs = targets([[0], [1], [0]], "log_loss", 3)
    assert (values.tolist(), outputs) == ([-1, 1, -1], 1)
    values, outputs = targets([0, 2, 1], "hinge", 3)
    assert (values.tolist(), outputs) == ([0, 2, 1], 3)
    values, outputs = targets([0, 1, 1], "multinomial", 3, 5)
    assert (values.tolist(), outputs) == ([0, 1, 1], 5)
    assert targets(np.zeros((3, 2)), "squared_error", 3)[1] == 2


def test_weights_are_checked():
    assert weights_of(None, 3) is None
    assert weights_of([1, 0, 2], 3).tolist() == [1, 0, 2]
    assert weights_of([0, 0, 0], 3, mean=False).tolist() == [0, 0, 0]
    for given, message in (
        ([1, 1], "3 rows"), ([1, -1, 1], "row 1"), ([0, 0, 0], "zero"),
        ([1e308, 1e308, 1e308], "their sum is inf"), ([1e-310, 0, 0], "their sum is 1e-310"),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=message):
            weights_of(given, 3)


def test_small_probabilities_of_several_classes_keep_their_digits():
    model = linear.LinearModel("multinomial", l2=1e-3).fit(
        np.array([[-3.0], [-2.0], [0.0], [1.0], [4.0], [5.0]]), [0, 0, 1, 1, 2, 2]
    )
    x = np.linspace(-40, 40, 81)[:, None]
    z = model.decision_function(x).astype(np.longdouble)
    expected = z - np.log(np.exp(z - z.max(axis=1, keepdims=True)).sum(axis=1, keepdims=True))
    expected -= z.max(axis=1, keepdims=True)
    p = model.predict_proba(x)
    assert p.min() > 0
    assert p.min() < 1e-20
    np.testing.assert_allclose(p, np.exp(expected), rtol=1e-12)
    np.testing.assert_allclose(model.predict_log_proba(x), expected, rtol=1e-12, atol=1e-14)
