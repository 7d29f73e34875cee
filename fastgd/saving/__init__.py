"""Models as files and as data, with Keras' names."""

from fastgd._registry.custom import (
    custom_object_scope,
    get_custom_objects,
    get_registered_name,
    get_registered_object,
    register_serializable,
)
from fastgd._registry.objects import Serializable, deserialize_object, serialize_object
from fastgd.saving.api import (
    load_model,
    load_state,
    load_weights,
    save_model,
    save_state,
    save_weights,
)

# Keras' words for them
CustomObjectScope = custom_object_scope
register_keras_serializable = register_serializable
serialize_keras_object = serialize_object
deserialize_keras_object = deserialize_object

__all__ = [
    "CustomObjectScope", "Serializable", "custom_object_scope", "deserialize_keras_object",
    "deserialize_object", "get_custom_objects", "get_registered_name", "get_registered_object",
    "load_model", "load_state", "load_weights", "register_keras_serializable",
    "register_serializable", "save_model", "save_state", "save_weights",
    "serialize_keras_object", "serialize_object",
]  # fmt: skip
