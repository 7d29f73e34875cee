"""Write a model as a table."""

from fastgd._data.validation import boolean
from fastgd.errors import ArgumentError


def summary_lines(model, expand_nested=False, show_trainable=False, layer_range=None):
    """Yield the lines of ``model.summary()``; see there."""
    expand_nested = boolean(expand_nested, "expand_nested")
    show_trainable = boolean(show_trainable, "show_trainable")
    layers = _chosen(model, layer_range)
    calls = _calls(model) if model.built else {}
    connected = any(len(reads) != 1 or len(reads[0]) > 1 for reads in calls.values())
    head = ["Layer (type)", "Output Shape", "Param #"]
    head += ["Connected to"] * connected + ["Trainable"] * show_trainable
    rows = [head]
    for layer in layers:
        _add_rows(rows, layer, calls if connected else None, expand_nested, show_trainable, 0)
    widths = [max(len(row[i]) for row in rows) + 2 for i in range(len(head))]
    yield f'Model: "{model.name}"'
    yield _rule("┏┳┓", "━", widths)
    yield _line(rows[0], "┃", widths)
    yield _rule("┡╇┩", "━", widths)
    for row in rows[1:]:
        yield _line(row, "│", widths)
    yield _rule("└┴┘", "─", widths)
    if not model.built:
        yield "Total params: 0"
        return
    dtype = model.dtype
    total = [v.nbytes for v in model.weights], model.count_params()
    trained = [v.nbytes for v in model.trainable_variables]
    count = sum(v.size for v in model.trainable_variables)
    yield f"Total params: {total[1]:,} ({_size(sum(total[0]))}, {dtype})"
    yield f"Trainable params: {count:,} ({_size(sum(trained))})"
    yield f"Non-trainable params: {total[1] - count:,} ({_size(sum(total[0]) - sum(trained))})"


def _chosen(model, layer_range):
    """Return the layers from the first name of the range to the last."""
    layers = model.layers
    if layer_range is None:
        return layers
    names = [layer.name for layer in layers]
    pair = layer_range if isinstance(layer_range, (list, tuple)) else ()
    if len(pair) != 2 or not all(isinstance(name, str) and name in names for name in pair):
        raise ArgumentError(
            f"layer_range: expected two names of layers, got {layer_range!r} "
            f"(there are: {', '.join(names)})"
        )
    first, last = sorted(map(names.index, pair))
    return layers[first : last + 1]


def _calls(model):
    """Layer -> for each of its calls what it reads, in words."""
    graph = model.graph()
    found = {layer: [] for layer in graph.layers}
    outputs = {}
    for node in graph.nodes:
        outputs.setdefault(node.layer, []).append(node)
        found[node.layer].append([_called(tensor, outputs) for tensor in node.input_tensors])
    return {layer: reads for layer, reads in found.items() if reads}


def _called(tensor, calls):
    """Return Keras' name of a tensor: its layer, the number of the call and of the output."""
    node = tensor.node
    number = calls[node.layer].index(node) if node.layer in calls else 0
    return f"{node.layer.name}[{number}][{tensor.index}]"


def _add_rows(rows, layer, calls, expand_nested, show_trainable, depth):
    indent = "  " * depth
    shape = layer.output_shape if layer.built else "?"
    count = f"{layer.count_params():,}" if layer.built else "0 (unbuilt)"
    row = [f"{indent}{layer.name} ({type(layer).__name__})", str(shape), count]
    if calls is not None:
        reads = [name for call in calls.get(layer, []) for name in call]
        row.append(", ".join(reads) if depth == 0 and reads else "-")
    if show_trainable:
        row.append(
            ("yes" if layer.trainable else "no") if layer.built and layer.variables else "-"
        )
    rows.append(row)
    if expand_nested and layer.built and hasattr(layer, "layers"):
        for inner in layer.layers:
            _add_rows(rows, inner, calls, expand_nested, show_trainable, depth + 1)


def _rule(corners, stroke, widths):
    left, middle, right = corners
    return left + middle.join(stroke * (width + 2) for width in widths) + right


def _line(cells, bar, widths):
    padded = [cell.ljust(width) for cell, width in zip(cells, widths, strict=True)]
    padded[2] = cells[2].rjust(widths[2])
    return f"{bar} " + f" {bar} ".join(padded) + f" {bar}"


def _size(size):
    for unit in ("B", "KiB", "MiB"):
        if size < 1024:
            return f"{size:.{0 if unit == 'B' else 2}f} {unit}"
        size /= 1024
    return f"{size:.2f} GiB"
