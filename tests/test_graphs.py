"""Graphs of layers: branches, shared layers, several inputs and outputs, models as layers."""

import gc
import shutil
import sys

import numpy as np
import pytest

import fastgd
from fastgd import Model, Sequential, layers, losses, models, optimizers
from fastgd.errors import ArgumentError, DataTypeError, NotBuiltError, ShapeError
from fastgd.layers.symbolic import KerasTensor

RNG = np.random.default_rng(3)
A, B = RNG.normal(size=(12, 3)), RNG.normal(size=(12, 2))
Y, LABELS = RNG.normal(size=(12, 1)), RNG.integers(0, 3, 12)


def inputs(*widths, dtype="float64"):
    return [layers.Input((w,), name=f"in{i}", dtype=dtype) for i, w in enumerate(widths)]


def weights(layer):
    return [v.numpy() for v in layer.variables]


def dense(layer, x, function=lambda z: z):
    kernel, bias = weights(layer)
    return function(x @ kernel + bias)


def two_headed(dtype="float64"):
    """Two inputs, a sum, a residual, two outputs."""
    a, b = inputs(3, 2, dtype=dtype)
    left = layers.Dense(4, activation="tanh", name="left")
    right = layers.Dense(4, name="right")
    total = layers.Add(name="total")([left(a), right(b)])
    bent = layers.Activation("tanh", name="bent")(total)
    value = layers.Dense(1, name="value")(bent)
    both = layers.Concatenate(name="both")([bent, total])
    kind = layers.Dense(3, activation="softmax", name="kind")(both)
    return Model([a, b], [value, kind], name="two")


def forward(model):
    """The outputs of two_headed by hand, for A and B."""
    total = dense(model.get_layer("left"), A, np.tanh) + dense(model.get_layer("right"), B)
    bent = np.tanh(total)
    z = dense(model.get_layer("kind"), np.hstack([bent, total]))
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return dense(model.get_layer("value"), bent), e / e.sum(axis=1, keepdims=True)


def numeric_gradients(model, loss, step=1e-6):
    """Central differences of a function of the model, for each trainable variable."""
    found = []
    for v in model.trainable_variables:
        gradient = np.zeros(v.shape)
        for index in np.ndindex(v.shape):
            before = v.value[index]
            ends = []
            for sign in (1, -1):
                v.value[index] = before + sign * step
                ends.append(loss())
            v.value[index] = before
            gradient[index] = (ends[0] - ends[1]) / (2 * step)
        found.append(gradient)
    return found


# --- what a graph computes -------------------------------------------------------------------


