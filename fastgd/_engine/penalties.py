"""Turn regularizers and constraints into rows for the engine, or calls between its steps."""

import functools
from dataclasses import dataclass
from typing import Any

import numpy as np

from fastgd._core.types import CONSTRAINT_ROW, PENALTY_ROW, Penalty
from fastgd.errors import ShapeError
from fastgd.tape import value_and_grad

#: Penalties whose gradients do not pass through a flat vector of their own.
ELEMENTWISE = {Penalty.PENALTY_L1L2, Penalty.PENALTY_SHARED}


@dataclass(frozen=True)
class PenaltyPlan:
    """Hold the penalties and constraints of a network's variables.

    Attributes
    ----------
    penalties : ndarray of types.PENALTY_ROW
    constraints : ndarray of types.CONSTRAINT_ROW
    penalty_gradients : ndarray, shape (parameters,) or (0,)
        Where the gradients pass through that are not elementwise; empty where there are none.
    given : list of (int, Variable)
        Rows of `penalties` whose values and gradients Python gives before each step.
    called : list of Variable
        Those whose constraints Python calls after each step.
    start : int
        Where in the variables' owner the program's vector begins.
    """

    penalties: np.ndarray
    constraints: np.ndarray
    penalty_gradients: np.ndarray
    given: list[Any]
    called: list[Any]
    start: int = 0

    @property
    def in_python(self):
        """Whether Python is called between steps."""
        return bool(self.given or self.called)

    def before_step(self):
        """Evaluate the regularizers that the engine does not know, at the present weights."""
        for row, variable in self.given:
            value, gradient = _value_and_grad(variable)
            self.penalties["first"][row] = value
            first = variable.offset - self.start
            part = slice(first, first + variable.size)
            self.penalty_gradients[part] = gradient.reshape(-1)

    def after_step(self):
        """Call the constraints that the engine does not know."""
        constrain(self.called)


def plan_penalties(variables, empty, start=0):
    """Return the PenaltyPlan of some variables.

    Parameters
    ----------
    variables : list of Variable
        Those that are trained: views of one flat vector.
    empty : callable
        Makes the flat vector for penalty_gradients, if it is needed.
    start : int
        Where in the variables' owner the vector of the program begins.
    """
    penalties, constraints, given, called = [], [], [], []
    for v in variables:
        if v.regularizer is not None:
            known = getattr(v.regularizer, "penalty", lambda shape: None)(v.shape)
            if known is None:
                known = (Penalty.PENALTY_GIVEN, 0.0, 0.0)
                given.append((len(penalties), v))
            code, first, second = known
            columns = v.shape[-1] if v.shape else 1
            penalties.append(
                (code, v.offset - start, v.size // columns, columns, first, second)
            )
        if v.constraint is not None:
            rows = getattr(v.constraint, "projection", lambda shape: None)(v.shape)
            if rows is None:
                called.append(v)
            else:
                rows["offset"] += v.offset - start
                constraints += list(rows.reshape(-1))
    through = any(row[0] not in ELEMENTWISE for row in penalties)
    return PenaltyPlan(
        penalties=np.array(penalties, dtype=PENALTY_ROW),
        constraints=np.array(constraints, dtype=CONSTRAINT_ROW),
        penalty_gradients=empty() if through else np.zeros(0),
        given=given,
        called=called,
        start=start,
    )


def constrain(variables):
    """Project the variables that have a constraint."""
    for v in variables:
        constraint = getattr(v, "constraint", None)
        if constraint is not None:
            v.assign(constraint(v.value))


def _value_and_grad(variable):
    regularizer = variable.regularizer
    own = getattr(regularizer, "value_and_grad", None)
    function = own or functools.partial(value_and_grad, regularizer)
    value, gradient = function(variable.value)
    if np.shape(gradient) != variable.shape:
        raise ShapeError(
            f"regularizer: expected a gradient of shape {variable.shape} for "
            f"{variable.name!r}, got {np.shape(gradient)}"
        )
    return value, gradient
