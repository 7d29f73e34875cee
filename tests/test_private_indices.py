"""Numbers of rows that a caller changes after they were checked change nothing."""

import numpy as np

from fastgd import Sequential, layers
from fastgd._validate import row_numbers
from fastgd.callbacks import LambdaCallback

X = np.random.default_rng(0).normal(size=(50, 3)).astype("float32")


def trained(meddle):
    rows = np.arange(0, 50, 2)
    held_out = np.arange(1, 50, 2)

    def spoil(*_):
        if meddle:
            rows[:] = 2**40
            held_out[:] = 2**40

    model = Sequential([layers.Dense(4, "tanh", input_shape=(3,), kernel_initializer="ones"),
                        layers.Dense(1, kernel_initializer="ones")])  # fmt: skip
    model.compile("adam", "mse")
    history = model.fit(
        X, X[:, 0], rows=rows, validation_rows=held_out, epochs=3, shuffle=False, verbose=0,
        callbacks=[LambdaCallback(on_epoch_begin=spoil, on_epoch_end=spoil)],
    )  # fmt: skip
    return model.parameters.tobytes(), history.history


def test_fit_keeps_rows_of_its_own(engine):
    assert trained(meddle=True) == trained(meddle=False)


def test_checked_rows_share_no_memory():
    rows = np.arange(5)
    assert not np.shares_memory(row_numbers(rows, 5), rows)