def test_branches_and_outputs_by_hand(engine):
    model = two_headed()
    for found, expected in zip(model.predict([A, B]), forward(model), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-12)
    for found, expected in zip(model([A, B]), forward(model), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_losses_and_gradients_of_two_outputs(engine):
    model = two_headed()
    model.compile(
        "sgd", ["mse", "sparse_categorical_crossentropy"],
        loss_weights={"value": 2, "kind": 0.5},
        metrics={"kind": ["accuracy"]}, weighted_metrics=[["mae"], None],
    )  # fmt: skip

    def parts():
        value, kind = forward(model)
        return np.mean((value - Y) ** 2), np.mean(-np.log(kind[np.arange(12), LABELS]))

    figures = model.evaluate([A, B], [Y, LABELS], verbose=0, return_dict=True)
    mse, crossentropy = parts()
    value, kind = forward(model)
    expected = {
        "loss": 2 * mse + 0.5 * crossentropy,
        "value_loss": mse,
        "kind_loss": crossentropy,
        "value_mae": np.abs(value - Y).mean(),
        "kind_accuracy": (kind.argmax(axis=1) == LABELS).mean(),
    }
    assert figures == pytest.approx(expected, rel=1e-12)
    assert model.metrics_names == list(expected)
    loss, grads = model.value_and_grad([A, B], {"kind": LABELS, "value": Y})
    assert loss == pytest.approx(expected["loss"], rel=1e-12)
    numeric = numeric_gradients(model, lambda: 2 * parts()[0] + 0.5 * parts()[1])
    for found, by_differences in zip(grads, numeric, strict=True):
        np.testing.assert_allclose(found, by_differences, atol=1e-8)


def test_one_loss_for_some_outputs_and_weights_of_rows():
    model = two_headed()
    model.compile("sgd", {"kind": "sparse_categorical_crossentropy"})
    w = np.arange(12.0)
    figures = model.evaluate([A, B], {"kind": LABELS}, sample_weight=w, verbose=0)
    p = forward(model)[1][np.arange(12), LABELS]
    assert figures == pytest.approx([np.mean(-w * np.log(p))] * 2, rel=1e-12)
    model.compile("sgd", ["mse", "sparse_categorical_crossentropy"])
    weighted = {"value": w, "kind": 2 * w}
    found = model.evaluate(
        [A, B], [Y, LABELS], sample_weight=weighted, verbose=0, return_dict=True
    )
    assert found["kind_loss"] == pytest.approx(2 * figures[0], rel=1e-12)
    assert found["loss"] == pytest.approx(found["value_loss"] + found["kind_loss"], rel=1e-12)


def test_a_shared_layer_collects_both_gradients(engine):
    a, b = inputs(3, 3)
    shared = layers.Dense(4, activation="tanh")
    out = layers.Dense(1)
    model = Model([a, b], out(layers.Subtract()([shared(a), shared(b)])))
    model.compile("sgd", "mse")
    x, second = A, A[::-1] + 1
    assert model.count_params() == 3 * 4 + 4 + 4 + 1

    def loss():
        z = dense(shared, x, np.tanh) - dense(shared, second, np.tanh)
        return np.mean((dense(out, z) - Y) ** 2)

    found, grads = model.value_and_grad([x, second], Y)
    assert found == pytest.approx(loss(), rel=1e-12)
    for gradient, numeric in zip(grads, numeric_gradients(model, loss), strict=True):
        np.testing.assert_allclose(gradient, numeric, atol=1e-8)
    with fastgd.GradientTape() as tape:
        value = losses.MeanSquaredError()(Y, model([x, second]))
    for gradient, taped in zip(grads, tape.gradient(value, model.weights), strict=True):
        np.testing.assert_allclose(taped, gradient, rtol=1e-10, atol=1e-14)


def test_an_activation_does_not_overwrite_what_others_read(engine):
    (x,) = inputs(3)
    layer = layers.Dense(4)
    h = layer(x)
    relu = layers.Activation("relu")(h)
    model = Model(x, [layers.Add()([h, relu]), relu, h])
    z = dense(layer, A)
    for found, expected in zip(
        model.predict(A), [z + np.maximum(z, 0), np.maximum(z, 0), z], strict=True
    ):
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-15)
    inner_input = layers.Input((4,), dtype="float64")
    inner = Model(inner_input, layers.Add()([inner_input, layers.ReLU()(inner_input)]))
    outer = Model(x, inner(layer(x)))
    np.testing.assert_allclose(outer.predict(A), z + np.maximum(z, 0), rtol=1e-12, atol=1e-15)


def test_the_same_output_twice():
    (x,) = inputs(3)
    layer = layers.Dense(3, activation="softmax")
    h = layer(x)
    model = Model(x, {"one": h, "two": h})
    model.compile("sgd", "sparse_categorical_crossentropy")
    found = model.predict(A)
    assert list(found) == ["one", "two"]
    np.testing.assert_array_equal(found["one"], found["two"])
    figures = model.evaluate(A, {"one": LABELS, "two": LABELS}, verbose=0, return_dict=True)
    expected = -np.log(found["one"][np.arange(12), LABELS]).mean()
    assert figures["one_loss"] == pytest.approx(expected, rel=1e-9)
    assert figures["two_loss"] == pytest.approx(expected, rel=1e-9)


