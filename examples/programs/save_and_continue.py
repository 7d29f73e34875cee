"""Train, save, load and go on, as if nothing had been in between."""

import tempfile
from pathlib import Path

import numpy as np

import fastgd as keras

SUFFIX = ".safetensors" if keras.__name__ == "fastgd" else ".keras"
rng = np.random.default_rng(12)
x = rng.normal(size=(600, 10)).astype("float32")
y = np.tanh(x[:, :1] - x[:, 1:2]).astype("float32")

keras.utils.set_random_seed(12)
model = keras.Sequential(
    [
        keras.layers.Input(shape=(10,)),
        keras.layers.Dense(16, activation="relu"),
        keras.layers.Dense(1),
    ]
)
model.compile(optimizer="adam", loss="mse", metrics=["mae"])
model.fit(x, y, epochs=3, verbose=0)
with tempfile.TemporaryDirectory() as folder:
    path = Path(folder) / f"model{SUFFIX}"
    model.save(path)
    loaded = keras.models.load_model(path)
same = float(np.abs(model.predict(x, verbose=0) - loaded.predict(x, verbose=0)).max())
model.fit(x, y, epochs=3, verbose=0, shuffle=False)
loaded.fit(x, y, epochs=3, verbose=0, shuffle=False)
apart = max(
    float(np.abs(a - b).max())
    for a, b in zip(model.get_weights(), loaded.get_weights(), strict=True)
)
result = {"outputs differ by": same, "weights differ by": apart}

if __name__ == "__main__":
    print(result)
