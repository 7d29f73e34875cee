"""Every metric of the registry with several settings, data that it takes, and its formula.

A class that needs no arguments is picked up by itself; its formula has to stand in ORACLES. The
formulas are written from the documentation's, as plainly as they can be, and share nothing with
the package.
"""

from itertools import pairwise

import numpy as np

from fastgd.metrics import CLASSES

#: Settings to try besides the defaults; where there are no defaults, instead of them.
SETTINGS = {
    "BinaryAccuracy": [{"threshold": 0.25}, {"threshold": 0.3}],
    "TopKCategoricalAccuracy": [{"k": 1}, {"k": 2}],
    "SparseTopKCategoricalAccuracy": [{"k": 1}, {"k": 2}, {"k": 2, "from_sorted_ids": True}],
    "BinaryCrossentropy": [{"from_logits": True}, {"label_smoothing": 0.25}],
    "CategoricalCrossentropy": [{"from_logits": True}, {"label_smoothing": 0.25}],
    "SparseCategoricalCrossentropy": [
        {"from_logits": True},
        {"ignore_class": 0},
        {"ignore_class": 0, "from_logits": True},
    ],
    "R2Score": [
        {"class_aggregation": None},
        {"class_aggregation": "variance_weighted_average"},
        {"num_regressors": 3},
    ],
    "PearsonCorrelation": [{"axis": 0}],
    "ConcordanceCorrelation": [{"axis": 0}],
    "ExpectedCalibrationError": [{"num_bins": 4}, {"num_bins": 4, "strategy": "quantile"}],
    "TruePositives": [{"thresholds": [0.75, 0.25, 0.3]}],
    "FalseNegatives": [{"thresholds": [0.0, 0.5, 1.0]}],
    "Precision": [
        {"thresholds": [0.75, 0.1, 0.25]},
        {"top_k": 2},
        {"top_k": 1, "thresholds": 0.5},
        {"class_id": 0},
    ],
    "Recall": [{"thresholds": 0.0}, {"top_k": 2, "class_id": 0}],
    "AUC": [
        {"num_thresholds": 9},
        {"curve": "PR"},
        {"curve": "PR", "summation_method": "minoring", "num_thresholds": 12},
        {"curve": "PRGAIN", "num_thresholds": 12},
        {"summation_method": "majoring", "num_thresholds": 5},
        {"thresholds": [0.75, 0.1, 0.5, 0.6]},
        {"thresholds": []},
        {"multi_label": True},
        {"multi_label": True, "curve": "PR"},
        {"from_logits": True, "num_thresholds": 33},
        {"exact": True},
        {"exact": True, "multi_label": True, "curve": "PR"},
        {"exact": True, "summation_method": "minoring"},
    ],
    "SensitivityAtSpecificity": [
        {"specificity": 0.6},
        {"specificity": 0.6, "num_thresholds": 1},
        {"specificity": 0.3, "class_id": 0, "num_thresholds": 9},
    ],
    "SpecificityAtSensitivity": [{"sensitivity": 0.6}, {"sensitivity": 1.0}],
    "PrecisionAtRecall": [{"recall": 0.5}],
    "RecallAtPrecision": [{"precision": 0.6}, {"precision": 1.0}],
    "F1Score": [
        {"average": "micro"},
        {"average": "macro", "threshold": 0.25},
        {"average": "weighted"},
    ],
    "FBetaScore": [{"beta": 2.0}, {"beta": 0.5, "average": "micro", "threshold": 0.5}],
    "IoU": [
        {"num_classes": 2, "target_class_ids": [1]},
        {"num_classes": 3, "target_class_ids": [0, 2], "sparse_y_pred": False},
    ],
    "BinaryIoU": [{"threshold": 0.25}, {"target_class_ids": [1]}],
    "MeanIoU": [
        {"num_classes": 2},
        {"num_classes": 17, "sparse_y_pred": False, "ignore_class": 1},
        {"num_classes": 3, "sparse_y_true": False, "sparse_y_pred": False},
    ],
    "OneHotIoU": [{"num_classes": 3, "target_class_ids": [0, 1]}],
    "OneHotMeanIoU": [{"num_classes": 17}],
}


def all_cases():
    """(name for the test, metric class, its arguments) of all there is to try."""
    for cls in CLASSES:
        tried = SETTINGS.get(cls.__name__, [])
        for arguments in (*([] if needs_arguments(cls) else [{}]), *tried):
            label = ",".join(f"{k}={v}" for k, v in arguments.items())
            yield f"{cls.__name__}({label})", cls, arguments


