"""Small helpers, with Keras' names."""

import random

import numpy as np

from fastgd import _seeds
from fastgd._validate import numeric, whole_number
from fastgd.errors import DataError


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
    np.random.seed(seed)
    random.seed(seed)
    _seeds.set_seed(seed)


def to_categorical(x, num_classes=None):
    """Class numbers as one-hot rows.

    Parameters
    ----------
    x : array of int, shape (n,) or (n, 1)
    num_classes : int, optional
        One more than the largest class number by default.

    Returns
    -------
    ndarray of float64, shape (n, num_classes)

    Raises
    ------
    DataError
        For a number outside 0 ... num_classes - 1.

    Examples
    --------
    >>> from fastgd.utils import to_categorical
    >>> to_categorical([0, 2])
    array([[1., 0., 0.],
           [0., 0., 1.]])
    """
    labels = numeric(x, "x").reshape(-1)
    classes = int(labels.max(initial=0)) + 1 if num_classes is None else num_classes
    wrong = (labels < 0) | (labels >= classes) | (labels != np.floor(labels))
    if wrong.any():
        row = int(np.argmax(wrong))
        raise DataError(
            f"x: expected class numbers from 0 to {classes - 1}, got {labels[row]} at row {row}"
        )
    return np.eye(classes)[labels.astype(np.int64)]
