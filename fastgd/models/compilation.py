"""Hold what ``compile`` chose, and the compiled steps that come of it."""

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Never

import numpy as np

from fastgd import optimizers, privacy
from fastgd._core.formulas import Loss
from fastgd._data.validation import boolean, positive_int
from fastgd._engine.plan import width_of
from fastgd._registry.advice import refuse
from fastgd._registry.objects import checked_config, serialize_object
from fastgd._training.step import CompiledStep, OnlineStep
from fastgd._typing import Config
from fastgd.errors import ArgumentError, EngineError
from fastgd.models.assembly import frozen_layers
from fastgd.models.objective import Objective, Results
from fastgd.models.privacy import check_compilation
from fastgd.optimizers import Optimizer
from fastgd.privacy import DPSGD, PrivateTraining


class Compilation:
    """Hold the choices of ``compile``: what is minimised and measured, and by what.

    Parameters
    ----------
    arguments : dict
        Those of ``Model.compile``.

    Attributes
    ----------
    optimizer : Optimizer or None
    objective : Objective
    privacy : DPSGD or None
    warned : bool
        Whether it was seen if the losses fit the activations of the outputs.
    """

    def __init__(self, arguments=None):
        self.arguments = arguments or {}
        chosen = {name: self.arguments.get(name) for name in _OBJECTIVE}
        self.optimizer = None
        self.objective = Objective(*chosen.values())
        self.privacy = privacy.get(self.arguments.get("privacy"))
        if arguments:
            self.take(optimizers.get(arguments["optimizer"]))
        self.warned = False
        self.forget()

    def take(self, optimizer):
        """Take an optimizer; raise an ArgumentError if private training cannot have it."""
        if self.privacy is not None:
            check_compilation(optimizer, self.objective)
        optimizer.private = self.privacy is not None
        self.optimizer = optimizer

    def forget(self):
        """Forget the steps, and with them the room that programs take for batches."""
        self._steps, self._columns = {}, None

    def objectives(self, graph, output_names, shape=None):
        """Return what each output of a graph is trained for: a tuple of OutputObjective.

        graph : Graph or None
        shape : tuple, optional
            That of the output, where there is no graph yet.
        """
        if graph is not None:
            return self.objective.resolve(output_names, map(width_of, graph.output_shapes))
        return self.objective.resolve([None], [None if shape is None else width_of(shape)])

    def step(self, engine, assembly, objectives, weighted=False):
        """Make the CompiledStep of an assembly.

        weighted : bool
            Whether targets end in columns of weights.
        """
        plan = assembly.plan
        if self.objective.trains:
            plan = plan.trained_with(objectives, assembly.last_activations, weighted)
        step = self._steps[weighted] = CompiledStep(
            engine.Program(plan, assembly.parameters, assembly.gradients),
            assembly,
            self.optimizer,
            Results(objectives if self.objective.trains else (), plan),
        )
        return step

    def logit_step(self, engine, assembly):
        """Return the CompiledStep whose outputs are the logits of an assembly, see ``Plan``."""
        if "logits" not in self._steps:
            plan = replace(assembly.plan, outputs=np.array(assembly.plan.logits, np.int64))
            program = engine.Program(plan, assembly.parameters, assembly.gradients)
            self._steps["logits"] = CompiledStep(program, assembly, None, Results((), plan))
        return self._steps["logits"]

    def made(self, weighted=False):
        """Return the CompiledStep that was made before; None where there is none."""
        if self.objective.custom_losses:  # which take any number of columns
            columns = [loss.columns for loss in self.objective.custom_losses]
            if columns != self._columns:
                self._steps, self._columns = {}, columns
        return self._steps.get(weighted)

    def programs(self):
        """Return the programs that were made."""
        return [step.program for step in list(self._steps.values())]

    def replica(self, assembly):
        """Return this compilation for another model that is described alike."""
        twin = object.__new__(Compilation)
        vars(twin).update(vars(self))
        twin.optimizer = None
        if self.optimizer is not None:
            twin.take(self.optimizer.fresh())
        twin._steps = {
            weighted: step.replica(assembly, twin.optimizer)
            for weighted, step in list(self._steps.items())
        }
        return twin

    def online_step(self, engine, step, signature, stream):
        """Return an OnlineStep for single batches; False where a step is more than a call."""
        if not self.objective.trains or self.optimizer.whole_batch or self.privacy:
            return False
        assembly, objective = step.assembly, signature.objectives[0]
        chosen = *objective.metrics, *objective.weighted
        if (
            len(signature.objectives) > 1
            or not signature.plain
            or len(signature.output_shapes[0]) > 2
            or objective.loss.code == Loss.LOSS_NONE
            or assembly.penalties.in_python
            or assembly.plan.functions
            or not all(metric.compiled for metric in chosen)
        ):
            return False
        classes = signature.output_width if objective.loss.sparse else 0
        job = engine.OnlineJob(
            step.program, step.results.size, objective.loss.target_range, classes, not chosen,
            step.failed,
        )  # fmt: skip
        job.stream = stream
        return OnlineStep(step, job)


