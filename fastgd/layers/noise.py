"""Layers of random numbers, at work in training only.

The numbers of a layer are a function of the model's seed, the step, the layer's stream, the row
of the batch and the column: the same on every engine and for any number of threads. A stream is
that of the layer's ``seed``; without one, that of the layer's place among those of its model
that have none.
"""

import math

import numpy as np

from fastgd._core.types import Noise, Op
from fastgd._data.validation import number
from fastgd.errors import ArgumentError, DataTypeError, ShapeError
from fastgd.layers.base import Layer

#: The bits of a random number that are compared with a rate.
RATE_BITS = 24
#: Those of SELU: G. Klambauer et al., "Self-normalizing neural networks", 2017.
ALPHA = 1.6732632423543772848170429916717
SCALE = 1.0507009873554804934193349852946


class _Noise(Layer):
    """What layers with a seed share."""

    def __init__(self, seed, **kwargs):
        super().__init__(**kwargs)
        if seed is not None and (
            isinstance(seed, bool) or not isinstance(seed, (int, np.integer))
        ):
            raise DataTypeError(f"seed: expected a whole number or None, got {seed!r}")
        self.seed = None if seed is None else int(seed)

    def _drawn(self, table, source, kind, *settings):
        width = table.widths[source]
        target = table.buffer(width)
        table.row(
            Op.OP_NOISE, source, target, kind=kind, keep=table.buffer(width),
            settings=(table.stream(self.seed), *settings),
        )  # fmt: skip
        return target


class _Mask(_Noise):
    """What layers that drop elements share."""

    def __init__(self, rate, noise_shape, seed, **kwargs):
        super().__init__(seed, **kwargs)
        self.rate = number(rate, "rate", 0, 1)
        self.noise_shape = None if noise_shape is None else _noise_shape(noise_shape)

    def compute_output_shape(self, input_shape):
        if self.noise_shape is not None:
            fits = len(self.noise_shape) == len(input_shape) and all(
                mine in (None, 1, size)
                for mine, size in zip(self.noise_shape[1:], input_shape[1:], strict=True)
            )
            if not fits or self.noise_shape[0] not in (None, 1):
                raise ShapeError(
                    f"noise_shape: layer {self.name!r} expects None or 1, then None, 1 or the "
                    f"size of each axis of {input_shape}, got {self.noise_shape}"
                )
        return input_shape

    def _masked(self, table, source, scale, shift, rest):
        """scale source + shift for elements that are kept, rest for the others."""
        one_row, columns = False, []
        if self.noise_shape is not None:
            sizes = table.input_shape[1:]
            own = [
                size if d is None else d
                for d, size in zip(self.noise_shape[1:], sizes, strict=True)
            ]
            one_row = self.noise_shape[0] == 1
            if own != list(sizes):
                numbers = np.arange(math.prod(own)).reshape(own)
                columns = np.broadcast_to(numbers, sizes).ravel().tolist()
        return self._drawn(
            table, source, Noise.NOISE_MASK, round(self.rate * 2**RATE_BITS), scale, shift,
            rest, one_row, bool(columns), *columns,
        )  # fmt: skip

    def get_config(self):
        return super().get_config() | {
            "rate": self.rate,
            "seed": self.seed,
            "noise_shape": self.noise_shape,
        }


def _noise_shape(shape):
    if not isinstance(shape, (tuple, list)) or not all(
        d is None or (isinstance(d, (int, np.integer)) and d >= 1) for d in shape
    ):
        raise ShapeError(
            f"noise_shape: expected a tuple of None and numbers of at least 1, got {shape!r}"
        )
    return tuple(None if d is None else int(d) for d in shape)


