"""Trainings that a study of Optuna ends."""

import numpy as np
import pytest

from fastgd import Sequential, callbacks, layers, utils
from fastgd.errors import ArgumentError

optuna = pytest.importorskip("optuna")


def trained(seed, epochs, *listeners):
    utils.set_random_seed(seed)
    x = np.linspace(-1, 1, 40)[:, None]
    model = Sequential([layers.Dense(1, input_shape=(1,))])
    model.compile("sgd", "mse")
    history = model.fit(x, 2 * x, epochs=epochs, verbose=0, callbacks=listeners)
    return model, history.history["loss"]


def test_what_is_reported_is_the_history():
    trial = optuna.create_study().ask()
    plain, losses = trained(3, 4)
    model, _ = trained(3, 4, callbacks.OptunaPruning(trial, "loss"))
    seen = trial.study.trials[0].intermediate_values
    assert seen == dict(enumerate(losses))
    assert (model.parameters == plain.parameters).all()


def test_a_pruned_training_ends_in_its_epoch():
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    pruner = optuna.pruners.ThresholdPruner(upper=-1, n_warmup_steps=2)
    study = optuna.create_study(pruner=pruner)
    models = []

    def objective(trial):
        utils.set_random_seed(3)
        model = Sequential([layers.Dense(1, input_shape=(1,))])
        model.compile("sgd", "mse")
        models.append(model)
        x = np.linspace(-1, 1, 40)[:, None]
        prune = callbacks.OptunaPruning(trial, "val_loss")
        model.fit(x, 2 * x, epochs=9, validation_data=(x, 2 * x), verbose=0, callbacks=[prune])

    study.optimize(objective, n_trials=1)
    (trial,) = study.trials
    assert trial.state is optuna.trial.TrialState.PRUNED
    assert len(trial.intermediate_values) == 3
    assert (models[0].parameters == trained(3, 3)[0].parameters).all()


def test_a_figure_that_is_not_there():
    trial = optuna.create_study().ask()
    with pytest.raises(
        ArgumentError, match=r"monitor='val_loss' is not recorded \(recorded: loss\)"
    ):
        trained(3, 2, callbacks.OptunaPruning(trial))
