"""Callbacks, with Keras' names: ``fit``, ``evaluate`` and ``predict`` report to them."""

from typing import TYPE_CHECKING

from fastgd._registry.advice import explain
from fastgd.callbacks.callback import Callback, LambdaCallback
from fastgd.callbacks.callback_list import CallbackList, ProgbarLogger, TqdmCallback
from fastgd.callbacks.checkpoints import BackupAndRestore, ModelCheckpoint
from fastgd.callbacks.monitor import EarlyStopping, OptunaPruning, ReduceLROnPlateau
from fastgd.callbacks.records import CSVLogger, History, TensorBoard
from fastgd.callbacks.training import LearningRateScheduler, SwapEMAWeights, TerminateOnNaN

__all__ = [
    "BackupAndRestore", "CSVLogger", "Callback", "CallbackList", "EarlyStopping", "History",
    "LambdaCallback", "LearningRateScheduler", "ModelCheckpoint", "OptunaPruning",
    "ProgbarLogger", "ReduceLROnPlateau", "SwapEMAWeights", "TensorBoard", "TerminateOnNaN",
    "TqdmCallback",
]  # fmt: skip

if not TYPE_CHECKING:
    __getattr__ = explain(globals())
