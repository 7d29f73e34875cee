"""Keep account of how a model is trained privately: ``model.privacy``."""

from typing import Any

import numpy as np

from fastgd._core.engine import PrivateSteps
from fastgd._engine.sampling import most_rows
from fastgd.errors import NotBuiltError
from fastgd.privacy.accounting import Relation
from fastgd.privacy.dpsgd import DPSGD
from fastgd.privacy.ledger import Ledger


class PrivateTraining:
    """Hold how a model is trained privately, and count what that spends.

    Parameters
    ----------
    mechanism : DPSGD, or None
        The argument of ``compile``; None where the model was not compiled since it was loaded.
    ledger : Ledger, optional
        What was spent before.

    Examples
    --------
    >>> import numpy as np
    >>> from fastgd import Sequential, layers, privacy
    >>> x = np.linspace(-1, 1, 100)[:, None]
    >>> model = Sequential([layers.Dense(1, input_shape=(1,))])
    >>> model.compile("sgd", "mse", privacy=privacy.DPSGD(1.0, 2.0))
    >>> history = model.fit(x, 2 * x, batch_size=50, epochs=3, verbose=0)
    >>> model.privacy.ledger.steps
    6
    """

    def __init__(self, mechanism: DPSGD | None, ledger: Ledger | None = None):
        self.mechanism = mechanism
        self._ledger = Ledger() if ledger is None else ledger
        self._steps: PrivateSteps | None = None
        self._counted = 0

    @property
    def ledger(self) -> Ledger:
        """The spans of steps that were taken, also by a ``fit`` that failed."""
        steps, mechanism = self._steps, self.mechanism
        if steps is not None and mechanism is not None and steps.count > self._counted:
            new, self._counted = steps.count - self._counted, steps.count
            self._ledger.add(mechanism, rows=steps.rows, batch_size=steps.batch_size, steps=new)
        return self._ledger

    def epsilon(self, delta: float, relation: Relation = "add_or_remove_one") -> float:
        """Return the epsilon that all steps together have spent, see ``Ledger.epsilon``.

        Parameters
        ----------
        delta : float
            In (0, 1), well below 1 / rows.
        relation : {"add_or_remove_one", "replace_one"}
            Which tables are neighbours.

        Raises
        ------
        PrivacyError
            If noise came from a seed: it can be computed again.
        """
        return self.ledger.epsilon(delta, relation)

    def begin(self, rows: int, batch_size: int, trained: Any) -> PrivateSteps:
        """Return what the steps of a ``fit`` need; they are counted from now on.

        Parameters
        ----------
        rows, batch_size : int
        trained : ndarray of int64, shape (k, 2)
            Begin and end of the parameters that are trained.
        """
        before, mechanism = self.ledger.steps, self.mechanism
        if mechanism is None:
            raise NotBuiltError("privacy: compile the model with a DPSGD before fit")
        rate, trials = batch_size / rows, rows * -(-rows // batch_size)
        steps = PrivateSteps(
            mechanism.l2_norm_clip, mechanism.l2_norm_clip * mechanism.noise_multiplier,
            batch_size, rows, np.array(mechanism.keys(), np.uint32), trained,
            most_rows(rate, rows), most_rows(rate, trials),
        )  # fmt: skip
        steps.count = self._counted = before
        self._steps = steps
        return steps

    def resume(self, ledger: Ledger) -> None:
        """Go on counting from a ledger that was saved."""
        self._ledger, self._counted = ledger, ledger.steps
        if self._steps is not None:
            self._steps.count = ledger.steps
