# The gradients of single rows: their norms, and the sum of clipped ones. See private_norms.pxi.

cdef fill_norms(Layout layout, Batch* batch, np.ndarray norms, clip):
    """Fill norms, and with `clip` the flat gradients; see Program.row_norms."""
    cdef const NetworkKernels* kernels = layout.kernels
    cdef const Network* net = &layout.net
    cdef double* found = <double*>address(norms)
    cdef bint sums = clip is not None
    batch.clip = clip if sums else INFINITY
    layout.reserve(batch.rows, 1)
    with nogil:
        kernels.forward(net, batch, False, 0, batch.rows, batch.x, net.scratch)
        kernels.score(net, batch, 0, batch.rows, batch.y, batch.x, True, net.scratch)
        kernels.backward(net, batch, net.flags, 0, batch.rows, batch.x, NULL, net.scratch)
        kernels.clip_rows(net, batch, net.flags, 0, batch.rows, batch.x, found, net.scratch)
        if sums:
            batch_gradients(kernels, net, batch, net.flags)
    layout.functions.raise_it()
