"""Successive halving: many parameter sets get a little, the better ones more and more.

Jamieson and Talwalkar, "Non-stochastic best arm identification and hyperparameter
optimization", AISTATS 2016.
"""

import math

import numpy as np

from fastgd._data.subsets import row_count
from fastgd._data.validation import positive_int, whole_number
from fastgd.errors import ArgumentError
from fastgd.many import picture
from fastgd.many.jobs import Interrupted
from fastgd.many.search import Search, rank, row_of
from fastgd.many.trials import Trials


class Halving(Search):
    """What came of successive halving; see ``Search``.

    A set that came further ranks before one that did not; its scores are of its last rung.

    Attributes
    ----------
    rungs : list of dict
        Each with ``"resource"``, how much each set had had by then; ``"sets"``, the places of
        those that were tried; ``"means"``, theirs in this order.
    spent : int
        Epochs or rows that were trained on, over all sets and splits: of a set that failed,
        what it was given.
    """

    def __init__(self, trials, results, models, resource, rungs, spent):
        super().__init__(trials, results, models)
        self.resource = resource
        self.rungs = rungs
        self.spent = spent

    def plot(self, kind="parameters", names=None, ax=None):
        """Draw the search, see ``Search.plot``; kind "rungs" is the score by the resource."""
        if kind == "rungs":
            return picture.scores_by_resource(self, ax)
        return super().plot(kind, names, ax)

    def refit(self, x=None, y=None, *, seed=None, **arguments):
        if self.resource == "epochs":  # as many as the best had
            arguments = {"epochs": self.best["resource"]} | arguments
        return super().refit(x, y, seed=seed, **arguments)


