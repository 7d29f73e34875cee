"""Make models after another: what never changes is shared."""

import copy

from fastgd._core.engine import Stream
from fastgd._data.named_row import NamedRows
from fastgd._engine import streams
from fastgd._engine.arena import new_arena
from fastgd._registry.custom import by_reference, custom_object_scope


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
    twin.feature_names = model.feature_names
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


def replica_of(model):
    """Return a model like a simple one, with numbers of its own."""
    assembly = model.assembly()
    twin = object.__new__(type(model))
    vars(twin).update(vars(model))
    twin.stream = Stream(streams.next_seed())
    layers = {layer: _bare(layer) for layer in (*model._graph.layers, *model._layers)}
    arena = new_arena(
        [(layers[layer], layer._input_shape) for layer in model.layers], assembly.dtype
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
    model.compiled_step()
    twin._compilation = model._compilation.replica(twin._assembly)
    twin._named_rows = NamedRows(model._named_rows.names)
    twin._online = twin._predictor = None
    twin.begin()
    return twin


def _bare(layer):
    """Return a layer of the same description, without weights and calls."""
    twin = object.__new__(type(layer))
    vars(twin).update(vars(layer))
    twin.variables, twin.arena, twin._inbound_nodes = [], None, []
    return twin