def test_a_list_of_one_output_is_an_array_as_in_keras():
    x, y = A.astype("float32"), np.ones((12, 1))
    source = layers.Input((3,))
    out = layers.Dense(1, name="out")(source)
    expected = dense(Model(source, out).get_layer("out"), x)
    for outputs in (out, [out], (out,)):
        model = Model([source], outputs)
        model.compile("sgd", "mse")
        again = Model.from_config(model.get_config())
        again.set_weights(model.get_weights())
        for m in (model, again):
            for found in (m(x), m.predict(x), m.predict_on_batch(x), m.predictor()(x)):
                assert isinstance(found, np.ndarray)
                np.testing.assert_allclose(found, expected, rtol=1e-5)
        assert isinstance(model(layers.Input((3,))), KerasTensor)
        model.fit(x, [y], epochs=0, verbose=0)
    assert list(Model(source, {"a": out}).predict(x)) == ["a"]
    assert len(Model(source, [out, out]).predict(x)) == 2


def test_a_call_that_returns_a_list_of_one_gives_a_list():
    class Listed(Model):
        def __init__(self):
            super().__init__()
            self.dense = layers.Dense(1)

        def call(self, x):
            return [self.dense(x)]

    model = Listed()
    assert [type(model(A)), type(model.predict(A))] == [list, list]


def test_operators_are_layers():
    a, b = inputs(3, 3)
    model = Model([a, b], (a + b) * 2 - b * a + 1 - (0.5 - a) / 4 + -b)
    second = A[::-1]
    expected = (A + second) * 2 - second * A + 1 - (0.5 - A) / 4 - second
    np.testing.assert_allclose(model.predict([A, second]), expected, rtol=1e-12)
    with pytest.raises(TypeError):
        _ = a + "b"


def test_data_in_several_dimensions():
    x = layers.Input((2, 3), dtype="float64")
    flat = layers.Flatten()(x)
    out = layers.Reshape((3, 2))(layers.Dense(6)(flat))
    model = Model(x, out)
    data = RNG.normal(size=(7, 2, 3))
    kernel, bias = (v.numpy() for v in model.weights)
    expected = (data.reshape(7, 6) @ kernel + bias).reshape(7, 3, 2)
    np.testing.assert_allclose(model.predict(data), expected, rtol=1e-12)
    model.compile("sgd", "mse")
    target = RNG.normal(size=(7, 3, 2))
    loss = model.evaluate(data, target, verbose=0)
    assert loss == pytest.approx(np.mean((expected - target) ** 2), rel=1e-12)
    with pytest.raises(ShapeError, match=r"y: .*\(None, 3, 2\)"):
        model.evaluate(data, target[:, :2], verbose=0)


# --- how it is given -------------------------------------------------------------------------


def test_inputs_by_name_and_by_list():
    model = two_headed()
    expected = model.predict([A, B])
    for x in ({"in0": A, "in1": B}, (A, B), {"in1": B.tolist(), "in0": A}):
        for found, same in zip(model.predict(x), expected, strict=True):
            np.testing.assert_array_equal(found, same)
    a, b = inputs(3, 2)
    keyed = Model({"left": a, "right": b}, layers.Concatenate()([b, a]))
    np.testing.assert_array_equal(keyed.predict({"left": A, "right": B}), np.hstack([B, A]))


