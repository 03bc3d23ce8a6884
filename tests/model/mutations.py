"""Each condition that the store puts on a write, taken out: one request's condition without one of its clauses."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

from tests.model.table import Request


@dataclass(frozen=True, slots=True)
class Mutation:
    """One clause of one condition of one kind of write."""

    condition: str
    change: str
    clause: str

    def __call__(self, request: Request) -> Request:
        """The request without the clause, and without values that only the clause named."""
        if (request.condition, request.change) != (self.condition, self.change):
            return request
        parameters = json.loads(request.parameters)
        kept = [clause for clause in clauses(self.condition) if clause != self.clause]
        parameters["ConditionExpression"] = " AND ".join(kept)
        if not kept:
            del parameters["ConditionExpression"], parameters["ReturnValuesOnConditionCheckFailure"]
        said = " ".join([*kept, self.change])
        values = parameters.get("ExpressionAttributeValues", {})
        values = {name: value for name, value in values.items() if re.search(rf"{name}\b", said)}
        parameters["ExpressionAttributeValues"] = values
        names = {name: value for name, value in parameters.get("ExpressionAttributeNames", {}).items() if name in said}
        parameters["ExpressionAttributeNames"] = names
        return Request.of(request.operation, {name: value for name, value in parameters.items() if value != {}})

    def __str__(self) -> str:
        return f"{self.change or 'delete'} if {self.condition}, without {self.clause}"


def mutations_of(requests: set[Request]) -> Iterator[Mutation]:
    """Every clause of every condition among these requests."""
    for condition, change in sorted({(r.condition, r.change) for r in requests if r.condition}):
        for clause in clauses(condition):
            yield Mutation(condition, change, clause)


def clauses(condition: str) -> list[str]:
    """The parts that AND joins on the outside."""
    parts = [""]
    depth = 0
    for word in condition.split(" "):
        if word == "AND" and depth == 0:
            parts.append("")
            continue
        depth += word.count("(") - word.count(")")
        parts[-1] = f"{parts[-1]} {word}".strip()
    return parts
