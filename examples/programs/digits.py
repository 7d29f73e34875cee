"""Digits of 8 x 8 pixels: flattened images, dropout and batch normalisation."""

import numpy as np

import fastgd as keras

keras.utils.set_random_seed(4)
rng = np.random.default_rng(4)

# The ten digits of a seven-segment display, shifted and with noise on every pixel.
SEGMENTS = {  # rows and columns of each
    "a": (0, slice(1, 5)), "b": (slice(0, 4), 5), "c": (slice(3, 7), 5), "d": (6, slice(1, 5)),
    "e": (slice(3, 7), 0), "f": (slice(0, 4), 0), "g": (3, slice(1, 5)),
}  # fmt: skip
LIT = ["abcdef", "bc", "abged", "abgcd", "fgbc", "afgcd", "afgedc", "abc", "abcdefg", "abcdfg"]
images = np.zeros((10, 8, 8))
for digit, segments in enumerate(LIT):
    for segment in segments:
        rows, columns = SEGMENTS[segment]
        images[digit, rows, columns] = 1
labels = rng.integers(0, 10, 3000)
shifts = rng.integers(0, 2, (3000, 2))
x = np.stack(
    [np.roll(images[k], shift, (0, 1)) for k, shift in zip(labels, shifts, strict=True)]
)
x = np.clip(255 * (0.8 * x + rng.normal(0, 0.3, x.shape)), 0, 255).astype("float32")
train, test = slice(0, 2400), slice(2400, None)

model = keras.Sequential(
    [
        keras.layers.Input(shape=(8, 8)),
        keras.layers.Rescaling(1 / 255),
        keras.layers.Flatten(),
        keras.layers.Dense(64),
        keras.layers.BatchNormalization(),
        keras.layers.Activation("relu"),
        keras.layers.Dropout(0.2),
        keras.layers.Dense(10),
    ]
)
model.compile(
    optimizer="adam",
    loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    metrics=["accuracy"],
)
model.fit(x[train], labels[train], epochs=10, batch_size=64, verbose=0)
loss, accuracy = model.evaluate(x[test], labels[test], verbose=0)
result = {"loss": float(loss), "accuracy": float(accuracy)}

if __name__ == "__main__":
    print(result)
