"""What ``fit`` takes beyond the data, counted by the allocator."""

import tracemalloc

import numpy as np
import pytest

from fastgd import Sequential, config, layers

pytestmark = pytest.mark.skipif(
    config.engine() == "reference", reason="the reference engine takes memory as it likes"
)

ROWS, INPUTS, BATCH = 100_000, 30, 256
WIDTHS = (64, 32)
# What Python itself and the engine's scratch take, whatever the data are.
FIXED = 300_000

LOSSES = {
    "mse": (1, None),
    "binary_crossentropy": (1, "sigmoid"),
    "categorical_crossentropy": (40, "softmax"),
    "sparse_categorical_crossentropy": (12, "softmax"),
}


def targets(loss, outputs, dtype):
    labels = np.arange(ROWS) % max(outputs, 2)
    if loss == "categorical_crossentropy":
        return np.eye(outputs, dtype=dtype)[labels]
    return labels.astype(dtype)[:, None]


@pytest.mark.parametrize("shuffle", [True, False])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("loss", LOSSES)
def test_peak_of_fit_beyond_the_data(loss, dtype, shuffle):
    outputs, activation = LOSSES[loss]
    x = np.random.default_rng(0).normal(size=(ROWS, INPUTS)).astype(dtype)
    y = targets(loss, outputs, dtype)
    model = Sequential(
        [
            layers.Input(shape=(INPUTS,)),
            *[layers.Dense(width, activation="relu") for width in WIDTHS],
            layers.Dense(outputs, activation=activation),
        ],
        dtype=dtype,
    )
    model.compile("adam", loss, metrics=["mse"] if loss == "mse" else ["accuracy"])
    tracemalloc.start()
    try:
        model.fit(x, y, batch_size=BATCH, epochs=2, verbose=0, shuffle=shuffle)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    itemsize = np.dtype(dtype).itemsize
    weights = model.count_params() * itemsize
    # values and gradients of all buffers, in whole tiles, and the gathered rows
    buffers = BATCH * itemsize * (2 * (sum(WIDTHS) + 4 * 32 + 2 * 32) + INPUTS + outputs + 2)
    assert peak <= weights * (2 + 2) + buffers + 16 * ROWS + FIXED
    assert peak < x.nbytes


def test_data_that_fit_are_not_copied():
    x = np.zeros((ROWS, INPUTS), np.float32)
    model = Sequential([layers.Dense(1, input_shape=(INPUTS,))])
    model.compile("sgd", "mse")
    tracemalloc.start()
    try:
        model.evaluate(x, x[:, 0].copy(), verbose=0)
        model.predict(x)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < x.nbytes / 4
