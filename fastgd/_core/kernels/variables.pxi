# Optimizers in which the update of a weight depends on its whole variable. One member of a team
# runs them, so that their sums have one order; sums are in double precision.

cdef enum:
    SOME_LANES = 256        # moves that are held at a time

cdef inline bint take_moves(int64_t n, real factor, const real* moves, real* w) noexcept nogil:
    """Subtract factor moves from w where the result is finite; return whether all of it is."""
    cdef bint fine = True
    cdef real new
    cdef int64_t i
    for i in range(n):
        new = fmadd(-factor, moves[i], w[i])
        fine = fine and is_finite(new)
        w[i] = select(is_finite(new), new, w[i])
    return fine


cdef inline void lamb_moves(int64_t n, const real* m, const real* v, const real* c,
                            real* moves) noexcept nogil:
    cdef int64_t i
    for i in range(n):
        moves[i] = c[0] * m[i] / fmadd(square_root(v[i]), c[4], c[3])


cdef bint lamb(int64_t n, double rate, const real* c, real* w, const real* g, real* m,
               real* v) noexcept nogil:
    """Update by Adam's m and v;  move = m / (1 - beta_1^t) / (sqrt(v / (1 - beta_2^t)) + epsilon);
    w - rate |w| / |move| move over the variable; the quotient is 1 where a norm is 0.

    You et al. 2020, algorithm 2. c: 1 / (1 - beta_1^t), 1 - beta_1, 1 - beta_2, epsilon, 1 / sqrt(1
    - beta_2^t)
    """
    cdef real[SOME_LANES] moves
    cdef double weight_squares = 0, move_squares = 0, ratio = 1
    cdef bint fine = True
    cdef int64_t i, k, some
    for i in range(0, n, 256):  # SOME_LANES: a range takes no extern enum for its step
        some = min(<int64_t>SOME_LANES, n - i)
        for k in range(i, i + some):
            m[k] = fmadd(c[1], g[k] - m[k], m[k])
            v[k] = fmadd(c[2], fmadd(g[k], g[k], -v[k]), v[k])
        lamb_moves(some, <const real*>m + i, <const real*>v + i, c, moves)
        weight_squares += squares_of(some, <const real*>w + i, <const real*>NULL, 1)
        move_squares += squares_of(some, <const real*>moves, <const real*>NULL, 1)
    if weight_squares > 0 and move_squares > 0:
        ratio = square_root(weight_squares) / square_root(move_squares)
    for i in range(0, n, 256):
        some = min(<int64_t>SOME_LANES, n - i)
        lamb_moves(some, <const real*>m + i, <const real*>v + i, c, moves)
        fine = take_moves(some, <real>(ratio * rate), <const real*>moves, w + i) and fine
    return fine


cdef inline double mean_of_squares(int64_t n, const real* g, double epsilon) noexcept nogil:
    return squares_of(n, g, <const real*>NULL, 1) / <double>n + epsilon


cdef void column_squares(int64_t rows, int64_t columns, double keep, double epsilon, const real* g,
                         real* c) noexcept nogil:
    """Compute c = keep c + (1 - keep) (mean of each column's squares + epsilon)."""
    cdef double[16] s
    cdef double value
    cdef int64_t i, j, k, lanes
    for j in range(0, columns, 16):
        lanes = min(<int64_t>16, columns - j)
        for k in range(16):
            s[k] = 0
        for i in range(rows):
            for k in range(lanes):
                value = <double>g[i * columns + j + k]
                s[k] = fmadd(value, value, s[k])
        for k in range(lanes):
            c[j + k] = <real>(
                keep * <double>c[j + k] + (1 - keep) * (s[k] / <double>rows + epsilon))


cdef inline void adafactor_moves(int64_t n, real row, const real* g, const real* v,
                                 real* moves) noexcept nogil:
    """Compute g / sqrt(row v), and 0 where all gradients were 0."""
    cdef real square
    cdef int64_t i
    for i in range(n):
        square = row * v[i]
        moves[i] = select(square > 0, g[i] / square_root(square), <real>0)


