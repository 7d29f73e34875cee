"""Cross-validation, and the same training from several seeds: how much of a score is chance?"""

import copy
import functools
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from fastgd._data.arguments import listed
from fastgd._data.subsets import row_count
from fastgd._data.validation import boolean, optional_function, row_numbers, whole_number
from fastgd._engine.sizes import most_jobs
from fastgd._typing import Array, Data, Path
from fastgd.errors import ArgumentError, DataTypeError, ShapeError
from fastgd.many import shared_data
from fastgd.many.class_columns import placed, union
from fastgd.many.ensemble import Ensemble
from fastgd.many.interrupts import CtrlC
from fastgd.many.job import SEEDS, check_for_fit, first_seed, seed_number
from fastgd.many.parallel import run_jobs
from fastgd.many.place import Place
from fastgd.many.results import Result, Results, number_or_array, short
from fastgd.many.scoring import HeldOutTest, RowsOfSplits, SameRows, ScoreFunction
from fastgd.many.splits import k_fold
from fastgd.many.validation import Validation
from fastgd.models import Model


class CrossValidation(Results):
    """Hold the results of cross-validation: one for each split, and their means.

    Attributes
    ----------
    predictions : ndarray, shape (n,) or (n, outputs), or None
        The out-of-fold predictions: for each row that of a model that was not trained on it.
        Where several splits test a row, that of the last; where none does, NaN, or None if
        predictions are no numbers.
    classes : ndarray, or None
        The class of each column, if they are probabilities of estimators with ``classes_``: all
        that any of them knows. The probability of one that a model has not seen is 0.
    """

    def __init__(self, results: Iterable[Result] = (), predictions: Array | None = None,
                 classes: Array | None = None):  # fmt: skip
        super().__init__(results)
        self.predictions, self.classes = predictions, classes

    @property
    def scores(self) -> dict[str, Array]:
        """An array for each score: its value for each split, or its row of one a class."""
        names = dict.fromkeys(name for result in self for name in result.scores)
        return {name: self._values(name) for name in names}

    def _values(self, name):
        given = [np.asarray(result.scores.get(name, np.nan), dtype=float) for result in self]
        shape = max((value.shape for value in given), key=len)  # of a failed split it is ()
        return np.array([np.broadcast_to(value, shape) for value in given])

    @property
    def means(self) -> dict[str, Any]:
        """The mean of each score over the splits."""
        return {name: number_or_array(values.mean(0)) for name, values in self.scores.items()}

    @property
    def deviations(self) -> dict[str, Any]:
        """The standard deviation of each over the splits, with n - 1; NaN for one split."""
        return {name: deviation(values) for name, values in self.scores.items()}

    def __repr__(self):
        return f"<CrossValidation of {len(self)} splits: {self._summary()}>"

    def _summary(self):
        """Return the means and deviations as text."""
        deviations = self.deviations
        return ", ".join(
            f"{name}={short(mean)} ± {short(deviations[name], 2)}"
            for name, mean in self.means.items()
        )


def deviation(values):
    """Return the standard deviation, with n - 1; NaN for a single value."""
    values = np.asarray(values)
    if len(values) > 1:
        return number_or_array(np.std(values, axis=0, ddof=1))
    return number_or_array(np.full(values.shape[1:], np.nan))


