"""Why was this client declined? A scorecard, a network and a monotone network, on one page.

    python credit_reasons.py                        made-up clients
    python credit_reasons.py uci_default_credit_card.csv

It writes credit_reasons.png. Sex, marriage and age are left out: a lender may not use the first
two, and the third only with care; other columns may still stand for them. The table has no
dates, so nothing is known of drift, and no clients that were turned away.
"""

import sys

import credit_data
import credit_default
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import tables

from fastgd import explain, linear
from fastgd.sklearn import LogisticRegression, MLPClassifier

#: How a name begins -> what a reason calls it, and whether risk is to rise or fall with it.
MEANINGS = {
    "LIMIT_BAL": ("credit limit", -1), "EDUCATION": ("education", 0), "BILL_": ("bills", 0),
    "PAY_AMT": ("sums paid", -1), "PAY_": ("late payments", 1), "idle_": ("no balance", 0),
    "months_late": ("late payments", 1), "utilisation": ("use of the limit", 1),
    "paid": ("sums paid", -1), "recent": ("enquiries", 1), "income": ("income", -1),
    "credit_limit": ("credit limit", -1), "years": ("time employed", -1),
}  # fmt: skip


def clients(path):
    """Return columns of numbers, who defaulted (0 or 1), and a dict of name -> meaning."""
    if path is None:
        frame, y = credit_data.generate(12_000, seed=0)
    else:
        frame, y = tables.read(path, credit_default.TARGET)
    frame = frame.drop(columns=["SEX", "MARRIAGE", "AGE", "age"], errors="ignore")
    for name in [name for name in frame if name.startswith("PAY_") and "AMT" not in name]:
        # Below 1 the codes are in no order: -2 unused, -1 paid in full, 0 the minimum paid.
        frame[f"idle_{name}"] = frame[name] < 0
        frame[name] = frame[name].clip(lower=0)
    frame = pd.get_dummies(frame).astype(float)
    starts = {name: next(s for s in MEANINGS if name.startswith(s)) for name in frame}
    return frame, y.astype(int), {name: MEANINGS[start] for name, start in starts.items()}


def logits(model, x):
    """Return the log-odds of a default, (n, 1)."""
    p = np.clip(model.predict_proba(x)[:, 1].astype(float), 1e-9, 1 - 1e-9)
    return np.log(p / (1 - p))[:, None]


def main():
    """Train, calibrate, compare, and explain one decision."""
    frame, y, meanings = clients(sys.argv[1] if len(sys.argv) > 1 else None)
    fifth = len(frame) // 5
    rest, test = tables.split(len(frame), fifth, seed=0)
    train, tune = rest[fifth:], rest[:fifth]
    mean, spread = frame.iloc[train].mean(), frame.iloc[train].std().replace(0, 1)
    x = (frame - mean) / spread
    directions = {name: direction for name, (_, direction) in meanings.items()}
    settings = {"hidden_layer_sizes": (16,), "early_stopping": True, "random_state": 0}
    models = {
        "scorecard": LogisticRegression(C=0.1),
        "network": MLPClassifier(**settings),
        "monotone network": MLPClassifier(monotonic_cst=directions, **settings),
    }
    figure, axes = plt.subplots(2, 2, figsize=(12, 9), layout="constrained")
    calibration, effect, waterfall, words = axes.ravel()
    late = "PAY_0" if "PAY_0" in frame else "months_late_1"
    report = [f"{len(train)} clients to learn from, {fifth} to calibrate, {fifth} to test"]
    for name, model in models.items():
        model.fit(x.iloc[train], y[train])
        platt = linear.LinearModel("log_loss").fit(logits(model, x.iloc[tune]), y[tune])
        p = platt.predict_proba(logits(model, x.iloc[test]))[:, 1]
        tenths = np.array_split(np.argsort(p), 10)
        means = np.array([[p[rows].mean(), y[test][rows].mean()] for rows in tenths])
        calibration.plot(*means.T, "o-", label=name)
        curve = explain.ale(model, x.iloc[train], late)[late]
        effect.plot(curve.edges * spread[late] + mean[late], curve.effect, "o-")
        auc, brier = tables.auc(y[test], p), np.mean((p - y[test]) ** 2)
        report.append(f"{name:17} AUC {auc:.4f}   Brier {brier:.4f}")
    explain.monotone(model, directions)  # raises unless the signs of the weights prove it
    calibration.plot([0, 0.8], [0, 0.8], color="0.8", zorder=0)
    calibration.set_title("On the grey line a probability means what it says.")
    calibration.set(xlabel="predicted probability, by tenths", ylabel="share that defaulted")
    calibration.legend()
    effect.set_title("The green line never falls: that is proved, not seen.")
    effect.set(xlabel=f"{late} (months)", ylabel="change of log-odds")
    a, b = platt.intercept[0], platt.coef[0, 0]  # calibrated, the log-odds are a + b z
    card = explain.Scorecard(pdo=20, score=600, odds=20)
    order = test[np.argsort(p)]
    barely = x.iloc[order[7 * fifth // 10 : 8 * fifth // 10]]  # a fifth is declined
    applicant = x.iloc[order[[9 * fifth // 10]]]
    groups = {}
    for name, (word, _) in meanings.items():
        groups.setdefault(word, []).append(name)
    along = explain.integrated_gradients(model, applicant, barely.mean(), "exact")
    each = along.to_frame()  # what reason_codes sums up and ranks
    values = np.column_stack([each[columns].sum(axis=1) for columns in groups.values()])
    base = a + b * along.base_values
    found = card.points(explain.Explanation(b * values, base, None, tuple(groups)))
    explain.plot_explanation(found, unit="points", ax=waterfall)
    (codes,) = explain.reason_codes(model, applicant, barely, groups=groups)
    report += ["", f"Score {found.totals[0]:.0f}. Against those who barely passed:"]
    client, usual = frame.loc[applicant.index[0]], frame.loc[barely.index].mean()
    for name, contribution, columns, *_ in codes.reasons:
        most = max(columns, key=lambda column: each[column].iloc[0])
        report.append(f"  {name}: {card.slope * b * contribution:.1f} points")
        report.append(f"      {most} {client[most]:,.1f}; theirs {usual[most]:,.1f}")
    print("\n".join(report))
    words.axis("off")
    words.text(0, 1, "\n".join(report), va="top", family="monospace", fontsize=9)
    figure.savefig("credit_reasons.png", dpi=100)


if __name__ == "__main__":
    main()
