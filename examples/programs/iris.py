"""Three kinds of iris, once with one-hot targets and once with class numbers."""

import numpy as np

import fastgd as keras

rng = np.random.default_rng(3)

# Means and standard deviations of sepal and petal lengths and widths in Fisher's table (1936).
means = np.array([[5.01, 3.43, 1.46, 0.25], [5.94, 2.77, 4.26, 1.33], [6.59, 2.97, 5.55, 2.03]])
spreads = np.array(
    [[0.35, 0.38, 0.17, 0.11], [0.52, 0.31, 0.47, 0.20], [0.64, 0.32, 0.55, 0.27]]
)
labels = rng.permutation(np.repeat([0, 1, 2], 50))
x = (means[labels] + spreads[labels] * rng.normal(size=(150, 4))).astype("float32")


def classifier(loss):
    """A compiled model for one kind of targets."""
    keras.utils.set_random_seed(3)
    model = keras.Sequential(
        [
            keras.layers.Input(shape=(4,)),
            keras.layers.Dense(16, activation="tanh"),
            keras.layers.Dense(3, activation="softmax"),
        ]
    )
    model.compile(optimizer=keras.optimizers.Adam(0.02), loss=loss, metrics=["accuracy"])
    return model


one_hot = classifier("categorical_crossentropy")
one_hot.fit(x, keras.utils.to_categorical(labels, 3), epochs=60, batch_size=15, verbose=0)
sparse = classifier("sparse_categorical_crossentropy")
sparse.fit(x, labels, epochs=60, batch_size=15, verbose=0)
result = {
    "one-hot": float(one_hot.evaluate(x, keras.utils.to_categorical(labels, 3), verbose=0)[1]),
    "sparse": float(sparse.evaluate(x, labels, verbose=0)[1]),
    "difference": float(
        np.abs(one_hot.predict(x, verbose=0) - sparse.predict(x, verbose=0)).max()
    ),
}

if __name__ == "__main__":
    print(result)
