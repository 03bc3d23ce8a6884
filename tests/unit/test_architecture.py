"""Modules point inward, as docs/architecture.md says."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PRODUCT = ROOT / "layers" / "shared" / "hubspot_oauth"
MODULES = sorted(path.stem for path in PRODUCT.glob("*.py") if path.stem != "__init__")
#: Who may import whom: a module's own layer and those below it.
LAYERS = [
    {"bootstrap"},
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
    tree = ast.parse(path.read_text())
    names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    froms = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    names |= {str(node.module) for node in froms}
    return names | {f"{node.module}.{alias.name}" for node in froms for alias in node.names}


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


@pytest.mark.parametrize("path", sorted((ROOT / "local").rglob("*.py")), ids=lambda path: path.stem)
def test_the_simulator_and_the_twin_never_import_the_product(path: Path) -> None:
    roots = {name.partition(".")[0] for name in imported(path)}

    assert "hubspot_oauth" not in roots
