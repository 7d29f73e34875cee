"""Initial values of weights: given, or drawn in double precision."""

import math
from typing import ClassVar, Self

import numpy as np

from fastgd import config
from fastgd._core.engine import fill_uniform
from fastgd._data.arguments import positive_number
from fastgd._data.validation import number, numeric, whole_number
from fastgd._engine import streams
from fastgd._engine.sizes import array_shape
from fastgd._registry.names import lookup
from fastgd._registry.objects import argument_names
from fastgd._registry.registry import Described
from fastgd._typing import Array, Config, Data, DType, Shape
from fastgd.errors import ArgumentError, DataTypeError, ShapeError


class Initializer(Described):
    """Make the initial values of an array.

    A subclass defines ``__call__(shape, dtype=None)``, or ``values(shape)`` in float64.

    Examples
    --------
    >>> from fastgd import initializers
    >>> initializers.Zeros()((2, 3), dtype="float64")
    array([[0., 0., 0.],
           [0., 0., 0.]])
    """

    def __call__(self, shape: Shape, dtype: DType | None = None) -> Array:
        """Return an array of a shape and `dtype` (by default ``config.floatx()``)."""
        native = np.dtype(dtype or config.floatx()).newbyteorder("=")
        return np.asarray(self.values(array_shape(shape)), native)

    def values(self, shape: Shape) -> Array:
        """Return the values in double precision."""
        raise NotImplementedError

    def clone(self) -> Self:
        """Return a new initializer with the same arguments."""
        return type(self).from_config(self.get_config())


class Zeros(Initializer):
    """Fill with zeros."""

    def values(self, shape: Shape) -> Array:
        return np.zeros(shape)


class Ones(Initializer):
    """Fill with ones."""

    def values(self, shape: Shape) -> Array:
        return np.ones(shape)


class Constant(Initializer):
    """Fill with one value, or with the values of an array.

    Parameters
    ----------
    value : float, or array of numbers
        Finite; an array is broadcast to the shape of the weights.

    Raises
    ------
    ShapeError
        When called for a shape that the array cannot fill.

    Examples
    --------
    >>> from fastgd import initializers
    >>> initializers.Constant([1.0, 2.0])((2, 2))
    array([[1., 2.],
           [1., 2.]], dtype=float32)
    """

    def __init__(self, value: Data = 0.0):
        one = np.ndim(value) == 0
        self.value = number(value, "value") if one else _array(value, "value").tolist()

    def values(self, shape: Shape) -> Array:
        try:
            return np.array(np.broadcast_to(self.value, shape), dtype=np.float64)
        except ValueError:
            raise _unfitting(np.shape(self.value), shape) from None


class Identity(Initializer):
    """Fill a matrix with gain on the diagonal, and 0 elsewhere.

    Parameters
    ----------
    gain : float, finite

    Raises
    ------
    ShapeError
        When called for a shape that is not that of a matrix.

    Examples
    --------
    >>> from fastgd import initializers
    >>> initializers.Identity(gain=2.0)((2, 3))
    array([[2., 0., 0.],
           [0., 2., 0.]], dtype=float32)
    """

    def __init__(self, gain: float = 1.0):
        self.gain = number(gain, "gain")

    def values(self, shape: Shape) -> Array:
        if len(shape) != 2:
            raise ShapeError(f"shape: Identity needs two dimensions, got {shape}")
        return self.gain * np.eye(*shape)


class Values(Initializer):
    """Give the values of an array to weights of its shape; ``get`` makes it of an ndarray.

    Parameters
    ----------
    array : array of numbers

    Raises
    ------
    ShapeError
        When called for another shape.
    """

    def __init__(self, array: Data):
        self.array = _array(array, "initializer")

    def values(self, shape: Shape) -> Array:
        if shape != self.array.shape:
            raise _unfitting(self.array.shape, shape)
        return self.array

    def get_config(self) -> Config:
        return {"array": self.array.tolist()}


def _array(values, argument):
    """Return a copy in double precision of finite numbers."""
    array = np.array(numeric(values, argument), dtype=np.float64)
    if not np.isfinite(array).all():
        raise ArgumentError(f"{argument}: expected finite numbers")
    return array


def _unfitting(seen, shape):
    return ShapeError(
        f"initializer: an array of shape {seen} cannot fill weights of shape {shape}"
    )


class RandomInitializer(Initializer):
    """Draw random values; with a seed, every call gives the same ones."""

    def __init__(self, seed: int | None = None):
        self.seed = None if seed is None else whole_number(seed, "seed", 0)

    def generator(self) -> np.random.Generator:
        """Return a new generator from the seed."""
        return np.random.Generator(np.random.PCG64(self.next_seed()))

    def next_seed(self) -> int:
        """Return the seed, or else the next one of the process or job."""
        return streams.next_seed() if self.seed is None else self.seed


class RandomNormal(RandomInitializer):
    """Draw from a normal distribution of a mean and standard deviation."""

    def __init__(self, mean: float = 0.0, stddev: float = 0.05, seed: int | None = None):
        super().__init__(seed)
        self.mean = number(mean, "mean")
        self.stddev = number(stddev, "stddev", low=0)

    def values(self, shape: Shape) -> Array:
        return self.generator().normal(self.mean, self.stddev, shape)


class TruncatedNormal(RandomNormal):
    """Draw like RandomNormal, again for values two deviations or more from the mean."""

    def values(self, shape: Shape) -> Array:
        generator = self.generator()
        z = generator.standard_normal(shape)
        while (outside := np.abs(z) >= 2).any():
            z[outside] = generator.standard_normal(np.count_nonzero(outside))
        return self.mean + self.stddev * z


