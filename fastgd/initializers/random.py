"""Initial values that are drawn, in double precision."""

import math

import numpy as np

from fastgd._data.validation import number, whole_number
from fastgd._engine import streams
from fastgd._registry.names import lookup
from fastgd.errors import ArgumentError, DataTypeError, ShapeError
from fastgd.initializers.constant import Initializer


class RandomInitializer(Initializer):
    """Base of the random ones: with a seed, every call gives the same values."""

    def __init__(self, seed=None):
        self.seed = None if seed is None else whole_number(seed, "seed", 0)

    def generator(self):
        """A fresh generator from the seed."""
        seed = streams.next_seed() if self.seed is None else self.seed
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
        "normal" is the truncated one.
    seed : int, optional
    input_axes, output_axes : list of int, optional
        The axes whose lengths multiply to the fan in and the fan out. Where one is missing
        these are the lengths of the last two axes, each times those of all axes before them.

    Notes
    -----
    uniform: in ±sqrt(3 scale / n). truncated_normal: cut at two standard deviations, and
    widened by 1/0.87962566103423978 so that the variance is right after the cut.
    """

    def __init__(
        self,
        scale=1.0,
        mode="fan_in",
        distribution="truncated_normal",
        seed=None,
        input_axes=None,
        output_axes=None,
    ):
        super().__init__(seed)
        self.scale = number(scale, "scale")
        if not self.scale > 0:
            raise ArgumentError(f"scale: expected a number above 0, got {scale!r}")
        self.mode = mode
        self.distribution = distribution
        self.input_axes = _axes(input_axes, "input_axes")
        self.output_axes = _axes(output_axes, "output_axes")
        # an unknown name is found now, not when a model is built
        lookup("mode", mode, dict.fromkeys(_MODES))
        lookup("distribution", distribution, dict.fromkeys(_DISTRIBUTIONS))

    def values(self, shape):
        mean = _MODES[self.mode](*self._fans(shape))
        sigma = math.sqrt(self.scale / max(1.0, mean))
        return _DISTRIBUTIONS[self.distribution](sigma, self.seed).values(shape)

    def _fans(self, shape):
        """The numbers of input and output units that a shape has, as in Keras."""
        if self.input_axes is not None and self.output_axes is not None:
            return tuple(
                math.prod(shape[axis] for axis in axes)
                for axes in (self.input_axes, self.output_axes)
            )
        if len(shape) < 2:
            return (*shape, *shape) or (1, 1)
        field = math.prod(shape[:-2])
        return field * shape[-2], field * shape[-1]


_MODES = {
    "fan_in": lambda fan_in, fan_out: fan_in,
    "fan_out": lambda fan_in, fan_out: fan_out,
    "fan_avg": lambda fan_in, fan_out: (fan_in + fan_out) / 2,
}
_DISTRIBUTIONS = {
    "uniform": lambda s, seed: RandomUniform(-math.sqrt(3) * s, math.sqrt(3) * s, seed),
    "truncated_normal": lambda s, seed: TruncatedNormal(0.0, s / 0.87962566103423978, seed),
    "untruncated_normal": lambda s, seed: RandomNormal(0.0, s, seed),
}
_DISTRIBUTIONS["normal"] = _DISTRIBUTIONS["truncated_normal"]


def _axes(axes, argument):
    if axes is None:
        return None
    if not isinstance(axes, (list, tuple)) or not all(isinstance(a, int) for a in axes):
        raise DataTypeError(f"{argument}: expected a list of whole numbers, got {axes!r}")
    return list(axes)


class _Preset(VarianceScaling):
    """A VarianceScaling whose arguments are its name."""

    preset = ()

    def __init__(self, seed=None, input_axes=None, output_axes=None):
        super().__init__(*self.preset, seed, input_axes, output_axes)

    def get_config(self):
        names = "seed", "input_axes", "output_axes"
        return {name: getattr(self, name) for name in names}


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


class Orthogonal(RandomInitializer):
    """A random matrix with orthonormal columns, or rows where those are fewer, times gain.

    Parameters
    ----------
    gain : float
        Finite.
    seed : int, optional

    Raises
    ------
    ShapeError
        When called for fewer than two dimensions. More are taken for a matrix of as many
        columns as the last one has.

    Notes
    -----
    Uniform over all such matrices (Saxe et al. 2014). A product of Householder reflections
    along normal vectors of falling length is distributed so (Stewart 1980). It needs no
    factorization, and so nothing of a BLAS, whose last bits differ between machines.
    """

    def __init__(self, gain=1.0, seed=None):
        super().__init__(seed)
        self.gain = number(gain, "gain")

    def values(self, shape):
        if len(shape) < 2:
            raise ShapeError(f"shape: Orthogonal needs two dimensions or more, got {shape}")
        rows, columns = math.prod(shape[:-1]), shape[-1]
        long, short = max(rows, columns), min(rows, columns)
        q = np.eye(long, short)
        signs = np.empty(short)
        normals = self.generator().standard_normal((short, long))
        for k in range(short - 1, -1, -1):
            v = normals[k, k:].copy()
            signs[k] = 1.0 if v[0] >= 0 else -1.0
            v[0] += signs[k] * math.sqrt((v * v).sum())
            part = q[k:, k:]  # the columns before k are still those of the identity
            part -= v[:, None] * ((2 / (v * v).sum()) * (v[:, None] * part).sum(axis=0))
        q *= -signs  # a reflection takes e_k to -sign v / |v|
        return self.gain * (q if rows >= columns else q.T).reshape(shape)
