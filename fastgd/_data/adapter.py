"""Turn what users pass in into one matrix of inputs and one of targets."""

import functools
from dataclasses import replace

import numpy as np

from fastgd._data.chunk_source import ChunkSource
from fastgd._data.class_weights import (
    warn_of_one_class,
    warn_of_one_weight,
    weights_of_classes,
)
from fastgd._data.frames import matching_names, names_by_input
from fastgd._data.named_row import NamedRows
from fastgd._data.packing import (
    pack_inputs,
    pack_target,
    pack_targets,
    pack_weights,
    split_outputs,
)
from fastgd._data.sources import ArraySource, BatchSource, Slices, by_slices, unpacked
from fastgd._data.subsets import RowSubset, Shared, shareable
from fastgd._data.validation import (
    check_finite,
    is_prepared,
    prepared,
    rows,
    same_length,
    warn_of_underflow,
)
from fastgd._engine.plan import width_of
from fastgd.errors import ArgumentError, NotBuiltError


class DataAdapter:
    """Prepare data for a model: check it, convert it, and say where batches come from.

    Parameters
    ----------
    signature : Signature
    name : str
        Of the model, for messages.
    columns : NamedRows, optional
        Knows the names that the columns of frames have to have.
    """

    def __init__(self, signature, name, columns=None):
        self.signature = signature
        self._name = name
        self._columns = NamedRows() if columns is None else columns
        self._trains = any(one.loss is not None for one in signature.objectives)

    # -- sources ------------------------------------------------------------------------------

    def prepare(self, data, batching):
        """Return a source of training batches, and its first prepared rows as an example.

        Parameters
        ----------
        data : UserData
        batching : Batching

        It notes the names of the columns in ``data.names``, which others have to match.
        """
        self._check_loss()
        if data.source is None:
            source, example = self._array_source(data, batching, targets=True)
            source.weighted = data.weighted
            if data.class_weight is not None and isinstance(source, ArraySource):
                self._look_at(source.y, data.class_weight)
            return source, example
        source, of = data.source, data.of
        first = unpacked(source.first(), f"{of}x")
        source.weighted = data.class_weight is not None or first[2] is not None
        example, y = self.rows(*first, data.class_weight, of=of)
        self._look_at(y, data.class_weight)
        data.names = self.names_of(first[0], f"{of}x", data.names)
        prepare = functools.partial(self._batch, data.class_weight, source.weighted, of)
        if isinstance(source, ChunkSource):
            self._check_order(batching)
        source.configure(prepare, batching, self._permutation(batching))
        return source, example

    def prepare_inputs(self, data, batching):
        """Return a source of rows to predict, and its first rows; see ``prepare``.

        The first rows are None where batches are made for a model that has its weights.
        """
        if data.source is None:
            return self._array_source(data, batching, targets=False)
        source, example = data.source, None
        if self.signature.seen is not None:
            example = self.inputs(unpacked(source.first())[0], f"{data.of}x")
        source.configure(self._input_batch, batching)
        return source, example

    def _array_source(self, data, batching, targets):
        """Return the source of arrays, in memory or on disk, and its first prepared rows."""
        given, of = data, data.of
        data = self._unshared(data)
        if data.rows is not None:
            data = self._chosen(data)
        argument, sliced = f"{data.of}x", by_slices(data.x, self.signature.dtype)
        if sliced:
            example = self.inputs(np.asarray(data.x[:1]), argument)
        else:
            example = self.inputs(data.x, argument, data.rows)
        x = given.x.values if isinstance(given.x, Shared) else given.x
        given.names = self.names_of(x, f"{of}x", given.names)
        y = None
        if targets:
            counted = data.x if sliced else example
            y = self._labels(data, counted if data.rows is None else data.rows)
        self._check_order(batching)
        if not sliced:
            return ArraySource(example, y, batching, data.rows), example
        arrays = (data.x, y) if targets else (data.x,)
        source = BatchSource(Slices(arrays, batching.size, data.rows))
        together = batching.size if batching.shuffle == "batch" else 1
        order = self._permutation(batching, together)
        source.configure(self._slice, batching, order)
        return source, example

    def _check_order(self, batching):
        """Refuse to shuffle single rows where a loss depends on their order."""
        for one in self.signature.objectives:
            if batching.shuffle is True and one.loss is not None and one.loss.ordered:
                raise ArgumentError(
                    f"shuffle: {one.loss.name!r} with a cost needs the rows in their order; "
                    "use shuffle='batch', which shuffles batches as wholes, or shuffle=False"
                )

    def _permutation(self, batching, together=1):
        if not batching.shuffle:
            return None
        return functools.partial(self.signature.engine.permutation, together=together)

    def _batch(self, class_weight, weighted, of, number, batch):
        of = f"{of}batch {number}: "
        return self.rows(*unpacked(batch, f"{of}x"), class_weight, weighted, of)

    def _slice(self, number, batch):
        x, y = (*batch, None)[:2]
        return self.inputs(x, f"x of batch {number}"), y

    def _input_batch(self, number, batch):
        return self.inputs(unpacked(batch)[0], f"x of batch {number}"), None

    def _unshared(self, data):
        """Return the data with arrays of this data type in the place of Shared ones."""
        x, y = (
            values.of(self.signature.dtype) if isinstance(values, Shared) else values
            for values in (data.x, data.y)
        )
        return data if x is data.x and y is data.y else replace(data, x=x, y=y, source=None)

    def _chosen(self, data):
        """Return the data of the rows that were chosen.

        Where x can be read as it is, it stays whole and the row numbers stay beside it.
        """
        x, y, weights = data.x, data.y, data.sample_weight
        subset = RowSubset(data.rows, x, f"{data.of}rows")
        several = len(self.signature.output_names) > 1
        if y is not None:
            y = subset.of(y, f"{data.of}y", several)
        if weights is not None:
            each = several and len(weights) and np.ndim(weights[0])
            weights = subset.of(weights, f"{data.of}sample_weight", each)
        numbers = subset.rows
        dtype = self.signature.dtype
        if not (by_slices(x, dtype) or shareable(x, dtype)):
            each = isinstance(x, (list, tuple)) and all(getattr(p, "ndim", 0) > 1 for p in x)
            numbers, x = None, subset.of(x, f"{data.of}x", each)
        of = f"{data.of}chosen "
        return replace(data, x=x, y=y, sample_weight=weights, rows=numbers, of=of)

    # -- rows ---------------------------------------------------------------------------------

    def rows(self, x, y, sample_weight=None, class_weight=None, weighted=None, of=""):
        """Return prepared x and y, with the weights, if any, as the last columns of y.

        Parameters
        ----------
        x, y, sample_weight, class_weight
            As the user passed them in.
        weighted : bool, optional
            Whether y has columns of weights; by default if there are any.
        of : str
            Stands before the arguments' names in messages.
        """
        self._check_loss()
        if isinstance(class_weight, str):
            raise ArgumentError(
                f"class_weight: {class_weight!r} needs all rows at once, in arrays: give a dict"
            )
        x = self.inputs(x, f"{of}x")
        return x, self._with_weights(x, y, sample_weight, class_weight, weighted, of)

    def inputs(self, x, argument="x", chosen=None):
        """Return the matrix that the engine reads; chosen: the rows of it that are read."""
        signature = self.signature
        shapes, dtype, engine = signature.input_shapes, signature.dtype, signature.engine
        shape = shapes[0]
        if signature.plain and chosen is None and is_prepared(x, shape[-1], dtype, engine):
            return x  # the shortest way for rows that are served one by one
        if len(shapes) == 1 and type(x) is np.ndarray:
            usual = x.ndim == 2 == len(shape) and x.shape[1] == shape[1]
            consumer = self._name if usual else signature.consumer
            x = rows(x, shape, dtype, engine, argument, consumer, chosen)
        else:
            packed = pack_inputs(x, signature, argument)
            self.names_of(x, argument)
            x = packed
        self.check(x, chosen, argument)
        return x

    def names_of(self, x, argument="x", known=None):
        """Return the names of the columns of x, which have to be those known, if there are."""
        known = self._columns.names if known is None else known
        if type(x) is np.ndarray:
            return known
        return matching_names(names_by_input(x, self.signature.input_names), known, argument)

    def check(self, x, chosen=None, argument="x"):
        """Refuse prepared values that a layer cannot read, such as rows an embedding lacks."""
        for columns, check in self.signature.checks:
            check(x[:, columns] if chosen is None else x[chosen, columns], argument)

    def _labels(self, data, x):
        """Return prepared targets for the rows of x, or for chosen ones."""
        weights = data.sample_weight, data.class_weight
        return self._with_weights(x, data.y, *weights, None, data.of)

    def _with_weights(self, x, y, sample_weight, class_weight, weighted, of):
        signature = self.signature
        objectives = signature.objectives
        if len(objectives) == 1 and type(y) is np.ndarray:
            y = pack_target(y, signature, 0, f"{of}y")
        else:
            y = pack_targets(y, signature, f"{of}y")
        same_length(x, y, f"{of}x", f"{of}y")
        if weighted is None:
            weighted = sample_weight is not None or class_weight is not None
        elif not weighted and sample_weight is not None:
            raise ArgumentError(f"{of}sample_weight: the batches before had none")
        if not weighted:
            return y
        weights = self._weights(y, sample_weight, class_weight, f"{of}sample_weight")
        return np.concatenate([y, weights], axis=1, dtype=y.dtype)

    def _weights(self, y, sample_weight, class_weight, argument):
        """Return the weight of each row for each trained output: the product of both kinds."""
        objectives = self.signature.objectives
        trained = [each.loss for each in objectives if each.loss is not None]
        weights = np.ones((len(y), len(trained)), dtype=y.dtype)
        if sample_weight is not None:
            weights = pack_weights(sample_weight, len(y), self.signature, argument)
        if class_weight is not None:
            if len(objectives) > 1:
                raise ArgumentError("class_weight: it is for models of one output")
            width = width_of(self.signature.output_shapes[0])
            several = width if trained[0].sparse or width > 1 else None
            of_rows = None if sample_weight is None else weights[:, 0]
            of_classes = weights_of_classes(y, class_weight, several, of_rows)[:, None]
            wanted = weights * of_classes
            weights = prepared(wanted, y.dtype)
            check_finite(self.signature.engine, weights, wanted, "class_weight")
            warn_of_underflow(weights, wanted, "class_weight")
        return weights

    def _look_at(self, y, class_weight):
        """Warn of a class without a weight; y: prepared, with the weights."""
        if isinstance(class_weight, dict):
            warn_of_one_weight(y[:, : y.shape[1] - 1], class_weight)

    def warn_of_split(self, source, kept):
        """Warn if one class is left of several in either part of a source that is split."""
        objectives = self.signature.objectives
        if len(objectives) == 1 and objectives[0].loss is not None:
            targets = source.y.shape[1] - source.weighted
            warn_of_one_class(source.y[:, :targets], kept, objectives[0].loss)

    def _check_loss(self):
        if not self._trains:
            raise NotBuiltError(f"model {self._name!r} has no loss: call compile(loss=...)")

    def outputs(self, out):
        """Return the outputs that stand side by side in a matrix: a list, in their shapes."""
        shapes = self.signature.output_shapes
        if len(shapes) == 1 and len(shapes[0]) == 2:
            return [out]
        return split_outputs(out, shapes)
