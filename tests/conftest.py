"""What every test may use: one engine after another, and a process in its first state."""

import gc

import pytest

from fastgd import _engines, _names, config, utils


def pytest_collection_finish():
    """Tens of thousands of tests stay: each look for garbage need not go through them all."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def _first_state():
    """Same seed, same names, float32, whatever ran before."""
    utils.set_random_seed(1)
    _names.reset_names()
    yield
    config.set_floatx("float32")
    config.set_engine(None)


@pytest.fixture(params=list(_engines.MODULES))
def engine(request):
    """The name of an engine that new models, and updates, run on during the test."""
    if request.param not in _engines.available():
        pytest.skip(f"the {request.param} build was not made, or cannot run on this CPU")
    config.set_engine(request.param)
    return request.param
