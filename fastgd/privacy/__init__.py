"""Train with differential privacy: describe it, choose the noise, and account for it."""

from typing import TYPE_CHECKING, Any

from fastgd._registry.advice import explain
from fastgd._registry.objects import serialize_object
from fastgd._registry.registry import Registry
from fastgd.errors import DataTypeError
from fastgd.privacy.accounting import epsilon, noise_multiplier
from fastgd.privacy.dpsgd import DPSGD
from fastgd.privacy.ledger import Ledger
from fastgd.privacy.training import PrivateTraining

__all__ = [
    "DPSGD", "Ledger", "PrivateTraining", "deserialize", "epsilon", "get", "noise_multiplier",
    "serialize",
]  # fmt: skip

REGISTRY = Registry("privacy", __name__, (), unnamed=(DPSGD, Ledger))

serialize = serialize_object
deserialize = REGISTRY.deserialize


def get(identifier: Any) -> DPSGD | None:
    """Return the DPSGD for a dict of ``serialize``, or itself; None stays None.

    A DataTypeError refuses anything else: there is no clip and no noise that suit all.

    Examples
    --------
    >>> from fastgd import privacy
    >>> config = {"l2_norm_clip": 1, "noise_multiplier": 2}
    >>> privacy.get({"class_name": "DPSGD", "config": config})
    DPSGD(l2_norm_clip=1.0, noise_multiplier=2.0, seed=None)
    """
    found = deserialize(identifier) if isinstance(identifier, dict) else identifier
    if found is not None and not isinstance(found, DPSGD):
        raise DataTypeError(
            "privacy: expected None or privacy.DPSGD(l2_norm_clip=, noise_multiplier=), got "
            f"{identifier!r}"
        )
    return found


if not TYPE_CHECKING:
    __getattr__ = explain(globals())
