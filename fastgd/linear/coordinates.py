"""Coordinate descent on a quadratic function with L1, until it is exact enough."""

from fastgd._training.loop import SPAN_SECONDS

#: Sweeps at most: of columns so nearly collinear that this is too few, any share will do.
SWEEPS = 100_000


def descend(engine, gram, moments, l1, vector, tol, sweeps=SWEEPS):
    """Minimise 1/2 w'Gw - b'w + l1'|w| from `vector` on, in place; whether it got there.

    Parameters
    ----------
    engine : module
    gram : ndarray, float64, shape (n, n)
        Symmetric and positive semidefinite.
    moments, l1, vector : ndarray, float64, shape (n,)
    tol : float
        The largest element that the subgradient of least norm may have.

    Returns
    -------
    bool
    """
    while sweeps > 0:
        taken, ended = engine.coordinate_descent(
            gram, moments, l1, vector, tol, sweeps, SPAN_SECONDS
        )
        sweeps -= taken
        if ended:
            return True
    return False
