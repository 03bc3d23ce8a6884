"""Actors on one account, as pure functions of the answers they got so far.

The product's own code runs: AccountsTable, Refresher, RescuingStore. Each question to the outside world is answered
from the actor's history; the first question without an answer is the step that the actor takes next. So an actor can
be stopped before each step, put aside for as long as the search likes, and copied.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from types import SimpleNamespace
from typing import Any, Literal, cast

from botocore.exceptions import ClientError

from hubspot_oauth.adapters.accounts_table import AccountsTable, AlreadyLinked
from hubspot_oauth.adapters.client_secret import Secret
from hubspot_oauth.adapters.rescue_queue import from_message, to_message
from hubspot_oauth.domain.account import Account, Binding, GrantKey, NewInstall
from hubspot_oauth.domain.api_errors import TokensUnreadable
from hubspot_oauth.domain.errors import GrantDead, TryLater
from hubspot_oauth.domain.settings import Settings
from hubspot_oauth.domain.tokens import TokenAnswer, Tokens
from hubspot_oauth.product import Product
from hubspot_oauth.refresh.breaker_state import SUSPICIOUS_GRANTS, BreakerState
from tests.model.table import HUB_ID, Answer, ConditionFailed, Request
from tests.support.stack import ENVIRONMENT

LIFETIME = 1800
REMAINING = 60.0
KEY = GrantKey.of_account(HUB_ID)
SECRET = Secret("secret", "v1")
SETTINGS = Settings.from_env(ENVIRONMENT)
Kind = Literal["schedule", "reader", "install", "rescue", "disconnect", "recheck", "adopt"]


@dataclass(frozen=True, slots=True)
class Refused:
    """AWS did not take the call."""


@dataclass(frozen=True, slots=True)
class Lost:
    """HubSpot's answer never came."""


@dataclass(frozen=True, slots=True)
class Dead:
    """HubSpot says BAD_REFRESH_TOKEN."""


@dataclass(frozen=True, slots=True)
class Issued:
    """HubSpot's tokens; ``serial`` counts everything HubSpot ever issued."""

    refresh_token: str
    serial: int


@dataclass(frozen=True, slots=True)
class Told:
    """What the breaker says of the other accounts: when one was refreshed last, and whether many are refused."""

    proved_at: int
    crowd: bool


@dataclass(frozen=True, slots=True)
class Step:
    """What an actor does next: prepare, table, hubspot, breaker, exchange, revoke or queue."""

    what: str
    content: Any = None


Reply = Answer | Refused | Lost | Dead | Issued | Told | None


@dataclass(frozen=True, slots=True)
class Heard:
    """A reply, and the actor's own clock when it came."""

    reply: Reply
    now: int


@dataclass(frozen=True, slots=True)
class Actor:
    """One lease owner or another writer. ``given`` is its input, ``skew`` by how many seconds its clock is off."""

    name: str
    kind: Kind
    started: int
    skew: int = 0
    given: Any = None
    history: tuple[Heard, ...] = ()
    hashed: int = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        here = (self.name, self.kind, self.started, self.skew, self.given, self.history)
        object.__setattr__(self, "hashed", hash(here))

    def __hash__(self) -> int:
        return self.hashed

    def next(self) -> Step | None:
        """The step it takes next; None when it is through."""
        return _next(self)


class _Stopped(BaseException):
    """Not an Exception: no handler of the product may catch it."""

    def __init__(self, step: Step) -> None:
        self.step = step


class _World:
    """The world as one actor sees it: replies from its history, then a stop at the first question without one."""

    def __init__(self, actor: Actor) -> None:
        self._replies = iter(actor.history)
        self._now = actor.started
        self._skew = actor.skew

    def clock(self) -> float:
        return self._now + self._skew

    def monotonic(self) -> float:
        return self._now

    def ask(self, step: Step) -> Reply:
        heard = next(self._replies, None)
        if heard is None:
            raise _Stopped(step)
        self._now = heard.now
        if isinstance(heard.reply, Refused):
            raise ClientError({"Error": {"Code": "ProvisionedThroughputExceededException", "Message": ""}}, step.what)
        return heard.reply


class _Dynamo:
    """A DynamoDB client of which every call is a step."""

    exceptions = SimpleNamespace(ConditionalCheckFailedException=ConditionFailed)

    def __init__(self, world: _World) -> None:
        self._world = world

    def __getattr__(self, operation: str) -> Callable[..., dict[str, Any]]:
        def call(**parameters: Any) -> dict[str, Any]:
            reply = self._world.ask(Step("table", Request.of(operation, parameters)))
            assert isinstance(reply, Answer)
            return reply.deliver()

        return call


class _HubSpot:
    def __init__(self, world: _World) -> None:
        self._world = world

    def refresh(self, refresh_token: str, _secret: Secret, _hub_id: int, _in_time: Callable[[], bool]) -> TokenAnswer:
        reply = self._world.ask(Step("hubspot", refresh_token))
        if isinstance(reply, Dead):
            refusal = GrantDead("BAD_REFRESH_TOKEN", 400)
            refusal.secret_version = SECRET.version
            raise refusal
        if isinstance(reply, Lost):
            raise TryLater("timeout")
        assert isinstance(reply, Issued)
        return TokenAnswer(f"access {reply.serial}", reply.refresh_token, LIFETIME, HUB_ID)


