"""Progress on the screen."""

from typing import Any

from fastgd._training.progress import Progress
from fastgd._typing import Logs
from fastgd.callbacks.callback import Callback


class ProgbarLogger(Callback):
    """Print the lines that ``verbose`` asks for; ``fit`` and ``evaluate`` add it themselves.

    It is drawn while the compiled loop reports its progress, so it cuts no epoch into batches.
    """

    def __init__(self) -> None:
        super().__init__()
        self._progress: Any = None
        self._training = False

    def set_params(self, params: dict[str, Any]) -> None:
        super().set_params(params)
        self._training = False

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Start the lines of a training, within which validation is silent."""
        self._training = True
        self._progress = Progress(self.params["verbose"], self.params["epochs"])

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        self._progress.begin(self.params["steps"], epoch)

    def on_train_progress(self, steps: int, logs: Logs | None = None) -> None:
        self._progress.update(steps, logs)

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        self._progress.end(logs)

    def on_train_end(self, logs: Logs | None = None) -> None:
        self._training = False

    def on_test_begin(self, logs: Logs | None = None) -> None:
        if not self._training:
            self._progress = Progress(self.params["verbose"])
            self._progress.begin(self.params["steps"])

    def on_test_progress(self, steps: int, logs: Logs | None = None) -> None:
        if not self._training:
            self._progress.update(steps, logs)

    def on_test_end(self, logs: Logs | None = None) -> None:
        if not self._training:
            self._progress.end(logs)


class TqdmCallback(Callback):
    """Show the epochs of a training as a bar of tqdm, and the batches of one as another.

    Use it with ``verbose=0``. Like the usual bar it is drawn while the compiled loop reports
    its progress, and cuts no epoch.

    Parameters
    ----------
    batches : bool
        Show the second bar.
    **kwargs
        For tqdm, such as ``file``, ``leave`` or ``desc``.

    Raises
    ------
    ImportError
        When a training begins and tqdm is not installed.
    """

    def __init__(self, batches: bool = False, **kwargs: Any) -> None:
        super().__init__()
        self.batches = batches
        self.kwargs = kwargs
        self._epochs: Any = None
        self._steps: Any = None

    def on_train_begin(self, logs: Logs | None = None) -> None:
        from tqdm.auto import tqdm

        self.close()  # those of a training that ended in an error
        epochs = {"desc": "epochs", "unit": "epoch"} | self.kwargs
        self._epochs = tqdm(total=self.params["epochs"], **epochs)
        if self.batches:
            steps = self.kwargs | {"desc": "batches", "unit": "batch", "leave": False}
            self._steps = tqdm(total=self.params["steps"], **steps)

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        self._epochs.update(epoch - self._epochs.n)  # a training may begin with a later one
        if self._steps is not None:
            self._steps.reset(self.params["steps"])

    def on_train_progress(self, steps: int, logs: Logs | None = None) -> None:
        if self._steps is not None:
            self._steps.update(steps - self._steps.n)

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        self._epochs.set_postfix(logs, refresh=False)
        self._epochs.update()

    def on_train_end(self, logs: Logs | None = None) -> None:
        self.close()

    def close(self) -> None:
        """Close the bars."""
        for bar in (self._steps, self._epochs):
            if bar is not None:
                bar.close()
        self._epochs = self._steps = None
