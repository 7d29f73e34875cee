"""Imbalanced fraud: class weights, precision and recall, and the area under their curve."""

import numpy as np

import fastgd as keras

keras.utils.set_random_seed(2)
rng = np.random.default_rng(2)

# One payment in fifty is a fraud, and looks a little different.
count = 12_000
y = (rng.random(count) < 0.02).astype("float32")
x = rng.normal(size=(count, 12)) + y[:, None] * rng.normal(0.9, 0.2, 12)
x[:, 3] *= 1 + 2 * y
x = x.astype("float32")
train, test = slice(0, 9000), slice(9000, None)

model = keras.Sequential(
    [
        keras.layers.Input(shape=(12,)),
        keras.layers.Dense(32, activation="relu"),
        keras.layers.Dropout(0.3),
        keras.layers.Dense(16, activation="relu"),
        keras.layers.Dense(1, activation="sigmoid"),
    ]
)
model.compile(
    optimizer=keras.optimizers.Adam(1e-3),
    loss=keras.losses.BinaryCrossentropy(),
    metrics=[
        keras.metrics.Precision(name="precision"),
        keras.metrics.Recall(name="recall"),
        keras.metrics.AUC(name="prc", curve="PR"),
    ],
)
frauds = y[train].sum()
weights = {0: 0.5 * 9000 / (9000 - frauds), 1: 0.5 * 9000 / frauds}
stopping = keras.callbacks.EarlyStopping(
    monitor="val_prc", patience=5, mode="max", restore_best_weights=True
)
model.fit(
    x[train], y[train],
    batch_size=256, epochs=30, class_weight=weights, validation_split=0.2,
    callbacks=[stopping], verbose=0,
)  # fmt: skip
result = model.evaluate(x[test], y[test], batch_size=512, verbose=0, return_dict=True)
result = {name: float(value) for name, value in result.items()}

if __name__ == "__main__":
    print(result)
