"""LogisticRegression, LinearRegression and Ridge beside scikit-learn's own."""

import pickle

import numpy as np
import pytest
import scipy.sparse
from credit_table import credit

pytest.importorskip("sklearn")

import sklearn.linear_model as theirs
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

import fastgd.sklearn as ours


@pytest.fixture(autouse=True)
def _one_thread():
    with threadpool_limits(1):
        yield


def made(n=300, d=6, classes=2, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, d)) + rng.normal(size=(n, 1))
    scores = x @ rng.normal(size=(d, classes)) + rng.gumbel(size=(n, classes))
    return x, np.array(["a", "b", "c", "d"])[scores.argmax(axis=1)]


def close(found, exact, rtol=1e-6, atol=1e-9):
    np.testing.assert_allclose(found.coef_, exact.coef_, rtol=rtol, atol=atol)
    np.testing.assert_allclose(found.intercept_, exact.intercept_, rtol=rtol, atol=atol)


# ---------------------------------------------------------------- logistic regression


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("solver", ["lbfgs", "newton-cg", "newton-cholesky", "sag", "saga"])
@pytest.mark.parametrize("fit_intercept", [True, False])
def test_every_solver_reaches_the_optimum(classes, solver, fit_intercept):
    x, y = made(classes=classes)
    options = {"C": 0.5, "tol": 1e-12, "max_iter": 500, "fit_intercept": fit_intercept}
    exact = theirs.LogisticRegression(solver="newton-cholesky", **options).fit(x, y)
    found = ours.LogisticRegression(solver=solver, **options).fit(x, y)
    close(found, exact)
    assert found.n_iter_.shape == (1,)
    np.testing.assert_array_equal(found.predict(x), exact.predict(x))
    np.testing.assert_allclose(found.predict_proba(x), exact.predict_proba(x), atol=1e-9)


@pytest.mark.parametrize("solver", ["lbfgs", "saga"])
@pytest.mark.parametrize("ratio", [0.4, 1.0])
@pytest.mark.parametrize("classes", [2, 3])
def test_elastic_net_zeros(solver, ratio, classes):
    x, y = made(200, 8, classes)
    options = {"C": 0.02, "l1_ratio": ratio}
    exact = theirs.LogisticRegression(
        solver="saga", tol=1e-11, max_iter=30_000, random_state=0, **options
    ).fit(x, y)
    found = ours.LogisticRegression(solver=solver, tol=1e-10, max_iter=500, **options).fit(x, y)
    np.testing.assert_array_equal(found.coef_ == 0, exact.coef_ == 0)
    assert 0 < (found.coef_ == 0).sum() < found.coef_.size
    np.testing.assert_allclose(found.coef_, exact.coef_, rtol=1e-5, atol=1e-7)


def test_no_penalty_and_class_weights():
    x, y = made(classes=3)
    for options in ({"C": np.inf}, {"class_weight": "balanced"}, {"class_weight": {"a": 3.0}}):
        exact = theirs.LogisticRegression(solver="newton-cholesky", tol=1e-12, **options)
        found = ours.LogisticRegression(tol=1e-12, max_iter=500, **options)
        close(found.fit(x, y), exact.fit(x, y), rtol=1e-5)


def test_the_deprecated_penalty_still_means_what_it_meant():
    x, y = made()
    for penalty, ratio in ((None, 0.0), ("l2", 0.0), ("l1", 1.0), ("elasticnet", 0.3)):
        C = np.inf if penalty is None else 0.1
        expected = ours.LogisticRegression(l1_ratio=ratio, C=C).fit(x, y)
        with pytest.warns(FutureWarning, match="penalty is deprecated"):
            found = ours.LogisticRegression(penalty, l1_ratio=ratio, C=0.1).fit(x, y)
        np.testing.assert_array_equal(found.coef_, expected.coef_)


def test_liblinear_is_scikit_learns_own():
    x, y = made()
    options = {"solver": "liblinear", "dual": True, "random_state": 0, "max_iter": 10_000}
    close(
        ours.LogisticRegression(**options).fit(x, y),
        theirs.LogisticRegression(**options).fit(x, y), 0, 0,
    )  # fmt: skip


