"""The client's cache: how long a token is kept, and one request at a time for each account."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest

from hubspot_tokens.cache import ASK_AGAIN_SECONDS, MOST_CACHED, TokenCache
from hubspot_tokens.client import Client
from hubspot_tokens.errors import AccountNotFound, ReinstallRequired, TokenError, Unavailable
from hubspot_tokens.tokens import Ask, Token, fingerprint

HUB_ID = 100001
WHEN = datetime(2027, 1, 1, tzinfo=UTC)


class Service:
    """Answers each request with a new token, or with the error that is set."""

    def __init__(self, seconds: float = 1800) -> None:
        self.seconds = seconds
        self.asked: list[Ask] = []
        self.error: BaseException | None = None
        self.hold: Callable[[], object] = lambda: None
        self.scopes: tuple[str, ...] = ("oauth",)

    def __call__(self, ask: Ask) -> tuple[Token, float]:
        self.asked.append(ask)
        number = len(self.asked)
        self.hold()
        if self.error:
            raise self.error
        return Token(f"token-{number}", WHEN, self.scopes, ()), self.seconds


class Clocks:
    """A wall clock and a monotonic one, moved together or apart."""

    def __init__(self) -> None:
        self.wall, self.monotonic = 1_800_000_000.0, 50.0

    def forward(self, seconds: float) -> None:
        self.wall += seconds
        self.monotonic += seconds


@pytest.fixture
def service() -> Service:
    return Service()


@pytest.fixture
def clocks() -> Clocks:
    return Clocks()


@pytest.fixture
def client(service: Service, clocks: Clocks) -> Client:
    client = Client("https://unused.example")
    client._cache = TokenCache(service, lambda: clocks.wall, lambda: clocks.monotonic)
    return client


def test_a_token_is_asked_for_once_and_then_handed_out_from_memory(client: Client, service: Service) -> None:
    assert {client.get_access_token(HUB_ID) for _ in range(100)} == {"token-1"}
    assert len(service.asked) == 1


def test_each_account_has_its_own_token(client: Client) -> None:
    assert client.get_access_token(1) != client.get_access_token(2)


@pytest.mark.parametrize(("lives", "kept"), [(1800, 1740), (600, 540), (100, 90), (20, 18), (5, 4)])
def test_a_token_is_kept_until_a_minute_or_a_tenth_of_its_life_is_left(
    client: Client, service: Service, clocks: Clocks, lives: float, kept: float
) -> None:
    service.seconds = lives
    client.get_access_token(HUB_ID)

    clocks.forward(kept)
    assert client.get_access_token(HUB_ID) == "token-1"
    clocks.forward(0.1)
    assert client.get_access_token(HUB_ID) == "token-2"


def test_min_ttl_asks_for_a_token_that_lives_longer(client: Client, service: Service, clocks: Clocks) -> None:
    client.get_access_token(HUB_ID)
    clocks.forward(1300)

    assert client.get_access_token(HUB_ID, min_ttl=500) == "token-1"
    assert client.get_access_token(HUB_ID, min_ttl=501) == "token-2"
    assert service.asked[-1].min_ttl == 501


@pytest.mark.parametrize("clock", ["wall", "monotonic"])
def test_a_token_ages_by_whichever_clock_has_moved(client: Client, clocks: Clocks, clock: str) -> None:
    client.get_access_token(HUB_ID)

    setattr(clocks, clock, getattr(clocks, clock) + 1800)

    assert client.get_access_token(HUB_ID) == "token-2"


def test_a_wall_clock_that_is_set_back_makes_no_token_younger(client: Client, clocks: Clocks) -> None:
    client.get_access_token(HUB_ID)
    clocks.wall -= 3600
    clocks.monotonic += 1800

    assert client.get_access_token(HUB_ID) == "token-2"


def test_the_life_of_a_token_counts_from_the_request_not_from_the_answer(
    client: Client, service: Service, clocks: Clocks
) -> None:
    service.hold = lambda: clocks.forward(100)
    client.get_access_token(HUB_ID)
    service.hold = lambda: None

    clocks.forward(1650)
    assert client.get_access_token(HUB_ID) == "token-2"


def test_threads_that_want_one_accounts_token_share_one_request(client: Client, service: Service) -> None:
    hold_until_looked(client, service, 50)

    with ThreadPoolExecutor(50) as pool:
        tokens = set(pool.map(client.get_access_token, [HUB_ID] * 50))

    assert tokens == {"token-1"}
    assert len(service.asked) == 1


def test_a_slow_account_holds_no_other_back(client: Client, service: Service) -> None:
    go_on = threading.Event()
    service.hold = lambda: service.asked[-1].hub_id != 1 or go_on.wait(10)

    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(client.get_access_token, 1)
        while not service.asked:
            threading.Event().wait(0.001)
        assert client.get_access_token(2) == "token-2"
        assert not slow.done()
        go_on.set()
        assert slow.result(10) == "token-1"


def test_an_error_reaches_every_waiting_thread_as_an_error_of_its_own(client: Client, service: Service) -> None:
    service.error = ReinstallRequired("Install again.", code="needs_reinstall", install_url="https://x.example/install")
    hold_until_looked(client, service, 20)

    def ask(_: int) -> TokenError:
        with pytest.raises(ReinstallRequired) as caught:
            client.get_access_token(HUB_ID)
        return caught.value

    with ThreadPoolExecutor(20) as pool:
        errors = list(pool.map(ask, range(20)))

    assert len(service.asked) == 1
    assert len({id(error) for error in errors}) == 20
    assert {(str(e), e.code, e.install_url) for e in errors if isinstance(e, ReinstallRequired)} == {
        ("Install again.", "needs_reinstall", "https://x.example/install")
    }


def test_an_error_is_not_remembered(client: Client, service: Service) -> None:
    service.error = AccountNotFound("Not there.")
    with pytest.raises(AccountNotFound):
        client.get_access_token(HUB_ID)

    service.error = None
    assert client.get_access_token(HUB_ID) == "token-2"


def test_while_the_service_is_away_the_cached_token_is_handed_out_as_long_as_it_lives(
    client: Client, service: Service, clocks: Clocks
) -> None:
    client.get_access_token(HUB_ID)
    service.error = Unavailable("Away.")

    clocks.forward(1799)
    assert client.get_access_token(HUB_ID) == "token-1"
    clocks.forward(0.1)
    with pytest.raises(Unavailable):
        client.get_access_token(HUB_ID)


def test_a_service_that_is_away_is_not_asked_at_every_call(client: Client, service: Service, clocks: Clocks) -> None:
    client.get_access_token(HUB_ID)
    service.error = Unavailable("Away.")
    clocks.forward(1750)

    for _ in range(50):
        client.get_access_token(HUB_ID)
    assert len(service.asked) == 2

    clocks.forward(ASK_AGAIN_SECONDS)
    service.error = None
    assert client.get_access_token(HUB_ID) == "token-3"


def test_a_grant_that_died_takes_the_cached_token_along(client: Client, service: Service, clocks: Clocks) -> None:
    client.get_access_token(HUB_ID)
    clocks.forward(1750)
    service.error = ReinstallRequired("Install again.")
    with pytest.raises(ReinstallRequired):
        client.get_access_token(HUB_ID)

    service.error = Unavailable("Away.")
    with pytest.raises(Unavailable):
        client.get_access_token(HUB_ID)


def test_a_rejected_token_is_replaced_once_however_many_say_so(client: Client, service: Service) -> None:
    rejected = client.get_access_token(HUB_ID)

    with ThreadPoolExecutor(20) as pool:
        tokens = set(pool.map(lambda _: client.get_token(HUB_ID, rejected=rejected).access_token, range(20)))

    assert tokens == {"token-2"}
    assert [ask.rejected for ask in service.asked] == [None, fingerprint(rejected)]


def test_a_rejected_token_is_never_handed_out_because_the_service_is_away(client: Client, service: Service) -> None:
    rejected = client.get_access_token(HUB_ID)
    service.error = Unavailable("Away.")

    with pytest.raises(Unavailable):
        client.get_token(HUB_ID, rejected=rejected)


def test_force_refresh_replaces_the_current_token(client: Client, service: Service) -> None:
    client.get_access_token(HUB_ID)

    assert client.get_access_token(HUB_ID, force_refresh=True) == "token-2"
    assert service.asked[-1].rejected == fingerprint("token-1")


def test_wanted_scopes_that_the_cached_token_lacks_are_asked_for(client: Client, service: Service) -> None:
    client.get_access_token(HUB_ID)
    service.scopes = ("crm.objects.contacts.read",)

    for _ in range(2):
        assert client.get_access_token(HUB_ID, scopes=["oauth", "crm.objects.contacts.read"]) == "token-2"
    assert service.asked[-1].scopes == ("oauth", "crm.objects.contacts.read")


def test_scopes_may_be_one_text(client: Client, service: Service) -> None:
    client.get_access_token(HUB_ID, scopes="oauth tickets")

    assert service.asked[-1].scopes == ("oauth", "tickets")


def test_a_forgotten_account_is_asked_for_again(client: Client) -> None:
    client.get_access_token(HUB_ID)

    client.forget(HUB_ID)

    assert client.get_access_token(HUB_ID) == "token-2"


def test_the_cache_does_not_grow_without_end(client: Client, service: Service) -> None:
    for hub_id in range(1, MOST_CACHED + 3):
        client.get_access_token(hub_id)

    assert len(client._cache._entries) == MOST_CACHED
    client.get_access_token(MOST_CACHED)
    assert len(service.asked) == MOST_CACHED + 2


def test_a_thread_that_is_interrupted_leaves_nobody_waiting(client: Client, service: Service) -> None:
    service.error = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        client.get_access_token(HUB_ID)

    service.error = None
    assert client.get_access_token(HUB_ID) == "token-2"


def test_tasks_that_want_one_accounts_token_share_one_request_and_one_thread(client: Client, service: Service) -> None:
    hold_until_looked(client, service, 200)

    async def ask_all() -> set[str]:
        loop = asyncio.get_running_loop()
        loop.set_default_executor(ThreadPoolExecutor(1))
        tokens = await asyncio.gather(*(client.get_token_async(HUB_ID) for _ in range(200)))
        return {token.access_token for token in tokens}

    assert asyncio.run(ask_all()) == {"token-1"}
    assert len(service.asked) == 1


def test_the_event_loop_goes_on_while_a_token_is_asked_for(client: Client, service: Service) -> None:
    answer = threading.Event()
    service.hold = lambda: answer.wait(10)

    async def ask() -> str:
        asking = asyncio.create_task(client.get_token_async(HUB_ID))
        await asyncio.sleep(0.01)
        answer.set()  # only a loop that is not blocked comes to this
        return (await asking).access_token

    assert asyncio.run(ask()) == "token-1"


def test_a_cached_token_needs_no_thread(client: Client) -> None:
    client.get_access_token(HUB_ID)

    async def ask() -> str:
        executor = ThreadPoolExecutor(1)
        executor.shutdown()
        asyncio.get_running_loop().set_default_executor(executor)
        return (await client.get_token_async(HUB_ID)).access_token

    assert asyncio.run(ask()) == "token-1"


def test_a_cancelled_task_takes_nothing_from_the_others(client: Client, service: Service) -> None:
    hold_until_looked(client, service, 4)

    async def ask() -> str:
        first = asyncio.create_task(client.get_token_async(HUB_ID))
        second = asyncio.create_task(client.get_token_async(HUB_ID))
        await asyncio.sleep(0)
        first.cancel()
        third = asyncio.create_task(client.get_token_async(HUB_ID))
        fourth = asyncio.create_task(client.get_token_async(HUB_ID))
        await asyncio.wait([first])
        assert first.cancelled()
        return " ".join({task.access_token for task in await asyncio.gather(second, third, fourth)})

    assert asyncio.run(ask()) == "token-1"
    assert len(service.asked) == 1


@pytest.mark.parametrize("form", ["thread", "task"])
def test_who_asks_for_more_than_the_request_under_way_sends_another(
    client: Client, service: Service, form: str
) -> None:
    hold_until_looked(client, service, 2)

    async def both() -> tuple[Token, ...]:
        return await asyncio.gather(client.get_token_async(HUB_ID), client.get_token_async(HUB_ID, scopes=["tickets"]))

    tokens: tuple[Token, ...]
    if form == "task":
        tokens = asyncio.run(both())
    else:
        with ThreadPoolExecutor(2) as pool:
            first = pool.submit(client.get_token, HUB_ID)
            while not service.asked:
                threading.Event().wait(0.001)
            second = pool.submit(client.get_token, HUB_ID, scopes=["tickets"])
            tokens = first.result(10), second.result(10)

    assert [token.access_token for token in tokens] == ["token-1", "token-2"]
    assert [ask.scopes for ask in service.asked] == [(), ("tickets",)]


def test_an_error_reaches_a_task(client: Client, service: Service) -> None:
    service.error = AccountNotFound("Not there.")

    with pytest.raises(AccountNotFound):
        asyncio.run(client.get_token_async(HUB_ID))


def test_a_task_replaces_a_rejected_token(client: Client) -> None:
    async def ask() -> list[str]:
        rejected = (await client.get_token_async(HUB_ID)).access_token
        other = (await client.get_token_async(HUB_ID, rejected=rejected)).access_token
        return [rejected, other, (await client.get_token_async(HUB_ID, force_refresh=True)).access_token]

    assert asyncio.run(ask()) == ["token-1", "token-2", "token-3"]


def test_a_loop_whose_threads_are_gone_leaves_nobody_waiting(client: Client) -> None:
    async def ask() -> None:
        executor = ThreadPoolExecutor(1)
        executor.shutdown()
        asyncio.get_running_loop().set_default_executor(executor)
        await client.get_token_async(HUB_ID)

    with pytest.raises(RuntimeError):
        asyncio.run(ask())
    assert client.get_access_token(HUB_ID) == "token-1"


def test_a_forked_child_begins_anew(client: Client, service: Service) -> None:
    go_on = threading.Event()
    service.hold = lambda: go_on.wait(10)
    with ThreadPoolExecutor(1) as pool:
        asking = pool.submit(client.get_access_token, HUB_ID)
        while not service.asked:
            threading.Event().wait(0.001)
        client._forget_all()  # what os.register_at_fork calls in the child, where the asking thread does not run
        service.hold = lambda: None
        assert client.get_access_token(HUB_ID) == "token-2"
        go_on.set()
        assert asking.result(10) == "token-1"


@pytest.mark.parametrize("hub_id", [0, -1, 10**16, True, "100001", 1.0, None])
def test_a_malformed_account_is_refused_before_anything_is_sent(
    client: Client, service: Service, hub_id: object
) -> None:
    with pytest.raises(ValueError, match="hub_id"):
        client.get_access_token(hub_id)  # type: ignore[arg-type]
    assert service.asked == []


def test_no_repr_shows_a_token(client: Client) -> None:
    assert "token-1" not in repr(client.get_token(HUB_ID))


def hold_until_looked(client: Client, service: Service, times: int) -> None:
    """The service answers once so many callers have a token or a seat on a flight."""
    looked: list[object] = []
    look = client._cache.look

    def counted(ask: Ask) -> object:
        found = look(ask)
        looked.append(found)
        return found

    def hold() -> None:
        while len(looked) < times:
            threading.Event().wait(0.001)

    client._cache.look = counted  # type: ignore[assignment]
    service.hold = hold
