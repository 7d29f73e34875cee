"""Standard errors, tests and intervals for the coefficients of generalised linear models."""

import math
from typing import NamedTuple

import numpy as np

import fastgd._tails as tails
from fastgd._core.types import LinearLoss
from fastgd._data.arguments import inner_share
from fastgd._data.frames import column_names
from fastgd._engine.algebra import dot, eigenvectors, exponentials, logarithms, times
from fastgd._typing import Array
from fastgd.errors import ArgumentError, DataError
from fastgd.linear.linalg import EPSILON, Inverse, moments
from fastgd.linear.prediction import decisions

#: The losses that are a likelihood, and the names of their distributions and links.
FAMILIES = {
    "squared_error": "Gaussian, identity link",
    "log_loss": "binomial, logit link",
    "poisson": "Poisson, log link",
    "gamma": "gamma, log link",
    "tweedie": "Tweedie, log link",
}

#: Those whose dispersion is 1.
FIXED = {"log_loss", "poisson"}

#: The step of Newton's method, in standard errors, that may be left.
STEP = 0.01

#: The least eigenvalue of the columns' correlations, and the least share of a column in its
#: vector, that count.
LEAST_EIGENVALUE, LEAST_SHARE = 1e-12, 1e-3


class Inference(NamedTuple):
    """Hold what the data say of the coefficients: the result of ``LinearModel.inference``.

    Arrays are float64, (k,), of the intercept first, if there is one, and then the columns.

    Examples
    --------
    >>> import numpy as np
    >>> from fastgd import linear
    >>> rng = np.random.default_rng(0)
    >>> x = rng.normal(size=(200, 2))
    >>> y = (x[:, 0] + rng.logistic(size=200) > 0).astype(int)
    >>> found = linear.LinearModel("log_loss").fit(x, y).inference(x, y)
    >>> print(found.summary())
                                 binomial, logit link
    ==============================================================================
    Observations:                     200    Log-likelihood:               -117.36
    Df residuals:                     197    AIC:                           240.71
    Dispersion:                         1    BIC:                           250.61
    ==============================================================================
                     coef    std err          z      P>|z|      [0.025      0.975]
    ------------------------------------------------------------------------------
    intercept      0.1315      0.159      0.827      0.408      -0.180       0.443
    x0             1.1097      0.197      5.645      0.000       0.724       1.495
    x1            -0.0381      0.157     -0.244      0.808      -0.345       0.269
    ==============================================================================
    """

    names: tuple[str, ...]  #: "intercept", and the names of columns, or "x0", "x1" ...
    coef: Array
    standard_errors: Array
    statistic: Array  #: coef / standard_errors: t for "squared_error", else z
    p_values: Array  #: of two sides, by Student's t or the normal distribution
    intervals: Array  #: (k, 2), which contain the coefficient with this confidence
    covariance: Array  #: (k, k)
    log_likelihood: float  #: for "squared_error" with the variance that maximises it
    aic: float  #: 2 k - 2 log_likelihood (Akaike 1974); the dispersion is not counted in k
    bic: float  #: k log n - 2 log_likelihood (Schwarz 1978)
    dispersion: float  #: Pearson's chi-squared / df_residual, or 1 for classes and "poisson"
    n: int  #: rows of a weight above 0
    df_residual: int  #: n - k
    confidence: float
    loss: str

    def summary(self) -> str:
        """Return a table to print: coefficient, standard error, z or t, P>|z|, the interval.

        Examples
        --------
        >>> from fastgd import linear
        >>> x, y = [[0.0], [1.0], [2.0], [3.0]], [1, 2, 4, 9]
        >>> found = linear.LinearModel("poisson").fit(x, y).inference(x, y)
        >>> print(found.summary().splitlines()[-2])
        x0             0.7478      0.277      2.702      0.007       0.205       1.290
        """
        letter = "t" if self.loss == "squared_error" else "z"
        tail = (1 - self.confidence) / 2
        ends = f"[{tail:.3g}", f"{1 - tail:.3g}]"
        width = max(9, *map(len, self.names))
        heads = ("coef", "std err", letter, f"P>|{letter}|", *ends)
        table = " " * width + "".join(
            f"{head:>{w}}" for head, w in zip(heads, (12, 11, 11, 11, 12, 12), strict=True)
        )
        facts = (
            ("Observations", f"{self.n}", "Log-likelihood", f"{self.log_likelihood:.5g}"),
            ("Df residuals", f"{self.df_residual}", "AIC", f"{self.aic:.5g}"),
            ("Dispersion", f"{self.dispersion:.5g}", "BIC", f"{self.bic:.5g}"),
        )
        half = len(table) // 2 - 2
        lines = [FAMILIES[self.loss].center(len(table)).rstrip(), "=" * len(table)]
        lines += [
            f"{a + ':':<15}{b:>{half - 15}}    {c + ':':<15}{d:>{len(table) - half - 19}}"
            for a, b, c, d in facts
        ]
        lines += ["=" * len(table), table, "-" * len(table)]
        rows = zip(
            self.names, self.coef, self.standard_errors, self.statistic, self.p_values,
            *self.intervals.T, strict=True,
        )  # fmt: skip
        lines += [
            f"{name:<{width}}{c:>12.4f}{e:>11.3f}{z:>11.3f}{p:>11.3f}{low:>12.3f}{high:>12.3f}"
            for name, c, e, z, p, low, high in rows
        ]
        return "\n".join([*lines, "=" * len(table)])