@pytest.mark.parametrize(
    ("x", "error", "words"),
    [
        (A, DataTypeError, ["x", "2 arrays", "'in0'", "'in1'"]),
        ([A], ArgumentError, ["2 arrays", "got 1"]),
        ([A, B[:5]], ShapeError, ["12 rows", "5", "'in1'"]),
        ([A, A], ShapeError, ["x['in1']", "2 columns", "(12, 3)"]),
        ({"in0": A, "other": B}, ArgumentError, ["'in1'", "'other'"]),
    ],
)
def test_wrong_inputs_are_named(x, error, words):
    with pytest.raises(error) as caught:
        two_headed().predict(x)
    for word in words:
        assert word in str(caught.value)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"loss": ["mse"]}, ["loss", "2 outputs"]),
        ({"loss": {"nothing": "mse"}}, ["loss", "'nothing'", "'kind'"]),
        ({"loss": "mse", "loss_weights": [1]}, ["loss_weights", "2 outputs"]),
        ({"loss": "mse", "metrics": ["mae"]}, ["metrics", "2 outputs"]),
        ({"loss": {"value": "mse"}, "metrics": {"kind": "accuracy"}}, ["'kind'", "no loss"]),
    ],
)
def test_compile_says_which_output(arguments, words):
    with pytest.raises(ArgumentError) as caught:
        two_headed().compile("sgd", **arguments)
    for word in words:
        assert word in str(caught.value)


def test_graphs_that_are_none():
    a, b = inputs(3, 2)
    h = layers.Dense(2, name="h")(a)
    with pytest.raises(ArgumentError, match="does not come from"):
        Model(b, h)
    with pytest.raises(ArgumentError, match="more than once"):
        Model([a, a], h)
    with pytest.raises(ArgumentError, match="2 layers are named 'h'"):
        Model(a, layers.Dense(2, name="h")(h))
    with pytest.raises(DataTypeError, match="outputs: expected symbolic"):
        Model(a, 3)
    with pytest.raises(ArgumentError, match="expected both"):
        Model(a)
    with pytest.raises(ShapeError, match="one input"):
        layers.Dense(2)([a, b])
    with pytest.raises(DataTypeError, match="no values"):
        np.sin(h) if h else None
    assert isinstance(h, KerasTensor) and h.shape == (None, 2)


def test_what_a_model_tells():
    model = two_headed()
    names = ["in0", "in1", "left", "right", "total", "bent", "both", "value", "kind"]
    assert sorted(layer.name for layer in model.layers) == sorted(names)
    assert model.input_names == ["in0", "in1"] and model.output_names == ["value", "kind"]
    assert model.input_shape == [(None, 3), (None, 2)]
    assert model.output_shape == [(None, 1), (None, 3)]
    assert model.get_layer(index=0) is model.layers[0]
    assert [t.name for t in model.inputs] == model.input_names
    assert model.output == model.outputs and len(model.outputs) == 2
    with pytest.raises(ArgumentError, match="no 'none'"):
        model.get_layer("none")
    with pytest.raises(ArgumentError, match="one of the two"):
        model.get_layer()
    lines = []
    model.summary(print_fn=lines.append, show_trainable=True)
    for part in ("Connected to", "left[0][0], right[0][0]", "Trainable params: "):
        assert part in lines[0]


# --- models that share layers ----------------------------------------------------------------


def test_an_intermediate_output_shares_the_memory():
    model = two_headed()
    inner = Model(model.inputs, model.get_layer("total").output)
    expected = dense(model.get_layer("left"), A, np.tanh) + dense(model.get_layer("right"), B)
    np.testing.assert_allclose(inner.predict([A, B]), expected, rtol=1e-12)
    assert np.shares_memory(inner.parameters, model.parameters)
    assert inner.count_params() == 3 * 4 + 4 + 2 * 4 + 4


def test_a_model_that_begins_in_the_middle():
    (x,) = inputs(3)
    first, last = layers.Dense(4, activation="tanh"), layers.Dense(2)
    h = first(x)
    whole = Model(x, last(h))
    rest = Model(h, whole.output)
    np.testing.assert_allclose(
        rest.predict(dense(first, A, np.tanh)), whole.predict(A), rtol=1e-12
    )
    assert [type(layer).__name__ for layer in rest.layers] == ["InputLayer", "Dense"]


