"""Trying parameter sets: which gives the best models on rows held out?"""

import math
from collections.abc import Sequence

import numpy as np

from fastgd._data.validation import boolean
from fastgd.errors import ArgumentError
from fastgd.many import picture
from fastgd.many.job import check_for_fit
from fastgd.many.jobs import Interrupted, fit_many
from fastgd.many.space import grid, random
from fastgd.many.trials import Trials


class Search(Sequence):
    """What came of a search: a dict for each parameter set, in the order of the sets.

    Attributes
    ----------
    results : list of dict
        Each with

        - ``"index"``, ``"parameters"``: the set's place, and the set
        - ``"scores"``: the figure that counts, one for each split; NaN where training failed
        - ``"mean"``, ``"std"``: over the splits; with n - 1, so NaN for a single split
        - ``"rank"``: 1 for the best; equal means share one, sets without a mean share the last
        - ``"figures"``: all figures of the rows held out, by name, as ``"scores"``
        - ``"seconds"``: of all its splits
        - ``"error"``: of the first split that failed, as text; None if there was none

        Of successive halving also ``"rung"`` and ``"resource"``: how far it came, from 0.
    monitor, mode : str
        The name of the figure, and whether less or more of it is better: "min" or "max".
    models : list of list
        The models of each set and split, if they were kept; else None.
    """

    def __init__(self, trials, results, models=None):
        self._trials = trials
        self.results = results
        self.models = models
        self.monitor, self.mode = trials.monitor, trials.mode

    def __len__(self):
        return len(self.results)

    def __getitem__(self, place):
        return self.results[place]

    @property
    def best(self):
        """The result of the best set; of equals the first.

        Raises
        ------
        ArgumentError
            If no set has a score; says why the first has none.
        """
        ranked = [row for row in self.results if not math.isnan(row["mean"])]
        if not ranked:
            errors = [row["error"] for row in self.results if row["error"] is not None]
            raise ArgumentError(f"no parameter set has a score: {(errors or ['NaN'])[0]}")
        return min(ranked, key=lambda row: row["rank"])

    def to_dicts(self):
        """One flat dict for each set, as the rows of ``to_frame``."""
        return [_flat(row) for row in self.results]

    def to_frame(self):
        """A row for each set: rank, mean, std, parameters, and the score of each split.

        Returns
        -------
        pandas.DataFrame
            Parameters have ``"param_"`` before their names, as in scikit-learn.
        """
        import pandas

        rows = self.to_dicts()
        columns = list(dict.fromkeys(name for row in rows for name in row))
        return pandas.DataFrame(rows, columns=columns)

    def plot(self, kind="parameters", names=None, ax=None):
        """Draw the search.

        Parameters
        ----------
        kind : {"parameters", "parallel"}
            The score against each parameter; or an axis for each of them and for the score, and
            each set as a line through its values.
        names : list of str, optional
            Of parameters; all by default.
        ax : matplotlib Axes or sequence of Axes, optional
            One, or one for each name; new ones by default.

        Returns
        -------
        matplotlib.figure.Figure
        """
        drawn = {
            "parameters": picture.scores_by_parameter,
            "parallel": picture.parallel_coordinates,
        }
        if kind not in drawn:
            raise ArgumentError(f"kind: expected 'parameters' or 'parallel', got {kind!r}")
        return drawn[kind](self, names, ax)

    def refit(self, x=None, y=None, *, seed=None, **arguments):
        """A model of the best set, trained on all rows.

        Parameters
        ----------
        x, y : optional
            By default those of the search.
        seed : int, optional
            By default that of its first split.
        **arguments
            For ``fit``, instead of those of the search.

        Returns
        -------
        Model or estimator

        Raises
        ------
        ArgumentError
            If no set has a score.
        """
        check_for_fit(arguments)
        if (x is None) != (y is None):
            raise ArgumentError("x, y: expected both or none")
        job = self._trials.job(self.best["index"], 0, rows=None, **arguments)
        if x is not None:
            job |= {"x": x, "y": y}
        if seed is not None:
            job["seed"] = seed
        return fit_many([job], 1, raise_errors=True)[0].model

    def __repr__(self):
        if all(math.isnan(row["mean"]) for row in self.results):
            return f"<{type(self).__name__} of {len(self)} parameter sets, none has a score>"
        best = self.best
        return (
            f"<{type(self).__name__} of {len(self)} parameter sets: {self.monitor} "
            f"{best['mean']:.4g} for {best['parameters']}>"
        )


