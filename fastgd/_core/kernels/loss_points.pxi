# Losses of points: functions of one prediction and one target; a row's loss is the mean over its
# points. Each has a loop for its values and one for its slopes, over contiguous numbers; points.pxi
# says why each formula has its own loop. Their numbers, as in the plan's settings: delta for Huber,
# the power for Tweedie, the label smoothing for the binary cross-entropies, and for the focal ones
# also gamma, alpha and whether to balance the classes.

# Keras keeps probabilities this far away from 0 and 1 before it takes their logarithm.
cdef extern from *:
    """
    #define PROBABILITY_MARGIN 1e-7
    #define LOG_2 0.6931471805599453
    """
    const double PROBABILITY_MARGIN
    const double LOG_2

cdef enum:
    LOSS_SETTINGS = 5


cdef inline real clipped(real p) noexcept nogil:
    cdef real low = <real>PROBABILITY_MARGIN, high = <real>1 - low
    p = low if p < low else p  # NaN stays NaN
    return high if p > high else p


cdef inline real lifted(real p) noexcept nogil:
    """Return p, but at least the margin."""
    return <real>PROBABILITY_MARGIN if p < <real>PROBABILITY_MARGIN else p


cdef inline real power_of(real m, real exponent) noexcept nogil:
    """Return m^exponent for m >= 0; at m = 0 it is 1 for the exponent 0, and else 0."""
    cdef real at_zero = <real>1 if exponent == 0 else <real>0
    cdef real found = exponential(exponent * logarithm(m))
    return at_zero if m == 0 else found


cdef void point_settings(int64_t loss, const double* settings, real* c) noexcept nogil:
    """Convert the settings to the form in which the functions below take them."""
    if loss == LOSS_HUBER:
        c[0] = <real>settings[0]
    elif loss == LOSS_TWEEDIE or loss == LOSS_TWEEDIE_LOG:
        c[0] = <real>(1 - settings[0])
        c[1] = <real>(2 - settings[0])
    elif (loss == LOSS_BINARY_CROSSENTROPY or loss == LOSS_BINARY_CROSSENTROPY_LOGITS
            or loss == LOSS_BINARY_FOCAL_CROSSENTROPY
            or loss == LOSS_BINARY_FOCAL_CROSSENTROPY_LOGITS):
        c[0] = <real>(1 - settings[0])
        c[1] = <real>(settings[0] / 2)
    if (loss == LOSS_BINARY_FOCAL_CROSSENTROPY
            or loss == LOSS_BINARY_FOCAL_CROSSENTROPY_LOGITS):
        c[2] = <real>settings[1]
        # a target's weight, y alpha + (1 - y) (1 - alpha) or 1, is c[3] y + c[4]
        c[3] = <real>(2 * settings[2] - 1 if settings[3] != 0 else 0.0)
        c[4] = <real>(1 - settings[2] if settings[3] != 0 else 1.0)


cdef inline real sign(real d) noexcept nogil:
    """Return -1, 0 or 1."""
    cdef real above = <real>1 if d > 0 else <real>0
    return <real>-1 if d < 0 else above


include "loss_regression.pxi"
include "loss_binary.pxi"


# A loop with numbers c: out = values or slopes of n predictions p for targets y, n a multiple of
# POINTS.
ctypedef void (*PointLoop)(
    const void* c, int64_t n, const void* p, const void* y, void* out) noexcept nogil

cdef struct PointLoss:
    PointLoop values
    PointLoop slopes

cdef enum:
    MOST_LOSSES = 64

cdef PointLoss[2][MOST_LOSSES] loss_loops     # of float, then of double, by their codes


