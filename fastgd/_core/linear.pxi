# Linear models: losses of x w + b over the rows of a dense or sparse matrix. Included by each
# linear_*.pyx, apart from the networks' program, so that either compiles without the other.
#
# x is float or double, all else is double: weights, decisions, targets and sums. A weight is
# changed millions of times by parts of itself that float would round away, and what it costs is
# the conversion of x on its way into a vector.

cimport numpy as np
from libc.math cimport INFINITY
from libc.stdint cimport int32_t, int64_t, uint64_t
from posix.time cimport CLOCK_MONOTONIC, clock_gettime, timespec

from fastgd._core.scalar cimport (
    absolute, exponential, fmadd, is_finite, log_of_parts, logarithm, power_of_two, real,
    reduced_high, select, shifted_exponent, sigmoid, softplus, square_root, subtract_low,
    unshifted, with_sign_of,
)
from fastgd._core.types cimport *

import numpy

np.import_array()

include "threads.pxi"
include "sums.pxi"
include "shuffle.pxi"
include "linear_rows.pxi"
include "linear_lines.pxi"
include "linear_losses.pxi"

cdef inline void* address(np.ndarray a):
    return np.PyArray_DATA(a)


cdef inline bint is_line(np.ndarray x, int64_t d) noexcept:
    """Whether x can be read in place as a row of d numbers."""
    return (np.PyArray_NDIM(x) == 1 and np.PyArray_DIM(x, 0) == d
            and np.PyArray_ISCARRAY_RO(x)
            and (np.PyArray_TYPE(x) == np.NPY_FLOAT or np.PyArray_TYPE(x) == np.NPY_DOUBLE))


cdef inline double now() noexcept nogil:
    cdef timespec t
    clock_gettime(CLOCK_MONOTONIC, &t)
    return <double>t.tv_sec + 1e-9 * <double>t.tv_nsec


include "linear_rates.pxi"
include "linear_steps.pxi"
include "linear_sgd.pxi"


cdef struct Decision:
    const RowTable* rows
    int64_t first
    int64_t last
    int64_t outputs
    const double* coef          # (outputs, d)
    const double* intercept     # (outputs,)
    double* out                 # (n, outputs)


cdef void decide(void* job, Team* team, int64_t rank) noexcept nogil:
    cdef Decision* task = <Decision*>job
    cdef int64_t count = task.last - task.first
    cdef int64_t begin = task.first + share_begin(count, 64, team.size, rank)
    cdef int64_t end = task.first + share_begin(count, 64, team.size, rank + 1)
    cdef int64_t d = task.rows.d
    cdef int64_t i, k
    cdef Line line
    for i in range(begin, end):
        line = line_of(task.rows, i)
        for k in range(task.outputs):
            task.out[i * task.outputs + k] = (
                line_dot(task.rows, &line, task.coef + k * d) + task.intercept[k])


def decisions(
    Rows rows, np.ndarray coef, np.ndarray intercept, np.ndarray out, int64_t first, int64_t last,
    int64_t threads=1,
):
    """out[i] = coef @ x[i] + intercept for the rows first ... last - 1.

    coef: (outputs, d); intercept: (outputs,); out: (n, outputs); all float64.
    """
    cdef Decision task
    task.rows = &rows.table
    task.first = first
    task.last = last
    task.outputs = coef.shape[0]
    task.coef = <const double*>address(coef)
    task.intercept = <const double*>address(intercept)
    task.out = <double*>address(out)
    with nogil:
        run_team(threads, decide, &task)


def row_decisions(np.ndarray x, np.ndarray coef, np.ndarray intercept):
    """coef @ x + intercept of one dense row (d,), as ``decisions`` has it: a list of floats.

    None if x is not contiguous, float32 or float64, and as long as the weights.
    """
    cdef int64_t d = coef.shape[1]
    cdef int64_t k
    cdef const double* w = <const double*>address(coef)
    cdef const double* b = <const double*>address(intercept)
    if not is_line(x, d):
        return None
    if np.PyArray_TYPE(x) == np.NPY_FLOAT:
        return [dense_dot(d, <const float*>address(x), w + k * d) + b[k]
                for k in range(coef.shape[0])]
    return [dense_dot(d, <const double*>address(x), w + k * d) + b[k]
            for k in range(coef.shape[0])]


include "gemm.pxi"
include "gram_blocks.pxi"
include "linear_blocks.pxi"
include "linear_objective.pxi"
include "linear_hessian.pxi"
include "coordinate_descent.pxi"
