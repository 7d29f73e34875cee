"""Layers of random numbers, active in training only.

The numbers of a layer are a function of the model's seed, the step, the layer's stream, the row
of the batch and the column: the same on every engine and for any number of threads. The stream
follows from the layer's ``seed``; without a seed, from the layer's place among those of its
model that have none.
"""

import math
from typing import Any

import numpy as np

from fastgd._core.types import Noise, Op
from fastgd._data.validation import number, whole_number
from fastgd._engine.table import Table
from fastgd._typing import Shape
from fastgd.errors import ArgumentError, ShapeError
from fastgd.layers.layer import Layer

#: The bits of a random number that are compared with a rate.
RATE_BITS = 24
#: Those of SELU: G. Klambauer et al., "Self-normalizing neural networks", 2017.
ALPHA = 1.6732632423543772848170429916717
SCALE = 1.0507009873554804934193349852946


class _Noise(Layer):
    """Hold a seed, and draw random numbers of a kind."""

    kind: Noise

    def __init__(self, seed: int | None, **kwargs: Any):
        super().__init__(**kwargs)
        self.seed = None if seed is None else whole_number(seed, "seed", -math.inf)

    def _settings(self, table: Table) -> tuple[Any, ...]:
        """Return the settings for the engine; none if nothing would change."""
        raise NotImplementedError

    def emit(self, table: Table, source: int) -> int:
        settings = self._settings(table)
        if not settings:
            return source
        width = table.widths[source]
        return table.row(
            Op.OP_NOISE, source, table.buffer(width), kind=self.kind, keep=table.buffer(width),
            settings=(table.stream(self.seed), *settings),
        )  # fmt: skip


class _Mask(_Noise):
    """Drop elements at a rate, independently or, by noise_shape, together.

    A subclass defines ``_values``: a, b and c, for a x + b of elements that are kept, and c.
    """

    kind = Noise.NOISE_MASK
    _below_1 = False

    def __init__(self, rate: float, noise_shape: Shape | None = None, seed: int | None = None,
                 **kwargs: Any):  # fmt: skip
        super().__init__(seed, **kwargs)
        self.rate = _checked_rate(rate, self._below_1)
        self.noise_shape = None if noise_shape is None else _noise_shape(noise_shape)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        mine = self.noise_shape
        if mine is not None and not (
            len(mine) == len(input_shape)
            and all(d in (None, 1, size) for d, size in zip(mine, input_shape, strict=True))
        ):
            raise ShapeError(
                f"noise_shape: layer {self.name!r} expects None or 1, then None, 1 or the size "
                f"of each axis of {input_shape}, got {mine}"
            )
        return input_shape

    def _settings(self, table):
        if self.rate == 0:
            return ()
        one_row, columns = False, []
        if self.noise_shape is not None:
            sizes = table.input_shape[1:]
            own = [d or size for d, size in zip(self.noise_shape[1:], sizes, strict=True)]
            one_row = self.noise_shape[0] == 1
            if own != list(sizes):
                numbers = np.arange(math.prod(own)).reshape(own)
                columns = np.broadcast_to(numbers, sizes).ravel().tolist()
        rate = round(self.rate * 2**RATE_BITS)
        return rate, *self._values(), one_row, bool(columns), *columns


def _noise_shape(shape):
    if not isinstance(shape, (tuple, list)) or not all(
        d is None or (isinstance(d, (int, np.integer)) and d >= 1) for d in shape
    ):
        raise ShapeError(
            f"noise_shape: expected a tuple of None and numbers of at least 1, got {shape!r}"
        )
    return tuple(None if d is None else int(d) for d in shape)


def _checked_rate(rate, below_1=True):
    if number(rate, "rate", 0, 1) == 1 and below_1:
        raise ArgumentError(f"rate: expected a number below 1, got {rate!r}")
    return float(rate)


class Dropout(_Mask):
    """Replace x, in training, by 0 with a probability of `rate`, else by x / (1 - rate).

    N. Srivastava et al., "Dropout: a simple way to prevent neural networks from overfitting",
    2014.

    Parameters
    ----------
    rate : float, from 0 to 1
    noise_shape : tuple, optional
        Where a size is 1, all elements along that axis are dropped together; None is the
        axis' own size. The first one stands for the rows.
    seed : int, optional
        The layer's own stream of random numbers.

    Raises
    ------
    ArgumentError, ShapeError
        For a rate out of range, and for a noise_shape that does not fit the input.

    Examples
    --------
    >>> import numpy as np
    >>> from fastgd import layers
    >>> dropout = layers.Dropout(0.5, seed=1)
    >>> float(dropout(np.ones((2, 3))).sum())
    6.0
    >>> sorted(set(dropout(np.ones((20, 3)), training=True).ravel().tolist()))
    [0.0, 2.0]
    """

    def _values(self):
        return 1 / (1 - self.rate) if self.rate < 1 else 0.0, 0.0, 0.0


class AlphaDropout(_Mask):
    """Drop elements, but keep the mean and variance of values with mean 0 and variance 1.

    In training, replace x by p = -alpha scale of SELU with a probability of `rate`, and compute
    a x + b, where a = 1 / sqrt((1 - rate) (1 + rate p^2)) and b = -a p rate. G. Klambauer et
    al., "Self-normalizing neural networks", 2017.

    Parameters
    ----------
    rate : float, at least 0 and below 1
    noise_shape, seed
        As for ``Dropout``.

    Examples
    --------
    >>> import numpy as np
    >>> from fastgd import layers
    >>> y = layers.AlphaDropout(0.2, seed=1)(np.zeros((100, 3)), training=True)
    >>> len(set(y.ravel().tolist()))
    2
    """

    _below_1 = True

    def _values(self):
        dropped = -ALPHA * SCALE
        a = ((1 - self.rate) * (1 + self.rate * dropped**2)) ** -0.5
        b = -a * dropped * self.rate
        return a, b, a * dropped + b


class GaussianNoise(_Noise):
    """Add a normal number of mean 0 to x, in training.

    Parameters
    ----------
    stddev : float
        The standard deviation, at least 0.
    seed : int, optional
        The layer's own stream of random numbers.

    Examples
    --------
    >>> import numpy as np
    >>> from fastgd import layers
    >>> y = layers.GaussianNoise(0.5, seed=1)(np.zeros((1000, 3)), training=True)
    >>> bool(0.45 < y.std() < 0.55)
    True
    """

    kind = Noise.NOISE_ADDED

    def __init__(self, stddev: float, seed: int | None = None, **kwargs: Any):
        super().__init__(seed, **kwargs)
        self.stddev = number(stddev, "stddev", 0)

    def _settings(self, table):
        return (self.stddev,) if self.stddev else ()


class GaussianDropout(_Noise):
    """Multiply x, in training, by a normal number of mean 1 and variance rate / (1 - rate).

    N. Srivastava et al., "Dropout: a simple way to prevent neural networks from overfitting",
    2014.

    Parameters
    ----------
    rate : float, at least 0 and below 1
    seed : int, optional
        The layer's own stream of random numbers.

    Examples
    --------
    >>> import numpy as np
    >>> from fastgd import layers
    >>> y = layers.GaussianDropout(0.5, seed=1)(np.ones((1000, 3)), training=True)
    >>> bool(0.9 < y.std() < 1.1)
    True
    """

    kind = Noise.NOISE_FACTOR

    def __init__(self, rate: float, seed: int | None = None, **kwargs: Any):
        super().__init__(seed, **kwargs)
        self.rate = _checked_rate(rate)

    def _settings(self, table):
        return (math.sqrt(self.rate / (1 - self.rate)),) if self.rate else ()