def parameter_search(
    make_model, parameter_sets, x, y=None, splits=None, *, validation_data=None, score=None,
    monitor=None, mode="auto", n_jobs=-1, verbose=0, keep_models=False, seed=None, **arguments,
):  # fmt: skip
    """Train and test a model for each parameter set, on each split.

    All of them run side by side as jobs of ``fit_many``, and share x and y. A set that fails
    does not harm the others.

    Parameters
    ----------
    make_model : function of (**parameters)
        Makes a compiled model, or any object with ``fit``; it may be a class.
    parameter_sets : iterable of dict
        Such as ``many.grid`` and ``many.random`` make. A name that `make_model` does not take
        is an argument of ``fit``, such as ``"batch_size"``.
    x, y : array, frame, or list or dict of such
    splits : int, list of (train_rows, test_rows), or splitter
        As for ``many.cross_validate``.
    validation_data : (x, y), optional
        Instead of splits: train on all rows of x, and test on these.
    score : function of (model, x, y), optional
        A dict of figures, or one number, which is called "score", for the rows held out; so is
        a scorer of scikit-learn. By default a Model's ``evaluate``, an estimator's ``score``.
    monitor : str, optional
        The figure that counts; by default the first: ``"loss"`` of a Model.
    mode : {"auto", "min", "max"}
        Whether less or more of it is better; "auto" asks the metric of that name, and takes
        more of "score" for better.
    n_jobs, verbose
        As for ``fit_many``.
    keep_models : bool
        Whether the search keeps the trained models.
    seed : int, optional
        Split number i has the seed ``seed + i``, modulo 2**32, for all sets: they begin with
        the same random numbers. By default it is drawn from the process' stream.
    **arguments
        For ``fit``, but for ``rows`` and ``validation_rows``. Of ``sample_weight`` each split
        takes its rows.

    Returns
    -------
    Search

    Raises
    ------
    ArgumentError, DataTypeError, ShapeError
        For rows that are not there, and as ``fit_many``.
    UnknownNameError
        For a parameter that neither `make_model` nor ``fit`` has, or an unknown figure.
    Interrupted
        On Ctrl-C; its ``search`` is the Search of the sets that are done.

    Notes
    -----
    It is the same as this loop, to the bit, whatever `n_jobs` is::

        for i, (train, test) in enumerate(splits):
            utils.set_random_seed(seed + i)
            model = make_model(**parameters)
            model.fit(x[train], y[train], **arguments)
            model.evaluate(x[test], y[test])

    Examples
    --------
    >>> import numpy as np
    >>> from fastgd import Sequential, layers, many
    >>> def make(units):
    ...     model = Sequential([layers.Dense(units, "relu", input_shape=(1,)), layers.Dense(1)])
    ...     model.compile("adam", "mse")
    ...     return model
    >>> x = np.linspace(-1, 1, 60)[:, None]
    >>> splits = many.k_fold(60, 3, shuffle=True, seed=0)
    >>> sets = [{"units": 1, "epochs": 1}, {"units": 8, "epochs": 50}]
    >>> search = many.parameter_search(make, sets, x, np.sin(3 * x), splits, seed=0)
    >>> search.best["parameters"], search.monitor, search.mode
    ({'units': 8, 'epochs': 50}, 'loss', 'min')
    """
    trials = Trials(
        make_model, parameter_sets, x, y, splits, validation_data, score, monitor, mode, seed,
        arguments,
    )  # fmt: skip
    keep_models = boolean(keep_models, "keep_models")
    width = len(trials.pairs)
    jobs = [trials.job(s, i) for s in range(len(trials.sets)) for i in range(width)]

    def found(results):
        of_sets = {}
        for result in results:
            of_sets.setdefault(result.params["set"], []).append(result)
        whole = [of_set for of_set in of_sets.values() if len(of_set) == width]
        models = [[result.model for result in of_set] for of_set in whole]
        table = [row_of(trials, of_set) for of_set in whole]
        rank(table, trials.mode)
        return Search(trials, table, models if keep_models else None)

    try:
        return found(trials.run(jobs, n_jobs, verbose, keep_models))
    except Interrupted as stop:
        stop.search = found(stop.results)
        raise


