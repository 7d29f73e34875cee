"""Rows as Python has them, lists and dicts: the engine's short ways against arrays."""

import collections
import decimal
import fractions
import json
import pickle
import types

import numpy as np
import pytest

from fastgd import Model, Sequential, layers, linear, optimizers, utils
from fastgd._core.engine import plain_row
from fastgd._data.named_row import values_by_name
from fastgd.errors import ArgumentError, DataError, DataTypeError, FastgdError, ShapeError

NAMES = ("wind", "rain", "sun", "snow")
ROWS = np.random.default_rng(0).normal(size=(12, 4)).round(3)
LABELS = [0, 1] * 6


class Name(str):
    """A name that is no plain text."""


class Column(np.ndarray):
    """An array of the user's own."""


class Whole:
    """A number of the user's own."""

    def __float__(self):
        return 3.0


def as_dict(row):
    return dict(zip(NAMES, row.tolist(), strict=True))


#: What a row may be.
KINDS = {
    "dict": as_dict,
    "other order": lambda row: dict(reversed(as_dict(row).items())),
    "two in order": lambda row: {NAMES[i]: row.tolist()[i] for i in (0, 1, 3, 2)},
    "new names each time": lambda row: json.loads(json.dumps(as_dict(row))),
    "names of a subclass": lambda row: {Name(k): v for k, v in as_dict(row).items()},
    "OrderedDict": lambda row: collections.OrderedDict(as_dict(row)),
    "defaultdict": lambda row: collections.defaultdict(lambda: 7.0, as_dict(row)),
    "UserDict": lambda row: collections.UserDict(as_dict(row)),
    "proxy": lambda row: types.MappingProxyType(as_dict(row)),
    "list": lambda row: row.tolist(),
    "tuple": lambda row: tuple(row.tolist()),
    "scalars": lambda row: dict(zip(NAMES, row, strict=True)),
    "list of scalars": list,
    "float64": np.array,
    "float32": lambda row: row.astype(np.float32),
    "strided": lambda row: np.repeat(row, 2)[::2],
    "other bytes": lambda row: row.astype(">f8"),
    "masked array": np.ma.array,
    "subclass": lambda row: row.view(Column),
}  # fmt: skip


def scores(dtype=None, solver=None):
    """A linear model that knows its columns."""
    steps = solver or linear.SGD("constant", eta0=0.1, seed=0)
    model = linear.LinearModel("log_loss", l2=1e-3, dtype=dtype)
    model.partial_fit(ROWS, LABELS, solver=steps)
    model.feature_names = NAMES
    return model


def network(dtype="float32", names=NAMES, **kwargs):
    utils.set_random_seed(3)
    model = Sequential(
        [layers.Dense(3, "tanh", input_shape=(4,)), layers.Dense(1, "sigmoid")], dtype=dtype
    )
    model.compile(optimizers.Adam(0.01), "binary_crossentropy", **kwargs)
    model.feature_names = names
    return model


def distance(y_true, y_pred):
    return abs(y_true - y_pred)


def part_of_another(model):
    """Train the weights, and move them, as those of another model."""
    other = Model(model.inputs, layers.Dense(1, "sigmoid")(model.outputs[0]))
    other.compile("sgd", "binary_crossentropy")
    other.fit(ROWS, np.array(LABELS), verbose=0)


MAKERS = {
    "linear": scores,
    "linear float32": lambda: scores("float32"),
    "linear average": lambda: scores(solver=linear.SGD("constant", average=20, seed=0)),
    "network": network,
    "network float64": lambda: network("float64"),
    "network with a metric": lambda: network(metrics=["accuracy"]),
    "network with another": lambda: network(metrics=[distance]),
}
each_model = pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)


def state(model):
    """The numbers and names of a model, and how far it has come."""
    names = None if model.feature_names is None else list(model.feature_names)
    if isinstance(model, linear.LinearModel):
        solver = model.saved_parts()[1]
        return [model.coef.tobytes(), names, *(solver[key].tobytes() for key in sorted(solver))]
    counts = model.epochs_begun, int(model.optimizer.iterations)
    return [b"" if not model.built else model.parameters.tobytes(), names, counts]


def array_of(model, row):
    return np.array(row, model.dtype or "float64")


