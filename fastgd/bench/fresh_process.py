"""The side of a fresh process: the same for every framework, but for what it imports."""

import subprocess
import sys

from fastgd.bench.side import Side, nothing

# The child measures its own time, without that of the interpreter's start. A first fit begins
# with NumPy imported, and with fastgd where only the benchmark needs it.
_CODE = """
import sys, time
sys.path[:] = {path!r}
{before}
begin = time.{clock}()
{work}
print(time.{clock}() - begin)
"""

_FIRST_FIT = """
from {module} import {function}
from fastgd.bench.workloads import Training
side = {function}({training!r})
side.restart()
side.run()
"""


def starting_side(statement, training, workload):
    """Return the Side that runs an import statement, or the first fit of a training."""
    module, function = training.__module__, training.__name__
    before, work, first_fit = "", statement, workload.what == "first fit"
    if first_fit:
        before = "import numpy" if statement == "import fastgd" else f"import {module}"
        work = _FIRST_FIT.format(module=module, function=function, training=workload.training)

    def seconds(clock):
        code = _CODE.format(path=sys.path, before=before, clock=clock, work=work)
        command = [sys.executable, "-c", code]
        return float(subprocess.run(command, capture_output=True, check=True).stdout)

    def result():
        return training(workload.training).result() if first_fit else []

    return Side(nothing, result, steps=1, seconds=seconds)
