"""The conditions of the Accounts table, one by one."""

from dataclasses import replace

import pytest
from botocore.exceptions import ClientError

from hubspot_oauth.adapters.accounts_table import AlreadyLinked
from hubspot_oauth.domain import call_timeouts, refresh_timing
from hubspot_oauth.domain.account import Account, Binding, Failure, FirstRefusal, GrantKey, Renewal, Status
from hubspot_oauth.domain.errors import Fault
from hubspot_oauth.domain.tokens import Tokens
from tests.support.stack import Clock, Stack, renewal_of

TOKENS = Tokens("access", "refresh")


def renewal(account: Account, sealed: bytes = b"new") -> Renewal:
    times = {"issued_at": account.issued_at + 100, "expires_at": account.expires_at + 100}
    return renewal_of(account, sealed=sealed, **times)


def due(stack: Stack, clock: Clock) -> Account:
    """An account that is due now."""
    stack.store(1, TOKENS)
    clock.forward(1300)
    return stack.stored(1)


def lease(stack: Stack, clock: Clock, owner: str = "me") -> Account:
    leased = stack.accounts.lease_due(GrantKey.of_account(1), owner, int(clock()))
    assert leased
    return leased


def test_an_account_that_was_never_installed_is_none(stack: Stack) -> None:
    assert stack.account(404) is None


def test_an_account_that_is_not_due_is_not_leased(stack: Stack, clock: Clock) -> None:
    stack.store(1, TOKENS)

    assert stack.accounts.lease_due(GrantKey.of_account(1), "me", int(clock())) is None


def test_a_lease_returns_the_whole_row_and_counts_the_try(stack: Stack, clock: Clock) -> None:
    due(stack, clock)

    leased = lease(stack, clock)

    assert leased.lease_owner == "me"
    assert leased.attempts == 1
    assert stack.vault.unseal(leased) == TOKENS


def test_only_one_lease_owner_at_a_time(stack: Stack, clock: Clock) -> None:
    due(stack, clock)
    lease(stack, clock)

    assert stack.accounts.lease_due(GrantKey.of_account(1), "you", int(clock())) is None
    assert stack.accounts.lease_seen(stack.stored(1), "you", int(clock())) is None


def test_a_lease_that_ran_out_is_taken_over_and_the_row_is_orphaned_since_then(stack: Stack, clock: Clock) -> None:
    due(stack, clock)
    lease(stack, clock)
    clock.forward(call_timeouts.LEASE_SECONDS)

    taken = lease(stack, clock, "you")

    assert taken.orphaned_since == int(clock())
    assert taken.attempts == 2


def test_a_row_that_keeps_killing_its_lease_owners_waits_longer_each_time(stack: Stack, clock: Clock) -> None:
    due(stack, clock)
    lease(stack, clock, "first")
    clock.forward(call_timeouts.LEASE_SECONDS)
    lease(stack, clock, "second")
    clock.forward(call_timeouts.LEASE_SECONDS)

    assert stack.accounts.lease_due(GrantKey.of_account(1), "third", int(clock())) is None

    clock.forward(refresh_timing.orphan_wait(2))
    assert lease(stack, clock, "third").attempts == 3


def test_a_reader_of_an_older_version_gets_no_lease(stack: Stack, clock: Clock) -> None:
    seen = due(stack, clock)
    assert stack.accounts.commit(renewal(lease(stack, clock)))

    assert stack.accounts.lease_seen(seen, "reader", int(clock())) is None


def test_a_lease_whose_answer_was_lost_and_retried_is_still_ours(stack: Stack, clock: Clock) -> None:
    due(stack, clock)
    lease(stack, clock)

    assert stack.accounts.lease_due(GrantKey.of_account(1), "me", int(clock())) is not None


def test_a_commit_moves_the_version_and_clears_the_lease(stack: Stack, clock: Clock) -> None:
    due(stack, clock)

    assert stack.accounts.commit(renewal(lease(stack, clock)))

    after = stack.stored(1)
    assert (after.version, after.sealed, after.lease_owner, after.attempts) == (2, b"new", None, 0)