def same_everywhere(make, given, row):
    """Predict and learn the same from a row in any form as from an array."""
    model, other = make(), make()
    x = array_of(model, row)
    for _ in range(2):
        assert model.predict_one(given) == other.predict_one(x)
        if isinstance(model, linear.LinearModel):
            assert model.predict_proba_one(given) == other.predict_proba_one(x)
        first, second = model.learn_one(given, 1), other.learn_one(x, 1)
        assert first == second or (first, second) == (model, other)
        assert state(model) == state(other)
    assert list(model.feature_names) == list(NAMES)


@each_model
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_row_is_the_array(engine, make, kind):
    for row in ROWS[:3]:
        given = KINDS[kind](row)
        same_everywhere(make, given, given if kind == "float32" else row)


#: Values that are numbers, and where they are not what ``float`` makes of them.
VALUES = {
    "float": -1.5, "int": 3, "bool": True, "zero": -0.0, "tiny": 5e-324,
    "large": 2**24 + 1, "larger": 2**53 + 1, "largest": 2**62 + 2**38 + 1,
    "float64": np.float64(0.1), "float32": np.float32(0.1), "float16": np.float16(0.1),
    "longdouble": np.longdouble(0.1), "int8": np.int8(-3), "int64": np.int64(2**53 + 1),
    "uint64": np.uint64(2**63 + 1025), "bool_": np.bool_(True), "array": np.array(2.5),
    "fraction": fractions.Fraction(1, 3), "decimal": decimal.Decimal("0.1"),
}  # fmt: skip


@each_model
@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES)
def test_every_kind_of_number_is_read(make, value):
    model = make()
    row = [0.5, float(value), 0.0, -1.0]
    expected = model.predict_one(array_of(model, row))
    assert model.predict_one({"snow": -1, "rain": value, "wind": 0.5}) == expected
    assert model.predict_one({"wind": 0.5, "rain": value, "sun": False, "snow": -1}) == expected
    if not isinstance(value, (decimal.Decimal, fractions.Fraction)):
        assert model.predict_one([0.5, value, 0, -1.0]) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_plain_rows_are_those_that_numpy_makes(dtype):
    """Or they are left to it."""
    dtype, seen = np.dtype(dtype), 0
    for value in [
        *VALUES.values(),
        1e300,
        2**70,
        -(2**70),
        10**400,
        None,
        "1",
        "a",
        1j,
        [1.0],
        Whole(),
    ]:
        row = [1.5, value, 2]
        found = plain_row(row, None, 3, dtype)
        if found is not None:
            seen += 1
            expected = np.asarray(row).astype(dtype)
            assert found.dtype == dtype
            assert found.tobytes() == expected.tobytes()
        by_name = plain_row(dict(zip("abc", row, strict=True)), tuple("abc"), 3, dtype)
        assert (by_name is None) == (found is None)
        assert found is None or by_name.tobytes() == found.tobytes()
    assert seen > 10
    arrays = np.ones(4), np.ones(3, int), np.ones(3, ">f8"), np.ones(6)[::2], np.ones((1, 3))
    for strange in (*arrays, {1.0, 2.0, 3.0}, "abc", None, range(3), [1.0, 2.0], {}.items()):
        assert plain_row(strange, tuple("abc"), 3, dtype) is None
    assert plain_row({"a": 1.0}, list("abc"), 3, dtype) is None
    assert plain_row({"a": 1.0}, tuple("abcd"), 3, dtype) is None


@pytest.mark.parametrize("count", [0, 1, 3, 5])
def test_names_are_looked_up(count):
    """In any order, with some that are missing and some that are unknown; and of any kind."""
    names = ("a", 1, ("b", 2), None, Name("c"))[:count]
    random = np.random.default_rng(count)
    for _ in range(200):
        chosen = [names[i] for i in random.permutation(count)[: random.integers(count + 1)]]
        others = ["x", "y"][: random.integers(3)]
        x = {name: float(i) + 1 for i, name in enumerate(chosen + others)}
        expected = [x.get(name, 0.0) for name in names]
        assert plain_row(x, names, count, np.dtype("f8"), "ignore").tolist() == expected
        for width in (count, 6):
            row = plain_row(x, names, width, np.dtype("f8"))
            assert (row is None) == bool(others)
            assert others or row.tolist() == expected + [0.0] * (width - count)
        x[Name("x")] = Whole()  # then the general way takes it
        assert values_by_name(x, names, count, "f8").tolist() == expected


