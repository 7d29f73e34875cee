"""A side of the comparison: a workload made ready in one framework, to be timed."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np


def nothing(*_: Any) -> None:
    """Do nothing: the ``restart`` of a side without state."""


@dataclass(frozen=True)
class Side:
    """Hold what is timed, and what is compared."""

    #: Does the work.
    run: Callable[[], Any]
    #: Does the work, or enough of it to be compared, from the start: returns arrays, the same
    #: on every side but for rounding.
    result: Callable[[], list[np.ndarray]]
    #: The steps (iterations, calls) in ``run``.
    steps: int
    #: Goes back to the start; called before each run. Without it a dead unit would fill its
    #: moments with subnormal numbers, and a time would depend on the runs before it.
    restart: Callable[[], None] = nothing
    #: Takes a clock's name, and replaces timing ``run`` for work in a process of its own.
    seconds: Callable[[str], float] | None = None


class Network:
    """Hold data as they are; subclasses have the other methods of ``training_side``."""

    def hold(self, x, y):
        """Return the data as ``epoch`` takes them."""
        return x, y


class FittedNetwork(Network):
    """Train a compiled model by ``fit``, as Keras has it; subclasses add ``restart``."""

    def __init__(self, model, batch_size):
        self.model, self.batch_size = model, batch_size

    def weights(self):
        """Return the kernel and bias of each layer in turn."""
        return self.model.get_weights()

    def epoch(self, data, order=None):
        """Train one epoch over the rows, in this order or a random one."""
        x, y = data if order is None else (array[order] for array in data)
        self.model.fit(x, y, batch_size=self.batch_size, verbose=0, shuffle=order is None)


def training_side(workload, network):
    """Return the Side of a network with ``restart(weights)``, ``hold``, ``epoch``, ``weights``.

    ``hold(x, y)`` gives the data as the network takes them, and ``epoch(data, order)`` trains
    on them, in the order given, or in a random one for None.
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
        lambda: network.epoch(data), result, workload.steps, lambda: network.restart(weights)
    )


def prediction_side(workload, predict):
    """Return the Side of a function from an array of rows to an array of outputs."""
    x = workload.data()

    def run():
        for _ in range(workload.calls):
            predict(x)

    return Side(run, lambda: [np.asarray(predict(x)).reshape(len(x), -1)], workload.calls)


def descent_side(workload, descend, steps):
    """Return the Side of a function of (x, y, theta, alpha, iterations) that returns theta."""
    data = workload.data()
    compared = workload.compared_iterations
    return Side(lambda: descend(*data, steps), lambda: [descend(*data, compared)], steps)
