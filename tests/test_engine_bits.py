"""Every build gives the same bits, on any number of threads: those of the table in bits.json.

A change that moves a bit on purpose writes it anew: ``python tests/test_engine_bits.py``.
"""

import json
from pathlib import Path

import numpy as np
import pytest
from engines import (
    LINEAR,
    LOSSES,
    OPTIMIZERS,
    OUTPUT,
    RELU,
    SIGMOID,
    SOFTMAX,
    SPARSE,
    TANH,
    Net,
    digest,
    each_build,
    each_dtype,
    figures,
    metrics_for,
    missing,
    params,
)

from fastgd._core import cpu
from fastgd.reference.shuffle import draws

TABLE = Path(__file__).with_name("bits.json")
COUNT = 100


class Stream:
    """Random numbers that stay the same in every release of NumPy."""

    def __init__(self, seed):
        self.seed = seed

    def integers(self, low, high, n):
        """n whole numbers with low <= number < high."""
        self.seed += 1
        return low + (draws(self.seed << 32, n) % np.uint64(high - low)).astype(np.int64)

    def uniform(self, *shape):
        """Numbers from -1 to 1."""
        bits = self.integers(-(2**20), 2**20, int(np.prod(shape)))
        return (bits / 2**20).reshape(shape)


def random_network(k, dtype):
    """Network k, its data, optimizer and batch size."""
    stream = Stream(1000 * k)
    depth, inputs, outputs, rows, batch_size, in_place = stream.integers(0, 2**30, 6).tolist()
    loss = LOSSES[k % len(LOSSES)]
    hidden = stream.integers(1, 70, depth % 4).tolist()
    kinds = [
        [LINEAR, RELU, SIGMOID, TANH, SOFTMAX][i] for i in stream.integers(0, 5, depth % 4)
    ]
    net = Net(
        [1 + inputs % 150, *hidden, 1 + outputs % 20],
        [*kinds, OUTPUT[loss]],
        loss,
        dtype,
        metrics=metrics_for(loss),
        in_place=in_place % 2 == 0,
    )
    net.start[:] = 0.3 * stream.uniform(len(net.start))
    n, batch_size = 1 + rows % 200, 1 + batch_size % 70
    if k % 10 == 9:  # large enough for chunks of rows
        n, batch_size = n + 300, batch_size + 256
    x = stream.uniform(n, net.inputs)
    if OUTPUT[loss] == LINEAR:
        y = stream.uniform(n, net.outputs)
    elif OUTPUT[loss] == SIGMOID:
        y = stream.integers(0, 2, n * net.outputs).reshape(n, net.outputs)
    else:
        y = stream.integers(0, net.outputs, n)[:, None]
        y = y if loss in SPARSE else y == np.arange(net.outputs)
    optimizer = list(OPTIMIZERS)[(k // len(LOSSES)) % len(OPTIMIZERS)]
    return net, x.astype(dtype), np.array(y, dtype), optimizer, batch_size


def hashes(build, dtype, count=COUNT, threads=1):
    """Of each trained network: weights, slots, totals, outputs, figures and gradients."""
    found = []
    for k in range(count):
        net, x, y, optimizer, batch_size = random_network(k, dtype)
        run = net.run(build, optimizer, threads)
        run.train(x, y, batch_size, 60, rates=0.01)
        found.append(digest(
            run.parameters, run.state.slots, run.gradients, figures(run.totals),
            run.predict(x), figures(run.evaluate(x, y)),
        )[:16])  # fmt: skip
    return found


def different(found, expected):
    """The numbers of the networks whose hashes differ."""
    assert len(found) == len(expected)
    return [k for k in range(len(found)) if found[k] != expected[k]]


@pytest.mark.parametrize("build", params(["avx2", "avx512", "wide"]))
@each_dtype
def test_bits_are_those_of_the_table(build, dtype):
    expected = json.loads(TABLE.read_text())[np.dtype(dtype).name]
    assert len(set(expected)) == COUNT
    assert different(hashes(build, dtype), expected) == []


@each_build
@each_dtype
@pytest.mark.parametrize("threads", [2, 3, 5, 8])
def test_threads_change_no_bit(request, build, dtype, threads):
    # where threads outnumber the cores, each step waits for the system
    whole = threads <= 3 or request.config.getoption("--grid")
    count = COUNT if whole and build == cpu.supported()[-1] else COUNT // 5
    expected = hashes(build, dtype, count)
    assert different(hashes(build, dtype, count, threads), expected) == []


@each_build
@each_dtype
@pytest.mark.parametrize("threads", [2, 5])
@pytest.mark.parametrize("inputs", [70, 300])  # with chunks of rows, and too wide for them
def test_threads_change_no_bit_of_large_steps(build, dtype, inputs, threads):
    net = Net(
        [inputs, 130, 40, 5],
        [RELU, TANH, SOFTMAX],
        LOSSES[-1],
        dtype,
        metrics=metrics_for(LOSSES[-1]),
    )
    x, y = net.data(900)
    found = []
    for n in (1, threads):
        run = net.run(build, "adam", n)
        run.train(x, y, 400, 7)
        found.append(digest(run.parameters, run.totals, run.predict(x), run.evaluate(x, y)))
    assert found[0] == found[1]


def write_table():
    """Renew the table, from the build that runs most widely."""
    if reason := missing("avx2"):
        raise SystemExit(reason)
    dtypes = (np.float32, np.float64)
    table = {np.dtype(dtype).name: hashes("avx2", dtype) for dtype in dtypes}
    TABLE.write_text(json.dumps(table, indent=1) + "\n")


if __name__ == "__main__":
    write_table()
