"""A Keras program, of which only the imports were changed.

A network of 10-10-10-1 neurons learns a product of two inputs plus a sum of two others.
"""

import numpy as np

from fastgd.layers import Dense
from fastgd.models import Sequential
from fastgd.utils import set_random_seed

set_random_seed(0)
rng = np.random.default_rng(0)
x = rng.random((10_000, 10))
y = (x[:, 0] * x[:, 1] + x[:, 2] + x[:, 3]).reshape(-1, 1)

model = Sequential()
model.add(Dense(10, activation="relu", input_shape=(10,)))
model.add(Dense(10, activation="relu"))
model.add(Dense(1))
model.summary()
model.compile(optimizer="adam", loss="mse", metrics=["mae"])
history = model.fit(x, y, epochs=10)

for name, values in history.history.items():
    print(f"{name}: {values[0]:.4f} after the first epoch, {values[-1]:.4f} after the last")
