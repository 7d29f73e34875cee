"""One side of a comparison: something that can do a workload."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np


def nothing():
    """What a side does that has nothing to do."""


@dataclass(frozen=True)
class Side:
    """A workload made ready on one side, to be timed.

    Attributes
    ----------
    run : function without arguments
        The work.
    result : function without arguments
        Does the work, or enough of it to be compared, from the start: a list of arrays, the
        same on every side but for rounding.
    steps : int
        The steps (iterations, calls) that are in ``run``.
    restart : function without arguments
        Back to the start; called before each run. Else a unit that has died fills its moments
        with subnormal numbers (after 300 epochs at batch 1, steps took a fifth longer), and a
        time would depend on the runs before it.
    seconds : function of the clock's name, optional
        Takes the place of timing ``run``, for work that a process of its own does.
    """

    run: Callable[[], object]
    result: Callable[[], list[np.ndarray]]
    steps: int
    restart: Callable[[], None] = nothing
    seconds: Callable[[str], float] | None = None


class FittedNetwork:
    """A compiled model of Keras' kind, trained by ``fit``; subclasses add ``restart``."""

    def __init__(self, model, batch_size):
        self.model, self.batch_size = model, batch_size

    def weights(self):
        """Kernel and bias of each layer in turn."""
        return self.model.get_weights()

    def hold(self, x, y):
        """The data as ``epoch`` wants them."""
        return x, y

    def epoch(self, data, order=None):
        """One epoch over the rows, in this order or a random one."""
        x, y = data if order is None else (array[order] for array in data)
        self.model.fit(x, y, batch_size=self.batch_size, verbose=0, shuffle=order is None)


def training_side(workload, network):
    """The side of a network with ``restart(weights)``, ``hold``, ``epoch`` and ``weights``.

    ``hold(x, y)`` gives the data as the network wants them, and ``epoch(data, order)`` trains
    on them, in the order given or else, for None, in a random one.
    """
    x, y = workload.data()
    weights = workload.weights()
    data = network.hold(x, y)

    def result():
        rows = workload.compared_rows
        network.restart(weights)
        network.epoch(network.hold(x[:rows], y[:rows]), workload.order(rows))
        return network.weights()

    return Side(
        run=lambda: network.epoch(data),
        result=result,
        steps=workload.steps,
        restart=lambda: network.restart(weights),
    )


def prediction_side(workload, predict):
    """The side of a function that takes an array of rows to an array of outputs."""
    x = workload.data()

    def run():
        for _ in range(workload.calls):
            predict(x)

    def result():
        return [np.asarray(predict(x)).reshape(len(x), -1)]

    return Side(run, result, workload.calls)
