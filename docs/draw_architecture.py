"""Draw docs/architecture.svg: the rooms of the package, their imports, and the path of x.

    python docs/draw_architecture.py

The rooms come from ROOMS in tests/test_imports.py, the dots from the import statements of the
modules, and the stops of x from the functions named in STOPS, which have to exist.
"""

import ast
from html import escape
from itertools import pairwise
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "fastgd"
PICTURE = ROOT / "docs" / "architecture.svg"

#: (room, label, file, class or "", function) of each stop of x on its way through ``fit``.
STOPS = [
    ("models", "Model.fit", "models/fitting.py", "", "fit"),
    ("_data", "DataAdapter.prepare", "_data/adapter.py", "DataAdapter", "prepare"),
    ("_training", "TrainingLoop.run", "_training/loop.py", "TrainingLoop", "run"),
    ("_core", "Program.train", "_core/engine.pyi", "Program", "train"),
]
#: Another room that holds the last stop, too.
TWIN = ("reference", "or Program.train, in NumPy", "reference/program.py", "Program", "train")
#: From how many imports on a dot has the next size.
SIZES = (1, 10, 40)
SIZE_LABELS = ("1 to 9", "to 39", "more")
RADII = (3, 5.5, 8)

WIDTH, MARGIN, TOP = 1304, 24, 96
FLOOR, GAP, BETWEEN = 54, 18, 12
LEFT, RIGHT = 244, 970  # of the boxes
SHAFT = RIGHT + 18  # the x of the vertical part of the path
DOTS, CELL = 1016, 24
INK, PALE, LINE, PATH = "#1f2937", "#6b7280", "#cbd5e1", "#c2410c"
FLOOR_FILL, PUBLIC, PRIVATE, DOT = "#f1f5f9", "#ffffff", "#dbeafe", "#475569"
SANS = "Helvetica, Arial, 'DejaVu Sans', sans-serif"
MONO = "Menlo, Consolas, 'DejaVu Sans Mono', monospace"


def rooms():
    """Return title -> names of the rooms, from the ground up."""
    tree = ast.parse((ROOT / "tests" / "test_imports.py").read_text())
    for node in tree.body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "ROOMS":
            return ast.literal_eval(node.value)
    raise LookupError("tests/test_imports.py: no ROOMS")


def imports(levels):
    """Return (level, level below or the same) -> the number of imports of modules."""
    counts = {}
    for file in sorted(PACKAGE.rglob("*.py")):
        own = file.relative_to(PACKAGE).with_suffix("").parts[0]
        for node in ast.walk(ast.parse(file.read_text())):
            for name in imported(node):
                other = name.split(".")[1] if "." in name else "__init__"
                pair = levels[own], levels.get(other, levels["__init__"])
                counts[pair] = counts.get(pair, 0) + 1
    return counts


def imported(node):
    """Return the modules of fastgd that a statement imports."""
    if isinstance(node, ast.Import):
        names = [alias.name for alias in node.names]
    elif isinstance(node, ast.ImportFrom) and node.module == "fastgd":
        names = [f"fastgd.{alias.name}" for alias in node.names]
    elif isinstance(node, ast.ImportFrom):
        names = [node.module or ""]
    else:
        names = []
    return [name for name in names if name.split(".")[0] == "fastgd"]


def check_stops():
    """Raise a LookupError if a stop of x is not where STOPS says."""
    for _, label, path, owner, function in (*STOPS, TWIN):
        nodes = ast.parse((PACKAGE / path).read_text()).body
        for name in filter(None, (owner, function)):
            found = [node for node in nodes if getattr(node, "name", None) == name]
            if not found:
                raise LookupError(f"{label}: no {name} in fastgd/{path}")
            nodes = found[0].body


def text(x, y, words, size=13, colour=INK, **more):
    """Return a text; further attributes with "-" written as "_"."""
    more = {"font_family": SANS} | more
    extra = "".join(f' {name.replace("_", "-")}="{value}"' for name, value in more.items())
    return (
        f'<text x="{x:g}" y="{y:g}" font-size="{size}" fill="{colour}"{extra}>'
        f"{escape(words)}</text>"
    )


def rectangle(x, y, width, height, fill, stroke="none", radius=6):
    """Return a rectangle with round corners."""
    return (
        f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="{radius}" '
        f'fill="{fill}" stroke="{stroke}"/>'
    )


def circle(x, y, radius, fill):
    """Return a filled circle."""
    return f'<circle cx="{x:g}" cy="{y:g}" r="{radius:g}" fill="{fill}"/>'


def top_of(level, count):
    """Return the upper edge of a floor; level 0 is the ground."""
    return TOP + (count - 1 - level) * (FLOOR + GAP)


def boxes(floors):
    """Return room -> (x, y, width, height) of its box."""
    labels = {room: label for room, label, *_ in STOPS}
    places = {}
    for level, names in enumerate(floors.values()):
        wanted = [max(8 * len(n) + 12, 8 * len(labels.get(n, "")) + 26) for n in names]
        free = RIGHT - LEFT - BETWEEN * (len(names) - 1) - sum(wanted)
        x = LEFT
        for name, width in zip(names, wanted, strict=True):
            width += free / len(names)
            places[name] = x, top_of(level, len(floors)) + 7, width, FLOOR - 14
            x += width + BETWEEN
    return places


