"""Models, with Keras' names."""

from typing import TYPE_CHECKING

from fastgd._registry.advice import explain
from fastgd._registry.registry import Registry
from fastgd.models.cloning import clone_model, model_from_json
from fastgd.models.model import Model
from fastgd.models.sequential import Sequential
from fastgd.saving import load_model, save_model

__all__ = ["Model", "Sequential", "clone_model", "load_model", "model_from_json", "save_model"]

REGISTRY = Registry("model", __name__, classes=(Model, Sequential))

if not TYPE_CHECKING:
    __getattr__ = explain(globals())