class Dropout(_Mask):
    """In training, 0 with a probability of `rate` and x / (1 - rate) otherwise.

    N. Srivastava et al., "Dropout: a simple way to prevent neural networks from overfitting",
    2014.

    Parameters
    ----------
    rate : float
        From 0 to 1.
    noise_shape : tuple, optional
        Where a size is 1, all elements along that axis are dropped together; None is the
        axis' own size. The first one stands for the rows.
    seed : int, optional
        The layer's own stream of random numbers.
    **kwargs
        As for every layer.

    Raises
    ------
    ArgumentError, ShapeError
        For a rate that is none, and for a noise_shape that does not fit the input.

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

    def __init__(self, rate, noise_shape=None, seed=None, **kwargs):
        super().__init__(rate, noise_shape, seed, **kwargs)

    def emit(self, table, source):
        if self.rate == 0:
            return source
        scale = 1 / (1 - self.rate) if self.rate < 1 else 0.0
        return self._masked(table, source, scale, 0.0, 0.0)


class AlphaDropout(_Mask):
    """Dropout that keeps the mean and the variance of values with mean 0 and variance 1.

    In training, with p = -alpha scale of SELU in place of an element with a probability of
    `rate`, a x + b, where a = 1 / sqrt((1 - rate) (1 + rate p^2)) and b = -a p rate. G.
    Klambauer et al., "Self-normalizing neural networks", 2017.

    Parameters
    ----------
    rate : float
        At least 0 and below 1.
    noise_shape, seed
        As for ``Dropout``.
    **kwargs
        As for every layer.

    Examples
    --------
    >>> import numpy as np
    >>> from fastgd import layers
    >>> y = layers.AlphaDropout(0.2, seed=1)(np.zeros((100, 3)), training=True)
    >>> len(set(y.ravel().tolist()))
    2
    """

    def __init__(self, rate, noise_shape=None, seed=None, **kwargs):
        super().__init__(rate, noise_shape, seed, **kwargs)
        if self.rate == 1:
            raise ArgumentError(f"rate: expected a number below 1, got {rate!r}")

    def emit(self, table, source):
        if self.rate == 0:
            return source
        dropped = -ALPHA * SCALE
        a = ((1 - self.rate) * (1 + self.rate * dropped**2)) ** -0.5
        b = -a * dropped * self.rate
        return self._masked(table, source, a, b, a * dropped + b)


class GaussianNoise(_Noise):
    """In training, x + a normal number with mean 0.

    Parameters
    ----------
    stddev : float
        The standard deviation, at least 0.
    seed : int, optional
        The layer's own stream of random numbers.
    **kwargs
        As for every layer.

    Examples
    --------
    >>> import numpy as np
    >>> from fastgd import layers
    >>> y = layers.GaussianNoise(0.5, seed=1)(np.zeros((1000, 3)), training=True)
    >>> bool(0.45 < y.std() < 0.55)
    True
    """

    def __init__(self, stddev, seed=None, **kwargs):
        super().__init__(seed, **kwargs)
        self.stddev = number(stddev, "stddev", 0)

    def emit(self, table, source):
        if self.stddev == 0:
            return source
        return self._drawn(table, source, Noise.NOISE_ADDED, self.stddev)

    def get_config(self):
        return super().get_config() | {"stddev": self.stddev, "seed": self.seed}


class GaussianDropout(_Noise):
    """In training, x times a normal number with mean 1 and variance rate / (1 - rate).

    N. Srivastava et al., "Dropout: a simple way to prevent neural networks from overfitting",
    2014.

    Parameters
    ----------
    rate : float
        At least 0 and below 1.
    seed : int, optional
        The layer's own stream of random numbers.
    **kwargs
        As for every layer.

    Examples
    --------
    >>> import numpy as np
    >>> from fastgd import layers
    >>> y = layers.GaussianDropout(0.5, seed=1)(np.ones((1000, 3)), training=True)
    >>> bool(0.9 < y.std() < 1.1)
    True
    """

    def __init__(self, rate, seed=None, **kwargs):
        super().__init__(seed, **kwargs)
        self.rate = number(rate, "rate", 0, 1)
        if self.rate == 1:
            raise ArgumentError(f"rate: expected a number below 1, got {rate!r}")

    def emit(self, table, source):
        if self.rate == 0:
            return source
        deviation = math.sqrt(self.rate / (1 - self.rate))
        return self._drawn(table, source, Noise.NOISE_FACTOR, deviation)

    def get_config(self):
        return super().get_config() | {"rate": self.rate, "seed": self.seed}