def needs_arguments(cls):
    return cls.__name__.endswith(("IoU", "AtSpecificity", "AtSensitivity", "AtRecall",
                                  "AtPrecision")) and cls.__name__ != "BinaryIoU"  # fmt: skip


CASES = list(all_cases())
#: Whose predictions are above 0: they are divided by their sum, or their logarithm is taken.
OF_POSITIVE = ("CategoricalCrossentropy", "SparseCategoricalCrossentropy", "Poisson")


def data(metric, n, width, seed=0, weighted=True):
    """Predictions and targets for a metric, and weights; many sit on thresholds and are tied.

    Predictions are multiples of 1/16 from 0 to 1, so that float32 holds them.
    """
    rng = np.random.default_rng(seed)
    p = rng.integers(0, 17, (n, width)) / 16
    if metric.get_config().get("from_sorted_ids"):
        p = np.argsort(rng.random((n, width)), axis=1).astype(float)
    if type(metric).__name__ in OF_POSITIVE:
        p = np.maximum(p, 1 / 16)
    if type(metric).__name__ == "BinaryCrossentropy":
        p = np.clip(p, 1 / 16, 15 / 16)  # that of 0 or 1 depends on the data type
    labels = rng.integers(0, width, n)
    if metric.sparse:
        y = labels[:, None].astype(float)
    elif width > 1:
        y = np.eye(width)[labels]
    else:
        y = rng.integers(0, 2, (n, 1)).astype(float)
    w = rng.integers(0, 5, n) / 4 if weighted else np.ones(n)
    return p, y, w


# ---------------------------------------------------------------- the formulas


def over(a, b):
    return a / b if b else 0.0


def mean_of(value):
    """The mean of value(p_row, y_row, **config) over rows."""

    def figure(p, y, w, **config):
        total = sum(
            w_row * value(p_row, y_row, **config)
            for p_row, y_row, w_row in zip(p, y, w, strict=True)
        )
        return over(total, sum(w))

    return figure


def first_largest(values):
    return max(range(len(values)), key=lambda j: values[j])


def top_k(label):
    def value(p, y, k=5, from_sorted_ids=False):
        j = int(label(y))
        if from_sorted_ids:
            return float(j in p[:k])
        return float(sum(other > p[j] for other in p) < k)

    return value


def elements(p, y, w, class_id=None, top_k=None, from_logits=False):
    """(prediction, target, weight) of all that counts."""
    for p_row, y_row, w_row in zip(p, y, w, strict=True):
        chosen = range(len(p_row)) if class_id is None else [class_id]
        order = sorted(range(len(p_row)), key=lambda j, row=p_row: (-row[j], j))
        for j in chosen:
            z = p_row[j]
            if top_k is not None and j not in order[:top_k]:
                z = -1e10
            yield 1 / (1 + np.exp(-z)) if from_logits else z, y_row[j] != 0, w_row


def at_thresholds(points, thresholds):
    """TP, FP, TN, FN at each threshold, by comparing everything with everything."""
    p, y, w = np.array(list(points)).T
    above = p > np.array(thresholds)[:, None]
    fields = (above & (y == 1), above & (y == 0), ~above & (y == 0), ~above & (y == 1))
    return np.array([(w * field).sum(axis=1) for field in fields])


def listed(thresholds, default=0.5):
    if thresholds is None:
        return [default]
    return list(thresholds) if np.ndim(thresholds) else [thresholds]


def one_or_all(values):
    return values[0] if len(values) == 1 else np.array(values)


def count_of(field):
    def figure(p, y, w, thresholds=None):
        return one_or_all(at_thresholds(elements(p, y, w), listed(thresholds))[field])

    return figure


def rate_of(field):
    def figure(p, y, w, thresholds=None, top_k=None, class_id=None):
        chosen = listed(thresholds, 0.5 if top_k is None else -1e10)
        found = at_thresholds(elements(p, y, w, class_id, top_k), chosen)
        return one_or_all(
            [over(tp, tp + b) for tp, b in zip(found[0], found[field], strict=True)]
        )

    return figure


def curve_thresholds(num_thresholds=200, thresholds=None):
    inner = (
        np.linspace(0, 1, num_thresholds)[1:-1] if thresholds is None else sorted(thresholds)
    )
    return [-1e-7, *inner, 1 + 1e-7]


