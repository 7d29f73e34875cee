"""Is one model better than another, or did it meet easier rows?"""

import math
from typing import NamedTuple

from fastgd._data.columns import column
from fastgd._data.validation import number
from fastgd._tails import t_p_value
from fastgd._typing import Data


class CorrectedT(NamedTuple):
    """Hold the result of ``many.corrected_t_test``."""

    statistic: float
    p_value: float
    mean: float
    degrees: int


def corrected_t_test(differences: Data, test_to_train: float) -> CorrectedT:
    """Test whether two models differ, from their scores on the same splits.

    The corrected resampled t-test of Nadeau & Bengio (2003). Splits share training rows, so
    their scores are alike, and the usual t-test finds differences that are not there. With k
    differences of mean m and variance s^2 (with k - 1), t = m / sqrt((1 / k + test_to_train)
    s^2) has about k - 1 degrees of freedom.

    Parameters
    ----------
    differences : array, shape (k,)
        The score of one model minus that of the other on each split, at least two: such as
        ``np.subtract(first["scores"], second["scores"])`` of two rows of a search.
    test_to_train : float
        Rows tested on divided by rows trained on: 1 / (k - 1) for k folds, so 0.25 for five.

    Returns
    -------
    CorrectedT
        statistic (t), p_value (of both sides), mean, degrees (k - 1). If all differences are
        equal t is infinite, or 0 with a p_value of 1 if they are 0.

    Raises
    ------
    ArgumentError, DataError, DataTypeError, ShapeError
        For fewer than two differences, or such as are not finite; a ratio that is negative.

    Examples
    --------
    >>> from fastgd import many
    >>> test = many.corrected_t_test([0.02, 0.01, 0.03, 0.0, 0.02], 0.25)
    >>> round(test.statistic, 4), round(test.p_value, 4), test.degrees
    (2.0919, 0.1046, 4)
    """
    array = column(differences, "differences", least=2, of="splits")
    k, ratio = len(array), number(test_to_train, "test_to_train", 0)
    mean, spread = float(array.mean()), float(array.std(ddof=1))
    if array.min() == array.max():
        mean, spread = float(array[0]), 0.0
    error = math.sqrt(1 / k + ratio) * spread
    t = mean / error if error else math.copysign(math.inf, mean) if mean else 0.0
    return CorrectedT(t, t_p_value(t, k - 1), mean, k - 1)
