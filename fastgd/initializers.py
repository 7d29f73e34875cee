"""Initial values of weights, with Keras' names, arguments and defaults.

Numbers are drawn by ``numpy.random.Generator(PCG64(seed))`` in double precision. Without a seed
an initializer draws from the stream that ``fastgd.utils.set_random_seed`` starts.
"""

import math

import numpy as np

from fastgd import _seeds, config
from fastgd._names import lookup, snake_case
from fastgd._validate import number, whole_number
from fastgd.errors import ArgumentError
from fastgd.saving import Serializable


class Initializer(Serializable):
    """Makes the initial values of an array.

    Examples
    --------
    >>> from fastgd import initializers
    >>> initializers.Zeros()((2, 3), dtype="float64")
    array([[0., 0., 0.],
           [0., 0., 0.]])
    """

    def __call__(self, shape, dtype=None):
        """An array of the shape, of `dtype` (by default ``config.floatx()``)."""
        return np.asarray(self.values(tuple(shape)), dtype=dtype or config.floatx())

    def values(self, shape):
        """The values in double precision."""
        raise NotImplementedError

    def get_config(self):
        """The arguments that make this initializer again."""
        return dict(vars(self))


class Zeros(Initializer):
    """Zeros."""

    def values(self, shape):
        return np.zeros(shape)


class Ones(Initializer):
    """Ones."""

    def values(self, shape):
        return np.ones(shape)


class Constant(Initializer):
    """One value everywhere."""

    def __init__(self, value=0.0):
        self.value = number(value, "value")

    def values(self, shape):
        return np.full(shape, self.value, dtype=np.float64)


class RandomInitializer(Initializer):
    """Base of the random ones: with a seed, every call gives the same values."""

    def __init__(self, seed=None):
        self.seed = None if seed is None else whole_number(seed, "seed", 0)

    def generator(self):
        """A fresh generator from the seed."""
        seed = _seeds.next_seed() if self.seed is None else self.seed
        return np.random.Generator(np.random.PCG64(seed))


class RandomNormal(RandomInitializer):
    """Normal with the given mean and standard deviation."""

    def __init__(self, mean=0.0, stddev=0.05, seed=None):
        super().__init__(seed)
        self.mean = number(mean, "mean")
        self.stddev = number(stddev, "stddev", low=0)

    def values(self, shape):
        return self.generator().normal(self.mean, self.stddev, shape)


class TruncatedNormal(RandomNormal):
    """Normal, drawn again wherever it falls two standard deviations or more from the mean."""

    def values(self, shape):
        generator = self.generator()
        z = generator.standard_normal(shape)
        while (outside := np.abs(z) >= 2).any():
            z[outside] = generator.standard_normal(np.count_nonzero(outside))
        return self.mean + self.stddev * z


class RandomUniform(RandomInitializer):
    """Uniform in [minval, maxval)."""

    def __init__(self, minval=-0.05, maxval=0.05, seed=None):
        super().__init__(seed)
        self.minval = number(minval, "minval")
        self.maxval = number(maxval, "maxval", low=self.minval)

    def values(self, shape):
        return self.generator().uniform(self.minval, self.maxval, shape)


class VarianceScaling(RandomInitializer):
    """Variance scale / n, with n the fan in, the fan out or their mean.

    Parameters
    ----------
    scale : float
        Above 0.
    mode : {"fan_in", "fan_out", "fan_avg"}
    distribution : {"truncated_normal", "untruncated_normal", "uniform"}
    seed : int, optional

    Notes
    -----
    uniform: in ±sqrt(3 scale / n). truncated_normal: cut at two standard deviations, and
    widened by 1/0.87962566103423978 so that the variance is right after the cut.
    """

    def __init__(self, scale=1.0, mode="fan_in", distribution="truncated_normal", seed=None):
        super().__init__(seed)
        self.scale = number(scale, "scale")
        if not self.scale > 0:
            raise ArgumentError(f"scale: expected a number above 0, got {scale!r}")
        self.mode = mode
        self.distribution = distribution
        self._draw((1, 1))  # an unknown name is found now, not when a model is built

    def values(self, shape):
        return self._draw(shape).values(shape)

    def _draw(self, shape):
        fan_in, fan_out = (shape[0], shape[-1]) if shape else (1, 1)
        fans = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}
        variance = self.scale / max(1.0, lookup("mode", self.mode, fans))
        sigma = math.sqrt(variance)
        draws = {
            "uniform": RandomUniform(-math.sqrt(3) * sigma, math.sqrt(3) * sigma, self.seed),
            "truncated_normal": TruncatedNormal(0.0, sigma / 0.87962566103423978, self.seed),
            "untruncated_normal": RandomNormal(0.0, sigma, self.seed),
        }
        return lookup("distribution", self.distribution, draws)


class _Preset(VarianceScaling):
    """A VarianceScaling whose arguments are its name."""

    preset = ()

    def __init__(self, seed=None):
        super().__init__(*self.preset, seed=seed)

    def get_config(self):
        return {"seed": self.seed}


class GlorotUniform(_Preset):
    """Uniform in ±sqrt(6 / (fan in + fan out)) (Glorot and Bengio 2010): Dense's default."""

    preset = (1.0, "fan_avg", "uniform")


class GlorotNormal(_Preset):
    """Truncated normal of variance 2 / (fan in + fan out) (Glorot and Bengio 2010)."""

    preset = (1.0, "fan_avg", "truncated_normal")


class HeUniform(_Preset):
    """Uniform in ±sqrt(6 / fan in) (He et al. 2015)."""

    preset = (2.0, "fan_in", "uniform")


class HeNormal(_Preset):
    """Truncated normal of variance 2 / fan in (He et al. 2015)."""

    preset = (2.0, "fan_in", "truncated_normal")


class LecunUniform(_Preset):
    """Uniform in ±sqrt(3 / fan in) (LeCun et al. 1998)."""

    preset = (1.0, "fan_in", "uniform")


class LecunNormal(_Preset):
    """Truncated normal of variance 1 / fan in (LeCun et al. 1998)."""

    preset = (1.0, "fan_in", "truncated_normal")


_CLASSES = (
    Zeros, Ones, Constant, RandomNormal, RandomUniform, TruncatedNormal, VarianceScaling,
    GlorotUniform, GlorotNormal, HeUniform, HeNormal, LecunUniform, LecunNormal,
)  # fmt: skip
_BY_NAME = {c.__name__: c for c in _CLASSES} | {snake_case(c.__name__): c for c in _CLASSES}
_BY_NAME |= {"normal": RandomNormal, "uniform": RandomUniform}


def get(identifier):
    """The initializer for a name, a class or an initializer itself.

    Raises
    ------
    UnknownNameError
        Listing the names there are.
    """
    if isinstance(identifier, type) and issubclass(identifier, Initializer):
        return identifier()
    if callable(identifier):
        return identifier
    return lookup("initializer", identifier, _BY_NAME)()
