"""Set-up of the benchmarks. Run them from the project's root: ``pytest benchmarks``."""

import os
import runpy
from pathlib import Path

# By its path, since the package would import NumPy, whose BLAS reads the variables as it loads.
_THREADS = Path(__file__).parents[1] / "fastgd" / "bench" / "threads.py"
threads = runpy.run_path(str(_THREADS))
os.environ.update(threads["environment"](1))
threads["hold_cores"](1)
