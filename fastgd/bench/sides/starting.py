"""A fresh process: the same for every side, but for what it imports and trains."""

import subprocess
import sys

from fastgd.bench.side import Side, nothing

# The child tells its own time, since that of its interpreter is not meant. A first fit begins
# with NumPy loaded, and with fastgd too where that is only needed for the benchmark.
_CODE = """
import time
{before}
begin = time.{clock}()
{work}
print(time.{clock}() - begin)
"""

_FIRST_FIT = """
from fastgd.bench.sides import {module}
from fastgd.bench.workloads import Training
side = {module}.{function}({training!r})
side.restart()
side.run()
"""


def starting(statement, training, workload):
    """The side that imports by a statement, and trains by a function of ``sides``."""
    module = training.__module__.rpartition(".")[2]
    work = statement
    if workload.what == "first fit":
        work = _FIRST_FIT.format(
            module=module, function=training.__name__, training=workload.training
        )
    before = ""
    if workload.what == "first fit":
        before = (
            "import numpy" if statement == "import fastgd" else "import fastgd.bench.workloads"
        )

    def seconds(clock):
        code = _CODE.format(before=before, clock=clock, work=work)
        command = [sys.executable, "-c", code]
        return float(subprocess.run(command, capture_output=True, check=True).stdout)

    def result():
        return training(workload.training).result() if workload.what == "first fit" else []

    return Side(run=nothing, result=result, steps=1, seconds=seconds)