cdef void enter_losses(PointLoss* table, real of_type) noexcept:
    """Enter a row for each loss of points."""
    table[<int>LOSS_MEAN_SQUARED_ERROR] = PointLoss(
        <PointLoop>mean_squared_error_values[real], <PointLoop>mean_squared_error_slopes[real])
    table[<int>LOSS_MEAN_ABSOLUTE_ERROR] = PointLoss(
        <PointLoop>mean_absolute_error_values[real], <PointLoop>mean_absolute_error_slopes[real])
    table[<int>LOSS_BINARY_CROSSENTROPY] = PointLoss(
        <PointLoop>binary_crossentropy_values[real], <PointLoop>binary_crossentropy_slopes[real])
    table[<int>LOSS_BINARY_CROSSENTROPY_LOGITS] = PointLoss(
        <PointLoop>binary_crossentropy_logits_values[real],
        <PointLoop>binary_crossentropy_logits_slopes[real])
    table[<int>LOSS_MEAN_ABSOLUTE_PERCENTAGE_ERROR] = PointLoss(
        <PointLoop>mean_absolute_percentage_error_values[real],
        <PointLoop>mean_absolute_percentage_error_slopes[real])
    table[<int>LOSS_MEAN_SQUARED_LOGARITHMIC_ERROR] = PointLoss(
        <PointLoop>mean_squared_logarithmic_error_values[real],
        <PointLoop>mean_squared_logarithmic_error_slopes[real])
    table[<int>LOSS_HUBER] = PointLoss(<PointLoop>huber_values[real], <PointLoop>huber_slopes[real])
    table[<int>LOSS_LOG_COSH] = PointLoss(
        <PointLoop>log_cosh_values[real], <PointLoop>log_cosh_slopes[real])
    table[<int>LOSS_HINGE] = PointLoss(<PointLoop>hinge_values[real], <PointLoop>hinge_slopes[real])
    table[<int>LOSS_SQUARED_HINGE] = PointLoss(
        <PointLoop>squared_hinge_values[real], <PointLoop>squared_hinge_slopes[real])
    table[<int>LOSS_POISSON] = PointLoss(
        <PointLoop>poisson_values[real], <PointLoop>poisson_slopes[real])
    table[<int>LOSS_POISSON_LOG] = PointLoss(
        <PointLoop>poisson_log_values[real], <PointLoop>poisson_log_slopes[real])
    table[<int>LOSS_GAMMA] = PointLoss(<PointLoop>gamma_values[real], <PointLoop>gamma_slopes[real])
    table[<int>LOSS_GAMMA_LOG] = PointLoss(
        <PointLoop>gamma_log_values[real], <PointLoop>gamma_log_slopes[real])
    table[<int>LOSS_TWEEDIE] = PointLoss(
        <PointLoop>tweedie_values[real], <PointLoop>tweedie_slopes[real])
    table[<int>LOSS_TWEEDIE_LOG] = PointLoss(
        <PointLoop>tweedie_log_values[real], <PointLoop>tweedie_log_slopes[real])
    table[<int>LOSS_BINARY_FOCAL_CROSSENTROPY] = PointLoss(
        <PointLoop>binary_focal_crossentropy_values[real],
        <PointLoop>binary_focal_crossentropy_slopes[real])
    table[<int>LOSS_BINARY_FOCAL_CROSSENTROPY_LOGITS] = PointLoss(
        <PointLoop>binary_focal_crossentropy_logits_values[real],
        <PointLoop>binary_focal_crossentropy_logits_slopes[real])


cdef enum:
    PIECE = 64              # targets that are gathered at once if they are not contiguous


