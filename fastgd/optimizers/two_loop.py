"""The direction of L-BFGS: minus the gradient times an inverse Hessian that is never formed."""

from collections.abc import Callable, Sequence

from fastgd._typing import Array


def two_loop(
    pairs: Sequence[tuple[Array, Array, float]], gradient: Array,
    inverse: Callable[[Array], Array] | None = None,
) -> Array:  # fmt: skip
    """Return the direction of a step.

    Nocedal and Wright, Numerical Optimization, algorithm 7.4. The matrix that the pairs correct
    is a multiple of the identity, or of `inverse`, that is exact along the newest pair.

    Parameters
    ----------
    pairs : list of (ndarray, ndarray, float)
        Of the last steps, the newest first: the step s, the gradient's change y, 1 / (s y).
    gradient : ndarray, shape (n,)
    inverse : callable, optional
        The product of a symmetric positive matrix with a vector: an estimate of the inverse
        Hessian before the first step.

    Returns
    -------
    ndarray, shape (n,)

    Examples
    --------
    >>> import numpy as np
    >>> step, change = np.array([1.0, 0.0]), np.array([4.0, 0.0])  # the Hessian's is 4 there
    >>> two_loop([(step, change, 1 / (step @ change))], np.array([8.0, 8.0]))
    array([-2., -2.])
    """
    direction = -gradient
    shares = []
    for s, y, rho in pairs:
        shares.append(rho * (s @ direction))
        direction -= shares[-1] * y
    if inverse is not None:
        direction = inverse(direction)
    if pairs:
        s, y, rho = pairs[0]
        direction *= 1 / (rho * (y @ (y if inverse is None else inverse(y))))
    for (s, y, rho), share in zip(reversed(pairs), reversed(shares), strict=True):
        direction += (share - rho * (y @ direction)) * s
    return direction
