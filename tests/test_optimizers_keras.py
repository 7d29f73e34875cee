"""Optimizers and schedules against Keras itself, where it is installed."""

import inspect
import warnings

import numpy as np
import pytest
from formulas import ARGUMENTS, CLASSES

from fastgd import Variable, optimizers

keras = pytest.importorskip("keras")
pytestmark = pytest.mark.filterwarnings("ignore")

SHAPES = [(5, 7), (7,), (7, 3), (3,)]
COUNT = 200


def random_configuration(rng):
    """The name of an optimizer and arguments that both take."""
    name = list(CLASSES)[rng.integers(len(CLASSES))]
    choices = [{}, *ARGUMENTS[name]]
    arguments = dict(choices[rng.integers(len(choices))])
    arguments["learning_rate"] = float(10 ** rng.uniform(-3, -1))
    if name == "Adafactor":
        arguments.pop("relative_step", None)  # there it does nothing, see docs/differences.md
    if rng.random() < 0.5 and name != "AdamW":
        arguments["weight_decay"] = float(rng.uniform(0, 0.1))
    clip = rng.integers(4)
    if clip:
        arguments[["clipnorm", "clipvalue", "global_clipnorm"][clip - 1]] = float(
            rng.uniform(0.1, 3)
        )
    if rng.random() < 0.3:
        arguments |= {"use_ema": True, "ema_momentum": float(rng.uniform(0.5, 1))}
        if rng.random() < 0.5:
            arguments["ema_overwrite_frequency"] = int(rng.integers(1, 4))
    elif rng.random() < 0.3:
        arguments["gradient_accumulation_steps"] = int(rng.integers(2, 4))
    return name, arguments


@pytest.mark.parametrize("seed", range(COUNT))
def test_random_configurations(seed):
    rng = np.random.default_rng(seed)
    name, arguments = random_configuration(rng)
    ours = CLASSES[name](**arguments)
    if not hasattr(keras.optimizers, name):
        pytest.skip("Keras has none")
    theirs = getattr(keras.optimizers, name)(**arguments)
    start = [rng.normal(size=shape).astype(np.float32) for shape in SHAPES]
    flat = np.concatenate([w.ravel() for w in start])
    offsets = np.cumsum([0] + [w.size for w in start])
    variables = [
        Variable(flat, int(offset), w.shape, name=f"layer/{i}")
        for i, (offset, w) in enumerate(zip(offsets, start, strict=False))
    ]
    others = [keras.Variable(w, name=f"v{i}") for i, w in enumerate(start)]
    if rng.random() < 0.5:
        ours.exclude_from_weight_decay(var_list=variables[1::2])
        theirs.exclude_from_weight_decay(var_list=others[1::2])
    for _ in range(7):
        gradients = [rng.normal(size=w.shape).astype(np.float32) for w in start]
        ours.apply(gradients, variables)
        theirs.apply([keras.ops.convert_to_tensor(g) for g in gradients], others)
    if rng.random() < 0.5:
        ours.finalize_variable_values(variables)
        theirs.finalize_variable_values(others)
    assert ours.iterations == int(theirs.iterations)
    for one, other in zip(variables, others, strict=True):
        expected = np.asarray(other)
        # Keras computes powers of betas, and Ftrl's difference of powers, in float32
        np.testing.assert_allclose(one, expected, rtol=0, atol=1e-3 * np.abs(expected).max())
        median = np.median(np.abs(one - expected)) / np.abs(expected).max()
        assert median < 3e-5, (name, arguments)


@pytest.mark.parametrize("name", CLASSES)
def test_arguments_and_defaults(name):
    def arguments(made):
        return [
            (p.name, p.default)
            for p in inspect.signature(made).parameters.values()
            if p.kind is not p.VAR_KEYWORD
        ]

    theirs = getattr(keras.optimizers, name)
    assert arguments(CLASSES[name]) == arguments(theirs)
    ours = CLASSES[name]().get_config()
    for key, value in theirs().get_config().items():
        assert key == "name" or ours[key] == pytest.approx(value), key


SCHEDULES = {
    "ExponentialDecay": [(0.1, 7, 0.9), (0.1, 7, 0.9, True)],
    "PiecewiseConstantDecay": [([3, 10, 20], [1.0, 0.5, 0.25, 0.1])],
    "PolynomialDecay": [(0.1, 13), (0.1, 13, 0.01, 0.5), (0.1, 13, 0.01, 2.0, True)],
    "InverseTimeDecay": [(0.1, 7, 0.5), (0.1, 7, 0.5, True)],
    "CosineDecay": [(0.1, 17), (0.1, 17, 0.2), (0.0, 17, 0.1, "name", 0.3, 5)],
    "CosineDecayRestarts": [(0.1, 5), (0.1, 5, 1.0, 0.9, 0.1), (0.1, 3, 1.5, 0.5)],
}


@pytest.mark.parametrize("name", SCHEDULES)
def test_schedules(name):
    ours = getattr(optimizers.schedules, name)
    theirs = getattr(keras.optimizers.schedules, name)
    assert list(inspect.signature(ours).parameters) == list(
        inspect.signature(theirs).parameters
    )
    for arguments in SCHEDULES[name]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            expected = [float(theirs(*arguments)(step)) for step in range(45)]
        found = [ours(*arguments)(step) for step in range(45)]
        wrong = np.abs(np.subtract(found, expected)) > 1e-5 * max(expected)
        # in float32 the logarithm of a restart's step may fall on the other side
        assert wrong.sum() <= (1 if name == "CosineDecayRestarts" else 0)
        assert ours(*arguments).get_config() == theirs(*arguments).get_config()
