"""A network with what it is trained for and by: a loss, metrics and an optimizer."""

import numpy as np

from fastgd import optimizers
from fastgd._data.validation import boolean, positive_int
from fastgd._engine.plan import width_of
from fastgd.errors import ArgumentError
from fastgd.models.base import Base
from fastgd.models.network import frozen_layers
from fastgd.models.objective import Objective


class Ready:
    """What training needs at each turn: a program, and what belongs to it.

    Attributes
    ----------
    program : Program of an engine
    figures : Figures
        Reads what the program adds up.
    totals_size : int
        How many sums that are.
    calls : bool
        Whether there are functions of the user's for it to call.
    """

    def __init__(self, program, totals_size, figures, calls=False):
        self.program = program
        self.figures = figures
        self.totals_size = totals_size
        self.calls = calls
        self._own = [metric for _, metric, _ in figures.metrics if not metric.compiled]
        self._state = self._settings = self._kept = None

    def totals(self):
        """What an epoch adds up, see ``_engine.plan.Plan``; metrics of one's own begin anew."""
        for metric in self._own:
            metric.reset_state()
        return np.zeros(self.totals_size)

    def state(self, optimizer, network):
        """The optimizer's state for a network, anew if a setting has changed."""
        settings = list(map(id, vars(optimizer).values()))  # cheaper than to ask
        if self._settings != settings:
            self._state = state_for(optimizer, network)
            self._settings = settings
            self._kept = dict(vars(optimizer))  # so that no identity is given away
        return self._state


def state_for(optimizer, network):
    """What an optimizer keeps of a network's parameters, as the network's program takes it.

    It is kept of all of the vector that the parameters are a part of: so the state of a weight
    is one, whichever of the models that share it is trained.
    """
    state = optimizer.state(network.home.vector, network.trained)
    start, size = network.start, network.parameters.size
    if size < network.home.vector.size:
        state.slots = state.slots[:, start : start + size]
        state.segments = state.segments.copy()
        state.segments["offset"] -= start
    return state


