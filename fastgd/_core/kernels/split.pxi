# An activation that differs by column, so that weights of one sign make more than convex
# functions of it: with rho the activation `kind`,
#
#   convex columns       y = rho(z)
#   concave columns      y = -rho(-z)
#   saturated columns    y = rho(z + 1) - rho(1) for z < 0, else rho(1) - rho(1 - z)
#
# D. Runje, S. M. Shankaranarayana, "Constrained monotonic neural networks", 2023. Each is rho of
# u = z, -z or 1 - |z|, shifted and mirrored so that dy/dz = rho'(u) in all of them.
#
# settings: how many columns are convex, and how many concave after them, then those of `kind`

cdef void split_arguments(const LayerRows* job, const real* z, real* u) noexcept nogil:
    """Compute u for the columns of a row."""
    cdef int64_t convex = <int64_t>job.settings[0], j
    cdef int64_t saturated = convex + <int64_t>job.settings[1]
    for j in range(convex):
        u[j] = z[j]
    for j in range(convex, saturated):
        u[j] = -z[j]
    for j in range(saturated, job.width):
        u[j] = <real>1 - absolute(z[j])


cdef void split_forward(const LayerRows* job, const real* z, real* y) noexcept nogil:
    cdef const ActivationLoops* loops = activation_of(job.row.kind, <real>0)
    cdef int64_t convex = <int64_t>job.settings[0], i, j
    cdef int64_t saturated = convex + <int64_t>job.settings[1]
    cdef real[ACTIVATION_SETTINGS] c
    cdef real one = 1, bound
    rounded(loops, job.settings + 2, c)
    run_values(loops, c, 1, &one, &bound)
    for i in range(job.rows):
        split_arguments(job, z, y)
        run_values(loops, c, job.width, <const real*>y, y)
        for j in range(convex, saturated):
            y[j] = -y[j]
        for j in range(saturated, job.width):
            y[j] = select(z[j] < 0, y[j] - bound, bound - y[j])
        z += job.source_stride
        y += job.stride


cdef void split_gradient(const LayerRows* job, const real* d_y, real* d_z) noexcept nogil:
    cdef const ActivationLoops* loops = activation_of(job.row.kind, <real>0)
    cdef const real* z = <const real*>job.source
    cdef real* u = <real*>job.line
    cdef real* rho = u + job.width
    cdef real[ACTIVATION_SETTINGS] c
    cdef int64_t i
    rounded(loops, job.settings + 2, c)
    for i in range(job.rows):
        split_arguments(job, z, u)
        run_values(loops, c, job.width, <const real*>u, rho)
        run_gradient(loops, c, job.width, <const real*>u, <const real*>rho, d_y, d_z)
        z += job.source_stride
        d_y += job.stride
        d_z += job.d_stride
