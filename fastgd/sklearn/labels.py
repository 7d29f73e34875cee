"""The classes of a classifier, as targets of a network and as its predictions."""

import numpy as np
from sklearn.utils.class_weight import compute_class_weight, compute_sample_weight
from sklearn.utils.multiclass import check_classification_targets, type_of_target

from fastgd.errors import ArgumentError, DataError


class Labels:
    """Hold the classes of a classifier, found in y: all (n,), or 0 and 1 (n, labels).

    Attributes
    ----------
    kind : {"binary", "multiclass", "multilabel"}
        "binary" also for a single class.
    classes : ndarray
        Sorted; for several labels their numbers.
    outputs : int
        The columns of a network's output: 1, one a class, or one a label.
    """

    def __init__(self, y):
        check_classification_targets(y)
        kind = type_of_target(y, input_name="y", raise_unknown=True)
        if kind == "multiclass-multioutput":
            raise ArgumentError(
                "y: several columns have to be labels of 0 and 1, not classes: fit a "
                "classifier for each (sklearn.multioutput.MultiOutputClassifier)"
            )
        if kind == "multilabel-indicator":
            self.kind, self.classes = "multilabel", np.arange(y.shape[1])
        else:
            self.classes = np.unique(y)
            self.kind = "binary" if len(self.classes) <= 2 else "multiclass"
        self.outputs = 1 if self.kind == "binary" else len(self.classes)

    @classmethod
    def for_fit(cls, estimator, y, first, incremental, classes):
        """Return the labels of a classifier in a fit: of y, of `classes`, or its current ones.

        first, incremental: whether it begins again, and whether this is a ``partial_fit``.
        """
        if first:
            labels = cls(np.asarray(classes) if incremental and np.ndim(y) == 1 else y)
        else:
            labels = estimator._labels
        if classes is not None and not first:
            same = np.array_equal(np.unique(classes), labels.classes)
            if not (same or labels.kind == "multilabel"):
                raise ArgumentError(
                    f"`classes={classes!r}` is not the same as on last call to partial_fit, "
                    f"was: {labels.classes!r}"
                )
        if not (first or incremental) and labels.kind != "multilabel":
            seen = np.unique(y)
            if not np.array_equal(seen, labels.classes):
                raise ArgumentError(
                    "warm_start can only be used where `y` has the same classes as in the "
                    f"previous call to fit. Previously got {labels.classes}, `y` has {seen}"
                )
        if incremental and isinstance(estimator.class_weight, str):
            raise ArgumentError(
                "class_weight: 'balanced' would differ in each call of partial_fit: give a "
                "dict, or sample_weight"
            )
        return labels

    def codes(self, y):
        """Return the number of each row's class, (n,), or the matrix of labels.

        A class that is not among the classes is a DataError.
        """
        if self.kind == "multilabel":
            y = np.asarray(y.toarray() if hasattr(y, "toarray") else y)
            if y.ndim != 2 or y.shape[1] != self.outputs:
                raise DataError(
                    f"y: expected {self.outputs} columns of labels, got shape {y.shape}"
                )
            return (y != 0).astype(np.int64)
        check_classification_targets(y)
        unknown = np.setdiff1d(y, self.classes)
        if len(unknown):
            raise DataError(
                f"y: `y` has classes not in `self.classes_`: {unknown.tolist()}; there are "
                f"{self.classes.tolist()}"
            )
        return np.searchsorted(self.classes, y)

    def encoded(self, codes, dtype, sparse):
        """Return targets of a network for codes: (n, 1) or (n, outputs).

        sparse: whether the loss takes class numbers for more than two classes.
        """
        if self.kind == "multiclass" and not sparse:
            return np.eye(self.outputs, dtype=dtype)[codes]
        return codes.reshape(len(codes), -1).astype(dtype)

    def decoded(self, outputs, threshold=0.5):
        """Return the classes for outputs: the largest, or above a threshold."""
        if self.kind == "multilabel":
            return (outputs > threshold).astype(np.int64)
        if self.kind == "multiclass":
            return self.classes[np.argmax(outputs, axis=1)]
        above = (outputs[:, 0] > threshold) & (len(self.classes) > 1)
        return self.classes[above.astype(np.int64)]

    def probabilities(self, outputs):
        """Return (n, classes): for one output p the columns 1 - p and p."""
        if self.kind != "binary":
            return outputs
        if len(self.classes) == 1:
            return np.ones_like(outputs)
        found = np.empty((len(outputs), 2), outputs.dtype)
        found[:, 1] = outputs[:, 0]
        np.subtract(1, found[:, 1], out=found[:, 0])
        return found

    def weights(self, class_weight, y, sample_weight):
        """Return the product of the weights of rows and of their classes, (n,), or None.

        class_weight: a dict of class -> weight; "balanced", n / (classes n_c), where n and n_c,
        the rows and those of a class, count with their weights; or None. For several labels: a
        list of such.
        """
        if class_weight is None:
            return sample_weight
        if self.kind == "multilabel":
            of_rows = compute_sample_weight(class_weight, y)
        else:
            of_classes = compute_class_weight(
                class_weight, classes=self.classes, y=y, sample_weight=sample_weight
            )
            of_rows = of_classes[np.searchsorted(self.classes, y)]
        return of_rows if sample_weight is None else of_rows * sample_weight
