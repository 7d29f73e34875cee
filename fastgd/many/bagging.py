"""Bagging: models of rows drawn from the data, each tested on the rows that it has not seen.

Breiman, "Bagging predictors", Machine Learning 24 (1996).
"""

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from fastgd._data.subsets import row_count
from fastgd._data.validation import (
    boolean,
    number,
    optional_function,
    positive_int,
    whole_number,
)
from fastgd._engine.sizes import check_size, most_jobs
from fastgd._typing import Array, Data, Path
from fastgd.errors import ArgumentError, ShapeError
from fastgd.many import shared_data
from fastgd.many.class_columns import classes_of, placed, union
from fastgd.many.ensemble import Ensemble, outputs_of
from fastgd.many.interrupts import CtrlC
from fastgd.many.job import SEEDS, check_for_fit, first_seed
from fastgd.many.parallel import run_jobs
from fastgd.many.place import Place
from fastgd.many.prepare import PreparedModel
from fastgd.many.results import Result, Results, as_scores, short
from fastgd.many.splits import distinct
from fastgd.metrics.metric import read
from fastgd.models import Model


class Bagging(Ensemble):
    """Hold the ensemble that ``many.bagging`` makes.

    Attributes
    ----------
    models : list
        Those of the jobs that did not fail.
    results : Results
        Of the jobs that trained them.
    bags : Bags
        ``bags[i]`` are the row numbers that model i was trained on.
    predictions : ndarray, shape (n, outputs), or None
        Out of bag: for each row the mean over the models that were not trained on it; NaN where
        there is none. None if they were not asked for. Of classifiers, columns are those of
        ``classes``.
    counts : ndarray of int64, shape (n,), or None
        The number of these models.
    scores : dict
        The values of loss and metrics, or of `score`, over the rows with such predictions; an
        array for a metric that has a value for each class.
    """

    def __init__(self, models: Iterable[Any], results: Iterable[Result] = (),
                 bags: "Bags | None" = None, predictions: Array | None = None,
                 counts: Array | None = None,
                 scores: Mapping[str, Any] | tuple[()] = ()):  # fmt: skip
        super().__init__(models)
        self.results = Results(results)
        self.bags = bags
        self.predictions, self.counts = predictions, counts
        self.scores: dict[str, Any] = dict(scores)

    def __repr__(self):
        scores = ", ".join(f"{name}={short(value)}" for name, value in self.scores.items())
        return f"<Bagging of {len(self)} models{': ' if scores else ''}{scores}>"


