"""Fuel consumption from a car's weight and power: regression on columns of all scales."""

import numpy as np

import fastgd as keras

keras.utils.set_random_seed(1)
rng = np.random.default_rng(1)

# Made-up cars, in the units of the auto-mpg table: weight (lb), horsepower, cylinders, year.
count = 400
weight = rng.uniform(1600, 5000, count)
cylinders = np.select([weight < 2600, weight < 3400], [4, 6], 8)
power = 20 + 0.028 * weight + 6 * (cylinders - 4) + rng.normal(0, 8, count)
year = rng.integers(70, 83, count)
mpg = 46 - 0.0064 * weight - 0.04 * power + 0.7 * (year - 76) + rng.normal(0, 1.5, count)
x = np.column_stack([weight, power, cylinders, year]).astype("float32")
y = mpg.astype("float32")
train, test = slice(0, 320), slice(320, None)

normalizer = keras.layers.Normalization()
normalizer.adapt(x[train])
model = keras.Sequential(
    [
        keras.layers.Input(shape=(4,)),
        normalizer,
        keras.layers.Dense(64, activation="relu"),
        keras.layers.Dense(64, activation="relu"),
        keras.layers.Dense(1),
    ]
)
model.compile(optimizer=keras.optimizers.Adam(0.005), loss="mean_absolute_error")
history = model.fit(x[train], y[train], validation_split=0.2, epochs=60, verbose=0)
error = model.evaluate(x[test], y[test], verbose=0)
result = {"mean absolute error": error, "of the mean": float(np.abs(y[test] - y.mean()).mean())}

if __name__ == "__main__":
    print(result)
