"""One unit, a row a step: the way of its own gives the bits of the general one.

A metric of the program makes it take the general way.
"""

import numpy as np
import pytest
from engines import Net, digest, each_build, each_dtype, figures

from fastgd._core.formulas import Loss
from fastgd._core.types import Status
from fastgd.metrics import MeanSquaredError

POINT_LOSSES = [
    Loss.LOSS_MEAN_SQUARED_ERROR,
    Loss.LOSS_MEAN_ABSOLUTE_ERROR,
    Loss.LOSS_BINARY_CROSSENTROPY,
    Loss.LOSS_BINARY_CROSSENTROPY_LOGITS,
]


def both_ways(loss, dtype, width, biases=True):
    """The same net and data for each way."""
    nets = [
        Net([width, 1], [None], loss, dtype, biases=biases, metrics=metrics)
        for metrics in ((), (MeanSquaredError(),))
    ]
    return *nets, *nets[0].data(60)


def state(run):
    return run.parameters, run.gradients, run.state.iterations, figures(run.totals)[[0, -1]]


@each_build
@each_dtype
@pytest.mark.parametrize("biases", [True, False])
@pytest.mark.parametrize("loss", POINT_LOSSES, ids=lambda loss: loss.name)
def test_bits_are_those_of_the_general_way(build, dtype, loss, biases):
    for width in (1, 2, 3, 4, 5, 15, 16, 17, 19, 20, 23, 31, 32, 33, 64, 100):
        own, general, x, y = both_ways(loss, dtype, width, biases)
        for shuffle in (True, False):
            a, b = own.run(build), general.run(build)
            a.train(x, y, 1, 150, rates=0.01, shuffle=shuffle)
            b.train(x, y, 1, 150, rates=0.01, shuffle=shuffle)
            assert digest(*state(a)) == digest(*state(b)), width
            assert (a.parameters != own.start).any()


@each_build
@each_dtype
def test_rates_of_their_own(build, dtype):
    own, general, x, y = both_ways(POINT_LOSSES[-1], dtype, 23)
    rates = np.linspace(0.1, 0.01, 60)
    a, b = own.run(build), general.run(build)
    a.train(x, y, 1, 60, rates=rates)
    b.train(x, y, 1, 60, rates=rates)
    assert digest(*state(a)) == digest(*state(b))


@each_build
@each_dtype
@pytest.mark.parametrize("status", [Status.STATUS_LOSS, Status.STATUS_GRADIENT])
def test_it_stops_where_the_general_way_does(build, dtype, status):
    top = np.finfo(dtype).max
    found = []
    if status == Status.STATUS_LOSS:
        own, general, x, y = both_ways(Loss.LOSS_MEAN_SQUARED_ERROR, dtype, 23)
        x[31] = top
    else:
        own, general, x, y = both_ways(Loss.LOSS_BINARY_CROSSENTROPY_LOGITS, dtype, 23)
        own.start[:] = general.start[:] = 0
        x[31, 2], y[31] = top, 1000  # the loss is about log 2, the slope (1/2 - 1000) x
    for net in (own, general):
        run = net.run(build)
        assert run.train(x, y, 1, 60, rates=1e-42, shuffle=False) == (31, status)
        assert run.state.iterations[0] == 31
        found.append(digest(run.parameters, figures(run.totals)[[0, -1]]))
    assert found[0] == found[1]


@each_build
def test_it_stops_where_an_update_overflows(build):
    own, general, x, y = both_ways(POINT_LOSSES[1], np.float32, 23)
    rates = np.array([1e-3] * 31 + [3e38] + [1e-3] * 28)
    x[31] = 2
    found = []
    for net in (own, general):
        run = net.run(build)
        assert run.train(x, y, 1, 60, rates=rates, shuffle=False) == (31, Status.STATUS_UPDATE)
        assert run.state.iterations[0] == 32
        assert np.isfinite(run.parameters).all()
        found.append(digest(run.parameters, figures(run.totals)[[0, -1]]))
    assert found[0] == found[1]
