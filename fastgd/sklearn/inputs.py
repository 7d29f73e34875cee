"""What scikit-learn's users pass to linear models, as fastgd's engine takes it."""

from numbers import Real

import numpy as np

from fastgd import _engines, config
from fastgd.linear.rows import rows_of, weights_of


def engine_and_rows(X):
    """The engine of linear models and its rows of an X that scikit-learn validated."""
    engine = _engines.load_linear(config.engine())
    if hasattr(X, "indptr") or not (X.flags.c_contiguous and X.flags.aligned):
        return engine, rows_of(X)
    return engine, engine.Rows(X)


def row_weights(sample_weight, n):
    """Weights of rows, float64 (n,), or None; one number is that of every row."""
    if isinstance(sample_weight, Real):
        sample_weight = np.full(n, float(sample_weight))
    return weights_of(sample_weight, n)
