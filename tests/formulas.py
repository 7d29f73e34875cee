"""The optimizers' formulas as their documentation writes them, and arguments to try them with.

In Python's floats, one weight at a time, or one variable.
"""

import math

from fastgd import optimizers


def sgd(w, gradients, rate, momentum=0.0, nesterov=False):
    velocity = 0.0
    for g in gradients:
        velocity = momentum * velocity - rate * g
        w += momentum * velocity - rate * g if nesterov else velocity
        yield w


def rmsprop(w, gradients, rate, rho=0.9, momentum=0.0, epsilon=1e-7, centered=False):
    square = mean = velocity = 0.0
    for g in gradients:
        square = rho * square + (1 - rho) * g * g
        mean = rho * mean + (1 - rho) * g
        spread = square - mean * mean if centered else square
        velocity = momentum * velocity + rate * g / math.sqrt(spread + epsilon)
        w -= velocity
        yield w


def adam(w, gradients, rate, beta_1=0.9, beta_2=0.999, epsilon=1e-7, amsgrad=False):
    m = v = largest = 0.0
    for t, g in enumerate(gradients, 1):
        m = beta_1 * m + (1 - beta_1) * g
        v = beta_2 * v + (1 - beta_2) * g * g
        largest = max(largest, v)
        used = largest if amsgrad else v
        # epsilon is added to the root of the uncorrected v: scaled, to that of the corrected
        scaled = epsilon / math.sqrt(1 - beta_2**t)
        w -= rate * (m / (1 - beta_1**t)) / (math.sqrt(used / (1 - beta_2**t)) + scaled)
        yield w


def adamw(w, gradients, rate, weight_decay=0.004, **arguments):
    # with the decay within: each step's move is Adam's, which does not depend on w
    place = 0.0
    for moved in adam(0.0, gradients, rate, **arguments):
        w = w - rate * weight_decay * w + (moved - place)
        place = moved
        yield w


def adamax(w, gradients, rate, beta_1=0.9, beta_2=0.999, epsilon=1e-7):
    m = u = 0.0
    for t, g in enumerate(gradients, 1):
        m = beta_1 * m + (1 - beta_1) * g
        u = max(beta_2 * u, abs(g))
        w -= rate / (1 - beta_1**t) * m / (u + epsilon)
        yield w


def nadam(w, gradients, rate, beta_1=0.9, beta_2=0.999, epsilon=1e-7):
    m = v = 0.0
    product = 1.0
    for t, g in enumerate(gradients, 1):
        mu, after = (beta_1 * (1 - 0.5 * 0.96**s) for s in (t, t + 1))
        product *= mu
        m = beta_1 * m + (1 - beta_1) * g
        v = beta_2 * v + (1 - beta_2) * g * g
        ahead = after * m / (1 - product * after) + (1 - mu) * g / (1 - product)
        w -= rate * ahead / (math.sqrt(v / (1 - beta_2**t)) + epsilon)
        yield w


def adagrad(w, gradients, rate, initial_accumulator_value=0.1, epsilon=1e-7):
    total = initial_accumulator_value
    for g in gradients:
        total += g * g
        w -= rate * g / math.sqrt(total + epsilon)
        yield w


def adadelta(w, gradients, rate, rho=0.95, epsilon=1e-7):
    squares = moves = 0.0
    for g in gradients:
        squares = rho * squares + (1 - rho) * g * g
        move = math.sqrt(moves + epsilon) / math.sqrt(squares + epsilon) * g
        moves = rho * moves + (1 - rho) * move * move
        w -= rate * move
        yield w


def ftrl(
    w, gradients, rate, learning_rate_power=-0.5, initial_accumulator_value=0.1,
    l1_regularization_strength=0.0, l2_regularization_strength=0.0,
    l2_shrinkage_regularization_strength=0.0, beta=0.0,
):  # fmt: skip
    total, linear, p, l1 = (
        initial_accumulator_value, 0.0, -learning_rate_power, l1_regularization_strength,
    )  # fmt: skip
    l2 = l2_regularization_strength + beta / (2 * rate)
    for g in gradients:
        more = total + g * g
        linear += g + 2 * l2_shrinkage_regularization_strength * w
        linear -= (more**p - total**p) / rate * w
        total = more
        clipped = min(max(linear, -l1), l1)
        w = (clipped - linear) / (total**p / rate + 2 * l2)
        yield w


def lion(w, gradients, rate, beta_1=0.9, beta_2=0.99):
    m = 0.0
    for g in gradients:
        c = beta_1 * m + (1 - beta_1) * g
        w -= rate * (c > 0) - rate * (c < 0)
        m = beta_2 * m + (1 - beta_2) * g
        yield w


def norm(rows):
    return math.sqrt(math.fsum(x * x for row in rows for x in row))


def lamb(w, gradients, rate, beta_1=0.9, beta_2=0.999, epsilon=1e-7):
    """w and gradients are lists of rows."""
    m, v = ([[0.0] * len(row) for row in w] for _ in range(2))
    for t, g in enumerate(gradients, 1):
        moves = []
        for i, row in enumerate(g):
            m[i] = [beta_1 * a + (1 - beta_1) * x for a, x in zip(m[i], row, strict=True)]
            v[i] = [beta_2 * a + (1 - beta_2) * x * x for a, x in zip(v[i], row, strict=True)]
            moves.append([
                a / (1 - beta_1**t) / (math.sqrt(b / (1 - beta_2**t)) + epsilon)
                for a, b in zip(m[i], v[i], strict=True)
            ])  # fmt: skip
        ratio = norm(w) / norm(moves) if norm(w) > 0 and norm(moves) > 0 else 1.0
        w = [
            [x - ratio * rate * move for x, move in zip(*rows, strict=True)]
            for rows in zip(w, moves, strict=True)
        ]
        yield w


