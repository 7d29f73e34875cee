"""Optimizers, with Keras' names, formulas and defaults.

An optimizer is a description; the update itself is one loop over flat vectors, run by the
engine, the same in ``fit`` and in ``apply_gradients``.
"""

import functools
import weakref
from dataclasses import dataclass

import numpy as np

from fastgd import _engines, config
from fastgd._core import types
from fastgd._names import lookup
from fastgd._regular import constrain
from fastgd._validate import number, numeric, prepared
from fastgd.errors import ArgumentError, DataTypeError, DivergenceError, ShapeError
from fastgd.saving import Serializable
from fastgd.variables import Variable


@dataclass
class State:
    """What an engine needs of an optimizer to update one flat vector.

    Attributes
    ----------
    kind : int
        A code of types.Update.
    settings : ndarray of float64
        The optimizer's arguments, in the order that the code says.
    slots : ndarray, shape (slots, n)
        One row as long as the vector for each figure that the optimizer keeps of a weight.
    iterations : ndarray of int64, shape (1,)
        The steps taken so far; the engine counts them.
    """

    kind: int
    settings: np.ndarray
    slots: np.ndarray
    iterations: np.ndarray


class Optimizer(Serializable):
    """What all optimizers share.

    Parameters
    ----------
    learning_rate : float
        At least 0.
    name : str, optional

    Attributes
    ----------
    learning_rate : float
        May be set at any time.
    iterations : int
        The steps taken so far.
    """

    kind = None

    def __init__(self, learning_rate, name=None):
        self.name = name or type(self).__name__.lower()
        self.learning_rate = learning_rate
        self._iterations = np.zeros(1, dtype=np.int64)
        self._states = {}
        self._kept = []  # of a copy: the slots it came with, for the vectors it will be given

    def settings(self):
        """The numbers that the engine's loop takes, in the order of types.pxd."""
        raise NotImplementedError

    def slot_count(self):
        """How many figures are kept of each weight."""
        raise NotImplementedError

    @property
    def learning_rate(self):
        """The size of a step."""
        return self._learning_rate

    @learning_rate.setter
    def learning_rate(self, value):
        self._learning_rate = number(value, "learning_rate", low=0)

    @property
    def iterations(self):
        """The steps taken so far."""
        return int(self._iterations[0])

    def state(self, vector):
        """The state for a vector: made when it is first seen, dropped with the vector."""
        key = _place(vector)
        owner = vector
        while isinstance(owner.base, np.ndarray):
            owner = owner.base
        entry = self._states.get(key)
        # momentum may be set after the first step, and then needs a slot that was not there
        if entry is None or entry[0]() is None or len(entry[1].slots) != self.slot_count():
            slots = self._first_slots(vector)
            state = State(int(self.kind), np.array(self.settings()), slots, self._iterations)
            # Not a Python function: a Ctrl-C that came while it runs would be lost.
            forget = functools.partial(self._states.pop, key)
            entry = (weakref.ref(owner, forget), state)
            self._states[key] = entry
        entry[1].settings[:] = self.settings()
        return entry[1]

    def state_arrays(self, vector):
        """What is kept for a vector, to be saved: a dict of name -> ndarray."""
        return {"iterations": self._iterations, "slots": self.state(vector).slots}

    def load_state_arrays(self, vector, arrays):
        """Take back what ``state_arrays`` gave, for a vector of the same size and data type."""
        for name, array in self.state_arrays(vector).items():
            array[...] = arrays[name]

    def _first_slots(self, vector):
        """Zeros for a vector that is new; for a copy the slots it came with, in their order."""
        shape = (self.slot_count(), vector.size)
        for i, slots in enumerate(self._kept):
            if slots.shape == shape and slots.dtype == vector.dtype:
                return self._kept.pop(i)
        return np.zeros(shape, dtype=vector.dtype)

    def __getstate__(self):
        """What copies and pickles hold: slots, but not the vectors that they belong to."""
        slots = [state.slots for _, state in self._states.values()] + self._kept
        copied = {"_kept": [s.copy() for s in slots], "_iterations": self._iterations.copy()}
        return vars(self) | {"_states": {}} | copied

    def apply_gradients(self, grads_and_vars):
        """Take one step.

        Parameters
        ----------
        grads_and_vars : iterable of (gradient, variable)
            A variable is a model's own (``model.trainable_variables``) or any writable array of
            float32 or float64; it is updated in place. Pairs whose gradient is None are left
            out. When all variables of a model are there, this is one compiled update over its
            flat vector, with the same bits as in ``fit``.

        Raises
        ------
        ShapeError, DataTypeError
            If a gradient does not fit its variable; then nothing is changed.
        DivergenceError
            If a gradient is not finite; then nothing of that model is changed.

        Examples
        --------
        >>> import numpy as np
        >>> from fastgd.optimizers import SGD
        >>> w = np.array([1.0, 2.0])
        >>> SGD(learning_rate=0.5).apply_gradients([(np.array([2.0, 2.0]), w)])
        >>> w
        array([0., 1.])
        """
        pairs = [_checked_pair(g, v) for g, v in grads_and_vars if g is not None]
        if not pairs:
            raise ArgumentError("grads_and_vars: there is no gradient for any variable")
        groups = list(self._grouped(pairs))
        if len(groups) > 1:  # the engine looks too, but must not find it after the first update
            for gradient, _, _ in groups:
                if not np.isfinite(gradient).all():
                    raise self._diverged("gradient")
        before = self.iterations
        for gradient, vector, state in groups:
            self._iterations[0] = before
            self._update(vector, gradient, state)
        constrain([variable for _, variable in pairs])

    def apply(self, grads, trainable_variables):
        """Take one step: ``apply_gradients(zip(grads, trainable_variables))``."""
        self.apply_gradients(zip(grads, trainable_variables, strict=True))

    def _grouped(self, pairs):
        """(gradient, vector, state) for each flat vector, or for each array without one."""
        models = {}
        if len({id(variable) for _, variable in pairs}) < len(pairs):
            raise ArgumentError("grads_and_vars: a variable stands there more than once")
        for gradient, variable in pairs:
            owned = isinstance(variable, Variable) and variable.owner is not None
            vector = variable.owner if owned else variable
            models.setdefault(id(vector), (vector, []))[1].append((gradient, variable))
        for vector, members in models.values():
            if isinstance(members[0][1], Variable):
                yield from self._model_groups(vector, members)
            else:
                for gradient, variable in members:
                    yield gradient, variable, self.state(variable)

    def _model_groups(self, owner, members):
        state = self.state(owner)
        offsets = {variable.offset for _, variable in members}
        whole = sum(variable.size for _, variable in members) == owner.size
        if whole and len(offsets) == len(members):
            yield _flat_gradient(members), owner, state
            return
        for gradient, variable in members:
            part = slice(variable.offset, variable.offset + variable.size)
            slots = state.slots[:, part]
            part_state = State(state.kind, state.settings, slots, state.iterations)
            yield gradient.reshape(-1), owner[part], part_state

    def _update(self, vector, gradient, state):
        flat = vector if vector.flags.carray else np.array(vector, order="C")
        status = _engines.load(config.engine()).update(
            flat.reshape(-1), gradient.reshape(-1), state, self.learning_rate
        )
        if status != types.Status.STATUS_FINE:
            raise self._diverged(
                "gradient" if status == types.Status.STATUS_GRADIENT else "update"
            )
        if flat is not vector:
            vector[...] = flat

    def _diverged(self, what):
        return DivergenceError(
            f"apply_gradients: the {what} of step {self.iterations} is not finite",
            step=self.iterations,
        )

    def get_config(self):
        """The arguments that make this optimizer again."""
        own = {k: v for k, v in vars(self).items() if not k.startswith("_")}
        return {"learning_rate": self.learning_rate} | own

    def __repr__(self):
        arguments = ", ".join(f"{k}={v!r}" for k, v in self.get_config().items())
        return f"{type(self).__name__}({arguments})"


