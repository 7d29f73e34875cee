"""Reverse-mode differentiation of a program while it runs: `GradientTape`."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from fastgd._autodiff.active import active, followed
from fastgd._autodiff.array_methods import as_array
from fastgd._autodiff.array_rules import scatter
from fastgd._autodiff.tensor import Tensor, apply, plain, record
from fastgd._core.arrays import native
from fastgd._typing import Array, Data
from fastgd.errors import ArgumentError, DataTypeError, ShapeError, UnknownNameError
from fastgd.variables import Variable, variables_in

__all__ = ["GradientTape", "Tensor", "followed", "record", "recording"]


def recording() -> bool:
    """Return whether a tape records in this thread."""
    return bool(active.tapes)


class GradientTape:
    """Record operations and differentiate them, as TensorFlow's class of this name.

    Inside the ``with`` block the tape notes every operation on a trainable `Variable`, a
    model's output or a watched array, whether written with operators, NumPy functions or
    `fastgd.ops`. `gradient` then goes through the notes backwards.

    A tape belongs to the thread that entered it. Nested tapes record independently.
    Gradients are plain arrays. But those that are taken inside another tape are Tensors if it
    follows them, so that a second `gradient` gives second derivatives. Calls of models and
    layers, losses and activations have first derivatives only. Watched arrays must not be
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

    Second derivatives, here the product of the Hessian and a vector of ones:

    >>> with GradientTape() as outer:
    ...     with GradientTape() as inner:
    ...         loss = np.sum(w**3)
    ...     gradient = inner.gradient(loss, w)
    >>> outer.gradient(gradient, w)
    array([  6., -12.])
    """

    def __init__(self, persistent: bool = False, watch_accessed_variables: bool = True):
        flags = persistent, watch_accessed_variables
        if not {*map(type, flags)} <= {bool, int, np.bool_}:
            raise DataTypeError(
                f"persistent, watch_accessed_variables: expected True or False, got {flags}"
            )
        self._persistent, self._watch_variables = map(bool, flags)
        self.reset()

    def reset(self) -> None:
        """Forget everything that was recorded and watched."""
        self._forget()
        self._variables: list[Any] = []  # the Variables, and flat vectors of such, used so far
        self._used = False

    def _forget(self):
        # id of a followed array -> its slot (key, where): the key of its gradient and, for a
        # Variable, its slice of the flat gradient of the owner, whose key is the owner's id.
        self._slots = {}
        self._owners = {}  # those flat vectors by key
        self._nodes = []  # (key of the result, links to followed parents, backward)
        self._kept = []  # the followed arrays: an id stays theirs while they live

    def __enter__(self) -> "GradientTape":
        if self in active.tapes:
            raise ArgumentError("this tape is recording already; use a new GradientTape()")
        if self._used:
            self.reset()
        active.tapes += (self,)
        return self

    def __exit__(self, *exception: object) -> None:
        self._leave()

    def _leave(self):
        active.tapes = tuple(tape for tape in active.tapes if tape is not self)

    @contextlib.contextmanager
    def stop_recording(self) -> Iterator[None]:
        """Record no operation in a ``with`` block."""
        before = active.tapes
        self._leave()
        try:
            yield
        finally:
            active.tapes = before

    def watch(self, x: Data) -> Any:
        """Follow an array.

        Parameters
        ----------
        x : ndarray, Python float, Tensor or Variable, or list or tuple of them
            A plain ndarray is recognised from now on as an argument of `fastgd.ops`, itself
            and not a copy. The tape cannot see its operators and NumPy's functions: use the
            returned Tensor with those.

        Returns
        -------
        Tensor, Variable, or list or tuple of them
            The arrays to compute with. A Python number becomes a float64 Tensor.

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
        slot = self._slot(x) or self._follow(x, (id(x), None))
        if isinstance(x, Tensor):
            return x
        tensor = Tensor(native(x))
        self._follow(tensor, slot)
        return tensor

    def watched_variables(self) -> tuple[Variable, ...]:
        """Return the Variables that were used so far, or watched, in the order of first use.

        The call of a model uses all of its trainable Variables.
        """
        found: dict[Any, Variable] = {}
        for x in self._variables:
            if isinstance(x, Variable):
                found[_place(x)] = x
            else:
                found |= {_place(v): v for v in variables_in(x) if v.trainable}
        return tuple(found.values())

    def _follow(self, x, slot):
        self._slots[id(x)] = slot
        self._kept.append(x)
        return slot

    def _slot(self, x):
        """Return where the gradient of `x` is collected; None if `x` is not followed."""
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
        elif self._watch_variables and variables_in(x):
            return id(x), slice(0, x.size)
        return None

    def _links(self, parents, values):
        """Return (number, slot, plain value) of each parent that the tape follows."""
        found = []
        for i, parent in enumerate(parents):
            slot = self._slot(parent)
            if slot is not None:
                found.append((i, slot, values[i]))
        return found

    def _note(self, tensor, links, backward):
        """Note the operation with the result `tensor`; see `record`."""
        self._follow(tensor, (id(tensor), None))
        self._nodes.append((id(tensor), links, backward))

    def gradient(self, target: Any, sources: Any, output_gradients: Any = None,
                 unconnected_gradients: str = "none") -> Any:  # fmt: skip
        """Return the gradient of `target` with respect to `sources`.

        Parameters
        ----------
        target : Tensor, or list of Tensors
            The sum of all elements of all targets is differentiated.
        sources : Variable, Tensor or watched ndarray, or list, tuple or dict of them
        output_gradients : ndarray or list of ndarray, optional
            Weights of the targets' elements in the sum, of the shapes of the targets.
        unconnected_gradients : {"none", "zero"}
            The gradient of a source on which `target` does not depend: None, or zeros.

        Returns
        -------
        ndarray or None, in the structure of `sources`
            Each of the shape and dtype of its source, and a Tensor if another tape records
            and follows it. Those of Variables with one `owner` are views into one fresh flat
            array that is laid out as the owner.

        Raises
        ------
        ArgumentError
            On the second call, if the tape is not persistent.
        DataTypeError
            If `target` was computed from the gradient of a compiled function.
        UnknownNameError
            If `unconnected_gradients` is another word.
        """
        if str(unconnected_gradients) not in ("none", "zero"):
            raise UnknownNameError(
                f"unconnected_gradients must be 'none' or 'zero', got {unconnected_gradients!r}"
            )
        if self._used:
            raise ArgumentError(
                "gradient() was called a second time on a tape that is not persistent; "
                "create it with GradientTape(persistent=True)"
            )
        collected = _Gradients(self._owners)
        wanted = {slot[0] for x in _leaves(sources) if (slot := self._source_slot(x))}
        zero = str(unconnected_gradients) == "zero"
        before = active.tapes
        self._leave()  # only other tapes record the way back
        try:
            self._seed(collected, target, output_gradients)
            collected.walk(self._nodes, wanted)
            result = _map_structure(
                lambda x: collected.result(self._source_slot(x), x, zero), sources
            )
        finally:
            active.tapes = before
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
        targets, weights = target, output_gradients
        if not isinstance(target, (list, tuple)):
            targets, weights = [target], [weights]
        weights = [None] * len(targets) if weights is None else weights
        if not hasattr(weights, "__len__") or len(weights) != len(targets):
            raise ShapeError(
                f"output_gradients must have one entry per target, {len(targets)}, "
                f"got {weights!r}"
            )
        for x, weight in zip(targets, weights, strict=True):
            if not isinstance(x, (np.ndarray, np.generic, Tensor, int, float)):
                raise DataTypeError(f"target must be a Tensor, got {type(x).__name__}")
            slot = self._slot(x)
            if slot is None:
                continue
            weight = np.ones(x.shape, x.dtype) if weight is None else as_array(weight)
            if weight.shape != x.shape:
                raise ShapeError(
                    f"output_gradients must have the target's shape {x.shape}, "
                    f"got {weight.shape}"
                )
            collected.add(slot, weight if weight.dtype == x.dtype else weight.astype(x.dtype))


