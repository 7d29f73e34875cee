"""PyTorch: the usual loop with a fused optimizer, eager or with forward and loss compiled."""

from functools import partial
from itertools import pairwise

from fastgd.bench import threads
from fastgd.bench.side import prediction_side, training_side
from fastgd.bench.workloads import EPSILON


def torch_module():
    """Return PyTorch, held to the number of threads."""
    import torch

    torch.set_num_threads(threads.held())
    return torch


def layers_of(torch, widths, dtype):
    """Return the layers of a ReLU network."""
    layers = []
    for inputs, outputs in pairwise(widths):
        layers += [torch.nn.Linear(inputs, outputs, dtype=dtype), torch.nn.ReLU()]
    return torch.nn.Sequential(*layers[:-1])


def set_weights(torch, net, weights):
    """Overwrite the weights of a network; a kernel of PyTorch's is (outputs, inputs)."""
    with torch.no_grad():
        for parameter, w in zip(net.parameters(), weights, strict=True):
            parameter.copy_(torch.from_numpy(w.T))


class Network:
    """Hold a network, its loss and its optimizer."""

    def __init__(self, workload, compiled=False):
        self.torch = torch = torch_module()
        self.net = layers_of(torch, workload.widths, getattr(torch, workload.dtype))
        self.classes = workload.loss == "categorical_crossentropy"
        criterion = {
            "mse": torch.nn.MSELoss,
            "binary_crossentropy": torch.nn.BCEWithLogitsLoss,
            "categorical_crossentropy": torch.nn.CrossEntropyLoss,
        }[workload.loss]()
        if workload.optimizer == "adam":
            optimizer = partial(torch.optim.Adam, eps=EPSILON)
        else:
            optimizer = torch.optim.SGD
        self.make_optimizer = partial(optimizer, lr=workload.rate, fused=True)
        self.batch_size = workload.batch_size

        def loss(x, y):
            return criterion(self.net(x), y)

        self.loss = loss
        if compiled:
            torch._dynamo.reset()  # it counts the shapes of all workloads together
            # the last batch has a shape of its own, and both are worth a compilation
            self.loss = torch.compile(loss, dynamic=False)

    def restart(self, weights):
        """Start again from these weights."""
        set_weights(self.torch, self.net, weights)
        self.optimizer = self.make_optimizer(self.net.parameters())

    def weights(self):
        """Return the kernel and bias of each layer in turn."""
        return [p.detach().numpy().T for p in self.net.parameters()]

    def hold(self, x, y):
        """Return tensors, and class numbers instead of one-hot rows."""
        y = y.argmax(axis=1) if self.classes else y
        return self.torch.from_numpy(x), self.torch.from_numpy(y)

    def epoch(self, data, order=None):
        """Train one epoch over the rows, in this order or a random one."""
        x, y = data
        torch = self.torch
        order = torch.randperm(len(x)) if order is None else torch.from_numpy(order)
        for rows in order.split(self.batch_size):
            self.optimizer.zero_grad()
            self.loss(x[rows], y[rows]).backward()
            self.optimizer.step()


def training(workload):
    """Time an epoch, eager."""
    return training_side(workload, Network(workload))


def compiled_training(workload):
    """Time an epoch with ``torch.compile``."""
    return training_side(workload, Network(workload, compiled=True))


def prediction(workload):
    """Time calls of the network in inference mode, from array to array."""
    torch = torch_module()
    net = layers_of(torch, workload.widths, getattr(torch, workload.dtype))
    set_weights(torch, net, workload.weights())

    def predict(x):
        with torch.inference_mode():
            return net(torch.from_numpy(x)).numpy()

    return prediction_side(workload, predict)
