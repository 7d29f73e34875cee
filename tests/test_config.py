"""Settings of the process: engine and data type."""

import os
import subprocess
import sys

import numpy as np
import pytest
from problems import network

import fastgd
from fastgd import config
from fastgd._engine import builds
from fastgd.errors import ArgumentError, EngineError

UNSUPPORTED = [name for name in builds.NAMES if name not in builds.available()]

PROGRAM = """
import fastgd
print(fastgd.config.engine())
model = fastgd.Sequential([fastgd.layers.Dense(1, input_shape=(2,))])
engine = fastgd._engine.builds.load(fastgd.config.engine())
print(model.predict([[1.0, 2.0]]).shape, model.engine is engine)
"""


def run(**environment):
    return subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("name", builds.available())
def test_engine_by_environment(name):
    done = run(FASTGD_ENGINE=name)
    assert done.stdout.split() == [name, "(1,", "1)", "True"]


def test_engine_without_environment_is_the_best():
    done = run(FASTGD_ENGINE="")
    assert done.stdout.split()[0] == builds.available()[0]


@pytest.mark.parametrize("name", ["fast", "AVX2", *UNSUPPORTED])
def test_engine_by_environment_that_is_none(name):
    done = run(FASTGD_ENGINE=name)
    assert done.returncode != 0
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("fastgd.errors.EngineError: engine: ")
    assert repr(name) in last
    for there in builds.available():
        assert there in last


def test_set_engine(engine):
    assert config.engine() == engine
    assert network().engine is builds.load(engine)


def test_set_engine_is_for_models_made_from_now_on():
    first = network()
    config.set_engine("reference")
    assert network().engine is builds.load("reference")
    assert first.engine is builds.load(builds.default())
    config.set_engine(None)
    assert config.engine() == builds.default()


@pytest.mark.parametrize("name", ["fast", "", 5, *UNSUPPORTED])
def test_set_engine_that_is_none(name):
    there = builds.available()[0]
    config.set_engine(there)
    with pytest.raises(EngineError, match=rf"engine: .*{there}"):
        config.set_engine(name)
    assert config.engine() == there


def test_engine_that_was_not_built(monkeypatch):
    found = builds.importlib.util.find_spec
    monkeypatch.setattr(
        builds.importlib.util,
        "find_spec",
        lambda n: None if n.endswith("baseline") else found(n),
    )
    builds.available.cache_clear()
    builds.load.cache_clear()
    try:
        assert "baseline" not in builds.available()
        with pytest.raises(
            EngineError, match=r"'baseline' was not built .*FASTGD_BUILDS=baseline"
        ):
            config.set_engine("baseline")
    finally:
        builds.available.cache_clear()


@pytest.mark.parametrize("dtype", ["float64", np.float64, np.dtype("float64"), float])
def test_floatx(dtype):
    assert config.floatx() == "float32"
    config.set_floatx(dtype)
    assert config.floatx() == "float64"


@pytest.mark.parametrize("dtype", ["float16", "int32", "real", None, 64, object])
def test_floatx_refused(dtype):
    with pytest.raises(ArgumentError, match="dtype: expected 'float32' or 'float64'"):
        config.set_floatx(dtype)
    assert config.floatx() == "float32"


def test_show_config(engine, capsys):
    fastgd.show_config()
    lines = dict(line.split(None, 1) for line in capsys.readouterr().out.splitlines())
    assert lines["fastgd"] == fastgd.__version__
    assert lines["engine"] == f"{engine} (available: {', '.join(builds.available())})"
    assert lines["numpy"] == np.__version__
    assert lines["floatx"] == "float32"
    assert {"python", "compiler", "machine"} <= set(lines)
