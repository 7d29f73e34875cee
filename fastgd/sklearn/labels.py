"""The classes of a classifier: what a network learns of them, and what it says of them."""

import numpy as np
from sklearn.utils.class_weight import compute_class_weight, compute_sample_weight
from sklearn.utils.multiclass import check_classification_targets, type_of_target

from fastgd.errors import ArgumentError, DataError


class Labels:
    """The classes of a classifier.

    Parameters
    ----------
    y : array, shape (n,) or (n, labels)
        All classes have to be there; or a matrix of labels that are 0 or 1.

    Attributes
    ----------
    kind : {"binary", "multiclass", "multilabel"}
        "binary" also where there is one class only.
    classes : ndarray
        Sorted; of several labels their numbers.
    outputs : int
        What a network has: 1, one a class, or one a label.
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
        """The labels of a classifier in a fit: of y, of `classes`, or those it has.

        Parameters
        ----------
        estimator : classifier with `_labels` and class_weight
        y : array
        first, incremental : bool
            Whether it begins anew, and whether this is a ``partial_fit``.
        classes : array, optional
            As ``partial_fit`` takes them.
        """
        if first and incremental:
            labels = cls(y if np.ndim(y) == 2 else np.asarray(classes))
        else:
            labels = cls(y) if first else estimator._labels
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
                "class_weight: 'balanced' would be another one for each call of partial_fit: "
                "give a dict, or sample_weight"
            )
        return labels

    def codes(self, y):
        """The number of each row's class, (n,); of labels the matrix itself.

        Raises
        ------
        DataError
            For a class that is not among the classes.
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
        """Targets of a network for codes: (n, 1) or (n, outputs).

        sparse : bool
            Whether the loss takes class numbers where there are more than two.
        """
        if self.kind == "multiclass" and not sparse:
            return np.eye(self.outputs, dtype=dtype)[codes]
        return codes.reshape(len(codes), -1).astype(dtype)

    def decoded(self, outputs, threshold=0.5):
        """The classes that outputs stand for: the largest, or above a threshold."""
        if self.kind == "multilabel":
            return (outputs > threshold).astype(np.int64)
        if self.kind == "multiclass":
            return self.classes[np.argmax(outputs, axis=1)]
        above = (outputs[:, 0] > threshold) & (len(self.classes) > 1)
        return self.classes[above.astype(np.int64)]

    def probabilities(self, outputs):
        """(n, classes): of one output p the columns 1 - p and p."""
        if self.kind != "binary":
            return outputs
        if len(self.classes) == 1:
            return np.ones_like(outputs)
        found = np.empty((len(outputs), 2), outputs.dtype)
        found[:, 1] = outputs[:, 0]
        np.subtract(1, found[:, 1], out=found[:, 0])
        return found

    def weights(self, class_weight, y, sample_weight):
        """The product of the weights of rows and of their classes, (n,); None without any.

        Parameters
        ----------
        class_weight : dict of class -> weight, "balanced" or None
            "balanced": n / (classes n_c), where n and n_c, the rows and those of a class, are
            counted with their weights. Of several labels: a list of such.
        y : array
            As the user gave it.
        sample_weight : array, shape (n,), or None
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
