"""Every loss of the registry: values, gradients, the engine's builds, configurations."""

import inspect

import engines
import numpy as np
import pytest
from engines import FOR_EVER, each_build, each_dtype, flat
from lossdata import CASES, EPS, exact

from fastgd import GradientTape, losses
from fastgd._core import types
from fastgd._core.types import Status
from fastgd.errors import ArgumentError, ShapeError
from fastgd.losses import CLASSES
from fastgd.reference.losses import LOSSES

WIDTHS = (1, 2, 3, 17, 33)
each_case = pytest.mark.parametrize("case", CASES, ids=str)


def widths_of(case):
    """Widths that an output may have, one of them large."""
    found = [width for width in (*WIDTHS, 4, 34) if case.fits(width)]
    one_class = "Categorical" in case.cls.__name__ and "Hinge" not in case.cls.__name__
    return [width for width in found if not (one_class and width == 1)]


# ------------------------------------------------------------------------- the reference


@each_case
def test_values_are_those_of_the_formula(case):
    for width in widths_of(case):
        y, p = case.data(7, width, seed=width)
        found = case.make().call(y, p)
        expected = exact(case, y, p)
        # deviances are differences of terms of the order of 10
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=2e-14)


@each_case
def test_gradients_are_those_of_the_values(case):
    for width in widths_of(case)[:3]:
        y, p = case.data(4, width, seed=3)
        values, slopes = LOSSES[case.code()](p, y, case.make().settings())
        expected = np.empty_like(p)
        for j in range(width):
            h = np.zeros(width)
            h[j] = 1e-4
            steps = [exact(case, y, p + k * h) for k in (-2, -1, 1, 2)]
            expected[:, j] = (steps[0] - 8 * steps[1] + 8 * steps[2] - steps[3]) / 12e-4
        np.testing.assert_allclose(slopes, expected, rtol=1e-7, atol=1e-9)
        assert len(values) == 4


@each_case
def test_a_tape_follows_the_function_and_the_class(case):
    width = widths_of(case)[-1]
    y, p = case.data(6, width)
    weights = np.arange(6.0)
    loss = case.make(reduction="sum")
    with GradientTape(persistent=True) as tape:
        watched = tape.watch(p)
        rows = case.cls.function(y, watched, **case.arguments)
        total = loss(y, watched, sample_weight=weights)
    _, slopes = LOSSES[case.code()](p, y, loss.settings())
    np.testing.assert_array_equal(tape.gradient(rows, watched), slopes)
    np.testing.assert_allclose(
        tape.gradient(total, watched), slopes * weights[:, None], rtol=1e-15
    )
    np.testing.assert_allclose(float(total), np.dot(np.asarray(rows), weights), rtol=1e-14)


@each_case
def test_any_rank_and_data_type(case):
    width = widths_of(case)[0]
    y, p = case.data(12, width)
    expected = case.make().call(y, p)
    shaped = case.make().call(y.reshape(3, 2, 2, -1), p.reshape(3, 2, 2, width))
    np.testing.assert_array_equal(shaped, expected.reshape(3, 2, 2))
    assert shaped.dtype == np.float64
    if y.shape[1] == 1:
        np.testing.assert_array_equal(case.make().call(y[:, 0], p), expected)
    np.testing.assert_array_equal(case.make().call(y.tolist(), p.tolist()), expected)
    single = case.make().call(y.astype("float32"), p.astype("float32"))
    assert single.dtype == np.float32
    np.testing.assert_allclose(single, expected, rtol=2e-5, atol=2e-6)
    assert case.make(dtype="float64")(y, p.astype("float32")).dtype == np.float64
    assert case.make().call(y[:0], p[:0]).shape == (0,)


# ---------------------------------------------------------------------------- the engine


