"""Norms of the gradients of single rows, and clipping: against brute force, one row at a time.

In float64 the reference computes each row's gradient alone. In float32 the rounding of a
forward pass may be larger than the tolerance: there brute force is the engine's own gradient of
a batch of one row, whose outputs have the bits of that row in any batch.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from engines import (
    FOR_EVER,
    LINEAR,
    OUTPUT,
    RELU,
    SIGMOID,
    TANH,
    Net,
    digest,
    distance,
    each_build,
    each_dtype,
    each_engine,
    engine,
    flat,
    train_job,
)
from layer_examples import CASES, inputs, made
from layer_nets import LAYERS, LayerNet, is_random, looks_across_rows
from test_chains import WIDTHS, general_steps
from test_engine_gradients import differences

from fastgd import Input, Model, config, layers, losses, regularizers, utils
from fastgd._core.engine import Job, PrivateSteps
from fastgd._core.formulas import Loss
from fastgd._core.types import TERM_TOTALS, Op, Status
from fastgd._engine.sampling import most_rows

MSE = Loss.LOSS_MEAN_SQUARED_ERROR
KEY = 12345


@dataclass
class Problem:
    """A plan with its parameters and data."""

    plan: Any
    start: Any
    x: Any
    y: Any

    @classmethod
    def of_net(cls, net, n):
        return cls(net.plan, net.start, *net.data(n))

    @classmethod
    def of_model(cls, model, x, y, sample_weight=None):
        """A compiled model of the reference engine, whose program shows its plan."""
        x, y = model.adapter().rows(x, y, sample_weight)
        plan = model.compiled_step(sample_weight is not None).program._plan
        return cls(plan, np.array(model.parameters), x, y)

    def program(self, build):
        """Return a program, and its flat gradients."""
        gradients = flat(np.zeros_like(self.start), self.start.dtype)
        parameters = flat(self.start, self.start.dtype)
        return engine(build).Program(self.plan, parameters, gradients), gradients

    def norms(self, build, clip=None):
        """Return the norms and, with clip, the sum of the clipped gradients."""
        program, gradients = self.program(build)
        norms = np.full(len(self.x), np.nan)
        program.row_norms(self.x, self.y, norms, KEY, clip)
        return norms, np.array(gradients)

    def gradients_alone(self, build):
        """Return the gradient of each row as a batch of its own, in double precision."""
        program, gradients = self.program(build)
        found = []
        for i in range(len(self.x)):
            totals = np.zeros(self.plan.totals_size)
            one = slice(i, i + 1)
            assert program.gradients(self.x[one], self.y[one], totals) == Status.STATUS_FINE
            found.append(gradients.astype(np.float64))
        return np.array(found)


def clipped(gradients, clip):
    """The sum of gradients, each scaled down to a norm of at most clip."""
    norms = np.linalg.norm(gradients, axis=1)
    return (np.minimum(1, clip / np.maximum(norms, 1e-300))[:, None] * gradients).sum(axis=0)


def check(problem, build, random=False):
    """Norms and clipped sums are those of brute force."""
    single = problem.start.dtype == np.float32
    if single and not random:
        gradients = problem.gradients_alone(build)
        expected = np.linalg.norm(gradients, axis=1)
        tolerance = 1e-6
    else:
        expected = problem.norms("reference")[0]
        tolerance = 2e-5 if single else 1e-12
    found = problem.norms(build)[0]
    size = np.median(expected)
    assert np.isfinite(expected).all()
    # a norm that cancels to nothing but rounding is compared with the others
    np.testing.assert_allclose(found, expected, rtol=tolerance, atol=1e-3 * tolerance * size)
    for clip in (0.7 * size + 1e-3, 1e-3 * size + 1e-9, 1e9):
        norms, total = problem.norms(build, clip)
        # which small squares are computed again in float64 depends on the clip
        near = {"rtol": 1e-6 if single else 0, "atol": 1e-9 * size if single else 0}
        np.testing.assert_allclose(norms, found, **near)
        if single and not random:
            expected_total = clipped(gradients, clip)
        else:
            expected_total = problem.norms("reference", clip)[1]
        scale = np.minimum(expected, clip).sum() + 1e-30
        assert np.abs(total - expected_total).max() < tolerance * scale


# ---------------------------------------------------------------- layers and dense chains


@each_build
@each_dtype
@pytest.mark.parametrize("name", [name for name in LAYERS if not looks_across_rows(name)])
@pytest.mark.parametrize("width", [1, 3, 17, 33])
@pytest.mark.parametrize("shared", [False, True])
def test_operations(build, dtype, name, width, shared):
    net = LayerNet(name, 5, width, dtype, seed=width, shared=shared)
    net.plan.rows["trains"][net.plan.rows["op"] == Op.OP_BATCH_NORM] = 0
    for n in (1, 2, 7, 33):
        check(Problem.of_net(net, n), build, is_random(name))


@each_build
@each_dtype
@pytest.mark.parametrize("widths", WIDTHS, ids=lambda widths: "-".join(map(str, widths)))
def test_dense_layers(build, dtype, widths):
    for biases in (True, False):
        kinds = [RELU, TANH, RELU, SIGMOID] * 2
        net = Net(widths, [*kinds[: len(widths) - 2], LINEAR], MSE, dtype, biases=biases)
        for n in (1, 2, 7, 33):
            check(Problem.of_net(net, n), build)


@each_build
@each_dtype
@pytest.mark.parametrize("loss", OUTPUT, ids=lambda loss: loss.name.lower())
@pytest.mark.parametrize("in_place", [True, False])
def test_losses(build, dtype, loss, in_place):
    net = Net((23, 20, 6), [RELU, OUTPUT[loss]], loss, dtype, in_place=in_place)
    check(Problem.of_net(net, 70), build)


@each_build
@each_dtype
def test_blocks_of_rows(build, dtype):
    """Norms do not depend on the rows beside."""
    net = Net((9, 40, 1), [RELU, LINEAR], MSE, dtype)
    problem = Problem.of_net(net, 256)
    check(problem, build)
    norms = problem.norms(build)[0]
    for first in (0, 63, 64, 65, 200):
        part = Problem(problem.plan, problem.start, problem.x[first:], problem.y[first:])
        assert part.norms(build)[0].tobytes() == norms[first:].tobytes()


# ---------------------------------------------------------------- graphs


def dense(units, activation=None, **named):
    return layers.Dense(units, activation, bias_initializer="normal", **named)


def branches(use_bias, count):
    """A dense layer on several inputs, whose outputs are combined."""
    sources, shared = [Input((4,)) for _ in range(count)], dense(6, "tanh", use_bias=use_bias)
    return sources, dense(2)(layers.Concatenate()([shared(x) for x in sources]))


def difference(use_bias):
    """The gradient of the shared bias cancels where both uses are linear."""
    sources, shared = [Input((4,)), Input((4,))], dense(5, use_bias=use_bias)
    return sources, dense(1)(layers.Subtract()([shared(x) for x in sources]))


def sequence(use_bias, count):
    """A dense layer on its own outputs, merged with what goes around it."""
    x, shared = Input((5,)), dense(5, "relu", use_bias=use_bias)
    h = x
    for _ in range(count):
        h = layers.Add()([h, shared(h)])
    return [x], dense(2)(layers.Multiply()([h, dense(5, "sigmoid")(x)]))


def shared_unit():
    x, shared = Input((3,)), dense(1)
    return [x], dense(1)(layers.Concatenate()([shared(x), shared(dense(3, "tanh")(x))]))


def embeddings():
    """Two inputs of numbers and one table: each number occurs several times in a row."""
    sources, shared = [Input((3,)), Input((4,))], layers.Embedding(5, 3)
    return sources, dense(2)(
        layers.Concatenate()([layers.Flatten()(shared(x)) for x in sources])
    )


def small_layers():
    x = Input((6,))
    norm, prelu = layers.LayerNormalization(), layers.PReLU("normal")
    h = prelu(norm(dense(6)(x)))
    return [x], dense(2)(layers.Add()([h, prelu(norm(dense(6, "tanh")(h)))]))


def shared_slopes():
    x = Input((2, 3))
    h = layers.Reshape((2, 3))(dense(6)(layers.Flatten()(x)))
    h = layers.LayerNormalization(axis=-1)(layers.PReLU("normal", shared_axes=[1])(h))
    return [x], dense(2)(layers.Flatten()(h))


def penalised():
    x = Input((4,))
    h = dense(5, "tanh", activity_regularizer=regularizers.L1L2(0.3, 0.2))(x)
    return [x], dense(2, activity_regularizer="l2")(layers.Dropout(0.3, seed=2)(h))


def frozen():
    x, first, second = Input((4,)), dense(5, "tanh"), dense(5, "relu")
    first.trainable = False
    return [x], dense(2)(layers.Concatenate()([second(first(x)), first(x), x]))


def monotone():
    x = Input((3,))
    return [x], dense(2)(layers.MonotonicDense(7, "elu", monotonicity=[1, 0, -1])(x))


GRAPHS = {
    "branches": lambda: branches(True, 2),
    "branches without bias": lambda: branches(False, 2),
    "three branches": lambda: branches(True, 3),
    "difference": lambda: difference(True),
    "difference without bias": lambda: difference(False),
    "sequence": lambda: sequence(True, 2),
    "sequence of three": lambda: sequence(True, 3),
    "sequence without bias": lambda: sequence(False, 3),
    "shared unit": shared_unit,
    "embeddings": embeddings,
    "small layers": small_layers,
    "shared slopes": shared_slopes,
    "penalised": penalised,
    "frozen": frozen,
    "monotone": monotone,
}


def random_inputs(sources, n, numbers, dtype):
    rng = np.random.default_rng(n)
    shapes = [(n, *source.shape[1:]) for source in sources]
    if numbers:
        return [rng.integers(0, 5, shape) for shape in shapes]
    return [rng.normal(size=shape).astype(dtype) for shape in shapes]


@each_build
@each_dtype
@pytest.mark.parametrize("name", GRAPHS)
@pytest.mark.parametrize("weighted", [False, True])
def test_graphs(build, dtype, name, weighted):
    config.set_engine("reference")
    config.set_floatx(np.dtype(dtype).name)
    utils.set_random_seed(4)
    sources, output = GRAPHS[name]()
    model = Model(sources, output)
    model.compile("sgd", "mse")
    for n in (1, 7, 33):
        x = random_inputs(sources, n, name == "embeddings", dtype)
        rng = np.random.default_rng(n)
        y = rng.normal(size=(n, output.shape[1]))
        weights = rng.uniform(0.1, 3, n) if weighted else None
        problem = Problem.of_model(model, x if len(x) > 1 else x[0], y, weights)
        check(problem, build, random=name == "penalised")


@each_build
@each_dtype
def test_several_outputs(build, dtype):
    config.set_engine("reference")
    config.set_floatx(np.dtype(dtype).name)
    utils.set_random_seed(4)
    x = Input((4,))
    h = dense(9, "relu")(x)
    first, second = dense(1, "sigmoid", name="a")(h), dense(3, "softmax", name="b")(h)
    both = layers.Concatenate(name="c")([first, second])
    model = Model(x, [first, second, both])
    model.compile(
        "sgd",
        [losses.BinaryCrossentropy(), losses.CategoricalCrossentropy(), losses.Huber()],
        loss_weights=[0.5, 2.0, 3.0],
    )
    rng = np.random.default_rng(1)
    data = rng.normal(size=(33, 4)).astype(dtype)
    y = [
        rng.integers(0, 2, (33, 1)),
        np.eye(3)[rng.integers(0, 3, 33)],
        rng.normal(size=(33, 4)),
    ]
    check(Problem.of_model(model, data, y), build)
    weights = [rng.uniform(0.1, 2, 33), rng.uniform(0.1, 2, 33), np.arange(33) % 3]
    check(Problem.of_model(model, data, y, weights), build)


@each_build
@pytest.mark.parametrize(
    ("name", "arguments", "shapes"),
    [case for case in CASES if case[0] != "BatchNormalization"],
    ids=[str(k) for k, case in enumerate(CASES) if case[0] != "BatchNormalization"],
)
def test_every_layer(build, name, arguments, shapes):
    """In float64, behind a dense layer of each input where it does not read numbers."""
    config.set_engine("reference")
    config.set_floatx("float64")
    sources = [Input(shape) for shape in shapes]
    layer = made(name, arguments)
    hidden = sources
    if name != "Embedding":
        hidden = [
            layers.Reshape(shape)(dense(int(np.prod(shape)))(layers.Flatten()(source)))
            for source, shape in zip(sources, shapes, strict=True)
        ]
    output = dense(2)(layers.Flatten()(layer(hidden if layer.several_inputs else hidden[0])))
    model = Model(sources, output)
    model.compile("sgd", "mse")
    y = np.random.default_rng(3).normal(size=(9, 2))
    check(Problem.of_model(model, inputs(name, arguments, shapes, 9), y), build)


# ---------------------------------------------------------------- values by hand


@each_engine
@each_dtype
def test_a_unit_by_hand(build, dtype):
    """Rows (3, 4) -> 1 and (0.1, 0) -> -0.2 of a unit with weights 0, clipped to 1."""
    net = Net((2, 1), [LINEAR], MSE, dtype)
    x, y = np.array([[3, 4], [0.1, 0]], dtype), np.array([[1], [-0.2]], dtype)
    problem = Problem(net.plan, np.zeros(3, dtype), x, y)
    norms, total = problem.norms(build, 1.0)
    np.testing.assert_allclose(norms, [2 * np.sqrt(26), 0.4 * np.sqrt(1.01)], rtol=1e-6)
    np.testing.assert_allclose(-total / 2, [0.274174203, 0.392232270, -0.101941932], rtol=1e-6)


@each_engine
@pytest.mark.parametrize("name", ["layer norm of groups", "prelu shared", "embedding", "dense"])
def test_norms_are_those_of_differences(build, name):
    net = Net((3, 4, 2), [TANH, LINEAR], MSE, np.float64)
    if name != "dense":
        net = LayerNet(name, 3, 6, np.float64, shared=True)
    problem = Problem.of_net(net, 4)
    parameters = flat(net.start, np.float64)
    gradients = flat(np.zeros_like(net.start), np.float64)
    program = engine(build).Program(net.plan, parameters, gradients)
    norms = problem.norms(build)[0]
    for i in range(4):

        def loss(i=i):
            totals = np.zeros(net.plan.totals_size)
            program.gradients(problem.x[i : i + 1], problem.y[i : i + 1], totals)
            return totals[TERM_TOTALS]

        assert norms[i] == pytest.approx(
            np.linalg.norm(differences(loss, parameters)), rel=1e-6
        )


# ---------------------------------------------------------------- numbers at the ends


@each_engine
@each_dtype
def test_rows_that_overflow_count_nothing(build, dtype):
    net = Net((10, 12, 7, 1), [RELU, TANH, LINEAR], MSE, dtype)
    problem = Problem.of_net(net, 70)
    largest = np.finfo(dtype).max
    for row, y_row in ((3, np.inf), (64, np.nan)):
        problem.y[row] = y_row
    problem.x[5] = largest  # the hidden layer overflows, and meets gradients of 0
    norms, total = problem.norms(build, 0.5)
    bad = ~np.isfinite(norms)
    assert set(np.flatnonzero(bad)) >= {3, 64}
    assert np.isfinite(total).all()
    rest = Problem(problem.plan, problem.start, problem.x[~bad], problem.y[~bad])
    assert rest.norms(build)[0].tobytes() == norms[~bad].tobytes() or build == "reference"
    expected = rest.norms("reference", 0.5)[1]
    assert distance(total, expected) < (1e-5 if dtype == np.float32 else 1e-12)


@each_engine
@pytest.mark.parametrize("size", [1e-25, 1e-19, 1e19, 1e25])
def test_squares_beyond_float32(build, size):
    """Neither too small nor too large gradients have their norm rounded to 0 or infinity."""
    net = Net((3, 20, 2), [LINEAR, LINEAR], MSE, np.float32)
    x, _ = net.data(9)
    start = net.start.copy()
    start[80:] = 0  # outputs 0: the slopes are the targets'
    y = (size * np.arange(1, 19).reshape(9, 2)).astype(np.float32)
    problem = Problem(net.plan, start, x, y)
    hidden = x.astype(np.float64) @ start[:60].reshape(3, 20) + start[60:80]
    expected = np.sqrt((np.square(hidden).sum(1) + 1) * np.square(y.astype(np.float64)).sum(1))
    norms, total = problem.norms(build, size)
    np.testing.assert_allclose(norms, expected, rtol=1e-6)
    assert 0 < np.linalg.norm(total.astype(np.float64)) < 9 * size * (1 + 1e-6)


# ---------------------------------------------------------------- training


@each_build
@each_dtype
def test_norms_change_no_weight(build, dtype):
    net = Net((5, 8, 2), [RELU, LINEAR], MSE, dtype)
    problem = Problem.of_net(net, 20)
    program, gradients = problem.program(build)
    before = digest(gradients)
    program.row_norms(problem.x, problem.y, np.zeros(20))
    assert digest(gradients) == before


def stepped(net, build, x, y, clip, *, batch_size, noise=0.0, threads=1):
    """Return a digest, and the weights, after an epoch of private steps."""
    run, n = net.run(build, "sgd", threads), len(x)
    job = Job(x, y, batch_size)
    job.key, job.rates = KEY, np.array([0.01])
    steps = -(-n // batch_size)
    rooms = most_rows(batch_size / n, n), most_rows(batch_size / n, n * steps)
    trained = np.array([[0, run.parameters.size]], np.int64)
    keys = np.arange(16, dtype=np.uint32).reshape(2, 8)
    job.private = PrivateSteps(clip, noise * clip, batch_size, n, keys, trained, *rooms)
    _, status = train_job(run, job, 0, steps, FOR_EVER, threads)
    assert status == Status.STATUS_FINE
    return digest(run.parameters, run.totals), np.array(run.parameters)


@each_build
@each_dtype
@pytest.mark.parametrize("widths", WIDTHS, ids=lambda widths: "-".join(map(str, widths)))
def test_steps_of_chains_have_the_bits_of_the_general_ones(build, dtype, widths):
    kinds = [RELU, TANH] * 4
    net = Net(widths, [*kinds[: len(widths) - 2], LINEAR], MSE, dtype)
    for batch_size in (1, 2, 7, 33, 256):
        arguments = (net, build, *net.data(batch_size + 40), 0.7)
        found = stepped(*arguments, batch_size=batch_size, noise=0.1)
        with general_steps():
            other = stepped(*arguments, batch_size=batch_size, noise=0.1)
        assert found[0] == other[0]


@each_build
@each_dtype
@pytest.mark.parametrize(
    "name", ["dropout", "layer norm", "prelu shared", "embedding", "gather"]
)
@pytest.mark.parametrize("batch_size", [40, 300])
def test_threads_change_no_bit(build, dtype, name, batch_size):
    for net in (
        LayerNet(name, 5, 33, dtype, shared=True),
        Net((9, 20, 3), [RELU, LINEAR], MSE, dtype),
    ):
        x, y = net.data(600)
        found = [
            stepped(net, build, x, y, 0.5, batch_size=batch_size, noise=0.1, threads=threads)[0]
            for threads in (1, 2, 3)
        ]
        assert len(set(found)) == 1


@each_build
@each_dtype
def test_a_step_subtracts_the_clipped_sum(build, dtype):
    net = Net((10, 30, 4), [RELU, LINEAR], MSE, dtype)
    problem = Problem.of_net(net, 33)
    clip = float(np.median(problem.norms(build)[0]))
    expected = net.start - 0.01 / 33 * problem.norms("reference", clip)[1]
    _, found = stepped(net, build, problem.x, problem.y, clip, batch_size=33)
    assert distance(found, expected) < (1e-6 if dtype == np.float32 else 1e-13)
    assert distance(found, net.start) > 1e-4


@each_build
@each_dtype
def test_single_rows_are_clipped(build, dtype):
    """Also where plain steps of one unit have a loop of their own."""
    net = Net((4, 1), [LINEAR], MSE, dtype)
    x, y = net.data(1)
    _, found = stepped(net, build, x, 100 + y, 0.5, batch_size=1)
    assert np.linalg.norm(found - net.start) == pytest.approx(0.01 * 0.5, rel=1e-4)
