"""Modules point inward, as docs/architecture.md says."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PRODUCT = ROOT / "layers" / "shared" / "hubspot_oauth"
MODULES = sorted(path.stem for path in PRODUCT.glob("*.py") if path.stem != "__init__")
#: Who may import whom: a module's own layer and those below it.
LAYERS = [
    {"bootstrap_install"},
    {"bootstrap", "browser"},
    {"web", "pages", "vending", "directory"},
    {"start", "callback", "disconnect", "tokens", "worker", "dispatch", "links", "listing"},
    {"refresh", "grants", "arrivals"},
    {"keeping"},
    {
        "observe",
        "aws",
        "hubspot",
        "transport",
        "accounts",
        "attempts",
        "breaker",
        "vault",
        "credentials",
        "rescue",
        "rows",
    },
    {"config", "models", "lifetimes", "state", "urls", "refusals", "errors"},
]


def imported(path: Path) -> set[str]:
    return imported_by(ast.parse(path.read_text()))


def imported_by(tree: ast.Module) -> set[str]:
    names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    froms = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    names |= {str(node.module) for node in froms}
    return names | {f"{node.module}.{alias.name}" for node in froms for alias in node.names}


def imported_at_once(path: Path) -> set[str]:
    """Without what only the type checker imports."""
    tree = ast.parse(path.read_text())
    kept: list[ast.stmt] = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    return imported_by(ast.Module(kept, []))


def test_every_module_has_a_layer() -> None:
    assert sorted(name for layer in LAYERS for name in layer) == MODULES


@pytest.mark.parametrize("module", MODULES)
def test_a_module_imports_nothing_above_it(module: str) -> None:
    place = next(number for number, layer in enumerate(LAYERS) if module in layer)
    above = {f"hubspot_oauth.{name}" for layer in LAYERS[:place] for name in layer}

    assert imported(PRODUCT / f"{module}.py") & above == set()


@pytest.mark.parametrize("module", MODULES)
def test_the_product_imports_no_tool_of_ours(module: str) -> None:
    roots = {name.partition(".")[0] for name in imported(PRODUCT / f"{module}.py")}

    assert roots & {"functions", "local", "ops", "tests"} == set()


@pytest.mark.parametrize(
    "function", ["token", "refresh_worker", "refresh_dispatcher", "rescue", "accounts", "disconnect"]
)
def test_what_nobody_sees_starts_without_pages_and_signed_states(function: str) -> None:
    reached: set[str] = set()
    waiting = imported_at_once(ROOT / "functions" / function / "app.py")
    while new := waiting - reached:
        reached |= new
        modules = [name.removeprefix("hubspot_oauth.") for name in new]
        waiting = set().union(*(imported_at_once(PRODUCT / f"{name}.py") for name in modules if name in MODULES))

    assert {name.partition(".")[0] for name in reached} & {"jinja2", "markupsafe", "itsdangerous"} == set()


@pytest.mark.parametrize("path", sorted((ROOT / "local").rglob("*.py")), ids=lambda path: path.stem)
def test_the_simulator_and_the_twin_never_import_the_product(path: Path) -> None:
    roots = {name.partition(".")[0] for name in imported(path)}

    assert "hubspot_oauth" not in roots
