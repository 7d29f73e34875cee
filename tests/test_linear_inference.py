"""Inference for linear models: statsmodels, derivations by hand, and what is refused."""

import math

import numpy as np
import pytest
from linear_problems import CSR

from fastgd import linear
from fastgd.errors import ArgumentError, DataError, NotBuiltError, ShapeError
from fastgd.linear.inference import tweedie_scale

EXACT = linear.Newton(1e-11)
N = 400
FIELDS = ("coef", "standard_errors", "statistic", "p_values", "intervals", "covariance")


def made(seed=0):
    """Columns far from zero and of different sizes, offsets, weights, and targets by loss."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(N, 3)) * [1, 5, 0.1] + [0, 100, 3]
    offset, weights = 0.3 * rng.normal(size=N), rng.uniform(0.5, 2, N)
    z = 0.3 * x[:, 0] - 0.02 * (x[:, 1] - 100) + x[:, 2] - 3 + offset
    counts = rng.poisson(np.exp(z))
    y = {
        "squared_error": z + rng.normal(size=N),
        "log_loss": (rng.random(N) < 1 / (1 + np.exp(-z))).astype(int),
        "poisson": counts,
        "gamma": rng.gamma(2, np.exp(z) / 2),
        "tweedie": np.array([rng.gamma(2 * k, 0.5) if k else 0.0 for k in counts]),
    }
    return x, y, offset, weights


X, Y, OFFSET, WEIGHTS = made()
LOSSES = sorted(Y)


def found(loss, x=X, weights=None, offset=None, fit_intercept=True, **options):
    """The Inference of a model fitted to the end."""
    model = linear.LinearModel(loss, fit_intercept=fit_intercept)
    model.fit(x, Y[loss], weights, offset=offset, solver=EXACT)
    return model.inference(x, Y[loss], weights, offset=offset, **options)


# ---------------------------------------------------------------- statsmodels


def statsmodels_fit(loss, design, weights, offset):
    sm = pytest.importorskip("statsmodels.api")
    y = Y[loss]
    if loss == "squared_error":
        shift = 0 if offset is None else offset
        return sm.WLS(y - shift, design, 1.0 if weights is None else weights).fit()
    links = sm.families.links
    families = {
        "log_loss": sm.families.Binomial(), "poisson": sm.families.Poisson(),
        "gamma": sm.families.Gamma(links.Log()),
        "tweedie": sm.families.Tweedie(links.Log(), var_power=1.5, eql=False),
    }  # fmt: skip
    model = sm.GLM(y, design, families[loss], offset=offset, var_weights=weights)
    return model.fit(maxiter=100, tol=1e-14, tol_criterion="params")


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("given", ["nothing", "offset", "weights", "both"])
def test_it_is_that_of_statsmodels(loss, fit_intercept, given):
    offset = OFFSET if given in ("offset", "both") else None
    weights = WEIGHTS if given in ("weights", "both") else None
    design = np.c_[np.ones(N), X] if fit_intercept else X
    other = statsmodels_fit(loss, design, weights, offset)
    mine = found(loss, X, weights, offset, fit_intercept, confidence=0.9)
    expected = {
        "coef": other.params, "standard_errors": other.bse, "statistic": other.tvalues,
        "p_values": other.pvalues, "intervals": other.conf_int(0.1),
        "covariance": other.cov_params(), "log_likelihood": other.llf, "aic": other.aic,
        "bic": other.bic if loss == "squared_error" else other.bic_llf,
        "dispersion": other.scale, "n": other.nobs, "df_residual": other.df_resid,
    }  # fmt: skip
    for name, value in expected.items():
        np.testing.assert_allclose(
            getattr(mine, name), value, rtol=1e-6, atol=1e-9, err_msg=name
        )
    assert mine.statistic == pytest.approx(mine.coef / mine.standard_errors)


def test_the_table_has_the_numbers_of_statsmodels():
    other = statsmodels_fit("gamma", np.c_[np.ones(N), X], None, None)
    lines = found("gamma").summary().splitlines()
    theirs = str(other.summary().tables[1]).splitlines()
    assert lines[6].split() == theirs[1].split()
    for mine, line in zip(lines[8:12], theirs[3:7], strict=True):
        assert mine.split()[1:] == line.split()[1:]


# ---------------------------------------------------------------- by hand


def log_likelihood(loss, coef, dispersion, power=1.5):
    """The logarithm of the likelihood of Y, from the densities' formulas."""
    z = np.c_[np.ones(N), X] @ coef
    y, total = Y[loss], 0.0
    for target, decision in zip(y, z, strict=True):
        mean = math.exp(decision)
        if loss == "log_loss":
            total += math.log(mean / (1 + mean) if target else 1 / (1 + mean))
        elif loss == "poisson":
            total += target * decision - mean - math.lgamma(target + 1)
        elif loss == "gamma":
            k = 1 / dispersion
            total += k * math.log(k * target / mean) - k * target / mean
            total -= math.lgamma(k) + math.log(target)
        elif loss == "squared_error":
            total -= 0.5 * (target - decision) ** 2 / dispersion
            total -= 0.5 * math.log(2 * math.pi * dispersion)
        else:
            total += math.log(tweedie_density(target, mean, dispersion, power))
    return total


