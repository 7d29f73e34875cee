"""The training API, with Keras' names and orders of arguments."""

import weakref

import numpy as np

from fastgd import config
from fastgd._data import validation as check
from fastgd._data.sources import ArraySource, makes_batches
from fastgd._engine.plan import width_of
from fastgd._training import loop
from fastgd.callbacks import CallbackList
from fastgd.errors import ArgumentError, ShapeError
from fastgd.models.online import Online, returned


class Trainer(Online):
    """A compiled network that can train, evaluate and predict.

    Attributes
    ----------
    stop_training, stop_evaluating, stop_predicting : bool
        Set one, in a callback or from another thread, to end what is running.
    """

    def __init__(self, name=None, dtype=None, trainable=True):
        super().__init__(name, dtype, trainable)
        self.begin()

    def begin(self):
        """Nothing has been trained yet."""
        self._stepper = None
        self.epochs_begun = 0
        self.history = None
        self.stop_training = self.stop_evaluating = self.stop_predicting = False
        self.threads_choices = {}  # what training has found out about threads
        self._initial_epoch = None

    @property
    def history(self):
        """The record of the latest ``fit``, a History; None before."""
        if self._record is None:
            return None
        reference, kind, attributes = self._record
        history = reference()
        if history is None:  # nobody held it
            history = kind.of(attributes, self)
            self.history = history
        return history

    @history.setter
    def history(self, history):
        self._record = None
        if history is not None:
            self._record = weakref.ref(history), type(history), vars(history)

    def fit(
        self,
        x=None,
        y=None,
        batch_size=None,
        epochs=1,
        verbose="auto",
        callbacks=None,
        validation_split=0.0,
        validation_data=None,
        shuffle=True,
        class_weight=None,
        sample_weight=None,
        initial_epoch=0,
        steps_per_epoch=None,
        validation_steps=None,
        validation_batch_size=None,
        validation_freq=1,
        n_jobs=None,
        *,
        rows=None,
        validation_rows=None,
    ):
        """Train for a number of epochs, each one compiled call.

        Parameters
        ----------
        x : array, frame, or source of batches
            Rows (n, features) of any layout and numeric type; never changed, and not copied
            where they are C-contiguous and of the model's data type, as a memory map may be.
            Frames and series of pandas and polars are taken as they are. Or a
            ``utils.PyDataset``, a generator or any iterable of (x, y) or (x, y, sample_weight):
            then each batch is one step, and ``y`` is None. An array-like that is stored in
            chunks (HDF5, zarr) is read batch by batch.
        y : array, shape (n,) or (n, outputs)
            Class numbers for a sparse loss.
        batch_size : int
            Rows a step, 32 for None; the last, shorter batch is trained like the others.
        epochs : int
            The epoch to stop before; counted from ``initial_epoch``.
        verbose : {"auto", 0, 1, 2}
            0 nothing, 1 a bar, 2 a line an epoch; "auto" is 1 in a terminal and 2 elsewhere.
        callbacks : list of Callback, optional
            See ``fastgd.callbacks``.
        validation_split : float
            This share of the rows, the last ones, is held out and evaluated after each epoch.
        validation_data : (x, y), (x, y, sample_weight) or source of batches, optional
            Evaluated after each epoch; goes before ``validation_split``.
        shuffle : bool
            Take the rows of each epoch in a fresh random order, or the batches of a PyDataset.
        class_weight : dict of int -> float, optional
            A weight for the rows of each class; 1 for a class that is not there.
        sample_weight : array, shape (n,), optional
            A weight of at least 0 for each row. Both weights are multiplied.
        initial_epoch : int
            The number that the first epoch bears.
        steps_per_epoch : int, optional
            The next epoch goes on where this one ends, and the rows come round again.
        validation_steps, validation_batch_size : int, optional
            Evaluate the first so many batches only, of so many rows.
        validation_freq : int or collection of int
            Validate after every so many epochs, or after these, counted from 1.
        n_jobs : int, optional
            Threads, see ``config.threads``; they change no bit.
        rows : array of int, shape (m,), optional
            Train on these rows of x, y and sample_weight, by their numbers from 0, in this
            order where there is no `shuffle`; to the bit as on ``x[rows]``, ``y[rows]``.
            An x that is C-contiguous and of the model's data type is not copied, nor looked
            at elsewhere: so many models may train on parts of one array.
        validation_rows : array of int, shape (m,), optional
            Validate on these rows of `validation_data`, or of x, y and sample_weight where
            there are none.

        Returns
        -------
        History
            Also ``model.history``, which is filled while training runs.

        Raises
        ------
        ShapeError, DataTypeError, DataError, ArgumentError
            Before anything is trained; for a batch from a source, when it is its turn.
        DivergenceError
            In the epoch in which a loss is not finite; the last finite weights are kept.

        Examples
        --------
        >>> import numpy as np
        >>> from fastgd import Sequential, layers, utils
        >>> utils.set_random_seed(1)
        >>> x = np.linspace(-1, 1, 64)[:, None]
        >>> model = Sequential([layers.Input(shape=(1,)), layers.Dense(1)])
        >>> model.compile(optimizer="sgd", loss="mse")
        >>> history = model.fit(x, 3 * x + 1, batch_size=4, epochs=200, verbose=0)
        >>> history.history["loss"][-1] < 1e-3
        True
        """
        batch_size = check.positive_int(32 if batch_size is None else batch_size, "batch_size")
        initial_epoch = check.whole_number(initial_epoch, "initial_epoch", 0)
        epochs = check.whole_number(epochs, "epochs", 0)
        verbose = check.verbosity(verbose)
        shuffle = check.boolean(shuffle, "shuffle")
        steps = _steps(steps_per_epoch, "steps_per_epoch")
        threads = config.threads(n_jobs)
        share = check.number(validation_split, "validation_split", 0, 1)
        validate_after = check.frequency(validation_freq, "validation_freq")
        validation_size = batch_size
        if validation_batch_size is not None:
            validation_size = check.positive_int(validation_batch_size, "validation_batch_size")
        validation_steps = _steps(validation_steps, "validation_steps")
        source, example = self._source(
            x, y, sample_weight, class_weight, batch_size, shuffle, steps, rows=rows
        )
        validation = None
        if validation_data is None and validation_rows is not None:
            validation_data = (x, y) if sample_weight is None else (x, y, sample_weight)
        if validation_data is not None:
            validation = self._validation(
                validation_data, validation_size, validation_steps, example, validation_rows
            )
        elif share:
            source, validation = _split(
                source, share, batch_size, shuffle, steps, validation_size
            )
        listeners = CallbackList(
            callbacks, add_history=True, add_progbar=verbose != 0,
            epochs=epochs, steps=source.steps, verbose=verbose,
        )  # fmt: skip
        self._build_by(example, chosen=source.rows)
        listeners.set_model(self)
        self.history = listeners.history
        loop.fit(
            self, source, epochs, initial_epoch, validation, validate_after, listeners, threads
        )
        return listeners.history

    def _validation(self, data, batch_size, steps, example, rows=None):
        """The source of ``validation_data``."""
        of = "validation "
        pair = isinstance(data, (tuple, list)) and not makes_batches(data, None)
        if pair and len(data) not in (2, 3):
            raise ArgumentError("validation_data: expected a pair (x, y) or (x, y, weights)")
        if not pair and not makes_batches(data, None):
            raise ArgumentError("validation_data: expected a pair (x, y) or batches of such")
        if not pair and steps is None and hasattr(data, "__next__"):
            raise ArgumentError(
                "validation_data: a generator ends once: give validation_steps, or list(...)"
            )
        data = data if pair else (data, None)
        source, first = self._source(
            *data, batch_size=batch_size, steps=steps, of=of, rows=rows
        )
        if first.shape[1] != example.shape[1]:
            raise ShapeError(
                f"{of}x: expected {example.shape[1]} columns as in x, got shape {first.shape}"
            )
        return source

    def evaluate(
        self,
        x=None,
        y=None,
        batch_size=None,
        verbose="auto",
        sample_weight=None,
        steps=None,
        callbacks=None,
        return_dict=False,
        n_jobs=None,
        *,
        rows=None,
    ):
        """The loss and metrics over all rows.

        The figures are sums in double precision over the rows in their order: the same for
        every ``batch_size`` (32 for None), which only counts the steps.

        Parameters
        ----------
        x, y, batch_size, verbose, sample_weight, callbacks, n_jobs, rows
            As for ``fit``.
        steps : int, optional
            Only the first so many batches.
        return_dict : bool

        Returns
        -------
        float, list of float or dict
            As ``train_on_batch``.
        """
        batch_size = check.positive_int(32 if batch_size is None else batch_size, "batch_size")
        verbose = check.verbosity(verbose)
        steps = _steps(steps, "steps")
        threads = config.threads(n_jobs)
        source, example = self._source(
            x, y, sample_weight, batch_size=batch_size, steps=steps, rows=rows
        )
        listeners = CallbackList(
            callbacks, add_progbar=verbose != 0, epochs=1, steps=source.steps, verbose=verbose
        )
        self._build_by(example, chosen=source.rows)
        listeners.set_model(self)
        return returned(loop.evaluate(self, source, listeners, threads), return_dict)

    def predict(
        self,
        x,
        batch_size=None,
        verbose="auto",
        steps=None,
        callbacks=None,
        n_jobs=None,
        *,
        rows=None,
    ):
        """The outputs for x; of a model without weights yet, with those that it begins with.

        Parameters
        ----------
        x : array, frame, or source of batches
            As for ``fit``; of a batch with targets only x is used.
        batch_size : int, optional
            Accepted as in Keras. A row's output is the same, to the bit, in any batch.
        verbose : {"auto", 0, 1, 2}
            Accepted as in Keras; nothing is shown.
        steps : int, optional
            Only the first so many batches.
        callbacks : list of Callback, optional
        n_jobs : int, optional
            Threads, see ``config.threads``; they change no bit.
        rows : array of int, shape (m,), optional
            Only these rows of x, as for ``fit``; the outputs are in their order.

        Returns
        -------
        ndarray, shape (n, outputs)

        Raises
        ------
        NotBuiltError
            If there are no layers.
        """
        size = 32 if batch_size is None else check.positive_int(batch_size, "batch_size")
        verbose = check.verbosity(verbose)
        steps = _steps(steps, "steps")
        threads = config.threads(n_jobs)
        if callbacks is None and steps is None and rows is None and isinstance(x, np.ndarray):
            self._build_for(x)
            x = self._inputs(x, self.graph().input_shapes)
            return self._split(loop.predict_array(self, x, threads))
        source = self._input_source(x, size, steps, rows)
        listeners = CallbackList(callbacks, epochs=1, steps=source.steps, verbose=verbose)
        listeners.set_model(self)
        outputs = loop.predict(self, source, listeners, threads)
        if len(outputs) == 1:
            return self._split(outputs[0])
        width = sum(map(width_of, self.graph().output_shapes))
        empty = np.empty((0, width), self.parameters.dtype)
        return self._split(np.concatenate([empty, *outputs]))

    def predict_on_batch(self, x):
        """The outputs for x, as one batch."""
        return self.predict(x)


def _steps(value, argument):
    return None if value is None else check.positive_int(value, argument)


def _split(source, share, batch_size, shuffle, steps, rows):
    """Two sources, of the first rows and of the last ones."""
    if not isinstance(source, ArraySource):
        raise ArgumentError(
            "validation_split: it splits arrays in memory; give validation_data instead"
        )
    count = source.count
    kept = int(count * (1 - share))
    if not 0 < kept < count:
        raise ArgumentError(
            f"validation_split: {share:g} of {count} rows leaves {kept} to train on "
            f"and {count - kept} to validate"
        )
    x, y, places = source.cut(slice(0, kept))
    first = ArraySource(x, y, batch_size, shuffle, steps, places)
    x, y, places = source.cut(slice(kept, None))
    last = ArraySource(x, y, rows, rows=places)
    first.weighted = last.weighted = source.weighted
    return first, last
