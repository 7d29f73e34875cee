"""Bad data: a typed error that names the argument, and a model that is as it was."""

import numpy as np
import pytest
from refusals import LABELS, ONE_HOT, X, Y, model_for, refused

from fastgd import Sequential, layers
from fastgd.errors import ArgumentError, DataError, DataTypeError, ShapeError


def put(array, row, column, value):
    array = np.array(array, dtype=np.float64)
    array[row, column] = value
    return array


def with_object(value):
    array = X.astype(object)
    array[2, 1] = value
    return array


#: name -> (x, y, error, words of the message); for a model of 3 features and one output
BAD_DATA = {
    "narrow": (X[:, :2], Y, ShapeError, ["x", "3 columns", "(8, 2)"]),
    "wide": (np.ones((8, 4)), Y, ShapeError, ["x", "3 columns", "(8, 4)"]),
    "3-d": (X[None], Y, ShapeError, ["x", "(1, 8, 3)"]),
    "one row": (X[0], Y[:1], ShapeError, ["x", "(3,)"]),
    "number": (1.0, Y, ShapeError, ["x", "()"]),
    "y short": (X, Y[:7], ShapeError, ["x", "and", "8 and 7"]),
    "y wide": (X, np.ones((8, 2)), ShapeError, ["y", "1 column", "(8, 2)"]),
    "y 3-d": (X, Y[None], ShapeError, ["y", "(1, 8, 1)"]),
    "y number": (X, 1.0, ShapeError, ["y", "()"]),
    "empty": (X[:0], Y[:0], DataError, ["x", "no rows"]),
    "text": (X.astype(str), Y, DataTypeError, ["x", "numbers", "text"]),
    "y text": (X, ["a"] * 8, DataTypeError, ["y", "numbers", "text"]),
    "bytes": (X.astype("S4"), Y, DataTypeError, ["x", "numbers"]),
    "complex": (X.astype(complex), Y, DataTypeError, ["x", "complex"]),
    "dates": (X.astype("M8[D]"), Y, DataTypeError, ["x", "datetime64"]),
    "object": (with_object("b"), Y, DataTypeError, ["x", "'b' at row 2, column 1"]),
    "None inside": (with_object(None).tolist(), Y, DataTypeError, ["x", "None at row 2"]),
    "objects": (X.astype(object), Y, DataTypeError, ["x", "objects"]),
    "y object": (X, [1, 2, 3, 4, 5, 6, 7, {}], DataTypeError, ["y", "{} at row 7"]),
    "None": (None, Y, DataTypeError, ["x", "None"]),
    "y None": (X, None, DataTypeError, ["y", "None"]),
    "dict": ({"a": 1}, Y, DataTypeError, ["x", "{'a': 1}"]),
    "ragged": ([[1, 2, 3], [1, 2]], Y, ShapeError, ["x", "different lengths"]),
    "y ragged": (X, [[1], [1, 2]], ShapeError, ["y", "different lengths"]),
    "masked": (np.ma.masked_less(X, X[0, 0]), Y, DataError, ["x", "masked", "row"]),
    "y masked": (X, np.ma.masked_equal(Y, Y[3, 0]), DataError, ["y", "row 3, column 0"]),
    "nan": (put(X, 5, 2, np.nan), Y, DataError, ["x", "nan at row 5, column 2"]),
    "inf": (put(X, 0, 1, -np.inf), Y, DataError, ["x", "-inf at row 0, column 1"]),
    "float32 nan": (put(X, 5, 2, np.nan).astype("f4"), Y, DataError, ["x", "row 5, column 2"]),
    "y nan": (X, put(Y, 7, 0, np.nan), DataError, ["y", "nan at row 7, column 0"]),
    "1-d y inf": (X, put(Y, 6, 0, np.inf)[:, 0], DataError, ["y", "inf at row 6"]),
    "beyond float32": (put(X, 4, 0, 1e39), Y, DataError, ["x", "1e+39 at row 4", "float32"]),
    "y beyond": (X, put(Y, 4, 0, -1e39), DataError, ["y", "-1e+39 at row 4", "float32"]),
}


@pytest.mark.parametrize("what", ["fit", "train_on_batch", "evaluate", "test_on_batch",
                                  "value_and_grad", "validation_data"])  # fmt: skip
@pytest.mark.parametrize("bad", BAD_DATA)
def test_data_refused(bad, what):
    x, y, error, words = BAD_DATA[bad]
    model = model_for()
    model.fit(X, Y, verbose=0)  # so that there is a history and a state to lose
    if what == "validation_data":
        call = lambda m: m.fit(X, Y, validation_data=(x, y), verbose=0)  # noqa: E731
        message = refused(model, error, words[1:], call)
        assert message.startswith(f"validation {words[0]}")
    else:
        message = refused(model, error, words[1:], lambda m: getattr(m, what)(x, y))
        assert message.startswith(words[0])


