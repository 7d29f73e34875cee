"""Tables of numbers and texts with a yes/no target: from a CSV file to a network's features."""

import csv
from dataclasses import dataclass

import numpy as np

#: What stands for a value that is not there.
BLANKS = ("", "NA", "NaN", "nan")

#: The target's values, in lower case.
TARGETS = {"yes": 1, "no": 0, "true": 1, "false": 0, "1": 1, "0": 0}

# A column of more different texts than this is a name, a date or a typing error.
_MOST_CATEGORIES = 100


class TableError(ValueError):
    """A table that cannot be learned from; the message says what is wrong, and where."""


@dataclass(frozen=True)
class Table:
    """Columns of equal length, by name.

    Attributes
    ----------
    numbers : dict of str -> ndarray of float64, shape (n,)
        NaN for a blank.
    texts : dict of str -> ndarray of str, shape (n,)
        An empty text for a blank.
    target : ndarray of float32, shape (n,)
        0 or 1.
    """

    numbers: dict
    texts: dict
    target: np.ndarray

    def __len__(self):
        return len(self.target)


def read(path, target, drop=None):
    """Read a CSV file whose first line names the columns.

    A column is numeric if all its values but the blanks are finite numbers.

    Parameters
    ----------
    path : str or Path
    target : str
        The column to predict: yes/no, true/false or 1/0.
    drop : list of str, optional
        Columns to leave out; by default ``ID``, where there is such a column.

    Returns
    -------
    Table

    Raises
    ------
    TableError
        Naming the file, and the line or column at fault.
    """
    columns = _columns(path)
    if drop is None:
        drop = [name for name in ("ID",) if name in columns]
    for name in (target, *drop):
        if name not in columns:
            raise TableError(f"{path}: no column {name!r} (there are: {', '.join(columns)})")
    labels = _target(columns[target], target, path)
    numbers, texts = {}, {}
    for name, values in columns.items():
        if name == target or name in drop:
            continue
        odd = _first_text(values)
        if odd is None:
            numbers[name] = np.array([np.nan if v in BLANKS else float(v) for v in values])
        else:
            texts[name] = np.array(["" if v in BLANKS else v for v in values])
            count = len(set(values))
            if count > _MOST_CATEGORIES:
                raise TableError(
                    f"{path}: column {name!r} holds {count} different values, such as {odd!r}, "
                    f"which are not numbers; leave it out with --drop {name}"
                )
    if not numbers and not texts:
        raise TableError(f"{path}: there is no column to learn from besides {target!r}")
    return Table(numbers, texts, labels)


def _columns(path):
    """The columns as lists of texts without surrounding space, by name."""
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            names, rows = _lines(path, csv.reader(file))
    except OSError as error:
        raise TableError(f"{path}: {error.strerror}") from None
    except (csv.Error, UnicodeDecodeError) as error:
        raise TableError(f"{path}: not a CSV file in UTF-8 ({error})") from None
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise TableError(f"{path}: two columns are named {twice!r}")
    if not rows:
        raise TableError(f"{path}: there are no rows under the line of names")
    columns = ([v.strip() for v in column] for column in zip(*rows, strict=True))
    return dict(zip(names, columns, strict=True))


def _lines(path, reader):
    """The names of the columns and the rows under them; empty lines are passed over."""
    names = [name.strip() for name in next(reader, [])]
    rows = []
    for row in filter(None, reader):
        if len(row) != len(names):
            raise TableError(
                f"{path}, line {reader.line_num}: {len(row)} values for {len(names)} columns"
            )
        rows.append(row)
    return names, rows


def _target(values, name, path):
    labels = np.empty(len(values), dtype=np.float32)
    for row, value in enumerate(values):
        label = TARGETS.get(value.lower())
        if label is None:
            seen = f"{value!r}" if value else "a blank"
            raise TableError(
                f"{path}: target {name!r} must be yes or no, true or false, 1 or 0; "
                f"got {seen} in data row {row + 1}"
            )
        labels[row] = label
    if labels.min() == labels.max():
        raise TableError(f"{path}: target {name!r} is {values[0]!r} in every row")
    return labels


def _first_text(values):
    """The first value that is neither blank nor a finite number; None if there is none."""
    for value in values:
        if value in BLANKS:
            continue
        try:
            if np.isfinite(float(value)):
                continue
        except ValueError:
            pass
        return value
    return None


def split(rows, held_out, seed):
    """The row numbers to train on and those held out, in random order.

    Raises
    ------
    TableError
        If one of the two would be empty.
    """
    if not 0 < held_out < rows:
        raise TableError(f"cannot hold out {held_out} of {rows} rows")
    order = np.random.default_rng(seed).permutation(rows)
    return order[held_out:], order[:held_out]


def features(table, train):
    """All columns as numbers that a network likes, scaled by the training rows alone.

    A numeric column is standardised, and its blanks become 0, the mean; where the training rows
    have blanks, one more column marks them. A text column becomes one column for each of its
    texts in the training rows, the blank among them; an unknown text is 0 in all of them.

    Parameters
    ----------
    table : Table
    train : ndarray of int
        The training rows.

    Returns
    -------
    x : ndarray of float32, shape (n, features)
    names : list of str
    """
    columns = {}
    for name, values in table.numbers.items():
        columns[name] = standardise(values, train)
        blank = np.isnan(values)
        if blank[train].any():
            columns[f"{name} is blank"] = blank
    for name, values in table.texts.items():
        categories = np.unique(values[train])
        hot = one_hot(values, categories).T
        columns |= {f"{name}={c or 'blank'}": h for c, h in zip(categories, hot, strict=True)}
    return np.column_stack(list(columns.values())).astype(np.float32, order="C"), list(columns)


def standardise(values, train):
    """(values - mean) / standard deviation, both of the training rows, and 0 for a NaN.

    A column that is constant in the training rows becomes 0.
    """
    known = values[train][~np.isnan(values[train])]
    if known.size == 0 or known.min() == known.max():
        return np.zeros(len(values))
    return np.nan_to_num((values - known.mean()) / known.std(), nan=0.0)


def one_hot(values, categories):
    """One column for each category: 1 where the value is that one, 0 elsewhere."""
    return (values[:, None] == categories[None, :]).astype(np.float32)


def auc(target, score):
    """The area under the ROC curve.

    The share of pairs of a 1 and a 0 in which the 1 has the higher score, ties counting half;
    by the rank-sum formula of Mann and Whitney (1947).

    Parameters
    ----------
    target : ndarray, shape (n,)
        0 or 1, both present.
    score : ndarray, shape (n,)

    Returns
    -------
    float
    """
    positive = np.asarray(target) == 1
    ones = int(positive.sum())
    zeros = positive.size - ones
    if ones == 0 or zeros == 0:
        raise TableError("the AUC needs rows of both kinds; hold out more of them")
    _, group, counts = np.unique(score, return_inverse=True, return_counts=True)
    mean_rank = np.cumsum(counts) - (counts - 1) / 2  # of each group of equal scores, from 1
    return float((mean_rank[group][positive].sum() - ones * (ones + 1) / 2) / (ones * zeros))
