"""Every build gives the same bits: a hash over the weights of fifty trained networks."""

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
    TANH,
    Net,
    digest,
    each_dtype,
    metrics_for,
    missing,
    params,
)


def random_network(k, dtype):
    """Network k, its data, optimizer and batch size."""
    rng = np.random.default_rng(k)
    loss = LOSSES[k % len(LOSSES)]
    hidden = rng.integers(1, 70, rng.integers(0, 4)).tolist()
    kinds = [[LINEAR, RELU, SIGMOID, TANH, SOFTMAX][i] for i in rng.integers(0, 5, len(hidden))]
    widths = [int(rng.integers(1, 150)), *hidden, int(rng.integers(1, 20))]
    net = Net(
        widths, [*kinds, OUTPUT[loss]], loss, dtype, metrics=metrics_for(loss),
        in_place=bool(rng.integers(2)), seed=k,
    )  # fmt: skip
    optimizer = list(OPTIMIZERS)[(k // len(LOSSES)) % len(OPTIMIZERS)]
    return net, *net.data(int(rng.integers(1, 200)), k), optimizer, int(rng.integers(1, 70))


def hashes(build, dtype, count=50):
    """Of each trained network: weights, slots, totals, outputs and gradients."""
    found = []
    for k in range(count):
        net, x, y, optimizer, batch_size = random_network(k, dtype)
        run = net.run(build, optimizer)
        run.train(x, y, batch_size, 60, rates=0.01)
        found.append(digest(
            run.parameters, run.state.slots, run.gradients, run.totals, run.predict(x),
            run.evaluate(x, y),
        ))  # fmt: skip
    return found


@pytest.mark.parametrize("build", params(["avx512", "wide"]))
@each_dtype
def test_bits_equal_those_of_avx2(build, dtype):
    if reason := missing("avx2"):
        pytest.skip(reason)
    found, expected = hashes(build, dtype), hashes("avx2", dtype)
    assert len(set(expected)) == len(expected)
    assert [k for k in range(len(found)) if found[k] != expected[k]] == []
