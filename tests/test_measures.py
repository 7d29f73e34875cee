"""Measures that keep the package readable: sizes, parameters, inheritance, patching."""

import ast
import itertools
import re
from pathlib import Path

import pytest

import fastgd

PACKAGE = Path(fastgd.__file__).parent
SOURCES = sorted(
    file for file in PACKAGE.rglob("*") if re.fullmatch(r"\.p(y|yi|yx|xd|xi)", file.suffix)
)
PYTHON = [file for file in SOURCES if file.suffix == ".py"]
TREES = {file: ast.parse(file.read_text()) for file in PYTHON}
LINES = 400
PARAMETERS = 8


def name_of(file):
    return str(file.relative_to(PACKAGE))


def test_no_file_is_long():
    sizes = {name_of(file): len(file.read_text().splitlines()) for file in SOURCES}
    assert {name: size for name, size in sizes.items() if size > LINES} == {}


def test_there_are_three_classes_above_layer():
    names = [cls.__name__ for cls in fastgd.Sequential.__mro__]
    assert names[: names.index("Layer")] == ["Sequential", "Model", "Network"]


def public_names():
    """Return the names that users call: those in ``__all__`` anywhere, and public methods."""
    found = set()
    for tree in TREES.values():
        for node in tree.body:
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
                found |= set(ast.literal_eval(node.value))
    return found


def functions(tree, owner=None):
    """Yield (class or None, function) of a module, nested functions included."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.ClassDef):
            yield from functions(node, node.name)
            continue
        if isinstance(node, ast.FunctionDef):
            yield owner, node
        yield from functions(node, owner)


#: Methods of Model that stand as functions in other modules: all of them are public API.
METHODS = {"models/compilation.py", "models/fitting.py", "models/online.py"}


def test_private_functions_have_few_parameters():
    public = public_names()
    many = []
    for file, tree in TREES.items():
        for owner, function in functions(tree):
            arguments = function.args
            names = [a.arg for a in itertools.chain(
                arguments.posonlyargs, arguments.args, arguments.kwonlyargs)]  # fmt: skip
            count = len([name for name in names if name not in ("self", "cls")])
            called = owner if function.name == "__init__" else function.name
            is_public = called in public or (owner in public and called[0] != "_")
            if count > PARAMETERS and not is_public and name_of(file) not in METHODS:
                many.append(f"{name_of(file)}: {owner or ''}.{function.name} has {count}")
    assert many == []


def test_functions_of_the_compiled_side_have_few_parameters():
    pattern = re.compile(
        r"^(?:cdef|cpdef|def)[^\n=]*?\b(\w+)\(([^()]*(?:\([^()]*\)[^()]*)*)\)", re.M
    )
    many = []
    for file in SOURCES:
        if file.suffix not in (".pxi", ".pyx", ".pxd"):
            continue
        for name, arguments in pattern.findall(file.read_text()):
            count = len([a for a in arguments.split(",") if a.strip() and a.strip() != "self"])
            if count > PARAMETERS:
                many.append(f"{name_of(file)}: {name} has {count}")
    assert many == []


@pytest.mark.parametrize("file", PYTHON, ids=name_of)
def test_nothing_is_patched_or_looked_up_behind_the_back(file):
    text = file.read_text()
    assert "sys.modules" not in text
    for node in ast.walk(TREES[file]):
        if isinstance(node, ast.Assign):
            for target in node.targets:
                is_patch = (
                    isinstance(target, ast.Attribute)
                    and isinstance(target.value, ast.Name)
                    and target.value.id[:1].isupper()
                )
                assert not is_patch, f"line {node.lineno}: sets an attribute of a class"


def test_no_import_is_for_its_effect():
    for file in PYTHON:
        for line in file.read_text().splitlines():
            assert not re.match(r"\s*(from|import) .*noqa: F401", line), name_of(file)


def test_the_core_reads_no_attribute_of_a_model():
    for file in (PACKAGE / "_core").rglob("*.p*x*"):
        if file.suffix in (".pyx", ".pxi", ".pxd"):
            assert not re.search(r"\bmodel\.\w", file.read_text()), name_of(file)
