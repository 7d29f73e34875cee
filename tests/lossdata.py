"""Every loss of the registry in some configurations, with data that suit it."""

import dataclasses
import math

import numpy as np

from fastgd import losses
from fastgd._core.formulas import Loss
from fastgd.errors import ShapeError
from fastgd.losses import CLASSES

#: Other configurations to try than the defaults, by class; those that have logits get them too.
OTHERS = {
    losses.BinaryCrossentropy: [{"label_smoothing": 0.2}],
    losses.BinaryFocalCrossentropy: [
        {"gamma": 0.0},
        {"gamma": 0.5, "label_smoothing": 0.1},
        {"apply_class_balancing": True, "alpha": 0.7, "gamma": 3.0},
    ],
    losses.CategoricalCrossentropy: [{"label_smoothing": 0.2}],
    losses.CategoricalFocalCrossentropy: [
        {"gamma": 0.0},
        {"gamma": 0.5, "label_smoothing": 0.1, "alpha": 0.6},
    ],
    losses.SparseCategoricalCrossentropy: [{"ignore_class": 0}, {"ignore_class": -1}],
    losses.Huber: [{"delta": 0.3}],
    losses.Poisson: [{"log_link": True}],
    losses.Gamma: [{"log_link": True}],
    losses.Tweedie: [{"power": 1.2}, {"power": 1.9, "log_link": True}],
    losses.Quantile: [{"quantiles": [0.1, 0.5, 0.9]}],
    losses.GaussianNegativeLogLikelihood: [{"epsilon": 0.01}],
    losses.GaussianCRPS: [{"epsilon": 0.01}],
    losses.FisslerZiegel: [{"alpha": 0.3}],
}


@dataclasses.dataclass(frozen=True)
class Case:
    cls: type
    arguments: dict

    def __str__(self):
        words = [f"{key}={value}" for key, value in self.arguments.items()]
        return " ".join([self.cls.__name__, *words])

    def make(self, **more):
        return self.cls(**self.arguments, **more)

    def fits(self, width):
        """Whether an output may have this width."""
        try:
            self.make().target_columns(width)
        except ShapeError:
            return False
        return True

    def code(self):
        loss = self.make()
        return loss.logits_code if loss.from_logits else loss.code

    def data(self, rows, width, dtype="float64", seed=0):
        """Targets (rows, columns) and predictions (rows, width), away from kinks."""
        rng = np.random.default_rng(seed)
        loss = self.make()
        low, high = loss.target_range
        shape = rows, loss.target_columns(width)
        if loss.sparse:
            first = min(loss.ignore_class or 0, 0)
            y = rng.integers(first, width, shape)
        elif (low, high) == (0, 1):
            y = rng.uniform(0.05, 0.95, shape)
            if width > 1 and "Categorical" in self.cls.__name__:
                y /= y.sum(axis=1, keepdims=True)
        elif (low, high) == (-1, 1):
            y = rng.choice([-1, 0, 1], shape)
        elif low >= 0:
            y = rng.gamma(2.0, 1.0, shape)
        else:
            y = rng.normal(size=shape) + 0.3
        signed = loss.from_logits or getattr(loss, "log_link", False)
        if loss.sparse or low >= 0:
            p = (
                rng.normal(size=(rows, width))
                if signed
                else rng.uniform(0.05, 0.95, (rows, width))
            )
        elif self.cls is losses.FisslerZiegel:  # the shortfall, then the quantile
            p = np.cumsum(rng.uniform(0.1, 1.0, (rows, width)), axis=1) - 2.5
        else:
            p = 2 * rng.normal(size=(rows, width))
        return y.astype(dtype), p.astype(dtype)


def _cases():
    for cls in (cls for cls in CLASSES if not cls.couples_rows):
        for arguments in ({}, *OTHERS.get(cls, ())):
            yield Case(cls, arguments)
            if cls.logits_code is not None:
                yield Case(cls, arguments | {"from_logits": True})


CASES = tuple(_cases())
CODES = {case.code() for case in CASES}
#: No description is to be made of these: nothing, functions of the user's, a layer's penalty,
#: and losses of whole batches, for which see test_losses_batches.py.
OTHER_CODES = {
    Loss.LOSS_NONE, Loss.LOSS_COMPILED, Loss.LOSS_ACTIVITY, Loss.LOSS_SHARPE, Loss.LOSS_SORTINO,
}  # fmt: skip
assert not set(Loss) - OTHER_CODES - CODES


# --------------------------------------------------------------- values, from the formulas


def exact(case, y, p):
    """The loss of each row in long doubles, from the formulas of Keras' documentation.

    A second way to each: sums over scalars, no care taken of what overflows or cancels.
    """
    loss = case.make()
    return np.array(
        [float(_row(loss, row_y, row_p)) for row_y, row_p in zip(y, p, strict=True)]
    )


EPS = np.longdouble(1e-7)


