"""Show what privacy costs: the AUC of a network that is trained with differential privacy.

    python private_credit.py                        made-up clients
    python private_credit.py uci_default_credit_card.csv

It writes private_credit.png: the hold-out AUC against epsilon, with the least and the highest
of five seeds. Numbers are scaled by what is known of each column without looking at the rows:
means and deviations of the rows are no more private than the rows. An epsilon is that of one
training; the picture, of 25 networks and exact figures, is not private.
"""

import sys

import credit_data
import credit_default
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import tables

import fastgd
from fastgd import layers
from fastgd.privacy import DPSGD

#: How a name begins -> what divides its numbers; 0 for sums of money, whose logarithm counts.
SCALES = {
    "LIMIT_BAL": 0, "BILL_AMT": 0, "PAY_AMT": 0, "PAY_": 2, "AGE": 50, "age": 50, "income": 0,
    "credit_limit": 0, "paid": 0, "months_late": 2, "utilisation": 1, "years": 10, "recent": 2,
}  # fmt: skip
#: Column -> the texts that the description of the table names; another one is 0 in all columns.
TEXTS = {
    "SEX": ("female", "male"), "MARRIAGE": ("married", "single", "others"),
    "EDUCATION": ("graduate school", "university", "high school", "others"),
}  # fmt: skip
EPSILONS, DELTA, SEEDS = (0.3, 1, 3, 8), 1e-5, range(5)
BATCH_SIZE, EPOCHS, CLIP = 1024, 20, 1.0


def clients(path):
    """Return features in about [-3, 3], and who defaulted (0 or 1)."""
    if path is None:
        frame, y = credit_data.generate(30_000, seed=0)
    else:
        frame, y = tables.read(path, credit_default.TARGET)
    columns = {}
    for name, values in frame.items():
        scale = next((s for start, s in SCALES.items() if name.startswith(start)), None)
        if name in TEXTS:
            columns |= {f"{name}={text}": values == text for text in TEXTS[name]}
        elif scale is None:
            sys.exit(f"error: no scale is known for column {name!r}")
        elif scale:
            columns[name] = values / scale
        else:
            columns[name] = np.sign(values) * np.log1p(np.abs(values) / 1000) / 3
    x = pd.DataFrame(columns).fillna(0).clip(-3, 3)
    return np.ascontiguousarray(x.to_numpy(np.float32)), y


def auc_of(x, y, seed, privacy):
    """Return the hold-out AUC of a network, trained with a DPSGD or, for None, without."""
    train, held = tables.split(len(x), len(x) // 5, seed)
    fastgd.utils.set_random_seed(seed)
    model = fastgd.Sequential(
        [
            layers.Input(shape=(x.shape[1],)),
            layers.Dense(32, activation="tanh"),
            layers.Dense(1, activation="sigmoid"),
        ]
    )
    model.compile(fastgd.optimizers.Adam(0.01), "binary_crossentropy", privacy=privacy)
    model.fit(x[train], y[train], batch_size=BATCH_SIZE, epochs=EPOCHS, verbose=0)
    return tables.auc(y[held], model.predict(x[held], verbose=0)[:, 0])


def main():
    """Train for each epsilon and seed, and draw the curve."""
    x, y = clients(sys.argv[1] if len(sys.argv) > 1 else None)
    rows = len(x) - len(x) // 5
    settings = {"batch_size": BATCH_SIZE, "epochs": EPOCHS, "l2_norm_clip": CLIP}
    print(f"{rows} clients to learn from, {len(x) - rows} held out, delta {DELTA:g}")
    without = np.mean([auc_of(x, y, seed, None) for seed in SEEDS])
    found = []
    for epsilon in EPSILONS:
        private = DPSGD.calibrated(epsilon=epsilon, delta=DELTA, rows=rows, **settings)
        found.append([auc_of(x, y, seed, private) for seed in SEEDS])
        print(
            f"epsilon {epsilon:<4g} noise {private.noise_multiplier:5.2f}   "
            f"AUC {np.mean(found[-1]):.4f}"
        )
    print(f"without privacy      AUC {without:.4f}")
    figure, axes = plt.subplots(figsize=(7, 4.5), layout="constrained")
    axes.fill_between(EPSILONS, np.min(found, 1), np.max(found, 1), alpha=0.2)
    axes.plot(EPSILONS, np.mean(found, 1), "o-", label="private, mean of five seeds")
    axes.axhline(without, color="0.5", linestyle="--", label="without privacy")
    axes.set(xscale="log", xlabel=f"epsilon, at delta = {DELTA:g}", ylabel="hold-out AUC")
    axes.set_xticks(EPSILONS, [f"{epsilon:g}" for epsilon in EPSILONS])
    axes.minorticks_off()
    axes.legend()
    axes.set_title("What privacy costs a network that predicts defaults")
    figure.savefig("private_credit.png", dpi=100)


if __name__ == "__main__":
    main()
