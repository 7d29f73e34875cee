"""The rows of a matrix, dense or sparse, and their products with vectors."""

import numpy as np

from fastgd.reference.arrays import FLOATS


class Rows:
    """Hold the rows of a matrix: dense ``values``, or CSR as three arrays and a width."""

    def __init__(self, values, columns=None, starts=None, width=0):
        self.values, self.columns, self.starts = values, columns, starts
        self.sparse = columns is not None
        self.shape = (len(starts) - 1, width) if self.sparse else values.shape
        self.own = True

    def share(self, rank, ranks):
        """Leave all sums over rows that several processes share to the first of these."""
        self.own = rank == 0

    def faulty_row(self):
        """Return the first row of a CSR matrix with columns out of range or order, or -1."""
        for i in range(self.shape[0]):
            columns = self.columns[self.starts[i] : self.starts[i + 1]]
            bounded = np.concatenate([[-1], columns, [self.shape[1]]])
            if (np.diff(bounded) <= 0).any():
                return i
        return -1

    def column_scales(self):
        """Return means, standard deviations and largest absolute values of dense columns."""
        x = self.values.astype(np.float64)
        means = x[0] + (x - x[0]).mean(axis=0)
        deviations = np.sqrt(((x - means) ** 2).mean(axis=0))
        return np.stack([means, deviations, np.abs(x).max(axis=0)])

    def row(self, i):
        """Return the values of row i in float64, and its columns; a dense row has all."""
        if not self.sparse:
            return self.values[i].astype(np.float64), slice(None)
        inside = slice(self.starts[i], self.starts[i + 1])
        return self.values[inside].astype(np.float64), self.columns[inside]

    def _entries(self):
        """Return the rows, columns and values of the entries of a CSR matrix."""
        row = np.repeat(np.arange(self.shape[0]), np.diff(self.starts))
        inside = slice(self.starts[0], self.starts[-1])
        return row, self.columns[inside], self.values[inside].astype(np.float64)

    def times(self, w):
        """Return x w, (n,)."""
        if not self.sparse:
            return self.values.astype(np.float64) @ w
        row, column, value = self._entries()
        return np.bincount(row, value * w[column], self.shape[0])

    def transposed_times(self, g):
        """Return xᵀ g, (d,)."""
        if not self.sparse:
            return g @ self.values.astype(np.float64)
        row, column, value = self._entries()
        return np.bincount(column, value * g[row], self.shape[1])


def decisions(rows, coef, intercept, out, first, last, threads=1):
    """Fill out[i] with coef @ x[i] + intercept for the rows first ... last - 1."""
    for k in range(len(coef)):
        out[first:last, k] = rows.times(coef[k])[first:last] + intercept[k]


def is_line(x, d):
    """Return whether x is a dense row of d numbers that needs no conversion."""
    return type(x) is np.ndarray and x.shape == (d,) and x.dtype in FLOATS


class RowPredictor:
    """Compute a linear model's decisions for one row, as the compiled engine's."""

    def __init__(self, coef, intercept, settle=None):
        self.coef, self.intercept = coef, intercept

    def decisions(self, x, names=None, unknown="raise"):
        """Return coef @ x + intercept of a dense row (d,) as a list; None for anything else."""
        if not is_line(x, self.coef.shape[1]):
            return None
        pairs = zip(self.coef, self.intercept, strict=True)
        return [float(x.astype(np.float64) @ w) + float(b) for w, b in pairs]

    def probability(self, x, names=None, unknown="raise"):
        """Return None: here there is no shorter way to a probability."""
