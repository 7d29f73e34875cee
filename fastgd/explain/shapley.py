"""Share a model's number out among features by Shapley values."""

import math
from typing import Any, NamedTuple

import numpy as np

from fastgd import config
from fastgd._data.validation import positive_int, whole_number
from fastgd._engine import builds
from fastgd._engine.streams import element
from fastgd._typing import Array, Data
from fastgd.explain.additive import parts_of
from fastgd.explain.explanation import Explanation
from fastgd.explain.target import groups_of, target_of

#: The most groups whose coalitions, two to the power of their number, are all looked at.
MOST_GROUPS = 12
#: Numbers in the rows that are predicted at once: as many as stay in a processor's cache.
BLOCK = 1 << 18
#: The fewest pairs of permutations over all rows of the background, the most for each.
PAIRS, MOST_PAIRS = 100, 10_000


class Game(NamedTuple):
    """Hold what is shared out: checked rows, and which columns go together."""

    target: Any
    x: Array
    background: Array
    groups: list[list[int]]

    def masks(self, coalitions):
        """Return which columns come from x, bool (..., width), for groups, bool (..., G)."""
        owner = np.empty(self.target.width, int)
        for group, columns in enumerate(self.groups):
            owner[columns] = group
        return coalitions[..., owner]


def shapley(model: Any, x: Data, background: Data,
            groups: dict[str, Any] | None = None, *, output: Any = None,
            scale: str = "logit", background_rows: int | None = 100,
            permutations: int | None = None, seed: int = 0) -> Explanation:  # fmt: skip
    """Share the difference from the mean over a background out among features.

    With v(S) the mean of f over the background with the columns in S taken from the row, the
    contribution of i is the mean of v(S and i) - v(S) over all orders in which features can be
    added (Shapley 1953; interventional, as Lundberg and Lee 2017). Contributions add up to
    f(row) - mean of f(background). Four ways, of which the first that can be is taken:

    1. a linear model: w_i (x_i - mean_i), exact;
    2. a network that is a sum of functions of single groups, as its graph shows (an ``Add`` of
       parts, or a linear layer over them): a part minus its mean, exact;
    3. up to 12 groups: all coalitions, exact;
    4. else random permutations, each with its reverse (antithetic; Mitchell et al. 2022), as
       many for each row of the background: they add up exactly, and `errors` has standard
       errors.

    Parameters
    ----------
    model : Sequential, Model, LinearModel, or fitted estimator of fastgd.sklearn
    x : array or frame (n, features), or list or dict of such for several inputs
    background : array or frame (m, features)
        What a feature that is not known is replaced by, such as rows of the training data.
    groups : dict of str -> list of columns, optional
        Columns, by name or number, that count as one feature; the rest are features alone.
    output : int, or a class of a classifier, optional
        Which of the model's outputs; by default the only one, or the second of two classes.
    scale : {"logit", "response"}
        Whether what the last sigmoid or softmax reads is explained, or what it gives.
    background_rows : int, optional
        Ways 3 and 4 take so many rows of the background, drawn by the seed; None takes all.
    permutations : int, at least 2, optional
        Pairs for each row of the background; then way 4 is taken where 3 could be. By default
        2, or more for few rows, at least 100 in all.
    seed : int, at least 0
        A row's contributions are a function of it, the background and the row alone.

    Returns
    -------
    Explanation
        ``errors["additivity"]``, (n,): by how much contributions and base miss f(row), which is
        rounding. ``errors["standard_error"]``, (n, features): by permutations only.
        ``errors["background_rows"]``: how many were taken.

    Raises
    ------
    DataTypeError, ShapeError, DataError, ArgumentError, UnknownNameError
        For rows that do not fit the model, an empty background, unknown columns and classes.

    Examples
    --------
    >>> import numpy as np
    >>> from fastgd import explain, layers, models
    >>> a, b = layers.Input((1,), name="a"), layers.Input((1,), name="b")
    >>> product = models.Model([a, b], layers.Multiply()([a, b]))
    >>> row, reference = [np.array([[1.0]]), [[3.0]]], [np.array([[2.0]]), [[-1.0]]]
    >>> found = explain.shapley(product, row, reference)
    >>> found.values, found.base_values
    (array([[-1.,  6.]]), array([-2.]))
    """
    target = target_of(model, output, scale)
    names = target.names_for(x)
    rows, background = target.rows(x), target.rows(background, "background", x)
    labels, parts = groups_of(names, groups)
    seed = whole_number(seed, "seed", 0)
    if permutations is not None:
        permutations = whole_number(permutations, "permutations", 2, MOST_PAIRS)
    if background_rows is not None:
        background_rows = positive_int(background_rows, "background_rows")
    game = Game(target, rows, background, parts)
    if not _has_formula(game):
        game = game._replace(background=_drawn(background, background_rows, seed))
    values, standard_error = shared_out(game, permutations, seed)
    base = np.full(len(rows), target.values(game.background).mean())
    errors = {
        "additivity": np.abs(target.values(rows) - base - values.sum(axis=1)),
        "background_rows": len(game.background),
    }
    if standard_error is not None:
        errors["standard_error"] = standard_error
    alone = all(len(part) == 1 for part in parts)
    return Explanation(
        values, base, target.data(x, rows) if alone else None, tuple(labels), errors
    )


