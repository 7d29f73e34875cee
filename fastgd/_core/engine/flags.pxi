# The flags of a program's rows: which of them run, and where gradients go. Computed once, in
# Python.

PASSING = (FLAG_SOURCE, FLAG_ADD_SOURCE), (FLAG_SECOND, FLAG_ADD_SECOND)


cdef operands(row):
    """Return the buffers that a row reads."""
    return (row.source, row.second) if row.second >= 0 else (row.source,)


cdef named_rows(np.ndarray rows):
    """Return the rows as named tuples of plain numbers, which are quicker to read."""
    return [TableRow(*row) for row in rows.tolist()]


cdef rows_behind(rows, buffers):
    """Return for each row whether it leads to one of some buffers."""
    wanted = set(buffers)
    found = [False] * len(rows)
    for i in reversed(range(len(rows))):
        if rows[i].target in wanted:
            found[i] = True
            wanted.update(operands(rows[i]))
    return found


cdef gated_rows(rows, widths, const_flags, ends):
    """Mark the dense rows whose ReLU's gradient is computed by their only reader as it stores its
    own.

    The reader is a dense row too; `ends` are buffers whose gradient also comes from elsewhere.
    """
    for i in range(len(rows)):
        row = rows[i]
        if (row.op != OP_DENSE or row.kind != ACTIVATION_RELU or not const_flags[i] & FLAG_BACK
                or widths[row.target] <= 1 or row.target in ends):
            continue
        readers = [k for k in range(len(rows)) if row.target in operands(rows[k])]
        if (len(readers) == 1 and rows[readers[0]].op == OP_DENSE
                and const_flags[readers[0]] & FLAG_SOURCE):
            const_flags[i] |= FLAG_GATED
            const_flags[readers[0]] |= FLAG_GATES


cdef row_flags(rows, widths, ends, bint everything):
    """Return the flags of all rows, and for each end whether its gradient is added to another.

    rows: as named_rows returns them.
    ends: the buffers whose gradients are given, in the order in which they are written.
    everything: whether all gradients are wanted, that of the input too, or only those for the
    parameters that are trained.
    """
    flags = [0] * len(rows)
    runs = rows_behind(rows, ends)
    has_parameters = [False] * len(rows)
    wants = {0: everything}     # whether some parameter at or before a buffer needs its gradient
    for i in range(len(rows)):
        row = rows[i]
        has_parameters[i] = bool((everything or row.trains) and max(row.kernel, row.bias) >= 0)
        wants[row.target] = (
            wants.get(row.target, False) or everything or has_parameters[i]
            or any([wants[b] for b in operands(row)])
        )
    seen = set()
    adds = []
    for end in ends:
        adds.append(int(end in seen))
        seen.add(end)
    kernels = {}                # the row that writes the gradient of parameters
    for i in reversed(range(len(rows))):
        row = rows[i]
        if not runs[i]:
            continue
        flags[i] |= FLAG_RUNS
        if not wants[row.target]:
            continue
        flags[i] |= FLAG_BACK
        if has_parameters[i]:
            key = max(row.kernel, row.bias)
            flags[i] |= FLAG_PARAMETERS
            if key in kernels:
                flags[i] |= FLAG_ADD_PARAMETERS | FLAG_SHARED
                flags[kernels[key]] |= FLAG_SHARED
            else:
                kernels[key] = i
        for buffer, (passes, passes_on_top) in zip(operands(row), PASSING):
            if not wants[buffer]:
                continue
            flags[i] |= passes
            if buffer in seen:
                flags[i] |= passes_on_top
            seen.add(buffer)
    gated_rows(rows, widths, flags, set(ends))
    return numpy.array(flags, numpy.int64), numpy.array(adds, numpy.int64)
