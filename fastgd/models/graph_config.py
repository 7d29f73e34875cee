"""Describe a model's graph as plain data, and make a model from that."""

import inspect

from fastgd._registry.objects import serialize_object
from fastgd.errors import ArgumentError
from fastgd.layers import InputLayer
from fastgd.layers.symbolic import is_shapes, listed


def config_of(model, arguments):
    """Return a model's config: its graph, or the arguments of its constructor.

    arguments : (tuple, dict), or None where the graph is the description.
    """
    if arguments is None:
        described = {"name": model.name, "trainable": model.trainable, "dtype": model._dtype}
        return described | graph_config(
            model.graph(), model._input_structure, model._output_structure
        )
    args, kwargs = arguments
    bound = inspect.signature(type(model).__init__).bind(model, *args, **kwargs)
    found = dict(list(bound.arguments.items())[1:])
    for parameter in bound.signature.parameters.values():
        if parameter.kind is parameter.VAR_KEYWORD:
            found |= found.pop(parameter.name, {})
    return found | {"build_input_shape": model._traced_shape}


def from_config(cls, config):
    """Return the model of a class, with fresh weights, that ``config_of`` describes."""
    if "calls" in config and "layers" in config:
        inputs, outputs = tensors_from(config)
        arguments = {k: config[k] for k in ("name", "trainable", "dtype") if k in config}
        return cls(inputs, outputs, **arguments)
    config = dict(config)
    shape = config.pop("build_input_shape", None)
    model = cls(**config)
    if shape is not None:
        model.build(_shape_from(shape))
    return model


def graph_config(graph, input_structure, output_structure):
    """Return a graph as plain data: a dict.

    ``layers`` are their configs. ``calls`` are [number of the layer, what it reads], in an
    order in which they can be made again; a tensor is [number of its layer, number of the call
    among that layer's, number of the output].

    Parameters
    ----------
    graph : Graph
    input_structure, output_structure : Structure
    """
    numbers = {layer: number for number, layer in enumerate(graph.layers)}
    counts = dict.fromkeys(graph.layers, 0)
    places = {}  # id of a tensor -> what stands for it
    calls = []
    for node in (*(tensor.node for tensor in graph.inputs), *graph.nodes):
        layer = node.layer
        for tensor in node.output_tensors:
            places[id(tensor)] = [numbers[layer], counts[layer], tensor.index]
        counts[layer] += 1
        if node.input_tensors:
            sources = [places[id(tensor)] for tensor in node.input_tensors]
            several = isinstance(node.inputs, list)
            calls.append([numbers[layer], sources if several else sources[0]])
    return {
        "layers": [serialize_object(layer) for layer in graph.layers],
        "calls": calls,
        "input_layers": input_structure.of([places[id(t)] for t in graph.inputs]),
        "output_layers": output_structure.of([places[id(t)] for t in graph.outputs]),
    }


def tensors_from(config):
    """Return the inputs and outputs that ``graph_config`` describes: those of new layers.

    Raises
    ------
    ArgumentError
        If the config does not describe a graph.
    """
    layers = config["layers"]
    counts = [0] * len(layers)
    tensors = {}  # (number of a layer, of a call) -> the outputs
    try:
        for number, layer in enumerate(layers):
            if isinstance(layer, InputLayer):
                tensors[number, 0] = [layer.output]
        for number, place in config["calls"]:
            outputs = layers[number].called_on(_at(place, tensors)).outputs
            tensors[number, counts[number]] = listed(outputs)
            counts[number] += 1
        return _at(config["input_layers"], tensors), _at(config["output_layers"], tensors)
    except (KeyError, IndexError, TypeError, AttributeError) as error:
        raise ArgumentError(f"config: it does not describe a graph: {error!r}") from error


def _at(place, tensors):
    """Return the tensor at a place, or those at places in a list or dict."""
    if isinstance(place, dict):
        return {key: _at(one, tensors) for key, one in place.items()}
    if isinstance(place[0], int):
        layer, call, output = place
        return tensors[layer, call][output]
    return [_at(one, tensors) for one in place]


def _shape_from(shape):
    """Return a shape, or a list or dict of them, as it was before JSON made lists of tuples."""
    if isinstance(shape, dict):
        return {name: tuple(one) for name, one in shape.items()}
    return [tuple(one) for one in shape] if is_shapes(shape) else tuple(shape)
