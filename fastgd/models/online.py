"""Learning as it comes: a batch or a row at a time."""

import numpy as np

from fastgd._core.formulas import Loss
from fastgd._data.validation import number
from fastgd._engine.plan import width_of
from fastgd._training import loop
from fastgd.errors import ArgumentError, DataTypeError, ShapeError
from fastgd.models.data import Prepared


class Online(Prepared):
    """A compiled network that can take single steps.

    Attributes
    ----------
    feature_names : list of str, or None
        The inputs' names in the order of the columns, for rows that are dicts. They are noted
        at first sight, and may be set before; files and copies hold them.
    """

    #: What takes single steps; None: not yet looked for; False: a step is more than one call.
    _stepper = None
    _places = {}  # name -> input, of the dict that came last  # noqa: RUF012

    def __init__(self, name=None, dtype=None, trainable=True):
        super().__init__(name, dtype, trainable)
        self.feature_names = None

    def moved(self, vector=None, moves=()):
        super().moved(vector, moves)
        self._stepper = None

    def train_on_batch(
        self, x, y=None, sample_weight=None, class_weight=None, return_dict=False
    ):
        """One step on one batch.

        Parameters
        ----------
        x, y, sample_weight, class_weight
            As for ``fit``.
        return_dict : bool

        Returns
        -------
        float, list of float or dict
            The loss before the step; with metrics a list, the loss first; or a dict by name.
        """
        if sample_weight is None and class_weight is None:
            figures = self._step(x, y)
            if figures is not None:
                return returned(figures, return_dict)
        x, y = self._built_for(x, y, sample_weight, class_weight)
        weighted = sample_weight is not None or class_weight is not None
        return returned(loop.train_on_batch(self, x, y, weighted), return_dict)

    def test_on_batch(self, x, y=None, sample_weight=None, return_dict=False):
        """The loss and metrics of one batch, without training."""
        x, y = self._built_for(x, y, sample_weight)
        figures = loop.evaluate_arrays(self, x, y, sample_weight is not None)
        return returned(figures, return_dict)

    def learner(self, validate=True):
        """Training as a function, for streams: the shortest way to learn from few rows.

        Parameters
        ----------
        validate : bool
            Whether numbers are looked at: that they are finite, and targets what the loss
            takes. Types and shapes always are.

        Returns
        -------
        callable
            Of rows (n, features) and targets as for ``fit``, or of one row (features,) and its
            target, a number or (outputs,), it takes a step as ``train_on_batch`` does and
            returns what that does. It is fastest with C-contiguous arrays of the model's data
            type; anything else is treated, and refused, as by ``train_on_batch``. The model may
            be changed, compiled anew or trained otherwise between two calls.

        Examples
        --------
        >>> import numpy as np
        >>> from fastgd import Sequential, layers
        >>> model = Sequential([layers.Dense(1, input_shape=(2,))])
        >>> model.compile("sgd", "mse")
        >>> learn = model.learner()
        >>> row = np.ones(2, dtype="float32")
        >>> bool(learn(row, 3.0) > learn(row, 3.0) > 0)
        True
        """
        return Learner(self, validate)

    def learn_one(self, x, y):
        """One step on one row, in River's manner.

        Parameters
        ----------
        x : dict of name -> number, or array of shape (features,)
            A name gets the next free input when it is first seen, see ``feature_names``; a name
            that is missing is 0. A model without an input shape has as many inputs as the first
            dict has names.
        y : float, int or array of shape (outputs,)
            The target; a class number for a sparse loss.

        Returns
        -------
        float, or list of float
            As ``train_on_batch``.

        Raises
        ------
        ArgumentError
            For a new name when every input has one.
        ShapeError, DataTypeError, DataError
            As ``train_on_batch``; then nothing is learnt.

        Examples
        --------
        >>> from fastgd import Sequential, layers
        >>> model = Sequential([layers.Dense(1, kernel_initializer="zeros")])
        >>> model.compile("sgd", "mse")
        >>> loss = model.learn_one({"wind": 1.0, "rain": 0.5}, 2.0)
        >>> loss, model.feature_names
        (4.0, ['wind', 'rain'])
        >>> model.predict_one({"rain": 0.5}) > 0
        True
        """
        x, names = self._row(x)
        loss = self._learn(x, y)
        self.feature_names = names
        return loss

    def predict_one(self, x):
        """The output for one row, in River's manner.

        Parameters
        ----------
        x : dict of name -> number, or array of shape (features,)
            As for ``learn_one``.

        Returns
        -------
        float, or ndarray of shape (outputs,)
        """
        x, self.feature_names = self._row(x)
        out = self.predict_on_batch(x[None])
        return float(out[0, 0]) if out.shape == (1, 1) else out[0]

    def _learn(self, x, y, validate=True):
        """A step on one row."""
        figures = self._step(x, y, validate, True)
        if figures is None:
            return self.train_on_batch(x[None], np.asarray(y)[None])
        return returned(figures, False)

    def _step(self, x, y, validate=True, one_row=False):
        """The figures of a step that is one call; None, and nothing has happened, else."""
        stepper = self._stepper
        if stepper is None:
            stepper = self._stepper = self._made_stepper()
        if not stepper:
            return None
        found = stepper.step(self, x, y, validate, one_row)
        return self.figures(found) if type(found) is np.ndarray else found

    def _made_stepper(self):
        """What takes single steps; False where a step is more than one call."""
        if not self.built or not self._objective.trains or self.optimizer.whole_batch:
            return None if not self.built else False
        network, aims = self.network(), self.aims()
        aim = aims[0]
        if (
            len(aims) > 1
            or not network.plain
            or len(self._graph.output_shapes[0]) > 2
            or aim.loss.code == Loss.LOSS_NONE
            or network.regular.given
            or network.regular.called
            or network.plan.functions
            or not all(metric.compiled for metric in (*aim.metrics, *aim.weighted))
        ):
            return False
        ready = self.ready()
        low, high = aim.loss.target_range
        classes = width_of(self._graph.output_shapes[0]) if aim.loss.sparse else 0
        plain = not (aim.metrics or aim.weighted)
        return self.engine.Stepper(
            ready.program, ready.totals().size, low, high, classes, plain
        )

    def _step_settings(self):
        """The optimizer's state, its learning rate, and whether that has to be asked for."""
        optimizer = self.optimizer
        state = self.ready().state(optimizer, self.network())
        return state, optimizer.rates(), not optimizer.rate_is_constant

    def _step_failed(self, status):
        """The error for a step that has failed."""
        return loop.diverged(status, self.optimizer.iterations)

    def _row(self, x):
        """A row as an array of the model's data type, and the names of the inputs then."""
        names = self.feature_names
        dtype = self.dtype if self._network is None else self._network.dtype
        if not isinstance(x, dict):
            if type(x) is np.ndarray and x.ndim == 1 and x.dtype == dtype:
                return x, names
            row = np.asarray(x)
            if row.ndim != 1:
                raise ShapeError(f"x: expected one row (features,), got shape {row.shape}")
            return row, names
        places = self._places
        if names is None or list(places) != names:
            places = {name: place for place, name in enumerate(names or ())}
        new = x.keys() - places.keys()
        if new or names is None:
            names = [*places, *(name for name in x if name in new)]
            places = {name: place for place, name in enumerate(names)}
        width = len(names)
        if self.built:
            width = width_of(self._graph.input_shapes[0])
            if len(names) > width:
                raise ArgumentError(
                    f"x: the model has {width} inputs, named {names[:width]}: there is none "
                    f"for {names[width]!r}"
                )
        self._places = places
        row = np.zeros(width, dtype)
        for name, value in x.items():
            try:
                row[places[name]] = value
            except (TypeError, ValueError):
                row[places[name]] = number(value, f"x[{name!r}]")  # says what is wrong
        return row, names


class Learner:
    """Training as a function; see ``Model.learner``."""

    __slots__ = ("_model", "_validate")

    def __init__(self, model, validate):
        if validate not in (True, False):
            raise DataTypeError(f"validate: expected True or False, got {validate!r}")
        self._model = model
        self._validate = bool(validate)

    def __call__(self, x, y):
        model = self._model
        figures = model._step(x, y, self._validate, True)
        if figures is None:
            if np.ndim(x) == 1:
                x, y = np.asarray(x)[None], np.asarray(y)[None]
            return model.train_on_batch(x, y)
        return figures if type(figures) is float else returned(figures, False)


def returned(figures, return_dict):
    """Figures, a dict or the loss alone, as the training API returns them."""
    if type(figures) is float:
        return {"loss": figures} if return_dict else figures
    if return_dict:
        return figures
    values = list(figures.values())
    return values if len(values) > 1 else values[0]