def _place(array):
    return array.__array_interface__["data"][0], array.shape, array.strides


def _is_float(dtype):
    return dtype.char in "fd" and dtype.isnative


def _checked_pair(gradient, variable):
    if not isinstance(variable, np.ndarray) or not _is_float(variable.dtype):
        seen = getattr(variable, "dtype", type(variable).__name__)
        raise DataTypeError(f"variables: expected an array of float32 or float64, got {seen}")
    if not variable.flags.writeable:
        raise ArgumentError("variables: the array is read-only, so it cannot be updated")
    gradient = numeric(gradient, "gradients")
    if gradient.shape != variable.shape:
        raise ShapeError(
            f"gradients: expected the variable's shape {variable.shape}, got {gradient.shape}"
        )
    return prepared(gradient, variable.dtype), variable


def _flat_gradient(members):
    """The gradients of all variables of a model as one vector, in the order of the model's."""
    ordered = sorted(members, key=lambda member: member[1].offset)
    return np.concatenate([gradient.reshape(-1) for gradient, _ in ordered])


class SGD(Optimizer):
    """Gradient descent, with momentum.

    velocity = momentum velocity - learning_rate g, and w = w + velocity; with nesterov
    w = w + momentum velocity - learning_rate g.

    Parameters
    ----------
    learning_rate : float
    momentum : float
        In [0, 1].
    nesterov : bool
    name : str, optional
    """

    kind = types.Update.UPDATE_SGD

    def __init__(self, learning_rate=0.01, momentum=0.0, nesterov=False, *, name=None):
        super().__init__(learning_rate, name)
        self.momentum = number(momentum, "momentum", 0, 1)
        self.nesterov = bool(nesterov)

    def settings(self):
        return [self.momentum, float(self.nesterov)]

    def slot_count(self):
        return int(self.momentum > 0)


