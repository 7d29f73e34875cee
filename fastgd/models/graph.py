"""Define a graph of layers: the calls that lead from some symbolic tensors to others."""

from collections import Counter

from fastgd.errors import ArgumentError
from fastgd.layers import Input, InputLayer
from fastgd.layers.symbolic import listed, shapes_of


class Graph:
    """Hold the calls that lead from inputs to outputs.

    Parameters
    ----------
    inputs, outputs : list of KerasTensor
        Inputs that other layers gave, not ``Input``, are cut off from these: the calls behind
        them are repeated from fresh inputs.
    order : sequence of Layer
        Layers that come first in `layers`, behind the inputs' and as they stand here.

    Attributes
    ----------
    inputs, outputs : list of KerasTensor
    input_shapes, output_shapes : list of tuple
        (None, d...) of each.
    nodes : list of Node
        Without those of the inputs; each after those it reads from, and the calls of a branch
        one after the other.
    layers : list of Layer
        The inputs' too, in Keras' order: the farther from the outputs the earlier, and then as
        they are met on the way back from the outputs.

    Raises
    ------
    ArgumentError
        If an output does not come from the inputs, or two layers bear one name.
    """

    def __init__(self, inputs, outputs, order=()):
        if len({id(tensor) for tensor in inputs}) < len(inputs):
            raise ArgumentError("inputs: a tensor is there more than once")
        met, nodes = _way_back(inputs, outputs)
        if not all(isinstance(tensor.node.layer, InputLayer) for tensor in inputs):
            inputs, outputs = replayed(nodes, inputs, outputs)
            met, nodes = _way_back(inputs, outputs)
        self.inputs, self.outputs, self.nodes = list(inputs), list(outputs), nodes
        self.input_shapes = [tensor.shape for tensor in self.inputs]
        self.output_shapes = [tensor.shape for tensor in self.outputs]
        self.layers = _ordered(inputs, met, nodes)
        if order:
            places = {layer: place for place, layer in enumerate(order)}
            places |= {tensor.node.layer: -1 for tensor in self.inputs}
            self.layers.sort(key=lambda layer: places.get(layer, len(order)))
        names = Counter(layer.name for layer in self.layers)
        for name, count in names.items():
            if count > 1:
                raise ArgumentError(f"layers: {count} layers are named {name!r}; rename them")

    @property
    def output_names(self):
        """The names of the layers that outputs come from, numbered where one gives several."""
        names = []
        for tensor in self.outputs:
            name, count = tensor.node.layer.name, 1
            while name in names:
                name, count = f"{tensor.node.layer.name}_{count}", count + 1
            names.append(name)
        return names

    def leaves(self):
        """Return the layers that are no models, those of inner models too, each once."""
        found = {}
        for layer in self.layers:
            found |= dict.fromkeys(layer.leaves())
        return list(found)

    def copied(self, layers):
        """Return a Graph of the same calls of other layers, and id of a tensor -> that there.

        layers: a dict of Layer -> Layer, for all of them.
        """
        tensors = {id(t): layers[t.node.layer].output for t in self.inputs}
        nodes = []
        for node in self.nodes:
            twin = node.copied(layers[node.layer], [tensors[id(t)] for t in node.input_tensors])
            nodes.append(twin)
            for mine, other in zip(node.output_tensors, twin.output_tensors, strict=True):
                tensors[id(mine)] = other
        graph = object.__new__(Graph)
        vars(graph).update(vars(self))
        graph.inputs = [tensors[id(tensor)] for tensor in self.inputs]
        graph.outputs = [tensors[id(tensor)] for tensor in self.outputs]
        graph.layers = [layers[layer] for layer in self.layers]
        graph.nodes = nodes
        return graph, tensors

    def emit(self, table, sources):
        """Add the rows of all layers to a table, from the buffers of the inputs on.

        Returns
        -------
        list of int
            The buffers of the outputs.
        """
        readers = Counter(id(t) for node in self.nodes for t in node.input_tensors)
        readers.update(id(tensor) for tensor in self.outputs)
        buffers = {}

        def written(tensors, targets):
            for tensor, buffer in zip(tensors, targets, strict=True):
                buffers[id(tensor)] = buffer
                if readers[id(tensor)] > 1:
                    table.keep(buffer)

        written(self.inputs, sources)
        for node in self.nodes:
            source = [buffers[id(tensor)] for tensor in node.input_tensors]
            if not isinstance(node.inputs, list):
                (source,) = source
            target = table.layer(node.layer, shapes_of(node.inputs), source)
            written(node.output_tensors, listed(target))
        return [buffers[id(tensor)] for tensor in self.outputs]


def _way_back(inputs, outputs):
    """Return the layers that lead to outputs, as met on the way back, and the calls."""
    begun = {id(tensor) for tensor in inputs}
    met = {}
    nodes, entered = [], set()
    # No recursion, since graphs may be deep: (tensor, who reads it, whether all is done).
    stack = [(tensor, None, False) for tensor in reversed(outputs)]
    while stack:
        tensor, reader, done = stack.pop()
        node = tensor.node
        if done:
            nodes.append(node)
        elif id(tensor) in begun:
            met.setdefault(node.layer, len(met))
        elif node not in entered:
            if isinstance(node.layer, InputLayer):
                who = f"layer {reader.layer.name!r} reads" if reader else "an output is"
                names = [tensor.name for tensor in inputs]
                raise ArgumentError(
                    f"inputs: {who} {tensor.name!r}, which does not come from {names}"
                )
            entered.add(node)
            met.setdefault(node.layer, len(met))
            stack.append((tensor, reader, True))
            stack += [(source, node, False) for source in reversed(node.input_tensors)]
    return met, nodes


def _ordered(inputs, met, nodes):
    """Return the layers in Keras' order."""
    node_depths, depths = {}, {}
    inner = {*nodes, *(tensor.node for tensor in inputs)}
    for node in [*reversed(nodes), *(t.node for t in inputs if t.node.layer in met)]:
        depth = max(node_depths.get(node, 0), depths.get(node.layer, 0))
        depths[node.layer] = node_depths[node] = depth
        for before in {tensor.node for tensor in node.input_tensors} & inner:
            node_depths[before] = max(depth + 1, node_depths.get(before, 0))
    for tensor in inputs:  # those that nothing reads
        if tensor.node.layer not in met:
            depths[tensor.node.layer], met[tensor.node.layer] = 0, -1
    return sorted(depths, key=lambda layer: (-depths[layer], met[layer]))


def replayed(nodes, inputs, outputs, layer_of=lambda layer: layer):
    """Repeat calls from fresh inputs on; return (inputs, outputs).

    layer_of: gives the layer that is called instead of one.
    """
    fresh = {}
    for tensor in inputs:
        layer = tensor.node.layer
        if isinstance(layer, InputLayer):
            fresh[id(tensor)] = layer_of(layer).output
        else:
            name = None if layer_of(layer) is layer else tensor.name
            fresh[id(tensor)] = Input(tensor.shape[1:], dtype=tensor.dtype, name=name)
    for node in nodes:
        sources = [fresh[id(tensor)] for tensor in node.input_tensors]
        layer = layer_of(node.layer)
        called = sources if isinstance(node.inputs, list) else sources[0]
        again = layer.called_on(called)
        for tensor, other in zip(node.output_tensors, again.output_tensors, strict=True):
            fresh[id(tensor)] = other
    return [fresh[id(t)] for t in inputs], [fresh[id(t)] for t in outputs]