class Table:
    """A network whose outputs are its inputs: one row that multiplies by 1."""

    def __init__(self, case, width, dtype, weighted=False, loss=None):
        self.loss = case.make() if loss is None else loss
        columns = self.loss.target_columns(width)
        code = self.loss.logits_code if self.loss.from_logits else self.loss.code
        settings = self.loss.settings()
        row = engines.row(types.Op.OP_DENSE, 0, 0, 1, kernel=0, settings=len(settings))
        term = (int(code), 1, 0, columns, columns if weighted else -1, 0,
                self.loss.reduction_code, 1.0, *self.loss.addresses, 0)  # fmt: skip
        self.plan = engines.Plan(
            rows=np.array([row], types.ROW),
            widths=np.array([width, width], np.int64),
            outputs=np.array([1], np.int64),
            losses=np.array([term], types.LOSS_TERM),
            metrics=np.zeros(0, types.METRIC_TERM),
            target_width=columns + weighted,
            parameter_count=width * width,
            settings=np.array([*settings, 0.0], np.float64),
            keep=(self.loss,),
            totals_size=types.TERM_TOTALS + 2,
        )
        self.dtype = np.dtype(dtype)
        self.kernel = np.eye(width, dtype=dtype)

    def run(self, build, y, p):
        """(losses, slopes) of each row by itself, then the totals of all at once.

        With the unit matrix for a kernel and a batch of one row the kernel's gradient is the
        outer product of the row, which is p, and the slopes.
        """
        parameters = flat(self.kernel, self.dtype)
        gradients = flat(np.zeros_like(self.kernel), self.dtype)
        program = engines.engine(build).Program(self.plan, parameters, gradients)
        values, slopes = [], []
        for k in range(len(p)):
            totals = np.zeros(self.plan.totals_size)
            x = p[k : k + 1].copy()
            assert program.gradients(x, y[k : k + 1].copy(), totals) == Status.STATUS_FINE
            values.append(totals[types.TERM_TOTALS])
            largest = np.abs(x[0]).argmax()
            slopes.append(gradients.reshape(self.kernel.shape)[largest] / x[0, largest])
        totals = np.zeros(self.plan.totals_size)
        program.evaluate(p, y, 0, totals, FOR_EVER)
        return np.array(values), np.array(slopes), totals[types.TERM_TOTALS :][:2]


@each_build
@each_dtype
@each_case
def test_each_build_equals_the_reference(build, dtype, case):
    single = dtype == np.float32
    for width in widths_of(case):
        y, p = case.data(9, width, dtype, seed=width)
        found = Table(case, width, dtype).run(build, y, p)
        values, slopes = LOSSES[case.code()](
            p.astype(np.float64), y.astype(np.float64), case.make().settings()
        )
        # The values are differences of terms of the order of 1, the slopes of their size: those
        # of a direction are differences of terms of the order of 1 / |p|.
        rtol, atol = (2e-6, 2e-6) if single else (1e-12, 1e-14)
        scale = max(abs(slopes).max(), 1e-3)
        if case.cls is losses.CosineSimilarity:
            scale = 1 / np.linalg.norm(p, axis=1).min()
        np.testing.assert_allclose(found[0], values, rtol=rtol, atol=atol * 4)
        np.testing.assert_allclose(found[1], slopes, rtol=4 * rtol, atol=atol * scale)
        np.testing.assert_allclose(found[2][0], values.sum(), rtol=rtol, atol=9 * atol)


@pytest.mark.parametrize("reduction", ["sum_over_batch_size", "sum", "mean_with_sample_weight"])
@each_dtype
@each_case
def test_reductions_and_weights_in_every_engine(case, dtype, reduction):
    width = widths_of(case)[-1]
    loss = case.make(reduction=reduction)
    y, p = case.data(9, width, dtype)
    weights = np.array([1, 0.5, 0, 2, 1, 0, 3, 1, 0.25], dtype)
    table = Table(case, width, dtype, weighted=True, loss=loss)
    both = np.concatenate([y, weights[:, None]], axis=1)
    expected = float(case.make(reduction=reduction, dtype="float64")(y, p, weights))
    with GradientTape() as tape:
        watched = tape.watch(p)
        value = loss(y, watched, weights)
    gradient_by_hand = p.T @ tape.gradient(value, watched)
    for build in ("reference", "baseline", "avx2", "avx512"):
        if build != "reference" and engines.missing(build):
            continue
        parameters = flat(table.kernel, dtype)
        gradients = flat(np.zeros_like(table.kernel), dtype)
        program = engines.engine(build).Program(table.plan, parameters, gradients)
        totals = np.zeros(table.plan.totals_size)
        assert program.gradients(p, both, totals) == Status.STATUS_FINE
        total, divisor = totals[types.TERM_TOTALS :][:2]
        np.testing.assert_allclose(
            total / (divisor or 1), expected, rtol=1e-5 if dtype == np.float32 else 1e-12
        )
        found = gradients.reshape(width, width)
        assert engines.distance(found, gradient_by_hand) < (
            1e-5 if dtype == np.float32 else 1e-12
        )


