"""Every workload of ``python -m fastgd bench`` by fastgd and NumPy, with pytest-benchmark.

These numbers follow one side over time. For ratios between sides take those of the command,
which lets the sides take turns.
"""

import pytest

from fastgd.bench.frameworks import OURS, find
from fastgd.bench.measure import TOLERANCE, difference
from fastgd.bench.workloads import WORKLOADS, Starting

FRAMEWORKS = find()
IN_PROCESS = [workload for workload in WORKLOADS if type(workload) is not Starting]


@pytest.fixture(scope="module", params=IN_PROCESS, ids=str)
def workload(request):
    return request.param, FRAMEWORKS[OURS].side(request.param).result()


@pytest.mark.parametrize("name", [OURS, "numpy", "numpy-tuned"])
def test_speed(workload, name, benchmark):
    described, expected = workload
    side = FRAMEWORKS[name].side(described)
    if side is None:
        pytest.skip(f"{name} has no such workload")
    difference(side.result(), expected, TOLERANCE[described.dtype])
    benchmark.group = f"{described} ({side.steps} {described.unit}s a run)"
    benchmark.extra_info["steps"] = side.steps
    benchmark.pedantic(side.run, setup=side.restart, rounds=20)
