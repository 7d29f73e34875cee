"""scikit-learn: its multi-layer perceptron, and its SGDClassifier for a single sigmoid unit.

One call of ``partial_fit`` is an epoch. Its squared error is half of Keras', so the regressor
gets twice the rate for SGD; Adam's steps do not depend on the size of the gradient.
"""

from fastgd.bench.side import prediction_side, training_side
from fastgd.bench.workloads import EPSILON, Training


class Network:
    """Train an ``MLPRegressor`` or ``MLPClassifier``."""

    def __init__(self, workload):
        from sklearn.neural_network import MLPClassifier, MLPRegressor

        classes = workload.loss != "mse"
        factor = 1 if classes or workload.optimizer == "adam" else 2
        self.model = (MLPClassifier if classes else MLPRegressor)(
            hidden_layer_sizes=workload.widths[1:-1],
            activation="relu",
            solver=workload.optimizer,
            learning_rate_init=workload.rate * factor,
            epsilon=EPSILON,
            alpha=0,
            momentum=0,
            nesterovs_momentum=False,
            batch_size=workload.batch_size,
        )
        self.loss = workload.loss
        x, y = self.hold(*workload.data())
        self.first = {"classes": range(workload.widths[-1])} if classes else {}
        self.model.partial_fit(x[: workload.batch_size], y[: workload.batch_size], **self.first)

    def restart(self, weights):
        """Start again from these weights."""
        self.model.coefs_ = [w.copy() for w in weights[::2]]
        self.model.intercepts_ = [b.copy() for b in weights[1::2]]
        if hasattr(self.model, "_optimizer"):
            del self.model._optimizer

    def weights(self):
        """Return the kernel and bias of each layer in turn."""
        pairs = zip(self.model.coefs_, self.model.intercepts_, strict=True)
        return [w for pair in pairs for w in pair]

    def hold(self, x, y):
        """Return class numbers instead of one-hot rows, and y as a vector."""
        return x, y.argmax(axis=1) if self.loss == "categorical_crossentropy" else y.ravel()

    def epoch(self, data, order=None):
        """Train one epoch over the rows, in this order or a random one."""
        x, y = data if order is None else (array[order] for array in data)
        self.model.set_params(batch_size=min(self.model.batch_size, len(x)))
        self.model.shuffle = order is None
        self.model.partial_fit(x, y)


class Logistic:
    """Train an ``SGDClassifier``: one row a step."""

    def __init__(self, workload):
        from sklearn.linear_model import SGDClassifier

        self.model = SGDClassifier(
            loss="log_loss", penalty=None, learning_rate="constant", eta0=workload.rate
        )
        x, y = self.hold(*workload.data())
        self.model.partial_fit(x[:1], y[:1], classes=[0, 1])

    def restart(self, weights):
        """Start again from these weights."""
        self.model.coef_ = weights[0].T.copy()
        self.model.intercept_ = weights[1].copy()
        self.model.t_ = 1.0

    def weights(self):
        """Return kernel and bias, which it keeps in double precision."""
        kernel = self.model.coef_.T
        return [kernel, self.model.intercept_.astype(kernel.dtype)]

    def hold(self, x, y):
        """Return y as a vector of classes."""
        return x, y.ravel().astype(int)

    def epoch(self, data, order=None):
        """Train one epoch over the rows, in this order or a random one."""
        x, y = data if order is None else (array[order] for array in data)
        self.model.shuffle = order is None
        self.model.partial_fit(x, y)


def training(workload):
    """Time an epoch; None where scikit-learn has no such model."""
    alone = len(workload.widths) == 2
    if alone and (workload.batch_size, workload.optimizer, workload.binary) != (1, "sgd", True):
        return None
    return training_side(workload, Logistic(workload) if alone else Network(workload))


def prediction(workload):
    """Time calls of ``MLPRegressor.predict``."""
    network = Network(Training(workload.widths, workload.rows, workload.rows, workload.dtype))
    network.restart(workload.weights())
    return prediction_side(workload, network.model.predict)