#: Rows that nothing is learnt from, by the error and its words.
REFUSED = (
    (ArgumentError, "hail", {"wind": 1.0, "hail": 2.0}),
    (ArgumentError, "hail", {"hail": 2.0, **as_dict(ROWS[0])}),
    (DataTypeError, r"x\['sun'\]: expected a number, got 'red'", {"sun": "red"}),
    (DataTypeError, r"x\['sun'\]", {"wind": 1.0, "sun": [1.0, 2.0]}),
    (ArgumentError, r"x\['sun'\].*finite", {"sun": 10**400}),
    (DataError, "nan", {"wind": float("nan")}),
    (DataError, "nan", {"wind": None}),
    (DataError, "inf", {"rain": np.inf, "wind": 1.0}),
    (ShapeError, "4", [1.0, 2.0, 3.0]),
    (ShapeError, "one row", [[1.0, 2.0, 3.0, 4.0]]),
    (DataTypeError, "x: .*objects", [1.0, None, 3.0, 4.0]),
    (DataTypeError, "x: .*text", [1.0, "2", 3.0, 4.0]),
    (DataError, "nan", [1.0, float("nan"), 3.0, 4.0]),
    (DataTypeError, "x: ", {1.0, 2.0}),
    (DataTypeError, "x: .*None", None),
)


@each_model
@pytest.mark.parametrize(("error", "message", "x"), REFUSED)
def test_a_row_that_is_refused_changes_nothing(engine, make, error, message, x):
    model = make()
    model.learn_one(as_dict(ROWS[0]), 1)
    before = state(model)
    with pytest.raises(error, match=message):
        model.learn_one(x, 1)
    assert state(model) == before
    if error is not DataError or not isinstance(model, linear.LinearModel):
        with pytest.raises(error, match=message):
            model.predict_one(x)
    assert state(model) == before
    with pytest.raises(FastgdError, match="y"):
        model.learn_one(as_dict(ROWS[0]), "one")
    with pytest.raises(FastgdError, match="unknown_features"):
        model.learn_one(as_dict(ROWS[0]), 1, unknown_features="drop")
    assert state(model) == before


@each_model
def test_names_that_are_ignored(make):
    model, other = make(), make()
    for row in ROWS:
        given = {"hail": "much", **as_dict(row), "fog": None}
        expected = other.predict_one(array_of(other, row))
        assert model.predict_one(given, unknown_features="ignore") == expected
        model.learn_one(given, 0, unknown_features="ignore")
        other.learn_one(array_of(other, row), 0)
        assert state(model) == state(other)


def test_no_free_input_is_given_to_a_name_of_a_row_that_fails(engine):
    model = network(names=None)
    model.learn_one({"wind": 1.0, "sun": 2.0}, 1)
    before = state(model)
    for x, y in (
        ({"rain": 1.0, "snow": "red"}, 1), ({"rain": np.nan}, 1), ({"rain": 1.0}, "one"),
        ({"rain": 1.0}, 2.0), ({"rain": 1.0, "snow": 1.0, "hail": 1.0}, 1),
    ):  # fmt: skip
        with pytest.raises(FastgdError):
            model.learn_one(x, y)
        assert state(model) == before
    model.learn_one({"snow": 1.0, "sun": 3.0}, 1)
    model.learn_one({"rain": 4.0, "hail": 5.0}, 1, unknown_features="ignore")
    assert model.feature_names == ["wind", "sun", "snow", "rain"]
    other = network(names=None)
    for row, y in (([1, 2, 0, 0], 1), ([0, 3, 1, 0], 1), ([0, 0, 0, 4], 1)):
        other.learn_one(np.array(row, "float32"), y)
    assert state(model)[0] == state(other)[0]


def test_a_value_beyond_float32_is_told(engine):
    for model in (network(), scores("float32")):
        before = state(model)
        for x in ([0.0, 1e300, 0.0, 0.0], {"rain": 1e300}, np.full(4, 1e300)):
            with np.errstate(over="ignore"), pytest.raises(DataError, match=r"x: inf|1e\+300"):
                model.learn_one(x, 1)
            assert state(model) == before


