"""Searches: which parameter set gives the best models on rows held out?"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from fastgd._data.validation import boolean, number
from fastgd._registry.extras import needed_by
from fastgd._registry.names import lookup
from fastgd._typing import Data, Path
from fastgd.errors import ArgumentError, DataTypeError
from fastgd.many import plotting
from fastgd.many.interrupts import CtrlC
from fastgd.many.job import check_for_fit
from fastgd.many.parallel import fit_many
from fastgd.many.place import Place
from fastgd.many.plotting import scored
from fastgd.many.scoring import ScoreFunction
from fastgd.many.space import Space, grid, random
from fastgd.many.trials import Ranking, Trials


class Search(Sequence[dict[str, Any]]):
    """Hold the results of a search: a dict for each parameter set, in the order of the sets.

    Attributes
    ----------
    results : list of dict
        Each with

        - ``"index"``, ``"parameters"``: the set's place, and the set
        - ``"scores"``: the score that counts, one for each split; NaN where training failed
        - ``"mean"``, ``"std"``: over the splits; with n - 1, so NaN for a single split
        - ``"rank"``: 1 for the best; equal means share one, sets without a mean share the last
        - ``"figures"``: all scores of the rows held out, by name, each as ``"scores"``
        - ``"seconds"``: of all its splits
        - ``"error"``: of the first split that failed, as text; None if there was none

        Successive halving adds ``"rung"``, from 0, and ``"resource"`` that the scores are of.
    monitor, mode : str
        The name of the score, and whether less or more of it is better: "min" or "max".
    models : list of list
        The models of each set and split, if they were kept; else None. With a `prepare` step
        each is a PreparedModel.
    """

    def __init__(self, trials: Trials, results: list[dict[str, Any]],
                 models: list[list[Any]] | None = None):  # fmt: skip
        self._trials, self.results, self.models = trials, results, models
        self.monitor, self.mode = trials.ranking.monitor, trials.ranking.mode

    def __len__(self) -> int:
        return len(self.results)

    def __getitem__(self, place: Any) -> Any:
        return self.results[place]

    @property
    def best(self) -> dict[str, Any]:
        """The result of the best set, of equals the first; an ArgumentError without scores."""
        if not scored(self):
            error = next((row["error"] for row in self if row["error"] is not None), "NaN")
            raise ArgumentError(f"no parameter set has a score: {error}")
        return min(self, key=lambda row: row["rank"])

    def best_within(self, errors: float = 1.0,
                    simplest: str | Callable[[dict[str, Any]], Any] | None = None,
                    ) -> dict[str, Any]:  # fmt: skip
        """Return the result of the simplest set whose mean is within so many standard errors.

        The one-standard-error rule (Breiman et al. 1984): scores that differ by less than
        chance do not justify a more complicated model. The error is that of the mean of the
        best set, its standard deviation over the splits divided by the root of their number.

        Parameters
        ----------
        errors : float
            How many standard errors worse than ``best`` a mean may be.
        simplest : str or function of (parameters), optional
            What is least for the simplest set: the name of a parameter, or a function of the
            dict of parameters. With ``lambda p: -p["l2"]`` the strongest penalty is the
            simplest. By default the number of weights of the model, which is made for each of
            the sets in question. Of equally simple ones the best is taken.

        Returns
        -------
        dict
            A row of the search, as ``best``.

        Raises
        ------
        ArgumentError, DataTypeError, UnknownNameError
            Without scores; for a single split, which has no standard error; for a parameter
            that a set lacks, or values of it that cannot be compared; if models have no number
            of weights (give `simplest`).

        Notes
        -----
        The training rows of splits overlap, so that their scores are alike and the error is too
        small: see ``many.corrected_t_test``.

        Examples
        --------
        >>> import numpy as np
        >>> from fastgd import Sequential, layers, many
        >>> def make(units):
        ...     hidden = layers.Dense(units, "tanh", input_shape=(1,))
        ...     model = Sequential([hidden, layers.Dense(1)])
        ...     model.compile("adam", "mse")
        ...     return model
        >>> x = np.linspace(-1, 1, 60)[:, None]
        >>> noise = np.random.default_rng(0).normal(size=60)
        >>> search = many.grid_search(make, {"units": [8, 1]}, x, noise, 5, seed=0)
        >>> search.best["parameters"], search.best_within(2)["parameters"]
        ({'units': 8}, {'units': 1})
        """
        errors, best = number(errors, "errors", 0), self.best
        count = len(best["scores"])
        if count < 2:
            raise ArgumentError(
                "best_within: one split has no standard error: give more splits"
            )
        allowed = errors * best["std"] / count**0.5
        near = [row for row in scored(self) if abs(row["mean"] - best["mean"]) <= allowed]
        near.sort(key=lambda row: row["rank"])
        sizes = [self._size(row, simplest) for row in near]
        try:
            return near[sizes.index(min(sizes))]
        except TypeError:
            raise DataTypeError(
                f"simplest: expected values that can be compared, got {sizes!r:.80}"
            ) from None

    def _size(self, row, simplest):
        """Return what is less for a simpler set."""
        parameters = row["parameters"]
        if simplest is None:
            return self._trials.weights(row["index"])
        if isinstance(simplest, str):
            return lookup("simplest", simplest, parameters)
        if not callable(simplest):
            raise DataTypeError(
                f"simplest: expected a parameter's name or a function, got {simplest!r}"
            )
        return simplest(dict(parameters))

    def to_dicts(self) -> list[dict[str, Any]]:
        """Return one flat dict for each set, as the rows of ``to_frame``."""
        own = ("rank", "mean", "std", "rung", "resource", "seconds", "error")
        return [
            {"index": row["index"]}
            | {name: row[name] for name in own if name in row}
            | {f"param_{name}": value for name, value in row["parameters"].items()}
            | {f"split_{i}": value for i, value in enumerate(row["scores"])}
            for row in self.results
        ]

    def to_frame(self) -> Any:
        """Return a pandas.DataFrame: rank, mean, std, parameters and scores of each set.

        Parameters have ``"param_"`` before their names, as in scikit-learn.
        """
        with needed_by("to_frame"):
            import pandas

        return pandas.DataFrame(self.to_dicts())

    def plot(self, kind: str = "parameters", names: Iterable[str] | None = None,
             ax: Any = None) -> Any:  # fmt: skip
        """Draw the search; return the matplotlib Figure.

        Parameters
        ----------
        kind : {"parameters", "parallel"}
            The score against each parameter; or an axis for each of them and for the score, and
            each set as a line through its values.
        names : list of str, optional
            Of parameters; all by default.
        ax : matplotlib Axes or sequence of Axes, optional
            One, or one for each name; new ones by default.
        """
        if kind == "parameters":
            return plotting.scores_by_parameter(self, names, ax)
        if kind == "parallel":
            return plotting.parallel_coordinates(self, names, ax)
        raise ArgumentError(f"kind: expected 'parameters' or 'parallel', got {kind!r}")

    def refit(self, x: Data = None, y: Data = None, *, seed: int | None = None,
              **arguments: Any) -> Any:  # fmt: skip
        """Train a model of the best set on all rows, and return it.

        x, y, seed and the arguments of ``fit`` are by default those of the search, the seed
        that of its first split. A share of `validation` is held out again; with "fold" of
        splits nothing is, unless `arguments` say so. With a `prepare` step the model is a
        PreparedModel.
        """
        check_for_fit(arguments)
        if (x is None) != (y is None):
            raise ArgumentError("x, y: expected both or none")
        if x is not None:
            arguments |= {"x": x, "y": y}
        if seed is not None:
            arguments["seed"] = seed
        job = self._trials.final_job(self.best["index"], arguments)
        return fit_many([job], 1, raise_errors=True).models[0]

    def __repr__(self):
        head = f"<{type(self).__name__} of {len(self)} parameter sets"
        if not scored(self):
            return f"{head}, none has a score>"
        best = self.best
        return f"{head}: {self.monitor} {best['mean']:.4g} for {best['parameters']}>"


def parameter_search(
    make_model: Callable[..., Any], parameter_sets: Iterable[dict[str, Any]], x: Data,
    y: Data = None, splits: Any = None, *, validation_data: tuple[Data, Data] | None = None,
    score: ScoreFunction | None = None, monitor: str | None = None, mode: str = "auto",
    validation: str | float | None = None, prepare: Any = None, n_jobs: int = -1,
    verbose: int | str = 0, keep_models: bool = False, seed: int | None = None,
    executor: Any = None, journal: Path | None = None, retries: int = 1,
    spool_dir: Path | None = None, **arguments: Any,
) -> Search:  # fmt: skip
    """Train and test a model for each parameter set, on each split.

    They run side by side as jobs of ``fit_many``, and share x and y. A set that fails does not
    harm the others.

    Parameters
    ----------
    make_model : function of (**parameters)
        Makes a compiled model, or any object with ``fit``; it may be a class.
    parameter_sets : iterable of dict
        Such as ``many.grid`` and ``many.random`` make. A name that `make_model` does not take
        is an argument of ``fit``, such as ``"batch_size"``.
    x, y : array, frame, or list or dict of such
    splits, score, **arguments
        As for ``many.cross_validate``.
    validation_data : (x, y), optional
        Instead of splits: train on all rows of x, and test on these.
    monitor : str, optional
        The score that counts; by default the first: ``"loss"`` of a Model.
    mode : {"auto", "min", "max"}
        Whether less or more of it is better; "auto" asks the metric of that name, and takes
        more of "score" for better.
    validation, prepare
        As for ``many.cross_validate``; with `validation_data`, "fold" stands for these.
    n_jobs, verbose, executor, journal, retries, spool_dir
        As for ``fit_many``.
    keep_models : bool
        Whether the search keeps the trained models.
    seed : int, optional
        Split number i has the seed ``seed + i``, modulo 2**32, for all sets: they begin with
        the same random numbers. By default it is drawn from the process' stream.

    Raises
    ------
    ArgumentError, DataTypeError, ShapeError, UnknownNameError
        As ``fit_many``; for rows that are not there; for a parameter that neither `make_model`
        nor ``fit`` has, or an unknown monitor.
    Interrupted
        On Ctrl-C; its ``search`` is the Search of the sets that are done.

    Notes
    -----
    It equals this loop bit for bit, for any `n_jobs`::

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
    place = Place(n_jobs, executor, journal, retries, spool_dir)
    with CtrlC() as ctrl_c:
        trials = ctrl_c.call(
            Trials, make_model, parameter_sets, (x, y), (splits, validation_data),
            (validation, prepare), Ranking(score, monitor, mode), seed, arguments,
        )  # fmt: skip
        keep_models = boolean(keep_models, "keep_models")
        splits = range(len(trials.pairs))
        jobs = [trials.job(number, i) for number in range(len(trials.sets)) for i in splits]

        def search(results):
            table, models = trials.table(results)
            trials.ranking.rank(table)
            return Search(trials, table, models if keep_models else None)

        ctrl_c.search = search
        return search(trials.run(ctrl_c, jobs, place, verbose, keep_models))


