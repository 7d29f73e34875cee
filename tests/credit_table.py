"""The UCI credit table for tests, which are skipped where it is not."""

import csv
import functools
import os
from pathlib import Path

import numpy as np
import pytest

DATA = Path(os.environ.get("FASTGD_DATA") or Path(__file__).parents[2] / "shared" / "data")
FILE = DATA / "uci_default_credit_card.csv"


@functools.cache
def credit_columns():
    """Column name -> float64 values of 30 000 rows; words are numbered from a to z."""
    with FILE.open(newline="") as lines:
        names, *rows = csv.reader(lines)
    columns = {}
    for name, values in zip(names, zip(*rows, strict=True), strict=True):
        try:
            columns[name] = np.array(values, np.float64)
        except ValueError:
            columns[name] = np.unique(values, return_inverse=True)[1].astype(np.float64)
    del columns["ID"]
    return columns


def credit(target, scaled=True):
    """(x, y) with one of the columns as y; x in columns of unit variance, or as they are."""
    if not FILE.exists():
        pytest.skip("the UCI table is not here")
    columns = dict(credit_columns())
    y = columns.pop(target)
    x = np.column_stack(list(columns.values()))
    return ((x - x.mean(axis=0)) / x.std(axis=0) if scaled else x), y
