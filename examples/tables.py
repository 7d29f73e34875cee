"""Tables of numbers and texts with a yes/no target: from a CSV file to a network's features."""

import numpy as np
import pandas as pd

#: Texts for a missing value.
BLANKS = ("", "NA", "NaN", "nan")

#: The target's values, in lower case.
TARGETS = {"yes": 1, "no": 0, "true": 1, "false": 0, "1": 1, "0": 0}

# A column of more different texts than this is a name, a date or a typing error.
_MOST_CATEGORIES = 100


class TableError(ValueError):
    """A table that cannot be learned from; the message says what is wrong, and where."""


def read(path, target, drop=None):
    """Read a CSV file whose first line names the columns.

    A column is numeric if all its values but the blanks are numbers.

    Parameters
    ----------
    path : str or Path
    target : str
        The column to predict: yes/no, true/false or 1/0.
    drop : list of str, optional
        Columns to leave out; by default ``ID``, where there is such a column.

    Returns
    -------
    frame : pandas.DataFrame
        The other columns, of numbers or of texts.
    labels : ndarray of float32, shape (n,)
        The target: 0 or 1.

    Raises
    ------
    TableError
        Naming the file, and the row or column at fault.
    """
    try:
        frame = pd.read_csv(
            path, dtype={target: str}, skipinitialspace=True, encoding="utf-8-sig",
            keep_default_na=False, na_values=list(BLANKS),
        )  # fmt: skip
    except OSError as error:
        raise TableError(f"{path}: {error.strerror}") from None
    except ValueError as error:  # pandas' errors of reading, and those of UTF-8
        raise TableError(f"{path}: not a CSV file in UTF-8 ({error})") from None
    if not isinstance(frame.index, pd.RangeIndex):
        raise TableError(f"{path}: the rows have more values than there are columns")
    if frame.empty:
        raise TableError(f"{path}: there are no rows under the line of names")
    frame.columns = frame.columns.str.strip()
    drop = [name for name in ("ID",) if name in frame] if drop is None else drop
    for name in (target, *drop):
        if name not in frame:
            raise TableError(f"{path}: no column {name!r} (there are: {', '.join(frame)})")
    labels = _labels(frame[target], path)
    frame = frame.drop(columns=[target, *drop])
    if frame.empty:
        raise TableError(f"{path}: there is no column to learn from besides {target!r}")
    for name in frame.select_dtypes(exclude="number"):
        texts = frame[name].fillna("").astype(str).str.strip()
        if texts.nunique() > _MOST_CATEGORIES:
            raise TableError(
                f"{path}: column {name!r} holds {texts.nunique()} different values, such as "
                f"{texts[0]!r}, which are not numbers; leave it out with --drop {name}"
            )
        frame[name] = texts
    return frame.replace([np.inf, -np.inf], np.nan), labels


def _labels(values, path):
    """Return the target as numbers."""
    values = values.fillna("").str.strip()
    labels = values.str.lower().map(TARGETS)
    if labels.isna().any():
        row = int(labels.isna().argmax())
        seen = repr(values[row]) if values[row] else "a blank"
        raise TableError(
            f"{path}: target {values.name!r} must be yes or no, true or false, 1 or 0; "
            f"got {seen} in data row {row + 1}"
        )
    if labels.nunique() == 1:
        raise TableError(f"{path}: target {values.name!r} is {values[0]!r} in every row")
    return labels.to_numpy(np.float32)


def split(rows, held_out, seed):
    """Return the row numbers to train on and those held out, in random order.

    Raises
    ------
    TableError
        If one of the two would be empty.
    """
    if not 0 < held_out < rows:
        raise TableError(f"cannot hold out {held_out} of {rows} rows")
    order = np.random.default_rng(seed).permutation(rows)
    return order[held_out:], order[:held_out]


def features(frame, train):
    """Turn all columns into numbers for a network, scaled by the training rows alone.

    A numeric column is standardised, and its blanks become 0, the mean; where the training rows
    have blanks, one more column marks them. A text column becomes one column for each of its
    texts in the training rows, the blank among them; an unknown text is 0 in all of them.

    Parameters
    ----------
    frame : pandas.DataFrame
    train : ndarray of int
        The training rows.

    Returns
    -------
    x : ndarray of float32, shape (n, features)
    names : list of str
    """
    columns = {}
    for name, values in frame.items():
        known = values.iloc[train]
        if pd.api.types.is_numeric_dtype(values):
            # a constant column has no deviation, but for roundings
            spread = known.std(ddof=0) if known.nunique() > 1 else np.inf
            columns[name] = ((values - known.mean()) / spread).fillna(0.0)
            if known.isna().any():
                columns[f"{name} is blank"] = values.isna()
        else:
            for text in sorted(known.unique()):
                columns[f"{name}={text or 'blank'}"] = values == text
    x = pd.DataFrame(columns).to_numpy(np.float32)
    return np.ascontiguousarray(x), list(columns)


def auc(target, score):
    """Return the area under the ROC curve.

    The share of pairs of a 1 and a 0 in which the 1 has the higher score, ties counting half;
    by the rank-sum formula of Mann and Whitney (1947).

    Parameters
    ----------
    target : ndarray, shape (n,)
        0 or 1, both present.
    score : ndarray, shape (n,)
    """
    positive = np.asarray(target) == 1
    ones = int(positive.sum())
    zeros = positive.size - ones
    if ones == 0 or zeros == 0:
        raise TableError("the AUC needs rows of both kinds; hold out more of them")
    ranks = pd.Series(score).rank()[positive]
    return float((ranks.sum() - ones * (ones + 1) / 2) / (ones * zeros))