def infer(model, x, y, sample_weight, offset, confidence, n_jobs):
    """Return the Inference of a LinearModel, see there."""
    coef, intercept = model._result()
    confidence = inner_share(confidence, "confidence")
    _check_model(model)
    problem, _, names = model._adapter(n_jobs, True).prepare(x, y, sample_weight, offset=offset)
    names = names or column_names(x) or tuple(f"x{j}" for j in range(coef.shape[1]))
    n, k = int(problem.count), len(names) + model.fit_intercept
    if n <= k:
        raise DataError(f"x: expected more rows than coefficients, got {n} and {k}")
    z = decisions(problem.engine, problem.rows, coef, intercept, problem.threads)[:, 0]
    if problem.offset is not None:
        z += problem.offset
    s = np.ones(len(z)) if problem.weights is None else problem.weights
    if model.loss == "log_loss" and (problem.y * z)[s > 0].min() > 0:
        raise DataError(
            "y: the columns of x separate the classes, so that the likelihood grows with the "
            "coefficients and has no maximum: leave out the column that tells them apart"
        )
    if problem.power() is not None and not problem.y[s > 0].any():
        raise DataError("y: all targets are 0, so that the likelihood has no maximum")
    values, information, residual = _working(problem, z, s)
    covariance, step = _newton(problem, s * information, residual, names)
    pearson = float(dot(s * information * residual, residual))
    dispersion = 1.0 if model.loss in FIXED else pearson / (n - k)
    scale = z * z if model.loss == "squared_error" else np.ones(len(z))
    if not (64 * EPSILON) ** 2 * dot(s * information, scale) < pearson < np.inf:
        raise DataError("y: the model leaves no residuals, from which errors are estimated")
    covariance = covariance * dispersion
    found = coef[0]
    if model.fit_intercept:
        names, found = ("intercept", *names), np.append(intercept, found)
    errors = np.sqrt(np.diagonal(covariance))
    _check_maximum(names, found, errors, step)
    likelihood = _log_likelihood(problem, s, z, values, dispersion, pearson)
    statistic = found / errors
    tail = min((1 + confidence) / 2, math.nextafter(1, 0))
    if model.loss == "squared_error":
        p_values = [tails.t_p_value(t, n - k) for t in statistic]
        reach = tails.t_quantile(tail, n - k)
    else:
        p_values = [tails.normal_p_value(t) for t in statistic]
        reach = tails.normal_quantile(tail)
    return Inference(
        tuple(map(str, names)), found, errors, statistic, np.array(p_values),
        np.stack([found - reach * errors, found + reach * errors], axis=1), covariance,
        likelihood, 2 * k - 2 * likelihood, k * math.log(n) - 2 * likelihood, dispersion,
        n, n - k, confidence, model.loss,
    )  # fmt: skip


def _check_model(model):
    """Refuse models whose coefficients do not maximise a likelihood."""
    if model.loss not in FAMILIES or (model.classes or 2) > 2:
        seen = repr(model.loss) if model.loss not in FAMILIES else f"{model.classes} classes"
        known = ", ".join(map(repr, FAMILIES))
        raise ArgumentError(
            f"inference: expected numbers or two classes, and one of the losses {known}, got "
            f"{seen}; for others resample with many.fit_many"
        )
    if len(model._weights.coef) > 1:
        outputs = len(model._weights.coef)
        raise ArgumentError(f"inference: it is for one target; fit each of {outputs} alone")
    if model.l1 or model.l2:
        penalty = "l1" if model.l1 else "l2"
        raise ArgumentError(
            f"inference: {penalty}={getattr(model, penalty):g} shrinks the coefficients, and "
            "no standard error shows how far; fit a model with l1=0 and l2=0"
        )


def _working(problem, z, s):
    """Return (losses, information, residuals) of rows, decisions z and weights s, each (n,).

    The information is that of Fisher on z, for dispersion 1; the residual is that of the
    working response, -slope / information.
    """
    out = np.empty((3, len(z)))
    problem.engine.decision_losses(
        problem.loss, problem.setting, np.ascontiguousarray(z), problem.y, out
    )
    values, slopes, information = out  # the curvature is the expected one, but with these:
    if problem.power() is not None:
        information = exponentials((2 - problem.power()) * z)
    finite = np.isfinite(slopes).all() and np.isfinite(information).all()
    if not (finite and (s * information).any()):
        raise DataError("x: the means are beyond float64: are these the columns of the fit?")
    residual = np.divide(-slopes, information, out=np.zeros(len(z)), where=information > 0)
    return values, information, residual


