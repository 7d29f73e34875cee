"""A model as a table."""


def summary_lines(model):
    """The lines of ``model.summary()``."""
    rows = [("Layer (type)", "Output Shape", "Param #")]
    for layer in model.layers:
        shape = layer.output_shape if layer.built else "?"
        count = f"{layer.count_params():,}" if layer.built else "0 (unbuilt)"
        rows.append((f"{layer.name} ({type(layer).__name__})", str(shape), count))
    widths = [max(len(row[i]) for row in rows) + 2 for i in range(3)]
    yield f'Model: "{model.name}"'
    yield _rule("┏┳┓", "━", widths)
    yield _line(rows[0], "┃", widths)
    yield _rule("┡╇┩", "━", widths)
    for row in rows[1:]:
        yield _line(row, "│", widths)
    yield _rule("└┴┘", "─", widths)
    count = model.count_params() if model.built else 0
    size = f" ({_size(model.parameters.nbytes)}, {model.dtype})" if model.built else ""
    yield f"Total params: {count:,}{size}"


def _rule(corners, stroke, widths):
    left, middle, right = corners
    return left + middle.join(stroke * (width + 2) for width in widths) + right


def _line(cells, bar, widths):
    padded = [cell.ljust(width) for cell, width in zip(cells, widths, strict=True)]
    padded[-1] = cells[-1].rjust(widths[-1])
    return f"{bar} " + f" {bar} ".join(padded) + f" {bar}"


def _size(size):
    for unit in ("B", "KiB", "MiB"):
        if size < 1024:
            return f"{size:.{0 if unit == 'B' else 2}f} {unit}"
        size /= 1024
    return f"{size:.2f} GiB"
