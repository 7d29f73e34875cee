"""What is shipped: metadata, stubs, and the contents of source distribution and wheel."""

import ast
import importlib
import importlib.metadata
import inspect
import os
import platform
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest

import fastgd
from fastgd import reference
from fastgd._core import cpu, engine, formulas, types
from fastgd._engine import builds

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
PACKAGE = Path(fastgd.__file__).parent
STUBS = sorted(file.stem for file in (PACKAGE / "_core").glob("*.pyi"))


def test_version_is_that_of_the_metadata():
    assert fastgd.__version__ == PROJECT["version"] == importlib.metadata.version("fastgd")


def test_numpy_and_safetensors_are_the_only_requirements():
    installed = [
        line for line in importlib.metadata.requires("fastgd") if "extra ==" not in line
    ]
    for requirements in (PROJECT["dependencies"], installed):
        assert [re.match(r"[\w.-]+", line)[0] for line in requirements] == [
            "numpy",
            "safetensors",
        ]


def test_types_are_announced():
    assert (PACKAGE / "py.typed").is_file()
    builds = {f"kernels_{build}" for build in ("baseline", "avx2", "avx512")}
    assert set(STUBS) == {"cpu", "engine", "formulas", "types"} | builds


@pytest.mark.parametrize("name", fastgd.__all__)
def test_public_names_are_documented(name):
    value = getattr(fastgd, name)
    if name == "__version__":
        assert isinstance(value, str)
    else:
        assert value.__doc__ and len(value.__doc__) > 20


# ---------------------------------------------------------------- stubs


def stub(name):
    """The statements of a stub of _core, by the name they define."""
    tree = ast.parse((PACKAGE / "_core" / f"{name}.pyi").read_text())
    return {node.name: node for node in tree.body if hasattr(node, "name")}


def codes(name):
    """Return enum -> the names of its codes, as a stub writes them."""
    tree = ast.parse((PACKAGE / "_core" / f"{name}.pyi").read_text())
    nodes = [node for node in tree.body if isinstance(node, ast.Assign)]
    return {node.targets[0].id: ast.literal_eval(node.value.args[1]) for node in nodes}


def arguments(node):
    return [argument.arg for argument in node.args.args]


def public_functions(owner):
    """Those of a module or class; what a module has imported is another one's."""
    module = getattr(owner, "__module__", owner.__name__)
    return {
        name
        for name, value in vars(owner).items()
        if not name.startswith("_")
        and inspect.isroutine(value)
        # the functions of kernels_avx2 name kernels, from which it is made
        and module.startswith(getattr(value, "__module__", None) or module)
    }


@pytest.mark.parametrize(
    ("name", "module"), [("formulas", formulas), ("types", types), ("cpu", cpu)]
)
def test_stub_lists_what_the_module_has(name, module):
    own = {
        n for n, v in vars(module).items() if getattr(v, "__module__", "") == module.__name__
    }
    expected = {n for n in own if not n.startswith("_")} | public_functions(module)
    assert {*stub(name), *codes(name)} == expected


@pytest.mark.parametrize("module", [formulas, types])
def test_stub_lists_every_code(module):
    for name, written in codes(module.__name__.rpartition(".")[2]).items():
        assert written == [code.name for code in getattr(module, name)]


def assert_described(owner, nodes):
    """The statements of a stub are the functions of a module or class, with its arguments."""
    assert {n for n in nodes if not n.startswith("_")} == public_functions(owner)
    for name, node in nodes.items():
        if not name.startswith("_"):  # a compiled class does not tell its arguments
            assert arguments(node) == list(inspect.signature(getattr(owner, name)).parameters)


def test_stub_of_the_engine_has_its_functions_and_arguments():
    functions = stub("engine")
    classes = {n: node for n, node in functions.items() if isinstance(node, ast.ClassDef)}
    for name, _node in classes.items():
        methods = {n.name: n for n in functions.pop(name).body if hasattr(n, "name")}
        assert_described(getattr(engine, name), methods)
    assert_described(engine, functions)
    shared = {  # no engine has its own
        "Job", "PrivateSteps", "Replica", "StepExchange", "Stream", "fill_uniform",
        "fork_count", "plain_row", "use_chains",
    }  # fmt: skip
    assert {*functions, *classes} == {*builds.OVER_KERNELS, *builds.ON_TOP} | shared
    for name in builds.OVER_KERNELS:
        described = classes.get(name) or functions[name]
        if name in classes:
            described = next(n for n in described.body if getattr(n, "name", "") == "__init__")
        assert "kernels" in arguments(described)[:2]


def test_the_reference_has_what_the_engine_has():
    assert {*reference.__all__} == {*builds.OVER_KERNELS, *builds.ON_TOP}


@pytest.mark.parametrize("build", [n for n in builds.available() if n != "reference"])
def test_stub_of_the_kernels_has_their_functions_and_arguments(build):
    module = importlib.import_module(f"fastgd._core.kernels_{build}")
    assert_described(module, stub("kernels_baseline"))


@pytest.mark.skipif(not shutil.which("nm"), reason="needs nm, of binutils")
def test_no_compiled_function_is_too_large_to_read():
    """A large function is one that many others were inlined into: it costs time to compile."""
    modules = sorted((PACKAGE / "_core").glob("*.so"))
    assert modules
    for module in modules:
        arguments = ["nm", "--defined-only", "--print-size", module]
        done = subprocess.run(arguments, capture_output=True, text=True, check=True)
        lines = [line.split() for line in done.stdout.splitlines()]
        sizes = {line[3]: int(line[1], 16) for line in lines if len(line) == 4}
        assert {name: size for name, size in sizes.items() if size > 65536} == {}, module.name


# ---------------------------------------------------------------- distributions