def _newton(problem, information, residual, names):
    """Return (the inverse of the information, (k, k), Fisher's step towards the maximum, (k,)).

    They come from the weighted least squares of the residuals, about the columns' means.
    """
    centred = problem.fit_intercept
    found = moments(
        problem.engine, problem.rows, residual[:, None], information, problem.threads
    )
    square, cross = found.about(centred)
    inverse = Inverse(square)
    _check_columns(square, inverse.condition, names, centred)
    slopes = inverse(np.eye(len(square)))
    step = inverse(cross[:, 0])
    if not centred:
        return slopes, step
    covariance = np.empty((len(square) + 1, len(square) + 1))
    covariance[1:, 1:] = slopes
    covariance[0, 1:] = covariance[1:, 0] = -times(slopes, found.x_mean)
    covariance[0, 0] = 1 / found.total - dot(covariance[0, 1:].copy(), found.x_mean)
    return covariance, np.append(found.intercept(step[None], True), step)


def _check_columns(square, condition, names, centred):
    """Refuse columns that depend on each other, by their products about their means."""
    sizes = np.sqrt(np.diagonal(square))
    wrong = sizes == 0
    if wrong.any():
        what = "are constant, as the intercept is" if centred else "are zero"
    elif condition * LEAST_EIGENVALUE > 1:
        values, vectors = eigenvectors(square / sizes / sizes[:, None])
        null = vectors[values <= LEAST_EIGENVALUE]
        wrong = (np.abs(null) > LEAST_SHARE).any(axis=0)
        what = "depend on each other" + (" or the intercept" if centred else "")
    if wrong.any():
        listed = ", ".join(repr(names[j]) for j in np.flatnonzero(wrong))
        raise DataError(f"x: columns {what}: {listed}; leave one out, so that the others count")


def _check_maximum(names, coef, errors, step):
    """Refuse coefficients that are not at the maximum, up to a part of their errors."""
    far = np.abs(step) / np.maximum(errors, 1e-8 * np.abs(coef) / STEP)
    if not far.max() <= STEP:
        j = int(np.argmax(far))
        raise ArgumentError(
            f"inference: the coefficient of {names[j]!r} is {far[j]:.2g} standard errors away "
            "from the maximum of the likelihood: give the data of the fit (x, y, sample_weight "
            "and offset), and fit with solver=linear.Newton(tol=1e-9)"
        )


def _log_likelihood(problem, s, z, values, dispersion, pearson):
    """Return the logarithm of the likelihood of rows with weights s, decisions z and losses."""
    used = s > 0
    s, z, y, values = s[used], z[used], problem.y[used], values[used]
    power, n = problem.power(), len(s)
    if problem.loss == LinearLoss.LINEAR_SQUARED_ERROR:
        likelihood = -0.5 * n * (math.log(2 * math.pi * pearson / n) + 1)
        return likelihood + 0.5 * float(logarithms(s).sum())
    if problem.loss == LinearLoss.LINEAR_LOG_LOSS:
        return -dot(s, values)
    if power == 1:
        return -dot(s, values + tails.log_gamma(y + 1))
    shape = s / dispersion
    if power == 2:
        terms = shape * (logarithms(shape) - 1) - tails.log_gamma(shape) - logarithms(y)
    else:
        terms = np.zeros(n)
        some = y > 0
        terms[some] = tweedie_scale(y[some], shape[some], power)
    return float((terms - shape * values).sum())


def tweedie_scale(y, shape, power):
    """Return the logarithm of Tweedie's density at y = mean > 0, for dispersions 1 / shape.

    A total is the sum of j gamma-distributed claims, j Poisson-distributed; the density is the
    sum over j (Dunn and Smyth 2005, "Series evaluation of Tweedie exponential dispersion model
    densities"), taken nine standard deviations and more to both sides of its peak, in steps of
    a quarter of one: the sum of so smooth a function is as good as that of all terms.
    """
    a, b = (2 - power) / (power - 1), 2 - power
    log_y, log_shape = logarithms(y), logarithms(shape)
    slope = a * (log_y - math.log(power - 1)) + (1 + a) * log_shape - math.log(b)
    powers = exponentials(b * log_y)
    peak = shape * powers / b
    reach = 9 * np.sqrt(peak) + 20
    first = np.maximum(1.0, np.floor(peak - reach))
    step = np.maximum(1.0, np.floor(np.sqrt(peak / (1 + a)) / 4))

    def term(j):
        return j * slope - tails.log_gamma(j + 1) - tails.log_gamma(a * j)

    largest = term(np.maximum(1.0, np.round(peak)))
    total = np.zeros_like(y)
    for i in range(int(((peak + reach - first) / step).max()) + 1):
        total += step * exponentials(term(first + i * step) - largest)
    # at y = mean the rest of the density is e^(shape y^b / ((1 - power) b))
    return largest + logarithms(total) - log_y - shape * powers / ((power - 1) * b)
