"""Define the fully connected layer that rises, or falls, with some of its inputs."""

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np

from fastgd import activations, constraints
from fastgd._core.types import Op
from fastgd._data.arguments import listed
from fastgd._data.validation import number
from fastgd._engine.table import Table
from fastgd._typing import Array, Data, Identifier, Shape
from fastgd.errors import ArgumentError, ShapeError
from fastgd.layers.dense import Dense
from fastgd.layers.layer import Weight

#: The shares of the paper's own code.
SHARES = (7, 7, 2)


class MonotonicDense(Dense):
    """Compute a Dense layer that only rises, or only falls, with inputs of your choice.

    The weights of such inputs have one sign: they are drawn with it, and projected onto it
    after each update. Layers of one sign with relu would only make convex functions. So the
    units are split: with rho the activation, the first ones compute rho(z), which is convex,
    the next ones -rho(-z), which is concave, and the last ones the saturated function
    rho(z + 1) - rho(1) below 0, rho(1) - rho(1 - z) above (Runje and Shankaranarayana 2023). A
    network rises with an input if all layers after the first have ``monotonicity=1``;
    ``explain.monotone`` proves it.

    Parameters
    ----------
    units : int
        The width of the output, at least 1.
    activation : str or function, optional
        A name or function of ``fastgd.activations`` that never falls, such as "relu", "elu" or
        "softplus"; None is linear.
    monotonicity : int, or list of int
        For each input 1 (the units rise with it), -1 (they fall) or 0 (either); one number
        stands for all.
    shares : tuple of three numbers
        Of convex, concave and saturated units. (1, 0, 0) activates all units alike, as an
        output layer with a sigmoid needs.
    use_bias, kernel_initializer, bias_initializer, kernel_regularizer, bias_regularizer, \
    activity_regularizer, bias_constraint
        As for Dense. Of a value drawn for a weight of one sign the absolute value counts.

    Raises
    ------
    ArgumentError
        For an activation that falls somewhere, such as gelu, or a function in Python, of which
        nothing is known; for other signs or shares.
    ShapeError
        For another number of signs than there are inputs.

    Notes
    -----
    Sums of products with weights of one sign are monotone in floating point, too, and so are
    linear and relu units: their promise holds to the last bit. Activations that compute an
    exponential keep it up to their own rounding. ``set_weights`` takes any weights: the proof
    refuses those of a wrong sign, and the next update projects them. ``optimizers.LBFGS`` takes
    no constraints.

    Examples
    --------
    >>> import numpy as np
    >>> from fastgd import Sequential, layers
    >>> model = Sequential([
    ...     layers.Input(shape=(2,)),
    ...     layers.MonotonicDense(16, "relu", monotonicity=[1, -1]),
    ...     layers.MonotonicDense(1),
    ... ])
    >>> rising = model.predict(np.array([[0.0, 5.0], [1.0, 5.0], [1.0, 4.0]]), verbose=0)
    >>> bool((np.diff(rising[:, 0]) >= 0).all())
    True
    """

    def __init__(self, units: int, activation: Identifier = None, monotonicity: Data = 1,
                 shares: Sequence[float] = SHARES, use_bias: bool = True,
                 kernel_initializer: Identifier = "glorot_uniform",
                 bias_initializer: Identifier = "zeros", kernel_regularizer: Identifier = None,
                 bias_regularizer: Identifier = None, activity_regularizer: Identifier = None,
                 bias_constraint: Identifier = None, **kwargs: Any):  # fmt: skip
        if "kernel_constraint" in kwargs:
            raise ArgumentError(
                "kernel_constraint: the signs of monotonicity constrain the kernel"
            )
        super().__init__(
            units, activation, use_bias, kernel_initializer, bias_initializer,
            kernel_regularizer, bias_regularizer, activity_regularizer,
            bias_constraint=bias_constraint, **kwargs,
        )  # fmt: skip
        described = activations.describe(self.activation)
        if not activations.never_falls(described.code, described.settings):
            raise ArgumentError(
                "activation: expected one of fastgd.activations that never falls, such as "
                f"'relu', 'elu' or 'softplus', got {activation!r}"
            )
        self.monotonicity = constraints.checked_signs(monotonicity, "monotonicity")
        self.shares = tuple(number(s, "shares", low=0) for s in listed(shares, "shares"))
        if len(self.shares) != 3 or sum(self.shares) == 0:
            raise ArgumentError(
                "shares: expected three numbers, of convex, concave and saturated units, "
                f"got {shares!r}"
            )
        self.kernel_constraint = constraints.Signs(self.monotonicity)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        shape = super().compute_output_shape(input_shape)
        signs = self.monotonicity
        if isinstance(signs, list) and len(signs) != input_shape[-1]:
            raise ShapeError(
                f"monotonicity: layer {self.name!r} has {input_shape[-1]} inputs, got "
                f"{len(signs)} signs"
            )
        return shape

    def weight_specs(self, input_shape: Shape) -> list[Weight]:
        kernel, *bias = super().weight_specs(input_shape)
        return [kernel._replace(initializer=functools.partial(self._drawn, kernel)), *bias]

    def _drawn(self, kernel, shape, dtype=None):
        return self.signed(kernel.values(dtype))

    def signed(self, kernel: Array) -> Array:
        """Return a kernel with the absolute values of weights, times signs that are not 0."""
        signs = np.reshape(self.monotonicity, (-1, 1))
        return np.where(signs == 0, kernel, signs * abs(kernel)).astype(kernel.dtype)

    def counts(self) -> tuple[int, int, int]:
        """Return how many units are convex, concave and saturated."""
        convex, concave = (round(self.units * s / sum(self.shares)) for s in self.shares[:2])
        concave = min(concave, self.units - convex)
        if self.shares[2] == 0:  # no rounding makes a saturated unit
            concave = self.units - convex
        return convex, concave, self.units - convex - concave

    def emit(self, table: Table, source: int) -> int:
        convex, concave, _ = self.counts()
        if convex == self.units or self.activation is activations.linear:
            return super().emit(table, source)
        z = self.product(table, source)
        described = activations.describe(self.activation)
        y = table.row(
            Op.OP_SPLIT, z, table.buffer(self.units), kind=described.code,
            settings=(convex, concave, *described.settings),
        )  # fmt: skip
        return table.penalized(y, self.activity_regularizer)
