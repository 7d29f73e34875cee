"""The noise of private training: from ChaCha, the same on every engine, and normal."""

import itertools
import math

import numpy as np
import pytest
from engines import each_build, each_dtype, each_engine, engine, missing
from oracles import in_builds

from fastgd.reference.private_noise import chacha, normal_pairs, normals

KEY = np.array([1, 2**32 - 1, 3, 4, 5, 2**31, 7, 8], np.uint32)

#: rounds, key, counter (words 12 and 13), nonce (words 14 and 15) -> a block. RFC 8439, section
#: 2.3.2 and appendix A.1, where word 13 belongs to the nonce; draft-strombergson-chacha-test-
#: vectors-01, TC1 and TC8 for 8 rounds.
VECTORS = [
    (20, bytes(range(32)), 0x09000000_00000001, 0x00000000_4A000000,
     "10f1e7e4d13b5915500fdd1fa32071c4c7d1f4c733c068030422aa9ac3d46c4e"
     "d2826446079faa0914c2d705d98b02a2b5129cd1de164eb9cbd083e8a2503c4e"),
    (20, bytes(32), 0, 0,
     "76b8e0ada0f13d90405d6ae55386bd28bdd219b8a08ded1aa836efcc8b770dc7"
     "da41597c5157488d7724e03fb8d84a376a43b8f41518a11cc387b669b2ee6586"),
    (20, bytes(32), 1, 0,
     "9f07e7be5551387a98ba977c732d080dcb0f29a048e3656912c6533e32ee7aed"
     "29b721769ce64e43d57133b074d839d531ed1f28510afb45ace10a1f4b794d6f"),
    (20, bytes(31) + b"\1", 1, 0,
     "3aeb5224ecf849929b9d828db1ced4dd832025e8018b8160b82284f3c949aa5a"
     "8eca00bbb4a73bdad192b5c42f73f2fd4e273644c8b36125a64addeb006c13a0"),
    (8, bytes(32), 0, 0,
     "3e00ef2f895f40d67f5bb8e81f09a5a12c840ec3ce9a7f3b181be188ef711a1e"
     "984ce172b9216f419f445367456d5619314a42a3da86b001387bfdb80e0cfe42"),
]  # fmt: skip
vectors = pytest.mark.parametrize(("rounds", "key", "counter", "nonce", "block"), VECTORS)
scalar_build = pytest.mark.parametrize("build", ["baseline", "avx2", "avx512"])


def scalars(build):
    if build not in in_builds():
        pytest.skip(missing(build) or f"the tests' module of {build} was not made")
    return in_builds()[build]


@vectors
def test_the_reference_gives_the_published_blocks(rounds, key, counter, nonce, block):
    found = chacha(rounds, np.frombuffer(key, "<u4"), [counter], nonce)
    assert found.astype("<u4").tobytes().hex() == block


