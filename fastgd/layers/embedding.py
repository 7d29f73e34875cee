"""Define the layer that looks up rows of a table."""

from typing import Any

import numpy as np

from fastgd._core.types import Op
from fastgd._data.validation import check_classes, numeric, positive_int
from fastgd._engine.table import Table
from fastgd._typing import Config, Data, Identifier, Shape
from fastgd.errors import ArgumentError
from fastgd.initializers.initializer import Values
from fastgd.layers.layer import Layer, Weight, WeightVariable


class Embedding(Layer):
    """Replace each number of the input by that row of the embeddings.

    Rows are gathered, and gradients scattered into them, without one-hot vectors.

    Parameters
    ----------
    input_dim : int
        The number of rows; the numbers run from 0 to input_dim - 1.
    output_dim : int
        The width of a row.
    embeddings_initializer : str or Initializer
        See ``fastgd.initializers``.
    embeddings_regularizer, embeddings_constraint : optional
        See ``fastgd.regularizers`` and ``fastgd.constraints``.
    mask_zero : bool
        Leave this False: masks are not supported.
    weights : array, shape (input_dim, output_dim), optional
        The embeddings to begin with.

    Attributes
    ----------
    embeddings : Variable, shape (input_dim, output_dim)

    Raises
    ------
    ArgumentError
        For more rows than the model's data type can count: 2^24 in float32.

    Examples
    --------
    >>> import numpy as np
    >>> from fastgd import layers
    >>> table = np.array([[0.0, 0.5], [1.0, 1.5], [2.0, 2.5]])
    >>> embedding = layers.Embedding(3, 2, weights=table)
    >>> embedding(np.array([[2, 0]]))
    array([[[2. , 2.5],
            [0. , 0.5]]], dtype=float32)
    """

    embeddings = WeightVariable()

    def __init__(
        self, input_dim: int, output_dim: int, embeddings_initializer: Identifier = "uniform",
        embeddings_regularizer: Identifier = None, embeddings_constraint: Identifier = None,
        mask_zero: bool = False, weights: Data = None, **kwargs: Any,
    ):  # fmt: skip
        super().__init__(**kwargs)
        self.input_dim = positive_int(input_dim, "input_dim")
        self.output_dim = positive_int(output_dim, "output_dim")
        chosen = embeddings_initializer, embeddings_regularizer, embeddings_constraint
        self._set_weight("embeddings", *chosen)
        if mask_zero:
            raise ArgumentError("mask_zero: masks are not supported; leave it False")
        self.mask_zero = False
        self._given = None
        if weights is not None:
            weights = weights[0] if isinstance(weights, list) else weights
            self._given = Values(np.asarray(weights))
            self._given((self.input_dim, self.output_dim))  # refuse a wrong shape at once

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return (*input_shape, self.output_dim)

    def weight_specs(self, input_shape: Shape) -> list[Weight]:
        weight = self._weight("embeddings", (self.input_dim, self.output_dim))
        return [weight if self._given is None else weight._replace(initializer=self._given)]

    def get_config(self) -> Config:
        config = super().get_config()
        return {name: config[name] for name in config if name != "weights"}

    def check_inputs(self, values: Data, argument: str = "x") -> None:
        """Raise a DataError for the first value that is no whole number below input_dim."""
        check_classes(numeric(values, argument), self.input_dim, argument)

    def emit(self, table: Table, source: int) -> int:
        embeddings = self.variables[0]
        countable = 2 ** (np.finfo(embeddings.dtype).nmant + 1)
        if self.input_dim > countable:
            raise ArgumentError(
                f"input_dim: {embeddings.dtype} counts to {countable} only, got "
                f"{self.input_dim}; use dtype='float64'"
            )
        table.checked(source, self.check_inputs)
        return table.row(
            Op.OP_EMBEDDING, source, table.buffer(table.widths[source] * self.output_dim),
            kernel=embeddings.offset, settings=(self.input_dim,),
        )  # fmt: skip
