"""An autoencoder that finds odd rows: encoder and decoder are models of their own."""

import numpy as np

import fastgd as keras

keras.utils.set_random_seed(5)
rng = np.random.default_rng(5)

# Rows near a plane in 16 dimensions, and some that are not.
plane = rng.normal(size=(3, 16))
normal = (rng.normal(size=(3000, 3)) @ plane + 0.1 * rng.normal(size=(3000, 16))).astype(
    "float32"
)
odd = (rng.normal(size=(200, 16)) * normal.std()).astype("float32")

encoder = keras.Sequential(
    [
        keras.layers.Input(shape=(16,)),
        keras.layers.Dense(8, activation="tanh"),
        keras.layers.Dense(3, name="code"),
    ],
    name="encoder",
)
decoder = keras.Sequential(
    [
        keras.layers.Input(shape=(3,)),
        keras.layers.Dense(8, activation="tanh"),
        keras.layers.Dense(16),
    ],
    name="decoder",
)
inputs = keras.layers.Input(shape=(16,))
autoencoder = keras.Model(inputs, decoder(encoder(inputs)))
autoencoder.compile(optimizer=keras.optimizers.Adam(0.01), loss="mse")
autoencoder.fit(normal, normal, epochs=30, batch_size=64, verbose=0)


def errors(x):
    """The squared error of each row."""
    return np.square(autoencoder.predict(x, verbose=0) - x).mean(axis=1)


codes = encoder.predict(normal, verbose=0)
limit = np.quantile(errors(normal), 0.95)
result = {
    "odd rows found": float((errors(odd) > limit).mean()),
    "variance kept": float(1 - errors(normal).mean() / normal.var()),
    "decoder agrees": float(
        np.abs(decoder.predict(codes, verbose=0) - autoencoder.predict(normal, verbose=0)).max()
    ),
}

if __name__ == "__main__":
    print(result)
