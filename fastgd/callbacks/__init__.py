"""What training reports to, with Keras' names."""

from fastgd.callbacks.backup_and_restore import BackupAndRestore
from fastgd.callbacks.callback import Callback
from fastgd.callbacks.callback_list import CallbackList
from fastgd.callbacks.csv_logger import CSVLogger
from fastgd.callbacks.early_stopping import EarlyStopping
from fastgd.callbacks.history import History
from fastgd.callbacks.lambda_callback import LambdaCallback
from fastgd.callbacks.learning_rate import LearningRateScheduler, ReduceLROnPlateau
from fastgd.callbacks.model_checkpoint import ModelCheckpoint
from fastgd.callbacks.optuna_pruning import OptunaPruning
from fastgd.callbacks.progbar_logger import ProgbarLogger
from fastgd.callbacks.swap_ema_weights import SwapEMAWeights
from fastgd.callbacks.tensorboard import TensorBoard
from fastgd.callbacks.terminate_on_nan import TerminateOnNaN
from fastgd.callbacks.tqdm_callback import TqdmCallback

__all__ = [
    "BackupAndRestore",
    "CSVLogger",
    "Callback",
    "CallbackList",
    "EarlyStopping",
    "History",
    "LambdaCallback",
    "LearningRateScheduler",
    "ModelCheckpoint",
    "OptunaPruning",
    "ProgbarLogger",
    "ReduceLROnPlateau",
    "SwapEMAWeights",
    "TensorBoard",
    "TerminateOnNaN",
    "TqdmCallback",
]
