"""Define the layer whose columns ascend."""

from typing import Any

from fastgd._core.types import Op
from fastgd._data.arguments import choice
from fastgd._engine.table import Table
from fastgd._typing import Shape
from fastgd.errors import ShapeError
from fastgd.layers.layer import Layer


class Ordered(Layer):
    """Compute columns that ascend, whatever the input: quantiles that cannot cross.

    y_0 = z_0, or -softplus(z_0), and y_j = y_(j - 1) + softplus(z_j). In floating point, too,
    no column is ever less than the one before. Equal columns are possible: softplus(z)
    underflows for z below about -104 in float32 and -745 in float64, and is lost to rounding
    where it is less than half a unit in the last place of the sum.

    Parameters
    ----------
    first : {None, "negative"}
        None leaves the first column as it is. "negative" makes it -softplus(z_0), at most 0: an
        expected shortfall, of which ``losses.FisslerZiegel`` takes the logarithm. Other columns
        may be of any sign. Where softplus underflows the first column is -0, which no such loss
        accepts.

    Raises
    ------
    ShapeError
        For inputs that are not (None, columns).

    Examples
    --------
    >>> from fastgd import layers
    >>> layers.Ordered()([[3.0, -1.0, 0.0]]).round(4)
    array([[3.    , 3.3133, 4.0064]], dtype=float32)
    >>> layers.Ordered(first="negative")([[3.0, -1.0, 0.0]]).round(4)
    array([[-3.0486, -2.7353, -2.0422]], dtype=float32)
    """

    def __init__(self, first: str | None = None, **kwargs: Any):
        super().__init__(**kwargs)
        self.first = choice(first, "first", (None, "negative"))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        if len(input_shape) != 2:
            raise ShapeError(
                f"input_shape: layer {self.name!r} expects (None, columns), got {input_shape}; "
                "put a Flatten before it"
            )
        return input_shape

    def emit(self, table: Table, source: int) -> int:
        target = table.buffer(table.widths[source])
        negative = self.first == "negative"
        return table.row(Op.OP_ORDERED, source, target, settings=(negative,))
