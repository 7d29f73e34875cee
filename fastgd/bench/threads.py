"""The same number of threads for every side.

Imports nothing of fastgd: the variables have to be set before NumPy is imported, because its
BLAS reads them as it loads.
"""

import os

_LIBRARIES = ("FASTGD", "OPENBLAS", "OMP", "MKL", "BLIS")


def environment(threads):
    """Return the variables that hold a new process to a number of threads."""
    variables = {f"{name}_NUM_THREADS": str(threads) for name in _LIBRARIES}
    variables["VECLIB_MAXIMUM_THREADS"] = variables["NPROC"] = str(threads)
    variables["TF_NUM_INTRAOP_THREADS"] = variables["TF_NUM_INTEROP_THREADS"] = str(threads)
    if threads == 1:
        variables["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false"
    return variables


def hold_cores(cores):
    """Hold this process to a number of cores, where the system can.

    A library that starts more threads all the same gains nothing by it.
    """
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[-cores:])


def held():
    """Return the number of threads that the environment holds this process to."""
    return int(os.environ["OMP_NUM_THREADS"])
