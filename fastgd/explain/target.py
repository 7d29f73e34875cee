"""Turn what a user wants explained into a function of rows: one number of a model."""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from fastgd import activations, config
from fastgd._data.arguments import choice
from fastgd._data.frames import column_names, matching_names
from fastgd._data.validation import matrix, numeric, prepared, whole_number
from fastgd._engine import builds
from fastgd._engine.plan import width_of
from fastgd._registry.advice import advice
from fastgd.errors import (
    ArgumentError,
    DataError,
    DataTypeError,
    NotBuiltError,
    UnknownNameError,
)
from fastgd.linear import LinearModel
from fastgd.linear.objective import REGRESSIONS
from fastgd.linear.prediction import decisions, probabilities, response
from fastgd.models import Model

SCALES = ("logit", "response")


@dataclass(eq=False)  # frozen, it would take another microsecond to make
class Target:
    """Hold one number that a model gives for each row: what is explained.

    Attributes
    ----------
    width : int
        Columns of a row.
    names : tuple of str or None
        Those of the columns, if the model was trained on a frame or has several inputs.
    dtype : numpy.dtype
        How the model reads rows.
    prepare : callable
        What a user passed in, and the argument's name -> checked rows, as the model reads them.
    outputs : callable
        Rows (n, width) of that type, C-contiguous -> (n, columns).
    terms : tuple of (int, float)
        The number is the sum of these columns of `outputs`, each times its factor: a column;
        for the log-odds of two softmax columns their difference.
    step : CompiledStep or None
        Of a network, if `outputs` are what its program predicts.
    buffers : tuple of int
        Those that the step predicts, of the plan in its assembly.
    several : bool
        Whether rows come as several inputs.
    coef, intercept : ndarray (width,) and float, or None
        Where the number is ``x @ coef + intercept``; float64.
    """

    width: int
    names: tuple[str, ...] | None
    dtype: np.dtype
    prepare: Callable[[Any, str], Any]
    outputs: Callable[[Any], Any]
    terms: tuple[tuple[int, float], ...]
    step: Any = None
    buffers: tuple[int, ...] = ()
    several: bool = False
    coef: Any = None
    intercept: float | None = None

    def rows(self, x, argument="x", like=None):
        """Return rows as the model reads them, (n, width), at least one, finite and checked.

        like: rows whose columns they have to have, if both are frames and the model knows none.
        """
        if type(x) is not np.ndarray:  # which has no names
            if hasattr(x, "toarray"):
                raise DataTypeError(
                    f"{argument}: expected dense rows: give {argument}.toarray()"
                )
            matching_names(column_names(x), self.names or column_names(like), argument)
        found = self.prepare(x, argument)
        if not len(found):
            raise DataError(f"{argument}: there are no rows")
        return found

    def data(self, x, rows):
        """Return a copy of x, of which `rows` were prepared, as float64 (n, width)."""
        if type(x) is np.ndarray and x.dtype.kind == "f":
            return np.array(x, np.float64, order="C").reshape(rows.shape)
        given = rows if self.several or isinstance(x, dict) else numeric(x, "x")
        return np.array(given, np.float64, order="C").reshape(rows.shape)

    def values(self, rows):
        """Return the number for each of some finite rows (n, width): float64 (n,)."""
        found = self.outputs(prepared(rows, self.dtype))
        parts = [found[:, column].astype(np.float64) for column, _ in self.terms]
        if len(parts) == 1 and self.terms[0][1] == 1:  # the usual case, in no time
            return parts[0]
        return sum(factor * part for part, (_, factor) in zip(parts, self.terms, strict=True))

    def names_for(self, x):
        """Return the names of the columns: the model's, or a frame's, or x0, x1 ..."""
        return tuple(self.names or column_names(x) or numbered(self.width))


@functools.lru_cache(maxsize=8)
def numbered(width):
    return tuple(f"x{i}" for i in range(width))


def target_of(model, output=None, scale="logit"):
    """Return the Target of a model.

    Parameters
    ----------
    model : Sequential, Model, LinearModel, or fitted estimator of fastgd.sklearn
    output : int, or a class of a classifier
        The column of the outputs, side by side if there are several; for an estimator or a
        LinearModel of classes the class. By default the only one; of two classes the second.
    scale : {"logit", "response"}
        "logit": what the last sigmoid or softmax reads, of two classes always the log-odds; the
        decision x w + b of a linear model; and the output itself where there is neither.
        "response": what predict gives, or predict_proba.

    Raises
    ------
    DataTypeError
        For anything else, such as a Pipeline.
    ArgumentError
        For a model with a layer that looks rows up, such as Embedding, or whose inputs or
        outputs are no rows of features.
    """
    choice(scale, "scale", SCALES)
    network = network_of(model)
    if isinstance(model, LinearModel):
        return _of_linear(
            model.coef, model.intercept, model.loss, model.feature_names, model.classes,
            output, scale, model.dtype,
        )  # fmt: skip
    classes = getattr(model, "classes_", None)
    classes = None if classes is None else np.asarray(classes).tolist()
    if network is not None:
        return _of_network(network, model, classes, output, scale)
    coef, loss = coef_of(model), "squared_error"
    if classes is not None:
        loss = model._probability_loss() or model.loss
    intercept = np.zeros(len(coef)) + model.intercept_
    return _of_linear(coef, intercept, loss, names_of(model), classes, output, scale)