@pytest.mark.parametrize(
    "make",
    [
        lambda: ours.LogisticRegression(),
        lambda: ours.LogisticRegression(solver="newton-cholesky"),
        lambda: ours.LogisticRegression(solver="saga", l1_ratio=0.5, C=0.1),
        lambda: ours.LinearRegression(),
        lambda: ours.Ridge(),
    ],
    ids=["lbfgs", "newton", "elastic net", "least squares", "ridge"],
)
@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("classes", [2, 3])
def test_weights_are_repeated_rows(make, sparse, classes):
    x, y = made(120, 5, classes, seed=3)
    if not hasattr(make(), "C"):
        y = x @ np.arange(5.0) + np.unique(y, return_inverse=True)[1]
    weights = np.random.default_rng(0).integers(0, 4, 120)
    form = scipy.sparse.csr_array if sparse else np.asarray
    weighted = make().fit(form(x), y, sample_weight=weights)
    repeated = make().fit(form(np.repeat(x, weights, axis=0)), np.repeat(y, weights))
    close(weighted, repeated, 1e-10, 1e-12)


def test_warm_start_goes_on():
    x, y = made(classes=3)
    model = ours.LogisticRegression(warm_start=True, tol=1e-9).fit(x, y)
    assert model.n_iter_[0] > 3
    model.fit(x, y)
    assert model.n_iter_[0] == 0
    with pytest.raises(ValueError, match="warm_start"):
        model.fit(x[:, :2], y)


def test_partial_fit_comes_near_the_fit_to_the_whole():
    x, y = made(3000, 5, 3)
    for labels in (y, np.where(y == "a", "a", "b")):
        whole = ours.LogisticRegression(tol=1e-10).fit(x, labels)
        model = ours.LogisticRegression(tol=1e-10)
        for part in np.array_split(np.arange(3000), 10):
            model.partial_fit(x[part], labels[part], classes=np.unique(labels))
        assert np.abs(model.coef_ - whole.coef_).max() < 0.05
        assert (model.predict(x) == whole.predict(x)).mean() > 0.99
        first = ours.LogisticRegression(tol=1e-10).partial_fit(x, labels, np.unique(labels))
        np.testing.assert_allclose(first.coef_, whole.coef_, rtol=1e-6)


def test_partial_fit_goes_on_after_fit():
    x, y = made(2000, 5)
    for solver in ("lbfgs", "newton-cholesky"):
        whole = ours.LogisticRegression(tol=1e-10).fit(x, y)
        model = ours.LogisticRegression(tol=1e-10, solver=solver).fit(x[:1500], y[:1500])
        before = np.abs(model.coef_ - whole.coef_).max()
        for i in range(1500, 2000, 50):
            model.partial_fit(x[i : i + 50], y[i : i + 50])
        assert np.abs(model.coef_ - whole.coef_).max() < 0.7 * before
        one = model.coef_.copy()
        model.partial_fit(x[:1], y[:1])
        assert 0 < np.abs(model.coef_ - one).max() < 0.02


def test_partial_fit_refuses_what_it_was_not_told_of():
    x, y = made(classes=3)
    with pytest.raises(ValueError, match="classes"):
        ours.LogisticRegression().partial_fit(x, y)
    with pytest.raises(ValueError, match="c is none of the classes"):
        ours.LogisticRegression().partial_fit(x, y, classes=["a", "b"])
    model = ours.LogisticRegression().partial_fit(x, y, classes=["a", "b", "c"])
    before = model.coef_.copy()
    with pytest.raises(ValueError, match="classes"):
        model.partial_fit(x, y, classes=["a", "b", "d"])
    np.testing.assert_array_equal(model.coef_, before)


def test_threads_change_no_bit():
    x, y = made(20_000, 60)
    one, many = (ours.LogisticRegression(n_jobs=jobs).fit(x, y) for jobs in (1, -1))
    np.testing.assert_array_equal(one.coef_, many.coef_)


@pytest.mark.parametrize("name", ["LogisticRegression", "LinearRegression", "Ridge"])
def test_a_failed_fit_changes_nothing(name):
    x, y = made()
    y = np.unique(y, return_inverse=True)[1]
    model, other = (getattr(ours, name)().fit(x, y) for _ in range(2))
    with pytest.raises(ValueError, match="sample_weight"):
        model.fit(x[:, :2], 1 - y, sample_weight=-np.ones(len(y)))
    with pytest.raises(ValueError, match="sample_weight"):
        model.partial_fit(x, 1 - y, sample_weight=-np.ones(len(y)))
    assert model.n_features_in_ == x.shape[1]
    for m in (model, other):
        m.partial_fit(x[:50], y[:50])
    np.testing.assert_array_equal(model.coef_, other.coef_)


