"""Print hashes of what linear models, estimators and optimizers give, as JSON.

``test_same_bits.py`` runs this in fresh processes, with the kernels that OpenBLAS and NumPy
have for other CPUs. The data come from sums and products of NumPy alone: none is BLAS's.
"""

import hashlib
import json
import sys
import warnings

import numpy as np
from scipy import sparse
from sklearn.linear_model import LinearRegression as Theirs

from fastgd import Sequential, config, layers, linear, utils
from fastgd import sklearn as estimators
from fastgd.errors import DivergenceError
from fastgd.linear.objective import LOG_LINK, LOSSES, REGRESSIONS, SMOOTH
from fastgd.optimizers import CLASSES

#: What of each class of estimators is tried.
SETTINGS = {
    "LinearRegression": [{}],
    "Ridge": [{}, {"solver": "svd", "fit_intercept": False}],
    "LogisticRegression": [
        {"solver": solver, "l1_ratio": ratio}
        for solver in ("lbfgs", "saga")
        for ratio in (0.0, 0.5)
    ],
    "SGDClassifier": [{"loss": loss} for loss in ("hinge", "log_loss", "modified_huber")],
    "SGDRegressor": [{"eta0": 1e-4}],
    "MLPClassifier": [{"hidden_layer_sizes": (8,), "max_iter": 4}],
    "MLPRegressor": [
        {"hidden_layer_sizes": (8,), "max_iter": 4, "loss": loss}
        for loss in ("squared_error", "poisson")
    ],
    "Classifier": [{"model": lambda: network("sigmoid"), "loss": "binary_crossentropy"}],
    "Regressor": [{"model": lambda: network("linear"), "loss": "mse"}],
}


def network(activation):
    return Sequential([layers.Dense(9, "tanh"), layers.Dense(1, activation)])


class Data:
    """Columns of several sizes, two of them nearly collinear, and targets of each kind."""

    def __init__(self, n, d):
        rng = np.random.default_rng(n)
        self.x = rng.normal(size=(n, d)) * (1 + np.arange(d))
        self.x[rng.random(self.x.shape) < 0.3] = 0
        self.x[:, 1] = self.x[:, 0] + 1e-7 * self.x[:, 2]
        self.z = (self.x * (rng.normal(size=d) / (1 + np.arange(d)))).sum(axis=1)
        self.numbers = self.z + rng.normal(size=n)
        self.two = (self.numbers > 0).astype(int)
        self.three = (self.numbers > -0.5).astype(int) + (self.numbers > 0.5)
        self.counts = np.floor(np.abs(self.numbers))
        self.weights = rng.random(n)

    def targets_for(self, loss):
        if loss == "multinomial":
            return self.three
        if loss in LOG_LINK:
            return self.counts + (loss == "gamma")
        return self.numbers if loss in REGRESSIONS else self.two

    def matrices(self):
        for dtype in ("float32", "float64"):
            yield f"{dtype} dense", self.x.astype(dtype)
            yield f"{dtype} csr", sparse.csr_matrix(self.x.astype(dtype))


def digest(*arrays):
    whole = b"".join(np.ascontiguousarray(a).tobytes() for a in arrays)
    return hashlib.sha256(whole).hexdigest()[:16]


def solvers(loss):
    yield "sgd", linear.SGD("invscaling", epochs=2, seed=0, tol=None)
    yield "gd", linear.GradientDescent(1e-3, 5)
    if loss in SMOOTH:
        yield "newton", linear.Newton(max_iter=20)
        yield "lbfgs", linear.LBFGS(max_iter=40)


def of_linear_models(data):
    for loss in sorted(LOSSES):
        for solver_name, solver in solvers(loss):
            for penalty in ({}, {"l2": 0.01}, {"l1": 0.01}):
                for kind, x in data.matrices():
                    model = linear.LinearModel(loss, **penalty)
                    name = f"{loss} {solver_name} {penalty} {kind}"
                    try:
                        model.fit(x, data.targets_for(loss), data.weights, solver=solver)
                    except DivergenceError as error:
                        yield name, str(error)
                        continue
                    found = [model.coef, model.intercept, model.predict(x)]
                    yield name, digest(*found, model.decision_function(x))


def of_estimators(data):
    for class_name, variants in SETTINGS.items():
        of_rows = class_name.startswith(("MLP", "Classifier", "Regressor"))
        classifies = "Classifier" in class_name or class_name == "LogisticRegression"
        kinds = [data.two, data.three] if classifies else [data.numbers]
        if class_name == "Classifier":
            kinds = [data.two]
        if class_name in ("LinearRegression", "Ridge"):
            kinds.append(np.stack([data.numbers, data.z], axis=1))
        for i, settings in enumerate(variants):
            for j, y in enumerate(kinds):
                for kind, x in data.matrices():
                    if of_rows and "csr" in kind:
                        continue
                    x = x / np.float32(30) if of_rows else x
                    seeded = {} if class_name in ("LinearRegression",) else {"random_state": 0}
                    target = np.abs(y) if settings.get("loss") == "poisson" else y
                    model = getattr(estimators, class_name)(**settings, **seeded).fit(x, target)
                    yield f"{class_name} {i} {j} {kind}", digest(*fitted_arrays(model, x))


def fitted_arrays(model, x):
    for method in ("predict", "predict_proba", "predict_log_proba", "decision_function"):
        if hasattr(model, method):
            yield getattr(model, method)(x)
    for name in ("coef_", "intercept_", "singular_", "coefs_", "intercepts_"):
        if hasattr(model, name):
            value = getattr(model, name)
            yield from value if isinstance(value, list) else [value]


def of_optimizers(data):
    for dtype in ("float32", "float64"):
        config.set_floatx(dtype)
        x, y = (data.x / 10).astype(dtype), data.numbers[:, None].astype(dtype)
        for optimizer in CLASSES:
            name = optimizer.__name__
            utils.set_random_seed(1)
            model = network("linear")
            model.compile(
                optimizer(global_clipnorm=1.0) if name == "SGD" else optimizer(), "mse"
            )
            model.fit(x, y, epochs=3, batch_size=len(x), verbose=0)
            yield f"{name} {dtype}", digest(*model.get_weights(), model.predict(x, verbose=0))
    config.set_floatx("float32")


def control(data):
    """Yield what does go through BLAS, to see that the kernels of another CPU are in use."""
    yield (
        "scikit-learn's own",
        digest(Theirs().fit(data.x, data.numbers).coef_, data.x @ data.x.T),
    )


def main():
    found = {}
    for n, d in ((150, 7), (200, 40)):
        data = Data(n, d)
        for hashes in (of_linear_models, of_estimators, of_optimizers, control):
            for name, value in hashes(data):
                found[f"{hashes.__name__} {d}: {name}"] = value
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main()