cdef bint adafactor(const Segment* segment, const double* settings, double rate, double t, real* w,
                    const real* g, real* first, real* second) noexcept nogil:
    """Update by running means of g^2 + epsilon_1 along rows, r, and columns, c;  v = r c / mean(r);
    move = g / sqrt(v), divided by max(1, rms(move) / clip_threshold);
    w - max(epsilon_2, rms(w)) rate move. A vector has a mean for each element, v.

    Shazeer and Stern 2018, algorithms 4 and 5; the means' share of the past is 1 - t^beta_2_decay,
    and with relative_step the rate is at most 1 / sqrt(t). The slots: r in as many elements of the
    first as a variable's matrices have rows, c in as many of the second as they have columns; v in
    the first. The others are never touched.
    """
    cdef real[SOME_LANES] moves
    cdef double keep = 1 - power(t, settings[0])
    cdef double size = <double>segment.size
    cdef int64_t rows = segment.rows, columns = segment.columns, matrix = rows * columns
    cdef int64_t matrices = segment.size // matrix if rows else 1
    cdef double move_squares = 0, step = rate, mean
    cdef bint fine = True
    cdef int turn
    cdef int64_t a, i, j, some
    cdef real row = 1, factor = 0
    cdef real* r
    cdef real* c
    cdef const real* line
    if settings[4] != 0:
        step = min(step, 1 / square_root(t))
    step *= max(settings[2], square_root(
        squares_of(segment.size, <const real*>w, <const real*>NULL, 1) / size))
    if rows == 0:
        for i in range(segment.size):
            first[i] = <real>(keep * <double>first[i] + (1 - keep) * (
                <double>g[i] * <double>g[i] + settings[1]))
        rows = 1
        columns = matrix = segment.size
    else:
        for a in range(matrices):
            for i in range(rows):
                line = g + a * matrix + i * columns
                first[a * rows + i] = <real>(
                    keep * <double>first[a * rows + i]
                    + (1 - keep) * mean_of_squares(columns, line, settings[1]))
            column_squares(rows, columns, keep, settings[1], g + a * matrix, second + a * columns)
    for turn in range(2):  # the first computes the length of the moves, the second takes them
        for a in range(matrices):
            r = first + a * rows
            c = second + a * columns if segment.rows else first
            mean = 0
            if segment.rows:
                for i in range(rows):
                    mean += <double>r[i]
                mean /= <double>rows
            for i in range(rows):
                if segment.rows:
                    row = <real>(<double>r[i] / mean)
                for j in range(0, columns, 256):
                    some = min(<int64_t>SOME_LANES, columns - j)
                    line = g + a * matrix + i * columns + j
                    adafactor_moves(some, row, line, <const real*>c + j, moves)
                    if turn == 0:
                        move_squares += squares_of(some, <const real*>moves, <const real*>NULL, 1)
                    else:
                        fine = take_moves(some, factor, <const real*>moves,
                                          w + a * matrix + i * columns + j) and fine
        factor = <real>(step / max(1.0, square_root(move_squares / size) / settings[3]))
    return fine


cdef bint update_variable(const Optimizer* optimizer, const Segment* segment, double rate, double t,
                          real* w, real* g) noexcept nogil:
    """Update a whole variable; return whether all of its weights moved."""
    cdef real[CONSTANT_LIMIT] c
    cdef real* first = <real*>optimizer.slots + segment.offset
    cdef real* second = first + optimizer.slot_size
    if optimizer.kind == UPDATE_LAMB:
        rounded_settings(optimizer, rate, rate, t, c)
        return lamb(segment.size, rate, <const real*>c, w + segment.offset,
                    <const real*>g + segment.offset, first, second)
    return adafactor(segment, optimizer.settings, rate, t, w + segment.offset,
                     <const real*>g + segment.offset, first, second)
