"""Proofs of monotonicity: against samples, and of networks with one weight turned around."""

import numpy as np
import pandas as pd
import pytest
from layer_examples import EXAMPLES, inputs, made, randomise
from sklearn.linear_model import LinearRegression as SklearnRegression

from fastgd import Model, Sequential, config, explain, initializers, layers
from fastgd.errors import (
    ArgumentError,
    DataTypeError,
    NotBuiltError,
    ShapeError,
    UnknownNameError,
)
from fastgd.linear import LinearModel

SIGNS = [1, -1, 0, 1]


def monotone_network(dtype="float32"):
    return Sequential(
        [
            layers.Input((4,)),
            layers.MonotonicDense(6, "relu", SIGNS),
            layers.Dropout(0.2),
            layers.MonotonicDense(5, "elu"),
            layers.MonotonicDense(2),
        ],
        dtype=dtype,
    )


def table(found):
    """Directions as text: of each input, +, -, 0 or ? for each output."""
    words = np.where(found.proved, np.array(["0", "+", "-"])[found.directions], "?")
    return ["".join(row) for row in words]


def test_a_monotone_network_is_proved():
    found = explain.monotone(monotone_network(), SIGNS)
    assert table(found) == ["++", "--", "??", "++"]
    assert found.names == ("x0", "x1", "x2", "x3")
    assert explain.monotone(monotone_network()).directions.tolist() == found.directions.tolist()


def test_any_weight_turned_around_is_refused_by_name():
    model = monotone_network()
    first, second, last = (layer for layer in model.layers if isinstance(layer, layers.Dense))
    tried = 0
    for layer in (first, second, last):
        weights = layer.kernel
        for k, j in np.ndindex(weights.shape):
            if (layer is first and k == 2) or weights[k, j] == 0:
                continue
            weights[k, j] = -weights[k, j]
            with pytest.raises(ArgumentError) as caught:
                explain.monotone(model, SIGNS)
            assert f"{layer.name}/kernel[{k}, {j}] = {weights[k, j]:.6g}" in str(caught.value)
            weights[k, j] = -weights[k, j]
            tried += 1
    assert tried > 50
    explain.monotone(model, SIGNS)
    first.kernel[0, 3] = np.nan
    with pytest.raises(ArgumentError, match=r"kernel\[0, 3\] = nan"):
        explain.monotone(model, SIGNS)


def pairs(model, column, n=300, seed=0):
    """Outputs at points, and at points whose column is further up."""
    rng = np.random.default_rng(seed)
    x = rng.normal(0, 2, (n, *model.input_shape[1:])).astype(model.dtype)
    further = x.copy()
    further.reshape(n, -1)[:, column] += np.abs(rng.normal(0, 2, n))
    return [model.predict(v, verbose=0).reshape(n, -1) for v in (x, further)]


def holds(model):
    """Check what is proved on samples; return the table."""
    found = explain.monotone(model)
    for column, (directions, proved) in enumerate(
        zip(found.directions, found.proved, strict=True)
    ):
        before, after = pairs(model, column)
        for output in np.flatnonzero(proved):
            moved = after[:, output] - before[:, output]
            slack = 1e-12 * np.abs(before[:, output]).max()
            if directions[output] == 0:
                assert (moved == 0).all()
            else:
                assert (moved * directions[output] >= -slack).all()
    return table(found)


CASES = [
    (name, arguments, shapes)
    for name in EXAMPLES
    if name not in ("Embedding", "UnitNormalization", "Dot")
    for arguments, shapes in EXAMPLES[name]
]


@pytest.mark.parametrize(("name", "arguments", "shapes"), CASES)
def test_what_is_proved_of_each_layer_holds(name, arguments, shapes):
    layer = made(name, arguments)
    layer(inputs(name, arguments, shapes))
    randomise(layer)
    tensor = layers.Input(shapes[0], dtype="float64")
    operands = [tensor]
    for i, shape in enumerate(shapes[1:]):  # those of several inputs, of the same columns
        given = layers.Dense(int(np.prod(shape)), dtype="float64", name=f"d{i}")
        flat = given(layers.Flatten()(tensor))
        given.kernel = abs(given.kernel.numpy()) * np.where(np.arange(given.units) % 2, -1, 1)
        operands.append(layers.Reshape(shape)(flat))
    output = layer(operands if layer.several_inputs else tensor)
    holds(Model(tensor, layers.Flatten()(output)))


