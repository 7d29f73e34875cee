"""Make models after another: what never changes is shared."""

import copy
from typing import NamedTuple

import numpy as np

from fastgd._core.arrays import aligned_rows
from fastgd._core.engine import Stream
from fastgd._data.named_row import NamedRows
from fastgd._engine import streams
from fastgd._engine.arena import new_arena
from fastgd._engine.plan import flat_copy, flat_vector
from fastgd._registry.custom import by_reference, custom_object_scope
from fastgd._typing import Array
from fastgd.initializers import RandomUniform, VarianceScaling, Zeros
from fastgd.optimizers.states import new_slots, take_up
from fastgd.variables import Variable


def by_description(model):
    """Return a model made anew from a model's configuration, compiled alike."""
    with by_reference() as references:
        config = model.get_config()
        with custom_object_scope(references):
            twin = type(model).from_config(config)
    if model.compiled:
        arguments = model._compilation.arguments
        chosen = {k: v for k, v in arguments.items() if k != "optimizer"}
        twin.compile(model.optimizer.fresh(), **copy.deepcopy(chosen))
    twin.feature_names, twin.ranges = model.feature_names, model.ranges
    return twin


def is_simple(model):
    """Return whether a Sequential may share all but numbers: nothing of it is user-defined."""
    if not model.built or not all(_is_ours(layer, "layers") for layer in model._layers):
        return False
    assembly, optimizer = model.assembly(), model.optimizer
    plan, arena = assembly.plan, assembly.arena
    return (
        _is_ours(model, "models")
        and assembly.plain
        and assembly.parameters is arena.vector
        and set(arena.living_layers()) <= set(model._layers)
        and not (plan.functions or plan.activities)
        and not len(plan.penalties)
        and not len(plan.constraints)
        and not model._compilation.objective.custom_losses
        and all(metric.compiled for metric in model.metrics)
        and (optimizer is None or _is_ours(optimizer, "optimizers"))
    )


def _is_ours(thing, package):
    return type(thing).__module__.startswith(f"fastgd.{package}.")


def trains_without_python(model):
    """Return whether a whole fit of a model may be compiled, see ``Program.train_many``."""
    compiled = is_steady(model.optimizer) and model.engine_name != "reference"
    return compiled and model.privacy is None and is_simple(model)


def is_steady(optimizer):
    """Return whether all steps of an optimizer are alike, and the last one leaves no work."""
    if optimizer is None or optimizer.whole_batch or optimizer.use_ema:
        return False
    return optimizer.rate_is_constant and _is_ours(optimizer, "optimizers")


def description_of(model):
    """Return what replicas of one model have in common, as long as these live."""
    assembly, objective = model.assembly(), model._compilation.objective
    return id(assembly.plan), id(objective), assembly.dtype, model.engine_name


class Numbers(NamedTuple):
    """Hold all in which a replica differs from others, if it was trained."""

    parameters: Array
    slots: Array
    stream: Stream
    iterations: Array

    def __reduce__(self):
        parts = np.array(self.parameters), np.array(self.slots), np.array(self.iterations)
        return _numbers, (*parts, self.stream.seed, self.stream.count)


def _numbers(parameters, slots, iterations, seed, count):
    """Return Numbers with the room that the engine needs behind them."""
    room = aligned_rows(*slots.shape, slots.dtype)
    room[...] = slots
    return Numbers(flat_copy(parameters), room, Stream(seed, count), iterations)


def replica_of(model, numbers=None):
    """Return a model like a simple one; without Numbers it begins anew."""
    assembly = model.assembly()
    twin = object.__new__(type(model))
    vars(twin).update(vars(model))
    twin.stream = Stream(streams.next_seed() if numbers is None else 0)
    layers = {layer: _bare(layer) for layer in (*model._graph.layers, *model._layers)}
    arena = new_arena(
        [(layers[layer], layer._input_shape) for layer in model.layers],
        assembly.dtype,
        None if numbers is None else numbers.parameters,
    )
    twin._inbound_nodes = []
    twin._graph, tensors = model._graph.copied(layers)
    twin._tensors = [tensors[id(tensor)] for tensor in model._tensors]
    twin._layers = [layers[layer] for layer in model._layers]
    twin._connected = [layers[layer] for layer in model._connected]
    twin._first = layers[model._first]
    if model._frozen is not None:
        twin._frozen = frozenset(layers[layer] for layer in model._frozen)
    twin._assembly = assembly.replica(arena, [layers[layer] for layer in model.layers])
    arena.models.add(twin)
    if numbers is None:
        model.compiled_step()
    twin._compilation = model._compilation.replica(twin._assembly)
    twin._named_rows = NamedRows(model._named_rows.names)
    twin._online = twin._predictor = None
    twin.begin()
    if numbers is not None:
        twin.stream = numbers.stream
        take_up(twin.optimizer, arena.vector, numbers.slots, numbers.iterations)
    return twin


class Blueprint:
    """Make replicas of a simple model as numbers, which compiled calls train, and Models later.

    Parameters
    ----------
    model : Model
        Simple and compiled; later changes of it do not matter.

    Attributes
    ----------
    pattern : Model
        The one that was given.
    model : Model
        A replica of it, whose weights mean nothing.
    """

    def __init__(self, model):
        self.pattern = model
        vector = flat_vector(model.parameters.size, model.parameters.dtype)
        slots = new_slots(vector, model.optimizer.all_slots())
        model.compiled_step()  # which is shared
        self.model = replica_of(model, Numbers(vector, slots, Stream(0), np.zeros(1, np.int64)))
        self._slots, self._fills = self.model.optimizer.all_slots(), []
        for layer in self.model.layers:
            specs = layer.weight_specs(layer.input_shape)
            for variable, weight in zip(layer.variables, specs, strict=True):
                if type(weight.initializer) is not Zeros:
                    part = slice(variable.offset, variable.offset + variable.size)
                    self._fills.append((part, _filling(weight)))

    def __reduce__(self):
        return Blueprint, (self.model,)

    def numbers(self):
        """Return the Numbers that a replica begins with, drawn as ``replicate`` draws them."""
        stream = Stream(streams.next_seed())
        like = self.model.parameters
        vector = flat_vector(like.size, like.dtype)
        for part, fill in self._fills:
            fill(vector[part])
        slots, iterations = new_slots(vector, self._slots), np.zeros(1, np.int64)
        return Numbers(vector, slots, stream, iterations)


def numbers_of(model):
    """Return the Numbers of a model as they are now; training changes them."""
    step = model.compiled_step()
    state = step.state()
    return Numbers(step.assembly.parameters, state.slots, model.stream, state.iterations)


def _filling(weight):
    """Return a function that gives a part of a vector the first values of a Weight."""
    initializer = weight.initializer
    if type(initializer).__module__ == Zeros.__module__:
        if isinstance(initializer, VarianceScaling):
            initializer = initializer.for_shape(weight.shape)
        if isinstance(initializer, RandomUniform):
            return initializer.fill

    def fill(part):
        Variable(part, 0, weight.shape).assign(weight.values(part.dtype))

    return fill


def _bare(layer):
    """Return a layer of the same description, without weights and calls."""
    twin = object.__new__(type(layer))
    vars(twin).update(vars(layer))
    twin.variables, twin.arena, twin._inbound_nodes = [], None, []
    return twin