SKIPPED = shutil.ignore_patterns(
    ".git",
    ".venv*",
    "build",
    "dist",
    "*.egg-info",
    "__pycache__",
    ".*_cache",
    ".benchmarks",
    "*.so",
)


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """A copy of the sources with leftovers of a build, which no distribution may hold."""
    version = importlib.metadata.version("setuptools")
    if int(version.split(".")[0]) < 77:
        pytest.skip(f"needs setuptools 77 for the licence's metadata, found {version}")
    copy = tmp_path_factory.mktemp("sources") / "fastgd"
    shutil.copytree(ROOT, copy, ignore=SKIPPED)
    for name in (
        "kernels_avx2.c",
        "kernels_avx2.cpython-311-x86_64-linux-gnu.so",
        "types.html",
    ):
        (copy / "fastgd" / "_core" / name).write_text("generated")
    (copy / "build").mkdir()
    (copy / "build" / "cpu.c").write_text("generated")
    return copy


def distribution(tree, command):
    """The file made. Without setup.py: needs no compiler, and MANIFEST.in must do alone."""
    subprocess.run(
        [sys.executable, "-c", "import setuptools; setuptools.setup()", "--quiet", command],
        cwd=tree, check=True, capture_output=True, text=True,
    )  # fmt: skip
    (file,) = (tree / "dist").iterdir()
    return file.rename(tree.parent / file.name)


@pytest.fixture(scope="module")
def sdist(tree):
    with tarfile.open(distribution(tree, "sdist")) as archive:
        names = [member.name for member in archive.getmembers() if member.isfile()]
    return {name.split("/", 1)[1] for name in names}


@pytest.fixture(scope="module")
def wheel(tree):
    with zipfile.ZipFile(distribution(tree, "bdist_wheel")) as archive:
        return {name for name in archive.namelist() if name.startswith("fastgd/")}


def files(folder, *suffixes):
    found = (file for file in (ROOT / folder).rglob("*") if file.suffix in suffixes)
    return {str(file.relative_to(ROOT)) for file in found}


def test_sdist_holds_the_sources(sdist):
    sources = files("fastgd", ".py", ".pyi", ".pyx", ".pxd", ".pxi", ".typed")
    sources |= files("tests", ".py") | files("benchmarks", ".py") | files("examples", ".py")
    assert sources - sdist == set()
    assert {"LICENSE", "README.md", "CHANGELOG.md", "CONTRIBUTING.md", "Makefile", ".ci/run",
            "setup.py", "pyproject.toml", "fastgd/py.typed"} - sdist == set()  # fmt: skip


def test_sdist_holds_nothing_generated(sdist):
    generated = re.compile(r"\.(c|so|o|pyd|html|pyc)$|^build/|^\.venv")
    assert {name for name in sdist if generated.search(name)} == set()


def test_wheel_holds_modules_and_stubs_but_no_sources_of_the_core(wheel):
    assert wheel == files("fastgd", ".py", ".pyi", ".typed")


# ---------------------------------------------------------------- building


def python(*arguments, cwd, **environment):
    return subprocess.run(
        [sys.executable, *arguments], cwd=cwd, env=os.environ | environment,
        capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_sources_that_are_not_compiled_say_so(tmp_path):
    shutil.copytree(PACKAGE, tmp_path / "fastgd", ignore=SKIPPED)
    for name in ("fastgd", "fastgd.errors, fastgd.losses"):
        done = python("-c", f"import {name}", cwd=tmp_path)
        assert "ImportError: fastgd is not compiled here: run `pip install -e .`" in done.stderr
        assert str(tmp_path) in done.stderr


def built(tree, code, **environment):
    pytest.importorskip("Cython")
    return python("-c", f"import setup\n{code}", cwd=tree, **environment)


@pytest.mark.parametrize(
    ("names", "tests", "expected"),
    [("baseline", "", "baseline"), ("baseline,avx2", "1", "baseline avx2 wide")],
)
@pytest.mark.skipif(platform.machine() != "x86_64", reason="the other builds are for x86-64")
def test_builds_by_name(tree, names, tests, expected):
    done = built(tree, "print(*setup.BUILDS)", FASTGD_BUILDS=names, FASTGD_TEST_BUILDS=tests)
    assert done.stdout.strip() == expected, done.stderr


def test_native_is_one_build(tree):
    done = built(
        tree, "print(len(setup.BUILDS))", FASTGD_BUILDS="native", FASTGD_TEST_BUILDS=""
    )
    assert done.stdout.strip() == "1", done.stderr


def test_builds_that_there_are_not(tree):
    done = built(tree, "0", FASTGD_BUILDS="fast")
    assert done.returncode == 1
    assert done.stderr.startswith("FASTGD_BUILDS: no 'fast' (there are: native, baseline")


def test_missing_compiler_is_said(tree):
    done = built(tree, "setup.check_tools()", CC="no-such-compiler")
    assert done.stderr.startswith("fastgd needs a C compiler, found no 'no-such-compiler'")


def test_only_what_changed_is_compiled(tree, tmp_path):
    code = f"""
import os, pathlib
from setuptools import Distribution
command = setup.ParallelBuild(Distribution({{"ext_modules": [setup.extension("cpu")]}}))
command.build_lib = {str(tmp_path)!r}
command.ensure_finalized()
ext = command.extensions[0]
print(command.is_due(ext))
made = pathlib.Path(command.get_ext_fullpath(ext.name))
made.parent.mkdir(parents=True)
made.touch()
print(command.is_due(ext))
os.utime(made, (1, 1))
print(command.is_due(ext))
"""
    done = built(tree, code)
    assert done.stdout.split() == ["True", "False", "True"], done.stderr
