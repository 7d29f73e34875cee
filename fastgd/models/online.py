"""Define how a model learns and predicts a batch or a row at a time: methods of Model."""

from collections.abc import Callable
from typing import Any

import numpy as np

from fastgd._core.types import Status
from fastgd._data.packing import parts
from fastgd._data.validation import boolean, numeric
from fastgd._typing import Array, Data
from fastgd.models.fitting import Values, returned
from fastgd.models.privacy import refuse_batches
from fastgd.models.ranges import bounds


def online_step(self: Any) -> Any:
    """Return the OnlineStep of this model; None where there is no such step."""
    if self._online is None and self.built:
        self._online = self._compilation.online_step(
            self.engine, self.compiled_step(), self.adapter().signature, self.stream
        )
    return self._online or None


def plain_predictor(self: Any) -> Any:
    """Return the engine's Predictor if x and the outputs are one matrix each; else None."""
    predictor = self._predictor
    if predictor is None:
        if not self.built:
            return None
        signature, output = self.adapter().signature, object()
        predictor = self._predictor = (
            signature.plain
            and [len(shape) for shape in signature.output_shapes] == [2]
            and self.restore_structure([output]) is output
            and self.engine.Predictor(self.compiled_step().program, self.adapter().inputs)
        )
    return predictor or None


def train_on_batch(self: Any, x: Data, y: Data = None, sample_weight: Data = None,
                   class_weight: dict[int, float] | None = None,
                   return_dict: bool = False) -> Values:  # fmt: skip
    """Take one step on one batch.

    Parameters
    ----------
    x, y, sample_weight, class_weight
        As for ``fit``.
    return_dict : bool

    Returns
    -------
    float, list of float or dict
        The loss before the step; with metrics a list, the loss first; or a dict by name.
    """
    refuse_batches(self, "train_on_batch")
    if return_dict is not False:
        return_dict = boolean(return_dict, "return_dict")
    weighted = sample_weight is not None or class_weight is not None
    if not weighted:
        step = self._online or self.online_step()
        values = None if step is None else step(x, y)
        if values is not None:
            return returned(values, return_dict)
    batch = self.prepared(x, y, sample_weight, class_weight)
    step = self.compiled_step(weighted)
    names = self.adapter().names_of(x)
    values = step.train_on_batch(*batch, self.stream)
    self.feature_names = names
    return returned(values, return_dict)


def test_on_batch(self: Any, x: Data, y: Data = None, sample_weight: Data = None,
                  return_dict: bool = False) -> Values:  # fmt: skip
    """Return the loss and metrics of one batch, without training."""
    return_dict = boolean(return_dict, "return_dict")
    x, y = self.prepared(x, y, sample_weight)
    step = self.compiled_step(sample_weight is not None)
    return returned(step.evaluate(x, y), return_dict)


def value_and_grad(self: Any, x: Data, y: Data) -> tuple[float, list[Array]]:
    """Return the mean loss over all rows as one batch, penalties included, and its gradients.

    Returns
    -------
    (float, list of ndarray)
        The gradients in the order and shapes of ``trainable_variables``; they are views of
        one flat vector, which ``optimizer.apply_gradients`` takes as a whole.

    Raises
    ------
    DivergenceError
        If the loss is not finite.
    """
    refuse_batches(self, "value_and_grad")
    x, y = self.prepared(x, y)
    step, assembly = self.compiled_step(), self.assembly()
    totals = step.totals()
    status = step.gradients(x, y, totals, self.stream.next())
    if status != Status.STATUS_FINE:
        raise step.failed(status)
    flat, start = assembly.gradients.copy(), assembly.start
    grads = [flat[v.offset - start :][: v.size].reshape(v.shape) for v in assembly.trained]
    return step.results.loss(totals), grads


def learner(self: Any, validate: bool = True) -> Callable[[Array, Any], Values]:
    """Return training as a function, for streams: the shortest way to learn from few rows.

    Parameters
    ----------
    validate : bool
        Check that numbers are finite, and targets in the range of the loss. Types and shapes
        are always checked.

    Returns
    -------
    callable
        Of rows (n, features) and targets as for ``fit``, or of one row (features,) and its
        target, a number or (outputs,), it takes a step as ``train_on_batch`` does and
        returns the same. It is fastest with C-contiguous arrays of the model's data type;
        anything else is treated, and refused, as by ``train_on_batch``. The model may be
        changed, compiled anew or trained otherwise between two calls.

    Examples
    --------
    >>> import numpy as np
    >>> from fastgd import Sequential, layers
    >>> model = Sequential([layers.Dense(1, input_shape=(2,))])
    >>> model.compile("sgd", "mse")
    >>> learn = model.learner()
    >>> row = np.ones(2, dtype="float32")
    >>> bool(learn(row, 3.0) > learn(row, 3.0) > 0)
    True
    """
    return Learner(self, boolean(validate, "validate"))


class Learner:
    """Train as a function; see ``Model.learner``."""

    __slots__ = ("_model", "_validate")

    def __init__(self, model, validate):
        self._model = model
        self._validate = validate

    def __call__(self, x: Array, y: Any) -> Values:
        model = self._model
        step = model._online or model.online_step()
        values = None if step is None else step(x, y, self._validate, True)
        if values is None:
            if _is_row(x):
                x, y = numeric(x, "x")[None], numeric(y, "y")[None]
            return model.train_on_batch(x, y)
        return values if type(values) is float else returned(values, False)


