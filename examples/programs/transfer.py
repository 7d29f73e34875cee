"""Transfer: a base that was trained on much data, frozen, under a new head for little."""

import numpy as np

import fastgd as keras

keras.utils.set_random_seed(11)
rng = np.random.default_rng(11)

# Both tasks look at the same three hidden directions.
directions = rng.normal(size=(20, 3)) / np.sqrt(20)


def features(count):
    """Rows, and what is hidden in them."""
    x = rng.normal(size=(count, 20)).astype("float32")
    return x, np.tanh(2 * x @ directions)


x_much, hidden = features(8000)
y_much = (hidden @ [[1.0, -1.0], [0.5, 1.0], [-1.0, 0.5]]).astype("float32")
x_little, hidden = features(120)
y_little = (hidden[:, :1] * 2 - hidden[:, 2:]).astype("float32")
x_test, hidden = features(2000)
y_test = (hidden[:, :1] * 2 - hidden[:, 2:]).astype("float32")

base = keras.Sequential(
    [
        keras.layers.Input(shape=(20,)),
        keras.layers.Dense(32, activation="tanh"),
        keras.layers.Dense(8, activation="tanh"),
    ],
    name="base",
)
inputs = keras.layers.Input(shape=(20,))
first = keras.Model(inputs, keras.layers.Dense(2)(base(inputs)))
first.compile(optimizer=keras.optimizers.Adam(0.005), loss="mse")
first.fit(x_much, y_much, batch_size=64, epochs=15, verbose=0)

base.trainable = False
before = [np.array(w) for w in base.get_weights()]
inputs = keras.layers.Input(shape=(20,))
second = keras.Model(inputs, keras.layers.Dense(1)(base(inputs)))
second.compile(optimizer=keras.optimizers.Adam(0.02), loss="mse")
second.fit(x_little, y_little, batch_size=30, epochs=100, verbose=0)
result = {
    "trainable arrays": len(second.trainable_variables),
    "base moved by": max(
        float(np.abs(w - b).max()) for w, b in zip(base.get_weights(), before, strict=True)
    ),
    "error": float(second.evaluate(x_test, y_test, verbose=0)),
    "variance": float(y_test.var()),
}

if __name__ == "__main__":
    print(result)