KNOWN = {
    "Subtract": lambda a, b: layers.Subtract()([a, b]),
    "Average": lambda a, b: layers.Average()([a, b]),
    "Maximum": lambda a, b: layers.Maximum()([a, b]),
    "Multiply": lambda a, b: layers.Multiply()([a, b]),
    "Concatenate": lambda a, b: layers.Concatenate()([b, a]),
    "negative scale": lambda a, b: layers.Rescaling([1.0, -2.0])(a),
    "Normalization": lambda a, b: layers.Normalization(mean=[0, 1], variance=[1, 2])(a),
    "softmax": lambda a, b: layers.Softmax()(a),
    "gelu": lambda a, b: layers.Activation("gelu")(a),
    "own function": lambda a, b: layers.Activation(lambda z: z * 2)(a),
    "LayerNormalization": lambda a, b: layers.LayerNormalization()(a),
    "Ordered": lambda a, b: layers.Ordered()(a),
    "Ordered below 0": lambda a, b: layers.Ordered("negative")(a),
    "PReLU": lambda a, b: layers.PReLU(alpha_initializer=initializers.Constant([0.1, -0.1]))(a),
    "BatchNormalization": lambda a, b: layers.BatchNormalization(
        gamma_initializer=initializers.Constant([1.0, -1.0])
    )(a),
    "arithmetic": lambda a, b: 2.0 * a - b,
}
EXPECTED = {
    # of the inputs a0, a1, b0, b1: how each output moves with them
    "Subtract": ["+0", "0+", "-0", "0-"],
    "Average": ["+0", "0+", "+0", "0+"],
    "Maximum": ["+0", "0+", "+0", "0+"],
    "Multiply": ["?0", "0?", "?0", "0?"],
    "Concatenate": ["00+0", "000+", "+000", "0+00"],
    "negative scale": ["+0", "0-", "00", "00"],
    "Normalization": ["+0", "0+", "00", "00"],
    "softmax": ["+-", "-+", "00", "00"],
    "gelu": ["?0", "0?", "00", "00"],
    "own function": ["??", "??", "00", "00"],
    "LayerNormalization": ["??", "??", "00", "00"],
    "Ordered": ["++", "0+", "00", "00"],
    "Ordered below 0": ["--", "0+", "00", "00"],
    "PReLU": ["+0", "0?", "00", "00"],
    "BatchNormalization": ["+0", "0-", "00", "00"],
    "arithmetic": ["+0", "0+", "-0", "0-"],
}


@pytest.mark.parametrize("name", KNOWN)
def test_how_each_operation_passes_directions_on(name):
    whole = layers.Input((4,), dtype="float64")
    picks = []
    for half in range(2):
        pick = layers.Dense(2, use_bias=False, dtype="float64")
        picks.append(pick(whole))
        pick.kernel = np.eye(4)[:, 2 * half : 2 * half + 2]
    model = Model(whole, KNOWN[name](*picks))
    assert holds(model) == EXPECTED[name]


def test_several_inputs_and_outputs_stand_side_by_side():
    left, right = layers.Input((2,), name="left"), layers.Input((1,), name="right")
    rising = layers.MonotonicDense(3, "relu", [1, -1])(left)
    both = layers.Concatenate()([rising, right])
    model = Model(
        [left, right], [layers.MonotonicDense(1)(both), layers.Activation("relu")(left)]
    )
    assert table(explain.monotone(model)) == ["++0", "-0+", "+00"]
    with pytest.raises(
        ArgumentError, match=r"output 2 may rise while 'left\[1\]' rises, because"
    ):
        explain.monotone(model, [0, -1, 0])


def test_columns_have_the_names_that_other_explanations_give_them():
    left, right = layers.Input((2,), name="left"), layers.Input((1,), name="right")
    model = Model([left, right], layers.MonotonicDense(1)(layers.Concatenate()([left, right])))
    data = [np.ones((3, 2)), np.ones((3, 1))]
    names = ("left[0]", "left[1]", "right")
    assert explain.shapley(model, data, data).names == names
    assert explain.monotone(model, {"left[1]": 1}).names == names
    frames = {"left": pd.DataFrame(data[0], columns=["a", "b"]), "right": data[1]}
    model.compile("sgd", "mse")
    model.fit(frames, np.ones(3), verbose=0)
    assert explain.monotone(model).names == explain.shapley(model, data, data).names
    assert explain.monotone(model).names == ("a", "b", "right")
    model.feature_names = {"left": ["a", "b"], "right": ["a"]}  # each has a name of its own
    assert explain.monotone(model).names == ("left.a", "left.b", "right.a")