def auc(
    p, y, w, num_thresholds=200, curve="ROC", summation_method="interpolation",
    thresholds=None, multi_label=False, from_logits=False, exact=False,
):  # fmt: skip
    """The area under line segments; for PR by integrating precision numerically."""
    if multi_label:
        columns = [
            auc(p[:, [j]], y[:, [j]], w, num_thresholds, curve, summation_method, thresholds,
                exact=exact)
            for j in range(p.shape[1])
        ]  # fmt: skip
        return np.mean(columns)
    chosen = curve_thresholds(num_thresholds, thresholds)
    if exact:
        chosen = [p.min() - 1, *np.unique(p[w > 0])]
    points = at_thresholds(elements(p, y, w, from_logits=from_logits), chosen).T
    positives, negatives = points[0][0], points[0][1]
    if not (positives and negatives):
        return np.nan
    x, height = [], []
    for tp, fp, _, fn in points:
        if curve == "ROC":
            x.append(over(fp, negatives))
            height.append(over(tp, positives))
        elif curve == "PR":
            x.append(over(tp, positives))
            height.append(over(tp, tp + fp))
        else:
            odds = over(positives, negatives)
            x.append(max(1 - odds * fn / tp, 0) if tp else 0)
            height.append(1 - odds * fp / tp if tp else 1)
    area = 0.0
    for k, (a, b) in enumerate(pairwise(points)):
        if curve == "PR" and summation_method == "interpolation":
            area += pr_piece(a, b, positives)
        else:
            pair = height[k], height[k + 1]
            mean = {"interpolation": sum(pair) / 2, "minoring": min(pair)}
            area += (x[k] - x[k + 1]) * mean.get(summation_method, max(pair))
    return area


def pr_piece(a, b, positives):
    """The integral of precision dTP where TP and FP run linearly, by Gauss-Legendre."""
    d_tp = a[0] - b[0]
    if not d_tp or not positives:
        return 0.0
    nodes, weights = np.polynomial.legendre.leggauss(60)
    t = (nodes + 1) / 2
    tp = b[0] + t * d_tp
    total = b[0] + b[1] + t * (a[0] + a[1] - b[0] - b[1])
    return float((weights / 2 * tp / total).sum() * d_tp / positives)


def gini(p, y, w):
    """How often a positive is above a negative, minus the contrary, over all pairs."""
    p, y, w = np.array(list(elements(p, y, w))).T
    pairs = np.outer(w[y == 1], w[y == 0])
    return (np.sign(p[y == 1][:, None] - p[y == 0]) * pairs).sum() / pairs.sum()


def kolmogorov_smirnov(p, y, w):
    found = at_thresholds(elements(p, y, w), np.unique(p)).T
    return max(abs(over(tp, tp + fn) - over(fp, fp + tn)) for tp, fp, tn, fn in found)


def best(constrained, wanted):
    def figure(p, y, w, num_thresholds=200, class_id=None, **bound):
        (bound,) = bound.values()
        chosen = [0.5] if num_thresholds == 1 else np.linspace(0, 1, num_thresholds)
        found = 0.0
        for tp, fp, tn, fn in at_thresholds(elements(p, y, w, class_id), chosen).T:
            rates = {
                "sensitivity": over(tp, tp + fn),
                "specificity": over(tn, tn + fp),
                "precision": over(tp, tp + fp),
            }
            if rates[constrained] >= bound:
                found = max(found, rates[wanted])
        return found

    return figure


def f_beta(p, y, w, beta=1.0, average=None, threshold=None):
    if threshold is None:
        predicted = (p == p.max(axis=1, keepdims=True)) & (p != 0)
    else:
        predicted = p > threshold
    w = w[:, None]
    tp = (w * (predicted & (y == 1))).sum(axis=0)
    fp = (w * (predicted & (y == 0))).sum(axis=0)
    fn = (w * (~predicted & (y == 1))).sum(axis=0)
    if average == "micro":
        tp, fp, fn = [tp.sum()], [fp.sum()], [fn.sum()]
    scores = np.array(
        [
            over((1 + beta**2) * a, (1 + beta**2) * a + b + beta**2 * c)
            for a, b, c in zip(tp, fp, fn, strict=True)
        ]
    )
    if average == "weighted":
        return over((scores * (tp + fn)).sum(), (tp + fn).sum())
    return scores if average is None else scores.mean()


