"""Define how a model trains on, is evaluated on, and predicts whole data: methods of Model."""

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, Never, TypeAlias

import numpy as np

from fastgd import config
from fastgd._data import validation as check
from fastgd._data.sources import ArraySource, makes_batches
from fastgd._data.user_data import Batching, UserData
from fastgd._registry.advice import refuse
from fastgd._training import loop
from fastgd._typing import Data, Logs
from fastgd.callbacks import Callback, CallbackList, History
from fastgd.errors import ArgumentError
from fastgd.models import privacy, shared_training

Verbosity: TypeAlias = Literal["auto", 0, 1, 2]
Shuffle: TypeAlias = bool | Literal["batch"]
Callbacks: TypeAlias = Callback | Sequence[Callback] | None
Values: TypeAlias = float | list[float] | Logs


def fit(self: Any, x: Data = None, y: Data = None, batch_size: int | None = None,
        epochs: int = 1, verbose: Verbosity = "auto", callbacks: Callbacks = None,
        validation_split: float = 0.0, validation_data: Any = None, shuffle: Shuffle = True,
        class_weight: dict[int, float] | str | None = None, sample_weight: Data = None,
        initial_epoch: int = 0, steps_per_epoch: int | None = None,
        validation_steps: int | None = None, validation_batch_size: int | None = None,
        validation_freq: int | Sequence[int] = 1, n_jobs: int | None = None, *,
        rows: Data = None, validation_rows: Data = None, comm: Any = None,
        shards: int | None = None, **unknown: Never) -> History:  # fmt: skip
    """Train for a number of epochs, each one compiled call.

    Parameters
    ----------
    x : array, frame, or source of batches
        Rows (n, features) of any layout and numeric type; never changed, and not copied
        where they are C-contiguous and of the model's data type, as a memory map may be.
        Frames and series of pandas and polars are taken as they are. Or a
        ``utils.PyDataset``, a generator or any iterable of (x, y) or (x, y, sample_weight):
        then each batch is one step, and ``y`` is None. An array-like that is stored in
        chunks (HDF5, zarr) is read batch by batch. A ``utils.TableStream`` is a table of
        Parquet or Arrow files, read in chunks, which are cut into batches.
    y : array, shape (n,) or (n, outputs)
        Class numbers for a sparse loss.
    batch_size : int
        Rows a step, 32 for None; the last, shorter batch is trained like the others.
    epochs, initial_epoch : int
        The epoch to stop before, and the number of the first one.
    verbose : {"auto", 0, 1, 2}
        0 nothing, 1 a bar, 2 a line an epoch; "auto" is 1 in a terminal and 2 elsewhere.
    callbacks : list of Callback, optional
        See ``fastgd.callbacks``.
    validation_split : float
        This share of the rows, the last ones, is held out and evaluated after each epoch.
    validation_data : (x, y), (x, y, sample_weight) or source of batches, optional
        Evaluated after each epoch; goes before ``validation_split``.
    shuffle : bool or "batch"
        Take the rows of each epoch in a fresh random order, or the batches of a PyDataset;
        of a TableStream the chunks, and the rows of each chunk.
        "batch" leaves rows in their order: it shuffles batches of neighbours, as a loss over
        a stretch of time needs. A last, shorter batch stays the last.
    class_weight : dict of int -> float or "balanced", optional
        A weight for the rows of each class; 1 for a class that is not there. "balanced", for
        arrays: n / (classes n_c) for the n_c of all n rows that are of a class, those of
        ``validation_split`` and their weights counted in.
    sample_weight : array, shape (n,), optional
        A weight of at least 0 for each row. Both weights are multiplied.
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
        order where there is no `shuffle`; bit for bit as on ``x[rows]``, ``y[rows]``. An x
        that is C-contiguous and of the model's data type is not copied, nor read
        elsewhere: so many models may train on parts of one array.
    validation_rows : array of int, shape (m,), optional
        Validate on these rows of `validation_data`, or of x, y and sample_weight where
        there are none.
    comm : communicator, optional
        Train one network on all its ranks, such as those of ``mpi4py.MPI.COMM_WORLD``. Every
        rank makes the same call; each takes some shards of each batch, and all end with the
        same weights and History. It needs ``rank``, ``size``, ``Allgather``, ``Bcast`` and
        ``Barrier``. Rank 0 alone prints and writes files. See docs/cluster.md.
    shards : int, optional
        Cut each batch into so many runs of rows, whose gradients are added in their order, at
        least 8 rows each. The bits depend on this number, and not on that of the ranks. By
        default a run has at least 128 rows, there are at most 8, and one where weights are
        more than 32768.

    Returns
    -------
    History
        Also ``model.history``, which is filled while training runs.

    Raises
    ------
    ShapeError, DataTypeError, DataError, ArgumentError
        Before anything is trained; for a batch from a source, when it is its turn.
    RankError
        With `comm`, on all ranks: if one fails, or they do not train the same. Once training
        has begun the weights are those of the latest step.
    DivergenceError
        In the epoch in which a loss is not finite. Weights and optimizer go back to what the
        epoch with the lowest loss began with.

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
    if unknown:
        refuse(fit, unknown)
    with shared_training.ranks_of(comm) as ranks:
        batching = _batching(
            batch_size, steps_per_epoch, "steps_per_epoch", check.shuffling(shuffle)
        )
        initial_epoch = check.whole_number(initial_epoch, "initial_epoch", 0)
        epochs = check.whole_number(epochs, "epochs", 0)
        verbose, threads = check.verbosity(verbose), config.threads(n_jobs)
        split = check.number(validation_split, "validation_split", 0, 1)
        if shards is not None:
            shards = check.whole_number(shards, "shards", 1, shared_training.MOST_SHARDS)
        validate_after = check.frequency(validation_freq, "validation_freq")
        size = batching.size
        if validation_batch_size is not None:
            size = check.positive_int(validation_batch_size, "validation_batch_size")
        steps = _batching(size, validation_steps, "validation_steps")
        data = UserData(x, y, sample_weight, class_weight, rows)
        adapter = self.adapter(data)
        source, example = adapter.prepare(data, batching)
        validation = Validation(split, validation_data, validation_rows, steps)
        source, held_out = validation.sources(adapter, data, source, batching)
        listeners = CallbackList(
            callbacks, add_history=True, add_progbar=verbose != 0,
            epochs=epochs, steps=source.steps, verbose=verbose,
        )  # fmt: skip
        self.build_by(adapter, example, source.rows)
        if data.names is not None:
            self.feature_names = data.names
        listeners.on_first_rank = ranks is None or ranks.rank == 0
        listeners.set_model(self)
        self.history = listeners.history
        training = loop.TrainingLoop(self, source, listeners, threads)
        begin = None
        if shards or ranks is not None:
            source.shards, source.ranks = shards or 0, ranks
            given = {"shards": shards, "epochs": epochs, "initial_epoch": initial_epoch,
                     "validation_freq": repr(validation_freq)}  # fmt: skip
            begin = functools.partial(
                shared_training.begin, self, (source, held_out), listeners.callbacks, given
            )
        elif self.privacy is not None:
            begin = functools.partial(privacy.begin, self, source, data, listeners.callbacks)
        training.run(initial_epoch, epochs, held_out, validate_after, begin)
    return listeners.history


def evaluate(self: Any, x: Data = None, y: Data = None, batch_size: int | None = None,
             verbose: Verbosity = "auto", sample_weight: Data = None, steps: int | None = None,
             callbacks: Callbacks = None, return_dict: bool = False, n_jobs: int | None = None,
             *, rows: Data = None, **unknown: Never) -> Values:  # fmt: skip
    """Return the loss and metrics over all rows.

    They are sums in double precision over the rows in their order: the same for every
    ``batch_size`` (32 for None), which only counts the steps. A loss that is one number for a
    batch, such as ``losses.Sharpe`` or a function of your own, is that of all rows at once. The
    batch size matters for metrics that Python computes: a function that gives one number for a
    batch, which counts by its rows, and a class, which is updated once a batch.
    ``batch_size=len(x)`` gives that of the whole.

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
    if unknown:
        refuse(evaluate, unknown)
    batching = _batching(batch_size, steps)
    return_dict = check.boolean(return_dict, "return_dict")
    verbose, threads = check.verbosity(verbose), config.threads(n_jobs)
    data = UserData(x, y, sample_weight, rows=rows)
    adapter = self.adapter(data)
    source, example = adapter.prepare(data, batching)
    listeners = CallbackList(
        callbacks, add_progbar=verbose != 0, epochs=1, steps=source.steps, verbose=verbose
    )
    self.build_by(adapter, example, source.rows)
    listeners.set_model(self)
    return returned(loop.evaluate(self, source, listeners, threads), return_dict)


