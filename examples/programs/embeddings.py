"""Entity embeddings: shops and weekdays as vectors beside numbers, in a functional model."""

import numpy as np

import fastgd as keras

keras.utils.set_random_seed(7)
rng = np.random.default_rng(7)

# Sales depend on the shop, the weekday and the price.
SHOPS, DAYS, count = 30, 7, 5000
shop, day = rng.integers(0, SHOPS, count), rng.integers(0, DAYS, count)
price = rng.uniform(-1, 1, count)
shop_effect, day_effect = rng.normal(0, 1, SHOPS), np.sin(2 * np.pi * np.arange(DAYS) / DAYS)
sales = shop_effect[shop] + day_effect[day] - 0.5 * price + 0.1 * rng.normal(size=count)
data = {
    "shop": shop[:, None].astype("int32"),
    "day": day[:, None].astype("int32"),
    "price": price[:, None].astype("float32"),
}
y = sales.astype("float32")

inputs = [
    keras.layers.Input(shape=(1,), name="shop", dtype="int32"),
    keras.layers.Input(shape=(1,), name="day", dtype="int32"),
    keras.layers.Input(shape=(1,), name="price"),
]
shop_vector = keras.layers.Flatten()(
    keras.layers.Embedding(SHOPS, 4, name="shop_vectors")(inputs[0])
)
day_vector = keras.layers.Flatten()(
    keras.layers.Embedding(DAYS, 2, name="day_vectors")(inputs[1])
)
merged = keras.layers.Concatenate()([shop_vector, day_vector, inputs[2]])
hidden = keras.layers.Dense(32, activation="relu")(merged)
outputs = keras.layers.Dense(1)(hidden)
model = keras.Model(inputs=inputs, outputs=outputs)
model.compile(optimizer=keras.optimizers.Adam(0.01), loss="mse")
model.fit(data, y, batch_size=64, epochs=20, verbose=0)
vectors = np.asarray(model.get_layer("shop_vectors").get_weights()[0])
result = {
    "mean squared error": float(model.evaluate(data, y, verbose=0)),
    "variance": float(y.var()),
    "shape of the vectors": vectors.shape,
}

if __name__ == "__main__":
    print(result)
