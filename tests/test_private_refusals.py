"""Private training: what compile, fit and single batches refuse."""

import numpy as np
import pytest
from private_models import NOISY, X, Y, compiled, flat, network

from fastgd import (
    Sequential,
    callbacks,
    layers,
    losses,
    optimizers,
)
from fastgd.errors import ArgumentError
from fastgd.privacy import DPSGD
from fastgd.tape import GradientTape


def refused(match, **arguments):
    with pytest.raises(ArgumentError, match=match):
        compiled(**arguments)


def test_losses_that_look_at_other_rows():
    refused("loss: 'sharpe' is one number", loss=losses.Sharpe(), model=network())
    refused("reduction of 'mean_squared_error' is 'sum'", loss=losses.MeanSquaredError("sum"))
    ignoring = losses.SparseCategoricalCrossentropy(ignore_class=0)
    refused("ignore_class", loss=ignoring)
    weighted = compiled(loss=losses.MeanSquaredError("mean_with_sample_weight"))
    weighted.fit(X, Y, verbose=0)  # without weights its divisor is the batch size
    with pytest.raises(ArgumentError, match="divides by the weights of all rows"):
        weighted.fit(X, Y, sample_weight=np.ones(60), verbose=0)
    batch = compiled(loss=lambda y, p: ((y - p) ** 2).mean())
    with pytest.raises(ArgumentError, match="one number for a whole batch"):
        batch.fit(X, Y, verbose=0)
    assert batch.privacy.ledger.steps == 0
    rows = compiled(loss=lambda y, p: ((y - p) ** 2).mean(axis=-1))
    rows.fit(X, Y, verbose=0)
    assert rows.privacy.ledger.steps == 2


def test_optimizers_that_are_no_steps():
    refused("optimizer: 'lbfgs' evaluates all rows", optimizer=optimizers.LBFGS())
    accumulating = optimizers.Adam(gradient_accumulation_steps=2)
    refused("gradient_accumulation_steps", optimizer=accumulating)
    model = compiled()
    with pytest.raises(ArgumentError, match="gradient_accumulation_steps"):
        model.optimizer = accumulating
    assert model.optimizer is not accumulating


def test_layers_that_look_at_other_rows():
    model = Sequential([layers.BatchNormalization(name="bn"), layers.Dense(1)])
    model.compile("adam", "mse", privacy=NOISY)
    with pytest.raises(ArgumentError, match=r"layer 'bn' normalises .* LayerNormalization"):
        model.fit(X, Y, verbose=0)
    model.layers[0].trainable = False  # it normalises by moments that are known then
    model.compile("adam", "mse", privacy=NOISY)
    model.fit(X, Y, verbose=0)
    assert model.privacy.ledger.steps == 2


def test_data_of_which_rows_cannot_be_drawn():
    model = compiled()

    def batches():
        while True:
            yield X, Y

    with pytest.raises(ArgumentError, match=r"x: private training draws .* got batches"):
        model.fit(batches(), steps_per_epoch=1, verbose=0)
    for shuffle in (False, "batch"):
        with pytest.raises(ArgumentError, match=f"shuffle: .*{shuffle}"):
            model.fit(X, Y, shuffle=shuffle, verbose=0)
    labels = (Y > 0).astype(int)
    classifier = compiled(loss=losses.BinaryCrossentropy(from_logits=True))
    with pytest.raises(ArgumentError, match="class_weight: 'balanced'"):
        classifier.fit(X, labels, class_weight="balanced", verbose=0)
    assert model.privacy.ledger.steps == classifier.privacy.ledger.steps == 0


def test_single_batches_and_tapes():
    model = compiled()
    model.fit(X, Y, verbose=0)
    before = flat(model)
    for name, call in {
        "train_on_batch": lambda: model.train_on_batch(X, Y),
        "value_and_grad": lambda: model.value_and_grad(X, Y),
        "learn_one": lambda: model.learn_one({"a": 1.0}, 2.0),
        "train_on_batch ": lambda: model.learner()(X[0], 1.0),
    }.items():
        with pytest.raises(ArgumentError, match=f"{name.strip()}: the privacy of a model"):
            call()
    with GradientTape() as tape:
        loss = ((model(X) - Y) ** 2).mean()
    gradients = tape.gradient(loss, model.trainable_variables)
    pairs = zip(gradients, model.trainable_variables, strict=True)
    with pytest.raises(ArgumentError, match="apply_gradients: a model is trained privately"):
        model.optimizer.apply_gradients(pairs)
    assert np.array_equal(before, flat(model))
    assert model.privacy.ledger.steps == 2


def test_callbacks_that_act_on_training_figures_are_warned_of():
    model = compiled()
    for callback in (
        callbacks.EarlyStopping("loss"),
        callbacks.ReduceLROnPlateau("loss"),
        callbacks.ModelCheckpoint("never_written", "loss", save_best_only=True),
    ):
        with pytest.warns(UserWarning, match=f"{type(callback).__name__} acts on 'loss'"):
            model.fit(X, Y, verbose=0, epochs=0, callbacks=[callback])
    model.fit(
        X, Y, verbose=0, validation_data=(X, Y), callbacks=[callbacks.EarlyStopping("val_loss")]
    )


def test_what_privacy_may_be():
    with pytest.raises((ArgumentError, TypeError), match="privacy"):
        compiled(privacy=1.0)
    with pytest.raises(ArgumentError, match="l2_norm_clip"):
        DPSGD(0.0, 1.0)
