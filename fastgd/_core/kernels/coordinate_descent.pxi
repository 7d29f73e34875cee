# Coordinate descent on a quadratic function with L1: 1/2 w'Gw - b'w + l1'|w|.
#
# The minimum along coordinate j is soft(r_j + G_jj w_j, l1_j) / G_jj with r = b - G w, which each
# move updates by a row of G. Rounding errors add up in r; it is computed anew before it may end the
# descent, and after a fixed number of sweeps.

cdef void form_left(const Coordinates* c) noexcept nogil:
    cdef int64_t j
    for j in range(c.n):
        c.left[j] = c.moments[j] - row_dot(c.n, c.gram + j * c.n, <const double*>c.w)


cdef double coordinate_sweep(const Coordinates* c) noexcept nogil:
    """Move each coordinate; return the largest move, in the scale of its diagonal."""
    cdef double largest = 0, diagonal, aim, size, moved
    cdef const double* line
    cdef int64_t i, j
    for j in range(c.n):
        line = c.gram + j * c.n
        diagonal = line[j]
        if not diagonal > 0:
            continue
        aim = fmadd(diagonal, c.w[j], c.left[j])
        size = absolute(aim) - c.l1[j]
        moved = (with_sign_of(aim, size) / diagonal if size > 0 else 0.0) - c.w[j]
        if moved == 0:
            continue
        c.w[j] = with_sign_of(aim, size) / diagonal if size > 0 else 0.0
        for i in range(c.n):
            c.left[i] = fmadd(-moved, line[i], c.left[i])
        largest = max(largest, absolute(moved) * square_root(diagonal))
    return largest


cdef bint coordinates_end(const Coordinates* c, double largest) noexcept nogil:
    """Return whether the subgradient of least norm is within tol, or the last sweep changed last
    bits only."""
    cdef double steepest = 0, widest = 0, slope
    cdef int64_t j
    for j in range(c.n):
        if c.w[j] == 0:
            slope = absolute(c.left[j]) - c.l1[j]
        else:
            slope = absolute(with_sign_of(c.w[j], c.l1[j]) - c.left[j])
        steepest = max(steepest, slope)
        if c.gram[j * c.n + j] > 0:
            widest = max(widest, absolute(c.w[j]) * square_root(c.gram[j * c.n + j]))
    return steepest <= c.tol or largest <= 2.220446049250313e-16 * widest
