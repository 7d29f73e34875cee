"""One seed for everything."""

import random

import numpy as np

from fastgd._data.validation import whole_number
from fastgd._engine import streams
from fastgd.errors import ArgumentError


def set_random_seed(seed):
    """Seed everything: Python's ``random``, ``numpy.random`` and fastgd.

    Parameters
    ----------
    seed : int
        At least 0 and below 2**32.

    Examples
    --------
    >>> import fastgd
    >>> fastgd.utils.set_random_seed(7)
    >>> a = fastgd.initializers.GlorotUniform()((2, 2))
    >>> fastgd.utils.set_random_seed(7)
    >>> bool((a == fastgd.initializers.GlorotUniform()((2, 2))).all())
    True
    """
    seed = whole_number(seed, "seed", 0)
    if seed >= 2**32:
        raise ArgumentError(f"seed: expected a number below 2**32, got {seed}")
    np.random.seed(seed)  # noqa: NPY002 - the legacy stream is part of Keras' promise
    random.seed(seed)
    streams.set_seed(seed)
