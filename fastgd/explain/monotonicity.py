"""Prove from the signs of weights that outputs rise, or fall, with inputs."""

from typing import Any, NamedTuple

import numpy as np

from fastgd._core.formulas import Activation
from fastgd._core.types import Affine, Call, Merge, Op
from fastgd._registry.advice import advice
from fastgd._typing import Array
from fastgd.activations import never_falls
from fastgd.constraints import checked_signs
from fastgd.errors import (
    ArgumentError,
    ShapeError,
    UnknownNameError,
)
from fastgd.explain.target import coef_of, names_of, network_of, numbered

SOFTMAX = (Activation.ACTIVATION_SOFTMAX, Activation.ACTIVATION_LOG_SOFTMAX)


class Monotonicity(NamedTuple):
    """Say how outputs move with inputs.

    Attributes
    ----------
    names : tuple of str
        The input columns, those of several inputs side by side.
    directions : ndarray of int, shape (inputs, outputs)
        1 where the output never falls while the input rises, -1 where it never rises, 0 where
        the input has no effect, or where nothing is proved.
    proved : ndarray of bool, shape (inputs, outputs)
        False where weights of both signs, or an operation that is not monotone, leave it open.
    """

    names: tuple[str, ...]
    directions: Array
    proved: Array


def monotone(model: Any, claim: Any = None) -> Monotonicity:
    """Prove how the outputs of a model move with its inputs, from the signs of its weights.

    Each number in the network gets the set of directions in which an input may move it, from
    row to row of the layer table: a weight above 0 keeps a direction, one below 0 turns it
    around, one of 0 passes nothing on, and a function that rises and falls gives both. What is
    proved holds between any two inputs (Archer and Wang 1993; Runje and Shankaranarayana 2023).
    What is not proved may be true nevertheless.

    Parameters
    ----------
    model : Sequential, Model, LinearModel, or fitted estimator of fastgd.sklearn
        What it predicts; of a linear model its decisions x w + b.
    claim : dict of column name -> int, or list of int, or int, optional
        1 for inputs with which all outputs rise, -1 for those with which they fall; 0, and what
        a dict leaves out, claims nothing. The ``monotonic_cst`` of an estimator is one.

    Returns
    -------
    Monotonicity
        If there is a claim, all of it is proved.

    Raises
    ------
    ArgumentError
        If the claim cannot be proved: the message names the weight that breaks it.
    DataTypeError
        For any other model.
    NotBuiltError
        For a model without weights yet.
    UnknownNameError, ShapeError
        If the claim is about other columns than the model has.

    Notes
    -----
    User-defined layers are rows of the same table; of a function in Python nothing is proved.
    Dropout and batch normalization count as they predict.

    Examples
    --------
    >>> from fastgd import Sequential, explain, layers
    >>> model = Sequential([
    ...     layers.Input(shape=(3,)),
    ...     layers.MonotonicDense(8, "relu", monotonicity=[1, -1, 0]),
    ...     layers.MonotonicDense(1),
    ... ])
    >>> found = explain.monotone(model, [1, -1, 0])
    >>> found.directions[:, 0].tolist(), found.proved[:, 0].tolist()
    ([1, -1, 0], [True, True, False])
    """
    proof = _proof_of(model)
    names = proof.names
    for column, sign in enumerate(_claimed(claim, names)):
        wrong = {1: proof.falls, -1: proof.rises, 0: np.zeros_like(proof.falls)}[sign]
        for output in np.flatnonzero(wrong[:, column]):
            moves = "fall" if sign == 1 else "rise"
            raise ArgumentError(
                f"claim: output {output} may {moves} while {names[column]!r} rises, "
                f"because of {proof.reason(column, int(output), sign)}"
            )
    directions = proof.rises.astype(int) - proof.falls
    return Monotonicity(names, directions.T, ~(proof.rises & proof.falls).T)


