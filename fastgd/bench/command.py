"""The commands of ``python -m fastgd``."""

import argparse
import contextlib
import json
import sys

from fastgd import config
from fastgd.bench import picture, table
from fastgd.bench.frameworks import FOLDER, OURS, adapters, find
from fastgd.bench.measure import THREADED, measured
from fastgd.bench.process import Worker
from fastgd.bench.workloads import WORKLOADS, full_grid

#: How to get the adapters for other frameworks.
MORE = (
    "for other frameworks and goals take the folder benchmarks of fastgd's "
    "repository, and name it with --frameworks"
)


def main():
    """Run the command line of the package."""
    parser = argparse.ArgumentParser(
        prog="python -m fastgd", epilog="python -m fastgd COMMAND --help tells its options.",
        description="A compiled trainer for small dense networks and linear models.",
    )  # fmt: skip
    parser.add_argument("--version", action="version", version=f"fastgd {config.__version__}")
    commands = parser.add_subparsers(
        required=True, dest="COMMAND", metavar="COMMAND", title="commands"
    )
    commands.add_parser(
        "info", help="show the version, and engine, builds, threads and CPU of this machine",
        description="Show what fastgd.show_config shows.",
    )  # fmt: skip
    bench = commands.add_parser(
        "bench", help="measure fastgd beside NumPy and the frameworks installed here",
        description="Measure fastgd beside NumPy and the frameworks installed here. Each first "
        "has to compute what fastgd does; then they take turns, and the least time counts.",
    )  # fmt: skip
    option = bench.add_argument
    option("-k", default="", metavar="TEXT", help="workloads with TEXT in the name")
    option("--full", action="store_true", help="the whole grid: takes hours")
    option("--list", action="store_true", help="name the workloads and stop")
    option("--peers", metavar="NAMES", help="these only, such as numpy,torch")
    option("--frameworks", default=FOLDER, metavar="FOLDER", help=MORE)
    option("--threads", type=_positive, default=1, help="of every side (1)")
    option("--seconds", type=float, default=3, help="at least, a workload (3)")
    option("--rounds", type=_positive, default=3, help="turns of each side (3)")
    option("--goals", action="store_true", help="list the goals, and whether they are reached")
    option("--json", action="store_true", help="the values instead of a table")
    option("--picture", metavar="PATH", help="draw the ratios, with matplotlib")
    options = parser.parse_args()
    if options.COMMAND == "info":
        config.show_config()
        return
    try:
        sys.exit(run(options))
    except argparse.ArgumentTypeError as error:
        bench.error(str(error))


def _positive(text):
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"expected 1 or more, got {text}")
    return value


def _compared(options, more):
    """Return name -> Framework of those to compare, fastgd first."""
    found = find(options.frameworks)
    if options.peers is None:
        if more:
            print(f"This compares fastgd with NumPy; {more}.", file=sys.stderr)
        return {name: one for name, one in found.items() if one.installed()}
    names = [name for name in options.peers.split(",") if name]
    if unknown := sorted(set(names) - set(found)):
        known = ", ".join(name for name in found if name != OURS)
        text = f"--peers: unknown: {', '.join(unknown)}; expected some of {known}"
        raise argparse.ArgumentTypeError("; ".join(filter(None, (text, more))))
    return {name: found[name] for name in [OURS, *names] if found[name].installed()}


def run(options):
    """Measure and print; return the exit status, 1 if a side failed."""
    workloads = full_grid() if options.full else WORKLOADS
    workloads = [workload for workload in workloads if options.k in str(workload)]
    if options.list:
        print(*workloads, sep="\n")
        return 0
    repository = adapters(options.frameworks)
    more = "" if repository else MORE
    if more and options.goals:
        raise argparse.ArgumentTypeError(f"--goals: {more}")
    compared, lines = _compared(options, more), []
    labels = {name: framework.label for name, framework in compared.items()}
    where = table.machine(compared.values(), options.threads)
    with contextlib.ExitStack() as stack:
        runners = start(stack, compared, options.threads)
        if not options.json:
            show([*table.head(where), *table.columns(labels, options.threads)])
        for workload in workloads:
            lines.append(measured(workload, runners, options.seconds, options.rounds))
            if repository:
                lines[-1]["goals"] = repository.goals.compared(lines[-1])
            if not options.json:
                show([table.row(lines[-1], labels, options.threads)])
    problems = list(table.problems(lines, labels))
    if options.json:
        show([json.dumps({"machine": where, "results": lines}, indent=2)])
    elif problems:
        show(["", *problems])
    if options.goals and not options.json:
        show(["", *repository.goals.verdicts(lines, labels)])
    if options.picture:
        picture.save(options.picture, where["cpu"], labels, lines)
    return int(bool(problems))


def start(stack, frameworks, threads):
    """Start a Worker for each framework, and one more for fastgd in threads."""
    # the processor's time leaves other programs out
    clock = "process_time" if threads == 1 else "perf_counter"
    counts = {name: (name, threads) for name in frameworks} | {OURS: (OURS, 1)}
    if threads > 1:
        counts = {OURS: (OURS, 1), THREADED: (OURS, threads)} | counts
    runners = {}
    for name, (framework, count) in counts.items():
        worker = Worker(frameworks[framework], clock, threads, count)
        runners[name] = stack.enter_context(contextlib.closing(worker))
    return runners


def show(lines):
    """Print at once, also into a pipe."""
    for line in lines:
        print(line, flush=True)
