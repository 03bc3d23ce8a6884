"""When tokens are due and how long to wait, whatever HubSpot's expires_in says."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubspot_oauth.adapters.aws import AWS_CONFIG
from hubspot_oauth.adapters.http_calls import CONNECT_SECONDS
from hubspot_oauth.domain import call_timeouts, refresh_timing


@given(
    lifetime=st.integers(1, 10**7),
    percent=st.integers(10, 80),
    roll=st.floats(0, 1, exclude_max=True),
)
def test_a_token_is_due_after_its_issue_and_before_its_expiry(lifetime: int, percent: int, roll: float) -> None:
    due = refresh_timing.refresh_at(1_000_000, lifetime, percent, roll)

    assert 1_000_000 <= due < 1_000_000 + lifetime


def test_the_default_margin_of_a_thirty_minute_token_is_ten_minutes() -> None:
    assert refresh_timing.refresh_at(0, 1800, 33, 0.0) == 1800 - 594


def test_waiting_grows_with_every_attempt_and_is_bounded() -> None:
    waits = [refresh_timing.backoff(attempts, 1.0) for attempts in range(1, 40)]

    assert waits == sorted(waits)
    assert waits[0] == refresh_timing.BACKOFF_FIRST_SECONDS
    assert waits[-1] == refresh_timing.BACKOFF_MOST_SECONDS


def test_the_first_orphaned_lease_costs_no_extra_wait_and_further_ones_do() -> None:
    assert refresh_timing.orphan_wait(1) == 0
    assert 0 < refresh_timing.orphan_wait(2) < refresh_timing.orphan_wait(5) <= refresh_timing.BACKOFF_MOST_SECONDS


def test_a_lease_covers_everything_its_owner_may_do_with_it() -> None:
    until_committed = call_timeouts.PREPARE_SECONDS + call_timeouts.HUBSPOT_SECONDS + call_timeouts.AWS_CALL_SECONDS

    assert until_committed + call_timeouts.CLOCK_SKEW_SECONDS <= call_timeouts.LEASE_SECONDS
    assert CONNECT_SECONDS < call_timeouts.HUBSPOT_SECONDS


def test_what_an_aws_call_may_take_is_what_its_client_is_told() -> None:
    config: Any = AWS_CONFIG  # boto3's stubs do not know what it keeps
    slowest = (config.connect_timeout + config.read_timeout) * config.retries["total_max_attempts"]

    assert slowest < call_timeouts.AWS_CALL_SECONDS


@pytest.mark.parametrize(
    ("age", "lifetime", "young"),
    [(0, 1800, True), (59, 1800, True), (60, 1800, False), (1.9, 20, True), (2, 20, False)],
)
def test_young_is_a_minute_or_a_tenth_of_a_shorter_life(age: float, lifetime: float, young: bool) -> None:
    assert refresh_timing.young(age, lifetime) is young
