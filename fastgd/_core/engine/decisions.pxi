# The decisions and the losses of linear models.

cdef inline bint is_line(np.ndarray x, int64_t d) noexcept:
    """Return whether x can be read in place as a row of d numbers."""
    return (np.PyArray_NDIM(x) == 1 and np.PyArray_DIM(x, 0) == d
            and np.PyArray_ISCARRAY_RO(x)
            and (np.PyArray_TYPE(x) == np.NPY_FLOAT or np.PyArray_TYPE(x) == np.NPY_DOUBLE))


cdef np.ndarray line_from(x, int64_t d, names, unknown):
    """Return a row that can be read in place, or is plain (see plain_row); None for others."""
    if type(x) is not np.ndarray:
        if type(x) is dict and (type(names) is not tuple or len(<tuple>names) != d):
            return None
        return plain_row_of(x, names, d, np.NPY_DOUBLE, unknown)
    return x if is_line(x, d) else None


cdef RowTable table_of(np.ndarray x) noexcept:
    """Return one dense row as a matrix."""
    cdef RowTable table
    table.n = 1
    table.d = np.PyArray_DIM(x, 0)
    table.single = np.PyArray_TYPE(x) == np.NPY_FLOAT
    table.sparse = False
    table.wide = False
    table.values = address(x)
    table.columns = NULL
    table.starts = NULL
    return table


cdef void pass_decisions(void* task, Team* team, int64_t rank) noexcept nogil:
    cdef Decision* job = <Decision*>task
    cdef int64_t count = job.last - job.first
    job.kernels.decide(
        job, job.first + share_begin(count, 64, team.size, rank),
        job.first + share_begin(count, 64, team.size, rank + 1))


def decisions(Rows rows, np.ndarray coef, np.ndarray intercept, np.ndarray out, int64_t first,
              int64_t last, int64_t threads=1):
    """Compute out[i] = coef @ x[i] + intercept for the rows first ... last - 1.

    coef: (outputs, d); intercept: (outputs,); out: (n, outputs); all float64.
    """
    cdef Decision job
    job.kernels = rows.kernels
    job.rows = &rows.table
    job.first = first
    job.last = last
    job.outputs = coef.shape[0]
    job.coef = <const double*>address(coef)
    job.intercept = <const double*>address(intercept)
    job.out = <double*>address(out)
    with nogil:
        run_team(threads, pass_decisions, &job)


def decision_losses(kernels, int64_t loss, double setting, np.ndarray z, np.ndarray y,
                    np.ndarray out):
    """Fill out (3, n) with values, slopes and curvatures for decisions and targets (n,)."""
    linear_kernels(kernels).losses(
        loss, setting, z.shape[0], <const double*>address(z), <const double*>address(y),
        <double*>address(out))


def multinomial_losses(kernels, np.ndarray z, np.ndarray y, np.ndarray values, np.ndarray slopes):
    """Fill values (n,) and slopes (n, k) of the multinomial loss for decisions (n, k)."""
    cdef const LinearKernels* run = linear_kernels(kernels)
    cdef const double* z_data = <const double*>address(z)
    cdef const double* y_data = <const double*>address(y)
    cdef double* value = <double*>address(values)
    cdef double* slope = <double*>address(slopes)
    cdef int64_t k = z.shape[1], i
    for i in range(z.shape[0]):
        value[i] = run.multinomial_slopes(k, z_data + i * k, y_data[i], slope + i * k)
