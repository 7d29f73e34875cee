"""Optuna searches for a network, and gives up early on those that do not get anywhere.

    python optuna_pruning.py --trials 20

It needs Optuna and pandas (pip install optuna pandas). The data are made up, by credit_data.py.
"""

import argparse
import functools

import credit_data
import optuna
import tables

import fastgd
from fastgd import callbacks, layers, metrics, optimizers


def network(trial, width):
    """Return a compiled network whose sizes and settings the trial suggests."""
    units = trial.suggest_int("units", 4, 64, log=True)
    model = fastgd.Sequential([layers.Input(shape=(width,))])
    for _ in range(trial.suggest_int("depth", 1, 3)):
        model.add(layers.Dense(units, activation="relu"))
        model.add(layers.Dropout(trial.suggest_float("dropout", 0.0, 0.4)))
    model.add(layers.Dense(1, activation="sigmoid"))
    rate = trial.suggest_float("learning_rate", 1e-4, 3e-2, log=True)
    model.compile(
        optimizers.Adam(rate), "binary_crossentropy", metrics=[metrics.AUC(name="auc")]
    )
    return model


def objective(trial, x, y, train, held, epochs):
    """Return the AUC of clients held out; Optuna may end the training after any epoch."""
    fastgd.utils.set_random_seed(trial.number)  # each trial can be run again alone
    model = network(trial, x.shape[1])
    history = model.fit(
        x[train],
        y[train],
        batch_size=trial.suggest_categorical("batch_size", [32, 128]),
        epochs=epochs,
        validation_data=(x[held], y[held]),
        callbacks=[callbacks.OptunaPruning(trial, "val_auc")],
        verbose=0,
    )
    return history.history["val_auc"][-1]


def main():
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--trials", type=int, default=20, help="how many (%(default)s)")
    parser.add_argument("--epochs", type=int, default=10, help="of each (%(default)s)")
    parser.add_argument("--rows", type=int, default=4000, help="clients (%(default)s)")
    args = parser.parse_args()

    frame, y = credit_data.generate(args.rows, seed=1)
    train, held = tables.split(args.rows, args.rows // 4, seed=1)
    x, _ = tables.features(frame, train)

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(
        direction="maximize",
        sampler=optuna.samplers.TPESampler(seed=1),
        pruner=optuna.pruners.MedianPruner(n_startup_trials=5, n_warmup_steps=2),
    )
    study.optimize(
        functools.partial(objective, x=x, y=y, train=train, held=held, epochs=args.epochs),
        n_trials=args.trials,
    )
    for trial in study.trials:
        epochs = len(trial.intermediate_values)
        auc = trial.intermediate_values[epochs - 1]
        state = trial.state.name.lower()
        print(f"trial {trial.number:2d}: {state:8} {epochs:2d} epochs, AUC {auc:.4f}")
    print(f"best AUC {study.best_value:.4f} with {study.best_params}")


if __name__ == "__main__":
    main()
