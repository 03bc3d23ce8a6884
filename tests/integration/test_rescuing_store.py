"""What HubSpot has issued is kept, and what AWS's troubles mean to a reader and to the schedule."""

import pytest

from hubspot_oauth.domain.account import Status
from hubspot_oauth.domain.call_timeouts import AWS_CALL_SECONDS
from hubspot_oauth.refresh.breaker_state import Evidence
from tests.faults.ours import refusing
from tests.faults.standing import Standing
from tests.faults.trouble import Strike
from tests.faults.world import DUE, EXPIRED, HUB_ID, LIFETIME, World
from tests.support.simulated_hubspot import token_calls

THROTTLED = refusing("ThrottlingException", 400)


@pytest.fixture
def due(world: World) -> World:
    world.begin(rotation=True, age=DUE)
    return world


@pytest.fixture
def expired(world: World) -> World:
    world.begin(rotation=True, age=EXPIRED)
    return world


@pytest.mark.parametrize(
    ("commits_refused", "messages_refused", "rescued"), [(1, 0, 1), (1, 1, 0), (2, 1, 1), (2, 2, 0), (5, 4, 1)]
)
def test_table_and_rescue_queue_are_asked_by_turns(
    due: World, commits_refused: int, messages_refused: int, rescued: int
) -> None:
    due.trouble.add("commit", THROTTLED, commits_refused)
    due.trouble.add("rescue", THROTTLED, messages_refused)

    due.tick()

    assert due.process.reports.total("RescueMessages") == rescued
    assert due.process.reports.total("Unstored") == 0
    assert due.ending() is Standing.FRESH


def test_tokens_are_offered_for_as_long_as_the_function_has_time_and_no_longer(due: World) -> None:
    due.trouble.add("commit", THROTTLED)
    due.trouble.add("rescue", THROTTLED)

    due.tick()

    assert due.process.reports.total("Unstored") == 1
    assert 2 * AWS_CALL_SECONDS - 1 <= due.remaining() <= 2 * AWS_CALL_SECONDS + 1


def test_a_reader_gets_a_token_that_could_not_be_stored(expired: World) -> None:
    expired.trouble.add("commit", THROTTLED)
    expired.trouble.add("rescue", THROTTLED)

    assert expired.read() == "token"


def test_a_half_answer_keeps_its_refresh_token(due: World) -> None:
    before = due.tokens()
    due.strike(kind="without", fields=["access_token"])

    due.tick()

    assert due.tokens().refresh_token != before.refresh_token
    assert due.tokens().access_token == before.access_token
    assert due.account().refresh_at
    assert due.ending() is Standing.DUE


def test_a_half_answer_that_cannot_be_stored_is_rescued(due: World) -> None:
    due.strike(kind="without", fields=["access_token"])
    due.trouble.add("commit", THROTTLED)

    due.tick()

    assert due.process.reports.total("RescueMessages") == 1
    assert due.ending() is Standing.DUE


def test_readers_stay_off_a_row_that_got_half_an_answer(expired: World) -> None:
    expired.strike(kind="without", fields=["access_token"])

    got = {expired.read() for _ in range(5)}

    assert got == {"503"}
    assert token_calls(expired.simulator, "refresh_token") == 1


def test_a_reader_never_gets_the_expired_token_beside_a_new_refresh_token(expired: World) -> None:
    expired.strike(kind="without", fields=["access_token"])
    expired.trouble.add("lease", another_is_faster(expired), 1)

    assert expired.read() == "503"
    assert expired.account().version > 1


def test_a_new_token_is_handed_out_though_its_success_cannot_be_counted(expired: World) -> None:
    expired.process.breaker.tell(Evidence.UNLISTED, HUB_ID + 1, int(expired.clock()))
    expired.trouble.add("breaker", THROTTLED)

    assert expired.read() == "token"


def test_the_client_secret_in_hand_goes_on_while_it_cannot_be_read_again(due: World) -> None:
    due.tick()
    due.clock.forward(LIFETIME)
    due.trouble.add("secret", THROTTLED)

    due.tick()

    assert due.standing() is Standing.FRESH


def test_a_refused_client_opens_the_breaker_though_its_secret_cannot_be_read_again(due: World) -> None:
    due.tick()
    due.clock.forward(LIFETIME)
    due.strike(kind="error", error="BAD_CLIENT_SECRET")
    due.trouble.add("secret", THROTTLED)

    due.tick()

    assert due.process.breaker.state().open == "client"
    assert due.ending() is Standing.DUE


@pytest.mark.parametrize("code", ["BAD_CLIENT_ID", "BAD_CLIENT_SECRET"])
def test_an_account_held_back_by_the_breaker_stays_as_due_as_it_was(due: World, code: str) -> None:
    before = due.account()
    due.strike(kind="error", error=code)

    due.tick()

    account = due.account()
    assert (account.refresh_at, account.attempts, account.lease_owner) == (before.refresh_at, 0, None)
    assert [found.key.hub_id for found in due.process.accounts_index.due(0, int(due.clock()))] == [HUB_ID]


@pytest.mark.parametrize("step", ["breaker", "mark"])
def test_a_death_that_cannot_be_written_leaves_the_row_clean(due: World, step: str) -> None:
    due.revoke()
    due.trouble.add(step, THROTTLED)

    due.tick()

    account = due.account()
    assert (account.status, account.lease_owner, account.orphaned_since) == (Status.ACTIVE, None, None)
    assert due.ending() is Standing.DEAD


def test_a_wait_that_cannot_be_written_is_reported_by_its_cause(due: World) -> None:
    due.strike(kind="status", status=503)
    due.trouble.add("settle", THROTTLED)

    due.tick()

    failures = [evidence for name, _, evidence in due.process.reports.entries if name == "RefreshFailed"]
    assert [failure["code"] for failure in failures] == ["http_503"]


def another_is_faster(world: World) -> Strike:
    def strike(go):
        world.another_process_ticks()
        return go()

    return strike
