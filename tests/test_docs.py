"""What the documentation says runs: the code in README and docs, and every doctest."""

import doctest
import importlib.util
import pkgutil
import re
from pathlib import Path

import pytest

import fastgd

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def blocks(page):
    return re.findall(r"^```python\n(.*?)^```", page.read_text(), re.DOTALL | re.MULTILINE)


def can_run(block):
    """Whether all that it imports is installed; nothing else on a page may need it if not."""
    names = re.findall(r"^(?:import|from) (\w+)", block, re.MULTILINE)
    return all(importlib.util.find_spec(name) is not None for name in names)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_code_of_a_page_runs_from_top_to_bottom(page, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    scope = {}
    for block in filter(can_run, blocks(page)):
        exec(compile(block, str(page), "exec"), scope)
    if page.name == "README.md":
        assert "loss" in capsys.readouterr().out
        assert float(scope["loss"]) < 0.1


@pytest.mark.parametrize("page", [*PAGES, ROOT / "CONTRIBUTING.md"], ids=lambda page: page.name)
def test_the_links_of_a_page_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#]+)", page.read_text()):
        assert (page.parent / target).exists(), target


def modules():
    found = pkgutil.walk_packages(fastgd.__path__, "fastgd.")
    return ["fastgd"] + [m.name for m in found if "._core." not in m.name]


@pytest.mark.parametrize("name", modules())
def test_the_examples_of_a_module_run(name):
    flags = doctest.NORMALIZE_WHITESPACE
    failed, _ = doctest.testmod(importlib.import_module(name), optionflags=flags)
    assert failed == 0


def test_there_are_examples():
    finder = doctest.DocTestFinder()
    for name in (
        "fastgd",
        "fastgd.models.model",
        "fastgd.linear.model",
        "fastgd.optimizers.schedules",
    ):
        assert any(t.examples for t in finder.find(importlib.import_module(name))), name
