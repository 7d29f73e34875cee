"""fastgd beside NumPy, in one table: ``python benchmarks/compare.py [--json]``.

Machines are noisy, so the sides take turns (A B C A B C ...), and the least time of each
counts. It is the processor's time, not the clock's: what others run on the same machine in the
meantime is not in it. All sides run in one thread, which is checked.
"""

import one_thread

# isort: split
import argparse
import json
import platform
import time
from pathlib import Path

import numpy as np
from workloads import WORKLOADS

from fastgd import __version__, config


def least_times(prepared, seconds, least_rounds):
    """Microseconds a step of each side: a dict of name -> float."""
    least = dict.fromkeys(prepared.sides, float("inf"))
    end = time.monotonic() + seconds
    rounds = 0
    while rounds < least_rounds or time.monotonic() < end:
        for name, run in prepared.sides.items():
            prepared.restart()
            begin = time.process_time()
            run()
            least[name] = min(least[name], time.process_time() - begin)
        rounds += 1
    return {name: 1e6 * t / prepared.steps for name, t in least.items()}


def measured(workload, seconds, least_rounds):
    """One line of the table: a dict."""
    times = least_times(workload.prepare(), seconds, least_rounds)
    line = {"workload": str(workload), "unit": workload.unit, "goal": workload.goal}
    for name in ("numpy", "plain numpy"):
        if name in times:
            key = name.replace(" ", "_")
            line |= {f"{key}_us": times[name], f"{key}_ratio": times[name] / times["fastgd"]}
    return line | {"fastgd_us": times["fastgd"]}


def machine():
    """What the numbers depend on: a dict."""
    return {
        "cpu": cpu_name(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "numpy": np.__version__,
        "blas": blas(),
        "fastgd": __version__,
        "engine": config.engine(),
    }


def cpu_name():
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def blas():
    used = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
    return f"{used['name']} {used['version']}"


COLUMNS = {
    "NumPy": "numpy_us",
    "fastgd": "fastgd_us",
    "ratio": "numpy_ratio",
    "goal": "goal",
    "plain NumPy": "plain_numpy_us",
    "ratio to plain": "plain_numpy_ratio",
}


def cell(line, key):
    value = line.get(key)
    if value is None:
        return ""
    text = f"{value:.3g}" if value < 100 else f"{value:.0f}"
    return text if key.endswith("_us") else f"{text}x"


def markdown(where, lines):
    """The table, with the machine above it."""
    yield (
        f"{where['cpu']}, {where['system']}, one thread; fastgd {where['fastgd']} "
        f"({where['engine']}), Python {where['python']}, NumPy {where['numpy']} "
        f"({where['blas']}). Times in µs per training step, row or iteration."
    )
    yield ""
    yield "| workload | " + " | ".join(COLUMNS) + " |"
    yield "|---|" + "---:|" * len(COLUMNS)
    for line in lines:
        cells = [cell(line, key) for key in COLUMNS.values()]
        yield f"| {line['workload']} | " + " | ".join(cells) + " |"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="the figures instead of a table")
    parser.add_argument("--seconds", type=float, default=4, help="least time for a workload")
    parser.add_argument("--rounds", type=int, default=5, help="least number of rounds")
    parser.add_argument("-k", default="", help="only workloads whose name contains this")
    options = parser.parse_args()
    one_thread.check()
    where = machine()
    chosen = [w for w in WORKLOADS if options.k in str(w)]
    lines = (measured(w, options.seconds, options.rounds) for w in chosen)
    if options.json:
        print(json.dumps({"machine": where, "results": list(lines)}, indent=2))
    else:
        for text in markdown(where, lines):
            print(text, flush=True)


if __name__ == "__main__":
    main()
