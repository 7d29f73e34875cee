"""Optimizers, with Keras' formulas: one step over flat vectors.

Each takes weights w and gradients g and returns the weights to move to; its slots change in
place. `step` counts from 0.
"""

import numpy as np

from fastgd._core.types import Status, Update


def sgd(w, g, slots, rate, settings, step):
    momentum, nesterov = settings
    if momentum == 0:
        return w - rate * g
    velocity = slots[0]
    velocity[:] = momentum * velocity - rate * g
    return w + momentum * velocity - rate * g if nesterov else w + velocity


def rmsprop(w, g, slots, rate, settings, step):
    rho, momentum, epsilon, centered = settings
    mean_square = slots[0]
    mean_square[:] = rho * mean_square + (1 - rho) * g**2
    scale = mean_square
    if centered:
        mean = slots[2 if momentum > 0 else 1]
        mean[:] = rho * mean + (1 - rho) * g
        scale = mean_square - mean * mean
    move = rate * g / np.sqrt(scale + epsilon)
    if momentum > 0:
        velocity = slots[1]
        velocity[:] = momentum * velocity + move
        move = velocity
    return w - move


def adam(w, g, slots, rate, settings, step):
    # Kingma and Ba 2015, in the order of the end of their section 2: epsilon is their "epsilon
    # hat", added to the root of the uncorrected v
    beta_1, beta_2, epsilon = settings
    m, v = slots[:2]
    m += (1 - beta_1) * (g - m)
    v += (1 - beta_2) * (g**2 - v)
    alpha = rate * (1 - beta_2 ** (step + 1)) ** 0.5 / (1 - beta_1 ** (step + 1))
    return w - alpha * m / (np.sqrt(v) + epsilon)


UPDATES = {Update.UPDATE_SGD: sgd, Update.UPDATE_RMSPROP: rmsprop, Update.UPDATE_ADAM: adam}


@np.errstate(all="ignore")  # the status tells
def update(parameters, gradients, state, rate):
    """One step of an optimizer over flat vectors: a Status.

    Nothing changes where a gradient is not finite. A weight that would leave the finite numbers
    keeps its value.
    """
    if not np.isfinite(gradients).all():
        return Status.STATUS_GRADIENT
    step = int(state.iterations[0])
    slots = state.slots[:, : len(parameters)]
    moved = UPDATES[state.kind](
        parameters, gradients, slots, float(rate), state.settings.tolist(), step
    )
    finite = np.isfinite(moved)
    parameters[:] = np.where(finite, moved, parameters)
    state.iterations[0] += 1
    return Status.STATUS_FINE if finite.all() else Status.STATUS_UPDATE
