"""Small helpers, with Keras' names."""

import random

import numpy as np

from fastgd import _seeds
from fastgd._validate import check_classes, numeric, positive_int, whole_number
from fastgd.errors import ArgumentError, ShapeError


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
    ShapeError, DataError
        For another shape; for a number outside 0 ... num_classes - 1.

    Examples
    --------
    >>> from fastgd.utils import to_categorical
    >>> to_categorical([0, 2])
    array([[1., 0., 0.],
           [0., 0., 1.]])
    """
    labels = numeric(x, "x")
    if labels.shape not in ((labels.size,), (labels.size, 1)):
        raise ShapeError(f"x: expected class numbers (n,) or (n, 1), got shape {labels.shape}")
    labels = labels.reshape(-1)
    if num_classes is None:
        largest = labels.max(initial=0)
        classes = int(largest) + 1 if np.isfinite(largest) else 1
    else:
        classes = positive_int(num_classes, "num_classes")
    check_classes(labels, classes, "x")
    return np.eye(classes)[labels.astype(np.int64)]