def _claimed(claim, names):
    """Return the sign that is claimed of each column."""
    if isinstance(claim, dict):
        for name in claim:
            if name not in names:
                hint = advice(str(name), names)
                raise UnknownNameError(f"claim: the model has no column {name!r}{hint}")
        claim = [claim.get(name, 0) for name in names]
    signs = checked_signs(0 if claim is None else claim, "claim")
    signs = signs if isinstance(signs, list) else [signs] * len(names)
    if len(signs) != len(names):
        raise ShapeError(f"claim: expected {len(names)} signs, one an input, got {claim!r}")
    return signs


def _proof_of(model):
    """Return the Proof of a model; raise a DataTypeError for one of another kind."""
    network, names = network_of(model), names_of(model)
    if network is not None:
        return _of_network(network, names)
    coef = coef_of(model)
    link = Link(0, 1, *_signed(coef), weights=("coef", coef.T))
    return Proof([link], [1], names or numbered(coef.shape[1]))


class Link(NamedTuple):
    """Say which columns of a buffer a step takes to which of another, and how.

    keeps[j, k]: whether column j of the target may move as column k of the source does;
    turns[j, k]: whether it may move against it. weights: the name and values (k, j) of those
    that decide, if any; kind: what else does.
    """

    source: Any
    target: Any
    keeps: Array
    turns: Array
    weights: tuple[str, Array] | None = None
    kind: str = ""


class Proof:
    """Hold the directions in which each input column may move each column of some buffers."""

    def __init__(self, links, outputs, names):
        self.names, self._links, self._outputs = names, links, outputs
        own = np.eye(len(names), dtype=bool)
        self._rises, self._falls = {0: own}, {0: np.zeros_like(own)}
        for link in links:
            rises, falls = self._rises[link.source], self._falls[link.source]
            for moves, same, other in (
                (self._rises, rises, falls), (self._falls, falls, rises),
            ):  # fmt: skip
                found = _any(link.keeps, same) | _any(link.turns, other)
                moves[link.target] = moves.get(link.target, False) | found
        self.rises = np.concatenate([self._rises[buffer] for buffer in outputs])
        self.falls = np.concatenate([self._falls[buffer] for buffer in outputs])

    def reason(self, column, output, sign):
        """Return what lets an output move against the sign that is claimed of a column."""
        place, buffer = output, self._outputs[0]
        for buffer in self._outputs:
            if place < len(self._rises[buffer]):
                break
            place -= len(self._rises[buffer])
        rising, passed = sign < 0, []
        while links := [link for link in self._links if link.target == buffer]:
            link, k, turned = next(
                (link, int(k), turned)
                for link in links
                for turned, passes in ((False, link.keeps), (True, link.turns))
                for k in np.flatnonzero(
                    passes[place] & self._moves(link.source, rising != turned)[:, column]
                )
            )
            text = link.kind
            if link.weights is not None:
                name, values = link.weights
                text = f"{name}[{k}, {place}] = {values[k, place]:.6g}"
            if link.keeps[place, k] and link.turns[place, k]:
                return text
            if link.weights is not None or turned:
                passed.append((text, turned))
            buffer, place, rising = link.source, k, rising != turned
        # all but the first, which has the sign of the claim, should pass directions on
        first = passed.pop()[0] if passed else "layers without weights"
        return next((text for text, turned in passed if turned), first)

    def _moves(self, buffer, rising):
        return (self._rises if rising else self._falls)[buffer]


def _any(links, moves):
    """Return the product of two matrices of bool."""
    return links.astype(np.float32) @ moves.astype(np.float32) > 0


def _signed(weights):
    """Return where weights are not at most, and not at least 0: both where they are NaN."""
    return ~(weights <= 0), ~(weights >= 0)


def _of_network(network, names):
    """Return the Proof of a network, from the rows of its layer table."""
    assembly = network.assembly()
    plan = assembly.plan
    named = {v.offset - assembly.start: v.name for v in assembly.variables}
    links = []
    for row in plan.rows:
        links += _links(row, plan, assembly.parameters, named)
    return Proof(links, [int(b) for b in plan.outputs], names or numbered(int(plan.widths[0])))


