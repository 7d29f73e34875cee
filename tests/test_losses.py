"""Losses by hand, under a tape, and in the engine."""

import numpy as np
import pytest
from problems import CASES, compiled, data, loss_by_hand, outputs_by_hand

import fastgd
from fastgd import GradientTape, Sequential, layers, losses
from fastgd._core.formulas import Loss
from fastgd.errors import ArgumentError, DataError, DataTypeError, ShapeError

LOG = np.log


@pytest.mark.parametrize(
    ("function", "y", "p", "expected"),
    [
        ("mean_squared_error", [[0, 1], [2, 2]], [[1.0, 3.0], [2.0, 0.0]], [2.5, 2.0]),
        ("mean_absolute_error", [[0, 1], [2, 2]], [[1.0, 3.0], [2.0, 0.0]], [1.5, 1.0]),
        ("binary_crossentropy", [[1], [0]], [[0.25], [0.25]], [-LOG(0.25), -LOG(0.75)]),
        ("binary_crossentropy", [[1, 0]], [[0.5, 0.2]], [-(LOG(0.5) + LOG(0.8)) / 2]),
        ("categorical_crossentropy", [[0, 1]], [[0.2, 0.8]], [-LOG(0.8)]),
        ("categorical_crossentropy", [[0.5, 0.5]], [[1.0, 3.0]], [-LOG(0.25 * 0.75) / 2]),
        ("sparse_categorical_crossentropy", [1, 0], [[0.2, 0.8]] * 2, [-LOG(0.8), -LOG(0.2)]),
        ("sparse_categorical_crossentropy", [[1], [0]], [[1, 3]] * 2, [-LOG(0.75), -LOG(0.25)]),
    ],
)
def test_functions_against_hand_computed_values(function, y, p, expected):
    found = getattr(losses, function)(y, p)
    assert isinstance(found, np.ndarray)
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    loss = losses.get(function)
    assert float(loss(y, p)) == pytest.approx(np.mean(expected), rel=1e-6)
    assert loss.name == function


@pytest.mark.parametrize("z", [0.0, 2.0, -3.0, 50.0, -700.0])
@pytest.mark.parametrize("y", [0.0, 1.0, 0.25])
def test_logits_against_the_formula(z, y):
    softplus = max(z, 0.0) + np.log1p(np.exp(-abs(z)))
    found = losses.binary_crossentropy([[y]], [[z]], from_logits=True)
    assert found[0] == pytest.approx(softplus - y * z, rel=1e-12, abs=1e-300)
    three = np.array([[z, 0.0, 1.0]])
    log_p = three - three.max() - np.log(np.sum(np.exp(three - three.max())))
    one = losses.categorical_crossentropy([[y, 1 - y, 0]], three, from_logits=True)
    assert one[0] == pytest.approx(-(y * log_p[0, 0] + (1 - y) * log_p[0, 1]), abs=1e-12)
    other = losses.sparse_categorical_crossentropy([2], three, from_logits=True)
    assert other[0] == pytest.approx(-log_p[0, 2], abs=1e-12)


def test_probabilities_are_kept_off_0_and_1():
    assert losses.binary_crossentropy([[1.0]], [[0.0]])[0] == pytest.approx(-LOG(1e-7))
    assert losses.binary_crossentropy([[0.0]], [[0.0]])[0] == pytest.approx(1e-7, rel=1e-6)
    found = losses.categorical_crossentropy([[1.0, 0.0]], [[0.0, 1.0]])
    assert found[0] == pytest.approx(-LOG(1e-7))


def test_whole_numbers_do_not_round_the_other_side():
    assert losses.mean_squared_error([0.5], [1]) == 0.25
    assert losses.mean_absolute_error([[0.5]], np.array([[2]]))[0] == 1.5


def test_shapes():
    p = np.ones((4, 1), np.float32)
    assert losses.mean_squared_error(np.zeros(4), p).shape == (4,)
    assert losses.mean_squared_error(np.zeros(4), p).dtype == np.float32
    for y in (np.zeros(3), np.zeros((1, 4)), np.zeros((4, 2)), 0.0):
        with pytest.raises(ShapeError, match=r"y_true: .*\(4, 1\)"):
            losses.mean_squared_error(y, p)
    with pytest.raises(ShapeError, match=r"y_true: .*\(4, 1\).*got \(3,\)"):
        losses.sparse_categorical_crossentropy([0, 0, 0], p)


FUNCTIONS = [
    name for name in vars(losses) if name in losses.REGISTRY.members and name.islower()
]


#: Nothing, ragged lists, rows without outputs, and no rows at all.
NO_ROWS = [
    [], (), [[0.5, 0.5], [0.5]], ["l2", [1.0], []], (np.zeros((2, 3)), 7), [[], []],
    np.zeros((8, 0)), np.zeros(0), 0.5, np.array(0.5),
]  # fmt: skip


@pytest.mark.parametrize("p", NO_ROWS, ids=lambda p: f"{type(p).__name__}-{len(str(p))}")
@pytest.mark.parametrize("name", FUNCTIONS)
def test_predictions_that_are_no_rows_of_numbers(name, p):
    for call in (losses.REGISTRY.members[name], losses.get(name), losses.get(name).call):
        for y in (p, np.zeros((2, 3))):
            with pytest.raises((ShapeError, DataTypeError), match="y_pred: "):
                call(y, p)


