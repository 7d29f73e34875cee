# A row as Python has it, such as a list or a dict, as an array: what is usual of
# _data/named_row.py.

cdef object FLOAT64 = numpy.float64
cdef object FLOAT32 = numpy.float32
cdef frozenset WHOLE_NUMBERS = frozenset([
    numpy.bool_, numpy.int8, numpy.int16, numpy.int32, numpy.int64, numpy.uint8, numpy.uint16,
    numpy.uint32, numpy.uint64])

cdef double MOST_WHOLE = 2.0**53    # up to which a double holds every whole number


cdef inline int type_number_of(const Network* net) noexcept:
    return np.NPY_FLOAT if net.single else np.NPY_DOUBLE


cdef inline bint is_number(value, double* number) except -1:
    """Return whether a value is a plain number, which each way to convert it makes the same."""
    cdef int overflow = 0
    if type(value) is float or type(value) is FLOAT64:
        number[0] = PyFloat_AS_DOUBLE(value)
        return True
    if type(value) is FLOAT32:
        number[0] = value
        return True
    if type(value) is int or type(value) is bool:
        number[0] = <double>PyLong_AsLongLongAndOverflow(value, &overflow)
    elif type(value) in WHOLE_NUMBERS:
        number[0] = value
    else:
        return False
    return not overflow and -MOST_WHOLE <= number[0] <= MOST_WHOLE


cdef inline bint set_number(np.ndarray row, np.npy_intp place, value) except -1:
    """Set an element of a row to a plain number that it can hold; return whether it is one."""
    cdef double number
    if not is_number(value, &number):
        return False
    if np.PyArray_TYPE(row) == np.NPY_DOUBLE:
        (<double*>address(row))[place] = number
        return True
    (<float*>address(row))[place] = <float>number
    return is_finite(<double><float>number) or not is_finite(number)


cdef np.ndarray row_of_type(np.ndarray x, np.npy_intp width, int type_number):
    """Return a row of floats or doubles as one of the given; None for others."""
    cdef int given = np.PyArray_TYPE(x)
    cdef np.ndarray row
    cdef np.npy_intp i
    cdef float number
    if not (np.PyArray_NDIM(x) == 1 and np.PyArray_DIM(x, 0) == width
            and np.PyArray_ISCARRAY_RO(x) and np.PyArray_ISNOTSWAPPED(x)
            and (given == np.NPY_FLOAT or given == np.NPY_DOUBLE)):
        return None
    if given == type_number:
        return x
    row = np.PyArray_EMPTY(1, &width, type_number, 0)
    for i in range(width):
        if given == np.NPY_FLOAT:
            (<double*>address(row))[i] = (<float*>address(x))[i]
            continue
        number = <float>(<double*>address(x))[i]
        if not is_finite(<double>number) and is_finite((<double*>address(x))[i]):
            return None
        (<float*>address(row))[i] = number
    return row


cdef np.ndarray plain_row_of(x, names, np.npy_intp width, int type_number, unknown):
    """See plain_row."""
    cdef np.ndarray row
    cdef np.npy_intp i, met = 0
    cdef PyObject* key
    cdef PyObject* found
    cdef Py_ssize_t position = 0
    if type(x) is np.ndarray:
        return row_of_type(x, width, type_number)
    if type(unknown) is not str or not (unknown == "raise" or unknown == "ignore"):
        return None
    if type(x) is dict:
        if type(names) is not tuple or len(<tuple>names) > width:
            return None
        row = np.PyArray_ZEROS(1, &width, type_number, 0)
        # as long as its order is the names': faster than look-ups, see benchmarks/test_rows.py
        while (met < len(<tuple>names) and PyDict_Next(x, &position, &key, &found)
               and key == <PyObject*>(<tuple>names)[met]):
            if not set_number(row, met, <object>found):
                return None
            met += 1
        for i in range(met, len(<tuple>names)):
            found = PyDict_GetItemWithError(x, (<tuple>names)[i])
            if found != NULL:
                met += 1
                if not set_number(row, i, <object>found):
                    return None
        if met == len(<dict>x) or (unknown == "ignore" and len(<tuple>names) == width):
            return row
        return None
    if not (type(x) is list or type(x) is tuple) or len(x) != width:
        return None
    row = np.PyArray_EMPTY(1, &width, type_number, 0)
    for i, value in enumerate(<list>x if type(x) is list else list(x)):
        if not set_number(row, i, value):
            return None
    return row


def plain_row(x, names, np.npy_intp width, np.dtype dtype, unknown="raise"):
    """Return a row as an array (width,): a list of numbers, a dict by the names of the columns, or
    an array of floats; itself if it is one already.

    names: a tuple of at most `width`; columns that a dict lacks, or that have no name, are 0.
    unknown: what becomes of other names in a dict, "raise" or "ignore"; while there are columns
    without a name, they need a closer look.

    Returns
    -------
    ndarray or None
        None for whatever needs a closer look, or is to be refused.
    """
    return plain_row_of(x, names, width, dtype.type_num, unknown)
