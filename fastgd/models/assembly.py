"""Make a graph ready to run: its plan, and its part of the vector that its weights live in."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from fastgd._engine.arena import Arena, common_arena, extent
from fastgd._engine.penalties import PenaltyPlan, plan_penalties
from fastgd._engine.plan import Plan, flat_vector, width_of
from fastgd._engine.table import Table
from fastgd.variables import Variable


@dataclass(frozen=True)
class Assembly:
    """Hold a graph that is ready to run, and its flat vectors.

    Attributes
    ----------
    plan : Plan
    arena : Arena
        Where the weights are.
    start : int
        Where in the arena's vector `parameters` begin.
    parameters, gradients : ndarray, shape (plan.parameter_count,)
        The arena's vector, or the part of it where this graph's weights lie. Where graphs share
        layers, weights of other graphs may lie between; this one leaves them alone.
    variables : list of Variable
        Views of `parameters`, in the order of the layers.
    trained : list of Variable
        Those that are trained.
    last_activations : list of function
        The activation of each output; None where there is none.
    dtype : numpy.dtype
    penalties : PenaltyPlan
        Of the variables that are trained.
    checks : list of (slice, function)
        Refuse bad values in some columns of the input.
    output_width : int
        Of all outputs side by side.
    plain : bool
        Whether there is one input of rows (None, features) without checks.
    """

    plan: Plan
    arena: Arena
    start: int
    parameters: np.ndarray
    gradients: np.ndarray
    variables: list[Variable]
    trained: list[Variable]
    last_activations: list[Any]
    dtype: np.dtype
    penalties: PenaltyPlan
    checks: list[Any]
    output_width: int
    plain: bool

    def replica(self, arena, layers):
        """Return an assembly of the same plan for other layers, whose weights fill an arena."""
        variables = [variable for layer in layers for variable in layer.variables]
        trained = {id(variable) for variable in self.trained}
        pairs = zip(variables, self.variables, strict=True)
        return replace(
            self,
            arena=arena,
            parameters=arena.vector,
            gradients=flat_vector(arena.vector.size, self.dtype),
            variables=variables,
            trained=[mine for mine, other in pairs if id(other) in trained],
        )

    # -- the optimizer's state, by the order of the variables ---------------------------------

    def optimizer_arrays(self, optimizer):
        """Return all that an optimizer needs to go on: a dict of name -> array."""
        arrays = optimizer.state_arrays(self.arena.vector)
        if self._fills_arena():
            return arrays
        parts = [slice(v.offset, v.offset + v.size) for v in self.variables]
        return {
            name: array
            if name == "iterations"
            else np.concatenate([array[:0], *(array[part] for part in parts)])
            for name, array in arrays.items()
        }

    def optimizer_shapes(self, optimizer):
        """Return name -> (shape, data type) of ``optimizer_arrays``, which are not made."""
        row = (sum(variable.size for variable in self.variables),), self.dtype
        shapes = dict.fromkeys(optimizer.all_slots(), row)
        return {"iterations": ((1,), np.dtype(np.int64))} | shapes

    def load_optimizer_arrays(self, optimizer, arrays):
        """Take up what ``optimizer_arrays`` gave, of this graph or another like it."""
        vector = self.arena.vector
        if not self._fills_arena():
            whole = optimizer.state_arrays(vector)
            spread = {name: np.array(array) for name, array in whole.items()}
            for name, array in arrays.items():
                first = 0
                for v in self.variables if name != "iterations" else ():
                    spread[name][v.offset : v.offset + v.size] = array[first : first + v.size]
                    first += v.size
            arrays = spread | {"iterations": arrays["iterations"]}
        optimizer.load_state_arrays(vector, arrays)

    def _fills_arena(self):
        """Return whether the variables fill the arena, one after the other."""
        end = 0
        for variable in self.variables:
            if variable.offset != end:
                return False
            end += variable.size
        return end == self.arena.vector.size


def arena_of(graph, dtype):
    """Bring a graph's weights together; return their Arena, and them in its order."""
    leaves = graph.leaves()
    if not any(layer.variables for layer in leaves):
        return Arena(flat_vector(0, dtype)), []
    arena = common_arena(leaves, np.dtype(dtype))
    return arena, [variable for layer in leaves for variable in layer.variables]


def assemble(graph, dtype, frozen=None):
    """Return the Assembly of a graph, whose weights are brought together.

    Parameters
    ----------
    graph : Graph
    dtype : str
    frozen : set of Layer, optional
        Those that are not trained; by default those whose ``trainable`` is False.
    """
    leaves = graph.leaves()
    if frozen is None:
        frozen = frozen_layers(leaves)
    arena, variables = arena_of(graph, dtype)
    start, stop = extent(variables)
    whole = (start, stop) == (0, arena.vector.size)
    parameters = arena.vector if whole else arena.vector[start:stop]
    widths = [width_of(shape) for shape in graph.input_shapes]
    table = Table(sum(widths), start, frozen)
    plan = table.plan(graph.emit(table, table.inputs(widths)), parameters.size)
    trained = [
        variable
        for layer in leaves
        if layer not in frozen
        for variable, weight in zip(
            layer.variables, layer.weight_specs(layer.input_shape), strict=True
        )
        if weight.trainable
    ]
    penalties = plan_penalties(trained, lambda: flat_vector(parameters.size, dtype), start)
    plan = replace(
        plan,
        penalties=penalties.penalties,
        constraints=penalties.constraints,
        penalty_gradients=penalties.penalty_gradients,
    )
    return Assembly(
        plan=plan,
        arena=arena,
        start=start,
        parameters=parameters,
        gradients=flat_vector(parameters.size, dtype),
        variables=variables,
        trained=trained,
        last_activations=[table.activated.get(int(output)) for output in plan.outputs],
        dtype=parameters.dtype,
        penalties=penalties,
        checks=table.checks,
        output_width=sum(map(width_of, graph.output_shapes)),
        plain=len(widths) == 1 and len(graph.input_shapes[0]) == 2 and not table.checks,
    )


def frozen_layers(leaves):
    """Return those that are not trained."""
    return frozenset(layer for layer in leaves if not layer.trainable)
