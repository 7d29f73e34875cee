"""Draw the random numbers of private training, as the compiled engine does."""

import math

import numpy as np

#: The rounds of ChaCha that both use.
ROUNDS = 8

#: The numbers that 16 consecutive blocks give.
BUNCH = 128

#: What the blocks are for: the upper four bits of their counter.
SAMPLE_STREAM = 4


def chacha(rounds, key, blocks, nonce):
    """Return some blocks of ChaCha's key stream: uint32, shape (blocks, 16).

    D. J. Bernstein, "ChaCha, a variant of Salsa20", 2008, with a counter and a nonce of 64 bits
    each. key: 8 uint32; blocks: numbers of blocks, uint64.
    """
    blocks = np.asarray(blocks, np.uint64)
    start = np.empty((16, len(blocks)), np.uint32)
    start[:4] = np.frombuffer(b"expand 32-byte k", "<u4")[:, None]
    start[4:12] = np.asarray(key)[:, None]
    start[12] = blocks & np.uint64(0xFFFFFFFF)
    start[13] = blocks >> np.uint64(32)
    start[14], start[15] = nonce & 0xFFFFFFFF, nonce >> 32
    rows = [start[i : i + 4] for i in (0, 4, 8, 12)]
    for r in range(rounds):
        # row k moves k columns to the left for a round on diagonals, and back again
        turned = [np.roll(row, -k * (r % 2), axis=0) for k, row in enumerate(rows)]
        rows = [np.roll(row, k * (r % 2), axis=0) for k, row in enumerate(_mixed(*turned))]
    return (np.concatenate(rows) + start).T


def _mixed(a, b, c, d):
    """Apply ChaCha's quarter round to the columns of a state."""
    for first, second in ((16, 12), (8, 7)):
        a = a + b
        d = _rotated(d ^ a, first)
        c = c + d
        b = _rotated(b ^ c, second)
    return a, b, c, d


def _rotated(x, n):
    return x << np.uint32(n) | x >> np.uint32(32 - n)


def unit_numbers(high, low):
    """Return numbers in (0, 1] from 53 bits: all of `high` as a signed word, 21 of `low`."""
    signed = high.astype(np.int32).astype(np.float64)
    return ((signed + 2.0**31) * 2.0**21 + (low >> np.uint32(11)) + 1) * 2.0**-53


def normal_pairs(words):
    """Return two normal numbers for each row of four words: float64, shape (n, 2).

    Box and Muller's sqrt(-2 log u) (cos a, sin a), with an angle a of at most an eighth of a
    turn; the last bit of the words changes both signs, the one before swaps the two.
    """
    a, b, c, d = np.asarray(words, np.uint32).T
    radius = np.sqrt(-2 * np.log(unit_numbers(a, b)))
    eighths = c.astype(np.int32) * 2.0**-31 + (d >> np.uint32(11)) * 2.0**-52
    angle = np.pi / 4 * eighths
    radius = np.where(d & np.uint32(1), -radius, radius)
    pairs = radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return np.where((d & np.uint32(2))[:, None], pairs[:, ::-1], pairs)


def normals(key, step, begin, end, stream=0):
    """Return the normal numbers begin ... end - 1 of a step: float64."""
    bunches = np.arange(begin // BUNCH, -(-end // BUNCH), dtype=np.int64)
    blocks = (bunches[:, None] * 16 + np.arange(16)).ravel().astype(np.uint64)
    words = chacha(ROUNDS, key, blocks + np.uint64(stream << 60), int(step))
    # pair p of a block takes its words p, 4 + p, 8 + p and 12 + p
    pairs = normal_pairs(words.reshape(-1, 4, 4).transpose(0, 2, 1).reshape(-1, 4))
    # (bunch, block, pair, which) -> (bunch, which, pair, block)
    z = pairs.reshape(len(bunches), 16, 4, 2).transpose(0, 3, 2, 1).ravel()
    return z[begin - begin // BUNCH * BUNCH :][: end - begin]


def add_noise(key, step, deviation, divisor, g, begin=0, end=None):
    """Set g[i] to (g[i] + deviation z_i) / divisor for begin <= i < end.

    In float64 each z_i is half the sum of four normal numbers: N. Holohan, S. Braghin, "Secure
    random sampling in differential privacy", 2021, section 5.1.
    """
    end = len(g) if end is None else end
    part = g[begin:end].astype(np.float64)
    if deviation == 0:
        g[begin:end] = part / divisor
        return
    if g.dtype == np.float32:
        z = normals(key, step, begin, end)
    else:
        z = sum(normals(key, step, begin, end, stream) for stream in range(4)) / 2
    g[begin:end] = (part + deviation * z) * (1 / divisor)


def poisson_sample(key, epoch, rate, n, most, starts, order):
    """Draw the rows, of n, of all steps of an epoch, each with probability `rate` in each step.

    Those of step k are then order[starts[k]:starts[k + 1]], ascending. The trials of all steps
    stand in one line; the gap before the next success is at least k with probability
    (1 - rate)^k. It is equal to the compiled engine's unless log(u) / log(1 - rate) lies within
    some units in the last place of a whole number.
    """
    steps, room = len(starts) - 1, len(order)
    line = steps * n
    found, place, block = [], -1, 0
    log_rest = math.log1p(-rate) if rate < 1 else -math.inf
    while place < line:
        many = 16 * (1 + int(rate * (line - place)) // BUNCH)
        blocks = np.arange(block, block + many, dtype=np.uint64)
        block += many
        words = chacha(ROUNDS, key, blocks + np.uint64(SAMPLE_STREAM << 60), int(epoch))
        bunches = words.reshape(-1, 16, 2, 8).transpose(2, 0, 3, 1).reshape(2, -1)
        gaps = np.floor(np.log(unit_numbers(*bunches)) / log_rest)
        gaps = np.minimum(gaps, line).astype(np.int64)
        for gap in gaps.tolist():
            place += 1 + gap
            if place >= line:
                break
            found.append(place)
    places = np.array(found, np.int64)
    step_of = places // n
    position = np.arange(len(places)) - np.searchsorted(step_of, step_of)
    kept = places[position < most][:room]
    starts[:] = np.searchsorted(kept // n, np.arange(steps + 1))
    order[: len(kept)] = kept % n
