"""The values as text; ``labels`` is name -> head of the column of each framework."""

import platform
import re
from importlib import metadata
from pathlib import Path

import numpy as np

from fastgd import config
from fastgd.bench.frameworks import OURS
from fastgd.bench.measure import THREADED


def machine(frameworks, threads):
    """Return what the times depend on: CPU, system, and versions, as a dict."""
    modules = sorted({module for framework in frameworks for module in framework.needs})
    distributions = metadata.packages_distributions()
    blas = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
    return {
        "cpu": cpu_name(),
        "system": f"{platform.system()} {platform.machine()}",
        "threads": threads,
        "fastgd": config.__version__,
        "engine": config.engine(),
        "python": platform.python_version(),
        "numpy": f"{np.__version__} ({blas['name']} {blas['version']})",
        "peers": {m: metadata.version(distributions[m][0]) for m in modules},
    }


def cpu_name():
    """Return the processor's name for itself."""
    file = Path("/proc/cpuinfo")
    text = file.read_text() if file.exists() else ""
    found = re.search(r"^model name\s*: *(.*)", text, re.M)
    return found[1] if found else platform.processor() or platform.machine()


def duration(us):
    """Return microseconds as text, in a unit that suits them."""
    units = {"s": 1e6, "ms": 1e3, "µs": 1, "ns": 1e-3}
    unit, size = next((pair for pair in units.items() if us >= pair[1]), ("ns", 1e-3))
    return f"{three_digits(us / size)} {unit}"


def three_digits(value):
    """Return a number to three digits, without an exponent."""
    return f"{value:.3g}" if value < 999.5 else f"{value:.0f}"


def head(where):
    """Yield the lines above the table: machine and versions."""
    threads = where["threads"]
    peers = [f"{name} {version}" for name, version in where["peers"].items()]
    versions = [f"Python {where['python']}", f"NumPy {where['numpy']}", *peers]
    yield (
        f"{where['cpu']}, {where['system']}, "
        f"{threads} thread{'s' if threads > 1 else ''} each; "
        f"fastgd {where['fastgd']} ({where['engine']}), {', '.join(versions)}."
    )
    yield ""


def columns(labels, threads):
    """Yield the two lines that begin the table."""
    heads = ["workload", "fastgd", *([f"fastgd, {threads} threads"] if threads > 1 else [])]
    heads += ["of peak", *(label for name, label in labels.items() if name != OURS)]
    yield f"| {' | '.join(heads)} |"
    yield "|---|" + "---:|" * (len(heads) - 1)


def row(line, labels, threads):
    """Return a line of the table: the time of each side, and its ratio to fastgd's."""
    us = line["us"]
    cells = [f"{line['workload']} ({line['unit']})", _cell(line, OURS)]
    if threads > 1:
        cells.append(_cell(line, THREADED))
        if THREADED in us and OURS in us:
            cells[-1] += f" ({three_digits(us[OURS] / us[THREADED])}x)"
    share, percent = line.get("share"), ""
    if share:  # the limit that is nearer
        name = max(share, key=share.get)
        percent = f"{100 * share[name]:.0f} % {'fma' if name == 'multiply_adds' else 'read'}"
    cells += [percent, *(_cell(line, name) for name in labels if name != OURS)]
    return f"| {' | '.join(cells)} |"


def _cell(line, name):
    if name in line["problems"]:
        return "failed"
    if name not in line["us"]:
        return ""
    text, ratio = duration(line["us"][name]), line["ratio"].get(name)
    return text if ratio is None else f"{text} ({three_digits(ratio)}x)"


def problems(lines, labels):
    """Yield a line for each side that failed."""
    for line in lines:
        for name, text in line["problems"].items():
            yield f"failed: {line['workload']}, {labels.get(name, name)}: {text}"