def autoencoder():
    encoder = Sequential([layers.Input((3,), dtype="float64"), layers.Dense(2, name="code")])
    decoder = Sequential([layers.Input((2,), dtype="float64"), layers.Dense(3, name="back")])
    x = layers.Input((3,), dtype="float64")
    return encoder, decoder, Model(x, decoder(encoder(x)))


def test_an_encoder_alone_and_in_an_autoencoder(engine):
    encoder, decoder, whole = autoencoder()
    whole.compile(optimizers.Adam(0.01), "mse")
    whole.fit(A, A, epochs=2, verbose=0)
    np.testing.assert_allclose(
        whole.predict(A), decoder.predict(encoder.predict(A)), rtol=1e-12
    )
    before = decoder.get_weights()
    encoder.compile(optimizers.Adam(0.01), "mse")
    encoder.fit(A, A[:, :2], epochs=2, verbose=0)
    for old, new in zip(before, decoder.get_weights(), strict=True):
        np.testing.assert_array_equal(new, old)
    np.testing.assert_allclose(
        whole.predict(A), decoder.predict(encoder.predict(A)), rtol=1e-12
    )
    assert encoder.parameters.size == 8 and whole.parameters.size == 17


@pytest.mark.parametrize("name", ["SGD", "Adam", "RMSprop"])
def test_training_goes_on_when_a_model_becomes_a_part(engine, name):
    def fresh():
        fastgd.utils.set_random_seed(5)
        encoder, decoder = (
            Sequential([layers.Input((w,), dtype="float64"), layers.Dense(5 - w)])
            for w in (3, 2)
        )
        arguments = {"momentum": 0.9} if name != "Adam" else {}
        encoder.compile(getattr(optimizers, name)(0.01, **arguments), "mse")
        encoder.fit(A, A[:, :2], epochs=2, verbose=0, shuffle=False)
        return encoder, decoder

    alone, _ = fresh()
    alone.fit(A, A[:, :2], epochs=2, verbose=0, shuffle=False)
    part, decoder = fresh()
    x = layers.Input((3,), dtype="float64")
    Model(x, decoder(part(x)))
    part.fit(A, A[:, :2], epochs=2, verbose=0, shuffle=False)
    assert part.parameters.tobytes() == alone.parameters.tobytes()


def test_a_variable_of_old_cannot_be_written_to():
    layer = layers.Dense(2)
    (x,) = inputs(3)
    h = layer(x)
    old = layer.kernel
    Model(x, layers.Dense(1)(h))
    assert layer.kernel is not old
    np.testing.assert_array_equal(layer.kernel, old)
    with pytest.raises(ValueError, match="read-only"):
        old.assign(old.value + 1)


@pytest.mark.parametrize("optimizer", ["sgd", "adam", optimizers.AdamW(0.1, weight_decay=0.5)])
def test_a_frozen_base(engine, optimizer):
    base = Sequential([layers.Input((3,), dtype="float64"), layers.Dense(4, "tanh")])
    base.trainable = False
    x = layers.Input((3,), dtype="float64")
    head = layers.Dense(1)
    model = Model(x, head(base(x)))
    model.compile(optimizer, "mse")
    assert len(model.trainable_variables) == 2 and len(model.non_trainable_variables) == 2
    before, top = base.get_weights(), head.get_weights()
    model.fit(A, Y, epochs=3, verbose=0)
    for old, new in zip(before, base.get_weights(), strict=True):
        np.testing.assert_array_equal(new, old)
    assert (top[0] != head.get_weights()[0]).any()
    _, grads = model.value_and_grad(A, Y)
    assert [g.shape for g in grads] == [v.shape for v in model.trainable_variables]
    base.trainable = True
    model.fit(A, Y, epochs=1, verbose=0)  # not compiled anew
    np.testing.assert_array_equal(base.get_weights()[0], before[0])
    model.compile(optimizer, "mse")
    model.fit(A, Y, epochs=1, verbose=0)
    assert (base.get_weights()[0] != before[0]).any()


