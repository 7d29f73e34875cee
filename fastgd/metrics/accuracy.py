"""How often predictions are right."""

from fastgd._core import formulas
from fastgd._data.validation import boolean, number, positive_int
from fastgd.metrics.compiled import RowMetric


class _Accuracy(RowMetric):
    _direction = "up"


class Accuracy(_Accuracy):
    """How often y_pred equals y_true.

    Parameters
    ----------
    name : str
    dtype : {"float32", "float64"}, optional

    Examples
    --------
    >>> from fastgd import metrics
    >>> metrics.Accuracy()([1, 2, 3, 4], [0, 2, 3, 4])
    0.75
    """

    code = formulas.Metric.METRIC_ACCURACY

    def __init__(self, name="accuracy", dtype=None):
        super().__init__(dtype, name)


class BinaryAccuracy(_Accuracy):
    """How often y_pred > threshold says what y_true (0 or 1) says, in each column.

    Parameters
    ----------
    name : str
    dtype : {"float32", "float64"}, optional
    threshold : float

    Examples
    --------
    >>> from fastgd import metrics
    >>> metrics.BinaryAccuracy()([1, 1, 0, 0], [0.98, 1, 0, 0.6])
    0.75
    """

    code = formulas.Metric.METRIC_BINARY_ACCURACY
    arguments = ("threshold",)

    def __init__(self, name="binary_accuracy", dtype=None, threshold=0.5):
        super().__init__(dtype, name)
        self.threshold = number(threshold, "threshold")

    def settings(self):
        return [self.threshold]


class CategoricalAccuracy(_Accuracy):
    """How often the largest of y_pred stands where the largest of y_true does.

    Of equal values the first is the largest; logits do as well as probabilities.

    Parameters
    ----------
    name : str
    dtype : {"float32", "float64"}, optional

    Examples
    --------
    >>> from fastgd import metrics
    >>> metrics.CategoricalAccuracy()([[0, 1], [1, 0]], [[0.1, 0.9], [0.2, 0.8]])
    0.5
    """

    code = formulas.Metric.METRIC_CATEGORICAL_ACCURACY

    def __init__(self, name="categorical_accuracy", dtype=None):
        super().__init__(dtype, name)


class SparseCategoricalAccuracy(_Accuracy):
    """How often the largest of y_pred stands at the class number y_true.

    Parameters
    ----------
    name : str
    dtype : {"float32", "float64"}, optional

    Examples
    --------
    >>> from fastgd import metrics
    >>> metrics.SparseCategoricalAccuracy()([1, 0], [[0.1, 0.9], [0.2, 0.8]])
    0.5
    """

    code = formulas.Metric.METRIC_SPARSE_CATEGORICAL_ACCURACY
    sparse = True

    def __init__(self, name="sparse_categorical_accuracy", dtype=None):
        super().__init__(dtype, name)


class TopKCategoricalAccuracy(_Accuracy):
    """How often fewer than k of y_pred are larger than that of the true class.

    Parameters
    ----------
    k : int
    name : str
    dtype : {"float32", "float64"}, optional

    Examples
    --------
    >>> from fastgd import metrics
    >>> y_pred = [[0.1, 0.9, 0.8], [0.05, 0.95, 0]]
    >>> metrics.TopKCategoricalAccuracy(k=1)([[0, 0, 1], [0, 1, 0]], y_pred)
    0.5
    """

    code = formulas.Metric.METRIC_TOP_K
    arguments = ("k",)

    def __init__(self, k=5, name="top_k_categorical_accuracy", dtype=None):
        super().__init__(dtype, name)
        self.k = positive_int(k, "k")

    def settings(self):
        return [float(self.k), 0.0, 0.0]


class SparseTopKCategoricalAccuracy(_Accuracy):
    """How often fewer than k of y_pred are larger than that of the class number y_true.

    Parameters
    ----------
    k : int
    name : str
    dtype : {"float32", "float64"}, optional
    from_sorted_ids : bool
        Whether y_pred holds class numbers, the likeliest first, of which the first k count.

    Examples
    --------
    >>> from fastgd import metrics
    >>> y_pred = [[0.1, 0.9, 0.8], [0.05, 0.95, 0]]
    >>> metrics.SparseTopKCategoricalAccuracy(k=1)([2, 1], y_pred)
    0.5
    """

    code = formulas.Metric.METRIC_TOP_K
    sparse = True
    arguments = ("k", "from_sorted_ids")

    def __init__(
        self,
        k=5,
        name="sparse_top_k_categorical_accuracy",
        dtype=None,
        from_sorted_ids=False,
    ):
        super().__init__(dtype, name)
        self.k = positive_int(k, "k")
        self.from_sorted_ids = boolean(from_sorted_ids, "from_sorted_ids")

    def settings(self):
        return [float(self.k), 1.0, float(self.from_sorted_ids)]


def binary_accuracy(y_true, y_pred, threshold=0.5):
    """Of each row, the share of columns that ``BinaryAccuracy`` finds right: shape (n,)."""
    return BinaryAccuracy(threshold=threshold).rows(y_true, y_pred)


def categorical_accuracy(y_true, y_pred):
    """Of each row, whether ``CategoricalAccuracy`` finds it right, 1 or 0: shape (n,)."""
    return CategoricalAccuracy().rows(y_true, y_pred)


def sparse_categorical_accuracy(y_true, y_pred):
    """Of each row, whether ``SparseCategoricalAccuracy`` finds it right: shape (n,)."""
    return SparseCategoricalAccuracy().rows(y_true, y_pred)


def top_k_categorical_accuracy(y_true, y_pred, k=5):
    """Of each row, whether ``TopKCategoricalAccuracy`` finds it right: shape (n,)."""
    return TopKCategoricalAccuracy(k).rows(y_true, y_pred)


def sparse_top_k_categorical_accuracy(y_true, y_pred, k=5, from_sorted_ids=False):
    """Of each row, whether ``SparseTopKCategoricalAccuracy`` finds it right: shape (n,)."""
    metric = SparseTopKCategoricalAccuracy(k, from_sorted_ids=from_sorted_ids)
    return metric.rows(y_true, y_pred)