@scalar_build
@vectors
def test_builds_give_the_published_blocks(build, rounds, key, counter, nonce, block):
    words = np.frombuffer(key, "<u4").astype(np.uint32)
    found = scalars(build).chacha_blocks(rounds, words, counter // 16 * 16, nonce)
    assert found[counter % 16].astype("<u4").tobytes().hex() == block


@scalar_build
@pytest.mark.parametrize("rounds", [4, 8, 12, 20])
@pytest.mark.parametrize("first", [0, 2**32 - 16, 2**32, 2**64 - 16])
def test_blocks_agree_with_the_reference(build, rounds, first):
    nonce = 2**64 - 3
    blocks = np.arange(16, dtype=np.uint64) + np.uint64(first)
    np.testing.assert_array_equal(
        scalars(build).chacha_blocks(rounds, KEY, first, nonce),
        chacha(rounds, KEY, blocks, nonce),
    )


def word_rows():
    """Words for pairs of normal numbers: random ones, and each edge of u and of the angle."""
    rng = np.random.default_rng(0)
    random = rng.integers(0, 2**32, (300, 4), dtype=np.uint32)
    # u = (k + 1) 2^-53 for small k, and around 1/2, where the logarithm changes its exponent
    heads = np.array([2**31, 2**31, 2**31, 2**31 + 1, 0, 2**32 - 1, 2**31 - 1, 2**31 - 1])
    lows = np.array([0, 1, 5, 2**21 - 1, 0, 2**21 - 1, 2**21 - 1, 2**21 - 2]) << 11
    angles = np.array([0, 1, 2**31 - 1, 2**31, 2**32 - 1])
    ends = np.array([0, 1, 2, 3, 2**11, 2**32 - 1])
    grid = np.stack(np.meshgrid(np.arange(8), angles, ends, indexing="ij"), -1).reshape(-1, 3)
    edges = np.column_stack([heads[grid[:, 0]], lows[grid[:, 0]], grid[:, 1:]])
    return np.ascontiguousarray(np.concatenate([random, edges.astype(np.uint32)]))


def exact_pair(mp, words):
    """The two normal numbers of four words, from whole numbers, and their length."""
    a, b, c, d = (int(word) for word in words)
    u = ((a ^ 2**31) << 21 | b >> 11) + 1
    signed = ((c ^ 2**31) << 21 | d >> 11) - 2**52
    radius = mp.sqrt(-2 * mp.log(mp.mpf(u) / 2**53)) * (-1) ** (d & 1)
    angle = 2 * mp.pi * mp.mpf(signed) / 2**55
    pair = [radius * mp.cos(angle), radius * mp.sin(angle)]
    return (pair[::-1] if d & 2 else pair), abs(radius)


@pytest.mark.parametrize("build", ["reference", "baseline", "avx2", "avx512"])
def test_pairs_are_exact_to_the_last_bits(build):
    mp = pytest.importorskip("mpmath").mp.clone()
    mp.dps = 40
    words = word_rows()
    found = normal_pairs(words) if build == "reference" else scalars(build).normal_pairs(words)
    largest = 0.0
    for row, pair in zip(words, found, strict=True):
        expected, radius = exact_pair(mp, row)
        largest = max(largest, float(radius))
        for one, other in zip(pair.tolist(), expected, strict=True):
            assert abs(one - other) <= 2.0**-51 * radius, row
    # the smallest u is among them, and the tail reaches this far
    assert largest == pytest.approx(math.sqrt(106 * math.log(2)), rel=1e-15)


def noise(build, n, dtype=np.float64, step=5, key=KEY, begin=0, deviation=1.0):
    """Numbers begin ... begin + n - 1 of a step."""
    z = np.zeros(begin + n, dtype)
    engine(build).add_noise(key, step, deviation, 1.0, z, begin)
    return z[begin:]


CUTS = [(0, 1), (0, 128), (1, 128), (127, 129), (0, 300), (130, 131), (255, 1000), (700, 700)]


@each_build
@each_dtype
@pytest.mark.parametrize(("begin", "end"), CUTS)
def test_noise_agrees_with_the_reference(build, dtype, begin, end):
    start = np.random.default_rng(1).normal(size=1000).astype(dtype)
    found, expected = start.copy(), start.copy()
    engine(build).add_noise(KEY, 2**40 + 3, 1.7, 3.0, found, begin, end)
    engine("reference").add_noise(KEY, 2**40 + 3, 1.7, 3.0, expected, begin, end)
    unit = np.finfo(dtype).eps
    np.testing.assert_allclose(found, expected, rtol=unit, atol=16 * np.finfo(float).eps)
    outside = np.r_[0:begin, end:1000]
    np.testing.assert_array_equal(found[outside], start[outside])
    assert begin == end or (found[begin:end] != start[begin:end]).all()


@each_engine
@each_dtype
def test_a_number_depends_on_its_place_alone(build, dtype):
    whole = noise(build, 1000, dtype)
    for cuts in ((0, 1, 128, 129, 500, 1000), (0, 77, 640, 999, 1000)):
        parts = np.zeros(1000, dtype)
        for begin, end in itertools.pairwise(cuts):
            engine(build).add_noise(KEY, 5, 1.0, 1.0, parts, begin, end)
        np.testing.assert_array_equal(parts, whole)
    np.testing.assert_array_equal(noise(build, 300, dtype), whole[:300])


@each_dtype
def test_builds_with_fma_give_the_same_bits(dtype):
    builds = [build for build in ("avx2", "avx512", "wide") if missing(build) is None]
    if len(builds) < 2:
        pytest.skip("there are no two builds with fma here")
    first, *others = (noise(build, 100_003, dtype, deviation=0.3) for build in builds)
    for other in others:
        np.testing.assert_array_equal(other, first)


@each_engine
@each_dtype
def test_without_deviation_there_is_a_quotient(build, dtype):
    g = np.random.default_rng(2).normal(size=300).astype(dtype)
    found = g.copy()
    engine(build).add_noise(KEY, 1, 0.0, 7.0, found, 3, 290)
    expected = np.concatenate([g[:3], g[3:290] / dtype(7), g[290:]])
    np.testing.assert_array_equal(found, expected)


@each_build
def test_the_noise_of_float32_is_rounded_once(build):
    # numbers of one stream in float64, by the reference, are twice as exact as needed
    z = normals(KEY, 5, 0, 10_000)
    found = noise(build, 10_000, np.float32)
    error = abs(found - z) / np.spacing(abs(z).astype(np.float32))
    assert error.max() < 0.500001


@each_build
@each_dtype
def test_noise_is_normal(build, dtype):
    n = 10**6
    z = noise(build, n, dtype).astype(np.float64)
    # moments up to the fourth, 0, 1, 0, 3, whose variances are 1, 2, 15, 96: each bound is
    # passed once in 26 million times
    for power, expected, variance in ((1, 0, 1), (2, 1, 2), (3, 0, 15), (4, 3, 96)):
        assert abs((z**power).mean() - expected) < 5.5 * np.sqrt(variance / n)
    # Kolmogorov's bound for the whole distribution, passed once in ten million times
    ndtr = pytest.importorskip("scipy.special").ndtr
    gap = abs(ndtr(np.sort(z)) - (np.arange(n) + 0.5) / n).max() + 0.5 / n
    assert gap < np.sqrt(np.log(2e7) / 2 / n)


@each_build
@each_dtype
def test_steps_and_places_are_independent(build, dtype):
    z = np.array([noise(build, 4096, dtype, step) for step in range(200)], np.float64)
    pairs = [(z[:, :-k], z[:, k:]) for k in (1, 2, 8, 16, 64, 128, 1024)]
    pairs += [(z[:-k], z[k:]) for k in (1, 2, 16, 128)]
    for a, b in pairs:
        bound = 5.5 / np.sqrt(a.size)
        assert abs((a * b).mean()) < bound
        # a pair of Box and Muller's shares its radius: squares would show it first
        assert abs(((a**2 - 1) * (b**2 - 1)).mean()) < 2 * bound
    for axis in (0, 1):
        assert abs(z.mean(axis)).max() * np.sqrt(z.shape[axis]) < 6


@each_engine
def test_other_keys_draw_other_numbers(build):
    one = noise(build, 10_000)
    for word in (0, 7):
        key = KEY.copy()
        key[word] ^= 1
        assert abs((one * noise(build, 10_000, key=key)).mean()) < 5.5 / 100
    for step in (5 + 2**32, 2**64 - 1):
        assert abs((one * noise(build, 10_000, step=step)).mean()) < 5.5 / 100


def counts_beyond(build, total, bounds):
    """How many of so many numbers lie beyond each bound, on either side."""
    found = np.zeros(len(bounds), np.int64)
    z = np.empty(2**20, np.float32)
    for step in range(total // len(z)):
        z[:] = 0
        engine(build).add_noise(KEY, step, 1.0, 1.0, z)
        np.abs(z, out=z)
        large = z[z > bounds[0]]
        found += [(large > bound).sum() for bound in bounds]
    return found


def assert_tails(build, total, bounds):
    expected = [total * math.erfc(bound / math.sqrt(2)) for bound in bounds]
    for count, mean in zip(counts_beyond(build, total, bounds), expected, strict=True):
        # by Bernstein's inequality, passed once in ten million times on either side
        third = math.log(1e7) / 3
        assert abs(count - mean) < third + math.sqrt(third**2 + 6 * third * mean)


#: step, place -> the number there, which a search found.
FAR = [(2547, 791_371, 6.2007833), (1535, 143_205, 6.184353), (1146, 621_316, -6.0702286)]


@each_engine
@pytest.mark.parametrize(("step", "place", "expected"), FAR)
def test_numbers_beyond_six_deviations_occur(build, step, place, expected):
    z = noise(build, 1, np.float32, step, begin=place)
    assert z[0] == pytest.approx(expected, rel=1e-7)


@each_build
def test_tails_have_their_frequency(build):
    assert_tails(build, 2**24, (3.5, 4.5, 5.0))


@each_build
def test_far_tails_have_their_frequency(build, request):
    if not request.config.getoption("--grid"):
        pytest.skip("draws 2^32 numbers: --grid")
    assert_tails(build, 2**32, (4.5, 5.0, 5.5, 6.0, 6.3))
