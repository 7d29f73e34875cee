"""The engine: programs of networks and passes over linear models, for the kernels of any CPU.

The parameter `kernels` is the table of an instruction set, see ``fastgd._engine.builds``.
"""

cimport numpy as np
from cpython.dict cimport PyDict_GetItemWithError, PyDict_Next
from cpython.float cimport PyFloat_AS_DOUBLE
from cpython.long cimport PyLong_AsLongLongAndOverflow, PyLong_AsUnsignedLongLongMask
from cpython.pycapsule cimport PyCapsule_GetPointer
from cpython.ref cimport PyObject
from libc.math cimport INFINITY
from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t
from libc.string cimport memcpy, memset

from fastgd._core.clock cimport now
from fastgd._core.kernels cimport *
from fastgd._core.linear cimport *
from fastgd._core.network cimport *
from fastgd._core.optimizer cimport *
from fastgd._core.random cimport draw
from fastgd._core.scalar cimport is_finite, real
from fastgd._core.team cimport *
from fastgd._core.types cimport *

import os
import threading
from collections import namedtuple

import numpy

from fastgd._core.arrays import aligned_zeros
from fastgd._core.types import ROW
from fastgd.errors import ArgumentError, DivergenceError, EngineError, ShapeError

TableRow = namedtuple("TableRow", ROW.names)

np.import_array()


cdef inline void* address(np.ndarray a):
    return np.PyArray_DATA(a)


cdef const NetworkKernels* network_kernels(kernels, int type_number) except NULL:
    """Return the kernels for float or for double."""
    cdef const Kernels* table = <const Kernels*>PyCapsule_GetPointer(kernels, NULL)
    return &table.network[type_number != np.NPY_FLOAT]


cdef const LinearKernels* linear_kernels(kernels) except NULL:
    return &(<const Kernels*>PyCapsule_GetPointer(kernels, NULL)).linear


include "engine/threads.pxi"
include "engine/calls.pxi"
include "engine/flags.pxi"
include "engine/private_steps.pxi"
include "engine/ranks.pxi"
include "engine/spans.pxi"
include "engine/arguments.pxi"
include "engine/layout.pxi"
include "engine/plain_row.pxi"
include "engine/job.pxi"
include "engine/replicas.pxi"
include "engine/epochs.pxi"
include "engine/input_gradients.pxi"
include "engine/private_norms.pxi"
include "engine/program.pxi"
include "engine/draws.pxi"
include "engine/private_draws.pxi"
include "engine/predictor.pxi"
include "engine/eager.pxi"
include "engine/descent.pxi"
include "engine/rows.pxi"
include "engine/decisions.pxi"
include "engine/linear_sgd.pxi"
include "engine/row_predictor.pxi"
include "engine/linear_objective.pxi"
include "engine/weighted_gram.pxi"
include "engine/coordinate_descent.pxi"
include "engine/algebra.pxi"
