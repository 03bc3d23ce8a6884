"""The world as a value: one account's row, HubSpot, the rescue queue, those who act, and what may still go wrong.

``moves`` is everything that can happen next. Nothing in here knows the protocol; what must never happen is in laws.py.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

from hubspot_oauth.domain.call_timeouts import RESCUE_RETENTION_SECONDS
from tests.model.actors import Actor, Dead, Heard, Issued, Kind, Lost, Refused, Reply, Step, Told
from tests.model.table import Request, Row, Table

SKEWS = (0, -2, 2)  # seconds by which the clocks of those who start are off, in turn; the first is the first install
FOURTEEN_DAYS = RESCUE_RETENTION_SECONDS + 1  # past what the rescue queue keeps, and past every function's time-out


@dataclass(frozen=True, slots=True)
class Grant:
    """HubSpot's side of one install: the only refresh token that works is the one of ``generation``."""

    install_id: str
    generation: int = 0
    alive: bool = True

    @property
    def token(self) -> str:
        return f"{self.install_id}.{self.generation}"


@dataclass(frozen=True, slots=True)
class Left:
    """What may still happen, at any moment.

    ``starts`` are the actors to come, in any order, each with what it is given; ``pauses`` the seconds that pass at
    once, in this order. The rest are numbers of: processes that die, writes and messages that AWS refuses, writes of
    which the answer is lost so that the SDK tries again, answers of HubSpot's that are lost, uninstalls at HubSpot,
    times in which HubSpot refuses every token, and refreshes of another account.
    """

    starts: tuple[tuple[Kind, Any], ...] = ()
    pauses: tuple[int, ...] = ()
    crashes: int = 0
    refusals: int = 0
    repeats: int = 0
    lost_answers: int = 0
    uninstalls: int = 0
    hiccups: int = 0
    proofs: int = 0


@dataclass(frozen=True, slots=True)
class Message:
    """A message of the rescue queue; it may come twice."""

    body: str
    delivered: bool = False


@dataclass(frozen=True, slots=True)
class World:
    """Everything there is.

    ``excused``: a rotated refresh token was lost within the stated limits. ``hiccup``: HubSpot refuses every token now.
    ``erred``: it has done so before. ``refused_at``: when it first refused this account since it last gave tokens.
    ``proved_at``: when it last gave tokens to another account. ``crowd``: many other accounts are refused as well.
    """

    row: Row
    now: int
    left: Left
    rotation: bool = True
    grants: tuple[Grant, ...] = ()
    serial: int = 0
    actors: tuple[Actor, ...] = ()
    queue: tuple[Message, ...] = ()
    started: int = 0
    excused: bool = False
    hiccup: bool = False
    erred: bool = False
    refused_at: int | None = None
    proved_at: int = 0
    crowd: bool = False
    hashed: int = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        here = (self.row, self.now, self.left, self.grants, self.serial, self.actors, self.queue, self.started)
        others = (self.hiccup, self.erred, self.refused_at, self.proved_at, self.crowd)
        object.__setattr__(self, "hashed", hash((*here, self.rotation, self.excused, *others)))

    def __hash__(self) -> int:
        return self.hashed


@dataclass(frozen=True, slots=True)
class Move:
    """What happened, in words; the actor and its request, if an actor did it; and the world afterwards."""

    label: str
    after: World
    actor: Actor | None = None
    request: Request | None = None
    invalid: bool = False


def moves(world: World, table: Table) -> Iterator[Move]:
    """Everything that can happen next."""
    for actor in world.actors:
        step = actor.next()
        assert step
        yield from _steps(world, actor, step, table)
        if world.left.crashes and actor.kind != "rescue":  # SQS brings a message of a crashed consumer again
            after = _without(world, actor, spent="crashes")
            yield Move(f"{actor.name} crashes before {step.what}", after)
    yield from _starts(world)
    yield from _deliveries(world)
    yield from _time(world)
    if world.left.uninstalls:
        dead = tuple(replace(grant, alive=False) for grant in world.grants)
        yield Move("the app is uninstalled at HubSpot", _spend(replace(world, grants=dead), "uninstalls"))
    if world.left.hiccups and not world.hiccup:
        yield Move("HubSpot refuses every token", _spend(replace(world, hiccup=True, erred=True), "hiccups"))
    if world.hiccup:
        yield Move("HubSpot knows its tokens again", replace(world, hiccup=False))
    elif world.left.proofs:
        yield Move("another account is refreshed", _spend(replace(world, proved_at=world.now), "proofs"))


def quiet(world: World) -> bool:
    """Whether no actor is at work and every message has arrived."""
    return not world.actors and all(message.delivered for message in world.queue)


def _steps(world: World, actor: Actor, step: Step, table: Table) -> Iterator[Move]:
    if step.what == "table":
        yield from _table(world, actor, step.content, table)
    elif step.what == "prepare":
        yield Move(f"{actor.name} has a data key", _heard(world, actor, None))
    elif step.what == "hubspot":
        yield from _refreshes(world, actor, step.content)
    elif step.what == "breaker":
        yield Move(f"{actor.name} tells the breaker", _heard(world, actor, Told(world.proved_at, world.crowd)))
    elif step.what == "exchange":
        grant = Grant(actor.name)
        after = replace(world, grants=(*world.grants, grant), serial=world.serial + 1)
        yield Move(f"{actor.name} exchanges its code", _heard(after, actor, Issued(grant.token, after.serial)))
    elif step.what == "revoke":
        after = _with_grant(world, step.content, alive=False)
        yield Move(f"{actor.name} revokes", _heard(after, actor, None))
    elif step.what == "queue":
        after = replace(world, queue=(*world.queue, Message(step.content)))
        yield Move(f"{actor.name} queues a rescue", _heard(after, actor, None))
        if world.left.refusals:
            yield Move("SQS refuses", _heard(_spend(world, "refusals"), actor, Refused()))


