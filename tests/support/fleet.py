"""A whole fleet of accounts and the containers that refresh it, minute by minute on the test's clock."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from itertools import cycle, islice
from typing import Any

from hubspot_oauth.adapters.dynamodb import plain, typed
from hubspot_oauth.domain.account import GrantKey, Status
from hubspot_oauth.domain.tokens import Tokens
from simulator import Running
from simulator.control import mint
from tests.support.simulated_hubspot import token_calls
from tests.support.stack import Clock, Stack, a_minute

CONTAINERS = 5
TICK = 60


@dataclass
class Fleet:
    """Accounts that are all due, and the containers that refresh them: one dispatcher, five workers."""

    containers: list[Stack]
    hubspot: Running
    clock: Clock
    hub_ids: range
    turns: Iterator[Stack] = field(init=False)

    def __post_init__(self) -> None:
        self.turns = cycle(self.containers)

    @property
    def one(self) -> Stack:
        return self.containers[0]

    def tick(self) -> int:
        """A minute passes and its work is done; how many calls reached HubSpot."""
        self.clock.forward(TICK)
        before = token_calls(self.hubspot.simulator, "refresh_token")
        self.one.dispatcher.tick(a_minute)
        self.clock.forward(1)
        for body in self.one.messages(self.one.settings.refresh_queue_url):
            next(self.turns).worker.run([body], a_minute)
        return token_calls(self.hubspot.simulator, "refresh_token") - before

    def reported(self, name: str) -> float:
        return sum(container.reports.total(name) for container in self.containers)

    def rows(self) -> list[dict[str, Any]]:
        pages = self.one.dynamodb.get_paginator("scan").paginate(TableName=self.one.settings.accounts_table)
        return [plain(item) for page in pages for item in page["Items"]]

    def marked(self) -> int:
        return sum(row["status"] == Status.NEEDS_REINSTALL for row in self.rows())

    def all_fresh(self) -> bool:
        now = self.clock()
        return all(row["status"] == Status.ACTIVE and row["refresh_at"] > now for row in self.rows())


def minted(hubspot: Running, first_hub_id: int, count: int) -> dict[int, Tokens]:
    """Accounts that have installed the app, by hub_id."""
    grants = mint(hubspot.simulator, {"first_hub_id": first_hub_id, "count": count})
    return {grant["hub_id"]: Tokens(grant["access_token"], grant["refresh_token"]) for grant in grants}


def stock(stack: Stack, tokens: Mapping[int, Tokens]) -> None:
    """A row for each account, like the one that an install makes."""
    first, *others = tokens
    dynamodb: Any = stack.dynamodb
    install_id = stack.store(first, tokens[first])
    table = stack.settings.accounts_table
    row = plain(dynamodb.get_item(TableName=table, Key=typed(asdict(GrantKey.of_account(first))))["Item"])
    waiting = iter(others)
    while batch := list(islice(waiting, 25)):  # as many as one call takes
        puts = [
            {
                "PutRequest": {
                    "Item": typed(
                        row
                        | {
                            "hub_id": hub_id,
                            "refresh_shard": hub_id % 8,
                            "sealed": stack.vault.sealer().seal(
                                tokens[hub_id], GrantKey.of_account(hub_id), install_id
                            ),
                        }
                    )
                }
            }
            for hub_id in batch
        ]
        dynamodb.batch_write_item(RequestItems={table: puts})