def test_two_heads_of_a_trunk_train_their_own():
    (x,) = inputs(3)
    trunk = layers.Dense(4, "tanh")(x)
    first, second = layers.Dense(1), layers.Dense(1)
    one, two = Model(x, first(trunk)), Model(x, second(trunk))
    before = second.get_weights()
    one.compile(optimizers.AdamW(0.1, weight_decay=0.1), "mse")
    one.fit(A, Y, epochs=2, verbose=0)
    for old, new in zip(before, second.get_weights(), strict=True):
        np.testing.assert_array_equal(new, old)
    two.compile("adam", "mse")
    kept = first.get_weights()
    two.fit(A, Y, epochs=2, verbose=0)
    for old, new in zip(kept, first.get_weights(), strict=True):
        np.testing.assert_array_equal(new, old)


def test_the_table_of_a_sequential_is_that_of_its_layers():
    model = Sequential([layers.Input((3,)), layers.Dense(4, "relu"), layers.Dense(2)])
    plan = model.assembly().plan
    assert plan.rows["op"].tolist() == [1, 1]  # two dense rows, and no copies
    assert plan.rows["kernel"].tolist() == [0, 16] and plan.rows["bias"].tolist() == [12, 24]
    x = layers.Input((3,))
    graph = Model(x, layers.Dense(2)(layers.Dense(4, "relu")(x)))
    assert graph.assembly().plan.rows.tobytes() == plan.rows.tobytes()


def test_pop():
    model = Sequential([layers.Input((3,)), layers.Dense(4), layers.Dense(2)])
    kernel = model.layers[0].kernel.numpy()
    last = model.layers[-1]
    assert model.pop() is last
    assert model.output_shape == (None, 4)
    np.testing.assert_array_equal(model.layers[0].kernel, kernel)
    model.pop()
    with pytest.raises(ArgumentError, match="no layers"):
        model.pop()


# --- copies ----------------------------------------------------------------------------------


def test_a_clone_function_for_inner_models():
    inner = Sequential([layers.Input((2,)), layers.Dense(3)], name="inner")
    model = Sequential([inner, layers.Dense(2)])

    def smaller(layer):
        config = layer.get_config()
        return type(layer).from_config(config | {"use_bias": False})

    clone = models.clone_model(model, clone_function=smaller, recursive=True)
    assert [layer.use_bias for layer in (*clone.layers[0].layers, clone.layers[1])] == [
        False
    ] * 2
    for argument in ("input_tensors", "call_function"):
        with pytest.raises(ArgumentError, match=argument):
            models.clone_model(model, **{argument: layers.Input((2,))})


def test_clones_and_json(engine):
    model = two_headed()
    for copy in (
        models.clone_model(model),
        models.model_from_json(model.to_json()),
        Model.from_config(model.get_config()),
    ):
        assert [layer.name for layer in copy.layers] == [layer.name for layer in model.layers]
        copy.set_weights(model.get_weights())
        for found, expected in zip(copy.predict([A, B]), model.predict([A, B]), strict=True):
            np.testing.assert_array_equal(found, expected)
    _, _, whole = autoencoder()
    copy = models.clone_model(whole)
    copy.set_weights(whole.get_weights())
    np.testing.assert_array_equal(copy.predict(A), whole.predict(A))
    renamed = models.clone_model(
        two_headed(), clone_function=lambda layer: type(layer).from_config(layer.get_config())
    )
    assert renamed.count_params() == model.count_params()


def test_a_shared_layer_stays_shared_in_a_clone():
    a, b = inputs(3, 3)
    shared = layers.Dense(2)
    model = Model([a, b], layers.Add()([shared(a), shared(b)]))
    copy = models.clone_model(model)
    assert copy.count_params() == 8
    copy.set_weights(model.get_weights())
    np.testing.assert_array_equal(copy.predict([A, A]), model.predict([A, A]))


