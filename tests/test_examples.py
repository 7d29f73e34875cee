"""The examples: each runs as a user would run it, and tables.py is tested by function."""

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas
import pytest

ROOT = Path(__file__).resolve().parents[1]
EXAMPLES = ROOT / "examples"
DATA = Path(os.environ.get("FASTGD_DATA") or ROOT.parent / "shared" / "data")
CREDIT_TABLE = DATA / "uci_default_credit_card.csv"

HAS_MATPLOTLIB = importlib.util.find_spec("matplotlib") is not None
HAS_OPTUNA = importlib.util.find_spec("optuna") is not None


def run(cwd, script, *args, ok=True, **environment):
    """What a script prints when it runs in the folder cwd; on an error, what it complains."""
    paths = [str(ROOT), os.environ.get("PYTHONPATH", "")]
    done = subprocess.run(
        [sys.executable, str(EXAMPLES / script), *map(str, args)],
        cwd=cwd,
        env=os.environ
        | {"PYTHONPATH": os.pathsep.join(filter(None, paths))}
        | {name: str(value) for name, value in environment.items()},
        capture_output=True,
        encoding="utf-8",
        timeout=120,
    )
    assert (done.returncode == 0) is ok, done.stderr
    return done.stdout if ok else done.stderr


def number_after(text, output):
    """The number that stands after a text."""
    return float(re.search(rf"{re.escape(text)}\s+([-\d.]+)", output)[1])