class Compiled(Base):
    """What ``compile`` makes of a network.

    Attributes
    ----------
    optimizer, loss, metrics
        What ``compile`` made of its arguments.
    """

    def __init__(self, name=None, dtype=None, trainable=True):
        super().__init__(name, dtype, trainable)
        self.optimizer = None
        self.run_eagerly = False
        self._objective = Objective(None, None)
        self._program = None  # made when it is needed, with and without weights
        self._own_columns = []
        self._aims = None

    def compile(
        self,
        optimizer="rmsprop",
        loss=None,
        loss_weights=None,
        metrics=None,
        weighted_metrics=None,
        run_eagerly=False,
        steps_per_execution=1,
        jit_compile="auto",
        auto_scale_loss=True,
    ):
        """Choose how to train.

        Parameters
        ----------
        optimizer : str or Optimizer
            A name or object of ``fastgd.optimizers``.
        loss : str, function or Loss, optional
            A name, function or object of ``fastgd.losses``. A model without one only predicts.
        loss_weights : float or list of float, optional
            What the loss of each output is multiplied by.
        metrics : list of str or Metric, optional
            Names or objects of ``fastgd.metrics``; ``"accuracy"`` is resolved as in Keras.
        weighted_metrics : list of str or Metric, optional
            The same, with the weights of rows and classes that the loss has.
        run_eagerly : bool
            Accepted as in Keras. There is no graph to leave: an epoch is one compiled call, and
            functions of your own, callbacks among them, are plain Python at any time.
        steps_per_execution : int
            Accepted as in Keras: an execution holds as many steps as it can.
        jit_compile : {"auto", True, False}
            Accepted as in Keras: the loop is compiled already.
        auto_scale_loss : bool
            Accepted as in Keras: it is for half precision.

        Raises
        ------
        UnknownNameError
            Listing the names there are; the model stays compiled as it was.
        """
        arguments = {k: v for k, v in locals().items() if k != "self"}
        for name in ("train_step", "test_step", "predict_step"):
            if hasattr(self, name):
                raise ArgumentError(
                    f"{type(self).__name__}.{name}: it would never be called, for the "
                    "step is compiled; write a loop with GradientTape, or a loss of your own"
                )
        run_eagerly = boolean(run_eagerly, "run_eagerly")
        positive_int(steps_per_execution, "steps_per_execution")
        if jit_compile is not None and not (
            isinstance(jit_compile, str) and jit_compile == "auto"
        ):
            boolean(jit_compile, "jit_compile")
        boolean(auto_scale_loss, "auto_scale_loss")
        optimizer = optimizers.get(optimizer)
        objective = Objective(loss, metrics, weighted_metrics, loss_weights)
        self._aims_of(objective)
        self.optimizer, self._objective = optimizer, objective
        self.run_eagerly = run_eagerly
        self._compile_arguments = arguments
        self._frozen = frozen_layers(self.leaves()) if self.built else frozenset()
        self.moved()
        self._warn_of_double_activation(stacklevel=3)

    @property
    def compiled(self):
        """Whether it has been compiled."""
        return self.optimizer is not None

    def reset_metrics(self):
        """Accepted as in Keras: every call begins its figures anew."""

    @property
    def loss(self):
        """The loss; None before ``compile``."""
        return self._objective.loss

    @property
    def metrics(self):
        """The metrics, resolved for this model's outputs: a list of Metric."""
        return [metric for aim in self.aims() for metric in (*aim.metrics, *aim.weighted)]

    @property
    def metrics_names(self):
        """``["loss"]`` and the names of the other figures."""
        return self._objective.names(self.aims())

    def aims(self, shape=None):
        """What each output is trained for: a tuple of Aim.

        shape: that of the outputs, where there is no graph yet.
        """
        if self._aims is None or not self.built:
            self._aims = self._aims_of(self._objective, shape)
        return self._aims

    def _aims_of(self, objective, shape=None):
        if self.built:
            graph = self.graph()
            return objective.aims(self.output_names, map(width_of, graph.output_shapes))
        return objective.aims([None], [None if shape is None else width_of(shape)])

    def _warn_of_double_activation(self, stacklevel):
        if self.built:
            activations = self.network().last_activations
            self._objective.warn_of_double_activation(self.aims(), activations, stacklevel + 1)

    def moved(self, vector=None, moves=()):
        super().moved(vector, moves)
        self._program = self._aims = None
        if vector is not None and self.optimizer is not None:
            self.optimizer.moved(vector, moves)

    def optimizer_arrays(self):
        """All that the optimizer needs to go on with this model: a dict of name -> array."""
        network = self.network()
        arrays = self.optimizer.state_arrays(network.home.vector)
        if _in_order(network):
            return arrays
        return {
            name: array if name == "iterations" else np.concatenate(
                [array[:0], *(array[v.offset : v.offset + v.size] for v in network.variables)]
            )
            for name, array in arrays.items()
        }  # fmt: skip

    def load_optimizer_arrays(self, arrays):
        """Take up what ``optimizer_arrays`` gave, of this model or another like it."""
        network = self.network()
        vector = network.home.vector
        if not _in_order(network):
            whole = self.optimizer.state_arrays(vector)
            spread = {name: np.array(array) for name, array in whole.items()}
            for name, array in arrays.items():
                first = 0
                for v in network.variables if name != "iterations" else ():
                    spread[name][v.offset : v.offset + v.size] = array[first : first + v.size]
                    first += v.size
            arrays = spread | {"iterations": arrays["iterations"]}
        self.optimizer.load_state_arrays(vector, arrays)

    def program(self, weighted=False):
        """The engine's program for the network, with the loss and metrics if compiled.

        Parameters
        ----------
        weighted : bool
            Whether targets have a last column of weights.
        """
        return self.ready(weighted).program

    def ready(self, weighted=False):
        """The program and what belongs to it; made when it is first asked for."""
        if self._program is None or self._objective.own_losses:
            columns = [loss.columns for loss in self._objective.own_losses]
            if self._program is None or columns != self._own_columns:
                self._program, self._own_columns = {}, columns
        if weighted not in self._program:
            network, aims = self.network(), self.aims()
            plan = network.plan
            if self._objective.trains:
                plan = plan.trained_with(aims, network.last_activations, weighted)
            self._program[weighted] = Ready(
                self.engine.Program(plan, network.parameters, network.gradients),
                plan.totals_size,
                self._objective.figures(aims, plan),
                bool(plan.functions),
            )
        return self._program[weighted]

    def release(self):
        """Give back the room that programs take for batches; the next call makes it anew."""
        self._program = self._stepper = None

    def totals(self):
        """Return zeros for the sums of an epoch, see ``_engine.plan.Plan``."""
        return self.ready().totals()

    def figures(self, totals):
        """The figures that belong to some totals: a dict of name -> float."""
        return self.ready().figures(totals)


def _in_order(network):
    """Whether the variables are all that there is in their vector, one after the other."""
    end = 0
    for variable in network.variables:
        if variable.offset != end:
            return False
        end += variable.size
    return end == network.home.vector.size
