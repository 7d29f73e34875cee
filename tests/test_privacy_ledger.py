"""DPSGD and its ledger: what they take, files, keys, and seeds that are noted."""

import copy
import hashlib
import json
import pickle
import struct
import subprocess
import sys

import numpy as np
import pytest

from fastgd import privacy, saving
from fastgd.errors import ArgumentError, DataTypeError, FastgdError, PrivacyError
from fastgd.privacy.accounting import compose
from fastgd.privacy.ledger import Span


def ledger():
    """A ledger of three spans."""
    made = privacy.Ledger()
    made.add(privacy.DPSGD(1.0, 1.1), rows=1000, batch_size=7, steps=10)
    made.add(privacy.DPSGD(0.5, 1.1), rows=1000, batch_size=7, steps=5)
    made.add(privacy.DPSGD(0.5, 2.0), rows=300, batch_size=300, steps=2)
    return made


# ---------------------------------------------------------------- the ledger


def test_spans_that_are_alike_are_one():
    made = privacy.Ledger()
    for steps in (3, 0, 4, 1):
        made.add(privacy.DPSGD(1.0, 1.1), rows=1000, batch_size=7, steps=steps)
    assert list(made) == [Span(0.007, 1.1, 1.0, 8, 1000)]
    one = {"rows": 1000, "batch_size": 7}
    for changed, settings in (
        (one, (1.0, 1.2)), (one, (2.0, 1.2)), ({"rows": 1000, "batch_size": 8}, (2.0, 1.2)),
        ({"rows": 2000, "batch_size": 16}, (2.0, 1.2)), (one, (1.0, 1.1)),
    ):  # fmt: skip
        before = len(list(made))
        made.add(privacy.DPSGD(*settings), **changed)
        assert len(list(made)) == before + 1
    assert made.steps == 13 and [span.rows for span in made] == [1000] * 4 + [2000, 1000]


def test_an_empty_ledger():
    made = privacy.Ledger()
    assert made.epsilon(1e-5) == 0 and made.steps == 0 and list(made) == []
    made.add(privacy.DPSGD(1.0, 1.0, seed=1), rows=10, batch_size=1, steps=0)
    assert made == privacy.Ledger() and not made.seeded


def test_epsilon_composes_all_spans():
    pytest.importorskip("dp_accounting")
    made = ledger()
    for relation in ("add_or_remove_one", "replace_one"):
        expected = compose([(0.007, 1.1, 15), (1.0, 2.0, 2)], 1e-5, relation)
        assert made.epsilon(1e-5, relation) == expected
    made.add(privacy.DPSGD(1.0, 0.0), rows=1000, batch_size=7)
    assert made.epsilon(1e-5) == np.inf


def test_a_large_delta_is_warned_about():
    pytest.importorskip("dp_accounting")
    with pytest.warns(UserWarning, match="1 / rows = 0.001"):  # of the most rows
        ledger().epsilon(2e-3)


def test_a_seed_marks_the_ledger_for_good():
    made = ledger()
    assert not made.seeded
    made.add(privacy.DPSGD(0.5, 2.0, seed=0), rows=300, batch_size=300)
    made.add(privacy.DPSGD(0.5, 2.0), rows=300, batch_size=300)
    assert made.seeded and made.steps == 19
    for marked in (made, privacy.Ledger.from_config(made.get_config()), copy.deepcopy(made)):
        with pytest.raises(PrivacyError, match=r"came from a seed.*DPSGD\(seed=None\)"):
            marked.epsilon(1e-5)
    with pytest.raises(ArgumentError, match="delta"):
        made.epsilon(2.0)


def test_a_ledger_goes_through_json_exactly():
    made = ledger()
    config = made.get_config()
    again = privacy.Ledger.from_config(json.loads(json.dumps(config, allow_nan=False)))
    assert again == made and again.get_config() == config and list(again) == list(made)
    described = json.loads(json.dumps(saving.serialize_object(made)))
    assert saving.deserialize_object(described) == made
    assert eval(repr(made), {"Ledger": privacy.Ledger}) == made
    again.add(privacy.DPSGD(0.5, 2.0), rows=300, batch_size=300)
    assert again != made and list(again)[-1].steps == 3 and config == made.get_config()
    assert made != privacy.Ledger(made, seeded=True) and made != 3
    with pytest.raises(TypeError, match="unhashable"):
        hash(made)


GOOD = [0.5, 1.1, 1.0, 3, 10]
BAD_SPANS = [
    (3, "spans: expected a list"), ([3], r"spans: expected \(rate, noise_multiplier"),
    ([GOOD[:4]], "spans: expected"), ([[0.5, 1.1, 1.0, 3, 0]], "rows: expected a number >= 1"),
    ([[0.51, 1.1, 1.0, 3, 10]], "rate: expected batch_size / rows, with 10 rows, got 0.51"),
    ([[0.0, 1.1, 1.0, 3, 10]], "rate: expected a number above 0"),
    ([[1.5, 1.1, 1.0, 3, 10]], "rate: expected a number above 0 and at most 1"),
    ([[float("nan"), 1.1, 1.0, 3, 10]], "rate: expected a number"),
    ([[1e-300, 1.1, 1.0, 3, 10]], "rate: expected batch_size / rows"),
    ([[0.5, -1.0, 1.0, 3, 10]], "noise_multiplier: expected a number of at least 0"),
    ([[0.5, float("inf"), 1.0, 3, 10]], "noise_multiplier: expected a number"),
    ([[0.5, 1.1, 0.0, 3, 10]], "l2_norm_clip: expected a number above 0"),
    ([[0.5, 1.1, 1.0, -3, 10]], "steps: expected a number >= 1"),
    ([[0.5, 1.1, 1.0, 0.5, 10]], "steps: expected a whole number"),
    ([[0.5, 1.1, "1", 3, 10]], "l2_norm_clip: expected a number, got '1'"),
]  # fmt: skip