# --- classes ---------------------------------------------------------------------------------


class Net(Model):
    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.blocks = [layers.Dense(units, activation="tanh") for _ in range(2)]
        self.out = layers.Dense(1)
        self.drop = layers.Dropout(0.5)

    def call(self, inputs, training=None):
        x = self.blocks[0](inputs)
        x = x + self.blocks[1](x)
        return self.out(self.drop(x, training=training))


def test_a_class_is_traced(engine):
    model = Net(4, dtype="float64")
    with pytest.raises(NotBuiltError):
        _ = model.weights
    model.compile("adam", "mse")
    model.fit(A, Y, epochs=2, verbose=0)
    h = dense(model.blocks[0], A, np.tanh)
    h = h + dense(model.blocks[1], h, np.tanh)
    np.testing.assert_allclose(model.predict(A), dense(model.out, h), rtol=1e-12)
    assert [layer.name for layer in model.layers[:4]] == [
        layer.name for layer in (*model.blocks, model.out, model.drop)
    ]
    copy = Net.from_config(model.get_config())
    assert [v.shape for v in copy.weights] == [v.shape for v in model.weights]


def test_a_class_of_two_inputs():
    class Pair(Model):
        def __init__(self):
            super().__init__()
            self.left, self.right = layers.Dense(3), layers.Dense(3)

        def call(self, inputs):
            return {"sum": self.left(inputs["a"]) + self.right(inputs["b"])}

    model = Pair()
    found = model({"a": A, "b": B})
    expected = dense(model.left, A) + dense(model.right, B)
    np.testing.assert_allclose(found["sum"], expected, rtol=1e-5, atol=1e-6)


def test_what_cannot_be_traced_is_refused():
    class Branching(Model):
        def call(self, inputs, training=None):
            return inputs if training else inputs * 2

    class Values(Model):
        def call(self, inputs):
            return np.asarray(inputs) * 2

    class Nothing(Model):
        def call(self, inputs):
            return 3

    for kind, words in ((Branching, "pass it on"), (Values, "no values"), (Nothing, "Nothing")):
        with pytest.raises(DataTypeError, match=words):
            kind().build((None, 3))
    with pytest.raises(NotBuiltError, match="no graph"):
        Model().build((None, 3))

    class Stepping(Model):
        def train_step(self, data):
            return {}

    with pytest.raises(ArgumentError, match=r"Stepping\.train_step"):
        Stepping().compile("sgd", "mse")


# --- layers by themselves --------------------------------------------------------------------


def test_a_layer_called_on_values(engine):
    layer = layers.Dense(2, activation="tanh", dtype="float64")
    np.testing.assert_allclose(layer(A), dense(layer, A, np.tanh), rtol=1e-12)
    with fastgd.GradientTape() as tape:
        x = tape.watch(A)
        out = layer(x)
    d_kernel, d_x = tape.gradient(out, [layer.kernel, x])
    slope = 1 - dense(layer, A, np.tanh) ** 2
    np.testing.assert_allclose(d_kernel, A.T @ slope, rtol=1e-10)
    np.testing.assert_allclose(d_x, slope @ layer.kernel.numpy().T, rtol=1e-10)
    np.testing.assert_array_equal(layers.Add(dtype="float64")([A, A]), A + A)
    with pytest.raises(ShapeError, match="built for"):
        layer(B)
    frozen = layers.Dense(2, trainable=False)
    frozen.build((None, 3))
    assert frozen.trainable_variables == [] and len(frozen.non_trainable_variables) == 2


# --- pictures --------------------------------------------------------------------------------


@pytest.fixture
def picture():
    pytest.importorskip("graphviz")
    return autoencoder()[2]