@pytest.fixture(scope="module")
def tables():
    spec = importlib.util.spec_from_file_location("tables", EXAMPLES / "tables.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["tables"] = module  # where the other examples look for it
    spec.loader.exec_module(module)
    yield module
    del sys.modules["tables"]


@pytest.fixture
def credit_data(tables):
    spec = importlib.util.spec_from_file_location("credit_data", EXAMPLES / "credit_data.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# -- the three programs ------------------------------------------------------------------------


def test_keras_sequential_learns(tmp_path):
    output = run(tmp_path, "keras_sequential.py")
    assert output.count("313/313") == 10
    assert "Total params: 231" in output
    for name, limit in (("loss", 0.01), ("mae", 0.1)):
        line = re.search(rf"{name}: ([\d.]+) after the first epoch, ([\d.]+) after", output)
        first, last = float(line[1]), float(line[2])
        assert last < limit < first


def test_linear_gradient_descent_finds_the_least_squares_line(tmp_path):
    output = run(tmp_path, "linear_gradient_descent.py")
    x = np.column_stack([np.ones(4), [1, 2, 3, 4]])
    expected, *_ = np.linalg.lstsq(x, [6, 5, 7, 10])
    theta = re.search(r"theta: (\S+) (\S+)", output)
    np.testing.assert_allclose([float(theta[1]), float(theta[2])], expected, atol=1e-3)


def test_gradient_tape_lowers_the_loss(tmp_path):
    output = run(tmp_path, "gradient_tape.py")
    losses = [float(v) for v in re.findall(r"loss ([\d.]+)", output)]
    assert len(losses) == 6
    assert losses == sorted(losses, reverse=True)
    assert losses[-1] < 0.02 * losses[0]


@pytest.mark.skipif(not HAS_MATPLOTLIB, reason="needs matplotlib")
def test_pricing_sorts_risks_and_balances(tmp_path):
    output = run(tmp_path, "pricing.py", "--rows", 30_000)
    # the log frequencies and amounts that the policies are made with, and their errors
    for name, truth in (("senior", 0.2), ("city", 0.4), ("suburb", 0.15), ("garage", -0.1)):
        coef, error = map(float, re.search(rf"^{name} +(\S+) +(\S+)", output, re.M).groups())
        assert abs(coef - truth) < 3.5 * error
    claims, glm, network = map(float, re.search(r"  all +(\d+) +(\d+) +(\d+)", output).groups())
    assert 0.8 < glm / claims < 1.25
    assert 0.8 < network / claims < 1.25
    flat = number_after("one for all", output)
    assert number_after("GLM    ", output) < 0.98 * flat
    assert number_after("network  ", output) < 0.98 * flat
    assert "Caveats" in output
    assert (tmp_path / "pricing.png").read_bytes().startswith(b"\x89PNG")


# -- credit_default.py and demo.py -------------------------------------------------------------


@pytest.mark.skipif(not CREDIT_TABLE.exists(), reason="the UCI credit card table is not here")
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_credit_default_ranks_the_clients(tmp_path, seed):
    output = run(tmp_path, "credit_default.py", CREDIT_TABLE, "--seed", seed)
    assert "24000 rows to train on, 6000 held out, 31 features" in output
    assert number_after("hold-out AUC", output) >= 0.765
    assert number_after("hold-out accuracy", output) >= 0.79
    assert number_after("training time", output) > 0


@pytest.mark.skipif(not HAS_MATPLOTLIB, reason="matplotlib is not installed")
@pytest.mark.parametrize("real", [False, True], ids=["made-up", "UCI"])
def test_credit_reasons_explains_a_decision_on_one_page(tmp_path, real):
    if real and not CREDIT_TABLE.exists():
        pytest.skip("the UCI credit card table is not here")
    output = run(tmp_path, "credit_reasons.py", *([CREDIT_TABLE] if real else []))
    scores = re.findall(r"^(\w+|monotone network) +AUC ([\d.]+)", output, re.MULTILINE)
    assert [name for name, _ in scores] == ["scorecard", "network", "monotone network"]
    assert min(float(auc) for _, auc in scores) > 0.76
    points = [float(found) for found in re.findall(r": (-[\d.]+) points", output)]
    assert 0 < len(points) <= 4
    assert points == sorted(points)
    assert number_after("late payments:", output) < -20
    picture = (tmp_path / "credit_reasons.png").read_bytes()
    assert picture.startswith(b"\x89PNG")
    assert len(picture) > 50_000


@pytest.mark.skipif(not HAS_MATPLOTLIB, reason="matplotlib is not installed")
@pytest.mark.parametrize("real", [False, True], ids=["made-up", "UCI"])
def test_private_credit_draws_the_cost_of_privacy(tmp_path, real):
    pytest.importorskip("dp_accounting")
    if real and not CREDIT_TABLE.exists():
        pytest.skip("the UCI credit card table is not here")
    output = run(tmp_path, "private_credit.py", *([CREDIT_TABLE] if real else []))
    assert "24000 clients to learn from, 6000 held out" in output
    found = re.findall(
        r"^epsilon ([\d.]+) +noise +([\d.]+) +AUC ([\d.]+)", output, re.MULTILINE
    )
    epsilons, noise, aucs = np.array(found, float).T
    assert epsilons.tolist() == [0.3, 1, 3, 8]
    assert (np.diff(noise) < 0).all()
    assert aucs[2] >= 0.75
    assert aucs[0] < aucs[2] < number_after("without privacy      AUC", output)
    assert (tmp_path / "private_credit.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.skipif(not HAS_MATPLOTLIB, reason="matplotlib is not installed")
def test_private_credit_knows_the_scales_of_two_tables_alone(tmp_path):
    path = tmp_path / "clients.csv"
    path.write_text("height,default.payment.next.month\n1,yes\n2,no\n", encoding="utf-8")
    complaint = run(tmp_path, "private_credit.py", path, ok=False)
    assert complaint == "error: no scale is known for column 'height'\n"


def rule_table(path, rows=400):
    """A CSV file in which income and region decide on the target, `bad`."""
    rng = np.random.default_rng(3)
    lines = ["client,income,region,bad"]
    for row in range(rows):
        income, region = rng.normal(50, 10), "north" if rng.random() < 0.5 else ""
        bad = income < (60 if region else 40)
        lines.append(f"c{row},{income:.1f},{region},{'Yes' if bad else 'no'}")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_credit_default_takes_other_tables(tmp_path):
    path = rule_table(tmp_path / "clients.csv")
    options = ("--target", "bad", "--drop", "client", "--batch-size", 16)
    output = run(tmp_path, "credit_default.py", path, *options)
    assert "320 rows to train on, 80 held out, 3 features" in output
    assert number_after("hold-out AUC", output) > 0.95


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--target", "good"], "no column 'good' (there are: client, income, region, bad)"),
        (["--target", "bad", "--drop", "ID"], "no column 'ID'"),
        (["--target", "bad"], "column 'client' holds 400 different values, such as 'c0'"),
        (["--target", "region"], "got 'north' in data row"),
        (["--target", "bad", "--drop", "client", "--held-out", "400"], "hold out 400 of 400"),
        (["--target", "bad", "--drop", "client", "--seed", "-1"], "seed: expected"),
    ],
)
def test_credit_default_says_what_is_wrong(tmp_path, options, message):
    path = rule_table(tmp_path / "clients.csv")
    complaint = run(tmp_path, "credit_default.py", path, *options, ok=False)
    assert complaint.startswith("error: ")
    assert message in complaint
    assert len(complaint.splitlines()) == 1


def test_credit_default_without_a_file(tmp_path):
    complaint = run(tmp_path, "credit_default.py", "absent.csv", ok=False)
    assert complaint == "error: absent.csv: No such file or directory\n"


def test_demo(tmp_path):
    output = run(tmp_path, "demo.py", "--quick")
    assert output.startswith("fastgd ")
    rows = [line.split() for line in output.splitlines() if line.endswith("same")]
    assert [row[0] for row in rows] == ["10-10-10-1,", "23-64-32-1,"]
    auc, reference_auc = (float(v) for v in rows[1][-3:-1])
    assert auc > 0.7
    assert abs(auc - reference_auc) < 0.01
    assert f"hold-out AUC {auc:.4f}" in output
    if not HAS_MATPLOTLIB:
        assert "No picture of the loss curves: matplotlib is not installed." in output
        assert not (tmp_path / "fastgd_demo.png").exists()


def test_demo_on_a_table(tmp_path):
    path = rule_table(tmp_path / "clients.csv")
    output = run(tmp_path, "demo.py", path, "--target", "bad", "--drop", "client", "--quick")
    assert "(clients.csv: " in output
    assert "3-64-32-1, batch 256" in output


@pytest.mark.skipif(not HAS_MATPLOTLIB, reason="matplotlib is not installed")
def test_demo_draws_a_picture(tmp_path):
    assert "The loss curves are in fastgd_demo.png." in run(tmp_path, "demo.py", "--quick")
    picture = (tmp_path / "fastgd_demo.png").read_bytes()
    assert picture.startswith(b"\x89PNG")
    assert len(picture) > 10_000


@pytest.mark.skipif(not HAS_OPTUNA, reason="optuna is not installed")
def test_optuna_prunes_what_does_not_learn(tmp_path):
    output = run(tmp_path, "optuna_pruning.py", "--trials", 14, "--rows", 2000)
    trials = re.findall(r"trial +(\d+): (\w+) +(\d+) epochs, AUC ([\d.]+)", output)
    assert [int(number) for number, *_ in trials] == list(range(14))
    epochs = {state: {int(e) for _, s, e, _ in trials if s == state} for _, state, *_ in trials}
    assert epochs["complete"] == {10}
    assert max(epochs["pruned"]) < 10
    best = max(float(figure) for _, state, _, figure in trials if state == "complete")
    assert number_after("best AUC", output) == best > 0.72


def test_generated_credit_data(credit_data, tables):
    frame, target = credit_data.generate(5000, seed=1)
    assert frame.shape == (5000, 23)
    assert target.dtype == np.float32 and target.mean() == pytest.approx(0.22, abs=1e-3)
    assert np.isfinite(frame.to_numpy(float)).all()
    assert (frame >= 0).all(axis=None)
    assert tables.auc(target, frame["months_late_1"]) > 0.6
    assert tables.auc(target, frame["income"]) < 0.45
    assert (credit_data.generate(5000, seed=1)[1] == target).all()
    assert (credit_data.generate(5000, seed=2)[1] != target).any()


# -- tables.py ---------------------------------------------------------------------------------


def pair_count(target, score):
    """The AUC by its definition: all pairs, ties counting half."""
    ones, zeros = score[target == 1], score[target == 0]
    wins = (ones[:, None] > zeros[None, :]) + 0.5 * (ones[:, None] == zeros[None, :])
    return wins.mean()


@pytest.mark.parametrize("levels", [2, 5, 10_000])
def test_auc_is_the_share_of_ordered_pairs(tables, levels):
    rng = np.random.default_rng(levels)
    target = (rng.random(301) < 0.3).astype(np.float32)
    score = (rng.integers(levels, size=301) + levels * 0.2 * target).round().astype(np.float32)
    assert tables.auc(target, score) == pytest.approx(pair_count(target, score), abs=1e-12)


def test_auc_by_hand(tables):
    assert tables.auc(np.array([0, 1, 1, 0]), np.array([0.1, 0.4, 0.3, 0.3])) == 0.875
    assert tables.auc(np.array([0, 1]), np.array([2.0, 1.0])) == 0
    assert tables.auc(np.array([0, 1, 0]), np.ones(3)) == 0.5
    with pytest.raises(tables.TableError, match="both kinds"):
        tables.auc(np.ones(3), np.arange(3))


def test_numbers_are_standardised_by_the_training_rows(tables):
    frame = pandas.DataFrame({"a": [1.0, 3.0, 100.0, np.nan]})
    x, names = tables.features(frame, np.array([0, 1]))  # mean 2, standard deviation 1
    np.testing.assert_array_equal(x[:, 0], [-1, 1, 98, 0])
    assert names == ["a"]


@pytest.mark.parametrize("value", [0.0, 0.1, np.nan])
def test_a_constant_column_becomes_zero(tables, value):
    frame = pandas.DataFrame({"a": [value, value, value, 7.0]})  # the mean of 0.1 is inexact
    np.testing.assert_array_equal(tables.features(frame, np.arange(3))[0][:, 0], np.zeros(4))


def test_texts_become_columns(tables):
    frame = pandas.DataFrame({"t": ["b", "a", "", "c"]})
    expected = [[0, 0, 1], [0, 1, 0], [1, 0, 0], [0, 0, 0]]  # c was not in the training rows
    x, names = tables.features(frame, np.arange(3))
    np.testing.assert_array_equal(x, expected)
    assert names == ["t=blank", "t=a", "t=b"]


def test_split(tables):
    train, held = tables.split(10, 3, seed=1)
    assert len(held) == 3
    assert sorted([*train, *held]) == list(range(10))
    assert list(train) != sorted(train)
    assert (tables.split(10, 3, seed=1)[0] == train).all()
    assert (tables.split(10, 3, seed=2)[0] != train).any()
    for held_out in (0, 10, -1):
        with pytest.raises(tables.TableError, match="hold out"):
            tables.split(10, held_out, seed=1)


def csv_file(folder, *lines):
    path = folder / "table.csv"
    path.write_text("\n".join(lines), encoding="utf-8-sig")
    return path


def test_read_and_features(tables, tmp_path):
    path = csv_file(
        tmp_path, "ID,age,city,due", '1,20,"Ulm, old",Yes', "2,,Bonn,no", "", "3, 40 ,NA,0",
        "4,90,Bonn,TRUE", "5,30,Rome,1",
    )  # fmt: skip
    frame, target = tables.read(path, "due")
    np.testing.assert_array_equal(target, [1, 0, 0, 1, 1])
    np.testing.assert_array_equal(frame["age"], [20, np.nan, 40, 90, 30])
    assert list(frame["city"]) == ["Ulm, old", "Bonn", "", "Bonn", "Rome"]
    assert set(frame) == {"age", "city"}  # without ID

    x, names = tables.features(frame, np.array([0, 1, 2]))
    assert names == ["age", "age is blank", "city=blank", "city=Bonn", "city=Ulm, old"]
    np.testing.assert_array_equal(
        x,
        [[-1, 0, 0, 0, 1], [0, 1, 0, 1, 0], [1, 0, 1, 0, 0], [6, 0, 0, 1, 0], [0, 0, 0, 0, 0]],
    )
    assert x.dtype == np.float32
    assert x.flags.c_contiguous

    x, names = tables.features(frame, np.array([0, 2]))  # no blank age among these
    assert names == ["age", "city=blank", "city=Ulm, old"]


def test_read_drops_what_is_named_and_nothing_else(tables, tmp_path):
    path = csv_file(tmp_path, "ID,a,b,y", "1,2,3,0", "4,5,6,1")
    assert list(tables.read(path, "y")[0]) == ["a", "b"]
    assert list(tables.read(path, "y", ["a"])[0]) == ["ID", "b"]
    assert list(tables.read(path, "y", [])[0]) == ["ID", "a", "b"]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["a,y"], "no rows"),
        ([""], "not a CSV file"),
        (["a,y", "1,0", "1,0,5"], "Expected 2 fields in line 3, saw 3"),
        (["a,y", "1,0,5", "1,0,5"], "more values than there are columns"),
        (["a,z", "1,0"], "no column 'y'"),
        (["y", "1", "0"], "no column to learn from besides 'y'"),
        (["a,y", "1,no", "2,maybe"], "got 'maybe' in data row 2"),
        (["a,y", "1,", "2,no"], "got a blank in data row 1"),
        (["a,y", "1,no", "2,no"], "'no' in every row"),
    ],
)
def test_read_says_what_is_wrong(tables, tmp_path, lines, message):
    with pytest.raises(tables.TableError, match=re.escape(message)):
        tables.read(csv_file(tmp_path, *lines), "y")


def test_an_infinite_number_is_a_blank(tables, tmp_path):
    frame, _ = tables.read(csv_file(tmp_path, "a,y", "inf,0", "1,1"), "y")
    np.testing.assert_array_equal(frame["a"], [np.nan, 1])


def test_read_refuses_what_is_not_text(tables, tmp_path):
    path = tmp_path / "table.csv"
    path.write_bytes(b"a,y\n\xff\xfe,1\n")
    with pytest.raises(tables.TableError, match="not a CSV file in UTF-8"):
        tables.read(path, "y")