def test_a_late_commit_without_the_lease_still_counts(stack: Stack, clock: Clock) -> None:
    due(stack, clock)
    late = lease(stack, clock)
    clock.forward(call_timeouts.LEASE_SECONDS)
    lease(stack, clock, "you")

    assert stack.accounts.commit(renewal(late))

    assert stack.stored(1).orphaned_since is None


def test_of_two_commits_at_one_version_the_first_wins(stack: Stack, clock: Clock) -> None:
    due(stack, clock)
    leased = lease(stack, clock)
    stack.accounts.commit(renewal(leased, b"first"))

    assert not stack.accounts.commit(renewal(leased, b"second"))

    assert stack.stored(1).sealed == b"first"


def test_a_commit_never_creates_a_row(stack: Stack, clock: Clock) -> None:
    account = due(stack, clock)

    assert not stack.accounts.commit(replace(renewal(account), key=GrantKey.of_account(2)))

    assert stack.account(2) is None


def test_nothing_made_for_an_earlier_install_touches_a_later_one(stack: Stack, clock: Clock) -> None:
    due(stack, clock)
    leased = lease(stack, clock)
    stack.store(1, Tokens("again", "again"), install_id="later")
    before = stack.stored(1)

    assert not stack.accounts.commit(renewal(leased))
    assert not stack.accounts.mark_dead(leased, Failure(int(clock()), "BAD_REFRESH_TOKEN"), None)
    assert not stack.accounts.try_later(leased, 0, Failure(int(clock()), "timeout"))
    assert not stack.accounts.let_go(leased, None)
    assert stack.stored(1) == before


def test_an_account_marked_for_good_leaves_the_schedule_and_keeps_its_tokens(stack: Stack, clock: Clock) -> None:
    due(stack, clock)

    assert stack.accounts.mark_dead(lease(stack, clock), Failure(int(clock()), "BAD_REFRESH_TOKEN"), None)

    dead = stack.stored(1)
    assert (dead.status, dead.needs_reinstall_because, dead.refresh_at) == (
        Status.NEEDS_REINSTALL,
        "BAD_REFRESH_TOKEN",
        None,
    )
    assert stack.vault.unseal(dead) == TOKENS
    assert not list(all_due(stack, clock))


def test_an_account_that_is_to_be_tried_again_stays_in_the_schedule(stack: Stack, clock: Clock) -> None:
    due(stack, clock)

    assert stack.accounts.mark_dead(lease(stack, clock), Failure(int(clock()), "BAD_REFRESH_TOKEN"), int(clock()) + 100)

    assert (stack.stored(1).status, stack.stored(1).refresh_at) == (Status.NEEDS_REINSTALL, int(clock()) + 100)
    assert not list(all_due(stack, clock))
    clock.forward(100)
    assert lease(stack, clock)


def test_a_mark_that_is_confirmed_keeps_its_date(stack: Stack, clock: Clock) -> None:
    due(stack, clock)
    marked_at = int(clock())
    stack.accounts.mark_dead(lease(stack, clock), Failure(marked_at, "BAD_REFRESH_TOKEN"), marked_at)
    clock.forward(100)
    stack.accounts.mark_dead(lease(stack, clock), Failure(int(clock()), "BAD_REFRESH_TOKEN"), None)

    assert list(stack.accounts_index.marked_since(marked_at))
    assert not list(stack.accounts_index.marked_since(marked_at + 1))


def test_a_recheck_concerns_marked_accounts_that_are_to_be_tried_again(stack: Stack, clock: Clock) -> None:
    due(stack, clock)
    now = int(clock())
    assert not stack.accounts.recheck(GrantKey.of_account(1), now)

    stack.accounts.mark_dead(lease(stack, clock), Failure(now, "BAD_REFRESH_TOKEN"), now + 100)
    assert stack.accounts.recheck(GrantKey.of_account(1), now)

    assert (stack.stored(1).status, stack.stored(1).refresh_at) == (Status.NEEDS_REINSTALL, now)
    stack.accounts.mark_dead(lease(stack, clock), Failure(now, "BAD_REFRESH_TOKEN"), None)
    assert not stack.accounts.recheck(GrantKey.of_account(1), now)
    assert stack.stored(1).refresh_at is None