def schedule(n, least, factor=3, most=None):
    """How many parameter sets get how much.

    Parameters
    ----------
    n : int
        Parameter sets in the beginning.
    least : int
        What each has had after the first rung.
    factor : int
        At least 2. After each rung the best 1/factor of the sets, rounded up, go on, to factor
        times as much.
    most : int, optional
        No set gets more than this.

    Returns
    -------
    list of (sets, resource)
        The last rung is the one with a single set, or the last that `most` allows.

    Examples
    --------
    >>> from fastgd.many.halving import schedule
    >>> schedule(20, least=2)
    [(20, 2), (7, 6), (3, 18), (1, 54)]
    >>> schedule(20, least=2, most=20)
    [(20, 2), (7, 6), (3, 18)]
    """
    n, least = positive_int(n, "n"), positive_int(least, "least")
    factor = whole_number(factor, "factor", 2)
    if most is not None:
        most = whole_number(most, "most", least)
    rungs = [(n, least)]
    while n > 1 and (most is None or least * factor <= most):
        n, least = -(-n // factor), least * factor
        rungs.append((n, least))
    return rungs


def successive_halving(
    make_model, parameter_sets, x, y=None, splits=None, *, resource="epochs", least=1, factor=3,
    most=None, take="random", validation_data=None, score=None, monitor=None, mode="auto",
    n_jobs=-1, verbose=0, keep_models=False, seed=None, **arguments,
):  # fmt: skip
    """Give many parameter sets a little, and the best of them more, again and again.

    Parameters
    ----------
    make_model, parameter_sets, x, y, splits, validation_data, score, monitor, mode, n_jobs,
    verbose, seed, **arguments
        As for ``many.parameter_search``.
    resource : {"epochs", "rows"}
        What is given. Epochs: a model that goes on does so where it is, so that in the end it
        is, to the bit, the one that so many epochs in a single ``fit`` would have made. Rows: a
        fresh model is trained on more of the training rows.
    least : int
        Epochs or rows in the first rung.
    factor : int
        At least 2: after each rung the best 1/factor of the sets, rounded up, go on, to factor
        times as much. Of equals those named first do.
    most : int, optional
        No set gets more than this. By default halving ends with a rung of a single set; rows
        end at the latest with those that there are.
    take : {"random", "last"}
        Which of the training rows, where these are the resource: the first ones of a random
        order that is the same for all sets, or the last ones, which for rows in time's order
        are the newest. Either way more rows include the fewer.
    keep_models : bool
        Whether the result has, for each set and split, the model of its last rung.

    Returns
    -------
    Halving

    Raises
    ------
    As ``many.parameter_search``.

    Notes
    -----
    ``many.halving.schedule`` says beforehand how many sets get how much. With the resource
    "epochs" all models of a rung are in memory at once.

    A callback such as EarlyStopping sees each rung as a training of its own.

    Examples
    --------
    >>> import numpy as np
    >>> from fastgd import Sequential, layers, many, optimizers
    >>> def make(units, rate):
    ...     model = Sequential([layers.Dense(units, "tanh", input_shape=(1,)), layers.Dense(1)])
    ...     model.compile(optimizers.Adam(rate), "mse")
    ...     return model
    >>> x = np.linspace(-1, 1, 60)[:, None]
    >>> sets = many.random({"units": [2, 4, 8], "rate": many.loguniform(1e-4, 1e-1)}, 9, seed=0)
    >>> splits = many.k_fold(60, 2, shuffle=True, seed=0)
    >>> halving = many.successive_halving(make, sets, x, np.sin(3 * x), splits, seed=0)
    >>> [(len(rung["sets"]), rung["resource"]) for rung in halving.rungs], halving.spent
    ([(9, 1), (3, 3), (1, 9)], 42)
    """
    if resource not in ("epochs", "rows"):
        raise ArgumentError(f"resource: expected 'epochs' or 'rows', got {resource!r}")
    if take not in ("random", "last"):
        raise ArgumentError(f"take: expected 'random' or 'last', got {take!r}")
    trials = Trials(
        make_model, parameter_sets, x, y, splits, validation_data, score, monitor, mode, seed,
        arguments,
    )  # fmt: skip
    least = positive_int(least, "least")
    if resource == "rows":
        run = _Rows(trials, take)
        if least > run.there:
            raise ArgumentError(f"least: there are {run.there} training rows, got {least}")
        most = run.there if most is None else min(run.there, positive_int(most, "most"))
    else:
        run = _Epochs(trials)
    rungs = schedule(len(trials.sets), least, factor, most)
    return _climb(trials, run, rungs, resource, n_jobs, verbose, keep_models)


def _climb(trials, run, rungs, resource, n_jobs, verbose, keep_models):
    """All rungs; the Halving."""
    width = len(trials.pairs)
    latest, models, done, spent = {}, {}, [], 0
    going_on = list(range(len(trials.sets)))

    def found():
        table = [latest[number] for number in sorted(latest)]
        rank(table, trials.mode, further=lambda row: row["rung"])
        kept = [models[row["index"]] for row in table] if keep_models else None
        return Halving(trials, table, kept, resource, done, spent)

    for rung, (count, amount) in enumerate(rungs):
        if rung:
            going_on = _best(trials, [latest[number] for number in going_on], count)
        if not going_on:
            break
        jobs = [run.job(number, i, amount) for number in going_on for i in range(width)]
        try:
            results = trials.run(jobs, n_jobs, verbose, keep_models or resource == "epochs")
        except Interrupted as stop:
            stop.search = found()
            raise
        for at, number in enumerate(going_on):
            of_set = list(results[at * width : (at + 1) * width])
            latest[number] = row_of(trials, of_set) | {"rung": rung, "resource": amount}
            models[number] = [result.model for result in of_set]
        spent += sum(run.cost(job) for job in jobs)
        run.after(going_on, models, amount)
        means = [latest[number]["mean"] for number in going_on]
        done.append({"resource": amount, "sets": going_on, "means": means})
        if not keep_models:
            models = {number: models[number] for number in going_on}
    return found()


def _best(trials, table, count):
    """The places of the best sets, in the order of the sets; none without a mean."""
    sign = 1 if trials.mode == "min" else -1
    scored = [row for row in table if not math.isnan(row["mean"])]
    scored.sort(key=lambda row: sign * row["mean"])  # stable: of equals the first
    return sorted(row["index"] for row in scored[:count])


class _Epochs:
    """Models that go on where they are."""

    def __init__(self, trials):
        for given in (trials.arguments, *(arguments for _, arguments in trials.divided)):
            for name in {"epochs", "initial_epoch"} & set(given):
                raise ArgumentError(
                    f"{name}: epochs are the resource: give least, factor, most"
                )
        self._trials = trials
        self._models = {}
        self._trained = 0

    def job(self, number, split, amount):
        """The job that brings a set to so many epochs."""
        more = {"epochs": amount, "initial_epoch": self._trained}
        if self._trained:
            more["model"] = self._models[number][split]
        return self._trials.job(number, split, **more)

    def cost(self, job):
        """The epochs of a job."""
        return job["epochs"] - job["initial_epoch"]

    def after(self, going_on, models, amount):
        """Note the models of a rung."""
        self._models = {number: models[number] for number in going_on}
        self._trained = amount


class _Rows:
    """Fresh models, on more rows each time."""

    def __init__(self, trials, take):
        self._trials = trials
        self._orders = [
            self._order(train, i, take) for i, (train, _) in enumerate(trials.pairs)
        ]
        self._chosen = {}  # (split, how many) -> rows
        #: So many rows there are in every split.
        self.there = min(map(len, self._orders))

    def _order(self, train, split, take):
        """The training rows of a split, those first that are taken first."""
        if train is None:
            train = np.arange(row_count(self._trials.x))
        if take == "last":
            return train[::-1]
        generator = np.random.default_rng([self._trials.seed, split])
        return generator.permutation(train)

    def job(self, number, split, amount):
        """The job that trains a set on so many rows."""
        if (split, amount) not in self._chosen:  # all sets share it
            self._chosen[split, amount] = np.sort(self._orders[split][:amount])
        return self._trials.job(number, split, rows=self._chosen[split, amount])

    def cost(self, job):
        """The rows of a job."""
        return len(job["rows"])

    def after(self, going_on, models, amount):
        """The next rung begins anew."""
