"""Callbacks, with Keras' names: ``fit``, ``evaluate`` and ``predict`` report to them."""

from fastgd.callbacks.callback import Callback
from fastgd.callbacks.callback_list import CallbackList
from fastgd.callbacks.checkpoints import BackupAndRestore, ModelCheckpoint
from fastgd.callbacks.lambda_callback import LambdaCallback
from fastgd.callbacks.learning_rate import LearningRateScheduler, ReduceLROnPlateau
from fastgd.callbacks.progress import ProgbarLogger, TqdmCallback
from fastgd.callbacks.records import CSVLogger, History
from fastgd.callbacks.stopping import EarlyStopping, OptunaPruning, TerminateOnNaN
from fastgd.callbacks.swap_ema_weights import SwapEMAWeights
from fastgd.callbacks.tensorboard import TensorBoard

__all__ = [
    "BackupAndRestore", "CSVLogger", "Callback", "CallbackList", "EarlyStopping", "History",
    "LambdaCallback", "LearningRateScheduler", "ModelCheckpoint", "OptunaPruning",
    "ProgbarLogger", "ReduceLROnPlateau", "SwapEMAWeights", "TensorBoard", "TerminateOnNaN",
    "TqdmCallback",
]  # fmt: skip
