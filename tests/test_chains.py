"""The step of a dense chain gives the bits of the general one, and takes what is a chain."""

import json
import tracemalloc
from contextlib import contextmanager, nullcontext
from dataclasses import replace

import numpy as np
import pytest
from engines import (
    LINEAR,
    LOSSES,
    OPTIMIZERS,
    OUTPUT,
    RELU,
    SIGMOID,
    TANH,
    Net,
    digest,
    each_build,
    each_dtype,
    metrics_for,
    params,
)
from test_engine_bits import TABLE, different, hashes

from fastgd import Input, Model, Sequential, layers, utils
from fastgd._core import engine
from fastgd._core.formulas import Activation, Loss
from fastgd._core.types import Op, Reduction, Status

MSE = Loss.LOSS_MEAN_SQUARED_ERROR

#: Widths around whole and half vectors of both types, and units alone.
WIDTHS = [
    (10, 10, 10, 1),
    (23, 16, 1),
    (5, 1),
    (40, 1),
    (17, 33, 1),
    (3, 2),
    (2, 3, 4, 5, 6, 7, 8, 9),
    (7, 24, 4),
    (4, 17, 9, 3),
    (31, 33, 65, 12, 5),
    (1, 12, 1),
    (12, 40, 20, 10),
]


@contextmanager
def general_steps():
    """Train chains by the general step."""
    engine.use_chains(False)
    try:
        yield
    finally:
        engine.use_chains(True)


def trained(net, build, optimizer, batch_size, y_and_weights=None, threads=1):
    """Everything that training leaves behind."""
    run = net.run(build, optimizer, threads)
    assert run.program.is_chain
    x, y = net.data(2 * batch_size + 7)
    y = y if y_and_weights is None else y_and_weights(y)
    status = run.train(x, y, batch_size, 7)[1]
    return digest(run.parameters, run.gradients, run.state.slots, run.totals), status


def same_as_general(*arguments, **named):
    found = trained(*arguments, **named)
    with general_steps():
        assert found == trained(*arguments, **named)
    return found


@pytest.mark.parametrize("build", params(["avx2", "avx512", "wide"]))
@each_dtype
def test_general_steps_have_the_bits_of_the_table(build, dtype):
    expected = json.loads(TABLE.read_text())[np.dtype(dtype).name]
    with general_steps():
        assert different(hashes(build, dtype), expected) == []


@each_build
@each_dtype
@pytest.mark.parametrize("widths", WIDTHS, ids=lambda widths: "-".join(map(str, widths)))
def test_shapes_and_batches(build, dtype, widths):
    for batch_size in (1, 2, 3, 4, 7, 8, 9, 31, 32, 33, 100, 257, 520):
        for kinds in ([RELU] * 8, [TANH, RELU, SIGMOID] * 3):
            net = Net(widths, [*kinds[: len(widths) - 2], LINEAR], MSE, dtype)
            assert same_as_general(net, build, "adam", batch_size)[1] == Status.STATUS_FINE


@each_build
@each_dtype
@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: loss.name.lower())
@pytest.mark.parametrize("in_place", [True, False])
def test_losses_metrics_and_optimizers(build, dtype, loss, in_place):
    names = iter([*OPTIMIZERS] * 4)
    for batch_size in (1, 5, 64):
        for metrics in ((), metrics_for(loss)):
            for biases in (True, False):
                net = Net(
                    (9, 20, 6), [RELU, OUTPUT[loss]], loss, dtype,
                    metrics=metrics, biases=biases, in_place=in_place,
                )  # fmt: skip
                same_as_general(net, build, next(names), batch_size)


ELEMENTWISE = [
    kind
    for kind in Activation
    if kind.name not in ("ACTIVATION_SOFTMAX", "ACTIVATION_LOG_SOFTMAX", "ACTIVATION_LINEAR")
]


