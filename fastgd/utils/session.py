"""The state of a process: random numbers, and the names of unnamed layers."""

import random

import numpy as np

from fastgd._data.validation import whole_number
from fastgd._engine import streams
from fastgd._registry import names
from fastgd.errors import ArgumentError


def set_random_seed(seed: int) -> None:
    """Seed Python's ``random``, ``numpy.random`` and fastgd.

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
    np.random.seed(seed)  # noqa: NPY002 - Keras promises to seed the legacy stream
    random.seed(seed)
    streams.set_seed(seed)


def clear_session(free_memory: bool = True) -> None:
    """Number layers and models without a name from the beginning again.

    Nothing else outlives its last reference, so nothing else has to be cleared.

    Parameters
    ----------
    free_memory : bool
        Accepted as in Keras.

    Examples
    --------
    >>> from fastgd import layers, utils
    >>> utils.clear_session()
    >>> layers.Dense(1).name, layers.Dense(1).name
    ('dense', 'dense_1')
    """
    names.reset_names()
