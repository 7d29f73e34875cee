"""The pages for contributors, and the picture of the rooms: true of the code as it stands."""

import re
import runpy
from pathlib import Path

import pytest
from test_imports import LEVEL

ROOT = Path(__file__).parents[1]
PAGES = {
    page.name: page.read_text()
    for page in (ROOT / "docs" / "architecture.md", ROOT / "CONTRIBUTING.md")
}
DRAW = runpy.run_path(str(ROOT / "docs" / "draw_architecture.py"))


def paths(page):
    """Return the words in backticks that are a folder, or a file with a suffix."""
    words = sorted(set(re.findall(r"`([^`\s]+)`", page)))
    suffix = re.compile(r"\w\.(py|pyi|pyx|pxi|pxd|md|svg|json)$")
    return [word for word in words if word.endswith("/") or suffix.search(word)]


NAMED = [(page, path) for page, text in PAGES.items() for path in paths(text)]


def test_the_picture_is_that_of_the_code():
    assert DRAW["PICTURE"].read_text() == DRAW["drawn"](), (
        "the rooms or their imports have changed: run python docs/draw_architecture.py"
    )


def test_the_picture_takes_its_rooms_from_the_tests():
    assert [name for names in DRAW["rooms"]().values() for name in names] == list(LEVEL)


def test_no_dot_of_the_picture_points_up():
    assert all(other <= level for level, other in DRAW["imports"](LEVEL))


@pytest.mark.parametrize("page", PAGES)
def test_a_page_names_paths(page):
    assert len(paths(PAGES[page])) > 30


@pytest.mark.parametrize(("page", "path"), NAMED)
def test_a_path_on_a_page_exists(page, path):
    assert any((folder / path).exists() for folder in (ROOT, ROOT / "fastgd"))


@pytest.mark.parametrize("room", LEVEL)
def test_every_room_is_named_in_the_table_of_rooms(room):
    rooms = PAGES["architecture.md"].split("## The rooms")[1].split("\n## ")[0]
    assert f"`{room}`" in rooms
