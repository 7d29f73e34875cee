"""Progress on the screen."""

from fastgd._training.progress import Progress
from fastgd.callbacks.callback import Callback


class ProgbarLogger(Callback):
    """The lines that ``verbose`` asks for; ``fit`` and ``evaluate`` add one by themselves.

    It is drawn when the compiled loop looks back, so that it cuts no epoch into batches.
    """

    def __init__(self):
        super().__init__()
        self._progress = None
        self._training = False

    def set_params(self, params):
        super().set_params(params)
        self._training = False

    def on_train_begin(self, logs=None):
        """Within a training, validation is silent."""
        self._training = True
        self._progress = Progress(self.params["verbose"], self.params["epochs"])

    def on_epoch_begin(self, epoch, logs=None):
        self._progress.begin(self.params["steps"], epoch)

    def on_train_progress(self, steps, logs=None):
        self._progress.update(steps, logs)

    def on_epoch_end(self, epoch, logs=None):
        self._progress.end(logs)

    def on_train_end(self, logs=None):
        self._training = False

    def on_test_begin(self, logs=None):
        if not self._training:
            self._progress = Progress(self.params["verbose"])
            self._progress.begin(self.params["steps"])

    def on_test_progress(self, steps, logs=None):
        if not self._training:
            self._progress.update(steps, logs)

    def on_test_end(self, logs=None):
        if not self._training:
            self._progress.end(logs)
