# Activations that are a function of one number z. Each has a loop for its values y, and one for
# d_z = d_y times its derivative, at a kink that of the side to which the kink's own branch belongs.
# Their numbers c are the settings of types.pxd. A loop to each formula, and not one for all: the
# compiler would copy every formula into each loop before it drops what is not wanted.

cdef inline real clamped(real z, real low, real high) noexcept nogil:
    """z between two bounds; NaN stays NaN."""
    z = low if z < low else z
    return high if z > high else z


include "points_smooth.pxi"
include "points_pieces.pxi"
