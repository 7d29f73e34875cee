"""Successive halving: many parameter sets get a little, the better ones more and more.

Jamieson and Talwalkar, "Non-stochastic best arm identification and hyperparameter
optimization", AISTATS 2016.
"""

import functools
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from fastgd._data.arguments import choice
from fastgd._data.subsets import row_count
from fastgd._data.validation import boolean, positive_int, whole_number
from fastgd._typing import Data, Path
from fastgd.errors import ArgumentError, warn
from fastgd.many import plotting
from fastgd.many.interrupts import CtrlC
from fastgd.many.place import Place
from fastgd.many.plotting import scored
from fastgd.many.prepare import resumed, snapshot
from fastgd.many.scoring import ScoreFunction
from fastgd.many.search import Search
from fastgd.many.trials import Ranking, Trials


class Halving(Search):
    """Hold the results of successive halving; see ``Search``.

    The scores of a set are those of its best rung, of equals the later one; so is its model.
    ``best`` is the best over all rungs, and ``refit`` trains for its epochs.

    Attributes
    ----------
    rungs : list of dict
        Each with ``"resource"``, how much each set had had by then; ``"sets"``, the places of
        those that were tried; ``"means"``, theirs in this order.
    spent : int
        Epochs or rows that were trained on, over all sets and splits, those of failed sets
        included.
    """

    def __init__(self, trials: Trials, results: list[dict[str, Any]],
                 models: list[list[Any]] | None, resource: str, rungs: list[dict[str, Any]],
                 spent: int):  # fmt: skip
        super().__init__(trials, results, models)
        self.resource, self.rungs, self.spent = resource, rungs, spent

    def falling(self) -> str | None:
        """Return a warning if the best score is not of the last rung; else None."""
        if not scored(self) or self.best["rung"] == len(self.rungs) - 1:
            return None
        best, last, more = self.best, self.rungs[-1], self.resource
        return (
            f"successive_halving: the best {self.monitor}, {best['mean']:.4g}, is of rung "
            f"{best['rung']} ({best['resource']} {more}), not of the last one, rung "
            f"{len(self.rungs) - 1} ({last['resource']} {more}: "
            f"{', '.join(f'{mean:.4g}' for mean in last['means'])}). `best` is of rung "
            f"{best['rung']}; most={best['resource']} would end there"
        )

    def plot(self, kind: str = "parameters", names: Iterable[str] | None = None,
             ax: Any = None) -> Any:  # fmt: skip
        """Draw the search, see ``Search.plot``; kind "rungs" is the score by the resource."""
        if kind == "rungs":
            return plotting.scores_by_resource(self, ax)
        return super().plot(kind, names, ax)

    def refit(self, x: Data = None, y: Data = None, *, seed: int | None = None,
              **arguments: Any) -> Any:  # fmt: skip
        if self.resource == "epochs":  # as many as the best had
            arguments = {"epochs": self.best["resource"]} | arguments
        return super().refit(x, y, seed=seed, **arguments)