def test_every_build_was_tried():
    assert [b for b in ("baseline", "avx2", "avx512") if not engines.missing(b)]


# --------------------------------------------------------------------- forms and names


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_names_forms_and_configurations(cls):
    aliases = [name for name, found in losses.REGISTRY.names.items() if found is cls]
    for name in (cls.__name__, cls.function.__name__, *aliases):
        assert type(losses.get(name)) is cls
    for form in (cls, cls.function):
        assert type(losses.get(form)) is cls
        assert getattr(losses, form.__name__) is form
    arguments = inspect.signature(cls).parameters
    assert list(cls().get_config()) and set(cls().get_config()) == set(arguments)
    own = [name for name in arguments if name not in ("reduction", "name", "dtype")]
    defaults = inspect.signature(cls.function).parameters
    assert list(defaults)[:2] == ["y_true", "y_pred"]
    for name in own:
        assert defaults[name].default == arguments[name].default


@each_case
def test_configurations_come_back(case):
    loss = case.make(reduction="sum", name="mine")
    again = losses.deserialize(losses.serialize(loss))
    assert type(again) is case.cls
    assert again.get_config() == loss.get_config()
    assert again.settings() == loss.settings()
    short = {"class_name": case.cls.__name__, "config": loss.get_config()}
    assert losses.get(short).get_config() == loss.get_config()


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: losses.Huber(delta=-1), "delta"),
        (lambda: losses.Huber(reduction="average"), "reduction.*'average'"),
        (lambda: losses.BinaryCrossentropy(label_smoothing=1.5), "label_smoothing"),
        (lambda: losses.BinaryCrossentropy(axis=1), "axis.*-1.*got 1"),
        (lambda: losses.cosine_similarity([[1.0]], [[1.0]], axis=0), "axis"),
        (lambda: losses.Tweedie(power=1), "power.*Poisson"),
        (lambda: losses.Tweedie(power=2), "power.*Gamma"),
        (lambda: losses.Quantile([]), "quantiles"),
        (lambda: losses.Quantile([0.1, 1.2]), "quantiles"),
        (lambda: losses.GaussianNegativeLogLikelihood(0), "epsilon"),
        (lambda: losses.MeanSquaredError(dtype="int8"), "dtype"),
        (lambda: losses.BinaryFocalCrossentropy(gamma=-1), "gamma"),
    ],
)
def test_bad_arguments(make, words):
    with pytest.raises(ArgumentError, match=words):
        make()


@pytest.mark.parametrize(
    ("loss", "width"),
    [
        (losses.Quantile([0.1, 0.9]), 3),
        (losses.GaussianNegativeLogLikelihood(), 3),
        (losses.CategoricalFocalCrossentropy(alpha=[0.1, 0.9]), 3),
    ],
)
def test_widths_that_do_not_fit(loss, width):
    with pytest.raises(ShapeError, match="got"):
        loss(np.zeros((2, 1)), np.ones((2, width)))


def test_layout_of_several_quantiles_of_several_targets():
    loss = losses.Quantile([0.1, 0.5, 0.9])
    y, p = np.array([[0.0, 10.0]]), np.array([[-1.0, 0, 1, 9, 10, 11]])
    # errors y - p: 1, 0, -1 for each target
    assert loss(y, p) == pytest.approx(2 * (0.1 + 0.0 + 0.1) / 6)
    assert float(EPS) == 1e-7