@pytest.mark.parametrize("bad", [k for k in BAD_DATA if k not in ("narrow", "wide")])
def test_data_refused_before_the_model_is_built(bad):
    x, y, error, words = BAD_DATA[bad]
    for what in ("fit", "train_on_batch", "evaluate", "value_and_grad"):
        call = lambda m, f=what: getattr(m, f)(x, y)  # noqa: E731
        message = refused(model_for(built=False), error, words[1:], call)
        assert message.startswith(words[0])


@pytest.mark.parametrize("bad", ["narrow", "3-d", "one row", "text", "object", "None", "ragged",
                                 "nan", "beyond float32"])  # fmt: skip
def test_prediction_refused(bad):
    x, _, error, words = BAD_DATA[bad]
    refused(model_for(), error, words, lambda m: m.predict(x))
    refused(model_for(), error, words, lambda m: m(x))
    if bad != "narrow":
        refused(model_for(built=False), error, words[:1], lambda m: m(x))


def test_the_layer_of_the_wrong_width_is_named():
    for call in (lambda m: m.predict(X[:, :2]), lambda m: m.fit(X[:, :2], Y)):
        refused(model_for(), ShapeError, ["'first'", "'sequential", "3", "(8, 2)"], call)


def test_one_row_gets_a_hint():
    refused(model_for(), ShapeError, ["x[None, :]"], lambda m: m.predict(X[0]))


def test_no_rows_of_several_axes():
    model = Sequential([layers.Input((2, 3)), layers.Flatten(), layers.Dense(4)])
    model.compile("sgd", "mse")
    x, y = np.zeros((0, 2, 3)), np.zeros((0, 4))
    assert model.predict(x, verbose=0).shape == model(x).shape == (0, 4)
    for call in (model.fit, model.evaluate, model.train_on_batch, model.test_on_batch):
        with pytest.raises(DataError, match="x: there are no rows"):
            call(x, y)


@pytest.mark.parametrize("rows", [[0], True, 0.5, np.array([0]), ({}, 0)], ids=repr)
def test_rows_of_a_number(rows):
    model = model_for()
    for x in (0.5, np.array(0.5)):
        for call in (
            lambda x: model.fit(x, Y, rows=rows),
            lambda x: model.predict(x, rows=rows),
        ):
            with pytest.raises((ArgumentError, DataTypeError), match=r"^(rows|x): "):
                call(x)


def test_validation_data_of_another_width_before_building():
    call = lambda m: m.fit(X, Y, validation_data=(X[:, :2], Y), verbose=0)  # noqa: E731
    refused(model_for(built=False), ShapeError, ["validation x", "3 columns"], call)


BAD_TARGETS = [
    ("sparse_categorical_crossentropy", LABELS + 1, DataError, ["0 to 2", "got 3 at row 2"]),
    ("sparse_categorical_crossentropy", LABELS - 1, DataError, ["0 to 2", "got -1 at row 0"]),
    ("sparse_categorical_crossentropy", LABELS / 2, DataError, ["0.5 at row 1"]),
    ("sparse_categorical_crossentropy", ONE_HOT, ShapeError, ["(8, 3)", "one-hot"]),
    ("categorical_crossentropy", LABELS[:, None], ShapeError, ["(8, 1)", "sparse"]),
    ("categorical_crossentropy", LABELS, ShapeError, ["y", "3 columns", "(8,)"]),
    ("categorical_crossentropy", ONE_HOT * 2, DataError, ["0 to 1", "2.0 at row 0, column 0"]),
    ("binary_crossentropy", -ONE_HOT, DataError, ["0 to 1", "-1.0 at row 0, column 0"]),
    ("binary_crossentropy", ONE_HOT * 1.5, DataError, ["0 to 1", "1.5 at row 0, column 0"]),
    ("mse", LABELS, ShapeError, ["3 columns", "(8,)"]),
]


@pytest.mark.parametrize("built", [True, False])
@pytest.mark.parametrize("case", range(len(BAD_TARGETS)))
def test_targets_refused(case, built):
    loss, y, error, words = BAD_TARGETS[case]
    model = model_for(3, loss, "softmax", built)
    refused(model, error, ["y", *words], lambda m: m.fit(X, y, verbose=0))
    refused(model, error, ["y", *words], lambda m: m.evaluate(X, y, verbose=0))