def drawn_floors(floors, places):
    """Return the floors with their titles and boxes."""
    labels = {room: (k, label) for k, (room, label, *_) in enumerate(STOPS, 1)}
    labels[TWIN[0]] = len(STOPS), TWIN[1]
    parts = []
    for level, (title, names) in enumerate(floors.items()):
        y = top_of(level, len(floors))
        parts.append(rectangle(MARGIN, y, RIGHT - MARGIN + 8, FLOOR, FLOOR_FILL, radius=8))
        parts.append(
            text(
                MARGIN + 19,
                y + FLOOR / 2 + 5,
                str(level),
                15,
                PALE,
                font_weight="bold",
                text_anchor="middle",
            )
        )
        parts.append(text(MARGIN + 36, y + FLOOR / 2 + 5, title))
        for name in names:
            left, upper, width, height = places[name]
            middle = left + width / 2
            fill = PRIVATE if name.startswith("_") and "__" not in name else PUBLIC
            parts.append(rectangle(left, upper, width, height, fill, LINE))
            raised = 5 if name in labels else -5
            parts.append(
                text(middle, upper + height / 2 - raised + 0.5, shown(name), 13,
                     text_anchor="middle", font_family=MONO)
            )  # fmt: skip
            if name in labels:
                number, label = labels[name]
                start = middle - (7 * len(label) + 18) / 2
                parts.append(circle(start + 6, upper + height - 10, 7.5, PATH))
                parts.append(
                    text(start + 6, upper + height - 6, str(number), 11, "#ffffff",
                         text_anchor="middle", font_weight="bold")
                )  # fmt: skip
                parts.append(
                    text(start + 18, upper + height - 6, label, 11.5, PATH, font_family=MONO)
                )
    return parts


def shown(name):
    """Return the name of a room as the picture writes it."""
    return {"__init__": "fastgd", "__main__": "python -m fastgd"}.get(name, name)


def drawn_path(places):
    """Return the way of x from stop to stop: beside a neighbour, else by the shaft."""
    parts = []
    stops = [places[room] for room, *_ in STOPS]
    for (x, y, width, height), (to_x, to_y, to_width, _) in pairwise(stops):
        if y == to_y:
            line = f"M{x + width:g} {y + height / 2:g}H{to_x:g}"
        else:
            turn, landing = y + height + 7 + GAP / 2, to_y - 7 - GAP / 2
            at_side = x + width >= RIGHT - 1
            start = f"M{RIGHT:g} {y + height / 2:g}" if at_side else (
                f"M{x + width / 2:g} {y + height:g}V{turn:g}"
            )  # fmt: skip
            line = f"{start}H{SHAFT}V{landing:g}H{to_x + to_width / 2:g}V{to_y:g}"
        parts.append(
            f'<path d="{line}" fill="none" stroke="{PATH}" stroke-width="2.5" '
            'stroke-linejoin="round" marker-end="url(#head)"/>'
        )
    return parts


def drawn_imports(counts, count):
    """Return the triangle of dots: from the floor of a line into the floor of a column."""
    parts = [text(DOTS - 6, TOP - 34, "imports, from a floor into the floors", 12, PALE)]
    for level in range(count):
        x, y = DOTS + level * CELL + CELL / 2, top_of(level, count)
        parts.append(text(x, TOP - 12, str(level), 12, PALE, text_anchor="middle"))
        parts.append(rectangle(DOTS, y, (level + 1) * CELL, FLOOR, FLOOR_FILL, radius=8))
        for other in range(count):
            number = counts.get((level, other), 0)
            if number:
                radius = RADII[sum(number >= size for size in SIZES) - 1]
                at = DOTS + other * CELL + CELL / 2
                parts.append(circle(at, y + FLOOR / 2, radius, PATH if other > level else DOT))
    return parts


def drawn_legend(y):
    """Return the explanations below the picture."""
    parts = [
        rectangle(MARGIN, y, 22, 14, PUBLIC, LINE, 3),
        text(MARGIN + 30, y + 12, "room that users import from", 12, PALE),
        rectangle(MARGIN + 216, y, 22, 14, PRIVATE, LINE, 3),
        text(MARGIN + 246, y + 12, "private room", 12, PALE),
        f'<path d="M{MARGIN + 346} {y + 7}h26" stroke="{PATH}" stroke-width="2.5" '
        'marker-end="url(#head)"/>',
        text(MARGIN + 384, y + 12, "the path of x in Model.fit", 12, PALE),
    ]
    for k, (radius, label) in enumerate(zip(RADII, SIZE_LABELS, strict=True)):
        x = DOTS + 6 + 72 * k
        parts.append(circle(x, y + 7, radius, DOT))
        parts.append(text(x + 14, y + 12, label, 12, PALE))
    return parts


def drawn():
    """Return the picture as the text of an SVG file."""
    check_stops()
    floors = rooms()
    levels = {name: level for level, names in enumerate(floors.values()) for name in names}
    places = boxes(floors)
    bottom = TOP + len(floors) * (FLOOR + GAP)
    height = bottom + 44
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
        f'width="{WIDTH}" height="{height}">',
        "<title>The rooms of fastgd, their imports, and the path of x</title>",
        '<defs><marker id="head" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="4" '
        f'markerHeight="4" orient="auto"><path d="M0 0L8 4L0 8z" fill="{PATH}"/></marker>'
        "</defs>",
        rectangle(0, 0, WIDTH, height, "#ffffff", radius=12),
        text(MARGIN, 40, "The rooms of fastgd", 21, font_weight="bold"),
        text(MARGIN, 64, "A module imports from its own floor and from the floors below it, "
             "never from above.", 13, PALE),
        *drawn_floors(floors, places),
        *drawn_path(places),
        *drawn_imports(imports(levels), len(floors)),
        *drawn_legend(bottom + 6),
        "</svg>",
    ]  # fmt: skip
    return "\n".join(parts) + "\n"


if __name__ == "__main__":
    PICTURE.write_text(drawn())
