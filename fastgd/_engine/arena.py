"""Hold weights in flat vectors, which layers may share."""

import contextlib
import contextvars
import math
import weakref
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from fastgd._engine.plan import flat_vector
from fastgd._engine.sizes import check_size
from fastgd.errors import ArgumentError, FileError
from fastgd.variables import Variable


@dataclass(eq=False)
class Arena:
    """Hold a flat vector, the layers whose weights lie in it, and the models that run on it.

    A layer lives in one arena. A model of layers from several arenas moves them all into a new
    one, with their neighbours: so every model runs on one vector, whatever layers it shares
    with others. Models that ran on the old vectors are told, by ``moved``.

    Attributes
    ----------
    vector : ndarray
    layers : list of weakref to Layer
        In the order of their weights.
    models : WeakSet
    loops : list of TrainingLoop
        Those that train weights in it.
    """

    vector: np.ndarray
    layers: list[Any] = field(default_factory=list)
    models: weakref.WeakSet[Any] = field(default_factory=weakref.WeakSet)
    loops: list[Any] = field(default_factory=list)

    def living_layers(self):
        """Return the layers that still exist."""
        return [layer for layer in (reference() for reference in self.layers) if layer]


class Loading:
    """Hold what is built while a model is loaded, whose weights are given afterwards.

    Until then they are zeros, which take no memory before they are written to, and no
    initializer runs.

    Parameters
    ----------
    size : int or float
        The most weights that may be made, and the most columns that layers may give: a file
        that holds so many weights is large itself.
    """

    def __init__(self, size):
        self.left = self.columns = size
        self.layers = []  # weakrefs, in the order of building
        self.arenas = weakref.WeakSet()  # of zeros

    def take(self, layers, size):
        """Note that layers are built with so many weights; raise a FileError if too many."""
        if size > self.left:
            names = ", ".join(repr(layer.name) for layer, _ in layers[:3])
            raise FileError(f"it describes more weights than it holds, at {names}: {size}")
        self.left -= size
        self.layers += [weakref.ref(layer) for layer, _ in layers]

    def initialise_others(self, given):
        """Initialise the variables that were built but are not among those given."""
        known = {id(variable) for variable in given}
        for layer in filter(None, (reference() for reference in self.layers)):
            specs = layer.weight_specs(layer.input_shape)
            for variable, weight in zip(layer.variables, specs, strict=True):
                if id(variable) not in known:
                    variable.assign(weight.values(variable.dtype))


_loading = contextvars.ContextVar[Loading | None]("loading", default=None)


@contextlib.contextmanager
def loading(size):
    """Build layers without initial values within a ``with`` block, which gets the Loading."""
    token = _loading.set(Loading(size))
    try:
        yield _loading.get()
    finally:
        _loading.reset(token)


def take_columns(layer, shapes):
    """Count the outputs of a layer; raise a FileError for too many while a model is loaded."""
    under = _loading.get()
    if under is not None:
        under.columns -= sum(math.prod(shape[1:]) for shape in shapes)
        if under.columns < 0:
            raise FileError(
                f"it holds too few weights for outputs of {shapes}, at layer {layer.name!r}"
            )


def new_arena(layers, dtype, vector=None):
    """Make the weights of layers, given with their input shapes, in a vector of their own.

    vector: one that holds their values already; else they are drawn.
    """
    described = [(layer, layer.weight_specs(shape), shape) for layer, shape in layers]
    if vector is not None:
        arena = Arena(vector)
        _settle(
            arena, [(layer, specs, [None] * len(specs), s) for layer, specs, s in described]
        )
        return arena
    size = sum(math.prod(w.shape) for _, specs, _ in described for w in specs)
    under = _loading.get()
    if under is not None:
        under.take(layers, size)
    for layer, specs, _ in described:
        for weight in specs:
            check_size(f"layer {layer.name!r}, {weight.name}", weight.shape)
    check_size("weights", (size,))
    moves = [
        (layer, specs, [None if under else weight.values(dtype) for weight in specs], shape)
        for layer, specs, shape in described
    ]
    arena = Arena(flat_vector(size, dtype))
    if under is not None:
        under.arenas.add(arena)
    _settle(arena, moves)
    return arena


def common_arena(layers, dtype):
    """Return the arena of all the layers: a new one if they live in several.

    Raises
    ------
    ArgumentError
        If they are of different data types.
    """
    layers = [layer for layer in layers if layer.variables]
    arenas = list(dict.fromkeys(layer.arena for layer in layers))
    for layer in layers:
        if layer.arena.vector.dtype != dtype:
            raise ArgumentError(
                f"dtype: the layers of a model share one, but {layer.name!r} has "
                f"{layer.arena.vector.dtype}, expected {dtype}"
            )
    if len(arenas) == 1:
        return arenas[0]
    neighbours = [layer for arena in arenas for layer in arena.living_layers()]
    everyone = list(dict.fromkeys([*layers, *neighbours]))
    arena = Arena(flat_vector(sum(layer.count_params() for layer in everyone), dtype))
    under = _loading.get()
    blank = under is not None and all(old in under.arenas for old in arenas)
    if blank:
        under.arenas.add(arena)
    moves = []
    for layer in everyone:
        shape, values = layer.input_shape, list(layer.variables)
        if blank:
            values = [None] * len(values)
        moves.append((layer, layer.weight_specs(shape), values, shape))
    before = [variable for layer in everyone for variable in layer.variables]
    _settle(arena, moves)
    after = [variable for layer in everyone for variable in layer.variables]
    steps = [(a.owner, a.offset, b.offset, a.size) for a, b in zip(before, after, strict=True)]
    for variable in before:  # a write to an old one would be lost
        variable.flags.writeable = variable.value.flags.writeable = False
    for model in {model for old in arenas for model in old.models}:
        arena.models.add(model)
        model.moved(arena.vector, steps)
    return arena


def _settle(arena, moves):
    """Lay layers' weights out in an arena: (layer, specs, values, input shape) of each.

    A value of None leaves the zeros that are there.
    """
    offset = 0
    bound = []
    for layer, specs, values, input_shape in moves:
        variables = []
        for weight, value in zip(specs, values, strict=True):
            variable = Variable(
                arena.vector, offset, weight.shape, name=f"{layer.name}/{weight.name}",
                trainable=weight.trainable and layer.trainable,
            )  # fmt: skip
            variable.regularizer, variable.constraint = weight.regularizer, weight.constraint
            if value is not None:
                variable.assign(value)
            variables.append(variable)
            offset += variable.size
        bound.append((layer, input_shape, variables))
    # Only now: whatever went wrong above has left the layers as they were.
    for layer, input_shape, variables in bound:
        layer.bind(input_shape, variables)
        layer.arena = arena
        arena.layers.append(weakref.ref(layer))


def extent(variables):
    """Return where in their owner some variables begin, and where they end."""
    if not variables:
        return 0, 0
    return min(v.offset for v in variables), max(v.offset + v.size for v in variables)