def network_of(model):
    """Return the network that a model is, or that an estimator holds; None of a linear one."""
    if isinstance(model, Model):
        return model
    if isinstance(model, LinearModel):
        return None
    own = any(kind.__module__.startswith("fastgd.sklearn") for kind in type(model).__mro__)
    if not own:
        hint = ""
        if hasattr(model, "steps"):
            hint = ": explain its last step, pipeline[-1], on pipeline[:-1].transform(x)"
        raise DataTypeError(
            "model: expected a Sequential, Model, LinearModel or estimator of fastgd.sklearn, "
            f"got {type(model).__name__}{hint}"
        )
    network = getattr(model, "model_", None)
    if network is None and not hasattr(model, "coef_"):
        raise NotBuiltError(f"model: this {type(model).__name__} is not fitted: call fit")
    return network


def coef_of(model):
    """Return the coefficients of a linear model or estimator, float64 (outputs, width)."""
    coef = model.coef if isinstance(model, LinearModel) else model.coef_
    coef = np.array(coef.toarray() if hasattr(coef, "toarray") else coef, np.float64)
    return coef.reshape(-1, coef.shape[-1])


def names_of(model):
    """Return the names of a model's columns, those of several inputs side by side, or None."""
    names = getattr(model, "feature_names_in_", None)
    network = getattr(model, "model_", model)
    if names is None:
        names = getattr(network, "feature_names", None)  # of a linear estimator there are none
        if isinstance(network, Model) and network.several_inputs:
            names = _side_by_side(network, names or {})
    return None if names is None else tuple(names)


def _side_by_side(network, known):
    """Return the names of the columns of several inputs, each once; known: by input."""
    every = {}
    for name, shape in zip(network.input_names, network.graph().input_shapes, strict=True):
        width = width_of(shape)
        alone = [name] if width == 1 else [f"{name}[{k}]" for k in range(width)]
        every[name] = known.get(name) or alone
    names = [column for columns in every.values() for column in columns]
    if len(set(names)) < len(names):
        names = [f"{name}.{column}" for name, columns in every.items() for column in columns]
    return names


def _of_network(network, owner, classes, output, scale):
    """Return the Target of a network; owner: the estimator it is in, or the network."""
    graph, assembly = network.graph(), network.assembly()
    if {len(shape) for shape in (*graph.input_shapes, *graph.output_shapes)} != {2}:
        raise ArgumentError(
            "model: expected inputs and outputs of shape (None, features), got "
            f"{graph.input_shapes} and {graph.output_shapes}: put an Input of such a shape and "
            "a Reshape before it, or a Flatten behind it"
        )
    if assembly.checks:
        raise ArgumentError(
            "model: a layer such as Embedding looks whole numbers up, between which there is "
            "nothing: explain Model(layer.output, model.output) on the vectors it gives"
        )
    widths = list(map(width_of, graph.output_shapes))
    pairs = _softmax_pairs(widths, assembly.last_activations) if 2 in widths else set()
    step, columns = (network.logit_step if scale == "logit" else network.compiled_step)(), None
    if scale == "response" and owner is not network:
        step, columns = None, _answers(network, owner)
        count = sum(widths) if classes is None or sum(widths) > 1 else len(classes)
        binary = classes is not None and len(classes) == 2 and (sum(widths) == 1 or 0 in pairs)
        terms = ((_column(output, classes, count, binary), 1.0),)
    else:
        terms = _terms(output, classes, sum(widths), pairs, scale)
    return Target(
        width=sum(map(width_of, graph.input_shapes)),
        names=names_of(owner),
        dtype=assembly.dtype,
        prepare=network.adapter().inputs,
        outputs=columns or (lambda rows: step.predict(rows, config.threads(None))),
        terms=terms,
        step=step,
        several=len(graph.input_shapes) > 1,
        buffers=assembly.plan.logits if scale == "logit" else tuple(assembly.plan.outputs),
    )


def _answers(network, estimator):
    """Return an estimator's answers as a function of rows: probabilities, or predictions."""
    decode = getattr(estimator, "_probabilities", None) or estimator._predictions
    step = network.compiled_step()
    return lambda rows: decode(step.predict(rows, config.threads(None)))


