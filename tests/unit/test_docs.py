"""Docs that cannot rot: what the code can say, the docs explain."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from hubspot_oauth.adapters.telemetry import UNITS
from hubspot_oauth.domain.api_errors import Problem
from hubspot_oauth.install.refusal_texts import ALL
from ops.template import load_template

ROOT = Path(__file__).parents[2]
PRODUCT = ROOT / "layers" / "shared" / "hubspot_oauth"
#: The kinds of RefreshFailed; test_verdict.py sees each of the verdicts'.
KINDS = (
    "TryLater",
    "Misconfigured",
    "GrantRefused",
    "GrantDead",
    "DeathUnproven",
    "DeathSuspended",
    "NoDataKey",
    "Crashed",
)


def test_every_refusal_is_documented_with_its_words_and_no_other() -> None:
    lines = (ROOT / "docs" / "refusals.md").read_text(encoding="utf-8").splitlines()

    said = [f"| `{one.code}` | {one.status} | {one.happened} | {one.advice} |" for one in ALL]
    assert [line for line in lines if line.startswith("| `")] == said


def test_every_code_of_the_api_is_documented_with_its_status_and_no_other() -> None:
    documented = re.findall(r"^\| `([a-z_]+)` \| ([0-9]+)", (ROOT / "docs" / "api.md").read_text(), re.MULTILINE)
    said = {(problem.code, str(problem.status)) for problem in descendants(Problem) if hasattr(problem, "code")}

    assert sorted(documented) == sorted(said)


def descendants(kind: type[Problem]) -> Iterator[type[Problem]]:
    for child in kind.__subclasses__():
        yield child
        yield from descendants(child)


def test_every_metric_is_documented_and_no_other() -> None:
    documented = re.findall(
        r"^\| `([A-Z][A-Za-z]+)(?<!Alarm)` \|", (ROOT / "docs" / "operations.md").read_text(), re.MULTILINE
    )

    assert sorted(documented) == sorted(UNITS)


def test_every_alarm_but_those_on_errors_says_what_to_do_and_no_other() -> None:
    alarms = {name for name, r in load_template()["Resources"].items() if r["Type"] == "AWS::CloudWatch::Alarm"}
    documented = re.findall(r"^\| `([A-Za-z]+Alarm)` \|", (ROOT / "docs" / "operations.md").read_text(), re.MULTILINE)

    assert sorted(documented) == sorted(name for name in alarms if not name.endswith("ErrorsAlarm"))


def test_the_readme_fits_on_a_hundred_lines() -> None:
    assert len((ROOT / "README.md").read_text().splitlines()) <= 100


@pytest.mark.parametrize(
    "page", [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))], ids=lambda page: page.name
)
def test_every_link_to_a_file_leads_somewhere(page: Path) -> None:
    links = re.findall(r"\]\((?!https?:|#|mailto:)([^)#]+)", page.read_text())

    assert [link for link in links if not (page.parent / link).exists()] == []


def metric_names_used() -> set[str]:
    """The names that the product hands to ``report``."""
    trees = [ast.parse(path.read_text()) for path in PRODUCT.rglob("*.py")]
    calls = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Call)]
    reports = [call for call in calls if ast.unparse(call.func).endswith("report")]
    return {str(call.args[0].value) for call in reports if call.args and isinstance(call.args[0], ast.Constant)}


def test_every_metric_is_reported_somewhere_and_no_unknown_one() -> None:
    assert metric_names_used() == set(UNITS)


def test_every_kind_of_failed_refresh_is_documented_and_no_other() -> None:
    source = "".join((PRODUCT / "refresh" / f"{name}.py").read_text() for name in ("verdict", "refresher", "worker"))
    kinds = {kind for kind in KINDS if f'"{kind}"' in source}
    line = next(
        line for line in (ROOT / "docs" / "operations.md").read_text().splitlines() if "`RefreshFailed`" in line
    )

    assert kinds == set(KINDS)
    assert set(re.findall(r"`([A-Z][A-Za-z]+)`", line)) == {"RefreshFailed", *KINDS}
