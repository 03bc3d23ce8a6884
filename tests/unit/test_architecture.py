"""The product's rooms import one another one way only, as docs/architecture.md draws it."""

import ast
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PRODUCT = ROOT / "layers" / "shared" / "hubspot_oauth"
#: Each room, and the rooms it may import beside itself. What is not listed here is refused.
MAY_IMPORT = {
    "product": {"api", "install", "refresh", "adapters", "domain"},
    "api": {"install", "refresh", "adapters", "domain"},
    "install": {"adapters", "domain"},
    "refresh": {"adapters", "domain"},
    "adapters": {"domain"},
    "domain": set(),
}
MODULES = sorted(path.relative_to(PRODUCT) for path in PRODUCT.rglob("*.py") if path != PRODUCT / "__init__.py")
#: The functions that hand out, list and refresh tokens, and so start without pages and signatures.
WITHOUT_PAGES = ("token", "refresh_worker", "refresh_dispatcher", "rescue", "accounts", "disconnect")


def imported_by(tree: ast.Module) -> set[str]:
    names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    froms = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    names |= {str(node.module) for node in froms}
    return names | {f"{node.module}.{alias.name}" for node in froms for alias in node.names}


def imported(path: Path) -> set[str]:
    return imported_by(ast.parse(path.read_text()))


def imported_at_once(path: Path) -> set[str]:
    """Without what only the type checker imports, and what a function imports when it is called."""
    tree = ast.parse(path.read_text())
    kept: list[ast.stmt] = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    return imported_by(ast.Module(kept, []))


def room_of(module: Path) -> str:
    return module.parts[0].removesuffix(".py")


def rooms_in(names: set[str]) -> set[str]:
    parts = [name.split(".") for name in names]
    return {part[1] for part in parts if part[0] == "hubspot_oauth" and len(part) > 1}


@pytest.mark.parametrize("module", MODULES, ids=str)
def test_a_room_imports_only_the_rooms_below_it(module: Path) -> None:
    room = room_of(module)

    assert rooms_in(imported(PRODUCT / module)) - {room} <= MAY_IMPORT[room]


def test_no_arrow_is_allowed_that_nothing_uses() -> None:
    used: dict[str, set[str]] = {room: set() for room in MAY_IMPORT}
    for module in MODULES:
        used[room_of(module)] |= rooms_in(imported(PRODUCT / module)) - {room_of(module)}

    assert used == MAY_IMPORT


def test_the_domain_needs_the_standard_library_alone() -> None:
    roots = {name.partition(".")[0] for path in (PRODUCT / "domain").glob("*.py") for name in imported(path)}

    assert roots - set(sys.stdlib_module_names) <= {"hubspot_oauth", "_typeshed"}


@pytest.mark.parametrize("module", MODULES, ids=str)
def test_the_product_imports_no_tool_of_ours(module: Path) -> None:
    roots = {name.partition(".")[0] for name in imported(PRODUCT / module)}

    assert roots & {"functions", "local", "ops", "simulator", "tests"} == set()


@pytest.mark.parametrize("function", WITHOUT_PAGES)
def test_what_hands_out_tokens_starts_without_pages_and_signed_states(function: str) -> None:
    reached: set[str] = set()
    waiting = imported_at_once(ROOT / "functions" / function / "app.py")
    while new := waiting - reached:
        reached |= new
        files = [path_of(name) for name in new]
        waiting = set().union(*(imported_at_once(path) for path in files if path))

    assert {name.partition(".")[0] for name in reached} & {"jinja2", "markupsafe", "itsdangerous"} == set()


def path_of(name: str) -> Path | None:
    parts = name.split(".")
    path = PRODUCT.joinpath(*parts[1:]).with_suffix(".py") if parts[0] == "hubspot_oauth" else None
    return path if path and path.exists() else None


@pytest.mark.parametrize("path", sorted((ROOT / "local").rglob("*.py")), ids=lambda path: path.stem)
def test_the_simulator_and_the_twin_never_import_the_product(path: Path) -> None:
    roots = {name.partition(".")[0] for name in imported(path)}

    assert "hubspot_oauth" not in roots


def test_a_module_name_means_one_thing_in_all_rooms() -> None:
    rooms = [PRODUCT, ROOT / "simulator", ROOT / "local", ROOT / "ops"]
    names = [path.stem for room in rooms for path in room.rglob("*.py") if not path.stem.startswith("__")]

    assert sorted(names) == sorted(set(names))
