"""A model as a picture."""

import shutil
import subprocess
import warnings
from pathlib import Path

from fastgd.errors import ArgumentError, NotBuiltError


def model_to_dot(
    model,
    show_shapes=False,
    show_dtype=False,
    show_layer_names=False,
    rankdir="TB",
    expand_nested=False,
    dpi=200,
    show_layer_activations=False,
    show_trainable=False,
):
    """A model's graph in the DOT language of Graphviz.

    Parameters
    ----------
    model : Model
        Built.
    show_shapes, show_dtype, show_layer_names, show_layer_activations, show_trainable : bool
        What the box of a layer says besides its class.
    rankdir : {"TB", "LR"}
        From top to bottom, or from left to right.
    expand_nested : bool
        Whether inner models are drawn as boxes of their layers.
    dpi : int
        Dots an inch.

    Returns
    -------
    str

    Raises
    ------
    NotBuiltError
        If the model has no graph yet.

    Examples
    --------
    >>> from fastgd import Sequential, layers, utils
    >>> model = Sequential([layers.Input(shape=(2,), name="x"), layers.Dense(1, name="y")])
    >>> print(utils.model_to_dot(model, show_layer_names=True).splitlines()[-2])
      l0 -> l1;
    """
    if not model.built:
        raise NotBuiltError(f"model: {model.name!r} has no graph yet: call build, or fit")
    if rankdir not in ("TB", "LR", "BT", "RL"):
        raise ArgumentError(f"rankdir: expected 'TB' or 'LR', got {rankdir!r}")

    def label(layer):
        lines = [f"{layer.name} ({type(layer).__name__})"]
        if not show_layer_names:
            lines = [type(layer).__name__]
        activation = getattr(layer, "activation", None)
        if show_layer_activations and activation is not None:
            lines.append(f"activation: {getattr(activation, '__name__', activation)}")
        if show_shapes:
            lines.append(f"output: {layer.output_shape}")
        if show_dtype:
            lines.append(f"dtype: {layer.result_dtype(model.dtype)}")
        if show_trainable and layer.variables:
            lines.append("trainable" if layer.trainable else "not trainable")
        return "\\n".join(lines).replace('"', '\\"')

    boxes, arrows = [], []

    def draw(graph, indent, numbers):
        """Draw a graph; returns the box of each of its tensors' layers."""
        inner = {}
        for layer in graph.layers:
            if expand_nested and hasattr(layer, "graph"):
                boxes.append(f'{indent}subgraph cluster_{len(boxes)} {{ label="{layer.name}";')
                own = draw(layer.graph(), indent + "  ", numbers)
                boxes.append(f"{indent}}}")
                begun = [own[t.node.layer][0] for t in layer.graph().inputs]
                ended = [own[t.node.layer][1] for t in layer.graph().outputs]
                inner[layer] = begun[0], ended[0]
            else:
                name = f"l{len(numbers)}"
                numbers.append(layer)
                boxes.append(f'{indent}{name} [label="{label(layer)}"];')
                inner[layer] = name, name
        for node in graph.nodes:
            for tensor in node.input_tensors:
                arrows.append(f"  {inner[tensor.node.layer][1]} -> {inner[node.layer][0]};")
        return inner

    draw(model.graph(), "  ", [])
    head = [
        f'digraph "{model.name}" {{',
        f"  graph [rankdir={rankdir}, dpi={int(dpi)}];",
        "  node [shape=box, fontname=Helvetica];",
    ]
    return "\n".join([*head, *boxes, *dict.fromkeys(arrows), "}"])


def plot_model(
    model,
    to_file="model.png",
    show_shapes=False,
    show_dtype=False,
    show_layer_names=False,
    rankdir="TB",
    expand_nested=False,
    dpi=200,
    show_layer_activations=False,
    show_trainable=False,
    **kwargs,
):
    """Draw a model's graph into a file, by the program ``dot`` of Graphviz.

    Parameters
    ----------
    to_file : str or path
        Its ending says the format: .png, .svg, .pdf; .dot for the source itself.
    model, show_shapes, show_dtype, show_layer_names, rankdir, expand_nested, dpi, \
show_layer_activations, show_trainable
        See ``model_to_dot``.

    Returns
    -------
    Path
        What was written. Without the program that is the source, beside `to_file`, and a
        warning says so.
    """
    if kwargs:
        raise ArgumentError(f"plot_model: no argument {next(iter(kwargs))!r}")
    source = model_to_dot(
        model, show_shapes, show_dtype, show_layer_names, rankdir, expand_nested, dpi,
        show_layer_activations, show_trainable,
    )  # fmt: skip
    path = Path(to_file)
    kind = path.suffix[1:]
    program = shutil.which("dot")
    if kind not in ("dot", "gv") and program is not None:
        command = [program, f"-T{kind or 'png'}", "-o", str(path)]
        done = subprocess.run(command, input=source.encode(), capture_output=True)
        if done.returncode:
            raise ArgumentError(f"to_file: dot failed: {done.stderr.decode().strip()}")
        return path
    if kind not in ("dot", "gv"):
        path = path.with_suffix(".dot")
        warnings.warn(
            f"to_file: the program dot of Graphviz is not there, so its source is in {path}",
            stacklevel=2,
        )
    path.write_text(source + "\n", encoding="utf-8")
    return path