class Bags:
    """Draw the numbers of n rows for each bag when they are asked for, see ``many.bagging``.

    Examples
    --------
    >>> from fastgd.many.bagging import Bags
    >>> bags = Bags(6, 2, seed=1)
    >>> len(bags[0]), bool((bags[0] == Bags(6, 2, seed=1)[0]).all())
    (6, True)
    >>> sorted(Bags(6, 2, seed=1, bootstrap=False)[1].tolist())
    [0, 1, 2, 3, 4, 5]
    """

    def __init__(self, n, count, seed=None, bootstrap=True, max_samples=1.0, block=1,
                 groups=None):  # fmt: skip
        self.n = positive_int(n, "n")
        self._count = whole_number(count, "n_models", 1, most_jobs())
        self.seed = first_seed(seed)
        self.bootstrap = boolean(bootstrap, "bootstrap")
        self.block = positive_int(block, "block")
        if self.block > 1 and groups is not None:
            raise ArgumentError("block, groups: expected one of the two")
        if self.block > 1 and not self.bootstrap:
            raise ArgumentError("block: it is for bootstrap=True")
        if self.block > n:
            raise ArgumentError(f"block: there are {n} rows, got {block}")
        self._group_rows = None if groups is None else _rows_of_groups(groups, n)
        self._units = n if groups is None else len(self._group_rows)
        self._size = _size(max_samples, self._units, self.bootstrap)

    def __len__(self):
        return self._count

    def __getitem__(self, i):
        """Return the rows of a bag, in ascending order: an int64 array."""
        if not -len(self) <= i < len(self):
            raise IndexError(f"there are {len(self)} bags, got {i}")
        generator = np.random.default_rng([self.seed, i % len(self)])
        if self.block > 1:
            count = -(-self._size // self.block)
            starts = generator.integers(self.n - self.block + 1, size=count)
            drawn = (starts[:, None] + np.arange(self.block)).reshape(-1)[: self._size]
        elif self.bootstrap:
            drawn = generator.integers(self._units, size=self._size)
        else:
            drawn = generator.permutation(self._units)[: self._size]
        if self._group_rows is not None:
            drawn = np.concatenate([self._group_rows[group] for group in drawn])
        return np.sort(drawn)  # training shuffles; to read them in order is faster

    def without(self, i):
        """Return the rows that are not in a bag."""
        return np.flatnonzero(np.bincount(self[i], minlength=self.n) == 0)


def bagging(
    make_model: Callable[[], Any], x: Data, y: Data = None, n_models: int = 10, *,
    bootstrap: bool = True, max_samples: float = 1.0, block: int = 1, groups: Data = None,
    out_of_bag: bool = True, score: Callable[[Any, Array], Any] | None = None,
    n_jobs: int = -1, verbose: int | str = 0, seed: int | None = None, prepare: Any = None,
    raise_errors: bool = True, executor: Any = None, journal: Path | None = None,
    retries: int = 1, spool_dir: Path | None = None, **arguments: Any,
) -> Bagging:  # fmt: skip
    """Train models on rows drawn from the data; return their ensemble.

    They run side by side as jobs of ``fit_many``. The rows are numbers: nothing is copied for
    a Model whose data type x has.

    Parameters
    ----------
    make_model : function without arguments
        Makes a compiled model, or any object with ``fit``; it may be a class.
    x, y : array or frame
    n_models : int
    bootstrap : bool
        Draw rows with repetition, or without.
    max_samples : float or int
        The rows of a model: a share of them all (above 0, up to 1), or their number.
    block : int
        Draw runs of this many neighbours instead of single rows, for rows in order of time
        that are not independent (Kuensch, Annals of Statistics 17, 1989).
    groups : array, shape (n,), optional
        Draw whole groups, such as all rows of a client; `max_samples` is of groups. So no row
        is tested by a model that knows the client.
    out_of_bag : bool
        Whether each model is tested on the rows that it was not trained on.
    score : function of (y, predictions), optional
        Returns a dict of values, or one number, for out-of-bag predictions. By default the loss
        and the metrics of the model; nothing for other objects.
    n_jobs, verbose, executor, journal, retries, spool_dir
        As for ``fit_many``.
    seed : int, optional
        Model i has the seed ``seed + i``, modulo 2**32. By default it is drawn from the
        process' stream.
    prepare
        As for ``cross_validate``, fitted for each model on its rows; the models are then
        PreparedModel.
    raise_errors : bool
        False: models that fail are left out; ``results`` has their errors.
    **arguments
        For ``fit``, but for ``rows`` and ``validation_rows``. Of ``sample_weight`` each model
        takes its rows.

    Raises
    ------
    ArgumentError, DataTypeError, ShapeError
        As ``fit_many``; and the error of a model that fails, unless `raise_errors` is False.
    Interrupted
        On Ctrl-C; ``Ensemble(error.results.models)`` holds the models that are done.

    Notes
    -----
    The models equal those of this loop bit for bit::

        for i in range(n_models):
            utils.set_random_seed(seed + i)
            model = make_model()
            model.fit(x[bags[i]], y[bags[i]], **arguments)

    Examples
    --------
    >>> import numpy as np
    >>> from fastgd import Sequential, layers, many
    >>> def make():
    ...     model = Sequential([layers.Dense(4, "tanh", input_shape=(1,)), layers.Dense(1)])
    ...     model.compile("adam", "mse")
    ...     return model
    >>> x = np.linspace(-1, 1, 60)[:, None]
    >>> ensemble = many.bagging(make, x, np.sin(3 * x), n_models=5, epochs=5, seed=0)
    >>> ensemble.predict(x).shape, list(ensemble.scores)
    ((60, 1), ['loss'])
    """
    check_for_fit(arguments)
    place = Place(n_jobs, executor, journal, retries, spool_dir)
    out_of_bag = boolean(out_of_bag, "out_of_bag")
    score = optional_function(score, "score")
    raise_errors = boolean(raise_errors, "raise_errors")
    x, y = shared_data.share_pair((x, y))
    bags = Bags(row_count(x), n_models, seed, bootstrap, max_samples, block, groups)
    jobs = (
        {
            "model": make_model, "x": x, "y": y, "rows": bags[i],
            "seed": (bags.seed + i) % SEEDS, "params": {"model": i}, "prepare": prepare,
            **arguments,
        }
        for i in range(len(bags))
    )  # fmt: skip
    sums = _OutOfBag(bags)
    with CtrlC() as ctrl_c:
        results = run_jobs(
            ctrl_c, jobs, place, verbose=verbose, raise_errors=raise_errors, count=len(bags),
            score=OutOfBagPredictions(bags, x) if out_of_bag else None,
            on_result=sums.add if out_of_bag else None,
        )  # fmt: skip
        models = results.models
        if not models:
            raise results[0].error
        if not out_of_bag:
            return Bagging(models, results, bags)
        predictions, counts = sums.mean()
        scores = {}
        if counts.any() and y is not None:
            tested = np.flatnonzero(counts)
            known = shared_data.take(y, tested), predictions[tested]
            trained = next(result.model for result in results if result.ok)
            if score is not None:
                scores = as_scores(ctrl_c.call(score, *known))
            elif isinstance(trained, Model):
                scores = ctrl_c.call(_loss_and_metrics, trained, *known)
        return Bagging(models, results, bags, predictions, counts, scores)


class OutOfBagPredictions:
    """Predict with a trained model for the rows that are not in its bag."""

    compiled = False

    def __init__(self, bags, x):
        self._bags, self._x = bags, x

    def decisive(self, job):
        """Return what decides the predictions of a job, beside the job."""
        return self._x

    def fill(self, result, model, job):
        """Add the predictions to the result."""
        i = job["params"]["model"]
        outside = self._bags.without(i)
        rows = outside if len(outside) else np.array([0])
        if job["prepare"] is not None:
            model = PreparedModel(job["prepare"], model)
        outputs = outputs_of(model, self._x, rows)
        result.predictions = outputs[: len(outside)], classes_of(model, i)


class _OutOfBag:
    """Add up predictions for rows out of bag, in the order of the models."""

    def __init__(self, bags):
        self._bags = bags
        self._waiting = {}  # predictions whose turn has not come
        self._next, self._sums, self._classes = 0, None, None
        self._counts = np.zeros(bags.n, dtype=np.int64)

    def add(self, result):
        """Add the predictions whose turn it is; called in the order in which jobs are done."""
        self._waiting[result.index] = result.predictions if result.ok else None
        result.predictions = None
        while self._next in self._waiting:
            if (found := self._waiting.pop(self._next)) is not None:
                self._add(self._bags.without(self._next), *found)
            self._next += 1

    def _add(self, outside, outputs, classes):
        if self._sums is None:
            self._sums, self._classes = np.zeros((self._bags.n, *outputs.shape[1:])), classes
            self._kind = np.result_type(np.float32, outputs)
        every = union([self._classes, classes])
        self._sums, self._classes = placed(self._sums, self._classes, every), every
        outputs = placed(outputs, classes, every)
        if outputs.shape[1:] != self._sums.shape[1:]:
            raise ShapeError(
                f"models: expected outputs of shape {self._sums.shape[1:]} a row from each, as "
                f"from the first, got {outputs.shape[1:]}"
            )
        self._sums[outside] += outputs
        self._counts[outside] += 1

    def mean(self):
        """Return the mean of each row, and the number of its models."""
        counts = self._counts.reshape(-1, *(1,) * (self._sums.ndim - 1))
        mean = np.full(self._sums.shape, math.nan)
        np.divide(self._sums, counts, out=mean, where=counts > 0)
        return mean.astype(self._kind), self._counts


def _loss_and_metrics(model, y, predictions):
    """Return the values of a model's loss and metrics for predictions of others."""
    found = {"loss": float(model.loss(y, predictions))}
    for name, metric in zip(model.metrics_names[1:], model.metrics, strict=True):
        metric.reset_state()
        metric.update_state(y, predictions)
        found[name] = read(metric)
        metric.reset_state()
    return found


def _rows_of_groups(groups, n):
    """Return a list of the row numbers of each group."""
    _, places, counts = distinct(groups, n, "groups")
    return np.split(np.argsort(places, kind="stable"), np.cumsum(counts)[:-1])


def _size(max_samples, units, bootstrap):
    """Return the number of units that are drawn."""
    if isinstance(max_samples, (int, np.integer)) and not isinstance(max_samples, bool):
        size = positive_int(max_samples, "max_samples")
        check_size("max_samples", (size,))
        if size > units and not bootstrap:
            raise ArgumentError(
                f"max_samples: there are {units} without repetition, got {size}"
            )
        return size
    share = number(max_samples, "max_samples", 0, 1)
    if size := round(share * units):
        return size
    raise ArgumentError(f"max_samples: {share:g} of {units} is nothing to train on")
