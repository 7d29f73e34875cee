"""A step outside ``fit``, by gradients that somebody else has computed."""

import numpy as np

from fastgd import config
from fastgd._core import types
from fastgd._engine import builds
from fastgd._engine.penalties import constrain
from fastgd.errors import ArgumentError, DivergenceError, NotBuiltError
from fastgd.optimizers.pairs import (
    check_variable,
    flat_gradient,
    grouped,
    other_squares,
    vector_of,
)


class Stepping:
    """What an optimizer does with gradients and variables: the part of Optimizer for that."""

    def build(self, variables):
        """Make the state of variables before the first step, which would do so by itself."""
        self._built = list(variables)
        members = {}
        for variable in self._built:
            check_variable(variable)
            vector = vector_of(variable)
            members.setdefault(id(vector), (vector, []))[1].append(variable)
        for vector, group in members.values():
            self._state_of(vector, group)

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
        groups = [
            (vector, members, self._state_of(vector, [v for _, v in members]))
            for vector, members in grouped(grads_and_vars)
        ]
        variables = [v for _, members, _ in groups for _, v in members]
        if not groups:
            raise ArgumentError("grads_and_vars: there is no gradient for any variable")
        rate = float(self.rates()[0])
        groups = [
            (vector, flat_gradient(vector, members, state.segments is not None), state)
            for vector, members, state in groups
        ]
        if len(groups) == 1:
            self._update(*groups[0], rate)
        else:
            self._update_all(groups, rate)
        constrain(variables)

    def apply(self, grads, trainable_variables=None):
        """Take one step: ``apply_gradients(zip(grads, trainable_variables))``.

        Without trainable_variables: those that ``build`` was called with.
        """
        if trainable_variables is None:
            if self._built is None:
                raise NotBuiltError("apply: expected trainable_variables, or build(...) before")
            trainable_variables = self._built
        self.apply_gradients(zip(grads, trainable_variables, strict=True))

    def scale_loss(self, loss):
        """The loss itself: there is no loss_scale_factor."""
        return loss

    def _state_of(self, vector, variables):
        return self.state(vector, None if vector is variables[0] else variables)

    def _update_all(self, groups, rate):
        """A step of several vectors: of all of them, or of none."""
        before = int(self._steps[0])
        kept = [(v, v.copy(), state.slots, state.slots.copy()) for v, _, state in groups]
        others = [0.0] * len(groups)
        if self.global_clipnorm:
            others = other_squares(groups, self.gradient_accumulation_steps or 1)
        try:
            for (vector, gradient, state), squares in zip(groups, others, strict=True):
                self._steps[0] = before
                if squares:
                    state.options["other_squares"] = squares
                self._update(vector, gradient, state, rate)
        except DivergenceError:
            self._steps[0] = before
            for vector, old, slots, old_slots in kept:
                vector[...] = old
                slots[...] = old_slots
            raise

    def _update(self, vector, gradient, state, rate):
        flat = vector if vector.flags.carray else np.array(vector, order="C")
        step = int(self._steps[0])
        status = builds.load(config.engine()).update(flat.reshape(-1), gradient, state, rate)
        if status != types.Status.STATUS_FINE:
            what = "gradient" if status == types.Status.STATUS_GRADIENT else "update"
            raise DivergenceError(
                f"apply_gradients: the {what} of step {step + 1} is not finite",
                step=step,
            )
        if flat is not vector:
            vector[...] = flat