def shared_out(game, permutations=None, seed=0):
    """Return the contributions (n, groups), and their standard errors, None if exact."""
    if game.target.coef is not None:
        return _linear(game), None
    if _has_formula(game):
        return _additive(game), None
    if permutations is None and len(game.groups) <= MOST_GROUPS:
        return _by_coalitions(game), None
    return _by_permutations(game, permutations, seed)


def _has_formula(game):
    """Return whether a model is linear, or a sum of functions of single groups."""
    if game.target.coef is not None or game.target.step is None:
        return game.target.coef is not None
    groups = [set(columns) for columns in game.groups]
    return all(any(part <= group for group in groups) for part in parts_of(game.target))


def _drawn(background, most, seed):
    """Return at most so many rows of a background, drawn by a seed, in their order."""
    if most is None or len(background) <= most:
        return background
    order = builds.load(config.engine()).permutation(element(seed, 0), len(background))
    return background[np.sort(order[:most])]


def _linear(game):
    """Return w_i (x_i - mean_i), summed up in each group."""
    mean = game.background.mean(axis=0, dtype=np.float64)
    each = game.target.coef * (game.x - mean)
    return np.stack([each[:, columns].sum(axis=1) for columns in game.groups], axis=1)


def _additive(game):
    """Return what each group's part gives for x, minus its mean over the background."""
    anywhere = game.background[0]

    def part(rows, columns):
        mixed = np.repeat(anywhere[None], len(rows), axis=0)
        mixed[:, columns] = rows[:, columns]
        return game.target.values(mixed)

    return np.stack(
        [part(game.x, c) - part(game.background, c).mean() for c in game.groups], axis=1
    )


def _by_coalitions(game):
    """Return exact values from the means of all coalitions."""
    count = len(game.groups)
    numbers = np.arange(1 << count)
    coalitions = (numbers[:, None] >> np.arange(count)) & 1 == 1
    means = _means(game, game.masks(coalitions)).reshape(len(game.x), -1)
    size = coalitions.sum(axis=1)
    share = np.array([1 / (count * math.comb(count - 1, s)) for s in range(count)])
    values = np.empty((len(game.x), count))
    for group in range(count):
        without = numbers[~coalitions[:, group]]
        gains = means[:, without | (1 << group)] - means[:, without]
        values[:, group] = (gains * share[size[without]]).sum(axis=1)
    return values


def _means(game, masks):
    """Return the mean over the background for each row and mask, (rows times masks,)."""
    m, width = game.background.shape
    found = np.empty(len(game.x) * len(masks))
    step = max(1, BLOCK // (m * width))
    for first in range(0, len(found), step):
        row, mask = np.divmod(np.arange(first, min(first + step, len(found))), len(masks))
        mixed = np.where(masks[mask][:, None], game.x[row][:, None], game.background)
        values = game.target.values(mixed.reshape(-1, width))
        found[first : first + step] = values.reshape(-1, m).mean(axis=1)
    return found


def _by_permutations(game, pairs, seed):
    """Return means over pairs of permutations, and their standard errors.

    Rows of the background are strata, each with as many pairs: what differs between them is no
    error, since all are taken.
    """
    count, (m, width) = len(game.groups), game.background.shape
    pairs = pairs or max(2, -(-PAIRS // m))
    engine = builds.load(config.engine())
    keys = (element(seed, 1 + pair) for pair in range(pairs * m))
    order = np.array([engine.permutation(key, count) for key in keys])
    place = np.argsort(order, axis=1)  # when a group is added, and in the reverse order
    places = np.stack([place, count - 1 - place], axis=1)
    steps = np.arange(1, count)[:, None]
    stratum = np.tile(np.arange(m), pairs)
    ends = game.target.values(game.x), game.target.values(game.background)
    values, errors = np.empty((2, len(game.x), count))
    step = max(1, BLOCK // (2 * count * width))
    for row, x in enumerate(game.x):
        gains = np.empty((pairs * m, count))
        for first in range(0, len(gains), step):
            part = slice(first, first + step)
            b = game.background[stratum[part]][:, None, None]
            masks = game.masks(places[part][:, :, None] < steps)  # (pairs, 2, steps, width)
            mixed = np.where(masks, x, b).reshape(-1, width)
            walks = np.empty((len(b), 2, count + 1))
            walks[:, :, 0] = ends[1][stratum[part], None]
            walks[:, :, -1] = ends[0][row]
            walks[:, :, 1:-1] = game.target.values(mixed).reshape(len(b), 2, -1)
            each = np.take_along_axis(np.diff(walks), places[part], axis=2)
            gains[part] = each.mean(axis=1)
        values[row] = gains.mean(axis=0)
        spread = gains.reshape(pairs, m, count).var(axis=0, ddof=1).sum(axis=0)
        errors[row] = np.sqrt(spread / pairs) / m
    return values, errors
