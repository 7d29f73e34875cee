"""What all optimizers share: their arguments, their learning rate, and what they keep.

An optimizer is a description; the update itself is one loop over flat vectors, run by the
engine, the same in ``fit`` and in ``apply_gradients``.
"""

import copy
import inspect
import re

import numpy as np

from fastgd._core import types
from fastgd._data.validation import number
from fastgd._registry.objects import Serializable
from fastgd.errors import ArgumentError, DataTypeError
from fastgd.optimizers.pairs import vector_of
from fastgd.optimizers.scalars import Count, Rate
from fastgd.optimizers.schedules import LearningRateSchedule
from fastgd.optimizers.states import States, check_arrays, place, trained_variables
from fastgd.optimizers.stepping import Stepping
from fastgd.variables import Variable


class Optimizer(Stepping, Serializable):
    """What all optimizers share.

    Parameters
    ----------
    learning_rate : float, LearningRateSchedule or callable
        At least 0; a schedule gives the rate of each step, a callable without arguments that of
        the steps until it is asked again.
    weight_decay : float, optional
        Before each update, w = w - learning_rate weight_decay w. See exclude_from_weight_decay.
    clipnorm : float, optional
        A variable's gradient whose Euclidean norm is greater is scaled down to it.
    clipvalue : float, optional
        Each element of a gradient is clipped to [-clipvalue, clipvalue].
    global_clipnorm : float, optional
        As clipnorm, but of all gradients together. At most one of the three may be given.
    use_ema : bool
        After each update, average = ema_momentum average + (1 - ema_momentum) w; the first one
        begins it. At the end of ``fit`` the average takes the weights' place.
    ema_momentum : float
        In [0, 1].
    ema_overwrite_frequency : int, optional
        The average takes the weights' place after every so many updates, too.
    loss_scale_factor : None
        Accepted as in Keras; float32 and float64 need no scaling, and it has to be None.
    gradient_accumulation_steps : int, optional
        At least 2: so many steps add up to one update, with the mean of their gradients.
    name : str, optional

    Attributes
    ----------
    learning_rate : float
        That of the next step. May be set at any time, also by ``learning_rate.assign(value)``,
        unless it is a schedule's.
    iterations : int
        The updates so far.
    """

    #: A code of types.Update; None for what is no optimizer yet.
    kind = None
    #: Whether the formula is one of whole variables, not of weights.
    whole_variables = False
    #: Whether a step needs the loss itself, again and again: see fastgd.optimizers.lbfgs.
    whole_batch = False

    def __init__(
        self, learning_rate, weight_decay=None, clipnorm=None, clipvalue=None,
        global_clipnorm=None, use_ema=False, ema_momentum=0.99, ema_overwrite_frequency=None,
        loss_scale_factor=None, gradient_accumulation_steps=None, name=None,
    ):  # fmt: skip
        self.name = name or type(self).__name__.lower()
        self._rate = None
        self.learning_rate = learning_rate
        clips = {
            "clipnorm": clipnorm,
            "clipvalue": clipvalue,
            "global_clipnorm": global_clipnorm,
        }
        given = [k for k, v in clips.items() if v is not None]
        if len(given) > 1:
            raise ArgumentError(f"{given[1]}: expected None where {given[0]} is given")
        self.weight_decay = _optional(weight_decay, "weight_decay")
        self.clipnorm = _optional(clipnorm, "clipnorm")
        self.clipvalue = _optional(clipvalue, "clipvalue")
        self.global_clipnorm = _optional(global_clipnorm, "global_clipnorm")
        self.use_ema = bool(use_ema)
        self.ema_momentum = number(ema_momentum, "ema_momentum", 0, 1)
        self.ema_overwrite_frequency = _count(
            ema_overwrite_frequency, "ema_overwrite_frequency", 1
        )
        if loss_scale_factor is not None:
            raise ArgumentError(
                "loss_scale_factor: expected None, for float32 and float64 need no scaling; "
                f"got {loss_scale_factor!r}"
            )
        self.loss_scale_factor = None
        self.gradient_accumulation_steps = _count(
            gradient_accumulation_steps, "gradient_accumulation_steps", 2
        )
        self._steps = np.zeros(1, dtype=np.int64)
        self._states = States()
        self._built = None
        self._excluded_names = ()
        self._excluded_places = set()

    # -- what the engine asks for -------------------------------------------------------------

    def settings(self):
        """The numbers that the engine's formula takes, in the order of types.pxd."""
        raise NotImplementedError

    def slots(self):
        """What is kept of each weight: a dict of name -> the number it begins with."""
        raise NotImplementedError

    def _all_slots(self):
        slots = self.slots()
        if self.use_ema:
            slots["average"] = None  # begins with the weights
        if self.gradient_accumulation_steps:
            slots["gradient_accumulator"] = 0.0
        return slots

    def _options(self):
        """The fields of types.OPTIONS that are not 0."""
        accumulation = self.gradient_accumulation_steps or 1
        values = {
            "weight_decay": self.weight_decay, "clipnorm": self.clipnorm,
            "clipvalue": self.clipvalue, "global_clipnorm": self.global_clipnorm,
            "use_ema": self.use_ema,
            "ema_momentum": self.use_ema and self.ema_momentum,
            "ema_frequency": self.use_ema and self.ema_overwrite_frequency,
            "accumulation": accumulation > 1 and accumulation,
        }  # fmt: skip
        return {name: value for name, value in values.items() if value}

    def state(self, vector, variables=None):
        """The State for a vector: made when it is first seen, dropped with the vector.

        Parameters
        ----------
        vector : ndarray
            A model's flat parameters, or any array of float32 or float64.
        variables : iterable of Variable, optional
            What of it is updated, in any order: a model's trainable variables. Without it: the
            trainable Variables that lie in the vector, or all of it if there are none.
        """
        settings = self.settings()
        kept = self._states.find(vector, self.kind, self._all_slots(), settings, self._steps)
        kept.settings[:] = settings
        state = copy.copy(kept)  # others may ask for other variables of the vector
        variables = trained_variables(vector) if variables is None else list(variables)
        whole = variables is None or sum(v.size for v in variables) == vector.size
        options = self._options()
        if whole and not options and not self.whole_variables:
            return state
        if variables is not None:
            parts = tuple((v.offset, v.shape, self._decays(v)) for v in variables if v.size)
        else:
            parts = ((0, vector.shape, self._decays(vector)),)
        state.segments, blocks = kept.table(parts)
        state.squares = np.zeros(blocks)
        state.options = np.zeros(1, types.OPTIONS)
        state.options["accumulation"] = 1
        for name, value in options.items():
            state.options[name] = value
        return state

    def moved(self, vector, moves):
        """Follow weights to another vector, with what is kept of them.

        Parameters
        ----------
        vector : ndarray
            Where they are now.
        moves : list of (ndarray, int, int, int)
            The vector where they were, where in it, where in the new one, and how many.
        """
        known = {id(old): self._states.known(old) for old, *_ in moves}
        if not any(known.values()):
            return
        rows = self.state(vector).arrays()
        for old, before, after, size in moves:
            if known[id(old)] is not None:
                for name, row in known[id(old)].arrays().items():
                    if name in rows:
                        rows[name][after : after + size] = row[before : before + size]

    @property
    def scheduled(self):
        """Whether each step has a learning rate of its own."""
        return isinstance(self._rate, LearningRateSchedule)

    @property
    def rate_is_constant(self):
        """Whether the learning rate stays what it is until somebody sets another."""
        return type(self._rate) is float

    def rates(self, offset=0, count=1):
        """The learning rates of the steps from iterations + offset on, for ``Program.train``.

        Parameters
        ----------
        offset : int
            In steps, counted from those taken so far.
        count : int

        Returns
        -------
        ndarray of float64, shape (count,) for a schedule, (1,) for a constant
        """
        if self.scheduled:
            return self._rate.rates(int(self._steps[0]) + offset, count)
        rate = self._rate
        return np.array([rate if type(rate) is float else float(self.learning_rate)])

    # -- learning rate and count --------------------------------------------------------------

    @property
    def learning_rate(self):
        """The learning rate of the next step."""
        rate = self._rate
        if isinstance(rate, LearningRateSchedule):
            rate = rate.rates(int(self._steps[0]), 1)[0]
        elif callable(rate):
            rate = number(_plain(rate()), "learning_rate", low=0)
        return Rate(rate, self._set_rate)

    @learning_rate.setter
    def learning_rate(self, value):
        self._set_rate(value)

    def _set_rate(self, value):
        if isinstance(value, type) and issubclass(value, LearningRateSchedule):
            raise DataTypeError(
                "learning_rate: expected a schedule with its arguments, "
                f"got {value.__name__} itself"
            )
        if isinstance(value, LearningRateSchedule) or callable(value):
            self._rate = value
            return
        if isinstance(self._rate, LearningRateSchedule):
            raise DataTypeError(
                "learning_rate: that of a schedule cannot be set; make the optimizer with a "
                "number, or set another schedule"
            )
        self._rate = number(_plain(value), "learning_rate", low=0)

    @property
    def iterations(self):
        """The updates so far."""
        return Count(self._steps[0] // (self.gradient_accumulation_steps or 1), self._set_count)

    @iterations.setter
    def iterations(self, value):
        self._set_count(value)

    def _set_count(self, value):
        count = _count(value, "iterations", 0)
        self._steps[0] = count * (self.gradient_accumulation_steps or 1)

    # -- weight decay and averages ------------------------------------------------------------

    def exclude_from_weight_decay(self, var_list=None, var_names=None):
        """Choose variables that weight_decay leaves alone; replaces an earlier choice.

        Parameters
        ----------
        var_list : list of Variable or ndarray, optional
        var_names : list of str, optional
            Patterns of ``re``: a variable in whose name one of them is found is left alone.

        Examples
        --------
        >>> from fastgd.optimizers import AdamW
        >>> AdamW().exclude_from_weight_decay(var_names=["bias"])
        """
        names = list(var_names or ())
        for variable in var_list or ():
            if isinstance(variable, Variable):
                names.append(f"^{re.escape(variable.name)}$")
        self._excluded_names = tuple(names)
        self._excluded_places = {
            place(v) for v in var_list or () if not isinstance(v, Variable)
        }

    def _decays(self, variable):
        if not self.weight_decay:
            return False
        if not isinstance(variable, Variable):
            return place(variable) not in self._excluded_places
        return not any(re.search(name, variable.name) for name in self._excluded_names)

    def finalize_variable_values(self, var_list):
        """With use_ema, put the averages in the place of the weights; else do nothing.

        Parameters
        ----------
        var_list : list of Variable or ndarray
            Those without an average yet, that no step has updated, stay.
        """
        if not self.use_ema:
            return
        for variable in var_list:
            state = self._states.known(vector_of(variable))
            if state is not None:
                offset = getattr(variable, "offset", None) or 0
                average = state.arrays()["average"][offset : offset + variable.size]
                variable[...] = average.reshape(variable.shape)

    # -- state --------------------------------------------------------------------------------

    @property
    def variables(self):
        """iterations, learning_rate, and what is kept: a list, each with name and numpy().

        A row of the state of a model's flat vector is one Variable, of the shape (n,).
        """
        rows = [
            Variable(row, 0, row.shape, name=f"{self.name}/{name}", trainable=False)
            for state in self._states.living()
            for name, row in state.arrays().items()
        ]
        return [self.iterations, self.learning_rate, *rows]

    def state_arrays(self, vector):
        """All that training needs to go on: a dict of name -> array.

        Parameters
        ----------
        vector : ndarray
            A model's flat parameters.

        Returns
        -------
        dict
            "iterations", the steps so far: int64, shape (1,); and a row for each figure that is
            kept of the weights, such as "momentum": of the vector's data type, shape (n,). They
            are views: the next step changes them.
        """
        return {"iterations": self._steps} | self.state(vector).arrays()

    def load_state_arrays(self, vector, arrays):
        """Take up what ``state_arrays`` gave, for a vector of the same size and data type.

        Raises
        ------
        ArgumentError, ShapeError, DataTypeError
            If the arrays are not those of this optimizer; then nothing is changed.
        """
        state = self.state(vector)
        check_arrays(arrays, state)
        self._steps[:] = arrays["iterations"]
        for name, row in state.arrays().items():
            row[:] = arrays[name]

    def fresh(self):
        """An optimizer with the same settings that has taken no step yet."""
        twin = object.__new__(type(self))
        vars(twin).update(vars(self))
        twin._steps = np.zeros(1, dtype=np.int64)
        twin._states, twin._built, twin._excluded_places = States(), None, set()
        return twin

    def __getstate__(self):
        """What copies and pickles hold: what is kept of vectors, but not the vectors.

        A place in memory says nothing about a copy.
        """
        copied = {"_states": copy.deepcopy(self._states), "_steps": self._steps.copy()}
        return vars(self) | copied | {"_excluded_places": set(), "_built": None}

    # -- configuration ------------------------------------------------------------------------

    def get_config(self):
        """The arguments that make this optimizer again."""
        values = {
            name: getattr(self, name)
            for name in inspect.signature(type(self)).parameters
            if name != "learning_rate" and hasattr(self, name)
        }
        return {"name": self.name, "learning_rate": self._rate} | values

    def __repr__(self):
        arguments = ", ".join(f"{k}={v!r}" for k, v in self.get_config().items())
        return f"{type(self).__name__}({arguments})"


def _plain(value):
    """A number out of what has one, such as a variable."""
    return value.numpy() if hasattr(value, "numpy") else value


def _optional(value, argument):
    return None if value is None else number(value, argument, 0)


def _count(value, argument, low):
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < low:
        raise ArgumentError(
            f"{argument}: expected a whole number of at least {low}, got {value!r}"
        )
    return int(value)


def below_one(value, argument):
    """A number in [0, 1)."""
    return number(value, argument, 0, float(np.nextafter(1, 0)))
