"""The simulator stands on its own: a HubSpot developer can use it without the rest."""

import ast
import re
from pathlib import Path

import click
import pytest

from simulator.__main__ import main

ROOT = Path(__file__).parents[2]
SIMULATOR = ROOT / "simulator"
MODULES = sorted(SIMULATOR.rglob("*.py"))
OURS = {"functions", "hubspot_oauth", "hubspot_tokens", "layers", "local", "ops", "tests"}


def imported(path: Path) -> set[str]:
    nodes = list(ast.walk(ast.parse(path.read_text())))
    names = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    froms = [node for node in nodes if isinstance(node, ast.ImportFrom)]
    assert all(node.level == 0 for node in froms), "write imports in full"
    return names | {f"{node.module}.{alias.name}" for node in froms for alias in node.names}


def name(path: Path) -> str:
    return path.relative_to(SIMULATOR).as_posix()


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_the_simulator_imports_nothing_else_of_this_repository(path: Path) -> None:
    assert {module.partition(".")[0] for module in imported(path)} & OURS == set()


@pytest.mark.parametrize("path", sorted((SIMULATOR / "verification").glob("*.py")), ids=name)
def test_the_verification_knows_hubspot_only_by_http(path: Path) -> None:
    ours = {module for module in imported(path) if module.startswith("simulator.")}

    assert {module for module in ours if not module.startswith("simulator.verification")} == set()


@pytest.mark.parametrize("path", [p for p in MODULES if "verification" not in p.parts], ids=name)
def test_the_simulator_runs_without_the_verification(path: Path) -> None:
    assert not [module for module in imported(path) if module.startswith("simulator.verification")]


def test_the_readme_names_every_option() -> None:
    shown = [option for option in main.params if not (isinstance(option, click.Option) and option.hidden)]
    readme = (SIMULATOR / "README.md").read_text()

    assert [option.opts[0] for option in shown if f"`{option.opts[0]}`" not in readme] == []


def test_every_link_of_the_readme_leads_somewhere() -> None:
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)", (SIMULATOR / "README.md").read_text())

    assert [link for link in links if not (SIMULATOR / link).exists()] == []
