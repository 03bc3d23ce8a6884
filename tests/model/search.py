"""The search: every world that can be reached, breadth first, until a law is broken."""

from collections import deque
from dataclasses import dataclass, field

from tests.model.laws import broken
from tests.model.table import Table
from tests.model.world import World, moves


@dataclass
class Found:
    """What a search came to: how many worlds and moves there are, and the shortest way to a broken law."""

    worlds: int = 0
    moves: int = 0
    law: str | None = None
    way: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        steps = "\n".join(f"  {number}. {label}" for number, label in enumerate(self.way, 1))
        return f"{self.law}\n{steps}" if self.law else f"{self.worlds} worlds, {self.moves} moves"


def explore(start: World, table: Table, most: int = 2_000_000, *, look_at: int | None = None) -> Found:
    """Everything reachable from ``start``; ends at the first broken law, or once it has looked at so many worlds.

    Raises:
        AssertionError: There are more than ``most`` worlds, so that nothing would be proved.
    """
    came_from: dict[World, tuple[World, str] | None] = {start: None}
    waiting = deque([start])
    found = Found()
    while waiting:
        world = waiting.popleft()
        if look_at is not None and len(came_from) > look_at:
            break
        for move in moves(world, table):
            found.moves += 1
            for law in broken(world, move):
                found.worlds, found.law = len(came_from), law
                found.way = [*_way(came_from, world), move.label]
                return found
            if move.after not in came_from:
                came_from[move.after] = (world, move.label)
                waiting.append(move.after)
        assert len(came_from) <= most, "the search has no end in sight"
    found.worlds = len(came_from)
    return found


def _way(came_from: dict[World, tuple[World, str] | None], world: World) -> list[str]:
    labels = []
    while step := came_from[world]:
        world, label = step
        labels.append(label)
    return labels[::-1]
