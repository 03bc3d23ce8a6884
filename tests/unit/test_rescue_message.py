"""A rescue message may wait for fourteen days: what was written then must be read now."""

import json

from hubspot_oauth.adapters.accounts_table import Renewal
from hubspot_oauth.adapters.rescue_queue import from_message, to_message

#: As the first version wrote it. Never change it: such messages may be in a queue.
MESSAGE = """{"hub_id": 1, "install_id": "i", "version": 3, "sealed": "c2VhbGVk", "scopes": ["oauth", "tickets"],
 "issued_at": 10, "expires_at": 1810, "refresh_at": 1200}"""
RENEWAL = Renewal(1, "i", 3, b"sealed", ("oauth", "tickets"), 10, 1810, 1200)


def test_a_message_of_the_first_version_is_read() -> None:
    assert from_message(MESSAGE) == RENEWAL


def test_a_renewal_comes_back_as_it_was_sent() -> None:
    assert from_message(to_message(RENEWAL)) == RENEWAL


def test_fields_of_a_later_version_are_passed_over() -> None:
    assert from_message(json.dumps({**json.loads(MESSAGE), "why": "throttled"})) == RENEWAL
