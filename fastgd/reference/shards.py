"""Add up the gradients of a batch over its shards, which ranks share; see ranks.pxi."""

import numpy as np

from fastgd._core.types import TERM_TOTALS, Place
from fastgd.reference.layers import Batch


def meet(job, totals):
    """Let the ranks of a job meet at a step; an error if they are not at the same one."""
    if job.ranks is not None:
        losses = totals[TERM_TOTALS : TERM_TOTALS + 1].view(np.int64).item()
        job.ranks.meet(Place.PLACE_STEP, job.state.iterations.item(), losses)


def fill_gradients(program, values, deltas, key, job):
    """Fill a program's gradients with the sum of those of the shards, in their order.

    Of several ranks each computes those of its own shards.
    """
    rows = len(values[0])
    count = min(job.shards, -(-rows // 8))
    first, last = (0, count) if job.ranks is None else job.ranks.all.share(count)
    parts = np.zeros((last - first, program._gradients.size), program._gradients.dtype)
    ends = np.minimum(-(-rows // 8) * np.arange(count + 1) // count * 8, rows)
    for part, shard in zip(parts, range(first, last), strict=True):
        inside = np.zeros((rows, 1), bool)
        inside[ends[shard] : ends[shard + 1]] = True
        of_shard = {buffer: np.where(inside, delta, 0) for buffer, delta in deltas.items()}
        program._back(program._parameters, values, of_shard, part, Batch(True, key))
    if job.ranks is not None:
        parts = job.ranks.all.gather_shares(parts, count)
    program._gradients[:] = 0
    for part in parts:
        program._gradients += part
