"""Pictures of models, drawn by Graphviz."""

from os import PathLike
from pathlib import Path
from typing import Any

from fastgd._registry.extras import needed_by
from fastgd.errors import ArgumentError, MissingExtraError, NotBuiltError


def model_to_dot(
    model: Any, show_shapes: bool = False, show_dtype: bool = False,
    show_layer_names: bool = False, rankdir: str = "TB", expand_nested: bool = False,
    dpi: int = 200, show_layer_activations: bool = False, show_trainable: bool = False,
) -> Any:  # fmt: skip
    """Return a built model's graph as a ``graphviz.Digraph``; its ``source`` is the DOT text.

    Parameters
    ----------
    show_shapes, show_dtype, show_layer_names, show_layer_activations, show_trainable : bool
        What the box of a layer shows besides its class.
    rankdir : {"TB", "LR", "BT", "RL"}
        The direction of the arrows, such as from top to bottom.
    expand_nested : bool
        Whether inner models are drawn as boxes of their layers.
    dpi : int
        Dots an inch.
    """
    if not model.built:
        raise NotBuiltError(f"model: {model.name!r} has no graph yet: call build, or fit")
    if rankdir not in ("TB", "LR", "BT", "RL"):
        raise ArgumentError(f"rankdir: expected 'TB', 'LR', 'BT' or 'RL', got {rankdir!r}")
    graphviz = _graphviz()

    def label(layer):
        kind, activation = type(layer).__name__, getattr(layer, "activation", None)
        lines = [f"{layer.name} ({kind})" if show_layer_names else kind]
        if show_layer_activations and activation is not None:
            lines.append(f"activation: {getattr(activation, '__name__', activation)}")
        if show_shapes:
            lines.append(f"output: {layer.output_shape}")
        if show_dtype:
            lines.append(f"dtype: {layer.result_dtype(model.dtype)}")
        if show_trainable and layer.variables:
            lines.append("trainable" if layer.trainable else "not trainable")
        return "\\n".join(map(graphviz.escape, lines))

    def draw(graph, dot, prefix):
        """Add a graph to a Digraph; return the first and the last box of each layer."""
        boxes = {}
        for i, layer in enumerate(graph.layers):
            name = f"{prefix}{i}"
            boxes[layer] = name, name
            if expand_nested and hasattr(layer, "graph"):
                title, inner = {"label": graphviz.escape(layer.name)}, layer.graph()
                with dot.subgraph(name=f"cluster_{name}", graph_attr=title) as part:
                    within = draw(inner, part, f"{name}_")
                first, last = (ends[0].node.layer for ends in (inner.inputs, inner.outputs))
                boxes[layer] = within[first][0], within[last][1]
            else:
                dot.node(name, label(layer))
        pairs = ((t.node.layer, node.layer) for node in graph.nodes for t in node.input_tensors)
        dot.edges(dict.fromkeys((boxes[tail][1], boxes[head][0]) for tail, head in pairs))
        return boxes

    dot = graphviz.Digraph(model.name)
    dot.attr(rankdir=rankdir, dpi=str(int(dpi)))
    dot.attr("node", shape="box", fontname="Helvetica")
    draw(model.graph(), dot, "layer")
    return dot


def plot_model(model: Any, to_file: str | PathLike[str] = "model.png",
               show_shapes: bool = False, show_dtype: bool = False,
               show_layer_names: bool = False, rankdir: str = "TB", expand_nested: bool = False,
               dpi: int = 200, show_layer_activations: bool = False,
               show_trainable: bool = False, **kwargs: Any) -> Path:  # fmt: skip
    """Draw a model's graph into a file, with the program ``dot`` of Graphviz; return its path.

    Parameters
    ----------
    to_file : str or path
        Its ending names the format, such as .png, .svg or .pdf; .dot and .gv are the source.
    model, show_shapes, show_dtype, show_layer_names, rankdir, expand_nested, dpi, \
show_layer_activations, show_trainable
        See ``model_to_dot``.
    """
    if kwargs:
        raise ArgumentError(f"plot_model: no argument {next(iter(kwargs))!r}")
    dot = model_to_dot(
        model, show_shapes, show_dtype, show_layer_names, rankdir, expand_nested, dpi,
        show_layer_activations, show_trainable,
    )  # fmt: skip
    graphviz, path = _graphviz(), Path(to_file)
    try:
        source = path.suffix in (".dot", ".gv")
        path.write_bytes(dot.source.encode() if source else dot.pipe(path.suffix[1:] or "png"))
    except graphviz.ExecutableNotFound as error:
        hint = "install Graphviz, or write the source with to_file='model.dot'"
        raise MissingExtraError(f"plot_model needs the program dot: {hint}") from error
    except (ValueError, graphviz.CalledProcessError) as error:
        raise ArgumentError(f"to_file: Graphviz cannot write {str(path)!r}: {error}") from None
    return path


def _graphviz():
    with needed_by("a picture of a model"):
        import graphviz
    return graphviz
