"""A training loop by hand: the loss is written out, the tape differentiates it."""

import numpy as np

from fastgd import GradientTape, ops
from fastgd.layers import Dense, Input
from fastgd.models import Sequential
from fastgd.optimizers import Adam
from fastgd.utils import set_random_seed

set_random_seed(0)
rng = np.random.default_rng(0)
x = rng.normal(size=(256, 10)).astype("float32")
# (256, 1), as the predictions are: (256,) would be subtracted from each of them
y = x[:, :3].sum(axis=1, keepdims=True)

model = Sequential([Input(shape=(10,)), Dense(16, activation="relu"), Dense(1)])
optimizer = Adam(learning_rate=0.01)

for step in range(201):
    with GradientTape() as tape:
        y_pred = model(x, training=True)
        loss = ops.mean(ops.square(y - y_pred))
    grads = tape.gradient(loss, model.trainable_variables)
    optimizer.apply_gradients(zip(grads, model.trainable_variables, strict=True))
    if step % 40 == 0:
        print(f"step {step:3d}  loss {float(loss):.4f}")
