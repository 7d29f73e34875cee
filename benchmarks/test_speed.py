"""Every workload on every side, with pytest-benchmark.

These numbers follow one side over time. For ratios between sides take those of compare.py,
which lets the sides take turns.
"""

import pytest
from workloads import WORKLOADS


@pytest.fixture(scope="module", params=WORKLOADS, ids=str)
def workload(request):
    return request.param, request.param.prepare()


@pytest.mark.parametrize("side", ["numpy", "fastgd", "plain numpy"])
def test_speed(workload, side, benchmark):
    description, prepared = workload
    if side not in prepared.sides:
        pytest.skip(f"there is no {side} for this workload")
    benchmark.group = f"{description} ({prepared.steps} {description.unit}s a call)"
    benchmark.extra_info["steps"] = prepared.steps
    benchmark.pedantic(prepared.sides[side], setup=prepared.restart, rounds=20)
