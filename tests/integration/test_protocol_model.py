"""The protocol of the AccountsTable table, proved on the product's own code: every order in which three may act.

`tests/model` holds the pieces. With every condition in place no law is broken in any world that can be reached; with
any clause of any condition taken out, or one of the mistakes below made, one is. ``-s`` shows the figures.
"""

import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from moto import mock_aws

from hubspot_oauth.adapters import accounts_table
from hubspot_oauth.adapters.accounts_table import AccountsTable
from hubspot_oauth.domain import call_timeouts
from hubspot_oauth.domain.account import Account, FirstRefusal, GrantKey
from hubspot_oauth.domain.errors import HubSpotError
from hubspot_oauth.refresh import refresher, verdict
from hubspot_oauth.refresh.breaker_state import BreakerState
from tests.model import actors, table
from tests.model.mutations import Mutation, mutations_of
from tests.model.scenarios import SCENARIOS, begin
from tests.model.search import Found, explore
from tests.model.table import Request, Table

pytestmark = pytest.mark.takes(seconds=60)

A_GLANCE = 500  # worlds

#: Of those the protocol is proved also for a HubSpot that never rotates a refresh token.
WITHOUT_ROTATION = ("refused commits, rescues late and twice", "three lease owners", "a grant that dies")


@pytest.fixture(scope="module", autouse=True)
def _dynamodb() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch, mock_aws():
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.setenv(name, "testing")
        yield
    table.forget()


@pytest.fixture(scope="module")
def requests() -> dict[str, set[Request]]:
    """The writes that each scenario has seen so far."""
    return {}


@pytest.mark.parametrize("name", SCENARIOS)
def test_no_order_of_events_breaks_a_law(name: str, requests: dict[str, set[Request]]) -> None:
    found = searched(name, asked=requests.setdefault(name, set()))

    say(f"{name}: {found}")
    assert found.law is None, found


@pytest.mark.parametrize("name", WITHOUT_ROTATION)
def test_no_order_of_events_breaks_a_law_where_refresh_tokens_stay(name: str) -> None:
    found = searched(name, rotation=False)

    assert found.law is None, found


def test_every_clause_of_every_condition_is_needed(requests: dict[str, set[Request]]) -> None:
    for name in SCENARIOS.keys() - requests.keys():
        searched(name, asked=requests.setdefault(name, set()))
    mutations = list(mutations_of(set.union(*requests.values())))

    needless = [str(mutation) for mutation in mutations if not caught(mutation, requests)]

    say(f"{len(mutations)} clauses taken out, one at a time: {len(mutations) - len(needless)} found out")
    assert needless == []
    assert len({mutation.condition for mutation in mutations}) >= 12


def a_lease_is_taken_before_it_ends(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Account, "orphaned", lambda row, *_, **__: row.lease_until is not None)


