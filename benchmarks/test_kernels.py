"""The scalar functions, a vector at a time, and the peaks of the core, with pytest-benchmark.

Products and updates have no entrance of their own: the networks of test_speed.py time them.
"""

import numpy as np
import pytest

from fastgd._engine import builds

COUNT = 4096

BUILD = builds.available()[0]
kernels = builds.kernels(BUILD)
scalars = pytest.importorskip(
    f"fastgd._core.scalars_{BUILD}", reason="needs make test's modules"
)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", scalars.SCALAR_FUNCTIONS)
def test_scalar_function(name, dtype, benchmark):
    x = np.random.default_rng(1).uniform(0.1, 3, COUNT).astype(dtype)
    benchmark.group = f"{COUNT} values of {dtype}"
    y = benchmark(scalars.scalar_map, name, x)
    assert np.isfinite(y).all()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_multiply_adds(dtype, benchmark):
    count = benchmark(kernels.multiply_adds, 10_000, dtype)
    benchmark.extra_info["multiply_adds"] = count
    assert count > 0


@pytest.mark.parametrize("size", [2**14, 2**18, 2**22, 2**26])
def test_read_through(size, benchmark):
    benchmark.group = "reading"
    read, checksum = benchmark(kernels.read_through, np.ones(size // 8, np.int64), 1)
    assert (read, checksum) == (size, size // 8)