@each_build
@each_dtype
def test_every_activation_of_a_hidden_layer(build, dtype):
    for kind in ELEMENTWISE:
        net = Net((5, 11, 3), [kind, LINEAR], MSE, dtype, in_place=False)
        net.plan.settings[:3] = 0.5, 0.25, 0.75
        same_as_general(net, build, "sgd", 19)


@each_build
@each_dtype
@pytest.mark.parametrize("reduction", Reduction, ids=lambda reduction: reduction.name.lower())
@pytest.mark.parametrize("batch_size", [1, 30, 300])
def test_weights_of_rows(build, dtype, reduction, batch_size):
    net = Net((6, 13, 1), [RELU, LINEAR], MSE, dtype)
    losses = net.plan.losses.copy()
    losses["reduction"], losses["weight_column"], losses["weight"] = reduction, 1, 0.7
    net.plan = replace(net.plan, losses=losses, target_width=2)
    rng = np.random.default_rng(0)

    def with_weights(y):
        return np.hstack([y, np.floor(rng.uniform(0, 3, (len(y), 1)))]).astype(dtype)

    found = []
    for _ in range(2):
        rng = np.random.default_rng(0)
        with general_steps() if found else nullcontext():
            found.append(trained(net, build, "adam", batch_size, with_weights))
    assert found[0] == found[1]


@each_build
@each_dtype
@pytest.mark.parametrize("batch_size", [200, 300, 1030])
def test_teams(build, dtype, batch_size):
    """Batches without chunks, with chunks, and too large for a step of a chain."""
    net = Net((10, 30, 4), [RELU, LINEAR], MSE, dtype)
    expected = trained(net, build, "adam", batch_size)
    for threads in (2, 3, 8):
        assert same_as_general(net, build, "adam", batch_size, threads=threads) == expected


@each_build
@each_dtype
@pytest.mark.parametrize("bad", [np.nan, np.inf, 1e30])
@pytest.mark.parametrize("column", ["x", "y"])
def test_bad_numbers_stop_at_the_same_step(build, dtype, bad, column):
    net = Net((10, 12, 1), [RELU, LINEAR], MSE, dtype)
    bad = bad if dtype == np.float32 or not np.isfinite(bad) else 1e200
    found = []
    for _ in range(2):
        run = net.run(build, "adam")
        x, y = net.data(300)
        (x if column == "x" else y)[200, 0] = bad
        with general_steps() if found else nullcontext():
            step, status = run.train(x, y, 32, 40, shuffle=False)
        assert step == 6
        assert status in (Status.STATUS_LOSS, Status.STATUS_GRADIENT)
        found.append((digest(run.parameters, run.state.slots, run.totals), step, status))
    assert found[0] == found[1]


@each_build
def test_rows_are_read_and_no_others(build):
    """x at the end of its memory: a step reads nothing behind its last row."""
    net = Net((7, 9, 1), [RELU, LINEAR], MSE, np.float32)
    x, y = net.data(64)
    run = net.run(build, "adam")
    around = np.full(64 * 7 + 64, np.nan, np.float32)
    around[: 64 * 7] = x.ravel()
    assert run.train(around[: 64 * 7].reshape(64, 7), y, 10, 20)[1] == Status.STATUS_FINE
    expected = net.run(build, "adam")
    expected.train(x, y, 10, 20)
    assert digest(run.parameters) == digest(expected.parameters)


@each_build
@each_dtype
def test_a_program_takes_batches_of_any_size_in_turn(build, dtype):
    """The room grows with batches, with blocks that are evaluated, and with teams."""
    net = Net((9, 17, 5), [RELU, LINEAR], MSE, dtype)
    x, y = net.data(3000)
    found = []
    for _ in range(2):
        run = net.run(build, "adam")
        with general_steps() if found else nullcontext():
            for k, rows in enumerate((1, 40, 7, 2500, 1, 1024, 1025, 2049, 300, 3000, 2)):
                run.threads = 1 + k % 3
                run.train(x[:rows], y[:rows], min(rows, 1100), 3)
                run.evaluate(x[:rows], y[:rows])
                run.predict(x[: 2 * rows])
        found.append(digest(run.parameters, run.state.slots, run.totals))
    assert found[0] == found[1]


