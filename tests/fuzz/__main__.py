"""Run many cases in several processes, or one: ``python tests/fuzz files --count 1000``."""

import argparse
import itertools
import os
import pathlib
import sys

if __package__ in (None, ""):  # started by the name of the folder
    sys.path[0] = str(pathlib.Path(__file__).parent.parent)

from fuzz import calls, runner


def main():
    parser = argparse.ArgumentParser(prog="python tests/fuzz", description=__doc__)
    parser.add_argument("kind", help=" or ".join(runner.KINDS))
    parser.add_argument("--seed", type=int, default=0, help="chooses the numbers of the cases")
    parser.add_argument("--count", type=int, default=1000, help="how many cases")
    parser.add_argument("--family", help="calls of this module alone, such as losses")
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    parser.add_argument("--case", type=int, help="run the case of this number alone, here")
    parser.add_argument("--worker", type=float, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.worker:
        return runner.work(chosen.kind, chosen.worker)
    if chosen.case is not None:
        return runner.alone(chosen.kind, chosen.case)
    numbers = itertools.count(chosen.seed * runner.NUMBERS_OF_A_SEED)
    if chosen.family:
        numbers = (n for n in numbers if calls.family_of(n) == chosen.family)
    numbers = list(itertools.islice(numbers, chosen.count))
    failed = 0
    for failure in runner.run(chosen.kind, numbers, chosen.processes):
        print(failure, flush=True)
        failed += 1
    print(f"{chosen.count} cases of {chosen.kind}, {failed} failures")
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())
