"""Share the training of a network among ranks: what ``fit`` refuses, and what they agree on."""

import contextlib
import json
from collections.abc import Iterator
from typing import Any

import numpy as np

from fastgd._core.types import LOSS_TERM, Moments, Op
from fastgd._data.sources import ArraySource
from fastgd._engine.ranks import digest
from fastgd._engine.training_ranks import TrainingRanks
from fastgd._registry.objects import serialize_object
from fastgd._training.progress import muted
from fastgd.errors import ArgumentError, FastgdError

#: The most shards that a batch is cut into: each has room for the gradients of all weights.
MOST_SHARDS = 64
#: Data up to so many bytes are compared as a whole, of larger ones so many rows and all of y.
WHOLE_BYTES, SAMPLED_ROWS = 64_000_000, 1000
# addresses of functions differ from process to process
_LOSS_FIELDS = [name for name in LOSS_TERM.fields or () if name not in ("value", "slope")]


@contextlib.contextmanager
def ranks_of(comm: Any) -> Iterator[TrainingRanks | None]:
    """Give the ranks of a communicator for a block that all of them go through, or None."""
    if comm is None:
        yield None
        return
    ranks = TrainingRanks(comm)
    with ranks.together(), muted(ranks.rank > 0):
        yield ranks


def begin(model: Any, sources: Any, callbacks: Any, given: Any) -> None:
    """Check what is trained in shards, and that all ranks train the same.

    Parameters
    ----------
    model : Model
        Compiled and built.
    sources : (source, source or None)
        To train on, with its `shards` and `ranks`, and to validate on.
    callbacks : list of Callback
    given : dict of str -> number
        Other arguments on which ranks have to agree.
    """
    source, held_out = sources
    check(model, source)
    if source.ranks is None:
        return
    step, optimizer = model.compiled_step(source.weighted), model.optimizer
    state, plan = step.state(), step.results.plan
    facts = {
        "the network": digest(plan.rows, plan.widths, plan.outputs, plan.constraints),
        "the losses, metrics and penalties": digest(
            plan.settings, plan.losses[_LOSS_FIELDS], plan.metrics, plan.penalties
        ),
        "the optimizer": _settings_of(optimizer),
        "callbacks": [type(one).__name__ for one in callbacks if not _is_of_rank_0(one)],
        "batch_size": source.batch_size,
        "steps_per_epoch": source.steps,
        "shuffle": [source.order is not None, source.together],
        **given,
        "the data": _digest_of(source),
        "the validation data": _digest_of(held_out),
        "the seed (make the model behind utils.set_random_seed)": [
            model.stream.seed,
            model.stream.count,
        ],
        "the weights (make the model behind utils.set_random_seed)": digest(
            step.assembly.parameters
        ),
        "the optimizer's state": digest(state.slots, state.iterations),
    }
    source.ranks.agree(facts)


def _is_of_rank_0(callback):
    """Return whether a callback may be one of rank 0 alone."""
    return getattr(callback, "first_rank_only", False)


def check(model: Any, source: Any) -> None:
    """Raise an ArgumentError for what cannot be trained in shards of each batch."""
    if not isinstance(source, ArraySource):
        raise ArgumentError(
            "x: training in shards takes arrays or frames in memory, or a memory map of the "
            "model's data type, got batches"
        )
    if model.privacy is not None:
        raise ArgumentError(
            "shards, comm: a private training draws the rows of each step by itself; leave "
            "them out"
        )
    if model.optimizer.whole_batch:
        raise ArgumentError(
            f"optimizer: {model.optimizer.name!r} evaluates all rows many times a step: "
            "training in shards takes one that makes steps, such as 'adam'"
        )
    step = model.compiled_step(source.weighted)
    _check_layers(step.assembly.plan)
    for loss in model._compilation.objective.losses:
        if loss.couples_rows:
            raise ArgumentError(
                f"loss: {loss.name!r} is one number for a whole batch: training in shards "
                "needs a sum over rows"
            )
    if step.results.in_python:
        raise ArgumentError(
            "loss, metrics: training in shards takes those that the engine computes, not "
            "functions and classes of Python, nor metrics that keep all rows, such as AUC "
            "without thresholds; let a callback compute them"
        )


def _check_layers(plan):
    refused = {Op.OP_BATCH_NORM: "LayerNormalization", Op.OP_EMBEDDING: "one-hot columns"}
    for row, name in zip(plan.rows, plan.layers, strict=True):
        op = int(row["op"])
        frozen = op == Op.OP_BATCH_NORM and int(row["kind"]) != Moments.MOMENTS_BATCH
        if op in refused and not frozen:
            raise ArgumentError(
                f"layer {name!r} combines all rows of a batch when it is trained: training in "
                f"shards takes {refused[op]} instead"
            )
    if 0 in plan.outputs:
        raise ArgumentError("outputs: training in shards takes none that is an input")


def _digest_of(source):
    if not isinstance(source, ArraySource):
        return type(source).__name__
    x = source.x
    if x.nbytes > WHOLE_BYTES:
        x = x[np.unique(np.linspace(0, len(x) - 1, SAMPLED_ROWS).astype(np.int64))]
    return digest(source.x.shape, x, source.y, source.rows)


def _settings_of(optimizer):
    try:
        return json.dumps(serialize_object(optimizer), sort_keys=True)
    except (FastgdError, TypeError):  # such as a learning rate that is a lambda
        return type(optimizer).__name__