def _diagonal(factors):
    """Return keeps and turns of columns that are multiplied by factors."""
    return tuple(map(np.diag, _signed(np.asarray(factors))))


def _links(row, plan, parameters, named):
    """Return the Links of a row of the layer table; one that is unknown mixes all up."""
    op, kind, source, second, target = (int(row[name]) for name in _COLUMNS)
    widths, settings = plan.widths.tolist(), plan.settings[row["settings"] :]
    width, inputs, bare = widths[target], widths[source], np.ones(widths[target])
    if op == Op.OP_DENSE:
        kernel = parameters[row["kernel"] :][: inputs * width].reshape(inputs, width)
        weights = named[int(row["kernel"])], kernel
        z = (target, "before its activation")
        return [
            Link(source, z, *_signed(kernel.T), weights),
            Link(z, target, *_activated(kind, (), width), kind=_word(Activation, kind)),
        ]
    if op in (Op.OP_ACTIVATION, Op.OP_SPLIT):
        own = settings[2:] if op == Op.OP_SPLIT else settings
        word = _word(Activation, kind)
        return [Link(source, target, *_activated(kind, own, width), kind=word)]
    if op == Op.OP_ORDERED:
        keeps = np.tri(width, dtype=bool)
        turns = keeps & False
        if settings[0]:
            keeps[:, 0], turns[:, 0] = False, True
        return [Link(source, target, keeps, turns, kind="the first of the ordered columns")]
    if op in (Op.OP_COPY, Op.OP_GATHER):
        keeps = np.zeros((width, inputs), bool)
        if op == Op.OP_GATHER:
            keeps[np.arange(width), settings[:width].astype(int)] = True
        else:
            moved = np.arange(min(width, inputs))
            keeps[moved + int(settings[1]), moved + int(settings[0])] = True
        return [Link(source, target, keeps, keeps & False)]
    if op == Op.OP_MERGE:
        links = []
        for buffer, sign in ((source, 1.0), (second, -1.0)):
            spread = np.ones((width, 1)) if widths[buffer] == 1 else np.eye(width)
            factor = sign if kind == Merge.MERGE_SUBTRACT else 1.0
            keeps, turns = _signed(factor * spread)
            if kind == Merge.MERGE_DOT:
                keeps = turns = np.ones((1, widths[buffer]), bool)
            elif kind == Merge.MERGE_MULTIPLY:
                keeps = turns = keeps | turns
            links.append(Link(buffer, target, keeps, turns, kind=_word(Merge, kind)))
        return links
    if op == Op.OP_AFFINE:
        factors = settings[:width] if kind == Affine.AFFINE_RESCALE else bare
        return [Link(source, target, *_diagonal(factors), kind="a scale below 0")]
    if op == Op.OP_NOISE:
        return [Link(source, target, *_diagonal(bare))]
    if op == Op.OP_BATCH_NORM:
        factors = bare
        if row["kernel"] >= 0:
            gamma = parameters[row["kernel"] :][: width // int(settings[2])]
            factors = np.tile(gamma, int(settings[2]))
        return [Link(source, target, *_diagonal(factors), kind="a gamma below 0")]
    if op == Op.OP_PRELU:
        slopes = parameters[row["kernel"] + settings[:width].astype(int)]
        return [Link(source, target, np.diag(bare > 0), _diagonal(slopes)[1], kind="a PReLU")]
    mixed = np.ones((width, inputs), bool)
    return [Link(source, target, mixed, mixed, kind=_word(Op, op))]


_COLUMNS = ("op", "kind", "source", "second", "target")


def _activated(kind, settings, width):
    """Return keeps and turns of an activation."""
    same = np.eye(width, dtype=bool)
    if kind in SOFTMAX:
        return same, ~same
    if kind == Call.CALL_FUNCTION:  # which sees whole rows
        return same | ~same, same | ~same
    return same, same & (not never_falls(kind, settings))


def _word(codes, code):
    """Return what a message calls an operation that is not monotone."""
    if code not in list(codes):
        return "a function in Python, of which nothing is known"
    return f"{codes(code).name.partition('_')[2].lower()}, which is not monotone"
