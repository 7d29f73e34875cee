"""Describe private training: the clip, the noise, and where the noise comes from."""

import hashlib
import math
import os
from dataclasses import dataclass
from typing import NamedTuple, Self

import numpy as np

from fastgd._data.arguments import positive_number
from fastgd._data.validation import number, whole_number
from fastgd._registry.advice import NamedArguments
from fastgd._registry.registry import Described
from fastgd._typing import Array
from fastgd.privacy.accounting import Relation, noise_multiplier


class Keys(NamedTuple):
    """Hold two secret keys of 256 bits, each uint32 of shape (8,)."""

    noise: Array
    sampling: Array


@dataclass(frozen=True, repr=False)
class DPSGD(NamedArguments, Described):
    """Describe differentially private gradient descent (DP-SGD; Abadi et al. 2016).

    Each step draws every row with the probability q = batch_size / rows, independently of the
    others (Poisson), so that batches have changing sizes. It scales the gradient of each row
    down to at most the clip C, sums, adds noise, and divides by the given batch size B:

        g = (sum over i of min(1, C / |g_i|) g_i + sigma C z) / B,  z normal

    It divides by B, and never by the number of rows that were drawn, since that would tell
    about them. A row whose gradient is not finite counts 0. An empty batch is a step of noise
    alone. The optimizer, schedules and penalties then take g as they take any gradient.

    The weights are then (epsilon, delta)-differentially private in each row: they tell little
    about whether any one row was there, even to a reader of the weights after every step.
    ``docs/privacy.md`` says what is not covered.

    Parameters
    ----------
    l2_norm_clip : float
        C, above 0: the largest Euclidean norm of a row's gradient over all weights.
    noise_multiplier : float
        sigma, at least 0: the standard deviation of the noise, divided by C. With 0 nothing is
        private.
    seed : int, optional
        For tests only: noise and samples follow from it. Who knows the seed can take the noise
        away, so that the ledger is marked and refuses to give an epsilon. By default the keys
        come from the operating system.

    Raises
    ------
    ArgumentError, DataTypeError
        For a clip that is not above 0, a negative multiplier, or numbers that are not finite.

    Notes
    -----
    Refused are layers and losses through which rows see each other, such as
    BatchNormalization, and ways to train without Poisson samples, such as ``train_on_batch``.

    Examples
    --------
    >>> from fastgd import privacy
    >>> privacy.DPSGD(l2_norm_clip=1.0, noise_multiplier=1.1)
    DPSGD(l2_norm_clip=1.0, noise_multiplier=1.1, seed=None)
    """

    l2_norm_clip: float
    noise_multiplier: float
    seed: int | None = None

    def __post_init__(self) -> None:
        seed = None if self.seed is None else whole_number(self.seed, "seed", -math.inf)
        vars(self).update(
            l2_norm_clip=positive_number(self.l2_norm_clip, "l2_norm_clip"),
            noise_multiplier=number(self.noise_multiplier, "noise_multiplier", low=0),
            seed=seed,
        )

    @classmethod
    def calibrated(cls, *, epsilon: float, delta: float, rows: int, batch_size: int,
                   epochs: int, l2_norm_clip: float,
                   relation: Relation = "add_or_remove_one") -> Self:  # fmt: skip
        """Return the DPSGD whose noise keeps a training of so many epochs within a budget.

        Parameters
        ----------
        epsilon, delta : float
            The budget. The epsilon of the whole training is at most this, and at most 1 %
            below.
        rows, batch_size, epochs : int
            The training: of so many rows, by ``fit`` with this batch size and these epochs.
            Rows of a ``validation_split`` are not counted.
        l2_norm_clip : float
            As for DPSGD.
        relation : {"add_or_remove_one", "replace_one"}
            As for ``privacy.epsilon``.

        Raises
        ------
        ArgumentError, DataTypeError
            As ``privacy.noise_multiplier``.
        MissingExtraError
            If dp-accounting is not installed: ``pip install "fastgd[privacy]"``.

        Examples
        --------
        >>> from fastgd import privacy
        >>> found = privacy.DPSGD.calibrated(
        ...     epsilon=3.0, delta=1e-5, rows=24_000, batch_size=256, epochs=20,
        ...     l2_norm_clip=1.0,
        ... )
        >>> 0.9 < found.noise_multiplier < 1.0
        True
        """
        clip = positive_number(l2_norm_clip, "l2_norm_clip")
        multiplier = noise_multiplier(
            epsilon, delta, rows=rows, batch_size=batch_size, epochs=epochs, relation=relation
        )
        return cls(clip, multiplier)

    def keys(self) -> Keys:
        """Return the keys of noise and sampling: new ones from the system, or of the seed.

        Keep them secret, and draw them anew for each training: the same noise in two trainings
        can be subtracted.

        Examples
        --------
        >>> from fastgd import privacy
        >>> keys = privacy.DPSGD(1.0, 1.0).keys()
        >>> keys.noise.shape, keys.noise.dtype.name, bool((keys.noise == keys.sampling).all())
        ((8,), 'uint32', False)
        """
        return Keys(*(self._key(label) for label in Keys._fields))

    def _key(self, label):
        """Return 256 bits for a use: random ones, or SHA-256 of the use and the seed."""
        if self.seed is None:
            secret = os.urandom(32)
        else:
            secret = hashlib.sha256(f"fastgd.privacy {label} {self.seed}".encode()).digest()
        return np.frombuffer(secret, "<u4").astype(np.uint32)