class _Vault:
    """Seals in plain sight, and opens for the same install only, as the real vault does."""

    def __init__(self, world: _World) -> None:
        self._world = world

    def sealer(self) -> "_Vault":
        self._world.ask(Step("prepare"))
        return self

    def seal(self, tokens: Tokens, _key: GrantKey, install_id: str) -> bytes:
        return sealed(tokens, install_id)

    def unseal(self, account: Account) -> Tokens:
        sealed_for, access_token, refresh_token = account.sealed.decode().split("|")
        if sealed_for != account.install_id:
            raise TokensUnreadable("sealed for another install")
        return Tokens(access_token, refresh_token)


class _RescueQueue:
    def __init__(self, world: _World) -> None:
        self._world = world

    def put(self, renewal: Any) -> None:
        self._world.ask(Step("queue", to_message(renewal)))


class _Breaker:
    """Never open; it knows of the other accounts what the world says."""

    def __init__(self, world: _World) -> None:
        self._world = world

    def tell(self, *_: object) -> BreakerState:
        told = self._world.ask(Step("breaker"))
        assert isinstance(told, Told)
        refused = SUSPICIOUS_GRANTS if told.crowd else 0
        return BreakerState(proved_at=told.proved_at, proved_with=SECRET.version, refused=refused)

    def succeeded(self, *_: object) -> None:
        """The world knows."""


def sealed(tokens: Tokens, install_id: str) -> bytes:
    return f"{install_id}|{tokens.access_token}|{tokens.refresh_token}".encode()


def opened(blob: bytes) -> tuple[int, str]:
    """The serial and the refresh token of a sealed pair."""
    _, access_token, refresh_token = blob.decode().split("|")
    return int(access_token.removeprefix("access ")), refresh_token


@cache
def _next(actor: Actor) -> Step | None:
    world = _World(actor)
    try:
        _PLAYS[actor.kind](actor, world, _product(world))
    except _Stopped as stopped:
        return stopped.step
    except (ClientError, AlreadyLinked):
        return None  # its function has failed, or its install was refused
    return None


def _product(world: _World) -> Product:
    """The product, with everything outside it asked of this world."""
    product = Product(
        SETTINGS,
        clock=world.clock,
        monotonic=world.monotonic,
        sleep=lambda _: None,
        roll=lambda: 0.0,
        report=lambda *_, **__: None,
    )
    vars(product).update(
        accounts=AccountsTable(cast(Any, _Dynamo(world)), "model", shard=lambda: 0),
        vault=_Vault(world),
        hubspot=_HubSpot(world),
        client_secret=lambda: SECRET,
        breaker=_Breaker(world),
        rescue_queue=_RescueQueue(world),
    )
    return product


def _schedule(actor: Actor, world: _World, product: Product) -> None:
    at = world.monotonic()
    leased = product.accounts.lease_due(KEY, actor.name, int(world.clock()))
    if leased:
        product.refresher.refresh(leased, at, lambda: REMAINING)


def _reader(actor: Actor, world: _World, product: Product) -> None:
    seen = product.accounts.get(KEY)
    at = world.monotonic()
    leased = seen and product.accounts.lease_seen(seen, actor.name, int(world.clock()))
    if leased:
        product.refresher.refresh(leased, at, lambda: REMAINING)


def _install(actor: Actor, world: _World, product: Product) -> None:
    sent_at = int(world.clock())
    new = _granted(actor, world, sent_at, exchanged_at_ms=sent_at * 1000)
    product.accounts.install(new, int(world.clock()))


def _adopt(actor: Actor, world: _World, product: Product) -> None:
    product.accounts.adopt(_granted(actor, world, int(world.clock()), exchanged_at_ms=0), int(world.clock()))


def _granted(actor: Actor, world: _World, sent_at: int, *, exchanged_at_ms: int) -> NewInstall:
    """A grant that HubSpot has just made; for an adoption, the one that another system holds."""
    reply = world.ask(Step("exchange"))
    assert isinstance(reply, Issued)
    return NewInstall(
        key=KEY,
        install_id=actor.name,
        sealed=sealed(Tokens(f"access {reply.serial}", reply.refresh_token), actor.name),
        scopes=("oauth",),
        issued_at=sent_at,
        expires_at=sent_at + LIFETIME,
        refresh_at=sent_at + LIFETIME * 2 // 3,
        binding=Binding.BOUND,
        exchanged_at_ms=exchanged_at_ms,
        client_reference_id=actor.given,
    )


def _rescue(actor: Actor, _world: _World, product: Product) -> None:
    product.accounts.commit(from_message(actor.given))


def _disconnect(_actor: Actor, world: _World, product: Product) -> None:
    leaving = product.accounts.begin_disconnect(KEY, int(world.clock()))
    if leaving:
        world.ask(Step("revoke", opened(leaving.sealed)[1]))
        product.accounts.forget(leaving)


def _recheck(_actor: Actor, world: _World, product: Product) -> None:
    product.accounts.recheck(KEY, int(world.clock()))


_PLAYS: Mapping[Kind, Callable[[Actor, _World, Product], None]] = {
    "schedule": _schedule,
    "reader": _reader,
    "install": _install,
    "rescue": _rescue,
    "disconnect": _disconnect,
    "recheck": _recheck,
    "adopt": _adopt,
}


def forget() -> None:
    """Forget cached steps: the product's code has been patched."""
    _next.cache_clear()