@each_build
def test_a_chain_takes_no_room_for_rows_of_large_batches(build):
    """A batch that is too large for the step of a chain has no pointers."""
    sizes = []
    for trains in (1, 0):
        net = Net((5, 8, 8, 8, 3), [RELU, RELU, RELU, LINEAR], MSE, np.float32)
        net.plan.rows["trains"][0] = trains
        run = net.run(build, "sgd")
        assert run.program.is_chain == trains
        x, y = net.data(30000)
        tracemalloc.start()
        try:
            run.train(x, y, len(x), 1)
            sizes.append(tracemalloc.get_traced_memory()[1])
        finally:
            tracemalloc.stop()
    assert sizes[0] - sizes[1] < 30000 * 8  # less than one pointer a row


# ---------------------------------------------------------------- what is a chain


def is_chain(model, loss="mse"):
    model.compile("adam", loss)
    return model.compiled_step().program.is_chain


def dense(*arguments, **named):
    return layers.Dense(*arguments, **named)


def test_dense_lines_are_chains():
    for kinds in (["relu", None], ["gelu", "sigmoid"], [None, "softmax"], ["selu", "softplus"]):
        model = Sequential([Input((4,)), dense(8, kinds[0]), dense(3, kinds[1])])
        assert is_chain(model, "mse"), kinds
    x = Input((4,))
    assert is_chain(Model(x, dense(2)(dense(3, "tanh")(x))))
    regularized = Sequential([Input((4,)), dense(8, kernel_regularizer="l2"), dense(1)])
    assert is_chain(regularized)


def test_other_networks_are_none():
    shared, frozen = dense(4), dense(4)
    frozen.trainable = False
    x = Input((4,))
    for model in (
        Sequential([Input((4,)), dense(1), dense(2)]),
        Sequential([Input((4,)), dense(4), layers.Dropout(0.5), dense(2)]),
        Sequential([Input((4,)), dense(4), layers.BatchNormalization(), dense(2)]),
        Sequential([Input((4,)), frozen, dense(2)]),
        Model(x, dense(2)(shared(shared(x)))),
        Sequential([Input((4,)), layers.Softmax(), dense(2)]),
        Sequential([Input((4,)), dense(4, activity_regularizer="l2"), dense(2)]),
        Sequential([Input((200,)), dense(200), dense(1)]),
        Model(x, layers.add([x, dense(4)(x)])),
        Model(x, [dense(2)(x), dense(3)(x)]),
    ):
        assert not is_chain(model)


def test_models_of_a_part_of_the_weights_train_as_a_chain_beside_the_rest():
    """Layers in one vector with others: a chain writes no gradient or weight of theirs."""
    utils.set_random_seed(3)
    first, second, other = dense(5, "relu"), dense(2), dense(3)
    x = Input((4,))
    hidden = first(x)
    whole, part = Model(x, [second(hidden), other(hidden)]), Model(x, second(hidden))
    assert is_chain(part)
    assert not is_chain(whole, ["mse", "mse"])
    kept = [w.copy() for w in other.get_weights()]
    rng = np.random.default_rng(0)
    data, y = rng.normal(size=(50, 4)), rng.normal(size=(50, 2))
    part.compile("adam", "mse", metrics=["mae"])
    part.fit(data, y, batch_size=8, verbose=0)
    assert all((w == k).all() for w, k in zip(other.get_weights(), kept, strict=True))
    assert whole.count_params() > part.count_params()


def test_operations_of_a_chain():
    """The plans of these tests have rows of both operations."""
    net = Net((3, 4, 1), [RELU, LINEAR], MSE, np.float32, in_place=False)
    assert {Op(op) for op in net.plan.rows["op"]} == {Op.OP_DENSE, Op.OP_ACTIVATION}