def _place(variable):
    return id(variable.owner), variable.offset, variable.shape


def value_and_grad(function: Callable[[Any], Any], x: Data) -> tuple[float, Array]:
    """Return the number that a function gives for an array, and its gradient, as x is."""
    x = native(np.array(x))
    with GradientTape() as tape:
        watched = tape.watch(x)
        value = function(watched)
    if np.size(value) != 1:
        raise ShapeError(f"regularizer: expected one number, got shape {np.shape(value)}")
    if not isinstance(value, Tensor):
        return float(value), np.zeros_like(x)
    return float(value.numpy()), plain(tape.gradient(value, watched))


class _Gradients:
    """Gradients by slot: ``(key, None)``, or ``(key of a flat vector, slice of it)``."""

    def __init__(self, owners):
        self._owners = owners
        self._arrays = {}
        self._parts = {}  # key of a flat vector -> the slices that got a contribution

    def add(self, slot, gradient):
        """Add a contribution."""
        key, where = slot
        if where is None:
            # Never in place: the array may be the gradient of another slot as well.
            so_far = self._arrays.get(key)
            self._arrays[key] = gradient if so_far is None else so_far + gradient
            return
        if key not in self._parts:
            self._parts[key] = []
            owner = self._owners[key]
            self._arrays[key] = np.zeros(owner.size, owner.dtype)
        self._parts[key].append(where)
        so_far = self._arrays[key]
        if isinstance(gradient, Tensor) or isinstance(so_far, Tensor):
            flat = apply(scatter, (gradient.reshape(-1), where, so_far.shape))
            self._arrays[key] = so_far + flat
        else:
            so_far[where] += gradient.reshape(-1)

    def walk(self, nodes, wanted):
        """Go through the nodes that depend on a key in `wanted`, from the last to the first."""
        depends = set()
        for key, links, _ in nodes:
            for _, slot, _ in links:
                if slot[0] in wanted or slot[0] in depends:
                    depends.add(key)
                    break
        for key, links, backward in reversed(nodes):
            if key not in depends or key not in self._arrays:
                continue
            # All that was computed from it comes later, so the gradient is complete.
            d = self._arrays[key] if key in wanted else self._arrays.pop(key)
            gradients = backward(d)
            for i, slot, like in links:
                if (gradient := gradients[i]) is None:
                    continue
                if type(gradient) is not np.ndarray:
                    gradient = as_array(gradient)
                if gradient.shape != like.shape:
                    raise ShapeError(
                        f"backward returned a gradient of shape {gradient.shape} for "
                        f"parents[{i}] of shape {like.shape}"
                    )
                if gradient.dtype != like.dtype:
                    gradient = gradient.astype(like.dtype)
                self.add(slot, gradient)

    def result(self, slot, source, zero):
        """Return the gradient of `source`; without one None, or zeros if `zero`."""
        if slot is not None and slot[0] in self._arrays:
            key, where = slot
            if where is None:
                found = self._arrays[key]
                return found if isinstance(found, Tensor) else np.array(found)
            if any(p.start < where.stop and where.start < p.stop for p in self._parts[key]):
                return self._arrays[key][where].reshape(source.shape)
        return np.zeros(source.shape, source.dtype) if zero else None


def _leaves(structure):
    """Return the items of nested lists, tuples and dicts in one list."""
    found: list[Any] = []
    _map_structure(found.append, structure)
    return found


def _map_structure(function, structure):
    """Return nested lists, tuples and dicts with ``function(item)`` for every item."""
    if isinstance(structure, dict):
        return {name: _map_structure(function, item) for name, item in structure.items()}
    if isinstance(structure, (list, tuple)):
        return type(structure)([_map_structure(function, item) for item in structure])
    return function(structure)
