"""What must never happen, stated without knowing the conditions that prevent it."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from boto3.dynamodb.types import TypeDeserializer

from hubspot_oauth.domain.call_timeouts import AWS_CALL_SECONDS, HUBSPOT_SECONDS, PREPARE_SECONDS
from tests.model.actors import Actor, Heard, opened
from tests.model.table import Answer, Row
from tests.model.world import Move, World, quiet

#: Seconds that a lease owner may work, from the moment it asked for its lease.
AT_WORK_SECONDS = PREPARE_SECONDS + HUBSPOT_SECONDS + AWS_CALL_SECONDS
A_MINUTE_SECONDS = 60 - 4  # two clocks that differ
AN_HOUR_SECONDS = 3600
#: Those who may make a row, or bring one back.
INSTALLS = ("install", "adopt")
_deserializer = TypeDeserializer()


@dataclass(frozen=True)
class Seen:
    """A row with its attributes parsed."""

    install_id: str
    version: int
    status: str
    serial: int
    refresh_token: str
    exchanged_at_ms: int
    reference: str | None
    refresh_at: int | None
    lease_owner: str | None


@cache
def read(row: Row) -> Seen | None:
    if row is None:
        return None
    plain = json.loads(row, object_hook=lambda found: found["bytes"].encode() if set(found) == {"bytes"} else found)
    item: dict[str, Any] = {name: _deserializer.deserialize(value) for name, value in plain.items()}
    serial, refresh_token = opened(bytes(item["sealed"])) if "sealed" in item else (0, "")
    return Seen(
        item.get("install_id", ""),
        int(item.get("version", 0)),
        item.get("status", ""),
        serial,
        refresh_token,
        int(item.get("exchanged_at_ms", 0)),
        item.get("client_reference_id"),
        int(item["refresh_at"]) if "refresh_at" in item else None,
        item.get("lease_owner"),
    )


def broken(before: World, move: Move) -> Iterator[str]:
    """The laws that this move breaks."""
    if move.invalid:
        yield "DynamoDB calls a write invalid"
    if before.row != move.after.row and move.actor:
        yield from _written(before, move, move.actor)
    if move.actor and any(move.actor.history) and _asked_hubspot(move):
        yield from _asked(move.actor)
    if quiet(move.after):
        yield from _at_rest(move.after)


def _written(before: World, move: Move, actor: Actor) -> Iterator[str]:
    old, new = read(before.row), read(move.after.row)
    installs = actor.kind in INSTALLS
    if old is None:
        if not installs or not new or not new.install_id:
            yield "a removed account comes back"
        return
    if new is None:
        if actor.kind != "disconnect" or old.status != "disconnecting":
            yield "an account is removed that is not being disconnected, or that was installed anew"
        return
    yield from _moved(old, new, actor)
    if new.status == "needs_reinstall" != old.status:
        yield from _marked(before, new)
    if new.status == "needs_reinstall" and new.refresh_at is None and before.erred and _lives(before, new):
        yield "a live grant is marked for good, though HubSpot was only wrong for a while"
    if actor.kind == "recheck" and (old.status != "needs_reinstall" or old.refresh_at is None):
        yield "an account is rechecked that is not marked, or that is marked for good"
    if new.lease_owner == actor.name != old.lease_owner:
        yield from _leased(before, old, actor)
    if old.lease_owner not in (None, actor.name) and new.lease_owner is None and _same(old, new):
        yield "a lease is ended by another than its owner"


def _marked(world: World, row: Seen) -> Iterator[str]:
    if not world.excused and not world.erred and _lives(world, row):
        yield "an account is marked dead whose new token is still on its way"
    if world.refused_at is None or world.now - world.refused_at < A_MINUTE_SECONDS:
        yield "an account is marked dead that HubSpot has not refused for a minute"
    elif world.crowd and world.proved_at <= world.refused_at and world.now - world.refused_at < AN_HOUR_SECONDS:
        yield "an account is marked dead while many are refused and none is refreshed"


def _moved(old: Seen, new: Seen, actor: Actor) -> Iterator[str]:
    installs, adopts = actor.kind in INSTALLS, actor.kind == "adopt"
    if adopts and old.install_id != new.install_id and old.status != "needs_reinstall":
        yield "an adopted grant is written over one that may live"
    if old.status == "disconnecting" != new.status and not installs:
        yield "an account that is being disconnected is brought back"
    if old.install_id == new.install_id and new.serial < old.serial:
        yield "an older token is written over a newer one"
    overtaken = new.exchanged_at_ms < old.exchanged_at_ms and not adopts
    if old.install_id != new.install_id and (not installs or overtaken):
        yield "an earlier install is written over a later one"
    if old.reference not in (None, new.reference):
        yield "an account linked to one customer is given to another"


def _leased(before: World, old: Seen, actor: Actor) -> Iterator[str]:
    if old.status == "disconnecting" or (actor.kind == "reader" and old.status != "active"):
        yield f"an account is refreshed that is {old.status}"
    if actor.kind == "schedule" and (old.refresh_at is None or old.refresh_at > before.now + actor.skew):
        yield "the schedule refreshes what is not due"
    if actor.kind == "reader" and (old.install_id, old.version) != _row_seen(actor):
        yield "a reader refreshes another version than it saw"
    for other in before.actors:
        same = other is not actor and _leased_version(other) == (old.install_id, old.version)
        if same and before.now < _asked_lease_at(other) + AT_WORK_SECONDS:
            yield "two lease owners at work at once"


def _asked(actor: Actor) -> Iterator[str]:
    if actor.history[-1].now - _asked_lease_at(actor) > PREPARE_SECONDS:
        yield "HubSpot is called with a lease that may end before the answer is stored"


def _at_rest(world: World) -> Iterator[str]:
    row = read(world.row)
    if row is None or row.status == "disconnecting" or world.excused:
        return
    if not _lives(world, row):
        return
    if row.refresh_token not in {grant.token for grant in world.grants}:
        yield "a grant is lost: its refresh token is nowhere"
    elif row.refresh_at is None:
        yield "a live grant is never refreshed again"


def _lives(world: World, row: Seen) -> bool:
    """Whether HubSpot still has the grant of this row's install, whichever refresh token that may have by now."""
    return any(grant.alive for grant in world.grants if grant.install_id == row.install_id)


def _same(old: Seen, new: Seen) -> bool:
    return (old.install_id, old.version) == (new.install_id, new.version)


def _asked_hubspot(move: Move) -> bool:
    """Whether the move is an answer of HubSpot's to a refresh."""
    return move.request is None


def _asked_lease_at(actor: Actor) -> int:
    return actor.history[0].now if actor.kind == "reader" else actor.started


@cache
def _row_seen(actor: Actor) -> tuple[str, int] | None:
    return _version_in(actor.history[0], "Item") if actor.history else None


@cache
def _leased_version(actor: Actor) -> tuple[str, int] | None:
    """The install and version of the row it holds a lease of, or held one of."""
    if actor.kind not in ("schedule", "reader"):
        return None
    tries = actor.history[actor.kind == "reader" :]
    return next((found for heard in tries if (found := _version_in(heard, "Attributes"))), None)


def _version_in(heard: Heard, member: str) -> tuple[str, int] | None:
    if not isinstance(heard.reply, Answer) or heard.reply.error:
        return None
    item = json.loads(heard.reply.content).get(member)
    return (item["install_id"]["S"], int(item["version"]["N"])) if item else None
