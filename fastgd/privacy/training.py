"""Keep account of how a model is trained privately: ``model.privacy``."""

import threading
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
        self._latest: tuple[PrivateSteps, DPSGD] | None = None  # of the latest fit
        self._counted = 0
        self._lock = threading.Lock()  # it may be read while another thread trains

    @property
    def ledger(self) -> Ledger:
        """The spans of steps that were taken, also by a ``fit`` that failed."""
        with self._lock:
            if self._latest is not None:
                steps, mechanism = self._latest
                count = steps.count
                self._ledger.add(
                    mechanism, rows=steps.rows, batch_size=steps.batch_size,
                    steps=count - self._counted,
                )  # fmt: skip
                self._counted = count
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
        self._latest = steps, mechanism
        return steps

    def resume(self, ledger: Ledger) -> None:
        """Go on counting from a ledger that was saved."""
        self._ledger = ledger
        if self._latest is not None:
            steps, mechanism = self._latest
            # a seed repeats a run; else no number of a step may come twice under one key
            again = mechanism.seed is not None
            steps.count = ledger.steps if again else max(steps.count, ledger.steps)
            self._counted = steps.count