def test_learning_goes_on_after_sparsify():
    x, y = made()
    model, other = (ours.LogisticRegression(warm_start=True).fit(x, y) for _ in range(2))
    for m in (model.sparsify(), other):
        m.partial_fit(x[:50], y[:50])
    np.testing.assert_array_equal(model.coef_, other.coef_)


def test_callbacks_are_refused():
    with pytest.raises(ValueError, match="callbacks"):
        ours.LogisticRegression().set_callbacks(print)


def test_too_few_iterations_tell_what_to_do():
    x, y = made()
    with pytest.warns(ConvergenceWarning, match="scale the columns"):
        ours.LogisticRegression(max_iter=1, tol=1e-12).fit(x, y)


@pytest.mark.parametrize(
    ("options", "name"),
    [({"C": 0}, "C"), ({"C": -1.0}, "C"), ({"l1_ratio": 2}, "l1_ratio"), ({"tol": -1}, "tol"),
     ({"solver": "sgd"}, "solver"), ({"dual": True}, "dual"), ({"max_iter": -1}, "max_iter"),
     ({"C": "big"}, "C")],
)  # fmt: skip
def test_arguments_are_checked(options, name):
    x, y = made()
    with pytest.raises((ValueError, TypeError), match=name):
        ours.LogisticRegression(**options).fit(x, y)


def test_data_types_and_layouts():
    x, y = made()
    expected = ours.LogisticRegression(tol=1e-10).fit(x, y)
    for form in (np.asfortranarray(x), scipy.sparse.csc_matrix(x), x.tolist()):
        close(ours.LogisticRegression(tol=1e-10).fit(form, y), expected, 1e-7)
    single = ours.LogisticRegression().fit(x.astype(np.float32), y)
    assert single.coef_.dtype == single.intercept_.dtype == np.float32
    close(single, expected, 2e-2, 1e-2)


def test_pipelines_searches_and_pickles():
    x, y = made()
    search = GridSearchCV(
        make_pipeline(StandardScaler(), ours.LogisticRegression()),
        {"logisticregression__C": [0.01, 1.0]}, cv=3,
    ).fit(x, y)  # fmt: skip
    model = search.best_estimator_[-1]
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.coef_, model.coef_)
    assert clone(model).get_params() == model.get_params()


# ---------------------------------------------------------------- least squares


def regression(n=200, d=6, targets=1, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, d)) * 10.0 ** np.linspace(-2, 2, d) + 50 * rng.normal(size=d)
    y = x @ rng.normal(size=(d, targets)) + rng.normal(size=(n, targets)) + 7
    return x, y[:, 0] if targets == 1 else y


@pytest.mark.parametrize("targets", [1, 3])
@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("weighted", [True, False])
@pytest.mark.parametrize("form", [np.asarray, scipy.sparse.csr_array, scipy.sparse.coo_matrix])
def test_least_squares(targets, fit_intercept, weighted, form):
    x, y = regression(targets=targets)
    weights = np.random.default_rng(0).uniform(0, 2, 200) if weighted else None
    exact = theirs.LinearRegression(fit_intercept=fit_intercept).fit(x, y, weights)
    found = ours.LinearRegression(fit_intercept=fit_intercept).fit(form(x), y, weights)
    close(found, exact, 1e-8, 1e-10)
    assert found.coef_.shape == exact.coef_.shape
    assert np.shape(found.intercept_) == np.shape(exact.intercept_)
    assert hasattr(found, "rank_") == (form is np.asarray)
    if form is np.asarray:
        assert found.rank_ == exact.rank_
        np.testing.assert_allclose(found.singular_, exact.singular_, rtol=1e-4)
    penalised = {"alpha": np.arange(1.0, targets + 1), "fit_intercept": fit_intercept}
    close(
        ours.Ridge(**penalised).fit(form(x), y, weights),
        theirs.Ridge(solver="cholesky", **penalised).fit(x, y, weights), 1e-8, 1e-10,
    )  # fmt: skip


@pytest.mark.parametrize("targets", [1, 2])
def test_of_many_solutions_the_one_of_least_norm(targets):
    x, y = regression(targets=targets)
    x = np.c_[x, x[:, 0], 2 * x[:, 1] - x[:, 2], np.ones(len(x))]
    exact = theirs.LinearRegression().fit(x, y)
    found = ours.LinearRegression().fit(x, y)
    assert found.rank_ == exact.rank_ == 6
    close(found, exact, 1e-6, 1e-8)


