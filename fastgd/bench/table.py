"""The figures as text."""

import platform
from importlib import metadata
from pathlib import Path

import numpy as np

from fastgd import config
from fastgd.bench.measure import THREADED
from fastgd.bench.registry import OURS, SIDES

_LABELS = {name: entry.label for name, entry in SIDES.items()}


def machine(names, threads):
    """What the figures depend on: a dict.

    Parameters
    ----------
    names : iterable of str
        The sides.
    threads : int
    """
    modules = {module for name in names for module in SIDES[name].needs}
    distributions = metadata.packages_distributions()
    return {
        "cpu": cpu_name(),
        "system": f"{platform.system()} {platform.machine()}",
        "threads": threads,
        "fastgd": config.__version__,
        "engine": config.engine(),
        "python": platform.python_version(),
        "numpy": f"{np.__version__} ({blas()})",
        "peers": {m: metadata.version(distributions[m][0]) for m in sorted(modules)},
    }


def cpu_name():
    """The processor, as it calls itself."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def blas():
    """NumPy's BLAS and its version."""
    used = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
    return f"{used['name']} {used['version']}"


def duration(us):
    """Microseconds, in a unit that suits them."""
    units = {"s": 1e6, "ms": 1e3, "µs": 1, "ns": 1e-3}
    unit, size = next((pair for pair in units.items() if us >= pair[1]), ("ns", 1e-3))
    return f"{three_digits(us / size)} {unit}"


def three_digits(value):
    """A number to three digits, without an exponent."""
    return f"{value:.3g}" if value < 999.5 else f"{value:.0f}"


def head(where):
    """The lines above the table: where, and with what."""
    threads = where["threads"]
    peers = [f"{name} {version}" for name, version in where["peers"].items()]
    versions = [f"Python {where['python']}", f"NumPy {where['numpy']}", *peers]
    yield (
        f"{where['cpu']}, {where['system']}, "
        f"{threads} thread{'s' if threads > 1 else ''} each; "
        f"fastgd {where['fastgd']} ({where['engine']}), {', '.join(versions)}."
    )
    yield ""


def columns(names, threads):
    """The heads of the columns, and the lines that begin the table."""
    heads = ["workload", "fastgd"]
    if threads > 1:
        heads.append(f"fastgd, {threads} threads")
    heads.append("of peak")
    heads += [_LABELS[name] for name in names if name != OURS]
    yield f"| {' | '.join(heads)} |"
    yield "|---|" + "---:|" * (len(heads) - 1)


def row(line, names, threads):
    """A line of the table: the time of each side, and how many times fastgd's that is."""
    us = line["us"]
    cells = [f"{line['workload']} ({line['unit']})", _cell(line, OURS)]
    if threads > 1:
        cells.append(_cell(line, THREADED))
        if THREADED in us and OURS in us:
            cells[-1] += f" ({three_digits(us[OURS] / us[THREADED])}x)"
    cells.append(_share(line.get("share", {})))
    cells += [_cell(line, name) for name in names if name != OURS]
    return f"| {' | '.join(cells)} |"


def _cell(line, name):
    if name in line["problems"]:
        return "failed"
    if name not in line["us"]:
        return ""
    text = duration(line["us"][name])
    ratio = line["ratio"].get(name)
    return text if ratio is None else f"{text} ({three_digits(ratio)}x)"


def _share(share):
    """The limit that is nearer."""
    if not share:
        return ""
    name = max(share, key=share.get)
    return f"{100 * share[name]:.0f} % {'fma' if name == 'multiply_adds' else 'read'}"


def problems(lines):
    """What went wrong, a line each."""
    for line in lines:
        for name, text in line["problems"].items():
            yield f"failed: {line['workload']}, {_LABELS.get(name, name)}: {text}"


def goals(lines):
    """Each goal that was measured, and whether it was reached."""
    for line in lines:
        for goal in line["goals"]:
            verdict = "reached" if goal["reached"] >= goal["expected"] else "MISSED"
            figures = [three_digits(goal[key]) for key in ("reached", "expected")]
            what = _LABELS.get(goal["goal"], goal["goal"])
            yield f"{verdict}: {line['workload']}, {what}: {figures[0]}, goal {figures[1]}"
