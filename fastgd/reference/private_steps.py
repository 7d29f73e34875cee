"""Take private steps: random rows, clipped gradients, noise; see private_steps.pxi."""

import numpy as np

from fastgd._core.types import Status
from fastgd.reference.layers import Batch
from fastgd.reference.penalties import add_penalties
from fastgd.reference.private_noise import add_noise, poisson_sample
from fastgd.reference.private_norms import clipped_sum, row_gradients


def draw_rows(private, step):
    """Draw the rows of all steps of the epoch whose next step is `step`, for a PrivateSteps."""
    epoch = private.count - step
    poisson_sample(
        private.keys[1], epoch, private.rate, private.rows, private.most, private.starts,
        private.order,
    )  # fmt: skip


@np.errstate(all="ignore")
def fill_private_gradients(program, x, y, totals, key, private):
    """Fill the flat gradients with the sum of clipped ones of rows, plus noise, divided.

    Penalties come on top. Returns the values of the buffers and a Status.
    """
    plan, parameters, gradients = program._plan, program._parameters, program._gradients
    values, share = {}, 1 / private.batch_size
    if len(x):
        values = program._values(parameters, x, Batch(True, key))
        program._add(program._losses(values, y)[0], values, y, totals)
    totals[0] += add_penalties(plan, parameters, share) * len(x)
    gradients[:] = clipped_sum(row_gradients(program, x, y, key), private.clip)
    for begin, end in private.trained.tolist():
        add_noise(
            private.keys[0], private.count, private.deviation, private.batch_size, gradients,
            begin, end,
        )  # fmt: skip
    add_penalties(plan, parameters, share, gradients)
    return values, Status.STATUS_FINE
