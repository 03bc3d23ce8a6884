"""docs/security.md: complete, and every test it names exists."""

import ast
import re
from pathlib import Path

import pytest

from tests.support.mutations import MUTATIONS

TESTS = Path(__file__).parents[1]
TEXT = (TESTS.parent / "docs" / "security.md").read_text(encoding="utf-8")
NAMED = re.compile(r"`((?:unit|integration|e2e)/test_\w+\.py)::(\w+)`")
RFC_9700 = {f"4.{number}" for number in range(1, 18)} | {
    "2.1",
    "2.1.1",
    "2.1.2",
    "2.2.1",
    "2.2.2",
    "2.3",
    "2.4",
    "2.5",
    "2.6",
}
OWASP = {str(number) for number in range(1, 20)}


def rows(heading: str) -> list[list[str]]:
    """The cells of the table under a heading."""
    section = TEXT.split(f"## {heading}", 1)[1].split("\n## ", 1)[0]
    lines = [line for line in section.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines[1:]]


def numbers(heading: str) -> set[str]:
    return {number for row in rows(heading) for number in re.sub(r" [^\d].*", "", row[0]).split(", ")}


@pytest.mark.parametrize(("file", "name"), sorted(set(NAMED.findall(TEXT))))
def test_a_test_that_is_named_exists(file: str, name: str) -> None:
    tree = ast.parse((TESTS / file).read_text(encoding="utf-8"))

    assert name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_every_mutation_stands_on_the_page_with_the_test_it_dies_by() -> None:
    assert rows("Mutations") == [[mutation.what, f"`{mutation.test}`"] for mutation in MUTATIONS]


def test_every_test_is_named_with_its_file() -> None:
    assert len(re.findall(r"\btest_\w+(?!\w|\.py)", TEXT)) == len(NAMED.findall(TEXT))


@pytest.mark.parametrize(("heading", "items"), [("RFC 9700", RFC_9700), ("OWASP", OWASP)])
def test_every_item_of_a_list_is_answered(heading: str, items: set[str]) -> None:
    assert numbers(heading) == items


@pytest.mark.parametrize("heading", ["RFC 9700", "OWASP"])
def test_an_item_is_met_with_a_test_or_does_not_apply_for_a_reason(heading: str) -> None:
    for item, verdict, reason, *tests in rows(heading):
        assert verdict in {"Met", "Partly met", "Does not apply"}, item
        assert reason, item
        assert verdict == "Does not apply" or NAMED.search("".join(tests)), item
        assert verdict != "Partly met" or "limit" in reason, item


def test_every_limit_that_is_referred_to_is_stated() -> None:
    stated = set(re.findall(r"^(\d+)\. \*\*", TEXT, re.MULTILINE))

    assert set(re.findall(r"[Ll]imit (\d+)", TEXT)) <= stated
