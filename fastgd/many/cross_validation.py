"""How good a model is on rows that it has not seen."""

import copy
import functools

import numpy as np

from fastgd._data.subsets import row_count
from fastgd._data.validation import boolean, optional_function, row_numbers
from fastgd.errors import ArgumentError, DataTypeError
from fastgd.many import rows
from fastgd.many.job import check_for_fit
from fastgd.many.jobs import fit_many
from fastgd.many.results import Results
from fastgd.many.splits import k_fold
from fastgd.models import Model


class CrossValidation(Results):
    """The results of cross-validation: one for each split, and what they say together.

    Attributes
    ----------
    predictions : ndarray, shape (n,) or (n, outputs), or None
        The out-of-fold predictions: for each row that of a model that was not trained on it.
        Where several splits test a row, that of the last; where none does, NaN, or None if
        predictions are no numbers.
    """

    def __init__(self, results=(), predictions=None):
        super().__init__(results)
        self.predictions = predictions

    @property
    def scores(self):
        """Each figure by its name: an array with one for each split."""
        names = dict.fromkeys(name for result in self for name in result.scores)
        return {
            name: np.array([result.scores.get(name, np.nan) for result in self], dtype=float)
            for name in names
        }

    @property
    def means(self):
        """The mean of each figure over the splits."""
        return {name: float(np.mean(values)) for name, values in self.scores.items()}

    @property
    def deviations(self):
        """The standard deviation of each over the splits, with n - 1; NaN for one split."""
        return {
            name: float(np.std(values, ddof=1)) if len(values) > 1 else float("nan")
            for name, values in self.scores.items()
        }

    def __repr__(self):
        return f"<CrossValidation of {len(self)} splits: {self._said()}>"

    def _said(self):
        """The means and deviations as text."""
        deviations = self.deviations
        return ", ".join(
            f"{name}={mean:.4g} ± {deviations[name]:.2g}" for name, mean in self.means.items()
        )


def cross_validate(
    model, x, y, splits=5, *, score=None, predict=False, n_jobs=-1, verbose=0, on_result=None,
    keep_models=True, seed=None, raise_errors=True, **arguments,
):  # fmt: skip
    """Train a fresh model on each split's training rows, and test it on the others.

    The splits run side by side as jobs of ``fit_many``, each with the bits that it would have
    alone. They share x and y.

    Parameters
    ----------
    model : function, Model or estimator
        A function without arguments that makes a model; or a compiled model, of which each
        split trains a replica with fresh weights; or any other object with ``fit``, of which
        each trains a copy.
    x, y : array, frame, or list or dict of such
    splits : int, list of (train_rows, test_rows), or splitter
        A number: ``k_fold``. Or a splitter of scikit-learn.
    score : function of (model, x, y), optional
        A dict of figures, or one number, for the rows held out; so is a scorer of scikit-learn.
        By default a Model's ``evaluate``, an estimator's ``score``.
    predict : bool or str
        Whether to keep the out-of-fold predictions; the name of a method other than
        ``predict`` that makes them, such as ``"predict_proba"``.
    n_jobs, verbose, on_result, keep_models, seed
        As for ``fit_many``; split number i has the seed ``seed + i``.
    raise_errors : bool
        False: a split that fails has NaN for its figures.
    **arguments
        For ``fit``, but for ``rows`` and ``validation_rows``. Of ``sample_weight`` each split
        takes its rows.

    Returns
    -------
    CrossValidation
        Results with ``scores``, ``means``, ``deviations`` and ``predictions``. The figures of
        rows held out are named ``"test_..."``, those of training as in the history.

    Raises
    ------
    ArgumentError, DataTypeError, ShapeError
        For rows that are not there, and as ``fit_many``.

    Examples
    --------
    >>> import numpy as np
    >>> from fastgd import Sequential, layers, many
    >>> x = np.linspace(-1, 1, 60)[:, None]
    >>> def make():
    ...     model = Sequential([layers.Dense(1, input_shape=(1,))])
    ...     model.compile("adam", "mse")
    ...     return model
    >>> splits = many.k_fold(60, 3, shuffle=True, seed=0)
    >>> found = many.cross_validate(make, x, 2 * x, splits, predict=True, epochs=2)
    >>> len(found), found.scores["test_loss"].shape, found.predictions.shape
    (3, (3,), (60, 1))
    """
    check_for_fit(arguments)
    pairs = row_pairs(splits, x, y)
    x, y = rows.share(x), rows.share(y, "y")
    method = _method(predict)
    score = optional_function(score, "score")
    predicted = {}

    def test(model, job):
        i = job["params"]["split"]
        held_out = pairs[i][1]
        if method is not None:
            predicted[i] = np.asarray(rows.predict(model, x, held_out, method))
        found = rows.evaluate(model, x, y, held_out, score)
        return {f"test_{name}": value for name, value in found.items()}

    make = model
    if isinstance(model, Model):
        make = model.replicate
    elif hasattr(model, "fit") and not isinstance(model, type):
        make = functools.partial(copy.deepcopy, model)
    jobs = [
        {"model": make, "x": x, "y": y, "rows": train, "params": {"split": i}} | arguments
        for i, (train, _) in enumerate(pairs)
    ]
    results = fit_many(
        jobs, n_jobs, score=test, verbose=verbose, on_result=on_result,
        keep_models=keep_models, seed=seed, raise_errors=boolean(raise_errors, "raise_errors"),
    )  # fmt: skip
    return CrossValidation(results, _gathered(predicted, pairs, row_count(x)))


def row_pairs(splits, x, y):
    """The checked (train_rows, test_rows) of each split."""
    n = row_count(x)
    if isinstance(splits, (int, np.integer)):
        return k_fold(n, splits)
    if hasattr(splits, "split"):
        splits = splits.split(x, y)
    pairs = []
    for i, pair in enumerate(splits):
        if not isinstance(pair, (tuple, list)) or len(pair) != 2:
            raise DataTypeError(f"splits: expected pairs (train_rows, test_rows), got {pair!r}")
        names = f"splits: training rows of split {i}", f"splits: test rows of split {i}"
        pair = [row_numbers(r, n, name) for r, name in zip(pair, names, strict=True)]
        pairs.append(pair)
    if not pairs:
        raise ArgumentError("splits: there are none")
    return pairs


def _method(predict):
    if isinstance(predict, str):
        return predict
    return "predict" if boolean(predict, "predict") else None


def _gathered(predicted, pairs, n):
    """Predictions of splits as one array for all rows."""
    if not predicted:
        return None
    parts = list(predicted.values())
    dtype = np.result_type(*parts)
    everywhere = np.zeros(n, dtype=bool)
    for i in predicted:
        everywhere[pairs[i][1]] = True
    fill = 0
    if not everywhere.all():
        numbers = dtype.kind in "fiub"
        fill = np.nan if numbers else None
        dtype = np.result_type(dtype, np.float32) if numbers else np.dtype(object)
    out = np.full((n, *parts[0].shape[1:]), fill, dtype=dtype)
    for i in sorted(predicted):
        out[pairs[i][1]] = predicted[i]
    return out
