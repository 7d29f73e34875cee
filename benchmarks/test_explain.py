"""Gradients of inputs and integrated gradients: 23-64-32-1, relu, one thread, float32.

First ours and the peer's, where one is installed, are compared with the formulas in NumPy. Then
the sides take turns, and the least of each counts. ``extra_info`` says how many microseconds a
row takes, and how many times as long the peer.
"""

import time

import numpy as np
import pytest

from fastgd import Sequential, explain, layers

WIDTHS = (23, 64, 32, 1)
X = np.random.default_rng(0).normal(size=(8192, 23)).astype("float32")
STEPS = 50


def network():
    hidden = [layers.Dense(n, activation="relu") for n in WIDTHS[1:-1]]
    model = Sequential([layers.Input((23,)), *hidden, layers.Dense(1, activation="sigmoid")])
    rng = np.random.default_rng(1)
    model.set_weights([
        rng.normal(size=w.shape) / np.sqrt(len(w)) for w in model.get_weights()
    ])  # fmt: skip
    return model


def by_hand(model, x):
    """The gradients of the logit, in float64."""
    first, a, second, b, last, _ = (w.astype(float) for w in model.get_weights())
    one = x @ first + a
    two = np.maximum(one, 0) @ second + b
    return ((two > 0) * last[:, 0] @ second.T * (one > 0)) @ first.T


def torch_network(model):
    torch = pytest.importorskip("torch")
    torch.set_num_threads(1)
    weights = model.get_weights()
    parts = []
    for kernel, bias in zip(weights[::2], weights[1::2], strict=True):
        dense = torch.nn.Linear(*kernel.shape)
        with torch.no_grad():
            dense.weight[:], dense.bias[:] = torch.tensor(kernel.T), torch.tensor(bias)
        parts += [dense, torch.nn.ReLU()]
    return torch.nn.Sequential(*parts[:-1])


def torch_gradients(net, x):
    import torch

    x = torch.tensor(x, requires_grad=True)
    (found,) = torch.autograd.grad(net(x).sum(), x)
    return found.numpy()


def torch_integrated(net, x):
    """The same by torch alone: the points of all lines are one batch."""
    root, weight = np.polynomial.legendre.leggauss(STEPS)
    points = ((root + 1) / 2)[:, None] * x[:, None]
    found = torch_gradients(net, points.reshape(-1, x.shape[1]).astype("float32"))
    return x * np.einsum("s,nsd->nd", weight / 2, found.reshape(len(x), STEPS, -1))


def captum_integrated(net):
    captum = pytest.importorskip("captum.attr")
    import torch

    method = captum.IntegratedGradients(net)
    return lambda x: method.attribute(torch.tensor(x), n_steps=STEPS).detach().numpy()


def least(benchmark, sides, rows, rounds, calls=1):
    """Time the sides in turn, some calls each, and note the microseconds of a row."""
    times = dict.fromkeys(sides, np.inf)

    def turn():
        for name, work in sides.items():
            start = time.perf_counter()
            for _ in range(calls):
                work()
            times[name] = min(times[name], (time.perf_counter() - start) / calls / rows)

    benchmark.pedantic(turn, rounds=rounds, warmup_rounds=2)
    for name, seconds in times.items():
        benchmark.extra_info[f"{name}_microseconds"] = 1e6 * seconds
        benchmark.extra_info[f"times_as_long_as_ours_{name}"] = seconds / times["ours"]


def test_input_gradients(benchmark):
    model = network()
    expected = by_hand(model, X)
    np.testing.assert_allclose(explain.input_gradients(model, X), expected, atol=1e-5)
    sides = {
        "ours": lambda: explain.input_gradients(model, X),
        "predict": lambda: model.predict(X),
        "numpy": lambda: by_hand(model, X),
    }
    least(benchmark, sides, len(X), 20)


@pytest.mark.parametrize("rows", [1, 256])
@pytest.mark.parametrize("peer", ["torch", "captum"])
def test_integrated_gradients(benchmark, peer, rows):
    model, x = network(), X[:rows]
    net = torch_network(model)
    theirs = captum_integrated(net) if peer == "captum" else lambda x: torch_integrated(net, x)
    root, weight = np.polynomial.legendre.leggauss(STEPS)
    expected = x * sum(
        w * by_hand(model, place * x)
        for place, w in zip((root + 1) / 2, weight / 2, strict=True)
    )
    found = explain.integrated_gradients(model, x, steps=STEPS)
    np.testing.assert_allclose(found.values, expected, atol=1e-3)  # float32 turns at kinks
    np.testing.assert_allclose(theirs(x), expected, atol=1e-3)
    sides = {
        "ours": lambda: explain.integrated_gradients(model, x, steps=STEPS),
        peer: lambda: theirs(x),
    }
    few = rows > 1  # one row: calls in a row, so that each side finds its caches warm
    least(benchmark, sides, rows, 5, 1 if few else 100)


def test_exact_integrals(benchmark):
    model, x = network(), X[:1000]
    exact = explain.integrated_gradients(model, x, steps="exact")
    fine = explain.integrated_gradients(model, x, steps=4096)
    np.testing.assert_allclose(exact.values, fine.values, atol=0.02)
    np.testing.assert_allclose(exact.errors["completeness"], 0, atol=1e-5)
    sides = {
        "ours": lambda: explain.integrated_gradients(model, x, steps="exact"),
        "auto": lambda: explain.integrated_gradients(model, x),
    }
    least(benchmark, sides, len(x), 3)
