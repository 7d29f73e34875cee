"""Rows to validate on while a model of a split is trained."""

import numpy as np

from fastgd._data.arguments import choice
from fastgd._data.validation import number
from fastgd.errors import ArgumentError

#: Arguments of ``fit`` that choose such rows, too.
OTHERS = ("validation_data", "validation_split", "validation_rows")


class Validation:
    """Choose the rows that jobs validate on: see ``validation`` of ``many.cross_validate``."""

    def __init__(self, validation, arguments):
        self.fold = isinstance(validation, str)
        if self.fold:
            choice(validation, "validation", ("fold",), " or a share below 1")
        elif validation is not None:
            validation = number(validation, "validation", 0, 1)
        self.share = None if self.fold else validation
        for name in OTHERS if validation is not None else ():
            if name in arguments:
                raise ArgumentError(f"validation, {name}: expected one of the two")

    def rows(self, train, test, seed):
        """Return what a job says about rows.

        Parameters
        ----------
        train, test : ndarray of int64
        seed : int
            Of the job: a share is drawn with it.
        """
        if self.fold:
            return {"rows": train, "validation_rows": test}
        if self.share is None:
            return {"rows": train}
        numbers = np.unique(train)  # a row that is there twice is on one side only
        count = round(self.share * len(numbers))
        if not 0 < count < len(numbers):
            raise ArgumentError(
                f"validation: {self.share:g} of {len(numbers)} rows leaves "
                f"{len(numbers) - count} to train on and {count} to validate"
            )
        drawn = np.random.default_rng(seed).permutation(numbers)[:count]
        held = np.isin(train, drawn)
        return {"rows": train[~held], "validation_rows": np.sort(drawn)}
