"""Rows of a table, named by their numbers."""

import numpy as np

from fastgd import constraints, initializers, regularizers
from fastgd._core.types import Op
from fastgd._data.validation import check_classes, numeric, positive_int
from fastgd.errors import ArgumentError
from fastgd.layers.base import Layer, Weight


class Embedding(Layer):
    """Each number of the input is replaced by that row of the embeddings.

    Nothing is ever one-hot: rows are gathered, and gradients scattered into them.

    Parameters
    ----------
    input_dim : int
        How many rows there are; the numbers run from 0 to input_dim - 1.
    output_dim : int
        How wide a row is.
    embeddings_initializer : str or Initializer
        See ``fastgd.initializers``.
    embeddings_regularizer, embeddings_constraint : optional
        See ``fastgd.regularizers`` and ``fastgd.constraints``.
    mask_zero : bool
        Has to be False: no layer here takes a mask.
    weights : array, shape (input_dim, output_dim), optional
        The embeddings to begin with.
    **kwargs
        As for every layer.

    Attributes
    ----------
    embeddings : Variable, shape (input_dim, output_dim)

    Raises
    ------
    ArgumentError
        For more rows than the model's data type counts: 2^24 in float32.

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

    def __init__(
        self,
        input_dim,
        output_dim,
        embeddings_initializer="uniform",
        embeddings_regularizer=None,
        embeddings_constraint=None,
        mask_zero=False,
        weights=None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.input_dim = positive_int(input_dim, "input_dim")
        self.output_dim = positive_int(output_dim, "output_dim")
        self.embeddings_initializer = initializers.get(embeddings_initializer)
        self.embeddings_regularizer = regularizers.get(embeddings_regularizer)
        self.embeddings_constraint = constraints.get(embeddings_constraint)
        if mask_zero:
            raise ArgumentError("mask_zero: no layer here takes a mask; leave it False")
        self.mask_zero = False
        self._table = None if weights is None else self._table_of(weights)

    @property
    def embeddings(self):
        """The table, (input_dim, output_dim); None before building."""
        return self.variables[0] if self.variables else None

    def compute_output_shape(self, input_shape):
        return (*input_shape, self.output_dim)

    def _table_of(self, weights):
        """The initializer for an array, or a list with one, of the table's shape."""
        table = initializers.get(
            np.asarray(weights[0] if isinstance(weights, list) else weights)
        )
        table((self.input_dim, self.output_dim))  # now, where the mistake is
        return table

    def weight_specs(self, input_shape):
        return [
            Weight(
                "embeddings", (self.input_dim, self.output_dim),
                self._table or self.embeddings_initializer,
                self.embeddings_regularizer, self.embeddings_constraint,
            )
        ]  # fmt: skip

    def check_inputs(self, values, argument="x"):
        """Refuse what names no row, before anything is computed from it.

        Parameters
        ----------
        values : array, of any shape

        Raises
        ------
        DataError
            Naming the first place where there is no whole number from 0 to input_dim - 1.
        """
        check_classes(numeric(values, argument), self.input_dim, argument)

    def emit(self, table, source):
        countable = 2 ** (np.finfo(self.embeddings.dtype).nmant + 1)
        if self.input_dim > countable:
            raise ArgumentError(
                f"input_dim: {self.embeddings.dtype} counts to {countable} only, got "
                f"{self.input_dim}; use dtype='float64'"
            )
        table.checked(source, self.check_inputs)
        target = table.buffer(table.widths[source] * self.output_dim)
        table.row(
            Op.OP_EMBEDDING, source, target, kernel=self.embeddings.offset,
            settings=(self.input_dim,),
        )  # fmt: skip
        return target

    def get_config(self):
        return super().get_config() | {
            "input_dim": self.input_dim,
            "output_dim": self.output_dim,
            "embeddings_initializer": self.embeddings_initializer,
            "embeddings_regularizer": self.embeddings_regularizer,
            "embeddings_constraint": self.embeddings_constraint,
            "mask_zero": self.mask_zero,
        }
