"""Small helpers, with Keras' names."""

from fastgd._data.py_dataset import PyDataset, Sequence
from fastgd.saving import (
    CustomObjectScope,
    custom_object_scope,
    deserialize_keras_object,
    get_custom_objects,
    get_registered_name,
    get_registered_object,
    register_keras_serializable,
    serialize_keras_object,
)
from fastgd.utils.arrays import normalize, split_dataset, to_categorical
from fastgd.utils.plot_model import model_to_dot, plot_model
from fastgd.utils.session import clear_session, set_random_seed

__all__ = [
    "CustomObjectScope", "PyDataset", "Sequence", "clear_session", "custom_object_scope",
    "deserialize_keras_object", "get_custom_objects", "get_registered_name",
    "get_registered_object", "model_to_dot", "normalize", "plot_model",
    "register_keras_serializable", "serialize_keras_object", "set_random_seed",
    "split_dataset", "to_categorical",
]  # fmt: skip