def predict(self: Any, x: Data, batch_size: int | None = None, verbose: Verbosity = "auto",
            steps: int | None = None, callbacks: Callbacks = None, n_jobs: int | None = None, *,
            rows: Data = None, **unknown: Never) -> Any:  # fmt: skip
    """Return the outputs for x; of a model without weights yet, with those it begins with.

    Parameters
    ----------
    x : array, frame, or source of batches
        As for ``fit``; of a batch with targets only x is used.
    batch_size, verbose
        Accepted as in Keras: nothing is shown, and a row's output is the same, bit for bit,
        in any batch.
    steps : int, optional
        Only the first so many batches.
    callbacks : list of Callback, optional
    n_jobs : int, optional
        Threads, see ``config.threads``; they change no bit.
    rows : array of int, shape (m,), optional
        Only these rows of x, as for ``fit``; the outputs are in their order.

    Returns
    -------
    ndarray, shape (n, outputs), or a list or dict of such for several outputs

    Raises
    ------
    NotBuiltError
        If there are no layers.
    """
    if unknown:
        refuse(predict, unknown)
    batching, verbose = _batching(batch_size, steps), check.verbosity(verbose)
    threads = config.threads(n_jobs)
    if callbacks is None and steps is None and rows is None and isinstance(x, np.ndarray):
        if x.ndim == 2 and len(x) == 1 and (predictor := self.plain_predictor()):
            return predictor(x)
        x = self.prepared_inputs(x)
        outputs = self.compiled_step().predict(x, threads)
        return self.restore_structure(self.adapter().outputs(outputs))
    data = UserData(x, rows=rows)
    adapter = self.adapter(data)
    source, example = adapter.prepare_inputs(data, batching)
    listeners = CallbackList(callbacks, epochs=1, steps=source.steps, verbose=verbose)
    self.build_by(adapter, example, source.rows)
    listeners.set_model(self)
    outputs = loop.predict(self, source, listeners, threads)
    if len(outputs) != 1:
        empty = np.empty((0, self.assembly().output_width), self.parameters.dtype)
        outputs = [np.concatenate([empty, *outputs])]
    return self.restore_structure(self.adapter().outputs(outputs[0]))


