"""The record of a training."""

import weakref

from fastgd.callbacks.callback import Callback


class History(Callback):
    """The record of a ``fit``, which returns it.

    Attributes
    ----------
    epoch : list of int
        The epochs trained, from 0.
    history : dict of str -> list of float
        One figure an epoch: ``"loss"``, each metric by its name, and ``"val_..."`` of each
        where there are validation data. A figure that is not made in every epoch, as with
        ``validation_freq``, has a shorter list.
    epochs_of : dict of str -> list of int
        The epochs that the figures of a name belong to.
    params : dict
        ``"epochs"``, ``"steps"`` (of an epoch) and ``"verbose"``.
    model : Model

    Examples
    --------
    >>> from fastgd import Sequential, layers
    >>> model = Sequential([layers.Input(shape=(1,)), layers.Dense(1)])
    >>> model.compile("sgd", "mse")
    >>> history = model.fit([[1.0]], [1.0], epochs=3, verbose=0)
    >>> history.epoch, list(history.history), history.params["steps"]
    ([0, 1, 2], ['loss'], 1)
    """

    _model = staticmethod(lambda: None)

    def __init__(self):
        super().__init__()
        self.epoch = []
        self.history = {}
        self.epochs_of = {}

    @property
    def model(self):
        """The model, as long as somebody else holds it: it holds its history."""
        return self._model()

    @model.setter
    def model(self, model):
        if model is None:
            vars(self).pop("_model", None)
        else:
            self._model = weakref.ref(model)

    def __getstate__(self):
        return {name: value for name, value in vars(self).items() if name != "_model"}

    def on_train_begin(self, logs=None):
        """Begin anew: one record is of one run."""
        self.epoch = []
        self.history = {}
        self.epochs_of = {}

    def on_epoch_end(self, epoch, logs=None):
        """Add an epoch's figures."""
        self.epoch.append(epoch)
        for name, value in (logs or {}).items():
            self.history.setdefault(name, []).append(value)
            self.epochs_of.setdefault(name, []).append(epoch)

    def to_frame(self):
        """The figures as a table.

        Returns
        -------
        pandas.DataFrame
            A row for each epoch, a column for each figure; NaN where one was not made.
        """
        import pandas

        columns = {
            name: pandas.Series(values, index=self.epochs_of[name], dtype="float64")
            for name, values in self.history.items()
        }
        return pandas.DataFrame(columns, index=pandas.Index(self.epoch, name="epoch"))

    def plot(self, names=None, ax=None):
        """Draw the figures over the epochs: training in lines, validation dashed.

        Parameters
        ----------
        names : list of str, optional
            Which figures, without ``"val_"``; all by default.
        ax : matplotlib Axes or sequence of Axes, optional
            One for each name; a row of new ones by default.

        Returns
        -------
        matplotlib.figure.Figure
        """
        import matplotlib.pyplot as plt

        if names is None:
            names = list(dict.fromkeys(name.removeprefix("val_") for name in self.history))
        if ax is None:
            width = 4.8 * max(1, len(names))
            _, ax = plt.subplots(
                1, max(1, len(names)), figsize=(width, 3.6), layout="constrained", squeeze=False
            )
        axes = ax.flat if hasattr(ax, "flat") else ax if isinstance(ax, (list, tuple)) else [ax]
        axes = list(axes)
        for name, axis in zip(names, axes, strict=True):
            for key, style, label in (
                (name, "-", "training"),
                (f"val_{name}", "--", "validation"),
            ):
                if key in self.history:
                    epochs = [epoch + 1 for epoch in self.epochs_of[key]]
                    axis.plot(epochs, self.history[key], style, label=label)
            axis.set_xlabel("epoch")
            axis.set_ylabel(name)
            axis.legend()
        return axes[0].figure

    def __repr__(self):
        return f"<History of {len(self.epoch)} epochs: {', '.join(self.history)}>"