def test_estimators_of_other_libraries_are_refused():
    other = SklearnRegression().fit(np.eye(3), [0.0, 1.0, 2.0])
    with pytest.raises(
        DataTypeError, match=r"estimator of fastgd.sklearn, got LinearRegression"
    ):
        explain.monotone(other)


def test_a_layer_of_a_layer_of_ones_own_is_unknown_and_named():
    class Waves(layers.Layer):
        def emit(self, table, source):
            return layers.Activation(np.sin).emit(table, source)

    model = Sequential([layers.Input((2,)), layers.MonotonicDense(2), Waves()])
    assert table(explain.monotone(model)) == ["??", "??"]
    with pytest.raises(ArgumentError, match="a function in Python, of which nothing is known"):
        explain.monotone(model, 1)
    model = Sequential([layers.Input((2,)), layers.Dense(2, "silu")])
    with pytest.raises(ArgumentError, match="silu, which is not monotone"):
        explain.monotone(model, [1, 0])


def test_the_reference_engine_proves_the_same():
    model = monotone_network()
    config.set_engine("reference")
    again = monotone_network()
    again.set_weights(model.get_weights())
    assert table(explain.monotone(again)) == table(explain.monotone(model))


def test_a_layer_without_effect():
    model = Sequential([layers.Input((2,)), layers.Dense(1)])
    model.layers[0].kernel = [[0.0], [-1.0]]
    assert table(explain.monotone(model)) == ["0", "-"]
    explain.monotone(model, {"x0": 1, "x1": -1})  # what has no effect never falls
    with pytest.raises(ArgumentError, match=r"may fall while 'x1' rises, .*\[1, 0\]"):
        explain.monotone(model, 1)


def test_a_model_of_the_input_alone():
    model = Model(x := layers.Input((2,)), layers.Identity()(x))
    assert table(explain.monotone(model, 1)) == ["+0", "0+"]
    with pytest.raises(ArgumentError, match="layers without weights"):
        explain.monotone(model, -1)


def test_linear_models():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(200, 3))
    model = LinearModel("log_loss").fit(x, (x @ [2.0, -1.0, 0.5] > 0).astype(int))
    assert table(explain.monotone(model, [1, -1, 1])) == ["+", "-", "+"]
    with pytest.raises(ArgumentError, match=r"because of coef\[1, 0\] = -"):
        explain.monotone(model, 1)


def test_names_of_frames():
    pandas = pytest.importorskip("pandas")
    model = Sequential([layers.MonotonicDense(1, None, [1, -1])])
    model.compile("sgd", "mse")
    frame = pandas.DataFrame({"income": [1.0, 2.0], "debt": [0.0, 1.0]})
    model.fit(frame, [1.0, 2.0], verbose=0)
    found = explain.monotone(model, {"debt": -1})
    assert found.names == ("income", "debt")
    with pytest.raises(UnknownNameError, match=r"claim: .* 'dept'; did you mean 'debt'"):
        explain.monotone(model, {"dept": -1})


@pytest.mark.parametrize(
    ("model", "claim", "error", "words"),
    [
        (monotone_network, [1, -1], ShapeError, "claim: expected 4 signs"),
        (monotone_network, 2, ArgumentError, "claim: expected -1, 0 or 1"),
        (monotone_network, {"x0": 0.5}, ArgumentError, "claim: expected -1, 0 or 1"),
        (monotone_network, "x0", DataTypeError, "claim"),
        (lambda: 3, None, DataTypeError, "model: expected .* got int"),
        (lambda: LinearModel("log_loss"), None, NotBuiltError, "no weights yet"),
        (lambda: Sequential([layers.Dense(1)]), None, NotBuiltError, "no weights yet"),
    ],
)
def test_what_makes_no_sense_is_refused(model, claim, error, words):
    with pytest.raises(error, match=words):
        explain.monotone(model(), claim)
