"""The order of the rows in an epoch: equal, bit for bit, to the compiled engine's."""

import numpy as np


def draws(key, n):
    """Return the first n numbers of the stream `key`: uint64, shape (n,).

    SplitMix64: G. L. Steele, D. Lea, C. H. Flood, "Fast splittable pseudorandom number
    generators", OOPSLA 2014. Arrays of uint64 are modulo 2**64, as the generator needs.
    """
    z = np.uint64(key) + np.arange(1, n + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def element(key, index):
    """Return number `index` of the stream `key`, as a plain int."""
    return int(draws((int(key) + index * 0x9E3779B97F4A7C15) % 2**64, 1)[0])


def permutation(key, n, together=1):
    """Return the order in which an epoch with this key takes its n rows: int64, shape (n,).

    Fisher and Yates' shuffle, from the end: place i is swapped with a random place j <= i.
    With `together`, groups of so many neighbours take the places of rows; rows that are left
    over stay last.
    """
    if together > 1:
        groups = permutation(key, n // together)[:, None] * together + np.arange(together)
        return np.append(groups, np.arange(groups.size, n))
    uniform = (draws(key, n) >> np.uint64(11)).astype(np.float64) * 2.0**-53
    places = (uniform * np.arange(1, n + 1)).astype(np.int64)
    order = np.arange(n)
    for i in range(n - 1, 0, -1):
        j = places[i]
        order[i], order[j] = order[j], order[i]
    return order
