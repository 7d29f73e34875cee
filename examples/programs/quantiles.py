"""Quantile regression: three quantiles of a noise that grows with x."""

import numpy as np

import fastgd as keras

keras.utils.set_random_seed(8)
rng = np.random.default_rng(8)
QUANTILES = [0.1, 0.5, 0.9]

x = rng.uniform(0, 1, (6000, 1)).astype("float32")
y = (np.sin(3 * x) + (0.2 + x) * rng.normal(size=x.shape)).astype("float32")


def pinball(y_true, y_pred):
    """The loss of several quantiles at once, written with operations of the library."""
    below = y_true - y_pred
    levels = np.array(QUANTILES, dtype="float32")
    return keras.ops.mean(keras.ops.maximum(levels * below, (levels - 1) * below), axis=-1)


# fastgd has this loss in compiled form; elsewhere the function above does.
compiled = getattr(keras.losses, "Quantile", None)
model = keras.Sequential(
    [
        keras.layers.Input(shape=(1,)),
        keras.layers.Dense(32, activation="relu"),
        keras.layers.Dense(32, activation="relu"),
        keras.layers.Dense(len(QUANTILES)),
    ]
)
model.compile(
    optimizer=keras.optimizers.Adam(0.005),
    loss=pinball if compiled is None else compiled(QUANTILES),
)
model.fit(x, y, batch_size=128, epochs=25, verbose=0)
below = y <= model.predict(x, verbose=0)
result = {
    f"share below {q}": float(share)
    for q, share in zip(QUANTILES, below.mean(axis=0), strict=True)
}

if __name__ == "__main__":
    print(result)
