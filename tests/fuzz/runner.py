"""Run cases in processes of their own, which may crash, hang or ask for too much memory."""

import concurrent.futures
import faulthandler
import importlib
import json
import os
import pathlib
import resource
import signal
import subprocess
import sys
import tempfile
import traceback
import warnings

FOLDER = pathlib.Path(__file__).parent
KINDS = ("files", "calls")
#: The cases of a seed have numbers of their own.
NUMBERS_OF_A_SEED = 10**9
#: A case may take so many seconds of computing, or of waiting (for other processes, too).
COMPUTING, WAITING = 5, 120
#: The address space of a process, in bytes.
MEMORY = 4 << 30
#: So many cases a process is given at a time.
PORTION = 500


class Failure(Exception):
    """Report what a case must not lead to."""


def run(kind, numbers, processes=2):
    """Yield the failures of cases as lines of text, each with the number that repeats it."""
    portions = [numbers[i : i + PORTION] for i in range(0, len(numbers), PORTION)]
    with concurrent.futures.ThreadPoolExecutor(processes) as pool:
        for found in pool.map(lambda numbers: list(failures(kind, numbers)), portions):
            yield from found


def failures(kind, numbers):
    """Yield the failures of some cases; after a crash another process goes on behind it."""
    numbers = list(numbers)
    while numbers:
        with tempfile.TemporaryFile("w+") as errors:
            worker = subprocess.Popen(
                [sys.executable, str(FOLDER), kind, "--worker", str(COMPUTING)],
                env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
                text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors,
            )  # fmt: skip
            worker.stdin.write(json.dumps(numbers))
            worker.stdin.close()
            number = None
            for line in worker.stdout:
                word, _, rest = line.rstrip("\n").partition(" ")
                if word == "begin":
                    number = int(rest)
                elif word == "failure":
                    yield rest
            worker.stdout.close()
            code = worker.wait()
            if code == 0:
                return
            errors.seek(0)
            if number is None:
                raise RuntimeError(f"no case could begin: {errors.read()}")
            what = (
                "a hang" if code in (-signal.SIGPROF, -signal.SIGALRM) else f"a crash, {code}"
            )
            yield f"{kind} {number}: {what}: {_last_words(errors.read())}"
        numbers = numbers[numbers.index(number) + 1 :]


def _last_words(text):
    return " | ".join(line.strip() for line in text.splitlines()[-14:])


def work(kind, computing):
    """Run the cases of stdin in this process; print which one begins and which ones fail."""
    numbers = json.load(sys.stdin)
    case = _prepared(kind)
    for number in numbers:
        print("begin", number, flush=True)
        failure = _tried(case, number, computing)
        if failure is not None:
            text = " ".join(f"{kind} {number}: {failure}".split())
            print("failure", text[:2000], flush=True)
    return 0


def alone(kind, number):
    """Run one case, and show all of its failure."""
    failure = _tried(_prepared(kind), number, COMPUTING)
    if failure is not None:
        traceback.print_exception(failure)
    return failure is not None


def _prepared(kind):
    """Return the function of a case, in a process that is ready for the worst."""
    case = importlib.import_module(f"fuzz.{kind}" if kind in KINDS else kind).case
    warnings.simplefilter("ignore")
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, resource.getrlimit(resource.RLIMIT_AS)[1]))
    for number in (signal.SIGPROF, signal.SIGALRM):  # they end the process, by default
        faulthandler.register(number, chain=True)
    faulthandler.enable()
    os.chdir(tempfile.gettempdir())
    return case


def _tried(case, number, computing):
    """Return the error that a case fails with, or None."""
    signal.setitimer(signal.ITIMER_PROF, computing)
    signal.setitimer(signal.ITIMER_REAL, WAITING)
    try:
        case(number)
    except Failure as failure:
        return failure
    except Exception as error:  # the fuzzer's own, or what nobody has caught
        return Failure(f"{traceback.format_exception(error)[-2:]}")
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.setitimer(signal.ITIMER_REAL, 0)
    return None
