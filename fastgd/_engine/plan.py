"""Describe a network to the engine: its layer table, losses and metrics; make flat vectors."""

import math
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from fastgd._core.arrays import aligned_zeros
from fastgd._core.formulas import Loss
from fastgd._core.types import (
    BATCH_SUMS,
    CONSTRAINT_ROW,
    LOSS_TERM,
    METRIC_TERM,
    PADDING,
    PENALTY_ROW,
    TERM_TOTALS,
    Call,
    Reduction,
)


def flat_vector(size, dtype):
    """Return zeros that begin on a cache line, with room behind them for the engine."""
    return aligned_zeros(size, dtype, behind=PADDING)


def flat_copy(vector):
    """Return a copy of a flat vector, with that same room behind it."""
    copy = flat_vector(vector.size, vector.dtype)
    copy[:] = vector
    return copy


@dataclass(frozen=True)
class Plan:
    """Describe a network to an engine's ``Program``.

    Attributes
    ----------
    rows : ndarray of types.ROW
        The layer table, in the order of the forward pass.
    widths : ndarray of int64
        The width of each buffer; buffer 0 is the input.
    settings : ndarray of float64
        The numbers that rows, losses and metrics refer to.
    outputs : ndarray of int64
        The buffers of the predictions.
    logits : tuple of int
        For each output the buffer that its last activation reads, if that is a sigmoid or a
        softmax; else the output.
    parameter_count : int
    layers : tuple of str
        The name of the layer that each row is of.
    work_size : int
        The elements that rows with ``work`` need for a whole batch.
    losses : ndarray of types.LOSS_TERM
    metrics : ndarray of types.METRIC_TERM
    target_width : int
        The columns of y: the targets of each output, then the weights of the rows, if any.
    totals_size : int
        How many sums an epoch adds up: [penalties times rows, rows, a pair for each loss, then
        those of metrics and of losses of whole batches].
    functions : tuple
        The user's own activations, losses and metrics, which are called by number.
    activities : tuple of (int, (float, float))
        Buffers whose values are penalised, and by what factors, l1 and l2.
    penalties, constraints, penalty_gradients
        What regularizers and constraints became, see ``fastgd._engine.penalties.Regular``.
    keep : tuple
        What has to live as long as the plan: losses whose functions it has the addresses of.
    """

    rows: np.ndarray
    widths: np.ndarray
    settings: np.ndarray
    outputs: np.ndarray
    logits: tuple[int, ...]
    parameter_count: int
    layers: tuple[str, ...] = ()
    work_size: int = 0
    losses: np.ndarray = field(default_factory=lambda: np.zeros(0, LOSS_TERM))
    metrics: np.ndarray = field(default_factory=lambda: np.zeros(0, METRIC_TERM))
    target_width: int = 0
    totals_size: int = TERM_TOTALS
    functions: tuple[Any, ...] = ()
    activities: tuple[Any, ...] = ()
    penalties: np.ndarray = field(default_factory=lambda: np.zeros(0, PENALTY_ROW))
    constraints: np.ndarray = field(default_factory=lambda: np.zeros(0, CONSTRAINT_ROW))
    penalty_gradients: np.ndarray = field(default_factory=lambda: np.zeros(0))
    keep: tuple[Any, ...] = ()

    def trained_with(self, objectives, activations, weighted=False):
        """Return this plan with losses and metrics, fused with the last activations.

        A loss from logits gives the gradient p - y without ever dividing by p.

        Parameters
        ----------
        objectives : sequence of fastgd.models.objective.OutputObjective
            One for each output.
        activations : sequence of function
            What each output is activated by.
        weighted : bool
            Whether y ends in a column of weights for each output that has a loss.
        """
        settings = self.settings.tolist()
        trained = [k for k, objective in enumerate(objectives) if objective.loss is not None]
        width = [int(self.widths[buffer]) for buffer in self.outputs]
        columns = [objectives[k].loss.target_columns(width[k]) for k in trained]
        starts = np.cumsum([0, *columns])
        totals = TERM_TOTALS + 2 * (len(trained) + len(self.activities))
        losses, metrics, functions = [], [], list(self.functions)
        for i, k in enumerate(trained):
            objective, loss = objectives[k], objectives[k].loss
            weight_column = int(starts[-1]) + i if weighted else -1
            fused = loss.fused is not None and loss.fused is activations[k]
            fused = fused and not loss.from_logits
            code = loss.logits_code if fused or loss.from_logits else loss.code
            if weighted:
                loss.check_weights()
            source = self.logits[k] if fused else self.outputs[k]
            place, y_column = len(settings), int(starts[i])
            if code == Loss.LOSS_NONE:  # the user's own
                code = Call.CALL_FUNCTION
                settings.append(len(functions))
                functions.append(loss.engine_function())
            else:
                settings += loss.settings()
            collected = 0
            if loss.couples_rows and code != Call.CALL_FUNCTION:
                collected = totals
                totals += BATCH_SUMS + width[k]
            losses.append((code, source, y_column, columns[i], weight_column, place,
                           loss.reduction_code, objective.weight, *loss.addresses,
                           collected))  # fmt: skip
            for metric in (*objective.metrics, *objective.weighted):
                column = weight_column if metric in objective.weighted else -1
                code = metric.code if metric.compiled else Call.CALL_FUNCTION
                metrics.append((code, self.outputs[k], y_column, columns[i], column,
                                len(settings), totals))  # fmt: skip
                if metric.compiled:
                    settings += metric.settings()
                else:
                    settings.append(len(functions))
                    functions.append(metric)
                totals += metric.totals_size(width[k])
        for buffer, factors in self.activities:
            losses.append((Loss.LOSS_ACTIVITY, buffer, 0, 0, -1, len(settings),
                           Reduction.REDUCTION_MEAN, 1.0, 0, 0, 0))  # fmt: skip
            settings += factors
        return replace(
            self,
            settings=np.array(settings, np.float64),
            losses=np.array(losses, LOSS_TERM),
            metrics=np.array(metrics, METRIC_TERM),
            target_width=int(starts[-1]) + (len(trained) if weighted else 0),
            totals_size=totals,
            functions=tuple(functions),
            keep=tuple(objectives[k].loss for k in trained),
        )


def width_of(shape):
    """Return how many numbers a row of a shape (None, d...) has."""
    return math.prod(shape[1:])
