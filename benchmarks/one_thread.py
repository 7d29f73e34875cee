"""One thread for everybody. Imported before NumPy: its BLAS reads this once, as it loads."""

import os
import threading

for name in ("OPENBLAS", "OMP", "MKL", "BLIS"):
    os.environ[f"{name}_NUM_THREADS"] = "1"
os.environ["VECLIB_MAXIMUM_THREADS"] = "1"


def check():
    """An error if BLAS has made threads after all; only Linux tells."""
    import numpy as np

    a = np.ones((512, 512))
    a @ a  # large enough for every BLAS to share it out
    try:
        running = len(os.listdir("/proc/self/task"))
    except FileNotFoundError:
        return
    if running != threading.active_count():
        raise RuntimeError(
            f"{running} threads run, {threading.active_count()} of them Python's: NumPy was "
            "imported before its BLAS could be held to one thread"
        )
