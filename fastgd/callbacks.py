"""What training reports to."""


class History:
    """The record of a ``fit``.

    Attributes
    ----------
    epoch : list of int
        The epochs trained, from 0.
    history : dict of str -> list of float
        One figure an epoch: ``"loss"``, each metric by its name, and ``"val_..."`` of each
        where there are validation data.
    params : dict
        ``"epochs"``, ``"steps"`` (per epoch) and ``"verbose"``.
    model : Sequential
    """

    def __init__(self, model, params):
        self.model = model
        self.params = params
        self.epoch = []
        self.history = {}

    def append(self, epoch, logs):
        """Add an epoch's figures."""
        self.epoch.append(epoch)
        for name, value in logs.items():
            self.history.setdefault(name, []).append(value)

    def __repr__(self):
        return f"<History of {len(self.epoch)} epochs: {', '.join(self.history)}>"