def tweedie_density(y, mean, dispersion, power):
    """The mixture of gamma densities of j claims, with Poisson's probabilities of j."""
    rate = mean ** (2 - power) / ((2 - power) * dispersion)
    shape = (2 - power) / (power - 1)
    scale = dispersion * (power - 1) * mean ** (power - 1)
    if y == 0:
        return math.exp(-rate)
    terms = [
        j * math.log(rate) - rate - math.lgamma(j + 1) + (j * shape - 1) * math.log(y)
        - y / scale - j * shape * math.log(scale) - math.lgamma(j * shape)
        for j in range(1, 40 + int(3 * rate))
    ]  # fmt: skip
    return math.fsum(map(math.exp, terms))


@pytest.mark.parametrize("loss", LOSSES)
def test_likelihood_and_information_are_those_of_the_densities(loss):
    mine = found(loss)
    dispersion = mine.dispersion
    if loss == "squared_error":  # the variance that maximises it
        dispersion *= mine.df_residual / N
    value = log_likelihood(loss, mine.coef, dispersion)
    assert mine.log_likelihood == pytest.approx(value, rel=1e-12)
    assert mine.aic == pytest.approx(8 - 2 * value)
    assert mine.bic == pytest.approx(4 * math.log(N) - 2 * value)
    # of the canonical links, the observed information is the expected one
    if loss not in ("gamma", "tweedie"):
        expected = np.linalg.inv(mine.covariance) * mine.dispersion / dispersion
        sizes = 0.02 / np.sqrt(np.diagonal(expected))
        steps = np.diag(sizes)
        second = [
            [
                sum(
                    a * b * log_likelihood(loss, mine.coef + a * p + b * q, dispersion)
                    for a in (1, -1) for b in (1, -1)
                ) / 4
                for q in steps
            ]
            for p in steps
        ]  # fmt: skip
        np.testing.assert_allclose(
            -np.array(second), expected * sizes * sizes[:, None], atol=2e-3 * 0.02**2
        )


@pytest.mark.parametrize("loss", LOSSES)
def test_the_coefficients_are_the_most_likely(loss):
    mine = found(loss)
    best = log_likelihood(loss, mine.coef, mine.dispersion)
    for j, error in enumerate(mine.standard_errors):
        for sign in (1, -1):
            moved = mine.coef.copy()
            moved[j] += 0.2 * sign * error
            assert log_likelihood(loss, moved, mine.dispersion) < best


def test_the_mean_of_a_few_numbers_by_hand():
    """Only an intercept's column: mean 3, variance 2.5, t of 4 degrees of freedom."""
    x, y = np.ones((5, 1)), np.array([1.0, 2, 3, 4, 5])
    mine = linear.LinearModel(fit_intercept=False).fit(x, y, solver=EXACT).inference(x, y)
    assert mine.coef[0] == pytest.approx(3)
    assert mine.standard_errors[0] == pytest.approx(math.sqrt(2.5 / 5))
    assert mine.dispersion == pytest.approx(2.5)
    reach = 2.7764451051977987 * math.sqrt(0.5)
    np.testing.assert_allclose(mine.intervals, [[3 - reach, 3 + reach]], rtol=1e-12)
    assert mine.p_values[0] == pytest.approx(0.013235599563682, rel=1e-9)
    assert mine.names == ("x0",)


def test_two_groups_of_a_binomial_by_hand():
    """The log odds ratio of a table has the variance 1/a + 1/b + 1/c + 1/d (Woolf 1955)."""
    x = np.repeat([0.0, 0.0, 1.0, 1.0], [30, 20, 15, 45])[:, None]
    y = np.repeat([0, 1, 0, 1], [30, 20, 15, 45])
    mine = linear.LinearModel("log_loss").fit(x, y, solver=EXACT).inference(x, y)
    assert mine.coef[1] == pytest.approx(math.log(30 * 45 / (20 * 15)))
    of_group = 1 / 30 + 1 / 20
    assert mine.standard_errors[1] == pytest.approx(math.sqrt(of_group + 1 / 15 + 1 / 45))
    assert mine.standard_errors[0] == pytest.approx(math.sqrt(of_group))


