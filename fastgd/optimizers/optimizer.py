"""The arguments, the learning rate and the state that all optimizers share."""

import copy
import inspect
import re
from collections.abc import Iterable, Sequence
from typing import Any, ClassVar, Self

import numpy as np

from fastgd._data.validation import boolean, number
from fastgd._engine.penalties import constrain
from fastgd._registry.advice import unknown_argument
from fastgd._registry.names import checked_name
from fastgd._registry.registry import Described
from fastgd._typing import Array, Config, Data
from fastgd.errors import ArgumentError, NotBuiltError
from fastgd.optimizers import options, states
from fastgd.optimizers.checks import non_negative, whole
from fastgd.optimizers.options import Count, LearningRate, Rate
from fastgd.optimizers.schedules import LearningRateSchedule
from fastgd.optimizers.states import State
from fastgd.variables import Variable


class Optimizer(Described):
    """The base of all optimizers: each takes these arguments and those of its formula.

    An optimizer is a description. The update itself is one compiled loop over flat vectors, in
    ``fit`` as in ``apply_gradients``.

    Parameters
    ----------
    learning_rate : float, LearningRateSchedule or callable
        At least 0. A schedule gives the rate of each step. A callable without arguments gives
        the rate of all steps until it is called again.
    weight_decay : float, optional
        Before each update, w = w - learning_rate weight_decay w. See exclude_from_weight_decay.
    clipnorm : float, optional
        Scale each variable's gradient down to this Euclidean norm where it is greater.
    clipvalue : float, optional
        Clip each element of a gradient to [-clipvalue, clipvalue].
    global_clipnorm : float, optional
        As clipnorm, but of all gradients together. At most one of the three may be given.
    use_ema : bool
        After each update, average = ema_momentum average + (1 - ema_momentum) w; the first one
        starts it. At the end of ``fit`` the average replaces the weights.
    ema_momentum : float in [0, 1]
    ema_overwrite_frequency : int, optional
        The average also replaces the weights after every so many updates.
    loss_scale_factor : None
        Accepted as in Keras; float32 and float64 need no scaling, so it has to be None.
    gradient_accumulation_steps : int, optional
        At least 2: so many steps make one update, with the mean of their gradients.
    name : str, optional
    **unknown
        Anything else is an UnknownNameError, which lists the arguments that there are.

    Attributes
    ----------
    learning_rate : float
        That of the next step. May be set at any time, also by ``learning_rate.assign(value)``,
        unless it is a schedule's.
    iterations : int, the updates so far
    revision : int
        Grows whenever a setting changes, or state is loaded or moved; steps leave it. While it
        stays the same, so do ``state(vector, variables)`` and a constant learning rate.
    private : bool
        Whether a model is trained privately by it: then ``apply_gradients`` refuses.
    """

    revision = 0
    private = False
    name: str
    weight_decay: float | None
    clipnorm: float | None
    clipvalue: float | None
    global_clipnorm: float | None
    use_ema: bool
    ema_momentum: float
    ema_overwrite_frequency: int | None
    gradient_accumulation_steps: int | None
    _rate: LearningRate
    _steps: Array
    _states: states.States
    _built: list[Array] | None
    _excluded_names: tuple[str, ...]
    _excluded_places: set[tuple[Any, ...]]
    #: A code of types.Update; None for the base class, which has no formula.
    kind: ClassVar[int | None] = None
    #: True if the formula needs whole variables, such as their norms.
    whole_variables: ClassVar[bool] = False
    #: True if a step computes the loss itself, several times: see fastgd.optimizers.lbfgs.
    whole_batch: ClassVar[bool] = False
    #: The attributes that the formula takes, in the order of types.pxd.
    _setting_names: ClassVar[tuple[str, ...]] = ()
    #: The names of the rows that are kept of the weights and start with zeros.
    _slot_names: ClassVar[tuple[str, ...]] = ()
    __signature__: ClassVar[inspect.Signature]

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Show the arguments that a class passes on as ``**options`` in its signature."""
        super().__init_subclass__(**kwargs)
        cls.__signature__ = options.full_signature(cls)

    def __init__(self, learning_rate: LearningRate, *, weight_decay: float | None = None,
                 clipnorm: float | None = None, clipvalue: float | None = None,
                 global_clipnorm: float | None = None, use_ema: bool = False,
                 ema_momentum: float = 0.99, ema_overwrite_frequency: int | None = None,
                 loss_scale_factor: None = None, gradient_accumulation_steps: int | None = None,
                 name: str | None = None, **unknown: Any) -> None:  # fmt: skip
        for argument in unknown:
            arguments = inspect.signature(type(self)).parameters
            raise unknown_argument(type(self).__name__, argument, arguments)
        clips = {
            "clipnorm": non_negative(clipnorm, "clipnorm"),
            "clipvalue": non_negative(clipvalue, "clipvalue"),
            "global_clipnorm": non_negative(global_clipnorm, "global_clipnorm"),
        }
        given = [argument for argument, clip in clips.items() if clip is not None]
        if len(given) > 1:
            raise ArgumentError(f"{given[1]}: expected None where {given[0]} is given")
        if loss_scale_factor is not None:
            reason = "float32 and float64 need no scaling"
            raise ArgumentError(
                f"loss_scale_factor: expected None, for {reason}; got {loss_scale_factor!r}"
            )
        every = whole(ema_overwrite_frequency, "ema_overwrite_frequency", 1)
        steps = whole(gradient_accumulation_steps, "gradient_accumulation_steps", 2)
        vars(self).update(  # past __setattr__: there is no setting yet to be changed
            name=checked_name(name) or type(self).__name__.lower(), _rate=0.0,
            weight_decay=non_negative(weight_decay, "weight_decay"), **clips,
            use_ema=boolean(use_ema, "use_ema"),
            ema_momentum=number(ema_momentum, "ema_momentum", 0, 1),
            ema_overwrite_frequency=every, loss_scale_factor=None,
            gradient_accumulation_steps=steps, _steps=np.zeros(1, dtype=np.int64),
            _states=states.States(), _built=None, _excluded_names=(), _excluded_places=set(),
        )  # fmt: skip
        self.learning_rate = learning_rate

    def __setattr__(self, name: str, value: Any) -> None:
        object.__setattr__(self, name, value)
        self.__dict__["revision"] = self.revision + 1

    def _count_change(self):
        self.__dict__["revision"] = self.revision + 1

    def settings(self) -> list[float]:
        """Return the numbers that the engine's formula takes, in the order of types.pxd."""
        return [float(getattr(self, name)) for name in self._setting_names]

    def slots(self) -> dict[str, float]:
        """Return the rows kept of the weights: name -> the number that a row starts with."""
        return dict.fromkeys(self._slot_names, 0.0)

    def all_slots(self) -> dict[str, float | None]:
        """Return ``slots`` and the rows of the options; None starts with the weights."""
        slots: dict[str, float | None] = dict(self.slots())
        if self.use_ema:
            slots["average"] = None
        if self.gradient_accumulation_steps:
            slots["gradient_accumulator"] = 0.0
        return slots

    def state(self, vector: Array, variables: Iterable[Variable] | None = None) -> State:
        """Return the State for a vector: made on first use, dropped with the vector.

        The vector is a model's flat parameters, or any array of float32 or float64. The
        variables, in any order, are the part of it that is updated: by default the trainable
        Variables that lie in it, or all of it if there are none.
        """
        slots = self.all_slots()
        state = self._states.find(vector, self.kind, slots, self.settings(), self._steps)
        updated = states.trained_variables(vector) if variables is None else list(variables)
        all_of_it = updated is None or sum(v.size for v in updated) == vector.size
        in_use, needed = options.engine_options(self)
        if all_of_it and not needed and not self.whole_variables:
            return copy.copy(state)  # the caller may change it
        if updated is None:
            return state.of_parts([(0, vector.shape, self._decays(vector))], in_use)
        parts = [(v.offset, v.shape, self._decays(v)) for v in updated if v.size]
        return state.of_parts(parts, in_use)

    def moved(self, vector: Array, moves: Sequence[tuple[Array, int, int, int]]) -> None:
        """Move the state along with weights that now lie in another vector.

        Each move is (old vector, offset in it, offset in the new vector, number of weights).
        """
        known = {id(old): self._states.known(old) for old, *_ in moves}
        if not any(known.values()):
            return
        rows = self.state(vector).arrays()
        for old, before, after, size in moves:
            state = known[id(old)]
            for name, row in state.arrays().items() if state is not None else ():
                if name in rows:
                    rows[name][after : after + size] = row[before : before + size]
        self._count_change()

    @property
    def scheduled(self) -> bool:
        """Whether each step has its own learning rate."""
        return isinstance(self._rate, LearningRateSchedule)

    @property
    def rate_is_constant(self) -> bool:
        """Whether the learning rate stays the same until another one is set."""
        return type(self._rate) is float

    def rates(self, offset: int = 0, count: int = 1) -> Array:
        """Return the learning rates of `count` steps from iterations + offset on, as float64.

        The shape is (count,) for a schedule and (1,) for anything else.
        """
        if isinstance(self._rate, LearningRateSchedule):
            return self._rate.rates(int(self._steps[0]) + offset, count)
        return np.array([options.rate_at(self._rate, 0)])

    @property
    def learning_rate(self) -> Rate:
        """The learning rate of the next step."""
        return Rate(options.rate_at(self._rate, int(self._steps[0])), self._set_rate)

    @learning_rate.setter
    def learning_rate(self, value: LearningRate) -> None:
        self._set_rate(value)

    def _set_rate(self, value):
        self._rate = options.checked_rate(value, self._rate)

    @property
    def iterations(self) -> Count:
        """The updates so far."""
        return Count(self._steps[0] // (self.gradient_accumulation_steps or 1), self._set_count)

    @iterations.setter
    def iterations(self, value: int) -> None:
        self._set_count(value)

    def _set_count(self, value):
        steps = whole(value, "iterations", 0) * (self.gradient_accumulation_steps or 1)
        self._steps[0] = whole(steps, "iterations", 0)

    def build(self, variables: Iterable[Array]) -> None:
        """Make the state of variables, which the first step would do otherwise."""
        self._built = list(variables)
        states.build(self, self._built)

    def apply_gradients(self, grads_and_vars: Iterable[tuple[Data, Array]]) -> None:
        """Take one step.

        Parameters
        ----------
        grads_and_vars : iterable of (gradient, variable)
            A variable is a model's own (``model.trainable_variables``) or any writable array of
            float32 or float64; it is updated in place. Pairs whose gradient is None are left
            out, and a UserWarning names their variables. When all variables of a model are
            there, this is one compiled update over its flat vector, with the same bits as in
            ``fit``.

        Raises
        ------
        ArgumentError
            If a model was compiled with this optimizer and with privacy.
        ShapeError, DataTypeError
            If a gradient does not fit its variable; then nothing is changed.
        DivergenceError
            If a gradient or an update is not finite; then nothing is changed. (Where all
            variables are one model's, weights whose update is finite take it.)

        Examples
        --------
        >>> import numpy as np
        >>> from fastgd.optimizers import SGD
        >>> w = np.array([1.0, 2.0])
        >>> SGD(learning_rate=0.5).apply_gradients([(np.array([2.0, 2.0]), w)])
        >>> w
        array([0., 1.])
        """
        if self.private:
            raise ArgumentError(
                "apply_gradients: a model is trained privately by this optimizer, but these "
                "gradients are neither clipped nor noisy: call fit, or use another optimizer"
            )
        states.apply_gradients(self, grads_and_vars)

    def apply(self, grads: Iterable[Data],
              trainable_variables: Iterable[Array] | None = None) -> None:  # fmt: skip
        """Take one step: ``apply_gradients(zip(grads, trainable_variables))``.

        By default trainable_variables are those that ``build`` was called with.
        """
        if trainable_variables is None:
            if self._built is None:
                raise NotBuiltError("apply: expected trainable_variables, or build(...) before")
            trainable_variables = self._built
        self.apply_gradients(zip(grads, trainable_variables, strict=True))

    def scale_loss(self, loss: Data) -> Data:
        """Return the loss itself: there is no loss_scale_factor."""
        return loss

    def exclude_from_weight_decay(self, var_list: Iterable[Array] | None = None,
                                  var_names: Iterable[str] | None = None) -> None:  # fmt: skip
        """Choose variables that weight_decay does not change; replaces an earlier choice.

        Parameters
        ----------
        var_list : list of Variable or ndarray, optional
        var_names : list of str, optional
            Patterns of ``re``: excludes each variable in whose name one of them is found.

        Examples
        --------
        >>> from fastgd.optimizers import AdamW
        >>> AdamW().exclude_from_weight_decay(var_names=["bias"])
        """
        variables = list(var_list or ())
        own = [f"^{re.escape(str(v.name))}$" for v in variables if isinstance(v, Variable)]
        self._excluded_names = (*(var_names or ()), *own)
        arrays = (v for v in variables if not isinstance(v, Variable))
        self._excluded_places = set(map(states.place, arrays))

    def _decays(self, variable):
        if not self.weight_decay:
            return False
        if not isinstance(variable, Variable):
            return states.place(variable) not in self._excluded_places
        return not any(re.search(name, variable.name) for name in self._excluded_names)

    def finalize_variable_values(self, var_list: Iterable[Array]) -> None:
        """Replace weights by their averages, with use_ema; do nothing without it.

        Averages are of weights before they are projected, so that those with a constraint are
        projected here.

        Parameters
        ----------
        var_list : list of Variable or ndarray
            Those that no step has updated have no average yet and stay as they are.
        """
        for variable in var_list if self.use_ema else ():
            state = self._states.known(states.vector_of(variable))
            if state is not None:
                offset = getattr(variable, "offset", None) or 0
                average = state.arrays()["average"][offset : offset + variable.size]
                variable[...] = average.reshape(variable.shape)
                constrain([variable])

    @property
    def variables(self) -> list[Any]:
        """A list of iterations, learning_rate and the rows of each state as Variables (n,)."""
        rows = [
            Variable(row, 0, row.shape, name=f"{self.name}/{name}", trainable=False)
            for state in self._states.living()
            for name, row in state.arrays().items()
        ]
        return [self.iterations, self.learning_rate, *rows]

    def state_arrays(self, vector: Array) -> dict[str, Array]:
        """Return the state that training needs to resume, for a model's flat parameters.

        It holds "iterations", the steps so far: int64, shape (1,); and a row for each value
        kept of a weight, such as "momentum": of the vector's data type, shape (n,). They are
        views: the next step changes them.
        """
        return {"iterations": self._steps} | self.state(vector).arrays()

    def load_state_arrays(self, vector: Array, arrays: dict[str, Array]) -> None:
        """Load what ``state_arrays`` returned for a vector of the same size and data type.

        Arrays that are not this optimizer's are an ArgumentError, ShapeError or DataTypeError;
        then nothing is changed.
        """
        self.state(vector).load(arrays)
        self._count_change()

    def fresh(self) -> Self:
        """Return an optimizer with the same settings that has taken no step yet."""
        twin = object.__new__(type(self))
        vars(twin).update(vars(self))
        twin._steps = np.zeros(1, dtype=np.int64)
        twin._states, twin._built, twin._excluded_places = states.States(), None, set()
        return twin

    def __getstate__(self) -> dict[str, Any]:
        """Return the attributes for copies and pickles: without vectors or places in memory."""
        copied = {"_states": copy.deepcopy(self._states), "_steps": self._steps.copy()}
        state = vars(self) | copied | {"_excluded_places": set(), "_built": None}
        state.pop("revision", None)
        return state

    def get_config(self) -> Config:
        """Return the arguments that make this optimizer again."""
        values = {
            name: getattr(self, name)
            for name in inspect.signature(type(self)).parameters
            if name != "learning_rate" and hasattr(self, name)
        }
        return {"name": self.name, "learning_rate": self._rate} | values
