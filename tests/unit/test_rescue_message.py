"""A rescue message may wait for fourteen days: what was written then must be read now."""

import json
from dataclasses import replace

import pytest

from hubspot_oauth.adapters.rescue_queue import from_message, to_message
from hubspot_oauth.domain.account import GrantKey, Renewal

#: As the first version wrote it. Never change it: such messages may be in a queue.
MESSAGE = """{"key": {"hub_id": 1, "holder": "account"}, "install_id": "i", "version": 3, "sealed": "c2VhbGVk",
 "scopes": ["oauth", "tickets"], "issued_at": 10, "expires_at": 1810, "refresh_at": 1200}"""
RENEWAL = Renewal(
    key=GrantKey(1, "account"),
    install_id="i",
    version=3,
    sealed=b"sealed",
    scopes=("oauth", "tickets"),
    issued_at=10,
    expires_at=1810,
    refresh_at=1200,
)


def test_a_message_of_the_first_version_is_read() -> None:
    assert from_message(MESSAGE) == RENEWAL


def test_a_message_is_written_as_the_first_version_wrote_it() -> None:
    assert json.loads(to_message(RENEWAL)) == json.loads(MESSAGE)


@pytest.mark.parametrize("key", [GrantKey.of_account(1), GrantKey.of_account(10**15), GrantKey(1, "user-7")])
def test_a_renewal_comes_back_as_it_was_sent(key: GrantKey) -> None:
    renewal = replace(RENEWAL, key=key, sealed=b"\x00\xff", scopes=())

    assert from_message(to_message(renewal)) == renewal


@pytest.mark.parametrize("unknown", [{"why": "throttled"}, {"hub_id": 2}, {"at_fault": None, "hub_id": "1"}])
def test_fields_of_another_version_are_passed_over(unknown: dict[str, object]) -> None:
    assert from_message(json.dumps({**json.loads(MESSAGE), **unknown})) == RENEWAL


def test_fields_of_another_versions_key_are_passed_over() -> None:
    key = {"hub_id": 1, "holder": "account", "portal": "eu1"}

    assert from_message(json.dumps({**json.loads(MESSAGE), "key": key})) == RENEWAL


def test_a_key_without_a_holder_is_the_accounts_own() -> None:
    assert from_message(json.dumps({**json.loads(MESSAGE), "key": {"hub_id": 1}})) == RENEWAL


def test_keys_stand_in_the_order_of_their_accounts_and_then_of_their_holders() -> None:
    keys = [GrantKey.of_account(10), GrantKey(9, "user-7"), GrantKey.of_account(9), GrantKey.of_account(100)]

    sent = [from_message(to_message(replace(RENEWAL, key=key))) for key in keys]

    assert sorted(renewal.key for renewal in sent) == [
        GrantKey.of_account(9),
        GrantKey(9, "user-7"),
        GrantKey.of_account(10),
        GrantKey.of_account(100),
    ]