def test_the_first_refusal_is_remembered_until_new_tokens_come(stack: Stack, clock: Clock) -> None:
    due(stack, clock)
    refused = FirstRefusal(int(clock()), "v1")
    stack.accounts.try_later(lease(stack, clock), int(clock()), Failure(int(clock()), "BAD_HUB", refused=refused))
    stack.accounts.try_later(lease(stack, clock), int(clock()), Failure(int(clock()), "timeout"))
    assert stack.stored(1).first_refusal == refused

    stack.accounts.commit(renewal(lease(stack, clock)))

    assert stack.stored(1).first_refusal is None


def test_an_account_may_not_be_marked_dead_while_an_orphaned_leases_answer_may_be_on_its_way(
    stack: Stack, clock: Clock
) -> None:
    due(stack, clock)
    lease(stack, clock)
    clock.forward(call_timeouts.LEASE_SECONDS)
    orphaned = lease(stack, clock, "you")

    assert not orphaned.may_be_marked(int(clock()))

    assert stack.accounts.try_later(orphaned, 0, Failure(int(clock()), "timeout"))
    clock.forward(call_timeouts.RESCUE_RETENTION_SECONDS + 1)
    assert lease(stack, clock, "them").may_be_marked(int(clock()))


def test_a_lease_owner_that_lost_its_lease_marks_no_account_dead(stack: Stack, clock: Clock) -> None:
    due(stack, clock)
    slow = lease(stack, clock)
    clock.forward(call_timeouts.LEASE_SECONDS)
    lease(stack, clock, "you")

    assert not stack.accounts.mark_dead(slow, Failure(int(clock()), "BAD_REFRESH_TOKEN"), None)


def test_a_commit_at_the_same_version_undoes_a_mark(stack: Stack, clock: Clock) -> None:
    due(stack, clock)
    leased = lease(stack, clock)
    stack.accounts.mark_dead(leased, Failure(int(clock()), "BAD_REFRESH_TOKEN"), None)

    assert stack.accounts.commit(renewal(leased))

    alive = stack.stored(1)
    assert (alive.status, alive.needs_reinstall_because, alive.version) == (Status.ACTIVE, None, 2)
    assert alive.refresh_at is not None


@pytest.mark.parametrize("fault", list(Fault))
def test_a_row_that_is_tried_later_remembers_the_side_at_fault_until_new_tokens_come(
    stack: Stack, clock: Clock, fault: Fault
) -> None:
    due(stack, clock)

    assert stack.accounts.try_later(lease(stack, clock), int(clock()) + 5, Failure(int(clock()), "timeout", fault))

    waiting = stack.stored(1)
    assert (waiting.at_fault, waiting.refresh_at, waiting.lease_owner) == (fault, int(clock()) + 5, None)
    assert stack.accounts.commit(renewal(waiting))
    assert stack.stored(1).at_fault is None


def test_letting_go_leaves_the_row_as_due_as_it_was(stack: Stack, clock: Clock) -> None:
    before = due(stack, clock)

    assert stack.accounts.let_go(lease(stack, clock), None)

    assert stack.stored(1) == before


def test_a_reinstall_takes_a_new_install_id_and_version_one(stack: Stack, clock: Clock) -> None:
    due(stack, clock)
    stack.accounts.commit(renewal(lease(stack, clock)))

    stack.store(1, Tokens("again", "again"), install_id="later")

    after = stack.stored(1)
    assert (after.install_id, after.version, after.status) == ("later", 1, Status.ACTIVE)


def test_of_two_installs_the_one_whose_code_was_sent_later_wins(stack: Stack, clock: Clock) -> None:
    stack.store(1, TOKENS, install_id="later", exchanged_at_ms=2_000)

    stack.store(1, TOKENS, install_id="earlier", exchanged_at_ms=1_000)

    assert stack.stored(1).install_id == "later"


def test_a_linked_account_is_not_given_to_another_reference(stack: Stack) -> None:
    stack.store(1, TOKENS, client_reference_id="customer-1")

    with pytest.raises(AlreadyLinked):
        stack.store(1, TOKENS, install_id="theirs", client_reference_id="customer-2")

    assert stack.stored(1).client_reference_id == "customer-1"