def _softmax_pairs(widths, activated):
    """Return the first column of each output that is a softmax of two: a set."""
    return {
        sum(widths[:k])
        for k, (width, function) in enumerate(zip(widths, activated, strict=False))
        if width == 2 and function is activations.softmax
    }


def _of_linear(coef, intercept, loss, names, classes, output, scale, dtype=None):
    """Return the Target of a linear model with coef (k, d); dtype: how it reads rows."""
    dtype = np.dtype(dtype or np.float64)
    classes = list(range(classes)) if isinstance(classes, int) else classes
    pairs = {0} if loss == "multinomial" and len(coef) == 2 else set()
    engine = builds.load(config.engine())

    def decided(rows):
        return decisions(engine, engine.Rows(rows), coef, intercept, config.threads(None))

    def answered(rows):
        z = decided(rows)
        if loss in REGRESSIONS:
            return response(loss, z)
        return probabilities(loss, z[:, 0] if z.shape[1] == 1 else z)

    shared = {
        "width": coef.shape[1],
        "names": None if names is None else tuple(names),
        "dtype": dtype,
        "prepare": lambda x, argument: matrix(x, coef.shape[1], dtype, engine, argument),
    }
    if scale == "response":
        binary = classes is not None and len(classes) == 2
        count = len(coef) if classes is None else len(classes)
        terms = ((_column(output, classes, count, binary), 1.0),)
        return Target(outputs=answered, terms=terms, **shared)
    terms = _terms(output, classes, len(coef), pairs, scale)
    return Target(
        outputs=decided,
        terms=terms,
        coef=sum(factor * coef[k] for k, factor in terms),
        intercept=float(sum(factor * intercept[k] for k, factor in terms)),
        **shared,
    )


def _terms(output, classes, count, pairs, scale):
    """Return the terms of a number among `count` columns that a model gives."""
    if count == 1 and classes is not None and len(classes) == 2:
        return ((0, 1.0 if _column(output, classes, 2, True) else -1.0),)
    column = _column(output, classes, count, count == 2 and 0 in pairs)
    first = next((start for start in pairs if column in (start, start + 1)), None)
    if first is None or scale == "response":
        return ((column, 1.0),)
    return ((column, 1.0), (2 * first + 1 - column, -1.0))


def _column(output, classes, count, binary):
    """Return which of `count` columns, or of the classes if there are any, is explained."""
    if output is None:
        if count == 1 or binary:
            return count - 1
        among = (
            f"one of the classes {classes}" if classes else f"a number from 0 to {count - 1}"
        )
        raise ArgumentError(f"output: expected {among}, got None")
    if classes is None:
        return whole_number(output, "output", 0, count - 1)
    kinds = (str, int, float, np.generic)
    if not isinstance(output, kinds) or output not in classes:
        raise ArgumentError(f"output: expected one of the classes {classes}, got {output!r}")
    return classes.index(output)


def columns_of(names, features, argument):
    """Return the numbers of columns, given by name or number: one, or a list of them."""
    given = [features] if isinstance(features, (str, int, np.integer)) else features
    kinds = (list, tuple, range)
    several = given.ndim == 1 if isinstance(given, np.ndarray) else isinstance(given, kinds)
    if not several or not len(given):
        raise ArgumentError(
            f"{argument}: expected columns, by name or number, got {features!r}"
        )
    found = [_number_of(names, one, argument) for one in given]
    if len(set(found)) < len(found):
        raise ArgumentError(f"{argument}: expected each column once, got {features!r}")
    return found


def _number_of(names, one, argument):
    """Return the number of one column."""
    if not isinstance(one, str):
        return whole_number(one, argument, 0, len(names) - 1)
    if one not in names:
        raise UnknownNameError(f"{argument}: no column {one!r}{advice(one, names)}")
    return names.index(one)


def groups_of(names, groups, argument="groups"):
    """Return (labels, lists of columns) of groups: a dict of name -> columns; the rest alone.

    A group stands where its first column does.
    """
    if groups is None:
        return list(names), [[k] for k in range(len(names))]
    if not isinstance(groups, dict):
        raise DataTypeError(f"{argument}: expected a dict of name -> columns, got {groups!r}")
    owner = {}
    for label, features in groups.items():
        for column in columns_of(names, features, f"{argument}[{label!r}]"):
            if column in owner:
                both = f"{owner[column]!r} and {label!r}"
                raise ArgumentError(f"{argument}: {names[column]!r} is in two, {both}")
            owner[column] = label
    parts = {}  # by the label of a group in a tuple, or by the number of a column alone
    for column in range(len(names)):
        parts.setdefault((owner[column],) if column in owner else column, []).append(column)
    labels = [str(key[0]) if isinstance(key, tuple) else names[key] for key in parts]
    for label in labels:
        if labels.count(label) > 1:
            raise ArgumentError(
                f"{argument}: {label!r} would be the name of two features: rename the group"
            )
    return labels, list(parts.values())
