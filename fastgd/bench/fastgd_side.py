"""fastgd, by its public calls, with all that they check."""

from functools import partial

from fastgd import linear, optimizers
from fastgd.bench.side import FittedNetwork, descent_side, prediction_side, training_side
from fastgd.bench.workloads import EPSILON


class Network(FittedNetwork):
    """Train a model of fastgd."""

    def __init__(self, workload):
        if workload.optimizer == "adam":
            optimizer = optimizers.Adam(workload.rate, epsilon=EPSILON)
        else:
            optimizer = optimizers.SGD(workload.rate)
        model = workload.model()
        model.compile(optimizer=optimizer, loss=workload.loss)
        super().__init__(model, workload.batch_size)

    def restart(self, weights):
        """Start again from these weights."""
        self.model.set_weights(weights)
        state = self.model.optimizer.state(self.model.parameters)
        state.slots[:] = 0
        state.iterations[:] = 0


def training(workload):
    """Time an epoch of ``fit``."""
    return training_side(workload, Network(workload))


def prediction(workload):
    """Time calls of ``predict``, or of the object that ``predictor`` returns."""
    model = workload.model()
    predict = model.predictor() if workload.served else model.predict
    return prediction_side(workload, predict)


def descent(workload):
    """Time iterations of ``gradient_descent``."""
    return descent_side(
        workload, partial(linear.gradient_descent, method=workload.method), workload.iterations
    )