def adafactor(
    w, gradients, rate, beta_2_decay=-0.8, epsilon_1=1e-30, epsilon_2=1e-3,
    clip_threshold=1.0, relative_step=True,
):  # fmt: skip
    """w and gradients are lists of rows; one row alone is a vector."""
    rows, columns = len(w), len(w[0])
    size = rows * columns
    r, c, v = [0.0] * rows, [0.0] * columns, [0.0] * columns
    for t, g in enumerate(gradients, 1):
        keep = 1 - t**beta_2_decay
        squares = [[x * x + epsilon_1 for x in row] for row in g]
        if rows == 1:
            v = [keep * a + (1 - keep) * s for a, s in zip(v, squares[0], strict=True)]
            spread = [v]
        else:
            along = [sum(row) / columns for row in squares]
            across = [sum(column) / rows for column in zip(*squares, strict=True)]
            r = [keep * a + (1 - keep) * s for a, s in zip(r, along, strict=True)]
            c = [keep * a + (1 - keep) * s for a, s in zip(c, across, strict=True)]
            spread = [[a * b / (sum(r) / rows) for b in c] for a in r]
        moves = [
            [x / math.sqrt(s) for x, s in zip(*pair, strict=True)]
            for pair in zip(g, spread, strict=True)
        ]
        longest = max(1.0, norm(moves) / math.sqrt(size) / clip_threshold)
        step = min(rate, 1 / math.sqrt(t)) if relative_step else rate
        step *= max(epsilon_2, norm(w) / math.sqrt(size))
        w = [
            [x - step * move / longest for x, move in zip(*pair, strict=True)]
            for pair in zip(w, moves, strict=True)
        ]
        yield w


FORMULAS = {
    "SGD": sgd, "RMSprop": rmsprop, "Adam": adam, "AdamW": adamw, "Adamax": adamax,
    "Nadam": nadam, "Adagrad": adagrad, "Adadelta": adadelta, "Ftrl": ftrl, "Lion": lion,
    "Lamb": lamb, "Adafactor": adafactor,
}  # fmt: skip

#: Arguments to try beside the defaults.
ARGUMENTS = {
    "SGD": [{"momentum": 0.9}, {"momentum": 0.8, "nesterov": True}, {"nesterov": True}],
    "RMSprop": [
        {"rho": 0.7, "epsilon": 1e-2}, {"momentum": 0.6}, {"centered": True, "epsilon": 1e-3},
        {"momentum": 0.6, "centered": True, "epsilon": 1e-3},
    ],
    "Adam": [
        {"beta_1": 0.5, "beta_2": 0.7, "epsilon": 1e-2}, {"beta_1": 0.0, "beta_2": 0.0},
        {"amsgrad": True, "beta_2": 0.5},
    ],
    "AdamW": [{"weight_decay": 0.3, "amsgrad": True}],
    "Adamax": [{"beta_1": 0.5, "beta_2": 0.7, "epsilon": 1e-2}],
    "Nadam": [{"beta_1": 0.5, "beta_2": 0.7, "epsilon": 1e-2}, {"beta_1": 0.0}],
    "Adagrad": [{"initial_accumulator_value": 0.0, "epsilon": 1e-2}],
    "Adadelta": [{"rho": 0.5, "epsilon": 1e-2}],
    "Ftrl": [
        {"learning_rate_power": -0.7}, {"learning_rate_power": 0.0},
        {"l1_regularization_strength": 0.3, "l2_regularization_strength": 0.1},
        {"l2_shrinkage_regularization_strength": 0.2, "beta": 0.5,
         "initial_accumulator_value": 0.5},
    ],
    "Lion": [{"beta_1": 0.5, "beta_2": 0.7}],
    "Lamb": [{"beta_1": 0.5, "beta_2": 0.7, "epsilon": 1e-2}],
    "Adafactor": [
        {"relative_step": False}, {"beta_2_decay": -0.5, "clip_threshold": 0.5},
        {"epsilon_1": 1e-3, "epsilon_2": 0.5},
    ],
}  # fmt: skip

#: All that take gradients.
CLASSES = {c.__name__: c for c in optimizers.CLASSES if not c.whole_batch}

#: (name of the class, arguments), by a name for the test.
CASES = {
    f"{name} {' '.join(map(str, arguments.values()))}".strip(): (name, arguments)
    for name in CLASSES
    for arguments in [{}, *ARGUMENTS[name]]
}


def made(case, rate=0.03, **more):
    """An optimizer of CASES."""
    name, arguments = CASES[case]
    return CLASSES[name](learning_rate=rate, **{**arguments, **more})


def path(case, start, gradients, rate=0.03):
    """The weights after each step from `start`, an array, by hand: lists of its shape."""
    name, arguments = CASES[case]
    formula = FORMULAS[name]
    if CLASSES[name].whole_variables:
        rows = start.reshape(-1, start.shape[-1]).tolist()
        steps = [g.reshape(-1, start.shape[-1]).tolist() for g in gradients]
        return list(formula(rows, steps, rate, **arguments))
    columns = [g.reshape(-1).tolist() for g in gradients]
    paths = [
        list(formula(w, column, rate, **arguments))
        for w, column in zip(
            start.reshape(-1).tolist(), zip(*columns, strict=True), strict=True
        )
    ]
    return list(zip(*paths, strict=True))