def iou(targets=None, one_hot=False, binary=False):
    def figure(
        p, y, w, num_classes=2, target_class_ids=None, ignore_class=None,
        sparse_y_true=not one_hot, sparse_y_pred=not one_hot, threshold=0.5,
    ):  # fmt: skip
        chosen = range(num_classes) if target_class_ids is None else target_class_ids
        pairs = []
        for p_row, y_row, w_row in zip(p, y, w, strict=True):
            is_true = y_row if sparse_y_true else [first_largest(y_row)]
            predicted = p_row if sparse_y_pred else [first_largest(p_row)]
            predicted = [float(v >= threshold) for v in p_row] if binary else predicted
            pairs += [(int(a), int(b), w_row) for a, b in zip(is_true, predicted, strict=True)]
        pairs = [(a, b, v) for a, b, v in pairs if a != ignore_class]
        pairs = [(a, b, v) for a, b, v in pairs if a < num_classes and b < num_classes]
        found = []
        for c in chosen:
            either = sum(v for a, b, v in pairs if c in (a, b))
            if either:
                found.append(sum(v for a, b, v in pairs if a == b == c) / either)
        return over(sum(found), len(found))

    return figure


def r2(p, y, w, class_aggregation="uniform_average", num_regressors=0):
    mean = (w[:, None] * y).sum(axis=0) / w.sum()
    spread = (w[:, None] * (y - mean) ** 2).sum(axis=0)
    missed = (w[:, None] * (y - p) ** 2).sum(axis=0)
    constant = np.ptp(y[w > 0], axis=0) == 0
    spread[constant] = 0
    scores = np.where(constant, missed == 0, 1 - missed / np.where(constant, 1, spread))
    if class_aggregation == "variance_weighted_average":
        scores = (scores * spread).sum() / spread.sum()
    elif class_aggregation is not None:
        scores = scores.mean()
    rows = np.count_nonzero(w)
    if num_regressors:
        scores = 1 - (1 - scores) * (rows - 1) / (rows - num_regressors - 1)
    return scores


def pearson_of(p, y, w):
    """Of two vectors, with weights."""
    if np.ptp(p) == 0 or np.ptp(y) == 0:
        return 0.0
    cov = np.cov(p, y, aweights=w, ddof=0)
    return cov[0, 1] / np.sqrt(cov[0, 0] * cov[1, 1])


def concordance_of(p, y, w):
    cov = np.cov(p, y, aweights=w, ddof=0)
    apart = np.average(p, weights=w) - np.average(y, weights=w)
    return over(2 * cov[0, 1], cov[0, 0] + cov[1, 1] + apart**2)


def correlation(of_vectors):
    def figure(p, y, w, axis=-1):
        if axis == 0:
            return np.mean([of_vectors(p[:, j], y[:, j], w) for j in range(p.shape[1])])
        if p.shape[1] == 1:  # a single number does not vary
            return 0.0 if of_vectors is pearson_of else mean_of(lambda a, b: 0.0)(p, y, w)
        return mean_of(lambda a, b: of_vectors(a, b, np.ones(len(a))))(p, y, w)

    return figure


def brier(p, y):
    if len(y) == len(p):
        return sum((a - b) ** 2 for a, b in zip(p, y, strict=True))
    return sum((a - (j == int(y[0]))) ** 2 for j, a in enumerate(p))


def calibration(p, y, w, num_bins=15, strategy="uniform"):
    found = 0.0
    edges = np.linspace(0, 1, num_bins + 1)
    if p.shape[1] == 1:
        confidence, truth = p[:, 0], y[:, 0]
    else:
        label = y[:, 0] if y.shape[1] == 1 else y.argmax(axis=1)
        confidence, truth = p.max(axis=1), p.argmax(axis=1) == label
    if strategy == "quantile":
        edges = np.quantile(confidence[w > 0], edges)
    for b in range(num_bins):
        low, high = edges[b : b + 2]
        inside = (confidence >= low) & ((confidence < high) | (b == num_bins - 1))
        if strategy == "quantile":  # whose bins have their upper ends
            inside = ((confidence > low) | (b == 0)) & (confidence <= high)
        found += abs((w * (confidence - truth))[inside].sum())
    return found / w.sum()


def binary_entropy(p, y, from_logits=False, label_smoothing=0):
    y = y * (1 - label_smoothing) + label_smoothing / 2
    if from_logits:
        p = 1 / (1 + np.exp(-p))
    p = np.clip(p, 1e-7, 1 - 1e-7)
    return -np.mean(y * np.log(p) + (1 - y) * np.log(1 - p))


