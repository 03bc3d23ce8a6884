"""The matrix as it came out, for the end of the test run."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from tests.faults.tables import STEPS

LEGEND = (
    "fresh: the try came through · due: nothing lost, a later try did · dead: rightly marked · late: marked when no"
    " answer can still be on its way · LOSTn: stated limit n of docs/architecture.md"
)


@dataclass
class Matrix:
    """Cells by table, row and column; a cell has a side for each variant that was run."""

    cells: dict[str, dict[str, dict[str, dict[str, str]]]] = field(default_factory=dict)

    def put(self, table: str, row: str, column: str, side: str, came_out: str) -> None:
        rows = self.cells.setdefault(table, {})
        rows.setdefault(row, {}).setdefault(column, {})[side] = came_out

    def lines(self) -> Iterator[str]:
        """Tables with one column are printed several rows to a line."""
        yield LEGEND
        for table, rows in self.cells.items():
            yield ""
            columns = list(dict.fromkeys(column for row in rows.values() for column in row))
            if set(columns) <= set(STEPS):
                yield from _wide(table, rows, sorted(columns, key=STEPS.index))
            else:
                yield from _narrow(table, rows, columns)


def _cell(row: dict[str, dict[str, str]], column: str) -> str:
    sides = list(row.get(column, {"": "-"}).values())
    return sides[0] if len(set(sides)) == 1 else "/".join(sides)


def _wide(table: str, rows: dict[str, dict[str, dict[str, str]]], columns: list[str]) -> Iterator[str]:
    yield f"{table:<26}" + "".join(f"{column:<11}" for column in columns).rstrip()
    for name, row in rows.items():
        yield f"{name:<26}" + "".join(f"{_cell(row, column):<11}" for column in columns).rstrip()


def _narrow(table: str, rows: dict[str, dict[str, dict[str, str]]], columns: list[str]) -> Iterator[str]:
    yield table
    entries = [f"{name:<38}" + "".join(f"{_cell(row, column):<12}" for column in columns) for name, row in rows.items()]
    height = -(-len(entries) // 3)
    for line in range(height):
        yield "".join(entries[line::height]).rstrip()


MATRIX = pytest.StashKey[Matrix]()
