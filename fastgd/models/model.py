"""What every model can do: train, evaluate, predict, be called."""

import numpy as np

from fastgd import training
from fastgd._core.types import Status
from fastgd._plan import flat_copy, flat_vector, width_of
from fastgd.models.trainer import Trainer
from fastgd.tape import Tensor, followed, record, recording


class Model(Trainer):
    """The training API over a network, and the network as a function.

    Attributes
    ----------
    name : str
    optimizer, loss, metrics
        What ``compile`` made of its arguments.
    history : History
        That of the latest ``fit``; None before.
    """

    def value_and_grad(self, x, y):
        """The mean loss over all rows as one batch, penalties included, and its gradients.

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
        self.network().regular.before_step()
        status = self.program().gradients(x, y, totals, training.next_key(self))
        if status != Status.STATUS_FINE:
            raise training.diverged(status, self.optimizer.iterations)
        flat = self.network().gradients.copy()
        grads = [flat[v.offset : v.offset + v.size].reshape(v.shape) for v in self.weights]
        return self.figures(totals)["loss"], grads

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
        shape = self.input_shape
        return self.engine.Predictor(self.program(), lambda x: self._inputs(x, shape))

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
            self.build((None, self._inputs(values, self._shapes(values, "x")[0]).shape[1]))
        if not recording():
            return self.predict(x)
        return self._recorded_call(x)

    def _recorded_call(self, x):
        # A tape may ask for the gradient after the weights have moved: it gets a copy of them.
        network = self.network()
        program = self.program()
        values = x.numpy() if isinstance(x, Tensor) else x
        values = self._inputs(values, self.input_shape)
        parameters = flat_copy(network.parameters)
        out = np.empty((len(values), width_of(self.output_shape)), dtype=values.dtype)
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