def grid_search(make_model: Callable[..., Any], space: Space, x: Data, y: Data = None,
                splits: Any = None, **settings: Any) -> Search:  # fmt: skip
    """Try every combination of some values: ``parameter_search`` over ``many.grid(space)``.

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


def random_search(make_model: Callable[..., Any], space: Space, x: Data, y: Data = None,
                  splits: Any = None, *, n: int, seed: int | None = None,
                  **settings: Any) -> Search:  # fmt: skip
    """Try `n` sets that are drawn: ``parameter_search`` over ``many.random(space, n, seed)``.

    Examples
    --------
    >>> import numpy as np
    >>> from fastgd import Sequential, layers, many, optimizers
    >>> def make(rate):
    ...     model = Sequential([layers.Dense(1, input_shape=(1,))])
    ...     model.compile(optimizers.Adam(rate), "mse")
    ...     return model
    >>> x = np.linspace(-1, 1, 40)[:, None]
    >>> space = {"rate": many.loguniform(1e-3, 1e-1), "batch_size": [8, 16]}
    >>> search = many.random_search(make, space, x, x, splits=2, n=5, epochs=2, seed=0)
    >>> len(search)
    5
    """
    sets = random(space, n, seed)
    return parameter_search(make_model, sets, x, y, splits, seed=seed, **settings)
