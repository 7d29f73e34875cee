"""Find the class of each row in prepared targets, and weigh rows by it."""

import numpy as np

from fastgd._data.validation import class_weights
from fastgd.errors import warn


def class_numbers(y):
    """Return the class of each row of targets (n, columns).

    It is its number, the place of its largest target where there are several columns, and the
    nearest whole number for the targets of one output.
    """
    return np.argmax(y, axis=1) if y.shape[1] > 1 else np.rint(y[:, 0])


def weights_of_classes(y, class_weight, classes, sample_weight=None):
    """Return the weight of each row by its class, (n,); 1 for a class that has none.

    Parameters
    ----------
    y : ndarray, (n, columns)
    class_weight : dict of class -> weight, or "balanced"
    classes : int or None
        Their number, if it is known.
    sample_weight : ndarray, (n,), optional
        "balanced" counts rows with their weights.
    """
    labels = class_numbers(y)
    if isinstance(class_weight, str) and class_weight == "balanced":
        _, codes = np.unique(labels, return_inverse=True)
        counts = np.bincount(codes, sample_weight)
        return (counts.sum() / (len(counts) * np.where(counts > 0, counts, 1)))[codes]
    weights = np.ones(len(y))
    for label, weight in class_weights(class_weight, classes).items():
        weights[labels == label] = weight
    return weights


def warn_of_one_weight(y, class_weight):
    """Warn if only one of the classes 0 and 1 of the targets (n, columns) has a weight."""
    given = {0, 1} & set(class_weight)
    if len(given) == 1 and y.shape[1] <= 2 and np.isin(class_numbers(y), (0, 1)).all():
        (one,) = given
        warn(
            f"class_weight: it has a weight for class {one} only, so that class {1 - one} "
            "counts 1: give both"
        )


def warn_of_one_class(y, kept, loss):
    """Warn if targets have several classes, but those up to row `kept`, or from it on, one."""
    low, high = loss.target_range
    bounded = high - low <= 2  # targets are 0 and 1, or -1 and 1
    if not (loss.sparse or (bounded and loss.elementwise == (y.shape[1] == 1))):
        return  # numbers, or several labels
    if not loss.sparse and ((y != low) & (y != high)).any():
        return
    labels = class_numbers(y)
    if (labels == labels[0]).all():
        return
    for part, use in ((labels[:kept], "train on"), (labels[kept:], "validate on")):
        if (part == part[0]).all():
            warn(
                f"validation_split: only class {part[0]:g} of several is left to {use}, as the "
                "last rows are held out: shuffle the rows first, or give validation_data"
            )