_OBJECTIVE = ("loss", "metrics", "weighted_metrics", "loss_weights")


def checked_arguments(model, arguments):
    """Return the arguments of ``compile``; raise for those of which nothing can come."""
    for name in ("train_step", "test_step", "predict_step"):
        if hasattr(model, name):
            raise ArgumentError(
                f"{type(model).__name__}.{name}: it would never be called, for the step is "
                "compiled; write a loop with GradientTape, or a custom loss"
            )
    boolean(arguments["run_eagerly"], "run_eagerly")
    positive_int(arguments["steps_per_execution"], "steps_per_execution")
    jit_compile = arguments["jit_compile"]
    if jit_compile is not None and not (isinstance(jit_compile, str) and jit_compile == "auto"):
        boolean(jit_compile, "jit_compile")
    boolean(arguments["auto_scale_loss"], "auto_scale_loss")
    return arguments


def compile(self: Any, optimizer: str | Optimizer = "rmsprop", loss: Any = None,
            loss_weights: Any = None, metrics: Any = None, weighted_metrics: Any = None,
            run_eagerly: bool = False, steps_per_execution: int = 1,
            jit_compile: str | bool | None = "auto",
            auto_scale_loss: bool = True, *, privacy: DPSGD | None = None,
            **unknown: Never) -> None:  # fmt: skip
    """Choose how to train.

    Parameters
    ----------
    optimizer : str or Optimizer
        A name or object of ``fastgd.optimizers``.
    loss : str, function or Loss, optional
        A name, function or object of ``fastgd.losses``. A model without one only predicts.
    loss_weights : float or list of float, optional
        The factors of the losses of the outputs.
    metrics : list of str or Metric, optional
        Names or objects of ``fastgd.metrics``; ``"accuracy"`` is resolved as in Keras.
    weighted_metrics : list of str or Metric, optional
        The same, with the weights of rows and classes that the loss has.
    run_eagerly, steps_per_execution, jit_compile, auto_scale_loss
        Accepted as in Keras: an epoch is one compiled call in any case, and Python
        functions of your own are called from within.
    privacy : fastgd.privacy.DPSGD, optional
        Train with differential privacy: ``fit`` draws the rows of each step at random, clips
        the gradient of each, and adds noise. ``model.privacy`` keeps account, also when the
        model is compiled again. See docs/privacy.md.

    Raises
    ------
    UnknownNameError
        Listing the names there are; the model stays compiled as it was.
    ArgumentError
        With `privacy`, for what cannot be private; without it, for a model that was trained
        privately.
    """
    if unknown:
        refuse(compile, unknown)
    given = locals().items()
    arguments = {k: v for k, v in given if k not in ("self", "unknown", "__class__")}
    if privacy is None:  # which earlier versions do not know
        del arguments["privacy"]
    if self.running_loop is not None and (privacy is not None or self.privacy is not None):
        raise EngineError(
            "compile: a fit of this model is running, whose private steps are counted as it "
            "was compiled: compile it before or after fit"
        )
    compilation = Compilation(checked_arguments(self, arguments))
    compilation.objectives(self._graph, self.output_names if self.built else None)
    self.privacy = _training_of(compilation.privacy, self.privacy)
    self._compilation = compilation
    self._frozen = frozen_layers(self.leaves()) if self.built else frozenset()
    self.moved()
    self._warn_of_activations()


def _training_of(mechanism, before):
    """Return the PrivateTraining of a model that is compiled, which had one before, or None."""
    if mechanism is not None:
        if before is None:
            return PrivateTraining(mechanism)
        before.mechanism = mechanism  # it goes on counting
        return before
    if before is not None and before.ledger.steps:
        raise ArgumentError(
            f"privacy: {before.ledger.steps} steps of this model were private, and others "
            "would void that: compile it with a DPSGD again, or without one a copy of it "
            "(clone_model, then set_weights)"
        )
    return None


def get_compile_config(self: Any) -> Config | None:
    """Return the arguments of ``compile`` as plain data; None before it."""
    if self.optimizer is None:
        return None
    return serialize_object(self._compilation.arguments | {"optimizer": self.optimizer})


def compile_from_config(self: Any, config: Config) -> None:
    """Compile as the model was that gave the config."""
    self.compile(**checked_config(config))


@contextlib.contextmanager
def between_steps(self: Any) -> Iterator[None]:
    """Let no other thread take a training step: all arrays are of the same one."""
    models = list(self.assembly().arena.models) if self.built else ()
    programs = [program for model in models for program in model._compilation.programs()]
    with contextlib.ExitStack() as turns:
        for program in sorted(programs, key=id):  # two threads wait for them in the same order
            turns.enter_context(program.lock())
        yield
