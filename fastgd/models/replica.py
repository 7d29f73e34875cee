"""Models made after another: what never changes is shared."""

import copy
from dataclasses import replace

from fastgd._engine import streams
from fastgd._engine.arena import first_home
from fastgd._engine.plan import flat_vector
from fastgd._registry.custom import by_reference, custom_object_scope
from fastgd.models.compiled import Ready


def by_description(model):
    """A model made anew from a model's configuration, compiled alike."""
    with by_reference() as references:
        config = model.get_config()
        with custom_object_scope(references):
            twin = type(model).from_config(config)
    if model.compiled:
        chosen = {k: v for k, v in model._compile_arguments.items() if k != "optimizer"}
        twin.compile(model.optimizer.fresh(), **copy.deepcopy(chosen))
    twin.feature_names = model.feature_names
    return twin


def is_simple(model):
    """Whether a Sequential may share all but numbers: nothing of it is of the user's own."""
    if not model.built or not all(_is_ours(layer, "layers") for layer in model._layers):
        return False
    network, optimizer = model.network(), model.optimizer
    plan, home = network.plan, network.home
    return (
        _is_ours(model, "models")
        and network.plain
        and network.parameters is home.vector
        and set(home.living()) <= set(model._layers)
        and not (plan.functions or plan.activities)
        and not len(plan.penalties)
        and not len(plan.constraints)
        and not model._objective.own_losses
        and all(metric.compiled for metric in model.metrics)
        and (optimizer is None or _is_ours(optimizer, "optimizers"))
    )


def _is_ours(thing, package):
    return type(thing).__module__.startswith(f"fastgd.{package}.")


def replica_of(model):
    """A model like a simple one, with numbers of its own."""
    network = model.network()
    twin = object.__new__(type(model))
    vars(twin).update(vars(model))
    twin.seed = streams.next_seed()
    layers = {layer: _bare(layer) for layer in (*model._graph.layers, *model._layers)}
    home = first_home(
        [(layers[layer], layer._input_shape) for layer in model.layers], network.dtype
    )
    twin._inbound_nodes = []
    twin._graph, tensors = model._graph.copied(layers)
    twin._tensors = [tensors[id(tensor)] for tensor in model._tensors]
    twin._layers = [layers[layer] for layer in model._layers]
    twin._connected = [layers[layer] for layer in model._connected]
    twin._first = layers[model._first]
    if model._frozen is not None:
        twin._frozen = frozenset(layers[layer] for layer in model._frozen)
    twin._network = _network_of(network, home, [layers[layer] for layer in model.layers])
    home.models.add(twin)
    model.ready()
    twin._program = {
        weighted: Ready(
            ready.program.replica(home.vector, twin._network.gradients),
            ready.totals_size,
            ready.figures,
        )
        for weighted, ready in list(model._program.items())
    }
    twin.optimizer = None if model.optimizer is None else model.optimizer.fresh()
    twin.begin()
    return twin


def _bare(layer):
    """A layer of the same description, without weights and calls."""
    twin = object.__new__(type(layer))
    vars(twin).update(vars(layer))
    twin.variables, twin.home, twin._inbound_nodes = [], None, []
    return twin


def _network_of(network, home, layers):
    """The network of the same plan for other layers."""
    variables = [variable for layer in layers for variable in layer.variables]
    trained = {id(variable) for variable in network.trained}
    return replace(
        network,
        home=home,
        parameters=home.vector,
        gradients=flat_vector(home.vector.size, network.dtype),
        variables=variables,
        trained=[
            mine
            for mine, other in zip(variables, network.variables, strict=True)
            if id(other) in trained
        ],
    )
