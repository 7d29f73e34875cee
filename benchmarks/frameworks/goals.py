"""The goals of fastgd: how many times as fast as another framework, or what share of a peak."""

from fastgd.bench.frameworks import OURS
from fastgd.bench.measure import THREADED
from fastgd.bench.table import three_digits

#: Workload -> name of a framework -> how many times as fast fastgd has to be; "best" stands for
#: all frameworks, "threads" for itself in one thread. "peak" is the share of the core's peak.
GOALS = {
    "10-10-10-1, adam, batch 32 of 10000, float32": {
        "numpy": 33, "torch": 100, "jax": 75, "sklearn": 100, "keras-tensorflow": 500,
    },
    "23-64-32-1, adam, batch 256 of 10300, float32": {
        "numpy": 3.3, "torch": 7, "jax": 8, "sklearn": 7, "peak": 0.55,
    },
    "784-256-10, adam, batch 128 of 1280, float32": {"numpy": 1.25, "best": 1.1, "peak": 0.7},
    "10-10-10-1, predict one row, float32": {"numpy": 1 / 0.6},
    "gradient_descent, 4 x 2, 1000 iterations, auto": {"numpy": 40},
    "10-10-10-1, adam, batch 1 of 10000, float32": {"numpy": 150, "jax": 50, "torch": 500},
    "512-1024-1024-1, adam, batch 256 of 1024, float32": {
        "numpy": 1, "peak": 0.7, "threads": 1.7,
    },
    "logistic 23-1, sgd, batch 1 of 10000, float32": {"sklearn": 2},
    "10-10-10-1, predictor one row, float32": {"numpy": 4},
    "gradient_descent, 1000000 x 30, 20 iterations, direct": {"numpy": 3},
    "gradient_descent, 1000000 x 30, 1000 iterations, gram": {"numpy": 300},
}  # fmt: skip


def compared(line):
    """Return [{"goal", "expected", "reached"}] of the goals that a line measured."""
    us, found = line["us"], dict(line["ratio"])
    if found:
        found["best"] = min(found.values())
    if THREADED in us and OURS in us:
        found["threads"] = us[OURS] / us[THREADED]
    found["peak"] = line.get("share", {}).get("multiply_adds")
    return [
        {"goal": name, "expected": expected, "reached": found[name]}
        for name, expected in GOALS.get(line["workload"], {}).items()
        if found.get(name) is not None
    ]


def verdicts(lines, labels):
    """Yield a line of text for each goal that was measured, and whether it was reached."""
    for line in lines:
        for goal in line["goals"]:
            verdict = "reached" if goal["reached"] >= goal["expected"] else "MISSED"
            reached, expected = (three_digits(goal[key]) for key in ("reached", "expected"))
            what = labels.get(goal["goal"], goal["goal"])
            yield f"{verdict}: {line['workload']}, {what}: {reached}, goal {expected}"