class RandomUniform(RandomInitializer):
    """Draw from a uniform distribution in [minval, maxval)."""

    def __init__(self, minval: float = -0.05, maxval: float = 0.05, seed: int | None = None):
        super().__init__(seed)
        self.minval = number(minval, "minval")
        self.maxval = number(maxval, "maxval", low=self.minval)

    def values(self, shape: Shape) -> Array:
        out = np.empty(shape)
        self.fill(out)
        return out

    def fill(self, out: Array) -> None:
        """Draw into a contiguous array of float32 or float64: as NumPy's generator, faster."""
        seed = self.next_seed()
        if seed < 2**64:
            fill_uniform(out, seed, self.minval, self.maxval)
        else:
            generator = np.random.Generator(np.random.PCG64(seed))
            out[...] = generator.uniform(self.minval, self.maxval, out.shape)


class VarianceScaling(RandomInitializer):
    """Draw with variance scale / n, where n is the fan in, the fan out or their mean.

    Parameters
    ----------
    scale : float, above 0
    mode : {"fan_in", "fan_out", "fan_avg"}
    distribution : {"truncated_normal", "untruncated_normal", "uniform"}
        "normal" is the truncated one.
    seed : int, optional
    input_axes, output_axes : list of int, optional
        The axes whose lengths multiply to the fan in and the fan out. Unless both are given,
        these are the lengths of the last two axes, each times those of all axes before them.

    Notes
    -----
    uniform: in ±sqrt(3 scale / n). truncated_normal: cut at two standard deviations, and
    widened by 1/0.87962566103423978 so that the variance is right after the cut.
    """

    def __init__(self, scale: float = 1.0, mode: str = "fan_in",
                 distribution: str = "truncated_normal", seed: int | None = None,
                 input_axes: list[int] | None = None,
                 output_axes: list[int] | None = None):  # fmt: skip
        super().__init__(seed)
        self.scale = positive_number(scale, "scale")
        self.mode = mode
        self.distribution = distribution
        self.input_axes = _axes(input_axes, "input_axes")
        self.output_axes = _axes(output_axes, "output_axes")
        # an unknown name is an error now, not when a model is built
        lookup("mode", mode, dict.fromkeys(_MODES))
        lookup("distribution", distribution, dict.fromkeys(_DISTRIBUTIONS))

    def values(self, shape: Shape) -> Array:
        return self.for_shape(shape).values(shape)

    def for_shape(self, shape: Shape) -> RandomInitializer:
        """Return the initializer that draws for arrays of a shape."""
        mean = _MODES[self.mode](*self._fans(shape))
        sigma = math.sqrt(self.scale / max(1.0, mean))
        return _DISTRIBUTIONS[self.distribution](sigma, self.seed)

    def _fans(self, shape):
        """Return the numbers of input and output units of a shape, as in Keras."""
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
    """Fix the scale, mode and distribution of a VarianceScaling."""

    preset: ClassVar[tuple[float, str, str]]

    def __init_subclass__(cls, preset: tuple[float, str, str] | None = None) -> None:
        super().__init_subclass__()
        cls.preset = cls.preset if preset is None else preset

    def __init__(self, seed: int | None = None, input_axes: list[int] | None = None,
                 output_axes: list[int] | None = None):  # fmt: skip
        super().__init__(*self.preset, seed, input_axes, output_axes)

    def get_config(self) -> Config:
        return {name: getattr(self, name) for name in argument_names(type(self))}


class GlorotUniform(_Preset, preset=(1.0, "fan_avg", "uniform")):
    """Draw uniformly in ±sqrt(6 / (fan in + fan out)) (Glorot, Bengio 2010): for Dense."""


class GlorotNormal(_Preset, preset=(1.0, "fan_avg", "truncated_normal")):
    """Draw from a truncated normal of variance 2 / (fan in + fan out) (Glorot, Bengio 2010)."""


class HeUniform(_Preset, preset=(2.0, "fan_in", "uniform")):
    """Draw uniformly in ±sqrt(6 / fan in) (He et al. 2015)."""


class HeNormal(_Preset, preset=(2.0, "fan_in", "truncated_normal")):
    """Draw from a truncated normal of variance 2 / fan in (He et al. 2015)."""


class LecunUniform(_Preset, preset=(1.0, "fan_in", "uniform")):
    """Draw uniformly in ±sqrt(3 / fan in) (LeCun et al. 1998)."""


class LecunNormal(_Preset, preset=(1.0, "fan_in", "truncated_normal")):
    """Draw from a truncated normal of variance 1 / fan in (LeCun et al. 1998)."""


class Orthogonal(RandomInitializer):
    """Draw a matrix with orthonormal columns, or rows if there are fewer, times gain.

    Parameters
    ----------
    gain : float, finite
    seed : int, optional

    Raises
    ------
    ShapeError
        When called for fewer than two dimensions. If there are more, all but the last are
        the rows of the matrix.

    Notes
    -----
    Uniform over all such matrices (Saxe et al. 2014): a product of Householder reflections
    along normal vectors of falling length (Stewart 1980). It needs no factorization, and so no
    BLAS, whose last bits differ between machines.
    """

    def __init__(self, gain: float = 1.0, seed: int | None = None):
        super().__init__(seed)
        self.gain = number(gain, "gain")

    def values(self, shape: Shape) -> Array:
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
