"""Say what private training refuses, and begin it."""

from typing import Any

import numpy as np

from fastgd._core.types import Moments, Op
from fastgd._data.sources import ArraySource
from fastgd.errors import ArgumentError, warn
from fastgd.losses.loss import SUM, WEIGHTED_MEAN


def check_compilation(optimizer: Any, objective: Any) -> None:
    """Raise an ArgumentError for an optimizer or a loss that private training cannot have."""
    if optimizer.whole_batch:
        raise ArgumentError(
            f"optimizer: {optimizer.name!r} evaluates all rows many times a step, without "
            "noise: private training takes one that makes steps, such as 'adam'"
        )
    if optimizer.gradient_accumulation_steps:
        raise ArgumentError(
            "gradient_accumulation_steps: a private step has noise for one batch: leave it "
            "out, and give fit a larger batch_size"
        )
    for loss in objective.losses:
        check_loss(loss)


def check_loss(loss: Any, weighted: bool = False) -> None:
    """Raise an ArgumentError for a loss in which a row's gradient depends on other rows."""
    if loss.couples_rows:
        raise ArgumentError(
            f"loss: {loss.name!r} is one number for a whole batch: private training clips the "
            "gradient of each row, so that the loss has to be a sum over rows"
        )
    if loss.reduction_code == SUM:
        raise ArgumentError(
            f"loss: private training divides by batch_size, but the reduction of {loss.name!r} "
            "is 'sum': use 'sum_over_batch_size', and a higher learning rate"
        )
    if weighted and loss.reduction_code == WEIGHTED_MEAN:
        raise ArgumentError(
            f"loss: {loss.name!r} divides by the weights of all rows of a batch: with privacy "
            "and sample_weight use the reduction 'sum_over_batch_size'"
        )
    if getattr(loss, "ignore_class", None) is not None:
        raise ArgumentError(
            f"loss: {loss.name!r} divides by the number of rows that are not of ignore_class, "
            "which tells about other rows: leave those rows out of the data"
        )


def check_class_weight(class_weight: Any) -> None:
    """Raise an ArgumentError for weights of classes that are computed from the rows."""
    if isinstance(class_weight, str):
        raise ArgumentError(
            f"class_weight: {class_weight!r} counts the rows of each class, which is not "
            "private: give a dict of weights that are known without these rows"
        )


def begin(model: Any, source: Any, data: Any, callbacks: Any) -> None:
    """Begin private training on a source of rows, or raise an ArgumentError that says why not.

    Parameters
    ----------
    model : Model
        Built, and compiled with privacy.
    source : ArraySource, BatchSource or ChunkSource
        Its jobs are private from now on.
    data : UserData
    callbacks : list of Callback
    """
    if not isinstance(source, ArraySource):
        raise ArgumentError(
            "x: private training draws the rows of each step at random from all of them: "
            "expected arrays or frames in memory, or a memory map of the model's data type, "
            "got batches"
        )
    if source.order is None or source.together > 1:
        raise ArgumentError(
            "shuffle: private training draws each row of each step at random: expected True, "
            f"got {False if source.order is None else 'batch'!r}"
        )
    check_class_weight(data.class_weight)
    step = model.compiled_step(source.weighted)
    if any(loss.couples_rows is None for loss in model._compilation.objective.losses):
        step.evaluate(source.x[:1], source.y[:1])  # which says if it is one number for a batch
    for loss in model._compilation.objective.losses:
        check_loss(loss, source.weighted)
    check_layers(step.assembly.plan)
    for callback in callbacks:
        figure = getattr(callback, "acts_on", None)
        if figure is not None and not figure.startswith("val_"):
            warn(
                f"callbacks: {type(callback).__name__} acts on {figure!r}, a figure of the "
                "training rows without noise, which the privacy guarantee does not cover; let "
                "it watch a 'val_' figure of other rows, or leave it out"
            )
    source.private = model.privacy.begin(
        source.count, source.batch_size, _noisy_parts(step.assembly, model._objectives())
    )


def check_layers(plan: Any) -> None:
    """Raise an ArgumentError for a layer in which a row's output depends on other rows."""
    for row, name in zip(plan.rows, plan.layers, strict=True):
        if int(row["op"]) != int(Op.OP_BATCH_NORM):
            continue
        if int(row["kind"]) == int(Moments.MOMENTS_BATCH) or row["trains"]:
            raise ArgumentError(
                f"layer {name!r} normalises each row by all rows of its batch, so that single "
                "rows have no gradients: private training takes LayerNormalization instead"
            )


def _noisy_parts(assembly, objectives):
    """Return begin and end of the weights that are trained, int64 (k, 2), in ascending order.

    Weights that no loss depends on have no gradient, and get no noise.
    """
    plan, start = assembly.plan, assembly.start
    wanted = {
        int(b) for b, one in zip(plan.outputs, objectives, strict=True) if one.loss is not None
    }
    wanted |= {buffer for buffer, _ in plan.activities}
    reached: set[int] = set()
    for row in reversed(plan.rows):
        if int(row["target"]) in wanted:
            wanted |= {int(row["source"]), int(row["second"])}
            reached |= {int(row["kernel"]), int(row["bias"])}
    found: list[list[int]] = []
    for variable in sorted(assembly.trained, key=lambda v: v.offset):
        first = variable.offset - start
        if first not in reached:
            continue
        if found and found[-1][1] == first:
            found[-1][1] += variable.size
        else:
            found.append([first, first + variable.size])
    return np.array(found, np.int64).reshape(-1, 2)


def refuse_batches(model: Any, what: str) -> None:
    """Raise an ArgumentError if a model that learns from single batches is private."""
    if model.privacy is not None:
        raise ArgumentError(
            f"{what}: the privacy of a model that was compiled with DPSGD rests on rows that "
            "fit draws at random; call fit, or compile a copy without privacy"
        )
