"""The workloads that are measured, and the goals of fastgd in them.

Shapes are appended, never edited: a time is only worth something beside older ones.
"""

from fastgd.bench.workloads import Descent, Prediction, Starting, Training, products

_SMALL = (10, 10, 10, 1)
_CREDIT = (23, 64, 32, 1)
_DIGITS = (784, 256, 10)
_WIDE = (512, 1024, 1024, 1)
_NETWORKS = (_SMALL, (23, 16, 1), _CREDIT, (100, 256, 256, 10), _DIGITS, _WIDE)

#: What ``python -m fastgd bench`` measures.
WORKLOADS = (
    Training(
        _SMALL, 32, 10_000, "float32",
        goals={"numpy": 33, "torch": 100, "jax": 75, "sklearn": 100, "keras-tensorflow": 500},
    ),
    Training(_SMALL, 1, 1_000, "float32"),
    Training(
        _CREDIT, 256, 10_300, "float32",
        goals={"numpy": 3.3, "torch": 7, "jax": 8, "sklearn": 7, "peak": 0.55},
    ),
    Training(_DIGITS, 128, 1_280, "float32", goals={"numpy": 1.25, "best": 1.1, "peak": 0.7}),
    Training(_SMALL, 32, 10_000, "float64"),
    Training(_SMALL, 1, 1_000, "float64"),
    Training(_CREDIT, 256, 10_300, "float64"),
    Training(_DIGITS, 128, 1_280, "float64"),
    Prediction(_SMALL, "float32", goals={"numpy": 1 / 0.6}),
    Descent(1_000_000, 30, 10),
    Descent(4, 2, 1000, goals={"numpy": 40}),
    Training(_SMALL, 1, 10_000, "float32", goals={"numpy": 150, "jax": 50, "torch": 500}),
    Training(
        _WIDE, 256, 1_024, "float32", goals={"numpy": 1, "peak": 0.7, "threads": 1.7}
    ),
    Training((23, 1), 1, 10_000, "float32", "sgd", binary=True, goals={"sklearn": 2}),
    Training((1000, 1), 1, 2_000, "float32", "sgd", binary=True),
    Prediction(_SMALL, "float32", rows=32),
    Prediction(_SMALL, "float32", calls=10, rows=10_000),
    Prediction(_SMALL, "float32", served=True, goals={"numpy": 4}),
    Descent(1_000_000, 30, 20, "direct", goals={"numpy": 3}),
    Descent(1_000_000, 30, 1000, "gram", by_hand=20, goals={"numpy": 300}),
    Descent(10_000, 30, 100),
    Starting("import", Training(_SMALL, 32, 1_000, "float32")),
    Starting("first fit", Training(_SMALL, 32, 1_000, "float32")),
)  # fmt: skip


def _rows(widths, batch_size):
    """Return enough rows for some steps, and too few for an epoch to take seconds."""
    steps = max(4, min(300, 500_000_000 // (3 * batch_size * products(widths))))
    return batch_size * steps


def full_grid():
    """Return the workloads above, and a grid of networks, batch sizes and optimizers."""
    grid = [
        Training(widths, batch_size, _rows(widths, batch_size), dtype, optimizer)
        for widths in _NETWORKS
        for batch_size in (1, 8, 32, 256, 4096)
        for optimizer in ("adam", "sgd")
        for dtype in ("float32", "float64")
    ]
    names = {str(workload) for workload in WORKLOADS}
    return WORKLOADS + tuple(workload for workload in grid if str(workload) not in names)
