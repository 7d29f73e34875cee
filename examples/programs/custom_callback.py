"""A callback of one's own: it watches batches, changes the rate and stops the training."""

import numpy as np

import fastgd as keras

keras.utils.set_random_seed(10)
rng = np.random.default_rng(10)

x = rng.normal(size=(512, 8)).astype("float32")
y = (x[:, :1] * x[:, 1:2] + 0.5 * x[:, 2:3]).astype("float32")


class Watch(keras.callbacks.Callback):
    """Counts batches, halves the rate every tenth epoch, and stops below a loss."""

    def __init__(self, enough):
        super().__init__()
        self.enough = enough
        self.batches = 0
        self.losses = []

    def on_train_batch_end(self, batch, logs=None):
        self.batches += 1

    def on_epoch_end(self, epoch, logs=None):
        self.losses.append(float(logs["loss"]))
        if epoch % 10 == 9:
            rate = self.model.optimizer.learning_rate
            rate.assign(float(rate.numpy() if hasattr(rate, "numpy") else rate) / 2)
        if logs["loss"] < self.enough:
            self.model.stop_training = True


model = keras.Sequential(
    [
        keras.layers.Input(shape=(8,)),
        keras.layers.Dense(32, activation="tanh"),
        keras.layers.Dense(1),
    ]
)
model.compile(optimizer=keras.optimizers.Adam(0.02), loss="mse")
watch = Watch(enough=0.05)
history = model.fit(x, y, batch_size=32, epochs=200, callbacks=[watch], verbose=0)
result = {
    "epochs": len(watch.losses),
    "batches an epoch": watch.batches / len(watch.losses),
    "last loss": watch.losses[-1],
    "agrees with the history": bool(np.allclose(watch.losses, history.history["loss"])),
}

if __name__ == "__main__":
    print(result)
