"""The command: ``python -m fastgd bench``."""

import argparse
import contextlib
import json
import sys

from fastgd.bench import picture, table
from fastgd.bench.measure import THREADED, measured
from fastgd.bench.registry import OURS, SIDES
from fastgd.bench.selection import WORKLOADS, everything
from fastgd.bench.worker import Worker

PEERS = [name for name in SIDES if name != OURS]


def add_to(commands):
    """Add ``bench`` to the commands of a parser."""
    parser = commands.add_parser(
        "bench", help="measure fastgd beside NumPy and the frameworks installed here",
        description="Measure fastgd beside NumPy and the frameworks installed here. Each side "
        "first has to compute what fastgd does; then they take turns, and the least time "
        "counts.",
    )  # fmt: skip
    parser.add_argument(
        "-k", default="", metavar="TEXT", help="workloads with TEXT in the name"
    )
    parser.add_argument("--full", action="store_true", help="the whole grid: takes hours")
    parser.add_argument("--list", action="store_true", help="name the workloads and stop")
    parser.add_argument(
        "--peers", type=_peers, default=PEERS, metavar="NAMES",
        help="these only, of " + ",".join(PEERS),
    )  # fmt: skip
    parser.add_argument("--threads", type=_positive, default=1, help="of every side (1)")
    parser.add_argument("--seconds", type=float, default=3, help="at least, a workload (3)")
    parser.add_argument("--rounds", type=_positive, default=3, help="turns of each side (3)")
    parser.add_argument("--goals", action="store_true", help="list what was to be reached")
    parser.add_argument("--json", action="store_true", help="the figures instead of a table")
    parser.add_argument("--picture", metavar="PATH", help="draw the ratios, with matplotlib")
    parser.set_defaults(command=run)


def _positive(text):
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"expected 1 or more, got {text}")
    return value


def _peers(text):
    names = [name for name in text.split(",") if name]
    unknown = sorted(set(names) - set(PEERS))
    if unknown:
        raise argparse.ArgumentTypeError(f"unknown: {', '.join(unknown)}")
    return names


def run(options):
    """Measure and print; returns the exit status, 1 if a side failed."""
    workloads = [
        w for w in (everything() if options.full else WORKLOADS) if options.k in str(w)
    ]
    if options.list:
        print(*workloads, sep="\n")
        return 0
    names = [OURS, *(name for name in options.peers if SIDES[name].installed())]
    where = table.machine(names, options.threads)
    lines = []
    with contextlib.ExitStack() as stack:
        runners = start(stack, names, options.threads)
        if not options.json:
            show([*table.head(where), *table.columns(names, options.threads)])
        for workload in workloads:
            lines.append(measured(workload, runners, options.seconds, options.rounds))
            if not options.json:
                show([table.row(lines[-1], names, options.threads)])
    problems = list(table.problems(lines))
    if options.json:
        show([json.dumps({"machine": where, "results": lines}, indent=2)])
    elif problems:
        show(["", *problems])
    if options.goals and not options.json:
        show(["", *table.goals(lines)])
    if options.picture:
        picture.save(options.picture, where, lines)
    return int(bool(problems))


def start(stack, names, threads):
    """A worker for each side, and one more for fastgd in threads; the stack closes them."""
    clock = "process_time" if threads == 1 else "perf_counter"
    runners = {}
    for name in names:
        count = 1 if name == OURS else threads
        runners[name] = stack.enter_context(
            contextlib.closing(Worker(name, clock, threads, count))
        )
        if name == OURS and threads > 1:
            runners[THREADED] = stack.enter_context(
                contextlib.closing(Worker(name, clock, threads, threads))
            )
    return runners


def show(lines):
    """Print at once, whoever reads."""
    for line in lines:
        print(line, flush=True)


def main():
    """The command line of the package."""
    parser = argparse.ArgumentParser(prog="python -m fastgd")
    add_to(parser.add_subparsers(required=True))
    options = parser.parse_args()
    sys.exit(options.command(options))
