"""Who will not pay next month? A 64-32 network on the UCI table of credit card clients.

    python credit_default.py uci_default_credit_card.csv

Any other CSV file with a yes/no target will do: name it with --target. The table: Yeh and Lien,
"The comparisons of data mining techniques for the predictive accuracy of probability of default
of credit card clients", Expert Systems with Applications 36 (2009).
"""

import argparse
import sys
import time

import tables

import fastgd
from fastgd import layers

TARGET = "default.payment.next.month"


def network(width):
    """Return a compiled 64-32 ReLU network, whose output is the probability of a yes."""
    model = fastgd.Sequential(
        [
            layers.Input(shape=(width,)),
            layers.Dense(64, activation="relu"),
            layers.Dense(32, activation="relu"),
            layers.Dense(1, activation="sigmoid"),
        ]
    )
    model.compile(optimizer="adam", loss="binary_crossentropy", metrics=["accuracy"])
    return model


def add_table_arguments(parser):
    """Add the options that name the columns of a CSV file."""
    parser.add_argument(
        "--target", default=TARGET, help="the yes/no column to predict (%(default)s)"
    )
    parser.add_argument(
        "--drop", nargs="*", metavar="NAME", help="columns to leave out (ID, if there is one)"
    )


def default_held_out(frame):
    """Return 6000 rows, or a fifth of a table of fewer than 30 000."""
    return min(6000, len(frame) // 5)


def learn(args):
    """Read, train, evaluate and print."""
    frame, y = tables.read(args.csv, args.target, args.drop)
    held_out = default_held_out(frame) if args.held_out is None else args.held_out
    fastgd.utils.set_random_seed(args.seed)
    train, held = tables.split(len(frame), held_out, args.seed)
    x, names = tables.features(frame, train)
    print(f"{len(train)} rows to train on, {len(held)} held out, {len(names)} features")

    model = network(len(names))
    x_train, y_train = x[train], y[train]
    start = time.perf_counter()
    model.fit(x_train, y_train, batch_size=args.batch_size, epochs=args.epochs)
    seconds = time.perf_counter() - start

    _, accuracy = model.evaluate(x[held], y[held], verbose=0)
    auc = tables.auc(y[held], model.predict(x[held])[:, 0])
    print(f"training time      {seconds:.3f} s")
    print(f"hold-out AUC       {auc:.4f}")
    print(f"hold-out accuracy  {accuracy:.4f}")


def main():
    """Read the command line; say in one line what is wrong with the table or an option."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("csv", metavar="PATH.csv")
    add_table_arguments(parser)
    parser.add_argument("--seed", type=int, default=0, help="of the split and the weights (0)")
    parser.add_argument("--epochs", type=int, default=20, help="(%(default)s)")
    parser.add_argument("--batch-size", type=int, default=256, help="(%(default)s)")
    parser.add_argument(
        "--held-out", type=int, metavar="ROWS", help="6000, or a fifth of a smaller table"
    )
    try:
        learn(parser.parse_args())
    except (tables.TableError, fastgd.errors.FastgdError) as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