def _table(world: World, actor: Actor, request: Request, table: Table) -> Iterator[Move]:
    row, answer = table.apply(world.row, request)
    after = _heard(replace(world, row=row), actor, answer)
    label = f"{actor.name}: {_words(request)} {answer.error or 'succeeds'}"
    yield Move(label, after, actor, request, invalid=answer.error == "ValidationException")
    if world.left.repeats and row != world.row:
        again, second = table.apply(row, request)
        after = _heard(_spend(replace(world, row=again), "repeats"), actor, second)
        label = f"{actor.name}: {_words(request)} succeeds, its answer is lost, and the SDK tries again"
        yield Move(label, after, actor, request)
    if world.left.refusals and _holds_unsaved(actor):
        yield Move(f"DynamoDB refuses {actor.name}", _heard(_spend(world, "refusals"), actor, Refused()))


def _refreshes(world: World, actor: Actor, token: str) -> Iterator[Move]:
    grant = next((g for g in world.grants if g.token == token and g.alive), None)
    if grant is None or world.hiccup:
        refused = replace(world, refused_at=world.now if world.refused_at is None else world.refused_at)
        yield Move(f"HubSpot refuses {actor.name}'s {token}", _heard(refused, actor, Dead()), actor)
        return
    worked = replace(_with_grant(world, token, rotate=world.rotation), serial=world.serial + 1, refused_at=None)
    issued = Issued(f"{grant.install_id}.{grant.generation + world.rotation}", worked.serial)
    yield Move(f"HubSpot gives {actor.name} {issued.refresh_token}", _heard(worked, actor, issued), actor)
    if world.left.lost_answers:
        lost = replace(_spend(worked, "lost_answers"), excused=world.excused or world.rotation)
        yield Move(f"HubSpot's answer to {actor.name} is lost", _heard(lost, actor, Lost()), actor)


def _starts(world: World) -> Iterator[Move]:
    for place, (kind, given) in enumerate(world.left.starts):
        if (kind, given) in world.left.starts[:place]:
            continue  # its like has been tried already
        name = f"{kind} {world.started}"
        skew = SKEWS[world.started % len(SKEWS)]
        starts = (*world.left.starts[:place], *world.left.starts[place + 1 :])
        after = replace(world, left=replace(world.left, starts=starts), started=world.started + 1)
        yield Move(f"{name} starts", _joined(after, Actor(name, kind, world.now, skew, given)))


def _deliveries(world: World) -> Iterator[Move]:
    for place, message in enumerate(world.queue):
        rest = (*world.queue[:place], *world.queue[place + 1 :])
        queue = rest if message.delivered else (*rest, replace(message, delivered=True))
        name = f"rescue {world.started}"
        after = replace(world, queue=queue, started=world.started + 1)
        yield Move(f"{name} comes", _joined(after, Actor(name, "rescue", world.now, given=message.body)))


def _time(world: World) -> Iterator[Move]:
    if not world.left.pauses:
        return
    seconds, *rest = world.left.pauses
    after = replace(world, now=world.now + seconds, left=replace(world.left, pauses=tuple(rest)))
    if seconds >= FOURTEEN_DAYS:  # every function has timed out, and the queue has dropped what it held
        lost = world.rotation and any(_holds_unsaved(actor) for actor in world.actors)
        lost = lost or any(not m.delivered for m in world.queue) or any(a.kind == "rescue" for a in world.actors)
        after = replace(after, actors=(), queue=(), excused=world.excused or lost)
    yield Move(f"{seconds} s pass", after)


def _holds_unsaved(actor: Actor) -> bool:
    """Whether HubSpot's answer is in this actor's hands alone."""
    return actor.kind in ("schedule", "reader") and any(isinstance(heard.reply, Issued) for heard in actor.history)


def _heard(world: World, actor: Actor, reply: Reply) -> World:
    """The actor has its reply; it leaves when there is nothing more for it to do."""
    wiser = replace(actor, history=(*actor.history, Heard(reply, world.now)))
    others = tuple(other for other in world.actors if other is not actor)
    return _joined(replace(world, actors=others), wiser)


def _joined(world: World, actor: Actor) -> World:
    if actor.next() is None:
        return world
    return replace(world, actors=tuple(sorted((*world.actors, _one(actor)), key=lambda each: each.name)))


@cache
def _one(actor: Actor) -> Actor:
    """The one object for all equal actors, so that comparing worlds is quick."""
    return actor


def _without(world: World, actor: Actor, *, spent: str) -> World:
    others = tuple(other for other in world.actors if other is not actor)
    lost = world.rotation and _holds_unsaved(actor)
    return _spend(replace(world, actors=others, excused=world.excused or lost), spent)


def _spend(world: World, name: str) -> World:
    fewer: dict[str, Any] = {name: getattr(world.left, name) - 1}
    return replace(world, left=replace(world.left, **fewer))


def _with_grant(world: World, token: str, *, alive: bool = True, rotate: bool = False) -> World:
    grants = tuple(
        replace(grant, alive=alive and grant.alive, generation=grant.generation + rotate)
        if grant.token == token
        else grant
        for grant in world.grants
    )
    return replace(world, grants=grants)


def _words(request: Request) -> str:
    return (
        f"{request.operation} [{request.change[:40]}… if {request.condition}]" if request.change else request.operation
    )
