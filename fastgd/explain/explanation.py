"""Hold what an explanation found: contributions of features to a number of each row."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from fastgd._registry.extras import needed_by
from fastgd._typing import Array


@dataclass(frozen=True)
class Explanation:
    """Hold contributions of features to the number that a model gives for each row.

    Attributes
    ----------
    values : ndarray, float64 (n, features)
        In the unit of the number: log-odds for a logit.
    base_values : ndarray, float64 (n,)
        What the contributions are added to; with them it is the number of the row, but for
        what ``errors`` says.
    data : ndarray, float64 (n, features), or None
        The rows; None where features are groups of columns.
    names : tuple of str
        Of the features, or groups.
    errors : dict of str -> float or ndarray
        What is known of the accuracy, by measure; see the function that made it.

    Examples
    --------
    >>> import numpy as np
    >>> from fastgd.explain import Explanation
    >>> found = Explanation(np.array([[0.5, -0.2]]), np.array([1.0]), None, ("age", "debt"))
    >>> found.totals
    array([1.3])
    """

    values: Array
    base_values: Array
    data: Array | None
    names: tuple[str, ...]
    errors: Mapping[str, Any] = field(default_factory=dict)

    @property
    def totals(self) -> Array:
        """The base value plus all contributions of each row: float64 (n,)."""
        return self.base_values + self.values.sum(axis=1)

    def to_frame(self) -> Any:
        """Return the contributions as a pandas DataFrame, with the base value as first column.

        Examples
        --------
        >>> import numpy as np
        >>> from fastgd.explain import Explanation
        >>> found = Explanation(np.array([[0.5, -0.2]]), np.array([1.0]), None, ("age", "debt"))
        >>> found.to_frame().columns.tolist()
        ['base_value', 'age', 'debt']
        """
        with needed_by("Explanation.to_frame"):
            import pandas as pd

        frame = pd.DataFrame(self.values, columns=list(self.names))
        frame.insert(0, "base_value", self.base_values, allow_duplicates=True)
        return frame

    def to_shap(self) -> Any:
        """Return a ``shap.Explanation``, so that shap's plots can draw it; it needs shap."""
        with needed_by("Explanation.to_shap"):
            import shap

        return shap.Explanation(
            self.values.copy(),
            self.base_values.copy(),
            None if self.data is None else self.data.copy(),
            feature_names=list(self.names),
        )
