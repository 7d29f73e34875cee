"""Which score of parameter sets counts, and which sets are the best by it."""

import math

import numpy as np

from fastgd._data.validation import optional_function
from fastgd._registry.names import lookup
from fastgd.callbacks.monitor import MonitorCallback
from fastgd.errors import ArgumentError
from fastgd.models import Model


class Ranking:
    """Rank parameter sets by a score; for the arguments see ``many.parameter_search``.

    The first scores decide on ``monitor`` and ``mode`` where they are not given; ``error`` says
    why models cannot be ranked.
    """

    def __init__(self, score, monitor, mode):
        if mode not in ("auto", "min", "max"):
            raise ArgumentError(f"mode: expected 'auto', 'min' or 'max', got {mode!r}")
        self.score = optional_function(score, "score")
        self.monitor = monitor
        self.mode = None if mode == "auto" else mode
        self.error = None

    def check(self, found, model):
        """Choose monitor and mode with the first scores; refuse scores without the monitor."""
        try:
            if self.monitor is None:
                if not found:
                    raise ArgumentError("score: it returned no value, expected at least one")
                self.monitor = next(iter(found)).removeprefix("test_")
            lookup("monitor", self.monitor, {name.removeprefix("test_"): 0 for name in found})
            if self.mode is None:
                self.mode = _direction(self.monitor, model)
        except Exception as error:
            self.error = error
            raise

    def row(self, parameters, results):
        """Return a row of a Search: a parameter set's, from the Results of its splits."""
        scores = [
            float(r.scores.get(f"test_{self.monitor}", math.nan)) if r.ok else math.nan
            for r in results
        ]
        names = dict.fromkeys(n for r in results for n in r.scores if n.startswith("test_"))
        return {
            "index": results[0].params["set"],
            "parameters": parameters,
            "scores": scores,
            "mean": float(np.mean(scores)),
            "std": float(np.std(scores, ddof=1)) if len(scores) > 1 else math.nan,
            "rank": None,
            "figures": {
                name.removeprefix("test_"): [r.scores.get(name, math.nan) for r in results]
                for name in names
            },
            "seconds": sum(r.seconds for r in results),
            "error": next((r.to_dict()["error"] for r in results if not r.ok), None),
        }

    def rank(self, table):
        """Give the rows their ranks: those of a later rung first, then by mean."""

        def key(row):
            if math.isnan(row["mean"]):
                return -1, 0.0
            return row.get("rung", 0), -row["mean"] if self.mode == "min" else row["mean"]

        places = {}
        for place, one in enumerate(sorted(map(key, table), reverse=True), 1):
            places.setdefault(one, place)
        for row in table:
            row["rank"] = places[key(row)]

    def best(self, table, count):
        """Return the indices of the best rows, in ascending order; none without a mean."""
        sign = 1 if self.mode == "min" else -1
        scored = [row for row in table if not math.isnan(row["mean"])]
        scored.sort(key=lambda row: sign * row["mean"])  # stable: of equals the first
        return sorted(row["index"] for row in scored[:count])


def _direction(monitor, model):
    if monitor == "score":  # more is better, as in scikit-learn
        return "max"
    callback = MonitorCallback(monitor)
    if isinstance(model, Model):
        callback.set_model(model)
    return callback.direction()