@pytest.mark.parametrize("power", [1.05, 1.3, 1.5, 1.9, 1.99])
@pytest.mark.parametrize("dispersion", [0.02, 0.7, 30.0])
def test_tweedies_density_is_the_mixture(power, dispersion):
    y = np.array([1e-3, 0.3, 1.0, 2.5])
    log_density = tweedie_scale(y, np.full(4, 1 / dispersion), power)
    expected = [math.log(tweedie_density(v, v, dispersion, power)) for v in y]
    np.testing.assert_allclose(log_density, expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("power", [1.05, 1.5, 1.95])
def test_tweedies_density_of_a_dispersion_of_nearly_zero_is_normal(power):
    y = np.array([0.3, 1.0, 20.0])
    log_density = tweedie_scale(y, np.full(3, 1e8), power)  # of thousands of terms
    expected = -0.5 * np.log(2 * np.pi * y**power * 1e-8)
    np.testing.assert_allclose(log_density, expected, atol=1e-4)


# ---------------------------------------------------------------- data


def test_names_frames_sparse_rows_and_float32_change_little():
    pandas = pytest.importorskip("pandas")
    plain = found("poisson")
    frame = pandas.DataFrame(X, columns=["age", "value", "rate"])
    named = found("poisson", frame)
    assert plain.names == ("intercept", "x0", "x1", "x2")
    assert named.names == ("intercept", "age", "value", "rate")
    assert "rate " in named.summary()
    single, sparse = found("poisson", X.astype(np.float32)), found("poisson", CSR(X))
    for name in FIELDS[:3]:
        np.testing.assert_array_equal(getattr(named, name), getattr(plain, name))
        np.testing.assert_allclose(getattr(single, name), getattr(plain, name), rtol=1e-4)
        np.testing.assert_allclose(getattr(sparse, name), getattr(plain, name), rtol=1e-8)


def test_threads_change_no_bit():
    model = linear.LinearModel("tweedie").fit(X, Y["tweedie"], solver=EXACT)
    one, three = (model.inference(X, Y["tweedie"], n_jobs=n) for n in (1, 3))
    for a, b in zip(one, three, strict=True):
        np.testing.assert_array_equal(a, b)


def test_rows_of_weight_zero_do_not_count():
    weights = np.where(np.arange(N) < 300, 1.0, 0.0)
    model = linear.LinearModel("gamma").fit(X, Y["gamma"], weights, solver=EXACT)
    mine = model.inference(X, Y["gamma"], weights)
    expected = model.inference(X[:300], Y["gamma"][:300])
    assert mine.n == expected.n == 300
    for name in FIELDS:
        np.testing.assert_allclose(getattr(mine, name), getattr(expected, name), rtol=1e-9)
    assert mine.bic == pytest.approx(expected.bic)


def test_columns_far_from_zero_lose_no_digits():
    """A year as column: the correlation with the intercept is 1 to nine digits."""
    rng = np.random.default_rng(3)
    x = rng.normal(size=(200, 1))
    y = 2 * x[:, 0] + rng.normal(size=200)
    near = linear.LinearModel().fit(x, y, solver=EXACT).inference(x, y)
    far = linear.LinearModel().fit(x + 1e5, y, solver=EXACT).inference(x + 1e5, y)
    np.testing.assert_allclose(far.standard_errors[1], near.standard_errors[1], rtol=1e-9)
    assert far.standard_errors[0] == pytest.approx(1e5 * near.standard_errors[1], rel=1e-4)


def test_intervals_contain_the_truth_as_often_as_they_say():
    rng, inside = np.random.default_rng(0), 0
    for _ in range(100):
        x = rng.normal(size=(60, 1))
        y = rng.poisson(np.exp(0.5 + 0.3 * x[:, 0]))
        mine = linear.LinearModel("poisson").fit(x, y).inference(x, y, confidence=0.8)
        low, high = mine.intervals[1]
        inside += low < 0.3 < high
    assert 68 <= inside <= 92  # 80 ± 3 sqrt(100 0.8 0.2)


# ---------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    ("model", "y", "message"),
    [
        (
            linear.LinearModel("huber"),
            X[:, 0],
            "one of the losses .*, got 'huber'",
        ),
        (linear.LinearModel("hinge", l2=0.1), X[:, 0] > 0, "got 'hinge'"),
        (linear.LinearModel("multinomial", l2=0.1), np.arange(N) % 3, "got 'multinomial'"),
        (linear.LinearModel("log_loss", l2=0.1), np.arange(N) % 3, "got 3 classes"),
        (linear.LinearModel(), X[:, :2] ** 2, "one target; fit each of 2 alone"),
        (linear.LinearModel(l1=0.25), X[:, 0], "l1=0.25 shrinks .* with l1=0 and l2=0"),
        (linear.LinearModel("poisson", l2=1e-3), Y["poisson"], "l2=0.001 shrinks"),
    ],
    ids=str,
)
def test_models_without_standard_errors_are_refused(model, y, message):
    y = np.asarray(y, float)
    with pytest.raises(ArgumentError, match=message):
        model.fit(X, y).inference(X, y)


