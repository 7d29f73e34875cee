"""Small helpers, with Keras' names."""

from fastgd.utils.arrays import normalize, split_dataset, to_categorical
from fastgd.utils.plot_model import model_to_dot, plot_model
from fastgd.utils.py_dataset import PyDataset, Sequence
from fastgd.utils.random_seed import set_random_seed

__all__ = [
    "PyDataset",
    "Sequence",
    "model_to_dot",
    "normalize",
    "plot_model",
    "set_random_seed",
    "split_dataset",
    "to_categorical",
]