def test_the_slopes_of_no_rows():
    with GradientTape() as tape:
        p = tape.watch(np.zeros((0, 3)))
        value = fastgd.ops.sum(fastgd.ops.mean((p - 1) ** 2, axis=-1))
    assert value == 0
    assert tape.gradient(value, p).shape == (0, 3)


@pytest.mark.parametrize("reduction", ["sum", "mean", "none", "mean_with_sample_weight"])
def test_weights_that_are_no_array(reduction):
    loss = losses.MeanSquaredError(reduction)
    for wrong, error in (([1.0, [2.0]], ShapeError), ("x", DataTypeError), ({}, DataTypeError)):
        with pytest.raises(error, match="sample_weight: "):
            loss(np.zeros((2, 3)), np.zeros((2, 3)), wrong)


@pytest.mark.parametrize("label", [-1, 3, 0.5, np.nan])
def test_class_numbers_outside(label):
    with pytest.raises(DataError, match=r"y_true: .*0 to 2.* at row 1"):
        losses.sparse_categorical_crossentropy([0, label], np.full((2, 3), 1 / 3))
    with pytest.raises(DataTypeError, match="y_true"):
        losses.sparse_categorical_crossentropy(["a", "b"], np.full((2, 3), 1 / 3))


@pytest.mark.parametrize("case", CASES)
def test_gradient_under_a_tape(case):
    rng = np.random.default_rng(0)
    _, y = data(case, 5, "float64")
    p = rng.normal(size=(5, CASES[case].outputs))
    if not CASES[case].from_logits and CASES[case].targets != "real":
        p = rng.uniform(0.1, 0.9, p.shape)
    with GradientTape() as tape:
        watched = tape.watch(p)
        loss = CASES[case].make_loss()(y, watched)
    found = tape.gradient(loss, watched)
    expected = np.empty_like(p)
    for index in np.ndindex(p.shape):
        step = np.zeros_like(p)
        step[index] = 1e-6
        up, down = loss_by_hand(case, p + step, y), loss_by_hand(case, p - step, y)
        expected[index] = (up - down) / 2e-6
    np.testing.assert_allclose(found, expected, rtol=1e-7, atol=1e-9)
    assert float(loss) == pytest.approx(loss_by_hand(case, p, y), rel=1e-6)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 1e-5), ("float64", 1e-10)])
def test_the_engine_agrees(engine, case, dtype, tolerance):
    x, y = data(case, 300, dtype)
    model = compiled(case, dtype)
    p = outputs_by_hand(model, x.astype(float), model.parameters.astype(float))
    expected = loss_by_hand(case, p, y.astype(float))
    assert model.evaluate(x, y, verbose=0) == pytest.approx(expected, rel=tolerance)
    assert model.train_on_batch(x, y) == pytest.approx(expected, rel=tolerance)


def test_crossentropy_that_is_not_fused_is_clipped_like_the_function(engine):
    model = Sequential([layers.Input((1,)), layers.Dense(1, activation="relu")])
    model.compile("sgd", "binary_crossentropy")
    model.set_weights([np.ones((1, 1)), np.zeros(1)])
    assert model.evaluate([[0.0]], [1], verbose=0) == pytest.approx(-LOG(1e-7), rel=1e-6)
    assert model.evaluate([[0.25]], [1], verbose=0) == pytest.approx(-LOG(0.25), rel=1e-6)


def test_get():
    made = losses.BinaryCrossentropy(from_logits=True, name="mine")
    assert losses.get(made) is made
    assert (made.name, made.from_logits) == ("mine", True)
    assert type(losses.get(losses.binary_crossentropy)) is losses.BinaryCrossentropy
    assert type(losses.get(losses.MeanSquaredError)) is losses.MeanSquaredError
    for name in ("bce", "BCE", "binary_crossentropy", "BinaryCrossentropy"):
        assert type(losses.get(name)) is losses.BinaryCrossentropy
    assert losses.BinaryCrossentropy(**made.get_config()).get_config() == made.get_config()


def test_what_no_model_trains_with_is_refused_at_compile():
    class Mine(losses.MeanSquaredError):
        def call(self, y_true, y_pred):
            return super().call(y_true, y_pred) * 2

    assert Mine().code == Loss.LOSS_NONE  # and not the mathematics of what it derives from
    model = fastgd.Sequential([layers.Dense(1)])
    for loss, words in (
        (losses.MeanSquaredError(reduction="none"), "reduction: 'none'"),
        (losses.MeanSquaredError(reduction=None), "reduction: None"),
        (losses.Loss, "loss"),
        (losses.Loss(), "loss"),
    ):
        with pytest.raises(ArgumentError, match=words):
            model.compile("sgd", loss)
    assert model.loss is None


def test_no_gradient_with_respect_to_targets_is_lost_in_silence():
    with GradientTape() as tape:
        y = tape.watch(np.ones((2, 1)))
        with pytest.raises(DataTypeError, match=r"y_true.*stop_gradient"):
            losses.mean_squared_error(y, np.zeros((2, 1)))
