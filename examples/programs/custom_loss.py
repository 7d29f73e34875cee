"""A loss of one's own: being late costs four times as much as being early."""

import numpy as np

import fastgd as keras

keras.utils.set_random_seed(9)
rng = np.random.default_rng(9)

x = rng.normal(size=(2000, 5)).astype("float32")
y = (x @ np.array([1.0, -2.0, 0.5, 0.0, 3.0]) + rng.normal(size=2000)).astype("float32")[
    :, None
]


def late_is_worse(y_true, y_pred):
    """Squared error, times four where the prediction is too low."""
    late = keras.ops.maximum(y_true - y_pred, 0.0)
    early = keras.ops.maximum(y_pred - y_true, 0.0)
    return keras.ops.mean(4.0 * keras.ops.square(late) + keras.ops.square(early), axis=-1)


model = keras.Sequential([keras.layers.Input(shape=(5,)), keras.layers.Dense(1)])
model.compile(optimizer=keras.optimizers.Adam(0.02), loss=late_is_worse, metrics=["mae"])
history = model.fit(x, y, batch_size=50, epochs=30, verbose=0)
error = model.predict(x, verbose=0) - y
result = {
    "loss": float(history.history["loss"][-1]),
    "share above": float((error > 0).mean()),
    # that of the minimum is 0: 4 E[late] = E[early]
    "balance": float(4 * np.maximum(-error, 0).mean() - np.maximum(error, 0).mean()),
}

if __name__ == "__main__":
    print(result)