@pytest.mark.parametrize(("spans", "words"), BAD_SPANS)
def test_spans_of_a_damaged_file_are_refused(spans, words):
    assert privacy.Ledger([GOOD]).steps == 3
    with pytest.raises(FastgdError, match=words):
        privacy.Ledger.from_config({"spans": spans, "seeded": False})


def test_a_mark_is_true_or_false():
    with pytest.raises(DataTypeError, match="seeded: expected True or False, got 'no'"):
        privacy.Ledger.from_config({"spans": [], "seeded": "no"})


@pytest.mark.parametrize(("arguments", "words"), [
    ({"rows": 0}, "rows: expected a number >= 1"), ({"batch_size": 11}, "at most the number"),
    ({"steps": -1}, "steps: expected a number >= 0"), ({"steps": 1.5}, "steps: expected a"),
])  # fmt: skip
def test_what_is_no_step_is_refused(arguments, words):
    made = ledger()
    with pytest.raises(FastgdError, match=words):
        made.add(privacy.DPSGD(1.0, 1.0), **({"rows": 10, "batch_size": 2} | arguments))
    with pytest.raises(DataTypeError, match="privacy: expected a DPSGD, got None"):
        made.add(None, rows=10, batch_size=2)
    assert made == ledger()


# ---------------------------------------------------------------- DPSGD


@pytest.mark.parametrize(("arguments", "error", "words"), [
    ((0, 1), ArgumentError, "l2_norm_clip: expected a number above 0, got 0"),
    ((np.inf, 1), ArgumentError, "l2_norm_clip: expected a number"),
    ((None, 1), DataTypeError, "l2_norm_clip: expected a number, got None"),
    ((1, -0.1), ArgumentError, "noise_multiplier: expected a number of at least 0, got -0.1"),
    ((1, np.nan), ArgumentError, "noise_multiplier: expected a number"),
    ((1, 1, 0.5), DataTypeError, "seed: expected a whole number, got 0.5"),
    ((1, 1, True), DataTypeError, "seed: expected a whole number, got True"),
])  # fmt: skip
def test_arguments_are_refused(arguments, error, words):
    with pytest.raises(error, match=words):
        privacy.DPSGD(*arguments)


def test_dpsgd_does_not_change_and_is_equal_by_value():
    made = privacy.DPSGD(np.float32(0.5), 1, np.int64(3))
    assert made.get_config() == {"l2_norm_clip": 0.5, "noise_multiplier": 1.0, "seed": 3}
    assert {type(value) for value in made.get_config().values()} == {float, int}
    with pytest.raises(AttributeError):
        made.noise_multiplier = 0.0
    assert made == privacy.DPSGD(0.5, 1.0, 3) and hash(made) == hash(privacy.DPSGD(0.5, 1.0, 3))
    assert made != privacy.DPSGD(0.5, 1.0)
    assert made == copy.deepcopy(made) == pickle.loads(pickle.dumps(made))
    assert repr(made) == "DPSGD(l2_norm_clip=0.5, noise_multiplier=1.0, seed=3)"


def test_get_gives_what_was_described():
    made = privacy.DPSGD(0.5, 1.25)
    described = json.loads(json.dumps(privacy.serialize(made)))
    assert described["module"] == "fastgd.privacy" and described["class_name"] == "DPSGD"
    assert privacy.get(described) == privacy.deserialize(described) == made
    assert privacy.get(made) is made and privacy.get(None) is None
    for wrong in ("dpsgd", 3, privacy.DPSGD, saving.serialize_object(ledger())):
        with pytest.raises(DataTypeError, match=r"privacy: expected None or privacy.DPSGD\("):
            privacy.get(wrong)
    with pytest.raises(ArgumentError, match="l2_norm_clip"):
        privacy.get({**described, "config": {"l2_norm_clip": -1, "noise_multiplier": 1}})


def test_keys_of_the_system_are_new_each_time():
    made = privacy.DPSGD(1.0, 1.0)
    pairs = [made.keys() for _ in range(20)]
    keys = [key for pair in pairs for key in pair]
    assert all(key.shape == (8,) and key.dtype == np.uint32 for key in keys)
    assert len({key.tobytes() for key in keys}) == 40
    bits = np.unpackbits(np.concatenate(keys).view(np.uint8))  # 10 240 fair coins
    assert abs(bits.mean() - 0.5) < 0.03


def test_keys_of_a_seed_follow_from_it():
    noise, sampling = privacy.DPSGD(1.0, 1.0, seed=5).keys()
    for label, key in (("noise", noise), ("sampling", sampling)):
        secret = hashlib.sha256(b"fastgd.privacy %s 5" % label.encode()).digest()
        assert tuple(key.tolist()) == struct.unpack("<8I", secret)
    again = privacy.DPSGD(2.0, 0.5, seed=5).keys()
    assert (again.noise == noise).all() and (again.sampling == sampling).all()
    assert not (privacy.DPSGD(1.0, 1.0, seed=6).keys().noise == noise).any()
    noise[0] += 1  # an array of the caller


def test_a_description_opens_in_a_new_process():
    things = [privacy.DPSGD(0.5, 1.25, seed=3), ledger()]
    code = (
        "import json, sys; from fastgd import saving\n"
        "for thing in json.loads(sys.argv[1]):\n"
        "    print(saving.deserialize_object(thing))"
    )
    described = json.dumps([saving.serialize_object(thing) for thing in things])
    done = subprocess.run(
        [sys.executable, "-c", code, described], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines() == [repr(thing) for thing in things]
