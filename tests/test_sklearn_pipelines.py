"""What users of scikit-learn do with an estimator, on real tables, after changing an import."""

import pickle
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("pandas")
pytest.importorskip("sklearn")

import pandas as pd
import sklearn.linear_model
import sklearn.neural_network
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer, make_column_selector
from sklearn.inspection import permutation_importance
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import fastgd.sklearn

DATA = Path(__file__).parents[2] / "shared" / "data"

#: Name of the table -> file, target, what the target is where it is 1, columns left out.
TABLES = {
    "uci": ("uci_default_credit_card.csv", "default.payment.next.month", "yes", ["ID"]),
    "german": ("german_credit_selva86.csv", "credit_risk", 0, []),
}

#: Class -> its module in scikit-learn, settings for a table of 1000 rows and for one of 30000.
CLASSIFIERS = {
    "LogisticRegression": (sklearn.linear_model, {"C": 0.5}, {"C": 0.5}),
    "SGDClassifier": (
        sklearn.linear_model,
        {"loss": "log_loss", "alpha": 1e-2},
        {"loss": "log_loss", "alpha": 1e-3},
    ),
    "MLPClassifier": (
        sklearn.neural_network,
        {
            "hidden_layer_sizes": (8,), "alpha": 1.0, "max_iter": 60, "early_stopping": True,
            "learning_rate_init": 0.01,
        },
        {
            "hidden_layer_sizes": (16, 8), "alpha": 1e-3, "batch_size": 256, "max_iter": 12,
            "early_stopping": True, "n_iter_no_change": 12,
        },
    ),
}  # fmt: skip

#: A setting of each to search over.
SEARCHED = {
    "LogisticRegression": {"C": [0.1, 1.0]},
    "SGDClassifier": {"alpha": [1e-3, 1e-2]},
    "MLPClassifier": {"alpha": [1e-2, 1.0]},
}


def table(name):
    """The columns of a table, and its target."""
    file, target, positive, left_out = TABLES[name]
    if not (DATA / file).exists():
        pytest.skip(f"the table {file} is not here")
    frame = pd.read_csv(DATA / file)
    return frame.drop(columns=[target, *left_out]), (frame[target] == positive).astype(int)


def pipeline(estimator):
    """Numbers scaled, categories one-hot."""
    columns = ColumnTransformer(
        [
            ("numbers", StandardScaler(), make_column_selector(dtype_include="number")),
            (
                "categories",
                OneHotEncoder(handle_unknown="ignore", sparse_output=False),
                make_column_selector(dtype_exclude="number"),
            ),
        ]
    )
    return make_pipeline(columns, estimator)


@pytest.mark.parametrize("name", list(CLASSIFIERS))
@pytest.mark.parametrize("which", list(TABLES))
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_ranks_clients_no_worse_than_scikit_learn(which, name):
    x, y = table(which)
    module, *settings = CLASSIFIERS[name]
    settings = settings[len(x) > 1000]
    scores = {fastgd.sklearn: [], module: []}
    for seed in range(10):
        x_train, x_test, y_train, y_test = train_test_split(
            x, y, test_size=0.3, random_state=seed, stratify=y
        )
        for source, found in scores.items():
            own = dict(settings)
            if name != "LogisticRegression":
                own["random_state"] = seed
            model = pipeline(getattr(source, name)(**own)).fit(x_train, y_train)
            found.append(roc_auc_score(y_test, model.predict_proba(x_test)[:, 1]))
    ours, theirs = (np.mean(found) for found in scores.values())
    assert theirs > 0.7
    assert ours > theirs - 0.002


@pytest.mark.parametrize("name", list(CLASSIFIERS))
@pytest.mark.parametrize("which", list(TABLES))
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_the_whole_way_of_a_model(which, name):
    x, y = table(which)
    x, y = x.iloc[:2000], y.iloc[:2000]
    model = getattr(fastgd.sklearn, name)(**CLASSIFIERS[name][1], random_state=0)
    model = pipeline(model)
    step = name.lower()
    grid = {f"{step}__{key}": values for key, values in SEARCHED[name].items()}
    search = GridSearchCV(clone(model), grid, scoring="roc_auc", cv=3).fit(x, y)
    best = search.best_estimator_
    assert search.best_score_ > 0.6
    assert list(best.feature_names_in_) == list(x.columns)

    again = pickle.loads(pickle.dumps(best))
    np.testing.assert_array_equal(again.predict_proba(x), best.predict_proba(x))
    with pytest.raises(ValueError, match="columns are missing"):
        best.predict(x.drop(columns=x.columns[0]))

    calibrated = CalibratedClassifierCV(best, method="sigmoid", cv=3).fit(x, y)
    share = calibrated.predict_proba(x)[:, 1].mean()
    assert abs(share - y.mean()) < 0.03

    found = permutation_importance(
        best, x.iloc[:500], y.iloc[:500], scoring="roc_auc", n_repeats=2, random_state=0
    )
    assert found.importances_mean.shape == (x.shape[1],)
    useful = {"uci": "PAY_0", "german": "status"}[which]
    place = list(x.columns).index(useful)
    assert found.importances_mean[place] > np.median(found.importances_mean)