def test_the_source_of_a_picture(picture, tmp_path):
    dot = fastgd.utils.model_to_dot(picture, show_shapes=True, show_layer_names=True)
    assert type(dot).__name__ == "Digraph"
    assert dot.source.count(" -> ") == 2
    assert "output: (None, 3)" in dot.source
    expanded = fastgd.utils.model_to_dot(picture, expand_nested=True, show_trainable=True)
    assert expanded.source.count("subgraph") == 2 and expanded.source.count(" -> ") == 4
    assert expanded.source.count("Dense\\ntrainable") == 2
    path = fastgd.utils.plot_model(picture, tmp_path / "model.dot")
    assert path.read_text().startswith("digraph")


def test_wrong_arguments_of_a_picture(picture, tmp_path):
    with pytest.raises(NotBuiltError):
        fastgd.utils.model_to_dot(Sequential([layers.Dense(1)]))
    with pytest.raises(ArgumentError, match="rankdir"):
        fastgd.utils.model_to_dot(picture, rankdir="up")
    with pytest.raises(ArgumentError, match="no argument 'shapes'"):
        fastgd.utils.plot_model(picture, shapes=True)
    with pytest.raises(ArgumentError, match=r"to_file: .*model\.text"):
        fastgd.utils.plot_model(picture, tmp_path / "model.text")


def test_a_picture_without_the_program_or_the_library(picture, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ImportError, match="install Graphviz"):
        fastgd.utils.plot_model(picture, tmp_path / "model.png")
    assert list(tmp_path.iterdir()) == []
    monkeypatch.setitem(sys.modules, "graphviz", None)
    with pytest.raises(ImportError, match=r"pip install .fastgd\[plot-model\]"):
        fastgd.utils.model_to_dot(picture)


@pytest.mark.skipif(shutil.which("dot") is None, reason="the program dot is not installed")
@pytest.mark.parametrize(("suffix", "begin"), [(".png", b"\x89PNG"), (".svg", b"<?xml")])
def test_a_picture_is_drawn(picture, tmp_path, suffix, begin):
    path = fastgd.utils.plot_model(picture, tmp_path / f"model{suffix}", expand_nested=True)
    assert path.read_bytes().startswith(begin)


# --- memory ----------------------------------------------------------------------------------


def test_heads_that_are_gone_leave_the_vector():
    trunk = Sequential([layers.Input((3,)), layers.Dense(4)])
    for _ in range(5):
        x = layers.Input((3,))
        head = Model(x, layers.Dense(1)(trunk(x)))
        del head
        trunk._inbound_nodes.clear()
        gc.collect()
    x = layers.Input((3,))
    model = Model(x, layers.Dense(1)(trunk(x)))
    assert model.assembly().arena.vector.size == model.count_params() == 21


def test_a_saved_part_goes_on_as_it_would_have(tmp_path):
    encoder, _, _ = autoencoder()
    encoder.compile(optimizers.Adam(0.01), "mse")
    encoder.fit(A, A[:, :2], epochs=2, verbose=0)
    encoder.save(tmp_path / "part.safetensors")
    again = models.load_model(tmp_path / "part.safetensors")
    for model in (encoder, again):
        model.fit(A, A[:, :2], epochs=2, verbose=0)
    assert again.parameters.tobytes() == encoder.parameters.tobytes()


def test_a_graph_goes_on_from_a_file(tmp_path):
    model = two_headed()
    model.compile("adam", ["mse", "sparse_categorical_crossentropy"], metrics=[["mae"], None])
    model.fit([A, B], [Y, LABELS], epochs=2, verbose=0)
    model.save(tmp_path / "graph.safetensors")
    again = models.load_model(tmp_path / "graph.safetensors")
    for each in (model, again):
        each.fit([A, B], [Y, LABELS], epochs=2, verbose=0)
    assert again.parameters.tobytes() == model.parameters.tobytes()
    assert again.metrics_names == model.metrics_names
