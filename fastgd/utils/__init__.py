"""Small helpers, with Keras' names."""

import math
import random
from typing import TYPE_CHECKING, Any

import numpy as np

from fastgd._data.py_dataset import PyDataset, Sequence
from fastgd._data.table_stream import TableStream
from fastgd._data.validation import (
    array_of,
    boolean,
    check_classes,
    numeric,
    number,
    positive_int,
    whole_number,
)
from fastgd._engine import streams
from fastgd._engine.sizes import check_size
from fastgd._registry import names
from fastgd._registry.advice import explain
from fastgd._typing import Array, Data
from fastgd.errors import ArgumentError, DataTypeError, ShapeError
from fastgd.saving import (
    CustomObjectScope,
    custom_object_scope,
    deserialize_keras_object,
    get_custom_objects,
    get_registered_name,
    get_registered_object,
    register_keras_serializable,
    serialize_keras_object,
)
from fastgd.utils.plot_model import model_to_dot, plot_model

__all__ = [
    "CustomObjectScope", "PyDataset", "Sequence", "TableStream", "clear_session",
    "custom_object_scope", "deserialize_keras_object", "get_custom_objects",
    "get_registered_name", "get_registered_object", "model_to_dot", "normalize", "plot_model",
    "register_keras_serializable", "serialize_keras_object", "set_random_seed",
    "split_dataset", "to_categorical",
]  # fmt: skip


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


def to_categorical(x: Data, num_classes: int | None = None) -> Array:
    """Return class numbers as one-hot rows.

    Parameters
    ----------
    x : array of int, shape (n,) or (n, 1), or one int
    num_classes : int, optional
        One more than the largest class number by default.

    Returns
    -------
    ndarray of float64, shape (n, num_classes); of one int (num_classes,)

    Raises
    ------
    ShapeError, DataError
        For another shape; for a number outside 0 ... num_classes - 1.
    ArgumentError
        For more classes than fit into memory.

    Examples
    --------
    >>> from fastgd.utils import to_categorical
    >>> to_categorical([0, 2])
    array([[1., 0., 0.],
           [0., 0., 1.]])
    """
    labels = numeric(x, "x")
    alone = labels.ndim == 0
    if not alone and labels.shape not in ((labels.size,), (labels.size, 1)):
        raise ShapeError(f"x: expected class numbers (n,) or (n, 1), got shape {labels.shape}")
    labels = labels.reshape(-1)
    if num_classes is None:
        largest = labels.max(initial=0)
        classes = int(largest) + 1 if np.isfinite(largest) else 1
    else:
        classes = positive_int(num_classes, "num_classes")
    check_classes(labels, classes, "x")
    check_size("num_classes", (labels.size, classes))
    found = np.zeros((labels.size, classes))
    found[np.arange(labels.size), labels.astype(np.int64)] = 1
    return found[0] if alone else found


def normalize(x: Data, axis: int = -1, order: float = 2) -> Array:
    """Return an array divided by its norms; a vector with the norm 0 stays 0.

    Parameters
    ----------
    x : array
    axis : int
        The axis of the vectors whose norms are taken.
    order : float
        The order of ``numpy.linalg.norm``: 2 is the Euclidean norm.

    Raises
    ------
    ArgumentError, DataTypeError
        For an axis that x does not have; for an order that is no number.

    Examples
    --------
    >>> from fastgd.utils import normalize
    >>> normalize([[3.0, 4.0], [0.0, 0.0]])
    array([[0.6, 0.8],
           [0. , 0. ]])
    """
    x = numeric(x, "x")
    x = x if x.dtype.kind == "f" else x.astype(np.float64)
    axis = whole_number(axis, "axis", -math.inf)
    if not -x.ndim <= axis < x.ndim:
        raise ArgumentError(f"axis: expected one of an array of shape {x.shape}, got {axis}")
    if not (isinstance(order, float) and math.isinf(order)):
        order = number(order, "order")
    norms = np.linalg.norm(x, order, axis, keepdims=True)
    return x / np.where(norms == 0, norms.dtype.type(1), norms)


def split_dataset(dataset: Any, left_size: float | None = None, right_size: float | None = None,
                  shuffle: bool = False,
                  seed: int | None = None) -> tuple[Any, Any]:  # fmt: skip
    """Split rows into two parts, as for training and test.

    Parameters
    ----------
    dataset : array, or list or tuple of arrays with as many rows each
    left_size, right_size : float or int, optional
        A share of the rows from 0 to 1, or their number; one of both may be left out.
    shuffle : bool
        Whether the rows are taken in a random order.
    seed : int, optional
        The seed of that order; by default that of ``set_random_seed``.

    Returns
    -------
    (left, right)
        Each like ``dataset``: an array, or a tuple of arrays.

    Raises
    ------
    ArgumentError
        If the sizes are larger than the number of rows, or a part is empty.

    Examples
    --------
    >>> import numpy as np
    >>> from fastgd.utils import split_dataset
    >>> x, y = np.arange(5), np.arange(5) ** 2
    >>> (x_train, y_train), (x_test, y_test) = split_dataset((x, y), left_size=0.8)
    >>> y_train, y_test
    (array([0, 1, 4, 9]), array([16]))
    """
    several = isinstance(dataset, (list, tuple))
    arrays = [array_of(a, "dataset") for a in (dataset if several else [dataset])]
    lengths: set[Any] = {len(a) if a.ndim else None for a in arrays}
    if len(lengths) != 1 or None in lengths:
        raise ShapeError(
            f"dataset: expected arrays with as many rows each, got {[a.shape for a in arrays]}"
        )
    count = lengths.pop()
    left, right = _size(left_size, count, "left_size"), _size(right_size, count, "right_size")
    if left is None and right is None:
        raise ArgumentError("left_size, right_size: expected at least one of both, got None")
    left = count - right if left is None else left
    right = count - left if right is None else right
    if left < 1 or right < 1 or left + right > count:
        raise ArgumentError(
            f"left_size, right_size: {left} and {right} of {count} rows, expected 1 or more"
        )
    order = np.arange(count)
    if boolean(shuffle, "shuffle"):
        seed = streams.next_seed() if seed is None else whole_number(seed, "seed", 0)
        order = np.random.default_rng(seed).permutation(count)
    parts = order[:left], order[left : left + right]
    first, second = (tuple(a[rows] for a in arrays) for rows in parts)
    return (first, second) if several else (first[0], second[0])


def _size(size, count, argument):
    """Return the number of rows for a share or a number; None for None."""
    if size is None:
        return None
    if isinstance(size, (float, np.floating)):
        if not 0 <= size <= 1:
            raise ArgumentError(f"{argument}: expected a share from 0 to 1, got {size}")
        return round(size * count)
    if isinstance(size, bool) or not isinstance(size, (int, np.integer)):
        raise DataTypeError(f"{argument}: expected a share or a number of rows, got {size!r}")
    return whole_number(size, argument, 0)


if not TYPE_CHECKING:
    __getattr__ = explain(globals())