def learn_one(self: Any, x: Any, y: Any, unknown_features: str = "raise") -> Values:
    """Take one step on one row, in River's manner.

    Parameters
    ----------
    x : dict, other mapping or Series of name -> number, or array of shape (features,)
        Names are those of the frame that the model was trained on. Without one a name gets
        the next free input when it is first seen, see ``feature_names``; a name that is missing
        is 0. A model without an input shape has as many inputs as the first dict has names.
    y : float, int or array of shape (outputs,)
        The target; a class number for a sparse loss.
    unknown_features : {"raise", "ignore"}
        Whether a new name is refused or left out when every input has one.

    Returns
    -------
    float, or list of float
        As ``train_on_batch``.

    Raises
    ------
    ArgumentError
        For such a name; for a model of several inputs.
    ShapeError, DataTypeError, DataError
        As ``train_on_batch``; then nothing is learnt.

    Examples
    --------
    >>> from fastgd import Sequential, layers
    >>> model = Sequential([layers.Dense(1, kernel_initializer="zeros")])
    >>> model.compile("sgd", "mse")
    >>> loss = model.learn_one({"wind": 1.0, "rain": 0.5}, 2.0)
    >>> loss, model.feature_names
    (4.0, ['wind', 'rain'])
    >>> model.predict_one({"rain": 0.5}) > 0
    True
    """
    refuse_batches(self, "learn_one")
    step = self._online or self.online_step()
    if step is not None:
        values = step(x, y, True, True, self._named_rows.names, unknown_features)
        if values is not None:
            return values if type(values) is float else returned(values, False)
    row, names = self.row(x, unknown_features)
    values = self.train_on_batch(row[None], numeric(y, "y")[None])
    self._named_rows.names = names
    return values


def predict_one(self: Any, x: Any, unknown_features: str = "raise") -> Any:
    """Return the output for one row, in River's manner.

    Parameters
    ----------
    x, unknown_features
        As for ``learn_one``.

    Returns
    -------
    float, or ndarray of shape (outputs,); a list or dict of such for several outputs
    """
    predictor = self._predictor or self.plain_predictor()
    if predictor is not None:
        found = predictor.one(x, self._named_rows.names, unknown_features)
        if found is not None:
            return found
    x, names = self.row(x, unknown_features)
    out = self.predict_on_batch(x[None])
    self._named_rows.names = names
    return each(out, lambda one: float(one[0, 0]) if one.shape == (1, 1) else one[0])


def _is_row(x):
    """Return whether x is one row; several inputs may differ in shape, and are none."""
    try:
        return np.ndim(x) == 1
    except ValueError:
        return False


def each(outputs, function):
    """Return what a function makes of each of some outputs, in their list or dict."""
    if isinstance(outputs, dict):
        return {name: function(one) for name, one in outputs.items()}
    return (
        [function(one) for one in outputs] if isinstance(outputs, list) else function(outputs)
    )


def predictor(self: Any, check: bool = False) -> Callable[[Data], Any]:
    """Return the network as a function, for serving: the shortest way to outputs of few rows.

    Parameters
    ----------
    check : bool
        Whether the function refuses values outside of the ranges that ``keep_ranges`` noted: a
        DataError that names row, column and range. Later calls of ``keep_ranges`` do not count.

    Returns
    -------
    callable
        Of rows (n, features) it gives outputs (n, outputs), of one row (features,) outputs
        (outputs,): a fresh array with the bits of ``predict``. Several inputs, and outputs, are
        lists or dicts of such, as in ``predict``. It is fastest with
        C-contiguous arrays of the model's data type; anything else is treated, and refused,
        as by ``predict``. The weights are the model's own, as they are at each call; after
        a layer has been added, make a new one.

    Raises
    ------
    NotBuiltError
        If there are no weights yet.
    ArgumentError
        If ranges are to be checked and the model has none.

    Examples
    --------
    >>> import numpy as np
    >>> from fastgd import Sequential, layers
    >>> model = Sequential([layers.Dense(1, bias_initializer="ones", input_shape=(2,))])
    >>> predict = model.predictor()
    >>> predict(np.zeros(2, dtype="float32"))
    array([1.], dtype=float32)
    """
    graph, adapter = self.graph(), self.adapter()
    limits = bounds(self) if boolean(check, "check") else None
    program, prepare = self.compiled_step().program, adapter.inputs
    dimensions = [len(shape) for shape in graph.input_shapes]
    if len(dimensions) > 1 or len(graph.output_shapes) > 1:
        of_matrix = self.engine.Predictor(program, lambda matrix: matrix, limits)

        def structured(x):
            given = parts(x, adapter.signature.input_names, "x", dimensions)
            given = [numeric(part, "x") for part in given]
            one_row = all(part.ndim < n for part, n in zip(given, dimensions, strict=True))
            if one_row:
                x = [part[None] for part in given]
            out = self.restore_structure(adapter.outputs(of_matrix(prepare(x))))
            return each(out, lambda part: part[0]) if one_row else out

        return structured
    predict = self.engine.Predictor(program, prepare, limits)
    if not self.assembly().checks:
        return predict

    def checked(x):
        prepare(numeric(x, "x")[None] if _is_row(x) else x)
        return predict(x)

    return checked
