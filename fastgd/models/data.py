"""Rows made ready: what users pass in becomes one matrix of inputs and one of targets."""

import functools

import numpy as np

from fastgd._data.packing import (
    pack_inputs,
    pack_target,
    pack_targets,
    pack_weights,
    split_outputs,
)
from fastgd._data.sources import (
    ArraySource,
    BatchSource,
    Slices,
    makes_batches,
    on_disk,
    unpacked,
)
from fastgd._data.subsets import Chosen, Shared, shareable
from fastgd._data.validation import class_weights, is_prepared, numeric, rows, same_length
from fastgd._engine.plan import width_of
from fastgd.errors import ArgumentError, NotBuiltError, ShapeError
from fastgd.layers import InputLayer
from fastgd.models.compiled import Compiled


class Prepared(Compiled):
    """A compiled network that makes data ready for it."""

    def _shapes(self, x, argument):
        """The shapes of the inputs and outputs; for a model without a graph, those x gives."""
        if not self.built:
            shape = self._shape_of(x, argument)
            try:
                output = self.compute_output_shape(shape)
            except ShapeError as error:
                seen = np.shape(x) if not isinstance(shape, dict) else shape
                raise ShapeError(f"{argument}: got shape {seen}; {error}") from None
            if not self.built:
                self._seen_shape = shape
                return [shape], [output]
        return self._graph.input_shapes, self._graph.output_shapes

    def _shape_of(self, x, argument):
        """The shape (None, d...) of inputs."""
        shape = numeric(x, argument).shape
        if len(shape) < 2 or min(shape[1:]) < 1:
            raise ShapeError(f"{argument}: expected (rows, features), got shape {shape}")
        return (None, *shape[1:])

    def _inputs(self, x, shapes, argument="x", chosen=None):
        """The matrix that the engine reads. chosen: the numbers of the rows that it reads."""
        shape = shapes[0]
        network = self._network
        if (
            network is not None
            and network.plain
            and chosen is None
            and is_prepared(x, shape[-1], network.dtype, self.engine)
        ):
            return x  # what is served row by row should not wait
        dtype = self._read_dtype()
        if len(shapes) == 1 and type(x) is np.ndarray:
            if x.ndim == 2 == len(shape) and x.shape[1] == shape[1]:
                consumer = self.name  # the usual case: no need to look for the layer's name
            else:
                consumer = self._consumer()
            x = rows(x, shape, dtype, self.engine, argument, consumer, chosen)
        else:
            names = self._input_keys() if self.built else ["x"]
            x = pack_inputs(x, names, shapes, dtype, self.engine, argument, self._consumer())
        if self.built:
            self._check_inputs(x, argument, chosen)
        return x

    def _read_dtype(self):
        """The data type that the engine reads: ``dtype``, but found at once."""
        return self.network().dtype if self.built else np.dtype(self.dtype)

    def _check_inputs(self, x, argument="x", chosen=None):
        """Refuse values that a layer cannot read, such as rows that an embedding has not."""
        for columns, check in self.network().checks:
            check(x[:, columns] if chosen is None else x[chosen, columns], argument)

    def _consumer(self):
        """Who reads the inputs, for messages."""
        layers = [la for la in self._described_layers() if not isinstance(la, InputLayer)]
        return f"layer {layers[0].name!r} of model {self.name!r}" if layers else self.name

    def _input_keys(self):
        """What inputs may be called in a dict."""
        return self.input_names

    def _targets(self, y, shapes, dtype, argument="y"):
        aims = self.aims(shapes[0])
        if len(aims) == 1 and type(y) is np.ndarray:
            return pack_target(y, shapes[0], aims[0].loss, dtype, self.engine, argument)
        names = self.output_names if self.built else ["y"]
        return pack_targets(y, names, shapes, aims, dtype, self.engine, argument)

    def _split(self, out):
        """The outputs in the structure of the model's."""
        shapes = self._graph.output_shapes
        return out if len(shapes[0]) == 2 else split_outputs(out, shapes)[0]

    def _check_loss(self):
        if not self._objective.trains:
            raise NotBuiltError(f"model {self.name!r} has no loss: call compile(loss=...)")

    def _data(
        self, x, y, sample_weight=None, class_weight=None, weighted=None, of="", chosen=None
    ):  # fmt: skip
        """Prepared x and y, with the weights, if any, as y's last column.

        Parameters
        ----------
        x, y, sample_weight, class_weight
            As the user passed them in.
        weighted : bool, optional
            Whether y has a column of weights; by default if there are any.
        of : str
            What stands before the arguments' names in messages, such as "validation ".
        chosen : ndarray of int64, optional
            The rows of x that those of y belong to; by default all.
        """
        self._check_loss()
        inputs, outputs = self._shapes(x, f"{of}x")
        if not self.built:
            self.aims(outputs[0])
        x = self._inputs(x, inputs, f"{of}x", chosen)
        return x, self._labels(
            x if chosen is None else chosen, y, outputs, x.dtype, sample_weight, class_weight,
            weighted, of,
        )  # fmt: skip

    def _labels(self, x, y, outputs, dtype, sample_weight, class_weight, weighted, of):
        """Prepared targets for the rows of x, with the weights, if any, as last column."""
        y = self._targets(y, outputs, dtype, f"{of}y")
        same_length(x, y, f"{of}x", f"{of}y")
        if weighted is None:
            weighted = sample_weight is not None or class_weight is not None
        elif not weighted and sample_weight is not None:
            raise ArgumentError(f"{of}sample_weight: the batches before had none")
        if not weighted:
            return y
        return packed(
            y, self._weights(y, outputs, sample_weight, class_weight, f"{of}sample_weight")
        )

    def _weights(self, y, outputs, sample_weight, class_weight, argument):
        """The weight of each row of prepared targets: the product of both kinds."""
        names = self.output_names if self.built else ["y"]
        aims = self.aims(outputs[0])
        trained = [aim.loss for aim in aims if aim.loss is not None]
        weights = np.ones((len(y), len(trained)), dtype=y.dtype)
        if sample_weight is not None:
            weights = pack_weights(
                sample_weight, len(y), names, aims, y.dtype, self.engine, argument
            )
        if class_weight is not None:
            if len(aims) > 1:
                raise ArgumentError("class_weight: it is for models of one output")
            width = width_of(outputs[0])
            several = width if trained[0].sparse or width > 1 else None
            of_classes = weights_of_classes(y, class_weights(class_weight, several))
            weights = weights * of_classes[:, None]
        return weights

    # -- sources ------------------------------------------------------------------------------

    def _source(
        self, x, y, sample_weight=None, class_weight=None, batch_size=32, shuffle=False,
        steps=None, of="", rows=None,
    ):  # fmt: skip
        """Where rows with targets come from, and its first prepared rows as an example."""
        x, y = self._unshared(x), self._unshared(y)
        order = self.engine.permutation if shuffle else None
        weighted = sample_weight is not None or class_weight is not None
        if makes_batches(x, y):
            if rows is not None:
                raise ArgumentError(f"{of}rows: they are of arrays, but {of}x gives batches")
            if y is not None or sample_weight is not None:
                raise ArgumentError(
                    f"{of}y, {of}sample_weight: {of}x gives batches (x, y, sample_weight), so "
                    "that they have to be None"
                )
            source = BatchSource(x, None, steps, order)
            first = unpacked(source.first(), f"{of}x")
            source.weighted = weighted or first[2] is not None
            example, _ = self._data(*first, class_weight, of=of)
            source.prepare = functools.partial(self._batch, class_weight, source.weighted, of)
            return source, example
        if rows is not None:
            rows, x, y, sample_weight = self._chosen(rows, x, y, sample_weight, of)
            of = f"{of}chosen "
        if self._by_slices(x):
            example, y = self._sliced(x, y, sample_weight, class_weight, of, rows)
            source = BatchSource(Slices((x, y), batch_size, rows), self._slice, steps, order)
        else:
            example, y = self._data(x, y, sample_weight, class_weight, of=of, chosen=rows)
            source = ArraySource(example, y, batch_size, shuffle, steps, rows)
        source.weighted = weighted
        return source, example

    def _unshared(self, values):
        """Values as they are; those of a Shared, of this model's data type."""
        return values.of(self._read_dtype()) if isinstance(values, Shared) else values

    def _chosen(self, rows, x, y=None, sample_weight=None, of=""):
        """Those rows of x, y and weights, in front of them the rows of x that belong to them.

        Where x can be read as it is it stays whole; else the rows in front are None.
        """
        chosen = Chosen(rows, x, f"{of}rows")
        outputs = len(self._graph.outputs) if self.built else 1
        if y is not None:
            y = chosen.of(y, f"{of}y", outputs > 1)
        if sample_weight is not None:
            several = outputs > 1 and len(sample_weight) and np.ndim(sample_weight[0])
            sample_weight = chosen.of(sample_weight, f"{of}sample_weight", several)
        if self._by_slices(x) or shareable(x, self._read_dtype()):
            return chosen.rows, x, y, sample_weight
        several = isinstance(x, (list, tuple)) and all(getattr(p, "ndim", 0) > 1 for p in x)
        return None, chosen.of(x, f"{of}x", several), y, sample_weight

    def _batch(self, class_weight, weighted, of, number, batch):
        of = f"{of}batch {number}: "
        return self._data(*unpacked(batch, f"{of}x"), class_weight, weighted, of)

    def _slice(self, number, batch):
        x, *y = batch
        return self._inputs(x, self._graph.input_shapes, f"x of batch {number}"), *y

    def _by_slices(self, x):
        """Whether x is read slice by slice: it lies in a file, and is not the matrix needed."""
        return on_disk(x) and not (
            isinstance(x, np.ndarray)
            and (x.ndim != 2 or (x.flags.c_contiguous and x.dtype == self._read_dtype()))
        )

    def _sliced(self, x, y, sample_weight, class_weight, of, chosen=None):
        """The first row, prepared, of what is read by slices, and all targets."""
        self._check_loss()
        row = np.asarray(x[:1])
        inputs, outputs = self._shapes(row, f"{of}x")
        row = self._inputs(row, inputs, f"{of}x")
        x = x if chosen is None else chosen
        return row, self._labels(
            x, y, outputs, row.dtype, sample_weight, class_weight, None, of
        )

    def _input_source(self, x, batch_size, steps=None, rows=None):
        """Where rows to predict come from; builds the model by the first of them."""
        x = self._unshared(x)
        if makes_batches(x, None):
            if rows is not None:
                raise ArgumentError("rows: they are of arrays, but x gives batches")
            source = BatchSource(x, self._input_batch, steps)
            if not self.built:
                self._build_for(unpacked(source.first())[0])
            return source
        argument = "x" if rows is None else "chosen x"
        if rows is not None:
            rows, x, _, _ = self._chosen(rows, x)
        if self._by_slices(x):
            self._build_for(np.asarray(x[:1]))
            return BatchSource(Slices((x,), batch_size, rows), self._input_batch, steps)
        self._build_for(x, argument, rows)
        x = self._inputs(x, self._graph.input_shapes, argument, rows)
        return ArraySource(x, None, batch_size, steps=steps, rows=rows)

    def _input_batch(self, number, batch):
        x = unpacked(batch)[0]
        return self._inputs(x, self._graph.input_shapes, f"x of batch {number}"), None

    def _build_for(self, x, argument="x", chosen=None):
        """Build the model by inputs alone, once they are known to be good."""
        if not self.built:
            shapes, _ = self._shapes(x, argument)
            self._inputs(x, shapes, argument, chosen)  # so that bad ones build nothing
        if not self.built:
            self.build(self._seen_shape)

    def _built_for(self, x, y, sample_weight=None, class_weight=None):
        """Prepared x and y; builds the model by them, once they are known to be good."""
        x, y = self._data(x, y, sample_weight, class_weight)
        self._build_by(x, stacklevel=5)
        return x, y

    def _build_by(self, x, stacklevel=4, chosen=None):
        if not self.built:
            self.build(self._seen_shape)
            self._check_inputs(x, chosen=chosen)
            self._warn_of_double_activation(stacklevel)


def packed(y, weights):
    """Targets and a weight for each row as one matrix; the weight is the last column."""
    return np.concatenate([y, weights], axis=1, dtype=y.dtype)


def weights_of_classes(y, class_weight):
    """The weight of each row by its class; 1 for a class that has none.

    The class of a row is its number, the place of its largest target where there are several
    columns, and the nearest whole number for the targets of one output.
    """
    labels = np.argmax(y, axis=1) if y.shape[1] > 1 else np.rint(y[:, 0])
    weights = np.ones(len(y), dtype=y.dtype)
    for label, weight in class_weight.items():
        weights[labels == label] = weight
    return weights