def test_what_scikit_learn_does_itself():
    x, y = regression(20, 40)  # more columns than rows
    close(ours.LinearRegression().fit(x, y), theirs.LinearRegression().fit(x, y), 0, 0)
    close(ours.Ridge().fit(x, y), theirs.Ridge().fit(x, y), 0, 0)
    x, y = regression()
    for options in ({"positive": True},):
        a, b = (m.LinearRegression(**options).fit(x, y) for m in (ours, theirs))
        close(a, b, 0, 0)
        a, b = (m.Ridge(**options).fit(x, y) for m in (ours, theirs))
        close(a, b, 0, 0)
    with pytest.raises(ValueError, match="lbfgs"):
        ours.Ridge(solver="lbfgs").fit(x, y)


@pytest.mark.parametrize("rows", [20, 3])  # of ours, and of scikit-learn's own
@pytest.mark.parametrize("make", [ours.LinearRegression, ours.Ridge])
def test_names_of_columns_are_kept(make, rows):
    pandas = pytest.importorskip("pandas")
    x = pandas.DataFrame(np.random.default_rng(0).normal(size=(rows, 4)), columns=list("abcd"))
    model = make().fit(x, np.arange(rows))
    assert list(model.feature_names_in_) == list("abcd")
    with pytest.raises(ValueError, match="feature names"):
        model.predict(x[list("dcba")])


@pytest.mark.parametrize("solver", ["svd", "lsqr", "sparse_cg", "sag", "saga"])
def test_every_name_of_a_solver_gives_the_exact_solution(solver):
    x, y = regression(targets=2)
    found = ours.Ridge(solver=solver).fit(x, y)
    close(found, theirs.Ridge(solver="svd").fit(x, y), 1e-9)
    assert found.solver_ == solver
    counts = solver in ("lsqr", "sag", "saga")  # as in scikit-learn
    assert (found.n_iter_ >= 1).all() if counts else found.n_iter_ is None


@pytest.mark.parametrize("alpha", [-1.0, [1.0, 2.0, 3.0], np.inf, [1.0, -1.0]])
def test_penalties_are_checked(alpha):
    x, y = regression(targets=2)
    with pytest.raises(ValueError, match="alpha"):
        ours.Ridge(alpha=alpha).fit(x, y)


@pytest.mark.parametrize("make", [ours.LinearRegression, lambda: ours.Ridge(alpha=[0.5, 2.0])])
@pytest.mark.parametrize("weighted", [True, False])
@pytest.mark.parametrize("form", [np.asarray, scipy.sparse.csr_array])
def test_parts_give_what_the_whole_gives(make, weighted, form):
    x, y = regression(targets=2)
    s = np.random.default_rng(0).uniform(0, 2, 200) if weighted else np.ones(200)
    expected = make().fit(x, y, s)
    begun, later = make(), make().fit(form(x[:50]), y[:50], s[:50])
    for first in range(0, 200, 25):
        part = slice(first, first + 25)
        begun.partial_fit(form(x[part]), y[part], s[part])
        if first >= 50:
            later.partial_fit(form(x[part]), y[part], s[part])
    close(begun, expected, 1e-7)
    close(later, expected, 1e-7)
    with pytest.raises(ValueError, match="targets"):
        begun.partial_fit(x, y[:, 0])


@pytest.mark.parametrize("make", [ours.LinearRegression, ours.Ridge])
def test_squares_that_no_float_holds(make):
    x, y = regression()
    with pytest.raises(ArithmeticError, match="x: the squares of its columns are beyond"):
        make().fit(x * 1e200, y)


def test_columns_far_from_zero_keep_their_digits():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(500, 3)) + np.array([1e6, 2e5, 0])
    y = (x - [1e6, 2e5, 0]) @ [1.0, 2.0, 3.0] + 4
    for model in (ours.LinearRegression(), ours.Ridge(alpha=0)):
        np.testing.assert_allclose(model.fit(x, y).coef_, [1, 2, 3], rtol=1e-9)
        np.testing.assert_allclose(model.predict(x), y, atol=1e-8)


# ---------------------------------------------------------------- the credit table


@pytest.mark.parametrize("scaled", [True, False])
def test_logistic_optimum_on_the_credit_table(scaled):
    x, y = credit("default.payment.next.month", scaled)
    exact = theirs.LogisticRegression(
        solver="newton-cholesky", tol=1e-13 if scaled else 1e-9, max_iter=500
    ).fit(x, y)
    for solver in ("lbfgs", "newton-cholesky"):
        found = ours.LogisticRegression(solver=solver, tol=1e-12, max_iter=500).fit(x, y)
        close(found, exact, 1e-6, 0)


