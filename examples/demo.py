"""fastgd in a few seconds: two networks trained, and timed against plain NumPy.

    python demo.py              the second network learns from generated credit data
    python demo.py clients.csv  or from a CSV file with a yes/no column (--target NAME)

It needs pandas. At the end it draws a picture of the losses, if matplotlib is installed.
"""

import os

# One thread for NumPy, as for the compiled engine; NumPy reads this when it is imported.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import argparse
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import credit_data
import credit_default
import numpy as np
import tables

import fastgd
from fastgd import layers

PICTURE = Path("fastgd_demo.png")
SEED = 0

#: How far losses may be apart. Sums in another order differ in the last bit; where that moves
#: a ReLU's input across 0, the networks part by about 1e-4.
TOLERANCE = 1e-3


@dataclass
class Problem:
    """A network and its data.

    ``held`` is (x, y) for the AUC, or None; ``network`` makes a compiled model.
    """

    title: str
    network: Callable
    x: np.ndarray
    y: np.ndarray
    held: tuple | None
    batch_size: int
    epochs: int

    @property
    def steps(self):
        """The number of steps of an epoch."""
        return -(-len(self.x) // self.batch_size)

    def auc(self, model):
        """Return the hold-out AUC, or None."""
        if self.held is None:
            return None
        x, y = self.held
        return tables.auc(y, model.predict(x)[:, 0])


@dataclass
class Run:
    """The speed and the results of an engine on a problem."""

    microseconds: float  # a step, in the fastest epoch
    losses: list
    auc: float | None


def small_network():
    """Return a compiled network of 10-10-10-1, as in many first programs."""
    model = fastgd.Sequential(
        [
            layers.Dense(10, activation="relu", input_shape=(10,)),
            layers.Dense(10, activation="relu"),
            layers.Dense(1),
        ]
    )
    model.compile(optimizer="adam", loss="mse", metrics=["mae"])
    return model


def small_problem(quick):
    """Return the problem of a smooth function of ten inputs."""
    rng = np.random.default_rng(SEED)
    x = rng.random((2_000 if quick else 10_000, 10), dtype=np.float32)
    y = x[:, :1] * x[:, 1:2] + x[:, 2:3] + x[:, 3:4]
    epochs = 3 if quick else 10
    return Problem("10-10-10-1, batch 32", small_network, x, y, None, 32, epochs)


def credit_problem(frame, y, quick):
    """Return the problem of predicting defaults from all columns of a table."""
    train, held = tables.split(len(frame), credit_default.default_held_out(frame), SEED)
    x, names = tables.features(frame, train)
    width = len(names)
    return Problem(
        f"{width}-64-32-1, batch 256",
        lambda: credit_default.network(width),
        x[train],
        y[train],
        (x[held], y[held]),
        256,
        3 if quick else 10,
    )


def fresh(problem, engine=None):
    """Return a new model on an engine; all models of a problem begin alike."""
    fastgd.config.set_engine(engine)
    fastgd.utils.set_random_seed(SEED)
    try:
        return problem.network()
    finally:
        fastgd.config.set_engine(None)


def show_training(problem):
    """Train with the progress on the screen."""
    model = fresh(problem)
    start = time.perf_counter()
    model.fit(
        problem.x, problem.y, batch_size=problem.batch_size, epochs=problem.epochs,
        validation_data=problem.held,
    )  # fmt: skip
    seconds = time.perf_counter() - start
    print(f"\n{problem.epochs * problem.steps} steps in {seconds:.3f} s", end="")
    auc = problem.auc(model)
    print("" if auc is None else f"; hold-out AUC {auc:.4f}")


def compare(problem):
    """Train on both engines, an epoch in turn; return a Run of each."""
    models = [fresh(problem), fresh(problem, "reference")]
    best = [np.inf, np.inf]
    losses = [[], []]
    for _ in range(problem.epochs):
        for i, model in enumerate(models):
            start = time.perf_counter()
            history = model.fit(problem.x, problem.y, batch_size=problem.batch_size, verbose=0)
            best[i] = min(best[i], time.perf_counter() - start)
            losses[i] += history.history["loss"]
    return [
        Run(seconds / problem.steps * 1e6, curve, problem.auc(model))
        for seconds, curve, model in zip(best, losses, models, strict=True)
    ]


def show_comparison(problems, runs):
    """Print the table; return whether the engines agree."""
    engine = fastgd.config.engine()
    print(f"{'':<23}   µs per training step           hold-out AUC")
    print(f"{'network':<23} {engine:>9} {'reference':>9}   ratio {engine:>9} reference  losses")
    print("─" * 80)
    agree = True
    for problem, (fast, slow) in zip(problems, runs, strict=True):
        same = np.allclose(fast.losses, slow.losses, rtol=TOLERANCE, atol=0)
        agree = agree and same
        aucs = ["-" if run.auc is None else f"{run.auc:.4f}" for run in (fast, slow)]
        print(
            f"{problem.title:<23} {fast.microseconds:9.1f} {slow.microseconds:9.1f} "
            f"{slow.microseconds / fast.microseconds:6.1f}x {aucs[0]:>9} {aucs[1]:>9}  "
            f"{'same' if same else 'DIFFER'}"
        )
    return agree


def draw(problems, runs, path):
    """Draw the loss curves of both engines, one panel a problem."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt
    from matplotlib.ticker import MaxNLocator

    figure, axes = plt.subplots(1, len(problems), figsize=(10, 4), layout="constrained")
    for axis, problem, (fast, slow) in zip(axes, problems, runs, strict=True):
        epochs = range(1, problem.epochs + 1)
        for curve, name, style in (
            (slow, "reference", {"marker": "o", "ms": 9, "mfc": "none", "ls": "", "c": "C1"}),
            (fast, "compiled", {"marker": ".", "c": "C0"}),
        ):
            label = f"{name}, {curve.microseconds:.1f} µs a step"
            axis.plot(epochs, curve.losses, label=label, **style)
        axis.set(title=problem.title, xlabel="epoch", ylabel="training loss")
        axis.xaxis.set_major_locator(MaxNLocator(integer=True))
        axis.grid(alpha=0.3)
        axis.legend()
    figure.savefig(path, dpi=120)
    plt.close(figure)


def save_picture(problems, runs):
    """Draw if that is possible, and say so in a line."""
    try:
        draw(problems, runs, PICTURE)
    except ImportError:
        print("No picture of the loss curves: matplotlib is not installed.")
    except OSError as error:
        print(f"No picture of the loss curves: {PICTURE}: {error.strerror}.")
    else:
        print(f"The loss curves are in {PICTURE}.")


def heading(text):
    """Print the line that starts a part of the demo."""
    print(f"\n── {text} {'─' * (76 - len(text))}\n")


def demonstrate(args):
    """Run the whole demo; return whether the engines agree."""
    if args.csv is None:
        source = "generated"
        frame, target = credit_data.generate(3_000 if args.quick else 30_000, SEED)
    else:
        source = Path(args.csv).name
        frame, target = tables.read(args.csv, args.target, args.drop)
    problems = [small_problem(args.quick), credit_problem(frame, target, args.quick)]
    small, credit = problems

    fastgd.show_config()
    heading("1. A first network")
    print(f"{small.title}, Adam, mean squared error, {len(small.x)} rows\n")
    show_training(small)
    heading("2. Who will default?")
    print(
        f"{credit.title}, Adam, binary cross-entropy, {len(credit.x)} rows\n"
        f"({source}: {target.mean():.0%} yes; {len(credit.held[0])} more rows held out)\n"
    )
    show_training(credit)
    heading("3. The compiled engine and the reference engine")
    runs = [compare(problem) for problem in problems]
    agree = show_comparison(problems, runs)
    print(
        "\nThe reference engine is the same program in plain NumPy, written to be read. Both"
        "\nran on one core, from the same weights, over the same batches. Losses count as the"
        f"\nsame within a relative {TOLERANCE:g}: float32 sums are taken in different orders.\n"
    )
    save_picture(problems, runs)
    return agree


def main():
    """Read the command line; say in one line what is wrong with it or the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("csv", nargs="?", metavar="PATH.csv", help="instead of generated data")
    credit_default.add_table_arguments(parser)
    parser.add_argument("--quick", action="store_true", help="fewer rows and epochs")
    try:
        agree = demonstrate(parser.parse_args())
    except (tables.TableError, fastgd.errors.FastgdError) as error:
        sys.exit(f"error: {error}")
    if not agree:
        sys.exit("error: the engines came to different losses")


if __name__ == "__main__":
    main()