def test_an_unbound_account_is_claimed_and_keeps_its_reference_later(stack: Stack) -> None:
    stack.store(1, TOKENS, binding=Binding.UNBOUND)
    stack.store(1, TOKENS, install_id="claim", client_reference_id="customer-1")

    stack.store(1, TOKENS, install_id="again")

    assert stack.stored(1).client_reference_id == "customer-1"


def test_an_install_that_comes_too_late_still_says_whose_account_it_is(stack: Stack) -> None:
    stack.store(1, TOKENS, install_id="later", exchanged_at_ms=2_000, binding=Binding.UNBOUND)

    stack.store(1, TOKENS, install_id="earlier", exchanged_at_ms=1_000, client_reference_id="customer-1")

    account = stack.stored(1)
    assert (account.install_id, account.client_reference_id) == ("later", "customer-1")


def test_an_install_that_comes_too_late_takes_no_linked_account(stack: Stack) -> None:
    stack.store(1, TOKENS, install_id="later", exchanged_at_ms=2_000, client_reference_id="customer-1")

    with pytest.raises(AlreadyLinked):
        stack.store(1, TOKENS, install_id="earlier", exchanged_at_ms=1_000, client_reference_id="customer-2")

    assert stack.stored(1).client_reference_id == "customer-1"


def test_a_failed_condition_is_known_by_its_code_whatever_class_botocore_raises(
    stack: Stack, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(**_: object) -> None:
        raise ClientError({"Error": {"Code": "ConditionalCheckFailedException", "Message": ""}}, "UpdateItem")

    due(stack, clock)
    monkeypatch.setattr(stack.dynamodb, "update_item", refuse)

    assert stack.accounts.lease_due(GrantKey.of_account(1), "me", int(clock())) is None


def test_two_holders_of_one_account_have_a_row_each(stack: Stack, clock: Clock) -> None:
    theirs = GrantKey(1, "user-7")
    stack.store(1, TOKENS)
    stack.store(1, Tokens("theirs", "theirs"), key=theirs, install_id="theirs")

    found = stack.accounts.get(theirs)

    assert found
    assert (found.key, found.install_id) == (theirs, "theirs")
    assert stack.stored(1).install_id == "install-1"
    clock.forward(1300)
    assert sorted(all_due(stack, clock)) == [GrantKey.of_account(1), theirs]


def test_the_longest_overdue_come_first(stack: Stack, clock: Clock) -> None:
    for hub_id in range(1, 40):
        stack.store(hub_id, TOKENS, refresh_at=int(clock()) - hub_id)

    shards = [list(stack.accounts_index.due(shard, int(clock()))) for shard in range(8)]

    assert sorted(account.key for shard in shards for account in shard) == list(map(GrantKey.of_account, range(1, 40)))
    assert all(shard == sorted(shard, key=lambda account: account.refresh_at) for shard in shards)


def all_due(stack: Stack, clock: Clock) -> list[GrantKey]:
    return [account.key for shard in range(8) for account in stack.accounts_index.due(shard, int(clock()))]


def test_a_row_says_since_when_it_fails_and_how_it_failed_last(stack: Stack, clock: Clock) -> None:
    stack.store(1, Tokens("access", "refresh"), refresh_at=0)
    first, second, third = (
        Failure(1_800_000_100, "timeout"),
        Failure(1_800_000_200, "http_503"),
        Failure(1_800_000_300, "BAD_HUB"),
    )
    seen = []
    for settle in (
        lambda leased: stack.accounts.try_later(leased, int(clock()), first),
        lambda leased: stack.accounts.let_go(leased, None),
        lambda leased: stack.accounts.let_go(leased, second),
        lambda leased: stack.accounts.mark_dead(leased, third, int(clock())),
    ):
        assert settle(lease(stack, clock))
        row = stack.stored(1)
        seen.append((row.failing_since, row.last_error))

    assert seen == [(first.at, "timeout"), (first.at, "timeout"), (first.at, "http_503"), (first.at, "BAD_HUB")]
    assert stack.accounts.commit(renewal_of(stack.stored(1)))
    assert (stack.stored(1).failing_since, stack.stored(1).last_error) == (None, None)
