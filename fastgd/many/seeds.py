"""The same training from several seeds: how much of a score is chance?"""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from fastgd._data.validation import boolean, positive_int
from fastgd._typing import Data
from fastgd.errors import ArgumentError
from fastgd.many import shared_data
from fastgd.many.cross_validation import CrossValidation
from fastgd.many.ensemble import Ensemble
from fastgd.many.job import check_for_fit, first_seed, seed_number
from fastgd.many.parallel import fit_many
from fastgd.many.results import Result
from fastgd.many.shared_data import ScoreFunction


class Seeds(CrossValidation):
    """Hold the results of ``many.seeds``: scores, means and deviations are over the seeds."""

    def ensemble(self) -> Ensemble:
        """Return the models as an ensemble, whose predictions are averaged."""
        return Ensemble(self.models)

    def __repr__(self):
        return f"<Seeds {len(self)}: {self._summary()}>"


def seeds(
    make_model: Callable[[], Any], seeds: int | Iterable[int], x: Data, y: Data = None, *,
    rows: Data = None, test_rows: Data = None, test_data: tuple[Data, Data] | None = None,
    score: ScoreFunction | None = None, n_jobs: int = -1, verbose: int | str = 0,
    on_result: Callable[[Result], object] | None = None, keep_models: bool = True,
    raise_errors: bool = True, **arguments: Any,
) -> Seeds:  # fmt: skip
    """Train the same model from several seeds, side by side.

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
    score : function of (model, x, y), optional
        Returns a dict of values, or one number, for the rows tested on. By default a Model's
        ``evaluate``, an estimator's ``score``.
    n_jobs, verbose, on_result, keep_models, raise_errors
        As for ``fit_many``.
    **arguments
        For ``fit``.

    Returns
    -------
    Seeds
        Results with ``scores``, ``means`` and ``deviations``; the values of the rows tested on
        are named ``"test_..."``.

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
    numbers = _checked(seeds)
    if test_rows is not None and test_data is not None:
        raise ArgumentError("test_rows, test_data: expected at most one of the two")
    x, y = held_out = shared_data.share(x), shared_data.share(y, "y")
    if test_data is not None:
        held_out = shared_data.share_pair(test_data, "test_data")
    test = None
    if test_rows is not None or test_data is not None:

        def test(model, job):
            return shared_data.held_out_scores(model, held_out, test_rows, score)

    elif score is not None:
        raise ArgumentError("score: it is for rows to test on: give test_rows or test_data")
    jobs = [
        {
            "model": make_model, "x": x, "y": y, "rows": rows, "seed": seed,
            "name": f"seed {seed}", **arguments,
        }
        for seed in numbers
    ]  # fmt: skip
    return Seeds(
        fit_many(
            jobs, n_jobs, score=test, verbose=verbose, on_result=on_result,
            keep_models=keep_models, raise_errors=boolean(raise_errors, "raise_errors"),
        )
    )  # fmt: skip


def _checked(seeds):
    """Return a list of seeds."""
    if isinstance(seeds, (int, np.integer)):
        return [first_seed(None) for _ in range(positive_int(seeds, "seeds"))]
    numbers = [seed_number(seed, "seeds") for seed in seeds]
    if not numbers:
        raise ArgumentError("seeds: there are none")
    return numbers
