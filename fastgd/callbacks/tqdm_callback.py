"""Progress as bars of tqdm."""

from fastgd.callbacks.callback import Callback


class TqdmCallback(Callback):
    """Shows the epochs of a training as a bar of tqdm, and the batches of one as another.

    Use it with ``verbose=0``. Like the usual bar it is drawn when the compiled loop looks back,
    and cuts no epoch.

    Parameters
    ----------
    batches : bool
        Whether to show the second bar.
    **kwargs
        For tqdm, such as ``file``, ``leave`` or ``desc``.

    Raises
    ------
    ImportError
        When a training begins and tqdm is not installed.
    """

    def __init__(self, batches=False, **kwargs):
        super().__init__()
        self.batches = batches
        self.kwargs = kwargs
        self._epochs = self._steps = None

    def on_train_begin(self, logs=None):
        from tqdm.auto import tqdm

        self.close()  # those of a training that ended in an error
        epochs = {"desc": "epochs", "unit": "epoch"} | self.kwargs
        self._epochs = tqdm(total=self.params["epochs"], **epochs)
        if self.batches:
            steps = self.kwargs | {"desc": "batches", "unit": "batch", "leave": False}
            self._steps = tqdm(total=self.params["steps"], **steps)

    def on_epoch_begin(self, epoch, logs=None):
        self._epochs.update(epoch - self._epochs.n)  # a training may begin with a later one
        if self._steps is not None:
            self._steps.reset(self.params["steps"])

    def on_train_progress(self, steps, logs=None):
        if self._steps is not None:
            self._steps.update(steps - self._steps.n)

    def on_epoch_end(self, epoch, logs=None):
        self._epochs.set_postfix(logs, refresh=False)
        self._epochs.update()

    def on_train_end(self, logs=None):
        self.close()

    def close(self):
        """Close the bars."""
        for bar in (self._steps, self._epochs):
            if bar is not None:
                bar.close()
        self._epochs = self._steps = None