def predict_on_batch(self: Any, x: Data) -> Any:
    """Return the outputs for x, as one batch."""
    return self.predict(x)


def returned(values, return_dict):
    """Return values, a dict or the loss alone, as the training methods do."""
    if type(values) is float:
        return {"loss": values} if return_dict else values
    if return_dict:
        return values
    values = list(values.values())
    return values if len(values) > 1 else values[0]


@dataclass
class Validation:
    """Say what is evaluated after which epochs, and give it.

    Attributes
    ----------
    split : float
    data, rows
        ``validation_data`` and ``validation_rows`` of ``fit``.
    batching : Batching
    """

    split: float
    data: Any
    rows: Any
    batching: Batching

    def sources(self, adapter, training, source, batching):
        """Return the source to train on and the one to validate on, or None.

        Parameters
        ----------
        adapter : DataAdapter
        training : UserData
        source : ArraySource, BatchSource or ChunkSource
            All that may be trained on.
        batching : Batching
            Of the training.
        """
        data = self.data
        if data is None and self.rows is not None:
            weights = training.sample_weight
            data = (training.x, training.y, *(() if weights is None else (weights,)))
        if data is not None:
            return source, adapter.prepare(self._user_data(data, training), self.batching)[0]
        return self._cut(adapter, source, batching) if self.split else (source, None)

    def _user_data(self, data, training):
        pair = isinstance(data, (tuple, list)) and not makes_batches(data, None)
        if pair and len(data) not in (2, 3):
            raise ArgumentError("validation_data: expected a pair (x, y) or (x, y, weights)")
        if not pair and not makes_batches(data, None):
            raise ArgumentError("validation_data: expected a pair (x, y) or batches of such")
        if not pair and self.batching.steps is None and hasattr(data, "__next__"):
            raise ArgumentError(
                "validation_data: a generator ends once: give validation_steps, or list(...)"
            )
        x, y, weights = (*data, None)[:3] if pair else (data, None, None)
        return UserData(x, y, weights, rows=self.rows, of="validation ", names=training.names)

    def _cut(self, adapter, source, batching):
        """Return two sources, of the first rows and of the last ones."""
        if not isinstance(source, ArraySource):
            raise ArgumentError(
                "validation_split: it splits arrays in memory; give validation_data instead"
            )
        count = source.count
        kept = int(count * (1 - self.split))
        if not 0 < kept < count:
            raise ArgumentError(
                f"validation_split: {self.split:g} of {count} rows leaves {kept} to train on "
                f"and {count - kept} to validate"
            )
        adapter.warn_of_split(source, kept)
        rest = Batching(self.batching.size)
        return source.cut(slice(0, kept), batching), source.cut(slice(kept, None), rest)


def _batching(batch_size, steps, argument="steps", shuffle=False):
    size = 32 if batch_size is None else check.positive_int(batch_size, "batch_size")
    steps = None if steps is None else check.positive_int(steps, argument)
    return Batching(size, shuffle, steps)
