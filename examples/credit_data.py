"""Made-up credit card clients, where there is no table at hand."""

import numpy as np
import pandas as pd

MONTHS = 6


def generate(rows, seed, default_rate=0.22):
    """Return clients of a bank, and which of them will not pay next month.

    Each client has a hidden weakness. It lowers income and limit, fills the cards and delays
    payments over six months; the visible part of all this, and chance, decide on the default.

    Parameters
    ----------
    rows : int
    seed : int
    default_rate : float
        The share of clients that default.

    Returns
    -------
    frame : pandas.DataFrame
        23 numeric columns.
    defaults : ndarray of float32
        0 or 1.
    """
    rng = np.random.default_rng(seed)
    weakness = rng.normal(size=rows)
    age = np.clip(rng.gamma(9, 4, rows) + 18, 18, 80).round()
    income = np.exp(10.4 + 0.01 * (age - 40) - 0.25 * weakness + rng.normal(0, 0.5, rows))
    limit = income * np.exp(-1 - 0.3 * weakness + rng.normal(0, 0.5, rows))
    employed = np.minimum(rng.exponential(6, rows), age - 18).round(1)
    enquiries = rng.poisson(np.exp(0.4 * weakness))

    numbers = {
        "age": age,
        "income": income.round(-2),
        "credit_limit": limit.round(-2),
        "years_employed": employed,
        "recent_enquiries": enquiries,
    }
    strain = 0.7 * weakness + rng.normal(0, 1, rows)  # what drifts from month to month
    late = np.zeros(rows)
    for month in range(MONTHS, 0, -1):  # the latest month, 1, comes last
        strain = 0.85 * strain + 0.15 * weakness + rng.normal(0, 0.5, rows)
        used = 1.2 / (1 + np.exp(0.5 - 0.9 * strain + rng.normal(0, 0.4, rows)))
        missed = strain + rng.normal(0, 1, rows) > 1.6
        late = np.where(missed, late + 1, np.maximum(late - 2, 0))
        share = np.clip(rng.beta(1, 3, rows) + 0.3 * (strain < -0.5), 0, 1)
        numbers[f"months_late_{month}"] = late
        numbers[f"utilisation_{month}"] = used.round(3)
        numbers[f"paid_{month}"] = (share * used * limit * (late == 0)).round()

    risk = (
        1.3 * np.minimum(late, 2)
        + 1.6 * np.maximum(used - 0.7, 0) * (income < np.median(income))
        + 0.8 * used
        - 0.5 * np.log(income / np.median(income))
        + 0.25 * np.minimum(enquiries, 4)
        + 0.4 * np.exp(-employed)
        + 0.03 * np.abs(age - 45)
        + rng.logistic(size=rows)
    )
    defaults = risk > np.quantile(risk, 1 - default_rate)
    return pd.DataFrame(numbers), defaults.astype(np.float32)
