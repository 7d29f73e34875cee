"""What every test may use: one engine after another, and a process in its first state."""

import collections
import gc
import signal
import zlib

import pytest

from fastgd import config, utils
from fastgd._engine import builds
from fastgd._registry import names

#: A test with no more cases than this runs all of them in the short suite, too.
FEW = 12
#: Of a parameter with more values than this the short suite takes this many.
MANY = 300


def pytest_configure():
    """Answer Ctrl-C also where a shell that runs the suite in the background ignores it."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(parser):
    parser.addoption(
        "--grid", action="store_true", help="run every case of every test, not a selection"
    )


def pytest_collection_modifyitems(config, items):
    """Without --grid, keep of large tests cases in which each value of a parameter occurs."""
    if config.getoption("--grid"):
        return
    cases = collections.defaultdict(list)
    for item in items:
        cases[item.nodeid.split("[")[0]].append(item)
    kept = {item for found in cases.values() for item in selection(found)}
    config.hook.pytest_deselected(items=[item for item in items if item not in kept])
    items[:] = [item for item in items if item in kept]


def selection(cases):
    """Choose cases of one test until each value of each parameter is met.

    They are looked at in a mixed order, the same in every run, so that not all of them have the
    first values of the other parameters.
    """
    if len(cases) <= FEW or not all(hasattr(case, "callspec") for case in cases):
        return cases
    values = collections.defaultdict(dict)
    for case in cases:
        for name, key in keys(case):
            values[name][key] = None
    wanted = {
        (name, key)
        for name, found in values.items()
        for key in list(found)[:: -(-len(found) // MANY)]
    }
    chosen = []
    for case in sorted(cases, key=lambda case: zlib.crc32(case.nodeid.encode())):
        if wanted & keys(case):
            wanted -= keys(case)
            chosen.append(case)
    return chosen


def keys(case):
    """The parameters of a case, each with what tells its value from the others."""
    return {(name, identity(value)) for name, value in case.callspec.params.items()}


def identity(value):
    try:
        hash(value)
    except TypeError:
        return id(value)
    return type(value), value


def pytest_collection_finish():
    """Tens of thousands of tests stay: each look for garbage need not go through them all."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def _first_state():
    """Same seed, same names, float32, whatever ran before."""
    utils.set_random_seed(1)
    names.reset_names()
    yield
    config.set_floatx("float32")
    config.set_engine(None)


@pytest.fixture(params=list(builds.NAMES))
def engine(request):
    """The name of an engine that new models, and updates, run on during the test."""
    if request.param not in builds.available():
        pytest.skip(f"the {request.param} build was not made, or cannot run on this CPU")
    config.set_engine(request.param)
    return request.param
