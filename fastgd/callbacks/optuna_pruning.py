"""Ending a training that a study of Optuna does not think worth going on with."""

from fastgd.callbacks.callback import Callback
from fastgd.errors import ArgumentError


class OptunaPruning(Callback):
    """Reports a figure to a trial of Optuna after each epoch, and ends it when it is pruned.

    Parameters
    ----------
    trial : optuna.Trial
    monitor : str
        Which figure: ``"loss"``, a metric, or ``"val_..."`` of either. Whether more or less of
        it is better is up to the study.

    Raises
    ------
    optuna.TrialPruned
        From ``fit``, in the epoch in which the study's pruner says so; Optuna expects it from
        the objective.
    ArgumentError
        If there is no such figure.

    Examples
    --------
    >>> from fastgd import Sequential, callbacks, layers
    >>> class Trial:  # a study calls the objective with one of its own
    ...     def report(self, value, step):
    ...         print(f"epoch {step}: {value:.1f}")
    ...     def should_prune(self):
    ...         return False
    >>> model = Sequential([layers.Dense(1, kernel_initializer="zeros", input_shape=(1,))])
    >>> model.compile("sgd", "mse")
    >>> prune = callbacks.OptunaPruning(Trial(), "loss")
    >>> _ = model.fit([[0.0]], [1.0], epochs=2, verbose=0, callbacks=[prune])
    epoch 0: 1.0
    epoch 1: 1.0
    """

    def __init__(self, trial, monitor="val_loss"):
        super().__init__()
        self.trial = trial
        self.monitor = monitor

    def on_epoch_end(self, epoch, logs=None):
        if self.monitor not in (logs or {}):
            raise ArgumentError(
                f"monitor: no figure {self.monitor!r}; there are {', '.join(logs or ['none'])}"
            )
        self.trial.report(logs[self.monitor], step=epoch)
        if self.trial.should_prune():
            import optuna

            raise optuna.TrialPruned(f"pruned after epoch {epoch + 1}")
