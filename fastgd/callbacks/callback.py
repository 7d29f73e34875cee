"""What training reports to: the hooks, and who listens to them."""

import functools


def _default(hook):
    """Mark a hook that nobody has overridden: it is never called."""
    hook._is_default = True
    return hook


def is_default(hook):
    """Whether a bound hook is one that does nothing."""
    return getattr(hook, "_is_default", False)


class Callback:
    """What callbacks are derived from: override the hooks of interest.

    Only hooks that are overridden are called. An epoch is one compiled call; a callback that
    overrides a hook of batches cuts it at each batch, one that overrides ``on_train_progress``
    hears how far it is without cutting anything.

    Every hook gets ``logs``, a dict of name -> float. What is added to it in ``on_epoch_end``
    is seen by the callbacks that come later, and by the History, which comes last.

    Attributes
    ----------
    model : Model
        Set ``model.stop_training = True`` to end the training after this batch or epoch.
    params : dict
        ``"epochs"``, ``"steps"`` (of an epoch; None where it is not known) and ``"verbose"``.

    Examples
    --------
    >>> import numpy as np
    >>> from fastgd import Sequential, layers, callbacks
    >>> class StopAt(callbacks.Callback):
    ...     def on_epoch_end(self, epoch, logs=None):
    ...         self.model.stop_training = logs["loss"] < 0.5
    >>> model = Sequential([layers.Input(shape=(1,)), layers.Dense(1)])
    >>> model.compile("sgd", "mse")
    >>> x = np.linspace(-1, 1, 64)
    >>> history = model.fit(x, 2 * x, epochs=1000, verbose=0, callbacks=[StopAt()])
    >>> len(history.epoch) < 1000
    True
    """

    def __init__(self):
        self.params = None
        self.model = None

    def set_params(self, params):
        """Called before a run with the dict ``params``."""
        self.params = params

    def set_model(self, model):
        """Called before a run with the model."""
        self.model = model

    @_default
    def on_train_begin(self, logs=None):
        """Called before the first epoch of ``fit``."""

    @_default
    def on_train_end(self, logs=None):
        """Called after the last epoch, unless an error ended the training."""

    @_default
    def on_epoch_begin(self, epoch, logs=None):
        """Called before each epoch; epochs count from 0."""

    @_default
    def on_epoch_end(self, epoch, logs=None):
        """Called after each epoch and its validation, with the figures of both."""

    @_default
    def on_train_batch_begin(self, batch, logs=None):
        """Called before each batch of an epoch; batches count from 0."""

    @_default
    def on_train_batch_end(self, batch, logs=None):
        """Called after each batch, with the figures of the epoch so far."""

    @_default
    def on_batch_begin(self, batch, logs=None):
        """Another name of ``on_train_batch_begin``."""

    @_default
    def on_batch_end(self, batch, logs=None):
        """Another name of ``on_train_batch_end``."""

    @_default
    def on_test_begin(self, logs=None):
        """Called before ``evaluate``, and before each validation in ``fit``."""

    @_default
    def on_test_end(self, logs=None):
        """Called after ``evaluate`` or a validation, with its figures."""

    @_default
    def on_test_batch_begin(self, batch, logs=None):
        """Called before each batch of an evaluation."""

    @_default
    def on_test_batch_end(self, batch, logs=None):
        """Called after each batch of an evaluation, with the figures so far."""

    @_default
    def on_predict_begin(self, logs=None):
        """Called before ``predict``."""

    @_default
    def on_predict_end(self, logs=None):
        """Called after ``predict``."""

    @_default
    def on_predict_batch_begin(self, batch, logs=None):
        """Called before each batch of ``predict``."""

    @_default
    def on_predict_batch_end(self, batch, logs=None):
        """Called after each batch of ``predict``; ``logs["outputs"]`` are its outputs."""

    @_default
    def on_train_progress(self, steps, logs=None):
        """Beyond Keras: so many batches of the epoch are done; called about 20 times a second.

        It cuts no epoch: a short one is done before anyone could ask.
        """

    @_default
    def on_test_progress(self, steps, logs=None):
        """Beyond Keras: so many batches of the evaluation are done."""

    @_default
    def on_train_diverged(self, error):
        """Beyond Keras: the epoch ended in a DivergenceError; the last finite weights are kept.

        The error is raised unless ``model.stop_training`` is set here.
        """


#: Hooks with a second name, as in Keras.
ALIASES = {"on_train_batch_begin": "on_batch_begin", "on_train_batch_end": "on_batch_end"}
#: All hooks; an alias is called where its hook is.
HOOKS = tuple(
    name for name in vars(Callback) if name.startswith("on_") and name not in ALIASES.values()
)
#: The hook that a name stands for.
_HOOK_OF = {name: name for name in HOOKS} | {alias: hook for hook, alias in ALIASES.items()}


def listeners_of(callback):
    """The hooks that a callback overrides, with its methods: pairs of name and method."""
    overridden = _overridden(type(callback))
    own = [name for name in getattr(callback, "__dict__", ()) if name.startswith("on_")]
    names = overridden.union(own) if own else overridden
    found = []
    for hook in {_HOOK_OF.get(name) for name in names} - {None}:
        for name in (hook, ALIASES.get(hook)):
            if name in names:
                method = getattr(callback, name)
                if not is_default(method):
                    found.append((hook, method))
                    break
    return found


@functools.cache
def _overridden(kind):
    """The names of the hooks that a class of callbacks overrides."""
    names = (*HOOKS, *ALIASES.values())
    methods = ((name, getattr(kind, name, None)) for name in names)
    return {name for name, method in methods if method is not None and not is_default(method)}
