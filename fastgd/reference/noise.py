"""Compute layers of random numbers, bit for bit as the compiled engine; see noise.pxi."""

import numpy as np

from fastgd._core.types import Noise
from fastgd.reference.shuffle import draws, element

#: The settings of a mask before its columns.
MASK_SETTINGS = 7


def words(o, rows):
    """Return 64 random bits for each row of the batch, for the stream of a layer."""
    first = 0 if o.row.kind == Noise.NOISE_MASK and o.settings[5] else o.batch.first_row
    return draws(element(o.batch.key, int(o.settings[0])), first + rows)[first:]


def bits(columns, words):
    """Return 32 random bits for each row and column: uint32, shape (rows, columns).

    The finalizer "triple32": C. Wellons, "Prospecting for hash functions", 2018.
    """
    low = words.astype(np.uint32)[:, None]
    high = (words >> np.uint64(32)).astype(np.uint32)[:, None]
    z = np.asarray(columns, np.uint32) + low
    z = (z ^ (z >> np.uint32(17))) * np.uint32(0xED5AD4BB)
    z = (z ^ (z >> np.uint32(11))) * np.uint32(0xAC4C1B51)
    z = z ^ high
    z = (z ^ (z >> np.uint32(15))) * np.uint32(0x31848BAB)
    return z ^ (z >> np.uint32(14))


def mask(o):
    """Return where a mask keeps its source: bool, of its shape."""
    rows, width = o.source.shape
    row_words = words(o, rows)
    if o.settings[5]:
        row_words = np.repeat(row_words[:1], rows)
    columns = np.arange(width)
    if o.settings[6]:
        columns = np.array(o.settings[MASK_SETTINGS : MASK_SETTINGS + width], np.int64)
    return (bits(columns, row_words) >> np.uint32(8)).astype(np.int64) >= o.settings[1]


def normals(o):
    """Return normal numbers of the source's shape, in pairs sqrt(-2 log u) (cos a, sin a).

    G. E. P. Box, M. E. Muller, "A note on the generation of random normal deviates", 1958.
    """
    rows, width = o.source.shape
    half = (width + 1) // 2
    random = bits(np.arange(2 * half), words(o, rows))
    radius_bits, angle_bits = random[:, :half], random[:, half:]
    u = ((radius_bits >> np.uint32(8)).astype(np.float64) + 1) * 2.0**-24
    radius = np.sqrt(-2 * np.log(u))
    turn = ((angle_bits >> np.uint32(8)).astype(np.float64) - 2.0**23 + 0.5) * 2.0**-24
    angle = np.pi / 2 * turn
    swaps = (angle_bits & np.uint32(1)).astype(bool)
    radius = np.where(angle_bits & np.uint32(2), -radius, radius)
    sine, cosine = np.sin(angle), np.cos(angle)
    pairs = np.where(swaps, sine, cosine), np.where(swaps, cosine, sine)
    z = np.concatenate([radius * pairs[0], radius * pairs[1]], axis=1)[:, :width]
    return z.astype(o.source.dtype)


def noise(o):
    if not o.batch.training:
        o.target = o.source
    elif o.row.kind == Noise.NOISE_MASK:
        _, _, scale, shift, rest = o.settings[:5]
        chosen = np.where(mask(o), o.source * scale + shift, rest)
        o.target = chosen.astype(o.source.dtype, copy=False)
    elif o.row.kind == Noise.NOISE_ADDED:
        o.target = o.source + o.settings[1] * normals(o)
    else:
        o.target = o.source * (1 + o.settings[1] * normals(o))


def noise_gradient(o, d_target):
    if not o.batch.training or o.row.kind == Noise.NOISE_ADDED:
        return [d_target], []
    if o.row.kind == Noise.NOISE_MASK:
        return [np.where(mask(o), o.settings[2], 0).astype(d_target.dtype) * d_target], []
    return [d_target * (1 + o.settings[1] * normals(o))], []
