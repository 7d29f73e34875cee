"""Examples of each layer: its arguments and the shapes of its inputs."""

import numpy as np

from fastgd import layers

#: class -> [(arguments, shapes of a row of each input) ...]
EXAMPLES = {
    "ELU": [({}, [(5,)])],
    "Activation": [
        ({"activation": "tanh"}, [(5,)]),
        ({"activation": "softmax"}, [(2, 3)]),
        ({"activation": "glu"}, [(6,)]),
        ({"activation": "glu"}, [(2, 4)]),
    ],
    "ActivityRegularization": [({"l1": 0.1, "l2": 0.2}, [(5,)])],
    "Add": [
        ({}, [(5,), (5,)]),
        ({}, [(5,), (1,), (5,)]),
        ({}, [(2, 3), (2, 1), (1, 3)]),
        ({}, [(2, 3), (3,)]),
    ],
    "AlphaDropout": [
        ({"rate": 0.3}, [(5,)]),
        ({"rate": 0.3, "noise_shape": (None, 1)}, [(5,)]),
    ],
    "Average": [({}, [(5,), (5,), (5,)]), ({}, [(2, 3), (1, 1)])],
    "BatchNormalization": [
        ({}, [(5,)]),
        ({"epsilon": 0.1, "momentum": 0.5, "center": False}, [(5,)]),
        ({"scale": False}, [(2, 3)]),
        ({"axis": 1}, [(2, 3)]),
        ({"trainable": False}, [(5,)]),
    ],
    "Concatenate": [
        ({}, [(5,), (1,), (2,)]),
        ({"axis": 1}, [(2, 3), (4, 3)]),
        ({"axis": -1}, [(2, 3), (2, 1)]),
    ],
    "Dense": [({"units": 3}, [(5,)])],
    "Dot": [
        ({"axes": 1}, [(5,), (5,)]),
        ({"axes": -1, "normalize": True}, [(5,), (5,)]),
        ({"axes": 2}, [(1, 4), (1, 4)]),
        ({"axes": (2, 1), "normalize": True}, [(2, 3), (3, 4)]),
        ({"axes": (1, 1)}, [(3, 2), (3,)]),
    ],
    "Dropout": [
        ({"rate": 0.3}, [(5,)]),
        ({"rate": 0.3, "seed": 3}, [(2, 3)]),
        ({"rate": 0.3, "noise_shape": (1, 2, 1)}, [(2, 3)]),
    ],
    "Embedding": [({"input_dim": 9, "output_dim": 3}, [(2,)])],
    "Flatten": [({}, [(5,)]), ({}, [(2, 3)])],
    "GaussianDropout": [({"rate": 0.3}, [(5,)])],
    "GaussianNoise": [({"stddev": 0.3, "seed": 1}, [(5,)])],
    "Identity": [({}, [(5,)])],
    "LayerNormalization": [
        ({}, [(5,)]),
        ({"epsilon": 0.1, "center": False}, [(2, 3)]),
        ({"axis": 1, "scale": False}, [(3, 2)]),
        ({"axis": [1, 2]}, [(2, 3)]),
    ],
    "LeakyReLU": [({}, [(5,)])],
    "Maximum": [({}, [(5,), (5,), (5,)])],
    "Minimum": [({}, [(5,), (5,)]), ({}, [(1,), (5,)])],
    "MonotonicDense": [
        ({"units": 3}, [(5,)]),
        ({"units": 7, "activation": "elu", "monotonicity": [1, 0, -1]}, [(3,)]),
    ],
    "Multiply": [({}, [(5,), (5,)]), ({}, [(2, 3), (3,)])],
    "Normalization": [
        ({}, [(5,)]),
        ({"axis": None, "mean": 2.0, "variance": 3.0}, [(2, 3)]),
        ({"axis": (1, 2)}, [(2, 3)]),
        ({"axis": 1, "invert": True}, [(2, 3)]),
        ({"mean": [1.0, 2.0, 3.0], "variance": [0.0, 1.0, 4.0], "invert": True}, [(3,)]),
    ],
    "Ordered": [({}, [(5,)]), ({"first": "negative"}, [(4,)])],
    "PReLU": [
        ({}, [(5,)]),
        ({"alpha_initializer": "ones", "shared_axes": 1}, [(2, 3)]),
        ({"shared_axes": [1, 2]}, [(2, 3)]),
    ],
    "ReLU": [({}, [(5,)]), ({"max_value": 0.5, "negative_slope": 0.2}, [(5,)])],
    "Rescaling": [
        ({"scale": 2.0, "offset": -1.0}, [(5,)]),
        ({"scale": [1.0, 2.0, 3.0]}, [(2, 3)]),
    ],
    "Reshape": [({"target_shape": (3, -1)}, [(6,)]), ({"target_shape": (6,)}, [(2, 3)])],
    "Softmax": [({}, [(5,)]), ({}, [(2, 3)])],
    "Subtract": [({}, [(5,), (5,)]), ({}, [(1,), (5,)])],
    "UnitNormalization": [({}, [(5,)]), ({"axis": 1}, [(2, 3)]), ({"axis": [1, 2]}, [(2, 3)])],
}

#: Those whose training draws random numbers.
RANDOM = ("AlphaDropout", "Dropout", "GaussianDropout", "GaussianNoise")

CASES = [(name, arguments, shapes) for name in EXAMPLES for arguments, shapes in EXAMPLES[name]]


def made(name, arguments, dtype="float64", library=layers):
    return getattr(library, name)(**arguments, dtype=dtype)


def inputs(name, arguments, shapes, n=7, dtype="float64"):
    """Inputs of n rows, as the layer is called on them."""
    rng = np.random.default_rng(1)
    values = [rng.normal(size=(n, *shape)).astype(dtype) for shape in shapes]
    if name == "Embedding":
        values = [rng.integers(0, arguments["input_dim"], (n, *shape)) for shape in shapes]
    return values if getattr(layers, name).several_inputs else values[0]


def randomise(layer, seed=2):
    """Give the weights of a built layer other values; returns them."""
    rng = np.random.default_rng(seed)
    weights = [rng.uniform(0.5, 1.5, w.shape) for w in layer.get_weights()]
    # a normalisation counts in whole numbers
    weights = [w if np.ndim(w) else np.round(w) for w in weights]
    layer.set_weights(weights)
    return weights