def _row(loss, y, p):
    y, p = y.astype(np.longdouble), p.astype(np.longdouble)
    name = type(loss).__name__
    d = p - y if len(y) == len(p) else None
    match name:
        case "MeanSquaredError":
            return (d**2).mean()
        case "MeanAbsoluteError":
            return abs(d).mean()
        case "MeanAbsolutePercentageError":
            return 100 * np.mean(abs(d) / np.maximum(abs(y), EPS))
        case "MeanSquaredLogarithmicError":
            logs = np.log(np.maximum(p, EPS) + 1) - np.log(np.maximum(y, EPS) + 1)
            return (logs**2).mean()
        case "Huber":
            c = loss.delta
            return np.mean([e * e / 2 if abs(e) <= c else c * abs(e) - c * c / 2 for e in d])
        case "LogCosh":
            return np.log(np.cosh(d)).mean()
        case "CosineSimilarity":
            return -np.dot(y, p) / np.sqrt(np.dot(y, y) * np.dot(p, p))
        case "Hinge" | "SquaredHinge":
            margins = np.maximum(1 - np.where(y == 0, -1, y) * p, 0)
            return (margins ** (1 if name == "Hinge" else 2)).mean()
        case "CategoricalHinge":
            return max(max((1 - y) * p) - np.dot(y, p) + 1, 0)
        case "KLDivergence":
            y, p = np.clip(y, EPS, 1), np.clip(p, EPS, 1)
            return np.sum(y * np.log(y / p))
        case "Poisson":
            return np.mean(np.exp(p) - y * p if loss.log_link else p - y * np.log(p + EPS))
        case "Gamma":
            mean = np.exp(p) if loss.log_link else p
            return 2 * np.mean(np.log(mean / y) + y / mean - 1)
        case "Tweedie":
            mean, k = np.exp(p) if loss.log_link else p, np.longdouble(loss.power)
            return 2 * np.mean(
                y ** (2 - k) / ((1 - k) * (2 - k))
                - y * mean ** (1 - k) / (1 - k)
                + mean ** (2 - k) / (2 - k)
            )
        case "Quantile":
            q = loss.quantiles if isinstance(loss.quantiles, list) else [loss.quantiles]
            pairs = [
                (q[k], y[t] - p[t * len(q) + k]) for t in range(len(y)) for k in range(len(q))
            ]
            return np.mean([max(share * e, (share - 1) * e) for share, e in pairs])
        case "GaussianNegativeLogLikelihood":
            means, raw = p[: len(y)], p[len(y) :]
            s = np.log(1 + np.exp(raw)) + np.longdouble(loss.epsilon)
            return np.mean(((y - means) / s) ** 2 / 2 + np.log(s * np.sqrt(2 * np.pi)))
        case "GaussianCRPS":
            means, raw = p[: len(y)], p[len(y) :]
            s = np.log(1 + np.exp(raw)) + np.longdouble(loss.epsilon)
            return np.mean([_crps(*row) for row in zip(means, s, y, strict=True)])
        case "FisslerZiegel":
            (e, v), alpha = p, np.longdouble(loss.alpha)
            beyond = v - y[0] if y[0] <= v else 0
            return -beyond / (alpha * e) + v / e + np.log(-e) - 1
    if "Crossentropy" not in name:
        raise KeyError(f"give the formula of {name} in _row")
    return _crossentropy(loss, name, y, p)


def _crps(mean, s, y):
    """E|X - y| - E|X - X'| / 2 of two normal X; test_losses_batches.py has the integral."""
    z = (y - mean) / s
    density = np.exp(-z * z / 2) / np.sqrt(2 * np.longdouble(math.pi))
    inner = math.erf(z / math.sqrt(2))
    return s * (z * inner + 2 * density) - s / np.sqrt(np.longdouble(math.pi))


def _crossentropy(loss, name, y, p):
    smoothing = np.longdouble(getattr(loss, "label_smoothing", 0))
    if name.startswith("Binary"):
        p = 1 / (1 + np.exp(-p)) if loss.from_logits else p
        y = y * (1 - smoothing) + smoothing / 2
        losses_ = -(y * np.log(p) + (1 - y) * np.log(1 - p))
        if name == "BinaryFocalCrossentropy":
            p_t = y * p + (1 - y) * (1 - p)
            losses_ = losses_ * (1 - p_t) ** np.longdouble(loss.gamma)
            if loss.apply_class_balancing:
                losses_ = losses_ * (y * loss.alpha + (1 - y) * (1 - loss.alpha))
        return losses_.mean()
    p = np.exp(p) if loss.from_logits else p
    p = p / p.sum()
    if name == "SparseCategoricalCrossentropy":
        return 0 if y[0] == loss.ignore_class else -np.log(p[int(y[0])])
    y = y * (1 - smoothing) + smoothing / len(y)
    losses_ = -y * np.log(p)
    if name == "CategoricalFocalCrossentropy":
        losses_ = losses_ * np.asarray(loss.alpha) * (1 - p) ** np.longdouble(loss.gamma)
    return losses_.sum()
