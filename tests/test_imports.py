"""The imports of the package: downwards only, at the top of the file, cheap and harmless."""

import ast
import graphlib
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import fastgd

PACKAGE = Path(fastgd.__file__).parent

#: The rooms of the house, from the ground up: a module imports from its own room and from
#: those before it. Within a room there is no circle.
ROOMS = {
    "compiled engine": ["errors", "_core", "_typing"],
    "reference engine": ["reference"],
    "automatic gradients": ["_autodiff", "variables", "tape"],
    "engine set-up": ["_engine", "config"],
    "data and training": ["_registry", "_data", "_training"],
    "functions and helpers": [
        "ops", "activations", "initializers", "regularizers", "constraints", "saving", "utils",
        "backend", "_tails", "privacy",
    ],
    "building blocks": ["layers", "losses", "metrics", "optimizers", "callbacks"],
    "models": ["models", "linear"],
    "many models": ["many", "sklearn"],
    "questions to models": ["risk", "explain"],
    "entry points": ["__init__", "bench", "__main__"],
}  # fmt: skip
LEVEL = {name: level for level, names in enumerate(ROOMS.values()) for name in names}

# Modules from elsewhere that a function may import when it is called; `frameworks` lies in
# benchmarks/.
EXTRAS = {
    "cloudpickle",
    "dp_accounting",
    "graphviz",
    "joblib",
    "matplotlib",
    "narwhals",
    "optuna",
    "pandas",
    "pyarrow",
    "shap",
    "tensorboardX",
    "tqdm",
}
OPTIONAL = {"frameworks", "safetensors", "sklearn"} | EXTRAS


def source_files():
    """Module name below fastgd -> file."""
    files = {}
    for file in PACKAGE.rglob("*.py"):
        name = ".".join(file.relative_to(PACKAGE).with_suffix("").parts)
        files[name.removesuffix(".__init__")] = file
    return files


FILES = source_files()
COMPILED = {f"_core.{path.stem}" for path in (PACKAGE / "_core").glob("*.pyx")}
MODULES = set(FILES) | COMPILED


