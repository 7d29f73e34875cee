"""The same training from several seeds: how much of a score is chance?"""

import numpy as np

from fastgd._data.validation import boolean, positive_int, whole_number
from fastgd.errors import ArgumentError
from fastgd.many import rows as some_rows
from fastgd.many.cross_validation import CrossValidation
from fastgd.many.ensemble import Ensemble
from fastgd.many.job import SEEDS, check_for_fit, first_seed
from fastgd.many.jobs import fit_many


class Seeds(CrossValidation):
    """The results of ``many.seeds``: one for each seed, and what they say together.

    ``scores``, ``means`` and ``deviations`` are over the seeds.
    """

    def ensemble(self):
        """The models as an ensemble, whose predictions are averaged."""
        return Ensemble(self.models)

    def __repr__(self):
        return f"<Seeds {len(self)}: {self._said()}>"


def seeds(
    make_model, seeds, x, y=None, *, rows=None, test_rows=None, test_data=None, score=None,
    n_jobs=-1, verbose=0, on_result=None, keep_models=True, raise_errors=True, **arguments,
):  # fmt: skip
    """Train the same model from several seeds, side by side.

    Parameters
    ----------
    make_model : function without arguments
        Makes a compiled model, or any object with ``fit``; it may be a class.
    seeds : int or list of int
        Seeds from 0 to 2**32 - 1; a number of them to be drawn from the process' stream.
    x, y : array, frame, or list or dict of such
    rows, test_rows : array of int, optional
        Train on these rows only, and test on those.
    test_data : (x, y), optional
        Test on these, instead of `test_rows`. Without either there are only the figures of
        training.
    score : function of (model, x, y), optional
        A dict of figures, or one number, for the rows tested on. By default a Model's
        ``evaluate``, an estimator's ``score``.
    n_jobs, verbose, on_result, keep_models, raise_errors
        As for ``fit_many``.
    **arguments
        For ``fit``.

    Returns
    -------
    Seeds
        Results with ``scores``, ``means`` and ``deviations``; the figures of the rows tested on
        are named ``"test_..."``.

    Raises
    ------
    ArgumentError, DataTypeError, ShapeError
    Exception
        That of a seed which fails, unless `raise_errors` is False.
    Interrupted
        On Ctrl-C, with the results so far.

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
    >>> found.deviations["test_loss"] > 0
    True
    """
    check_for_fit(arguments, validation_rows=None, seed="give it as seeds, such as [seed]")
    numbers = _checked(seeds)
    if test_rows is not None and test_data is not None:
        raise ArgumentError("test_rows, test_data: expected at most one of the two")
    x, y = held_out = some_rows.share(x), some_rows.share(y, "y")
    if test_data is not None:
        held_out = some_rows.pair(test_data, "test_data")
    tests = test_rows is not None or test_data is not None
    if score is not None and not tests:
        raise ArgumentError("score: it is for rows to test on: give test_rows or test_data")

    def test(model, job):
        found = some_rows.evaluate(model, *held_out, test_rows, score)
        return {f"test_{name}": value for name, value in found.items()}

    jobs = [
        {
            "model": make_model, "x": x, "y": y, "rows": rows, "seed": seed,
            "name": f"seed {seed}", **arguments,
        }
        for seed in numbers
    ]  # fmt: skip
    return Seeds(
        fit_many(
            jobs, n_jobs, score=test if tests else None, verbose=verbose, on_result=on_result,
            keep_models=keep_models, raise_errors=boolean(raise_errors, "raise_errors"),
        )
    )  # fmt: skip


def _checked(seeds):
    """A list of seeds."""
    if isinstance(seeds, (int, np.integer)):
        return [first_seed(None) for _ in range(positive_int(seeds, "seeds"))]
    numbers = [whole_number(seed, "seeds", 0) for seed in seeds]
    if not numbers:
        raise ArgumentError("seeds: there are none")
    if max(numbers) >= SEEDS:
        raise ArgumentError(f"seeds: expected numbers below 2**32, got {max(numbers)}")
    return numbers