def test_default_settings_come_nearer_than_scikit_learns():
    x, y = credit("default.payment.next.month")
    exact = ours.LogisticRegression(solver="newton-cholesky", tol=1e-12).fit(x, y)
    mine, other = ours.LogisticRegression().fit(x, y), theirs.LogisticRegression().fit(x, y)
    errors = [np.abs(m.coef_ - exact.coef_).max() for m in (mine, other)]
    assert errors[0] <= errors[1]
    assert mine.n_iter_[0] < other.n_iter_[0]


def test_multinomial_optimum_on_the_credit_table():
    x, y = credit("EDUCATION")
    exact = theirs.LogisticRegression(solver="newton-cholesky", tol=1e-12).fit(x, y)
    for solver in ("lbfgs", "newton-cholesky"):
        found = ours.LogisticRegression(solver=solver, tol=1e-12, max_iter=1000).fit(x, y)
        # small coefficients of an ill-conditioned table: other products give other last digits
        close(found, exact, 1e-6, 3e-7)


@pytest.mark.parametrize("scaled", [True, False])
def test_ridge_optimum_on_the_credit_table(scaled):
    x, y = credit("LIMIT_BAL", scaled)
    for options in ({"alpha": 1.0}, {"alpha": 100.0, "fit_intercept": False}):
        exact = theirs.Ridge(solver="svd", **options).fit(x, y)
        close(ours.Ridge(**options).fit(x, y), exact, 1e-6, 0)
    exact, found = theirs.LinearRegression().fit(x, y), ours.LinearRegression().fit(x, y)
    assert found.rank_ == exact.rank_
    close(found, exact, 1e-6, 0)


def test_elastic_net_zeros_on_the_credit_table():
    x, y = credit("default.payment.next.month")
    x, y = x[:6000], y[:6000]
    options = {"solver": "saga", "C": 0.003, "l1_ratio": 0.5}
    exact = theirs.LogisticRegression(tol=1e-8, max_iter=10_000, random_state=0, **options).fit(
        x, y
    )
    found = ours.LogisticRegression(tol=1e-10, **options).fit(x, y)
    np.testing.assert_array_equal(found.coef_ == 0, exact.coef_ == 0)
    assert 0 < (found.coef_ == 0).sum() < found.coef_.size


@pytest.mark.parametrize("constant", [1e6, 1e9 + 0.1, 0.1, -1e-3])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("name", ["Ridge", "LinearRegression"])
@pytest.mark.parametrize("several", [False, True])
@pytest.mark.parametrize("kind", ["csr", "dense"])
def test_a_constant_column_gets_the_coefficient_zero(name, weighted, constant, several, kind):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(200, 4))
    x[rng.random(x.shape) < 0.5] = 0
    y = x @ [1.0, 2, 3, 4] + 5 + rng.normal(size=200)
    y = np.c_[y, -y] if several else y
    weights = rng.uniform(0.1, 1, 200) if weighted else None
    without = getattr(theirs, name)().fit(x, y, weights)
    both = np.c_[x, np.full(200, constant)]
    given = scipy.sparse.csr_matrix(both) if kind == "csr" else both
    model = getattr(ours, name)().fit(given, y, weights)
    assert not model.coef_[..., 4].any()
    np.testing.assert_allclose(model.coef_[..., :4], without.coef_, rtol=1e-9)
    np.testing.assert_allclose(model.intercept_, without.intercept_, rtol=1e-9)
    parts = getattr(ours, name)().partial_fit(given[:90], y[:90])
    parts.partial_fit(given[90:], y[90:])
    assert np.abs(parts.coef_[..., 4] * constant).max() < 1e-9


def test_a_column_of_a_sparse_matrix_far_from_zero_loses_no_digits():
    rng = np.random.default_rng(0)
    x = np.c_[rng.normal(size=(300, 3)), 1e7 + rng.normal(size=300)]
    y = x[:, :3] @ [1.0, 2, 3] + (x[:, 3] - 1e7)
    expected = ours.Ridge().fit(np.c_[x[:, :3], x[:, 3] - 1e7], y)
    for rows in (x, scipy.sparse.csr_matrix(x)):
        np.testing.assert_allclose(ours.Ridge().fit(rows, y).coef_, expected.coef_, rtol=1e-8)