def grid_search(make_model, space, x, y=None, splits=None, **settings):
    """Every combination of some values: ``parameter_search`` over ``many.grid(space)``.

    Examples
    --------
    >>> import numpy as np
    >>> from fastgd import Sequential, layers, many
    >>> def make(units):
    ...     model = Sequential([layers.Dense(units, "tanh", input_shape=(1,)), layers.Dense(1)])
    ...     model.compile("adam", "mse")
    ...     return model
    >>> x = np.linspace(-1, 1, 40)[:, None]
    >>> space = {"units": [2, 4], "batch_size": [8, 16]}
    >>> search = many.grid_search(make, space, x, x, splits=2, epochs=2, seed=0)
    >>> len(search), sorted(row["rank"] for row in search)
    (4, [1, 2, 3, 4])
    """
    return parameter_search(make_model, grid(space), x, y, splits, **settings)


def random_search(make_model, space, x, y=None, splits=None, *, n, seed=None, **settings):
    """So many sets that are drawn: ``parameter_search`` over ``many.random(space, n, seed)``.

    Examples
    --------
    >>> import numpy as np
    >>> from fastgd import Sequential, layers, many, optimizers
    >>> def make(units, rate):
    ...     model = Sequential([layers.Dense(units, "tanh", input_shape=(1,)), layers.Dense(1)])
    ...     model.compile(optimizers.Adam(rate), "mse")
    ...     return model
    >>> x = np.linspace(-1, 1, 40)[:, None]
    >>> space = {"units": [2, 4, 8], "rate": many.loguniform(1e-3, 1e-1)}
    >>> search = many.random_search(make, space, x, x, splits=2, n=5, epochs=2, seed=0)
    >>> len(search)
    5
    """
    sets = random(space, n, seed)
    return parameter_search(make_model, sets, x, y, splits, seed=seed, **settings)


def row_of(trials, of_set):
    """The result of a parameter set from the Results of its splits; without a rank."""
    number = of_set[0].params["set"]
    scores = [trials.figure(result) for result in of_set]
    names = {}
    for result in of_set:
        names |= dict.fromkeys(name for name in result.scores if name.startswith("test_"))
    return {
        "index": number,
        "parameters": trials.sets[number],
        "scores": scores,
        "mean": float(np.mean(scores)),
        "std": float(np.std(scores, ddof=1)) if len(scores) > 1 else math.nan,
        "rank": None,
        "figures": {
            name.removeprefix("test_"): [result.scores.get(name, math.nan) for result in of_set]
            for name in names
        },
        "seconds": sum(result.seconds for result in of_set),
        "error": next((r.to_dict()["error"] for r in of_set if not r.ok), None),
    }


def rank(table, mode, further=lambda row: 0):
    """Give the rows of a table their ranks: by ``further``, more being better, then by mean."""

    def key(row):
        mean = row["mean"]
        if math.isnan(mean):
            return -1, 0.0
        return further(row), -mean if mode == "min" else mean

    places = {}
    for place, one in enumerate(sorted(map(key, table), reverse=True), 1):
        places.setdefault(one, place)
    for row in table:
        row["rank"] = places[key(row)]


def _flat(row):
    own = ("rank", "mean", "std", "rung", "resource", "seconds", "error")
    flat = {"index": row["index"]} | {name: row[name] for name in own if name in row}
    flat |= {f"param_{name}": value for name, value in row["parameters"].items()}
    return flat | {f"split_{i}": value for i, value in enumerate(row["scores"])}