def imported(node):
    """The absolute names that an import statement may load, submodules included."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    assert node.level == 0, f"relative import in line {node.lineno}"
    return [f"{node.module}.{alias.name}" for alias in node.names]


def own_module(name):
    """The module below fastgd that an absolute name stands for or lies in; None elsewhere."""
    first, *rest = name.split(".")
    if first != "fastgd":
        return None
    while rest and ".".join(rest) not in MODULES:
        rest.pop()
    return ".".join(rest) or "__init__"


def level(module):
    """Return the number of the room that a module lies in."""
    return LEVEL[module.split(".")[0]]


def imports_of(file):
    """The modules below fastgd that a file imports."""
    nodes = ast.walk(ast.parse(file.read_text()))
    names = [n for node in nodes if isinstance(node, IMPORTS) for n in imported(node)]
    return {own_module(name) for name in names} - {None}


IMPORTS = (ast.Import, ast.ImportFrom)
GRAPH = {module: imports_of(file) for module, file in FILES.items()}


def run(code, **environment):
    """What a fresh interpreter prints."""
    return subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True, text=True, check=True, env={**os.environ, **environment},
    ).stdout  # fmt: skip


def test_every_module_lies_in_a_room_and_no_room_is_empty():
    assert {module.split(".")[0] for module in FILES} == set(LEVEL)


def test_the_root_holds_at_most_two_private_modules():
    assert len(list(PACKAGE.glob("_[a-z]*.py"))) <= 2


@pytest.mark.parametrize("module", sorted(FILES))
def test_imports_point_to_the_own_room_or_down(module):
    assert {other for other in GRAPH[module] if level(other) > level(module)} == set()


def test_no_room_has_a_circle():
    graphlib.TopologicalSorter(GRAPH).prepare()


@pytest.mark.parametrize("module", sorted(FILES))
def test_no_import_inside_a_function(module):
    functions = [
        node
        for node in ast.walk(ast.parse(FILES[module].read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    inner = {
        name
        for function in functions
        for node in ast.walk(function)
        if isinstance(node, IMPORTS)
        for name in imported(node)
    }
    optional = OPTIONAL | {"difflib"}  # for messages: importing fastgd need not wait for it
    assert {name for name in inner if name.split(".")[0] not in optional} == set()


def test_third_party_modules_are_loaded_at_once_by_their_own_package_only():
    own = {"sklearn": "sklearn"}  # package below fastgd -> what it is made for
    for module, file in FILES.items():
        nodes = [node for node in ast.parse(file.read_text()).body if isinstance(node, IMPORTS)]
        names = {name.split(".")[0] for node in nodes for name in imported(node)}
        assert names & OPTIONAL <= {own.get(module.split(".")[0])}, module


def test_only_the_choice_of_engine_the_face_and_the_registry_import_by_name():
    pattern = re.compile(r"\bimport_module\(|\b__import__\(")
    users = {module for module, file in FILES.items() if pattern.search(file.read_text())}
    assert users <= {"_engine.builds", "__init__", "_registry.objects"}


def test_the_compiled_core_knows_no_class_of_the_python_side():
    pattern = re.compile(r"^\s*(?:from|import|cimport)\s+fastgd\.([\w.]+)", re.MULTILINE)
    core = PACKAGE / "_core"
    sources = [
        file for file in core.rglob("*") if re.fullmatch(r"\.p(y|yx|xd|xi)", file.suffix)
    ]
    names = {name for file in sources for name in pattern.findall(file.read_text())}
    assert {name for name in names if not name.startswith("_core")} <= {"errors"}


def test_import_loads_no_third_party_module_but_numpy():
    listing = "; import sys; print(*{name.split('.')[0] for name in sys.modules})"
    without = set(run("import numpy" + listing).split())
    everything = "; [getattr(fastgd, name) for name in fastgd.__all__]"
    loaded = set(run("import fastgd" + everything + listing).split()) - without
    # Cython's run-time keeps its types in modules that it makes up
    cython = {name for name in loaded if re.fullmatch(r"cython_runtime|_cython_\w+", name)}
    assert "fastgd" in loaded
    # multiprocessing gives __main__ a second name
    known = cython | set(sys.stdlib_module_names) | {"__mp_main__"}
    assert loaded - known == {"fastgd"}


def test_import_takes_at_most_a_tenth_of_a_second_more_than_numpy():
    code = (
        "import numpy, time; start = time.process_time(); import fastgd;"
        "print(time.process_time() - start)"
    )
    assert min(float(run(code)) for _ in range(5)) <= 0.1


def test_import_leaves_subnormal_numbers_alone():
    code = """
import threading
import numpy as np

def halves():
    smallest = np.array([1e-40], np.float32), np.array([5e-310])
    return [(x * x.dtype.type(0.5))[0] != 0 for x in smallest]

import fastgd
from fastgd._engine import builds

for name in builds.available():
    builds.load(name)
found = halves()
thread = threading.Thread(target=lambda: found.extend(halves()))
thread.start()
thread.join()
print(*found)
"""
    assert run(code).split() == ["True"] * 4


@pytest.mark.skipif(
    not (sys.platform == "linux" and os.uname().machine == "x86_64"),
    reason="reads MXCSR by way of glibc for x86-64",
)
def test_import_leaves_the_control_register_as_it_was():
    # glibc's fenv_t for x86-64: 28 bytes of the x87, then MXCSR. Its low 6 bits are the sticky
    # exceptions, which any inexact operation sets; the others are rounding, masks, FTZ and DAZ.
    code = """
import ctypes
import numpy

def control():
    environment = (ctypes.c_uint32 * 8)()
    assert ctypes.CDLL("libm.so.6").fegetenv(environment) == 0
    return environment[7] & ~0x3F

before = control()
import fastgd
from fastgd._engine import builds

for name in builds.available():
    builds.load(name)
print(before, control())
"""
    before, after = run(code).split()
    assert before == after
    assert int(before) & 0x1F80 == 0x1F80, "not MXCSR: there all exceptions are masked"