class RMSprop(Optimizer):
    """Steps divided by a running root mean square of the gradient (Hinton 2012).

    v = rho v + (1 - rho) g², and w = w - learning_rate g / sqrt(v + epsilon); centered
    subtracts the square of the running mean of g from v; momentum accumulates the steps.

    Parameters
    ----------
    learning_rate : float
    rho, momentum : float
        In [0, 1].
    epsilon : float
        Inside the root.
    centered : bool
    name : str, optional
    """

    kind = types.Update.UPDATE_RMSPROP

    def __init__(
        self, learning_rate=0.001, rho=0.9, momentum=0.0, epsilon=1e-7, centered=False,
        *, name=None,
    ):  # fmt: skip
        super().__init__(learning_rate, name)
        self.rho = number(rho, "rho", 0, 1)
        self.momentum = number(momentum, "momentum", 0, 1)
        self.epsilon = number(epsilon, "epsilon", 0)
        self.centered = bool(centered)

    def settings(self):
        return [self.rho, self.momentum, self.epsilon, float(self.centered)]

    def slot_count(self):
        return 1 + (self.momentum > 0) + self.centered


class Adam(Optimizer):
    """Adaptive moments (Kingma and Ba 2015).

    m = m + (1 - beta_1)(g - m), v = v + (1 - beta_2)(g² - v), and at step t = 1, 2, ...
    w = w - learning_rate sqrt(1 - beta_2^t) / (1 - beta_1^t) m / (sqrt(v) + epsilon).

    Parameters
    ----------
    learning_rate : float
    beta_1, beta_2 : float
        In [0, 1).
    epsilon : float
        The "epsilon hat" of the paper, just before its section 2.1: added to the root of the
        uncorrected v. PyTorch's eps is the other one.
    name : str, optional
    """

    kind = types.Update.UPDATE_ADAM

    def __init__(
        self, learning_rate=0.001, beta_1=0.9, beta_2=0.999, epsilon=1e-7, *, name=None
    ):
        super().__init__(learning_rate, name)
        largest = float(np.nextafter(1, 0))
        self.beta_1 = number(beta_1, "beta_1", 0, largest)
        self.beta_2 = number(beta_2, "beta_2", 0, largest)
        self.epsilon = number(epsilon, "epsilon", 0)

    def settings(self):
        return [self.beta_1, self.beta_2, self.epsilon]

    def slot_count(self):
        return 2


_CLASSES = (SGD, RMSprop, Adam)
_BY_NAME = {c.__name__: c for c in _CLASSES} | {c.__name__.lower(): c for c in _CLASSES}


def get(identifier):
    """The optimizer for a name, a class or an optimizer itself.

    Raises
    ------
    UnknownNameError
        Listing the names there are.
    """
    if isinstance(identifier, Optimizer) and identifier.kind is not None:
        return identifier
    is_class = isinstance(identifier, type) and issubclass(identifier, Optimizer)
    if is_class and identifier.kind is not None:
        return identifier()
    return lookup("optimizer", identifier, _BY_NAME)()