cdef void narrow_point_rows(const PointLoss* loops, const real* c, const LossRows* job,
                            const real* p) noexcept nogil:
    """Compute the losses of rows of fewer than POINTS elements, as many at a time as fit."""
    cdef const real* y = <const real*>job.y
    cdef const real* numerators = <const real*>job.numerators
    cdef real* values = <real*>job.values
    cdef real* d_p = <real*>job.d_p
    cdef int64_t width = job.width, first = 0, rows, n, i, j
    cdef real factor = <real>1 / (<real>job.denominator * <real>width)
    cdef real scale
    cdef real[PIECE] p_piece, y_piece, out
    for j in range(PIECE):  # what lies behind the rows is computed, but not used
        p_piece[j] = 0
        y_piece[j] = 0
    while first < job.rows:
        rows = min(PIECE // width, job.rows - first)
        n = (rows * width + POINTS - 1) // POINTS * POINTS
        for i in range(rows):
            for j in range(width):
                p_piece[i * width + j] = p[(first + i) * job.stride + j]
                y_piece[i * width + j] = y[(first + i) * job.y_stride + j]
        loops.values(c, n, p_piece, y_piece, out)
        for i in range(rows):
            values[first + i] = row_sum(width, <const real*>out + i * width) / <real>width
        if d_p != NULL:
            loops.slopes(c, n, p_piece, y_piece, out)
            for i in range(rows):
                scale = numerators[(first + i) * job.step] * factor
                for j in range(width):
                    d_p[(first + i) * job.stride + j] = scale * out[i * width + j]
        first += rows


cdef void point_rows(int64_t loss, const LossRows* job, const real* p) noexcept nogil:
    """Compute the losses line by line: a row, or, of a few outputs, as many rows as possible."""
    cdef const double* settings = job.settings
    cdef int64_t rows = job.rows, width = job.width, stride = job.stride
    cdef const real* y = <const real*>job.y
    cdef int64_t y_stride = job.y_stride
    cdef const real* numerators = <const real*>job.numerators
    cdef int64_t step = job.step
    cdef real* values = <real*>job.values
    cdef real* d_p = <real*>job.d_p
    cdef real* line = <real*>job.line
    cdef int64_t i, j, n, rest, done
    cdef bint weighted = width == 1 and step != 0   # each row of a line has a factor
    cdef real factor = <real>1 / (<real>job.denominator * <real>width)
    cdef real scale
    cdef real[LOSS_SETTINGS] c
    cdef real[PIECE] gathered
    cdef real[POINTS] p_rest, y_rest, out_rest
    cdef const real* p_line
    cdef const real* y_line
    cdef real* out
    cdef real* d_line
    cdef const PointLoss* loops = &loss_loops[0 if real is float else 1][loss]
    point_settings(loss, settings, c)
    if 1 < width < POINTS:
        narrow_point_rows(loops, <const real*>c, job, p)
        return
    i = 0
    while i < rows:
        p_line = p + i * stride
        y_line = y + i * y_stride
        n = width
        out = line
        if width == 1:
            # rows of one prediction are contiguous, see padded_stride
            n = rows - i
            out = values + i
            if y_stride != 1:
                n = min(n, <int64_t>PIECE)
                for j in range(n):
                    gathered[j] = y_line[j * y_stride]
                y_line = gathered
        rest = n % POINTS
        done = n - rest
        if done:
            loops.values(c, done, p_line, y_line, out)
        if rest:
            take_rest(rest, p_line + done, p_rest)
            take_rest(rest, y_line + done, y_rest)
            loops.values(c, POINTS, p_rest, y_rest, out_rest)
            give_rest(rest, <const real*>out_rest, out + done)
        if width > 1:
            values[i] = row_sum(width, line) / <real>width
        if d_p != NULL:
            d_line = d_p + i * stride
            if done:
                loops.slopes(c, done, p_line, y_line, d_line)
            if rest:
                loops.slopes(c, POINTS, p_rest, y_rest, out_rest)
                give_rest(rest, <const real*>out_rest, d_line + done)
            if weighted:
                for j in range(n):
                    d_line[j] = numerators[(i + j) * step] * factor * d_line[j]
            else:
                scale = numerators[i * step] * factor
                for j in range(n):
                    d_line[j] = scale * d_line[j]
        i += n if width == 1 else 1


# A compiled user-defined loss: the addresses of double f(double y, double p).
ctypedef double (*PointFunction)(double, double) noexcept nogil


cdef void compiled_rows(PointFunction value, PointFunction slope, const LossRows* job,
                        const real* p) noexcept nogil:
    cdef int64_t rows = job.rows, width = job.width, stride = job.stride
    cdef const real* y = <const real*>job.y
    cdef int64_t y_stride = job.y_stride
    cdef const real* numerators = <const real*>job.numerators
    cdef int64_t step = job.step
    cdef real* values = <real*>job.values
    cdef real* d_p = <real*>job.d_p
    cdef real* line = <real*>job.line
    cdef int64_t i, j
    cdef real factor = <real>1 / (<real>job.denominator * <real>width)
    cdef real scale
    cdef const real* p_row
    cdef const real* y_row
    for i in range(rows):
        p_row = p + i * stride
        y_row = y + i * y_stride
        for j in range(width):
            line[j] = <real>value(<double>y_row[j], <double>p_row[j])
        values[i] = row_sum(width, line) / <real>width
        if d_p != NULL:
            scale = numerators[i * step] * factor
            for j in range(width):
                d_p[i * stride + j] = scale * <real>slope(<double>y_row[j], <double>p_row[j])
