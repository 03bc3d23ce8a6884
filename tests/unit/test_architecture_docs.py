"""docs/architecture.md: every module, arrow and handler of the product, and no other."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.test_architecture import MAY_IMPORT, MODULES, imported, rooms_in

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
CLIENT = sorted(path.name for path in (ROOT / "layers" / "client" / "hubspot_tokens").glob("[!_]*.py"))
HANDLERS = {path.parent.name: path for path in (ROOT / "functions").glob("*/app.py")}


def test_every_module_stands_on_the_page_in_its_room_and_no_other() -> None:
    rooms = re.split(r"^### ", PAGE.split("\n## An install", 1)[0], flags=re.MULTILINE)
    documented = [
        room_of(room) + name for room in rooms for name in re.findall(r"^\| `(\w+\.py)` \|", room, re.MULTILINE)
    ]

    assert sorted(documented) == sorted(path.as_posix() for path in MODULES if path.name != "__init__.py")


@pytest.mark.parametrize("page", ["architecture.md", "storage.md"])
def test_a_module_that_a_page_names_exists(page: str) -> None:
    named = re.findall(r"`((?:\w+/)*\w+\.py)`", (ROOT / "docs" / page).read_text(encoding="utf-8"))
    modules = {path.as_posix() for path in MODULES} | {path.name for path in MODULES} | set(CLIENT)

    assert [name for name in named if name not in modules | {"app.py"} and not (ROOT / name).exists()] == []


def test_every_module_of_the_client_stands_on_the_page_and_no_other() -> None:
    section = PAGE.split("\n### Through the client")[1].split("\n## ")[0]

    assert sorted(re.findall(r"^\| `(\w+\.py)` \|", section, re.MULTILINE)) == CLIENT


def room_of(section: str) -> str:
    return "".join(re.findall(r"^`(\w+/)`", section))


def test_the_picture_has_the_arrows_that_the_code_may_have_and_no_other() -> None:
    allowed = {(room, other) for room, others in MAY_IMPORT.items() for other in others}
    used = {("functions", room) for path in HANDLERS.values() for room in rooms_in(imported(path))}

    assert sorted(arrows()) == sorted(allowed | used)


def arrows() -> Iterator[tuple[str, str]]:
    picture = re.findall(r"```mermaid\n(.+?)```", PAGE, re.DOTALL)[0]
    for room, others in re.findall(r"^ +(\w+) --> ([\w &]+)$", picture, re.MULTILINE):
        yield from ((room, other) for other in others.split(" & "))


def test_every_handler_stands_on_the_page_with_what_it_calls_and_no_other() -> None:
    documented = re.findall(r"^\| `(\w+)` \| `(\w+\.\w+)` \|", PAGE, re.MULTILINE)

    assert sorted(documented) == sorted((name, call_in(path)) for name, path in HANDLERS.items())


def call_in(handler: Path) -> str:
    return str(re.findall(r"deployed\(\)\.(\w+\.\w+)\(", handler.read_text(encoding="utf-8"))[0])


def test_every_folder_of_the_tests_stands_on_the_page() -> None:
    folders = {path.name for path in (ROOT / "tests").iterdir() if path.is_dir() and any(path.glob("*.py"))}

    assert set(re.findall(r"^\| `tests/(\w+)` \|", PAGE, re.MULTILINE)) == folders
