"""Initial values of weights, with Keras' names, arguments and defaults.

Random numbers are drawn by ``numpy.random.Generator(PCG64(seed))`` in double precision. Without
a seed an initializer draws from the stream that ``fastgd.utils.set_random_seed`` starts.

A layer takes an initializer, its name, a function of (shape, dtype), or an array of the shape
of the weights.
"""

from typing import TYPE_CHECKING

from collections.abc import Callable

import numpy as np

from fastgd._registry.advice import explain
from fastgd._registry.objects import serialize_object
from fastgd._registry.registry import Registry
from fastgd._typing import Array, Identifier
from fastgd.initializers.initializer import (
    Constant, GlorotNormal, GlorotUniform, HeNormal, HeUniform, Identity, Initializer,
    LecunNormal, LecunUniform, Ones, Orthogonal, RandomNormal, RandomUniform, TruncatedNormal,
    Values, VarianceScaling, Zeros,
)  # fmt: skip

CLASSES = (
    Zeros, Ones, Constant, Identity, RandomNormal, RandomUniform, TruncatedNormal,
    VarianceScaling, GlorotUniform, GlorotNormal, HeUniform, HeNormal, LecunUniform,
    LecunNormal, Orthogonal,
)  # fmt: skip
REGISTRY = Registry(
    "initializer", __name__, CLASSES, unnamed=(Initializer, Values),
    aliases={
        "normal": RandomNormal, "uniform": RandomUniform, "one": Ones, "zero": Zeros,
        "IdentityInitializer": Identity, "OrthogonalInitializer": Orthogonal,
    },
)  # fmt: skip

IdentityInitializer, OrthogonalInitializer = Identity, Orthogonal
zeros, ones, constant, identity, orthogonal = Zeros, Ones, Constant, Identity, Orthogonal
random_normal, random_uniform, truncated_normal = RandomNormal, RandomUniform, TruncatedNormal
variance_scaling = VarianceScaling
glorot_uniform, glorot_normal = GlorotUniform, GlorotNormal
he_uniform, he_normal = HeUniform, HeNormal
lecun_uniform, lecun_normal = LecunUniform, LecunNormal

serialize = serialize_object
deserialize = REGISTRY.deserialize


def get(identifier: Identifier | Array) -> Callable[..., Array] | None:
    """Return the initializer for a name, class, description or array, or itself.

    Parameters
    ----------
    identifier : str, type, dict, ndarray, callable or None
        A callable takes (shape, dtype). None stays None, which is GlorotUniform in a layer.

    Raises
    ------
    UnknownNameError
        Listing the names there are.

    Examples
    --------
    >>> from fastgd import initializers
    >>> initializers.get({"class_name": "Constant", "config": {"value": 2.0}})((2,))
    array([2., 2.], dtype=float32)
    """
    if isinstance(identifier, (np.ndarray, np.generic)):
        return Values(identifier)
    return REGISTRY.get(identifier)


__all__ = [
    "Constant", "GlorotNormal", "GlorotUniform", "HeNormal", "HeUniform", "Identity",
    "IdentityInitializer", "Initializer", "LecunNormal", "LecunUniform", "Ones", "Orthogonal",
    "OrthogonalInitializer", "RandomNormal", "RandomUniform", "TruncatedNormal",
    "VarianceScaling", "Zeros", "constant", "deserialize", "get", "glorot_normal",
    "glorot_uniform", "he_normal", "he_uniform", "identity", "lecun_normal", "lecun_uniform",
    "ones", "orthogonal", "random_normal", "random_uniform", "serialize", "truncated_normal",
    "variance_scaling", "zeros",
]  # fmt: skip

if not TYPE_CHECKING:
    __getattr__ = explain(globals())
