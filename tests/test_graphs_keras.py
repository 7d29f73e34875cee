"""Random graphs against Keras itself: outputs, losses, gradients of a step, names."""

import numpy as np
import pytest

import fastgd
from fastgd import optimizers

keras = pytest.importorskip("keras")
# Keras itself is not held to the rule that warnings are errors
pytestmark = pytest.mark.filterwarnings("ignore")


def described(seed):
    """A random graph as data: ("in", width), ("dense", source, units, activation) ..."""
    rng = np.random.default_rng(seed)
    steps = [("in", int(rng.integers(2, 5))) for _ in range(rng.integers(1, 4))]
    widths = [step[1] for step in steps]
    for _ in range(rng.integers(3, 9)):
        source = int(rng.integers(len(widths)))
        same = [k for k, width in enumerate(widths) if width == widths[source]]
        kind = rng.choice(["dense", "activation", "merge", "join", "again"])
        if kind == "dense":
            steps.append(("dense", source, int(rng.integers(1, 5)),
                          str(rng.choice(["relu", "tanh", "linear", "sigmoid"]))))  # fmt: skip
            widths.append(steps[-1][2])
        elif kind == "activation":
            steps.append(("activation", source, str(rng.choice(["relu", "tanh", "softmax"]))))
            widths.append(widths[source])
        elif kind == "merge":
            other = int(rng.choice(same))
            name = str(rng.choice(["Add", "Subtract", "Multiply", "Average", "Maximum"]))
            steps.append(("merge", source, other, name))
            widths.append(widths[source])
        elif kind == "join":
            other = int(rng.integers(len(widths)))
            steps.append(("join", source, other))
            widths.append(widths[source] + widths[other])
        else:  # a layer that is there already, on another tensor of that width
            used = [
                k for k, step in enumerate(steps)
                if step[0] == "dense" and widths[step[1]] == widths[source]
            ]  # fmt: skip
            if used:
                steps.append(("again", source, int(rng.choice(used))))
                widths.append(steps[steps[-1][2]][2])
    # every tensor that nobody reads leads to an output, so that every input counts
    read = {s for step in steps for s in _sources(step)}
    ends = [k for k in range(len(steps)) if k not in read]
    count = len([step for step in steps if step[0] == "in"])
    return steps, [k for k in ends if k >= count] or [len(steps) - 1], count


def _sources(step):
    kind = step[0]
    if kind in ("dense", "activation", "again"):
        return [step[1]]
    return list(step[1:3]) if kind in ("merge", "join") else []


def made(library, steps, ends, count):
    """The graph in fastgd or Keras; outputs of one unit."""
    of = library.layers
    tensors, used = [], {}
    for k, step in enumerate(steps):
        if step[0] == "in":
            tensors.append(of.Input(shape=(step[1],), name=f"in{k}"))
        elif step[0] == "dense":
            used[k] = of.Dense(step[2], activation=step[3], name=f"d{k}")
            tensors.append(used[k](tensors[step[1]]))
        elif step[0] == "again":
            tensors.append(used[step[2]](tensors[step[1]]))
        elif step[0] == "activation":
            tensors.append(of.Activation(step[2], name=f"a{k}")(tensors[step[1]]))
        elif step[0] == "merge":
            layer = getattr(of, step[3])(name=f"m{k}")
            tensors.append(layer([tensors[step[1]], tensors[step[2]]]))
        else:
            pair = [tensors[step[1]], tensors[step[2]]]
            tensors.append(of.Concatenate(name=f"c{k}")(pair))
    outputs = [of.Dense(1, name=f"out{k}")(tensors[k]) for k in ends]
    return library.Model(tensors[:count], outputs)


@pytest.mark.parametrize("seed", range(24))
def test_a_random_graph(seed):
    steps, ends, count = described(seed)
    ours, theirs = (made(library, steps, ends, count) for library in (fastgd, keras))
    names = [layer.name for layer in theirs.layers]
    assert [layer.name for layer in ours.layers] == names
    assert [w.shape for w in ours.get_weights()] == [w.shape for w in theirs.get_weights()]
    rng = np.random.default_rng(100 + seed)
    weights = [rng.normal(size=w.shape) * 0.5 for w in ours.get_weights()]
    ours.set_weights(weights)
    theirs.set_weights(weights)
    x = [rng.normal(size=(16, step[1])).astype("float32") for step in steps[:count]]
    y = [rng.normal(size=(16, 1)).astype("float32") for _ in ends]
    for found, expected in zip(_list(ours.predict(x)), _list(theirs.predict(x, verbose=0)),
                               strict=True):  # fmt: skip
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
    for model, sgd in ((ours, optimizers.SGD(0.01)), (theirs, keras.optimizers.SGD(0.01))):
        model.compile(
            sgd, loss=["mse"] * len(ends), loss_weights=[0.5 + k for k in range(len(ends))],
            metrics=[["mae"]] * len(ends),
        )  # fmt: skip
    w = rng.uniform(size=16)
    figures = [
        model.evaluate(x, y, sample_weight=w if len(ends) == 1 else [w] * len(ends),
                       batch_size=16, verbose=0, return_dict=True)
        for model in (ours, theirs)
    ]  # fmt: skip
    assert set(figures[0]) == set(figures[1])
    assert figures[0] == pytest.approx(figures[1], rel=1e-4)
    for model in (ours, theirs):
        model.fit(x, y, batch_size=16, epochs=3, shuffle=False, verbose=0)
    for found, expected in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(found, expected, rtol=2e-3, atol=2e-4)


def _list(outputs):
    return outputs if isinstance(outputs, list) else [outputs]
