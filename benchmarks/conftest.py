"""Set-up of the benchmarks. Run them from the project's root: ``pytest benchmarks``."""

import one_thread  # before anything that imports NumPy
import pytest


@pytest.fixture(scope="session", autouse=True)
def one_thread_each():
    one_thread.check()
