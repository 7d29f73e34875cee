"""A graph made ready to run: its plan, and its part of the vector that its weights live in."""

from dataclasses import dataclass, replace

import numpy as np

from fastgd._engine.arena import Home, common_home, extent
from fastgd._engine.penalties import Regular, collected
from fastgd._engine.plan import Plan, Table, flat_vector, width_of


@dataclass(frozen=True)
class Network:
    """A graph made ready, and the flat vectors that every figure of it lives in.

    Attributes
    ----------
    plan : Plan
    home : Home
        Where the weights are.
    start : int
        Where in the home's vector `parameters` begin.
    parameters, gradients : ndarray, shape (plan.parameter_count,)
        The home's vector, or the part of it where this graph's weights lie. Where graphs share
        layers there may be others' weights among them, which this one leaves alone.
    variables : list of Variable
        Views of `parameters`, in the order of the layers.
    trained : list of Variable
        Those that are trained.
    last_activations : list of function
        What each output is activated by; None where it is not.
    dtype : numpy.dtype
    regular : Regular
        The penalties and constraints of the variables that are trained.
    checks : list of (slice, function)
        What refuses bad values in some columns of the input.
    output_width : int
        Of all outputs side by side.
    plain : bool
        Whether there is one input of rows (None, features), whose numbers nobody refuses.
    """

    plan: Plan
    home: Home
    start: int
    parameters: np.ndarray
    gradients: np.ndarray
    variables: list
    trained: list
    last_activations: list
    dtype: np.dtype
    regular: Regular
    checks: list
    output_width: int
    plain: bool


def home_of(graph, dtype):
    """The Home of a graph's weights, which are brought together; and these, in its order."""
    leaves = graph.leaves()
    if not any(layer.variables for layer in leaves):
        return Home(flat_vector(0, dtype)), []
    home = common_home(leaves, np.dtype(dtype))
    return home, [variable for layer in leaves for variable in layer.variables]


def make_network(graph, dtype, frozen=None):
    """The Network of a graph, whose weights are brought together.

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
    home, variables = home_of(graph, dtype)
    start, stop = extent(variables)
    whole = (start, stop) == (0, home.vector.size)
    parameters = home.vector if whole else home.vector[start:stop]
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
    regular = collected(trained, lambda: flat_vector(parameters.size, dtype), start)
    plan = replace(
        plan,
        penalties=regular.penalties,
        constraints=regular.constraints,
        penalty_gradients=regular.penalty_gradients,
    )
    return Network(
        plan=plan,
        home=home,
        start=start,
        parameters=parameters,
        gradients=flat_vector(parameters.size, dtype),
        variables=variables,
        trained=trained,
        last_activations=[table.activated.get(int(output)) for output in plan.outputs],
        dtype=parameters.dtype,
        regular=regular,
        checks=table.checks,
        output_width=sum(map(width_of, graph.output_shapes)),
        plain=len(widths) == 1 and len(graph.input_shapes[0]) == 2 and not table.checks,
    )


def frozen_layers(leaves):
    """Those that are not trained."""
    return frozenset(layer for layer in leaves if not layer.trainable)