def test_coefficients_that_are_not_the_most_likely_are_refused():
    model = linear.LinearModel("poisson")
    with pytest.raises(NotBuiltError, match="fit it first"):
        model.inference(X, Y["poisson"])
    scaled = (X - X.mean(axis=0)) / X.std(axis=0)
    steps = linear.SGD("constant", eta0=0.05, epochs=2, tol=None, seed=0)
    model.fit(scaled, Y["poisson"], solver=steps)
    pattern = r"coefficient of '\w+' is .* standard errors away from the maximum"
    with pytest.raises(ArgumentError, match=pattern):
        model.inference(scaled, Y["poisson"])
    model.fit(X, Y["poisson"], WEIGHTS, solver=EXACT)
    for arguments in ((X, Y["poisson"]), (X, Y["poisson"] + 1, WEIGHTS)):
        with pytest.raises(ArgumentError, match=pattern):
            model.inference(*arguments)
    model.fit(X, Y["poisson"], offset=OFFSET, solver=EXACT)
    with pytest.raises(ArgumentError, match=pattern):
        model.inference(X, Y["poisson"], offset=0)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (lambda x: np.c_[x, x[:, 1]], "depend on each other or the intercept: 'x1', 'x3'"),
        (lambda x: np.c_[x, x[:, 0] - 2 * x[:, 2]], "'x0', 'x2', 'x3'"),
        (lambda x: np.c_[x, np.full(N, 0.1)], "are constant, as the intercept is: 'x3'"),
        (
            lambda x: np.c_[x, np.eye(3)[np.arange(N) % 3]],
            "or the intercept: 'x3', 'x4', 'x5'; leave one out",
        ),
        (lambda x: np.c_[np.float32(x), np.float32(x[:, 0] + x[:, 1])], "'x0', 'x1', 'x3'"),
    ],
    ids=["copy", "sum", "constant", "dummies", "float32"],
)
@pytest.mark.filterwarnings("ignore::fastgd.errors.ConvergenceWarning")
def test_columns_that_depend_on_each_other_are_named(columns, message):
    x = columns(X)
    model = linear.LinearModel("poisson").fit(x, Y["poisson"])
    with pytest.raises(DataError, match=message):
        model.inference(x, Y["poisson"])


def test_too_few_rows_no_residuals_and_separable_classes_are_refused():
    few = linear.LinearModel().fit(X[:4], Y["gamma"][:4])
    with pytest.raises(DataError, match="more rows than coefficients, got 4 and 4"):
        few.inference(X[:4], Y["gamma"][:4])
    exact = linear.LinearModel().fit([[0.0], [1.0], [2.0]], [1.0, 1.0, 1.0])
    with pytest.raises(DataError, match="leaves no residuals"):
        exact.inference([[0.0], [1.0], [2.0]], [1.0, 1.0, 1.0])
    x = np.arange(20.0)[:, None]
    y = (x[:, 0] > 9).astype(int)
    apart = linear.LinearModel("log_loss").fit(x, y)
    with pytest.raises(DataError, match="separate the classes"):
        apart.inference(x, y)
    nothing = linear.LinearModel("tweedie").fit(X, np.zeros(N))
    with pytest.raises(DataError, match="all targets are 0, so that the likelihood has no max"):
        nothing.inference(X, np.zeros(N))
    zero = linear.LinearModel(fit_intercept=False).fit(np.c_[X, np.zeros(N)], Y["gamma"])
    with pytest.raises(DataError, match="columns are zero: 'x3'"):
        zero.inference(np.c_[X, np.zeros(N)], Y["gamma"])


def test_arguments_are_checked():
    model = linear.LinearModel("gamma").fit(X, Y["gamma"])
    for confidence in (0, 1, -0.1, 95, "0.9", None, np.nan):
        with pytest.raises((ValueError, TypeError), match="confidence"):
            model.inference(X, Y["gamma"], confidence=confidence)
    nearly = model.inference(X, Y["gamma"], confidence=1 - 1e-16)
    assert (np.diff(nearly.intervals) > 15 * nearly.standard_errors[:, None]).all()
    with pytest.raises(ShapeError, match="expects 3 columns"):
        model.inference(X[:, :2], Y["gamma"])
    with pytest.raises(DataError, match="gamma expects targets above 0"):
        model.inference(X, np.zeros(N))
    with pytest.raises(ShapeError, match="different numbers of rows"):
        model.inference(X, Y["gamma"][:5])
    classes = linear.LinearModel("log_loss").fit(X, Y["log_loss"])
    with pytest.raises(DataError, match="more rows than coefficients, got 0 and 4"):
        classes.inference(X[:0], Y["log_loss"][:0])
    with pytest.raises(DataError, match="the means are beyond float64"):
        classes.inference(X, Y["log_loss"], offset=1e300)