def cross_validate(
    model: Any, x: Data, y: Data, splits: Any = 5, *, score: ScoreFunction | None = None,
    predict: bool | str = False, validation: str | float | None = None, prepare: Any = None,
    n_jobs: int = -1, verbose: int | str = 0,
    on_result: Callable[[Result], object] | None = None, keep_models: bool = True,
    seed: int | None = None, raise_errors: bool = True, executor: Any = None,
    journal: Path | None = None, retries: int = 1, spool_dir: Path | None = None,
    **arguments: Any,
) -> CrossValidation:  # fmt: skip
    """Train a fresh model on each split's training rows, and test it on the others.

    The splits run side by side as jobs of ``fit_many``, each with the bits that it would have
    alone. They share x and y. The scores of rows held out are named ``"test_..."``, those of
    training as in the history.

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
        Returns a dict of values, or one number (which is named "score"), for the rows held
        out, as a scorer of scikit-learn does. By default a Model's ``evaluate``, an estimator's
        ``score``.
    predict : bool or str
        Whether to keep the out-of-fold predictions; the name of a method other than
        ``predict`` that makes them, such as ``"predict_proba"``.
    validation : "fold" or float, optional
        What a Model is validated on after each epoch, as EarlyStopping needs it: the rows held
        out, which are not copied; or this share of the training rows, drawn with the seed of
        the split, which are not trained on. With "fold" the scores are too optimistic: the same
        rows that they are of have chosen the epoch.
    prepare : object with fit and transform, or function, optional
        A step such as scaling, fitted on the rows that a model is trained on and applied to all
        that it sees: a transformer, of which each split fits a copy; or a function of x of
        these rows that returns a function of rows. ``result.prepare`` is the fitted step, and
        scores get x as it leaves it. Without a step no rows of a Model are copied, with one
        those of the jobs that run.
    n_jobs, verbose, on_result, keep_models, seed, executor, journal, retries, spool_dir
        As for ``fit_many``; split number i has the seed ``seed + i``.
    raise_errors : bool
        False: a split that fails has NaN for its scores.
    **arguments
        For ``fit``, but for ``rows`` and ``validation_rows``. Of ``sample_weight`` each split
        takes its rows.

    Raises
    ------
    ArgumentError, DataTypeError, ShapeError, Interrupted
        As ``fit_many``; for rows that are not there; for x that gives batches; and for
        predictions of splits whose columns cannot be aligned.

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
    place = Place(n_jobs, executor, journal, retries, spool_dir)
    data = shared_data.share_pair((x, y))
    validated, seed = Validation(validation, arguments), first_seed(seed)
    pairs = row_pairs(splits, x, y)
    x, y = data
    method = predict if isinstance(predict, str) else "predict" * boolean(predict, "predict")
    score = optional_function(score, "score")
    test = HeldOutTest(data, RowsOfSplits(pairs), score, method)
    make = model
    if isinstance(model, Model):
        make = model.replicate
    elif hasattr(model, "fit") and not isinstance(model, type):
        make = functools.partial(copy.deepcopy, model)
    jobs = [
        {"model": make, "x": x, "y": y, "prepare": prepare, "params": {"split": i}}
        | validated.rows(train, held_out, (seed + i) % SEEDS) | arguments
        for i, (train, held_out) in enumerate(pairs)
    ]  # fmt: skip
    with CtrlC() as ctrl_c:
        results = run_jobs(
            ctrl_c, jobs, place, score=test, verbose=verbose, on_result=on_result,
            keep_models=keep_models, seed=seed, raise_errors=raise_errors,
        )  # fmt: skip
        return CrossValidation(results, *_gathered(results, method, pairs, row_count(x)))


def row_pairs(splits, x, y):
    """Return the checked (train_rows, test_rows) of each split."""
    n = row_count(x)
    if isinstance(splits, (int, np.integer)):
        return k_fold(n, splits)
    if hasattr(splits, "split") and not isinstance(splits, (str, bytes)):
        splits = iter(splits.split(x, y))
    pairs = []
    expected = "a number, pairs (train_rows, test_rows) or a splitter"
    for i, pair in enumerate(listed(splits, "splits", most_jobs(), expected)):
        if not isinstance(pair, (tuple, list)) or len(pair) != 2:
            raise DataTypeError(f"splits: expected pairs (train_rows, test_rows), got {pair!r}")
        train = row_numbers(pair[0], n, f"splits: training rows of split {i}")
        pairs.append((train, row_numbers(pair[1], n, f"splits: test rows of split {i}")))
    if not pairs:
        raise ArgumentError("splits: there are none")
    return pairs


def _gathered(results, method, pairs, n):
    """Return the predictions of splits as one array for all rows, and their classes."""
    predicted = {r.params["split"]: r.predictions for r in results if r.predictions is not None}
    if not predicted:
        return None, None
    for result in results:
        result.predictions = None
    every = union([classes for _, classes in predicted.values()])
    predicted = {
        i: placed(found, classes, every, method) for i, (found, classes) in predicted.items()
    }
    parts = list(predicted.values())
    shapes = {part.shape[1:] for part in parts}
    if len(shapes) > 1:
        raise ShapeError(
            f"predict: expected the same shape of a row from each split, got {sorted(shapes)}"
        )
    dtype, fill = np.result_type(*parts), 0
    if len(np.unique(np.concatenate([pairs[i][1] for i in predicted]))) < n:
        numbers = dtype.kind in "fiub"
        fill = np.nan if numbers else None
        dtype = np.result_type(dtype, np.float32) if numbers else np.dtype(object)
    out = np.full((n, *parts[0].shape[1:]), fill, dtype=dtype)
    for i in sorted(predicted):
        out[pairs[i][1]] = predicted[i]
    return out, every


class Seeds(CrossValidation):
    """Hold the results of ``many.seeds``: scores, means and deviations are over the seeds."""

    def ensemble(self) -> Ensemble:
        """Return the models as an ensemble, whose predictions are averaged."""
        return Ensemble(self.models)

    def __repr__(self):
        return f"<Seeds {len(self)}: {self._summary()}>"


def seeds(make_model: Callable[[], Any], seeds: int | Iterable[int], x: Data, y: Data = None, *,
          rows: Data = None, test_rows: Data = None, test_data: tuple[Data, Data] | None = None,
          score: ScoreFunction | None = None, prepare: Any = None, n_jobs: int = -1,
          verbose: int | str = 0, on_result: Callable[[Result], object] | None = None,
          keep_models: bool = True, raise_errors: bool = True, executor: Any = None,
          journal: Path | None = None, retries: int = 1, spool_dir: Path | None = None,
          **arguments: Any) -> Seeds:  # fmt: skip
    """Train the same model from several seeds, side by side.

    The scores of the rows tested on are named ``"test_..."``.

    Parameters
    ----------
    make_model : function without arguments
        Makes a compiled model, or any object with ``fit``; it may be a class.
    seeds : int or list of int
        Seeds from 0 to 2**32 - 1; or the number of seeds to draw from the process' stream.
    x, y : array, frame, or list or dict of such
    rows, test_rows : array of int, optional
        Train on these rows only, and test on those.
    test_data : (x, y), optional
        Test on these, instead of `test_rows`. Without either there are only the values of
        training.
    score, prepare, n_jobs, verbose, on_result, keep_models, raise_errors, executor, journal,
    retries, spool_dir
        As for ``cross_validate``.
    **arguments
        For ``fit``.

    Raises
    ------
    ArgumentError, DataTypeError, ShapeError, Interrupted
        As ``fit_many``; and the error of a seed that fails, unless `raise_errors` is False.

    Examples
    --------
    >>> import numpy as np
    >>> from fastgd import Sequential, layers, many
    >>> def make():
    ...     model = Sequential([layers.Dense(4, "tanh", input_shape=(1,)), layers.Dense(1)])
    ...     model.compile("adam", "mse")
    ...     return model
    >>> x = np.linspace(-1, 1, 60)[:, None]
    >>> train, test = many.k_fold(60, 3, shuffle=True, seed=0)[0]
    >>> found = many.seeds(make, range(5), x, np.sin(3 * x), rows=train, test_rows=test)
    >>> [result.seed for result in found], found.scores["test_loss"].shape
    ([0, 1, 2, 3, 4], (5,))
    """
    check_for_fit(arguments, validation_rows=None, seed="give it as seeds, such as [seed]")
    place = Place(n_jobs, executor, journal, retries, spool_dir)
    numbers = _seed_numbers(seeds)
    if test_rows is not None and test_data is not None:
        raise ArgumentError("test_rows, test_data: expected at most one of the two")
    by_rows = not (rows is None and test_rows is None and prepare is None)
    x, y = held_out = shared_data.share_pair((x, y), by_rows=by_rows)
    if test_data is not None:
        held_out = shared_data.share_pair(test_data, "test_data", False)
    tested = test_rows is not None or test_data is not None
    if score is not None and not tested:
        raise ArgumentError("score: it is for rows to test on: give test_rows or test_data")

    test = HeldOutTest(held_out, SameRows(test_rows), score)
    jobs = [
        {
            "model": make_model, "x": x, "y": y, "rows": rows, "seed": seed,
            "name": f"seed {seed}", "prepare": prepare, **arguments,
        }
        for seed in numbers
    ]  # fmt: skip
    with CtrlC() as ctrl_c:
        return Seeds(run_jobs(
            ctrl_c, jobs, place, score=test if tested else None, verbose=verbose,
            on_result=on_result, keep_models=keep_models, raise_errors=raise_errors,
        ))  # fmt: skip


def _seed_numbers(seeds):
    """Return a list of seeds."""
    if isinstance(seeds, (int, np.integer)):
        return [first_seed(None) for _ in range(whole_number(seeds, "seeds", 1, most_jobs()))]
    if numbers := [seed_number(seed, "seeds") for seed in listed(seeds, "seeds", most_jobs())]:
        return numbers
    raise ArgumentError("seeds: there are none")