def schedule(n: int, least: int, factor: int = 3,
             most: int | None = None) -> list[tuple[int, int]]:  # fmt: skip
    """Return (parameter sets, resource) of each rung of ``successive_halving``.

    It begins with `n` sets and the resource `least`. The last rung is the one with a single
    set, or the last that `most` allows.

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
    most = None if most is None else whole_number(most, "most", least)
    rungs = [(n, least)]
    while n > 1 and (most is None or least * factor <= most):
        n, least = -(-n // factor), least * factor
        rungs.append((n, least))
    return rungs


def successive_halving(
    make_model: Callable[..., Any], parameter_sets: Iterable[dict[str, Any]], x: Data,
    y: Data = None, splits: Any = None, *, resource: str = "epochs", least: int = 1,
    factor: int = 3, most: int | None = None, take: str = "random",
    validation_data: tuple[Data, Data] | None = None, score: ScoreFunction | None = None,
    monitor: str | None = None, mode: str = "auto", validation: str | float | None = None,
    prepare: Any = None, n_jobs: int = -1, verbose: int | str = 0, keep_models: bool = False,
    seed: int | None = None, executor: Any = None, journal: Path | None = None,
    retries: int = 1, spool_dir: Path | None = None, **arguments: Any,
) -> Halving:  # fmt: skip
    """Give many parameter sets a little, and the best of them more, again and again.

    Its errors are those of ``many.parameter_search``.

    Parameters
    ----------
    make_model, parameter_sets, x, y, splits, validation_data, score, monitor, mode,
    validation, prepare, n_jobs, verbose, seed, executor, journal, retries, spool_dir,
    **arguments
        As for ``many.parameter_search``.
    resource : {"epochs", "rows"}
        With "epochs" a model resumes, so that in the end its weights equal, bit for bit, those
        of as many epochs in a single ``fit``. With "rows" a fresh model is
        trained on more of the training rows.
    least : int
        Epochs or rows in the first rung.
    factor : int
        At least 2: after each rung the best 1/factor of the sets, rounded up, go on, to factor
        times as much. Of equals those named first do.
    most : int, optional
        No set gets more than this. By default halving ends with a rung of a single set, or with
        all training rows.
    take : {"random", "last"}
        Which of the training rows, where these are the resource: the first of a random order
        that is the same for all sets, or the last ones, which are the newest for rows in order
        of time. Either way more rows include the fewer.
    keep_models : bool
        Keep the model of each set and split, as it was after its best rung.

    Warns
    -----
    UserWarning
        If the best score is of an earlier rung than the last: more of the resource was worse.

    Notes
    -----
    ``many.halving.schedule`` returns beforehand how many sets get how much. With the resource
    "epochs" all models of a rung are in memory at once, with `keep_models` those of the rung
    before, too. A callback such as EarlyStopping sees
    each rung as a training of its own.

    Examples
    --------
    >>> import numpy as np
    >>> from fastgd import Sequential, layers, many, optimizers
    >>> def make(rate):
    ...     model = Sequential([layers.Dense(4, "tanh", input_shape=(1,)), layers.Dense(1)])
    ...     model.compile(optimizers.Adam(rate), "mse")
    ...     return model
    >>> x = np.linspace(-1, 1, 60)[:, None]
    >>> sets = many.random({"rate": many.loguniform(1e-4, 1e-1)}, 9, seed=0)
    >>> splits = many.k_fold(60, 2, shuffle=True, seed=0)
    >>> halving = many.successive_halving(make, sets, x, np.sin(3 * x), splits, seed=0)
    >>> [(len(rung["sets"]), rung["resource"]) for rung in halving.rungs], halving.spent
    ([(9, 1), (3, 3), (1, 9)], 42)
    """
    choice(resource, "resource", ("epochs", "rows"))
    choice(take, "take", ("random", "last"))
    place = Place(n_jobs, executor, journal, retries, spool_dir)
    with CtrlC() as ctrl_c:
        trials = ctrl_c.call(
            Trials, make_model, parameter_sets, (x, y), (splits, validation_data),
            (validation, prepare), Ranking(score, monitor, mode), seed, arguments,
        )  # fmt: skip
        least = positive_int(least, "least")
        orders = _orders_of_rows(trials, take) if resource == "rows" else None
        if orders is None:
            for given in (trials.arguments, *(arguments for _, arguments in trials.divided)):
                for name in {"epochs", "initial_epoch"} & set(given):
                    raise ArgumentError(
                        f"{name}: epochs are the resource: give least, factor, most"
                    )
        else:
            available = min(map(len, orders))
            if least > available:
                raise ArgumentError(f"least: there are {available} training rows, got {least}")
            most = available if most is None else min(available, positive_int(most, "most"))
        amounts = schedule(len(trials.sets), least, factor, most)
        keep_models = boolean(keep_models, "keep_models")
        halving = _climb(ctrl_c, trials, orders, amounts, place, (verbose, keep_models))
        message = halving.falling()
    if message:
        warn(message)
    return halving


def _orders_of_rows(trials, take):
    """Return the training rows of each split, those first that are taken first."""
    rows = [np.arange(row_count(trials.x)) if r is None else r for r, _ in trials.pairs]
    if take == "last":
        return [train[::-1] for train in rows]
    generators = (np.random.default_rng([trials.seed, i]) for i in range(len(rows)))
    return [one.permutation(train) for one, train in zip(generators, rows, strict=True)]


def _climb(ctrl_c, trials, orders, amounts, place, settings):
    """Run all rungs; return the Halving. Without orders of rows models go on by epochs."""
    ranking, rows_of_sets, kept, models = trials.ranking, {}, {}, {}
    verbose, keep_models = settings
    table, done, spent, before = [], [], 0, 0
    sets = list(range(len(trials.sets)))

    @functools.cache  # all sets share the rows
    def rows(split, amount):
        return np.sort(orders[split][:amount])

    def job(number, split, amount):
        if orders:
            return trials.job(number, split, rows=rows(split, amount))
        more = resumed(models[number][split]) if before else {}
        return trials.job(number, split, epochs=amount, initial_epoch=before, **more)

    def halving(_=None):
        table = [rows_of_sets[number] for number in sorted(rows_of_sets)]
        ranking.rank(table)
        found = [kept[row["index"]] for row in table] if keep_models else None
        return Halving(trials, table, found, "rows" if orders else "epochs", done, spent)

    ctrl_c.search = halving
    for rung, (count, amount) in enumerate(amounts):
        if rung:
            sets = ranking.best(table, count)
        if not sets:
            break
        jobs = [job(number, i, amount) for number in sets for i in range(len(trials.pairs))]
        if before and keep_models and not orders:
            for number in sets:  # training changes the models themselves
                if kept[number] is models[number]:
                    kept[number] = [snapshot(model) for model in models[number]]
        results = trials.run(ctrl_c, jobs, place, verbose, keep_models or not orders)
        table, trained = trials.table(results)
        models = dict(zip(sets, trained, strict=True))
        for row in table:
            number = row["index"]
            if rung and not ranking.not_worse(row, rows_of_sets[number]):
                rows_of_sets[number]["error"] = row["error"]
                continue
            rows_of_sets[number] = row | {"rung": rung, "resource": amount}
            if keep_models:
                kept[number] = models[number]
        spent += sum(len(one["rows"]) if orders else amount - before for one in jobs)
        means = [row["mean"] for row in table]
        done.append({"resource": amount, "sets": sets, "means": means})
        before = amount
    return halving()
