"""Reverse-mode differentiation of what a program computes while it runs: `GradientTape`."""

import contextlib

import numpy as np

from fastgd._autodiff.backward import Gradients, leaves, map_structure
from fastgd._autodiff.tensor import Tensor, apply, apply_ufunc, followed, record
from fastgd._core.arrays import native
from fastgd.errors import ArgumentError, DataTypeError, ShapeError, UnknownNameError
from fastgd.variables import Variable, active, owners

__all__ = ["GradientTape", "Tensor", "followed", "record", "recording"]


def recording():
    """Whether a tape records in this thread.

    Returns
    -------
    bool
    """
    return bool(active.tapes)


class GradientTape:
    """Records operations and differentiates them, as TensorFlow's class of this name.

    Inside the ``with`` block the tape notes every operation on a trainable `Variable`, on a
    model's output and on what is watched, whether written with operators, NumPy functions or
    `fastgd.ops`. `gradient` then goes through the notes backwards.

    A tape belongs to the thread that entered it. Nested tapes record each for itself.
    Gradients are plain arrays: gradients of gradients are not supported, and an outer tape
    finds no connection (None) through the result of an inner one. Watched arrays must not be
    changed in place between their use and `gradient`; Variables may.

    Parameters
    ----------
    persistent : bool
        Whether `gradient` may be called more than once. The notes then live as long as the
        tape, else until the call.
    watch_accessed_variables : bool
        Whether Variables with ``trainable=True`` are watched without being asked.

    Examples
    --------
    >>> import numpy as np
    >>> from fastgd.tape import GradientTape
    >>> from fastgd.variables import Variable
    >>> w = Variable(np.array([1.0, -2.0]), name="w")
    >>> with GradientTape() as tape:
    ...     loss = np.mean((w - 3.0) ** 2)
    >>> tape.gradient(loss, [w])
    [array([-2., -5.])]
    """

    # What Variables, which this file builds on, call under a tape.
    _apply = staticmethod(apply)
    _apply_ufunc = staticmethod(apply_ufunc)

    def __init__(self, persistent=False, watch_accessed_variables=True):
        self._persistent = bool(persistent)
        self._watch_variables = bool(watch_accessed_variables)
        self.reset()

    def reset(self):
        """Forget everything that was recorded and watched."""
        self._forget()
        self._variables = []  # the Variables, and flat vectors of such, that were used
        self._used = False

    def _forget(self):
        # id of a followed array -> its slot (key, where): the key of its gradient and, for a
        # Variable, its slice of the flat gradient of the owner, whose key is the owner's id.
        self._slots = {}
        self._owners = {}  # those flat vectors by key
        self._nodes = []  # (key of the result, links to followed parents, backward)
        self._kept = []  # the followed arrays, so that their ids stay theirs

    def __enter__(self):
        if self in active.tapes:
            raise ArgumentError("this tape is recording already; use a new GradientTape()")
        if self._used:
            self.reset()
        active.tapes += (self,)
        return self

    def __exit__(self, *exception):
        self._leave()

    def _leave(self):
        active.tapes = tuple(tape for tape in active.tapes if tape is not self)

    @contextlib.contextmanager
    def stop_recording(self):
        """A ``with`` block whose operations this tape does not record."""
        before = active.tapes
        self._leave()
        try:
            yield
        finally:
            active.tapes = before

    def watch(self, x):
        """Follow an array.

        Parameters
        ----------
        x : ndarray, Python float, Tensor or Variable, or list or tuple of them
            A plain ndarray is recognised from now on where it is handed, itself and not a
            copy, to a function of `fastgd.ops`. Its own operators and NumPy functions cannot
            be seen: use the Tensor that is returned with those.

        Returns
        -------
        Tensor, Variable, or list or tuple of them
            What to compute with. A Python number becomes a float64 Tensor.

        Raises
        ------
        DataTypeError
            If `x` is not of a floating-point dtype.
        """
        if isinstance(x, (list, tuple)):
            return type(x)(self.watch(item) for item in x)
        if isinstance(x, (int, float)):
            x = np.asarray(x, dtype=np.float64)
        if not isinstance(x, (np.ndarray, np.generic, Tensor)):
            raise DataTypeError(f"x must be an array to be watched, got {type(x).__name__}")
        if x.dtype.kind != "f":
            raise DataTypeError(f"x must be of a floating-point dtype, got {x.dtype}")
        if isinstance(x, Variable):
            owner = x.owner
            self._owners[id(owner)] = owner
            self._slots.setdefault(id(owner), (id(owner), slice(0, owner.size)))
            self._slots[_place(x)] = True  # for other Variables at the same place, too
            self._slot(x)
            return x
        slot = self._slot(x)
        if slot is None:
            slot = self._follow(x, (id(x), None))
        if isinstance(x, Tensor):
            return x
        tensor = Tensor(native(x))
        self._follow(tensor, slot)
        return tensor

    def watched_variables(self):
        """The Variables that were used so far, or watched.

        Returns
        -------
        tuple of Variable
            In the order of first use; the call of a model uses all of its trainable ones.
        """
        found = {}
        for x in self._variables:
            for variable in [x] if isinstance(x, Variable) else _variables_in(x):
                found[_place(variable)] = variable
        return tuple(found.values())

    def _follow(self, x, slot):
        self._slots[id(x)] = slot
        self._kept.append(x)
        return slot

    def _slot(self, x):
        """Where the gradient of `x` is collected; None if the tape does not follow it."""
        slot = self._slots.get(id(x))
        if slot is None and isinstance(x, np.ndarray):
            slot = self._slot_in_owner(x)
            if slot is not None:
                owner = x.owner if isinstance(x, Variable) else x
                self._owners[id(owner)] = owner
                self._variables.append(x)
                self._follow(x, slot)
        return slot

    def _slot_in_owner(self, x):
        if isinstance(x, Variable):
            if _place(x) in self._slots or (self._watch_variables and x.trainable):
                return id(x.owner), slice(x.offset, x.offset + x.size)
        elif self._watch_variables and id(x) in owners:
            return id(x), slice(0, x.size)
        return None

    def _links(self, parents, values):
        """What an operation on `parents` leads back to: (number, slot, plain value) each."""
        found = []
        for i, parent in enumerate(parents):
            slot = self._slot(parent)
            if slot is not None:
                found.append((i, slot, values[i]))
        return found

    def _note(self, tensor, links, backward):
        """Note the operation that gave `tensor`; see `record`."""
        self._follow(tensor, (id(tensor), None))
        self._nodes.append((id(tensor), links, backward))

    def gradient(self, target, sources, output_gradients=None, unconnected_gradients="none"):
        """The gradient of `target` with respect to `sources`.

        Parameters
        ----------
        target : Tensor, or list of Tensors
            What to differentiate: the sum of all elements of all targets.
        sources : Variable, Tensor or watched ndarray, or list, tuple or dict of them
        output_gradients : ndarray or list of ndarray, optional
            Of the shapes of the targets: weights of their elements in the sum.
        unconnected_gradients : {"none", "zero"}
            What a source gets on which `target` does not depend: None, or zeros.

        Returns
        -------
        ndarray or None, in the structure of `sources`
            Each of the shape and dtype of its source. Those of Variables with one `owner`
            are views into one fresh flat array that is laid out as the owner.

        Raises
        ------
        ArgumentError
            On the second call, if the tape is not persistent.
        UnknownNameError
            If `unconnected_gradients` is another word.
        """
        if unconnected_gradients not in ("none", "zero"):
            raise UnknownNameError(
                f"unconnected_gradients must be 'none' or 'zero', got {unconnected_gradients!r}"
            )
        if self._used:
            raise ArgumentError(
                "gradient() was called a second time on a tape that is not persistent; "
                "create it with GradientTape(persistent=True)"
            )
        collected = Gradients(self._owners)
        wanted = {slot[0] for x in leaves(sources) if (slot := self._source_slot(x))}
        before, active.tapes = active.tapes, ()  # what follows is not to be recorded
        try:
            self._seed(collected, target, output_gradients)
            collected.walk(self._nodes, wanted)
        finally:
            active.tapes = before
        zero = unconnected_gradients == "zero"
        result = map_structure(
            lambda x: collected.result(self._source_slot(x), x, zero), sources
        )
        if not self._persistent:
            self._forget()
            self._used = True
            self._leave()
        return result

    def _source_slot(self, x):
        if not isinstance(x, (np.ndarray, np.generic, Tensor)):
            raise DataTypeError(
                f"sources must be Variables, Tensors or watched arrays, got {type(x).__name__}"
            )
        slot = self._slots.get(id(x))
        if slot is None and isinstance(x, np.ndarray):
            slot = self._slot_in_owner(x)
        return slot

    def _seed(self, collected, target, output_gradients):
        targets = target if isinstance(target, (list, tuple)) else [target]
        if output_gradients is None:
            weights = [None] * len(targets)
        elif isinstance(target, (list, tuple)):
            weights = output_gradients
        else:
            weights = [output_gradients]
        if len(weights) != len(targets):
            raise ShapeError(
                f"output_gradients must have one entry per target, {len(targets)}, "
                f"got {len(weights)}"
            )
        for x, weight in zip(targets, weights, strict=True):
            if not isinstance(x, (np.ndarray, np.generic, Tensor, int, float)):
                raise DataTypeError(f"target must be a Tensor, got {type(x).__name__}")
            slot = self._slot(x)
            if slot is None:
                continue
            weight = np.ones(x.shape, x.dtype) if weight is None else np.asarray(weight)
            if weight.shape != x.shape:
                raise ShapeError(
                    f"output_gradients must have the target's shape {x.shape}, "
                    f"got {weight.shape}"
                )
            collected.add(slot, weight.astype(x.dtype, copy=False))


def _variables_in(owner):
    views = sorted(owners.get(id(owner), {}).items(), key=lambda item: item[0])
    return [variable for _, variable in views if variable.trainable]


def _place(variable):
    return id(variable.owner), variable.offset, variable.shape


def value_and_grad(function, x):
    """What a function gives for an array, and the gradient, by the tape.

    Parameters
    ----------
    function : callable
        From an array or tensor to one number.
    x : ndarray

    Returns
    -------
    (float, ndarray)
        The gradient is of the shape and data type of x, zeros where nothing depends on x.

    Raises
    ------
    ShapeError
        If the function gives more than one number.
    """
    x = native(np.array(x))
    with GradientTape() as tape:
        watched = tape.watch(x)
        value = function(watched)
    if np.size(value) != 1:
        raise ShapeError(f"regularizer: expected one number, got shape {np.shape(value)}")
    if not isinstance(value, Tensor):
        return float(value), np.zeros_like(x)
    return float(value.numpy()), tape.gradient(value, watched)