@each_model
def test_names_may_change_between_two_rows(make):
    model, row = make(), as_dict(ROWS[0])
    given = array_of(model, ROWS[0])
    before = model.predict_one(given)
    assert model.predict_one(row) == before
    turned = tuple(reversed(NAMES))
    model.feature_names = turned
    assert model.predict_one(row) == model.predict_one(given[::-1].copy()) != before
    model.feature_names = ("hail", *NAMES[1:])
    with pytest.raises(ArgumentError, match="wind"):
        model.learn_one(row, 1)
    row["hail"] = row.pop("wind")
    assert model.predict_one(row) == before


def test_names_are_the_models_own():
    model, given = network(), list(NAMES)
    model.feature_names = given
    given[0] = "hail"
    model.feature_names.append("fog")
    assert model.feature_names == list(NAMES)
    assert model.predict_one(as_dict(ROWS[0])) == model.predict_one(ROWS[0].astype("f4"))


@each_model
def test_predictions_follow_whatever_happens_in_between(engine, make):
    """The engine's short ways are kept; they see the weights as they are."""

    def seen(model):
        again = pickle.loads(pickle.dumps(model))
        return [model.predict_one(as_dict(ROWS[1])), again.predict_one(ROWS[1].tolist())]

    def expected(model):
        x = array_of(model, ROWS[1:3])  # two rows take the general way
        if isinstance(model, linear.LinearModel):
            return [int(model.predict(x)[0])] * 2
        return [float(model.predict(x)[0, 0])] * 2

    model = make()
    changes = [lambda m, row=row: m.learn_one(as_dict(row), 1) for row in ROWS]
    if isinstance(model, linear.LinearModel):
        changes += [
            lambda m: m.partial_fit(-ROWS, LABELS), lambda m: m.fit(ROWS, LABELS[::-1]),
            lambda m: m.learn_one(ROWS[0], 0), lambda m: m.fit(-ROWS, LABELS),
        ]  # fmt: skip
    else:
        y = np.array(LABELS)
        changes += [
            lambda m: m.fit(ROWS, y, verbose=0),
            lambda m: m.set_weights([w * 2 for w in m.get_weights()]),
            lambda m: m.compile("sgd", "binary_crossentropy"), lambda m: m.release(),
            lambda m: m.add(layers.Dense(1, "sigmoid")), lambda m: m.pop(),
            part_of_another,
        ]  # fmt: skip
    for change in changes:
        change(model)
        model.feature_names = NAMES
        assert seen(model) == (
            expected(model) if engine != "reference" else pytest.approx(expected(model))
        )


def test_averages_are_predicted_from_the_step_they_begin_with(engine):
    solver = linear.SGD("constant", eta0=0.5, average=16, seed=0)
    model = linear.LinearModel("squared_error").partial_fit(ROWS, ROWS[:, 0], solver=solver)
    model.feature_names = NAMES
    for row in ROWS:
        model.learn_one(as_dict(row), 1.0)
        found = model.predict_one(as_dict(ROWS[0]))
        assert found == pytest.approx(model.predict(ROWS[:1])[0], rel=1e-12)


def close(found, expected):
    np.testing.assert_allclose(found, expected, rtol=1e-5)


@pytest.mark.parametrize("width", [1, 4])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_one_row_is_predicted_as_many(engine, width, dtype):
    same = np.testing.assert_array_equal if engine != "reference" else close
    utils.set_random_seed(1)
    model = Sequential(
        [layers.Dense(3, "relu", input_shape=(width,)), layers.Dense(2)], dtype=dtype
    )
    x = ROWS[:, :width].astype(dtype)
    every = model.predict(x)
    for i in range(len(x)):
        for given in (x[i : i + 1], np.asfortranarray(x[i : i + 1]), x[i : i + 1].astype("f8")):
            found = model.predict(given)
            assert found.dtype == dtype
            same(found, every[i : i + 1])
    same(model.predict(x[:1].astype("float64")), every[:1])
    with pytest.raises(DataError, match="x: nan at row 0, column 0"):
        model.predict(np.full((1, width), np.nan, dtype))
    with pytest.raises(ShapeError, match=f"{width} columns"):
        model.predict(np.zeros((1, 7), dtype))
