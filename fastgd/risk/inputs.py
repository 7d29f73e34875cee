"""Check the levels that users pass in."""

from fastgd._data.validation import number
from fastgd.errors import ArgumentError


def inner_share(value, argument):
    """Return a number between 0 and 1, and neither of them."""
    share = number(value, argument, 0, 1)
    if not 0 < share < 1:
        raise ArgumentError(f"{argument}: expected a number between 0 and 1, got {value!r}")
    return share