def a_lease_does_not_cover_clocks_that_differ(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(accounts_table, "LEASE_SECONDS", call_timeouts.LEASE_SECONDS - call_timeouts.CLOCK_SKEW_SECONDS)


def a_lease_owner_calls_hubspot_however_late_it_is(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(refresher.Refresher, "_in_time", lambda *_: True)


def only_the_leases_owner_may_commit(patch: pytest.MonkeyPatch) -> None:
    written_otherwise(patch, "version = :next", condition=" AND attribute_exists(lease_owner)")


def an_orphaned_lease_is_forgotten(patch: pytest.MonkeyPatch) -> None:
    written_otherwise(patch, ", orphaned_since = :since")


def a_death_is_marked_though_an_answer_may_be_on_its_way(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Account, "may_be_marked", lambda *_: True)


def one_refusal_is_enough(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(verdict, "_refused_before", lambda *_: FirstRefusal(0, "v1"))


def a_second_refusal_may_come_at_once(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(verdict, "second_look", lambda _: 0)


def many_refusals_are_no_reason_to_wait(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(BreakerState, "suspicious", False)


def a_mark_needs_no_proof_to_be_for_good(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(BreakerState, "proves", lambda *_: True)


def a_success_before_the_refusal_proves_it(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(BreakerState, "proves", lambda state, _: state.proved_at > 0)


def a_success_after_the_last_refusal_proves_it(patch: pytest.MonkeyPatch) -> None:
    def judge(error: HubSpotError, row: Account, breaker: BreakerState, *more: Any) -> verdict.Verdict:
        proved = row.first_refusal is not None and breaker.proves(row.first_refusal)
        return verdict.judge(error, replace(row, refusal_proved=proved), breaker, *more)

    patch.setattr(refresher, "judge", judge)


def a_proved_mark_is_for_good_at_once(patch: pytest.MonkeyPatch) -> None:
    written_otherwise(patch, ", refresh_at = :refresh_at REMOVE", " REMOVE refresh_at, refresh_shard,")


def leaving_keeps_the_version(patch: pytest.MonkeyPatch) -> None:
    written_otherwise(patch, ", version = version + :one REMOVE", " REMOVE")


def written_otherwise(patch: pytest.MonkeyPatch, part: str, instead: str = "", *, condition: str = "") -> None:
    """Every write with this part is without it, or has a further condition instead."""
    real = AccountsTable._update

    def update(
        self: AccountsTable, key: GrantKey, change: str, wanted: str, values: dict[str, Any], **more: Any
    ) -> tuple[dict[str, Any], bool]:
        if part in change and condition:
            wanted += condition
        elif part in change:
            change = change.replace(part, instead)
            values = {name: value for name, value in values.items() if re.search(rf"{name}\b", f"{change} {wanted}")}
        return real(self, key, change, wanted, values, **more)

    patch.setattr(AccountsTable, "_update", update)


#: Each mistake, and a scenario that finds it out soon.
MISTAKES: tuple[tuple[Callable[[pytest.MonkeyPatch], None], str], ...] = (
    (a_lease_is_taken_before_it_ends, "three lease owners"),
    (a_lease_does_not_cover_clocks_that_differ, "the edge of a lease"),
    (a_lease_owner_calls_hubspot_however_late_it_is, "the edge of a lease"),
    (only_the_leases_owner_may_commit, "refused commits, rescues late and twice"),
    (an_orphaned_lease_is_forgotten, "a hiccup that many see"),
    (a_death_is_marked_though_an_answer_may_be_on_its_way, "a hiccup that goes on"),
    (one_refusal_is_enough, "a grant that dies"),
    (a_second_refusal_may_come_at_once, "marks rechecked while answers are late"),
    (many_refusals_are_no_reason_to_wait, "a hiccup that many see"),
    (a_mark_needs_no_proof_to_be_for_good, "a hiccup that goes on"),
    (a_success_before_the_refusal_proves_it, "a hiccup that goes on"),
    (a_success_after_the_last_refusal_proves_it, "a hiccup that goes on"),
    (a_proved_mark_is_for_good_at_once, "a hiccup that goes on"),
    (leaving_keeps_the_version, "two disconnects"),
)


@pytest.mark.parametrize(("mistake", "scenario"), MISTAKES, ids=lambda each: getattr(each, "__name__", ""))
def test_a_mistake_in_the_code_is_found_out(mistake: Callable[[pytest.MonkeyPatch], None], scenario: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        mistake(patch)
        actors.forget()
        law = searched(scenario).law
    actors.forget()

    say(f"{mistake.__name__}: {law}")
    assert law


def searched(
    name: str,
    mutate: Callable[[Request], Request] = lambda request: request,
    *,
    asked: set[Request] | None = None,
    rotation: bool = True,
    look_at: int | None = None,
) -> Found:
    row = Table(mutate)
    found = explore(begin(name, row, rotation=rotation), row, look_at=look_at)
    if asked is not None:
        asked |= row.asked
    return found


def caught(mutation: Mutation, requests: dict[str, set[Request]]) -> bool:
    """Whether some scenario that makes this write finds a broken law: most do among the nearest worlds."""
    concerned = [name for name in SCENARIOS if any(mutation(request) != request for request in requests[name])]
    return any(searched(name, mutation, look_at=look_at).law for look_at in (A_GLANCE, None) for name in concerned)


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
