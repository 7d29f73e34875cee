"""What every model can do: train, evaluate, predict."""

import numpy as np

from fastgd import config, optimizers, training
from fastgd._core.types import Status
from fastgd._plan import flat_copy, flat_vector
from fastgd._progress import Progress
from fastgd._validate import (
    boolean,
    matrix,
    number,
    numeric,
    positive_int,
    same_length,
    targets,
    verbosity,
    whole_number,
)
from fastgd.callbacks import History
from fastgd.errors import ArgumentError, NotBuiltError, ShapeError
from fastgd.models.base import Base
from fastgd.models.objective import Objective
from fastgd.tape import Tensor, followed, record, recording


class Model(Base):
    """The training API over a network.

    Attributes
    ----------
    name : str
    optimizer, loss, metrics
        What ``compile`` made of its arguments.
    history : History
        That of the latest ``fit``; None before.
    """

    def __init__(self, name=None, dtype=None):
        super().__init__(name, dtype)
        self.epochs_begun = 0
        self.optimizer = self.history = None
        self._objective = Objective(None, None)
        self._program = self._plan = None
        self.threads_choices = {}  # what training has found out about threads

    # -- compile ------------------------------------------------------------------------------

    def compile(self, optimizer="rmsprop", loss=None, *, metrics=None):
        """Choose how to train.

        Parameters
        ----------
        optimizer : str or Optimizer
            A name or object of ``fastgd.optimizers``.
        loss : str, function or Loss, optional
            A name, function or object of ``fastgd.losses``. A model without one only predicts.
        metrics : list of str or Metric, optional
            Names or objects of ``fastgd.metrics``; ``"accuracy"`` is resolved as in Keras.

        Raises
        ------
        UnknownNameError
            Listing the names there are; the model stays compiled as it was.
        """
        arguments = {k: v for k, v in locals().items() if k != "self"}
        optimizer = optimizers.get(optimizer)
        objective = Objective(loss, metrics)
        objective.metrics(self.output_shape[1] if self.built else None)
        self.optimizer, self._objective = optimizer, objective
        self._compile_arguments = arguments
        self._program = None
        self._warn_of_double_activation(stacklevel=3)

    @property
    def loss(self):
        """The loss; None before ``compile``."""
        return self._objective.loss

    @property
    def metrics(self):
        """The metrics, resolved for this model's output: a list of Metric."""
        return self._objective.metrics(self.output_shape[1] if self.built else None)

    @property
    def metrics_names(self):
        """``["loss"]`` and the names of the metrics."""
        return ["loss"] + [m.name for m in self.metrics]

    def _warn_of_double_activation(self, stacklevel):
        if self.built:
            self._objective.warn_of_double_activation(
                self._network.last_activations[0], stacklevel + 1
            )

    def program(self):
        """The engine's program for the network, with the loss and metrics if compiled."""
        if self._program is None:
            network = self.network()
            self._plan = network.plan
            if self.loss is not None:
                goals = self._objective.goals(self.output_shape[1])
                self._plan = network.plan.trained_with(goals, network.last_activations)
            self._program = self.engine.Program(
                self._plan, network.parameters, network.gradients
            )
        return self._program

    def totals(self):
        """What an epoch adds up, see ``_plan.Plan``."""
        self.program()
        return np.zeros(self._plan.totals_size)

    def figures(self, totals):
        """The figures that belong to some totals: a dict of name -> float."""
        return self._objective.figures(totals, self._plan, self.output_shape[1])

    # -- data ---------------------------------------------------------------------------------

    def _widths(self, x, argument):
        """The widths of input and output; for a model without weights, those that x gives."""
        if self.built:
            return self.input_shape[1], self.output_shape[1]
        shape = numeric(x, argument).shape
        if len(shape) != 2 or shape[1] < 1:
            raise ShapeError(f"{argument}: expected (rows, features), got shape {shape}")
        return shape[1], self._output_width(shape[1])

    def _inputs(self, x, width, argument="x"):
        if type(x) is np.ndarray and x.ndim == 2 and x.shape[1] == width:
            consumer = self.name  # the usual case: no need to look for the layer's name
        else:
            consumer = f"layer {self.layers[0].name!r} of model {self.name!r}"
        dtype = self._network.dtype if self.built else np.dtype(self.dtype)
        return matrix(x, width, dtype, self.engine, argument, consumer)

    def _data(self, x, y, names=("x", "y")):
        """Prepared x and y."""
        if self.loss is None:
            raise NotBuiltError(f"model {self.name!r} has no loss: call compile(loss=...)")
        inputs, outputs = self._widths(x, names[0])
        if not self.built:
            self._objective.metrics(outputs)
        x = self._inputs(x, inputs, names[0])
        y = targets(y, outputs, self.loss, x.dtype, self.engine, names[1])
        same_length(x, y, *names)
        return x, y

    def _built_for(self, x, y):
        """Prepared x and y; builds the model by them, once they are known to be good."""
        x, y = self._data(x, y)
        self._build_by(x, stacklevel=5)
        return x, y

    def _build_by(self, x, stacklevel=4):
        if not self.built:
            self.build((None, x.shape[1]))
            self._warn_of_double_activation(stacklevel)

    # -- train --------------------------------------------------------------------------------

    def fit(
        self,
        x,
        y,
        batch_size=32,
        epochs=1,
        verbose="auto",
        *,
        validation_split=0.0,
        validation_data=None,
        shuffle=True,
        initial_epoch=0,
        n_jobs=None,
    ):
        """Train for a number of epochs, each one compiled call.

        Parameters
        ----------
        x : array, shape (n, features)
            Any layout and numeric type; never changed, and not copied where it is C-contiguous
            and of the model's data type.
        y : array, shape (n,) or (n, outputs)
            Class numbers for a sparse loss.
        batch_size : int
            Rows a step, 32 for None; the last, shorter batch is trained like the others.
        epochs : int
            The epoch to stop before; counted from ``initial_epoch``.
        verbose : {"auto", 0, 1, 2}
            0 nothing, 1 a bar, 2 a line an epoch; "auto" is 1 in a terminal and 2 elsewhere.
        validation_split : float
            This share of the rows, the last ones, is held out and evaluated after each epoch.
        validation_data : (x, y), optional
            Evaluated after each epoch; goes before ``validation_split``.
        shuffle : bool
            Take the rows of each epoch in a fresh random order.
        initial_epoch : int
            The number that the first epoch bears.
        n_jobs : int, optional
            Threads, see ``config.threads``; they change no bit.

        Returns
        -------
        History
            Also ``model.history``, which is filled while training runs.

        Raises
        ------
        ShapeError, DataTypeError, DataError, ArgumentError
            Before anything is trained.
        DivergenceError
            In the epoch in which a loss is not finite; the last finite weights are kept.

        Examples
        --------
        >>> import numpy as np
        >>> from fastgd import Sequential, layers, utils
        >>> utils.set_random_seed(1)
        >>> x = np.linspace(-1, 1, 64)[:, None]
        >>> model = Sequential([layers.Input(shape=(1,)), layers.Dense(1)])
        >>> model.compile(optimizer="sgd", loss="mse")
        >>> history = model.fit(x, 3 * x + 1, batch_size=4, epochs=200, verbose=0)
        >>> history.history["loss"][-1] < 1e-3
        True
        """
        batch_size = positive_int(32 if batch_size is None else batch_size, "batch_size")
        initial_epoch = whole_number(initial_epoch, "initial_epoch", 0)
        epochs = whole_number(epochs, "epochs", 0)
        progress = Progress(verbosity(verbose), epochs)
        shuffle = boolean(shuffle, "shuffle")
        threads = config.threads(n_jobs)
        share = number(validation_split, "validation_split", 0, 1)
        x, y = self._data(x, y)
        if validation_data is not None:
            if not isinstance(validation_data, (tuple, list)) or len(validation_data) != 2:
                raise ArgumentError("validation_data: expected a pair (x, y)")
            names = "validation x", "validation y"
            validation_data = self._data(*validation_data, names)
            if validation_data[0].shape[1] != x.shape[1]:
                raise ShapeError(
                    f"{names[0]}: expected {x.shape[1]} columns as in x, "
                    f"got shape {validation_data[0].shape}"
                )
        elif share:
            kept = int(len(x) * (1 - share))
            if not 0 < kept < len(x):
                raise ArgumentError(
                    f"validation_split: {share:g} of {len(x)} rows leaves {kept} to train on "
                    f"and {len(x) - kept} to validate"
                )
            validation_data = (x[kept:], y[kept:])
            x, y = x[:kept], y[:kept]
        self._build_by(x)
        batch_size = min(batch_size, len(x))
        steps = -(-len(x) // batch_size)
        params = {"epochs": epochs, "steps": steps, "verbose": progress.verbose}
        self.history = History(self, params)
        training.fit(
            self, x, y, batch_size, epochs, initial_epoch, shuffle, validation_data,
            progress, self.history, threads,
        )  # fmt: skip
        return self.history

    def train_on_batch(self, x, y, *, return_dict=False):
        """One step on one batch.

        Returns
        -------
        float, list of float or dict
            The loss before the step; with metrics a list, the loss first; or a dict by name.
        """
        x, y = self._built_for(x, y)
        return self._returned(training.train_on_batch(self, x, y), return_dict)

    def evaluate(self, x, y, batch_size=None, verbose="auto", return_dict=False, n_jobs=None):
        """The loss and metrics over all rows.

        The figures are sums in double precision over the rows in their order: the same for
        every ``batch_size`` (32 for None), which only counts the steps shown.

        Returns
        -------
        float, list of float or dict
            As ``train_on_batch``.
        """
        batch_size = positive_int(32 if batch_size is None else batch_size, "batch_size")
        threads = config.threads(n_jobs)
        progress = Progress(verbosity(verbose))
        x, y = self._built_for(x, y)
        progress.begin(-(-len(x) // batch_size))
        figures = training.evaluate(self, x, y, progress, batch_size, threads)
        progress.end(figures)
        return self._returned(figures, return_dict)

    def test_on_batch(self, x, y, *, return_dict=False):
        """The loss and metrics of one batch, without training."""
        x, y = self._built_for(x, y)
        return self._returned(training.evaluate(self, x, y), return_dict)

    def _returned(self, figures, return_dict):
        if return_dict:
            return figures
        values = list(figures.values())
        return values if len(values) > 1 else values[0]

    def value_and_grad(self, x, y):
        """The mean loss over all rows as one batch, and its gradients.

        Returns
        -------
        (float, list of ndarray)
            The gradients in the order and shapes of ``trainable_variables``; they are views of
            one flat vector, as ``optimizer.apply_gradients`` likes them.

        Raises
        ------
        DivergenceError
            If the loss is not finite.
        """
        x, y = self._built_for(x, y)
        totals = self.totals()
        status = self.program().gradients(x, y, totals)
        if status != Status.STATUS_FINE:
            raise training.diverged(status, self.optimizer.iterations)
        flat = self.network().gradients.copy()
        grads = [flat[v.offset : v.offset + v.size].reshape(v.shape) for v in self.weights]
        return self.figures(totals)["loss"], grads

    # -- predict ------------------------------------------------------------------------------

    def predict(self, x, batch_size=None, verbose="auto", *, n_jobs=None):
        """The outputs for x.

        Parameters
        ----------
        x : array, shape (n, features)
        batch_size : int, optional
            Accepted as in Keras. A row's output is the same, to the bit, in any batch.
        verbose : {"auto", 0, 1, 2}
            Accepted as in Keras; nothing is shown.
        n_jobs : int, optional
            Threads, see ``config.threads``; they change no bit.

        Returns
        -------
        ndarray, shape (n, outputs)

        Raises
        ------
        NotBuiltError
            If there are no weights yet.
        """
        if batch_size is not None:
            positive_int(batch_size, "batch_size")
        verbosity(verbose)
        threads = config.threads(n_jobs)
        x = self._inputs(x, self.input_shape[1])
        out = np.empty((len(x), self.output_shape[1]), dtype=x.dtype)
        return training.predict(self, x, out, threads)

    def predict_on_batch(self, x):
        """The outputs for x, as one batch."""
        return self.predict(x)

    def predictor(self):
        """The network as a function, for serving: the shortest way to the outputs of few rows.

        Returns
        -------
        callable
            Of rows (n, features) it gives outputs (n, outputs), of one row (features,) outputs
            (outputs,): a fresh array with the bits of ``predict``. It is fastest with
            C-contiguous arrays of the model's data type; anything else is treated, and refused,
            as by ``predict``. The weights are the model's own, as they are at each call; after
            a layer has been added, make a new one.

        Raises
        ------
        NotBuiltError
            If there are no weights yet.

        Examples
        --------
        >>> import numpy as np
        >>> from fastgd import Sequential, layers
        >>> model = Sequential([layers.Dense(1, bias_initializer="ones", input_shape=(2,))])
        >>> predict = model.predictor()
        >>> predict(np.zeros(2, dtype="float32"))
        array([1.], dtype=float32)
        """
        width = self.input_shape[1]
        return self.engine.Predictor(self.program(), lambda x: self._inputs(x, width))

    def __call__(self, x, training=False):
        """The outputs for x; a Tensor while a GradientTape records, an ndarray otherwise.

        Parameters
        ----------
        x : array or Tensor, shape (n, features)
        training : bool
            Accepted as in Keras: these layers do the same in both.
        """
        if not self.built:
            values = x.numpy() if isinstance(x, Tensor) else x
            self.build((None, self._inputs(values, self._widths(values, "x")[0]).shape[1]))
        if not recording():
            return self.predict(x)
        return self._recorded_call(x)

    def _recorded_call(self, x):
        # A tape may ask for the gradient after the weights have moved: it gets a copy of them.
        network = self.network()
        program = self.program()
        values = x.numpy() if isinstance(x, Tensor) else x
        values = self._inputs(values, self.input_shape[1])
        parameters = flat_copy(network.parameters)
        out = np.empty((len(values), self.output_shape[1]), dtype=values.dtype)
        kept = program.forward(parameters, values, out)
        wants_x = followed(x)

        def backward(d_out):
            d_out = np.ascontiguousarray(d_out, dtype=values.dtype)
            gradients = flat_vector(parameters.size, parameters.dtype)
            d_x = None
            if wants_x:
                d_x = flat_vector(values.size, values.dtype).reshape(values.shape)
            program.backward(parameters, values, kept, d_out, gradients, d_x)
            return gradients, d_x

        return record(out, (network.parameters, x), backward)