def categorical_entropy(p, y, from_logits=False, label_smoothing=0):
    y = y * (1 - label_smoothing) + label_smoothing / len(y)
    p = np.exp(p) / np.exp(p).sum() if from_logits else np.clip(p / p.sum(), 1e-7, 1 - 1e-7)
    return -(y * np.log(p)).sum()


def sparse_entropy(p, y, w, from_logits=False, ignore_class=None):
    kept = y[:, 0] != ignore_class
    one_hot = (np.arange(p.shape[1]) == y).astype(float)
    return mean_of(categorical_entropy)(
        p[kept], one_hot[kept], w[kept], from_logits=from_logits
    )


def kl_divergence(p, y):
    p, y = np.clip(p, 1e-7, 1), np.clip(y, 1e-7, 1)
    return (y * np.log(y / p)).sum()


def cosine(p, y):
    return (p @ y) / (max(np.linalg.norm(p), 1e-7) * max(np.linalg.norm(y), 1e-7))


def logarithms(p, y):
    p, y = np.maximum(p, 1e-7), np.maximum(y, 1e-7)
    return np.mean((np.log(1 + p) - np.log(1 + y)) ** 2)


def margins(p, y):
    return np.maximum(1 - np.where(y == 0, -1, y) * p, 0)


def squared(p, y):
    return np.mean((p - y) ** 2)


#: Class name -> figure(p, y, w, **arguments).
ORACLES = {
    "Accuracy": mean_of(lambda p, y: np.mean(p == y)),
    "BinaryAccuracy": mean_of(lambda p, y, threshold=0.5: np.mean((p > threshold) == y)),
    "CategoricalAccuracy": mean_of(lambda p, y: first_largest(p) == first_largest(y)),
    "SparseCategoricalAccuracy": mean_of(lambda p, y: first_largest(p) == y[0]),
    "TopKCategoricalAccuracy": mean_of(top_k(first_largest)),
    "SparseTopKCategoricalAccuracy": mean_of(top_k(lambda y: y[0])),
    "MeanSquaredError": mean_of(squared),
    "RootMeanSquaredError": lambda p, y, w: np.sqrt(mean_of(squared)(p, y, w)),
    "MeanAbsoluteError": mean_of(lambda p, y: np.mean(np.abs(p - y))),
    "MeanAbsolutePercentageError": mean_of(
        lambda p, y: 100 * np.mean(np.abs(p - y) / np.maximum(np.abs(y), 1e-7))
    ),
    "MeanSquaredLogarithmicError": mean_of(logarithms),
    "LogCoshError": mean_of(lambda p, y: np.mean(np.log(np.cosh(p - y)))),
    "CosineSimilarity": mean_of(cosine),
    "BinaryCrossentropy": mean_of(binary_entropy),
    "CategoricalCrossentropy": mean_of(categorical_entropy),
    "SparseCategoricalCrossentropy": sparse_entropy,
    "KLDivergence": mean_of(kl_divergence),
    "Poisson": mean_of(lambda p, y: np.mean(p - y * np.log(p + 1e-7))),
    "Hinge": mean_of(lambda p, y: np.mean(margins(p, y))),
    "SquaredHinge": mean_of(lambda p, y: np.mean(margins(p, y) ** 2)),
    "CategoricalHinge": mean_of(lambda p, y: max(np.max((1 - y) * p) - np.sum(y * p) + 1, 0)),
    "R2Score": r2,
    "PearsonCorrelation": correlation(pearson_of),
    "ConcordanceCorrelation": correlation(concordance_of),
    "BrierScore": mean_of(brier),
    "ExpectedCalibrationError": calibration,
    "TruePositives": count_of(0),
    "FalsePositives": count_of(1),
    "TrueNegatives": count_of(2),
    "FalseNegatives": count_of(3),
    "Precision": rate_of(1),
    "Recall": rate_of(3),
    "AUC": auc,
    "Gini": gini,
    "KolmogorovSmirnov": kolmogorov_smirnov,
    "SensitivityAtSpecificity": best("specificity", "sensitivity"),
    "SpecificityAtSensitivity": best("sensitivity", "specificity"),
    "PrecisionAtRecall": best("sensitivity", "precision"),
    "RecallAtPrecision": best("precision", "sensitivity"),
    "F1Score": f_beta,
    "FBetaScore": f_beta,
    "IoU": iou(),
    "BinaryIoU": iou(binary=True),
    "MeanIoU": iou(),
    "OneHotIoU": iou(one_hot=True),
    "OneHotMeanIoU": iou(one_hot=True),
}
